//! Retiring dead incarnations once everything that they left is in segments.
//!
//! Invariant: an incarnation is retired only after its log was read to the seal, metadata confirmed that nothing of it had
//! been deleted by then, and the newest manifest of every partition in it, whoever leads that, was seen to have it. Its
//! objects are deleted only when metadata does not list it any more; seals stay for ever: a create that arrives at last must
//! not find their numbers free.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use std::time::Duration;

use broker_log::{HeadContents, Incarnation, Origin, WalHead};
use broker_metadata::{Change, Rejection, State};
use broker_record::{LeaderEpoch, Offset};
use broker_store::mutation::{Mutation, is_on};
use broker_store::{Key, Prefix, SequenceName, Store, StoreError};
use futures::{StreamExt, TryStreamExt, stream};
use tracing::{debug, info, warn};
use uuid::Uuid;

use crate::engine::{Inner, actor};
use crate::journal::Wish;
use crate::life::Life;
use crate::limits::{DELETES_AT_ONCE, MANIFEST_READS_AT_ONCE, RETIRE_INTERVAL, RETIRE_INTERVAL_MAX, SEAL_BYTES_MAX};
use crate::log::{Recovery, Until, read_newest, recover};
use crate::topic::PartitionId;

/// What a dead log holds: per partition and leader epoch, the numbers and the last offset in each.
type Left = BTreeMap<(PartitionId, LeaderEpoch), Vec<(u64, Offset)>>;

/// A dead incarnation that is to be retired.
#[derive(Debug)]
struct Candidate {
    left: Option<Left>,
    next_at: Duration,
    pause: Duration,
}

/// Retires until the life ends. The ready broker with the lowest id does it; two that both believe to be the one do no harm.
pub(crate) async fn retire(inner: Arc<Inner>, life: Arc<Life>) {
    let mut candidates = BTreeMap::<Incarnation, Candidate>::new();
    let mut swept_at = Duration::ZERO;
    loop {
        tokio::select! {
            biased;
            () = life.cancel.cancelled() => return,
            () = tokio::time::sleep(RETIRE_INTERVAL) => {}
        }
        let dead: Vec<(Incarnation, u64)> = if life.cluster.ready().first() == Some(&life.id) {
            let state = life.cluster.view();
            state.wal_logs().iter().filter(|(_, log)| log.fenced).map(|(dead, log)| (*dead, log.floor)).collect()
        } else {
            Vec::new()
        };
        candidates.retain(|known, _| dead.iter().any(|(dead, _)| dead == known));
        let now = life.env.monotonic();
        if life.cluster.ready().first() == Some(&life.id) && now.saturating_sub(swept_at) >= RETIRE_INTERVAL_MAX {
            swept_at = now;
            tokio::select! {
                biased;
                () = life.cancel.cancelled() => return,
                swept = sweep_retired(&inner, &life) => if let Err(problem) = swept {
                    debug!(problem, "what retired incarnations have left stays for now");
                }
            }
        }
        for (dead, floor) in dead {
            let fresh = || Candidate { left: None, next_at: now, pause: RETIRE_INTERVAL };
            let candidate = candidates.entry(dead).or_insert_with(fresh);
            if now < candidate.next_at {
                continue;
            }
            candidate.next_at = now.saturating_add(candidate.pause);
            candidate.pause = candidate.pause.saturating_mul(2).min(RETIRE_INTERVAL_MAX);
            tokio::select! {
                biased;
                () = life.cancel.cancelled() => return,
                tried = attempt(&inner, &life, dead, floor, candidate) => if let Err(problem) = tried {
                    debug!(incarnation = %dead, problem, "not retired yet");
                }
            }
        }
    }
}

async fn attempt(
    inner: &Inner,
    life: &Life,
    dead: Incarnation,
    floor: u64,
    candidate: &mut Candidate,
) -> Result<(), String> {
    if candidate.left.is_none() {
        candidate.left = Some(read_left(inner, life, dead, floor).await?);
    }
    let Some(left) = &candidate.left else { return Ok(()) };
    // Manifests are read after metadata says which of it counts.
    let state = life.cluster.view();
    let needed: Vec<(PartitionId, Offset)> = left
        .iter()
        .filter_map(|((id, epoch), parts)| Some((*id, last_that_counts(&state, dead, *id, *epoch, parts)?)))
        .filter(|(id, _)| !is_on(Mutation::TrimByOwnPartitionsOnly) || is_led(life, *id))
        .collect();
    stream::iter(needed)
        .map(|(id, last)| is_in_segments(life, id, last))
        .buffered(MANIFEST_READS_AT_ONCE)
        .try_collect::<()>()
        .await?;
    let actor = actor(life.id);
    let wish = Wish { origin: Some(life.id), actor: &actor, reason: "everything it left is in segments" };
    match inner.propose_one(wish, Change::RetireIncarnation { incarnation: dead }).await? {
        Ok(_) => info!(incarnation = %dead, "retired"),
        // Somebody was faster.
        Err(Rejection::Fenced(_)) => {}
        Err(rejection) => return Err(rejection.to_string()),
    }
    // Another broker may have appended it.
    inner.journal.confirm().await.map_err(|error| error.to_string())?;
    if life.cluster.wal_log(dead).is_none()
        && let Err(error) = delete_retired(&life.data, life.cluster_id, dead).await
    {
        warn!(%error, incarnation = %dead, "objects of a retired incarnation stay: the cleaner will find them");
    }
    Ok(())
}

fn is_led(life: &Life, id: PartitionId) -> bool {
    life.cluster.leader(id).is_some_and(|leader| leader.incarnation == Some(life.id))
}

/// Reads a dead log to its seal.
async fn read_left(inner: &Inner, life: &Life, dead: Incarnation, floor: u64) -> Result<Left, String> {
    let recovery = Recovery {
        sequence: life.data.sequence(SequenceName::Wal(dead)),
        cluster: life.cluster_id,
        incarnation: dead,
        reader: life.id,
        env: &life.env,
    };
    let log = recover(&recovery, floor, Until::Sealed).await.map_err(|error| error.to_string())?;
    // Only now is it certain that the log has ended where nothing was found, and was not deleted.
    inner.journal.confirm().await.map_err(|error| error.to_string())?;
    if life.cluster.wal_log(dead).is_none_or(|now| now.floor != floor) {
        return Err("it was retired by somebody else".to_owned());
    }
    let mut left = Left::new();
    for (id, slices) in log.slices {
        for recovered in slices {
            let part = left.entry((id, recovered.slice.leader_epoch)).or_default();
            part.push((recovered.object.seq, recovered.slice.last_offset()));
        }
    }
    Ok(left)
}

/// The last offset that a partition's log owes to an incarnation's leadership; none where nothing counts.
fn last_that_counts(
    state: &State,
    dead: Incarnation,
    id: PartitionId,
    epoch: LeaderEpoch,
    parts: &[(u64, Offset)],
) -> Option<Offset> {
    // Topics go only by being deleted; links only when everything was folded.
    let partition = state.partition(id.topic, id.partition)?;
    let link = partition.chain.iter().find(|link| link.incarnation == dead && link.leader_epoch == epoch.0)?;
    let counts = |(seq, _): &&(u64, Offset)| link.released.is_none_or(|released| *seq < released.wal_seq);
    parts.iter().filter(counts).map(|(_, last)| *last).max()
}

async fn is_in_segments(life: &Life, id: PartitionId, last: Offset) -> Result<(), String> {
    match read_newest(&life.data, life.cluster_id, id).await {
        Ok(Some(newest)) if newest.manifest.folded_to > last => Ok(()),
        Ok(_) => Err(format!("partition {} of {} is not folded to {last}", id.partition, id.topic)),
        Err(problem) => Err(problem.to_string()),
    }
}

/// Deletes what is left of incarnations that were retired by brokers which did not live to do it.
async fn sweep_retired(inner: &Inner, life: &Life) -> Result<(), String> {
    inner.journal.confirm().await.map_err(|error| error.to_string())?;
    let state = life.cluster.view();
    let listed = life.data.list(Prefix::WalAll).await.map_err(|error| error.to_string())?;
    let retired =
        |incarnation: Incarnation| incarnation.epoch < state.next_epoch() && state.wal_log(incarnation).is_none();
    let left: BTreeSet<Incarnation> = listed
        .into_iter()
        .filter_map(|object| match object.key {
            Key::Wal { incarnation, .. } if object.size > SEAL_BYTES_MAX => Some(incarnation),
            Key::Checkpoint { incarnation, .. } => Some(incarnation),
            _ => None,
        })
        .filter(|incarnation| retired(*incarnation))
        .collect();
    for incarnation in left {
        delete_retired(&life.data, life.cluster_id, incarnation).await.map_err(|error| error.to_string())?;
    }
    Ok(())
}

/// Deletes everything of an incarnation that metadata does not list any more, except seals.
///
/// # Errors
/// [`StoreError`]; what is left is deleted by the next call.
async fn delete_retired(store: &Store, cluster: Uuid, retired: Incarnation) -> Result<(), StoreError> {
    let listed = store.list(Prefix::Wal(retired)).await?;
    stream::iter(listed)
        .map(|object| async move {
            if object.size <= SEAL_BYTES_MAX
                && let Key::Wal { incarnation, seq } = object.key
            {
                let Some(bytes) = store.get(&object.key).await? else { return Ok(()) };
                let origin = Origin { cluster, incarnation, seq };
                if !matches!(WalHead::decode(&bytes, origin), Ok(HeadContents::Batches(_))) {
                    return Ok(());
                }
            }
            store.delete(&object.key).await
        })
        .buffered(DELETES_AT_ONCE)
        .try_collect::<()>()
        .await
}
