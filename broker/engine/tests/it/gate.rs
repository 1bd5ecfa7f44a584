//! A store whose write-ahead log objects wait at a gate.

use std::fmt;
use std::sync::Arc;

use broker_engine::store::Store;
use futures::stream::BoxStream;
use object_store::path::Path;
use object_store::{
    CopyOptions, GetOptions, GetResult, ListResult, MultipartUpload, ObjectMeta, ObjectStore, PutMultipartOptions,
    PutOptions, PutPayload, PutResult, Result,
};
use tokio::sync::watch;

/// Which PUTs wait.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Held {
    /// None.
    Nothing,
    /// All of write-ahead logs.
    Everything,
    /// One number of every log.
    Number(u64),
}

/// The handle of the gate.
#[derive(Clone, Debug)]
pub(crate) struct Gate(watch::Sender<Held>);

impl Gate {
    /// A store in front of another, and its gate.
    pub(crate) fn over(store: &Store) -> (Store, Self) {
        let gate = Self(watch::Sender::new(Held::Nothing));
        let objects = Arc::new(GatedObjects { inner: store.objects(), held: gate.0.subscribe() });
        (Store::over(objects, store.cluster()).unwrap(), gate)
    }

    pub(crate) fn hold(&self, held: Held) {
        self.0.send_replace(held);
    }

    pub(crate) fn open(&self) {
        self.hold(Held::Nothing);
    }
}

#[derive(Debug)]
struct GatedObjects {
    inner: Arc<dyn ObjectStore>,
    held: watch::Receiver<Held>,
}

impl fmt::Display for GatedObjects {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "gated {}", self.inner)
    }
}

#[async_trait::async_trait]
impl ObjectStore for GatedObjects {
    async fn put_opts(&self, location: &Path, payload: PutPayload, options: PutOptions) -> Result<PutResult> {
        let path = location.to_string();
        if path.contains("/wal/") {
            let passes = |held: &Held| match held {
                Held::Nothing => true,
                Held::Everything => false,
                Held::Number(number) => !path.ends_with(&format!("{number:020}")),
            };
            let mut held = self.held.clone();
            let _ = held.wait_for(passes).await;
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
        self.inner.get_opts(location, options).await
    }

    fn delete_stream(&self, locations: BoxStream<'static, Result<Path>>) -> BoxStream<'static, Result<Path>> {
        self.inner.delete_stream(locations)
    }

    fn list(&self, prefix: Option<&Path>) -> BoxStream<'static, Result<ObjectMeta>> {
        self.inner.list(prefix)
    }

    async fn list_with_delimiter(&self, prefix: Option<&Path>) -> Result<ListResult> {
        self.inner.list_with_delimiter(prefix).await
    }

    async fn copy_opts(&self, from: &Path, to: &Path, options: CopyOptions) -> Result<()> {
        self.inner.copy_opts(from, to, options).await
    }
}
