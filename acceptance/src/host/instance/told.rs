//! What an instance's init told: folded into a few facts, and its lines kept in files.

use std::collections::BTreeMap;
use std::fs::{self, File, OpenOptions};
use std::io::Write;
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};

use anyhow::Result;

use crate::host::machine::protocol::Event;

/// File with the console's lines.
pub(super) const CONSOLE: &str = "console.log";
/// File with the lines the user-data wrote; cloud-init's own name for it.
pub(super) const OUTPUT: &str = "cloud-init-output.log";
/// The broker's unit without its kind.
pub(super) const BROKER: &str = "ringfence-broker";
/// The broker's unit.
pub(super) const BROKER_UNIT: &str = "ringfence-broker.service";

/// How far an instance came.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum Boot {
    /// The user-data has not ended.
    #[default]
    Running,
    /// The user-data ended with 0.
    Succeeded,
    /// The user-data ended with this code; 128 + signal when it was killed.
    Failed(i32),
    /// The instance's init ended: the instance was killed, or could not start (`init.log` says why).
    Lost,
}

/// What became of a unit's settings.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct UnitSettings {
    /// Those in force, as they stand in the unit.
    pub honoured: Vec<String>,
    /// Those that are not, each with the reason.
    pub not_honoured: Vec<String>,
}

/// What init told so far.
#[derive(Debug)]
pub(super) struct Told {
    folder: PathBuf,
    files: BTreeMap<String, File>,
    init: Option<i32>,
    boot: Boot,
    broker: Option<i32>,
    starts: u32,
    done: u32,
    settings: UnitSettings,
}

impl Told {
    /// Nothing yet; lines will go to files in `folder`.
    pub(super) fn new(folder: &Path) -> Result<Self> {
        for name in [CONSOLE, OUTPUT] {
            File::create(folder.join(name))?;
        }
        let folder = folder.to_owned();
        let files = BTreeMap::new();
        Ok(Self {
            folder,
            files,
            init: None,
            boot: Boot::Running,
            broker: None,
            starts: 0,
            done: 0,
            settings: UnitSettings::default(),
        })
    }

    pub(super) fn boot(&self) -> Boot {
        self.boot
    }

    pub(super) fn broker(&self) -> Option<i32> {
        self.broker
    }

    pub(super) fn starts(&self) -> u32 {
        self.starts
    }

    /// How many orders were carried out.
    pub(super) fn done(&self) -> u32 {
        self.done
    }

    pub(super) fn settings(&self) -> &UnitSettings {
        &self.settings
    }

    /// Init ended, and with it every process of the instance.
    pub(super) fn lost(&mut self) {
        self.boot = Boot::Lost;
        self.broker = None;
    }

    /// Takes an event in.
    pub(super) fn take(&mut self, event: Event) {
        match event {
            Event::Up { pid } => self.init = Some(pid),
            Event::Console { line } => self.keep(CONSOLE.to_owned(), &line),
            Event::Output { line } => self.keep(OUTPUT.to_owned(), &line),
            Event::Log { unit, line } => self.keep(log(&unit), &line),
            Event::Booted { code: 0 } => self.boot = Boot::Succeeded,
            Event::Booted { code } => self.boot = Boot::Failed(code),
            Event::Done => self.done += 1,
            Event::Started { unit, pid, honoured, not_honoured } => {
                self.keep(log(&unit), &format!("[host] started as process {pid} of the instance"));
                if unit == BROKER_UNIT {
                    self.broker = self.init.and_then(|init| outside(init, pid));
                    self.starts += 1;
                    self.settings = UnitSettings { honoured, not_honoured };
                }
            }
            Event::Ended { unit, code, restarts } => {
                let then = if restarts { "is started again" } else { "stays down" };
                self.keep(log(&unit), &format!("[host] ended with {code}, {then}"));
                if unit == BROKER_UNIT {
                    self.broker = None;
                }
            }
        }
    }

    fn keep(&mut self, file: String, line: &str) {
        let path = self.folder.join(&file);
        let kept = match self.files.entry(file) {
            std::collections::btree_map::Entry::Occupied(entry) => entry.into_mut(),
            std::collections::btree_map::Entry::Vacant(entry) => {
                let Ok(opened) = OpenOptions::new().create(true).append(true).open(&path) else { return };
                entry.insert(opened)
            }
        };
        if let Err(error) = writeln!(kept, "{line}") {
            eprintln!("host: {}: {error}", path.display());
        }
    }
}

/// The name of a unit's log. A unit's name comes from inside the instance, so it does not get to choose the folder.
fn log(unit: &str) -> String {
    format!("{}.log", unit.trim_end_matches(".service").replace('/', "_"))
}

/// The process id outside of a process inside: the one in init's process namespace whose last `NSpid` it is.
/// Source: proc_pid_status(5).
fn outside(init: i32, inside: i32) -> Option<i32> {
    let space = |pid: i32| fs::metadata(format!("/proc/{pid}/ns/pid")).map(|file| file.ino()).ok();
    let wanted = space(init)?;
    let processes =
        fs::read_dir("/proc").ok()?.flatten().filter_map(|entry| entry.file_name().to_str()?.parse::<i32>().ok());
    let mut found = processes.filter(|pid| space(*pid) == Some(wanted) && innermost(*pid) == Some(inside));
    found.next()
}

fn innermost(pid: i32) -> Option<i32> {
    let status = fs::read_to_string(format!("/proc/{pid}/status")).ok()?;
    let line = status.lines().find_map(|line| line.strip_prefix("NSpid:"))?;
    line.split_whitespace().last()?.parse().ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn events_fold_into_how_far_an_instance_came() {
        let folder = tempfile::tempdir().expect("a folder");
        let mut told = Told::new(folder.path()).expect("files");
        told.take(Event::Console { line: "hello".to_owned() });
        assert_eq!(told.boot(), Boot::Running);
        told.take(Event::Booted { code: 3 });
        assert_eq!(told.boot(), Boot::Failed(3));
        told.lost();
        assert_eq!(told.boot(), Boot::Lost);
        assert_eq!(fs::read_to_string(folder.path().join(CONSOLE)).expect("a console"), "hello\n");
    }

    #[test]
    fn a_unit_cannot_choose_where_its_log_goes() {
        assert_eq!(log("../../etc/passwd.service"), ".._.._etc_passwd.log");
        assert_eq!(log(BROKER_UNIT), format!("{BROKER}.log"));
    }
}
