//! Starting programs: to the end with their output kept in a file, or in the background and ended by process id.
//!
//! Every program runs in a process group of its own and is told by the kernel to end when this process dies.

use std::fs::{File, OpenOptions};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, ExitStatus, Stdio};
use std::time::Duration;

use anyhow::{Context, Result, bail};
use rustix::process::{Pid, Signal, kill_process, kill_process_group};

use crate::clock::{self, Poll};
use crate::{environment, interrupt};

/// How much of a log an error message shows.
const TAIL_LINES: usize = 40;

/// The longest that anything runs: compiling everything from nothing on a slow machine.
const LONGEST: Duration = Duration::from_secs(3600);

/// How long a program has after SIGTERM before SIGKILL follows.
const GRACE: Duration = Duration::from_secs(10);

/// A command whose process the kernel ends together with ours (`setpriv`, from util-linux, where it exists).
#[must_use]
pub fn command(program: impl AsRef<Path>) -> Command {
    use std::os::unix::process::CommandExt as _;
    let program = program.as_ref();
    let mut command = match environment::on_path("setpriv") {
        Some(setpriv) => {
            let mut wrapped = Command::new(setpriv);
            wrapped.args(["--pdeathsig", "TERM", "--"]).arg(program);
            wrapped
        }
        None => Command::new(program),
    };
    command.process_group(0).stdin(Stdio::null());
    command
}

/// Runs `command` to its end, both outputs appended to `log`.
///
/// # Errors
/// When it cannot be started, was interrupted, or ends unsuccessfully: then the message ends with the log's last lines.
pub fn run(command: &mut Command, log: &Path) -> Result<()> {
    run_within(command, log, LONGEST)
}

/// As [`run`], but not for longer than `limit`.
///
/// # Errors
/// As [`run`], and when the limit passes: the program has been ended then.
pub fn run_within(command: &mut Command, log: &Path, limit: Duration) -> Result<()> {
    let from = std::fs::metadata(log).map_or(0, |meta| meta.len());
    let status = status(command, log, limit).with_context(|| tail(log, from))?;
    if status.success() {
        return Ok(());
    }
    bail!("{} ended with {status}; log {}:\n{}", shown(command), log.display(), tail(log, from))
}

/// Runs `command` to its end, both outputs appended to `log`, and answers how it ended.
///
/// # Errors
/// When it cannot be started, was interrupted, or ran for longer than `limit`: it has been ended then.
pub fn status(command: &mut Command, log: &Path, limit: Duration) -> Result<ExitStatus> {
    let mut running = Running::start(command, log)?;
    running.wait(limit)
}

/// Runs `command` to its end and answers its standard output; standard error is appended to `log`.
///
/// # Errors
/// As [`run`].
pub fn read(command: &mut Command, log: &Path) -> Result<String> {
    let from = std::fs::metadata(log).map_or(0, |meta| meta.len());
    let output = command.stderr(append(log)?).output().with_context(|| format!("cannot start {}", shown(command)))?;
    if !output.status.success() {
        bail!("{} ended with {}; log {}:\n{}", shown(command), output.status, log.display(), tail(log, from));
    }
    String::from_utf8(output.stdout).with_context(|| format!("output of {}", shown(command)))
}

/// The last lines of what was written to `log` after byte `from`.
#[must_use]
pub fn tail(log: &Path, from: u64) -> String {
    let bytes = std::fs::read(log).unwrap_or_default();
    let fresh = usize::try_from(from).ok().and_then(|from| bytes.get(from..)).unwrap_or_default();
    let text = String::from_utf8_lossy(fresh);
    let lines: Vec<&str> = text.lines().collect();
    lines.get(lines.len().saturating_sub(TAIL_LINES)..).unwrap_or_default().join("\n")
}

/// The command without what it is wrapped in.
#[must_use]
pub fn shown(command: &Command) -> String {
    let line = shown_whole(command);
    let wrapped = line.starts_with('/').then(|| line.split_once(" TERM -- ")).flatten();
    wrapped.map_or_else(|| line.clone(), |(_, rest)| rest.to_owned())
}

/// The command as one would type it.
#[must_use]
pub fn shown_whole(command: &Command) -> String {
    let words = std::iter::once(command.get_program()).chain(command.get_args());
    words.map(|word| word.to_string_lossy().into_owned()).collect::<Vec<_>>().join(" ")
}

fn append(log: &Path) -> Result<File> {
    if let Some(folder) = log.parent() {
        std::fs::create_dir_all(folder)?;
    }
    OpenOptions::new().create(true).append(true).open(log).with_context(|| format!("cannot write {}", log.display()))
}

/// A program in the background; dropping it ends it: SIGTERM, then SIGKILL for its whole group.
#[derive(Debug)]
pub struct Running {
    child: Child,
    name: String,
    log: PathBuf,
    ended: Option<ExitStatus>,
}

impl Running {
    /// Starts `command` with both outputs appended to `log`.
    ///
    /// # Errors
    /// When it cannot be started.
    pub fn start(command: &mut Command, log: &Path) -> Result<Self> {
        let name = shown(command);
        let out = append(log)?;
        let child =
            command.stderr(out.try_clone()?).stdout(out).spawn().with_context(|| format!("cannot start {name}"))?;
        Ok(Self { child, name, log: log.to_path_buf(), ended: None })
    }

    /// Its process id.
    #[must_use]
    pub fn id(&self) -> u32 {
        self.child.id()
    }

    /// Where its output goes.
    #[must_use]
    pub fn log(&self) -> &Path {
        &self.log
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

    /// Waits for its end, at most for `limit`.
    ///
    /// # Errors
    /// When the deadline passes or the user interrupts; the program is ended by the drop that follows.
    pub fn wait(&mut self, limit: Duration) -> Result<ExitStatus> {
        let name = self.name.clone();
        clock::poll(&name, limit, || match self.ended()? {
            Some(status) => Ok(Poll::Ready(status)),
            None => interrupt::check().map(|()| Poll::Pending("running".to_owned())),
        })
    }

    /// Fails if the program is no longer running.
    ///
    /// # Errors
    /// With the log's last lines.
    pub fn expect_running(&mut self) -> Result<()> {
        match self.ended()? {
            None => Ok(()),
            Some(status) => bail!("{} ended with {status}:\n{}", self.name, tail(&self.log, 0)),
        }
    }

    /// Sends SIGKILL to the program and reaps it.
    ///
    /// # Errors
    /// When the kernel refuses.
    pub fn kill(&mut self) -> Result<()> {
        if self.ended()?.is_none() {
            signal(self.child.id(), Signal::KILL);
            self.ended = Some(self.child.wait()?);
        }
        Ok(())
    }

    /// Leaves the program running after this value is gone.
    pub fn leave(mut self) {
        self.ended = Some(ExitStatus::default());
    }

    fn end(&mut self) -> Result<()> {
        if self.ended()?.is_some() {
            return Ok(());
        }
        signal(self.child.id(), Signal::TERM);
        let gone = clock::poll("its end", GRACE, || {
            Ok(self.ended()?.map_or_else(|| Poll::Pending("running".to_owned()), Poll::Ready))
        });
        if gone.is_err() {
            self.kill()?;
        }
        Ok(())
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        if let Err(error) = self.end() {
            eprintln!("cannot end {}: {error:#}", self.name);
        }
    }
}

/// Signals a process and its group; one that is gone already is what was wanted.
fn signal(id: u32, signal: Signal) {
    if let Some(pid) = i32::try_from(id).ok().and_then(Pid::from_raw)
        && kill_process_group(pid, signal).is_err()
    {
        let _gone = kill_process(pid, signal);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_failing_command_shows_the_end_of_its_log() {
        let folder = tempfile::tempdir().unwrap();
        let log = folder.path().join("log");
        let failed = run(command("/bin/sh").args(["-c", "echo the reason; exit 3"]), &log).unwrap_err().to_string();
        assert!(failed.contains("the reason") && failed.contains("exit status: 3"), "{failed}");
    }

    #[test]
    fn a_dropped_program_is_gone() {
        let folder = tempfile::tempdir().unwrap();
        let running = Running::start(command("/bin/sleep").arg("600"), &folder.path().join("log")).unwrap();
        let proc = PathBuf::from(format!("/proc/{}", running.id()));
        assert!(proc.exists());
        drop(running);
        assert!(!proc.exists());
    }
}
