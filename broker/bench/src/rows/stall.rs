//! The store stands still for a minute, then refuses everything for another.

use std::sync::atomic::AtomicBool;
use std::time::Duration;

use anyhow::Result;
use serde_json::json;

use super::failure::{PATIENT, StopAtEnd, acknowledged_between, add_verdict};
use super::{Run, joined};
use crate::client::Settings;
use crate::client::admin::create_topics;
use crate::client::consumer::read_history;
use crate::client::load::{Topic, numbered};
use crate::client::producer::{Kept, Producer};
use crate::clock;
use crate::cluster::Cluster;
use crate::double::Double;
use crate::figure::Sample;
use crate::history::{Entry, Fate};
use crate::specification::{FAILED, PEAK_MEMORY, RESUMED};

const TOPIC: Topic<'_> = Topic { name: "stall", partitions: 16 };

const PRODUCERS: u32 = 4;

/// 5 MiB/s of each producer.
const PER_SECOND: u32 = 5120;

const BEFORE: Duration = Duration::from_secs(15);
const STALL: Duration = Duration::from_secs(60);
const REFUSALS: Duration = Duration::from_secs(60);
const AFTER: Duration = Duration::from_secs(45);

/// Together more than a broker takes in: five batches of 1 MB in flight for each partition and producer.
const EAGER: &Settings =
    &[("batch.size", "1000000"), ("batch.num.messages", "100000"), ("queue.buffering.max.kbytes", "98304")];

const FLUSH_MAX: Duration = Duration::from_secs(180);

pub(super) fn run(run: &Run) -> Result<Sample> {
    let double = run.double()?;
    let mut cluster = run.cluster(&double, 1, None)?;
    let servers = cluster.bootstrap_servers();
    create_topics(&servers, &[TOPIC.name.to_owned()], TOPIC.partitions, &[])?;
    cluster.wait_spread(TOPIC.name, 1)?;
    let settings: Vec<(&str, &str)> = PATIENT.iter().chain(EAGER).copied().collect();
    let kept = Kept::new();
    let producers =
        (0..PRODUCERS).map(|_| Producer::start(&servers, &settings, kept.clone())).collect::<Result<Vec<_>>>()?;
    let stop = AtomicBool::new(false);
    let healed = std::thread::scope(|scope| {
        let (kept, stop) = (&*kept, &stop);
        let loads: Vec<_> = (0_u32..)
            .zip(&producers)
            .map(|producer| scope.spawn(move || numbered(producer, TOPIC, kept, PER_SECOND, stop)))
            .collect();
        let played = {
            let _stop = StopAtEnd(stop);
            play(run, &double, &mut cluster, kept)
        };
        loads.into_iter().try_for_each(joined)?;
        played
    })?;
    producers.iter().try_for_each(|producer| producer.flush(FLUSH_MAX))?;
    let entries = kept.history.snapshot();
    let resumed = entries.iter().filter_map(Entry::acknowledged).filter(|at| *at >= healed).min();
    let mut sample = Sample::default();
    sample.add(PEAK_MEMORY, "MiB", super::meter::mib(cluster.usage().peak_bytes as f64));
    sample.add(RESUMED, "ms", resumed.map_or(f64::NAN, |at| at.saturating_sub(healed).as_secs_f64() * 1e3));
    let faulty = acknowledged_between(&entries, healed.saturating_sub(STALL + REFUSALS), healed);
    sample.add("acknowledged meanwhile", "", faulty as f64);
    sample.add(FAILED, "", entries.iter().filter(|entry| entry.fate == Fate::Failed).count() as f64);
    run.progress("reading everything back");
    add_verdict(&mut sample, kept.history.check(read_history(&servers, TOPIC.name, TOPIC.partitions)?));
    for errors in producers.iter().map(Producer::errors).filter(|errors| !errors.is_empty()) {
        sample.note(format_args!("a client told of: {errors}"));
    }
    Ok(sample)
}

/// Answers when the store was well again.
fn play(run: &Run, double: &Double, cluster: &mut Cluster, kept: &Kept) -> Result<Duration> {
    let memory = |cluster: &Cluster| super::meter::mib(cluster.usage().resident_bytes as f64);
    run.watch(cluster, clock::now() + BEFORE, String::new)?;
    run.progress(format_args!("the store stalls; the broker has {:.0} MiB", memory(cluster)));
    let (stall, refusals) = (u64::try_from(STALL.as_millis())?, u64::try_from(REFUSALS.as_millis())?);
    // Both in one request: no moment without a fault lies between them.
    double.faults(&json!([
        {"kind": "stall", "for_ms": stall},
        {"kind": "503", "after_ms": stall, "for_ms": refusals},
    ]))?;
    run.watch(cluster, clock::now() + STALL, || "the store stalls".to_owned())?;
    run.progress(format_args!("the store answers 503; the broker has {:.0} MiB", memory(cluster)));
    run.watch(cluster, clock::now() + REFUSALS, || "the store answers 503".to_owned())?;
    double.faults(&json!([]))?;
    let healed = kept.start.elapsed();
    run.progress(format_args!("the store is well again; the broker has {:.0} MiB", memory(cluster)));
    run.watch(cluster, clock::now() + AFTER, String::new)?;
    Ok(healed)
}
