//! The tests of broker-record.
#![expect(clippy::indexing_slicing, reason = "a test that panics has failed, which is its purpose")]

mod batches;
mod compression;
mod properties;
