//! Memory for records that are not durable yet.
//!
//! Reserved before a record gets its offset and given back when its object is durable, so that a stuck store stops
//! producers and not the process. Internal partitions have a pool of their own: offsets can be committed while producers
//! wait.
//!
//! And memory for what was read: every object or part of one that is in a cache, on its way from the store, or pinned by any
//! part of an answer that is not written yet, counts whole, for as long as any byte of it is held.

use std::sync::Arc;

use bytes::Bytes;
use tokio::sync::{OwnedSemaphorePermit, Semaphore};
use tokio::time::timeout;

use super::ReadError;
use crate::limits::{READ_MEMORY_LOOKS, READ_MEMORY_WAIT_MAX};

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

    /// `bytes`, if they are free now.
    pub(crate) fn try_reserve(&self, bytes: usize) -> Option<Reserved> {
        let permit = Arc::clone(&self.units).try_acquire_many_owned(units(bytes).min(self.total)).ok()?;
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

    /// Adds another part of the same pool.
    pub(crate) fn merge(&mut self, other: Self) {
        self.permit.merge(other.permit);
    }

    /// Bytes that count for this part until the last of them is dropped; what is more than they are goes back now.
    pub(crate) fn hold(mut self, bytes: Bytes) -> Bytes {
        let kept = usize::try_from(units(bytes.len())).unwrap_or(usize::MAX);
        drop(self.permit.split(self.permit.num_permits().saturating_sub(kept)));
        Bytes::from_owner(Held { bytes, _reserved: self })
    }
}

/// Bytes with the memory that they count for.
struct Held {
    bytes: Bytes,
    _reserved: Reserved,
}

impl AsRef<[u8]> for Held {
    fn as_ref(&self) -> &[u8] {
        &self.bytes
    }
}

/// Memory to read into.
#[derive(Debug)]
pub(crate) struct ReadMemory {
    pool: Memory,
}

impl ReadMemory {
    pub(crate) fn new(bytes: usize) -> Self {
        Self { pool: Memory::new(bytes) }
    }

    /// Bytes in use.
    pub(crate) fn used(&self) -> usize {
        self.pool.used()
    }

    /// Room for `bytes`, as long as `drop_one` finds something in a cache to drop; none where answers pin the rest.
    pub(crate) fn room_now(&self, bytes: usize, mut drop_one: impl FnMut() -> bool) -> Option<Reserved> {
        loop {
            if let Some(reserved) = self.pool.try_reserve(bytes) {
                return Some(reserved);
            }
            if !drop_one() {
                return None;
            }
        }
    }

    /// Like [`ReadMemory::room_now`], waiting a while for answers to be written.
    ///
    /// # Errors
    /// [`ReadError::Busy`].
    pub(crate) async fn room(&self, bytes: usize, mut drop_one: impl FnMut() -> bool) -> Result<Reserved, ReadError> {
        for _ in 0..READ_MEMORY_LOOKS {
            if let Some(reserved) = self.room_now(bytes, &mut drop_one) {
                return Ok(reserved);
            }
            // Looked at again and again: what others have read meanwhile stands in a cache and can be dropped.
            if let Ok(Some(reserved)) =
                timeout(READ_MEMORY_WAIT_MAX / READ_MEMORY_LOOKS, self.pool.reserve(bytes)).await
            {
                return Ok(reserved);
            }
        }
        Err(ReadError::Busy)
    }
}

/// Permits for `bytes`.
fn units(bytes: usize) -> u32 {
    u32::try_from(bytes.div_ceil(UNIT)).unwrap_or(u32::MAX).max(1)
}
