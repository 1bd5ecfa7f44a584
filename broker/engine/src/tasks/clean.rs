//! Deleting segments that no manifest names.
//!
//! Invariant: nothing is deleted that a manifest names or may still come to name. Only a leader that has claimed a
//! partition's manifest deletes: its own segments after its own version has ceased to name them, and those of lower epochs,
//! whose leaders cannot write a version any more. Before, a listing shows that no higher version exists. All wait longer than
//! any fetch lasts.
//!
//! Segments that partitions share are the business of the leader of the topic's first partition: they go when the newest
//! manifests of all partitions of the topic, each claimed by its present leader, do not name them.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use std::time::Duration;

use broker_log::SegmentName;
use broker_metadata::State;
use broker_store::{Key, Listed, Prefix};
use tracing::{debug, info};
use uuid::Uuid;

use crate::engine::Inner;
use crate::life::Life;
use crate::limits::{CLEAN_INTERVAL, ORPHAN_GRACE, ORPHAN_INTERVAL_MAX, SEGMENT_GRACE, SHARED_SEGMENT_GRACE};
use crate::log::{GarbageItem, read_newest};
use crate::topic::{Partition, PartitionId};

/// When a partition's orphans are looked for next.
#[derive(Clone, Copy, Debug)]
struct Schedule {
    leader_epoch: i32,
    due: Duration,
    pause: Duration,
}

/// Cleans until the life ends.
pub(crate) async fn clean(inner: Arc<Inner>, life: Arc<Life>) {
    let mut schedules = BTreeMap::new();
    loop {
        tokio::select! {
            biased;
            () = life.cancel.cancelled() => return,
            () = tokio::time::sleep(CLEAN_INTERVAL) => {}
        }
        tokio::select! {
            biased;
            () = life.cancel.cancelled() => return,
            () = pass(&inner, &life, &mut schedules) => {}
        }
    }
}

async fn pass(inner: &Inner, life: &Life, schedules: &mut BTreeMap<PartitionId, Schedule>) {
    let now = life.env.monotonic();
    let serving: BTreeMap<PartitionId, Arc<Partition>> =
        life.all_serving().into_iter().map(|partition| (partition.id, partition)).collect();
    for item in life.garbage.take_due(now, SEGMENT_GRACE) {
        // Who leads by now finds it among the orphans.
        let Some(partition) = serving.get(&item.partition) else { continue };
        if let Err(problem) = delete_garbage(life, partition, &item).await {
            debug!(problem, "a segment stays for now");
            life.garbage.put_back(item);
        }
    }
    schedules.retain(|id, _| serving.contains_key(id));
    for (id, partition) in &serving {
        // Versions are written for other reasons than folding, too.
        if partition.manifests.is_claimed()
            && partition.manifests.has_many_replaced()
            && let Err(problem) = partition.manifests.delete_replaced().await
        {
            debug!(%problem, topic = %id.topic, partition = id.partition, "old manifests stay for now");
        }
        let leader_epoch = partition.leader_epoch.0;
        let first = Schedule { leader_epoch, due: now.saturating_add(ORPHAN_GRACE), pause: ORPHAN_GRACE };
        let schedule = schedules.entry(*id).or_insert(first);
        if schedule.leader_epoch != leader_epoch {
            *schedule = first;
        }
        if schedule.due > now {
            continue;
        }
        let cleaned = look_for_orphans(inner, life, partition).await;
        schedule.pause = match cleaned {
            Ok(Found::Nothing) => schedule.pause.saturating_mul(4).min(ORPHAN_INTERVAL_MAX),
            Ok(Found::Something) => ORPHAN_GRACE,
            Err(problem) => {
                debug!(problem, topic = %id.topic, partition = id.partition, "orphans are looked for later");
                ORPHAN_GRACE
            }
        };
        schedule.due = now.saturating_add(schedule.pause);
    }
}

/// What a look for orphans came to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Found {
    Nothing,
    Something,
}

impl Found {
    fn or(self, other: Self) -> Self {
        if self == Self::Nothing { other } else { self }
    }
}

async fn delete_garbage(life: &Life, partition: &Partition, item: &GarbageItem) -> Result<(), String> {
    if !is_newest(partition).await? {
        return Err("a later version of the manifest is there".to_owned());
    }
    if names(partition).contains(&item.name) {
        return Ok(());
    }
    delete(life, item.name.key(partition.id.topic, partition.id.partition)).await
}

/// Claims the manifest where an earlier leader wrote it, and deletes what that one has left.
async fn look_for_orphans(inner: &Inner, life: &Life, partition: &Partition) -> Result<Found, String> {
    let mut found = Found::Nothing;
    if partition.leader_epoch.0 > 0 {
        if !partition.manifests.is_claimed() {
            partition.manifests.update(|_| None).await.map_err(|error| error.to_string())?;
            // What the former leader names to its readers may still be read.
            return Ok(Found::Something);
        }
        found = delete_of_lower_epochs(life, partition).await?;
    }
    if partition.id.partition == 0 {
        found = found.or(delete_shared(inner, life, partition.id.topic).await?);
    }
    Ok(found)
}

async fn delete_of_lower_epochs(life: &Life, partition: &Partition) -> Result<Found, String> {
    let PartitionId { topic, partition: number } = partition.id;
    let listed = life.data.list(Prefix::Segments { topic, partition: number }).await;
    let listed = listed.map_err(|error| error.to_string())?;
    // After the listing: whatever is named by now is in this manifest.
    if !is_newest(partition).await? {
        return Err("a later version of the manifest is there".to_owned());
    }
    let named = names(partition);
    let mut found = Found::Nothing;
    for object in listed {
        let Some(name) = own_name(&object.key) else { continue };
        let is_lower = matches!(name, SegmentName::Own { leader_epoch, .. } if leader_epoch < partition.leader_epoch.0);
        if !is_lower || named.contains(&name) || life.garbage.holds(name) {
            continue;
        }
        info!(%topic, partition = number, ?name, "a segment of an earlier leader that nothing names is deleted");
        delete(life, object.key).await?;
        found = Found::Something;
    }
    Ok(found)
}

/// Deletes shared segments of a topic that none of its partitions names.
async fn delete_shared(inner: &Inner, life: &Life, topic: Uuid) -> Result<Found, String> {
    let now_ms = life.clock.now_ms().map_err(|error| error.to_string())?;
    let listed = life.data.list(Prefix::SharedSegments(topic)).await.map_err(|error| error.to_string())?;
    let grace_ms = i64::try_from(SHARED_SEGMENT_GRACE.as_millis()).unwrap_or(i64::MAX);
    let is_old = |object: &Listed| now_ms.saturating_sub(object.modified_ms) >= grace_ms;
    let old: Vec<(Key, SegmentName)> =
        listed.into_iter().filter(is_old).filter_map(|one| shared_name(&one.key).map(|name| (one.key, name))).collect();
    if old.is_empty() {
        return Ok(Found::Nothing);
    }
    inner.journal.confirm().await.map_err(|error| error.to_string())?;
    let named = named_by_topic(life, &inner.cluster.view(), topic).await?;
    let mut found = Found::Nothing;
    for (key, name) in old.into_iter().filter(|(_, name)| !named.contains(name)) {
        info!(%topic, ?name, "a shared segment that nothing names is deleted");
        delete(life, key).await?;
        found = Found::Something;
    }
    Ok(found)
}

/// Everything that the newest manifests of a topic name, if nobody but the present leaders can write the next ones.
async fn named_by_topic(life: &Life, state: &State, topic: Uuid) -> Result<BTreeSet<SegmentName>, String> {
    let known = state.topic(topic).ok_or("the topic is gone")?;
    let mut named = BTreeSet::new();
    for (number, partition) in (0..).zip(&known.partitions) {
        let id = PartitionId { topic, partition: number };
        let newest = read_newest(&life.data, life.cluster_id, id).await.map_err(|error| error.to_string())?;
        let claimed = newest.as_ref().is_some_and(|newest| newest.leader_epoch.0 == partition.leader_epoch);
        // The first leader of all has nobody before it.
        let is_first = newest.is_none() && partition.leader_epoch <= 0;
        if !claimed && !is_first {
            return Err(format!("partition {number} is not claimed by its present leader"));
        }
        named.extend(newest.iter().flat_map(|newest| &newest.manifest.segments).map(|segment| segment.name));
    }
    Ok(named)
}

async fn is_newest(partition: &Partition) -> Result<bool, String> {
    partition.manifests.is_newest().await.map_err(|error| error.to_string())
}

fn names(partition: &Partition) -> BTreeSet<SegmentName> {
    partition.manifests.newest().segments.iter().map(|segment| segment.name).collect()
}

async fn delete(life: &Life, key: Key) -> Result<(), String> {
    life.data.delete(&key).await.map_err(|error| error.to_string())
}

fn own_name(key: &Key) -> Option<SegmentName> {
    match *key {
        Key::Segment { leader_epoch, base_offset, id, .. } => Some(SegmentName::Own { leader_epoch, base_offset, id }),
        _ => None,
    }
}

fn shared_name(key: &Key) -> Option<SegmentName> {
    match *key {
        Key::SharedSegment { incarnation, id, .. } => Some(SegmentName::Shared { incarnation, id }),
        _ => None,
    }
}
