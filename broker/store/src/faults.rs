//! A store that fails on purpose, for tests.
//!
//! Wraps any store and answers as a real one does on a bad day. The same seed gives the same faults for the same
//! requests.

use std::collections::VecDeque;
use std::fmt;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use futures::stream::BoxStream;
use object_store::path::Path;
use object_store::{
    CopyOptions, Error, GetOptions, GetResult, ListResult, MultipartUpload, ObjectMeta, ObjectStore, PutMode,
    PutMultipartOptions, PutOptions, PutPayload, PutResult, Result,
};

use crate::answer::{InjectedStatus, InjectedUnreachable};
use crate::backoff::Jitter;
use crate::limits::REQUEST_TIME_MAX;
use crate::store::{OpenStoreError, Store};

/// One fault of a PUT.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum PutFault {
    /// The object is there, the answer is lost.
    LostAnswer,
    /// The request is lost.
    LostRequest,
    /// The answer is lost, and the object appears only when [`Faults::land_late`] is called.
    Late,
    /// 409 though nothing is there and nothing is written.
    Conflict,
    /// The object is there, and the answer is 412: somebody below repeated the request.
    TakenByItself,
    /// 409 although the object is there.
    ConflictWithItself,
    /// 503 SlowDown; nothing is written.
    Throttled,
    /// 500; nothing is written.
    Broken,
    /// 403; nothing is written.
    Refused,
    /// Nothing is written, and no answer comes before the client gives up.
    Hung,
    /// The object is there, and no answer comes before the client gives up.
    HungAndDone,
}

/// Faults that a storm is made of; a storm has no late writes, because nobody would land them.
const STORM: [PutFault; 8] = [
    PutFault::LostAnswer,
    PutFault::LostRequest,
    PutFault::Conflict,
    PutFault::TakenByItself,
    PutFault::ConflictWithItself,
    PutFault::Throttled,
    PutFault::Broken,
    PutFault::Refused,
];

/// The switchboard of a faulty store; clones share it.
#[derive(Clone, Debug)]
pub struct Faults {
    shared: Arc<Shared>,
}

#[derive(Debug)]
struct Shared {
    inner: Arc<dyn ObjectStore>,
    plan: Mutex<Plan>,
}

#[derive(Debug, Default)]
struct Plan {
    puts: VecDeque<PutFault>,
    failing_gets: u32,
    storm: Option<(Jitter, u64)>,
    late: Vec<(Path, PutPayload, PutMode)>,
    struck: u64,
}

impl Faults {
    /// Wraps a store. The store that is returned strikes; the wrapped one still works without faults.
    ///
    /// # Errors
    /// [`OpenStoreError`].
    pub fn over(store: &Store) -> Result<(Store, Self), OpenStoreError> {
        let shared = Arc::new(Shared { inner: store.objects(), plan: Mutex::default() });
        let faulty = Store::over(Arc::new(FaultyObjects(Arc::clone(&shared))), store.cluster())?;
        Ok((faulty, Self { shared }))
    }

    /// The next PUTs meet these faults, one each.
    pub fn next_puts(&self, faults: impl IntoIterator<Item = PutFault>) {
        self.plan().puts.extend(faults);
    }

    /// The next GETs are answered with 500.
    pub fn fail_gets(&self, count: u32) {
        self.plan().failing_gets = count;
    }

    /// From now on every PUT meets a random fault with this probability in a thousand, and so does every GET.
    pub fn storm(&self, seed: u64, per_mille: u64) {
        self.plan().storm = Some((Jitter::new(seed), per_mille));
    }

    /// No more random faults.
    pub fn calm(&self) {
        self.plan().storm = None;
    }

    /// How many faults have struck.
    #[must_use]
    pub fn struck(&self) -> u64 {
        self.plan().struck
    }

    /// Lets the late PUTs arrive, in their order; those that find their key taken change nothing.
    pub async fn land_late(&self) {
        let late = std::mem::take(&mut self.plan().late);
        for (location, payload, mode) in late {
            // What it meets, nobody hears.
            let _ = self.shared.inner.put_opts(&location, payload, PutOptions::from(mode)).await;
        }
    }

    fn plan(&self) -> MutexGuard<'_, Plan> {
        self.shared.plan()
    }
}

impl Shared {
    fn plan(&self) -> MutexGuard<'_, Plan> {
        self.plan.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn next_put(&self) -> Option<PutFault> {
        let mut plan = self.plan();
        let storm = plan.storm.as_ref().and_then(|(random, per_mille)| {
            let strikes = random.next() % 1000 < *per_mille;
            strikes.then(|| STORM.get(usize::try_from(random.next() % 8).unwrap_or_default()).copied()).flatten()
        });
        let fault = plan.puts.pop_front().or(storm);
        plan.struck += u64::from(fault.is_some());
        fault
    }

    fn next_get_fails(&self) -> bool {
        let mut plan = self.plan();
        let stormy = plan.storm.as_ref().is_some_and(|(random, per_mille)| random.next() % 1000 < *per_mille);
        let planned = plan.failing_gets > 0;
        plan.failing_gets = plan.failing_gets.saturating_sub(1);
        plan.struck += u64::from(planned || stormy);
        planned || stormy
    }
}

#[derive(Debug)]
struct FaultyObjects(Arc<Shared>);

impl fmt::Display for FaultyObjects {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "faulty {}", self.0.inner)
    }
}

/// What a store's client says of an answer with this status.
#[must_use]
pub fn failed(status: u16) -> Error {
    Error::Generic { store: "faulty", source: Box::new(InjectedStatus(status)) }
}

/// What a store's client says when the connection was lost.
#[must_use]
pub fn lost() -> Error {
    Error::Generic { store: "faulty", source: "the connection was lost".into() }
}

/// What a store's client says when no connection can be made.
#[must_use]
pub fn unreachable() -> Error {
    Error::Generic { store: "faulty", source: Box::new(InjectedUnreachable) }
}

/// What a store's client says of a key that is occupied (412), or being written (409).
#[must_use]
pub fn occupied(location: &Path, status: u16) -> Error {
    Error::AlreadyExists { path: location.to_string(), source: Box::new(InjectedStatus(status)) }
}

#[async_trait::async_trait]
impl ObjectStore for FaultyObjects {
    async fn put_opts(&self, location: &Path, payload: PutPayload, options: PutOptions) -> Result<PutResult> {
        let Some(fault) = self.0.next_put() else { return self.0.inner.put_opts(location, payload, options).await };
        match fault {
            PutFault::LostAnswer => {
                self.0.inner.put_opts(location, payload, options).await?;
                Err(lost())
            }
            PutFault::TakenByItself => {
                self.0.inner.put_opts(location, payload, options).await?;
                Err(occupied(location, 412))
            }
            PutFault::ConflictWithItself => {
                self.0.inner.put_opts(location, payload, options).await?;
                Err(occupied(location, 409))
            }
            PutFault::Late => {
                self.0.plan().late.push((location.clone(), payload, options.mode));
                Err(lost())
            }
            PutFault::Hung => {
                tokio::time::sleep(REQUEST_TIME_MAX).await;
                Err(lost())
            }
            PutFault::HungAndDone => {
                self.0.inner.put_opts(location, payload, options).await?;
                tokio::time::sleep(REQUEST_TIME_MAX).await;
                Err(lost())
            }
            PutFault::LostRequest => Err(lost()),
            PutFault::Conflict => Err(occupied(location, 409)),
            PutFault::Throttled => Err(failed(503)),
            PutFault::Broken => Err(failed(500)),
            PutFault::Refused => {
                Err(Error::PermissionDenied { path: location.to_string(), source: Box::new(InjectedStatus(403)) })
            }
        }
    }

    async fn put_multipart_opts(
        &self,
        location: &Path,
        options: PutMultipartOptions,
    ) -> Result<Box<dyn MultipartUpload>> {
        self.0.inner.put_multipart_opts(location, options).await
    }

    async fn get_opts(&self, location: &Path, options: GetOptions) -> Result<GetResult> {
        if self.0.next_get_fails() {
            return Err(failed(500));
        }
        self.0.inner.get_opts(location, options).await
    }

    fn delete_stream(&self, locations: BoxStream<'static, Result<Path>>) -> BoxStream<'static, Result<Path>> {
        self.0.inner.delete_stream(locations)
    }

    fn list(&self, prefix: Option<&Path>) -> BoxStream<'static, Result<ObjectMeta>> {
        self.0.inner.list(prefix)
    }

    async fn list_with_delimiter(&self, prefix: Option<&Path>) -> Result<ListResult> {
        self.0.inner.list_with_delimiter(prefix).await
    }

    async fn copy_opts(&self, from: &Path, to: &Path, options: CopyOptions) -> Result<()> {
        self.0.inner.copy_opts(from, to, options).await
    }
}
