//! A broker is asked to go while producers are busy.

use std::time::Duration;

use anyhow::Result;

use super::Run;
use super::failure::{BEFORE, PATIENT, Scene, longest_gap_ms};
use crate::clock;
use crate::figure::Sample;
use crate::process::Signal;
use crate::specification::GAP;

/// Load after the signal.
const AFTER: Duration = Duration::from_secs(15);

const PER_SECOND: u32 = 1920;

/// How long the broker may take to leave.
const LEAVE_MAX: Duration = Duration::from_secs(60);

pub(super) fn run(run: &Run) -> Result<Sample> {
    let mut scene = Scene::set(run, 3, PATIENT)?;
    let concerned = scene.led_by(&[0]).len();
    let (mut asked, mut left, mut end) = (Duration::ZERO, Duration::ZERO, Duration::ZERO);
    scene.play(PER_SECOND, |cluster, kept| {
        run.watch(cluster, clock::now() + BEFORE, String::new)?;
        asked = kept.start.elapsed();
        cluster.broker(0)?.signal(Signal::TERM)?;
        cluster.broker(0)?.wait_end(LEAVE_MAX)?;
        left = kept.start.elapsed();
        run.watch(cluster, clock::now() + AFTER, String::new)?;
        end = kept.start.elapsed();
        Ok(())
    })?;
    let entries = scene.kept.history.snapshot();
    let mut sample = Sample::default();
    sample.add(GAP, "ms", longest_gap_ms(&entries, asked.saturating_sub(Duration::from_secs(1)), end));
    sample.add("longest gap before", "ms", longest_gap_ms(&entries, Duration::from_secs(4), asked));
    sample.add("SIGTERM took", "ms", left.saturating_sub(asked).as_secs_f64() * 1e3);
    sample.add("partitions concerned", "", concerned as f64);
    scene.judge(run, &mut sample)?;
    Ok(sample)
}
