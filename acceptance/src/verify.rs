//! `cargo verify`: format, lints, every test, the modules' tests and the acceptance suite, each with its runner's closing lines.

use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Result, bail, ensure};

use crate::binaries::Scope;
use crate::mirror::Mirror;
use crate::report::{Steps, say};
use crate::terraform::Terraform;
use crate::{environment, mirror, process, suite, terraform_cli};

/// Runs everything; a failing part does not keep the next from running.
///
/// # Errors
/// Names the parts that failed.
pub fn run() -> Result<()> {
    let mut steps = Steps::start("cargo verify");
    let scratch = tempfile::Builder::new().prefix("ringfence-verify-").tempdir()?;
    let mut failed: Vec<&str> = Vec::new();
    for part in PARTS {
        let log = scratch.path().join(format!("{}.log", part.name.replace(' ', "-")));
        let done = steps.step(part.name, |notes| {
            process::run(&mut (part.command)(), &log)?;
            closing(&log).iter().for_each(|line| notes.add(line));
            Ok(())
        });
        note_failure(done, part.name, &mut failed)?;
    }
    let done = steps.step("format of modules and examples", |_| {
        let mut command = process::command(terraform_cli::find()?);
        command
            .args(["fmt", "-check", "-diff", "-recursive", "modules", "examples"])
            .current_dir(environment::workspace());
        process::run(command.env("TF_CLI_CONFIG_FILE", "/dev/null"), &scratch.path().join("terraform-fmt.log"))
    });
    note_failure(done, "format of modules and examples", &mut failed)?;
    let done = steps.step("terraform tests of the modules", |notes| {
        let modules = modules_with_tests()?;
        let binaries = crate::binaries::build(Scope::WithTests, &scratch.path().join("build.log"))?;
        let mirror = mirror::lay(&binaries.provider, scratch.path())?;
        ensure!(!modules.is_empty(), "no module has tests");
        for module in modules {
            notes.add(format_args!("{}: {}", module.display(), test_module(&module, &mirror, scratch.path())?));
        }
        Ok(())
    });
    note_failure(done, "terraform tests", &mut failed)?;
    let done = suite::run("", Scope::WithTests).and_then(|tally| {
        ensure!(tally.failed == 0, "{} acceptance cases failed", tally.failed);
        Ok(())
    });
    note_failure(done, "acceptance", &mut failed)?;
    steps.end(if failed.is_empty() { "verify passed" } else { "verify FAILED" });
    if !failed.is_empty() {
        bail!("failed: {}", failed.join(", "));
    }
    Ok(())
}

fn note_failure(done: Result<()>, name: &'static str, failed: &mut Vec<&'static str>) -> Result<()> {
    if let Err(error) = done {
        crate::interrupt::check()?;
        say(format_args!("{error:#}"));
        failed.push(name);
    }
    Ok(())
}

struct Part {
    name: &'static str,
    command: fn() -> Command,
}

const PARTS: &[Part] = &[
    Part { name: "format", command: || cargo(&["fmt", "--all", "--check"]) },
    Part {
        name: "lints",
        command: || cargo(&["clippy", "--locked", "--workspace", "--all-targets", "--", "-D", "warnings"]),
    },
    Part { name: "tests", command: tests },
    Part { name: "documentation tests", command: || cargo(&["test", "--locked", "--workspace", "--doc"]) },
];

fn cargo(words: &[&str]) -> Command {
    let mut command = process::command(environment::variable("CARGO").unwrap_or_else(|| "cargo".to_owned()));
    command.args(words).current_dir(environment::workspace());
    command
}

/// nextest where it is installed, cargo's own runner elsewhere.
fn tests() -> Command {
    match environment::on_path("cargo-nextest") {
        Some(_) => cargo(&["nextest", "run", "--locked", "--workspace", "--all-targets", "--no-fail-fast"]),
        None => cargo(&["test", "--locked", "--workspace", "--all-targets", "--no-fail-fast"]),
    }
}

/// The lines in which cargo, nextest and terraform sum up.
fn closing(log: &Path) -> Vec<String> {
    let text = std::fs::read_to_string(log).unwrap_or_default();
    let sums = |line: &&str| line.contains("Summary [") || line.trim_start().starts_with("test result:");
    let empty = |line: &&str| line.contains("ok. 0 passed; 0 failed");
    text.lines().filter(sums).filter(|line| !empty(line)).map(|line| line.trim().to_owned()).collect()
}

fn modules_with_tests() -> Result<Vec<PathBuf>> {
    let root = environment::workspace().join("modules");
    let mut found = Vec::new();
    for entry in std::fs::read_dir(root)? {
        let path = entry?.path();
        if path.join("tests").is_dir() {
            found.push(path);
        }
    }
    found.sort();
    Ok(found)
}

/// `terraform test` in a copy of the module; answers its closing line.
fn test_module(module: &Path, mirror: &Mirror, scratch: &Path) -> Result<String> {
    let name = module.file_name().unwrap_or_default();
    let place = scratch.join("modules-under-test").join(name);
    std::fs::create_dir_all(&place)?;
    let copies = place.join("modules");
    crate::terraform::copy(&environment::workspace().join("modules"), &copies)?;
    let terraform = Terraform::new(&terraform_cli::find()?, mirror, copies.join(name), place.clone());
    terraform.init()?;
    let output = terraform.test()?;
    Ok(output.lines().rev().find(|line| !line.trim().is_empty()).unwrap_or("no output").to_owned())
}
