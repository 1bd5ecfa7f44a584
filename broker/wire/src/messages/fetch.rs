//! The messages of Fetch (API key 1).
// Generated from messages.table; do not edit.
#![expect(missing_docs, reason = "the fields are Kafka's, under Kafka's names")]

use crate::Message;
use crate::error_code::ErrorCode;
use crate::reader::{DecodeError, Reader};
use crate::records::Records;
use crate::text::Str;
use crate::writer::Writer;
use uuid::Uuid;

#[derive(Clone, Debug, PartialEq)]
pub struct FetchRequest {
    pub cluster_id: Option<Str>,
    pub replica_id: i32,
    pub replica_state: ReplicaState,
    pub max_wait_ms: i32,
    pub min_bytes: i32,
    pub max_bytes: i32,
    pub isolation_level: i8,
    pub session_id: i32,
    pub session_epoch: i32,
    pub topics: Vec<FetchTopic>,
    pub forgotten_topics_data: Vec<ForgottenTopic>,
    pub rack_id: Str,
}

impl Default for FetchRequest {
    fn default() -> Self {
        Self {
            cluster_id: Default::default(),
            replica_id: -1,
            replica_state: Default::default(),
            max_wait_ms: Default::default(),
            min_bytes: Default::default(),
            max_bytes: 2_147_483_647,
            isolation_level: Default::default(),
            session_id: Default::default(),
            session_epoch: -1,
            topics: Default::default(),
            forgotten_topics_data: Default::default(),
            rack_id: Default::default(),
        }
    }
}

impl Message for FetchRequest {
    fn decode(r: &mut Reader, version: i16) -> Result<Self, DecodeError> {
        let mut message = Self {
            cluster_id: Default::default(),
            replica_id: if version <= 14 { r.i32()? } else { -1 },
            replica_state: Default::default(),
            max_wait_ms: r.i32()?,
            min_bytes: r.i32()?,
            max_bytes: r.i32()?,
            isolation_level: r.i8()?,
            session_id: if version >= 7 { r.i32()? } else { Default::default() },
            session_epoch: if version >= 7 { r.i32()? } else { -1 },
            topics: r.array(|r| FetchTopic::decode(r, version))?,
            forgotten_topics_data: if version >= 7 {
                r.array(|r| ForgottenTopic::decode(r, version))?
            } else {
                Default::default()
            },
            rack_id: if version >= 11 { r.str()? } else { Default::default() },
        };
        r.tags(|r, tag| {
            match tag {
                0 if version >= 12 => message.cluster_id = r.nullable_str()?,
                1 if version >= 15 => message.replica_state = ReplicaState::decode(r, version)?,
                _ => {}
            }
            Ok(())
        })?;
        Ok(message)
    }

    fn encode(&self, w: &mut Writer, version: i16) {
        if version <= 14 {
            w.i32(self.replica_id);
        }
        w.i32(self.max_wait_ms);
        w.i32(self.min_bytes);
        w.i32(self.max_bytes);
        w.i8(self.isolation_level);
        if version >= 7 {
            w.i32(self.session_id);
        }
        if version >= 7 {
            w.i32(self.session_epoch);
        }
        w.array(&self.topics, |w, each| each.encode(w, version));
        if version >= 7 {
            w.array(&self.forgotten_topics_data, |w, each| each.encode(w, version));
        }
        if version >= 11 {
            w.str(&self.rack_id);
        }
        let mut tags = w.begin_tags();
        if version >= 12 && self.cluster_id.is_some() {
            tags.put(0, |w| w.nullable_str(self.cluster_id.as_ref()));
        }
        if version >= 15 && self.replica_state != ReplicaState::default() {
            tags.put(1, |w| self.replica_state.encode(w, version));
        }
        w.end_tags(tags);
    }
}

#[derive(Clone, Debug, PartialEq)]
pub struct ReplicaState {
    pub replica_id: i32,
    pub replica_epoch: i64,
}

impl Default for ReplicaState {
    fn default() -> Self {
        Self { replica_id: -1, replica_epoch: -1 }
    }
}

impl Message for ReplicaState {
    fn decode(r: &mut Reader, _version: i16) -> Result<Self, DecodeError> {
        let message = Self { replica_id: r.i32()?, replica_epoch: r.i64()? };
        r.no_tags()?;
        Ok(message)
    }

    fn encode(&self, w: &mut Writer, _version: i16) {
        w.i32(self.replica_id);
        w.i64(self.replica_epoch);
        w.no_tags();
    }
}

#[derive(Clone, Debug, Default, PartialEq)]
pub struct FetchTopic {
    pub topic: Str,
    pub topic_id: Uuid,
    pub partitions: Vec<FetchPartition>,
}

impl Message for FetchTopic {
    fn decode(r: &mut Reader, version: i16) -> Result<Self, DecodeError> {
        let message = Self {
            topic: if version <= 12 { r.str()? } else { Default::default() },
            topic_id: if version >= 13 { r.uuid()? } else { Default::default() },
            partitions: r.array(|r| FetchPartition::decode(r, version))?,
        };
        r.no_tags()?;
        Ok(message)
    }

    fn encode(&self, w: &mut Writer, version: i16) {
        if version <= 12 {
            w.str(&self.topic);
        }
        if version >= 13 {
            w.uuid(self.topic_id);
        }
        w.array(&self.partitions, |w, each| each.encode(w, version));
        w.no_tags();
    }
}

#[derive(Clone, Debug, PartialEq)]
pub struct FetchPartition {
    pub partition: i32,
    pub current_leader_epoch: i32,
    pub fetch_offset: i64,
    pub last_fetched_epoch: i32,
    pub log_start_offset: i64,
    pub partition_max_bytes: i32,
    pub replica_directory_id: Uuid,
    pub high_watermark: i64,
}

impl Default for FetchPartition {
    fn default() -> Self {
        Self {
            partition: Default::default(),
            current_leader_epoch: -1,
            fetch_offset: Default::default(),
            last_fetched_epoch: -1,
            log_start_offset: -1,
            partition_max_bytes: Default::default(),
            replica_directory_id: Default::default(),
            high_watermark: 9_223_372_036_854_775_807,
        }
    }
}

impl Message for FetchPartition {
    fn decode(r: &mut Reader, version: i16) -> Result<Self, DecodeError> {
        let mut message = Self {
            partition: r.i32()?,
            current_leader_epoch: if version >= 9 { r.i32()? } else { -1 },
            fetch_offset: r.i64()?,
            last_fetched_epoch: if version >= 12 { r.i32()? } else { -1 },
            log_start_offset: if version >= 5 { r.i64()? } else { -1 },
            partition_max_bytes: r.i32()?,
            replica_directory_id: Default::default(),
            high_watermark: 9_223_372_036_854_775_807,
        };
        r.tags(|r, tag| {
            match tag {
                0 if version >= 17 => message.replica_directory_id = r.uuid()?,
                1 if version >= 18 => message.high_watermark = r.i64()?,
                _ => {}
            }
            Ok(())
        })?;
        Ok(message)
    }

    fn encode(&self, w: &mut Writer, version: i16) {
        w.i32(self.partition);
        if version >= 9 {
            w.i32(self.current_leader_epoch);
        }
        w.i64(self.fetch_offset);
        if version >= 12 {
            w.i32(self.last_fetched_epoch);
        }
        if version >= 5 {
            w.i64(self.log_start_offset);
        }
        w.i32(self.partition_max_bytes);
        let mut tags = w.begin_tags();
        if version >= 17 && self.replica_directory_id != Uuid::default() {
            tags.put(0, |w| w.uuid(self.replica_directory_id));
        }
        if version >= 18 && self.high_watermark != 9_223_372_036_854_775_807 {
            tags.put(1, |w| w.i64(self.high_watermark));
        }
        w.end_tags(tags);
    }
}

#[derive(Clone, Debug, Default, PartialEq)]
pub struct ForgottenTopic {
    pub topic: Str,
    pub topic_id: Uuid,
    pub partitions: Vec<i32>,
}

impl Message for ForgottenTopic {
    fn decode(r: &mut Reader, version: i16) -> Result<Self, DecodeError> {
        let message = Self {
            topic: if version <= 12 { r.str()? } else { Default::default() },
            topic_id: if version >= 13 { r.uuid()? } else { Default::default() },
            partitions: r.array(Reader::i32)?,
        };
        r.no_tags()?;
        Ok(message)
    }

    fn encode(&self, w: &mut Writer, version: i16) {
        if version <= 12 {
            w.str(&self.topic);
        }
        if version >= 13 {
            w.uuid(self.topic_id);
        }
        w.array(&self.partitions, |w, each| w.i32(*each));
        w.no_tags();
    }
}

#[derive(Clone, Debug, Default, PartialEq)]
pub struct FetchResponse {
    pub throttle_time_ms: i32,
    pub error_code: ErrorCode,
    pub session_id: i32,
    pub responses: Vec<FetchableTopicResponse>,
    pub node_endpoints: Vec<NodeEndpoint>,
}

impl Message for FetchResponse {
    fn decode(r: &mut Reader, version: i16) -> Result<Self, DecodeError> {
        let mut message = Self {
            throttle_time_ms: r.i32()?,
            error_code: if version >= 7 { r.error_code()? } else { Default::default() },
            session_id: if version >= 7 { r.i32()? } else { Default::default() },
            responses: r.array(|r| FetchableTopicResponse::decode(r, version))?,
            node_endpoints: Default::default(),
        };
        r.tags(|r, tag| {
            match tag {
                0 if version >= 16 => message.node_endpoints = r.array(|r| NodeEndpoint::decode(r, version))?,
                _ => {}
            }
            Ok(())
        })?;
        Ok(message)
    }

    fn encode(&self, w: &mut Writer, version: i16) {
        w.i32(self.throttle_time_ms);
        if version >= 7 {
            w.error_code(self.error_code);
        }
        if version >= 7 {
            w.i32(self.session_id);
        }
        w.array(&self.responses, |w, each| each.encode(w, version));
        let mut tags = w.begin_tags();
        if version >= 16 && !self.node_endpoints.is_empty() {
            tags.put(0, |w| w.array(&self.node_endpoints, |w, each| each.encode(w, version)));
        }
        w.end_tags(tags);
    }
}

#[derive(Clone, Debug, Default, PartialEq)]
pub struct FetchableTopicResponse {
    pub topic: Str,
    pub topic_id: Uuid,
    pub partitions: Vec<PartitionData>,
}

impl Message for FetchableTopicResponse {
    fn decode(r: &mut Reader, version: i16) -> Result<Self, DecodeError> {
        let message = Self {
            topic: if version <= 12 { r.str()? } else { Default::default() },
            topic_id: if version >= 13 { r.uuid()? } else { Default::default() },
            partitions: r.array(|r| PartitionData::decode(r, version))?,
        };
        r.no_tags()?;
        Ok(message)
    }

    fn encode(&self, w: &mut Writer, version: i16) {
        if version <= 12 {
            w.str(&self.topic);
        }
        if version >= 13 {
            w.uuid(self.topic_id);
        }
        w.array(&self.partitions, |w, each| each.encode(w, version));
        w.no_tags();
    }
}

#[derive(Clone, Debug, PartialEq)]
pub struct PartitionData {
    pub partition_index: i32,
    pub error_code: ErrorCode,
    pub high_watermark: i64,
    pub last_stable_offset: i64,
    pub log_start_offset: i64,
    pub diverging_epoch: EpochEndOffset,
    pub current_leader: LeaderIdAndEpoch,
    pub snapshot_id: SnapshotId,
    pub aborted_transactions: Option<Vec<AbortedTransaction>>,
    pub preferred_read_replica: i32,
    pub records: Option<Records>,
}

impl Default for PartitionData {
    fn default() -> Self {
        Self {
            partition_index: Default::default(),
            error_code: Default::default(),
            high_watermark: Default::default(),
            last_stable_offset: -1,
            log_start_offset: -1,
            diverging_epoch: Default::default(),
            current_leader: Default::default(),
            snapshot_id: Default::default(),
            aborted_transactions: Default::default(),
            preferred_read_replica: -1,
            records: Default::default(),
        }
    }
}

impl Message for PartitionData {
    fn decode(r: &mut Reader, version: i16) -> Result<Self, DecodeError> {
        let mut message = Self {
            partition_index: r.i32()?,
            error_code: r.error_code()?,
            high_watermark: r.i64()?,
            last_stable_offset: r.i64()?,
            log_start_offset: if version >= 5 { r.i64()? } else { -1 },
            diverging_epoch: Default::default(),
            current_leader: Default::default(),
            snapshot_id: Default::default(),
            aborted_transactions: r.nullable_array(|r| AbortedTransaction::decode(r, version))?,
            preferred_read_replica: if version >= 11 { r.i32()? } else { -1 },
            records: r.nullable_records()?,
        };
        r.tags(|r, tag| {
            match tag {
                0 if version >= 12 => message.diverging_epoch = EpochEndOffset::decode(r, version)?,
                1 if version >= 12 => message.current_leader = LeaderIdAndEpoch::decode(r, version)?,
                2 if version >= 12 => message.snapshot_id = SnapshotId::decode(r, version)?,
                _ => {}
            }
            Ok(())
        })?;
        Ok(message)
    }

    fn encode(&self, w: &mut Writer, version: i16) {
        w.i32(self.partition_index);
        w.error_code(self.error_code);
        w.i64(self.high_watermark);
        w.i64(self.last_stable_offset);
        if version >= 5 {
            w.i64(self.log_start_offset);
        }
        w.nullable_array(self.aborted_transactions.as_ref(), |w, each| each.encode(w, version));
        if version >= 11 {
            w.i32(self.preferred_read_replica);
        }
        w.nullable_records(self.records.as_ref());
        let mut tags = w.begin_tags();
        if version >= 12 && self.diverging_epoch != EpochEndOffset::default() {
            tags.put(0, |w| self.diverging_epoch.encode(w, version));
        }
        if version >= 12 && self.current_leader != LeaderIdAndEpoch::default() {
            tags.put(1, |w| self.current_leader.encode(w, version));
        }
        if version >= 12 && self.snapshot_id != SnapshotId::default() {
            tags.put(2, |w| self.snapshot_id.encode(w, version));
        }
        w.end_tags(tags);
    }
}

#[derive(Clone, Debug, PartialEq)]
pub struct EpochEndOffset {
    pub epoch: i32,
    pub end_offset: i64,
}

impl Default for EpochEndOffset {
    fn default() -> Self {
        Self { epoch: -1, end_offset: -1 }
    }
}

impl Message for EpochEndOffset {
    fn decode(r: &mut Reader, _version: i16) -> Result<Self, DecodeError> {
        let message = Self { epoch: r.i32()?, end_offset: r.i64()? };
        r.no_tags()?;
        Ok(message)
    }

    fn encode(&self, w: &mut Writer, _version: i16) {
        w.i32(self.epoch);
        w.i64(self.end_offset);
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

#[derive(Clone, Debug, PartialEq)]
pub struct SnapshotId {
    pub end_offset: i64,
    pub epoch: i32,
}

impl Default for SnapshotId {
    fn default() -> Self {
        Self { end_offset: -1, epoch: -1 }
    }
}

impl Message for SnapshotId {
    fn decode(r: &mut Reader, _version: i16) -> Result<Self, DecodeError> {
        let message = Self { end_offset: r.i64()?, epoch: r.i32()? };
        r.no_tags()?;
        Ok(message)
    }

    fn encode(&self, w: &mut Writer, _version: i16) {
        w.i64(self.end_offset);
        w.i32(self.epoch);
        w.no_tags();
    }
}

#[derive(Clone, Debug, Default, PartialEq)]
pub struct AbortedTransaction {
    pub producer_id: i64,
    pub first_offset: i64,
}

impl Message for AbortedTransaction {
    fn decode(r: &mut Reader, _version: i16) -> Result<Self, DecodeError> {
        let message = Self { producer_id: r.i64()?, first_offset: r.i64()? };
        r.no_tags()?;
        Ok(message)
    }

    fn encode(&self, w: &mut Writer, _version: i16) {
        w.i64(self.producer_id);
        w.i64(self.first_offset);
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
