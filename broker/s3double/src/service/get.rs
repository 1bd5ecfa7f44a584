//! Reading objects.

use std::sync::Arc;

use s3s::dto::{
    ChecksumMode, ETag, ETagCondition, GetObjectInput, GetObjectOutput, GetObjectTaggingInput, GetObjectTaggingOutput,
    HeadObjectInput, HeadObjectOutput, Range, StreamingBlob, Tag,
};
use s3s::{Body, S3Error, S3Request, S3Result, s3_error};

use super::put::encryption_of;
use super::{Service, count, no_such_key, size};
use crate::objects::{Found, Object, Version};

pub(super) async fn get_object(service: &Service, request: S3Request<GetObjectInput>) -> S3Result<GetObjectOutput> {
    let input = request.input;
    let (version, object) = find(service, &input.bucket, &input.key, input.version_id.as_deref())?;
    check(&object, input.if_match.as_ref(), input.if_none_match.as_ref())?;
    let length = object.body.len();
    let (body, content_range) = match &input.range {
        None => (object.body.clone(), None),
        Some(range) => {
            let bounds = bounds(range, length)?;
            let text = format!("bytes {}-{}/{length}", bounds.start, bounds.end.saturating_sub(1));
            (object.body.slice(bounds), Some(text))
        }
    };
    // S3 answers checksums of whole objects only.
    let wants_checksums =
        input.range.is_none() && input.checksum_mode.is_some_and(|mode| mode.as_str() == ChecksumMode::ENABLED);
    let checksums = if wants_checksums { object.checksums.clone() } else { Default::default() };
    let attributes = &object.attributes;
    Ok(GetObjectOutput {
        accept_ranges: Some("bytes".to_owned()),
        content_length: Some(size(body.len())),
        body: Some(StreamingBlob::from(Body::from(body))),
        content_range,
        bucket_key_enabled: attributes.bucket_key_enabled,
        checksum_crc32: checksums.crc32,
        checksum_crc32c: checksums.crc32c,
        checksum_crc64nvme: checksums.crc64nvme,
        checksum_sha1: checksums.sha1,
        checksum_sha256: checksums.sha256,
        content_type: attributes.content_type.clone(),
        e_tag: Some(ETag::Strong(object.etag.clone())),
        last_modified: Some(version.modified.into()),
        metadata: attributes.metadata.clone(),
        server_side_encryption: encryption_of(attributes),
        ssekms_key_id: attributes.kms_key_id.clone(),
        tag_count: Some(attributes.tags.len()).filter(|tags| *tags > 0).map(count),
        version_id: Some(version.id).filter(|id| id != "null"),
        ..GetObjectOutput::default()
    })
}

pub(super) async fn head_object(service: &Service, request: S3Request<HeadObjectInput>) -> S3Result<HeadObjectOutput> {
    let input = request.input;
    let (version, object) = find(service, &input.bucket, &input.key, input.version_id.as_deref())?;
    check(&object, input.if_match.as_ref(), input.if_none_match.as_ref())?;
    let wants_checksums = input.checksum_mode.is_some_and(|mode| mode.as_str() == ChecksumMode::ENABLED);
    let checksums = if wants_checksums { object.checksums.clone() } else { Default::default() };
    let attributes = &object.attributes;
    Ok(HeadObjectOutput {
        accept_ranges: Some("bytes".to_owned()),
        content_length: Some(size(object.body.len())),
        bucket_key_enabled: attributes.bucket_key_enabled,
        checksum_crc32: checksums.crc32,
        checksum_crc32c: checksums.crc32c,
        checksum_crc64nvme: checksums.crc64nvme,
        checksum_sha1: checksums.sha1,
        checksum_sha256: checksums.sha256,
        content_type: attributes.content_type.clone(),
        e_tag: Some(ETag::Strong(object.etag.clone())),
        last_modified: Some(version.modified.into()),
        metadata: attributes.metadata.clone(),
        server_side_encryption: encryption_of(attributes),
        ssekms_key_id: attributes.kms_key_id.clone(),
        version_id: Some(version.id).filter(|id| id != "null"),
        ..HeadObjectOutput::default()
    })
}

pub(super) async fn get_object_tagging(
    service: &Service,
    request: S3Request<GetObjectTaggingInput>,
) -> S3Result<GetObjectTaggingOutput> {
    let input = request.input;
    let (version, object) = find(service, &input.bucket, &input.key, input.version_id.as_deref())?;
    let tag = |(key, value): &(String, String)| Tag { key: Some(key.clone()), value: Some(value.clone()) };
    let tag_set = object.attributes.tags.iter().map(tag).collect();
    Ok(GetObjectTaggingOutput { tag_set, version_id: Some(version.id).filter(|id| id != "null") })
}

fn find(service: &Service, bucket: &str, key: &str, version: Option<&str>) -> S3Result<(Version, Arc<Object>)> {
    match service.objects.read(bucket, key, version)? {
        Found::Object(found, object) => Ok((found, object)),
        Found::Marker if version.is_some() => {
            Err(s3_error!(MethodNotAllowed, "The specified method is not allowed against this resource."))
        }
        Found::Nothing if version.is_some() => Err(s3_error!(NoSuchVersion, "The specified version does not exist.")),
        Found::Marker | Found::Nothing => Err(no_such_key()),
    }
}

fn check(object: &Object, if_match: Option<&ETagCondition>, if_none_match: Option<&ETagCondition>) -> S3Result<()> {
    let is_this = |condition: &ETagCondition| match condition {
        ETagCondition::Any => true,
        ETagCondition::ETag(etag) => etag.value() == object.etag,
    };
    if if_match.is_some_and(|condition| !is_this(condition)) {
        return Err(s3_error!(PreconditionFailed, "At least one of the pre-conditions you specified did not hold"));
    }
    if if_none_match.is_some_and(is_this) {
        return Err(S3Error::new(s3s::S3ErrorCode::NotModified));
    }
    Ok(())
}

fn bounds(range: &Range, length: usize) -> S3Result<std::ops::Range<usize>> {
    let unsatisfiable = || s3_error!(InvalidRange, "The requested range is not satisfiable");
    let bounds = range.check(length as u64).map_err(|_| unsatisfiable())?;
    let (start, end) = (usize::try_from(bounds.start), usize::try_from(bounds.end));
    match (start, end) {
        (Ok(start), Ok(end)) if start <= end && end <= length => Ok(start..end),
        _ => Err(unsatisfiable()),
    }
}
