//! The units of one instance: which are enabled, masked, running, and when one is started again.

use std::collections::BTreeMap;
use std::fs;
use std::io::ErrorKind;
use std::os::unix::fs::symlink;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::sync::mpsc::SyncSender;

use anyhow::{Context, Result};
use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;

use super::init::{Input, carry_all, emit};
use super::protocol::Event;
use super::root::PROGRAM;
use super::systemctl::{Call, Reply, Verb};
use super::unit::{Restart, Service, Unit};

/// Every unit that was ever started.
pub(super) struct Units {
    inputs: SyncSender<Input>,
    running: BTreeMap<String, Running>,
}

#[derive(Debug, Default)]
struct Running {
    state: State,
    restart: Restart,
    restart_ms: u64,
    /// Is not started again when it ends.
    held: bool,
    /// Is started again when it ends, whatever its file says: a restart is under way.
    again: bool,
}

#[derive(Debug, Default, PartialEq, Eq)]
enum State {
    #[default]
    Dead,
    Alive {
        pid: i32,
    },
    /// Ended, to be started at this time of the instance's clock.
    Waiting {
        until_ms: u64,
    },
}

impl Units {
    /// No unit yet; what units print goes to `inputs`.
    pub(super) fn new(inputs: SyncSender<Input>) -> Self {
        Self { inputs, running: BTreeMap::new() }
    }

    /// Carries out a call of systemctl.
    pub(super) fn call(&mut self, call: &Call) -> Reply {
        let mut reply = Reply::default();
        for unit in &call.units {
            if let Err(error) = self.apply(call, unit, &mut reply) {
                reply.text.push_str(&format!("{unit}: {error:#}\n"));
                reply.code = 1;
            }
        }
        reply
    }

    fn apply(&mut self, call: &Call, unit: &str, reply: &mut Reply) -> Result<()> {
        match call.verb {
            Verb::Nothing => {}
            Verb::Enable => {
                find(unit)?;
                link(&wanted(unit), &find(unit)?)?;
                return if call.now { self.spawn(unit) } else { Ok(()) };
            }
            Verb::Start => return self.spawn(unit),
            Verb::Restart if self.alive(unit) => {
                self.stop(unit);
                self.running.entry(unit.to_owned()).or_default().again = true;
            }
            Verb::Restart => return self.spawn(unit),
            Verb::Stop => self.stop(unit),
            Verb::Disable | Verb::Mask => {
                if call.now {
                    self.stop(unit);
                }
                unlink(&wanted(unit))?;
                return if call.verb == Verb::Mask { link(&own(unit), Path::new("/dev/null")) } else { Ok(()) };
            }
            Verb::Unmask if masked(unit) => return unlink(&own(unit)),
            Verb::Unmask => {}
            Verb::IsActive | Verb::Status if self.alive(unit) => reply.text.push_str("active\n"),
            Verb::IsActive | Verb::Status => *reply = Reply { code: 3, text: format!("{}inactive\n", reply.text) },
            Verb::IsEnabled if wanted(unit).exists() => reply.text.push_str("enabled\n"),
            Verb::IsEnabled => *reply = Reply { code: 1, text: format!("{}disabled\n", reply.text) },
        }
        Ok(())
    }

    fn alive(&self, unit: &str) -> bool {
        self.running.get(unit).is_some_and(|running| matches!(running.state, State::Alive { .. }))
    }

    /// Starts a unit unless it runs, and restarts it from now on as its file says.
    pub(super) fn start(&mut self, unit: &str) {
        if let Err(error) = self.spawn(unit) {
            emit(&Event::Log { unit: unit.to_owned(), line: format!("not started: {error:#}") });
        }
    }

    /// Leaves a unit dead when its process ends.
    pub(super) fn hold(&mut self, unit: &str) {
        self.running.entry(unit.to_owned()).or_default().held = true;
    }

    /// Notes the end of a process; ends of processes that are no unit's are orphans' and mean nothing.
    pub(super) fn ended(&mut self, pid: i32, code: i32, now_ms: u64) {
        let ended = self.running.iter_mut().find(|(_, running)| running.state == State::Alive { pid });
        let Some((unit, running)) = ended else { return };
        let restarts = running.again || (!running.held && running.restart.after(code));
        let wait_ms = if running.again { 0 } else { running.restart_ms };
        running.state = if restarts { State::Waiting { until_ms: now_ms + wait_ms } } else { State::Dead };
        emit(&Event::Ended { unit: unit.clone(), code, restarts });
    }

    /// Starts what has waited long enough.
    pub(super) fn restart_due(&mut self, now_ms: u64) {
        let due = |running: &Running| matches!(running.state, State::Waiting { until_ms } if until_ms <= now_ms);
        let units: Vec<String> = self.running.iter().filter(|(_, r)| due(r)).map(|(unit, _)| unit.clone()).collect();
        units.iter().for_each(|unit| self.start(unit));
    }

    fn stop(&mut self, unit: &str) {
        let Some(running) = self.running.get_mut(unit) else { return };
        running.held = true;
        match running.state {
            State::Alive { pid } => {
                let _ = kill(Pid::from_raw(pid), Signal::SIGTERM);
            }
            _ => running.state = State::Dead,
        }
    }

    fn spawn(&mut self, unit: &str) -> Result<()> {
        if self.alive(unit) {
            return Ok(());
        }
        let service = read(unit)?;
        let mut command = Command::new(PROGRAM);
        command.args(["machine", "service", &serde_json::to_string(&service.settings)?]);
        let mut child =
            command.env_clear().stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn()?;
        let pid = i32::try_from(child.id())?;
        let name = unit.to_owned();
        carry_all(&mut child, &self.inputs, move |line| Input::Log { unit: name.clone(), line });
        let Service { settings, honoured, not_honoured } = service;
        let running = Running {
            state: State::Alive { pid },
            restart: settings.restart,
            restart_ms: settings.restart_ms,
            held: false,
            again: false,
        };
        self.running.insert(unit.to_owned(), running);
        emit(&Event::Started { unit: unit.to_owned(), pid, honoured, not_honoured });
        Ok(())
    }
}

fn read(unit: &str) -> Result<Service> {
    let file = find(unit)?;
    let text = fs::read_to_string(&file)?;
    let parsed = Unit::parse(&text).and_then(|unit| unit.service());
    let mut service = parsed.with_context(|| format!("{} is no service", file.display()))?;
    // A heading, and a line for each swap area.
    if fs::read_to_string("/proc/swaps").is_ok_and(|swaps| swaps.lines().count() <= 1) {
        service.without_swap();
    }
    Ok(service)
}

/// The file of a unit that is not masked.
fn find(unit: &str) -> Result<PathBuf> {
    if masked(unit) {
        anyhow::bail!("the unit is masked");
    }
    let folders = ["/etc/systemd/system", "/usr/lib/systemd/system", "/lib/systemd/system"];
    let mut files = folders.iter().map(|folder| Path::new(folder).join(unit));
    files.find(|file| file.exists()).context("there is no such unit")
}

fn own(unit: &str) -> PathBuf {
    Path::new("/etc/systemd/system").join(unit)
}

fn wanted(unit: &str) -> PathBuf {
    Path::new("/etc/systemd/system/multi-user.target.wants").join(unit)
}

fn masked(unit: &str) -> bool {
    fs::read_link(own(unit)).is_ok_and(|target| target == Path::new("/dev/null"))
}

fn link(link: &Path, target: &Path) -> Result<()> {
    if let Some(folder) = link.parent() {
        fs::create_dir_all(folder)?;
    }
    unlink(link)?;
    symlink(target, link).with_context(|| format!("{} cannot be made", link.display()))
}

fn unlink(link: &Path) -> Result<()> {
    match fs::remove_file(link) {
        Err(error) if error.kind() != ErrorKind::NotFound => {
            Err(error).with_context(|| format!("{} cannot be removed", link.display()))
        }
        _ => Ok(()),
    }
}
