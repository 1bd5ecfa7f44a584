//! Reading objects of write-ahead logs through two bounded caches.
//!
//! The tail cache holds what this broker wrote last, for consumers at the end of the log; the read cache holds what came
//! back from the store. They are two so that one consumer that reads from the start does not push out what all the others
//! are about to read. Concurrent reads of one object are one GET.
//!
//! Invariant: both caches, what is on its way into them and what answers pin stay within one bound; an answer with one byte
//! of an object pins all of it. What folding reads has memory of its own: however much slow clients pin, folding goes on,
//! without which the log could not be trimmed, and writing would end.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use broker_log::{Origin, WalContents};
use broker_store::{Failure, SequenceName, Store};
use bytes::Bytes;
use futures::future::BoxFuture;
use thiserror::Error;
use tokio::sync::{OnceCell, Semaphore};
use tracing::{error, warn};
use uuid::Uuid;

use super::memory::ReadMemory;
use super::{ObjectRef, Span};
use crate::limits::{
    Limits, OBJECTS_READ_AHEAD_MAX, READ_ATTEMPTS_MAX, READ_ONCE_BYTES_MAX, WAL_OBJECT_BYTES_EXPECTED,
};
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
    /// It lies in another place now: look again.
    #[error("object has been folded")]
    Moved,
    /// The store does not answer.
    #[error("the store failed: {0}")]
    Store(String),
    /// Clients that read slowly hold all the memory there is for reading.
    #[error("no memory to read into")]
    Busy,
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
    memory: ReadMemory,
    /// For those who read an object once and keep nothing of it.
    once: ReadMemory,
    /// Reads ahead of what anybody asked for.
    ahead: Arc<Semaphore>,
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
        let memory = ReadMemory::new(limits.tail_cache_bytes_max.saturating_add(limits.read_cache_bytes_max));
        let once = ReadMemory::new(READ_ONCE_BYTES_MAX);
        let (ahead, caches) = (Arc::new(Semaphore::new(OBJECTS_READ_AHEAD_MAX)), Mutex::new(caches));
        Self { inner: Arc::new(Inner { store, cluster, counters, memory, once, ahead, caches }) }
    }

    /// Keeps an object that this broker has just written, if there is memory for it.
    pub(crate) fn keep_tail(&self, object: ObjectRef, bytes: Bytes) {
        if let Some(room) = self.inner.memory.room_now(bytes.len(), || self.caches().drop_one()) {
            self.caches().tail.insert(object, room.hold(bytes));
        }
    }

    /// Whether an object can be had without asking the store.
    pub(crate) fn is_cached(&self, object: ObjectRef) -> bool {
        let caches = self.caches();
        caches.tail.objects.contains_key(&object) || caches.read.objects.contains_key(&object)
    }

    /// As [`Objects::get`], for who reads an object once: it pushes nothing out of the caches, and waits for nobody who holds
    /// what was read from them.
    ///
    /// # Errors
    /// [`ReadError`].
    pub(crate) async fn get_once(&self, object: ObjectRef) -> Result<Bytes, ReadError> {
        if let Some(bytes) = self.caches().get(object) {
            return Ok(bytes);
        }
        self.load(object, &self.inner.once, || false).await
    }

    /// Bytes in both caches, on their way into them, and pinned by answers or by those who read once.
    pub(crate) fn cached_bytes(&self) -> usize {
        self.inner.memory.used().saturating_add(self.inner.once.used())
    }

    /// Reads those objects that somebody will ask for next, as far as there is room for it; `spawn` runs each.
    pub(crate) fn read_ahead(
        &self,
        objects: impl Iterator<Item = ObjectRef>,
        mut spawn: impl FnMut(BoxFuture<'static, ()>),
    ) {
        for object in objects {
            if self.is_cached(object) || self.caches().loading.contains_key(&object) {
                continue;
            }
            let Ok(place) = Arc::clone(&self.inner.ahead).try_acquire_owned() else { return };
            let this = self.clone();
            spawn(Box::pin(async move {
                // Who asks for it hears what is wrong with it.
                let _read = this.get(object).await;
                drop(place);
            }));
        }
    }

    /// The checked bytes of an object.
    ///
    /// # Errors
    /// [`ReadError`]; damaged bytes are never handed out.
    pub(crate) async fn get(&self, object: ObjectRef) -> Result<Bytes, ReadError> {
        let loading = {
            let mut caches = self.caches();
            if let Some(bytes) = caches.get(object) {
                return Ok(bytes);
            }
            Arc::clone(caches.loading.entry(object).or_default())
        };
        let read =
            loading.get_or_init(|| self.load(object, &self.inner.memory, || self.caches().drop_one())).await.clone();
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

    async fn load(
        &self,
        object: ObjectRef,
        memory: &ReadMemory,
        drop_one: impl Fn() -> bool,
    ) -> Result<Bytes, ReadError> {
        let sequence = self.inner.store.sequence(SequenceName::Wal(object.incarnation));
        let mut backoff = self.inner.store.backoff();
        let mut attempt = 1;
        // Its size is not known before: that of an ordinary one, and what it has more.
        let mut room = memory.room(WAL_OBJECT_BYTES_EXPECTED, &drop_one).await?;
        let bytes = loop {
            match sequence.get(object.seq).await {
                Ok(Some(bytes)) => break bytes,
                Ok(None) => {
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
        if bytes.len() > WAL_OBJECT_BYTES_EXPECTED {
            room.merge(memory.room(bytes.len().saturating_sub(WAL_OBJECT_BYTES_EXPECTED), &drop_one).await?);
        }
        let origin = Origin { cluster: self.inner.cluster, incarnation: object.incarnation, seq: object.seq };
        match WalContents::decode(bytes, origin) {
            Ok(WalContents::Batches(read)) => Ok(room.hold(read.bytes().clone())),
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
        while self.bytes > self.bytes_max && self.drop_oldest() {}
    }

    /// Drops what was used least lately; false when there is nothing.
    fn drop_oldest(&mut self) -> bool {
        let Some((_, oldest)) = self.by_use.pop_first() else { return false };
        if let Some((_, dropped)) = self.objects.remove(&oldest) {
            self.bytes = self.bytes.saturating_sub(dropped.len());
        }
        true
    }
}

impl Caches {
    fn get(&mut self, object: ObjectRef) -> Option<Bytes> {
        self.tail.get(object).or_else(|| self.read.get(object))
    }

    /// Drops one object: what was read back before what was written last.
    fn drop_one(&mut self) -> bool {
        self.read.drop_oldest() || self.tail.drop_oldest()
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

    const MIB: usize = 1 << 20;

    fn objects(tail_cache_bytes_max: usize) -> Objects {
        let limits = Limits { tail_cache_bytes_max, read_cache_bytes_max: 0, ..Limits::default() };
        Objects::new(Store::memory("test").unwrap(), Uuid::nil(), &limits, Arc::default())
    }

    #[tokio::test(start_paused = true)]
    async fn one_byte_of_an_answer_counts_for_the_object_that_it_pins() {
        let objects = objects(4 * MIB);
        objects.keep_tail(object(0), Bytes::from(vec![1; 3 * MIB]));
        let pinned = objects.get(object(0)).await.unwrap().slice(..1);
        // Another object drives it out of the cache, and not out of memory: there is no room for a second.
        objects.keep_tail(object(1), Bytes::from(vec![2; 2 * MIB]));
        assert!(!objects.is_cached(object(0)) && !objects.is_cached(object(1)));
        assert_eq!(objects.cached_bytes(), 3 * MIB);
        assert!(matches!(objects.get(object(1)).await, Err(ReadError::Busy)));
        drop(pinned);
        assert_eq!(objects.cached_bytes(), 0);
        objects.keep_tail(object(1), Bytes::from(vec![2; 2 * MIB]));
        assert!(objects.is_cached(object(1)));
    }

    #[tokio::test(start_paused = true)]
    async fn who_waits_for_memory_gets_it_when_an_answer_was_written() {
        let objects = objects(5 * MIB);
        objects.keep_tail(object(0), Bytes::from(vec![1; 3 * MIB]));
        let pinned = objects.get(object(0)).await.unwrap();
        let write = async {
            tokio::time::sleep(std::time::Duration::from_millis(100)).await;
            drop(pinned);
        };
        let (read, ()) = tokio::join!(objects.get(object(7)), write);
        assert_eq!(read, Err(ReadError::Missing), "there was memory to look for it");
    }
}
