//! What the crate promises, seen from outside.

#![allow(
    clippy::unwrap_used,
    clippy::panic,
    clippy::indexing_slicing,
    clippy::print_stdout,
    reason = "a test ends where something is amiss"
)]

mod breaches;
mod cli;
mod generated;
mod lamp;
mod life;
mod plans;
mod process;
mod promises;
mod random;
mod rules;
mod spec;
mod values;

/// Waits until something is so.
#[expect(clippy::disallowed_methods, reason = "a test that waits for another process has the wall clock")]
fn until(condition: impl Fn() -> bool) {
    let begun = std::time::Instant::now();
    while !condition() {
        assert!(begun.elapsed() < std::time::Duration::from_secs(20), "gave up waiting");
        std::thread::park_timeout(std::time::Duration::from_millis(10));
    }
}
