//! systemd's unit files: read, and turned into the settings of one service. Pure.
//!
//! Source: systemd.syntax(7), systemd.service(5), systemd.exec(5). What is read but not put into force is said, never
//! silently dropped.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

/// A unit file's assignments in their order.
#[derive(Debug, Default, PartialEq, Eq)]
pub(super) struct Unit {
    assignments: Vec<Assignment>,
}

#[derive(Debug, PartialEq, Eq)]
struct Assignment {
    section: String,
    key: String,
    value: String,
}

/// How a service is run.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Settings {
    pub(super) command: Vec<String>,
    pub(super) user: Option<String>,
    pub(super) group: Option<String>,
    pub(super) environment: BTreeMap<String, String>,
    pub(super) working_directory: Option<String>,
    pub(super) restart: Restart,
    pub(super) restart_ms: u64,
    /// Resource limits as `setrlimit` takes them: name and value, `None` for infinity.
    pub(super) limits: Vec<(String, Option<u64>)>,
    pub(super) umask: Option<u32>,
    pub(super) protect_system: ProtectSystem,
    pub(super) protect_home: bool,
    pub(super) protect_kernel: bool,
    /// Other users' processes are not shown.
    pub(super) protect_processes: bool,
    pub(super) private_tmp: bool,
    pub(super) no_new_privileges: bool,
    pub(super) drop_capabilities: bool,
    pub(super) writable: Vec<String>,
    pub(super) hidden: Vec<String>,
    /// Folders below /run that belong to the service.
    pub(super) runtime_directories: Vec<String>,
    pub(super) oom_score_adjust: Option<i32>,
}

/// When a service whose process ended is started again.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
pub(super) enum Restart {
    #[default]
    No,
    OnSuccess,
    OnFailure,
    OnAbnormal,
    Always,
}

impl Restart {
    /// Whether an end with this code (128 + signal when killed) is followed by a start.
    pub(super) fn after(self, code: i32) -> bool {
        let clean = code == 0 || CLEAN_SIGNALS.contains(&(code - 128));
        match self {
            Self::No => false,
            Self::OnSuccess => clean,
            Self::OnFailure => !clean,
            Self::OnAbnormal => !clean && code > 128,
            Self::Always => true,
        }
    }
}

/// How much of the file system a service may write.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
pub(super) enum ProtectSystem {
    #[default]
    No,
    Yes,
    Full,
    Strict,
}

/// The settings of a service, and what became of each assignment.
#[derive(Debug, Default, PartialEq, Eq)]
pub(super) struct Service {
    pub(super) settings: Settings,
    pub(super) honoured: Vec<String>,
    pub(super) not_honoured: Vec<String>,
}

/// Why a unit file is no service.
#[derive(Debug, PartialEq, Eq, thiserror::Error)]
pub(super) enum UnitError {
    /// Neither a comment, nor a section, nor an assignment.
    #[error("line {0} is neither a section nor an assignment")]
    Line(usize),
    /// systemd would refuse the unit.
    #[error("it has no ExecStart")]
    NoCommand,
    /// systemd would refuse or ignore the value; here it is refused.
    #[error("{key}={value} is malformed")]
    Value {
        /// The setting.
        key: String,
        /// What it was set to.
        value: String,
    },
}

impl Unit {
    /// Reads a unit file.
    ///
    /// # Errors
    /// [`UnitError::Line`] for a line that systemd would not take.
    pub(super) fn parse(text: &str) -> Result<Self, UnitError> {
        let mut section = String::new();
        let mut assignments = Vec::new();
        let mut pending = String::new();
        for (number, line) in text.lines().enumerate() {
            let line = line.trim();
            if line.starts_with(['#', ';']) || (line.is_empty() && pending.is_empty()) {
                continue;
            }
            if let Some(continued) = line.strip_suffix('\\') {
                pending.push_str(continued);
                pending.push(' ');
                continue;
            }
            let whole = std::mem::take(&mut pending) + line;
            if let Some(name) = whole.strip_prefix('[').and_then(|rest| rest.strip_suffix(']')) {
                name.clone_into(&mut section);
            } else {
                let (key, value) = whole.split_once('=').ok_or(UnitError::Line(number + 1))?;
                let (key, value) = (key.trim().to_owned(), value.trim().to_owned());
                assignments.push(Assignment { section: section.clone(), key, value });
            }
        }
        Ok(Self { assignments })
    }

    /// The service this unit describes.
    ///
    /// # Errors
    /// [`UnitError::NoCommand`] and [`UnitError::Value`].
    pub(super) fn service(&self) -> Result<Service, UnitError> {
        let mut service =
            Service { settings: Settings { restart_ms: 100, ..Settings::default() }, ..Service::default() };
        for assignment in self.assignments.iter().filter(|assignment| assignment.section == "Service") {
            service.assign(&assignment.key, &assignment.value)?;
        }
        if service.settings.command.is_empty() {
            return Err(UnitError::NoCommand);
        }
        Ok(service)
    }
}

impl Service {
    /// Counts MemorySwapMax=0 as in force, for a machine that has no swap to use.
    pub(super) fn without_swap(&mut self) {
        let (moot, left) =
            std::mem::take(&mut self.not_honoured).into_iter().partition(|line| line.starts_with("MemorySwapMax=0 "));
        self.not_honoured = left;
        self.honoured.extend(Vec::into_iter(moot).map(|_| "MemorySwapMax=0, there being no swap".to_owned()));
    }

    fn assign(&mut self, key: &str, value: &str) -> Result<(), UnitError> {
        let shown = format!("{key}={value}");
        let malformed = || UnitError::Value { key: key.to_owned(), value: value.to_owned() };
        let outcome = match self.settings.assign(key, value) {
            Outcome::Unknown => self.settings.assign_sandbox(key, value),
            known => known,
        };
        match outcome {
            Outcome::Honoured => self.honoured.push(shown),
            Outcome::Not(reason) => self.not_honoured.push(format!("{shown} ({reason})")),
            Outcome::Unknown => self.not_honoured.push(format!("{shown} (not known here)")),
            Outcome::Malformed => return Err(malformed()),
        }
        Ok(())
    }
}

enum Outcome {
    Honoured,
    Not(&'static str),
    Malformed,
    Unknown,
}

impl Outcome {
    fn of(done: Option<()>) -> Self {
        if done.is_some() { Self::Honoured } else { Self::Malformed }
    }
}

impl Settings {
    /// What is run, as whom, and what happens when it ends.
    fn assign(&mut self, key: &str, value: &str) -> Outcome {
        match key {
            "ExecStart" => {
                self.command = split(value.trim_start_matches(['-', '@', ':', '+', '!']));
                Outcome::Honoured
            }
            "Type" if matches!(value, "simple" | "exec") => Outcome::Honoured,
            "Type" => Outcome::Not("taken as exec"),
            "User" => set(&mut self.user, value),
            "Group" => set(&mut self.group, value),
            "WorkingDirectory" => set(&mut self.working_directory, value.trim_start_matches('-')),
            "Environment" => Outcome::of(self.environment(value)),
            "Restart" => Outcome::of(restart(value).map(|restart| self.restart = restart)),
            "RestartSec" => Outcome::of(milliseconds(value).map(|ms| self.restart_ms = ms)),
            "UMask" => Outcome::of(u32::from_str_radix(value, 8).ok().map(|mask| self.umask = Some(mask))),
            "OOMScoreAdjust" => Outcome::of(value.parse().ok().map(|score| self.oom_score_adjust = Some(score))),
            "StandardOutput" | "StandardError" if value.starts_with("journal") => Outcome::Honoured,
            "KillSignal" if value == "SIGTERM" => Outcome::Honoured,
            "KillMode" if matches!(value, "control-group" | "mixed" | "process") => Outcome::Honoured,
            "TimeoutStopSec" | "TimeoutStartSec" => Outcome::Not("the harness has its own deadlines"),
            _ => match key.strip_prefix("Limit") {
                Some(name) => Outcome::of(self.limit(name, value)),
                None => Outcome::Unknown,
            },
        }
    }

    /// What it may reach.
    fn assign_sandbox(&mut self, key: &str, value: &str) -> Outcome {
        let paths = |list: &mut Vec<String>| {
            list.extend(split(value).iter().map(|path| path.trim_start_matches(['-', '+']).to_owned()));
            Outcome::Honoured
        };
        match key {
            "ProtectSystem" => Outcome::of(protect_system(value).map(|level| self.protect_system = level)),
            "ProtectHome" => {
                Outcome::of(truth(value).or((value == "tmpfs").then_some(true)).map(|on| self.protect_home = on))
            }
            "PrivateTmp" => Outcome::of(truth(value).map(|on| self.private_tmp = on)),
            "ProtectKernelTunables" => Outcome::of(truth(value).map(|on| self.protect_kernel = on)),
            "ProtectProc" if value == "default" => Outcome::Honoured,
            "ProtectProc" if matches!(value, "invisible" | "noaccess" | "ptraceable") => {
                self.protect_processes = true;
                Outcome::Honoured
            }
            "ProtectControlGroups" => Outcome::of(truth(value).map(drop)),
            "PrivateDevices" => Outcome::of(truth(value).map(drop)),
            "NoNewPrivileges" => Outcome::of(truth(value).map(|on| self.no_new_privileges = on)),
            "CapabilityBoundingSet" if value.is_empty() => {
                self.drop_capabilities = true;
                Outcome::Honoured
            }
            "AmbientCapabilities" if value.is_empty() => Outcome::Honoured,
            "ReadWritePaths" => paths(&mut self.writable),
            "InaccessiblePaths" => paths(&mut self.hidden),
            "RuntimeDirectory" => paths(&mut self.runtime_directories),
            "MemorySwapMax" | "MemoryMax" | "MemoryHigh" | "CPUQuota" | "CPUWeight" | "TasksMax" | "IOWeight" => {
                Outcome::Not("no control groups here")
            }
            _ if FILTERED.contains(&key) => Outcome::Not("system calls are not filtered here"),
            _ => Outcome::Unknown,
        }
    }

    fn environment(&mut self, value: &str) -> Option<()> {
        if value.is_empty() {
            self.environment.clear();
        }
        for word in split(value) {
            let (name, value) = word.split_once('=')?;
            self.environment.insert(name.to_owned(), value.to_owned());
        }
        Some(())
    }

    /// `LimitX=hard` or `LimitX=soft:hard`; only a number, infinity, or K, M, G of 1024.
    fn limit(&mut self, name: &str, value: &str) -> Option<()> {
        let hard = value.rsplit(':').next()?;
        let limit = if hard == "infinity" { None } else { Some(number(hard)?) };
        self.limits.push((name.to_ascii_lowercase(), limit));
        Some(())
    }
}

fn set(field: &mut Option<String>, value: &str) -> Outcome {
    *field = (!value.is_empty()).then(|| value.to_owned());
    Outcome::Honoured
}

fn restart(value: &str) -> Option<Restart> {
    Some(match value {
        "no" => Restart::No,
        "on-success" => Restart::OnSuccess,
        "on-failure" => Restart::OnFailure,
        "on-abnormal" => Restart::OnAbnormal,
        "always" => Restart::Always,
        _ => return None,
    })
}

fn protect_system(value: &str) -> Option<ProtectSystem> {
    match value {
        "strict" => Some(ProtectSystem::Strict),
        "full" => Some(ProtectSystem::Full),
        other => truth(other).map(|on| if on { ProtectSystem::Yes } else { ProtectSystem::No }),
    }
}

/// systemd's booleans.
fn truth(value: &str) -> Option<bool> {
    match value {
        "1" | "yes" | "true" | "on" => Some(true),
        "0" | "no" | "false" | "off" => Some(false),
        _ => None,
    }
}

fn number(value: &str) -> Option<u64> {
    let (digits, factor) = match value.char_indices().last()? {
        (at, 'K') => (value.get(..at)?, 1 << 10),
        (at, 'M') => (value.get(..at)?, 1 << 20),
        (at, 'G') => (value.get(..at)?, 1 << 30),
        _ => (value, 1),
    };
    digits.parse::<u64>().ok()?.checked_mul(factor)
}

/// systemd's time spans, as far as unit files use them: `5`, `5s`, `500ms`, `2min`.
fn milliseconds(value: &str) -> Option<u64> {
    let digits = value.trim_end_matches(|c: char| c.is_ascii_alphabetic());
    let factor = match value.get(digits.len()..)? {
        "" | "s" | "sec" => 1_000,
        "ms" => 1,
        "min" | "m" => 60_000,
        _ => return None,
    };
    digits.trim().parse::<u64>().ok()?.checked_mul(factor)
}

/// Splits at white space; quotes keep words together. `%%` is a percent sign.
fn split(value: &str) -> Vec<String> {
    let mut words = Vec::new();
    let mut word: Option<String> = None;
    let mut quote = None;
    for letter in value.replace("%%", "%").chars() {
        match (quote, letter) {
            (Some(open), closing) if open == closing => quote = None,
            (None, '"' | '\'') => {
                quote = Some(letter);
                word.get_or_insert_default();
            }
            (None, white) if white.is_whitespace() => words.extend(word.take()),
            _ => word.get_or_insert_default().push(letter),
        }
    }
    words.extend(word);
    words
}

/// Settings that systemd puts into force by filtering system calls.
const FILTERED: [&str; 13] = [
    "LockPersonality",
    "MemoryDenyWriteExecute",
    "ProtectClock",
    "ProtectHostname",
    "ProtectKernelLogs",
    "ProtectKernelModules",
    "RestrictAddressFamilies",
    "RestrictNamespaces",
    "RestrictRealtime",
    "RestrictSUIDSGID",
    "SystemCallArchitectures",
    "SystemCallErrorNumber",
    "SystemCallFilter",
];
/// SIGHUP, SIGINT, SIGTERM, SIGPIPE end a service cleanly. Source: systemd.service(5), SuccessExitStatus.
const CLEAN_SIGNALS: [i32; 4] = [1, 2, 15, 13];

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn service(body: &str) -> Service {
        Unit::parse(&format!("[Service]\nExecStart=/bin/x\n{body}")).expect("a unit").service().expect("a service")
    }

    #[test]
    fn a_unit_is_read_with_comments_continuations_and_quotes() {
        let text = "# c\n[Unit]\nDescription=d\n\n[Service]\n; c\nExecStart=/opt/x serve \\\n  --config \"/etc/a b\"\nEnvironment=A=1 \"B=two words\"\nEnvironment=C=3\n[Install]\nWantedBy=multi-user.target\n";
        let service = Unit::parse(text).expect("a unit").service().expect("a service");
        assert_eq!(service.settings.command, ["/opt/x", "serve", "--config", "/etc/a b"]);
        let environment: Vec<_> = service.settings.environment.iter().map(|(k, v)| format!("{k}={v}")).collect();
        assert_eq!(environment, ["A=1", "B=two words", "C=3"]);
    }

    #[test]
    fn the_settings_of_a_hardened_service_are_put_into_force() {
        let settings = service(
            "User=u\nRestart=always\nRestartSec=2\nLimitCORE=0\nLimitNOFILE=1M\nProtectSystem=strict\nPrivateTmp=yes\nNoNewPrivileges=true\nCapabilityBoundingSet=\nReadWritePaths=/a -/b",
        )
        .settings;
        assert_eq!(settings.user.as_deref(), Some("u"));
        assert_eq!((settings.restart, settings.restart_ms), (Restart::Always, 2_000));
        assert_eq!(settings.limits, [("core".to_owned(), Some(0)), ("nofile".to_owned(), Some(1 << 20))]);
        assert_eq!(settings.protect_system, ProtectSystem::Strict);
        assert!(settings.private_tmp && settings.no_new_privileges && settings.drop_capabilities);
        assert_eq!(settings.writable, ["/a", "/b"]);
    }

    #[test]
    fn what_is_not_put_into_force_is_said() {
        let service = service("MemorySwapMax=0\nSystemCallFilter=@system-service\nUser=u");
        assert_eq!(service.honoured, ["ExecStart=/bin/x", "User=u"]);
        assert_eq!(service.not_honoured.len(), 2);
        assert!(
            service.not_honoured.iter().any(|line| line.starts_with("SystemCallFilter=")),
            "{:?}",
            service.not_honoured
        );
    }

    #[test]
    fn no_swap_is_used_where_there_is_none() {
        let mut service = service("MemorySwapMax=0\nMemoryMax=1G");
        service.without_swap();
        assert_eq!(service.not_honoured, ["MemoryMax=1G (no control groups here)"]);
        assert!(service.honoured.iter().any(|line| line.starts_with("MemorySwapMax=0")));
    }

    #[test]
    fn a_value_systemd_would_not_take_is_refused() {
        for body in
            ["Restart=sometimes", "RestartSec=soon", "LimitNOFILE=many", "PrivateTmp=maybe", "Environment=novalue"]
        {
            let unit = Unit::parse(&format!("[Service]\nExecStart=/bin/x\n{body}")).expect("a unit");
            assert!(matches!(unit.service(), Err(UnitError::Value { .. })), "{body}");
        }
        assert_eq!(Unit::parse("[Service]\nUser=u").expect("a unit").service(), Err(UnitError::NoCommand));
        assert_eq!(Unit::parse("[Service]\nnonsense"), Err(UnitError::Line(2)));
    }

    #[test]
    fn restarts_follow_systemds_table() {
        let (clean, failed, killed, terminated) = (0, 1, 128 + 9, 128 + 15);
        let ends = [clean, failed, killed, terminated];
        let after = |restart: Restart| ends.map(|code| restart.after(code));
        assert_eq!(after(Restart::No), [false, false, false, false]);
        assert_eq!(after(Restart::OnFailure), [false, true, true, false]);
        assert_eq!(after(Restart::OnAbnormal), [false, false, true, false]);
        assert_eq!(after(Restart::OnSuccess), [true, false, false, true]);
        assert_eq!(after(Restart::Always), [true, true, true, true]);
    }

    #[test]
    fn time_spans_have_units() {
        assert_eq!(
            ["5", "5s", "500ms", "2min"].map(milliseconds),
            [Some(5_000), Some(5_000), Some(500), Some(120_000)]
        );
        assert_eq!(milliseconds("5 fortnights"), None);
    }

    proptest! {
        #[test]
        fn arbitrary_text_never_panics(text in ".{0,200}", body in "[A-Za-z=\\\\\"' \n\\[\\]%:-]{0,200}") {
            for text in [text, format!("[Service]\nExecStart=/x\n{body}")] {
                let _ = Unit::parse(&text).map(|unit| unit.service());
            }
        }
    }
}
