//! The messages of OffsetDelete (API key 47).
// Generated from messages.table; do not edit.
#![expect(missing_docs, reason = "the fields are Kafka's, under Kafka's names")]

use crate::Message;
use crate::error_code::ErrorCode;
use crate::reader::{DecodeError, Reader};
use crate::text::Str;
use crate::writer::Writer;

#[derive(Clone, Debug, Default, PartialEq)]
pub struct OffsetDeleteRequest {
    pub group_id: Str,
    pub topics: Vec<OffsetDeleteRequestTopic>,
}

impl Message for OffsetDeleteRequest {
    fn decode(r: &mut Reader, version: i16) -> Result<Self, DecodeError> {
        let message = Self { group_id: r.str()?, topics: r.array(|r| OffsetDeleteRequestTopic::decode(r, version))? };
        Ok(message)
    }

    fn encode(&self, w: &mut Writer, version: i16) {
        w.str(&self.group_id);
        w.array(&self.topics, |w, each| each.encode(w, version));
    }
}

#[derive(Clone, Debug, Default, PartialEq)]
pub struct OffsetDeleteRequestTopic {
    pub name: Str,
    pub partitions: Vec<OffsetDeleteRequestPartition>,
}

impl Message for OffsetDeleteRequestTopic {
    fn decode(r: &mut Reader, version: i16) -> Result<Self, DecodeError> {
        let message =
            Self { name: r.str()?, partitions: r.array(|r| OffsetDeleteRequestPartition::decode(r, version))? };
        Ok(message)
    }

    fn encode(&self, w: &mut Writer, version: i16) {
        w.str(&self.name);
        w.array(&self.partitions, |w, each| each.encode(w, version));
    }
}

#[derive(Clone, Debug, Default, PartialEq)]
pub struct OffsetDeleteRequestPartition {
    pub partition_index: i32,
}

impl Message for OffsetDeleteRequestPartition {
    fn decode(r: &mut Reader, _version: i16) -> Result<Self, DecodeError> {
        let message = Self { partition_index: r.i32()? };
        Ok(message)
    }

    fn encode(&self, w: &mut Writer, _version: i16) {
        w.i32(self.partition_index);
    }
}

#[derive(Clone, Debug, Default, PartialEq)]
pub struct OffsetDeleteResponse {
    pub error_code: ErrorCode,
    pub throttle_time_ms: i32,
    pub topics: Vec<OffsetDeleteResponseTopic>,
}

impl Message for OffsetDeleteResponse {
    fn decode(r: &mut Reader, version: i16) -> Result<Self, DecodeError> {
        let message = Self {
            error_code: r.error_code()?,
            throttle_time_ms: r.i32()?,
            topics: r.array(|r| OffsetDeleteResponseTopic::decode(r, version))?,
        };
        Ok(message)
    }

    fn encode(&self, w: &mut Writer, version: i16) {
        w.error_code(self.error_code);
        w.i32(self.throttle_time_ms);
        w.array(&self.topics, |w, each| each.encode(w, version));
    }
}

#[derive(Clone, Debug, Default, PartialEq)]
pub struct OffsetDeleteResponseTopic {
    pub name: Str,
    pub partitions: Vec<OffsetDeleteResponsePartition>,
}

impl Message for OffsetDeleteResponseTopic {
    fn decode(r: &mut Reader, version: i16) -> Result<Self, DecodeError> {
        let message =
            Self { name: r.str()?, partitions: r.array(|r| OffsetDeleteResponsePartition::decode(r, version))? };
        Ok(message)
    }

    fn encode(&self, w: &mut Writer, version: i16) {
        w.str(&self.name);
        w.array(&self.partitions, |w, each| each.encode(w, version));
    }
}

#[derive(Clone, Debug, Default, PartialEq)]
pub struct OffsetDeleteResponsePartition {
    pub partition_index: i32,
    pub error_code: ErrorCode,
}

impl Message for OffsetDeleteResponsePartition {
    fn decode(r: &mut Reader, _version: i16) -> Result<Self, DecodeError> {
        let message = Self { partition_index: r.i32()?, error_code: r.error_code()? };
        Ok(message)
    }

    fn encode(&self, w: &mut Writer, _version: i16) {
        w.i32(self.partition_index);
        w.error_code(self.error_code);
    }
}
