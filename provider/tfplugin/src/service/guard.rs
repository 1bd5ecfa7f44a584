//! Panics inside a call become a diagnostic: message, place, and the advice to report it.

use std::any::Any;
use std::panic::{AssertUnwindSafe, catch_unwind};

use futures::FutureExt as _;

use crate::diagnostic::{Diagnostic, Diagnostics};
use crate::process::panics;

/// Runs a call; a panic in it is its error.
///
/// # Cancel safety
/// That of the call.
pub(super) async fn guarded<T>(call: impl Future<Output = Result<T, Diagnostics>>) -> Result<T, Diagnostics> {
    match panics::inside_call(AssertUnwindSafe(call).catch_unwind()).await {
        Ok(result) => result,
        Err(payload) => Err(Diagnostic::error("the provider panicked", describe(&*payload)).into()),
    }
}

/// The same for a call that does not wait.
pub(super) fn guarded_call<T>(call: impl FnOnce() -> T) -> Result<T, String> {
    panics::inside(|| catch_unwind(AssertUnwindSafe(call)))
        .map_err(|payload| format!("the provider panicked: {}", describe(&*payload)))
}

fn describe(payload: &(dyn Any + Send)) -> String {
    let what = panics::take_last().unwrap_or_else(|| panics::message(payload));
    format!("{what}\n\nThis is a bug in the provider; please report it.")
}
