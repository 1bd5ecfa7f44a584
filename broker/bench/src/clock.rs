//! Time for the whole crate. Nothing else here reads a clock.

use std::time::{Duration, Instant, SystemTime};

use anyhow::{Result, bail};

/// The monotonic clock.
#[must_use]
#[expect(clippy::disallowed_methods, reason = "the crate's one reading of the monotonic clock")]
pub fn now() -> Instant {
    Instant::now()
}

/// Milliseconds since 1970.
#[must_use]
#[expect(clippy::disallowed_methods, reason = "the crate's one reading of the wall clock")]
pub fn wall_ms() -> i64 {
    let since = SystemTime::now().duration_since(SystemTime::UNIX_EPOCH).unwrap_or_default();
    i64::try_from(since.as_millis()).unwrap_or(i64::MAX)
}

/// Returns at `deadline`, at once if that is past.
pub fn sleep_until(deadline: Instant) {
    let left = deadline.saturating_duration_since(now());
    if !left.is_zero() {
        std::thread::sleep(left);
    }
}

/// Calls `probe` every `pause` until it returns a value, at most for `limit`.
///
/// # Errors
/// Names `what` when the deadline passes; an error of the probe ends the wait at once.
pub fn poll<T>(
    what: &str,
    limit: Duration,
    pause: Duration,
    mut probe: impl FnMut() -> Result<Option<T>>,
) -> Result<T> {
    let start = now();
    loop {
        if let Some(value) = probe()? {
            return Ok(value);
        }
        if start.elapsed() > limit {
            bail!("{what} took longer than {} s", limit.as_secs());
        }
        std::thread::sleep(pause);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_wait_that_ends_names_what_was_awaited() {
        let waited = poll::<()>("the tide", Duration::ZERO, Duration::ZERO, || Ok(None));
        assert!(waited.unwrap_err().to_string().contains("the tide"));
    }
}
