//! What the figures were measured on, and the environment's variables.

use std::path::{Path, PathBuf};
use std::process::Command;

use serde::Serialize;

use crate::process::kib;

/// Where and on what was measured.
#[derive(Clone, Debug, Serialize)]
pub struct Environment {
    /// The processor's name.
    pub cpu: String,
    /// Cores that this process may use: shared by clients, brokers and double.
    pub cores: usize,
    /// GiB of memory.
    pub memory_gib: f64,
    /// The kernel's version.
    pub kernel: String,
    /// The commit, with `+` where the checkout differs from it.
    pub commit: String,
    /// When the measuring began, ms since 1970.
    pub started_ms: i64,
    /// Processes that waited for a core in the minute before: other work on the machine.
    pub load_before: String,
    /// The client library's version.
    pub client: String,
}

impl Environment {
    /// Looks around.
    #[must_use]
    pub fn look(client: String) -> Self {
        let info = read("/proc/cpuinfo");
        let cpu = info.lines().find_map(|line| line.strip_prefix("model name")?.split_once(": "));
        Self {
            cpu: cpu.map_or("unknown", |(_, name)| name.trim()).to_owned(),
            cores: std::thread::available_parallelism().map_or(1, usize::from),
            memory_gib: kib(&read("/proc/meminfo"), "MemTotal:").unwrap_or_default() as f64 / f64::from(1 << 30),
            kernel: read("/proc/sys/kernel/osrelease").trim().to_owned(),
            commit: commit().unwrap_or_else(|| "unknown".to_owned()),
            started_ms: crate::clock::wall_ms(),
            load_before: read("/proc/loadavg").split(' ').take(3).collect::<Vec<_>>().join(" "),
            client,
        }
    }
}

/// Bytes that can be had without swapping.
#[must_use]
pub fn memory_available() -> u64 {
    kib(&read("/proc/meminfo"), "MemAvailable:").unwrap_or(u64::MAX)
}

/// The checkout's root.
#[must_use]
pub fn workspace() -> PathBuf {
    let here = variable("CARGO_MANIFEST_DIR").unwrap_or_else(|| env!("CARGO_MANIFEST_DIR").to_owned());
    Path::new(&here).ancestors().nth(2).map_or_else(|| PathBuf::from("."), Path::to_path_buf)
}

/// Reads one variable; empty counts as unset.
#[must_use]
#[expect(clippy::disallowed_methods, reason = "the crate's one reading of the environment")]
pub fn variable(name: &str) -> Option<String> {
    std::env::var(name).ok().filter(|value| !value.is_empty())
}

fn commit() -> Option<String> {
    let git = |words: &[&str]| {
        let output = Command::new("git").args(words).current_dir(workspace()).output().ok()?;
        output.status.success().then(|| String::from_utf8_lossy(&output.stdout).trim().to_owned())
    };
    let differs = git(&["status", "--porcelain", "--untracked-files=no"]).is_some_and(|text| !text.is_empty());
    Some(format!("{}{}", git(&["rev-parse", "--short=12", "HEAD"])?, if differs { "+" } else { "" }))
}

fn read(path: &str) -> String {
    std::fs::read_to_string(path).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_machine_is_known() {
        let found = Environment::look(String::new());
        assert!(found.cores > 0 && found.memory_gib > 0.1 && !found.kernel.is_empty(), "{found:?}");
        assert!(workspace().join("Cargo.lock").is_file());
    }
}
