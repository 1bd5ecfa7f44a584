//! The provider as Terraform sees it, over the real protocol; AWS is an HTTP server that knows one call.

#![expect(clippy::unwrap_used, clippy::indexing_slicing, reason = "in a test, a panic is the report")]

mod aws;
mod docs;
mod plans;
mod refusals;
