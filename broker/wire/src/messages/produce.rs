//! The messages of Produce (API key 0).
// Generated from messages.table; do not edit.
#![expect(missing_docs, reason = "the fields are Kafka's, under Kafka's names")]

use crate::Message;
use crate::error_code::ErrorCode;
use crate::reader::{DecodeError, Reader};
use crate::records::Records;
use crate::text::Str;
use crate::writer::Writer;
use uuid::Uuid;

#[derive(Clone, Debug, Default, PartialEq)]
pub struct ProduceRequest {
    pub transactional_id: Option<Str>,
    pub acks: i16,
    pub timeout_ms: i32,
    pub topic_data: Vec<TopicProduceData>,
}

impl Message for ProduceRequest {
    fn decode(r: &mut Reader, version: i16) -> Result<Self, DecodeError> {
        let message = Self {
            transactional_id: r.nullable_str()?,
            acks: r.i16()?,
            timeout_ms: r.i32()?,
            topic_data: r.array(|r| TopicProduceData::decode(r, version))?,
        };
        r.no_tags()?;
        Ok(message)
    }

    fn encode(&self, w: &mut Writer, version: i16) {
        w.nullable_str(self.transactional_id.as_ref());
        w.i16(self.acks);
        w.i32(self.timeout_ms);
        w.array(&self.topic_data, |w, each| each.encode(w, version));
        w.no_tags();
    }
}

#[derive(Clone, Debug, Default, PartialEq)]
pub struct TopicProduceData {
    pub name: Str,
    pub topic_id: Uuid,
    pub partition_data: Vec<PartitionProduceData>,
}

impl Message for TopicProduceData {
    fn decode(r: &mut Reader, version: i16) -> Result<Self, DecodeError> {
        let message = Self {
            name: if version <= 12 { r.str()? } else { Default::default() },
            topic_id: if version >= 13 { r.uuid()? } else { Default::default() },
            partition_data: r.array(|r| PartitionProduceData::decode(r, version))?,
        };
        r.no_tags()?;
        Ok(message)
    }

    fn encode(&self, w: &mut Writer, version: i16) {
        if version <= 12 {
            w.str(&self.name);
        }
        if version >= 13 {
            w.uuid(self.topic_id);
        }
        w.array(&self.partition_data, |w, each| each.encode(w, version));
        w.no_tags();
    }
}

#[derive(Clone, Debug, Default, PartialEq)]
pub struct PartitionProduceData {
    pub index: i32,
    pub records: Option<Records>,
}

impl Message for PartitionProduceData {
    fn decode(r: &mut Reader, _version: i16) -> Result<Self, DecodeError> {
        let message = Self { index: r.i32()?, records: r.nullable_records()? };
        r.no_tags()?;
        Ok(message)
    }

    fn encode(&self, w: &mut Writer, _version: i16) {
        w.i32(self.index);
        w.nullable_records(self.records.as_ref());
        w.no_tags();
    }
}

#[derive(Clone, Debug, Default, PartialEq)]
pub struct ProduceResponse {
    pub responses: Vec<TopicProduceResponse>,
    pub throttle_time_ms: i32,
    pub node_endpoints: Vec<NodeEndpoint>,
}

impl Message for ProduceResponse {
    fn decode(r: &mut Reader, version: i16) -> Result<Self, DecodeError> {
        let mut message = Self {
            responses: r.array(|r| TopicProduceResponse::decode(r, version))?,
            throttle_time_ms: r.i32()?,
            node_endpoints: Default::default(),
        };
        r.tags(|r, tag| {
            match tag {
                0 if version >= 10 => message.node_endpoints = r.array(|r| NodeEndpoint::decode(r, version))?,
                _ => {}
            }
            Ok(())
        })?;
        Ok(message)
    }

    fn encode(&self, w: &mut Writer, version: i16) {
        w.array(&self.responses, |w, each| each.encode(w, version));
        w.i32(self.throttle_time_ms);
        let mut tags = w.begin_tags();
        if version >= 10 && !self.node_endpoints.is_empty() {
            tags.put(0, |w| w.array(&self.node_endpoints, |w, each| each.encode(w, version)));
        }
        w.end_tags(tags);
    }
}

#[derive(Clone, Debug, Default, PartialEq)]
pub struct TopicProduceResponse {
    pub name: Str,
    pub topic_id: Uuid,
    pub partition_responses: Vec<PartitionProduceResponse>,
}

impl Message for TopicProduceResponse {
    fn decode(r: &mut Reader, version: i16) -> Result<Self, DecodeError> {
        let message = Self {
            name: if version <= 12 { r.str()? } else { Default::default() },
            topic_id: if version >= 13 { r.uuid()? } else { Default::default() },
            partition_responses: r.array(|r| PartitionProduceResponse::decode(r, version))?,
        };
        r.no_tags()?;
        Ok(message)
    }

    fn encode(&self, w: &mut Writer, version: i16) {
        if version <= 12 {
            w.str(&self.name);
        }
        if version >= 13 {
            w.uuid(self.topic_id);
        }
        w.array(&self.partition_responses, |w, each| each.encode(w, version));
        w.no_tags();
    }
}

#[derive(Clone, Debug, PartialEq)]
pub struct PartitionProduceResponse {
    pub index: i32,
    pub error_code: ErrorCode,
    pub base_offset: i64,
    pub log_append_time_ms: i64,
    pub log_start_offset: i64,
    pub record_errors: Vec<BatchIndexAndErrorMessage>,
    pub error_message: Option<Str>,
    pub current_leader: LeaderIdAndEpoch,
}

impl Default for PartitionProduceResponse {
    fn default() -> Self {
        Self {
            index: Default::default(),
            error_code: Default::default(),
            base_offset: Default::default(),
            log_append_time_ms: -1,
            log_start_offset: -1,
            record_errors: Default::default(),
            error_message: Default::default(),
            current_leader: Default::default(),
        }
    }
}

impl Message for PartitionProduceResponse {
    fn decode(r: &mut Reader, version: i16) -> Result<Self, DecodeError> {
        let mut message = Self {
            index: r.i32()?,
            error_code: r.error_code()?,
            base_offset: r.i64()?,
            log_append_time_ms: r.i64()?,
            log_start_offset: if version >= 5 { r.i64()? } else { -1 },
            record_errors: if version >= 8 {
                r.array(|r| BatchIndexAndErrorMessage::decode(r, version))?
            } else {
                Default::default()
            },
            error_message: if version >= 8 { r.nullable_str()? } else { Default::default() },
            current_leader: Default::default(),
        };
        r.tags(|r, tag| {
            match tag {
                0 if version >= 10 => message.current_leader = LeaderIdAndEpoch::decode(r, version)?,
                _ => {}
            }
            Ok(())
        })?;
        Ok(message)
    }

    fn encode(&self, w: &mut Writer, version: i16) {
        w.i32(self.index);
        w.error_code(self.error_code);
        w.i64(self.base_offset);
        w.i64(self.log_append_time_ms);
        if version >= 5 {
            w.i64(self.log_start_offset);
        }
        if version >= 8 {
            w.array(&self.record_errors, |w, each| each.encode(w, version));
        }
        if version >= 8 {
            w.nullable_str(self.error_message.as_ref());
        }
        let mut tags = w.begin_tags();
        if version >= 10 && self.current_leader != LeaderIdAndEpoch::default() {
            tags.put(0, |w| self.current_leader.encode(w, version));
        }
        w.end_tags(tags);
    }
}

#[derive(Clone, Debug, Default, PartialEq)]
pub struct BatchIndexAndErrorMessage {
    pub batch_index: i32,
    pub batch_index_error_message: Option<Str>,
}

impl Message for BatchIndexAndErrorMessage {
    fn decode(r: &mut Reader, _version: i16) -> Result<Self, DecodeError> {
        let message = Self { batch_index: r.i32()?, batch_index_error_message: r.nullable_str()? };
        r.no_tags()?;
        Ok(message)
    }

    fn encode(&self, w: &mut Writer, _version: i16) {
        w.i32(self.batch_index);
        w.nullable_str(self.batch_index_error_message.as_ref());
        w.no_tags();
    }
}

#[derive(Clone, Debug, PartialEq)]
pub struct LeaderIdAndEpoch {
    pub leader_id: i32,
    pub leader_epoch: i32,
}

impl Default for LeaderIdAndEpoch {
    fn default() -> Self {
        Self { leader_id: -1, leader_epoch: -1 }
    }
}

impl Message for LeaderIdAndEpoch {
    fn decode(r: &mut Reader, _version: i16) -> Result<Self, DecodeError> {
        let message = Self { leader_id: r.i32()?, leader_epoch: r.i32()? };
        r.no_tags()?;
        Ok(message)
    }

    fn encode(&self, w: &mut Writer, _version: i16) {
        w.i32(self.leader_id);
        w.i32(self.leader_epoch);
        w.no_tags();
    }
}

#[derive(Clone, Debug, Default, PartialEq)]
pub struct NodeEndpoint {
    pub node_id: i32,
    pub host: Str,
    pub port: i32,
    pub rack: Option<Str>,
}

impl Message for NodeEndpoint {
    fn decode(r: &mut Reader, _version: i16) -> Result<Self, DecodeError> {
        let message = Self { node_id: r.i32()?, host: r.str()?, port: r.i32()?, rack: r.nullable_str()? };
        r.no_tags()?;
        Ok(message)
    }

    fn encode(&self, w: &mut Writer, _version: i16) {
        w.i32(self.node_id);
        w.str(&self.host);
        w.i32(self.port);
        w.nullable_str(self.rack.as_ref());
        w.no_tags();
    }
}
