//! One life of a broker: what it holds between being registered and being fenced or stopped.
//!
//! Invariant: everything that depends on being this incarnation lives here and dies with it. A fenced broker drops its life
//! and begins another; nothing of the old one answers any more.

mod lead;

use std::collections::BTreeMap;
use std::sync::atomic::AtomicUsize;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError, Weak};

use broker_log::Incarnation;
use broker_metadata::State;
use broker_record::{LeaderEpoch, Offset};
use broker_store::Store;
use broker_store::mutation::{Mutation, is_on};
use tokio::sync::{OnceCell, Semaphore, watch};
use tokio::time::{Instant, timeout_at};
use tokio_util::sync::CancellationToken;
use uuid::Uuid;

use crate::cluster::{AppendInfo, Cluster};
use crate::env::{Env, Tasks};
use crate::group::{Coordinator, GroupError, Tools};
use crate::journal::Journal;
use crate::limits::{GIVEN_UP_WAIT_MAX, INTERNAL_BYTES_MAX, Limits, MANIFEST_READS_AT_ONCE, OPENING_WAIT_MAX};
use crate::log::{Garbage, Memory, Objects, Reader, RecoveredLog, Segments, StoreAge, Until, Wal, Wanted};
use crate::peers::{Network, PartitionLoad};
use crate::status::Counters;
use crate::topic::{Follow, LeaderHint, Partition, PartitionError, PartitionId, TopicRef, WaiterNumbers};
use crate::trusted_clock::TrustedClock;
use crate::txn;

/// What this broker is to a partition that metadata says it leads.
#[derive(Clone, Debug)]
pub(crate) enum Role {
    /// It reads what the leaders before this epoch left.
    Opening(LeaderEpoch),
    /// It serves.
    Serving(Arc<Partition>),
    /// It has given the partition up in this epoch and waits for metadata to say so, however long that takes.
    GivenUp {
        /// The epoch that it ends.
        leader_epoch: LeaderEpoch,
        /// Where it ends; none where nothing was served in it.
        end: Option<Offset>,
    },
}

impl Role {
    fn leader_epoch(&self) -> LeaderEpoch {
        match self {
            Self::Serving(partition) => partition.leader_epoch,
            Self::Opening(leader_epoch) | Self::GivenUp { leader_epoch, .. } => *leader_epoch,
        }
    }
}

/// A log of another incarnation, read once for all partitions.
type Log = Arc<OnceCell<Arc<RecoveredLog>>>;

/// One life of a broker.
#[derive(Debug)]
pub(crate) struct Life {
    pub(crate) id: Incarnation,
    pub(crate) cluster_id: Uuid,
    pub(crate) env: Env,
    pub(crate) limits: Limits,
    pub(crate) data: Store,
    pub(crate) cluster: Cluster,
    pub(crate) journal: Arc<Journal>,
    pub(crate) network: Arc<dyn Network>,
    pub(crate) wal: Wal,
    pub(crate) store_age: Arc<StoreAge>,
    pub(crate) objects: Objects,
    pub(crate) waiters: WaiterNumbers,
    /// What it serves without leading.
    pub(crate) follow: Follow,
    pub(crate) reader: Reader,
    /// What nothing names any more.
    pub(crate) garbage: Garbage,
    pub(crate) fold_wanted: Wanted,
    pub(crate) memory: Memory,
    pub(crate) internal_memory: Memory,
    /// Bytes that all groups take.
    groups_held: Arc<AtomicUsize>,
    pub(crate) clock: TrustedClock,
    pub(crate) counters: Arc<Counters>,
    pub(crate) tasks: Tasks,
    pub(crate) cancel: CancellationToken,
    /// What its partitions carry, as last measured.
    pub(crate) loads: watch::Sender<Arc<[PartitionLoad]>>,
    roles: Mutex<BTreeMap<PartitionId, Role>>,
    /// The metadata that roles follow so far.
    followed: Mutex<Option<Arc<State>>>,
    /// A partition that was being opened when this was last looked at.
    opening: Mutex<Option<PartitionId>>,
    coordinators: Mutex<BTreeMap<PartitionId, Arc<Coordinator>>>,
    transaction_coordinators: Mutex<BTreeMap<PartitionId, Arc<txn::Coordinator>>>,
    logs: Mutex<BTreeMap<(Incarnation, Until), Log>>,
    manifest_reads: Semaphore,
    changed: watch::Sender<u64>,
    /// This life, for what it owns.
    me: Weak<Self>,
}

/// What a life is made of.
pub(crate) struct Parts {
    pub(crate) id: Incarnation,
    pub(crate) cluster_id: Uuid,
    pub(crate) env: Env,
    pub(crate) limits: Limits,
    pub(crate) data: Store,
    pub(crate) cluster: Cluster,
    pub(crate) journal: Arc<Journal>,
    pub(crate) network: Arc<dyn Network>,
    pub(crate) counters: Arc<Counters>,
    pub(crate) cancel: CancellationToken,
}

impl Life {
    pub(crate) fn new(parts: Parts) -> Arc<Self> {
        let Parts { id, cluster_id, env, limits, data, cluster, journal, network, counters, cancel } = parts;
        let objects = Objects::new(data.clone(), cluster_id, &limits, Arc::clone(&counters));
        let memory = Memory::new(limits.unacknowledged_bytes_max);
        let store_age = Arc::new(StoreAge::new(env.monotonic()));
        let tasks = Tasks::new(&env);
        let segments = Segments::new(data.clone(), &limits, Arc::clone(&counters), tasks.clone(), cancel.clone());
        let reader = Reader { objects: objects.clone(), segments };
        Arc::new_cyclic(|me| Self {
            id,
            cluster_id,
            clock: TrustedClock::new(env.clone(), data.clone()),
            groups_held: Arc::default(),
            data,
            cluster,
            journal,
            network,
            wal: Wal::new(),
            store_age,
            objects,
            waiters: WaiterNumbers::default(),
            follow: Follow::default(),
            reader,
            garbage: Garbage::default(),
            fold_wanted: Wanted::default(),
            manifest_reads: Semaphore::new(MANIFEST_READS_AT_ONCE),
            internal_memory: if is_on(Mutation::OneMemoryPool) {
                memory.clone()
            } else {
                Memory::new(INTERNAL_BYTES_MAX)
            },
            memory,
            limits,
            counters,
            tasks,
            env,
            cancel,
            loads: watch::Sender::new(Arc::default()),
            roles: Mutex::default(),
            followed: Mutex::default(),
            opening: Mutex::default(),
            coordinators: Mutex::default(),
            transaction_coordinators: Mutex::default(),
            logs: Mutex::default(),
            changed: watch::Sender::new(0),
            me: Weak::clone(me),
        })
    }

    /// A topic as requests name it.
    pub(crate) fn topic(&self, topic: &TopicRef) -> Result<AppendInfo, PartitionError> {
        self.cluster.topic(topic).ok_or(match topic {
            TopicRef::Name(_) => PartitionError::UnknownTopicOrPartition,
            TopicRef::Id(_) => PartitionError::UnknownTopicId,
        })
    }

    /// A partition that this broker serves; waits a moment for one that it is about to serve.
    pub(crate) async fn serving(
        &self,
        topic: &TopicRef,
        partition: i32,
        deadline: Instant,
    ) -> Result<Arc<Partition>, PartitionError> {
        let now = Instant::now();
        let opened_by = deadline.min(now + OPENING_WAIT_MAX);
        let mut changed = self.changed.subscribe();
        loop {
            let id = PartitionId { topic: self.topic(topic)?.id, partition };
            let leader = self.cluster.leader(id).ok_or(PartitionError::UnknownTopicOrPartition)?;
            if leader.incarnation != Some(self.id) || self.cancel.is_cancelled() {
                return Err(PartitionError::NotLeader(leader.hint()));
            }
            let until = match self.roles().get(&id) {
                Some(Role::Serving(serving)) if serving.is_open() => return Ok(Arc::clone(serving)),
                // The answer can name the next leader in a moment; without it clients would ask around for a second.
                Some(Role::GivenUp { .. }) => opened_by.max(now + GIVEN_UP_WAIT_MAX),
                Some(Role::Serving(_) | Role::Opening(_)) | None => opened_by,
            };
            if timeout_at(until, changed.changed()).await.is_err() {
                return Err(PartitionError::NotLeader(leader.hint()));
            }
        }
    }

    /// A partition that this broker serves at this moment.
    pub(crate) fn serving_now(&self, id: PartitionId) -> Option<Arc<Partition>> {
        match self.roles().get(&id) {
            Some(Role::Serving(serving)) if serving.is_open() => Some(Arc::clone(serving)),
            _ => None,
        }
    }

    /// This life, for what it spawns; none while it is dropped.
    pub(crate) fn me(&self) -> Option<Arc<Self>> {
        self.me.upgrade()
    }

    /// The coordinator of a group, if it is this broker.
    pub(crate) fn coordinator(&self, group: &str) -> Result<Arc<Coordinator>, GroupError> {
        let id = self.cluster.coordinator_partition(group).ok_or(GroupError::CoordinatorNotAvailable)?;
        let leads = self.cluster.leader(id).is_some_and(|leader| leader.incarnation == Some(self.id));
        if !leads || self.cancel.is_cancelled() {
            return Err(GroupError::NotCoordinator);
        }
        self.coordinators().get(&id).cloned().ok_or(GroupError::CoordinatorLoading)
    }

    /// The coordinator of the groups that a partition holds, if it is this broker.
    pub(crate) fn group_coordinator_of(&self, id: PartitionId) -> Option<Arc<Coordinator>> {
        self.coordinators().get(&id).cloned()
    }

    /// All transactions coordinated here.
    pub(crate) fn all_transaction_coordinators(&self) -> Vec<Arc<txn::Coordinator>> {
        self.transaction_coordinators().values().cloned().collect()
    }

    /// All groups coordinated here.
    pub(crate) fn all_coordinators(&self) -> Vec<Arc<Coordinator>> {
        self.coordinators().values().cloned().collect()
    }

    /// Puts what metadata knows of the leader into an error of the partition itself.
    pub(crate) fn with_hint(&self, error: PartitionError, id: PartitionId) -> PartitionError {
        match error {
            PartitionError::NotLeader(_) => PartitionError::NotLeader(
                self.cluster.leader(id).map_or(LeaderHint { node_id: -1, leader_epoch: -1 }, |leader| leader.hint()),
            ),
            other => other,
        }
    }

    /// Everything that is served.
    pub(crate) fn all_serving(&self) -> Vec<Arc<Partition>> {
        let roles = self.roles();
        let serving = roles.values().filter_map(|role| match role {
            Role::Serving(partition) => Some(Arc::clone(partition)),
            Role::Opening(_) | Role::GivenUp { .. } => None,
        });
        serving.collect()
    }

    /// Partitions served, and partitions on their way there.
    pub(crate) fn role_counts(&self) -> (usize, usize) {
        let roles = self.roles();
        let serving = roles.values().filter(|role| matches!(role, Role::Serving(_))).count();
        let opening = roles.values().filter(|role| matches!(role, Role::Opening(_))).count();
        (serving, opening)
    }

    /// Ends everything: nothing is appended, served or answered any more.
    pub(crate) fn end(&self) {
        self.cancel.cancel();
        for role in self.roles().values() {
            if let Role::Serving(partition) = role {
                partition.close();
            }
        }
        for coordinator in self.coordinators().values() {
            coordinator.resign();
        }
        for coordinator in self.transaction_coordinators().values() {
            coordinator.resign();
        }
        // Whoever waits for what is still buffered learns now that it never will be durable through this incarnation.
        self.wal.close();
        self.tasks.close();
        self.has_changed();
    }

    fn tools(&self) -> Tools {
        Tools {
            wal: self.wal.clone(),
            memory: self.internal_memory.clone(),
            reader: self.reader.clone(),
            env: self.env.clone(),
            clock: self.clock.clone(),
            held: Arc::clone(&self.groups_held),
            tasks: self.tasks.clone(),
            cancel: self.cancel.clone(),
        }
    }

    fn has_changed(&self) {
        self.changed.send_modify(|changes| *changes = changes.wrapping_add(1));
    }

    fn roles(&self) -> MutexGuard<'_, BTreeMap<PartitionId, Role>> {
        self.roles.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn coordinators(&self) -> MutexGuard<'_, BTreeMap<PartitionId, Arc<Coordinator>>> {
        self.coordinators.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub(crate) fn transaction_coordinators(&self) -> MutexGuard<'_, BTreeMap<PartitionId, Arc<txn::Coordinator>>> {
        self.transaction_coordinators.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn logs(&self) -> MutexGuard<'_, BTreeMap<(Incarnation, Until), Log>> {
        self.logs.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
