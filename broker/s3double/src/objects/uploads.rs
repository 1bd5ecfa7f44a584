//! Multipart uploads.

use std::collections::BTreeMap;
use std::time::SystemTime;

use bytes::Bytes;

use super::{Attributes, Checksums, NoSuchBucket, Objects};

/// An upload that was begun.
#[derive(Clone, Debug)]
pub(crate) struct Upload {
    pub(crate) key: String,
    pub(crate) attributes: Attributes,
    pub(crate) begun: SystemTime,
    pub(crate) parts: BTreeMap<i32, Part>,
}

/// One part.
#[derive(Clone, Debug)]
pub(crate) struct Part {
    pub(crate) body: Bytes,
    pub(crate) etag: String,
    pub(crate) checksums: Checksums,
    pub(crate) modified: SystemTime,
}

impl Objects {
    /// Gives the upload's id.
    pub(crate) fn begin_upload(
        &self,
        bucket: &str,
        key: &str,
        attributes: Attributes,
        begun: SystemTime,
    ) -> Result<String, NoSuchBucket> {
        let mut state = self.lock();
        let id = format!("upload-{:016x}", state.next_id());
        let bucket = state.buckets.get_mut(bucket).ok_or(NoSuchBucket)?;
        let upload = Upload { key: key.to_owned(), attributes, begun, parts: BTreeMap::new() };
        bucket.uploads.insert(id.clone(), upload);
        Ok(id)
    }

    /// Gives the part's etag; none where there is no such upload.
    pub(crate) fn put_part(&self, bucket: &str, upload: &str, number: i32, mut part: Part) -> Option<String> {
        let mut state = self.lock();
        let etag = format!("{:032x}", state.next_id());
        part.etag.clone_from(&etag);
        state.buckets.get_mut(bucket)?.uploads.get_mut(upload)?.parts.insert(number, part);
        Some(etag)
    }

    pub(crate) fn upload(&self, bucket: &str, upload: &str) -> Option<Upload> {
        self.lock().buckets.get(bucket)?.uploads.get(upload).cloned()
    }

    /// False where there is none.
    pub(crate) fn end_upload(&self, bucket: &str, upload: &str) -> bool {
        self.lock().buckets.get_mut(bucket).is_some_and(|bucket| bucket.uploads.remove(upload).is_some())
    }

    /// Ids and uploads whose keys begin with a prefix.
    pub(crate) fn uploads(&self, bucket: &str, prefix: &str) -> Result<Vec<(String, Upload)>, NoSuchBucket> {
        let state = self.lock();
        let uploads = &state.buckets.get(bucket).ok_or(NoSuchBucket)?.uploads;
        let mut found: Vec<_> = uploads.iter().filter(|(_, upload)| upload.key.starts_with(prefix)).collect();
        found.sort_by_key(|(_, upload)| &upload.key);
        Ok(found.into_iter().map(|(id, upload)| (id.clone(), upload.clone())).collect())
    }
}
