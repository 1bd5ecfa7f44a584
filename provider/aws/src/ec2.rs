//! Networks.

pub mod vpc_endpoint;
