//! Emptying and deleting a bucket. Only ever done when `on_destroy = "delete"` asks for it.

use aws_sdk_s3::types::{Delete, ObjectIdentifier};

use crate::{
    client::Aws,
    failure::{Answer, Failure},
    limits,
};

/// How much was deleted.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Purged {
    /// Object versions and delete markers.
    pub(crate) versions: usize,
    /// Unfinished multipart uploads.
    pub(crate) uploads: usize,
}

/// Deletes every version, marker and upload, then the bucket. A bucket that is gone is done.
pub(crate) async fn delete(aws: &Aws, name: &str) -> Answer<Purged> {
    match empty_and_delete(aws, name).await {
        Err(failure) if failure.is("NoSuchBucket") || failure.is("404") || failure.is("NotFound") => {
            Ok(Purged::default())
        }
        other => other,
    }
}

async fn empty_and_delete(aws: &Aws, name: &str) -> Answer<Purged> {
    // The policy lets only brokers delete; changing it is the recorded step by which an administrator may.
    let answer = aws.s3().delete_bucket_policy().bucket(name).send().await;
    answer.map_err(|e| Failure::of("s3:DeleteBucketPolicy", name, e))?;
    let mut purged = Purged { versions: 0, uploads: abort_uploads(aws, name).await? };
    for _ in 0..limits::PURGE_PAGES_MAX {
        match delete_page(aws, name).await? {
            0 => break,
            deleted => purged.versions += deleted,
        }
    }
    let answer = aws.s3().delete_bucket().bucket(name).send().await;
    answer.map_err(|e| Failure::of("s3:DeleteBucket", name, e))?;
    Ok(purged)
}

/// Deletes the first page of versions; what it deleted is gone from the next listing, so there is no marker to keep.
async fn delete_page(aws: &Aws, name: &str) -> Answer<usize> {
    let answer = aws.s3().list_object_versions().bucket(name).send().await;
    let page = answer.map_err(|e| Failure::of("s3:ListBucketVersions", name, e))?;
    let versions = page.versions().iter().map(|v| (v.key(), v.version_id()));
    let markers = page.delete_markers().iter().map(|m| (m.key(), m.version_id()));
    let mut objects = Vec::new();
    for (key, version) in versions.chain(markers) {
        let object =
            ObjectIdentifier::builder().key(key.unwrap_or_default()).set_version_id(version.map(str::to_owned));
        objects.push(object.build().map_err(|e| Failure::new("S3 listed an object without a key", e.to_string()))?);
    }
    if objects.is_empty() {
        return Ok(0);
    }
    let count = objects.len();
    let batch = Delete::builder().set_objects(Some(objects)).quiet(true).build();
    let batch = batch.map_err(|e| Failure::new("the list of objects to delete is not valid", e.to_string()))?;
    let answer = aws.s3().delete_objects().bucket(name).delete(batch).send().await;
    let answer = answer.map_err(|e| Failure::of("s3:DeleteObjectVersion", name, e))?;
    match answer.errors().first() {
        None => Ok(count),
        Some(error) => Err(Failure::new(
            format!("the bucket {name} could not be emptied"),
            format!(
                "S3 refused to delete {}: {}. An object lock or a policy keeps it; wait until it ends, or set on_destroy = \
                 \"retain\" and apply before you destroy.",
                error.key().unwrap_or_default(),
                error.message().unwrap_or_default()
            ),
        )),
    }
}

async fn abort_uploads(aws: &Aws, name: &str) -> Answer<usize> {
    let answer = aws.s3().list_multipart_uploads().bucket(name).send().await;
    let uploads = answer.map_err(|e| Failure::of("s3:ListBucketMultipartUploads", name, e))?;
    for upload in uploads.uploads() {
        let request = aws.s3().abort_multipart_upload().bucket(name);
        let request =
            request.set_key(upload.key().map(str::to_owned)).set_upload_id(upload.upload_id().map(str::to_owned));
        request.send().await.map_err(|e| Failure::of("s3:AbortMultipartUpload", name, e))?;
    }
    Ok(uploads.uploads().len())
}
