//! What runs inside an instance: the init that mounts a stock system, runs the user-data and stands in for systemd.
//!
//! These are hidden subcommands of this crate's program (`machine init|systemctl|service`), started in namespaces of their
//! own. The stock system they show is the machine's own root file system under an overlay whose writes go to memory;
//! folders that no stock image has are hidden. Nothing here reaches the machine outside.

mod init;
pub(super) mod protocol;
mod root;
mod service;
mod systemctl;
mod unit;
mod units;

use std::ffi::OsString;
use std::process::ExitCode;

use anyhow::{Result, bail};

/// Runs the subcommand, if the arguments are of the form `PROGRAM machine ...`; the program then ends with the code.
pub fn enter(arguments: impl IntoIterator<Item = OsString>) -> Option<ExitCode> {
    let mut arguments = arguments.into_iter().skip(1).map(|argument| argument.to_string_lossy().into_owned());
    if arguments.next()? != "machine" {
        return None;
    }
    let rest: Vec<String> = arguments.collect();
    let words: Vec<&str> = rest.iter().map(String::as_str).collect();
    Some(run(&words).unwrap_or_else(|error| {
        eprintln!("machine: {error:#}");
        ExitCode::FAILURE
    }))
}

fn run(words: &[&str]) -> Result<ExitCode> {
    match words {
        ["init", spec] => init::run(&serde_json::from_str(spec)?),
        ["service", spec] => service::become_it(&serde_json::from_str(spec)?).map(|never| match never {}),
        ["systemctl", rest @ ..] => systemctl::run(rest),
        _ => bail!("unknown arguments {words:?}"),
    }
}
