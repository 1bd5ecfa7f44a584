//! Waiting after failures.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use crate::error::Failure;
use crate::limits::{BACKOFF_FIRST, BACKOFF_MAX, THROTTLED_BACKOFF_MAX};

/// Random numbers for jitter (SplitMix64); safety never depends on them.
#[derive(Clone, Debug)]
pub(crate) struct Jitter(Arc<AtomicU64>);

impl Jitter {
    pub(crate) fn new(seed: u64) -> Self {
        Self(Arc::new(AtomicU64::new(seed)))
    }

    pub(crate) fn next(&self) -> u64 {
        const STEP: u64 = 0x9e37_79b9_7f4a_7c15;
        let mut z = self.0.fetch_add(STEP, Ordering::Relaxed).wrapping_add(STEP);
        z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        z ^ (z >> 31)
    }
}

/// Growing waits with jitter: between half of the step and the whole of it.
#[derive(Debug)]
pub struct Backoff {
    jitter: Jitter,
    failures: u32,
}

impl Backoff {
    pub(crate) fn new(jitter: Jitter) -> Self {
        Self { jitter, failures: 0 }
    }

    /// How long to wait after one more failure.
    pub fn after(&mut self, failure: Failure) -> Duration {
        let cap = if failure == Failure::Throttled { THROTTLED_BACKOFF_MAX } else { BACKOFF_MAX };
        let step = BACKOFF_FIRST.saturating_mul(1 << self.failures.min(16)).min(cap);
        self.failures = self.failures.saturating_add(1);
        let half_us = u64::try_from(step.as_micros() / 2).unwrap_or(u64::MAX);
        Duration::from_micros(half_us + self.jitter.next() % half_us.max(1))
    }

    /// Forgets the failures.
    pub fn reset(&mut self) {
        self.failures = 0;
    }
}
