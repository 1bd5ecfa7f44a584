//! S3's operations on [`Objects`]; `s3s` reads the requests and writes the answers.
//!
//! Knows nothing of latency and faults: [`crate::gate`] lets a request through when its time has come.

mod buckets;
mod checksums;
mod delete;
mod get;
mod list;
mod put;
mod uploads;

use std::sync::Arc;

use bytes::{Bytes, BytesMut};
use futures::TryStreamExt as _;
use s3s::dto::{
    AbortMultipartUploadInput, AbortMultipartUploadOutput, CompleteMultipartUploadInput, CompleteMultipartUploadOutput,
    CopyObjectInput, CopyObjectOutput, CreateBucketInput, CreateBucketOutput, CreateMultipartUploadInput,
    CreateMultipartUploadOutput, DeleteObjectInput, DeleteObjectOutput, DeleteObjectsInput, DeleteObjectsOutput,
    GetBucketLocationInput, GetBucketLocationOutput, GetBucketVersioningInput, GetBucketVersioningOutput,
    GetObjectInput, GetObjectOutput, GetObjectTaggingInput, GetObjectTaggingOutput, HeadBucketInput, HeadBucketOutput,
    HeadObjectInput, HeadObjectOutput, ListBucketsInput, ListBucketsOutput, ListMultipartUploadsInput,
    ListMultipartUploadsOutput, ListObjectVersionsInput, ListObjectVersionsOutput, ListObjectsInput, ListObjectsOutput,
    ListObjectsV2Input, ListObjectsV2Output, ListPartsInput, ListPartsOutput, PutBucketVersioningInput,
    PutBucketVersioningOutput, PutObjectInput, PutObjectOutput, PutObjectTaggingInput, PutObjectTaggingOutput,
    StreamingBlob, UploadPartInput, UploadPartOutput,
};
use s3s::{S3, S3Error, S3Request, S3Response, S3Result, s3_error};

use crate::clock::Clock;
use crate::objects::{NoSuchBucket, NotLanded, Objects};

/// The operations.
#[derive(Clone, Debug)]
pub(crate) struct Service {
    pub(crate) objects: Arc<Objects>,
    pub(crate) clock: Clock,
    pub(crate) region: String,
}

type Answer<T> = S3Result<S3Response<T>>;

impl From<NoSuchBucket> for S3Error {
    fn from(_: NoSuchBucket) -> Self {
        s3_error!(NoSuchBucket, "The specified bucket does not exist")
    }
}

impl From<NotLanded> for S3Error {
    fn from(why: NotLanded) -> Self {
        match why {
            NotLanded::NoSuchBucket => NoSuchBucket.into(),
            NotLanded::NoSuchKey => no_such_key(),
            NotLanded::ConditionFailed => {
                s3_error!(PreconditionFailed, "At least one of the pre-conditions you specified did not hold")
            }
            NotLanded::Overtaken => s3_error!(
                ConditionalRequestConflict,
                "The conditional request cannot succeed due to a conflicting operation against this resource."
            ),
        }
    }
}

fn no_such_key() -> S3Error {
    s3_error!(NoSuchKey, "The specified key does not exist.")
}

fn no_such_upload() -> S3Error {
    s3_error!(
        NoSuchUpload,
        "The specified upload does not exist. The upload ID may be invalid, or the upload may have been aborted or \
         completed."
    )
}

/// The whole body; one that arrived as one piece is not copied.
async fn whole(body: Option<StreamingBlob>) -> S3Result<Bytes> {
    let Some(mut body) = body else { return Ok(Bytes::new()) };
    let failed = |e| S3Error::with_source(s3s::S3ErrorCode::IncompleteBody, e);
    let first = body.try_next().await.map_err(failed)?.unwrap_or_default();
    let Some(second) = body.try_next().await.map_err(failed)? else { return Ok(first) };
    let mut all = BytesMut::from(first);
    all.extend_from_slice(&second);
    while let Some(next) = body.try_next().await.map_err(failed)? {
        all.extend_from_slice(&next);
    }
    Ok(all.freeze())
}

/// The number of a page's entries: what was asked for, at most what S3 gives.
fn page_size(asked: Option<i32>) -> usize {
    let most = crate::limits::PAGE_KEYS_MAX;
    asked.map_or(most, |asked| usize::try_from(asked).unwrap_or_default().min(most))
}

fn count(n: usize) -> i32 {
    i32::try_from(n).unwrap_or(i32::MAX)
}

fn size(n: usize) -> i64 {
    i64::try_from(n).unwrap_or(i64::MAX)
}

macro_rules! operations {
    ($($name:ident: $input:ident -> $output:ident = $function:path;)*) => {
        #[async_trait::async_trait]
        impl S3 for Service {
            $(async fn $name(&self, request: S3Request<$input>) -> Answer<$output> {
                $function(self, request).await.map(S3Response::new)
            })*
        }
    };
}

operations! {
    put_object: PutObjectInput -> PutObjectOutput = put::put_object;
    copy_object: CopyObjectInput -> CopyObjectOutput = put::copy_object;
    put_object_tagging: PutObjectTaggingInput -> PutObjectTaggingOutput = put::put_object_tagging;
    get_object: GetObjectInput -> GetObjectOutput = get::get_object;
    head_object: HeadObjectInput -> HeadObjectOutput = get::head_object;
    get_object_tagging: GetObjectTaggingInput -> GetObjectTaggingOutput = get::get_object_tagging;
    delete_object: DeleteObjectInput -> DeleteObjectOutput = delete::delete_object;
    delete_objects: DeleteObjectsInput -> DeleteObjectsOutput = delete::delete_objects;
    list_objects: ListObjectsInput -> ListObjectsOutput = list::list_objects;
    list_objects_v2: ListObjectsV2Input -> ListObjectsV2Output = list::list_objects_v2;
    list_object_versions: ListObjectVersionsInput -> ListObjectVersionsOutput = list::list_object_versions;
    create_multipart_upload: CreateMultipartUploadInput -> CreateMultipartUploadOutput = uploads::create;
    upload_part: UploadPartInput -> UploadPartOutput = uploads::upload_part;
    complete_multipart_upload: CompleteMultipartUploadInput -> CompleteMultipartUploadOutput = uploads::complete;
    abort_multipart_upload: AbortMultipartUploadInput -> AbortMultipartUploadOutput = uploads::abort;
    list_multipart_uploads: ListMultipartUploadsInput -> ListMultipartUploadsOutput = uploads::list;
    list_parts: ListPartsInput -> ListPartsOutput = uploads::list_parts;
    create_bucket: CreateBucketInput -> CreateBucketOutput = buckets::create;
    head_bucket: HeadBucketInput -> HeadBucketOutput = buckets::head;
    list_buckets: ListBucketsInput -> ListBucketsOutput = buckets::list;
    get_bucket_location: GetBucketLocationInput -> GetBucketLocationOutput = buckets::location;
    get_bucket_versioning: GetBucketVersioningInput -> GetBucketVersioningOutput = buckets::versioning;
    put_bucket_versioning: PutBucketVersioningInput -> PutBucketVersioningOutput = buckets::put_versioning;
}
