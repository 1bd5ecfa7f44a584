//! Tests of the object formats.

mod seal;
mod wal;
