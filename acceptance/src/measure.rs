//! Measures processes that come and go, by looking into /proc while a command runs.
//!
//! Terraform starts a provider several times per command; each start is one process here. What a process uses after the
//! last look (at most a few milliseconds) is not counted.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread::JoinHandle;
use std::time::Duration;

use crate::clock::Stopwatch;

/// Between two looks.
const LOOK_EVERY: Duration = Duration::from_millis(4);

/// `USER_HZ`, the unit of times in /proc: 100 on every Linux platform in use.
const TICKS_PER_SECOND: u64 = 100;

/// What all processes of one program used together.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Usage {
    /// From the start of the watch to its end.
    pub wall: Duration,
    /// How many processes were seen.
    pub processes: usize,
    /// User and system time of all of them.
    pub cpu: Duration,
    /// Peak resident memory of the largest.
    pub peak_bytes: u64,
}

impl std::fmt::Display for Usage {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(
            f,
            "wall {:.2} s, provider CPU {:.2} s over {} starts, peak memory {:.1} MiB",
            self.wall.as_secs_f64(),
            self.cpu.as_secs_f64(),
            self.processes,
            f64::from(u32::try_from(self.peak_bytes >> 10).unwrap_or(u32::MAX)) / 1024.0
        )
    }
}

/// Watches all processes whose program lies under one folder.
#[derive(Debug)]
pub struct Watch {
    stop: Arc<AtomicBool>,
    thread: JoinHandle<Usage>,
}

impl Watch {
    /// Starts looking.
    #[must_use]
    pub fn start(folder: PathBuf) -> Self {
        let stop = Arc::new(AtomicBool::new(false));
        let seen = Arc::clone(&stop);
        Self { stop, thread: std::thread::spawn(move || look(&folder, &seen)) }
    }

    /// Ends the watch.
    #[must_use]
    pub fn stop(self) -> Usage {
        self.stop.store(true, Ordering::SeqCst);
        self.thread.join().unwrap_or_default()
    }
}

fn look(folder: &Path, stop: &AtomicBool) -> Usage {
    let watch = Stopwatch::start();
    let mut seen: BTreeMap<u32, (u64, u64)> = BTreeMap::new();
    while !stop.load(Ordering::SeqCst) {
        let entries = std::fs::read_dir("/proc").into_iter().flatten().flatten();
        for id in entries.filter_map(|entry| entry.file_name().to_str()?.parse::<u32>().ok()) {
            if let Some((ticks, peak)) = sample(id, folder) {
                let most = seen.entry(id).or_default();
                *most = (most.0.max(ticks), most.1.max(peak));
            }
        }
        std::thread::park_timeout(LOOK_EVERY);
    }
    let ticks: u64 = seen.values().map(|(ticks, _)| ticks).sum();
    Usage {
        wall: watch.elapsed(),
        processes: seen.len(),
        cpu: Duration::from_millis(ticks.saturating_mul(1000) / TICKS_PER_SECOND),
        peak_bytes: seen.values().map(|(_, peak)| *peak).max().unwrap_or_default(),
    }
}

/// CPU ticks and peak resident bytes of a process, if its program lies under `folder`.
fn sample(id: u32, folder: &Path) -> Option<(u64, u64)> {
    let process = PathBuf::from(format!("/proc/{id}"));
    if !std::fs::read_link(process.join("exe")).ok()?.starts_with(folder) {
        return None;
    }
    let stat = std::fs::read_to_string(process.join("stat")).ok()?;
    // The name in parentheses may hold blanks; utime and stime are the 12th and 13th field after it.
    let mut fields = stat.rsplit_once(')')?.1.split_whitespace().skip(11);
    let ticks = fields.next()?.parse::<u64>().ok()?.saturating_add(fields.next()?.parse::<u64>().ok()?);
    let status = std::fs::read_to_string(process.join("status")).ok()?;
    let peak = status.lines().find_map(|line| line.strip_prefix("VmHWM:"))?;
    Some((ticks, peak.trim().trim_end_matches(" kB").parse::<u64>().ok()?.saturating_mul(1024)))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn this_process_is_found_with_time_and_memory() {
        let own = std::env::current_exe().unwrap();
        let (_, peak) = sample(std::process::id(), own.parent().unwrap()).unwrap();
        assert!(peak > 1 << 20, "{peak}");
    }
}
