//! How long ago the data bucket last did what this broker wanted of it.
//!
//! While objects are on their way, only one that lands counts: a broker that can read and not write is of no use. An idle
//! broker reads something small now and then, so that it knows.

use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

/// The age; times are those of the monotonic clock.
#[derive(Debug)]
pub(crate) struct StoreAge {
    times: Mutex<Times>,
}

#[derive(Clone, Copy, Debug)]
struct Times {
    answered_at: Duration,
    /// Since when an object is on its way and none has landed.
    waiting_since: Option<Duration>,
}

impl StoreAge {
    /// The store answers at this moment.
    pub(crate) fn new(now: Duration) -> Self {
        Self { times: Mutex::new(Times { answered_at: now, waiting_since: None }) }
    }

    /// An object was sent.
    pub(crate) fn sent(&self, now: Duration) {
        self.times().waiting_since.get_or_insert(now);
    }

    /// An object has landed, and so many others are still on their way.
    pub(crate) fn landed(&self, now: Duration, in_flight: usize) {
        *self.times() = Times { answered_at: now, waiting_since: (in_flight > 0).then_some(now) };
    }

    /// The store has answered a read.
    pub(crate) fn answered(&self, now: Duration) {
        self.times().answered_at = now;
    }

    /// How long ago that was.
    pub(crate) fn age(&self, now: Duration) -> Duration {
        let times = *self.times();
        now.saturating_sub(times.waiting_since.unwrap_or(times.answered_at))
    }

    fn times(&self) -> MutexGuard<'_, Times> {
        self.times.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(seconds: u64) -> Duration {
        Duration::from_secs(seconds)
    }

    #[test]
    fn a_store_that_reads_and_does_not_write_ages() {
        let age = StoreAge::new(at(0));
        age.answered(at(5));
        assert_eq!(age.age(at(6)), at(1));
        age.sent(at(10));
        age.answered(at(15));
        assert_eq!(age.age(at(16)), at(6));
        age.landed(at(17), 1);
        assert_eq!(age.age(at(18)), at(1));
        age.landed(at(19), 0);
        age.answered(at(25));
        assert_eq!(age.age(at(26)), at(1));
    }
}
