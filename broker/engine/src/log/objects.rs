//! Reading objects of write-ahead logs through two bounded caches.
//!
//! The tail cache holds what this broker wrote last, for consumers at the end of the log; the read cache holds what came
//! back from the store. They are two so that one consumer that reads from the start does not push out what all the others
//! are about to read. Concurrent reads of one object are one GET.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use broker_log::{Origin, WalContents};
use broker_store::{Failure, SequenceName, Store};
use bytes::Bytes;
use thiserror::Error;
use tokio::sync::OnceCell;
use tracing::{error, warn};
use uuid::Uuid;

use super::{ObjectRef, Span};
use crate::limits::{Limits, READ_ATTEMPTS_MAX};
use crate::status::Counters;

/// Why an object cannot be read.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
pub(crate) enum ReadError {
    /// Its bytes are damaged.
    #[error("object is damaged")]
    Corrupt,
    /// It is not there.
    #[error("object is missing")]
    Missing,
    /// The store does not answer.
    #[error("the store failed: {0}")]
    Store(String),
}

type Loading = Arc<OnceCell<Result<Bytes, ReadError>>>;

/// The caches; a cheap handle.
#[derive(Clone, Debug)]
pub(crate) struct Objects {
    inner: Arc<Inner>,
}

#[derive(Debug)]
struct Inner {
    store: Store,
    cluster: Uuid,
    counters: Arc<Counters>,
    caches: Mutex<Caches>,
}

#[derive(Debug)]
struct Caches {
    tail: Pool,
    read: Pool,
    loading: BTreeMap<ObjectRef, Loading>,
}

/// Objects by last use, bounded by bytes.
#[derive(Debug)]
struct Pool {
    objects: BTreeMap<ObjectRef, (u64, Bytes)>,
    by_use: BTreeMap<u64, ObjectRef>,
    uses: u64,
    bytes: usize,
    bytes_max: usize,
}

impl Objects {
    pub(crate) fn new(store: Store, cluster: Uuid, limits: &Limits, counters: Arc<Counters>) -> Self {
        let caches = Caches {
            tail: Pool::new(limits.tail_cache_bytes_max),
            read: Pool::new(limits.read_cache_bytes_max),
            loading: BTreeMap::new(),
        };
        Self { inner: Arc::new(Inner { store, cluster, counters, caches: Mutex::new(caches) }) }
    }

    /// Keeps an object that this broker has just written.
    pub(crate) fn keep_tail(&self, object: ObjectRef, bytes: Bytes) {
        self.caches().tail.insert(object, bytes);
    }

    /// Bytes in both caches.
    pub(crate) fn cached_bytes(&self) -> usize {
        let caches = self.caches();
        caches.tail.bytes.saturating_add(caches.read.bytes)
    }

    /// The checked bytes of an object.
    ///
    /// # Errors
    /// [`ReadError`]; damaged bytes are never handed out.
    pub(crate) async fn get(&self, object: ObjectRef) -> Result<Bytes, ReadError> {
        let loading = {
            let mut caches = self.caches();
            let cached = caches.tail.get(object).or_else(|| caches.read.get(object));
            if let Some(bytes) = cached {
                return Ok(bytes);
            }
            Arc::clone(caches.loading.entry(object).or_default())
        };
        let read = loading.get_or_init(|| self.load(object)).await.clone();
        let mut caches = self.caches();
        if caches.loading.remove(&object).is_some()
            && let Ok(bytes) = &read
        {
            caches.read.insert(object, bytes.clone());
        }
        read
    }

    /// The batches of one span.
    ///
    /// # Errors
    /// [`ReadError`].
    pub(crate) async fn slice(&self, span: Span) -> Result<Bytes, ReadError> {
        let bytes = self.get(span.object).await?;
        let start = usize::try_from(span.position).map_err(|_| ReadError::Corrupt)?;
        let end = usize::try_from(span.length).ok().and_then(|length| start.checked_add(length));
        match end {
            Some(end) if end <= bytes.len() => Ok(bytes.slice(start..end)),
            _ => Err(ReadError::Corrupt),
        }
    }

    async fn load(&self, object: ObjectRef) -> Result<Bytes, ReadError> {
        let sequence = self.inner.store.sequence(SequenceName::Wal(object.incarnation));
        let mut backoff = self.inner.store.backoff();
        let mut attempt = 1;
        let bytes = loop {
            match sequence.get(object.seq).await {
                Ok(Some(bytes)) => break bytes,
                Ok(None) => {
                    error!(?object, "an object that the index names is missing");
                    return Err(ReadError::Missing);
                }
                Err(error) if attempt == READ_ATTEMPTS_MAX || error.failure == Failure::Refused => {
                    warn!(%error, ?object, "the store does not give an object");
                    return Err(ReadError::Store(error.to_string()));
                }
                Err(error) => tokio::time::sleep(backoff.after(error.failure)).await,
            }
            attempt += 1;
        };
        self.inner.counters.read_object();
        let origin = Origin { cluster: self.inner.cluster, incarnation: object.incarnation, seq: object.seq };
        match WalContents::decode(bytes, origin) {
            Ok(WalContents::Batches(read)) => Ok(read.bytes().clone()),
            Ok(WalContents::Seal(_)) => {
                error!(?object, "the index names a seal");
                Err(ReadError::Corrupt)
            }
            Err(error) => {
                self.inner.counters.corrupt_object();
                error!(%error, ?object, "an object is damaged");
                Err(ReadError::Corrupt)
            }
        }
    }

    fn caches(&self) -> MutexGuard<'_, Caches> {
        self.inner.caches.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Pool {
    fn new(bytes_max: usize) -> Self {
        Self { objects: BTreeMap::new(), by_use: BTreeMap::new(), uses: 0, bytes: 0, bytes_max }
    }

    fn get(&mut self, object: ObjectRef) -> Option<Bytes> {
        self.uses += 1;
        let (used, bytes) = self.objects.get_mut(&object)?;
        self.by_use.remove(used);
        *used = self.uses;
        self.by_use.insert(self.uses, object);
        Some(bytes.clone())
    }

    fn insert(&mut self, object: ObjectRef, bytes: Bytes) {
        if bytes.len() > self.bytes_max {
            return;
        }
        self.uses += 1;
        self.bytes = self.bytes.saturating_add(bytes.len());
        self.by_use.insert(self.uses, object);
        if let Some((used, replaced)) = self.objects.insert(object, (self.uses, bytes)) {
            self.by_use.remove(&used);
            self.bytes = self.bytes.saturating_sub(replaced.len());
        }
        while self.bytes > self.bytes_max {
            let Some((_, oldest)) = self.by_use.pop_first() else { return };
            if let Some((_, dropped)) = self.objects.remove(&oldest) {
                self.bytes = self.bytes.saturating_sub(dropped.len());
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use broker_log::Incarnation;

    use super::*;

    fn object(seq: u64) -> ObjectRef {
        ObjectRef { incarnation: Incarnation { broker: 1, epoch: 1 }, seq }
    }

    #[test]
    fn a_pool_keeps_its_bound_and_what_was_used_last() {
        let mut pool = Pool::new(10);
        for seq in 0..3 {
            pool.insert(object(seq), Bytes::from_static(b"12345"));
            assert!(pool.get(object(0)).is_some());
        }
        assert_eq!(pool.bytes, 10);
        assert!(pool.get(object(1)).is_none());
        assert!(pool.get(object(2)).is_some());
        assert_eq!(pool.by_use.len(), pool.objects.len());
    }
}
