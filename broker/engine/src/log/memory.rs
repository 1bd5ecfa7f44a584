//! Memory for records that are not durable yet.
//!
//! Reserved before a record gets its offset and given back when its object is durable, so that a stuck store stops
//! producers and not the process. Internal partitions have a pool of their own: offsets can be committed while producers
//! wait.

use std::sync::Arc;

use tokio::sync::{OwnedSemaphorePermit, Semaphore};

/// Bytes per permit; semaphores count in 32 bits.
const UNIT: usize = 1024;

/// A pool of memory.
#[derive(Clone, Debug)]
pub(crate) struct Memory {
    units: Arc<Semaphore>,
    total: u32,
}

/// A part of the pool; goes back when dropped.
#[derive(Debug)]
pub(crate) struct Reserved {
    permit: OwnedSemaphorePermit,
}

impl Memory {
    pub(crate) fn new(bytes: usize) -> Self {
        let total = u32::try_from(bytes.div_ceil(UNIT)).unwrap_or(u32::MAX).max(1);
        Self { units: Arc::new(Semaphore::new(usize::try_from(total).unwrap_or(1))), total }
    }

    /// Waits for `bytes`; more than the whole pool is the whole pool.
    ///
    /// Waiting is fair: nobody overtakes a large request for ever.
    pub(crate) async fn reserve(&self, bytes: usize) -> Option<Reserved> {
        let permit = Arc::clone(&self.units).acquire_many_owned(units(bytes).min(self.total)).await.ok()?;
        Some(Reserved { permit })
    }

    /// Bytes that are reserved.
    pub(crate) fn used(&self) -> usize {
        let free = self.units.available_permits();
        usize::try_from(self.total).unwrap_or(usize::MAX).saturating_sub(free).saturating_mul(UNIT)
    }
}

impl Reserved {
    /// Splits `bytes` off, or what is left.
    pub(crate) fn split(&mut self, bytes: usize) -> Option<Self> {
        let wanted = usize::try_from(units(bytes)).unwrap_or(usize::MAX).min(self.permit.num_permits());
        self.permit.split(wanted).map(|permit| Self { permit })
    }
}

/// Permits for `bytes`.
fn units(bytes: usize) -> u32 {
    u32::try_from(bytes.div_ceil(UNIT)).unwrap_or(u32::MAX).max(1)
}
