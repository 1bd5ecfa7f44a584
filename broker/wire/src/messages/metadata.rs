//! The messages of Metadata (API key 3).
// Generated from messages.table; do not edit.
#![expect(missing_docs, reason = "the fields are Kafka's, under Kafka's names")]

use crate::Message;
use crate::error_code::ErrorCode;
use crate::reader::{DecodeError, Reader};
use crate::text::Str;
use crate::writer::Writer;
use uuid::Uuid;

#[derive(Clone, Debug, PartialEq)]
pub struct MetadataRequest {
    pub topics: Option<Vec<MetadataRequestTopic>>,
    pub allow_auto_topic_creation: bool,
    pub include_cluster_authorized_operations: bool,
    pub include_topic_authorized_operations: bool,
}

impl Default for MetadataRequest {
    fn default() -> Self {
        Self {
            topics: Default::default(),
            allow_auto_topic_creation: true,
            include_cluster_authorized_operations: Default::default(),
            include_topic_authorized_operations: Default::default(),
        }
    }
}

impl Message for MetadataRequest {
    fn decode(r: &mut Reader, version: i16) -> Result<Self, DecodeError> {
        let message = Self {
            topics: if version >= 1 {
                r.nullable_array(|r| MetadataRequestTopic::decode(r, version))?
            } else {
                Some(r.array(|r| MetadataRequestTopic::decode(r, version))?)
            },
            allow_auto_topic_creation: if version >= 4 { r.bool()? } else { true },
            include_cluster_authorized_operations: if (8..=10).contains(&version) {
                r.bool()?
            } else {
                Default::default()
            },
            include_topic_authorized_operations: if version >= 8 { r.bool()? } else { Default::default() },
        };
        r.no_tags()?;
        Ok(message)
    }

    fn encode(&self, w: &mut Writer, version: i16) {
        if version >= 1 {
            w.nullable_array(self.topics.as_ref(), |w, each| each.encode(w, version))
        } else {
            w.required(self.topics.as_ref(), |w, each| w.array(each, |w, each| each.encode(w, version)))
        };
        if version >= 4 {
            w.bool(self.allow_auto_topic_creation);
        }
        if (8..=10).contains(&version) {
            w.bool(self.include_cluster_authorized_operations);
        }
        if version >= 8 {
            w.bool(self.include_topic_authorized_operations);
        }
        w.no_tags();
    }
}

#[derive(Clone, Debug, Default, PartialEq)]
pub struct MetadataRequestTopic {
    pub topic_id: Uuid,
    pub name: Option<Str>,
}

impl Message for MetadataRequestTopic {
    fn decode(r: &mut Reader, version: i16) -> Result<Self, DecodeError> {
        let message = Self {
            topic_id: if version >= 10 { r.uuid()? } else { Default::default() },
            name: if version >= 10 { r.nullable_str()? } else { Some(r.str()?) },
        };
        r.no_tags()?;
        Ok(message)
    }

    fn encode(&self, w: &mut Writer, version: i16) {
        if version >= 10 {
            w.uuid(self.topic_id);
        }
        if version >= 10 {
            w.nullable_str(self.name.as_ref())
        } else {
            w.required(self.name.as_ref(), Writer::str)
        };
        w.no_tags();
    }
}

#[derive(Clone, Debug, PartialEq)]
pub struct MetadataResponse {
    pub throttle_time_ms: i32,
    pub brokers: Vec<MetadataResponseBroker>,
    pub cluster_id: Option<Str>,
    pub controller_id: i32,
    pub topics: Vec<MetadataResponseTopic>,
    pub cluster_authorized_operations: i32,
    pub error_code: ErrorCode,
}

impl Default for MetadataResponse {
    fn default() -> Self {
        Self {
            throttle_time_ms: Default::default(),
            brokers: Default::default(),
            cluster_id: Default::default(),
            controller_id: -1,
            topics: Default::default(),
            cluster_authorized_operations: -2_147_483_648,
            error_code: Default::default(),
        }
    }
}

impl Message for MetadataResponse {
    fn decode(r: &mut Reader, version: i16) -> Result<Self, DecodeError> {
        let message = Self {
            throttle_time_ms: if version >= 3 { r.i32()? } else { Default::default() },
            brokers: r.array(|r| MetadataResponseBroker::decode(r, version))?,
            cluster_id: if version >= 2 { r.nullable_str()? } else { Default::default() },
            controller_id: if version >= 1 { r.i32()? } else { -1 },
            topics: r.array(|r| MetadataResponseTopic::decode(r, version))?,
            cluster_authorized_operations: if (8..=10).contains(&version) { r.i32()? } else { -2_147_483_648 },
            error_code: if version >= 13 { r.error_code()? } else { Default::default() },
        };
        r.no_tags()?;
        Ok(message)
    }

    fn encode(&self, w: &mut Writer, version: i16) {
        if version >= 3 {
            w.i32(self.throttle_time_ms);
        }
        w.array(&self.brokers, |w, each| each.encode(w, version));
        if version >= 2 {
            w.nullable_str(self.cluster_id.as_ref());
        }
        if version >= 1 {
            w.i32(self.controller_id);
        }
        w.array(&self.topics, |w, each| each.encode(w, version));
        if (8..=10).contains(&version) {
            w.i32(self.cluster_authorized_operations);
        }
        if version >= 13 {
            w.error_code(self.error_code);
        }
        w.no_tags();
    }
}

#[derive(Clone, Debug, Default, PartialEq)]
pub struct MetadataResponseBroker {
    pub node_id: i32,
    pub host: Str,
    pub port: i32,
    pub rack: Option<Str>,
}

impl Message for MetadataResponseBroker {
    fn decode(r: &mut Reader, version: i16) -> Result<Self, DecodeError> {
        let message = Self {
            node_id: r.i32()?,
            host: r.str()?,
            port: r.i32()?,
            rack: if version >= 1 { r.nullable_str()? } else { Default::default() },
        };
        r.no_tags()?;
        Ok(message)
    }

    fn encode(&self, w: &mut Writer, version: i16) {
        w.i32(self.node_id);
        w.str(&self.host);
        w.i32(self.port);
        if version >= 1 {
            w.nullable_str(self.rack.as_ref());
        }
        w.no_tags();
    }
}

#[derive(Clone, Debug, PartialEq)]
pub struct MetadataResponseTopic {
    pub error_code: ErrorCode,
    pub name: Option<Str>,
    pub topic_id: Uuid,
    pub is_internal: bool,
    pub partitions: Vec<MetadataResponsePartition>,
    pub topic_authorized_operations: i32,
}

impl Default for MetadataResponseTopic {
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

impl Message for MetadataResponseTopic {
    fn decode(r: &mut Reader, version: i16) -> Result<Self, DecodeError> {
        let message = Self {
            error_code: r.error_code()?,
            name: if version >= 12 { r.nullable_str()? } else { Some(r.str()?) },
            topic_id: if version >= 10 { r.uuid()? } else { Default::default() },
            is_internal: if version >= 1 { r.bool()? } else { Default::default() },
            partitions: r.array(|r| MetadataResponsePartition::decode(r, version))?,
            topic_authorized_operations: if version >= 8 { r.i32()? } else { -2_147_483_648 },
        };
        r.no_tags()?;
        Ok(message)
    }

    fn encode(&self, w: &mut Writer, version: i16) {
        w.error_code(self.error_code);
        if version >= 12 {
            w.nullable_str(self.name.as_ref())
        } else {
            w.required(self.name.as_ref(), Writer::str)
        };
        if version >= 10 {
            w.uuid(self.topic_id);
        }
        if version >= 1 {
            w.bool(self.is_internal);
        }
        w.array(&self.partitions, |w, each| each.encode(w, version));
        if version >= 8 {
            w.i32(self.topic_authorized_operations);
        }
        w.no_tags();
    }
}

#[derive(Clone, Debug, PartialEq)]
pub struct MetadataResponsePartition {
    pub error_code: ErrorCode,
    pub partition_index: i32,
    pub leader_id: i32,
    pub leader_epoch: i32,
    pub replica_nodes: Vec<i32>,
    pub isr_nodes: Vec<i32>,
    pub offline_replicas: Vec<i32>,
}

impl Default for MetadataResponsePartition {
    fn default() -> Self {
        Self {
            error_code: Default::default(),
            partition_index: Default::default(),
            leader_id: Default::default(),
            leader_epoch: -1,
            replica_nodes: Default::default(),
            isr_nodes: Default::default(),
            offline_replicas: Default::default(),
        }
    }
}

impl Message for MetadataResponsePartition {
    fn decode(r: &mut Reader, version: i16) -> Result<Self, DecodeError> {
        let message = Self {
            error_code: r.error_code()?,
            partition_index: r.i32()?,
            leader_id: r.i32()?,
            leader_epoch: if version >= 7 { r.i32()? } else { -1 },
            replica_nodes: r.array(Reader::i32)?,
            isr_nodes: r.array(Reader::i32)?,
            offline_replicas: if version >= 5 { r.array(Reader::i32)? } else { Default::default() },
        };
        r.no_tags()?;
        Ok(message)
    }

    fn encode(&self, w: &mut Writer, version: i16) {
        w.error_code(self.error_code);
        w.i32(self.partition_index);
        w.i32(self.leader_id);
        if version >= 7 {
            w.i32(self.leader_epoch);
        }
        w.array(&self.replica_nodes, |w, each| w.i32(*each));
        w.array(&self.isr_nodes, |w, each| w.i32(*each));
        if version >= 5 {
            w.array(&self.offline_replicas, |w, each| w.i32(*each));
        }
        w.no_tags();
    }
}
