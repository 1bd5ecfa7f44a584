//! The messages of AddPartitionsToTxn (API key 24).
// Generated from messages.table; do not edit.
#![expect(missing_docs, reason = "the fields are Kafka's, under Kafka's names")]

use crate::Message;
use crate::error_code::ErrorCode;
use crate::reader::{DecodeError, Reader};
use crate::text::Str;
use crate::writer::Writer;

#[derive(Clone, Debug, Default, PartialEq)]
pub struct AddPartitionsToTxnRequest {
    pub transactions: Vec<AddPartitionsToTxnTransaction>,
    pub v3_and_below_transactional_id: Str,
    pub v3_and_below_producer_id: i64,
    pub v3_and_below_producer_epoch: i16,
    pub v3_and_below_topics: Vec<AddPartitionsToTxnTopic>,
}

impl Message for AddPartitionsToTxnRequest {
    fn decode(r: &mut Reader, version: i16) -> Result<Self, DecodeError> {
        let message = Self {
            transactions: if version >= 4 {
                r.array(|r| AddPartitionsToTxnTransaction::decode(r, version))?
            } else {
                Default::default()
            },
            v3_and_below_transactional_id: if version <= 3 { r.str()? } else { Default::default() },
            v3_and_below_producer_id: if version <= 3 { r.i64()? } else { Default::default() },
            v3_and_below_producer_epoch: if version <= 3 { r.i16()? } else { Default::default() },
            v3_and_below_topics: if version <= 3 {
                r.array(|r| AddPartitionsToTxnTopic::decode(r, version))?
            } else {
                Default::default()
            },
        };
        r.no_tags()?;
        Ok(message)
    }

    fn encode(&self, w: &mut Writer, version: i16) {
        if version >= 4 {
            w.array(&self.transactions, |w, each| each.encode(w, version));
        }
        if version <= 3 {
            w.str(&self.v3_and_below_transactional_id);
        }
        if version <= 3 {
            w.i64(self.v3_and_below_producer_id);
        }
        if version <= 3 {
            w.i16(self.v3_and_below_producer_epoch);
        }
        if version <= 3 {
            w.array(&self.v3_and_below_topics, |w, each| each.encode(w, version));
        }
        w.no_tags();
    }
}

#[derive(Clone, Debug, Default, PartialEq)]
pub struct AddPartitionsToTxnTransaction {
    pub transactional_id: Str,
    pub producer_id: i64,
    pub producer_epoch: i16,
    pub verify_only: bool,
    pub topics: Vec<AddPartitionsToTxnTopic>,
}

impl Message for AddPartitionsToTxnTransaction {
    fn decode(r: &mut Reader, version: i16) -> Result<Self, DecodeError> {
        let message = Self {
            transactional_id: r.str()?,
            producer_id: r.i64()?,
            producer_epoch: r.i16()?,
            verify_only: r.bool()?,
            topics: r.array(|r| AddPartitionsToTxnTopic::decode(r, version))?,
        };
        r.no_tags()?;
        Ok(message)
    }

    fn encode(&self, w: &mut Writer, version: i16) {
        w.str(&self.transactional_id);
        w.i64(self.producer_id);
        w.i16(self.producer_epoch);
        w.bool(self.verify_only);
        w.array(&self.topics, |w, each| each.encode(w, version));
        w.no_tags();
    }
}

#[derive(Clone, Debug, Default, PartialEq)]
pub struct AddPartitionsToTxnTopic {
    pub name: Str,
    pub partitions: Vec<i32>,
}

impl Message for AddPartitionsToTxnTopic {
    fn decode(r: &mut Reader, _version: i16) -> Result<Self, DecodeError> {
        let message = Self { name: r.str()?, partitions: r.array(Reader::i32)? };
        r.no_tags()?;
        Ok(message)
    }

    fn encode(&self, w: &mut Writer, _version: i16) {
        w.str(&self.name);
        w.array(&self.partitions, |w, each| w.i32(*each));
        w.no_tags();
    }
}

#[derive(Clone, Debug, Default, PartialEq)]
pub struct AddPartitionsToTxnResponse {
    pub throttle_time_ms: i32,
    pub error_code: ErrorCode,
    pub results_by_transaction: Vec<AddPartitionsToTxnResult>,
    pub results_by_topic_v3_and_below: Vec<AddPartitionsToTxnTopicResult>,
}

impl Message for AddPartitionsToTxnResponse {
    fn decode(r: &mut Reader, version: i16) -> Result<Self, DecodeError> {
        let message = Self {
            throttle_time_ms: r.i32()?,
            error_code: if version >= 4 { r.error_code()? } else { Default::default() },
            results_by_transaction: if version >= 4 {
                r.array(|r| AddPartitionsToTxnResult::decode(r, version))?
            } else {
                Default::default()
            },
            results_by_topic_v3_and_below: if version <= 3 {
                r.array(|r| AddPartitionsToTxnTopicResult::decode(r, version))?
            } else {
                Default::default()
            },
        };
        r.no_tags()?;
        Ok(message)
    }

    fn encode(&self, w: &mut Writer, version: i16) {
        w.i32(self.throttle_time_ms);
        if version >= 4 {
            w.error_code(self.error_code);
        }
        if version >= 4 {
            w.array(&self.results_by_transaction, |w, each| each.encode(w, version));
        }
        if version <= 3 {
            w.array(&self.results_by_topic_v3_and_below, |w, each| each.encode(w, version));
        }
        w.no_tags();
    }
}

#[derive(Clone, Debug, Default, PartialEq)]
pub struct AddPartitionsToTxnResult {
    pub transactional_id: Str,
    pub topic_results: Vec<AddPartitionsToTxnTopicResult>,
}

impl Message for AddPartitionsToTxnResult {
    fn decode(r: &mut Reader, version: i16) -> Result<Self, DecodeError> {
        let message = Self {
            transactional_id: r.str()?,
            topic_results: r.array(|r| AddPartitionsToTxnTopicResult::decode(r, version))?,
        };
        r.no_tags()?;
        Ok(message)
    }

    fn encode(&self, w: &mut Writer, version: i16) {
        w.str(&self.transactional_id);
        w.array(&self.topic_results, |w, each| each.encode(w, version));
        w.no_tags();
    }
}

#[derive(Clone, Debug, Default, PartialEq)]
pub struct AddPartitionsToTxnTopicResult {
    pub name: Str,
    pub results_by_partition: Vec<AddPartitionsToTxnPartitionResult>,
}

impl Message for AddPartitionsToTxnTopicResult {
    fn decode(r: &mut Reader, version: i16) -> Result<Self, DecodeError> {
        let message = Self {
            name: r.str()?,
            results_by_partition: r.array(|r| AddPartitionsToTxnPartitionResult::decode(r, version))?,
        };
        r.no_tags()?;
        Ok(message)
    }

    fn encode(&self, w: &mut Writer, version: i16) {
        w.str(&self.name);
        w.array(&self.results_by_partition, |w, each| each.encode(w, version));
        w.no_tags();
    }
}

#[derive(Clone, Debug, Default, PartialEq)]
pub struct AddPartitionsToTxnPartitionResult {
    pub partition_index: i32,
    pub partition_error_code: ErrorCode,
}

impl Message for AddPartitionsToTxnPartitionResult {
    fn decode(r: &mut Reader, _version: i16) -> Result<Self, DecodeError> {
        let message = Self { partition_index: r.i32()?, partition_error_code: r.error_code()? };
        r.no_tags()?;
        Ok(message)
    }

    fn encode(&self, w: &mut Writer, _version: i16) {
        w.i32(self.partition_index);
        w.error_code(self.partition_error_code);
        w.no_tags();
    }
}
