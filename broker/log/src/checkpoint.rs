//! Checkpoints: how far everything was folded that an incarnation led when the floor of its log was set.
//!
//! `TrimWal` names the checkpoint together with the floor. Whoever takes over finds in it, with one read, which manifest
//! versions to look for; the state of the producers is in those, so that there is one truth about it. A checkpoint is a
//! hint about where to begin: a manifest that turns out to be newer counts.
//!
//! Layout, all integers big-endian: magic `RFCP`, version u16, cluster uuid, broker i32, epoch i64, floor u64, nonce u128,
//! partition count u32, per partition: topic uuid, partition i32, leader epoch i32, manifest version u64, manifest nonce
//! u128, folded to i64; CRC-32C of everything before.

use broker_record::{LeaderEpoch, Offset};
use bytes::Bytes;
use thiserror::Error;
use uuid::Uuid;

use crate::frame::{CHECKPOINT_MAGIC, Cursor, FrameError, read_magic, write_checksum, write_incarnation, write_magic};
use crate::identity::Incarnation;
use crate::limits::MANIFEST_BYTES_MAX;

const PARTITION_LEN: usize = 16 + 4 + 4 + 8 + 16 + 8;

/// See the module.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Checkpoint {
    /// The cluster's id.
    pub cluster: Uuid,
    /// Whose log it belongs to.
    pub incarnation: Incarnation,
    /// The first number of the log that is kept.
    pub floor: u64,
    /// Tells two attempts apart.
    pub nonce: u128,
    /// Everything that the incarnation led and had folded something of, by topic and partition.
    pub partitions: Vec<FoldedPartition>,
}

/// How far a partition was folded.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct FoldedPartition {
    /// The topic's id.
    pub topic: Uuid,
    /// The partition.
    pub partition: i32,
    /// The epoch in which the incarnation led it.
    pub leader_epoch: LeaderEpoch,
    /// The newest version of its manifest.
    pub manifest_version: u64,
    /// The nonce of that version.
    pub manifest_nonce: u128,
    /// The offset after the last record in segments.
    pub folded_to: Offset,
}

/// Why bytes are not a checkpoint.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
pub enum CheckpointError {
    /// The head or the checksum is wrong.
    #[error(transparent)]
    Frame(#[from] FrameError),
    /// It belongs to another log or floor, or contradicts itself.
    #[error("checkpoint is wrong: {0}")]
    Contents(&'static str),
}

impl Checkpoint {
    /// The bytes of the object.
    #[must_use]
    pub fn encode(&self) -> Bytes {
        let mut out = Vec::with_capacity(128 + self.partitions.len() * PARTITION_LEN);
        write_magic(CHECKPOINT_MAGIC, &mut out);
        out.extend_from_slice(self.cluster.as_bytes());
        write_incarnation(self.incarnation, &mut out);
        out.extend_from_slice(&self.floor.to_be_bytes());
        out.extend_from_slice(&self.nonce.to_be_bytes());
        out.extend_from_slice(&u32::try_from(self.partitions.len()).unwrap_or(u32::MAX).to_be_bytes());
        for one in &self.partitions {
            out.extend_from_slice(one.topic.as_bytes());
            out.extend_from_slice(&one.partition.to_be_bytes());
            out.extend_from_slice(&one.leader_epoch.0.to_be_bytes());
            out.extend_from_slice(&one.manifest_version.to_be_bytes());
            out.extend_from_slice(&one.manifest_nonce.to_be_bytes());
            out.extend_from_slice(&one.folded_to.0.to_be_bytes());
        }
        write_checksum(&mut out);
        Bytes::from(out)
    }

    /// Reads the checkpoint of a floor.
    ///
    /// # Errors
    /// [`CheckpointError`] when the bytes are damaged or belong elsewhere.
    pub fn decode(bytes: &[u8], cluster: Uuid, incarnation: Incarnation, floor: u64) -> Result<Self, CheckpointError> {
        if bytes.len() > MANIFEST_BYTES_MAX {
            return Err(CheckpointError::Contents("it is too large"));
        }
        let mut cursor = Cursor::new(bytes);
        read_magic(CHECKPOINT_MAGIC, &mut cursor)?;
        let place = (cursor.uuid()?, cursor.incarnation()?, cursor.u64()?);
        let nonce = cursor.u128()?;
        let count = cursor.count(PARTITION_LEN)?;
        let mut partitions = Vec::with_capacity(count);
        for _ in 0..count {
            partitions.push(FoldedPartition {
                topic: cursor.uuid()?,
                partition: cursor.i32()?,
                leader_epoch: LeaderEpoch(cursor.i32()?),
                manifest_version: cursor.u64()?,
                manifest_nonce: cursor.u128()?,
                folded_to: Offset(cursor.i64()?),
            });
        }
        cursor.checksum()?;
        if cursor.remaining() > 0 {
            return Err(CheckpointError::Contents("bytes follow the checksum"));
        }
        if place != (cluster, incarnation, floor) {
            return Err(CheckpointError::Contents("it belongs to another log or floor"));
        }
        Ok(Self { cluster, incarnation, floor, nonce, partitions })
    }
}
