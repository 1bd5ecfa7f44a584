//! The messages of OffsetForLeaderEpoch (API key 23).
// Generated from messages.table; do not edit.
#![expect(missing_docs, reason = "the fields are Kafka's, under Kafka's names")]

use crate::Message;
use crate::error_code::ErrorCode;
use crate::reader::{DecodeError, Reader};
use crate::text::Str;
use crate::writer::Writer;

#[derive(Clone, Debug, PartialEq)]
pub struct OffsetForLeaderEpochRequest {
    pub replica_id: i32,
    pub topics: Vec<OffsetForLeaderTopic>,
}

impl Default for OffsetForLeaderEpochRequest {
    fn default() -> Self {
        Self { replica_id: -2, topics: Default::default() }
    }
}

impl Message for OffsetForLeaderEpochRequest {
    fn decode(r: &mut Reader, version: i16) -> Result<Self, DecodeError> {
        let message = Self {
            replica_id: if version >= 3 { r.i32()? } else { -2 },
            topics: r.array(|r| OffsetForLeaderTopic::decode(r, version))?,
        };
        r.no_tags()?;
        Ok(message)
    }

    fn encode(&self, w: &mut Writer, version: i16) {
        if version >= 3 {
            w.i32(self.replica_id);
        }
        w.array(&self.topics, |w, each| each.encode(w, version));
        w.no_tags();
    }
}

#[derive(Clone, Debug, Default, PartialEq)]
pub struct OffsetForLeaderTopic {
    pub topic: Str,
    pub partitions: Vec<OffsetForLeaderPartition>,
}

impl Message for OffsetForLeaderTopic {
    fn decode(r: &mut Reader, version: i16) -> Result<Self, DecodeError> {
        let message = Self { topic: r.str()?, partitions: r.array(|r| OffsetForLeaderPartition::decode(r, version))? };
        r.no_tags()?;
        Ok(message)
    }

    fn encode(&self, w: &mut Writer, version: i16) {
        w.str(&self.topic);
        w.array(&self.partitions, |w, each| each.encode(w, version));
        w.no_tags();
    }
}

#[derive(Clone, Debug, PartialEq)]
pub struct OffsetForLeaderPartition {
    pub partition: i32,
    pub current_leader_epoch: i32,
    pub leader_epoch: i32,
}

impl Default for OffsetForLeaderPartition {
    fn default() -> Self {
        Self { partition: Default::default(), current_leader_epoch: -1, leader_epoch: Default::default() }
    }
}

impl Message for OffsetForLeaderPartition {
    fn decode(r: &mut Reader, _version: i16) -> Result<Self, DecodeError> {
        let message = Self { partition: r.i32()?, current_leader_epoch: r.i32()?, leader_epoch: r.i32()? };
        r.no_tags()?;
        Ok(message)
    }

    fn encode(&self, w: &mut Writer, _version: i16) {
        w.i32(self.partition);
        w.i32(self.current_leader_epoch);
        w.i32(self.leader_epoch);
        w.no_tags();
    }
}

#[derive(Clone, Debug, Default, PartialEq)]
pub struct OffsetForLeaderEpochResponse {
    pub throttle_time_ms: i32,
    pub topics: Vec<OffsetForLeaderTopicResult>,
}

impl Message for OffsetForLeaderEpochResponse {
    fn decode(r: &mut Reader, version: i16) -> Result<Self, DecodeError> {
        let message =
            Self { throttle_time_ms: r.i32()?, topics: r.array(|r| OffsetForLeaderTopicResult::decode(r, version))? };
        r.no_tags()?;
        Ok(message)
    }

    fn encode(&self, w: &mut Writer, version: i16) {
        w.i32(self.throttle_time_ms);
        w.array(&self.topics, |w, each| each.encode(w, version));
        w.no_tags();
    }
}

#[derive(Clone, Debug, Default, PartialEq)]
pub struct OffsetForLeaderTopicResult {
    pub topic: Str,
    pub partitions: Vec<EpochEndOffset>,
}

impl Message for OffsetForLeaderTopicResult {
    fn decode(r: &mut Reader, version: i16) -> Result<Self, DecodeError> {
        let message = Self { topic: r.str()?, partitions: r.array(|r| EpochEndOffset::decode(r, version))? };
        r.no_tags()?;
        Ok(message)
    }

    fn encode(&self, w: &mut Writer, version: i16) {
        w.str(&self.topic);
        w.array(&self.partitions, |w, each| each.encode(w, version));
        w.no_tags();
    }
}

#[derive(Clone, Debug, PartialEq)]
pub struct EpochEndOffset {
    pub error_code: ErrorCode,
    pub partition: i32,
    pub leader_epoch: i32,
    pub end_offset: i64,
}

impl Default for EpochEndOffset {
    fn default() -> Self {
        Self { error_code: Default::default(), partition: Default::default(), leader_epoch: -1, end_offset: -1 }
    }
}

impl Message for EpochEndOffset {
    fn decode(r: &mut Reader, _version: i16) -> Result<Self, DecodeError> {
        let message =
            Self { error_code: r.error_code()?, partition: r.i32()?, leader_epoch: r.i32()?, end_offset: r.i64()? };
        r.no_tags()?;
        Ok(message)
    }

    fn encode(&self, w: &mut Writer, _version: i16) {
        w.error_code(self.error_code);
        w.i32(self.partition);
        w.i32(self.leader_epoch);
        w.i64(self.end_offset);
        w.no_tags();
    }
}
