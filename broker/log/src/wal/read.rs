//! Reading an object, checking all of it.

use broker_record::{Attributes, Batch, ControlRecord, LeaderEpoch, MarkerKind, Offset, ProducerEpoch, ProducerId};
use bytes::Bytes;

use super::{BatchEntry, ENTRY_LEN, REPEAT_LEN, Repeats, SLICE_LEN, Slice, WalError, WalIndex};
use crate::frame::{Cursor, FRAME_LEN, Frame, FrameError, Kind};
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

/// What stands at a number of a log, without its body.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum HeadContents {
    /// Record batches of the log's writer.
    Batches(WalHead),
    /// An end, set by somebody else.
    Seal(Seal),
}

/// An object without its body.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct WalHead {
    /// What is in it.
    pub index: WalIndex,
    /// What it says about those before it.
    pub repeats: Repeats,
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
                let WalHead { index, .. } = read_head(frame, &mut cursor)?;
                check_body_length(&index, &cursor)?;
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

impl WalHead {
    /// Bytes that an object has before its body, by its first bytes; what is a seal, or nothing of ours, has no more than
    /// are there.
    #[must_use]
    pub fn length(first: &[u8]) -> usize {
        let length = first.get(FRAME_LEN..).and_then(|rest| rest.first_chunk::<4>());
        let length = length.map_or(0, |length| u32::from_be_bytes(*length));
        usize::try_from(length).unwrap_or(usize::MAX).min(OBJECT_BYTES_MAX)
    }

    /// Reads an object without its body; `bytes` may end with the head, or later.
    ///
    /// The body is not looked at: whoever reads it checks it.
    ///
    /// # Errors
    /// [`WalError`] when the bytes are damaged or belong elsewhere than at `expected`.
    pub fn decode(bytes: &[u8], expected: Origin) -> Result<HeadContents, WalError> {
        let mut cursor = Cursor::new(bytes);
        let frame = Frame::read(&mut cursor)?;
        let contents = match frame.kind {
            Kind::Seal => HeadContents::Seal(Seal::read(frame, &mut cursor)?),
            Kind::Batches => HeadContents::Batches(read_head(frame, &mut cursor)?),
        };
        if frame.origin != expected {
            return Err(WalError::Misplaced(Box::new(frame.origin)));
        }
        Ok(contents)
    }
}

fn read_head(frame: Frame, cursor: &mut Cursor<'_>) -> Result<WalHead, WalError> {
    let length = cursor.u32()?;
    let slice_count = bounded(cursor.u32()?, SLICE_LEN, cursor)?;
    let body_len = cursor.u32()?;
    let mut slices = Vec::with_capacity(slice_count);
    for _ in 0..slice_count {
        slices.push(read_slice(cursor)?);
    }
    let repeats = read_repeats(frame.origin, cursor)?;
    cursor.checksum()?;
    if usize::try_from(length) != Ok(cursor.position()) {
        return Err(WalError::Index("head has another length"));
    }
    let start = u64::from(length);
    let mut position = start;
    for slice in &slices {
        if u64::from(slice.position) != position {
            return Err(WalError::Index("slices do not follow each other"));
        }
        position = position.saturating_add(u64::from(slice.length));
    }
    if position != start.saturating_add(u64::from(body_len)) {
        return Err(WalError::Index("slices do not fill the body"));
    }
    let index = WalIndex { origin: frame.origin, nonce: frame.nonce, slices };
    Ok(WalHead { index, repeats })
}

/// The indexes of objects before this one, in order.
fn read_repeats(origin: Origin, cursor: &mut Cursor<'_>) -> Result<Repeats, WalError> {
    let acknowledged = cursor.u64()?;
    let count = bounded(cursor.u32()?, REPEAT_LEN, cursor)?;
    let mut indexes = Vec::<WalIndex>::with_capacity(count);
    for _ in 0..count {
        let seq = cursor.u64()?;
        let nonce = cursor.u128()?;
        let slice_count = bounded(cursor.u32()?, SLICE_LEN, cursor)?;
        let mut slices = Vec::with_capacity(slice_count);
        for _ in 0..slice_count {
            slices.push(read_slice(cursor)?);
        }
        if seq >= origin.seq || indexes.last().is_some_and(|last| last.origin.seq >= seq) {
            return Err(WalError::Index("repeated indexes are not in order"));
        }
        indexes.push(WalIndex { origin: Origin { seq, ..origin }, nonce, slices });
    }
    if acknowledged > origin.seq {
        return Err(WalError::Index("it says that it was durable before it was built"));
    }
    Ok(Repeats { acknowledged, indexes })
}

/// Compares the body that is there with the one that the head describes.
fn check_body_length(index: &WalIndex, cursor: &Cursor<'_>) -> Result<(), WalError> {
    let described: u64 = index.slices.iter().map(|slice| u64::from(slice.length)).sum();
    if u64::try_from(cursor.remaining()) == Ok(described) {
        return Ok(());
    }
    Err(WalError::Index("body has another length"))
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
