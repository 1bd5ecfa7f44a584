//! Giving partitions to other brokers in order.
//!
//! Invariant: what was given up is not served again before metadata has said what became of it; whoever leads next reads
//! everything that was acknowledged.

use std::sync::Arc;

use broker_metadata::{Change, Rejection, ReleasedPartition};
use broker_store::mutation::{Mutation, is_on};
use tracing::{debug, info, warn};

use crate::engine::{Inner, actor};
use crate::journal::Wish;
use crate::life::Life;
use crate::limits::{METADATA_POLL_INTERVAL, RELEASES_PER_COMMAND_MAX};
use crate::topic::PartitionId;

/// Releases what metadata wants elsewhere, until the life ends.
pub(crate) async fn follow_targets(inner: Arc<Inner>, life: Arc<Life>) {
    let mut changes = life.cluster.changes();
    loop {
        let moving = life.cluster.to_be_moved(life.id);
        if !moving.is_empty() {
            info!(partitions = moving.len(), "partitions move to other brokers");
            tokio::select! {
                biased;
                () = life.cancel.cancelled() => return,
                _released = release(&inner, &life, &moving, "another broker shall lead") => {}
            }
        }
        tokio::select! {
            biased;
            () = life.cancel.cancelled() => return,
            changed = changes.changed() => if changed.is_err() { return },
        }
    }
}

/// Gives partitions up and releases them; true when metadata says that none of them is led any more.
///
/// Tries until it succeeds or this incarnation has ended.
pub(crate) async fn release(inner: &Inner, life: &Life, ids: &[PartitionId], reason: &str) -> bool {
    let served = if is_on(Mutation::ResumeAfterUnknownRelease) { life.served(ids) } else { Vec::new() };
    let Some(given_up) = life.give_up(ids).await else { return false };
    let actor = actor(life.id);
    let wish = Wish { origin: Some(life.id), actor: &actor, reason };
    let still_led = |one: &&ReleasedPartition| {
        let leader = life.cluster.leader(PartitionId { topic: one.topic, partition: one.partition });
        leader.is_some_and(|leader| leader.incarnation == Some(life.id) && leader.leader_epoch.0 == one.leader_epoch)
    };
    loop {
        let partitions: Vec<ReleasedPartition> =
            given_up.iter().filter(still_led).take(RELEASES_PER_COMMAND_MAX).cloned().collect();
        if partitions.is_empty() {
            return true;
        }
        match inner.propose_one(wish, Change::Release { incarnation: life.id, partitions }).await {
            Ok(Ok(_)) => continue,
            Ok(Err(Rejection::Fenced(_))) => return false,
            // A command is all or nothing, and one of the partitions is gone meanwhile.
            Ok(Err(rejection)) => debug!(%rejection, "partitions are not released yet"),
            Err(_) if is_on(Mutation::ResumeAfterUnknownRelease) => {
                life.resume(served);
                return false;
            }
            Err(problem) => warn!(problem, "partitions may not be released yet"),
        }
        tokio::time::sleep(METADATA_POLL_INTERVAL).await;
    }
}
