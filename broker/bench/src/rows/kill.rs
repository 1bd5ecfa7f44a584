//! Brokers die at once and without a word.

use std::time::Duration;

use anyhow::{Result, ensure};

use super::Run;
use super::failure::{BEFORE, PATIENT, Scene, failover_ms, leaders_moved_ms};
use crate::clock;
use crate::figure::Sample;
use crate::process::Signal;
use crate::specification::FAILOVER;

/// Load after the death.
const AFTER: Duration = Duration::from_secs(20);

const PER_SECOND: u32 = 960;

pub(super) fn run(run: &Run, brokers: usize, victims: &[usize]) -> Result<Sample> {
    let mut scene = Scene::set(run, brokers, PATIENT)?;
    let affected = scene.led_by(victims);
    ensure!(!affected.is_empty(), "the victims led nothing");
    let (mut died, mut moved) = (Duration::ZERO, f64::NAN);
    scene.play(PER_SECOND, |cluster, kept| {
        run.watch(cluster, clock::now() + BEFORE, String::new)?;
        died = kept.start.elapsed();
        for victim in victims {
            cluster.broker(*victim)?.signal(Signal::KILL)?;
        }
        for victim in victims {
            cluster.broker(*victim)?.wait_end(Duration::from_secs(10))?;
        }
        let end = clock::now() + AFTER;
        moved = leaders_moved_ms(cluster, victims, end)?;
        run.watch(cluster, end, String::new).map(drop)
    })?;
    let entries = scene.kept.history.snapshot();
    let mut sample = Sample::default();
    let (fastest, slowest) = failover_ms(&entries, &affected, died);
    sample.add(FAILOVER, "ms", slowest);
    sample.add("fastest partition", "ms", fastest);
    sample.add("leaders named after", "ms", moved);
    sample.add("partitions concerned", "", affected.len() as f64);
    scene.judge(run, &mut sample)?;
    Ok(sample)
}
