//! The messages of CreateTopics (API key 19).
// Generated from messages.table; do not edit.
#![expect(missing_docs, reason = "the fields are Kafka's, under Kafka's names")]

use crate::Message;
use crate::error_code::ErrorCode;
use crate::reader::{DecodeError, Reader};
use crate::text::Str;
use crate::writer::Writer;
use uuid::Uuid;

#[derive(Clone, Debug, PartialEq)]
pub struct CreateTopicsRequest {
    pub topics: Vec<CreatableTopic>,
    pub timeout_ms: i32,
    pub validate_only: bool,
}

impl Default for CreateTopicsRequest {
    fn default() -> Self {
        Self { topics: Default::default(), timeout_ms: 60_000, validate_only: Default::default() }
    }
}

impl Message for CreateTopicsRequest {
    fn decode(r: &mut Reader, version: i16) -> Result<Self, DecodeError> {
        let message = Self {
            topics: r.array(|r| CreatableTopic::decode(r, version))?,
            timeout_ms: r.i32()?,
            validate_only: r.bool()?,
        };
        r.no_tags()?;
        Ok(message)
    }

    fn encode(&self, w: &mut Writer, version: i16) {
        w.array(&self.topics, |w, each| each.encode(w, version));
        w.i32(self.timeout_ms);
        w.bool(self.validate_only);
        w.no_tags();
    }
}

#[derive(Clone, Debug, Default, PartialEq)]
pub struct CreatableTopic {
    pub name: Str,
    pub num_partitions: i32,
    pub replication_factor: i16,
    pub assignments: Vec<CreatableReplicaAssignment>,
    pub configs: Vec<CreatableTopicConfig>,
}

impl Message for CreatableTopic {
    fn decode(r: &mut Reader, version: i16) -> Result<Self, DecodeError> {
        let message = Self {
            name: r.str()?,
            num_partitions: r.i32()?,
            replication_factor: r.i16()?,
            assignments: r.array(|r| CreatableReplicaAssignment::decode(r, version))?,
            configs: r.array(|r| CreatableTopicConfig::decode(r, version))?,
        };
        r.no_tags()?;
        Ok(message)
    }

    fn encode(&self, w: &mut Writer, version: i16) {
        w.str(&self.name);
        w.i32(self.num_partitions);
        w.i16(self.replication_factor);
        w.array(&self.assignments, |w, each| each.encode(w, version));
        w.array(&self.configs, |w, each| each.encode(w, version));
        w.no_tags();
    }
}

#[derive(Clone, Debug, Default, PartialEq)]
pub struct CreatableReplicaAssignment {
    pub partition_index: i32,
    pub broker_ids: Vec<i32>,
}

impl Message for CreatableReplicaAssignment {
    fn decode(r: &mut Reader, _version: i16) -> Result<Self, DecodeError> {
        let message = Self { partition_index: r.i32()?, broker_ids: r.array(Reader::i32)? };
        r.no_tags()?;
        Ok(message)
    }

    fn encode(&self, w: &mut Writer, _version: i16) {
        w.i32(self.partition_index);
        w.array(&self.broker_ids, |w, each| w.i32(*each));
        w.no_tags();
    }
}

#[derive(Clone, Debug, Default, PartialEq)]
pub struct CreatableTopicConfig {
    pub name: Str,
    pub value: Option<Str>,
}

impl Message for CreatableTopicConfig {
    fn decode(r: &mut Reader, _version: i16) -> Result<Self, DecodeError> {
        let message = Self { name: r.str()?, value: r.nullable_str()? };
        r.no_tags()?;
        Ok(message)
    }

    fn encode(&self, w: &mut Writer, _version: i16) {
        w.str(&self.name);
        w.nullable_str(self.value.as_ref());
        w.no_tags();
    }
}

#[derive(Clone, Debug, Default, PartialEq)]
pub struct CreateTopicsResponse {
    pub throttle_time_ms: i32,
    pub topics: Vec<CreatableTopicResult>,
}

impl Message for CreateTopicsResponse {
    fn decode(r: &mut Reader, version: i16) -> Result<Self, DecodeError> {
        let message =
            Self { throttle_time_ms: r.i32()?, topics: r.array(|r| CreatableTopicResult::decode(r, version))? };
        r.no_tags()?;
        Ok(message)
    }

    fn encode(&self, w: &mut Writer, version: i16) {
        w.i32(self.throttle_time_ms);
        w.array(&self.topics, |w, each| each.encode(w, version));
        w.no_tags();
    }
}

#[derive(Clone, Debug, PartialEq)]
pub struct CreatableTopicResult {
    pub name: Str,
    pub topic_id: Uuid,
    pub error_code: ErrorCode,
    pub error_message: Option<Str>,
    pub topic_config_error_code: ErrorCode,
    pub num_partitions: i32,
    pub replication_factor: i16,
    pub configs: Option<Vec<CreatableTopicConfigs>>,
}

impl Default for CreatableTopicResult {
    fn default() -> Self {
        Self {
            name: Default::default(),
            topic_id: Default::default(),
            error_code: Default::default(),
            error_message: Default::default(),
            topic_config_error_code: Default::default(),
            num_partitions: -1,
            replication_factor: -1,
            configs: Default::default(),
        }
    }
}

impl Message for CreatableTopicResult {
    fn decode(r: &mut Reader, version: i16) -> Result<Self, DecodeError> {
        let mut message = Self {
            name: r.str()?,
            topic_id: if version >= 7 { r.uuid()? } else { Default::default() },
            error_code: r.error_code()?,
            error_message: r.nullable_str()?,
            topic_config_error_code: Default::default(),
            num_partitions: if version >= 5 { r.i32()? } else { -1 },
            replication_factor: if version >= 5 { r.i16()? } else { -1 },
            configs: if version >= 5 {
                r.nullable_array(|r| CreatableTopicConfigs::decode(r, version))?
            } else {
                Default::default()
            },
        };
        r.tags(|r, tag| {
            match tag {
                0 if version >= 5 => message.topic_config_error_code = r.error_code()?,
                _ => {}
            }
            Ok(())
        })?;
        Ok(message)
    }

    fn encode(&self, w: &mut Writer, version: i16) {
        w.str(&self.name);
        if version >= 7 {
            w.uuid(self.topic_id);
        }
        w.error_code(self.error_code);
        w.nullable_str(self.error_message.as_ref());
        if version >= 5 {
            w.i32(self.num_partitions);
        }
        if version >= 5 {
            w.i16(self.replication_factor);
        }
        if version >= 5 {
            w.nullable_array(self.configs.as_ref(), |w, each| each.encode(w, version));
        }
        let mut tags = w.begin_tags();
        if version >= 5 && self.topic_config_error_code != ErrorCode::default() {
            tags.put(0, |w| w.error_code(self.topic_config_error_code));
        }
        w.end_tags(tags);
    }
}

#[derive(Clone, Debug, PartialEq)]
pub struct CreatableTopicConfigs {
    pub name: Str,
    pub value: Option<Str>,
    pub read_only: bool,
    pub config_source: i8,
    pub is_sensitive: bool,
}

impl Default for CreatableTopicConfigs {
    fn default() -> Self {
        Self {
            name: Default::default(),
            value: Default::default(),
            read_only: Default::default(),
            config_source: -1,
            is_sensitive: Default::default(),
        }
    }
}

impl Message for CreatableTopicConfigs {
    fn decode(r: &mut Reader, _version: i16) -> Result<Self, DecodeError> {
        let message = Self {
            name: r.str()?,
            value: r.nullable_str()?,
            read_only: r.bool()?,
            config_source: r.i8()?,
            is_sensitive: r.bool()?,
        };
        r.no_tags()?;
        Ok(message)
    }

    fn encode(&self, w: &mut Writer, _version: i16) {
        w.str(&self.name);
        w.nullable_str(self.value.as_ref());
        w.bool(self.read_only);
        w.i8(self.config_source);
        w.bool(self.is_sensitive);
        w.no_tags();
    }
}
