//! The messages of DescribeTopicPartitions (API key 75).
// Generated from messages.table; do not edit.
#![expect(missing_docs, reason = "the fields are Kafka's, under Kafka's names")]

use crate::Message;
use crate::error_code::ErrorCode;
use crate::reader::{DecodeError, Reader};
use crate::text::Str;
use crate::writer::Writer;
use uuid::Uuid;

#[derive(Clone, Debug, PartialEq)]
pub struct DescribeTopicPartitionsRequest {
    pub topics: Vec<TopicRequest>,
    pub response_partition_limit: i32,
    pub cursor: Option<Cursor>,
}

impl Default for DescribeTopicPartitionsRequest {
    fn default() -> Self {
        Self { topics: Default::default(), response_partition_limit: 2_000, cursor: Default::default() }
    }
}

impl Message for DescribeTopicPartitionsRequest {
    fn decode(r: &mut Reader, version: i16) -> Result<Self, DecodeError> {
        let message = Self {
            topics: r.array(|r| TopicRequest::decode(r, version))?,
            response_partition_limit: r.i32()?,
            cursor: r.nullable(|r| Cursor::decode(r, version))?,
        };
        r.no_tags()?;
        Ok(message)
    }

    fn encode(&self, w: &mut Writer, version: i16) {
        w.array(&self.topics, |w, each| each.encode(w, version));
        w.i32(self.response_partition_limit);
        w.nullable(self.cursor.as_ref(), |w, each| each.encode(w, version));
        w.no_tags();
    }
}

#[derive(Clone, Debug, Default, PartialEq)]
pub struct TopicRequest {
    pub name: Str,
}

impl Message for TopicRequest {
    fn decode(r: &mut Reader, _version: i16) -> Result<Self, DecodeError> {
        let message = Self { name: r.str()? };
        r.no_tags()?;
        Ok(message)
    }

    fn encode(&self, w: &mut Writer, _version: i16) {
        w.str(&self.name);
        w.no_tags();
    }
}

#[derive(Clone, Debug, Default, PartialEq)]
pub struct Cursor {
    pub topic_name: Str,
    pub partition_index: i32,
}

impl Message for Cursor {
    fn decode(r: &mut Reader, _version: i16) -> Result<Self, DecodeError> {
        let message = Self { topic_name: r.str()?, partition_index: r.i32()? };
        r.no_tags()?;
        Ok(message)
    }

    fn encode(&self, w: &mut Writer, _version: i16) {
        w.str(&self.topic_name);
        w.i32(self.partition_index);
        w.no_tags();
    }
}

#[derive(Clone, Debug, Default, PartialEq)]
pub struct DescribeTopicPartitionsResponse {
    pub throttle_time_ms: i32,
    pub topics: Vec<DescribeTopicPartitionsResponseTopic>,
    pub next_cursor: Option<Cursor>,
}

impl Message for DescribeTopicPartitionsResponse {
    fn decode(r: &mut Reader, version: i16) -> Result<Self, DecodeError> {
        let message = Self {
            throttle_time_ms: r.i32()?,
            topics: r.array(|r| DescribeTopicPartitionsResponseTopic::decode(r, version))?,
            next_cursor: r.nullable(|r| Cursor::decode(r, version))?,
        };
        r.no_tags()?;
        Ok(message)
    }

    fn encode(&self, w: &mut Writer, version: i16) {
        w.i32(self.throttle_time_ms);
        w.array(&self.topics, |w, each| each.encode(w, version));
        w.nullable(self.next_cursor.as_ref(), |w, each| each.encode(w, version));
        w.no_tags();
    }
}

#[derive(Clone, Debug, PartialEq)]
pub struct DescribeTopicPartitionsResponseTopic {
    pub error_code: ErrorCode,
    pub name: Option<Str>,
    pub topic_id: Uuid,
    pub is_internal: bool,
    pub partitions: Vec<DescribeTopicPartitionsResponsePartition>,
    pub topic_authorized_operations: i32,
}

impl Default for DescribeTopicPartitionsResponseTopic {
    fn default() -> Self {
        Self {
            error_code: Default::default(),
            name: Default::default(),
            topic_id: Default::default(),
            is_internal: Default::default(),
            partitions: Default::default(),
            topic_authorized_operations: -2_147_483_648,
        }
    }
}

impl Message for DescribeTopicPartitionsResponseTopic {
    fn decode(r: &mut Reader, version: i16) -> Result<Self, DecodeError> {
        let message = Self {
            error_code: r.error_code()?,
            name: r.nullable_str()?,
            topic_id: r.uuid()?,
            is_internal: r.bool()?,
            partitions: r.array(|r| DescribeTopicPartitionsResponsePartition::decode(r, version))?,
            topic_authorized_operations: r.i32()?,
        };
        r.no_tags()?;
        Ok(message)
    }

    fn encode(&self, w: &mut Writer, version: i16) {
        w.error_code(self.error_code);
        w.nullable_str(self.name.as_ref());
        w.uuid(self.topic_id);
        w.bool(self.is_internal);
        w.array(&self.partitions, |w, each| each.encode(w, version));
        w.i32(self.topic_authorized_operations);
        w.no_tags();
    }
}

#[derive(Clone, Debug, PartialEq)]
pub struct DescribeTopicPartitionsResponsePartition {
    pub error_code: ErrorCode,
    pub partition_index: i32,
    pub leader_id: i32,
    pub leader_epoch: i32,
    pub replica_nodes: Vec<i32>,
    pub isr_nodes: Vec<i32>,
    pub eligible_leader_replicas: Option<Vec<i32>>,
    pub last_known_elr: Option<Vec<i32>>,
    pub offline_replicas: Vec<i32>,
}

impl Default for DescribeTopicPartitionsResponsePartition {
    fn default() -> Self {
        Self {
            error_code: Default::default(),
            partition_index: Default::default(),
            leader_id: Default::default(),
            leader_epoch: -1,
            replica_nodes: Default::default(),
            isr_nodes: Default::default(),
            eligible_leader_replicas: Default::default(),
            last_known_elr: Default::default(),
            offline_replicas: Default::default(),
        }
    }
}

impl Message for DescribeTopicPartitionsResponsePartition {
    fn decode(r: &mut Reader, _version: i16) -> Result<Self, DecodeError> {
        let message = Self {
            error_code: r.error_code()?,
            partition_index: r.i32()?,
            leader_id: r.i32()?,
            leader_epoch: r.i32()?,
            replica_nodes: r.array(Reader::i32)?,
            isr_nodes: r.array(Reader::i32)?,
            eligible_leader_replicas: r.nullable_array(Reader::i32)?,
            last_known_elr: r.nullable_array(Reader::i32)?,
            offline_replicas: r.array(Reader::i32)?,
        };
        r.no_tags()?;
        Ok(message)
    }

    fn encode(&self, w: &mut Writer, _version: i16) {
        w.error_code(self.error_code);
        w.i32(self.partition_index);
        w.i32(self.leader_id);
        w.i32(self.leader_epoch);
        w.array(&self.replica_nodes, |w, each| w.i32(*each));
        w.array(&self.isr_nodes, |w, each| w.i32(*each));
        w.nullable_array(self.eligible_leader_replicas.as_ref(), |w, each| w.i32(*each));
        w.nullable_array(self.last_known_elr.as_ref(), |w, each| w.i32(*each));
        w.array(&self.offline_replicas, |w, each| w.i32(*each));
        w.no_tags();
    }
}
