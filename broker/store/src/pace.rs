//! How long creates take, and when a second one beside the first is worth its price.
//!
//! Invariant: at most one create in twenty is repeated for its slowness alone, and none for a while after the store asked for
//! less.

use std::collections::VecDeque;
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use tokio::time::Instant;

use crate::limits::{
    HEDGE_AFTER_MIN, HEDGE_BURST, HEDGE_PERCENT_MAX, HEDGE_SAMPLES, HEDGE_SAMPLES_MIN, LARGE_BYTES_MIN,
    NO_HEDGE_AFTER_THROTTLING,
};

/// What is known of a store's creates.
#[derive(Debug, Default)]
pub(crate) struct Pace {
    state: Mutex<State>,
}

#[derive(Debug, Default)]
struct State {
    small: Recent,
    large: Recent,
    /// Hundredths of a hedge that may be spent.
    credit: u32,
    throttled_at: Option<Instant>,
}

/// The last durations, and their 95th percentile as of a few ago.
#[derive(Debug, Default)]
struct Recent {
    durations: VecDeque<Duration>,
    since_sorted: usize,
    p95: Option<Duration>,
}

impl Pace {
    /// A create of so many bytes begins: after how long a second one may be worth while.
    pub(crate) fn begins(&self, bytes: usize) -> Option<Duration> {
        let mut state = self.state();
        state.credit = state.credit.saturating_add(HEDGE_PERCENT_MAX).min(HEDGE_BURST.saturating_mul(100));
        state.recent(bytes).p95.map(|p95| p95.max(HEDGE_AFTER_MIN))
    }

    /// Whether a second create may be made now; it is paid for then.
    pub(crate) fn may_hedge(&self, now: Instant) -> bool {
        let mut state = self.state();
        let asked_for_less = state.throttled_at.is_some_and(|at| now.duration_since(at) < NO_HEDGE_AFTER_THROTTLING);
        if asked_for_less || state.credit < 100 {
            return false;
        }
        state.credit -= 100;
        true
    }

    /// A create took this long; one that was hedged at least so long.
    pub(crate) fn took(&self, bytes: usize, duration: Duration) {
        self.state().recent(bytes).push(duration);
    }

    /// The store asked for less.
    pub(crate) fn throttled(&self, now: Instant) {
        self.state().throttled_at = Some(now);
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl State {
    fn recent(&mut self, bytes: usize) -> &mut Recent {
        if bytes < LARGE_BYTES_MIN { &mut self.small } else { &mut self.large }
    }
}

impl Recent {
    fn push(&mut self, duration: Duration) {
        if self.durations.len() == HEDGE_SAMPLES {
            self.durations.pop_front();
        }
        self.durations.push_back(duration);
        self.since_sorted += 1;
        if self.durations.len() >= HEDGE_SAMPLES_MIN && self.since_sorted * 16 >= self.durations.len() {
            self.since_sorted = 0;
            let mut sorted: Vec<Duration> = self.durations.iter().copied().collect();
            sorted.sort_unstable();
            self.p95 = sorted.get(sorted.len() * 95 / 100).copied();
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const MS: Duration = Duration::from_millis(1);

    #[tokio::test(start_paused = true)]
    async fn a_second_create_is_worth_while_after_the_95th_percentile_of_what_was_seen() {
        let pace = Pace::default();
        assert_eq!(pace.begins(1), None);
        for n in 1..=100 {
            pace.took(1, MS * n);
        }
        let after = pace.begins(1).unwrap();
        assert!((MS * 90..=MS * 97).contains(&after), "{after:?}");
        assert_eq!(pace.begins(4 << 20), None, "large objects take longer than small ones");
    }

    #[tokio::test(start_paused = true)]
    async fn one_create_in_twenty_is_hedged_and_none_after_a_503() {
        let pace = Pace::default();
        let mut hedged = 0_u32;
        for _ in 0..1000 {
            pace.begins(1);
            hedged += u32::from(pace.may_hedge(Instant::now()));
        }
        assert_eq!(hedged, 50);
        for _ in 0..100 {
            pace.begins(1);
        }
        pace.throttled(Instant::now());
        assert!(!pace.may_hedge(Instant::now()));
        tokio::time::advance(Duration::from_secs(10)).await;
        assert!(pace.may_hedge(Instant::now()));
    }
}
