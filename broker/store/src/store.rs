//! A bucket as one cluster sees it.

use std::fmt;
use std::ops::Range;
use std::path::Path as FilePath;
use std::sync::Arc;

use bytes::Bytes;
use futures::{StreamExt, TryStreamExt};
use object_store::local::LocalFileSystem;
use object_store::memory::InMemory;
use object_store::path::Path;
use object_store::{GetOptions, GetRange, ObjectStore, ObjectStoreExt, PutMode, PutOptions, PutPayload, TagSet};
use thiserror::Error;
use tokio::time::Instant;

use crate::answer::{failure_of, observe, outcome_of};
use crate::backoff::{Backoff, Jitter};
use crate::clock::{StoreClock, StoreDate};
use crate::counters::{Counters, Counts};
use crate::error::{Failure, Operation, Outcome, StoreError};
use crate::frozen::Frozen;
use crate::key::{InvalidClusterName, Key, KeyKind, Prefix, check_cluster_name};
use crate::limits::LISTED_KEYS_MAX;
use crate::pace::Pace;
use crate::s3::{BodyChecksum, InvalidS3Config, S3Config};
use crate::sequence::{Sequence, SequenceName};

/// A bucket as one cluster sees it; cheap to clone.
///
/// ```
/// # let runtime = tokio::runtime::Builder::new_current_thread().enable_time().build().unwrap();
/// # runtime.block_on(async {
/// use broker_store::{Filled, Frozen, Nonce, Patience, SequenceName, Store};
/// use bytes::Bytes;
///
/// let store = Store::memory("orders").unwrap();
/// let log = store.sequence(SequenceName::MetaLog);
/// let nonce = Nonce(7);
/// let entry = Frozen::new(nonce, Bytes::copy_from_slice(&nonce.0.to_be_bytes())).unwrap();
/// assert_eq!(log.fill(0, &entry, Patience::forever()).await.unwrap(), Filled::Mine);
/// assert_eq!(log.get(0).await.unwrap().as_ref(), Some(entry.bytes()));
/// assert_eq!(log.get(1).await.unwrap(), None);
/// # });
/// ```
#[derive(Clone)]
pub struct Store {
    objects: Arc<dyn ObjectStore>,
    cluster: Arc<str>,
    actor: Option<Arc<str>>,
    clock: Option<Arc<StoreClock>>,
    pub(crate) counters: Arc<Counters>,
    pub(crate) pace: Arc<Pace>,
    jitter: Jitter,
}

impl fmt::Debug for Store {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Store({}, {})", self.objects, self.cluster)
    }
}

/// A store cannot be opened.
#[derive(Debug, Error)]
pub enum OpenStoreError {
    /// The cluster's name cannot stand in keys.
    #[error(transparent)]
    Name(#[from] InvalidClusterName),
    /// The directory cannot be used.
    #[error("directory {path}: {detail}")]
    Directory {
        /// Which one.
        path: String,
        /// Why.
        detail: String,
    },
    /// The settings are wrong.
    #[error(transparent)]
    S3(#[from] InvalidS3Config),
}

/// An object that a listing found.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Listed {
    /// Its key.
    pub key: Key,
    /// Bytes in it.
    pub size: u64,
    /// When the store says it was last written, milliseconds since 1970.
    pub modified_ms: i64,
}

impl Store {
    /// An empty store in memory; clones share it.
    ///
    /// # Errors
    /// [`OpenStoreError::Name`].
    pub fn memory(cluster: &str) -> Result<Self, OpenStoreError> {
        Self::over(Arc::new(InMemory::new()), cluster)
    }

    /// A store in a directory, which is made where it does not exist. Objects are durable when a create returns.
    ///
    /// # Errors
    /// [`OpenStoreError`].
    pub fn directory(path: &FilePath, cluster: &str) -> Result<Self, OpenStoreError> {
        let failed = |detail: String| OpenStoreError::Directory { path: path.display().to_string(), detail };
        std::fs::create_dir_all(path).map_err(|e| failed(e.to_string()))?;
        let files = LocalFileSystem::new_with_prefix(path).map_err(|e| failed(e.to_string()))?.with_fsync(true);
        Self::over(Arc::new(files), cluster)
    }

    /// A store on S3. Makes no request.
    ///
    /// # Errors
    /// [`OpenStoreError`].
    pub fn s3(config: &S3Config, cluster: &str) -> Result<Self, OpenStoreError> {
        let clock = Arc::new(StoreClock::default());
        let mut store = Self::over(crate::s3::open(config, &clock)?, cluster)?.with_clock(clock);
        store.actor = config.actor.as_deref().map(Arc::from);
        Ok(store)
    }

    /// A store over any client; its creates must be atomic.
    ///
    /// # Errors
    /// [`OpenStoreError::Name`].
    pub fn over(objects: Arc<dyn ObjectStore>, cluster: &str) -> Result<Self, OpenStoreError> {
        check_cluster_name(cluster)?;
        let (counters, pace) = (Arc::default(), Arc::default());
        Ok(Self {
            objects,
            cluster: Arc::from(cluster),
            actor: None,
            clock: None,
            counters,
            pace,
            jitter: Jitter::new(0),
        })
    }

    /// The same store with another seed for the jitter of its waits.
    #[must_use]
    pub fn with_seed(mut self, seed: u64) -> Self {
        self.jitter = Jitter::new(seed);
        self
    }

    /// The same store with a clock of its own, which the client below notes dates in.
    #[must_use]
    pub fn with_clock(mut self, clock: Arc<StoreClock>) -> Self {
        self.clock = Some(clock);
        self
    }

    /// What the store says about the time.
    #[must_use]
    pub fn date(&self) -> StoreDate {
        match &self.clock {
            None => StoreDate::NoClock,
            Some(clock) => clock.date_ms().map_or(StoreDate::NotYet, StoreDate::At),
        }
    }

    /// The same bucket as another cluster sees it.
    ///
    /// # Errors
    /// [`OpenStoreError::Name`].
    pub fn with_cluster(mut self, cluster: &str) -> Result<Self, OpenStoreError> {
        check_cluster_name(cluster)?;
        self.cluster = Arc::from(cluster);
        Ok(self)
    }

    /// The client below, for wrapping it.
    #[must_use]
    pub fn objects(&self) -> Arc<dyn ObjectStore> {
        Arc::clone(&self.objects)
    }

    /// The cluster's name.
    #[must_use]
    pub fn cluster(&self) -> &str {
        &self.cluster
    }

    /// Requests so far, of all clones.
    #[must_use]
    pub fn counts(&self) -> Counts {
        self.counters.counts()
    }

    /// A numbered prefix.
    #[must_use]
    pub fn sequence(&self, name: SequenceName) -> Sequence {
        Sequence::new(self.clone(), name)
    }

    /// Waits with jitter for retries of the caller's own.
    #[must_use]
    pub fn backoff(&self) -> Backoff {
        Backoff::new(self.jitter.clone())
    }

    /// Reads an object; `None` if there is none.
    ///
    /// # Errors
    /// [`StoreError`]; one attempt is made.
    pub async fn get(&self, key: &Key) -> Result<Option<Bytes>, StoreError> {
        self.get_with(key, GetOptions::default()).await
    }

    /// Reads bytes of an object, fewer where it ends before; `None` if there is no object.
    ///
    /// # Errors
    /// [`StoreError`]; a range that begins beyond the end is refused.
    pub async fn get_range(&self, key: &Key, range: Range<u64>) -> Result<Option<Bytes>, StoreError> {
        // No store promises to understand a number beyond 63 bits; "to the end" is what it means.
        let bounded = range.end <= i64::MAX.unsigned_abs();
        let range = if bounded { GetRange::Bounded(range) } else { GetRange::Offset(range.start) };
        self.get_with(key, GetOptions { range: Some(range), ..GetOptions::default() }).await
    }

    async fn get_with(&self, key: &Key, options: GetOptions) -> Result<Option<Bytes>, StoreError> {
        let path = key.path(&self.cluster);
        self.counters.request(Operation::Get);
        let request = async { self.objects.get_opts(&Path::from(path.as_str()), options).await?.bytes().await };
        match observe(request).await {
            (Ok(bytes), _) => {
                self.counters.read(bytes.len());
                Ok(Some(bytes))
            }
            (Err(error), answer) => match failure_of(Operation::Get, &path, &error, answer) {
                None => Ok(None),
                Some(error) => Err(self.failed(error)),
            },
        }
    }

    /// Overwrites a hint (`live/`).
    ///
    /// # Errors
    /// [`StoreError`]; refused for keys that are created once.
    pub async fn put(&self, key: &Key, bytes: Bytes) -> Result<(), StoreError> {
        let path = key.path(&self.cluster);
        if !key.is_overwritten() {
            return Err(StoreError::local(Operation::Put, path, "objects of this kind are never overwritten"));
        }
        self.counters.request(Operation::Put);
        self.counters.wrote(bytes.len());
        let mut options = PutOptions::default();
        options.extensions.insert(BodyChecksum(crc32c::crc32c(&bytes)));
        let payload = PutPayload::from_bytes(bytes);
        let location = Path::from(path.as_str());
        let request = self.objects.put_opts(&location, payload, options);
        match observe(request).await {
            (Ok(_), _) => Ok(()),
            (Err(error), answer) => Err(self.must_fail(Operation::Put, path, &error, answer)),
        }
    }

    /// Makes one attempt to create an object.
    ///
    /// # Cancel safety
    /// Dropping the future is [`Outcome::Unknown`].
    pub async fn create(&self, key: &Key, content: &Frozen) -> Outcome {
        let path = key.path(&self.cluster);
        self.counters.request(Operation::Create);
        self.counters.wrote(content.bytes().len());
        let mut options = PutOptions::from(PutMode::Create);
        if let (Some(actor), KeyKind::MetaLog) = (&self.actor, key.kind()) {
            let mut tags = TagSet::default();
            tags.push("actor", actor);
            options.tags = tags;
        }
        options.extensions.insert(BodyChecksum(content.checksum()));
        let payload = PutPayload::from_bytes(content.bytes().clone());
        let location = Path::from(path.as_str());
        let request = self.objects.put_opts(&location, payload, options);
        let outcome = match observe(request).await {
            (Ok(_), _) => Outcome::Created,
            (Err(error), answer) => outcome_of(&path, &error, answer),
        };
        self.counters.created(&outcome);
        if let Outcome::Refused(error) | Outcome::Unknown(error) = &outcome {
            self.note_throttling(error);
        }
        outcome
    }

    /// Deletes an object; one that is gone is no failure.
    ///
    /// # Errors
    /// [`StoreError`]; refused for keys that are never deleted.
    pub async fn delete(&self, key: &Key) -> Result<(), StoreError> {
        let path = key.path(&self.cluster);
        if key.is_permanent() {
            return Err(StoreError::local(Operation::Delete, path, "objects of this kind are never deleted"));
        }
        self.counters.request(Operation::Delete);
        let location = Path::from(path.as_str());
        match observe(self.objects.delete(&location)).await {
            (Ok(()), _) => Ok(()),
            (Err(error), answer) => match failure_of(Operation::Delete, &path, &error, answer) {
                None => Ok(()),
                Some(error) => Err(self.failed(error)),
            },
        }
    }

    /// Lists the objects of a prefix, in the order of their keys; what is not one of ours is left out.
    ///
    /// # Errors
    /// [`StoreError`].
    pub async fn list(&self, prefix: Prefix) -> Result<Vec<Listed>, StoreError> {
        self.list_after(prefix, None).await
    }

    /// Like [`Store::list`], beginning after a key.
    ///
    /// # Errors
    /// [`StoreError`].
    pub async fn list_after(&self, prefix: Prefix, after: Option<&Key>) -> Result<Vec<Listed>, StoreError> {
        let path = prefix.path(&self.cluster);
        self.counters.request(Operation::List);
        let location = Path::from(path.as_str());
        let stream = match after {
            None => self.objects.list(Some(&location)),
            Some(key) => self.objects.list_with_offset(Some(&location), &Path::from(key.path(&self.cluster))),
        };
        let request = stream.take(LISTED_KEYS_MAX).try_collect::<Vec<_>>();
        let found = match observe(request).await {
            (Ok(found), _) => found,
            (Err(error), answer) => return Err(self.must_fail(Operation::List, path, &error, answer)),
        };
        let ours = |meta: object_store::ObjectMeta| {
            let key = Key::parse(&self.cluster, meta.location.as_ref())?;
            Some(Listed { key, size: meta.size, modified_ms: meta.last_modified.timestamp_millis() })
        };
        let mut listed: Vec<Listed> = found.into_iter().filter_map(ours).collect();
        // Directories list in any order.
        listed.sort_by_cached_key(|object| object.key.path(&self.cluster));
        Ok(listed)
    }

    fn failed(&self, error: StoreError) -> StoreError {
        self.counters.failed(&error);
        self.note_throttling(&error);
        error
    }

    fn note_throttling(&self, error: &StoreError) {
        if error.failure == Failure::Throttled {
            self.pace.throttled(Instant::now());
        }
    }

    fn must_fail(
        &self,
        operation: Operation,
        path: String,
        error: &object_store::Error,
        answer: Option<crate::answer::Answer>,
    ) -> StoreError {
        let detail = "the store says that there is no such bucket or object";
        let failure = failure_of(operation, &path, error, answer);
        self.failed(failure.unwrap_or_else(|| StoreError::local(operation, path, detail)))
    }
}
