//! What the buckets hold: keys, versions, delete markers, uploads.
//!
//! Every change happens under one lock that is never held while waiting, so that a conditional PUT is atomic: of all
//! that are under way for a key, the first to land wins. One that arrived before somebody else's landing meets a
//! conflict (409), one that arrived after it finds the key taken (412), as on S3.
//!
//! Knows nothing of HTTP, time or faults.

mod listing;
mod uploads;

use std::collections::{BTreeMap, HashMap};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::SystemTime;

use bytes::Bytes;

pub(crate) use listing::{Listing, Page};
pub(crate) use uploads::{Part, Upload};

/// All buckets of one double.
#[derive(Debug, Default)]
pub(crate) struct Objects {
    state: Mutex<State>,
}

#[derive(Debug, Default)]
struct State {
    buckets: BTreeMap<String, Bucket>,
    /// Numbers for etags, versions and uploads.
    last_id: u64,
    stored_bytes: u64,
    stored_objects: u64,
}

#[derive(Debug, Default)]
struct Bucket {
    versioned: bool,
    keys: BTreeMap<String, Vec<Version>>,
    /// Keys with conditional writes under way: how many there are and how often the key has changed meanwhile.
    arrivals: HashMap<String, Arrivals>,
    uploads: BTreeMap<String, Upload>,
}

#[derive(Debug, Default)]
struct Arrivals {
    count: u64,
    changes: u64,
}

/// One version of a key, the newest last.
#[derive(Clone, Debug)]
pub(crate) struct Version {
    /// `null` where the bucket keeps no versions.
    pub(crate) id: String,
    pub(crate) modified: SystemTime,
    /// None is a delete marker.
    pub(crate) object: Option<Arc<Object>>,
}

/// Bytes and what is known of them.
#[derive(Clone, Debug, Default)]
pub(crate) struct Object {
    pub(crate) body: Bytes,
    pub(crate) etag: String,
    pub(crate) checksums: Checksums,
    pub(crate) attributes: Attributes,
}

/// Base64 texts of those that the writer gave, and that were verified.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Checksums {
    pub(crate) crc32: Option<String>,
    pub(crate) crc32c: Option<String>,
    pub(crate) crc64nvme: Option<String>,
    pub(crate) sha1: Option<String>,
    pub(crate) sha256: Option<String>,
}

/// What a writer says of an object besides its bytes.
#[derive(Clone, Debug, Default)]
pub(crate) struct Attributes {
    pub(crate) content_type: Option<String>,
    pub(crate) metadata: Option<HashMap<String, String>>,
    pub(crate) tags: Vec<(String, String)>,
    pub(crate) encryption: Option<String>,
    pub(crate) kms_key_id: Option<String>,
    pub(crate) bucket_key_enabled: Option<bool>,
}

/// What a write demands of the object that is there.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Condition {
    Always,
    /// `If-None-Match: *`
    Absent,
    /// `If-Match: ETAG`
    Etag(String),
}

/// What was written.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Landed {
    pub(crate) etag: String,
    /// None where the bucket keeps no versions.
    pub(crate) version: Option<String>,
}

/// Why a write did nothing.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum NotLanded {
    NoSuchBucket,
    /// The condition does not hold: 412.
    ConditionFailed,
    /// The key changed while the write was under way: 409.
    Overtaken,
    /// `If-Match` where there is nothing: 404.
    NoSuchKey,
}

/// No bucket of that name.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct NoSuchBucket;

/// What a read finds.
#[derive(Clone, Debug)]
pub(crate) enum Found {
    Object(Version, Arc<Object>),
    /// A delete marker.
    Marker,
    Nothing,
}

/// What a deletion did.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Deleted {
    /// A marker was made, or the version that went was one.
    pub(crate) is_marker: bool,
    /// The version that was made or that went; none where the bucket keeps no versions.
    pub(crate) version: Option<String>,
}

/// A write under way; what lands on its key from now on conflicts with it.
#[derive(Debug)]
pub(crate) struct Arrival {
    objects: Arc<Objects>,
    bucket: String,
    key: String,
    changes: u64,
}

impl Drop for Arrival {
    fn drop(&mut self) {
        let mut state = self.objects.lock();
        let Some(bucket) = state.buckets.get_mut(&self.bucket) else { return };
        let Some(arrivals) = bucket.arrivals.get_mut(&self.key) else { return };
        arrivals.count -= 1;
        if arrivals.count == 0 {
            bucket.arrivals.remove(&self.key);
        }
    }
}

impl Arrival {
    pub(crate) fn is_of(&self, bucket: &str, key: &str) -> bool {
        self.bucket == bucket && self.key == key
    }

    /// Writes, where the condition holds now and nothing changed since the arrival.
    pub(crate) fn land(
        &self,
        condition: &Condition,
        object: Object,
        modified: SystemTime,
    ) -> Result<Landed, NotLanded> {
        let mut state = self.objects.lock();
        let bucket = state.buckets.get(&self.bucket).ok_or(NotLanded::NoSuchBucket)?;
        let current = bucket.current(&self.key);
        let changes = bucket.arrivals.get(&self.key).map_or(0, |arrivals| arrivals.changes);
        match (condition, current) {
            (Condition::Always, _) => {}
            (Condition::Absent | Condition::Etag(_), _) if changes != self.changes => return Err(NotLanded::Overtaken),
            (Condition::Absent, None) => {}
            (Condition::Absent, Some(_)) => return Err(NotLanded::ConditionFailed),
            (Condition::Etag(_), None) => return Err(NotLanded::NoSuchKey),
            (Condition::Etag(etag), Some(found)) if *etag == found.etag => {}
            (Condition::Etag(_), Some(_)) => return Err(NotLanded::ConditionFailed),
        }
        Ok(state.write(&self.bucket, &self.key, object, modified))
    }
}

impl Objects {
    pub(crate) fn with_buckets(names: impl IntoIterator<Item = String>, versioned: bool) -> Arc<Self> {
        let buckets = names.into_iter().map(|name| (name, Bucket { versioned, ..Bucket::default() })).collect();
        Arc::new(Self { state: Mutex::new(State { buckets, ..State::default() }) })
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub(crate) fn bucket_names(&self) -> Vec<String> {
        self.lock().buckets.keys().cloned().collect()
    }

    pub(crate) fn has_bucket(&self, name: &str) -> bool {
        self.lock().buckets.contains_key(name)
    }

    /// False where there was one already.
    pub(crate) fn create_bucket(&self, name: &str) -> bool {
        let mut state = self.lock();
        let is_new = !state.buckets.contains_key(name);
        state.buckets.entry(name.to_owned()).or_default();
        is_new
    }

    pub(crate) fn is_versioned(&self, bucket: &str) -> Result<bool, NoSuchBucket> {
        self.lock().buckets.get(bucket).map(|bucket| bucket.versioned).ok_or(NoSuchBucket)
    }

    pub(crate) fn set_versioned(&self, bucket: &str, versioned: bool) -> Result<(), NoSuchBucket> {
        self.lock().buckets.get_mut(bucket).ok_or(NoSuchBucket)?.versioned = versioned;
        Ok(())
    }

    /// Bytes and versions that are held.
    pub(crate) fn stored(&self) -> (u64, u64) {
        let state = self.lock();
        (state.stored_bytes, state.stored_objects)
    }

    /// Begins a write.
    pub(crate) fn arrive(self: &Arc<Self>, bucket: &str, key: &str) -> Result<Arrival, NoSuchBucket> {
        let mut state = self.lock();
        let found = state.buckets.get_mut(bucket).ok_or(NoSuchBucket)?;
        let arrivals = found.arrivals.entry(key.to_owned()).or_default();
        arrivals.count += 1;
        let changes = arrivals.changes;
        Ok(Arrival { objects: Arc::clone(self), bucket: bucket.to_owned(), key: key.to_owned(), changes })
    }

    pub(crate) fn read(&self, bucket: &str, key: &str, version: Option<&str>) -> Result<Found, NoSuchBucket> {
        let state = self.lock();
        let versions = state.buckets.get(bucket).ok_or(NoSuchBucket)?.keys.get(key).map_or(&[][..], Vec::as_slice);
        let found = match version {
            None => versions.last(),
            Some(id) => versions.iter().find(|version| version.id == id),
        };
        Ok(match found {
            None => Found::Nothing,
            Some(version) => match &version.object {
                Some(object) => Found::Object(version.clone(), Arc::clone(object)),
                None => Found::Marker,
            },
        })
    }

    pub(crate) fn set_tags(&self, bucket: &str, key: &str, tags: Vec<(String, String)>) -> Result<bool, NoSuchBucket> {
        let mut state = self.lock();
        let versions = state.buckets.get_mut(bucket).ok_or(NoSuchBucket)?.keys.get_mut(key);
        let Some(object) = versions.and_then(|versions| versions.last_mut()?.object.as_mut()) else { return Ok(false) };
        let mut changed = Object::clone(object);
        changed.attributes.tags = tags;
        *object = Arc::new(changed);
        Ok(true)
    }

    pub(crate) fn delete(
        &self,
        bucket: &str,
        key: &str,
        version: Option<&str>,
        now: SystemTime,
    ) -> Result<Deleted, NoSuchBucket> {
        self.lock().delete(bucket, key, version, now).ok_or(NoSuchBucket)
    }
}

impl State {
    fn next_id(&mut self) -> u64 {
        self.last_id += 1;
        self.last_id
    }

    fn write(&mut self, bucket: &str, key: &str, mut object: Object, modified: SystemTime) -> Landed {
        let id = self.next_id();
        if object.etag.is_empty() {
            // Objects under a KMS key have etags that say nothing about their bytes; here all have.
            object.etag = format!("{:032x}", u128::from(id).wrapping_mul(0x9E37_79B9_7F4A_7C15_F39C_C060_5CED_C835));
        }
        let (etag, added) = (object.etag.clone(), object.body.len() as u64);
        let bucket = self.buckets.entry(bucket.to_owned()).or_default();
        let version = bucket.versioned.then(|| format!("v{id:016x}"));
        let held = Version {
            id: version.clone().unwrap_or_else(|| "null".to_owned()),
            modified,
            object: Some(Arc::new(object)),
        };
        let gone = bucket.push(key, held);
        self.stored_bytes = (self.stored_bytes + added).saturating_sub(gone.0);
        self.stored_objects = (self.stored_objects + 1).saturating_sub(gone.1);
        Landed { etag, version }
    }

    fn delete(&mut self, bucket: &str, key: &str, version: Option<&str>, now: SystemTime) -> Option<Deleted> {
        let marker = format!("v{:016x}", self.next_id());
        let bucket = self.buckets.get_mut(bucket)?;
        let (deleted, gone) = match version {
            None if bucket.versioned => {
                let held = Version { id: marker.clone(), modified: now, object: None };
                let gone = bucket.push(key, held);
                (Deleted { is_marker: true, version: Some(marker) }, gone)
            }
            None => (Deleted::default(), bucket.remove(key, "null").1),
            Some(id) => {
                let (is_marker, gone) = bucket.remove(key, id);
                (Deleted { is_marker, version: Some(id.to_owned()) }, gone)
            }
        };
        self.stored_bytes = self.stored_bytes.saturating_sub(gone.0);
        self.stored_objects = self.stored_objects.saturating_sub(gone.1);
        Some(deleted)
    }
}

impl Bucket {
    /// The object that a read without a version finds.
    fn current(&self, key: &str) -> Option<&Arc<Object>> {
        self.keys.get(key)?.last()?.object.as_ref()
    }

    fn changed(&mut self, key: &str) {
        if let Some(arrivals) = self.arrivals.get_mut(key) {
            arrivals.changes += 1;
        }
    }

    /// Makes a version the newest; says how many bytes and objects it replaced.
    fn push(&mut self, key: &str, version: Version) -> (u64, u64) {
        let (_, gone) = if version.id == "null" { self.remove(key, "null") } else { (false, (0, 0)) };
        self.keys.entry(key.to_owned()).or_default().push(version);
        self.changed(key);
        gone
    }

    /// Takes one version away; says whether it was a marker, and how many bytes and objects went.
    fn remove(&mut self, key: &str, id: &str) -> (bool, (u64, u64)) {
        let Some(versions) = self.keys.get_mut(key) else { return (false, (0, 0)) };
        let Some(at) = versions.iter().position(|version| version.id == id) else { return (false, (0, 0)) };
        let version = versions.remove(at);
        if versions.is_empty() {
            self.keys.remove(key);
        }
        self.changed(key);
        match version.object {
            Some(object) => (false, (object.body.len() as u64, 1)),
            None => (true, (0, 0)),
        }
    }
}

#[cfg(test)]
mod tests;
