//! Panics: inside a call they become its diagnostic; elsewhere they end in the one line that Terraform shows.

use std::any::Any;
use std::backtrace::Backtrace;
use std::cell::{Cell, RefCell};
use std::io::Write as _;
use std::panic::PanicHookInfo;
use std::pin::pin;

thread_local! {
    /// Whether a call is being polled on this thread.
    static INSIDE: Cell<bool> = const { Cell::new(false) };
    /// Message and place of the last panic inside a call on this thread.
    static LAST: RefCell<Option<String>> = const { RefCell::new(None) };
}

/// Replaces the panic hook of this process.
pub(super) fn install() {
    std::panic::set_hook(Box::new(|info| {
        let what = describe(info);
        let trace = Backtrace::force_capture();
        if INSIDE.get() {
            tracing::error!(%what, %trace, "a call panicked");
            LAST.with_borrow_mut(|last| *last = Some(what));
        } else {
            // Terraform collects unstructured lines from the first that begins so, and shows them after a crash.
            let _ = writeln!(std::io::stderr(), "panic: {what}\n\n{trace}");
        }
    }));
}

/// Polls a call so that the hook knows of it.
pub(crate) async fn inside_call<F: Future>(call: F) -> F::Output {
    let mut call = pin!(call);
    std::future::poll_fn(|cx| inside(|| call.as_mut().poll(cx))).await
}

/// The same for a call that does not wait.
pub(crate) fn inside<T>(call: impl FnOnce() -> T) -> T {
    let before = INSIDE.replace(true);
    let result = call();
    INSIDE.set(before);
    result
}

/// Message and place of the panic that was just caught on this thread, if the hook saw it.
pub(crate) fn take_last() -> Option<String> {
    LAST.with_borrow_mut(Option::take)
}

/// The message of a caught panic.
pub(crate) fn message(payload: &(dyn Any + Send)) -> String {
    let text = payload.downcast_ref::<&str>().copied();
    text.or_else(|| payload.downcast_ref::<String>().map(String::as_str)).unwrap_or("no message").to_owned()
}

fn describe(info: &PanicHookInfo<'_>) -> String {
    let message = info.payload_as_str().unwrap_or("no message");
    match info.location() {
        Some(place) => format!("{message}\n\nat {place}"),
        None => message.to_owned(),
    }
}
