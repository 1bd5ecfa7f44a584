//! Networks.

pub(crate) mod tags;
pub(crate) mod vpc_endpoint;
