//! Builds what is measured: the broker as it is shipped, and the double.

use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use anyhow::{Context as _, Result, ensure};
use serde_json::Value;

use crate::environment;

/// Where the programs are.
#[derive(Debug, Clone)]
pub struct Programs {
    /// `ringfence-broker`.
    pub broker: PathBuf,
    /// `ringfence-s3double`.
    pub double: PathBuf,
}

/// Builds a program of the workspace with the release profile and answers its path. One package at a time, so that its
/// dependencies have no more features than when it is shipped.
///
/// # Errors
/// When cargo fails; its messages are on standard error.
pub fn build(package: &str, program: &str) -> Result<PathBuf> {
    let cargo = environment::variable("CARGO").unwrap_or_else(|| "cargo".to_owned());
    let output = Command::new(cargo)
        .args(["build", "--release", "--locked", "--message-format=json-render-diagnostics"])
        .args(["--package", package, "--bin", program])
        .current_dir(environment::workspace())
        .stderr(Stdio::inherit())
        .output()
        .context("start cargo")?;
    ensure!(output.status.success(), "cargo could not build {package}");
    executable(&String::from_utf8_lossy(&output.stdout), program)
        .with_context(|| format!("cargo built no program called {program}"))
}

/// The path of a program in cargo's messages.
fn executable(messages: &str, program: &str) -> Option<PathBuf> {
    messages
        .lines()
        .filter_map(|line| serde_json::from_str::<Value>(line).ok())
        .filter_map(|message| message.get("executable")?.as_str().map(PathBuf::from))
        .find(|path| path.file_name() == Path::new(program).file_name())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_program_is_found_in_cargos_messages() {
        let messages = "noise\n{\"reason\":\"x\",\"executable\":null}\n{\"executable\":\"/a/b/prog\"}\n";
        assert_eq!(executable(messages, "prog"), Some(PathBuf::from("/a/b/prog")));
        assert_eq!(executable(messages, "other"), None);
    }
}
