//! Manifests: which segments make up a partition.
//!
//! A partition's manifests are a sequence: version *n* + 1 is *n* with one change. Each says who wrote it, in which leader
//! epoch. The rules that make them safe are those of the writer (`ManifestLog` in the engine): a version is created only by
//! a leader that has read the one before and whose epoch is not lower; a leader's first version is a *claim*, the same
//! content under its own epoch, before which it neither folds nor trims, cleans or expires.
//!
//! Layout, all integers big-endian:
//!
//! | part | fields |
//! |---|---|
//! | head | magic `RFPM`, version u16, cluster uuid, topic uuid, partition i32, manifest version u64, leader epoch i32, broker i32, epoch i64, nonce u128 |
//! | offsets | log start i64, folded to i64, cleaned to i64 |
//! | segments | count u32, per segment: name (kind u8; 0: leader epoch i32, base offset i64, id uuid; 1: broker i32, epoch i64, id uuid), partition i32, base offset i64, end offset i64, record count u64, max timestamp i64, position u64, length u64, index position u64, index length u32, index CRC u32, written at i64 |
//! | epochs | count u32, per epoch: epoch i32, start offset i64 |
//! | producers | length u32, and so many bytes of a [`crate::ProducersSnapshot`] |
//! | checksum | CRC-32C of everything before |

mod codec;

use std::sync::Arc;

use broker_record::{LeaderEpoch, Offset};
use broker_store::Key;
use thiserror::Error;
use uuid::Uuid;

use crate::frame::FrameError;
use crate::identity::Incarnation;
use crate::producers::ProducersSnapshot;
use crate::segment::SegmentPart;

/// One version of a partition's manifest, with who wrote it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ManifestVersion {
    /// The cluster's id.
    pub cluster: Uuid,
    /// The topic's id.
    pub topic: Uuid,
    /// The partition.
    pub partition: i32,
    /// The number in the sequence.
    pub version: u64,
    /// The epoch in which its writer led the partition.
    pub leader_epoch: LeaderEpoch,
    /// Who wrote it.
    pub writer: Incarnation,
    /// Tells two attempts at one number apart.
    pub nonce: u128,
    /// What it says.
    pub manifest: Arc<Manifest>,
}

/// What a partition consists of below the write-ahead log.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Manifest {
    /// The first offset that the partition still has.
    pub log_start: Offset,
    /// The offset after the last record in segments: what comes from it on is in the write-ahead log.
    pub folded_to: Offset,
    /// The offset up to which compaction has looked at all records.
    pub cleaned_to: Offset,
    /// In order of offset; each begins where the one before ends.
    pub segments: Vec<SegmentEntry>,
    /// Where leader epochs began, as far as they have records below `folded_to`; both grow.
    pub epochs: Vec<EpochStart>,
    /// What is remembered of producers and aborted transactions, as of `folded_to` or a later offset: replaying the
    /// write-ahead log from `folded_to` on passes over what is in it already.
    pub producers: ProducersSnapshot,
}

/// A segment, or a partition's part of one.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct SegmentEntry {
    /// Which object.
    pub name: SegmentName,
    /// Where in it the partition's batches and their index lie.
    pub part: SegmentPart,
    /// When it was written, by its writer's clock; ms since 1970. A hint for cleaners and people.
    pub written_ms: i64,
}

/// The object that a segment is in.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum SegmentName {
    /// It holds one partition.
    Own {
        /// The epoch of the leader that wrote it.
        leader_epoch: i32,
        /// The first offset that it covers.
        base_offset: i64,
        /// Chosen at random.
        id: Uuid,
    },
    /// It holds several partitions of the topic.
    Shared {
        /// Who wrote it.
        incarnation: Incarnation,
        /// Chosen at random.
        id: Uuid,
    },
}

impl SegmentName {
    /// The object's key.
    #[must_use]
    pub fn key(&self, topic: Uuid, partition: i32) -> Key {
        match *self {
            Self::Own { leader_epoch, base_offset, id } => {
                Key::Segment { topic, partition, leader_epoch, base_offset, id }
            }
            Self::Shared { incarnation, id } => Key::SharedSegment { topic, incarnation, id },
        }
    }
}

/// Where a leader epoch began.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct EpochStart {
    /// The epoch.
    pub leader_epoch: LeaderEpoch,
    /// The offset of its first record.
    pub start: Offset,
}

/// Why bytes are not a manifest.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
pub enum ManifestError {
    /// The head or the checksum is wrong.
    #[error(transparent)]
    Frame(#[from] FrameError),
    /// It contradicts itself.
    #[error("manifest is wrong: {0}")]
    Contents(&'static str),
    /// A valid manifest of another place.
    #[error("manifest belongs to version {version} of partition {partition} of {topic}")]
    Misplaced {
        /// Its topic.
        topic: Uuid,
        /// Its partition.
        partition: i32,
        /// Its version.
        version: u64,
    },
}

impl Manifest {
    /// The number of the segment that covers `offset` or begins after it; the number of segments where none does.
    #[must_use]
    pub fn segment_at(&self, offset: Offset) -> usize {
        self.segments.partition_point(|segment| segment.part.end_offset <= offset)
    }

    /// Bytes of batches in all segments.
    #[must_use]
    pub fn bytes(&self) -> u64 {
        self.segments.iter().map(|segment| segment.part.length).sum()
    }

    /// Whether the parts of it fit together.
    ///
    /// # Errors
    /// [`ManifestError::Contents`].
    pub fn check(&self) -> Result<(), ManifestError> {
        let wrong = |problem| Err(ManifestError::Contents(problem));
        if self.log_start.0 < 0 || self.log_start > self.folded_to {
            return wrong("the log starts beyond what is folded");
        }
        let mut next = None;
        for segment in &self.segments {
            let part = &segment.part;
            if part.base_offset >= part.end_offset || next.is_some_and(|next| next != part.base_offset) {
                return wrong("segments do not follow each other");
            }
            next = Some(part.end_offset);
        }
        if next.is_some_and(|next| next != self.folded_to) {
            return wrong("segments do not end where folding does");
        }
        let grows = |pair: &[EpochStart]| match pair {
            [a, b] => a.leader_epoch < b.leader_epoch && a.start < b.start,
            _ => true,
        };
        if !self.epochs.windows(2).all(grows) {
            return wrong("leader epochs do not grow");
        }
        Ok(())
    }
}
