//! What is inside a cluster, through the metadata log in its bucket: no network path to a broker is needed.

pub(crate) mod cluster;
pub(crate) mod log;
pub(crate) mod topic;
