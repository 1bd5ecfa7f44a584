//! Reading an object, checking all of it.

use broker_record::{Attributes, Batch, ControlRecord, LeaderEpoch, MarkerKind, Offset, ProducerEpoch, ProducerId};
use bytes::Bytes;

use super::{BatchEntry, ENTRY_LEN, SLICE_LEN, Slice, WalError, WalIndex};
use crate::frame::{Cursor, Frame, FrameError, Kind};
use crate::identity::Origin;
use crate::limits::OBJECT_BYTES_MAX;
use crate::seal::Seal;

/// What stands at a number of a log.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum WalContents {
    /// Record batches of the log's writer.
    Batches(WalObject),
    /// An end, set by somebody else.
    Seal(Seal),
}

/// An object whose every byte has been checked.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct WalObject {
    index: WalIndex,
    bytes: Bytes,
}

impl WalContents {
    /// Reads whatever stands at a place of a log.
    ///
    /// # Errors
    /// [`WalError`] when the bytes are damaged or belong elsewhere than at `expected`.
    pub fn decode(bytes: Bytes, expected: Origin) -> Result<Self, WalError> {
        if bytes.len() > OBJECT_BYTES_MAX {
            return Err(WalError::Index("object is too large"));
        }
        let mut cursor = Cursor::new(&bytes);
        let frame = Frame::read(&mut cursor)?;
        let contents = match frame.kind {
            Kind::Seal => Self::Seal(Seal::read(frame, &mut cursor)?),
            Kind::Batches => {
                let index = read_index(frame, &mut cursor)?;
                check_body(&index, &bytes)?;
                Self::Batches(WalObject { index, bytes })
            }
        };
        if frame.origin != expected {
            return Err(WalError::Misplaced(Box::new(frame.origin)));
        }
        Ok(contents)
    }
}

impl WalObject {
    /// An object that this process has just built and that therefore needs no check.
    #[must_use]
    pub fn built(bytes: Bytes, index: WalIndex) -> Self {
        Self { index, bytes }
    }

    /// What is in it.
    #[must_use]
    pub fn index(&self) -> &WalIndex {
        &self.index
    }

    /// All bytes.
    #[must_use]
    pub fn bytes(&self) -> &Bytes {
        &self.bytes
    }

    /// Takes the index out.
    #[must_use]
    pub fn into_index(self) -> WalIndex {
        self.index
    }
}

fn read_index(frame: Frame, cursor: &mut Cursor<'_>) -> Result<WalIndex, WalError> {
    let slice_count = bounded(cursor.u32()?, SLICE_LEN, cursor)?;
    let body_len = cursor.u32()?;
    let mut slices = Vec::with_capacity(slice_count);
    for _ in 0..slice_count {
        slices.push(read_slice(cursor)?);
    }
    cursor.checksum()?;
    if u32::try_from(cursor.remaining()) != Ok(body_len) {
        return Err(WalError::Index("body has another length"));
    }
    let mut position = cursor.position();
    for slice in &slices {
        if usize::try_from(slice.position) != Ok(position) {
            return Err(WalError::Index("slices do not follow each other"));
        }
        position = position.saturating_add(usize::try_from(slice.length).unwrap_or(usize::MAX));
    }
    if position != cursor.position().saturating_add(cursor.remaining()) {
        return Err(WalError::Index("slices do not fill the body"));
    }
    Ok(WalIndex { origin: frame.origin, nonce: frame.nonce, slices })
}

/// A count of things of `size` bytes each, once it is known that so many bytes are there.
fn bounded(count: u32, size: usize, cursor: &Cursor<'_>) -> Result<usize, WalError> {
    usize::try_from(count)
        .ok()
        .filter(|count| count.checked_mul(size).is_some_and(|bytes| bytes <= cursor.remaining()))
        .ok_or(WalError::Frame(FrameError::Truncated))
}

fn read_slice(cursor: &mut Cursor<'_>) -> Result<Slice, WalError> {
    let topic = cursor.uuid()?;
    let partition = cursor.i32()?;
    let leader_epoch = LeaderEpoch(cursor.i32()?);
    let position = cursor.u32()?;
    let length = cursor.u32()?;
    let batch_count = bounded(cursor.u32()?, ENTRY_LEN, cursor)?;
    let mut batches = Vec::with_capacity(batch_count);
    let mut total = 0_u64;
    for _ in 0..batch_count {
        let batch = read_entry(cursor)?;
        total += u64::from(batch.length);
        batches.push(batch);
    }
    if batches.is_empty() {
        return Err(WalError::Index("slice without batches"));
    }
    if total != u64::from(length) {
        return Err(WalError::Index("batches do not fill their slice"));
    }
    Ok(Slice { topic, partition, leader_epoch, position, length, batches })
}

fn read_entry(cursor: &mut Cursor<'_>) -> Result<BatchEntry, WalError> {
    Ok(BatchEntry {
        base_offset: Offset(cursor.i64()?),
        last_offset: Offset(cursor.i64()?),
        record_count: cursor.i32()?,
        max_timestamp: cursor.i64()?,
        producer_id: ProducerId(cursor.i64()?),
        producer_epoch: ProducerEpoch(cursor.i16()?),
        first_sequence: cursor.i32()?,
        last_sequence: cursor.i32()?,
        attributes: Attributes(cursor.i16()?),
        marker: read_marker(cursor)?,
        length: cursor.u32()?,
    })
}

fn read_marker(cursor: &mut Cursor<'_>) -> Result<Option<ControlRecord>, WalError> {
    let kind = cursor.i16()?;
    let coordinator_epoch = cursor.i32()?;
    match (kind, coordinator_epoch) {
        (-1, -1) => Ok(None),
        (0, _) => Ok(Some(ControlRecord { kind: MarkerKind::Abort, coordinator_epoch })),
        (1, _) => Ok(Some(ControlRecord { kind: MarkerKind::Commit, coordinator_epoch })),
        _ => Err(WalError::Index("unknown marker")),
    }
}

/// Compares every batch with its entry; the checksums of the batches cover the rest.
fn check_body(index: &WalIndex, bytes: &Bytes) -> Result<(), WalError> {
    for slice in &index.slices {
        let mut position = usize::try_from(slice.position).unwrap_or(usize::MAX);
        for entry in &slice.batches {
            let wrong = |problem: String| WalError::Batch { position, problem };
            let length = usize::try_from(entry.length).unwrap_or(usize::MAX);
            let end = position.saturating_add(length).min(bytes.len());
            let mut raw = bytes.slice(position.min(end)..end);
            let batch = Batch::take(&mut raw).map_err(|error| wrong(error.to_string()))?;
            if !raw.is_empty() {
                return Err(wrong("it is shorter than its entry".to_owned()));
            }
            batch.validate().map_err(|error| wrong(error.to_string()))?;
            if batch.header().leader_epoch != slice.leader_epoch {
                return Err(wrong("its leader epoch is not that of its entry".to_owned()));
            }
            if BatchEntry::of(batch.header(), entry.marker, entry.length) != *entry {
                return Err(wrong("it is not the one of its entry".to_owned()));
            }
            position = position.saturating_add(length);
        }
    }
    Ok(())
}
