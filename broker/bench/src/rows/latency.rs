//! Few records, each on its own way: how long until they are acknowledged.

use std::time::Duration;

use anyhow::Result;

use super::Run;
use super::meter::Meter;
use crate::client::admin::create_topics;
use crate::client::load::{Topic, paced};
use crate::client::producer::{Latencies, Producer};
use crate::clock;
use crate::figure::Sample;
use crate::specification::{FAILED, P50, P99, P999};

/// Time before the window: brokers may spend a burst of two seconds' PUTs, which 200 records/s use up at once.
const WARM_UP: Duration = Duration::from_secs(15);

/// Every record leaves at once.
const SETTINGS: &crate::client::Settings = &[("acks", "all"), ("linger.ms", "0")];

const TOPIC: Topic<'_> = Topic { name: "latency", partitions: 16 };

pub(super) fn run(run: &Run, put_budget: u32, per_second: u32) -> Result<Sample> {
    let double = run.double()?;
    let mut cluster = run.cluster(&double, 1, Some(put_budget))?;
    let servers = cluster.bootstrap_servers();
    create_topics(&servers, &[TOPIC.name.to_owned()], TOPIC.partitions, &[])?;
    cluster.wait_spread(TOPIC.name, 1)?;
    let seen = Latencies::new();
    let producer = Producer::start(&servers, SETTINGS, seen.clone())?;
    let start = clock::now() + WARM_UP;
    let end = start + run.window;
    let mut sample = Sample::default();
    std::thread::scope(|scope| {
        let load = scope.spawn(|| paced(&producer, TOPIC, &seen, per_second, end));
        run.watch(&mut cluster, start, || "warming up".to_owned())?;
        seen.open_window();
        let before = Meter::read(&double, &cluster)?;
        run.watch(&mut cluster, end, || {
            let seen = seen.snapshot().histogram;
            format!("p50 {:.1} ms, p99 {:.1} ms", seen.percentile_ms(500), seen.percentile_ms(990))
        })?;
        let used = before.until(Meter::read(&double, &cluster)?);
        super::joined(load)?;
        producer.flush(Duration::from_secs(30))?;
        let seen = seen.snapshot();
        sample.add(P50, "ms", seen.histogram.percentile_ms(500));
        sample.add(P99, "ms", seen.histogram.percentile_ms(990));
        sample.add(P999, "ms", seen.histogram.percentile_ms(999));
        sample.add("max", "ms", seen.histogram.max_ms());
        sample.add("records", "", seen.histogram.count() as f64);
        sample.add(FAILED, "", seen.failed as f64);
        used.add_cost_of_month(&mut sample);
        used.add_usage(&mut sample);
        anyhow::Ok(())
    })?;
    Ok(sample)
}
