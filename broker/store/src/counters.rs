//! How many requests were made, and how they ended.

use std::sync::atomic::{AtomicU64, Ordering};

use crate::error::{Failure, Operation, Outcome, StoreError};

#[derive(Debug, Default)]
pub(crate) struct Counters {
    creates: AtomicU64,
    hedges: AtomicU64,
    puts: AtomicU64,
    gets: AtomicU64,
    lists: AtomicU64,
    deletes: AtomicU64,
    written_bytes: AtomicU64,
    read_bytes: AtomicU64,
    taken: AtomicU64,
    conflicts: AtomicU64,
    refused: AtomicU64,
    unreachable: AtomicU64,
    throttled: AtomicU64,
    unknown: AtomicU64,
}

/// Requests since the store was opened.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Counts {
    /// Conditional PUTs.
    pub creates: u64,
    /// Those among them that repeat a slow one which had not failed.
    pub hedges: u64,
    /// Overwriting PUTs.
    pub puts: u64,
    /// GETs.
    pub gets: u64,
    /// Listings (of one or more pages).
    pub lists: u64,
    /// Deletes.
    pub deletes: u64,
    /// Bytes sent in objects.
    pub written_bytes: u64,
    /// Bytes received in objects.
    pub read_bytes: u64,
    /// Creates that found the key taken.
    pub taken: u64,
    /// Creates that met another write in flight.
    pub conflicts: u64,
    /// Requests refused.
    pub refused: u64,
    /// Requests that were not sent.
    pub unreachable: u64,
    /// Requests throttled.
    pub throttled: u64,
    /// Requests whose outcome was unknown.
    pub unknown: u64,
}

impl Counters {
    pub(crate) fn request(&self, operation: Operation) {
        let counter = match operation {
            Operation::Create => &self.creates,
            Operation::Put => &self.puts,
            Operation::Get => &self.gets,
            Operation::List => &self.lists,
            Operation::Delete => &self.deletes,
        };
        add(counter, 1);
    }

    pub(crate) fn hedged(&self) {
        add(&self.hedges, 1);
    }

    pub(crate) fn wrote(&self, bytes: usize) {
        add(&self.written_bytes, bytes as u64);
    }

    pub(crate) fn read(&self, bytes: usize) {
        add(&self.read_bytes, bytes as u64);
    }

    pub(crate) fn failed(&self, error: &StoreError) {
        let counter = match error.failure {
            Failure::Refused => &self.refused,
            Failure::Unreachable => &self.unreachable,
            Failure::Throttled => &self.throttled,
            Failure::Unknown => &self.unknown,
        };
        add(counter, 1);
    }

    pub(crate) fn created(&self, outcome: &Outcome) {
        match outcome {
            Outcome::Created => {}
            Outcome::Taken => add(&self.taken, 1),
            Outcome::Conflict => add(&self.conflicts, 1),
            Outcome::Refused(e) | Outcome::Unknown(e) => self.failed(e),
        }
    }

    pub(crate) fn counts(&self) -> Counts {
        let read = |counter: &AtomicU64| counter.load(Ordering::Relaxed);
        Counts {
            creates: read(&self.creates),
            hedges: read(&self.hedges),
            puts: read(&self.puts),
            gets: read(&self.gets),
            lists: read(&self.lists),
            deletes: read(&self.deletes),
            written_bytes: read(&self.written_bytes),
            read_bytes: read(&self.read_bytes),
            taken: read(&self.taken),
            conflicts: read(&self.conflicts),
            refused: read(&self.refused),
            unreachable: read(&self.unreachable),
            throttled: read(&self.throttled),
            unknown: read(&self.unknown),
        }
    }
}

fn add(counter: &AtomicU64, n: u64) {
    counter.fetch_add(n, Ordering::Relaxed);
}
