//! The messages of OffsetFetch (API key 9).
// Generated from messages.table; do not edit.
#![expect(missing_docs, reason = "the fields are Kafka's, under Kafka's names")]

use crate::Message;
use crate::error_code::ErrorCode;
use crate::reader::{DecodeError, Reader};
use crate::text::Str;
use crate::writer::Writer;
use uuid::Uuid;

#[derive(Clone, Debug, Default, PartialEq)]
pub struct OffsetFetchRequest {
    pub group_id: Str,
    pub topics: Option<Vec<OffsetFetchRequestTopic>>,
    pub groups: Vec<OffsetFetchRequestGroup>,
    pub require_stable: bool,
}

impl Message for OffsetFetchRequest {
    fn decode(r: &mut Reader, version: i16) -> Result<Self, DecodeError> {
        let message = Self {
            group_id: if version <= 7 { r.str()? } else { Default::default() },
            topics: if version <= 7 {
                if (2..=7).contains(&version) {
                    r.nullable_array(|r| OffsetFetchRequestTopic::decode(r, version))?
                } else {
                    Some(r.array(|r| OffsetFetchRequestTopic::decode(r, version))?)
                }
            } else {
                Default::default()
            },
            groups: if version >= 8 {
                r.array(|r| OffsetFetchRequestGroup::decode(r, version))?
            } else {
                Default::default()
            },
            require_stable: if version >= 7 { r.bool()? } else { Default::default() },
        };
        r.no_tags()?;
        Ok(message)
    }

    fn encode(&self, w: &mut Writer, version: i16) {
        if version <= 7 {
            w.str(&self.group_id);
        }
        if version <= 7 {
            if (2..=7).contains(&version) {
                w.nullable_array(self.topics.as_ref(), |w, each| each.encode(w, version))
            } else {
                w.required(self.topics.as_ref(), |w, each| w.array(each, |w, each| each.encode(w, version)))
            };
        }
        if version >= 8 {
            w.array(&self.groups, |w, each| each.encode(w, version));
        }
        if version >= 7 {
            w.bool(self.require_stable);
        }
        w.no_tags();
    }
}

#[derive(Clone, Debug, Default, PartialEq)]
pub struct OffsetFetchRequestTopic {
    pub name: Str,
    pub partition_indexes: Vec<i32>,
}

impl Message for OffsetFetchRequestTopic {
    fn decode(r: &mut Reader, _version: i16) -> Result<Self, DecodeError> {
        let message = Self { name: r.str()?, partition_indexes: r.array(Reader::i32)? };
        r.no_tags()?;
        Ok(message)
    }

    fn encode(&self, w: &mut Writer, _version: i16) {
        w.str(&self.name);
        w.array(&self.partition_indexes, |w, each| w.i32(*each));
        w.no_tags();
    }
}

#[derive(Clone, Debug, PartialEq)]
pub struct OffsetFetchRequestGroup {
    pub group_id: Str,
    pub member_id: Option<Str>,
    pub member_epoch: i32,
    pub topics: Option<Vec<OffsetFetchRequestTopics>>,
}

impl Default for OffsetFetchRequestGroup {
    fn default() -> Self {
        Self {
            group_id: Default::default(),
            member_id: Default::default(),
            member_epoch: -1,
            topics: Default::default(),
        }
    }
}

impl Message for OffsetFetchRequestGroup {
    fn decode(r: &mut Reader, version: i16) -> Result<Self, DecodeError> {
        let message = Self {
            group_id: r.str()?,
            member_id: if version >= 9 { r.nullable_str()? } else { Default::default() },
            member_epoch: if version >= 9 { r.i32()? } else { -1 },
            topics: r.nullable_array(|r| OffsetFetchRequestTopics::decode(r, version))?,
        };
        r.no_tags()?;
        Ok(message)
    }

    fn encode(&self, w: &mut Writer, version: i16) {
        w.str(&self.group_id);
        if version >= 9 {
            w.nullable_str(self.member_id.as_ref());
        }
        if version >= 9 {
            w.i32(self.member_epoch);
        }
        w.nullable_array(self.topics.as_ref(), |w, each| each.encode(w, version));
        w.no_tags();
    }
}

#[derive(Clone, Debug, Default, PartialEq)]
pub struct OffsetFetchRequestTopics {
    pub name: Str,
    pub topic_id: Uuid,
    pub partition_indexes: Vec<i32>,
}

impl Message for OffsetFetchRequestTopics {
    fn decode(r: &mut Reader, version: i16) -> Result<Self, DecodeError> {
        let message = Self {
            name: if version <= 9 { r.str()? } else { Default::default() },
            topic_id: if version >= 10 { r.uuid()? } else { Default::default() },
            partition_indexes: r.array(Reader::i32)?,
        };
        r.no_tags()?;
        Ok(message)
    }

    fn encode(&self, w: &mut Writer, version: i16) {
        if version <= 9 {
            w.str(&self.name);
        }
        if version >= 10 {
            w.uuid(self.topic_id);
        }
        w.array(&self.partition_indexes, |w, each| w.i32(*each));
        w.no_tags();
    }
}

#[derive(Clone, Debug, Default, PartialEq)]
pub struct OffsetFetchResponse {
    pub throttle_time_ms: i32,
    pub topics: Vec<OffsetFetchResponseTopic>,
    pub error_code: ErrorCode,
    pub groups: Vec<OffsetFetchResponseGroup>,
}

impl Message for OffsetFetchResponse {
    fn decode(r: &mut Reader, version: i16) -> Result<Self, DecodeError> {
        let message = Self {
            throttle_time_ms: if version >= 3 { r.i32()? } else { Default::default() },
            topics: if version <= 7 {
                r.array(|r| OffsetFetchResponseTopic::decode(r, version))?
            } else {
                Default::default()
            },
            error_code: if (2..=7).contains(&version) { r.error_code()? } else { Default::default() },
            groups: if version >= 8 {
                r.array(|r| OffsetFetchResponseGroup::decode(r, version))?
            } else {
                Default::default()
            },
        };
        r.no_tags()?;
        Ok(message)
    }

    fn encode(&self, w: &mut Writer, version: i16) {
        if version >= 3 {
            w.i32(self.throttle_time_ms);
        }
        if version <= 7 {
            w.array(&self.topics, |w, each| each.encode(w, version));
        }
        if (2..=7).contains(&version) {
            w.error_code(self.error_code);
        }
        if version >= 8 {
            w.array(&self.groups, |w, each| each.encode(w, version));
        }
        w.no_tags();
    }
}

#[derive(Clone, Debug, Default, PartialEq)]
pub struct OffsetFetchResponseTopic {
    pub name: Str,
    pub partitions: Vec<OffsetFetchResponsePartition>,
}

impl Message for OffsetFetchResponseTopic {
    fn decode(r: &mut Reader, version: i16) -> Result<Self, DecodeError> {
        let message =
            Self { name: r.str()?, partitions: r.array(|r| OffsetFetchResponsePartition::decode(r, version))? };
        r.no_tags()?;
        Ok(message)
    }

    fn encode(&self, w: &mut Writer, version: i16) {
        w.str(&self.name);
        w.array(&self.partitions, |w, each| each.encode(w, version));
        w.no_tags();
    }
}

#[derive(Clone, Debug, PartialEq)]
pub struct OffsetFetchResponsePartition {
    pub partition_index: i32,
    pub committed_offset: i64,
    pub committed_leader_epoch: i32,
    pub metadata: Option<Str>,
    pub error_code: ErrorCode,
}

impl Default for OffsetFetchResponsePartition {
    fn default() -> Self {
        Self {
            partition_index: Default::default(),
            committed_offset: Default::default(),
            committed_leader_epoch: -1,
            metadata: Default::default(),
            error_code: Default::default(),
        }
    }
}

impl Message for OffsetFetchResponsePartition {
    fn decode(r: &mut Reader, version: i16) -> Result<Self, DecodeError> {
        let message = Self {
            partition_index: r.i32()?,
            committed_offset: r.i64()?,
            committed_leader_epoch: if version >= 5 { r.i32()? } else { -1 },
            metadata: r.nullable_str()?,
            error_code: r.error_code()?,
        };
        r.no_tags()?;
        Ok(message)
    }

    fn encode(&self, w: &mut Writer, version: i16) {
        w.i32(self.partition_index);
        w.i64(self.committed_offset);
        if version >= 5 {
            w.i32(self.committed_leader_epoch);
        }
        w.nullable_str(self.metadata.as_ref());
        w.error_code(self.error_code);
        w.no_tags();
    }
}

#[derive(Clone, Debug, Default, PartialEq)]
pub struct OffsetFetchResponseGroup {
    pub group_id: Str,
    pub topics: Vec<OffsetFetchResponseTopics>,
    pub error_code: ErrorCode,
}

impl Message for OffsetFetchResponseGroup {
    fn decode(r: &mut Reader, version: i16) -> Result<Self, DecodeError> {
        let message = Self {
            group_id: r.str()?,
            topics: r.array(|r| OffsetFetchResponseTopics::decode(r, version))?,
            error_code: r.error_code()?,
        };
        r.no_tags()?;
        Ok(message)
    }

    fn encode(&self, w: &mut Writer, version: i16) {
        w.str(&self.group_id);
        w.array(&self.topics, |w, each| each.encode(w, version));
        w.error_code(self.error_code);
        w.no_tags();
    }
}

#[derive(Clone, Debug, Default, PartialEq)]
pub struct OffsetFetchResponseTopics {
    pub name: Str,
    pub topic_id: Uuid,
    pub partitions: Vec<OffsetFetchResponsePartitions>,
}

impl Message for OffsetFetchResponseTopics {
    fn decode(r: &mut Reader, version: i16) -> Result<Self, DecodeError> {
        let message = Self {
            name: if version <= 9 { r.str()? } else { Default::default() },
            topic_id: if version >= 10 { r.uuid()? } else { Default::default() },
            partitions: r.array(|r| OffsetFetchResponsePartitions::decode(r, version))?,
        };
        r.no_tags()?;
        Ok(message)
    }

    fn encode(&self, w: &mut Writer, version: i16) {
        if version <= 9 {
            w.str(&self.name);
        }
        if version >= 10 {
            w.uuid(self.topic_id);
        }
        w.array(&self.partitions, |w, each| each.encode(w, version));
        w.no_tags();
    }
}

#[derive(Clone, Debug, PartialEq)]
pub struct OffsetFetchResponsePartitions {
    pub partition_index: i32,
    pub committed_offset: i64,
    pub committed_leader_epoch: i32,
    pub metadata: Option<Str>,
    pub error_code: ErrorCode,
}

impl Default for OffsetFetchResponsePartitions {
    fn default() -> Self {
        Self {
            partition_index: Default::default(),
            committed_offset: Default::default(),
            committed_leader_epoch: -1,
            metadata: Default::default(),
            error_code: Default::default(),
        }
    }
}

impl Message for OffsetFetchResponsePartitions {
    fn decode(r: &mut Reader, _version: i16) -> Result<Self, DecodeError> {
        let message = Self {
            partition_index: r.i32()?,
            committed_offset: r.i64()?,
            committed_leader_epoch: r.i32()?,
            metadata: r.nullable_str()?,
            error_code: r.error_code()?,
        };
        r.no_tags()?;
        Ok(message)
    }

    fn encode(&self, w: &mut Writer, _version: i16) {
        w.i32(self.partition_index);
        w.i64(self.committed_offset);
        w.i32(self.committed_leader_epoch);
        w.nullable_str(self.metadata.as_ref());
        w.error_code(self.error_code);
        w.no_tags();
    }
}
