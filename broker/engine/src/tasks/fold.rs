//! Folding what this broker leads, and letting its write-ahead log go behind it.
//!
//! Something is folded when there is enough of it for a segment, when predecessors left it, when it has waited long, or when
//! the log grows too long. Afterwards a checkpoint says how far everything is folded, metadata raises the log's floor, and
//! the objects below the floor that metadata has are deleted.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use std::time::Duration;

use broker_log::{Checkpoint, FoldedPartition};
use broker_metadata::{ChainLink, Change, Rejection};
use broker_record::{LeaderEpoch, Offset};
use broker_store::mutation::{Mutation, is_on};
use broker_store::{Filled, Frozen, Key, Nonce, Patience, SequenceName};
use futures::future::join_all;
use futures::{StreamExt, stream};
use tracing::{debug, info, warn};
use uuid::Uuid;

use crate::engine::{Inner, actor};
use crate::journal::Wish;
use crate::life::Life;
use crate::limits::{
    CLAIMS_PER_LOOK, DELETES_AT_ONCE, FOLD_BYTES_PER_PARTITION, FOLD_INHERITED_AFTER, FOLD_INTERVAL,
    FOLD_ROUNDS_AT_ONCE, FOLD_SEGMENTS_MAX, FOLD_TIME_MAX, MANIFEST_READS_AT_ONCE, TRIM_INTERVAL, TRIM_OBJECTS,
};
use crate::log::{Chosen, Folding, HeldPart, choose, read_newest};
use crate::topic::{Partition, PartitionId, Unfolded};

/// Folds and trims until the life ends.
pub(crate) async fn fold(inner: Arc<Inner>, life: Arc<Life>) {
    let mut ages = Ages::default();
    let mut trim = Trim::default();
    loop {
        // The longer the log, the closer it is watched: at its bound nothing is written any more.
        let pause = if held(&life) >= TRIM_OBJECTS { FOLD_INTERVAL / 5 } else { FOLD_INTERVAL };
        tokio::select! {
            biased;
            () = life.cancel.cancelled() => return,
            () = life.fold_wanted.asked() => {}
            () = tokio::time::sleep(pause) => {}
        }
        tokio::select! {
            biased;
            () = life.cancel.cancelled() => return,
            folded = claim_and_fold(&life, &mut ages) => if folded && held(&life) >= TRIM_OBJECTS {
                trim.tried_at = None;
            }
        }
        life.fold_wanted.round_is_over();
        tokio::select! {
            biased;
            () = life.cancel.cancelled() => return,
            () = trim.step(&inner, &life) => {}
        }
    }
}

/// Objects of this life's log above its floor.
fn held(life: &Life) -> u64 {
    life.wal.acknowledged().saturating_sub(life.wal.floor())
}

/// Since when what is first in each partition waits to be folded.
#[derive(Debug, Default)]
struct Ages {
    since: BTreeMap<PartitionId, (Offset, Duration)>,
    /// Everything below this number of the log is to be folded.
    until: u64,
}

/// A partition with something to fold.
struct Waiting {
    partition: Arc<Partition>,
    unfolded: Unfolded,
    since: Duration,
}

impl Ages {
    fn look(&mut self, life: &Life) -> Vec<Waiting> {
        let now = life.env.monotonic();
        let mut since = BTreeMap::new();
        let mut all = Vec::new();
        for partition in life.all_serving() {
            let Some(unfolded) = partition.unfolded() else { continue };
            let known = self.since.get(&partition.id).filter(|(from, _)| *from == unfolded.from);
            let begun = known.map_or(now, |(_, begun)| *begun);
            since.insert(partition.id, (unfolded.from, begun));
            all.push(Waiting { partition, unfolded, since: begun });
        }
        self.since = since;
        all
    }

    /// What is to be folded now.
    fn due(&mut self, life: &Life) -> Vec<Waiting> {
        let now = life.env.monotonic();
        let mut all = self.look(life);
        let limits = &life.limits;
        // What somebody waits for comes first.
        let is_wanted = |one: &Waiting| life.fold_wanted.wants(one.partition.id, one.unfolded.from);
        if all.iter().any(is_wanted) {
            all.retain(is_wanted);
            return all;
        }
        let age = |one: &Waiting| now.saturating_sub(one.since);
        // The log grows too long: everything up to its present end.
        let acknowledged = life.wal.acknowledged();
        let first = all.iter().filter(|one| one.unfolded.object.incarnation == life.id);
        if let Some(first) = first.map(|one| one.unfolded.object.seq).min()
            && acknowledged.saturating_sub(first) >= limits.fold_objects
        {
            self.until = acknowledged;
        }
        let until = self.until;
        let is_old = |one: &Waiting| one.unfolded.object.incarnation == life.id && one.unfolded.object.seq < until;
        if all.iter().any(is_old) {
            all.retain(is_old);
            return all;
        }
        // Enough for a segment, and for every partition's manifest.
        let bytes: u64 = all.iter().map(|one| one.unfolded.bytes).sum();
        let segment = wide(limits.segment_bytes);
        let worth_it = wide(all.len()).saturating_mul(FOLD_BYTES_PER_PARTITION).min(segment * FOLD_SEGMENTS_MAX);
        if bytes >= segment.max(worth_it) {
            // What does not fit into one round goes into the next.
            self.until = acknowledged;
            return all;
        }
        // Whatever else has waited half as long goes along with what has waited long.
        if all.iter().any(|one| age(one) >= limits.fold_age_max) {
            all.retain(|one| age(one) >= limits.fold_age_max / 2);
            return all;
        }
        all.retain(|one| one.unfolded.object.incarnation != life.id && age(one) >= FOLD_INHERITED_AFTER);
        all
    }
}

async fn claim_and_fold(life: &Life, ages: &mut Ages) -> bool {
    claim_some(life).await;
    fold_due(life, ages).await
}

/// Claims manifests of partitions that have something to fold, some at a time: all of them together would be many requests
/// at once when their time has come.
async fn claim_some(life: &Life) {
    let is_next = |partition: &Arc<Partition>| partition.unfolded_bytes() > 0 && !partition.manifests.is_claimed();
    let next = life.all_serving().into_iter().filter(is_next).take(CLAIMS_PER_LOOK);
    let claims = stream::iter(next).map(|partition| async move { partition.manifests.update(|_| None).await });
    let mut claims = claims.buffered(CLAIMS_PER_LOOK);
    while let Some(claimed) = claims.next().await {
        life.wal.owe(1);
        if let Err(problem) = claimed {
            debug!(%problem, "a manifest is not claimed yet");
        }
    }
}

/// Folds until nothing is due, or the log has to be trimmed in between; whether anything was folded.
async fn fold_due(life: &Life, ages: &mut Ages) -> bool {
    let mut folded = false;
    let until = life.env.monotonic().saturating_add(FOLD_TIME_MAX);
    loop {
        let due = ages.due(life);
        if due.is_empty() || (folded && life.env.monotonic() >= until) {
            return folded;
        }
        let candidate = |one: Waiting| Chosen { spans: one.partition.unfolded_spans(), partition: one.partition };
        let rounds = rounds_of(life, due.into_iter().map(candidate).collect());
        let folding = Folding {
            store: &life.data,
            cluster: life.cluster_id,
            incarnation: life.id,
            objects: &life.objects,
            env: &life.env,
        };
        let mut all_well = true;
        for round in join_all(rounds.into_iter().map(|chosen| folding.round(chosen))).await {
            match round {
                Ok(partitions) => {
                    debug!(partitions, "folded");
                    folded |= partitions > 0;
                    all_well &= partitions > 0;
                }
                Err(problem) => {
                    warn!(%problem, "not folded yet");
                    all_well = false;
                }
            }
        }
        if !all_well {
            return folded;
        }
    }
}

/// What is folded at once: rounds of which none has a partition of another.
fn rounds_of(life: &Life, mut candidates: Vec<Chosen<Arc<Partition>>>) -> Vec<Vec<Chosen<Arc<Partition>>>> {
    let mut rounds = Vec::new();
    while !candidates.is_empty() && rounds.len() < FOLD_ROUNDS_AT_ONCE {
        let chosen = choose(life.id, candidates.clone(), wide(life.limits.segment_bytes));
        let taken: BTreeSet<PartitionId> = chosen.iter().map(|one| one.partition.id).collect();
        candidates.retain(|one| !taken.contains(&one.partition.id) && !one.spans.is_empty());
        rounds.push(chosen);
    }
    rounds
}

/// Raising the floor of one's own log.
#[derive(Debug, Default)]
struct Trim {
    tried_at: Option<Duration>,
    /// The first number that may still be there.
    deleted_to: u64,
    /// The checkpoint that metadata names, and the one before it.
    checkpoint: Option<(u64, Uuid)>,
    replaced: Vec<(u64, Uuid)>,
}

impl Trim {
    async fn step(&mut self, inner: &Inner, life: &Life) {
        let now = life.env.monotonic();
        let held = held(life);
        let pause = if held >= TRIM_OBJECTS { FOLD_INTERVAL } else { TRIM_INTERVAL };
        if held > 0 && self.tried_at.is_none_or(|at| now.saturating_sub(at) >= pause) {
            self.tried_at = Some(now);
            let floor = find_floor(life).await;
            // Nearly nothing is not worth an entry, unless it is all there is.
            let gain = floor.saturating_sub(life.wal.floor());
            if gain > 0 && (gain >= held / 2 || floor == life.wal.acknowledged()) {
                self.raise(inner, life, floor).await;
            }
        }
        self.delete(life).await;
    }

    /// Writes a checkpoint and proposes the floor.
    async fn raise(&mut self, inner: &Inner, life: &Life, floor: u64) {
        if is_on(Mutation::TrimWithoutMetadata) {
            self.delete_below(life, floor).await;
        }
        let id = life.env.uuid();
        let checkpoint = Checkpoint {
            cluster: life.cluster_id,
            incarnation: life.id,
            floor,
            nonce: id.as_u128(),
            partitions: life.all_serving().iter().filter_map(folded).collect(),
        };
        let key = Key::Checkpoint { incarnation: life.id, floor, id };
        let Ok(frozen) = Frozen::new(Nonce(id.as_u128()), checkpoint.encode()) else { return };
        match life.data.fill(&key, &frozen, Patience::forever()).await {
            Ok(Filled::Mine) => {}
            Ok(Filled::Other(_)) | Err(_) => {
                warn!(incarnation = %life.id, floor, "a checkpoint is not written");
                return;
            }
        }
        let actor = actor(life.id);
        let wish = Wish { origin: Some(life.id), actor: &actor, reason: "folded into segments" };
        let change = Change::TrimWal { incarnation: life.id, floor, checkpoint: Some(id) };
        match inner.propose_one(wish, change).await {
            Ok(Ok(_)) => {
                info!(incarnation = %life.id, floor, "the write-ahead log is trimmed");
                self.replaced.extend(self.checkpoint.replace((floor, id)));
            }
            Ok(Err(Rejection::Fenced(_))) => {}
            Ok(Err(rejection)) => warn!(%rejection, floor, "the write-ahead log is not trimmed"),
            Err(problem) => warn!(problem, floor, "the write-ahead log may not be trimmed"),
        }
    }

    /// Deletes what lies below the floor that metadata has.
    async fn delete(&mut self, life: &Life) {
        let Some(log) = life.cluster.wal_log(life.id) else { return };
        life.wal.trimmed(log.floor);
        self.delete_below(life, log.floor).await;
        while let Some((floor, id)) = self.replaced.last().copied().filter(|(_, id)| log.checkpoint != Some(*id)) {
            let key = Key::Checkpoint { incarnation: life.id, floor, id };
            if let Err(error) = life.data.delete(&key).await {
                debug!(%error, "an old checkpoint stays for now");
                return;
            }
            self.replaced.pop();
        }
    }

    async fn delete_below(&mut self, life: &Life, floor: u64) {
        if self.deleted_to >= floor {
            return;
        }
        let sequence = life.data.sequence(SequenceName::Wal(life.id));
        let deletes = stream::iter(self.deleted_to..floor).map(|seq| {
            let sequence = &sequence;
            async move { sequence.delete(seq).await.map(|()| seq) }
        });
        let mut deletes = deletes.buffered(DELETES_AT_ONCE);
        while let Some(deleted) = deletes.next().await {
            match deleted {
                Ok(seq) => self.deleted_to = seq.saturating_add(1),
                Err(error) => {
                    debug!(%error, "objects of the write-ahead log stay for now");
                    return;
                }
            }
        }
    }
}

fn folded(partition: &Arc<Partition>) -> Option<FoldedPartition> {
    let newest = partition.manifests.newest_version()?;
    Some(FoldedPartition {
        topic: partition.id.topic,
        partition: partition.id.partition,
        leader_epoch: partition.leader_epoch,
        manifest_version: newest.version,
        manifest_nonce: newest.nonce,
        folded_to: newest.manifest.folded_to,
    })
}

/// The first number of this life's log that is needed.
///
/// Of what is served, the manifests that this leader wrote while it led are the newest there were, and whatever a successor
/// writes begins with them. Of everything else the newest manifest is read.
async fn find_floor(life: &Life) -> u64 {
    let acknowledged = life.wal.acknowledged();
    let state = life.cluster.view();
    let serving: BTreeMap<PartitionId, Arc<Partition>> =
        life.all_serving().into_iter().map(|partition| (partition.id, partition)).collect();
    let parts = life.wal.held().parts();
    let mut floor = acknowledged;
    let mut others = Vec::new();
    for ((id, epoch), part) in parts {
        let Some(known) = state.partition(id.topic, id.partition) else {
            // Topics go only by being deleted: nobody reads it any more.
            life.wal.held().forget((id, epoch), part);
            continue;
        };
        if let Some(partition) = serving.get(&id).filter(|partition| partition.leader_epoch == epoch) {
            let first = partition.first_unfolded_of(life.id);
            life.wal.held().raise((id, epoch), first.unwrap_or(acknowledged));
            floor = floor.min(first.unwrap_or(acknowledged));
            continue;
        }
        if is_on(Mutation::TrimByOwnPartitionsOnly) {
            continue;
        }
        let link = known.chain.iter().find(|link| link.incarnation == life.id && link.leader_epoch == epoch.0);
        others.push(((id, epoch), part, link.copied()));
    }
    let firsts: Vec<u64> = stream::iter(others)
        .map(|(key, part, link)| still_needed(life, key, part, link))
        .buffered(MANIFEST_READS_AT_ONCE)
        .collect()
        .await;
    firsts.into_iter().fold(floor, u64::min)
}

/// The first number that is needed for a partition that is not served here any more; the highest of all where none is.
async fn still_needed(life: &Life, key: (PartitionId, LeaderEpoch), part: HeldPart, link: Option<ChainLink>) -> u64 {
    // Without a link nothing counts: metadata has forgotten it after it was folded.
    let Some(link) = link else {
        life.wal.held().forget(key, part);
        return u64::MAX;
    };
    // Still led, though not served now.
    let Some(released) = link.released else { return part.first };
    if released.wal_seq > part.first {
        match read_newest(&life.data, life.cluster_id, key.0).await {
            Ok(Some(newest)) if newest.manifest.folded_to > part.last_offset => {}
            Ok(_) => return part.first,
            Err(problem) => {
                warn!(topic = %key.0.topic, partition = key.0.partition, %problem, "a manifest is not read");
                return part.first;
            }
        }
    }
    life.wal.held().forget(key, part);
    u64::MAX
}

fn wide(bytes: usize) -> u64 {
    u64::try_from(bytes).unwrap_or(u64::MAX)
}
