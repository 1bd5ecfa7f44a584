//! Real Kafka clients, pinned, in the user's cache: Python's in a virtual environment, kafkajs in a node_modules folder.

use std::path::PathBuf;

use anyhow::{Context, Result};

use crate::{cache, environment, process, python};

const REQUIREMENTS: &str = include_str!("../clients/requirements.txt");
const PACKAGE: &str = include_str!("../clients/package.json");
const PACKAGE_LOCK: &str = include_str!("../clients/package-lock.json");

/// The folder with the client programs.
#[must_use]
pub fn programs() -> PathBuf {
    environment::workspace().join("acceptance/clients")
}

/// A Python interpreter that has confluent-kafka and kafka-python.
///
/// # Errors
/// When no Python is found or pip fails.
pub fn python() -> Result<PathBuf> {
    python::find()?.environment("clients", REQUIREMENTS)
}

/// A folder with kafkajs in its `node_modules`; programs are copied beside it to be run.
///
/// # Errors
/// When npm is missing or fails.
pub fn node() -> Result<PathBuf> {
    let npm =
        environment::on_path("npm").context("npm is missing: install nodejs and npm (apt-get install nodejs npm)")?;
    cache::folder("kafkajs", &[PACKAGE, PACKAGE_LOCK], |folder| {
        eprintln!("    setting up kafkajs in {} (once)", folder.display());
        std::fs::write(folder.join("package.json"), PACKAGE)?;
        std::fs::write(folder.join("package-lock.json"), PACKAGE_LOCK)?;
        let mut command = process::command(&npm);
        command.args(["ci", "--no-audit", "--no-fund", "--ignore-scripts"]).current_dir(folder);
        process::run(&mut command, &folder.join("log"))
            .context("npm could not install; check the network and npm's settings")
    })
}
