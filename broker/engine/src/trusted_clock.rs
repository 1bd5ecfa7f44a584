//! The time by which things are deleted.
//!
//! Invariant: a broker whose clock is wrong deletes nothing early. *Now* is the earlier of its own clock and the store's;
//! where they are far apart nothing is decided by time. What must not expire early is stamped with the later of the two.

use broker_store::mutation::{self, Mutation};
use broker_store::{Store, StoreDate};
use thiserror::Error;

use crate::env::Env;
use crate::limits::CLOCKS_APART_MS_MAX;

/// A broker's clock and its data bucket's.
#[derive(Clone, Debug)]
pub(crate) struct TrustedClock {
    env: Env,
    store: Store,
}

/// Nothing may be decided by time.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Error)]
pub(crate) enum NoTime {
    /// The two clocks differ by more than any network explains.
    #[error("this broker's clock says {own_ms} and the store's says {store_ms} (ms since 1970)")]
    Apart {
        /// By the broker.
        own_ms: i64,
        /// By the store.
        store_ms: i64,
    },
    /// The store has not said what time it is.
    #[error("the store has not answered yet")]
    NotYet,
}

impl TrustedClock {
    pub(crate) fn new(env: Env, store: Store) -> Self {
        Self { env, store }
    }

    /// The time to delete by, in ms since 1970.
    ///
    /// # Errors
    /// [`NoTime`].
    pub(crate) fn now_ms(&self) -> Result<i64, NoTime> {
        if mutation::is_on(Mutation::LocalClockRetention) {
            return Ok(self.env.wall_ms());
        }
        earlier(self.env.wall_ms(), self.store.date())
    }

    /// The time to stamp with what is deleted later, in ms since 1970.
    pub(crate) fn stamp_ms(&self) -> i64 {
        let own_ms = self.env.wall_ms();
        match self.store.date() {
            StoreDate::At(store_ms) => own_ms.max(store_ms),
            StoreDate::NoClock | StoreDate::NotYet => own_ms,
        }
    }
}

fn earlier(own_ms: i64, store: StoreDate) -> Result<i64, NoTime> {
    match store {
        StoreDate::NoClock => Ok(own_ms),
        StoreDate::NotYet => Err(NoTime::NotYet),
        StoreDate::At(store_ms) if own_ms.abs_diff(store_ms) > CLOCKS_APART_MS_MAX => {
            Err(NoTime::Apart { own_ms, store_ms })
        }
        StoreDate::At(store_ms) => Ok(own_ms.min(store_ms)),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_earlier_clock_counts_and_clocks_far_apart_count_for_nothing() {
        assert_eq!(earlier(1_000_000, StoreDate::At(1_200_000)), Ok(1_000_000));
        assert_eq!(earlier(1_200_000, StoreDate::At(1_000_000)), Ok(1_000_000));
        assert_eq!(earlier(1_000_000, StoreDate::At(1_300_000)), Ok(1_000_000));
        let apart = NoTime::Apart { own_ms: 1_000_000, store_ms: 1_300_001 };
        assert_eq!(earlier(1_000_000, StoreDate::At(1_300_001)), Err(apart));
        assert!(earlier(i64::MAX, StoreDate::At(i64::MIN)).is_err());
        assert_eq!(earlier(5, StoreDate::NotYet), Err(NoTime::NotYet));
        assert_eq!(earlier(5, StoreDate::NoClock), Ok(5));
    }
}
