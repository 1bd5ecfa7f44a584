//! Objects of the write-ahead log.
//!
//! Layout, all integers big-endian:
//!
//! | part | fields |
//! |---|---|
//! | frame | magic `RFWL`, version u16, kind u16, cluster uuid, broker i32, epoch i64, seq u64, nonce u128 |
//! | length | bytes of everything before the body u32 |
//! | index | slice count u32, body length u32, then per slice: topic uuid, partition i32, leader epoch i32, position u32, length u32, batch count u32, and per batch: base offset i64, last offset i64, record count i32, max timestamp i64, producer id i64, producer epoch i16, first sequence i32, last sequence i32, attributes i16, marker kind i16, coordinator epoch i32, length u32 |
//! | repeats | acknowledged u64, count u32, and per repeated index: seq u64, nonce u128, slice count u32, then its slices as above |
//! | checksum | CRC-32C of everything before |
//! | body | the batches, slice by slice, as they go to consumers |
//!
//! A slice holds all batches of one partition (and leader epoch) in this object, one after the other, so that a reader
//! serves a partition from one piece. The body is covered by the batches' own checksums; what those leave out (base
//! offset, length, leader epoch) is compared with the index.
//!
//! Some objects repeat the indexes of those before them, and say up to which number the writer knew all to be durable:
//! whoever takes a log over reads those few, and the heads of what came after the last.

mod build;
mod read;

pub use build::{WalBuilder, repeated_len};
pub use read::{HeadContents, WalContents, WalHead, WalObject};

use broker_record::{Attributes, BatchHeader, ControlRecord, LeaderEpoch, Offset, ProducerEpoch, ProducerId};
use thiserror::Error;
use uuid::Uuid;

use crate::frame::FrameError;
use crate::identity::Origin;

/// Bytes of one slice in the index, without its batches.
pub(crate) const SLICE_LEN: usize = 16 + 4 + 4 + 4 + 4 + 4;
/// Bytes of one batch in the index.
pub(crate) const ENTRY_LEN: usize = 8 + 8 + 4 + 8 + 8 + 2 + 4 + 4 + 2 + 2 + 4 + 4;

/// Bytes of one repeated index, without its slices.
pub(crate) const REPEAT_LEN: usize = 8 + 16 + 4;

/// What is in an object, without its body.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct WalIndex {
    /// Where the object belongs.
    pub origin: Origin,
    /// Tells two attempts at one number apart.
    pub nonce: u128,
    /// By topic id, partition and leader epoch.
    pub slices: Vec<Slice>,
}

/// What an object says about those before it.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Repeats {
    /// Every number below this one was durable, and the writer's own, when the object was built.
    pub acknowledged: u64,
    /// The indexes of objects before it, in order of their numbers; those of numbers not yet acknowledged count only if
    /// the objects are there.
    pub indexes: Vec<WalIndex>,
}

/// The batches of one partition in one object.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Slice {
    /// The topic's id.
    pub topic: Uuid,
    /// The partition.
    pub partition: i32,
    /// The epoch under which the writer led it.
    pub leader_epoch: LeaderEpoch,
    /// Where the first batch begins, in bytes from the start of the object.
    pub position: u32,
    /// Bytes of all the batches.
    pub length: u32,
    /// The batches, in order; never empty.
    pub batches: Vec<BatchEntry>,
}

/// One batch in the index: all that recovery needs to know of it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct BatchEntry {
    /// Offset of the first record.
    pub base_offset: Offset,
    /// Offset of the last record.
    pub last_offset: Offset,
    /// Records.
    pub record_count: i32,
    /// The highest timestamp, in ms since 1970.
    pub max_timestamp: i64,
    /// The producer, or none.
    pub producer_id: ProducerId,
    /// The producer's epoch.
    pub producer_epoch: ProducerEpoch,
    /// Sequence number of the first record.
    pub first_sequence: i32,
    /// Sequence number of the last record.
    pub last_sequence: i32,
    /// Compression and flags (transactional, control).
    pub attributes: Attributes,
    /// The marker, where the batch ends a transaction.
    pub marker: Option<ControlRecord>,
    /// Bytes of the batch.
    pub length: u32,
}

/// Why bytes are not an object of a write-ahead log.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
pub enum WalError {
    /// The frame or a checksum is wrong.
    #[error(transparent)]
    Frame(#[from] FrameError),
    /// The index contradicts itself or the size of the object.
    #[error("index is wrong: {0}")]
    Index(&'static str),
    /// A batch is damaged, or is not the one that the index describes.
    #[error("batch at {position} is wrong: {problem}")]
    Batch {
        /// Bytes from the start of the object.
        position: usize,
        /// What is wrong with it.
        problem: String,
    },
    /// A valid object, of another place than the one it was read from.
    #[error("object belongs to another place: {0:?}")]
    Misplaced(Box<Origin>),
}

impl Slice {
    /// Offset of the first record.
    #[must_use]
    pub fn base_offset(&self) -> Offset {
        self.batches.first().map_or(Offset(0), |batch| batch.base_offset)
    }

    /// Offset of the last record.
    #[must_use]
    pub fn last_offset(&self) -> Offset {
        self.batches.last().map_or(Offset(-1), |batch| batch.last_offset)
    }

    /// The highest timestamp.
    #[must_use]
    pub fn max_timestamp(&self) -> i64 {
        self.batches.iter().map(|batch| batch.max_timestamp).max().unwrap_or(-1)
    }
}

impl BatchEntry {
    /// The entry of a placed batch.
    #[must_use]
    pub fn of(header: &BatchHeader, marker: Option<ControlRecord>, length: u32) -> Self {
        Self {
            base_offset: header.base_offset,
            last_offset: header.last_offset(),
            record_count: header.record_count,
            max_timestamp: header.max_timestamp,
            producer_id: header.producer_id,
            producer_epoch: header.producer_epoch,
            first_sequence: header.base_sequence,
            last_sequence: if header.is_idempotent() { header.last_sequence() } else { header.base_sequence },
            attributes: header.attributes,
            marker,
            length,
        }
    }
}
