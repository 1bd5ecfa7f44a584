//! What all rows with failures share: a numbered load, and everything read back at the end.

use std::collections::BTreeSet;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use anyhow::{Context as _, Result};

use super::Run;
use crate::client::Settings;
use crate::client::admin::create_topics;
use crate::client::consumer::read_history;
use crate::client::load::{Topic, numbered};
use crate::client::producer::{Kept, Producer};
use crate::clock;
use crate::cluster::Cluster;
use crate::connection::{Connection, Layout};
use crate::double::Double;
use crate::figure::Sample;
use crate::history::{Entry, Fate, Verdict};
use crate::specification::{DUPLICATED, FAILED, FOREIGN, LOST, MISPLACED, PEAK_MEMORY, REORDERED};

/// The topic of these rows.
pub(super) const TOPIC: Topic<'_> = Topic { name: "history", partitions: 48 };

/// An idempotent producer that gives no record up while the row lasts.
pub(super) const PATIENT: &Settings = &[
    ("enable.idempotence", "true"),
    ("linger.ms", "5"),
    ("message.timeout.ms", "300000"),
    ("retry.backoff.ms", "50"),
    ("retry.backoff.max.ms", "250"),
    ("queue.buffering.max.messages", "1000000"),
];

/// Load before anything happens to the cluster.
pub(super) const BEFORE: Duration = Duration::from_secs(10);

/// How long deliveries may take after the load has ended.
const FLUSH_MAX: Duration = Duration::from_secs(120);

/// Brokers, a double, and a producer whose records are all remembered.
pub(super) struct Scene {
    pub(super) cluster: Cluster,
    /// Goes with everything it holds when the scene ends.
    _double: Double,
    pub(super) servers: String,
    pub(super) producer: Producer,
    pub(super) kept: Arc<Kept>,
    /// Who led what before anything happened.
    pub(super) layout: Layout,
}

impl Scene {
    /// Everything ready, the partitions spread.
    pub(super) fn set(run: &Run, brokers: usize, settings: &Settings) -> Result<Self> {
        let double = run.double()?;
        let cluster = run.cluster(&double, brokers, None)?;
        let servers = cluster.bootstrap_servers();
        create_topics(&servers, &[TOPIC.name.to_owned()], TOPIC.partitions, &[])?;
        let layout = cluster.wait_spread(TOPIC.name, brokers)?;
        let kept = Kept::new();
        let producer = Producer::start(&servers, settings, kept.clone())?;
        Ok(Self { cluster, _double: double, servers, producer, kept, layout })
    }

    /// Plays `act` while records are produced, then waits for their delivery reports.
    pub(super) fn play(&mut self, per_second: u32, act: impl FnOnce(&mut Cluster, &Kept) -> Result<()>) -> Result<()> {
        let stop = AtomicBool::new(false);
        let (cluster, producer, kept) = (&mut self.cluster, &self.producer, &*self.kept);
        std::thread::scope(|scope| {
            let load = scope.spawn(|| numbered((0, producer), TOPIC, kept, per_second, &stop));
            let played = {
                let _stop = super::StopAtEnd(&stop);
                act(cluster, kept)
            };
            super::joined(load)?;
            played
        })?;
        self.producer.flush(FLUSH_MAX)
    }

    /// The partitions that one of these brokers led.
    pub(super) fn led_by(&self, brokers: &[usize]) -> BTreeSet<i32> {
        let nodes: Vec<i32> = brokers.iter().filter_map(|number| i32::try_from(number + 1).ok()).collect();
        self.layout.iter().filter(|(_, leader)| nodes.contains(leader)).map(|(partition, _)| *partition).collect()
    }

    /// Reads everything back and adds what was found.
    pub(super) fn judge(&self, run: &Run, sample: &mut Sample) -> Result<()> {
        run.progress("reading everything back");
        let found = read_history(&self.servers, TOPIC.name, TOPIC.partitions)?;
        add_verdict(sample, self.kept.history.check(found));
        let failed = self.kept.history.snapshot().iter().filter(|entry| entry.fate == Fate::Failed).count();
        sample.add(FAILED, "", failed as f64);
        let errors = self.producer.errors();
        if !errors.is_empty() {
            sample.note(format_args!("the client told of: {errors}"));
        }
        sample.add(PEAK_MEMORY, "MiB", super::meter::mib(self.cluster.usage().peak_bytes as f64));
        Ok(())
    }
}

/// Asks a broker that is well who leads, until none of `gone` does, and answers how many ms that took: what is left of the
/// failover is the clients' and the new leaders' part. Not a number where it does not happen before `end`.
pub(super) fn leaders_moved_ms(cluster: &mut Cluster, gone: &[usize], end: Instant) -> Result<f64> {
    let began = clock::now();
    let well = (0..cluster.brokers.len()).find(|number| !gone.contains(number)).context("no broker is left")?;
    let nodes: Vec<i32> = gone.iter().filter_map(|number| i32::try_from(number + 1).ok()).collect();
    let mut connection = Connection::open(cluster.broker(well)?.address)?;
    while clock::now() < end {
        let layout = connection.leaders(TOPIC.name)?;
        if !layout.values().any(|leader| *leader < 0 || nodes.contains(leader)) {
            return Ok(began.elapsed().as_secs_f64() * 1e3);
        }
        std::thread::sleep(Duration::from_millis(10));
    }
    Ok(f64::NAN)
}

/// Adds the history's figures.
pub(super) fn add_verdict(sample: &mut Sample, verdict: Verdict) {
    let Verdict { acknowledged, read, lost, duplicated, misplaced, reordered, foreign } = verdict;
    sample.add("acknowledged", "", acknowledged as f64);
    sample.add("read back", "", read as f64);
    for (name, count) in
        [(LOST, lost), (DUPLICATED, duplicated), (MISPLACED, misplaced), (REORDERED, reordered), (FOREIGN, foreign)]
    {
        sample.add(name, "", count as f64);
    }
}

/// For each partition, the ms from `since` until a record that was due after it was acknowledged: the least and the most
/// of them. Not a number where some partition acknowledged nothing.
pub(super) fn failover_ms(entries: &[Entry], partitions: &BTreeSet<i32>, since: Duration) -> (f64, f64) {
    let first = |partition: &i32| {
        let of = entries.iter().filter(|entry| entry.partition == *partition && entry.due > since);
        let first = of.filter_map(Entry::acknowledged).min();
        first.map_or(f64::NAN, |at| at.saturating_sub(since).as_secs_f64() * 1e3)
    };
    let times: Vec<f64> = partitions.iter().map(first).collect();
    if times.is_empty() || times.iter().any(|time| time.is_nan()) {
        return (f64::NAN, f64::NAN);
    }
    (times.iter().copied().fold(f64::INFINITY, f64::min), times.iter().copied().fold(0.0, f64::max))
}

/// The longest time, in ms, that a partition had no acknowledgement between `from` and `to`.
pub(super) fn longest_gap_ms(entries: &[Entry], from: Duration, to: Duration) -> f64 {
    let mut times: std::collections::BTreeMap<i32, Vec<Duration>> = std::collections::BTreeMap::new();
    for entry in entries {
        let times = times.entry(entry.partition).or_default();
        times.extend(entry.acknowledged().filter(|at| (from..to).contains(at)));
    }
    let gap = |mut times: Vec<Duration>| {
        times.extend([from, to]);
        times.sort_unstable();
        let gaps = times.iter().zip(times.iter().skip(1)).map(|(one, next)| next.saturating_sub(*one));
        gaps.max().unwrap_or_default()
    };
    times.into_values().map(gap).max().map_or(f64::NAN, |gap| gap.as_secs_f64() * 1e3)
}

/// Records acknowledged between two moments.
pub(super) fn acknowledged_between(entries: &[Entry], from: Duration, to: Duration) -> usize {
    entries.iter().filter_map(Entry::acknowledged).filter(|at| (from..to).contains(at)).count()
}

/// Ends a load when dropped, however the scene ends.
pub(super) struct StopAtEnd<'a>(pub(super) &'a AtomicBool);

impl Drop for StopAtEnd<'_> {
    fn drop(&mut self) {
        self.0.store(true, Ordering::Relaxed);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn entry(partition: i32, due_ms: u64, at_ms: Option<u64>) -> Entry {
        let fate = at_ms.map_or(Fate::Open, |ms| Fate::Acknowledged { at: Duration::from_millis(ms), offset: 0 });
        Entry { producer: 0, partition, due: Duration::from_millis(due_ms), fate }
    }

    #[test]
    fn failover_is_that_of_the_slowest_partition_and_counts_new_records_only() {
        let entries =
            [entry(0, 900, Some(1100)), entry(0, 1050, Some(1500)), entry(1, 1060, Some(1300)), entry(2, 1070, None)];
        let since = Duration::from_millis(1000);
        assert_eq!(failover_ms(&entries, &BTreeSet::from([0, 1]), since), (300.0, 500.0));
        assert!(failover_ms(&entries, &BTreeSet::from([0, 2]), since).1.is_nan());
        assert!(failover_ms(&entries, &BTreeSet::new(), since).1.is_nan());
    }

    #[test]
    fn a_partition_that_falls_silent_has_a_gap_to_the_end() {
        let entries = [entry(0, 0, Some(100)), entry(0, 0, Some(900)), entry(1, 0, Some(500))];
        let (from, to) = (Duration::ZERO, Duration::from_millis(1000));
        assert_eq!(longest_gap_ms(&entries, from, to), 800.0);
        assert_eq!(longest_gap_ms(&entries, from, Duration::from_millis(1500)), 1000.0);
        assert_eq!(acknowledged_between(&entries, from, Duration::from_millis(600)), 2);
    }
}
