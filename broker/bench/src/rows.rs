//! How each row is run.

mod catch_up;
mod drain;
mod failure;
mod idle;
mod kill;
mod latency;
mod many_partitions;
mod meter;
mod pause;
mod stall;
mod start;
mod throughput;

use std::fmt::Display;
use std::path::PathBuf;
use std::time::{Duration, Instant};

use anyhow::{Result, bail};

use self::failure::StopAtEnd;
use crate::cluster::{Cluster, Setup};
use crate::double::Double;
use crate::environment;
use crate::figure::Sample;
use crate::programs::Programs;
use crate::specification::{RATIO, Row, Specification};
use crate::{clock, specification};

/// How often a long wait says that it goes on.
const PROGRESS_EVERY: Duration = Duration::from_secs(15);

/// Available memory below which a load ends early: the double holds everything in memory.
const MEMORY_MIN_BYTES: u64 = 2 << 30;

/// One run of one row: where it finds what it needs.
#[derive(Debug)]
pub struct Run {
    /// The programs.
    pub programs: Programs,
    /// A folder of its own.
    pub folder: PathBuf,
    /// Seed of the double.
    pub seed: u64,
    /// What the brokers log.
    pub log: String,
    /// How long the load is measured.
    pub window: Duration,
    /// What stands in front of progress.
    pub label: String,
}

impl Run {
    /// A fresh double.
    fn double(&self) -> Result<Double> {
        Double::start(&self.programs.double, self.seed, &self.folder)
    }

    /// Brokers on it, all ready.
    fn cluster(&self, double: &Double, brokers: usize, put_budget: Option<u32>) -> Result<Cluster> {
        let setup = Setup { brokers, put_budget, log: self.log.clone() };
        Cluster::start(&self.programs.broker, double, &setup, &self.folder)
    }

    /// Says how far the run is.
    fn progress(&self, what: impl Display) {
        eprintln!("  [{}] {what}", self.label);
    }

    /// Waits until `until`, says now and then what `state` answers, and watches over brokers and memory. Answers when it
    /// ended: earlier than asked if memory ran out.
    fn watch(&self, cluster: &mut Cluster, until: Instant, state: impl Fn() -> String) -> Result<Instant> {
        let mut next = clock::now() + PROGRESS_EVERY;
        loop {
            let now = clock::now();
            if now >= until {
                return Ok(now);
            }
            if environment::memory_available() < MEMORY_MIN_BYTES {
                self.progress("memory runs out: the load ends early");
                return Ok(now);
            }
            if now >= next {
                self.progress(format_args!("{} s left: {}", (until - now).as_secs(), state()));
                next += PROGRESS_EVERY;
            }
            cluster.expect_running()?;
            clock::sleep_until(until.min(now + Duration::from_millis(250)));
        }
    }
}

/// What a load's thread answered.
fn joined(load: std::thread::ScopedJoinHandle<'_, Result<()>>) -> Result<()> {
    load.join().unwrap_or_else(|_| bail!("the load's thread panicked"))
}

/// Runs a row once.
///
/// # Errors
/// When something could not be started, broke off, or answered nonsense.
pub fn run(row: Row, run: &Run) -> Result<Sample> {
    match row {
        Row::Latency20 => latency::run(run, 20, 200),
        Row::Latency40 => latency::run(run, 40, 200),
        Row::Latency5 => latency::run(run, 20, 5),
        Row::OnePartition => throughput::one_partition(run),
        Row::SixteenPartitions => throughput::sixteen_partitions(run),
        Row::CatchUp => catch_up::run(run),
        Row::ManyPartitions => many_partitions::run(run),
        Row::KillOne => kill::run(run, 3, &[0]),
        Row::KillThree => kill::run(run, 6, &[0, 2, 5]),
        Row::Pause => pause::run(run),
        Row::Drain => drain::run(run),
        Row::Stall => stall::run(run),
        Row::StartEmpty => start::empty(run),
        Row::StartFull => start::full(run),
        Row::Idle => idle::run(run),
    }
}

/// Why a row cannot run here; none if it can.
#[must_use]
pub fn unavailable(row: Row) -> Option<String> {
    // The double holds in memory what is written; brokers and clients buffer.
    let needed_gib = match row {
        Row::CatchUp => 12,
        Row::SixteenPartitions | Row::OnePartition | Row::Stall => 8,
        _ => 3,
    };
    let available = environment::memory_available() >> 30;
    (available < needed_gib).then(|| format!("needs {needed_gib} GiB of memory, and {available} GiB are available"))
}

/// Adds what compares a row with an earlier one.
///
/// # Errors
/// When the earlier one gave nothing.
pub fn compare(row: &Specification, sample: &mut Sample, earlier: Option<f64>) -> Result<()> {
    if row.row != Row::KillThree {
        return Ok(());
    }
    let (Some(earlier), Some(now)) = (earlier, sample.value(specification::FAILOVER)) else {
        bail!("nothing to compare with: kill-1-of-3 gave no figure");
    };
    sample.add(RATIO, "", now / earlier);
    Ok(())
}
