//! What is compared while a world runs and when it ends.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use std::time::Duration;

use broker_engine::Isolation;
use broker_engine::limits::{READ_ONCE_BYTES_MAX, SEGMENT_INDEX_BYTES_MAX};
use tokio::time::sleep;
use uuid::Uuid;

use crate::client::Client;
use crate::client::Seen;
use crate::client::consumer::Consumer;
use crate::core::Core;
use crate::invariant::Invariant;
use crate::ledger::Place;
use crate::world::World;

/// Bytes that a broker may use beyond what its limits say: units of the pools are rounded up.
const ROUNDING: u64 = 64 << 10;
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
}

/// Reads a partition from its start to its end, however long that takes.
pub async fn read_all(client: &Client, topic: Uuid, partition: i32) -> WholeLog {
    let consumer = Consumer { client: client.clone(), topic, partition, isolation: Isolation::ReadUncommitted };
    let mut log = WholeLog { start: 0, end: 0, records: Vec::new() };
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
        let before = last.insert(name, number).unwrap_or(-1);
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
