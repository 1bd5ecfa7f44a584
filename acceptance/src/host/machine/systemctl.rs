//! The stand-in for systemctl: passes its arguments to init and prints what init answers. The arguments' meaning is pure.

use std::io::{BufRead, BufReader, Write};
use std::os::unix::net::UnixStream;
use std::process::ExitCode;

use anyhow::{Context, Result};
use serde::{Deserialize, Serialize};

use super::root::SOCKET;

/// What init answers.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Reply {
    pub(super) code: u8,
    pub(super) text: String,
}

/// What is asked of init.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Call {
    pub(super) verb: Verb,
    pub(super) now: bool,
    pub(super) units: Vec<String>,
}

/// What systemctl can be asked to do.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Verb {
    Nothing,
    Enable,
    Disable,
    Mask,
    Unmask,
    Start,
    Stop,
    Restart,
    IsActive,
    IsEnabled,
    Status,
}

/// `machine systemctl ARGUMENTS`.
pub(super) fn run(arguments: &[&str]) -> Result<ExitCode> {
    let mut stream = UnixStream::connect(SOCKET).context("init does not answer")?;
    writeln!(stream, "{}", serde_json::to_string(arguments)?)?;
    let mut line = String::new();
    BufReader::new(stream).read_line(&mut line)?;
    let reply: Reply = serde_json::from_str(&line).context("init ended")?;
    std::io::stdout().write_all(reply.text.as_bytes())?;
    Ok(ExitCode::from(reply.code))
}

/// Reads a command line.
///
/// # Errors
/// With the sentence to print, for a verb that is not known here.
pub(super) fn parse(arguments: &[String]) -> Result<Call, String> {
    let (options, words): (Vec<&str>, Vec<&str>) =
        arguments.iter().map(String::as_str).partition(|word| word.starts_with('-'));
    let mut words = words.into_iter();
    let verb = words.next().unwrap_or_default();
    let Some((_, meaning)) = VERBS.iter().find(|(name, _)| *name == verb) else {
        return Err(format!("systemctl stands in for systemd here and does not know the verb {verb:?}\n"));
    };
    Ok(Call { verb: *meaning, now: options.contains(&"--now"), units: words.map(full_name).collect() })
}

/// A name without a kind is a service's.
fn full_name(name: &str) -> String {
    let kinds = [".service", ".socket", ".timer", ".target", ".path", ".mount", ".slice"];
    if kinds.iter().any(|kind| name.ends_with(kind)) { name.to_owned() } else { format!("{name}.service") }
}

const VERBS: [(&str, Verb); 13] = [
    ("daemon-reload", Verb::Nothing),
    ("daemon-reexec", Verb::Nothing),
    ("reset-failed", Verb::Nothing),
    ("enable", Verb::Enable),
    ("disable", Verb::Disable),
    ("mask", Verb::Mask),
    ("unmask", Verb::Unmask),
    ("start", Verb::Start),
    ("stop", Verb::Stop),
    ("restart", Verb::Restart),
    ("is-active", Verb::IsActive),
    ("is-enabled", Verb::IsEnabled),
    ("status", Verb::Status),
];

#[cfg(test)]
mod tests {
    use super::*;

    fn call(line: &str) -> Result<Call, String> {
        parse(&line.split(' ').map(str::to_owned).collect::<Vec<_>>())
    }

    #[test]
    fn options_may_stand_anywhere_and_names_are_completed() {
        let expected = Call { verb: Verb::Mask, now: true, units: vec!["a.service".to_owned(), "b.timer".to_owned()] };
        assert_eq!(call("mask --now a b.timer"), Ok(expected.clone()));
        assert_eq!(call("--quiet mask a b.timer --now"), Ok(expected));
    }

    #[test]
    fn an_unknown_verb_is_refused_aloud() {
        assert!(call("soft-reboot").is_err());
        assert!(parse(&[]).is_err());
    }
}
