//! Buckets themselves.

use s3s::dto::{
    Bucket, BucketLocationConstraint, BucketVersioningStatus, CreateBucketInput, CreateBucketOutput,
    GetBucketLocationInput, GetBucketLocationOutput, GetBucketVersioningInput, GetBucketVersioningOutput,
    HeadBucketInput, HeadBucketOutput, ListBucketsInput, ListBucketsOutput, PutBucketVersioningInput,
    PutBucketVersioningOutput,
};
use s3s::{S3Request, S3Result, s3_error};

use super::Service;
use crate::objects::NoSuchBucket;

pub(super) async fn create(service: &Service, request: S3Request<CreateBucketInput>) -> S3Result<CreateBucketOutput> {
    if service.objects.create_bucket(&request.input.bucket) {
        Ok(CreateBucketOutput { location: Some(format!("/{}", request.input.bucket)) })
    } else {
        Err(s3_error!(BucketAlreadyOwnedByYou, "Your previous request to create the named bucket succeeded"))
    }
}

pub(super) async fn head(service: &Service, request: S3Request<HeadBucketInput>) -> S3Result<HeadBucketOutput> {
    if !service.objects.has_bucket(&request.input.bucket) {
        return Err(NoSuchBucket.into());
    }
    Ok(HeadBucketOutput { bucket_region: Some(service.region.clone()), ..HeadBucketOutput::default() })
}

pub(super) async fn list(service: &Service, _: S3Request<ListBucketsInput>) -> S3Result<ListBucketsOutput> {
    let row = |name| Bucket { name: Some(name), ..Bucket::default() };
    let buckets = service.objects.bucket_names().into_iter().map(row).collect();
    Ok(ListBucketsOutput { buckets: Some(buckets), ..ListBucketsOutput::default() })
}

pub(super) async fn location(
    service: &Service,
    request: S3Request<GetBucketLocationInput>,
) -> S3Result<GetBucketLocationOutput> {
    service.objects.is_versioned(&request.input.bucket)?;
    // The first region has no name there.
    let named = Some(service.region.clone()).filter(|region| region != "us-east-1");
    Ok(GetBucketLocationOutput { location_constraint: named.map(BucketLocationConstraint::from) })
}

pub(super) async fn versioning(
    service: &Service,
    request: S3Request<GetBucketVersioningInput>,
) -> S3Result<GetBucketVersioningOutput> {
    let on = service.objects.is_versioned(&request.input.bucket)?;
    let status = on.then(|| BucketVersioningStatus::from_static(BucketVersioningStatus::ENABLED));
    Ok(GetBucketVersioningOutput { mfa_delete: None, status })
}

pub(super) async fn put_versioning(
    service: &Service,
    request: S3Request<PutBucketVersioningInput>,
) -> S3Result<PutBucketVersioningOutput> {
    let input = request.input;
    let status = input.versioning_configuration.status.unwrap_or_else(|| BucketVersioningStatus::from_static(""));
    let versioned = status.as_str() == BucketVersioningStatus::ENABLED;
    service.objects.set_versioned(&input.bucket, versioned)?;
    Ok(PutBucketVersioningOutput::default())
}
