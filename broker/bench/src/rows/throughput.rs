//! As many records as go.

use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use anyhow::Result;

use super::Run;
use super::meter::{Meter, gib, mib};
use crate::client::Settings;
use crate::client::admin::create_topics;
use crate::client::load::{RECORD_BYTES, Topic, flat_out};
use crate::client::producer::{Latencies, Producer};
use crate::clock;
use crate::figure::Sample;
use crate::specification::{FAILED, P50, P99, P999, THROUGHPUT};

/// Time before the window: connections, buffers and the burst of PUTs.
const WARM_UP: Duration = Duration::from_secs(15);

/// What is kept of each partition: three minutes flat out are more than the machine's memory.
const RETENTION: &[(&str, &str)] =
    &[("retention.bytes", "67108864"), ("segment.bytes", "67108864"), ("file.delete.delay.ms", "1000")];

/// The same, and room for large batches: an idempotent librdkafka sends the next batch of a partition when it has fewer than
/// five *messages* in flight (`rktp_msgs_inflight`), which is one batch at a time, whatever is configured.
const LARGE_BATCHES: &[(&str, &str)] = &[
    ("retention.bytes", "67108864"),
    ("segment.bytes", "67108864"),
    ("file.delete.delay.ms", "1000"),
    ("max.message.bytes", "3145728"),
];

const ONE_PARTITION: &Settings = &[
    ("enable.idempotence", "true"),
    ("linger.ms", "5"),
    ("message.max.bytes", "3100000"),
    ("batch.size", "3000000"),
    ("batch.num.messages", "100000"),
    ("queue.buffering.max.messages", "10000000"),
    ("queue.buffering.max.kbytes", "32768"),
];

pub(super) const SIXTEEN_PARTITIONS: &Settings = &[
    ("acks", "all"),
    ("linger.ms", "20"),
    ("batch.size", "1000000"),
    ("batch.num.messages", "100000"),
    ("queue.buffering.max.messages", "10000000"),
    ("queue.buffering.max.kbytes", "131072"),
];

pub(super) fn one_partition(run: &Run) -> Result<Sample> {
    measure(run, Topic { name: "one", partitions: 1 }, LARGE_BATCHES, ONE_PARTITION)
}

pub(super) fn sixteen_partitions(run: &Run) -> Result<Sample> {
    measure(run, Topic { name: "sixteen", partitions: 16 }, RETENTION, SIXTEEN_PARTITIONS)
}

fn measure(run: &Run, topic: Topic<'_>, configs: &[(&str, &str)], settings: &Settings) -> Result<Sample> {
    let double = run.double()?;
    let mut cluster = run.cluster(&double, 1, None)?;
    let servers = cluster.bootstrap_servers();
    create_topics(&servers, &[topic.name.to_owned()], topic.partitions, configs)?;
    cluster.wait_spread(topic.name, 1)?;
    let seen = Latencies::new();
    let producer = Producer::start(&servers, settings, seen.clone())?;
    let stop = AtomicBool::new(false);
    let bytes = |records: u64| records.saturating_mul(RECORD_BYTES as u64) as f64;
    let mut sample = Sample::default();
    std::thread::scope(|scope| {
        let load = scope.spawn(|| flat_out(&producer, topic, &seen, &stop));
        let _stop = super::StopAtEnd(&stop);
        run.watch(&mut cluster, clock::now() + WARM_UP, || "warming up".to_owned())?;
        seen.open_window();
        let (before, first, began) = (Meter::read(&double, &cluster)?, seen.acknowledged(), clock::now());
        run.watch(&mut cluster, began + run.window, || {
            let rate = mib(bytes(seen.acknowledged() - first)) / began.elapsed().as_secs_f64();
            let stored = double.counters().map_or(f64::NAN, |counters| gib(counters.stored_bytes()));
            format!("{rate:.1} MiB/s acknowledged, {stored:.1} GiB stored")
        })?;
        let (snapshot, after) = (seen.snapshot(), Meter::read(&double, &cluster)?);
        stop.store(true, Ordering::Relaxed);
        super::joined(load)?;
        let (acknowledged, used) = (bytes(snapshot.acknowledged - first), before.until(after));
        sample.add(THROUGHPUT, "MiB/s", mib(acknowledged) / used.seconds);
        used.add_cost_of(&mut sample, acknowledged);
        sample.add(P50, "ms", snapshot.histogram.percentile_ms(500));
        sample.add(P99, "ms", snapshot.histogram.percentile_ms(990));
        sample.add(P999, "ms", snapshot.histogram.percentile_ms(999));
        producer.flush(Duration::from_secs(60))?;
        sample.add(FAILED, "", seen.snapshot().failed as f64);
        sample.add("stored at the end", "GiB", gib(double.counters()?.stored_bytes()));
        used.add_usage(&mut sample);
        anyhow::Ok(())
    })?;
    Ok(sample)
}
