//! What is compared while a world runs and when it ends.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use std::time::Duration;

use broker_engine::Isolation;
use broker_engine::limits::{READ_ONCE_BYTES_MAX, SEGMENT_INDEX_BYTES_MAX};
use broker_log::ManifestVersion;
use broker_metadata::State;
use broker_store::Key;
use tokio::time::{sleep, timeout};
use uuid::Uuid;

use crate::client::Client;
use crate::client::Seen;
use crate::client::commits::Commits;
use crate::client::consumer::Consumer;
use crate::client::transactor::group_of;
use crate::core::Core;
use crate::invariant::Invariant;
use crate::ledger::{CLUSTER, Place};
use crate::world::World;

/// Bytes that a broker may use beyond what its limits say: units of the pools are rounded up.
const ROUNDING: u64 = 64 << 10;
/// Time for transactions and offsets to be read when nothing goes wrong any more.
const RESUME_MAX: Duration = Duration::from_secs(60);
/// Time after which cleaners have looked at everything at least once more than they have to.
pub const CLEAN_AFTER: Duration = Duration::from_secs(9_000);
/// Versions of a manifest that may lie below the newest: those that are kept, and those that wait to be deleted.
const OLD_MANIFESTS_MAX: u64 = 24;
/// Tasks of one process beyond which something piles up.
const TASKS_MAX: usize = 2_000;

/// Everything that a partition holds.
#[derive(Clone, Debug)]
pub struct WholeLog {
    /// Its first offset.
    pub start: i64,
    /// Offset after its last record.
    pub end: i64,
    /// The records.
    pub records: Vec<Seen>,
    /// The values that those see who read what is committed.
    pub committed: BTreeSet<String>,
}

/// Reads a partition from its start to its end, however long that takes.
pub async fn read_all(client: &Client, topic: Uuid, partition: i32) -> WholeLog {
    let consumer =
        Consumer { client: client.clone(), topic, partition, isolation: Isolation::ReadUncommitted, zone: None };
    let mut log = WholeLog { start: 0, end: 0, records: Vec::new(), committed: BTreeSet::new() };
    read_committed(&consumer, &mut log).await;
    let mut next = 0;
    loop {
        let Some(leader) = client.find_leader(topic, partition).await else {
            sleep(Duration::from_millis(100)).await;
            continue;
        };
        match consumer.fetch(leader, next, Duration::ZERO).await {
            Some(Ok(read)) => {
                log.start = read.log_start;
                log.end = read.high_watermark;
                next = read.records.last().map_or(next, |seen| seen.offset + 1);
                log.records.extend(read.records);
                if next >= read.high_watermark {
                    return log;
                }
                client.core.say(|| format!("    read from {leader:?} up to {next} of {}", read.high_watermark));
            }
            Some(Err(broker_engine::FetchError::OffsetOutOfRange { log_start_offset, .. }))
                if log_start_offset > next =>
            {
                next = log_start_offset;
            }
            other => {
                client
                    .core
                    .say(|| format!("    not read from {leader:?} at {next}: {:?}", other.map(|read| read.err())));
                sleep(Duration::from_millis(100)).await;
            }
        }
    }
}

/// Reads what is committed, up to the high watermark: every transaction has ended by now.
async fn read_committed(consumer: &Consumer, log: &mut WholeLog) {
    let consumer = Consumer { isolation: Isolation::ReadCommitted, ..consumer.clone() };
    let client = &consumer.client;
    let mut next = 0;
    loop {
        let leader = client.find_leader(consumer.topic, consumer.partition).await;
        let read = match leader {
            Some(leader) => consumer.fetch(leader, next, Duration::ZERO).await,
            None => None,
        };
        match read {
            Some(Ok(read)) => {
                log.committed.extend(read.committed().filter_map(|seen| seen.value.clone()));
                next = read.records.last().map_or(next, |seen| seen.offset + 1);
                if next >= read.high_watermark {
                    return;
                }
                client.core.say(|| {
                    format!("    committed up to {next} of {} of {}", read.last_stable_offset, read.high_watermark)
                });
                if next >= read.last_stable_offset {
                    sleep(Duration::from_millis(500)).await;
                }
            }
            Some(Err(broker_engine::FetchError::OffsetOutOfRange { log_start_offset, .. }))
                if log_start_offset > next =>
            {
                next = log_start_offset;
            }
            _ => sleep(Duration::from_millis(100)).await,
        }
    }
}

/// Compares what is seen of transactions with what their producers know.
pub async fn transactions(
    world: &World,
    topic: Uuid,
    visible: &BTreeSet<String>,
    begins: &BTreeMap<Place, i64>,
    when: &str,
) {
    let core = &world.core;
    let mut problems = core.ledger().transactions.compare(visible, begins, when);
    let ids = core.ledger().transactions.ids();
    for id in ids {
        let register = Commits::new(&world.client(), group_of(&id), topic, 0);
        let fetched = timeout(RESUME_MAX, async {
            loop {
                match register.fetch().await {
                    Some(found) => return found,
                    None => sleep(Duration::from_millis(200)).await,
                }
            }
        });
        match fetched.await {
            // Where records were deleted, what is left of a transaction says nothing about its offset.
            Ok(found) if begins.values().all(|begin| *begin == 0) => {
                problems.extend(core.ledger().transactions.compare_offset(&id, found, visible));
            }
            Ok(_) => {}
            Err(_) => problems.push((Invariant::EverythingResumes, format!("{id}: no offset can be fetched {when}"))),
        }
    }
    for (invariant, problem) in problems {
        core.violated(invariant, problem);
    }
}

/// Compares a whole log with what was acknowledged and seen.
pub fn compare(core: &Arc<Core>, place: Place, log: &WholeLog, when: &str) {
    let held: BTreeMap<i64, String> = log
        .records
        .iter()
        .map(|seen| (seen.offset, seen.value.clone().unwrap_or_else(|| "(marker)".to_owned())))
        .collect();
    let mut problems = Vec::new();
    let dense = (log.start..log.end).eq(log.records.iter().map(|seen| seen.offset));
    if !dense {
        let problem = format!("{place:?} {when}: {} records from {} to {}", log.records.len(), log.start, log.end);
        problems.push((Invariant::OffsetsAreDenseAndUnique, problem));
    }
    let epochs: Vec<i32> = log.records.iter().map(|seen| seen.leader_epoch).collect();
    if !epochs.is_sorted() {
        problems.push((Invariant::OneLeaderPerEpoch, format!("{place:?} {when}: epochs go back: {epochs:?}")));
    }
    problems.extend(held_once(place, log, when));
    {
        let ledger = core.ledger();
        let expected = [
            (Invariant::AckedIsDurable, "acknowledged", ledger.acked.get(&place)),
            (Invariant::VisibleNeverVanishes, "seen", ledger.seen.get(&place)),
        ];
        for (invariant, what, records) in expected {
            for (offset, value) in records.into_iter().flatten().filter(|(offset, _)| **offset >= log.start) {
                if held.get(offset) != Some(value) {
                    let found = held.get(offset).map_or("nothing", String::as_str);
                    let problem = format!("{place:?} {when}: {value} was {what} at {offset}, where {found} is");
                    problems.push((invariant, problem));
                }
            }
        }
        let trimmed = ledger.trimmed.get(&place).copied().unwrap_or(0);
        if log.start > trimmed {
            let problem = format!("{place:?} {when}: the log begins at {}, not at {trimmed}", log.start);
            problems.push((Invariant::AckedIsDurable, problem));
        }
    }
    for (invariant, problem) in problems {
        core.violated(invariant, problem);
    }
}

/// Idempotent producers' values are there once, and in their order.
fn held_once(place: Place, log: &WholeLog, when: &str) -> Vec<(Invariant, String)> {
    let mut problems = Vec::new();
    let mut last: BTreeMap<&str, i64> = BTreeMap::new();
    for seen in log.records.iter().filter(|seen| seen.producer_id >= 0) {
        let Some((name, number)) = seen.value.as_deref().and_then(|value| value.split_once('#')) else { continue };
        let number: i64 = number.parse().unwrap_or(-1);
        let before = last.insert(name, number);
        // Where the log begins later, so does every producer's part of it.
        if before.is_none() && log.start > 0 {
            continue;
        }
        let before = before.unwrap_or(-1);
        if number != before + 1 {
            let problem = format!("{place:?} {when}: {name}#{number} at {} follows #{before}", seen.offset);
            problems.push((Invariant::IdempotentExactlyOnce, problem));
        }
    }
    problems
}

/// Looks at all brokers again and again.
pub async fn watch(world: World) {
    loop {
        sleep(Duration::from_millis(250)).await;
        for broker in world.brokers.iter() {
            let (Some(process), Some(engine)) = (broker.process(), broker.engine()) else { continue };
            let view = engine.view();
            metadata_is_linear(&world.core, broker.slot.0, &view);
            let metrics = engine.metrics();
            let limit = u64::try_from(world.core.plan.unacknowledged_bytes_max).unwrap_or(u64::MAX);
            let internal = u64::try_from(broker_engine::limits::INTERNAL_BYTES_MAX).unwrap_or(u64::MAX);
            // Tail, read and segment cache, and what folding reads.
            let cached = 3 * crate::broker::CACHE_BYTES_MAX + READ_ONCE_BYTES_MAX + SEGMENT_INDEX_BYTES_MAX;
            let cached = u64::try_from(cached).unwrap_or(u64::MAX);
            if metrics.unacknowledged_bytes > limit + internal + ROUNDING || metrics.cached_bytes > cached + ROUNDING {
                let problem = format!("broker {}: {metrics:?}", broker.slot.0);
                world.core.violated(Invariant::MemoryIsBounded, problem);
            }
            let tasks = world.core.executor.task_count(process);
            if tasks > TASKS_MAX {
                world.core.violated(Invariant::MemoryIsBounded, format!("broker {} has {tasks} tasks", broker.slot.0));
            }
        }
    }
}

fn metadata_is_linear(core: &Core, slot: usize, view: &broker_metadata::State) {
    let applied = usize::try_from(view.next_seq()).unwrap_or(usize::MAX);
    if applied == 0 {
        return;
    }
    let problem = {
        let ledger = core.ledger();
        let expected = applied.checked_sub(1).and_then(|last| ledger.digests.get(last));
        match (expected, ledger.stopped_at) {
            (_, Some(stopped)) if view.next_seq() > stopped => Some("has applied what it cannot understand"),
            (Some(expected), _) if *expected == view.digest() => None,
            (Some(_), _) => Some("has another state than the log gives"),
            (None, _) => Some("has applied what is not in the log"),
        }
    };
    if let Some(problem) = problem {
        let problem = format!("broker {slot} {problem} (entry {applied})");
        core.violated(Invariant::MetadataIsLinear, problem);
    }
}

/// Looks at what the buckets hold in the end.
pub fn end(world: &World) {
    for (invariant, problem) in seal_is_final(&world.core).into_iter().chain(sealed_in_time(&world.core)) {
        world.core.violated(invariant, problem);
    }
}

/// In a world where nothing but brokers' links fails, a fenced log is sealed within a second.
fn sealed_in_time(core: &Core) -> Vec<(Invariant, String)> {
    let ledger = core.ledger();
    if !core.plan.is_fair() || core.plan.odds.way_max > Duration::from_millis(8) || !core.plan.chaos.is_only_zombies() {
        return Vec::new();
    }
    let mut problems = Vec::new();
    // Who is fenced because all brokers start anew is no zombie that runs.
    let healed_at = core.healed_at_ms();
    for (incarnation, fenced) in ledger.fenced.iter().filter(|(_, fenced)| **fenced < healed_at) {
        let wrote = ledger.logs.get(incarnation).is_some_and(|log| log.objects.values().any(Option::is_some));
        if let (true, Some(sealed)) = (wrote, ledger.sealed.get(incarnation)) {
            let took = sealed.saturating_sub(*fenced);
            // A successor that was itself dead, and is replaced meanwhile, seals nothing.
            let successor_dies = ledger.fenced.values().any(|other| other > fenced && other <= sealed);
            if took > 1_000 && !successor_dies {
                let problem = format!("{incarnation} was sealed {took} ms after it was fenced");
                problems.push((Invariant::RunningZombieSealedWithin1s, problem));
            }
        }
    }
    problems
}

/// Every acknowledged record lies below the seal of a log that counts.
fn seal_is_final(core: &Core) -> Vec<(Invariant, String)> {
    let ledger = core.ledger();
    let mut problems = Vec::new();
    for (place, records) in &ledger.acked {
        let mut covered: BTreeSet<i64> = BTreeSet::new();
        for log in ledger.logs.values() {
            let end = log.seal().unwrap_or(u64::MAX);
            for slice in log.objects.range(..end).filter_map(|(_, object)| object.as_ref()).flatten() {
                if (slice.topic, slice.partition) == *place {
                    covered.extend(slice.base_offset().0..=slice.last_offset().0);
                }
            }
        }
        for (offset, value) in records {
            if !covered.contains(offset) {
                let problem =
                    format!("{place:?}: {value} was acknowledged at {offset}, which no log holds below its seal");
                problems.push((Invariant::SealIsFinal, problem));
            }
        }
    }
    problems
}

/// Looks for objects that nobody needs.
pub fn nothing_leaks(world: &World) {
    let state = world.core.ledger().reference.clone();
    let mut left = Vec::new();
    for bucket in [&world.data, &world.metadata] {
        let objects: Vec<(String, bytes::Bytes)> = bucket.look(|objects| {
            let keys: Vec<String> = objects.keys().cloned().collect();
            keys.into_iter()
                .filter_map(|key| objects.get(&key).map(|object| (key.clone(), object.bytes.clone())))
                .collect()
        });
        let named = named(world, &state, &objects);
        let is_left = |(key, _): &&(String, bytes::Bytes)| !named.contains(key) && !is_needed(world, &state, key);
        left.extend(objects.iter().filter(is_left).map(|(key, _)| key.clone()));
    }
    if !left.is_empty() {
        let problem = format!("{} objects are left, such as {:?}", left.len(), left.iter().take(4).collect::<Vec<_>>());
        world.core.violated(Invariant::NothingLeaks, problem);
    }
    let deleted: Vec<&str> = state.deleted_topics().values().map(|topic| topic.name.as_str()).collect();
    if !deleted.is_empty() {
        let problem = format!("the deletion of {deleted:?} is not final");
        world.core.violated(Invariant::NothingLeaks, problem);
    }
}

/// The segments that the newest manifests of living topics name, and those manifests with the last ones before them.
fn named(world: &World, state: &State, objects: &[(String, bytes::Bytes)]) -> BTreeSet<String> {
    let mut manifests: BTreeMap<Place, BTreeMap<u64, (&String, &bytes::Bytes)>> = BTreeMap::new();
    for (path, bytes) in objects {
        if let Some(Key::Manifest { topic, partition, version }) = Key::parse(CLUSTER, path)
            && state.topic(topic).is_some()
        {
            manifests.entry((topic, partition)).or_default().insert(version, (path, bytes));
        }
    }
    let mut named = BTreeSet::new();
    for ((topic, partition), versions) in &manifests {
        let Some((newest, (_, bytes))) = versions.last_key_value() else { continue };
        let kept = versions.iter().filter(|(version, _)| **version + OLD_MANIFESTS_MAX >= *newest);
        named.extend(kept.map(|(_, (path, _))| (*path).clone()));
        let cluster = world.core.ledger().cluster;
        if let Ok(manifest) = ManifestVersion::decode(bytes, cluster, *topic, *partition, *newest) {
            let segments = manifest.manifest.segments.iter();
            named.extend(segments.map(|segment| segment.name.key(*topic, *partition).path(CLUSTER)));
        }
    }
    named
}

/// Whether an object is needed whatever manifests say.
fn is_needed(world: &World, state: &State, path: &str) -> bool {
    let Some(key) = Key::parse(CLUSTER, path) else { return false };
    match key {
        Key::MetaLog { .. } | Key::MetaSnapshot { .. } | Key::MetaMarker | Key::PeerKey | Key::DataMarker => true,
        Key::Wal { incarnation, seq } => {
            // Seals stay for ever.
            let ledger = world.core.ledger();
            let is_seal = ledger.logs.get(&incarnation).is_some_and(|log| matches!(log.objects.get(&seq), Some(None)));
            is_seal || state.wal_log(incarnation).is_some_and(|log| !log.fenced && seq >= log.floor)
        }
        Key::Checkpoint { incarnation, id, .. } => {
            state.wal_log(incarnation).is_some_and(|log| !log.fenced && log.checkpoint == Some(id))
        }
        Key::Live { incarnation } | Key::Report { incarnation } => state.is_alive(incarnation),
        Key::Manifest { .. }
        | Key::Segment { .. }
        | Key::SharedSegment { .. }
        | Key::Boot { .. }
        | Key::Package { .. } => false,
    }
}
