//! The engine: what the server calls.

mod admin;
mod groups;
mod peers;
mod propose;
mod records;
mod start;
mod transactions;

pub(crate) use start::actor;

use std::fmt;
use std::sync::atomic::{AtomicBool, AtomicI64, AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError, RwLock};

use broker_metadata::{Readers, State};
use thiserror::Error;
use tokio::sync::{Notify, watch};
use tokio::time::Instant;
use tokio_util::sync::CancellationToken;
use tracing::error;
use uuid::Uuid;

use crate::cluster::Cluster;
use crate::config::{EngineConfig, Stores};
use crate::env::{Env, Tasks};
use crate::journal::Journal;
use crate::life::Life;
use crate::limits::{METADATA_STALENESS_MAX, OPENING_WAIT_MAX};
use crate::peers::Network;
use crate::status::{BrokerInfo, Counters, Metrics, PartitionInfo, Status, TopicInfo, wide};
use crate::tasks::{Departed, Detector};
use crate::topic::{
    EpochEnd, FetchOutcome, FetchRequest, LeaderHint, ListOffset, ListedOffset, PartitionError, ProduceOutcome,
    ProduceRequest, TopicRef, Turn, ZoneReaders,
};

/// One broker of a cluster; a cheap handle.
#[derive(Clone)]
pub struct Engine {
    inner: Arc<Inner>,
}

/// The latest `live/` object.
#[derive(Debug, Default)]
pub(crate) struct Shown {
    /// Its number.
    pub(crate) beat: AtomicU64,
    /// When it was written, in milliseconds of the monotonic clock.
    pub(crate) at_ms: AtomicU64,
}

/// What outlives the lives of a broker.
pub(crate) struct Inner {
    pub(crate) config: EngineConfig,
    pub(crate) stores: Stores,
    pub(crate) network: Arc<dyn Network>,
    pub(crate) env: Env,
    pub(crate) journal: Arc<Journal>,
    pub(crate) cluster: Cluster,
    pub(crate) cluster_id: Uuid,
    pub(crate) counters: Arc<Counters>,
    pub(crate) detector: Mutex<Detector>,
    pub(crate) departed: Departed,
    /// Something was observed that may make another broker a suspect.
    pub(crate) observed: Notify,
    /// A peer has seen metadata that this broker has not.
    pub(crate) nudged: Notify,
    /// Changes that wait for the metadata log.
    pub(crate) queue: propose::Queue,
    /// The sign of life that was shown last.
    pub(crate) shown: Shown,
    /// Everything ends.
    pub(crate) stop: CancellationToken,
    /// No further life begins; the one there is may hand over in peace.
    leaving: CancellationToken,
    tasks: Tasks,
    life: RwLock<Option<Arc<Life>>>,
    node_id: AtomicI64,
    epoch: AtomicI64,
    dead: AtomicBool,
    /// Why this process has to end.
    failure: watch::Sender<Option<Failed>>,
    producer_ids: tokio::sync::Mutex<std::ops::Range<i64>>,
}

impl fmt::Debug for Engine {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Engine").field("node_id", &self.node_id()).finish_non_exhaustive()
    }
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

/// The broker cannot go on, and trying again does not help: the process has to end.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
#[error("the broker cannot go on: {0}")]
pub struct Failed(String);

impl Engine {
    /// Starts a broker; returns when it is registered and ready to lead.
    ///
    /// # Errors
    /// [`StartError`].
    pub async fn start(
        config: EngineConfig,
        stores: Stores,
        network: Arc<dyn Network>,
        env: Env,
    ) -> Result<Self, StartError> {
        start::start(config, stores, network, env).await.map(|inner| Self { inner })
    }

    /// Hands everything over and deregisters; returns when this broker leads nothing, or after ten seconds.
    ///
    /// Requests are answered with "not leader" from the moment their partition is given up.
    pub async fn stop(&self) {
        start::stop(&self.inner).await;
    }

    /// Ends at once, as a crash does: nothing is handed over, nothing more is acknowledged. For tests.
    pub async fn kill(&self) {
        self.inner.dead.store(true, Ordering::SeqCst);
        self.inner.stop.cancel();
        if let Some(life) = self.inner.life() {
            life.end();
        }
        self.inner.tasks.close();
        self.inner.tasks.wait().await;
    }

    /// Waits until the engine cannot go on: metadata that it does not understand, or that disagrees with what it has read;
    /// a cluster that does not take it back. It serves nothing any more then.
    pub async fn failed(&self) -> Failed {
        let mut failure = self.inner.failure.subscribe();
        match failure.wait_for(Option::is_some).await.map(|failed| failed.clone()) {
            Ok(Some(failed)) => failed,
            // The sender lives as long as this handle.
            Ok(None) | Err(_) => std::future::pending().await,
        }
    }

    /// The metadata applied so far.
    #[must_use]
    pub fn view(&self) -> Arc<State> {
        self.inner.cluster.view()
    }

    /// Kafka's node id of this broker.
    #[must_use]
    pub fn node_id(&self) -> i32 {
        i32::try_from(self.inner.node_id.load(Ordering::SeqCst)).unwrap_or(-1)
    }

    /// What state the engine is in.
    #[must_use]
    pub fn status(&self) -> Status {
        let life = self.inner.life();
        let opening = life.as_ref().map_or(0, |life| life.role_counts().1);
        let unconfirmed = self.inner.journal.unconfirmed_for() > METADATA_STALENESS_MAX;
        Status {
            live: !self.inner.dead.load(Ordering::SeqCst),
            ready: life.is_some() && opening == 0 && !unconfirmed,
            fenced: life.is_none(),
            epoch: if life.is_some() { self.inner.epoch.load(Ordering::SeqCst) } else { -1 },
        }
    }

    /// Whether this broker has not been able to confirm its metadata for so long that it serves nobody.
    #[must_use]
    pub fn is_stale(&self) -> bool {
        self.inner.journal.unconfirmed_for() > METADATA_STALENESS_MAX
    }

    /// Counters and gauges.
    #[must_use]
    pub fn metrics(&self) -> Metrics {
        let mut metrics = self.inner.counters.metrics();
        metrics.metadata_entries_applied = self.inner.cluster.next_seq();
        if let Some(life) = self.inner.life() {
            let (served, opening) = life.role_counts();
            metrics.partitions_led = wide(served);
            metrics.partitions_opening = wide(opening);
            metrics.unacknowledged_bytes = wide(life.memory.used().saturating_add(life.internal_memory.used()));
            metrics.cached_bytes = wide(life.reader.cached_bytes());
            metrics.groups = wide(life.all_coordinators().iter().map(|coordinator| coordinator.len()).sum());
        }
        metrics
    }

    /// The brokers that clients may be told about (ready ones), this one included, by node id.
    #[must_use]
    pub fn brokers(&self) -> Vec<BrokerInfo> {
        self.inner.cluster.brokers()
    }

    /// As [`Engine::brokers`], with those that have left a moment ago: what clients choose leaders from.
    #[must_use]
    pub fn brokers_and_departed(&self) -> Vec<BrokerInfo> {
        self.inner.departed.with_living(self.brokers(), self.inner.env.monotonic())
    }

    /// The cluster's id.
    #[must_use]
    pub fn cluster_id(&self) -> Uuid {
        self.inner.cluster_id
    }

    /// All topics, by name.
    #[must_use]
    pub fn topics(&self) -> Vec<TopicInfo> {
        let state = self.view();
        let readers = state.readers();
        let mut topics: Vec<TopicInfo> = state.topics().values().map(|topic| topic_info(topic, &readers)).collect();
        topics.sort_by(|a, b| a.name.cmp(&b.name));
        topics
    }

    /// One topic; none where it does not exist.
    #[must_use]
    pub fn topic(&self, topic: &TopicRef) -> Option<TopicInfo> {
        let state = self.view();
        let found = match topic {
            TopicRef::Name(name) => state.topic_named(name),
            TopicRef::Id(id) => state.topic(*id),
        };
        found.map(|topic| topic_info(topic, &state.readers()))
    }

    /// The leader to tell a client for a partition; none where the topic or partition does not exist.
    #[must_use]
    pub fn leader(&self, topic: &TopicRef, partition: i32) -> Option<LeaderHint> {
        let id = self.inner.cluster.partition_id(topic, partition)?;
        self.inner.cluster.leader(id).map(|leader| leader.hint())
    }

    /// The broker that coordinates a group; none while its partition has no leader.
    #[must_use]
    pub fn coordinator(&self, group: &str) -> Option<BrokerInfo> {
        self.inner.cluster.coordinator(group)
    }

    /// Appends record batches.
    ///
    /// # Cancel safety
    /// Dropping the future loses the answers, never records: what was appended becomes durable all the same.
    pub async fn produce(&self, request: ProduceRequest) -> Vec<ProduceOutcome> {
        self.produce_in_turn(request, &Turn::default()).await
    }

    /// As [`Engine::produce`], for one of several requests of a connection, which all name the same `turn`.
    ///
    /// # Cancel safety
    /// As [`Engine::produce`].
    pub async fn produce_in_turn(&self, request: ProduceRequest, turn: &Turn) -> Vec<ProduceOutcome> {
        match self.inner.serving() {
            Ok(life) => life.produce(request, turn).await,
            Err(error) => request.partitions.iter().map(|_| Err(error.clone().into())).collect(),
        }
    }

    /// Reads record batches, waiting up to `max_wait` for `min_bytes`.
    ///
    /// A consumer of another zone is told of a broker there; one of this broker's zone is served what brokers of other zones
    /// lead as well.
    pub async fn fetch(&self, request: FetchRequest) -> Vec<FetchOutcome> {
        match self.inner.serving() {
            Ok(life) => {
                let readers = self.inner.readers_for(&life, request.zone.as_deref());
                life.fetch(request, &readers).await
            }
            Err(error) => request.partitions.iter().map(|_| Err(error.clone().into())).collect(),
        }
    }

    /// Finds offsets; the answers come in the order of the questions.
    pub async fn list_offsets(&self, questions: Vec<ListOffset>) -> Vec<Result<ListedOffset, PartitionError>> {
        let life = match self.inner.serving() {
            Ok(life) => life,
            Err(error) => return questions.iter().map(|_| Err(error.clone())).collect(),
        };
        // One deadline for all: partitions that are being taken over keep the answer waiting once, not one after the other.
        let deadline = Instant::now() + OPENING_WAIT_MAX;
        let mut answers = Vec::with_capacity(questions.len());
        for question in &questions {
            answers.push(life.list_offset(question, deadline).await);
        }
        answers
    }

    /// Where a leader epoch ends: what a consumer asks to see whether records it has read are still there (KIP-320).
    ///
    /// # Errors
    /// [`PartitionError`].
    pub async fn epoch_end(
        &self,
        topic: &TopicRef,
        partition: i32,
        current_leader_epoch: Option<i32>,
        leader_epoch: i32,
    ) -> Result<EpochEnd, PartitionError> {
        self.inner.serving()?.epoch_end(topic, partition, current_leader_epoch, leader_epoch).await
    }
}

impl Inner {
    /// The life there is, unless this broker is between two.
    pub(crate) fn life(&self) -> Option<Arc<Life>> {
        self.life.read().unwrap_or_else(PoisonError::into_inner).clone()
    }

    pub(crate) fn set_life(&self, life: Option<Arc<Life>>) {
        if let Some(life) = &life {
            self.node_id.store(i64::from(life.id.broker), Ordering::SeqCst);
            self.epoch.store(life.id.epoch, Ordering::SeqCst);
        }
        *self.life.write().unwrap_or_else(PoisonError::into_inner) = life;
    }

    /// Ends everything: this process cannot go on.
    pub(crate) fn fail(&self, problem: String) {
        error!(problem, "this broker cannot go on");
        self.dead.store(true, Ordering::SeqCst);
        self.failure.send_replace(Some(Failed(problem)));
        self.stop.cancel();
    }

    pub(crate) fn detector(&self) -> MutexGuard<'_, Detector> {
        self.detector.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Who serves the reads of a consumer's zone; nobody in this broker's own zone.
    fn readers_for(&self, life: &Life, zone: Option<&str>) -> ZoneReaders {
        let Some(zone) = zone else { return ZoneReaders::default() };
        let Some(readers) = self.cluster.readers_elsewhere(zone, life.id) else { return ZoneReaders::default() };
        let now = self.env.monotonic();
        let detector = self.detector();
        let others = self.cluster.others(life.id).into_iter().map(|(other, _)| other);
        let in_reach = others.filter(|other| detector.is_in_reach(now, *other)).collect();
        ZoneReaders { zone: zone.to_owned(), readers, in_reach }
    }

    /// The life that serves records, while metadata is fresh enough.
    pub(crate) fn serving(&self) -> Result<Arc<Life>, PartitionError> {
        if self.journal.unconfirmed_for() > METADATA_STALENESS_MAX {
            return Err(PartitionError::Storage);
        }
        self.life().ok_or(PartitionError::NotLeader(LeaderHint { node_id: -1, leader_epoch: -1 }))
    }
}

fn topic_info(topic: &broker_metadata::Topic, readers: &Readers) -> TopicInfo {
    let partition = |(partition, known): (i32, &broker_metadata::Partition)| PartitionInfo {
        partition,
        leader: LeaderHint {
            node_id: known.leader.map_or(-1, |leader| leader.broker),
            leader_epoch: known.leader_epoch,
        },
        readers: known.leader.map_or_else(Vec::new, |leader| readers.of(topic.id, partition, leader)),
    };
    TopicInfo {
        name: topic.name.clone(),
        topic_id: topic.id,
        is_internal: topic.internal,
        partitions: (0..).zip(&topic.partitions).map(partition).collect(),
    }
}
