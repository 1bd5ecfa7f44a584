//! The clocks of one process: its wall clock may be wrong by years.

use std::sync::Arc;
use std::sync::atomic::{AtomicI64, Ordering};
use std::time::Duration;

use broker_engine::Clock;
use tokio::time::Instant;

/// The world's time when it begins, milliseconds since 1970.
pub const BEGIN_MS: i64 = 1_900_000_000_000;

/// The world's time: milliseconds since it began.
#[derive(Clone, Copy, Debug)]
pub struct WorldClock {
    began: Instant,
}

impl WorldClock {
    /// It begins now.
    #[must_use]
    pub fn begin() -> Self {
        Self { began: Instant::now() }
    }

    /// Time since it began.
    #[must_use]
    pub fn now(self) -> Duration {
        self.began.elapsed()
    }

    /// The true wall clock, milliseconds since 1970.
    #[must_use]
    pub fn wall_ms(self) -> i64 {
        BEGIN_MS.saturating_add(i64::try_from(self.now().as_millis()).unwrap_or(i64::MAX))
    }
}

/// The clocks of a process.
#[derive(Debug)]
pub struct ProcessClock {
    world: WorldClock,
    wrong_by_ms: Arc<AtomicI64>,
}

impl ProcessClock {
    /// Clocks whose wall clock is wrong by a time that can be changed from outside.
    #[must_use]
    pub fn new(world: WorldClock, wrong_by_ms: Arc<AtomicI64>) -> Self {
        Self { world, wrong_by_ms }
    }
}

impl Clock for ProcessClock {
    fn wall_ms(&self) -> i64 {
        self.world.wall_ms().saturating_add(self.wrong_by_ms.load(Ordering::Relaxed))
    }

    fn monotonic(&self) -> Duration {
        self.world.now()
    }
}
