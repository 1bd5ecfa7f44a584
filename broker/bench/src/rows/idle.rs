//! Nothing to do.

use std::time::Duration;

use anyhow::Result;

use super::Run;
use super::meter::Meter;
use super::throughput::SIXTEEN_PARTITIONS;
use crate::client::admin::create_topics;
use crate::client::load::{Topic, fill};
use crate::client::producer::{Latencies, Producer};
use crate::clock;
use crate::figure::Sample;
use crate::specification::DATA_PUTS;

const TOPIC: Topic<'_> = Topic { name: "idle", partitions: 16 };

/// The hour, in windows.
const WINDOWS: u32 = 20;

/// Time after the last record in which what was written is folded and trimmed: it waits ten minutes for more.
const SETTLE_MAX: Duration = Duration::from_secs(900);

/// A checkpoint stays where a log was trimmed to its end.
const WAL_OBJECTS_SETTLED: f64 = 1.0;

/// How often is looked whether that has happened.
const LOOK: Duration = Duration::from_secs(15);

pub(super) fn run(run: &Run) -> Result<Sample> {
    let double = run.double()?;
    let mut cluster = run.cluster(&double, 1, None)?;
    let servers = cluster.bootstrap_servers();
    create_topics(&servers, &[TOPIC.name.to_owned()], TOPIC.partitions, &[])?;
    cluster.wait_spread(TOPIC.name, 1)?;
    let seen = Latencies::new();
    let producer = Producer::start(&servers, SIXTEEN_PARTITIONS, seen.clone())?;
    fill(&producer, TOPIC, &seen, 16_000)?;
    producer.flush(Duration::from_secs(60))?;
    drop(producer);
    let (began, latest) = (clock::now(), clock::now() + SETTLE_MAX);
    while double.wal_objects()? > WAL_OBJECTS_SETTLED && clock::now() < latest {
        run.watch(&mut cluster, clock::now() + LOOK, || "what was written is folded".to_owned())?;
    }
    let settled = began.elapsed();
    let before = Meter::read(&double, &cluster)?;
    run.watch(&mut cluster, clock::now() + run.window * WINDOWS, || "idle".to_owned())?;
    let used = before.until(Meter::read(&double, &cluster)?);
    let mut sample = Sample::default();
    sample.add(DATA_PUTS, "", used.counted(|c| c.data_requests("put")));
    sample.add("folded after", "s", settled.as_secs_f64());
    sample.add("data GETs", "", used.counted(|c| c.data_requests("get")));
    sample.add("data LISTs", "", used.counted(|c| c.data_requests("list")));
    sample.add("all PUTs", "", used.counted(|c| c.requests("put")));
    used.add_cost_of_month(&mut sample);
    used.add_usage(&mut sample);
    Ok(sample)
}
