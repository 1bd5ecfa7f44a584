//! Multipart uploads.

use std::collections::BTreeMap;

use bytes::BytesMut;
use s3s::dto::{
    AbortMultipartUploadInput, AbortMultipartUploadOutput, CompleteMultipartUploadInput, CompleteMultipartUploadOutput,
    CompletedPart, CreateMultipartUploadInput, CreateMultipartUploadOutput, ETag, ListMultipartUploadsInput,
    ListMultipartUploadsOutput, ListPartsInput, ListPartsOutput, MultipartUpload, UploadPartInput, UploadPartOutput,
};
use s3s::{S3Request, S3Result, s3_error};

use super::put::{condition, encryption_of, tags_of};
use super::{Service, checksums, no_such_upload, size, whole};
use crate::gate::Arrived;
use crate::limits::PART_BYTES_MIN;
use crate::objects::{Attributes, Checksums, Object, Part, Upload};

pub(super) async fn create(
    service: &Service,
    request: S3Request<CreateMultipartUploadInput>,
) -> S3Result<CreateMultipartUploadOutput> {
    let input = request.input;
    let attributes = Attributes {
        content_type: input.content_type,
        metadata: input.metadata,
        tags: tags_of(input.tagging.as_deref())?,
        encryption: input.server_side_encryption.map(|encryption| encryption.as_str().to_owned()),
        kms_key_id: input.ssekms_key_id,
        bucket_key_enabled: input.bucket_key_enabled,
    };
    let id = service.objects.begin_upload(&input.bucket, &input.key, attributes, service.clock.now())?;
    Ok(CreateMultipartUploadOutput {
        bucket: Some(input.bucket),
        key: Some(input.key),
        upload_id: Some(id),
        ..CreateMultipartUploadOutput::default()
    })
}

pub(super) async fn upload_part(service: &Service, request: S3Request<UploadPartInput>) -> S3Result<UploadPartOutput> {
    let input = request.input;
    if !(1..=10_000).contains(&input.part_number) {
        return Err(s3_error!(InvalidArgument, "Part number must be an integer between 1 and 10000, inclusive"));
    }
    let body = whole(input.body).await?;
    let given = Checksums {
        crc32: input.checksum_crc32,
        crc32c: input.checksum_crc32c,
        crc64nvme: input.checksum_crc64nvme,
        sha1: input.checksum_sha1,
        sha256: input.checksum_sha256,
    };
    let checksums = checksums::verify(&body, given)?;
    let part = Part { body, etag: String::new(), checksums: checksums.clone(), modified: service.clock.now() };
    let etag = service.objects.put_part(&input.bucket, &input.upload_id, input.part_number, part);
    Ok(UploadPartOutput {
        e_tag: Some(ETag::Strong(etag.ok_or_else(no_such_upload)?)),
        checksum_crc32: checksums.crc32,
        checksum_crc32c: checksums.crc32c,
        checksum_crc64nvme: checksums.crc64nvme,
        checksum_sha1: checksums.sha1,
        checksum_sha256: checksums.sha256,
        ..UploadPartOutput::default()
    })
}

pub(super) async fn complete(
    service: &Service,
    request: S3Request<CompleteMultipartUploadInput>,
) -> S3Result<CompleteMultipartUploadOutput> {
    let S3Request { input, extensions, .. } = request;
    let upload = find(service, &input.bucket, &input.upload_id, &input.key)?;
    let condition = condition(input.if_none_match, input.if_match)?;
    let listed = input.multipart_upload.and_then(|upload| upload.parts).unwrap_or_default();
    let body = assemble(&upload.parts, &listed)?;
    let arrived = Arrived::take(&extensions, &service.objects, &input.bucket, &input.key)?;
    let output = CompleteMultipartUploadOutput {
        server_side_encryption: encryption_of(&upload.attributes),
        ssekms_key_id: upload.attributes.kms_key_id.clone(),
        ..CompleteMultipartUploadOutput::default()
    };
    let etag = format!("{}-{}", input.upload_id.trim_start_matches("upload-").repeat(2), listed.len());
    let object = Object { body: body.freeze(), etag, checksums: Checksums::default(), attributes: upload.attributes };
    let landed = arrived.land(&condition, object, service.clock.now())?;
    service.objects.end_upload(&input.bucket, &input.upload_id);
    Ok(CompleteMultipartUploadOutput {
        bucket: Some(input.bucket),
        key: Some(input.key),
        e_tag: Some(ETag::Strong(landed.etag)),
        version_id: landed.version,
        ..output
    })
}

/// The listed parts, one after the other.
fn assemble(parts: &BTreeMap<i32, Part>, listed: &[CompletedPart]) -> S3Result<BytesMut> {
    let mut body = BytesMut::new();
    let mut before = 0;
    for (at, named) in listed.iter().enumerate() {
        let number = named.part_number.unwrap_or_default();
        if number <= before {
            return Err(s3_error!(InvalidPartOrder, "The list of parts was not in ascending order."));
        }
        before = number;
        let etag = named.e_tag.as_ref().map(ETag::value);
        let Some(part) = parts.get(&number).filter(|part| etag.is_none_or(|etag| etag == part.etag)) else {
            return Err(s3_error!(InvalidPart, "One or more of the specified parts could not be found."));
        };
        if at + 1 < listed.len() && part.body.len() < PART_BYTES_MIN {
            return Err(s3_error!(
                EntityTooSmall,
                "Your proposed upload is smaller than the minimum allowed object size."
            ));
        }
        body.extend_from_slice(&part.body);
    }
    if listed.is_empty() {
        return Err(s3_error!(MalformedXML, "You must specify at least one part"));
    }
    Ok(body)
}

pub(super) async fn abort(
    service: &Service,
    request: S3Request<AbortMultipartUploadInput>,
) -> S3Result<AbortMultipartUploadOutput> {
    let input = request.input;
    find(service, &input.bucket, &input.upload_id, &input.key)?;
    service.objects.end_upload(&input.bucket, &input.upload_id);
    Ok(AbortMultipartUploadOutput::default())
}

pub(super) async fn list(
    service: &Service,
    request: S3Request<ListMultipartUploadsInput>,
) -> S3Result<ListMultipartUploadsOutput> {
    let input = request.input;
    let prefix = input.prefix.unwrap_or_default();
    let row = |(id, upload): (String, Upload)| MultipartUpload {
        initiated: Some(upload.begun.into()),
        key: Some(upload.key),
        upload_id: Some(id),
        ..MultipartUpload::default()
    };
    let uploads = service.objects.uploads(&input.bucket, &prefix)?.into_iter().map(row).collect();
    Ok(ListMultipartUploadsOutput {
        bucket: Some(input.bucket),
        prefix: Some(prefix),
        is_truncated: Some(false),
        uploads: Some(uploads),
        ..ListMultipartUploadsOutput::default()
    })
}

pub(super) async fn list_parts(service: &Service, request: S3Request<ListPartsInput>) -> S3Result<ListPartsOutput> {
    let input = request.input;
    let upload = find(service, &input.bucket, &input.upload_id, &input.key)?;
    let row = |(number, part): (i32, Part)| s3s::dto::Part {
        e_tag: Some(ETag::Strong(part.etag)),
        last_modified: Some(part.modified.into()),
        part_number: Some(number),
        size: Some(size(part.body.len())),
        checksum_crc32c: part.checksums.crc32c,
        checksum_sha256: part.checksums.sha256,
        ..s3s::dto::Part::default()
    };
    Ok(ListPartsOutput {
        bucket: Some(input.bucket),
        key: Some(input.key),
        upload_id: Some(input.upload_id),
        is_truncated: Some(false),
        parts: Some(upload.parts.into_iter().map(row).collect()),
        ..ListPartsOutput::default()
    })
}

fn find(service: &Service, bucket: &str, id: &str, key: &str) -> S3Result<Upload> {
    service.objects.is_versioned(bucket)?;
    service.objects.upload(bucket, id).filter(|upload| upload.key == key).ok_or_else(no_such_upload)
}
