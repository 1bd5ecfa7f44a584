//! A store that takes as long as S3 does, and can be switched off.

use std::fmt;
use std::sync::Arc;
use std::sync::atomic::{AtomicU8, AtomicU64, Ordering};
use std::time::Duration;

use broker_engine::store::Store;
use broker_engine::store::faults::failed;
use futures::StreamExt;
use futures::stream::BoxStream;
use object_store::path::Path;
use object_store::{
    CopyOptions, GetOptions, GetResult, ListResult, MultipartUpload, ObjectMeta, ObjectStore, PutMultipartOptions,
    PutOptions, PutPayload, PutResult, Result,
};

/// What becomes of requests.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(u8)]
pub(crate) enum Mood {
    /// They are answered after a while.
    Answers,
    /// They are refused, as when a key is disabled.
    Refuses,
    /// PUTs are not answered.
    HoldsPuts,
}

/// The handle of a slow store.
#[derive(Clone, Debug, Default)]
pub(crate) struct Slow(Arc<AtomicU8>);

impl Slow {
    /// A slow store in front of another, and its handle.
    pub(crate) fn over(store: &Store) -> (Store, Self) {
        let slow = Self::default();
        let objects = SlowObjects { inner: store.objects(), mood: Arc::clone(&slow.0), random: AtomicU64::new(7) };
        (Store::over(Arc::new(objects), store.cluster()).unwrap(), slow)
    }

    pub(crate) fn set(&self, mood: Mood) {
        self.0.store(mood as u8, Ordering::SeqCst);
    }
}

#[derive(Debug)]
struct SlowObjects {
    inner: Arc<dyn ObjectStore>,
    mood: Arc<AtomicU8>,
    random: AtomicU64,
}

impl SlowObjects {
    /// Half of all requests take `median`; of the others one in fifty takes `worst`.
    async fn request(&self, median: u64, worst: u64) -> Result<()> {
        if self.mood.load(Ordering::SeqCst) == Mood::Refuses as u8 {
            return Err(failed(403));
        }
        let random = self.random.fetch_add(0x9e37_79b9, Ordering::SeqCst).wrapping_mul(0x9e37_79b9_7f4a_7c15) >> 32;
        let ms = match random % 100 {
            0..50 => median,
            50..98 => median + random % (worst / 2).max(1),
            _ => worst,
        };
        tokio::time::sleep(Duration::from_millis(ms)).await;
        Ok(())
    }
}

impl fmt::Display for SlowObjects {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "slow {}", self.inner)
    }
}

#[async_trait::async_trait]
impl ObjectStore for SlowObjects {
    async fn put_opts(&self, location: &Path, payload: PutPayload, options: PutOptions) -> Result<PutResult> {
        self.request(30, 120).await?;
        if self.mood.load(Ordering::SeqCst) == Mood::HoldsPuts as u8 {
            std::future::pending::<()>().await;
        }
        self.inner.put_opts(location, payload, options).await
    }

    async fn put_multipart_opts(
        &self,
        location: &Path,
        options: PutMultipartOptions,
    ) -> Result<Box<dyn MultipartUpload>> {
        self.inner.put_multipart_opts(location, options).await
    }

    async fn get_opts(&self, location: &Path, options: GetOptions) -> Result<GetResult> {
        self.request(15, 60).await?;
        self.inner.get_opts(location, options).await
    }

    fn delete_stream(&self, locations: BoxStream<'static, Result<Path>>) -> BoxStream<'static, Result<Path>> {
        self.inner.delete_stream(locations)
    }

    fn list(&self, prefix: Option<&Path>) -> BoxStream<'static, Result<ObjectMeta>> {
        if self.mood.load(Ordering::SeqCst) == Mood::Refuses as u8 {
            return futures::stream::once(async { Err(failed(403)) }).boxed();
        }
        let listed = self.inner.list(prefix);
        futures::stream::once(tokio::time::sleep(Duration::from_millis(40)))
            .flat_map(|()| futures::stream::empty())
            .chain(listed)
            .boxed()
    }

    async fn list_with_delimiter(&self, prefix: Option<&Path>) -> Result<ListResult> {
        self.request(40, 80).await?;
        self.inner.list_with_delimiter(prefix).await
    }

    async fn copy_opts(&self, from: &Path, to: &Path, options: CopyOptions) -> Result<()> {
        self.inner.copy_opts(from, to, options).await
    }
}
