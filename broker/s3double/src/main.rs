//! The double's process.

use std::io::Write as _;
use std::process::ExitCode;

use anyhow::Context as _;
use broker_s3double::Double;
use broker_s3double::args::Arguments;
use clap::Parser as _;
use tokio::signal::unix::{SignalKind, signal};
use tracing_subscriber::EnvFilter;

fn main() -> ExitCode {
    match start(&Arguments::parse()) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            // Where standard error is closed there is nobody to tell.
            let _ = writeln!(std::io::stderr(), "ringfence-s3double: {error:#}");
            ExitCode::FAILURE
        }
    }
}

fn start(arguments: &Arguments) -> anyhow::Result<()> {
    let filter = EnvFilter::try_new(&arguments.log).context("--log")?;
    tracing_subscriber::fmt().with_env_filter(filter).with_writer(std::io::stderr).init();
    // One thread: what the double costs stays on one core, and beside it the others are the broker's.
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().context("start the runtime")?;
    runtime.block_on(run(arguments))
}

async fn run(arguments: &Arguments) -> anyhow::Result<()> {
    let mut terminate = signal(SignalKind::terminate())?;
    let mut interrupt = signal(SignalKind::interrupt())?;
    let (listen, control) = (arguments.listen.as_str(), arguments.control.as_str());
    let double = Double::start(listen, control, arguments.settings()).await?;
    let mut out = std::io::stdout();
    writeln!(out, "listening on {}\ncontrol on {}", double.address(), double.control_address())?;
    out.flush()?;
    tokio::select! {
        _ = terminate.recv() => {}
        _ = interrupt.recv() => {}
    }
    let report = double.report();
    double.stop().await;
    // Whoever started it may be gone.
    let _ = writeln!(out, "{}", report.cost_line());
    Ok(())
}
