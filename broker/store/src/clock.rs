//! What the store's own clock says, as far as its answers have told.
//!
//! Retention deletes by time, and the clock of one broker is not to be trusted with that alone: every answer of S3 carries
//! the time of the server that gave it.

use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use tokio::time::Instant;

/// What a store says about the time.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum StoreDate {
    /// It never says: memory and directories have no clock but this process's.
    NoClock,
    /// It says so in its answers, and none was heard yet.
    NotYet,
    /// Milliseconds since 1970: its latest answer, and what has passed since.
    At(i64),
}

/// The dates that a store's answers carry; whoever speaks with it notes them here.
#[derive(Debug, Default)]
pub struct StoreClock {
    last: Mutex<Option<(i64, Instant)>>,
}

impl StoreClock {
    /// Notes the date of an answer that has just come, in milliseconds since 1970.
    pub fn note(&self, date_ms: i64) {
        *self.last.lock().unwrap_or_else(PoisonError::into_inner) = Some((date_ms, Instant::now()));
    }

    /// Notes the `Date` header of an answer; one that is no date counts for nothing.
    pub(crate) fn note_header(&self, value: &str) {
        if let Ok(date) = jiff::fmt::rfc2822::DateTimeParser::new().parse_timestamp(value) {
            self.note(date.as_millisecond());
        }
    }

    /// The date now; none before the first answer.
    #[must_use]
    pub fn date_ms(&self) -> Option<i64> {
        let (date_ms, at) = (*self.last.lock().unwrap_or_else(PoisonError::into_inner))?;
        Some(date_ms.saturating_add(millis(at.elapsed())))
    }
}

fn millis(duration: Duration) -> i64 {
    i64::try_from(duration.as_millis()).unwrap_or(i64::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test(start_paused = true)]
    async fn the_date_goes_on_from_the_latest_answer() {
        let clock = StoreClock::default();
        assert_eq!(clock.date_ms(), None);
        clock.note_header("no date");
        assert_eq!(clock.date_ms(), None);
        clock.note_header("Sun, 06 Nov 1994 08:49:37 GMT");
        assert_eq!(clock.date_ms(), Some(784_111_777_000));
        tokio::time::sleep(Duration::from_millis(1500)).await;
        assert_eq!(clock.date_ms(), Some(784_111_778_500));
    }
}
