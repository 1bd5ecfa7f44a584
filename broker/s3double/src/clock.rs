//! The wall clock, read in one place.

use std::time::{Duration, SystemTime, UNIX_EPOCH};

/// The time that the double shows to its clients.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Clock {
    /// Seconds that it is ahead of this machine's clock; negative where it is behind.
    pub(crate) ahead_s: i64,
}

impl Clock {
    pub(crate) fn now(self) -> SystemTime {
        #[expect(clippy::disallowed_methods, reason = "what S3 writes into Last-Modified and Date is the wall clock")]
        let now = SystemTime::now();
        let ahead = Duration::from_secs(self.ahead_s.unsigned_abs());
        let shown = if self.ahead_s < 0 { now.checked_sub(ahead) } else { now.checked_add(ahead) };
        shown.unwrap_or(UNIX_EPOCH)
    }
}
