//! The messages of InitProducerId (API key 22).
// Generated from messages.table; do not edit.
#![expect(missing_docs, reason = "the fields are Kafka's, under Kafka's names")]

use crate::Message;
use crate::error_code::ErrorCode;
use crate::reader::{DecodeError, Reader};
use crate::text::Str;
use crate::writer::Writer;

#[derive(Clone, Debug, PartialEq)]
pub struct InitProducerIdRequest {
    pub transactional_id: Option<Str>,
    pub transaction_timeout_ms: i32,
    pub producer_id: i64,
    pub producer_epoch: i16,
    pub enable2_pc: bool,
    pub keep_prepared_txn: bool,
}

impl Default for InitProducerIdRequest {
    fn default() -> Self {
        Self {
            transactional_id: Default::default(),
            transaction_timeout_ms: Default::default(),
            producer_id: -1,
            producer_epoch: -1,
            enable2_pc: Default::default(),
            keep_prepared_txn: Default::default(),
        }
    }
}

impl Message for InitProducerIdRequest {
    fn decode(r: &mut Reader, version: i16) -> Result<Self, DecodeError> {
        let message = Self {
            transactional_id: r.nullable_str()?,
            transaction_timeout_ms: r.i32()?,
            producer_id: if version >= 3 { r.i64()? } else { -1 },
            producer_epoch: if version >= 3 { r.i16()? } else { -1 },
            enable2_pc: if version >= 6 { r.bool()? } else { Default::default() },
            keep_prepared_txn: if version >= 6 { r.bool()? } else { Default::default() },
        };
        r.no_tags()?;
        Ok(message)
    }

    fn encode(&self, w: &mut Writer, version: i16) {
        w.nullable_str(self.transactional_id.as_ref());
        w.i32(self.transaction_timeout_ms);
        if version >= 3 {
            w.i64(self.producer_id);
        }
        if version >= 3 {
            w.i16(self.producer_epoch);
        }
        if version >= 6 {
            w.bool(self.enable2_pc);
        }
        if version >= 6 {
            w.bool(self.keep_prepared_txn);
        }
        w.no_tags();
    }
}

#[derive(Clone, Debug, PartialEq)]
pub struct InitProducerIdResponse {
    pub throttle_time_ms: i32,
    pub error_code: ErrorCode,
    pub producer_id: i64,
    pub producer_epoch: i16,
    pub ongoing_txn_producer_id: i64,
    pub ongoing_txn_producer_epoch: i16,
}

impl Default for InitProducerIdResponse {
    fn default() -> Self {
        Self {
            throttle_time_ms: Default::default(),
            error_code: Default::default(),
            producer_id: -1,
            producer_epoch: Default::default(),
            ongoing_txn_producer_id: -1,
            ongoing_txn_producer_epoch: -1,
        }
    }
}

impl Message for InitProducerIdResponse {
    fn decode(r: &mut Reader, version: i16) -> Result<Self, DecodeError> {
        let message = Self {
            throttle_time_ms: r.i32()?,
            error_code: r.error_code()?,
            producer_id: r.i64()?,
            producer_epoch: r.i16()?,
            ongoing_txn_producer_id: if version >= 6 { r.i64()? } else { -1 },
            ongoing_txn_producer_epoch: if version >= 6 { r.i16()? } else { -1 },
        };
        r.no_tags()?;
        Ok(message)
    }

    fn encode(&self, w: &mut Writer, version: i16) {
        w.i32(self.throttle_time_ms);
        w.error_code(self.error_code);
        w.i64(self.producer_id);
        w.i16(self.producer_epoch);
        if version >= 6 {
            w.i64(self.ongoing_txn_producer_id);
        }
        if version >= 6 {
            w.i16(self.ongoing_txn_producer_epoch);
        }
        w.no_tags();
    }
}
