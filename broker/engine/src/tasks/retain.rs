//! Retention and compaction of what this broker leads.
//!
//! Both are new versions of manifests; the objects that no version names any more go to the cleaner.

use std::sync::Arc;

use broker_log::Manifest;
use broker_log::retention::{RetentionPolicy, expired, no_longer_named, trimmed};
use broker_metadata::Topic;
use tracing::{debug, info, warn};

use crate::engine::Inner;
use crate::life::Life;
use crate::limits::{COMPACTED_SEGMENT_BYTES, RETENTION_INTERVAL};
use crate::log::{Compacted, Compacting, CompactionPolicy, ManifestFailure, Published, choose_run};
use crate::topic::{Isolation, Partition};

/// What a topic's configs say about its records' lives.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
struct Policy {
    retention: RetentionPolicy,
    compaction: Option<CompactionPolicy>,
}

/// Retains and compacts until the life ends.
pub(crate) async fn retain(inner: Arc<Inner>, life: Arc<Life>) {
    let mut refused = false;
    loop {
        tokio::select! {
            biased;
            () = life.cancel.cancelled() => return,
            () = tokio::time::sleep(RETENTION_INTERVAL) => {}
        }
        let now_ms = match life.clock.now_ms() {
            Ok(now_ms) => Some(now_ms),
            Err(problem) => {
                if !refused {
                    warn!(%problem, "no records expire by time");
                }
                None
            }
        };
        refused = now_ms.is_none();
        tokio::select! {
            biased;
            () = life.cancel.cancelled() => return,
            () = pass(&inner, &life, now_ms) => {}
        }
    }
}

async fn pass(inner: &Inner, life: &Life, now_ms: Option<i64>) {
    for partition in life.all_serving() {
        let policy = inner.cluster.view().topic(partition.id.topic).map(policy_of);
        // Of a topic that is gone everything goes, elsewhere.
        let Some(policy) = policy else { continue };
        let id = partition.id;
        if let Err(problem) = expire(life, &partition, policy.retention, now_ms).await {
            log(&problem, id.partition, "records do not expire yet");
        }
        if let (Some(policy), Some(now_ms)) = (policy.compaction, now_ms) {
            compact(life, &partition, policy, now_ms).await;
        }
    }
}

/// Forgets the segments that have expired, and those below the log's start.
async fn expire(
    life: &Life,
    partition: &Partition,
    policy: RetentionPolicy,
    now_ms: Option<i64>,
) -> Result<(), ManifestFailure> {
    let tail = partition.unfolded().map_or(0, |unfolded| unfolded.bytes);
    let change = |manifest: &Manifest| trimmed(manifest, expired(manifest, policy, now_ms, tail));
    if change(&partition.manifests.newest()).is_none() {
        return Ok(());
    }
    let mut before = None;
    let published = partition.manifests.update(|manifest| {
        before = Some(manifest.clone());
        change(manifest)
    });
    if let (Published::Version(version), Some(before)) = (published.await?, before) {
        let gone = no_longer_named(&before, &version.manifest);
        let (topic, number, start) = (partition.id.topic, partition.id.partition, version.manifest.log_start);
        info!(%topic, partition = number, %start, segments = gone.len(), "records have expired");
        life.garbage.add(partition.id, gone, life.env.monotonic());
    }
    Ok(())
}

async fn compact(life: &Life, partition: &Partition, policy: CompactionPolicy, now_ms: i64) {
    let Ok(stable) = partition.end(Isolation::ReadCommitted) else { return };
    let Some(run) = choose_run(&partition.manifests.newest(), stable, policy, now_ms) else { return };
    let compacting = Compacting {
        store: &life.data,
        cluster: life.cluster_id,
        segments: &life.reader.segments,
        env: &life.env,
        segment_bytes: COMPACTED_SEGMENT_BYTES,
    };
    let mut compacted = Compacted::default();
    let ended = compacting.run(partition, run, policy, now_ms, &mut compacted).await;
    let (topic, number) = (partition.id.topic, partition.id.partition);
    debug!(%topic, partition = number, before = compacted.before, after = compacted.after, "compacted");
    life.garbage.add(partition.id, compacted.gone, life.env.monotonic());
    if let Err(problem) = ended {
        warn!(%topic, partition = number, %problem, "not compacted to the end");
    }
}

fn log(problem: &ManifestFailure, partition: i32, what: &str) {
    match problem {
        ManifestFailure::Superseded => debug!(partition, "another broker leads by now"),
        other => warn!(problem = %other, partition, "{what}"),
    }
}

fn policy_of(topic: &Topic) -> Policy {
    let number = |name: &str| topic.integer_config(name);
    let retention = RetentionPolicy {
        time_ms: number("retention.ms").filter(|ms| *ms >= 0),
        bytes: number("retention.bytes").and_then(|bytes| u64::try_from(bytes).ok()),
    };
    let compaction = CompactionPolicy {
        delete_retention_ms: number("delete.retention.ms").unwrap_or(i64::MAX),
        min_lag_ms: number("min.compaction.lag.ms").unwrap_or(0),
        max_lag_ms: number("max.compaction.lag.ms").unwrap_or(i64::MAX),
        dirty_per_mille: topic.config("min.cleanable.dirty.ratio").map_or(500, per_mille),
    };
    Policy {
        retention: if topic.has_cleanup_policy("delete") { retention } else { RetentionPolicy::default() },
        compaction: topic.has_cleanup_policy("compact").then_some(compaction),
    }
}

/// A decimal number between 0 and 1, in thousandths.
fn per_mille(fraction: &str) -> u64 {
    let (whole, digits) = fraction.split_once('.').unwrap_or((fraction, ""));
    let digits: String = digits.chars().chain("000".chars()).take(3).collect();
    let whole = whole.parse::<u64>().unwrap_or(0);
    whole.saturating_mul(1000).saturating_add(digits.parse().unwrap_or(0)).min(1000)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn fractions_are_read_in_thousandths() {
        let all = ["0", "1", "0.5", "0.25", "0.0009", "1.000", "0.9999"].map(per_mille);
        assert_eq!(all, [0, 1000, 500, 250, 0, 1000, 999]);
    }
}
