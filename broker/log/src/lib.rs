//! Readers and writers of the objects that hold records.
//!
//! Today that is the write-ahead log: [`wal`] objects, each the record batches of many partitions with an index in front,
//! and the seals that end a log ([`Seal`]). Segments and manifests get modules of their own beside these.
//!
//! Invariants: every format carries magic bytes and a version; what is read is checked whole before any of it is used; a
//! length that came from the store is compared with the bytes that are there before anything is reserved for it; no input
//! makes this crate panic. The crate is pure: bytes in, bytes out; fetching them is the business of its callers.

mod frame;
mod identity;
pub mod limits;
mod producers;
mod seal;
pub mod wal;

pub use frame::FrameError;
pub use identity::{Incarnation, Origin};
pub use producers::{AbortedTransaction, ProducerSnapshot, ProducersSnapshot, SequencedBatch};
pub use seal::Seal;
pub use wal::{BatchEntry, Slice, WalBuilder, WalContents, WalError, WalIndex, WalObject};
