//! Time for the whole crate: a stopwatch, and waiting by polling until a deadline. Nothing else here reads a clock.

use std::time::{Duration, Instant, SystemTime};

use anyhow::{Result, bail};

/// Measures how long a step took.
#[derive(Debug, Clone, Copy)]
pub struct Stopwatch(Instant);

impl Stopwatch {
    /// Starts measuring.
    #[must_use]
    #[expect(clippy::disallowed_methods, reason = "the crate's one reading of the monotonic clock")]
    pub fn start() -> Self {
        Self(Instant::now())
    }

    /// Time since [`Stopwatch::start`].
    #[must_use]
    pub fn elapsed(self) -> Duration {
        self.0.elapsed()
    }
}

/// Seconds since 1970, for names that must differ from run to run.
#[must_use]
#[expect(clippy::disallowed_methods, reason = "the crate's one reading of the wall clock")]
pub fn unix_seconds() -> u64 {
    SystemTime::now().duration_since(SystemTime::UNIX_EPOCH).map_or(0, |since| since.as_secs())
}

/// Calls `probe` until it returns a value, at most for `limit`.
///
/// # Errors
/// Names `what` and the last reason given by `probe` when the deadline passes. `Err` from the probe ends the wait at once.
pub fn poll<T>(what: &str, limit: Duration, mut probe: impl FnMut() -> Result<Poll<T>>) -> Result<T> {
    let watch = Stopwatch::start();
    loop {
        let pending = match probe()? {
            Poll::Ready(value) => return Ok(value),
            Poll::Pending(why) => why,
        };
        if watch.elapsed() > limit {
            bail!("{what} took longer than {} s; last seen: {pending}", limit.as_secs());
        }
        std::thread::park_timeout(POLL_EVERY);
    }
}

/// What one look of [`poll`] found.
#[derive(Debug)]
pub enum Poll<T> {
    /// Done.
    Ready(T),
    /// Not yet, and why.
    Pending(String),
}

/// The pause between two looks: short against everything polled here, long against the cost of a look.
const POLL_EVERY: Duration = Duration::from_millis(100);

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_deadline_names_what_was_awaited_and_what_was_seen_last() {
        let waited = poll::<()>("the tide", Duration::ZERO, || Ok(Poll::Pending("low".to_owned())));
        let message = waited.expect_err("never ready").to_string();
        assert!(message.contains("the tide") && message.contains("low"), "{message}");
    }
}
