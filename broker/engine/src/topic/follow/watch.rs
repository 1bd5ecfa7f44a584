//! Waiting for changes of what others lead: a few questions to each leader for all fetches together.
//!
//! Invariant: what somebody waits for is part of a question that is under way, or of the next one; a question that fails
//! wakes all whom it was for.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::{Mutex, MutexGuard, PoisonError};

use broker_log::Incarnation;
use tokio::time::timeout;

use super::Followed;
use super::message::{Stand, Watch};
use crate::life::Life;
use crate::limits::{LOOK_WAIT_MAX, WATCH_PARTITIONS_MAX, WATCH_WAIT_MAX, WATCHES_PER_LEADER_MAX};
use crate::peers::{PeerAnswer, PeerRequest};
use crate::status::BrokerInfo;
use crate::topic::PartitionId;
use crate::topic::waiters::{Waiter, Waiters};

/// What is waited for, by leader.
#[derive(Debug, Default)]
pub(super) struct Watches {
    by_leader: Mutex<BTreeMap<Incarnation, AtLeader>>,
}

#[derive(Debug, Default)]
struct AtLeader {
    partitions: BTreeMap<PartitionId, Watched>,
    /// Those who ask this leader.
    askers: usize,
}

#[derive(Debug)]
struct Watched {
    known: Stand,
    waiters: Waiters,
    /// It is part of a question that is under way.
    asked: bool,
}

impl Watches {
    /// Wakes `waiter` when the partition is not as it was seen.
    pub(super) fn want(&self, life: &Life, followed: &Followed, waiter: &Waiter) {
        let (leader, known) = (followed.leader, followed.stand);
        let mut by_leader = self.by_leader();
        let at = by_leader.entry(leader).or_default();
        let new = || Watched { known, waiters: Waiters::default(), asked: false };
        let watched = at.partitions.entry(followed.id).or_insert_with(new);
        if watched.known != known {
            // The question that is under way knows less, and ends by itself.
            (watched.known, watched.asked) = (known, false);
        }
        watched.waiters.add(waiter);
        if watched.asked || at.askers >= WATCHES_PER_LEADER_MAX {
            return;
        }
        let Some(life) = life.me() else { return };
        at.askers += 1;
        let info = followed.leader_info.clone();
        life.tasks.clone().spawn(async move { life.follow.watches.ask(&life, leader, &info).await });
    }

    /// Asks until there is nothing that nobody else asks.
    async fn ask(&self, life: &Life, leader: Incarnation, info: &BrokerInfo) {
        loop {
            let Some(partitions) = self.take(leader) else { return };
            let watch = Watch {
                leader,
                wait_ms: u64::try_from(WATCH_WAIT_MAX.as_millis()).unwrap_or(u64::MAX),
                partitions: partitions.iter().map(|(id, known)| (id.topic, id.partition, *known)).collect(),
            };
            let ask =
                timeout(WATCH_WAIT_MAX + LOOK_WAIT_MAX, life.network.ask(info.clone(), PeerRequest::Watch(watch)));
            let answer = tokio::select! {
                biased;
                () = life.cancel.cancelled() => None,
                answer = ask => match answer {
                    Ok(Ok(PeerAnswer::Watched(changed))) => changed,
                    Ok(_) | Err(_) => None,
                },
            };
            self.answered(leader, &partitions, answer.as_deref());
        }
    }

    /// What nobody asks yet, and somebody waits for; with none, whoever asks ends.
    fn take(&self, leader: Incarnation) -> Option<Vec<(PartitionId, Stand)>> {
        let mut by_leader = self.by_leader();
        let at = by_leader.get_mut(&leader)?;
        at.partitions.retain(|_, watched| watched.waiters.has_any());
        let unasked = at.partitions.iter_mut().filter(|(_, watched)| !watched.asked).take(WATCH_PARTITIONS_MAX);
        let taken: Vec<_> = unasked
            .map(|(id, watched)| {
                watched.asked = true;
                (*id, watched.known)
            })
            .collect();
        if !taken.is_empty() {
            return Some(taken);
        }
        at.askers = at.askers.saturating_sub(1);
        if at.askers == 0 {
            // What is part of a question has somebody who asks it: nothing is left.
            by_leader.remove(&leader);
        }
        None
    }

    /// Wakes those whose partition has changed; all, where there is no answer.
    fn answered(&self, leader: Incarnation, asked: &[(PartitionId, Stand)], changed: Option<&[u32]>) {
        let mut by_leader = self.by_leader();
        let Some(at) = by_leader.get_mut(&leader) else { return };
        let changed: Option<BTreeSet<u32>> = changed.map(|changed| changed.iter().copied().collect());
        for (number, (id, known)) in (0_u32..).zip(asked) {
            if changed.as_ref().is_none_or(|changed| changed.contains(&number)) {
                if let Some(mut watched) = at.partitions.remove(id) {
                    watched.waiters.wake();
                }
            } else if let Some(watched) = at.partitions.get_mut(id).filter(|watched| watched.known == *known) {
                watched.asked = false;
            }
        }
    }

    fn by_leader(&self) -> MutexGuard<'_, BTreeMap<Incarnation, AtLeader>> {
        self.by_leader.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
