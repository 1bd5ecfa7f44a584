//! The sixty-one bytes that every batch begins with.

use thiserror::Error;

use crate::ids::{LeaderEpoch, Offset, ProducerEpoch, ProducerId};

/// Bytes of a batch header.
pub const HEADER_LEN: usize = 61;

/// Bytes before the part that the batch's length field counts.
pub(crate) const LENGTH_OVERHEAD: usize = 12;
/// Where the part that the checksum covers begins.
pub(crate) const CRC_START: usize = 21;

const MAGIC: i8 = 2;
const COMPRESSION_MASK: i16 = 0x07;
const TIMESTAMP_TYPE: i16 = 0x08;
const TRANSACTIONAL: i16 = 0x10;
const CONTROL: i16 = 0x20;
const DELETE_HORIZON: i16 = 0x40;

/// The fields of a batch header, in the order of the wire.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct BatchHeader {
    /// Offset of the first record; producers send 0, the leader assigns it.
    pub base_offset: Offset,
    /// Bytes of the batch after this field.
    pub batch_length: i32,
    /// Epoch of the leader that assigned the offset.
    pub leader_epoch: LeaderEpoch,
    /// CRC-32C of everything from the attributes on.
    pub crc: u32,
    /// Compression, timestamp type and flags.
    pub attributes: Attributes,
    /// Offset of the last record relative to the first.
    pub last_offset_delta: i32,
    /// Timestamp that the records' deltas refer to, in ms since 1970.
    pub base_timestamp: i64,
    /// The highest timestamp in the batch, in ms since 1970.
    pub max_timestamp: i64,
    /// The idempotent producer, or [`ProducerId::NONE`].
    pub producer_id: ProducerId,
    /// The producer's epoch, or [`ProducerEpoch::NONE`].
    pub producer_epoch: ProducerEpoch,
    /// The first record's sequence number, or [`crate::NO_SEQUENCE`].
    pub base_sequence: i32,
    /// Records in the batch.
    pub record_count: i32,
}

/// Why sixty-one bytes are not the header of a batch.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
pub enum HeaderError {
    /// The bytes end inside the header.
    #[error("batch header needs {HEADER_LEN} bytes, {0} are there")]
    Truncated(usize),
    /// A message format before Kafka 0.11, or none at all.
    #[error("message format {0} is not supported, only 2")]
    Magic(i8),
    /// The length field contradicts the header's own size.
    #[error("batch length {0} is impossible")]
    Length(i32),
}

/// The attribute bits of a batch.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Attributes(pub i16);

/// How the records of a batch are compressed.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Compression {
    /// Not at all.
    #[default]
    None,
    /// gzip.
    Gzip,
    /// Snappy.
    Snappy,
    /// LZ4 frames.
    Lz4,
    /// Zstandard.
    Zstd,
}

/// Whose clock the timestamps of a batch show.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum TimestampType {
    /// The producer's.
    #[default]
    CreateTime,
    /// The broker's; all records have the batch's maximum timestamp.
    LogAppendTime,
}

impl Attributes {
    /// The compression, or none where the bits name no codec that Kafka knows.
    #[must_use]
    pub fn compression(self) -> Option<Compression> {
        match self.0 & COMPRESSION_MASK {
            0 => Some(Compression::None),
            1 => Some(Compression::Gzip),
            2 => Some(Compression::Snappy),
            3 => Some(Compression::Lz4),
            4 => Some(Compression::Zstd),
            _ => None,
        }
    }

    /// Whose clock the timestamps show.
    #[must_use]
    pub fn timestamp_type(self) -> TimestampType {
        if self.0 & TIMESTAMP_TYPE == 0 { TimestampType::CreateTime } else { TimestampType::LogAppendTime }
    }

    /// Whether the batch belongs to a transaction.
    #[must_use]
    pub fn is_transactional(self) -> bool {
        self.0 & TRANSACTIONAL != 0
    }

    /// Whether the batch holds control records, which no consumer's application sees.
    #[must_use]
    pub fn is_control(self) -> bool {
        self.0 & CONTROL != 0
    }

    /// The same attributes with the broker's clock.
    #[must_use]
    pub fn with_log_append_time(self) -> Self {
        Self(self.0 | TIMESTAMP_TYPE)
    }

    /// The same attributes, transactional.
    #[must_use]
    pub fn with_transactional(self) -> Self {
        Self(self.0 | TRANSACTIONAL)
    }

    /// Whether the base timestamp says when tombstones and markers may go (KIP-534).
    #[must_use]
    pub fn has_delete_horizon(self) -> bool {
        self.0 & DELETE_HORIZON != 0
    }

    /// The same attributes, with a base timestamp that says when tombstones and markers may go.
    #[must_use]
    pub fn with_delete_horizon(self) -> Self {
        Self(self.0 | DELETE_HORIZON)
    }

    /// The same attributes with another compression.
    #[must_use]
    pub fn with_compression(self, compression: Compression) -> Self {
        let bits = match compression {
            Compression::None => 0,
            Compression::Gzip => 1,
            Compression::Snappy => 2,
            Compression::Lz4 => 3,
            Compression::Zstd => 4,
        };
        Self((self.0 & !COMPRESSION_MASK) | bits)
    }

    /// The same attributes, for a control batch.
    #[must_use]
    pub fn with_control(self) -> Self {
        Self(self.0 | CONTROL)
    }
}

impl BatchHeader {
    /// Reads the header at the start of `bytes`; checks magic and length only.
    ///
    /// # Errors
    /// [`HeaderError`] when the bytes are too few or belong to another format.
    pub fn parse(bytes: &[u8]) -> Result<Self, HeaderError> {
        let mut rest: &[u8] = bytes.first_chunk::<HEADER_LEN>().ok_or(HeaderError::Truncated(bytes.len()))?;
        let base_offset = Offset(i64::from_be_bytes(take(&mut rest)));
        let batch_length = i32::from_be_bytes(take(&mut rest));
        let leader_epoch = LeaderEpoch(i32::from_be_bytes(take(&mut rest)));
        let [magic] = take(&mut rest);
        if magic.cast_signed() != MAGIC {
            return Err(HeaderError::Magic(magic.cast_signed()));
        }
        let header = Self {
            base_offset,
            batch_length,
            leader_epoch,
            crc: u32::from_be_bytes(take(&mut rest)),
            attributes: Attributes(i16::from_be_bytes(take(&mut rest))),
            last_offset_delta: i32::from_be_bytes(take(&mut rest)),
            base_timestamp: i64::from_be_bytes(take(&mut rest)),
            max_timestamp: i64::from_be_bytes(take(&mut rest)),
            producer_id: ProducerId(i64::from_be_bytes(take(&mut rest))),
            producer_epoch: ProducerEpoch(i16::from_be_bytes(take(&mut rest))),
            base_sequence: i32::from_be_bytes(take(&mut rest)),
            record_count: i32::from_be_bytes(take(&mut rest)),
        };
        header.total_len().map(|_| header)
    }

    /// Bytes of the whole batch, header included.
    ///
    /// # Errors
    /// [`HeaderError::Length`] when the length field is smaller than the header or beyond any batch.
    pub fn total_len(&self) -> Result<usize, HeaderError> {
        usize::try_from(self.batch_length)
            .ok()
            .and_then(|length| length.checked_add(LENGTH_OVERHEAD))
            .filter(|total| (HEADER_LEN..=crate::limits::BATCH_BYTES_MAX).contains(total))
            .ok_or(HeaderError::Length(self.batch_length))
    }

    /// Offset of the last record.
    #[must_use]
    pub fn last_offset(&self) -> Offset {
        Offset(self.base_offset.0.saturating_add(i64::from(self.last_offset_delta)))
    }

    /// Offset after the last record.
    #[must_use]
    pub fn next_offset(&self) -> Offset {
        Offset(self.last_offset().0.saturating_add(1))
    }

    /// Sequence number of the last record; wraps as Kafka's does, from 2^31-1 to 0.
    #[must_use]
    pub fn last_sequence(&self) -> i32 {
        let (sum, wrapped) = self.base_sequence.overflowing_add(self.last_offset_delta);
        if wrapped { sum & i32::MAX } else { sum }
    }

    /// Whether an idempotent producer wrote the batch.
    #[must_use]
    pub fn is_idempotent(&self) -> bool {
        self.producer_id != ProducerId::NONE
    }

    /// Appends the header to `out`, in the bytes of the wire.
    pub(crate) fn write(&self, out: &mut Vec<u8>) {
        out.extend_from_slice(&self.base_offset.0.to_be_bytes());
        out.extend_from_slice(&self.batch_length.to_be_bytes());
        out.extend_from_slice(&self.leader_epoch.0.to_be_bytes());
        out.extend_from_slice(&MAGIC.to_be_bytes());
        out.extend_from_slice(&self.crc.to_be_bytes());
        out.extend_from_slice(&self.attributes.0.to_be_bytes());
        out.extend_from_slice(&self.last_offset_delta.to_be_bytes());
        out.extend_from_slice(&self.base_timestamp.to_be_bytes());
        out.extend_from_slice(&self.max_timestamp.to_be_bytes());
        out.extend_from_slice(&self.producer_id.0.to_be_bytes());
        out.extend_from_slice(&self.producer_epoch.0.to_be_bytes());
        out.extend_from_slice(&self.base_sequence.to_be_bytes());
        out.extend_from_slice(&self.record_count.to_be_bytes());
    }
}

/// The next `N` bytes; the caller has checked that they are there (zeros otherwise, never a panic).
fn take<const N: usize>(rest: &mut &[u8]) -> [u8; N] {
    match rest.split_first_chunk::<N>() {
        Some((head, tail)) => {
            *rest = tail;
            *head
        }
        None => [0; N],
    }
}
