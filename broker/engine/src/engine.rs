//! The engine: what the server calls.

use std::sync::Arc;
use std::time::Duration;

use thiserror::Error;
use uuid::Uuid;

use crate::config::{EngineConfig, Stores};
use crate::env::Env;
use crate::group::{
    CommitOutcome, DeleteGroupError, FetchedOffsets, GroupDescription, GroupError, GroupListing, HeartbeatRequest,
    JoinGroupRequest, JoinedGroup, LeaveGroupRequest, OffsetCommitRequest, OffsetFetchRequest, SyncGroupRequest,
    SyncedGroup,
};
use crate::status::{BrokerInfo, Metrics, PeerSignal, Status, TopicInfo};
use crate::topic::{
    ConfigEntry, ConfigResource, CreatePartitions, CreatePartitionsError, CreateTopic, CreateTopicError, CreatedTopic,
    DeleteTopicError, DeletedTopic, DescribeConfigsError, FetchOutcome, FetchRequest, InitProducerId,
    InitProducerIdError, LeaderHint, ListOffset, ListedOffset, PartitionError, ProduceError, ProduceOutcome,
    ProduceRequest, ProducerIdentity, TopicRef,
};

/// One broker of a cluster; a cheap handle.
#[derive(Clone, Debug)]
pub struct Engine {
    inner: Arc<Inner>,
}

#[derive(Debug)]
struct Inner {
    config: EngineConfig,
}

/// Why an engine does not start.
#[derive(Debug, Error)]
pub enum StartError {
    /// The buckets belong to another cluster, or to none.
    #[error("wrong cluster: {0}")]
    WrongCluster(String),
    /// The metadata log refuses or cannot be reached.
    #[error("metadata: {0}")]
    Metadata(String),
    /// The data bucket refuses or cannot be reached.
    #[error("data bucket: {0}")]
    Data(String),
}

impl Engine {
    /// Starts a broker.
    ///
    /// # Errors
    /// [`StartError`].
    pub async fn start(config: EngineConfig, _stores: Stores, _env: Env) -> Result<Self, StartError> {
        Ok(Self { inner: Arc::new(Inner { config }) })
    }

    /// Hands everything over and deregisters; returns when this broker leads nothing, or after ten seconds.
    ///
    /// Requests are answered with "not leader" from the moment their partition is given up.
    pub async fn stop(&self) {}

    /// Kafka's node id of this broker.
    #[must_use]
    pub fn node_id(&self) -> i32 {
        self.inner.config.node_id.unwrap_or(1)
    }

    /// What state the engine is in.
    #[must_use]
    pub fn status(&self) -> Status {
        Status { live: true, ready: false, fenced: false, epoch: -1 }
    }

    /// Counters and gauges.
    #[must_use]
    pub fn metrics(&self) -> Metrics {
        Metrics::default()
    }

    /// The brokers that clients may be told about (ready ones), this one included, by node id.
    #[must_use]
    pub fn brokers(&self) -> Vec<BrokerInfo> {
        let EngineConfig { advertised, zone, .. } = &self.inner.config;
        vec![BrokerInfo { node_id: self.node_id(), endpoint: advertised.clone(), zone: zone.clone() }]
    }

    /// The other registered brokers, for the server to probe; tell what the probes met through [`Engine::observe`].
    #[must_use]
    pub fn peers(&self) -> Vec<BrokerInfo> {
        Vec::new()
    }

    /// Takes the result of a probe of another broker. Probe every 500 ms.
    pub fn observe(&self, _node_id: i32, _signal: PeerSignal) {}

    /// The cluster's id.
    #[must_use]
    pub fn cluster_id(&self) -> Uuid {
        Uuid::nil()
    }

    /// All topics, by name.
    #[must_use]
    pub fn topics(&self) -> Vec<TopicInfo> {
        Vec::new()
    }

    /// One topic; none where it does not exist.
    #[must_use]
    pub fn topic(&self, _topic: &TopicRef) -> Option<TopicInfo> {
        None
    }

    /// The leader to tell a client for a partition; none where the topic or partition does not exist.
    #[must_use]
    pub fn leader(&self, _topic: &TopicRef, _partition: i32) -> Option<LeaderHint> {
        None
    }

    /// The broker that coordinates a group; none while its partition has no leader.
    #[must_use]
    pub fn coordinator(&self, _group: &str) -> Option<BrokerInfo> {
        None
    }

    /// Appends record batches.
    ///
    /// # Cancel safety
    /// Dropping the future loses the answers, never records: what was appended becomes durable all the same.
    pub async fn produce(&self, request: ProduceRequest) -> Vec<ProduceOutcome> {
        request
            .partitions
            .iter()
            .map(|_| Err(ProduceError::Partition(PartitionError::UnknownTopicOrPartition)))
            .collect()
    }

    /// Reads record batches, waiting up to `max_wait` for `min_bytes`.
    pub async fn fetch(&self, request: FetchRequest) -> Vec<FetchOutcome> {
        request.partitions.iter().map(|_| Err(PartitionError::UnknownTopicOrPartition.into())).collect()
    }

    /// Finds offsets; the answers come in the order of the questions.
    pub async fn list_offsets(&self, questions: Vec<ListOffset>) -> Vec<Result<ListedOffset, PartitionError>> {
        questions.iter().map(|_| Err(PartitionError::UnknownTopicOrPartition)).collect()
    }

    /// Creates topics, or checks only. `actor` is who wants it, such as a Kafka principal.
    pub async fn create_topics(
        &self,
        topics: Vec<CreateTopic>,
        _mode: crate::topic::AdminMode,
        _actor: &str,
        _timeout: Duration,
    ) -> Vec<Result<CreatedTopic, CreateTopicError>> {
        topics.iter().map(|_| Err(CreateTopicError::NotAllowed)).collect()
    }

    /// Creates a topic because a client asked for its metadata; succeeds if it exists already.
    ///
    /// # Errors
    /// [`CreateTopicError::NotAllowed`] where the configuration does not allow it.
    pub async fn auto_create_topic(&self, _name: &str, _actor: &str) -> Result<CreatedTopic, CreateTopicError> {
        Err(CreateTopicError::NotAllowed)
    }

    /// Adds partitions to topics, or checks only.
    pub async fn create_partitions(
        &self,
        topics: Vec<CreatePartitions>,
        _mode: crate::topic::AdminMode,
        _actor: &str,
        _timeout: Duration,
    ) -> Vec<Result<(), CreatePartitionsError>> {
        topics.iter().map(|_| Err(CreatePartitionsError::UnknownTopic)).collect()
    }

    /// Deletes topics.
    pub async fn delete_topics(
        &self,
        topics: Vec<TopicRef>,
        _actor: &str,
        _timeout: Duration,
    ) -> Vec<Result<DeletedTopic, DeleteTopicError>> {
        topics.iter().map(|_| Err(DeleteTopicError::UnknownTopic)).collect()
    }

    /// Every config of a topic or broker.
    ///
    /// # Errors
    /// [`DescribeConfigsError`].
    pub fn describe_configs(&self, _resource: &ConfigResource) -> Result<Vec<ConfigEntry>, DescribeConfigsError> {
        Err(DescribeConfigsError::UnknownTopic)
    }

    /// Gives an id to an idempotent producer, or a newer epoch.
    ///
    /// # Errors
    /// [`InitProducerIdError`].
    pub async fn init_producer_id(&self, _request: InitProducerId) -> Result<ProducerIdentity, InitProducerIdError> {
        Err(InitProducerIdError::TransactionsUnsupported)
    }

    /// A member wants to be in the next generation; answered when the generation is complete.
    ///
    /// # Errors
    /// [`GroupError`].
    pub async fn join_group(&self, _request: JoinGroupRequest) -> Result<JoinedGroup, GroupError> {
        Err(GroupError::NotCoordinator)
    }

    /// A member asks for its assignment; answered when the leader's assignment is durable.
    ///
    /// # Errors
    /// [`GroupError`].
    pub async fn sync_group(&self, _request: SyncGroupRequest) -> Result<SyncedGroup, GroupError> {
        Err(GroupError::NotCoordinator)
    }

    /// A member is alive.
    ///
    /// # Errors
    /// [`GroupError`]; `RebalanceInProgress` is how a member learns that it shall join again.
    pub async fn heartbeat(&self, _request: HeartbeatRequest) -> Result<(), GroupError> {
        Err(GroupError::NotCoordinator)
    }

    /// Members leave.
    ///
    /// # Errors
    /// [`GroupError`] of the group as a whole; each member has its own answer.
    pub async fn leave_group(&self, _request: LeaveGroupRequest) -> Result<Vec<Result<(), GroupError>>, GroupError> {
        Err(GroupError::NotCoordinator)
    }

    /// Commits offsets; answered when they are durable.
    pub async fn offset_commit(&self, request: OffsetCommitRequest) -> Vec<CommitOutcome> {
        request.offsets.iter().map(|_| Err(GroupError::NotCoordinator.into())).collect()
    }

    /// Committed offsets, after confirming that this broker still is the coordinator.
    ///
    /// # Errors
    /// [`GroupError`].
    pub async fn offset_fetch(&self, _request: OffsetFetchRequest) -> Result<FetchedOffsets, GroupError> {
        Err(GroupError::NotCoordinator)
    }

    /// The groups this broker coordinates.
    #[must_use]
    pub fn list_groups(&self) -> Vec<GroupListing> {
        Vec::new()
    }

    /// A group in full; one that does not exist is `Dead`.
    ///
    /// # Errors
    /// [`GroupError`].
    pub async fn describe_group(&self, _group: &str) -> Result<GroupDescription, GroupError> {
        Err(GroupError::NotCoordinator)
    }

    /// Deletes an empty group and its offsets.
    ///
    /// # Errors
    /// [`DeleteGroupError`].
    pub async fn delete_group(&self, _group: &str) -> Result<(), DeleteGroupError> {
        Err(GroupError::NotCoordinator.into())
    }
}
