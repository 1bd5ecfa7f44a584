//! Readers and writers of the objects that hold records.
//!
//! A record is first in an object of the write-ahead log ([`wal`]), together with those of many partitions and an index in
//! front; a log ends with a [`Seal`]. Later its partition's leader folds it into a [`segment`], and says so in the next
//! version of the partition's [`manifest`]. A [`checkpoint`] says how far everything was folded that an incarnation led.
//!
//! Invariants: every format carries magic bytes and a version; what is read is checked whole before any of it is used; a
//! length that came from the store is compared with the bytes that are there before anything is reserved for it; no input
//! makes this crate panic. The crate is pure: bytes in, bytes out; fetching them is the business of its callers.

pub mod checkpoint;
pub mod compaction;
mod frame;
mod identity;
pub mod limits;
pub mod manifest;
mod producers;
pub mod retention;
mod seal;
pub mod segment;
pub mod wal;

pub use checkpoint::{Checkpoint, CheckpointError, FoldedPartition};
pub use frame::FrameError;
pub use identity::{Incarnation, Origin};
pub use manifest::{EpochStart, Manifest, ManifestError, ManifestVersion, SegmentEntry, SegmentName};
pub use producers::{AbortedTransaction, ProducerSnapshot, ProducersSnapshot, SequencedBatch};
pub use seal::Seal;
pub use segment::{Block, SegmentBuilder, SegmentError, SegmentIndex, SegmentPart};
pub use wal::{
    BatchEntry, HeadContents, Repeats, Slice, WalBuilder, WalContents, WalError, WalHead, WalIndex, WalObject,
};
