//! How a process reaches a bucket: requests, their faults, and their answers.

use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use broker_engine::store::faults::{failed, lost, occupied, unreachable};
use broker_engine::store::limits::REQUEST_TIME_MAX;
use bytes::Bytes;
use chrono::DateTime;
use futures::StreamExt;
use futures::stream::{self, BoxStream};
use object_store::path::Path;
use object_store::{
    Attributes, CopyOptions, Error, GetOptions, GetRange, GetResult, GetResultPayload, ListResult, MultipartUpload,
    ObjectMeta, ObjectStore, PutMode, PutMultipartOptions, PutOptions, PutPayload, PutResult, Result,
};
use tokio::sync::oneshot;
use tokio::time::sleep;

use super::objects::{Created, Object};
use super::{Bucket, BucketId, Mode, Operation, Request};
use crate::core::{Core, Link, Slot};
use crate::fault::Fault;

/// Keys of one page of a listing: few, so that much happens between two.
const PAGE_KEYS: usize = 7;
/// The longest time after which a late PUT lands.
const LATE_MAX_MS: u64 = 180_000;

/// Who sends requests.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Who {
    /// A broker.
    Broker(Slot),
    /// The provider, or whoever else is not subject to the network's cuts.
    Outsider,
}

/// One process's way to a bucket.
pub struct Access {
    core: Arc<Core>,
    bucket: Bucket,
    who: Who,
}

impl fmt::Debug for Access {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Access({:?}, {:?})", self.bucket.id, self.who)
    }
}

impl fmt::Display for Access {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "simulated bucket {:?}", self.bucket.id)
    }
}

/// What becomes of a PUT.
#[derive(Clone, Copy, Debug)]
struct Fate {
    /// When it takes effect, if ever.
    lands: Option<Duration>,
    /// When its sender is answered.
    answer_after: Duration,
    answer: Answer,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Answer {
    /// What happened.
    Truth,
    /// The connection was lost.
    Lost,
    /// A status, whatever happened.
    Status(u16),
    /// 412 or 409, whatever happened.
    Occupied(u16),
    /// None: the client's patience ends.
    Hung,
}

/// What a request of any kind meets on its way.
enum Obstacle {
    None,
    /// Answered with this after a while.
    Fails(Duration, Error),
}

impl Access {
    /// A way to a bucket.
    #[must_use]
    pub fn new(core: &Arc<Core>, bucket: &Bucket, who: Who) -> Self {
        Self { core: Arc::clone(core), bucket: bucket.clone(), who }
    }

    fn link(&self) -> Link {
        match self.bucket.id {
            BucketId::Data => Link::Data,
            BucketId::Metadata => Link::Metadata,
        }
    }

    fn is_cut(&self) -> bool {
        matches!(self.who, Who::Broker(slot) if self.core.is_cut(slot, self.link()))
    }

    /// Tells that a request of this kind is sent.
    fn sends(&self, operation: Operation, key: &str) {
        if let Who::Broker(slot) = self.who {
            self.core.step_on(slot, Request::of(operation, key));
        }
    }

    /// One way of an ordinary request, or a very slow one.
    fn way(&self) -> Duration {
        let odds = &self.core.plan.odds;
        if self.core.strikes(Fault::Slow, odds.slow) || self.bucket.mode() == Mode::Slow {
            return self.core.random().millis(200, 6_000);
        }
        let max = u64::try_from(odds.way_max.as_millis()).unwrap_or(1);
        self.core.random().millis(1, max.max(1))
    }

    /// What stands in the way of every kind of request: cuts, and the state of the bucket.
    fn obstacle(&self) -> Obstacle {
        if self.is_cut() {
            self.core.strike(if self.bucket.id == BucketId::Data { Fault::CutData } else { Fault::CutMetadata });
            return self.no_connection();
        }
        match self.bucket.mode() {
            Mode::Well | Mode::Slow => Obstacle::None,
            Mode::Down => {
                let is_data = self.bucket.id == BucketId::Data;
                self.core.strike(if is_data { Fault::DataBucketDown } else { Fault::MetadataBucketDown });
                self.no_connection()
            }
            Mode::KeyDisabled => {
                self.core.strike(Fault::KeyDisabled);
                Obstacle::Fails(self.way(), failed(403))
            }
            Mode::Throttled if self.core.random().per_mille(800) => {
                self.core.strike(Fault::Throttled);
                Obstacle::Fails(self.way(), failed(503))
            }
            Mode::Throttled => Obstacle::None,
        }
    }

    fn no_connection(&self) -> Obstacle {
        let kind = self.core.random().below(3);
        match kind {
            0 => Obstacle::Fails(REQUEST_TIME_MAX, lost()),
            1 => Obstacle::Fails(Duration::from_secs(5), unreachable()),
            _ => Obstacle::Fails(self.way(), unreachable()),
        }
    }

    /// Faults that a request without effect meets; none in most cases.
    fn read_fault(&self) -> Option<(Duration, Error)> {
        let odds = self.core.plan.odds;
        let strikes = |fault, per_mille| self.core.strikes(fault, per_mille);
        if strikes(Fault::Broken, odds.broken) {
            return Some((self.way(), failed(500)));
        }
        if strikes(Fault::Throttled, odds.throttled) {
            return Some((self.way(), failed(503)));
        }
        if strikes(Fault::Refused, odds.refused) {
            return Some((self.way(), failed(403)));
        }
        if strikes(Fault::LostRequest, odds.lost_request) {
            return Some((self.way(), lost()));
        }
        strikes(Fault::Hung, odds.hung).then(|| (REQUEST_TIME_MAX, lost()))
    }

    fn put_fate(&self) -> Fate {
        let odds = self.core.plan.odds;
        let strikes = |fault, per_mille| self.core.strikes(fault, per_mille);
        let there = self.way();
        let back = self.way();
        let answered = |answer| Fate { lands: Some(there), answer_after: there + back, answer };
        let unfelt = |answer| Fate { lands: None, answer_after: there + back, answer };
        if strikes(Fault::LatePut, odds.late) {
            let lands = self.core.random().millis(500, LATE_MAX_MS);
            let hangs = self.core.random().per_mille(300);
            let answer_after = if hangs { REQUEST_TIME_MAX } else { there + back };
            return Fate { lands: Some(lands), answer_after, answer: Answer::Lost };
        }
        if strikes(Fault::LostAnswer, odds.lost_answer) {
            return answered(Answer::Lost);
        }
        if strikes(Fault::LostRequest, odds.lost_request) {
            return unfelt(Answer::Lost);
        }
        if strikes(Fault::ConflictWithNothing, odds.conflict) {
            return unfelt(Answer::Occupied(409));
        }
        if strikes(Fault::ConflictWithItself, odds.conflict_with_itself) {
            return answered(Answer::Occupied(409));
        }
        if strikes(Fault::TakenByItself, odds.taken_by_itself) {
            return answered(Answer::Occupied(412));
        }
        if strikes(Fault::Broken, odds.broken) {
            let lands = self.core.random().per_mille(500).then_some(there);
            return Fate { lands, answer_after: there + back, answer: Answer::Status(500) };
        }
        if strikes(Fault::Throttled, odds.throttled) {
            return unfelt(Answer::Status(503));
        }
        if strikes(Fault::Refused, odds.refused) {
            return unfelt(Answer::Status(403));
        }
        if strikes(Fault::Hung, odds.hung) {
            let lands = self.core.random().per_mille(500).then_some(there);
            return Fate { lands, answer_after: REQUEST_TIME_MAX, answer: Answer::Hung };
        }
        answered(Answer::Truth)
    }

    fn meta(&self, key: &str, object: &Object) -> ObjectMeta {
        ObjectMeta {
            location: Path::from(key),
            last_modified: DateTime::from_timestamp_millis(object.modified_ms).unwrap_or_default(),
            size: u64::try_from(object.bytes.len()).unwrap_or(u64::MAX),
            e_tag: None,
            version: None,
        }
    }
}

/// A PUT takes effect.
fn land(core: &Arc<Core>, bucket: &Bucket, key: &str, bytes: Bytes, mode: &PutMode) -> Created {
    let object = Object { bytes: bytes.clone(), modified_ms: core.clock.wall_ms() };
    let created = match mode {
        PutMode::Create => bucket.look(|objects| objects.create(key, object)),
        PutMode::Overwrite | PutMode::Update(_) => {
            bucket.look(|objects| objects.put(key, object));
            Created::Yes
        }
    };
    core.happened(&[1, fold(key), u64::from(created == Created::Yes)]);
    core.say(|| format!("  put {key} {created:?} ({} bytes)", bytes.len()));
    if created == Created::Yes {
        crate::ledger::created(core, bucket, key, &bytes);
    }
    created
}

pub(crate) fn fold(text: &str) -> u64 {
    text.bytes().fold(0xcbf2_9ce4_8422_2325, |hash, byte| (hash ^ u64::from(byte)).wrapping_mul(0x0100_0000_01b3))
}

fn put_result() -> PutResult {
    PutResult { e_tag: None, version: None, extensions: Default::default() }
}

#[async_trait::async_trait]
impl ObjectStore for Access {
    async fn put_opts(&self, location: &Path, payload: PutPayload, options: PutOptions) -> Result<PutResult> {
        self.sends(Operation::Put, location.as_ref());
        if let Obstacle::Fails(after, error) = self.obstacle() {
            sleep(after).await;
            return Err(error);
        }
        let fate = self.put_fate();
        let (told, truth) = oneshot::channel();
        if let Some(lands) = fate.lands {
            let (core, bucket, key) = (Arc::clone(&self.core), self.bucket.clone(), location.to_string());
            let bytes = Bytes::from(payload);
            let mode = options.mode;
            self.core.spawn(async move {
                tokio::select! {
                    biased;
                    () = core.landing.cancelled() => {}
                    () = sleep(lands) => {}
                }
                let _nobody = told.send(land(&core, &bucket, &key, bytes, &mode));
            });
        }
        sleep(fate.answer_after).await;
        // The answer gets lost with the link.
        let answer = if self.is_cut() { Answer::Lost } else { fate.answer };
        match answer {
            Answer::Truth => match truth.await {
                Ok(Created::Yes) => Ok(put_result()),
                Ok(Created::Occupied) => Err(occupied(location, 412)),
                Err(_) => Err(lost()),
            },
            Answer::Lost | Answer::Hung => Err(lost()),
            Answer::Status(status) => Err(failed(status)),
            Answer::Occupied(status) => Err(occupied(location, status)),
        }
    }

    async fn put_multipart_opts(&self, _: &Path, _: PutMultipartOptions) -> Result<Box<dyn MultipartUpload>> {
        Err(Error::NotImplemented { operation: "multipart".to_owned(), implementer: self.to_string() })
    }

    async fn get_opts(&self, location: &Path, options: GetOptions) -> Result<GetResult> {
        self.sends(Operation::Get, location.as_ref());
        if let Obstacle::Fails(after, error) = self.obstacle() {
            sleep(after).await;
            return Err(error);
        }
        if let Some((after, error)) = self.read_fault() {
            sleep(after).await;
            return Err(error);
        }
        sleep(self.way()).await;
        let key = location.to_string();
        let mut object = self.bucket.look(|objects| objects.get(&key).cloned());
        let named = key.contains("/wal/") || key.contains("/data/");
        if object.is_some() && named && self.core.strikes(Fault::AbsentNamed, self.core.plan.odds.absent) {
            object = None;
        }
        sleep(self.way()).await;
        if self.is_cut() {
            return Err(lost());
        }
        let Some(object) = object else {
            return Err(Error::NotFound { path: key, source: "404".into() });
        };
        let meta = self.meta(&key, &object);
        let range = match options.range {
            None => 0..meta.size,
            Some(GetRange::Bounded(range)) => range.start.min(meta.size)..range.end.min(meta.size),
            Some(GetRange::Offset(from)) => from.min(meta.size)..meta.size,
            Some(GetRange::Suffix(length)) => meta.size.saturating_sub(length)..meta.size,
        };
        let wide = |at: u64| usize::try_from(at).unwrap_or(usize::MAX);
        let bytes = object.bytes.slice(wide(range.start)..wide(range.end));
        let payload = GetResultPayload::Stream(stream::once(async move { Ok(bytes) }).boxed());
        Ok(GetResult { payload, meta, range, attributes: Attributes::default(), extensions: Default::default() })
    }

    fn delete_stream(&self, locations: BoxStream<'static, Result<Path>>) -> BoxStream<'static, Result<Path>> {
        let access = Self::new(&self.core, &self.bucket, self.who);
        locations
            .then(move |location| {
                let access = Self::new(&access.core, &access.bucket, access.who);
                async move { access.delete_one(location?).await }
            })
            .boxed()
    }

    fn list(&self, prefix: Option<&Path>) -> BoxStream<'static, Result<ObjectMeta>> {
        self.pages(prefix, String::new())
    }

    fn list_with_offset(&self, prefix: Option<&Path>, offset: &Path) -> BoxStream<'static, Result<ObjectMeta>> {
        self.pages(prefix, offset.to_string())
    }

    async fn list_with_delimiter(&self, _: Option<&Path>) -> Result<ListResult> {
        Err(Error::NotImplemented { operation: "list with delimiter".to_owned(), implementer: self.to_string() })
    }

    async fn copy_opts(&self, _: &Path, _: &Path, _: CopyOptions) -> Result<()> {
        Err(Error::NotImplemented { operation: "copy".to_owned(), implementer: self.to_string() })
    }
}

impl Access {
    async fn delete_one(&self, location: Path) -> Result<Path> {
        self.sends(Operation::Delete, location.as_ref());
        if let Obstacle::Fails(after, error) = self.obstacle() {
            sleep(after).await;
            return Err(error);
        }
        if let Some((after, error)) = self.read_fault() {
            self.core.strike(Fault::PartialDelete);
            sleep(after).await;
            return Err(error);
        }
        let late = self.core.strikes(Fault::LateDelete, self.core.plan.odds.late_delete);
        let lands = if late { self.core.random().millis(1_000, 60_000) } else { self.way() };
        let answered = if late { self.way() } else { lands + self.way() };
        let (core, bucket, key) = (Arc::clone(&self.core), self.bucket.clone(), location.to_string());
        self.core.spawn(async move {
            tokio::select! {
                biased;
                () = core.landing.cancelled() => {}
                () = sleep(lands) => {}
            }
            crate::ledger::deleted(&core, &bucket, &key);
            // The metadata bucket has versions: a delete is a marker there.
            let gone = match bucket.id {
                BucketId::Data => bucket.look(|objects| objects.delete(&key).is_some()),
                BucketId::Metadata => bucket.look(|objects| objects.mark_deleted(&key)),
            };
            if gone && bucket.id == BucketId::Metadata {
                core.strike(Fault::DeleteMarker);
            }
            core.happened(&[2, fold(&key)]);
            core.say(|| format!("  delete {key}"));
        });
        sleep(answered).await;
        if late || self.is_cut() { Err(lost()) } else { Ok(location) }
    }

    fn pages(&self, prefix: Option<&Path>, after: String) -> BoxStream<'static, Result<ObjectMeta>> {
        let access = Self::new(&self.core, &self.bucket, self.who);
        let prefix = prefix.map(|prefix| format!("{prefix}/")).unwrap_or_default();
        let begin = (after, false, access.bucket.look(|objects| objects.len()));
        let pages = stream::unfold((access, prefix, Some(begin)), |(access, prefix, state)| async move {
            let (after, started, count) = state?;
            access.sends(Operation::List, &prefix);
            if let Obstacle::Fails(wait, error) = access.obstacle() {
                sleep(wait).await;
                return Some((vec![Err(error)], (access, prefix, None)));
            }
            if let Some((wait, error)) = access.read_fault() {
                sleep(wait).await;
                return Some((vec![Err(error)], (access, prefix, None)));
            }
            sleep(access.way()).await;
            let now = access.bucket.look(|objects| objects.len());
            if started && now != count {
                access.core.strike(Fault::ListWhileWriting);
            }
            let page: Vec<(String, ObjectMeta)> = access.bucket.look(|objects| {
                let page = objects.page(&prefix, &after, PAGE_KEYS);
                page.map(|(key, object)| (key.clone(), access.meta(key, object))).collect()
            });
            sleep(access.way()).await;
            let last = page.last().map(|(key, _)| key.clone()).filter(|_| page.len() == PAGE_KEYS);
            let next = last.map(|last| (last, true, now));
            let metas = page.into_iter().map(|(_, meta)| Ok(meta)).collect();
            Some((metas, (access, prefix, next)))
        });
        pages.flat_map(stream::iter).boxed()
    }
}
