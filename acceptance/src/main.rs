//! The command behind `cargo quickstart` and `cargo verify`: reads arguments, calls one module, prints how it ended.

use std::net::SocketAddr;
use std::path::PathBuf;
use std::process::ExitCode;
use std::time::Duration;

use acceptance::binaries::{self, Scope};
use acceptance::host::{self, Host, HostConfig};
use acceptance::localstack::{self, LocalStack};
use acceptance::quickstart::{self, End};
use acceptance::{fixtures, interrupt, package, report, suite, verify};
use anyhow::{Result, ensure};
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
    /// The acceptance suite alone, or those of its cases whose names contain FILTER.
    Suite {
        /// Part of a case's name.
        #[arg(default_value = "")]
        filter: String,
    },
    /// Builds and packs the broker, and prints the package's SHA-256.
    Pack {
        /// Where the package goes.
        folder: PathBuf,
    },
    /// Makes the plans under `provider/review/tests/fixtures` anew, or those of scenarios whose names contain FILTER.
    Fixtures {
        /// Part of a scenario's name.
        #[arg(default_value = "")]
        filter: String,
        /// A built `terraform-provider-ringfence`; without it, it is built first.
        #[arg(long)]
        provider: Option<PathBuf>,
    },
    /// Starts LocalStack and leaves it in the foreground until Ctrl-C.
    Localstack {
        /// The port on 127.0.0.1; 0 takes a free one.
        #[arg(long, default_value_t = 0)]
        port: u16,
    },
    /// Plays EC2 for a LocalStack that runs: boots what its auto scaling groups launch, until Ctrl-C.
    Host {
        /// Where LocalStack listens.
        #[arg(long)]
        localstack: SocketAddr,
        /// The region whose groups are watched.
        #[arg(long, default_value = "eu-central-1")]
        region: String,
        /// Folder for consoles and logs.
        #[arg(long)]
        folder: PathBuf,
    },
}

fn main() -> ExitCode {
    if let Some(code) = host::machine::enter(std::env::args_os()) {
        return code;
    }
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
        Command::Quickstart { keep } => quickstart::run(if keep { End::Keep } else { End::Destroy }),
        Command::Verify => verify::run(),
        Command::Suite { filter } => {
            let tally = suite::run(&filter, Scope::Programs)?;
            ensure!(tally.failed == 0, "{} cases failed", tally.failed);
            Ok(())
        }
        Command::Pack { folder } => {
            let binaries = binaries::build(Scope::Programs, &folder.join("build.log"))?;
            let package = package::pack(&binaries.broker, &folder)?;
            report::say(format_args!("{}  {}", package.sha256, package.path.display()));
            Ok(())
        }
        Command::Fixtures { filter, provider } => fixtures::run(provider, &filter),
        Command::Localstack { port } => keep_localstack(port),
        Command::Host { localstack, region, folder } => play_host(HostConfig::new(localstack, &region, folder)?),
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

/// Boots and ends instances as the groups say, and tells each step and the packet counts.
fn play_host(config: HostConfig) -> Result<()> {
    let host = Host::start(config)?;
    host.watch();
    eprintln!("store at {}; declared paths: {}; Ctrl-C ends it", host.store_url(), host.declared_paths().join("; "));
    let client = host.client()?;
    eprintln!("a client at {}: {:?}", client.address(), client.command("PROGRAM"));
    let mut told = String::new();
    while interrupt::check().is_ok() {
        let instances = host.instances();
        let lines = instances.iter().map(|one| {
            let broker =
                one.broker_pid().map_or_else(|| "no broker".to_owned(), |pid| format!("broker is process {pid}"));
            format!("{} {} {}: boot {:?}, {broker}", one.id(), one.zone(), one.address(), one.boot())
        });
        let now = lines.collect::<Vec<_>>().join("\n");
        if now != told {
            eprintln!("{now}");
            told = now;
        }
        std::thread::park_timeout(Duration::from_millis(200));
    }
    let packets = host.packets()?;
    if packets.counted {
        eprintln!("packets: {} declared, {} undeclared {:?}", packets.declared, packets.undeclared, packets.offenders);
    }
    Ok(())
}
