//! How long a process takes from its start to its first answer.

use std::net::SocketAddr;
use std::time::Duration;

use anyhow::{Context as _, Result};

use super::Run;
use crate::client::admin::create_topics;
use crate::cluster::{Cluster, Setup};
use crate::connection::Connection;
use crate::figure::Sample;
use crate::process::Signal;
use crate::specification::{LISTED, START};
use crate::statistics::spread;
use crate::{clock, history};

/// Starts of which the median is one run's figure.
const STARTS: usize = 5;

/// Between two looks.
const LOOK: Duration = Duration::from_millis(1);

const START_MAX: Duration = Duration::from_secs(60);
const STOP_MAX: Duration = Duration::from_secs(60);

/// Topics, each of a thousand partitions.
const TOPICS: usize = 20;

pub(super) fn empty(run: &Run) -> Result<Sample> {
    let double = run.double()?;
    let setup = Setup { brokers: 1, put_budget: None, log: run.log.clone() };
    let mut cluster = Cluster::create(&run.programs.broker, &double, &setup, &run.folder)?;
    let mut sample = Sample::default();
    let mut times = Vec::new();
    for number in 0..STARTS {
        let answered = start(&mut cluster, 0)?;
        times.push(answered);
        if number == 0 {
            sample.add("very first start", "ms", answered);
        }
        stop(&mut cluster)?;
    }
    let all = spread(&times).context("no start")?;
    sample.add(START, "ms", all.median);
    sample.add("slowest start", "ms", all.max);
    Ok(sample)
}

pub(super) fn full(run: &Run) -> Result<Sample> {
    let double = run.double()?;
    let mut cluster = run.cluster(&double, 1, None)?;
    let servers = cluster.bootstrap_servers();
    let began = clock::now();
    for topic in 0..TOPICS {
        create_topics(&servers, &[format!("full-{topic}")], 1000, &[])?;
    }
    let created = began.elapsed();
    run.progress(format_args!("20,000 partitions created in {:.1} s", created.as_secs_f64()));
    let address = cluster.broker(0)?.address;
    clock::poll("leaders of 20,000 partitions", START_MAX, Duration::from_millis(200), || {
        Ok((Connection::open(address)?.partitions()?.1 >= TOPICS * 1000).then_some(()))
    })?;
    let mut sample = Sample::default();
    let stopping = clock::now();
    stop(&mut cluster)?;
    let stopped = stopping.elapsed();
    let answered = start(&mut cluster, TOPICS * 1000)?;
    sample.add(START, "ms", answered);
    let (listed, led) = Connection::open(address)?.partitions()?;
    sample.add(LISTED, "", listed as f64);
    sample.add("partitions with a leader then", "", led as f64);
    let since = clock::now();
    first_produce(address)?;
    sample.add("first produce", "ms", answered + since.elapsed().as_secs_f64() * 1e3);
    sample.add("created in", "s", created.as_secs_f64());
    sample.add("SIGTERM took", "ms", stopped.as_secs_f64() * 1e3);
    sample.add("memory", "MiB", cluster.usage().peak_bytes as f64 / f64::from(1 << 20));
    Ok(sample)
}

/// Starts the broker and answers how many ms pass until it answers Metadata with at least so many partitions.
fn start(cluster: &mut Cluster, partitions: usize) -> Result<f64> {
    let began = clock::now();
    cluster.spawn(0)?;
    let address = cluster.broker(0)?.address;
    clock::poll("the first answer", START_MAX, LOOK, || {
        cluster.expect_running()?;
        // Nobody listens yet, or the process closes what it cannot answer yet.
        let Ok(mut connection) = Connection::open(address) else { return Ok(None) };
        Ok(connection.partitions().ok().filter(|(listed, _)| *listed >= partitions).map(drop))
    })?;
    Ok(began.elapsed().as_secs_f64() * 1e3)
}

fn stop(cluster: &mut Cluster) -> Result<()> {
    let broker = cluster.broker(0)?;
    broker.signal(Signal::TERM)?;
    broker.wait_end(STOP_MAX)
}

/// Returns when a record is acknowledged.
fn first_produce(address: SocketAddr) -> Result<()> {
    let mut value = vec![b'x'; 100];
    history::write_number(&mut value, 0);
    clock::poll("the first produce", START_MAX, LOOK, || {
        let mut connection = Connection::open(address)?;
        connection.send_record("full-0", 0, &value)?;
        Ok(connection.receive_offset()?.1.ok().map(drop))
    })
}
