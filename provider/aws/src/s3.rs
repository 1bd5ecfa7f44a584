//! Buckets and what is put into them.

pub(crate) mod bucket;
pub(crate) mod package;
