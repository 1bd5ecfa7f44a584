//! Many partitions that hold little each.

use std::time::Duration;

use anyhow::Result;

use super::Run;
use super::meter::Meter;
use crate::client::Settings;
use crate::client::admin::create_topics;
use crate::client::load::{Topic, paced};
use crate::client::producer::{Latencies, Producer};
use crate::clock;
use crate::cluster::Cluster;
use crate::figure::Sample;
use crate::specification::{BACKLOG, FAILED, P50, P99, P999, PUT_RATE};

const BROKERS: usize = 3;
const TOPIC: Topic<'_> = Topic { name: "many", partitions: 2000 };
const SETTINGS: &Settings = &[("acks", "all"), ("linger.ms", "0")];

/// Time before the window: the burst of PUTs, and every partition's first record.
const WARM_UP: Duration = Duration::from_secs(30);

pub(super) fn run(run: &Run) -> Result<Sample> {
    let double = run.double()?;
    let mut cluster = run.cluster(&double, BROKERS, None)?;
    let servers = cluster.bootstrap_servers();
    create_topics(&servers, &[TOPIC.name.to_owned()], TOPIC.partitions, &[])?;
    run.progress("waiting until the partitions are spread");
    let layout = cluster.wait_spread(TOPIC.name, BROKERS)?;
    let seen = Latencies::new();
    let producer = Producer::start(&servers, SETTINGS, seen.clone())?;
    let start = clock::now() + WARM_UP;
    let end = start + run.window;
    let per_second = u32::try_from(TOPIC.partitions)?;
    let mut sample = Sample::default();
    sample.note(format_args!("partitions by leader: {}", crate::cluster::shown(&layout)));
    std::thread::scope(|scope| {
        let load = scope.spawn(|| paced(&producer, TOPIC, &seen, per_second, end));
        run.watch(&mut cluster, start, || "warming up".to_owned())?;
        seen.open_window();
        let (before, objects) = (Meter::read(&double, &cluster)?, wal_objects(&cluster)?);
        run.watch(&mut cluster, end, || format!("{} acknowledged", seen.acknowledged()))?;
        let (used, later) = (before.until(Meter::read(&double, &cluster)?), wal_objects(&cluster)?);
        super::joined(load)?;
        producer.flush(Duration::from_secs(60))?;
        let each = objects.iter().zip(&later).map(|(before, after)| (after - before) / used.seconds);
        let seen = seen.snapshot();
        sample.add(PUT_RATE, "1/s", used.counted(|c| c.data_requests("put")) / used.seconds / BROKERS as f64);
        sample.add("WAL PUT/s, the busiest", "1/s", each.fold(0.0, f64::max));
        sample.add(BACKLOG, "", double.wal_objects()? / BROKERS as f64);
        sample.add("WAL objects written", "", used.counted(crate::double::Counters::wal_puts));
        sample.add(P50, "ms", seen.histogram.percentile_ms(500));
        sample.add(P99, "ms", seen.histogram.percentile_ms(990));
        sample.add(P999, "ms", seen.histogram.percentile_ms(999));
        sample.add(FAILED, "", seen.failed as f64);
        used.add_cost_of_month(&mut sample);
        used.add_usage(&mut sample);
        anyhow::Ok(())
    })?;
    Ok(sample)
}

/// WAL objects that each broker has written.
fn wal_objects(cluster: &Cluster) -> Result<Vec<f64>> {
    cluster.brokers.iter().map(|broker| broker.metric("ringfence_wal_objects_total")).collect()
}
