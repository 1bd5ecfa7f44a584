//! Segments: what the write-ahead log becomes.
//!
//! Layout, all integers big-endian:
//!
//! | part | fields |
//! |---|---|
//! | head | magic `RFSG`, version u16, cluster uuid, topic uuid, nonce u128 |
//! | per partition: batches | ordinary record batches, byte for byte as consumers get them, in order of offset |
//! | per partition: index | partition i32, block count u32, per block: base offset i64, last offset i64, max timestamp i64, position u32 (from the first batch of the partition), length u32, CRC-32C u32; CRC-32C of the index |
//! | footer | part count u32, per part: partition i32, base offset i64, end offset i64, record count u64, max timestamp i64, position u64, length u64, index position u64, index length u32, index CRC-32C u32; CRC-32C of the footer; its length u32 |
//!
//! A segment belongs to one topic. Large partitions have segments of their own, small ones of the same leader share one.
//! The index is sparse: a block is a run of whole batches of about 64 KiB, and its checksum covers every byte, so that any
//! run of blocks that is read is checked before it is served. Broker and compaction find the index by the manifest; the
//! footer makes a segment readable without it.

mod build;
mod read;

pub use build::SegmentBuilder;
pub use read::{SegmentIndex, read_footer};

use broker_record::Offset;
use thiserror::Error;

use crate::frame::FrameError;

/// Bytes of the head.
pub(crate) const HEAD_LEN: usize = 4 + 2 + 16 + 16 + 16;
/// Bytes of one block in an index.
pub(crate) const BLOCK_LEN: usize = 8 + 8 + 8 + 4 + 4 + 4;
/// Bytes of one part in the footer.
pub(crate) const PART_LEN: usize = 4 + 8 + 8 + 8 + 8 + 8 + 8 + 8 + 4 + 4;

/// The batches of one partition in a segment.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct SegmentPart {
    /// The partition.
    pub partition: i32,
    /// The first offset that it covers.
    pub base_offset: Offset,
    /// The offset after the last one that it covers. Compaction may have removed any record in between.
    pub end_offset: Offset,
    /// Records in it.
    pub record_count: u64,
    /// The highest timestamp, in ms since 1970; -1 without records.
    pub max_timestamp: i64,
    /// Where the first batch begins, in bytes from the start of the object.
    pub position: u64,
    /// Bytes of the batches.
    pub length: u64,
    /// Where the index begins, in bytes from the start of the object.
    pub index_position: u64,
    /// Bytes of the index.
    pub index_length: u32,
    /// CRC-32C of the index's bytes.
    pub index_crc: u32,
}

/// A run of whole batches.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Block {
    /// Offset of the first record.
    pub base_offset: Offset,
    /// Offset of the last record.
    pub last_offset: Offset,
    /// The highest timestamp, in ms since 1970.
    pub max_timestamp: i64,
    /// Where it begins, in bytes from the first batch of its part.
    pub position: u32,
    /// Its bytes.
    pub length: u32,
    /// CRC-32C of its bytes.
    pub crc: u32,
}

/// Why bytes are not a segment, or not the part of one that they should be.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
pub enum SegmentError {
    /// The head or a checksum is wrong.
    #[error(transparent)]
    Frame(#[from] FrameError),
    /// An index contradicts itself or its manifest.
    #[error("index is wrong: {0}")]
    Index(&'static str),
    /// What shall be written, or has been read, is no sequence of batches in order.
    #[error("batches are wrong: {0}")]
    Batches(String),
}

impl Block {
    /// Whether these are the block's bytes.
    #[must_use]
    pub fn holds(&self, bytes: &[u8]) -> bool {
        u32::try_from(bytes.len()) == Ok(self.length) && crc32c::crc32c(bytes) == self.crc
    }
}
