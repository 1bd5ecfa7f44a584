//! Records through librdkafka from a client in a namespace of its own.

use std::os::unix::process::CommandExt as _;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::Duration;

use anyhow::{Context, Result, ensure};
use serde_json::Value;

use crate::client_env;
use crate::clock::{self, Poll};
use crate::host::Client;
use crate::process::{self, Running};
use crate::report::Notes;

/// The number of records, 1 KiB each.
const RECORDS: usize = 10_000;

/// Acknowledged records after which the broker is killed: enough that every partition has some.
const KILL_AFTER: usize = 2_000;

/// Produce rate while a broker is killed, so that the kill falls into the middle.
const RATE: &str = "1000";

/// A client's place, its programs, and the brokers it knows.
pub(super) struct Traffic<'a> {
    pub(super) client: &'a Client,
    pub(super) python: &'a Path,
    pub(super) bootstrap: String,
    pub(super) scratch: PathBuf,
}

impl Traffic<'_> {
    /// Produces all records and notes how it went.
    pub(super) fn produce(&self, topic: &str, run: &str, notes: &mut Notes) -> Result<()> {
        let mut running = self.producer(topic, run, &[])?;
        self.finish(&mut running, notes)
    }

    /// Produces all records, and does `harm` in the middle; every record must be acknowledged all the same.
    pub(super) fn produce_through(
        &self,
        topic: &str,
        run: &str,
        notes: &mut Notes,
        harm: impl FnOnce() -> Result<()>,
    ) -> Result<()> {
        let mut running = self.producer(topic, run, &["--rate", RATE])?;
        let acknowledgements = self.acknowledgements(run);
        let reached = clock::poll("acknowledgements before the kill", Duration::from_secs(60), || {
            running.expect_running()?;
            let lines = std::fs::read_to_string(&acknowledgements).unwrap_or_default().lines().count();
            Ok(if lines >= KILL_AFTER { Poll::Ready(lines) } else { Poll::Pending(format!("{lines}")) })
        })?;
        harm()?;
        notes.add(format_args!("killed after {reached} acknowledgements"));
        self.finish(&mut running, notes)
    }

    /// Reads everything back that `run` had acknowledged, as a consumer group, and notes checksums.
    pub(super) fn consume(&self, topic: &str, run: &str, notes: &mut Notes) -> Result<()> {
        let acknowledgements = self.acknowledgements(run).to_string_lossy().into_owned();
        let group = format!("quickstart-{run}");
        let words = ["--topic", topic, "--group", &group, "--acks", &acknowledgements, "--no-duplicates"];
        let mut running = Running::start(&mut self.program("consume.py", &words), &self.log("consume", run))?;
        let read = self.report(&mut running)?;
        let produced = last_report(&self.log("produce", run))?;
        let (wrote, got) = (produced.get("digest"), read.get("acknowledged_digest"));
        ensure!(wrote.is_some() && wrote == got, "checksums differ: produced {wrote:?}, read {got:?}");
        let number = |name: &str| read.get(name).cloned().unwrap_or_default();
        notes.add(format_args!(
            "{} read in {} s, {} missing, {} twice; checksums are equal: {}",
            number("read"),
            number("seconds"),
            number("missing"),
            number("duplicates"),
            short(got)
        ));
        Ok(())
    }

    fn producer(&self, topic: &str, run: &str, more: &[&str]) -> Result<Running> {
        let acknowledgements = self.acknowledgements(run).to_string_lossy().into_owned();
        let count = RECORDS.to_string();
        let mut words =
            vec!["--topic", topic, "--run", run, "--count", &count, "--size", "1024", "--acks", &acknowledgements];
        words.extend(more);
        Running::start(&mut self.program("produce.py", &words), &self.log("produce", run))
    }

    fn finish(&self, running: &mut Running, notes: &mut Notes) -> Result<()> {
        let report = self.report(running)?;
        let number = |name: &str| report.get(name).cloned().unwrap_or_default();
        notes.add(format_args!(
            "{} of {} acknowledged in {} s; longest silence {} s, of one partition {} s; checksum {}",
            number("acknowledged"),
            number("produced"),
            number("seconds"),
            number("longest_gap_seconds"),
            number("longest_partition_gap_seconds"),
            short(report.get("digest"))
        ));
        Ok(())
    }

    fn report(&self, running: &mut Running) -> Result<Value> {
        let status = running.wait(Duration::from_secs(180))?;
        let log = running.log().to_path_buf();
        ensure!(status.success(), "a client of {} ended with {status}:\n{}", self.bootstrap, process::tail(&log, 0));
        last_report(&log)
    }

    fn program(&self, name: &str, words: &[&str]) -> Command {
        let mut command = self.client.command(self.python);
        command.arg(client_env::programs().join(name)).args(["--bootstrap", &self.bootstrap]).args(words);
        command.env("PYTHONDONTWRITEBYTECODE", "1").process_group(0);
        command
    }

    fn acknowledgements(&self, run: &str) -> PathBuf {
        self.scratch.join(format!("{run}.acks"))
    }

    fn log(&self, program: &str, run: &str) -> PathBuf {
        self.scratch.join(format!("{program}-{run}.log"))
    }
}

/// The first letters of a checksum.
fn short(digest: Option<&Value>) -> String {
    digest.and_then(Value::as_str).unwrap_or_default().chars().take(16).collect()
}

/// The last JSON object a client program printed.
fn last_report(log: &Path) -> Result<Value> {
    let text = std::fs::read_to_string(log)?;
    let found = text.lines().rev().find_map(|line| serde_json::from_str::<Value>(line).ok().filter(Value::is_object));
    found.with_context(|| format!("no report in {}:\n{}", log.display(), process::tail(log, 0)))
}
