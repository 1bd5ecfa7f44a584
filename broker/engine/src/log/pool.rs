//! What was used last, bounded by bytes; and reading each thing once for all who want it at the same time.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use tokio::sync::OnceCell;

use super::ReadError;

/// Values by last use, bounded by the bytes they are said to take.
#[derive(Debug)]
pub(super) struct Pool<K, V> {
    values: BTreeMap<K, Pooled<V>>,
    by_use: BTreeMap<u64, K>,
    uses: u64,
    bytes: usize,
    bytes_max: usize,
}

#[derive(Debug)]
struct Pooled<V> {
    used: u64,
    bytes: usize,
    value: V,
}

impl<K: Copy + Ord, V: Clone> Pool<K, V> {
    pub(super) fn new(bytes_max: usize) -> Self {
        Self { values: BTreeMap::new(), by_use: BTreeMap::new(), uses: 0, bytes: 0, bytes_max }
    }

    /// Bytes of all values.
    pub(super) fn bytes(&self) -> usize {
        self.bytes
    }

    /// Whether a value is there; no use of it.
    pub(super) fn holds(&self, key: K) -> bool {
        self.values.contains_key(&key)
    }

    pub(super) fn get(&mut self, key: K) -> Option<V> {
        self.uses += 1;
        let pooled = self.values.get_mut(&key)?;
        self.by_use.remove(&pooled.used);
        pooled.used = self.uses;
        self.by_use.insert(self.uses, key);
        Some(pooled.value.clone())
    }

    pub(super) fn insert(&mut self, key: K, value: V, bytes: usize) {
        if bytes > self.bytes_max {
            return;
        }
        self.uses += 1;
        self.bytes = self.bytes.saturating_add(bytes);
        self.by_use.insert(self.uses, key);
        if let Some(replaced) = self.values.insert(key, Pooled { used: self.uses, bytes, value }) {
            self.by_use.remove(&replaced.used);
            self.bytes = self.bytes.saturating_sub(replaced.bytes);
        }
        while self.bytes > self.bytes_max && self.drop_oldest() {}
    }

    /// Drops what was used least lately; false when there is nothing.
    pub(super) fn drop_oldest(&mut self) -> bool {
        let Some((_, oldest)) = self.by_use.pop_first() else { return false };
        if let Some(dropped) = self.values.remove(&oldest) {
            self.bytes = self.bytes.saturating_sub(dropped.bytes);
        }
        true
    }
}

type Loading<V> = Arc<OnceCell<Result<V, ReadError>>>;

/// A pool that reads what it does not hold.
#[derive(Debug)]
pub(super) struct Cache<K, V> {
    state: Mutex<State<K, V>>,
}

#[derive(Debug)]
struct State<K, V> {
    pool: Pool<K, V>,
    loading: BTreeMap<K, Loading<V>>,
}

impl<K: Copy + Ord, V: Clone> Cache<K, V> {
    pub(super) fn new(bytes_max: usize) -> Self {
        Self { state: Mutex::new(State { pool: Pool::new(bytes_max), loading: BTreeMap::new() }) }
    }

    /// Bytes of all values.
    pub(super) fn bytes(&self) -> usize {
        self.state().pool.bytes()
    }

    /// Drops the value that was used least lately; false when there is none.
    pub(super) fn drop_oldest(&self) -> bool {
        self.state().pool.drop_oldest()
    }

    /// Whether a value is there or being read.
    pub(super) fn knows(&self, key: K) -> bool {
        let state = self.state();
        state.pool.holds(key) || state.loading.contains_key(&key)
    }

    /// The value, if it is there.
    pub(super) fn cached(&self, key: K) -> Option<V> {
        self.state().pool.get(key)
    }

    /// The value; `load` reads it, once for all who ask meanwhile, and says how many bytes it takes.
    pub(super) async fn get(
        &self,
        key: K,
        load: impl Future<Output = Result<(V, usize), ReadError>>,
    ) -> Result<V, ReadError> {
        let loading = {
            let mut state = self.state();
            if let Some(value) = state.pool.get(key) {
                return Ok(value);
            }
            Arc::clone(state.loading.entry(key).or_default())
        };
        let mut bytes = 0;
        let read = loading.get_or_init(|| async {
            let (value, size) = load.await?;
            bytes = size;
            Ok(value)
        });
        let read = read.await.clone();
        let mut state = self.state();
        // Only whoever has read it knows its size, and only once.
        if state.loading.get(&key).is_some_and(|known| Arc::ptr_eq(known, &loading)) {
            state.loading.remove(&key);
        }
        if let (Ok(value), true) = (&read, bytes > 0) {
            state.pool.insert(key, value.clone(), bytes);
        }
        drop(state);
        read
    }

    fn state(&self) -> MutexGuard<'_, State<K, V>> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_pool_keeps_its_bound_and_what_was_used_last() {
        let mut pool = Pool::new(10);
        for seq in 0..3 {
            pool.insert(seq, (), 5);
            assert!(pool.get(0).is_some());
        }
        assert_eq!(pool.bytes(), 10);
        assert!(pool.get(1).is_none());
        assert!(pool.get(2).is_some());
        assert_eq!(pool.by_use.len(), pool.values.len());
    }

    #[tokio::test]
    async fn what_two_want_at_once_is_read_once_and_a_failure_is_not_kept() {
        let cache = Cache::new(10);
        let failed: Result<u8, _> = cache.get(1, async { Err(ReadError::Missing) }).await;
        assert_eq!(failed, Err(ReadError::Missing));
        let slow = async {
            tokio::task::yield_now().await;
            Ok((7, 1))
        };
        let (first, second) =
            futures::join!(cache.get(1, slow), cache.get(1, async { panic!("read for the second time") }));
        assert_eq!((first, second), (Ok(7), Ok(7)));
        assert_eq!(cache.bytes(), 1);
    }
}
