//! Starts an instance's init: in namespaces of its own, or as a plain process where those are not permitted.

use std::fs::{self, File};
use std::net::SocketAddr;
use std::os::unix::process::CommandExt;
use std::path::Path;
use std::process::{Child, Command, Stdio};

use anyhow::{Context, Result};
use serde_json::json;

use super::Site;
use crate::host::machine::protocol::Spec;
use crate::host::metadata::Facts;
use crate::host::network::Seat;

/// Starts init. It ends when its standard input does, so it never outlives this process.
pub(super) fn init(site: &Site, facts: &Facts, folder: &Path, seat: &Seat, metadata: SocketAddr) -> Result<Child> {
    let mut command = match seat {
        Seat::Bridge(_) => isolated(site, facts, folder, seat)?,
        Seat::Loopback(_) => plain(site, facts, folder, metadata)?,
    };
    command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(File::create(folder.join("init.log"))?);
    // A group of its own: Ctrl-C at the terminal is the harness's to handle.
    command.process_group(0).spawn().context("the instance's init cannot be started")
}

fn isolated(site: &Site, facts: &Facts, folder: &Path, seat: &Seat) -> Result<Command> {
    let spec = Spec {
        hostname: facts.hostname.clone(),
        folder: folder.to_owned(),
        program: site.program.clone(),
        hidden: site.hidden.clone(),
    };
    let mut command = seat.command("unshare");
    command.args(["--mount", "--pid", "--ipc", "--uts", "--fork", "--kill-child=KILL", "--propagation", "private"]);
    command.arg(&site.program).args(["machine", "init", &serde_json::to_string(&spec)?]);
    Ok(command)
}

/// The stand-in for everything: a python3 program that speaks init's protocol.
fn plain(site: &Site, facts: &Facts, folder: &Path, metadata: SocketAddr) -> Result<Command> {
    let program = folder.join("loopback.py");
    fs::write(&program, include_str!("loopback.py"))?;
    let credentials = facts.role.as_ref().map(|role| site.cloud.assume(&role.arn, &facts.instance_id)).transpose()?;
    let variables = credentials.map(|keys| {
        json!({ "AWS_ACCESS_KEY_ID": keys.access_key_id, "AWS_SECRET_ACCESS_KEY": keys.secret_access_key,
            "AWS_SESSION_TOKEN": keys.session_token })
    });
    let spec = json!({ "folder": folder, "address": facts.address, "metadata": [metadata.ip(), metadata.port()],
        "environment": variables.unwrap_or_else(|| json!({})) });
    let mut command = Command::new("python3");
    command.arg("-I").arg(program).arg(spec.to_string());
    Ok(command)
}
