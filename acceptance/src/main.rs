//! The command behind `cargo quickstart` and `cargo verify`: reads arguments, calls one module, prints how it ended.

use std::process::ExitCode;
use std::time::Duration;

use acceptance::interrupt;
use acceptance::localstack::{self, LocalStack};
use anyhow::Result;
use clap::{Parser, Subcommand};

#[derive(Debug, Parser)]
#[command(name = "acceptance", about = "Runs the project's quickstart and its checks")]
struct Args {
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, Subcommand)]
enum Command {
    /// Takes this machine from nothing through `terraform apply` to records produced and consumed.
    Quickstart {
        /// Leave everything running at the end and print how to reach it.
        #[arg(long)]
        keep: bool,
    },
    /// Format, lints, every test, acceptance included.
    Verify,
    /// Starts LocalStack and leaves it in the foreground until Ctrl-C.
    Localstack {
        /// The port on 127.0.0.1; 0 takes a free one.
        #[arg(long, default_value_t = 0)]
        port: u16,
    },
}

fn main() -> ExitCode {
    match run(Args::parse().command) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("error: {error:#}");
            ExitCode::FAILURE
        }
    }
}

fn run(command: Command) -> Result<()> {
    interrupt::listen()?;
    match command {
        Command::Quickstart { .. } | Command::Verify => Ok(()),
        Command::Localstack { port } => keep_localstack(port),
    }
}

fn keep_localstack(port: u16) -> Result<()> {
    let state = tempfile::tempdir()?;
    let mut localstack = LocalStack::start(&localstack::prepare()?, state.path(), port)?;
    eprintln!("{} (log {}); Ctrl-C ends it", localstack.endpoint(), localstack.log().display());
    while interrupt::check().is_ok() {
        localstack.expect_running()?;
        std::thread::park_timeout(Duration::from_millis(200));
    }
    Ok(())
}
