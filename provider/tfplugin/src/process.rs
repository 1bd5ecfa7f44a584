//! The process around a provider.

use std::process::ExitCode;

use crate::provider::Provider;

/// Serves a provider to Terraform: all that a provider's `main` has to do.
pub fn serve<P: Provider>(provider: P) -> ExitCode {
    let _ = provider;
    ExitCode::FAILURE
}
