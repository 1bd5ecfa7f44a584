//! The messages of ConsumerGroupHeartbeat (API key 68).
// Generated from messages.table; do not edit.
#![expect(missing_docs, reason = "the fields are Kafka's, under Kafka's names")]

use crate::Message;
use crate::error_code::ErrorCode;
use crate::reader::{DecodeError, Reader};
use crate::text::Str;
use crate::writer::Writer;
use uuid::Uuid;

#[derive(Clone, Debug, PartialEq)]
pub struct ConsumerGroupHeartbeatRequest {
    pub group_id: Str,
    pub member_id: Str,
    pub member_epoch: i32,
    pub instance_id: Option<Str>,
    pub rack_id: Option<Str>,
    pub rebalance_timeout_ms: i32,
    pub subscribed_topic_names: Option<Vec<Str>>,
    pub subscribed_topic_regex: Option<Str>,
    pub server_assignor: Option<Str>,
    pub topic_partitions: Option<Vec<TopicPartitions>>,
}

impl Default for ConsumerGroupHeartbeatRequest {
    fn default() -> Self {
        Self {
            group_id: Default::default(),
            member_id: Default::default(),
            member_epoch: Default::default(),
            instance_id: Default::default(),
            rack_id: Default::default(),
            rebalance_timeout_ms: -1,
            subscribed_topic_names: Default::default(),
            subscribed_topic_regex: Default::default(),
            server_assignor: Default::default(),
            topic_partitions: Default::default(),
        }
    }
}

impl Message for ConsumerGroupHeartbeatRequest {
    fn decode(r: &mut Reader, version: i16) -> Result<Self, DecodeError> {
        let message = Self {
            group_id: r.str()?,
            member_id: r.str()?,
            member_epoch: r.i32()?,
            instance_id: r.nullable_str()?,
            rack_id: r.nullable_str()?,
            rebalance_timeout_ms: r.i32()?,
            subscribed_topic_names: r.nullable_array(Reader::str)?,
            subscribed_topic_regex: if version >= 1 { r.nullable_str()? } else { Default::default() },
            server_assignor: r.nullable_str()?,
            topic_partitions: r.nullable_array(|r| TopicPartitions::decode(r, version))?,
        };
        r.no_tags()?;
        Ok(message)
    }

    fn encode(&self, w: &mut Writer, version: i16) {
        w.str(&self.group_id);
        w.str(&self.member_id);
        w.i32(self.member_epoch);
        w.nullable_str(self.instance_id.as_ref());
        w.nullable_str(self.rack_id.as_ref());
        w.i32(self.rebalance_timeout_ms);
        w.nullable_array(self.subscribed_topic_names.as_ref(), Writer::str);
        if version >= 1 {
            w.nullable_str(self.subscribed_topic_regex.as_ref());
        }
        w.nullable_str(self.server_assignor.as_ref());
        w.nullable_array(self.topic_partitions.as_ref(), |w, each| each.encode(w, version));
        w.no_tags();
    }
}

#[derive(Clone, Debug, Default, PartialEq)]
pub struct TopicPartitions {
    pub topic_id: Uuid,
    pub partitions: Vec<i32>,
}

impl Message for TopicPartitions {
    fn decode(r: &mut Reader, _version: i16) -> Result<Self, DecodeError> {
        let message = Self { topic_id: r.uuid()?, partitions: r.array(Reader::i32)? };
        r.no_tags()?;
        Ok(message)
    }

    fn encode(&self, w: &mut Writer, _version: i16) {
        w.uuid(self.topic_id);
        w.array(&self.partitions, |w, each| w.i32(*each));
        w.no_tags();
    }
}

#[derive(Clone, Debug, Default, PartialEq)]
pub struct ConsumerGroupHeartbeatResponse {
    pub throttle_time_ms: i32,
    pub error_code: ErrorCode,
    pub error_message: Option<Str>,
    pub member_id: Option<Str>,
    pub member_epoch: i32,
    pub heartbeat_interval_ms: i32,
    pub assignment: Option<Assignment>,
}

impl Message for ConsumerGroupHeartbeatResponse {
    fn decode(r: &mut Reader, version: i16) -> Result<Self, DecodeError> {
        let message = Self {
            throttle_time_ms: r.i32()?,
            error_code: r.error_code()?,
            error_message: r.nullable_str()?,
            member_id: r.nullable_str()?,
            member_epoch: r.i32()?,
            heartbeat_interval_ms: r.i32()?,
            assignment: r.nullable(|r| Assignment::decode(r, version))?,
        };
        r.no_tags()?;
        Ok(message)
    }

    fn encode(&self, w: &mut Writer, version: i16) {
        w.i32(self.throttle_time_ms);
        w.error_code(self.error_code);
        w.nullable_str(self.error_message.as_ref());
        w.nullable_str(self.member_id.as_ref());
        w.i32(self.member_epoch);
        w.i32(self.heartbeat_interval_ms);
        w.nullable(self.assignment.as_ref(), |w, each| each.encode(w, version));
        w.no_tags();
    }
}

#[derive(Clone, Debug, Default, PartialEq)]
pub struct Assignment {
    pub topic_partitions: Vec<TopicPartitions>,
}

impl Message for Assignment {
    fn decode(r: &mut Reader, version: i16) -> Result<Self, DecodeError> {
        let message = Self { topic_partitions: r.array(|r| TopicPartitions::decode(r, version))? };
        r.no_tags()?;
        Ok(message)
    }

    fn encode(&self, w: &mut Writer, version: i16) {
        w.array(&self.topic_partitions, |w, each| each.encode(w, version));
        w.no_tags();
    }
}
