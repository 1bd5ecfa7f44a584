//! The broker's process: arguments, configuration, logging, signals.

use std::io::Write as _;
use std::process::ExitCode;

use anyhow::Context as _;
use broker_server::args::{Arguments, Command};
use broker_server::config::Config;
use broker_server::process::Process;
use clap::Parser as _;
use tokio::signal::unix::{SignalKind, signal};
use tracing_subscriber::EnvFilter;

fn main() -> ExitCode {
    match start() {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            // Where standard error is closed there is nobody to tell.
            let _ = writeln!(std::io::stderr(), "ringfence-broker: {error:#}");
            ExitCode::FAILURE
        }
    }
}

fn start() -> anyhow::Result<()> {
    let arguments = Arguments::parse();
    let (config, log) = match &arguments.command {
        Command::Dev(dev) => (Config::from_dev(dev), &dev.log),
        Command::Serve(serve) => {
            let text = std::fs::read_to_string(&serve.config)
                .with_context(|| format!("read the configuration {}", serve.config.display()))?;
            (Config::from_toml(&text), &serve.log)
        }
    };
    let config = config.context("the configuration has errors")?;
    let filter = EnvFilter::try_new(log).context("--log")?;
    let subscriber = tracing_subscriber::fmt().with_env_filter(filter).with_writer(std::io::stderr);
    match arguments.command {
        Command::Dev(_) => subscriber.init(),
        Command::Serve(_) => subscriber.json().init(),
    }
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build().context("start the runtime")?;
    runtime.block_on(run(config))
}

async fn run(config: Config) -> anyhow::Result<()> {
    let mut terminate = signal(SignalKind::terminate())?;
    let mut interrupt = signal(SignalKind::interrupt())?;
    let process = tokio::select! {
        process = Process::start(config) => process?,
        _ = terminate.recv() => return Ok(()),
        _ = interrupt.recv() => return Ok(()),
    };
    announce(&process)?;
    let ended = tokio::select! {
        _ = terminate.recv() => Ok(()),
        _ = interrupt.recv() => Ok(()),
        failed = process.failed() => Err(failed.into()),
    };
    process.stop().await;
    ended
}

/// One line that scripts wait for.
fn announce(process: &Process) -> std::io::Result<()> {
    let mut out = std::io::stdout();
    writeln!(out, "ready: {} node {}", process.listen, process.node_id())?;
    if let Some(health) = process.health_listen {
        writeln!(out, "health: http://{health}")?;
    }
    out.flush()
}
