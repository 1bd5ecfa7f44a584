//! A broker stands still and goes on when it has long been replaced.
//!
//! Besides the usual load a plain connection keeps producing to the broker that is paused: librdkafka leaves such a broker
//! alone, and would not show what it still answers.

use std::net::SocketAddr;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use anyhow::{Context as _, Result, ensure};

use super::Run;
use super::failure::{BEFORE, PATIENT, Scene, StopAtEnd, failover_ms, leaders_moved_ms};
use crate::client::Settings;
use crate::client::admin::create_topics;
use crate::client::consumer::read_history;
use crate::client::load::Topic;
use crate::client::producer::{Kept, Reports as _};
use crate::clock;
use crate::cluster::Cluster;
use crate::connection::Connection;
use crate::figure::Sample;
use crate::history::write_number;
use crate::process::Signal;
use crate::specification::{FAILOVER, LOST, ZOMBIE};

/// How long it stands still.
const PAUSE: Duration = Duration::from_secs(20);
/// How long it is watched afterwards.
const AFTER: Duration = Duration::from_secs(10);

const PER_SECOND: u32 = 960;
const VICTIM: usize = 1;

/// Written to by the plain connection alone.
const PLAIN: Topic<'_> = Topic { name: "plain", partitions: 12 };

/// Between two records of the plain connection.
const PLAIN_EVERY: Duration = Duration::from_millis(20);

/// Clients cannot see that a broker stands still but by its silence: theirs is the patience here.
const SHORT: &Settings = &[("request.timeout.ms", "1000"), ("socket.timeout.ms", "1000")];

/// When what happened, since the start of the history.
#[derive(Clone, Copy, Default)]
struct Moments {
    stopped: Duration,
    continued: Duration,
    /// When it led the plain connection's partition again, as a new incarnation; acknowledging is its right from then on.
    leads_again: Option<Duration>,
    moved_ms: f64,
}

pub(super) fn run(run: &Run) -> Result<Sample> {
    let settings: Vec<(&str, &str)> = PATIENT.iter().chain(SHORT).copied().collect();
    let mut scene = Scene::set(run, 3, &settings)?;
    create_topics(&scene.servers, &[PLAIN.name.to_owned()], PLAIN.partitions, &[])?;
    let node = i32::try_from(VICTIM + 1)?;
    let plain = scene.cluster.wait_spread(PLAIN.name, 3)?.into_iter().find(|(_, leader)| *leader == node);
    let (partition, _) = plain.context("the victim leads no partition of the plain topic")?;
    scene.layout = scene.cluster.wait_spread(super::failure::TOPIC.name, 3)?;
    let affected = scene.led_by(&[VICTIM]);
    ensure!(!affected.is_empty(), "the victim leads nothing");
    let address = scene.cluster.broker(VICTIM)?.address;
    let mut moments = Moments::default();
    let told = Kept::new();
    scene.play(PER_SECOND, |cluster, kept| play(run, cluster, kept, (address, partition, &told), &mut moments))?;
    let entries = scene.kept.history.snapshot();
    let mut sample = Sample::default();
    let (fastest, slowest) = failover_ms(&entries, &affected, moments.stopped);
    sample.add(FAILOVER, "ms", slowest);
    sample.add("fastest partition", "ms", fastest);
    sample.add("leaders named after", "ms", moments.moved_ms);
    sample.add("partitions concerned", "", affected.len() as f64);
    let offset = told.start.saturating_duration_since(scene.kept.start);
    let acknowledged = told.history.snapshot();
    let times = acknowledged.iter().filter_map(|entry| Some(entry.acknowledged()? + offset));
    let paused = moments.continued..moments.leads_again.unwrap_or(Duration::MAX);
    sample.add(ZOMBIE, "", times.filter(|at| paused.contains(at)).count() as f64);
    let again = moments.leads_again.map(|at| at.saturating_sub(moments.continued).as_secs_f64() * 1e3);
    sample.add("leads again after", "ms", again.unwrap_or(f64::NAN));
    let plain = told.history.check(read_history(&scene.servers, PLAIN.name, PLAIN.partitions)?);
    sample.add("plain connection: acknowledged", "", plain.acknowledged as f64);
    scene.judge(run, &mut sample)?;
    // What the paused broker acknowledged before must be there as well.
    if let Some(lost) = sample.figures.iter_mut().find(|figure| figure.name == LOST) {
        lost.value += plain.lost as f64;
    }
    Ok(sample)
}

fn play(
    run: &Run,
    cluster: &mut Cluster,
    kept: &Kept,
    plain: (SocketAddr, i32, &Kept),
    moments: &mut Moments,
) -> Result<()> {
    let stop = AtomicBool::new(false);
    let (address, partition, told) = plain;
    let mut connection = Connection::open(address)?;
    let mut reader = connection.reader()?;
    std::thread::scope(|scope| {
        // Ends when the broker closes the connection, or is silent for longer than it is paused.
        scope.spawn(|| {
            while let Ok((id, answer)) = reader.receive_offset() {
                let place = answer.map(|offset| (partition, offset)).map_err(|error| format!("{error:?}"));
                told.delivered(usize::try_from(id).unwrap_or(usize::MAX), place);
            }
        });
        scope.spawn(|| {
            let mut value = vec![b'x'; 100];
            while !stop.load(Ordering::Relaxed) {
                let number = told.history.begin(0, partition, told.start.elapsed());
                write_number(&mut value, number);
                if connection.send_record(PLAIN.name, partition, &value).is_err() {
                    break;
                }
                std::thread::sleep(PLAIN_EVERY);
            }
        });
        let _stop = StopAtEnd(&stop);
        run.watch(cluster, clock::now() + BEFORE, String::new)?;
        moments.stopped = kept.start.elapsed();
        cluster.broker(VICTIM)?.signal(Signal::STOP)?;
        let end = clock::now() + PAUSE;
        moments.moved_ms = leaders_moved_ms(cluster, &[VICTIM], end)?;
        run.watch(cluster, end, || "one broker stands still".to_owned())?;
        moments.continued = kept.start.elapsed();
        cluster.broker(VICTIM)?.signal(Signal::CONT)?;
        let end = clock::now() + AFTER;
        moments.leads_again = leads_again(cluster, partition, end)?.map(|()| kept.start.elapsed());
        run.watch(cluster, end, String::new)?;
        Ok(())
    })
}

/// Returns when a broker that was never paused says that the victim leads the plain connection's partition; none where that
/// does not happen before `end`.
fn leads_again(cluster: &mut Cluster, partition: i32, end: Instant) -> Result<Option<()>> {
    let node = i32::try_from(VICTIM + 1)?;
    let well = (0..cluster.brokers.len()).find(|number| *number != VICTIM).context("no other broker")?;
    let mut connection = Connection::open(cluster.broker(well)?.address)?;
    while clock::now() < end {
        if connection.leaders(PLAIN.name)?.get(&partition) == Some(&node) {
            return Ok(Some(()));
        }
        std::thread::sleep(Duration::from_millis(5));
    }
    Ok(None)
}
