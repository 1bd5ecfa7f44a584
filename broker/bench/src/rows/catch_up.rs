//! Reading back what was written long ago.

use std::time::Duration;

use anyhow::{Result, ensure};

use super::Run;
use super::meter::{Meter, gib, mib};
use super::throughput::SIXTEEN_PARTITIONS;
use crate::client::admin::create_topics;
use crate::client::consumer;
use crate::client::load::{RECORD_BYTES, Topic, fill};
use crate::client::producer::{Latencies, Producer};
use crate::figure::Sample;
use crate::process::Signal;
use crate::specification::{THROUGHPUT, VOLUME};

const TOPIC: Topic<'_> = Topic { name: "catch-up", partitions: 16 };

/// Records of 4 GiB.
const RECORDS: u64 = (4 << 30) / RECORD_BYTES as u64;

/// A window from which on the whole volume is read; a shorter one reads its share, for orientation.
const WHOLE_FROM: Duration = Duration::from_secs(60);

pub(super) fn run(run: &Run) -> Result<Sample> {
    let double = run.double()?;
    let mut cluster = run.cluster(&double, 1, None)?;
    let servers = cluster.bootstrap_servers();
    create_topics(&servers, &[TOPIC.name.to_owned()], TOPIC.partitions, &[])?;
    cluster.wait_spread(TOPIC.name, 1)?;
    let share = run.window.min(WHOLE_FROM).as_millis().max(1);
    let records = RECORDS * u64::try_from(share)? / u64::try_from(WHOLE_FROM.as_millis())?;
    run.progress(format_args!("writing {:.2} GiB", gib((records * RECORD_BYTES as u64) as f64)));
    let seen = Latencies::new();
    let producer = Producer::start(&servers, SIXTEEN_PARTITIONS, seen.clone())?;
    fill(&producer, TOPIC, &seen, records)?;
    producer.flush(Duration::from_secs(120))?;
    drop(producer);
    ensure!(seen.acknowledged() == records, "{} of {records} records were acknowledged", seen.acknowledged());
    // A new process has nothing in memory.
    let broker = cluster.broker(0)?;
    broker.signal(Signal::TERM)?;
    broker.wait_end(Duration::from_secs(60))?;
    cluster.spawn(0)?;
    cluster.wait_ready(0)?;
    cluster.wait_spread(TOPIC.name, 1)?;
    run.progress("reading");
    let before = Meter::read(&double, &cluster)?;
    let read = consumer::read(&servers, TOPIC.name, TOPIC.partitions, |_| Ok(()))?;
    let used = before.until(Meter::read(&double, &cluster)?);
    ensure!(read.records == records, "{} of {records} records were read", read.records);
    let mut sample = Sample::default();
    sample.add(THROUGHPUT, "MiB/s", mib(read.bytes as f64) / read.took.as_secs_f64());
    sample.add(VOLUME, "GiB", gib(read.bytes as f64));
    used.add_cost_of(&mut sample, read.bytes as f64);
    used.add_usage(&mut sample);
    Ok(sample)
}
