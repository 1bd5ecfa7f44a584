//! Segments that no manifest names any more, until nobody can still be reading them.

use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use broker_log::SegmentName;

use crate::limits::GARBAGE_MAX;
use crate::topic::PartitionId;

/// What this broker's own manifest versions have ceased to name.
#[derive(Debug, Default)]
pub(crate) struct Garbage {
    items: Mutex<Vec<Item>>,
}

/// One object.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Item {
    pub(crate) partition: PartitionId,
    pub(crate) name: SegmentName,
    /// When it ceased to be named.
    pub(crate) since: Duration,
}

impl Garbage {
    /// Adds objects. Beyond a bound they are left to the next leader's cleaner, which finds them by listing.
    pub(crate) fn add(&self, partition: PartitionId, names: Vec<SegmentName>, now: Duration) {
        let mut items = self.items();
        let room = GARBAGE_MAX.saturating_sub(items.len());
        // Who else names a shared one is found out by whoever leads the topic's first partition.
        let own = names.into_iter().filter(|name| matches!(name, SegmentName::Own { .. }));
        items.extend(own.take(room).map(|name| Item { partition, name, since: now }));
    }

    /// Takes out what has lain long enough.
    pub(crate) fn take_due(&self, now: Duration, grace: Duration) -> Vec<Item> {
        let mut items = self.items();
        let (due, kept) = items.drain(..).partition(|item| now.saturating_sub(item.since) >= grace);
        *items = kept;
        due
    }

    /// Puts back what could not be deleted.
    pub(crate) fn put_back(&self, item: Item) {
        self.items().push(item);
    }

    /// Whether an object is in here.
    pub(crate) fn holds(&self, name: SegmentName) -> bool {
        self.items().iter().any(|item| item.name == name)
    }

    fn items(&self) -> MutexGuard<'_, Vec<Item>> {
        self.items.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
