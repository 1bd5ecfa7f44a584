//! Batches that the broker writes itself: internal topics, markers, tests.

use bytes::Bytes;

use crate::batch::Batch;
use crate::header::{Attributes, BatchHeader, HEADER_LEN};
use crate::ids::{LeaderEpoch, NO_SEQUENCE, Offset, ProducerEpoch, ProducerId};
use crate::records::Header;

/// Collects records and writes them as one uncompressed batch at offset 0.
#[derive(Clone, Debug)]
pub struct BatchBuilder {
    attributes: Attributes,
    producer: (ProducerId, ProducerEpoch, i32),
    base_timestamp: i64,
    max_timestamp: i64,
    count: i32,
    body: Vec<u8>,
}

impl BatchBuilder {
    /// An empty batch whose timestamps count from `base_timestamp` (ms since 1970).
    #[must_use]
    pub fn new(base_timestamp: i64) -> Self {
        Self {
            attributes: Attributes::default(),
            producer: (ProducerId::NONE, ProducerEpoch::NONE, NO_SEQUENCE),
            base_timestamp,
            max_timestamp: base_timestamp,
            count: 0,
            body: Vec::new(),
        }
    }

    /// Sets the attribute bits; the compression bits must be zero, since nothing is compressed here.
    #[must_use]
    pub fn attributes(mut self, attributes: Attributes) -> Self {
        self.attributes = attributes;
        self
    }

    /// Makes the batch that of an idempotent producer.
    #[must_use]
    pub fn producer(mut self, id: ProducerId, epoch: ProducerEpoch, base_sequence: i32) -> Self {
        self.producer = (id, epoch, base_sequence);
        self
    }

    /// Whether no record was pushed.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.count == 0
    }

    /// Bytes of the batch so far.
    #[must_use]
    pub fn len(&self) -> usize {
        HEADER_LEN.saturating_add(self.body.len())
    }

    /// Appends a record with the batch's base timestamp and no headers.
    pub fn push(&mut self, key: Option<&[u8]>, value: Option<&[u8]>) {
        self.push_with(self.base_timestamp, key, value, &[]);
    }

    /// Appends a record.
    pub fn push_with(&mut self, timestamp: i64, key: Option<&[u8]>, value: Option<&[u8]>, headers: &[Header]) {
        let timestamp_delta = timestamp.saturating_sub(self.base_timestamp);
        put_record(&mut self.body, timestamp_delta, i64::from(self.count), key, value, headers);
        self.count = self.count.saturating_add(1);
        self.max_timestamp = self.max_timestamp.max(timestamp);
    }

    /// Writes the batch; without records the result does not validate.
    #[must_use]
    pub fn build(self) -> Batch {
        let (producer_id, producer_epoch, base_sequence) = self.producer;
        let header = BatchHeader {
            base_offset: Offset(0),
            batch_length: 0,
            leader_epoch: LeaderEpoch::UNKNOWN,
            crc: 0,
            attributes: self.attributes,
            last_offset_delta: self.count.saturating_sub(1),
            base_timestamp: self.base_timestamp,
            max_timestamp: self.max_timestamp,
            producer_id,
            producer_epoch,
            base_sequence,
            record_count: self.count,
        };
        let mut bytes = Vec::with_capacity(HEADER_LEN.saturating_add(self.body.len()));
        header.write(&mut bytes);
        bytes.extend_from_slice(&self.body);
        Batch::seal(header, bytes)
    }
}

/// Appends one record.
pub(crate) fn put_record(
    body: &mut Vec<u8>,
    timestamp_delta: i64,
    offset_delta: i64,
    key: Option<&[u8]>,
    value: Option<&[u8]>,
    headers: &[Header],
) {
    let mut fields = vec![0_u8];
    put_varlong(&mut fields, timestamp_delta);
    put_varlong(&mut fields, offset_delta);
    put_nullable(&mut fields, key);
    put_nullable(&mut fields, value);
    put_varlong(&mut fields, length(headers.len()));
    for header in headers {
        put_nullable(&mut fields, Some(&header.key));
        put_nullable(&mut fields, header.value.as_ref().map(Bytes::as_ref));
    }
    put_varlong(body, length(fields.len()));
    body.extend_from_slice(&fields);
}

fn length(len: usize) -> i64 {
    i64::try_from(len).unwrap_or(i64::MAX)
}

fn put_nullable(out: &mut Vec<u8>, value: Option<&[u8]>) {
    match value {
        None => put_varlong(out, -1),
        Some(value) => {
            put_varlong(out, length(value.len()));
            out.extend_from_slice(value);
        }
    }
}

/// A zigzag varint; 32-bit fields have the same bytes.
fn put_varlong(out: &mut Vec<u8>, value: i64) {
    let mut raw = ((value << 1) ^ (value >> 63)).cast_unsigned();
    loop {
        let [low, ..] = raw.to_le_bytes();
        raw >>= 7;
        if raw == 0 {
            out.push(low & 0x7f);
            return;
        }
        out.push(low | 0x80);
    }
}
