//! The processes that are measured: started with their output in a file, signalled, looked at in /proc, and gone when
//! dropped. The kernel kills them when this process dies.

use std::fs::File;
use std::io::{BufRead as _, BufReader, Write as _};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, ExitStatus, Stdio};
use std::sync::mpsc::{Receiver, RecvTimeoutError, sync_channel};
use std::thread::JoinHandle;
use std::time::Duration;

use anyhow::{Context as _, Result, bail};
pub use rustix::process::Signal;
use rustix::process::{Pid, kill_process};

use crate::clock;

/// `USER_HZ`, the unit of times in /proc: 100 on every Linux platform in use.
const TICKS_PER_SECOND: f64 = 100.0;

/// Lines of output that wait to be looked at; further ones go to the file only.
const LINES_KEPT: usize = 64;

/// Lines of a log that an error shows.
const TAIL_LINES: usize = 15;

/// A process of ours.
#[derive(Debug)]
pub struct Process {
    child: Child,
    log: PathBuf,
    lines: Receiver<String>,
    writer: Option<JoinHandle<()>>,
    ended: Option<ExitStatus>,
}

/// What a process has used since its start.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct Usage {
    /// Seconds of CPU, user and system.
    pub cpu_s: f64,
    /// Bytes resident now.
    pub resident_bytes: u64,
    /// The most bytes that were resident.
    pub peak_bytes: u64,
}

/// A command whose process the kernel kills with this one (`setpriv`, from util-linux, where it exists).
#[must_use]
pub fn command(program: &Path) -> Command {
    let setpriv = Path::new("/usr/bin/setpriv");
    let mut command = Command::new(if setpriv.exists() { setpriv } else { program });
    if setpriv.exists() {
        command.args(["--pdeathsig", "KILL", "--"]).arg(program);
    }
    command.stdin(Stdio::null());
    command
}

impl Process {
    /// Starts it; its output is appended to `log`.
    ///
    /// # Errors
    /// When it cannot be started.
    pub fn start(command: &mut Command, log: &Path) -> Result<Self> {
        let mut file = File::options().create(true).append(true).open(log)?;
        let shown = format!("{command:?}");
        command.stdout(Stdio::piped()).stderr(file.try_clone()?);
        let mut child = command.spawn().with_context(|| format!("start {shown}"))?;
        let out = child.stdout.take().context("no standard output")?;
        let (sender, lines) = sync_channel(LINES_KEPT);
        let writer = std::thread::spawn(move || {
            for line in BufReader::new(out).lines().map_while(Result::ok) {
                // What is not written or not taken is missed by nobody.
                let _ = writeln!(file, "{line}");
                let _ = sender.try_send(line);
            }
        });
        Ok(Self { child, log: log.to_path_buf(), lines, writer: Some(writer), ended: None })
    }

    /// Its process id.
    #[must_use]
    pub fn id(&self) -> u32 {
        self.child.id()
    }

    /// Waits for a line of output that begins with `prefix`, and answers the rest.
    ///
    /// # Errors
    /// When it does not come within `limit`, or the process ends: with the end of its log.
    pub fn line(&mut self, prefix: &str, limit: Duration) -> Result<String> {
        let start = clock::now();
        loop {
            match self.lines.recv_timeout(limit.saturating_sub(start.elapsed())) {
                Ok(line) => {
                    if let Some(rest) = line.strip_prefix(prefix) {
                        return Ok(rest.trim().to_owned());
                    }
                }
                Err(RecvTimeoutError::Timeout) => bail!("no line {prefix:?} within {limit:?}:\n{}", self.tail()),
                Err(RecvTimeoutError::Disconnected) => bail!("ended before a line {prefix:?}:\n{}", self.tail()),
            }
        }
    }

    /// The end of its log.
    #[must_use]
    pub fn tail(&self) -> String {
        let text = std::fs::read(&self.log).unwrap_or_default();
        let text = String::from_utf8_lossy(&text);
        let lines: Vec<&str> = text.lines().collect();
        let end = lines.get(lines.len().saturating_sub(TAIL_LINES)..).unwrap_or_default().join("\n");
        format!("{}: {end}", self.log.display())
    }

    /// Sends a signal.
    ///
    /// # Errors
    /// When the process is gone.
    pub fn signal(&mut self, signal: Signal) -> Result<()> {
        if let Some(status) = self.ended()? {
            bail!("ended with {status} before {signal:?}: {}", self.tail());
        }
        let pid = i32::try_from(self.id()).ok().and_then(Pid::from_raw).context("no process id")?;
        kill_process(pid, signal).with_context(|| format!("send {signal:?}"))
    }

    /// How it ended, if it did.
    ///
    /// # Errors
    /// When the kernel does not say.
    pub fn ended(&mut self) -> Result<Option<ExitStatus>> {
        if self.ended.is_none() {
            self.ended = self.child.try_wait()?;
        }
        Ok(self.ended)
    }

    /// Waits for its end.
    ///
    /// # Errors
    /// When it runs for longer than `limit`.
    pub fn wait(&mut self, limit: Duration) -> Result<ExitStatus> {
        clock::poll("the end of a process", limit, Duration::from_millis(5), || self.ended())
    }

    /// Fails when it no longer runs.
    ///
    /// # Errors
    /// With the end of its log.
    pub fn expect_running(&mut self) -> Result<()> {
        match self.ended()? {
            None => Ok(()),
            Some(status) => bail!("a process ended with {status}: {}", self.tail()),
        }
    }

    /// What it has used; zeros once it is gone.
    #[must_use]
    pub fn usage(&self) -> Usage {
        usage(self.id()).unwrap_or_default()
    }
}

impl Drop for Process {
    fn drop(&mut self) {
        if !matches!(self.ended(), Ok(Some(_))) {
            // It may have ended by itself in between.
            let _ = self.child.kill();
            let _ = self.child.wait();
        }
        if let Some(writer) = self.writer.take() {
            let _ = writer.join();
        }
    }
}

/// What a process has used.
#[must_use]
pub fn usage(id: u32) -> Option<Usage> {
    let stat = std::fs::read_to_string(format!("/proc/{id}/stat")).ok()?;
    // The name in parentheses may hold blanks; utime and stime are the 12th and 13th field after it.
    let mut fields = stat.rsplit_once(')')?.1.split_whitespace().skip(11);
    let (user, system): (u64, u64) = (fields.next()?.parse().ok()?, fields.next()?.parse().ok()?);
    let status = std::fs::read_to_string(format!("/proc/{id}/status")).ok()?;
    Some(Usage {
        cpu_s: user.saturating_add(system) as f64 / TICKS_PER_SECOND,
        resident_bytes: kib(&status, "VmRSS:")?,
        peak_bytes: kib(&status, "VmHWM:")?,
    })
}

/// A line of /proc in KiB, as bytes.
#[must_use]
pub fn kib(text: &str, name: &str) -> Option<u64> {
    let value = text.lines().find_map(|line| line.strip_prefix(name))?;
    value.trim().trim_end_matches(" kB").parse::<u64>().ok()?.checked_mul(1024)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn this_process_uses_memory() {
        let used = usage(std::process::id()).unwrap();
        assert!(used.peak_bytes >= used.resident_bytes && used.resident_bytes > 1 << 20, "{used:?}");
    }

    #[test]
    fn a_dropped_process_is_gone_and_its_lines_are_seen() {
        let folder = tempfile::tempdir().unwrap();
        let mut shell = command(Path::new("/bin/sh"));
        shell.args(["-c", "echo listening on here; exec sleep 600"]);
        let mut process = Process::start(&mut shell, &folder.path().join("log")).unwrap();
        assert_eq!(process.line("listening on", Duration::from_secs(10)).unwrap(), "here");
        let id = process.id();
        drop(process);
        assert_eq!(usage(id), None);
    }

    #[test]
    fn a_process_that_ends_early_shows_its_log() {
        let folder = tempfile::tempdir().unwrap();
        let mut shell = command(Path::new("/bin/sh"));
        shell.args(["-c", "echo the reason >&2; exit 3"]);
        let mut process = Process::start(&mut shell, &folder.path().join("log")).unwrap();
        let error = process.line("ready", Duration::from_secs(10)).unwrap_err().to_string();
        assert!(error.contains("the reason"), "{error}");
    }
}
