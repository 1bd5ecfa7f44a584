//! The records inside an uncompressed batch.

use bytes::Bytes;
use thiserror::Error;

use crate::cursor::{Cursor, Short};
use crate::header::{BatchHeader, TimestampType};
use crate::ids::Offset;

/// One record; every slice shares the batch's memory.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Record {
    /// Position in the partition.
    pub offset: Offset,
    /// In ms since 1970; the batch's where the broker's clock counts.
    pub timestamp: i64,
    /// The key; none and empty are different.
    pub key: Option<Bytes>,
    /// The value; none is a tombstone.
    pub value: Option<Bytes>,
    /// The headers, in order. Keys may repeat.
    pub headers: Vec<Header>,
}

/// One header of a record.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Header {
    /// Bytes, by convention UTF-8; nobody enforces it.
    pub key: Bytes,
    /// Anything, or null.
    pub value: Option<Bytes>,
}

/// Why the body of a batch does not hold the records its header promises.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
pub enum RecordError {
    /// A length points past the end, or a varint does not end.
    #[error("record {0} is cut off")]
    Truncated(i32),
    /// A record's fields end before or after its own length.
    #[error("record {0} does not fill its length")]
    Length(i32),
    /// A count or offset that cannot be.
    #[error("record {0} has an impossible field")]
    Field(i32),
    /// Bytes are left after the last record.
    #[error("{0} bytes follow the last record")]
    Trailing(usize),
}

/// Iterates over the records of a batch; ends after the first error.
pub struct Records {
    body: Cursor,
    base_offset: Offset,
    base_timestamp: i64,
    log_append_time: Option<i64>,
    next: i32,
    count: i32,
}

impl Records {
    pub(crate) fn new(header: &BatchHeader, body: Bytes) -> Self {
        let log_append_time = match header.attributes.timestamp_type() {
            TimestampType::CreateTime => None,
            TimestampType::LogAppendTime => Some(header.max_timestamp),
        };
        Self {
            body: Cursor::new(body),
            base_offset: header.base_offset,
            base_timestamp: header.base_timestamp,
            log_append_time,
            next: 0,
            count: header.record_count,
        }
    }

    fn read(&mut self, index: i32) -> Result<Record, RecordError> {
        let truncated = |_: Short| RecordError::Truncated(index);
        let length = usize::try_from(self.body.varint().map_err(truncated)?).map_err(|_| RecordError::Field(index))?;
        let mut fields = Cursor::new(self.body.bytes(length).map_err(truncated)?);
        let [_attributes] = fields.array().map_err(truncated)?;
        let timestamp_delta = fields.varlong().map_err(truncated)?;
        let offset_delta = fields.varint().map_err(truncated)?;
        let key = fields.nullable().map_err(truncated)?;
        let value = fields.nullable().map_err(truncated)?;
        let header_count = fields.varint().map_err(truncated)?;
        // A header takes at least two bytes, so that the count is bounded before anything is reserved for it.
        let header_count = usize::try_from(header_count)
            .ok()
            .filter(|count| *count <= fields.remaining() / 2)
            .ok_or(RecordError::Field(index))?;
        let mut headers = Vec::with_capacity(header_count);
        for _ in 0..header_count {
            let key = fields.nullable().map_err(truncated)?.ok_or(RecordError::Field(index))?;
            let value = fields.nullable().map_err(truncated)?;
            headers.push(Header { key, value });
        }
        if fields.remaining() != 0 {
            return Err(RecordError::Length(index));
        }
        let offset = self.base_offset.checked_add(i64::from(offset_delta)).filter(|_| offset_delta >= 0);
        Ok(Record {
            offset: offset.ok_or(RecordError::Field(index))?,
            timestamp: self.log_append_time.unwrap_or_else(|| self.base_timestamp.saturating_add(timestamp_delta)),
            key,
            value,
            headers,
        })
    }
}

impl Iterator for Records {
    type Item = Result<Record, RecordError>;

    fn next(&mut self) -> Option<Self::Item> {
        if self.next >= self.count {
            let left = std::mem::replace(&mut self.body, Cursor::new(Bytes::new())).remaining();
            return (left > 0).then_some(Err(RecordError::Trailing(left)));
        }
        let read = self.read(self.next);
        if read.is_err() {
            self.body = Cursor::new(Bytes::new());
            self.next = self.count;
        } else {
            self.next = self.next.saturating_add(1);
        }
        Some(read)
    }
}
