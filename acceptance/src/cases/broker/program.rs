//! `ringfence-broker dev` as a script starts it.

use std::path::{Path, PathBuf};
use std::time::Duration;

use anyhow::{Context as _, Result};

use crate::clock::{self, Poll};
use crate::process::{self, Running};
use crate::world::{REGION, World};

/// From the start of the program to its line "ready".
const READY_LIMIT: Duration = Duration::from_secs(60);

/// Where a broker keeps records.
pub(super) enum Store {
    Memory,
    Directory(PathBuf),
    Bucket { url: String, endpoint: String, account: String },
}

/// A broker that serves; dropping it ends it.
pub(super) struct Broker {
    pub(super) process: Running,
    pub(super) address: String,
}

impl Broker {
    /// Starts one on a free port and waits until it says that it is ready.
    pub(super) fn start(world: &World, folder: &Path, name: &str, store: &Store, more: &[&str]) -> Result<Self> {
        let log = folder.join(format!("{name}.log"));
        let mut command = process::command(&world.binaries.broker);
        command.args(["dev", "--listen", "127.0.0.1:0"]).args(more).current_dir(folder).env("RUST_BACKTRACE", "1");
        match store {
            Store::Memory => {}
            Store::Directory(path) => {
                command.arg("--store").arg(path);
            }
            Store::Bucket { url, endpoint, account } => {
                command.args(["--store", url, "--s3-endpoint", endpoint]);
                command
                    .env("AWS_ACCESS_KEY_ID", account)
                    .env("AWS_SECRET_ACCESS_KEY", "test")
                    .env("AWS_REGION", REGION);
            }
        }
        let mut process = Running::start(&mut command, &log)?;
        let address = clock::poll("a broker's line `ready:`", READY_LIMIT, || {
            process.expect_running()?;
            let text = std::fs::read_to_string(&log).unwrap_or_default();
            let ready = text.lines().find_map(|line| line.strip_prefix("ready: "));
            Ok(match ready.and_then(|rest| rest.split_whitespace().next()) {
                Some(address) => Poll::Ready(address.to_owned()),
                None => Poll::Pending(process::tail(&log, 0)),
            })
        })?;
        Ok(Self { process, address })
    }

    /// Resident memory in bytes.
    pub(super) fn resident_bytes(&self) -> Result<u64> {
        let status = std::fs::read_to_string(format!("/proc/{}/status", self.process.id()))?;
        let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:")).context("no VmRSS")?;
        Ok(line.trim().trim_end_matches(" kB").parse::<u64>()?.saturating_mul(1024))
    }
}
