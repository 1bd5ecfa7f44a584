//! The bound on what all requests together hold in memory.

use std::sync::Arc;

use tokio::sync::{OwnedSemaphorePermit, Semaphore};

/// Permits count KiB, so that they fit a `u32` whatever the machine.
const UNIT_BYTES: usize = 1 << 10;

/// The memory that requests share.
#[derive(Clone, Debug)]
pub(crate) struct Memory {
    units: Arc<Semaphore>,
    total_bytes: usize,
}

/// Part of the memory; given back when dropped.
#[derive(Debug, Default)]
pub(crate) struct Hold {
    permit: Option<OwnedSemaphorePermit>,
}

impl Memory {
    pub(crate) fn new(total_bytes: usize) -> Self {
        Self { units: Arc::new(Semaphore::new(total_bytes / UNIT_BYTES)), total_bytes }
    }

    pub(crate) fn used_bytes(&self) -> usize {
        self.total_bytes.saturating_sub(self.units.available_permits().saturating_mul(UNIT_BYTES))
    }

    /// Grows `hold` to `bytes`, waiting until they are free.
    ///
    /// # Cancel safety
    /// When dropped, `hold` is as it was.
    pub(crate) async fn grow(&self, hold: &mut Hold, bytes: usize) {
        let wanted = bytes.min(self.total_bytes).div_ceil(UNIT_BYTES);
        let missing = u32::try_from(wanted.saturating_sub(hold.units())).unwrap_or(u32::MAX);
        if missing == 0 {
            return;
        }
        // The semaphore is never closed.
        if let Ok(permit) = Arc::clone(&self.units).acquire_many_owned(missing).await {
            hold.merge(permit);
        }
    }
}

impl Hold {
    fn units(&self) -> usize {
        self.permit.as_ref().map_or(0, OwnedSemaphorePermit::num_permits)
    }

    fn merge(&mut self, more: OwnedSemaphorePermit) {
        match &mut self.permit {
            Some(permit) => permit.merge(more),
            None => self.permit = Some(more),
        }
    }

    /// Takes `bytes` of the hold, or all that it has.
    pub(crate) fn split(&mut self, bytes: usize) -> Self {
        let units = bytes.div_ceil(UNIT_BYTES).min(self.units());
        Self { permit: self.permit.as_mut().and_then(|permit| permit.split(units)) }
    }
}
