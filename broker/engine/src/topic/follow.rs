//! Reads that a broker serves without leading the partition, for consumers of its zone (KIP-392).
//!
//! The leader is asked where the records lie and how far they may be shown; they are read from the store. What the leader
//! says is what it has acknowledged, so that an answer of one that has been fenced meanwhile is old and never wrong.
//!
//! Invariants: nothing at or beyond the leader's high watermark is shown, nor beyond the first open transaction to those who
//! read what is committed; whether an offset exists only the leader says: a consumer that asks for one that the leader does
//! not name is sent there. Questions to leaders are bounded: those of fetches wait for their turn, and one leader has a few
//! at most that wait for changes, for all fetches together.

mod answer;
mod message;
mod watch;

use std::collections::BTreeMap;

use broker_log::{AbortedTransaction, Incarnation};
use broker_record::Offset;
use broker_store::mutation::{Mutation, is_on};
use futures::future::join_all;
use tokio::sync::Semaphore;
use tokio::time::timeout;
use tracing::warn;

use super::fetch::{FetchError, FetchPartition, Isolation};
use super::{LeaderHint, PartitionError, PartitionId};
use crate::life::Life;
use crate::limits::{LOOK_PARTITIONS_MAX, LOOK_WAIT_MAX, LOOKS_AT_ONCE};
use crate::log::Place;
use crate::peers::{PeerAnswer, PeerRequest};
use crate::status::BrokerInfo;
use message::LookAt;
pub use message::{Look, Looked, Watch};
pub(crate) use message::{Seen, Stand};
use watch::Watches;

/// What a life keeps for reads that it serves without leading.
#[derive(Debug)]
pub(crate) struct Follow {
    /// Questions where records lie.
    looks: Semaphore,
    watches: Watches,
}

impl Default for Follow {
    fn default() -> Self {
        Self { looks: Semaphore::new(LOOKS_AT_ONCE), watches: Watches::default() }
    }
}

/// A partition of a fetch that another broker leads, and this one may serve.
#[derive(Clone, Debug)]
struct Wanted {
    /// Its number in the request.
    number: usize,
    id: PartitionId,
    hint: LeaderHint,
    offset: i64,
    bytes_max: usize,
}

/// What the leader says of a partition.
#[derive(Clone, Debug)]
pub(crate) struct Followed {
    pub(super) id: PartitionId,
    pub(super) leader: Incarnation,
    pub(super) leader_info: BrokerInfo,
    pub(super) stand: Stand,
    pub(super) log_start: Offset,
    /// Nothing at or beyond it is shown.
    pub(super) end: Offset,
    pub(super) places: Vec<Place>,
    pub(super) aborted: Vec<AbortedTransaction>,
}

/// By number in the request: what the leaders say of those that others lead.
pub(super) type FollowedAll = BTreeMap<usize, Result<Followed, FetchError>>;

impl Life {
    /// Asks the leaders of what this broker may serve without leading it.
    pub(super) async fn look(
        &self,
        zone: Option<&str>,
        isolation: Isolation,
        partitions: &[FetchPartition],
        bytes_max: usize,
    ) -> FollowedAll {
        let Some(zone) = zone else { return FollowedAll::new() };
        let mut by_leader: BTreeMap<Incarnation, (BrokerInfo, Vec<Wanted>)> = BTreeMap::new();
        for (number, wanted) in partitions.iter().enumerate() {
            let Some(id) = self.cluster.partition_id(&wanted.topic, wanted.partition) else { continue };
            let Some((leader, incarnation, info)) = self.cluster.leader_elsewhere(id, zone, self.id) else { continue };
            let bytes_max = wanted.max_bytes.min(bytes_max);
            let one = Wanted { number, id, hint: leader.hint(), offset: wanted.offset, bytes_max };
            by_leader.entry(incarnation).or_insert_with(|| (info, Vec::new())).1.push(one);
        }
        let mut questions = Vec::new();
        for (leader, (info, wanted)) in by_leader {
            for wanted in wanted.chunks(LOOK_PARTITIONS_MAX) {
                questions.push(self.ask_leader(leader, info.clone(), isolation, wanted.to_vec()));
            }
        }
        join_all(questions).await.into_iter().flatten().collect()
    }

    async fn ask_leader(
        &self,
        leader: Incarnation,
        info: BrokerInfo,
        isolation: Isolation,
        wanted: Vec<Wanted>,
    ) -> FollowedAll {
        let look = Look {
            leader,
            committed: isolation == Isolation::ReadCommitted,
            partitions: wanted
                .iter()
                .map(|one| LookAt {
                    topic: one.id.topic,
                    partition: one.id.partition,
                    offset: one.offset,
                    bytes_max: u64::try_from(one.bytes_max).unwrap_or(u64::MAX),
                })
                .collect(),
        };
        let ask = async {
            let _turn = self.follow.looks.acquire().await.ok()?;
            match self.network.ask(info.clone(), PeerRequest::Look(look)).await {
                Ok(PeerAnswer::Looked(looked)) => looked.filter(|looked| is_sound(looked, leader, &wanted)),
                Ok(_) | Err(_) => None,
            }
        };
        let mut seen = match timeout(LOOK_WAIT_MAX, ask).await {
            Ok(Some(looked)) => looked.partitions,
            Ok(None) | Err(_) => Vec::new(),
        }
        .into_iter();
        let followed = |one: &Wanted| {
            let seen = seen.next().flatten();
            let followed = seen.map(|seen| followed(one, leader, &info, seen));
            (one.number, followed.ok_or(PartitionError::NotLeader(one.hint).into()))
        };
        wanted.iter().map(followed).collect()
    }

    /// Wakes a fetch when what was seen has changed.
    pub(super) fn wake_at_change_of(&self, followed: &Followed, waiter: &super::waiters::Waiter) {
        self.follow.watches.want(self, followed, waiter);
    }
}

impl Followed {
    /// Compares the epoch that a client believes in, and its offset, with what the leader says.
    ///
    /// # Errors
    /// [`FetchError`]; never that the offset is out of range, which the leader itself has to say.
    pub(super) fn check(&self, claimed: Option<i32>, offset: Offset) -> Result<(), FetchError> {
        let hint = LeaderHint { node_id: self.leader.broker, leader_epoch: self.stand.leader_epoch };
        match claimed {
            Some(epoch) if epoch >= 0 && epoch < hint.leader_epoch => {
                return Err(PartitionError::FencedLeaderEpoch(hint).into());
            }
            Some(epoch) if epoch > hint.leader_epoch => return Err(PartitionError::UnknownLeaderEpoch.into()),
            _ => {}
        }
        let (log_start_offset, high_watermark) = (self.log_start.0, self.stand.high_watermark);
        if offset.0 < log_start_offset || offset.0 > high_watermark {
            if is_on(Mutation::FollowerSaysOutOfRange) {
                return Err(FetchError::OffsetOutOfRange { log_start_offset, high_watermark });
            }
            return Err(PartitionError::NotLeader(hint).into());
        }
        Ok(())
    }
}

/// Whether an answer is one to this question, and names nothing that its leader has not acknowledged.
fn is_sound(looked: &Looked, leader: Incarnation, wanted: &[Wanted]) -> bool {
    let acknowledged = |seen: &Seen, id: PartitionId| {
        seen.places.iter().all(|place| match place.place(id) {
            Place::Wal(span) => span.object.incarnation != leader || span.object.seq <= looked.wal_seq,
            Place::Segment(_) => true,
        })
    };
    let mut all = looked.partitions.iter().zip(wanted);
    let sound = looked.partitions.len() == wanted.len()
        && all.all(|(seen, one)| seen.as_ref().is_none_or(|seen| acknowledged(seen, one.id)));
    if !sound {
        warn!(?leader, "a leader's answer is not one to what it was asked");
    }
    sound
}

fn followed(wanted: &Wanted, leader: Incarnation, info: &BrokerInfo, seen: Seen) -> Followed {
    Followed {
        id: wanted.id,
        leader,
        leader_info: info.clone(),
        stand: seen.stand,
        log_start: Offset(seen.log_start),
        end: Offset(seen.end.min(seen.stand.high_watermark)),
        aborted: seen.aborted(),
        places: seen.places.into_iter().map(|place| place.place(wanted.id)).collect(),
    }
}
