//! Builds the workspace's programs with cargo in the dev profile and finds where they are.

use std::path::{Path, PathBuf};

use anyhow::{Context, Result};
use serde_json::Value;

use crate::{environment, process};

/// Paths of the programs that users run.
#[derive(Debug, Clone)]
pub struct Binaries {
    /// `ringfence-broker`.
    pub broker: PathBuf,
    /// `terraform-provider-ringfence`.
    pub provider: PathBuf,
    /// The tests of `broker-store`, where tests were built as well.
    pub store_tests: Option<PathBuf>,
}

/// What is compiled together; the dependencies' features follow from it, so each has compiled files of its own.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Scope {
    /// The programs alone: the shortest way to running them.
    Programs,
    /// Everything that `cargo test --workspace --all-targets` compiles too.
    WithTests,
}

/// Builds both programs.
///
/// # Errors
/// When cargo fails: shows the end of its output.
pub fn build(scope: Scope, log: &Path) -> Result<Binaries> {
    let cargo = environment::variable("CARGO").unwrap_or_else(|| "cargo".to_owned());
    let mut command = process::command(cargo);
    command.current_dir(environment::workspace()).args([
        "build",
        "--locked",
        "--message-format=json-render-diagnostics",
    ]);
    match scope {
        Scope::Programs => command.args(["--package", "broker-server", "--package", "provider-aws", "--bins"]),
        Scope::WithTests => command.args(["--workspace", "--all-targets"]),
    };
    let output = process::read(&mut command, log)?;
    Ok(Binaries {
        broker: program(&output, "ringfence-broker")?,
        provider: program(&output, "terraform-provider-ringfence")?,
        store_tests: tests(&output, "broker/store"),
    })
}

/// The path of a program in cargo's messages.
fn program(messages: &str, name: &str) -> Result<PathBuf> {
    messages
        .lines()
        .filter_map(|line| serde_json::from_str::<Value>(line).ok())
        .filter_map(|message| message.get("executable")?.as_str().map(PathBuf::from))
        .find(|path| path.file_name().is_some_and(|file| file == name))
        .with_context(|| format!("cargo built no program called {name}"))
}

/// The path of a crate's program of tests, by the folder of the crate.
fn tests(messages: &str, folder: &str) -> Option<PathBuf> {
    let ours = Path::new(folder).join("tests/it/main.rs");
    let mut built = messages.lines().filter_map(|line| serde_json::from_str::<Value>(line).ok());
    let message = built.find(|message| {
        let source = message.pointer("/target/src_path").and_then(Value::as_str);
        source.is_some_and(|source| Path::new(source).ends_with(&ours))
            && message.get("executable").is_some_and(Value::is_string)
    })?;
    message.get("executable")?.as_str().map(PathBuf::from)
}
