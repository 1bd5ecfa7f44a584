//! A batch without some of its records: what log compaction writes.

use bytes::Bytes;
use thiserror::Error;

use crate::batch::{Batch, SplitError};
use crate::builder::put_record;
use crate::compression::{CodecError, compress, decompress};
use crate::header::{BatchHeader, HEADER_LEN};
use crate::records::{Record, RecordError, Records};

/// Why the records of a batch cannot be had.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
pub enum UnpackError {
    /// The attributes name no codec.
    #[error("unknown compression")]
    UnknownCodec,
    /// The codec says no.
    #[error(transparent)]
    Codec(#[from] CodecError),
    /// The records are not what the header promises.
    #[error(transparent)]
    Record(#[from] RecordError),
    /// The batch is damaged.
    #[error(transparent)]
    Batch(#[from] SplitError),
    /// Offsets do not grow, or leave the batch.
    #[error("offsets are out of order")]
    Offsets,
}

impl Batch {
    /// All records, decompressed where they are compressed; they may take `bytes_max` bytes.
    ///
    /// # Errors
    /// [`UnpackError`].
    pub fn unpack(&self, bytes_max: usize) -> Result<Vec<Record>, UnpackError> {
        let header = self.header();
        let codec = header.attributes.compression().ok_or(UnpackError::UnknownCodec)?;
        let body = decompress(codec, &self.body(), bytes_max)?;
        let mut records = Vec::new();
        let mut next = header.base_offset;
        for record in Records::new(header, body) {
            let record = record?;
            if record.offset < next || record.offset > header.last_offset() {
                return Err(UnpackError::Offsets);
            }
            next = record.offset.checked_add(1).ok_or(UnpackError::Offsets)?;
            records.push(record);
        }
        Ok(records)
    }

    /// The same batch with fewer records, each with its offset and time; what else the batch says stays, also its last
    /// offset and its producer's numbers. Compressed as it was.
    ///
    /// `delete_horizon_ms` is when tombstones and markers in it may go; it takes the place of the base timestamp, as in
    /// Kafka (KIP-534).
    ///
    /// # Errors
    /// [`UnpackError`] where the codec fails.
    pub fn with_records(&self, records: &[Record], delete_horizon_ms: Option<i64>) -> Result<Self, UnpackError> {
        let old = self.header();
        let codec = old.attributes.compression().ok_or(UnpackError::UnknownCodec)?;
        let latest = records.iter().map(|record| record.timestamp).max().unwrap_or(old.max_timestamp);
        let header = BatchHeader {
            attributes: match delete_horizon_ms {
                Some(_) => old.attributes.with_delete_horizon(),
                None => old.attributes,
            },
            base_timestamp: delete_horizon_ms.unwrap_or(old.base_timestamp),
            max_timestamp: latest,
            record_count: i32::try_from(records.len()).unwrap_or(i32::MAX),
            ..old.clone()
        };
        let mut body = Vec::new();
        for record in records {
            let offset_delta = record.offset.0.saturating_sub(header.base_offset.0);
            let timestamp_delta = record.timestamp.saturating_sub(header.base_timestamp);
            let (key, value) = (record.key.as_deref(), record.value.as_deref());
            put_record(&mut body, timestamp_delta, offset_delta, key, value, &record.headers);
        }
        let body: Bytes = compress(codec, &body)?;
        let mut bytes = Vec::with_capacity(HEADER_LEN.saturating_add(body.len()));
        header.write(&mut bytes);
        bytes.extend_from_slice(&body);
        Ok(Self::seal(header, bytes))
    }

    /// When tombstones and markers in the batch may go, where compaction has said so; ms since 1970.
    #[must_use]
    pub fn delete_horizon_ms(&self) -> Option<i64> {
        self.header().attributes.has_delete_horizon().then_some(self.header().base_timestamp)
    }

    /// Whether the checksum fits the bytes.
    ///
    /// # Errors
    /// [`SplitError::Checksum`].
    pub fn check_crc(&self) -> Result<(), SplitError> {
        let (declared, found) = (self.header().crc, crate::batch::crc(self.bytes()));
        if declared == found { Ok(()) } else { Err(SplitError::Checksum { declared, found }) }
    }
}
