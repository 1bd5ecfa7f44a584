//! Buckets and what is put into them.

pub mod bucket;
