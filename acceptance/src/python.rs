//! Finds a Python that LocalStack runs on, and makes virtual environments from pinned requirements.

use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Context, Result, bail};

use crate::{cache, environment, process};

/// LocalStack installs and starts on 3.11, then fails on its first S3 call.
const OLDEST: (u32, u32) = (3, 12);

/// A Python interpreter of at least version 3.12.
#[derive(Debug, Clone)]
pub struct Python {
    program: PathBuf,
    version: (u32, u32),
}

/// Looks on PATH, then among pyenv's versions and the usual folders.
///
/// # Errors
/// When there is none: says how to get one.
pub fn find() -> Result<Python> {
    for program in candidates() {
        if let Some(version) = version(&program).filter(|version| *version >= OLDEST) {
            return Ok(Python { program, version });
        }
    }
    bail!(
        "no Python of version 3.12 or newer found (looked on PATH, in ~/.pyenv/versions, ~/.local/bin, /usr/local/bin, /opt). \
         Install one, for example `apt-get install python3.13 python3.13-venv`, `pyenv install 3.13`, or `uv python install 3.13`, \
         and run this command again"
    )
}

fn candidates() -> Vec<PathBuf> {
    let names = ["python3.13", "python3.12", "python3.14", "python3"];
    let mut found: Vec<PathBuf> = names.iter().filter_map(|name| environment::on_path(name)).collect();
    let home = environment::home();
    let mut versions: Vec<PathBuf> = [".pyenv/versions", ".local/share/uv/python"]
        .iter()
        .filter_map(|folder| std::fs::read_dir(home.join(folder)).ok())
        .flat_map(|entries| entries.flatten().map(|entry| entry.path().join("bin/python3")))
        .collect();
    versions.sort();
    found.extend(versions.into_iter().rev());
    let folders = [home.join(".local/bin"), PathBuf::from("/usr/local/bin"), PathBuf::from("/opt/python/bin")];
    found.extend(folders.iter().flat_map(|folder| names.map(|name| folder.join(name))));
    found
}

/// Major and minor version, if the program runs (pyenv's shims exist for versions that are not selected) and can make
/// virtual environments.
fn version(program: &Path) -> Option<(u32, u32)> {
    let ask = "import ensurepip, sys, venv; print(*sys.version_info[:2])";
    let output = Command::new(program).args(["-c", ask]).output().ok().filter(|output| output.status.success())?;
    let text = String::from_utf8(output.stdout).ok()?;
    let (major, minor) = text.trim().split_once(' ')?;
    Some((major.parse().ok()?, minor.parse().ok()?))
}

impl Python {
    /// A virtual environment in the user's cache with exactly what `requirements` names; answers its interpreter.
    ///
    /// # Errors
    /// When pip fails: shows its last lines.
    pub fn environment(&self, name: &str, requirements: &str) -> Result<PathBuf> {
        let version = format!("{}.{}", self.version.0, self.version.1);
        let folder = cache::folder(name, &[&version, requirements], |folder| {
            eprintln!("    setting up {name} with Python {version} in {} (once)", folder.display());
            let log = folder.join("log");
            let list = folder.join("requirements.txt");
            std::fs::write(&list, requirements)?;
            let venv = folder.join("venv");
            process::run(process::command(&self.program).args(["-m", "venv"]).arg(&venv), &log)?;
            let mut pip = process::command(venv.join("bin/python"));
            pip.args(["-m", "pip", "install", "--disable-pip-version-check", "--no-input", "--requirement"]).arg(&list);
            process::run(&mut pip, &log).context("pip could not install; check the network and pip's settings")
        })?;
        Ok(folder.join("venv/bin/python"))
    }

    /// The interpreter.
    #[must_use]
    pub fn program(&self) -> &Path {
        &self.program
    }
}
