//! Writing objects.

use percent_encoding::percent_decode_str;
use s3s::dto::{
    CopyObjectInput, CopyObjectOutput, CopyObjectResult, CopySource, ETag, ETagCondition, MetadataDirective,
    PutObjectInput, PutObjectOutput, PutObjectTaggingInput, PutObjectTaggingOutput, ServerSideEncryption,
};
use s3s::{S3Request, S3Result, s3_error};

use super::{Service, checksums, no_such_key, whole};
use crate::gate::Arrived;
use crate::objects::{Attributes, Checksums, Condition, Found, Object};

pub(super) async fn put_object(service: &Service, request: S3Request<PutObjectInput>) -> S3Result<PutObjectOutput> {
    let S3Request { input, extensions, .. } = request;
    let arrived = Arrived::take(&extensions, &service.objects, &input.bucket, &input.key)?;
    let condition = condition(input.if_none_match, input.if_match)?;
    let body = whole(input.body).await?;
    let given = Checksums {
        crc32: input.checksum_crc32,
        crc32c: input.checksum_crc32c,
        crc64nvme: input.checksum_crc64nvme,
        sha1: input.checksum_sha1,
        sha256: input.checksum_sha256,
    };
    let checksums = checksums::verify(&body, given)?;
    let attributes = Attributes {
        content_type: input.content_type,
        metadata: input.metadata,
        tags: tags_of(input.tagging.as_deref())?,
        encryption: input.server_side_encryption.map(|encryption| encryption.as_str().to_owned()),
        kms_key_id: input.ssekms_key_id,
        bucket_key_enabled: input.bucket_key_enabled,
    };
    let output = PutObjectOutput {
        checksum_crc32: checksums.crc32.clone(),
        checksum_crc32c: checksums.crc32c.clone(),
        checksum_crc64nvme: checksums.crc64nvme.clone(),
        checksum_sha1: checksums.sha1.clone(),
        checksum_sha256: checksums.sha256.clone(),
        server_side_encryption: encryption_of(&attributes),
        ssekms_key_id: attributes.kms_key_id.clone(),
        bucket_key_enabled: attributes.bucket_key_enabled,
        ..PutObjectOutput::default()
    };
    let object = Object { body, etag: String::new(), checksums, attributes };
    let landed = arrived.land(&condition, object, service.clock.now())?;
    Ok(PutObjectOutput { e_tag: Some(ETag::Strong(landed.etag)), version_id: landed.version, ..output })
}

pub(super) async fn copy_object(service: &Service, request: S3Request<CopyObjectInput>) -> S3Result<CopyObjectOutput> {
    let S3Request { input, extensions, .. } = request;
    let CopySource::Bucket { bucket, key, version_id } = &input.copy_source else {
        return Err(s3_error!(NotImplemented, "copies come from a bucket"));
    };
    let Found::Object(_, source) = service.objects.read(bucket, key, version_id.as_deref())? else {
        return Err(no_such_key());
    };
    let mut attributes = source.attributes.clone();
    if input.metadata_directive.is_some_and(|directive| directive.as_str() == MetadataDirective::REPLACE) {
        (attributes.metadata, attributes.content_type) = (input.metadata, input.content_type);
    }
    attributes.encryption = input.server_side_encryption.map(|encryption| encryption.as_str().to_owned());
    attributes.kms_key_id = input.ssekms_key_id;
    let object =
        Object { body: source.body.clone(), etag: String::new(), checksums: source.checksums.clone(), attributes };
    let arrived = Arrived::take(&extensions, &service.objects, &input.bucket, &input.key)?;
    let now = service.clock.now();
    let landed = arrived.land(&Condition::Always, object, now)?;
    let result = CopyObjectResult {
        e_tag: Some(ETag::Strong(landed.etag)),
        last_modified: Some(now.into()),
        ..CopyObjectResult::default()
    };
    Ok(CopyObjectOutput { copy_object_result: Some(result), version_id: landed.version, ..CopyObjectOutput::default() })
}

pub(super) async fn put_object_tagging(
    service: &Service,
    request: S3Request<PutObjectTaggingInput>,
) -> S3Result<PutObjectTaggingOutput> {
    let PutObjectTaggingInput { bucket, key, tagging, .. } = request.input;
    let pair = |tag: s3s::dto::Tag| (tag.key.unwrap_or_default(), tag.value.unwrap_or_default());
    let tags = tagging.tag_set.into_iter().map(pair).collect();
    if service.objects.set_tags(&bucket, &key, tags)? {
        Ok(PutObjectTaggingOutput::default())
    } else {
        Err(no_such_key())
    }
}

pub(super) fn condition(if_none_match: Option<ETagCondition>, if_match: Option<ETagCondition>) -> S3Result<Condition> {
    match (if_none_match, if_match) {
        (None, None) => Ok(Condition::Always),
        (Some(ETagCondition::Any), None) => Ok(Condition::Absent),
        (None, Some(ETagCondition::ETag(etag))) => Ok(Condition::Etag(etag.into_value())),
        // S3 takes nothing else on writes either.
        _ => Err(s3_error!(NotImplemented, "A header you provided implies functionality that is not implemented")),
    }
}

pub(super) fn tags_of(header: Option<&str>) -> S3Result<Vec<(String, String)>> {
    let decoded = |text: &str| {
        let text = text.replace('+', " ");
        percent_decode_str(&text).decode_utf8().map(|text| text.into_owned()).ok()
    };
    let pairs = header.unwrap_or_default().split('&').filter(|pair| !pair.is_empty());
    let tag = |pair: &str| {
        let (key, value) = pair.split_once('=').unwrap_or((pair, ""));
        Some((decoded(key).filter(|key| !key.is_empty())?, decoded(value)?))
    };
    let tags: Option<Vec<_>> = pairs.map(tag).collect();
    tags.filter(|tags| tags.len() <= 10).ok_or_else(|| {
        s3_error!(InvalidArgument, "The header 'x-amz-tagging' shall be encoded as UTF-8 then URLEncoded")
    })
}

pub(super) fn encryption_of(attributes: &Attributes) -> Option<ServerSideEncryption> {
    attributes.encryption.clone().map(ServerSideEncryption::from)
}
