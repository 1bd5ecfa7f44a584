//! The provider as Terraform sees it, over the real protocol; AWS is an HTTP server that knows one call.

mod aws;
mod plans;
mod refusals;
