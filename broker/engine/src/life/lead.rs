//! Becoming a leader, and ceasing to be one.

use std::sync::Arc;

use broker_record::Offset;
use broker_store::{Failure, SequenceName};
use futures::future::join_all;
use tokio::sync::OnceCell;
use tracing::{debug, error, warn};

use super::{Life, Role};
use crate::cluster::{Leadership, Link};
use crate::group::Coordinator;
use crate::log::{Index, RecoveredLog, Recovery, Until, recover};
use crate::topic::{Partition, PartitionId, Producers};

/// A partition that was given up.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct GivenUp {
    pub(crate) id: PartitionId,
    pub(crate) leader_epoch: i32,
    pub(crate) end: Offset,
}

/// The log of a partition cannot be what its chain says.
#[derive(Debug)]
enum OpenError {
    /// The store fails, or an object is damaged.
    Recover(String),
    /// Offsets are missing or double.
    NotDense(String),
    /// This life has ended.
    Ended,
}

impl Life {
    /// Makes roles follow metadata: opens what is newly led, drops what is not led any more.
    pub(crate) fn follow(self: &Arc<Self>) {
        let led = self.cluster.led_by(self.id);
        let mut opened = Vec::new();
        let mut roles = self.roles();
        roles.retain(|id, role| {
            let keep = led.contains_key(id);
            if let (false, Role::Serving(partition)) = (keep, &*role) {
                partition.close();
            }
            keep
        });
        for (id, leadership) in led {
            // Given up and led again, under a new epoch: the last release has been applied.
            let stale = match roles.get(&id) {
                None => true,
                Some(Role::Serving(partition)) if partition.leader_epoch != leadership.leader_epoch => {
                    partition.close();
                    true
                }
                Some(Role::GivenUp(leader_epoch)) => *leader_epoch != leadership.leader_epoch,
                Some(Role::Opening | Role::Serving(_)) => false,
            };
            if stale {
                roles.insert(id, Role::Opening);
                opened.push((id, leadership));
            }
        }
        let kept: Vec<PartitionId> = roles.keys().copied().collect();
        drop(roles);
        self.coordinators().retain(|id, coordinator| {
            let keep = kept.binary_search(id).is_ok();
            if !keep {
                coordinator.resign();
            }
            keep
        });
        for (id, leadership) in opened {
            self.tasks.spawn(Arc::clone(self).open(id, leadership));
        }
        self.has_changed();
    }

    /// Reads what the predecessors left, then serves; tries until it succeeds or this life ends.
    async fn open(self: Arc<Self>, id: PartitionId, leadership: Leadership) {
        let mut backoff = self.data.backoff();
        let internal = self.cluster.is_group_log(id.topic);
        loop {
            let opened = tokio::select! {
                biased;
                () = self.cancel.cancelled() => return,
                opened = self.read_chain(id, &leadership) => opened,
            };
            let problem = match opened {
                Ok(partition) if internal => match Coordinator::load(Arc::clone(&partition), self.tools()).await {
                    Ok(coordinator) => {
                        self.tasks.spawn(Arc::clone(&coordinator).run());
                        self.coordinators().insert(id, coordinator);
                        self.serve(id, partition);
                        return;
                    }
                    Err(error) => error.to_string(),
                },
                Ok(partition) => {
                    self.serve(id, partition);
                    return;
                }
                Err(OpenError::Ended) => return,
                Err(OpenError::Recover(problem)) => problem,
                Err(OpenError::NotDense(problem)) => {
                    error!(topic = %id.topic, partition = id.partition, problem, "a partition's log is not dense");
                    problem
                }
            };
            warn!(topic = %id.topic, partition = id.partition, problem, "a partition cannot be served yet");
            tokio::time::sleep(backoff.after(Failure::Unknown)).await;
        }
    }

    fn serve(&self, id: PartitionId, partition: Arc<Partition>) {
        let mut roles = self.roles();
        if self.cancel.is_cancelled() {
            return;
        }
        if let Some(role @ Role::Opening) = roles.get_mut(&id) {
            *role = Role::Serving(partition);
        }
        let all_open = !roles.values().any(|role| matches!(role, Role::Opening));
        drop(roles);
        if all_open {
            // What was recovered is in the partitions' indexes now.
            self.logs().clear();
        }
        self.has_changed();
    }

    async fn read_chain(&self, id: PartitionId, leadership: &Leadership) -> Result<Arc<Partition>, OpenError> {
        let predecessors: Vec<&Link> =
            leadership.chain.iter().filter(|link| link.leader_epoch != leadership.leader_epoch).collect();
        // All dead predecessors are sealed and read at the same time.
        let logs = join_all(predecessors.iter().map(|link| self.log_of(link))).await;
        let mut index = Index::default();
        let mut producers = Producers::default();
        for (link, log) in predecessors.into_iter().zip(logs) {
            let log = log?;
            let slices = log.slices.get(&id).map(Vec::as_slice).unwrap_or_default();
            // Only what this incarnation wrote as the leader of this epoch counts.
            for recovered in slices.iter().filter(|recovered| recovered.slice.leader_epoch == link.leader_epoch) {
                if link.released.is_some_and(|end| recovered.object.seq >= end) {
                    break;
                }
                index.push(recovered.span()).map_err(|gap| {
                    OpenError::NotDense(format!("{gap:?} in number {} of {}", recovered.object.seq, link.incarnation))
                })?;
                for entry in &recovered.slice.batches {
                    producers.replay(entry);
                }
            }
        }
        debug!(topic = %id.topic, partition = id.partition, epoch = %leadership.leader_epoch, end = %index.end(), "leading");
        Ok(Arc::new(Partition::new(id, leadership.leader_epoch, self.id.broker, index, producers)))
    }

    /// The log of a predecessor, read once for all partitions that need it.
    async fn log_of(&self, link: &Link) -> Result<Arc<RecoveredLog>, OpenError> {
        let until = match link.released {
            Some(end) => Until::Number(end),
            None if link.incarnation == self.id => return Err(OpenError::Ended),
            None => Until::Sealed,
        };
        let cell =
            Arc::clone(self.logs().entry((link.incarnation, until)).or_insert_with(|| Arc::new(OnceCell::new())));
        let recovery = Recovery {
            sequence: self.data.sequence(SequenceName::Wal(link.incarnation)),
            cluster: self.cluster_id,
            incarnation: link.incarnation,
            reader: self.id,
            env: &self.env,
        };
        let log = cell.get_or_try_init(|| async { recover(&recovery, link.floor, until).await.map(Arc::new) }).await;
        log.cloned().map_err(|error| OpenError::Recover(error.to_string()))
    }

    /// Stops accepting for every partition, waits until what was accepted is durable, and says where each ends.
    ///
    /// The second value is the number after the last object of the log. None when that cannot be had: this life has been
    /// sealed, or the store is gone.
    pub(crate) async fn give_up_all(&self) -> Option<(Vec<GivenUp>, u64)> {
        let mut given_up = Vec::new();
        for (id, role) in self.roles().iter_mut() {
            // A partition that never opened has nothing of this incarnation; its chain goes on.
            if let Role::Serving(partition) = role {
                given_up.push(GivenUp { id: *id, leader_epoch: partition.leader_epoch.0, end: partition.close() });
                *role = Role::GivenUp(partition.leader_epoch);
            }
        }
        for (_, coordinator) in std::mem::take(&mut *self.coordinators()) {
            coordinator.resign();
        }
        self.has_changed();
        let end = self.wal.drain().await?;
        Some((given_up, end))
    }
}
