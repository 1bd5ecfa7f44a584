//! Ctrl-C and termination: remembered in a flag that every wait looks at, so that what was started is ended in order.
//!
//! Children run in process groups of their own, so the terminal's signal reaches this process only.

use std::sync::atomic::{AtomicBool, Ordering};

use anyhow::{Context, Result, bail};
use tokio::signal::unix::{SignalKind, signal};

static ASKED: AtomicBool = AtomicBool::new(false);

/// Starts listening for SIGINT and SIGTERM; call it once, before anything else is started.
///
/// # Errors
/// When the process may not install signal handlers.
pub fn listen() -> Result<()> {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_io().build().context("signal listener")?;
    let (mut int, mut term) = {
        let _inside = runtime.enter();
        (signal(SignalKind::interrupt())?, signal(SignalKind::terminate())?)
    };
    std::thread::Builder::new().name("signals".to_owned()).spawn(move || {
        runtime.block_on(async {
            loop {
                tokio::select! { biased; _ = int.recv() => {}, _ = term.recv() => {} }
                if ASKED.swap(true, Ordering::SeqCst) {
                    std::process::exit(130);
                }
                eprintln!("\ninterrupted: cleaning up (once more to leave at once)");
            }
        });
    })?;
    Ok(())
}

/// Fails once the user asked to stop.
///
/// # Errors
/// "interrupted", nothing else.
pub fn check() -> Result<()> {
    if ASKED.load(Ordering::SeqCst) {
        bail!("interrupted");
    }
    Ok(())
}
