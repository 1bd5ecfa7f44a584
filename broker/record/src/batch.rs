//! A whole batch: its bytes, checked, and the split of a payload into batches.

use bytes::{Bytes, BytesMut};
use thiserror::Error;

use crate::header::{BatchHeader, CRC_START, Compression, HEADER_LEN, HeaderError, LENGTH_OVERHEAD};
use crate::ids::{LeaderEpoch, NO_SEQUENCE, Offset};
use crate::limits::BATCHES_PER_PAYLOAD_MAX;
use crate::records::Records;

/// Bytes that a leader replaces: base offset, length, leader epoch.
const PREFIX_LEN: usize = 16;

/// One batch whose header has been parsed and whose length is that of its bytes.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Batch {
    header: BatchHeader,
    bytes: Bytes,
}

/// A batch with the offset and epoch its leader gave it: sixteen new bytes and the producer's body.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PlacedBatch {
    /// The header as placed.
    pub header: BatchHeader,
    /// Base offset, batch length and leader epoch.
    pub prefix: [u8; PREFIX_LEN],
    /// Everything from the magic byte on, in the producer's memory.
    pub body: Bytes,
}

/// Why bytes are not a sequence of whole, valid batches.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
pub enum SplitError {
    /// A header does not parse.
    #[error(transparent)]
    Header(#[from] HeaderError),
    /// The last batch is cut off.
    #[error("batch of {declared} bytes has only {there}")]
    Truncated {
        /// Bytes by the length field.
        declared: usize,
        /// Bytes that are there.
        there: usize,
    },
    /// The checksum does not fit the bytes.
    #[error("checksum {found:#010x} where {declared:#010x} was declared")]
    Checksum {
        /// By the header.
        declared: u32,
        /// Of the bytes.
        found: u32,
    },
    /// The header contradicts itself.
    #[error("invalid batch: {0}")]
    Invalid(&'static str),
}

/// Splits a produce payload into its batches, which share its memory, and validates each.
///
/// An empty payload gives an empty list.
///
/// # Errors
/// The first [`SplitError`]; a payload is taken whole or not at all.
pub fn split(mut payload: Bytes) -> Result<Vec<Batch>, SplitError> {
    let mut batches = Vec::new();
    while !payload.is_empty() {
        if batches.len() == BATCHES_PER_PAYLOAD_MAX {
            return Err(SplitError::Invalid("too many batches in one payload"));
        }
        let batch = Batch::take(&mut payload)?;
        batch.validate()?;
        batches.push(batch);
    }
    Ok(batches)
}

impl Batch {
    /// Takes the first batch off `bytes`, without validating more than header and length.
    ///
    /// # Errors
    /// [`SplitError::Header`] or [`SplitError::Truncated`]; `bytes` is then unchanged.
    pub fn take(bytes: &mut Bytes) -> Result<Self, SplitError> {
        let header = BatchHeader::parse(bytes)?;
        let total = header.total_len()?;
        if total > bytes.len() {
            return Err(SplitError::Truncated { declared: total, there: bytes.len() });
        }
        Ok(Self { header, bytes: bytes.split_to(total) })
    }

    /// The header.
    #[must_use]
    pub fn header(&self) -> &BatchHeader {
        &self.header
    }

    /// All bytes, header included.
    #[must_use]
    pub fn bytes(&self) -> &Bytes {
        &self.bytes
    }

    /// The bytes of the records, compressed as the attributes say.
    #[must_use]
    pub fn body(&self) -> Bytes {
        let start = HEADER_LEN.min(self.bytes.len());
        self.bytes.slice(start..)
    }

    /// Checks checksum, attributes, counts and the idempotent producer's fields.
    ///
    /// # Errors
    /// [`SplitError::Checksum`] for damaged bytes, [`SplitError::Invalid`] for a header that contradicts itself.
    pub fn validate(&self) -> Result<(), SplitError> {
        let header = &self.header;
        let found = crc(&self.bytes);
        if found != header.crc {
            return Err(SplitError::Checksum { declared: header.crc, found });
        }
        // Without a producer id, epoch and sequence mean nothing: kafkajs sends zero in both.
        let idempotent = header.is_idempotent();
        let problem = match header.attributes.compression() {
            None => "unknown compression",
            Some(_) if header.record_count < 1 => "no records",
            Some(_) if header.last_offset_delta < 0 => "negative offset delta",
            Some(_) if header.last_offset_delta.checked_add(1) != Some(header.record_count) => {
                "record count does not fit the last offset"
            }
            Some(_) if header.producer_id.0 < -1 => "negative producer id",
            Some(_) if idempotent && header.producer_epoch.0 < 0 => "producer id without an epoch",
            Some(_) if idempotent && header.base_sequence < 0 && !may_lack_sequence(header) => {
                "producer id without a sequence"
            }
            Some(_) if header.attributes.is_transactional() && !idempotent => "transaction without a producer id",
            // One record takes at least seven bytes; a compressed one may take less.
            Some(Compression::None) if self.body().len() / 7 < usize::try_from(header.record_count).unwrap_or(0) => {
                "fewer bytes than records"
            }
            Some(_) => return Ok(()),
        };
        Err(SplitError::Invalid(problem))
    }

    /// Gives the batch its place in the log. The checksum stays valid: it does not cover what changes.
    #[must_use]
    pub fn place(&self, base_offset: Offset, leader_epoch: LeaderEpoch) -> PlacedBatch {
        let header = BatchHeader { base_offset, leader_epoch, ..self.header.clone() };
        let prefix = prefix_of(&header);
        PlacedBatch { header, prefix, body: self.bytes.slice(PREFIX_LEN.min(self.bytes.len())..) }
    }

    /// A copy whose records all carry the broker's time; for topics with `LogAppendTime`.
    #[must_use]
    pub fn stamped(&self, log_append_time_ms: i64) -> Self {
        let mut header = self.header.clone();
        header.attributes = header.attributes.with_log_append_time();
        header.max_timestamp = log_append_time_ms;
        let body = self.body();
        let mut bytes = Vec::with_capacity(self.bytes.len());
        header.write(&mut bytes);
        bytes.extend_from_slice(&body);
        Self::seal(header, bytes)
    }

    /// The records, where the batch is not compressed.
    ///
    /// # Errors
    /// The compression, where there is one, or none where the bits name no codec.
    pub fn records(&self) -> Result<Records, Option<Compression>> {
        match self.header.attributes.compression() {
            Some(Compression::None) => Ok(Records::new(&self.header, self.body())),
            other => Err(other),
        }
    }

    /// Fills in length and checksum of `bytes`, which hold a written header and its records.
    pub(crate) fn seal(mut header: BatchHeader, mut bytes: Vec<u8>) -> Self {
        header.batch_length = i32::try_from(bytes.len().saturating_sub(LENGTH_OVERHEAD)).unwrap_or(i32::MAX);
        header.crc = crc(&bytes);
        let mut head = Vec::with_capacity(HEADER_LEN);
        header.write(&mut head);
        if let Some(place) = bytes.get_mut(..HEADER_LEN) {
            place.copy_from_slice(&head);
        }
        Self { header, bytes: Bytes::from(bytes) }
    }
}

impl PlacedBatch {
    /// Bytes of the whole batch.
    #[must_use]
    #[expect(clippy::len_without_is_empty, reason = "a batch has at least its header")]
    pub fn len(&self) -> usize {
        self.prefix.len().saturating_add(self.body.len())
    }

    /// Appends the whole batch to `out`.
    pub fn write_to(&self, out: &mut BytesMut) {
        out.extend_from_slice(&self.prefix);
        out.extend_from_slice(&self.body);
    }

    /// The whole batch in one piece; copies the body.
    #[must_use]
    pub fn to_bytes(&self) -> Bytes {
        let mut out = BytesMut::with_capacity(self.len());
        self.write_to(&mut out);
        out.freeze()
    }
}

/// Markers have no sequence, nor have the offsets that a group's coordinator appends in a producer's transaction.
fn may_lack_sequence(header: &BatchHeader) -> bool {
    let by_coordinator = header.attributes.is_transactional() && header.base_sequence == NO_SEQUENCE;
    header.attributes.is_control() || by_coordinator
}

fn prefix_of(header: &BatchHeader) -> [u8; PREFIX_LEN] {
    let mut written = Vec::with_capacity(HEADER_LEN);
    header.write(&mut written);
    written.first_chunk::<PREFIX_LEN>().copied().unwrap_or_default()
}

pub(crate) fn crc(batch: &[u8]) -> u32 {
    crc32c::crc32c(batch.get(CRC_START..).unwrap_or_default())
}
