//! What a partition remembers of its producers, as manifests and checkpoints keep it.
//!
//! Layout, all integers big-endian: version u8, end i64, producer count u32, and per producer: producer id i64, epoch i16,
//! coordinator epoch i32, last offset i64, last timestamp i64, first offset of the open transaction i64 (-1 where none is
//! open), batch count u8, and per batch: first sequence i32, last sequence i32, base offset i64, last offset i64; then the
//! count of aborted transactions u32, and per transaction: producer id i64, first offset i64, last offset i64.

use broker_record::{Offset, ProducerEpoch, ProducerId};

use crate::frame::{Cursor, FrameError};

const VERSION: u8 = 1;

/// What is remembered of all producers of a partition, and of the transactions that were aborted in it.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct ProducersSnapshot {
    /// Everything below this offset is taken into account, nothing at or above it.
    pub end: Offset,
    /// By producer id.
    pub producers: Vec<ProducerSnapshot>,
    /// In the order of their markers.
    pub aborted: Vec<AbortedTransaction>,
}

/// What is remembered of one producer.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ProducerSnapshot {
    /// The producer.
    pub producer_id: ProducerId,
    /// Its latest epoch.
    pub epoch: ProducerEpoch,
    /// Epoch of the coordinator that wrote its latest marker, -1 before the first.
    pub coordinator_epoch: i32,
    /// Offset of its last record, markers included.
    pub last_offset: Offset,
    /// Highest timestamp of its last batch, in ms since 1970.
    pub last_timestamp: i64,
    /// The first record of the transaction that is open.
    pub open_since: Option<Offset>,
    /// Its latest batches under this epoch, oldest first.
    pub batches: Vec<SequencedBatch>,
}

/// A batch as its producer numbered it, and where it lies.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct SequencedBatch {
    /// Sequence number of the first record.
    pub first_sequence: i32,
    /// Sequence number of the last record.
    pub last_sequence: i32,
    /// Offset of the first record.
    pub base_offset: Offset,
    /// Offset of the last record.
    pub last_offset: Offset,
}

/// A transaction whose records do not count.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct AbortedTransaction {
    /// Its producer.
    pub producer_id: ProducerId,
    /// Its first record.
    pub first_offset: Offset,
    /// Its marker.
    pub last_offset: Offset,
}

impl ProducersSnapshot {
    /// Appends the snapshot to `out`.
    pub fn encode(&self, out: &mut Vec<u8>) {
        out.push(VERSION);
        out.extend_from_slice(&self.end.0.to_be_bytes());
        out.extend_from_slice(&count(self.producers.len()).to_be_bytes());
        for producer in &self.producers {
            out.extend_from_slice(&producer.producer_id.0.to_be_bytes());
            out.extend_from_slice(&producer.epoch.0.to_be_bytes());
            out.extend_from_slice(&producer.coordinator_epoch.to_be_bytes());
            out.extend_from_slice(&producer.last_offset.0.to_be_bytes());
            out.extend_from_slice(&producer.last_timestamp.to_be_bytes());
            out.extend_from_slice(&producer.open_since.map_or(-1, |offset| offset.0).to_be_bytes());
            let batches = u8::try_from(producer.batches.len()).unwrap_or(u8::MAX);
            out.push(batches);
            for batch in producer.batches.iter().take(usize::from(batches)) {
                out.extend_from_slice(&batch.first_sequence.to_be_bytes());
                out.extend_from_slice(&batch.last_sequence.to_be_bytes());
                out.extend_from_slice(&batch.base_offset.0.to_be_bytes());
                out.extend_from_slice(&batch.last_offset.0.to_be_bytes());
            }
        }
        out.extend_from_slice(&count(self.aborted.len()).to_be_bytes());
        for aborted in &self.aborted {
            out.extend_from_slice(&aborted.producer_id.0.to_be_bytes());
            out.extend_from_slice(&aborted.first_offset.0.to_be_bytes());
            out.extend_from_slice(&aborted.last_offset.0.to_be_bytes());
        }
    }

    /// Reads a snapshot that is the whole of `bytes`. A foreign count reserves nothing.
    ///
    /// # Errors
    /// [`FrameError`] for bytes that no version known here wrote.
    pub fn decode(bytes: &[u8]) -> Result<Self, FrameError> {
        let mut cursor = Cursor::new(bytes);
        let [version] = cursor.array()?;
        if version != VERSION {
            return Err(FrameError::Version(u16::from(version)));
        }
        let mut snapshot = Self { end: Offset(cursor.i64()?), ..Self::default() };
        for _ in 0..cursor.u32()? {
            snapshot.producers.push(producer(&mut cursor)?);
        }
        for _ in 0..cursor.u32()? {
            snapshot.aborted.push(AbortedTransaction {
                producer_id: ProducerId(cursor.i64()?),
                first_offset: Offset(cursor.i64()?),
                last_offset: Offset(cursor.i64()?),
            });
        }
        if cursor.remaining() > 0 { Err(FrameError::Truncated) } else { Ok(snapshot) }
    }
}

fn producer(cursor: &mut Cursor<'_>) -> Result<ProducerSnapshot, FrameError> {
    let mut read = ProducerSnapshot {
        producer_id: ProducerId(cursor.i64()?),
        epoch: ProducerEpoch(cursor.i16()?),
        coordinator_epoch: cursor.i32()?,
        last_offset: Offset(cursor.i64()?),
        last_timestamp: cursor.i64()?,
        open_since: Some(cursor.i64()?).filter(|offset| *offset >= 0).map(Offset),
        batches: Vec::new(),
    };
    let [batches] = cursor.array()?;
    for _ in 0..batches {
        read.batches.push(SequencedBatch {
            first_sequence: cursor.i32()?,
            last_sequence: cursor.i32()?,
            base_offset: Offset(cursor.i64()?),
            last_offset: Offset(cursor.i64()?),
        });
    }
    Ok(read)
}

fn count(len: usize) -> u32 {
    u32::try_from(len).unwrap_or(u32::MAX)
}
