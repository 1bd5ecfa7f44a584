//! Reading indexes and footers of segments.

use broker_record::Offset;
use bytes::Bytes;
use uuid::Uuid;

use super::{BLOCK_LEN, Block, HEAD_LEN, PART_LEN, SegmentError, SegmentPart};
use crate::frame::{Cursor, FrameError, SEGMENT_MAGIC, read_magic};
use crate::limits::OBJECT_BYTES_MAX;

/// The sparse index of one partition's batches in a segment.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SegmentIndex {
    blocks: Vec<Block>,
}

impl SegmentIndex {
    /// Reads the index of `part`.
    ///
    /// # Errors
    /// [`SegmentError`] when the bytes are damaged or are not the index of that part.
    pub fn decode(bytes: &[u8], part: &SegmentPart) -> Result<Self, SegmentError> {
        if u32::try_from(bytes.len()) != Ok(part.index_length) || crc32c::crc32c(bytes) != part.index_crc {
            return Err(SegmentError::Index("it is not the one that the manifest describes"));
        }
        let mut cursor = Cursor::new(bytes);
        if cursor.i32()? != part.partition {
            return Err(SegmentError::Index("it is another partition's"));
        }
        let count = cursor.count(BLOCK_LEN)?;
        let mut blocks = Vec::with_capacity(count);
        let (mut next, mut position) = (part.base_offset, 0_u64);
        for _ in 0..count {
            let block = read_block(&mut cursor)?;
            if block.base_offset < next || block.last_offset < block.base_offset || block.length == 0 {
                return Err(SegmentError::Index("offsets are not in order"));
            }
            if u64::from(block.position) != position {
                return Err(SegmentError::Index("blocks do not follow each other"));
            }
            next = Offset(block.last_offset.0.saturating_add(1));
            position = position.saturating_add(u64::from(block.length));
            blocks.push(block);
        }
        cursor.checksum()?;
        if cursor.remaining() > 0 || position != part.length || next > part.end_offset {
            return Err(SegmentError::Index("blocks do not fill their part"));
        }
        Ok(Self { blocks })
    }

    /// The blocks, in order of offset.
    #[must_use]
    pub fn blocks(&self) -> &[Block] {
        &self.blocks
    }

    /// The number of the first block that holds `offset` or a later one; the number of blocks where none does.
    #[must_use]
    pub fn at_offset(&self, offset: Offset) -> usize {
        self.blocks.partition_point(|block| block.last_offset < offset)
    }

    /// The first block that holds a record with this timestamp or a later one.
    #[must_use]
    pub fn at_time(&self, timestamp: i64) -> Option<&Block> {
        self.blocks.iter().find(|block| block.max_timestamp >= timestamp)
    }
}

fn read_block(cursor: &mut Cursor<'_>) -> Result<Block, FrameError> {
    Ok(Block {
        base_offset: Offset(cursor.i64()?),
        last_offset: Offset(cursor.i64()?),
        max_timestamp: cursor.i64()?,
        position: cursor.u32()?,
        length: cursor.u32()?,
        crc: cursor.u32()?,
    })
}

/// What a whole segment holds, by its footer.
///
/// # Errors
/// [`SegmentError`] when the bytes are damaged or belong to another cluster or topic.
pub fn read_footer(bytes: &Bytes, cluster: Uuid, topic: Uuid) -> Result<Vec<SegmentPart>, SegmentError> {
    if bytes.len() > OBJECT_BYTES_MAX {
        return Err(SegmentError::Index("segment is too large"));
    }
    let mut head = Cursor::new(bytes);
    read_magic(SEGMENT_MAGIC, &mut head)?;
    if (head.uuid()?, head.uuid()?) != (cluster, topic) {
        return Err(SegmentError::Index("it belongs to another cluster or topic"));
    }
    let (rest, length) = bytes.split_last_chunk::<4>().ok_or(FrameError::Truncated)?;
    let length = usize::try_from(u32::from_be_bytes(*length)).unwrap_or(usize::MAX);
    let start = rest.len().checked_sub(length).filter(|start| *start >= HEAD_LEN).ok_or(FrameError::Truncated)?;
    let mut cursor = Cursor::new(rest.get(start..).unwrap_or_default());
    let count = cursor.count(PART_LEN)?;
    let mut parts = Vec::with_capacity(count);
    for _ in 0..count {
        parts.push(read_part(&mut cursor)?);
    }
    cursor.checksum()?;
    if cursor.remaining() > 0 {
        return Err(SegmentError::Index("bytes follow the footer"));
    }
    let size = start as u64;
    let inside = |position: u64, length: u64| position.checked_add(length).is_some_and(|end| end <= size);
    if !parts.iter().all(|p| inside(p.position, p.length) && inside(p.index_position, u64::from(p.index_length))) {
        return Err(SegmentError::Index("a part lies outside the segment"));
    }
    Ok(parts)
}

fn read_part(cursor: &mut Cursor<'_>) -> Result<SegmentPart, FrameError> {
    Ok(SegmentPart {
        partition: cursor.i32()?,
        base_offset: Offset(cursor.i64()?),
        end_offset: Offset(cursor.i64()?),
        record_count: cursor.u64()?,
        max_timestamp: cursor.i64()?,
        position: cursor.u64()?,
        length: cursor.u64()?,
        index_position: cursor.u64()?,
        index_length: cursor.u32()?,
        index_crc: cursor.u32()?,
    })
}
