//! When the write-ahead log writes its next object: pure.
//!
//! There is no fixed linger. A flush starts at once when idle, else when 1/budget has passed since the last; small objects
//! spend from the PUT budget, large ones do not. An idle broker writes nothing.
//!
//! Where the budget is the limit, *when* a token is spent decides latency. Objects are acknowledged in order: one that is sent
//! while another is on its way may have to wait for it, and gains less from being early. So tokens are spent a little later
//! while something is in flight and a little sooner while nothing is, and what is saved shortens the pauses. And a flush
//! that waits only for its time waits for the next batch as well, where one is about to come: the whole cycle moves, and no
//! batch stands at the head of it for nothing.

use std::num::NonZeroU32;
use std::time::Duration;

use crate::limits::{FLUSH_BYTES_AT_ONCE, OWED_TIME_MAX, PUT_BURST, PUTS_IN_FLIGHT_MAX, SMALL_PUTS_IN_FLIGHT_MAX};

/// Parts of 1/budget between two flushes, in hundredths: while nothing is in flight, and while something is.
const PAUSE_IDLE: u32 = 100;
const PAUSE_BUSY: u32 = 110;
/// The least of the latter, whatever was saved.
const PAUSE_BUSY_MIN: u32 = 60;
/// By how much each token that was saved shortens both.
const PAUSE_PER_TOKEN: u32 = 5;
/// Hundredths of 1/budget that a flush waits for one more batch, and the batches that make one likely within that time.
const ONE_MORE: u32 = 30;
const ONE_MORE_BATCHES_MIN: usize = 4;

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

/// What is to be written.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Buffered {
    pub(crate) bytes: usize,
    pub(crate) batches: usize,
    /// A batch came since the last question.
    pub(crate) grew: bool,
}

/// The PUT budget: a token bucket in integers, and the time of the last flush.
#[derive(Clone, Debug)]
pub(crate) struct FlushPolicy {
    /// Nanoseconds that one token takes to grow; none is no budget.
    interval: Option<Duration>,
    burst: Duration,
    /// The bucket is full at this time.
    full_at: Duration,
    /// Until then every small object costs twice: the other half pays for what is not written here.
    paying_until: Duration,
    last: Option<Duration>,
}

impl FlushPolicy {
    pub(crate) fn new(put_budget_per_second: Option<NonZeroU32>) -> Self {
        let interval = put_budget_per_second.map(|rate| Duration::from_secs(1) / rate.get());
        Self { interval, burst: PUT_BURST, full_at: Duration::ZERO, paying_until: Duration::ZERO, last: None }
    }

    /// Whether what is buffered goes out now, with `in_flight` objects on their way.
    pub(crate) fn decide(&self, now: Duration, buffered: Buffered, in_flight: usize) -> Decision {
        if buffered.bytes == 0 {
            return Decision::Wait;
        }
        if buffered.bytes >= FLUSH_BYTES_AT_ONCE {
            return if in_flight < PUTS_IN_FLIGHT_MAX { Decision::Flush } else { Decision::Wait };
        }
        if in_flight >= SMALL_PUTS_IN_FLIGHT_MAX {
            return Decision::Wait;
        }
        let Some(interval) = self.interval else { return Decision::Flush };
        let at = self.next_at(now, interval, in_flight);
        let with_one_more = if buffered.batches >= ONE_MORE_BATCHES_MIN && !buffered.grew {
            at + interval * ONE_MORE / 100
        } else {
            at
        };
        if now >= with_one_more { Decision::Flush } else { Decision::WaitUntil(at.max(now).max(with_one_more)) }
    }

    /// When the budget allows the next small object.
    fn next_at(&self, now: Duration, interval: Duration, in_flight: usize) -> Duration {
        // A token is there while the bucket lacks no more than burst - 1 tokens.
        let token_at = (self.full_at + interval).saturating_sub(self.burst);
        let Some(last) = self.last else { return token_at };
        let saved = now.saturating_sub(token_at).as_nanos() / interval.as_nanos().max(1);
        let shorter = u32::try_from(saved).unwrap_or(u32::MAX).saturating_mul(PAUSE_PER_TOKEN);
        let pause = match in_flight {
            0 => PAUSE_IDLE.saturating_sub(shorter),
            _ => PAUSE_BUSY.saturating_sub(shorter).max(PAUSE_BUSY_MIN),
        };
        token_at.max(last + interval * pause / 100)
    }

    /// Notes that an object of `bytes` was sent.
    pub(crate) fn flushed(&mut self, now: Duration, bytes: usize) {
        self.last = Some(now);
        if bytes < FLUSH_BYTES_AT_ONCE {
            self.spent(now, if now < self.paying_until { 2 } else { 1 });
        }
    }

    /// Notes that as many requests come from elsewhere, such as the manifests of what is folded. They do not wait for the
    /// budget; small objects make room for them, one for one, so that both together stay within it.
    pub(crate) fn owe(&mut self, now: Duration, puts: u32) {
        let Some(interval) = self.interval.filter(|_| puts > 0) else { return };
        let until = self.paying_until.max(now) + (interval * 2).saturating_mul(puts);
        self.paying_until = until.min(now + OWED_TIME_MAX);
    }

    /// Notes requests that cost as much and were not decided here: PUTs that were repeated for being slow.
    pub(crate) fn spent(&mut self, now: Duration, puts: u32) {
        if let Some(interval) = self.interval {
            self.full_at = self.full_at.max(now) + interval * puts;
        }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn some(bytes: usize) -> Buffered {
        Buffered { bytes, batches: 1, grew: true }
    }

    fn policy(rate: u32) -> FlushPolicy {
        FlushPolicy::new(NonZeroU32::new(rate))
    }

    #[test]
    fn an_idle_broker_writes_nothing() {
        assert_eq!(policy(20).decide(Duration::from_secs(9), Buffered::default(), 0), Decision::Wait);
    }

    #[test]
    fn the_first_batch_goes_out_at_once() {
        assert_eq!(policy(20).decide(Duration::from_secs(9), some(1), 0), Decision::Flush);
    }

    /// A policy whose burst is spent at this moment, with a flush at that time.
    fn spent(rate: u32, now: Duration) -> FlushPolicy {
        let mut policy = policy(rate);
        policy.spent(now, 2 * rate - 1);
        policy.flushed(now, 1);
        policy
    }

    #[test]
    fn a_second_batch_waits_for_its_share_of_the_second() {
        let now = Duration::from_secs(9);
        let policy = spent(20, now);
        let (idle, busy) = (now + Duration::from_millis(50), now + Duration::from_millis(55));
        assert_eq!(policy.decide(now, some(1), 0), Decision::WaitUntil(idle));
        assert_eq!(policy.decide(now, some(1), 1), Decision::WaitUntil(busy));
        assert_eq!(policy.decide(idle, some(1), 0), Decision::Flush);
        assert_eq!(policy.decide(now, some(FLUSH_BYTES_AT_ONCE), 1), Decision::Flush);
    }

    #[test]
    fn what_was_saved_is_spent_at_once_when_idle_and_never_all_at_once() {
        let mut policy = policy(20);
        let now = Duration::from_secs(9);
        policy.flushed(now, 1);
        assert_eq!(policy.decide(now, some(1), 0), Decision::Flush);
        assert_eq!(policy.decide(now, some(1), 1), Decision::WaitUntil(now + Duration::from_millis(30)));
    }

    #[test]
    fn a_flush_whose_time_has_come_waits_a_moment_for_one_more_where_many_come() {
        let now = Duration::from_secs(9);
        let policy = spent(20, now);
        let at = now + Duration::from_millis(50);
        let many = Buffered { bytes: 1, batches: 10, grew: false };
        let with_one_more = at + Duration::from_millis(15);
        assert_eq!(policy.decide(at, many, 0), Decision::WaitUntil(with_one_more));
        assert_eq!(policy.decide(with_one_more, many, 0), Decision::Flush);
        assert_eq!(policy.decide(at, Buffered { grew: true, ..many }, 0), Decision::Flush);
        assert_eq!(policy.decide(at, Buffered { batches: 2, ..many }, 0), Decision::Flush);
    }

    /// Objects written from `from` to `to` where there is always something to write.
    fn written(policy: &mut FlushPolicy, from: Duration, to: Duration) -> u32 {
        let (mut now, mut count) = (from, 0);
        while now < to {
            if policy.decide(now, some(1), 0) == Decision::Flush {
                policy.flushed(now, 1);
                count += 1;
            }
            now += Duration::from_millis(1);
        }
        count
    }

    #[test]
    fn what_folding_costs_comes_off_what_small_objects_may_cost() {
        let start = Duration::from_secs(9);
        let mut policy = spent(20, start);
        policy.owe(start, 100);
        // Half of twenty a second until a hundred are paid for, then all of it, but for one at the turn.
        assert_eq!(written(&mut policy, start, start + Duration::from_secs(10)), 100);
        assert_eq!(written(&mut policy, start + Duration::from_secs(10), start + Duration::from_secs(15)), 99);
        policy.owe(start, u32::MAX);
        assert!(policy.paying_until <= start + OWED_TIME_MAX, "a debt without end would slow everything down for ever");
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
                if policy.decide(now, some(1), in_flight) == Decision::Flush {
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
            match policy.decide(now, some(1), 0) {
                Decision::Flush => {}
                Decision::WaitUntil(at) => prop_assert_eq!(policy.decide(at, some(1), 0), Decision::Flush),
                Decision::Wait => prop_assert!(false, "waits for nothing"),
            }
        }
    }
}
