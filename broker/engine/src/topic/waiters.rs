//! Fetches that wait for something to change.
//!
//! Invariant: a fetch stands in a list once, however often it looks; so a list is never longer than twice the fetches that
//! are alive, and some.

use std::collections::BTreeMap;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Weak};

use tokio::sync::Notify;

/// Numbers waiters, so that they are woken in the order in which they came.
#[derive(Debug, Default)]
pub(crate) struct WaiterNumbers(AtomicU64);

/// Somebody who waits at any number of partitions; given up by dropping it.
#[derive(Debug)]
pub(crate) struct Waiter {
    number: u64,
    notify: Arc<Notify>,
}

/// Who waits at one partition.
#[derive(Debug, Default)]
pub(crate) struct Waiters {
    by_number: BTreeMap<u64, Weak<Notify>>,
    /// The length at which those that have gone are looked for.
    clean_at: usize,
}

impl WaiterNumbers {
    pub(crate) fn waiter(&self) -> Waiter {
        Waiter { number: self.0.fetch_add(1, Ordering::Relaxed), notify: Arc::default() }
    }
}

impl Waiter {
    /// Waits for the first change since the list was joined, or since the last one waited for.
    pub(crate) async fn woken(&self) {
        self.notify.notified().await;
    }
}

impl Waiters {
    /// Wakes this one at the next change.
    pub(crate) fn add(&mut self, waiter: &Waiter) {
        if self.by_number.len() >= self.clean_at {
            self.by_number.retain(|_, known| known.strong_count() > 0);
            self.clean_at = self.by_number.len().saturating_mul(2).max(8);
        }
        self.by_number.entry(waiter.number).or_insert_with(|| Arc::downgrade(&waiter.notify));
    }

    /// Whether anybody waits.
    pub(crate) fn has_any(&self) -> bool {
        self.by_number.values().any(|known| known.strong_count() > 0)
    }

    /// Something has changed.
    pub(crate) fn wake(&mut self) {
        while let Some((_, waiter)) = self.by_number.pop_first() {
            if let Some(waiter) = waiter.upgrade() {
                waiter.notify_one();
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn a_fetch_that_looks_again_and_again_stands_in_the_list_once() {
        let numbers = WaiterNumbers::default();
        let (waiter, mut waiters) = (numbers.waiter(), Waiters::default());
        for _ in 0..1000 {
            waiters.add(&waiter);
        }
        assert_eq!(waiters.by_number.len(), 1);
        waiters.wake();
        waiter.woken().await;
    }

    #[test]
    fn those_that_have_gone_are_forgotten() {
        let (numbers, mut waiters) = (WaiterNumbers::default(), Waiters::default());
        for _ in 0..1000 {
            waiters.add(&numbers.waiter());
        }
        assert!(waiters.by_number.len() <= 8, "{}", waiters.by_number.len());
    }
}
