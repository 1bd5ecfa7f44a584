//! Bounds on what all requests, and all responses, together hold in memory.

use std::sync::Arc;

use tokio::sync::{OwnedSemaphorePermit, Semaphore};

/// Permits count KiB, so that they fit a `u32` whatever the machine.
const UNIT_BYTES: usize = 1 << 10;

/// Memory that requests, or responses, share.
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

    /// A hold of `bytes`, if they are free now.
    pub(crate) fn try_hold(&self, bytes: usize) -> Option<Hold> {
        let units = u32::try_from(bytes.min(self.total_bytes).div_ceil(UNIT_BYTES)).ok()?;
        let permit = Arc::clone(&self.units).try_acquire_many_owned(units).ok()?;
        Some(Hold { permit: Some(permit) })
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

    /// Adds another hold of the same memory.
    pub(crate) fn absorb(&mut self, other: Self) {
        if let Some(permit) = other.permit {
            self.merge(permit);
        }
    }

    /// Gives back what is more than `bytes`.
    pub(crate) fn shrink(&mut self, bytes: usize) {
        let more = self.units().saturating_sub(bytes.div_ceil(UNIT_BYTES));
        drop(self.permit.as_mut().and_then(|permit| permit.split(more)));
    }

    /// Bytes that are held.
    pub(crate) fn bytes(&self) -> usize {
        self.units().saturating_mul(UNIT_BYTES)
    }

    /// Takes `bytes` of the hold, or all that it has.
    pub(crate) fn split(&mut self, bytes: usize) -> Self {
        let units = bytes.div_ceil(UNIT_BYTES).min(self.units());
        Self { permit: self.permit.as_mut().and_then(|permit| permit.split(units)) }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_held_is_not_free_until_it_is_given_back() {
        let memory = Memory::new(10 << 10);
        let mut first = memory.try_hold(6_000).unwrap();
        assert!(memory.try_hold(6_000).is_none());
        let part = first.split(2_000);
        drop(first);
        assert_eq!(memory.used_bytes(), 2 << 10);
        drop(part);
        assert!(memory.try_hold(10 << 10).is_some());
    }
}
