//! When the write-ahead log writes its next object: pure.
//!
//! There is no fixed linger. A flush starts at once when nothing is in flight, else when 1/budget has passed since the last;
//! small objects spend from the PUT budget, large ones do not. An idle broker writes nothing.

use std::num::NonZeroU32;
use std::time::Duration;

use crate::limits::{FLUSH_BYTES_AT_ONCE, PUT_BURST, PUTS_IN_FLIGHT_MAX, SMALL_PUTS_IN_FLIGHT_MAX};

/// What the writer waits for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Decision {
    /// Write now.
    Flush,
    /// Ask again at this time, or when something has changed.
    WaitUntil(Duration),
    /// Ask again when something has changed.
    Wait,
}

/// The PUT budget: a token bucket in integers, and the time of the last flush.
#[derive(Clone, Debug)]
pub(crate) struct FlushPolicy {
    /// Nanoseconds that one token takes to grow; none is no budget.
    interval: Option<Duration>,
    burst: Duration,
    /// The bucket is full at this time.
    full_at: Duration,
    last: Option<Duration>,
}

impl FlushPolicy {
    pub(crate) fn new(put_budget_per_second: Option<NonZeroU32>) -> Self {
        let interval = put_budget_per_second.map(|rate| Duration::from_secs(1) / rate.get());
        Self { interval, burst: PUT_BURST, full_at: Duration::ZERO, last: None }
    }

    /// Whether `buffered` bytes go out now, with `in_flight` objects on their way.
    pub(crate) fn decide(&self, now: Duration, buffered: usize, in_flight: usize) -> Decision {
        if buffered == 0 {
            return Decision::Wait;
        }
        if buffered >= FLUSH_BYTES_AT_ONCE {
            return if in_flight < PUTS_IN_FLIGHT_MAX { Decision::Flush } else { Decision::Wait };
        }
        let Some(interval) = self.interval else {
            return if in_flight < SMALL_PUTS_IN_FLIGHT_MAX { Decision::Flush } else { Decision::Wait };
        };
        if in_flight >= SMALL_PUTS_IN_FLIGHT_MAX {
            return Decision::Wait;
        }
        // A token is there while the bucket lacks no more than burst - 1 tokens.
        let token_at = (self.full_at + interval).saturating_sub(self.burst);
        let spaced_at = match self.last {
            Some(last) if in_flight > 0 => last + interval,
            _ => Duration::ZERO,
        };
        let at = token_at.max(spaced_at);
        if now >= at { Decision::Flush } else { Decision::WaitUntil(at) }
    }

    /// Notes that an object of `bytes` was sent.
    pub(crate) fn flushed(&mut self, now: Duration, bytes: usize) {
        self.last = Some(now);
        if let (Some(interval), true) = (self.interval, bytes < FLUSH_BYTES_AT_ONCE) {
            self.full_at = self.full_at.max(now) + interval;
        }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn policy(rate: u32) -> FlushPolicy {
        FlushPolicy::new(NonZeroU32::new(rate))
    }

    #[test]
    fn an_idle_broker_writes_nothing() {
        assert_eq!(policy(20).decide(Duration::from_secs(9), 0, 0), Decision::Wait);
    }

    #[test]
    fn the_first_batch_goes_out_at_once() {
        assert_eq!(policy(20).decide(Duration::from_secs(9), 1, 0), Decision::Flush);
    }

    #[test]
    fn a_second_batch_waits_for_its_share_of_the_second_while_one_is_in_flight() {
        let mut policy = policy(20);
        policy.flushed(Duration::from_secs(9), 1);
        assert_eq!(policy.decide(Duration::from_secs(9), 1, 1), Decision::WaitUntil(Duration::from_millis(9050)));
        assert_eq!(policy.decide(Duration::from_secs(9), FLUSH_BYTES_AT_ONCE, 1), Decision::Flush);
    }

    proptest! {
        #[test]
        fn small_objects_stay_within_the_budget(rate in 1_u32..50, steps in prop::collection::vec((0_u64..400, 0_usize..6), 1..400)) {
            let mut policy = policy(rate);
            let mut now = Duration::from_secs(1);
            let start = now;
            let mut sent = 0_u64;
            for (step, in_flight) in steps {
                now += Duration::from_millis(step);
                if policy.decide(now, 1, in_flight) == Decision::Flush {
                    policy.flushed(now, 1);
                    sent += 1;
                }
            }
            let allowed = (PUT_BURST + (now - start)).as_micros() * u128::from(rate) / 1_000_000 + 1;
            prop_assert!(u128::from(sent) <= allowed, "{sent} sent, {allowed} allowed");
        }

        #[test]
        fn what_is_buffered_is_sent_in_the_end(rate in 1_u32..50, sent in 0_u32..200) {
            let mut policy = policy(rate);
            let now = Duration::from_secs(1);
            for _ in 0..sent {
                policy.flushed(now, 1);
            }
            match policy.decide(now, 1, 0) {
                Decision::Flush => {}
                Decision::WaitUntil(at) => prop_assert_eq!(policy.decide(at, 1, 0), Decision::Flush),
                Decision::Wait => prop_assert!(false, "waits for nothing"),
            }
        }
    }
}
