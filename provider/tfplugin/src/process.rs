//! The process around a provider: how Terraform starts it, knows it, and ends it.
//!
//! Terraform starts a provider three times for a plan and four times for an apply, so nothing slow happens before the
//! handshake. Source: hashicorp/go-plugin, the library on Terraform's side.

use std::io::Write as _;
use std::process::ExitCode;

use crate::provider::Provider;

mod connection;
mod environment;
mod handshake;
mod log;
pub(crate) mod panics;
mod plumbing;
mod presence;
mod server;
mod socket;
mod tls;

use self::environment::Environment;
use self::server::{Mode, ServeError};

/// Serves a provider to Terraform: all that a provider's `main` has to do.
///
/// Terraform starts the process itself. Started by hand with `--debug`, it prints what to set for Terraform to use this
/// very process, and serves until it is interrupted.
pub fn serve<P: Provider>(provider: P) -> ExitCode {
    let environment = Environment::read(P::NAME);
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let mode = match arguments.iter().map(String::as_str).collect::<Vec<_>>().as_slice() {
        ["--version"] => {
            let _ = writeln!(std::io::stdout(), "{} {}", P::NAME, P::VERSION);
            return ExitCode::SUCCESS;
        }
        ["--debug"] => Mode::Debug,
        _ if environment.started_by_terraform => Mode::Plugin,
        _ => {
            let _ = writeln!(std::io::stderr(), "{}", introduction::<P>());
            return ExitCode::FAILURE;
        }
    };
    log::start(P::NAME, environment.log_level, P::SILENT);
    panics::install();
    match run(provider, mode, &environment) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            let _ = writeln!(std::io::stderr(), "{}: failed to {error}", P::NAME);
            ExitCode::FAILURE
        }
    }
}

fn run<P: Provider>(provider: P, mode: Mode, environment: &Environment) -> Result<(), ServeError> {
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build().map_err(ServeError::Runtime)?;
    let result = runtime.block_on(server::run(provider, mode, environment));
    // A call that is still running must not keep the process.
    runtime.shutdown_background();
    result
}

fn introduction<P: Provider>() -> String {
    format!(
        "This is the Terraform provider {name} {version}. It is not meant to be run by hand: \
         terraform starts it where a configuration requires \"{namespace}/{name}\".\n\
         With --debug it serves a terraform that is told to use this process.",
        name = P::NAME,
        version = P::VERSION,
        namespace = P::NAMESPACE,
    )
}
