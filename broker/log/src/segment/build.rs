//! Writing a segment.

use broker_record::{BatchHeader, Offset};
use bytes::Bytes;
use uuid::Uuid;

use super::{BLOCK_LEN, Block, HEAD_LEN, PART_LEN, SegmentError, SegmentPart};
use crate::frame::{SEGMENT_MAGIC, write_checksum, write_magic};
use crate::limits::SEGMENT_BLOCK_BYTES;

/// Lays a segment out in one piece of memory, whose size is known before: batches may be filled in in any order.
///
/// First every partition reserves its place ([`SegmentBuilder::reserve`]), then the batches are copied in
/// ([`SegmentBuilder::fill`]), then [`SegmentBuilder::finish`] reads them once and adds indexes and footer.
#[derive(Debug)]
pub struct SegmentBuilder {
    bytes: Vec<u8>,
    /// Partition, the offsets covered, and where its batches lie.
    parts: Vec<Reserved>,
}

#[derive(Clone, Copy, Debug)]
struct Reserved {
    partition: i32,
    base_offset: Offset,
    end_offset: Offset,
    position: usize,
    length: usize,
}

impl SegmentBuilder {
    /// A segment with room for `capacity` bytes of batches.
    #[must_use]
    pub fn new(cluster: Uuid, topic: Uuid, nonce: u128, capacity: usize) -> Self {
        // Indexes and footer need about a thousandth.
        let mut bytes = Vec::with_capacity(HEAD_LEN.saturating_add(capacity).saturating_add(capacity / 512));
        write_magic(SEGMENT_MAGIC, &mut bytes);
        bytes.extend_from_slice(cluster.as_bytes());
        bytes.extend_from_slice(topic.as_bytes());
        bytes.extend_from_slice(&nonce.to_be_bytes());
        Self { bytes, parts: Vec::new() }
    }

    /// Makes room for the batches of a partition, which cover the offsets from `base_offset` to before `end_offset`; where
    /// their first byte goes.
    pub fn reserve(&mut self, partition: i32, base_offset: Offset, end_offset: Offset, length: usize) -> usize {
        let position = self.bytes.len();
        self.bytes.resize(position.saturating_add(length), 0);
        self.parts.push(Reserved { partition, base_offset, end_offset, position, length });
        position
    }

    /// Copies batches into a place that was reserved.
    ///
    /// # Errors
    /// [`SegmentError::Batches`] where no place was reserved.
    pub fn fill(&mut self, position: usize, batches: &[u8]) -> Result<(), SegmentError> {
        let end = position.saturating_add(batches.len());
        let place = self.bytes.get_mut(position..end);
        place.ok_or_else(|| SegmentError::Batches("no room was reserved".to_owned()))?.copy_from_slice(batches);
        Ok(())
    }

    /// Reads all batches once, tells `seen` about each with its partition and bytes, and completes the segment.
    ///
    /// # Errors
    /// [`SegmentError::Batches`] when a part is not filled by whole batches in order, inside the offsets it covers.
    pub fn finish(
        mut self,
        mut seen: impl FnMut(i32, &BatchHeader, &[u8]),
    ) -> Result<(Bytes, Vec<SegmentPart>), SegmentError> {
        let mut parts = Vec::with_capacity(self.parts.len());
        for part in std::mem::take(&mut self.parts) {
            let place = part.position..part.position.saturating_add(part.length);
            let blocks = self.bytes.get(place).map(|bytes| scan(&part, bytes, &mut seen)).transpose()?;
            let blocks = blocks.unwrap_or_default();
            let mut index = Vec::with_capacity(8 + blocks.list.len() * BLOCK_LEN + 4);
            index.extend_from_slice(&part.partition.to_be_bytes());
            index.extend_from_slice(&small(blocks.list.len()).to_be_bytes());
            for block in &blocks.list {
                write_block(block, &mut index);
            }
            write_checksum(&mut index);
            parts.push(SegmentPart {
                partition: part.partition,
                base_offset: part.base_offset,
                end_offset: part.end_offset,
                record_count: blocks.record_count,
                max_timestamp: blocks.list.iter().map(|block| block.max_timestamp).max().unwrap_or(-1),
                position: part.position as u64,
                length: part.length as u64,
                index_position: self.bytes.len() as u64,
                index_length: small(index.len()),
                index_crc: crc32c::crc32c(&index),
            });
            self.bytes.extend_from_slice(&index);
        }
        let mut footer = Vec::with_capacity(8 + parts.len() * PART_LEN + 4);
        footer.extend_from_slice(&small(parts.len()).to_be_bytes());
        for part in &parts {
            write_part(part, &mut footer);
        }
        write_checksum(&mut footer);
        let length = small(footer.len());
        self.bytes.extend_from_slice(&footer);
        self.bytes.extend_from_slice(&length.to_be_bytes());
        Ok((Bytes::from(self.bytes), parts))
    }
}

#[derive(Default)]
struct Blocks {
    list: Vec<Block>,
    record_count: u64,
}

/// Cuts the batches of a part into blocks.
fn scan(
    part: &Reserved,
    bytes: &[u8],
    seen: &mut impl FnMut(i32, &BatchHeader, &[u8]),
) -> Result<Blocks, SegmentError> {
    let wrong = |problem: String| SegmentError::Batches(format!("partition {}: {problem}", part.partition));
    let mut blocks = Blocks::default();
    let mut open: Option<Block> = None;
    let mut next = part.base_offset;
    let mut position = 0_usize;
    while position < bytes.len() {
        let rest = bytes.get(position..).unwrap_or_default();
        let header = BatchHeader::parse(rest).map_err(|error| wrong(error.to_string()))?;
        let length = header.total_len().map_err(|error| wrong(error.to_string()))?;
        let batch = rest.get(..length).ok_or_else(|| wrong("the last batch is cut off".to_owned()))?;
        if header.base_offset < next || header.last_offset() < header.base_offset {
            return Err(wrong(format!("offset {} where {next} comes next", header.base_offset)));
        }
        next = header.next_offset();
        blocks.record_count = blocks.record_count.saturating_add(u64::try_from(header.record_count).unwrap_or(0));
        seen(part.partition, &header, batch);
        let block = open.get_or_insert(Block {
            base_offset: header.base_offset,
            last_offset: header.last_offset(),
            max_timestamp: header.max_timestamp,
            position: small(position),
            length: 0,
            crc: 0,
        });
        block.last_offset = header.last_offset();
        block.max_timestamp = block.max_timestamp.max(header.max_timestamp);
        block.length = block.length.saturating_add(small(length));
        block.crc = crc32c::crc32c_append(block.crc, batch);
        position = position.saturating_add(length);
        if usize::try_from(block.length).unwrap_or(usize::MAX) >= SEGMENT_BLOCK_BYTES {
            blocks.list.extend(open.take());
        }
    }
    blocks.list.extend(open);
    if next > part.end_offset {
        return Err(wrong(format!("offsets go to {next}, beyond {}", part.end_offset)));
    }
    Ok(blocks)
}

fn write_block(block: &Block, out: &mut Vec<u8>) {
    out.extend_from_slice(&block.base_offset.0.to_be_bytes());
    out.extend_from_slice(&block.last_offset.0.to_be_bytes());
    out.extend_from_slice(&block.max_timestamp.to_be_bytes());
    out.extend_from_slice(&block.position.to_be_bytes());
    out.extend_from_slice(&block.length.to_be_bytes());
    out.extend_from_slice(&block.crc.to_be_bytes());
}

fn write_part(part: &SegmentPart, out: &mut Vec<u8>) {
    out.extend_from_slice(&part.partition.to_be_bytes());
    out.extend_from_slice(&part.base_offset.0.to_be_bytes());
    out.extend_from_slice(&part.end_offset.0.to_be_bytes());
    out.extend_from_slice(&part.record_count.to_be_bytes());
    out.extend_from_slice(&part.max_timestamp.to_be_bytes());
    out.extend_from_slice(&part.position.to_be_bytes());
    out.extend_from_slice(&part.length.to_be_bytes());
    out.extend_from_slice(&part.index_position.to_be_bytes());
    out.extend_from_slice(&part.index_length.to_be_bytes());
    out.extend_from_slice(&part.index_crc.to_be_bytes());
}

/// A length inside a segment; [`crate::limits::OBJECT_BYTES_MAX`] fits.
fn small(length: usize) -> u32 {
    u32::try_from(length).unwrap_or(u32::MAX)
}
