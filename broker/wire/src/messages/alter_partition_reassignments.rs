//! The messages of AlterPartitionReassignments (API key 45).
// Generated from messages.table; do not edit.
#![expect(missing_docs, reason = "the fields are Kafka's, under Kafka's names")]

use crate::Message;
use crate::error_code::ErrorCode;
use crate::reader::{DecodeError, Reader};
use crate::text::Str;
use crate::writer::Writer;

#[derive(Clone, Debug, PartialEq)]
pub struct AlterPartitionReassignmentsRequest {
    pub timeout_ms: i32,
    pub allow_replication_factor_change: bool,
    pub topics: Vec<ReassignableTopic>,
}

impl Default for AlterPartitionReassignmentsRequest {
    fn default() -> Self {
        Self { timeout_ms: 60_000, allow_replication_factor_change: true, topics: Default::default() }
    }
}

impl Message for AlterPartitionReassignmentsRequest {
    fn decode(r: &mut Reader, version: i16) -> Result<Self, DecodeError> {
        let message = Self {
            timeout_ms: r.i32()?,
            allow_replication_factor_change: if version >= 1 { r.bool()? } else { true },
            topics: r.array(|r| ReassignableTopic::decode(r, version))?,
        };
        r.no_tags()?;
        Ok(message)
    }

    fn encode(&self, w: &mut Writer, version: i16) {
        w.i32(self.timeout_ms);
        if version >= 1 {
            w.bool(self.allow_replication_factor_change);
        }
        w.array(&self.topics, |w, each| each.encode(w, version));
        w.no_tags();
    }
}

#[derive(Clone, Debug, Default, PartialEq)]
pub struct ReassignableTopic {
    pub name: Str,
    pub partitions: Vec<ReassignablePartition>,
}

impl Message for ReassignableTopic {
    fn decode(r: &mut Reader, version: i16) -> Result<Self, DecodeError> {
        let message = Self { name: r.str()?, partitions: r.array(|r| ReassignablePartition::decode(r, version))? };
        r.no_tags()?;
        Ok(message)
    }

    fn encode(&self, w: &mut Writer, version: i16) {
        w.str(&self.name);
        w.array(&self.partitions, |w, each| each.encode(w, version));
        w.no_tags();
    }
}

#[derive(Clone, Debug, Default, PartialEq)]
pub struct ReassignablePartition {
    pub partition_index: i32,
    pub replicas: Option<Vec<i32>>,
}

impl Message for ReassignablePartition {
    fn decode(r: &mut Reader, _version: i16) -> Result<Self, DecodeError> {
        let message = Self { partition_index: r.i32()?, replicas: r.nullable_array(Reader::i32)? };
        r.no_tags()?;
        Ok(message)
    }

    fn encode(&self, w: &mut Writer, _version: i16) {
        w.i32(self.partition_index);
        w.nullable_array(self.replicas.as_ref(), |w, each| w.i32(*each));
        w.no_tags();
    }
}

#[derive(Clone, Debug, PartialEq)]
pub struct AlterPartitionReassignmentsResponse {
    pub throttle_time_ms: i32,
    pub allow_replication_factor_change: bool,
    pub error_code: ErrorCode,
    pub error_message: Option<Str>,
    pub responses: Vec<ReassignableTopicResponse>,
}

impl Default for AlterPartitionReassignmentsResponse {
    fn default() -> Self {
        Self {
            throttle_time_ms: Default::default(),
            allow_replication_factor_change: true,
            error_code: Default::default(),
            error_message: Default::default(),
            responses: Default::default(),
        }
    }
}

impl Message for AlterPartitionReassignmentsResponse {
    fn decode(r: &mut Reader, version: i16) -> Result<Self, DecodeError> {
        let message = Self {
            throttle_time_ms: r.i32()?,
            allow_replication_factor_change: if version >= 1 { r.bool()? } else { true },
            error_code: r.error_code()?,
            error_message: r.nullable_str()?,
            responses: r.array(|r| ReassignableTopicResponse::decode(r, version))?,
        };
        r.no_tags()?;
        Ok(message)
    }

    fn encode(&self, w: &mut Writer, version: i16) {
        w.i32(self.throttle_time_ms);
        if version >= 1 {
            w.bool(self.allow_replication_factor_change);
        }
        w.error_code(self.error_code);
        w.nullable_str(self.error_message.as_ref());
        w.array(&self.responses, |w, each| each.encode(w, version));
        w.no_tags();
    }
}

#[derive(Clone, Debug, Default, PartialEq)]
pub struct ReassignableTopicResponse {
    pub name: Str,
    pub partitions: Vec<ReassignablePartitionResponse>,
}

impl Message for ReassignableTopicResponse {
    fn decode(r: &mut Reader, version: i16) -> Result<Self, DecodeError> {
        let message =
            Self { name: r.str()?, partitions: r.array(|r| ReassignablePartitionResponse::decode(r, version))? };
        r.no_tags()?;
        Ok(message)
    }

    fn encode(&self, w: &mut Writer, version: i16) {
        w.str(&self.name);
        w.array(&self.partitions, |w, each| each.encode(w, version));
        w.no_tags();
    }
}

#[derive(Clone, Debug, Default, PartialEq)]
pub struct ReassignablePartitionResponse {
    pub partition_index: i32,
    pub error_code: ErrorCode,
    pub error_message: Option<Str>,
}

impl Message for ReassignablePartitionResponse {
    fn decode(r: &mut Reader, _version: i16) -> Result<Self, DecodeError> {
        let message = Self { partition_index: r.i32()?, error_code: r.error_code()?, error_message: r.nullable_str()? };
        r.no_tags()?;
        Ok(message)
    }

    fn encode(&self, w: &mut Writer, _version: i16) {
        w.i32(self.partition_index);
        w.error_code(self.error_code);
        w.nullable_str(self.error_message.as_ref());
        w.no_tags();
    }
}
