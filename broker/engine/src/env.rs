//! Time, randomness and tasks, passed in.

mod tasks;

use std::fmt;
use std::sync::Arc;
use std::sync::atomic::{AtomicI64, AtomicU64, Ordering};
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use uuid::Uuid;

pub use tasks::Spawner;
pub(crate) use tasks::{TaskSet, Tasks};

/// The two clocks of a process.
pub trait Clock: Send + Sync {
    /// Milliseconds since 1970; may jump. Goes into objects and records, decides nothing about safety.
    fn wall_ms(&self) -> i64;
    /// Time since an arbitrary start; never goes back.
    fn monotonic(&self) -> Duration;
}

/// The clocks of the operating system; the monotonic one is tokio's, so that a paused runtime stops it.
#[derive(Debug)]
pub struct SystemClock {
    start: tokio::time::Instant,
}

impl Default for SystemClock {
    fn default() -> Self {
        Self { start: tokio::time::Instant::now() }
    }
}

impl Clock for SystemClock {
    #[expect(clippy::disallowed_methods, reason = "the one place that reads the system's clock")]
    fn wall_ms(&self) -> i64 {
        let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
        i64::try_from(since.as_millis()).unwrap_or(i64::MAX)
    }

    fn monotonic(&self) -> Duration {
        self.start.elapsed()
    }
}

/// Clocks that stand still until a test moves them.
#[derive(Debug, Default)]
pub struct ManualClock {
    wall_ms: AtomicI64,
    monotonic_ms: AtomicU64,
}

impl ManualClock {
    /// Clocks that begin at `wall_ms` and zero.
    #[must_use]
    pub fn new(wall_ms: i64) -> Self {
        Self { wall_ms: AtomicI64::new(wall_ms), monotonic_ms: AtomicU64::new(0) }
    }

    /// Moves both clocks forward.
    pub fn advance(&self, by: Duration) {
        let ms = u64::try_from(by.as_millis()).unwrap_or(u64::MAX);
        self.monotonic_ms.fetch_add(ms, Ordering::SeqCst);
        self.wall_ms.fetch_add(i64::try_from(ms).unwrap_or(i64::MAX), Ordering::SeqCst);
    }
}

impl Clock for ManualClock {
    fn wall_ms(&self) -> i64 {
        self.wall_ms.load(Ordering::SeqCst)
    }

    fn monotonic(&self) -> Duration {
        Duration::from_millis(self.monotonic_ms.load(Ordering::SeqCst))
    }
}

/// The world outside an engine, other than its stores.
#[derive(Clone)]
pub struct Env {
    clock: Arc<dyn Clock>,
    random: Arc<AtomicU64>,
    /// Runs the tasks; none is tokio.
    spawner: Option<Arc<dyn Spawner>>,
}

impl fmt::Debug for Env {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Env").finish_non_exhaustive()
    }
}

impl Env {
    /// A world with this clock, whose randomness all follows from `seed`.
    ///
    /// Two processes on one store must have different seeds: nonces and ids come out of it.
    #[must_use]
    pub fn new(clock: Arc<dyn Clock>, seed: u64) -> Self {
        Self { clock, random: Arc::new(AtomicU64::new(seed)), spawner: None }
    }

    /// The same world, whose tasks somebody else runs.
    #[must_use]
    pub fn with_spawner(mut self, spawner: Arc<dyn Spawner>) -> Self {
        self.spawner = Some(spawner);
        self
    }

    /// The system's clocks and a seed from the operating system.
    #[must_use]
    pub fn system() -> Self {
        let (high, low) = Uuid::new_v4().as_u64_pair();
        Self::new(Arc::new(SystemClock::default()), high ^ low.rotate_left(17))
    }

    /// Milliseconds since 1970.
    #[must_use]
    pub fn wall_ms(&self) -> i64 {
        self.clock.wall_ms()
    }

    /// Time since an arbitrary start.
    #[must_use]
    pub fn monotonic(&self) -> Duration {
        self.clock.monotonic()
    }

    /// The next random number (SplitMix64).
    #[must_use]
    pub fn random(&self) -> u64 {
        let mut z = self.random.fetch_add(0x9e37_79b9_7f4a_7c15, Ordering::Relaxed).wrapping_add(0x9e37_79b9_7f4a_7c15);
        z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        z ^ (z >> 31)
    }

    /// A random id.
    #[must_use]
    pub fn uuid(&self) -> Uuid {
        uuid::Builder::from_random_bytes(((u128::from(self.random()) << 64) | u128::from(self.random())).to_be_bytes())
            .into_uuid()
    }
}
