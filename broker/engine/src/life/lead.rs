//! Becoming a leader, and ceasing to be one.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::{Arc, PoisonError};

use broker_metadata::{ReleasedPartition, ReleasedPosition};
use broker_record::{LeaderEpoch, Offset};
use broker_store::mutation::{Mutation, is_on};
use broker_store::{Failure, SequenceName};
use futures::future::{join, join_all};
use tokio::sync::OnceCell;
use tracing::{debug, error, warn};

use super::{Life, Role};
use crate::cluster::{Leadership, Link, led_in};
use crate::group::Coordinator;
use crate::log::{Index, ManifestLog, ManifestWriter, ReadError, RecoverError, RecoveredLog, Recovery, Until, recover};
use crate::topic::{Partition, PartitionId, Producers};
use crate::txn;

/// A partition that can be served, and the groups or transactions where it holds such.
type Opened = (Arc<Partition>, Contents);

/// A partition that is not served any more, its epoch, and its end if it was served at all.
type GivenUp = (PartitionId, LeaderEpoch, Option<Offset>);

/// What a partition holds.
enum Contents {
    /// Records of users.
    Records,
    /// Groups.
    Groups(Arc<Coordinator>),
    /// Transactions.
    Transactions(Arc<txn::Coordinator>),
}

/// The log of a partition cannot be what its chain says.
#[derive(Debug)]
enum OpenError {
    /// The store fails, or an object is damaged.
    Recover(String),
    /// What was read is not of one moment: metadata, manifest and logs have to be read again.
    Stale(String),
    /// Offsets are missing or double.
    NotDense(String),
    /// This life has ended.
    Ended,
}

/// A partition that is being opened, if there is one. Looks on from the one found before: looking through all of them each
/// time one is open would take the square of their number.
fn one_opening(roles: &BTreeMap<PartitionId, Role>, before: Option<PartitionId>) -> Option<PartitionId> {
    let (first, then) = match before {
        Some(before) => (roles.range(before..), Some(roles.range(..before))),
        None => (roles.range(..), None),
    };
    let mut looked_at = first.chain(then.into_iter().flatten());
    looked_at.find(|(_, role)| matches!(role, Role::Opening(_))).map(|(id, _)| *id)
}

/// A number that depends on what is given up.
fn tag(given_up: &[GivenUp]) -> u128 {
    let one = |(id, epoch, _): &GivenUp| {
        id.topic.as_u128() ^ (u128::from(id.partition.unsigned_abs()) << 32) ^ u128::from(epoch.0.unsigned_abs())
    };
    given_up.iter().map(one).fold(0, |all: u128, one| all.rotate_left(7) ^ one)
}

impl Life {
    /// Makes roles follow metadata: opens what is newly led, drops what is not led any more.
    ///
    /// Only topics that have changed since the last time are looked at: most entries change none, and who serves waits
    /// meanwhile.
    pub(crate) fn follow(self: &Arc<Self>) {
        let (mut opened, mut ended) = (BTreeMap::new(), BTreeSet::new());
        let mut roles = self.roles();
        // Looked up under the lock: roles never go back to a leadership of the past.
        let state = self.cluster.view();
        let before = self.followed.lock().unwrap_or_else(PoisonError::into_inner).replace(Arc::clone(&state));
        for topic in state.topics_changed_since(&before.unwrap_or_default()) {
            let led = led_in(&state, topic, self.id);
            let all = PartitionId { topic, partition: i32::MIN }..=PartitionId { topic, partition: i32::MAX };
            ended.extend(roles.range(all).map(|(id, _)| *id).filter(|id| !led.contains_key(id)));
            for (id, leadership) in led {
                // Led again under a higher epoch: what was given up was released, and begins anew.
                let known = roles.get(&id).map(Role::leader_epoch);
                if known.is_some_and(|epoch| epoch >= leadership.leader_epoch) {
                    continue;
                }
                if let Some(Role::Serving(stale)) = roles.insert(id, Role::Opening(leadership.leader_epoch)) {
                    stale.close();
                }
                opened.insert(id, leadership);
            }
        }
        for id in &ended {
            if let Some(Role::Serving(partition)) = roles.remove(id) {
                partition.close();
            }
        }
        drop(roles);
        for id in ended.iter().chain(opened.keys()) {
            if let Some(coordinator) = self.coordinators().remove(id) {
                coordinator.resign();
            }
            if let Some(coordinator) = self.transaction_coordinators().remove(id) {
                coordinator.resign();
            }
        }
        for (id, leadership) in opened {
            self.tasks.spawn(Arc::clone(self).open(id, leadership));
        }
        self.has_changed();
    }

    /// Reads what the predecessors left, then serves; tries until it succeeds or this life ends.
    async fn open(self: Arc<Self>, id: PartitionId, mut leadership: Leadership) {
        let mut backoff = self.data.backoff();
        loop {
            let opened = tokio::select! {
                biased;
                () = self.cancel.cancelled() => return,
                opened = self.read(id, &leadership) => opened,
            };
            match opened {
                Ok((partition, contents)) => {
                    self.serve(id, partition, contents);
                    return;
                }
                Err(OpenError::Ended) => return,
                Err(OpenError::Stale(problem)) => {
                    debug!(topic = %id.topic, partition = id.partition, problem, "a partition is read again");
                }
                Err(OpenError::Recover(problem)) => {
                    warn!(topic = %id.topic, partition = id.partition, problem, "a partition cannot be served yet");
                }
                Err(OpenError::NotDense(problem)) => {
                    error!(topic = %id.topic, partition = id.partition, problem, "a partition's log is not dense");
                }
            }
            tokio::select! {
                biased;
                () = self.cancel.cancelled() => return,
                () = tokio::time::sleep(backoff.after(Failure::Unknown)) => {}
            }
            // Floors may have risen, and incarnations been retired: manifests are read after that is known.
            match self.cluster.leadership(id, self.id) {
                Some(now) if now.leader_epoch == leadership.leader_epoch => leadership = now,
                // Another task opens it, or nobody here.
                Some(_) | None => return,
            }
        }
    }

    /// Serves what was opened, unless the partition was given up meanwhile, or is led under another epoch by now.
    fn serve(&self, id: PartitionId, partition: Arc<Partition>, contents: Contents) {
        let mut roles = self.roles();
        let role = roles.get_mut(&id);
        let role = role.filter(|role| matches!(role, Role::Opening(epoch) if *epoch == partition.leader_epoch));
        let Some(role) = role.filter(|_| !self.cancel.is_cancelled()) else { return };
        *role = Role::Serving(partition);
        match contents {
            Contents::Records => {}
            Contents::Groups(coordinator) => {
                self.tasks.spawn(Arc::clone(&coordinator).run());
                self.coordinators().insert(id, coordinator);
            }
            Contents::Transactions(coordinator) => {
                self.tasks.spawn(Arc::clone(&coordinator).run());
                coordinator.resume();
                self.transaction_coordinators().insert(id, coordinator);
            }
        }
        let mut opening = self.opening.lock().unwrap_or_else(PoisonError::into_inner);
        *opening = one_opening(&roles, *opening);
        let all_open = opening.is_none();
        drop((roles, opening));
        if all_open {
            // What was recovered is in the partitions' indexes now.
            self.logs().clear();
        }
        self.has_changed();
    }

    /// The partition, and its groups where it holds such.
    async fn read(&self, id: PartitionId, leadership: &Leadership) -> Result<Opened, OpenError> {
        let partition = self.read_chain(id, leadership).await?;
        let not_read = |error: ReadError| OpenError::Recover(error.to_string());
        let contents = if self.cluster.is_group_log(id.topic) {
            let loaded = Coordinator::load(Arc::clone(&partition), self.tools()).await;
            Contents::Groups(loaded.map_err(not_read)?)
        } else if self.cluster.is_transaction_log(id.topic) {
            let loaded = txn::Coordinator::load(Arc::clone(&partition), self.tools(), self.me.clone()).await;
            Contents::Transactions(loaded.map_err(not_read)?)
        } else {
            Contents::Records
        };
        Ok((partition, contents))
    }

    /// Reads the newest manifest and what the predecessors' logs hold beyond it.
    ///
    /// The manifest is read after metadata gave the chain and the floors of its logs: what is deleted from those logs is in
    /// it. What metadata may have allowed to delete meanwhile makes everything be read again.
    async fn read_chain(&self, id: PartitionId, leadership: &Leadership) -> Result<Arc<Partition>, OpenError> {
        let predecessors: Vec<&Link> =
            leadership.chain.iter().filter(|link| link.leader_epoch != leadership.leader_epoch).collect();
        // All dead predecessors are sealed and read at the same time.
        let logs = join_all(predecessors.iter().zip(1..).map(|(link, nth)| {
            let is_earlier = nth < predecessors.len();
            let never = (is_on(Mutation::SealOnlyLastLeader) && is_earlier).then_some(u64::MAX);
            self.log_of(Link { released: link.released.or(never), ..**link })
        }));
        let (manifests, logs) = join(self.manifests_of(id, leadership.leader_epoch), logs).await;
        let manifests = manifests?;
        let logs = logs.into_iter().collect::<Result<Vec<_>, _>>()?;
        self.confirm_logs(&predecessors, &logs).await?;
        let manifest = manifests.newest();
        let mut index = Index::at(manifest.folded_to);
        let mut producers = Producers::restore(&manifest.producers);
        for (link, log) in predecessors.into_iter().zip(logs) {
            let slices = log.slices.get(&id).map(Vec::as_slice).unwrap_or_default();
            // Only what this incarnation wrote as the leader of this epoch counts.
            let counts = |epoch| epoch == link.leader_epoch || is_on(Mutation::NoEpochFilter);
            for recovered in slices.iter().filter(|recovered| counts(recovered.slice.leader_epoch)) {
                if link.released.is_some_and(|end| recovered.object.seq >= end) {
                    break;
                }
                if recovered.slice.last_offset() < manifest.folded_to {
                    continue;
                }
                index.push(recovered.span()).map_err(|gap| {
                    OpenError::NotDense(format!("{gap:?} in number {} of {}", recovered.object.seq, link.incarnation))
                })?;
                for entry in &recovered.slice.batches {
                    producers.apply(entry);
                }
            }
        }
        debug!(topic = %id.topic, partition = id.partition, epoch = %leadership.leader_epoch, end = %index.end(), "leading");
        let leader_epoch = leadership.leader_epoch;
        Ok(Arc::new(Partition::new(id, leader_epoch, self.id.broker, manifests, index, producers)))
    }

    async fn manifests_of(&self, id: PartitionId, leader_epoch: LeaderEpoch) -> Result<ManifestLog, OpenError> {
        let _permit = self.manifest_reads.acquire().await.map_err(|_| OpenError::Ended)?;
        let writer = ManifestWriter {
            store: &self.data,
            cluster: self.cluster_id,
            id,
            leader_epoch,
            writer: self.id,
            env: &self.env,
        };
        ManifestLog::open(writer).await.map_err(|problem| OpenError::Recover(problem.to_string()))
    }

    /// Makes sure that nothing was deleted from logs while they were read, nor before.
    async fn confirm_logs(&self, links: &[&Link], logs: &[Arc<RecoveredLog>]) -> Result<(), OpenError> {
        let stale = |link: &Link, why: &str| OpenError::Stale(format!("the log of {} {why}", link.incarnation));
        for (link, log) in links.iter().zip(logs) {
            if log.floor > link.floor {
                return Err(stale(link, "was read from a higher floor than the chain has"));
            }
        }
        // Where nothing is found, a log may have ended, or may have been retired and deleted.
        if links.iter().any(|link| link.released.is_none()) && !is_on(Mutation::AbsentAsEndOfLog) {
            self.journal.confirm().await.map_err(|error| OpenError::Recover(error.to_string()))?;
            for link in links.iter().filter(|link| link.released.is_none()) {
                if self.cluster.wal_log(link.incarnation).is_none_or(|log| log.floor != link.floor) {
                    return Err(stale(link, "is retired"));
                }
            }
        }
        Ok(())
    }

    /// The log of a predecessor, read once for all partitions that need it.
    async fn log_of(&self, link: Link) -> Result<Arc<RecoveredLog>, OpenError> {
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
        log.cloned().map_err(|error| match error {
            RecoverError::Missing { .. } => OpenError::Stale(error.to_string()),
            RecoverError::Store(_) | RecoverError::Damaged { .. } => OpenError::Recover(error.to_string()),
        })
    }

    /// Stops accepting for partitions, waits until what was accepted is durable, and says where each ends.
    ///
    /// The end is behind a number that was filled after that: then no copy of this process serves any of them either.
    /// None of them is served again in this epoch, whatever becomes of the release. Partitions that are not led are left out.
    /// None when the ends cannot be had: this life has been sealed, or has ended.
    pub(crate) async fn give_up(&self, ids: &[PartitionId]) -> Option<Vec<ReleasedPartition>> {
        let given_up = self.close(ids);
        self.has_changed();
        if given_up.is_empty() {
            return Some(Vec::new());
        }
        let unflushed = is_on(Mutation::ReleaseBeforeFlush).then(|| self.wal.acknowledged());
        let next = match unflushed {
            Some(next) => next,
            None => self.wal.barrier(tag(&given_up)).await?,
        };
        let released = |(id, leader_epoch, end): GivenUp| ReleasedPartition {
            topic: id.topic,
            partition: id.partition,
            leader_epoch: leader_epoch.0,
            position: match end {
                Some(end) => ReleasedPosition { end_offset: end.0, wal_seq: next },
                // Nothing was accepted in this epoch: no object of this incarnation counts for it.
                None => ReleasedPosition { end_offset: 0, wal_seq: 0 },
            },
        };
        Some(given_up.into_iter().map(released).collect())
    }

    /// Serves partitions that were given up: what must never be done in their epoch.
    pub(crate) fn resume(&self, partitions: Vec<Arc<Partition>>) {
        for partition in partitions {
            partition.reopen();
            self.roles().insert(partition.id, Role::Serving(partition));
        }
        self.has_changed();
    }

    /// Those of some partitions that are served now.
    pub(crate) fn served(&self, ids: &[PartitionId]) -> Vec<Arc<Partition>> {
        let roles = self.roles();
        let served = |id| match roles.get(id) {
            Some(Role::Serving(partition)) => Some(Arc::clone(partition)),
            _ => None,
        };
        ids.iter().filter_map(served).collect()
    }

    fn close(&self, ids: &[PartitionId]) -> Vec<GivenUp> {
        let mut given_up = Vec::new();
        let mut roles = self.roles();
        for id in ids {
            let Some(leader) = self.cluster.leader(*id).filter(|leader| leader.incarnation == Some(self.id)) else {
                continue;
            };
            let leader_epoch = leader.leader_epoch;
            let end = match roles.get(id) {
                Some(Role::Serving(partition)) => {
                    let end = partition.close();
                    (partition.leader_epoch == leader_epoch).then_some(end)
                }
                Some(Role::GivenUp { leader_epoch: known, end }) if *known == leader_epoch => *end,
                Some(Role::GivenUp { .. } | Role::Opening(_)) | None => None,
            };
            roles.insert(*id, Role::GivenUp { leader_epoch, end });
            given_up.push((*id, leader_epoch, end));
            if let Some(coordinator) = self.coordinators().remove(id) {
                coordinator.resign();
            }
            if let Some(coordinator) = self.transaction_coordinators().remove(id) {
                coordinator.resign();
            }
        }
        given_up
    }
}

#[cfg(test)]
mod tests {
    use uuid::Uuid;

    use super::*;

    #[test]
    fn whatever_is_being_opened_is_found_wherever_the_look_begins() {
        let id = |partition| PartitionId { topic: Uuid::nil(), partition };
        let given_up = Role::GivenUp { leader_epoch: LeaderEpoch(0), end: None };
        let mut roles: BTreeMap<PartitionId, Role> = (0..9).map(|number| (id(number), given_up.clone())).collect();
        for before in [None, Some(id(0)), Some(id(5)), Some(id(99))] {
            assert_eq!(one_opening(&roles, before), None);
        }
        for number in 0..9 {
            roles.insert(id(number), Role::Opening(LeaderEpoch(0)));
            for before in [None, Some(id(0)), Some(id(5)), Some(id(99))] {
                assert_eq!(one_opening(&roles, before), Some(id(number)), "from {before:?}");
            }
            roles.insert(id(number), given_up.clone());
        }
    }
}
