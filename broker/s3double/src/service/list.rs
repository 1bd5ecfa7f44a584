//! Listing objects and versions.

use s3s::dto::{
    CommonPrefix, DeleteMarkerEntry, ETag, ListObjectVersionsInput, ListObjectVersionsOutput, ListObjectsInput,
    ListObjectsOutput, ListObjectsV2Input, ListObjectsV2Output, Object, ObjectStorageClass, ObjectVersion,
    ObjectVersionStorageClass,
};
use s3s::{S3Request, S3Result, s3_error};

use super::{Service, count, page_size, size};
use crate::objects::{Listing, Page};

/// What marks a continuation token as one of ours; what follows is the last key of the page before, in hexadecimal.
const TOKEN: &str = "after-";

pub(super) async fn list_objects_v2(
    service: &Service,
    request: S3Request<ListObjectsV2Input>,
) -> S3Result<ListObjectsV2Output> {
    let input = request.input;
    let after = match &input.continuation_token {
        Some(token) => Some(key_in(token)?),
        None => input.start_after.clone(),
    };
    let listing = Listing {
        prefix: input.prefix.clone().unwrap_or_default(),
        delimiter: input.delimiter.clone(),
        after,
        keys_max: page_size(input.max_keys),
    };
    let page = service.objects.list(&input.bucket, &listing)?;
    let (contents, common_prefixes, next) = rows(page);
    Ok(ListObjectsV2Output {
        name: Some(input.bucket),
        prefix: Some(listing.prefix),
        max_keys: Some(count(listing.keys_max)),
        key_count: Some(count(contents.len() + common_prefixes.len())),
        continuation_token: input.continuation_token,
        is_truncated: Some(next.is_some()),
        next_continuation_token: next.map(|key| token_of(&key)),
        contents: Some(contents),
        common_prefixes: Some(common_prefixes),
        delimiter: input.delimiter,
        start_after: input.start_after,
        ..ListObjectsV2Output::default()
    })
}

pub(super) async fn list_objects(
    service: &Service,
    request: S3Request<ListObjectsInput>,
) -> S3Result<ListObjectsOutput> {
    let input = request.input;
    let listing = Listing {
        prefix: input.prefix.clone().unwrap_or_default(),
        delimiter: input.delimiter.clone(),
        after: input.marker.clone().filter(|marker| !marker.is_empty()),
        keys_max: page_size(input.max_keys),
    };
    let (contents, common_prefixes, next) = rows(service.objects.list(&input.bucket, &listing)?);
    Ok(ListObjectsOutput {
        name: Some(input.bucket),
        prefix: Some(listing.prefix),
        marker: input.marker,
        max_keys: Some(count(listing.keys_max)),
        is_truncated: Some(next.is_some()),
        contents: Some(contents),
        common_prefixes: Some(common_prefixes),
        delimiter: input.delimiter,
        next_marker: next,
        ..ListObjectsOutput::default()
    })
}

pub(super) async fn list_object_versions(
    service: &Service,
    request: S3Request<ListObjectVersionsInput>,
) -> S3Result<ListObjectVersionsOutput> {
    let input = request.input;
    if input.delimiter.as_ref().is_some_and(|delimiter| !delimiter.is_empty()) {
        return Err(s3_error!(NotImplemented, "versions are listed without a delimiter"));
    }
    let listing = Listing {
        prefix: input.prefix.clone().unwrap_or_default(),
        delimiter: None,
        after: input.key_marker.clone().filter(|marker| !marker.is_empty()),
        keys_max: page_size(input.max_keys),
    };
    let page = service.objects.list_versions(&input.bucket, &listing)?;
    let (mut versions, mut delete_markers) = (Vec::new(), Vec::new());
    for row in page.rows {
        let (key, version_id) = (Some(row.key), Some(row.id));
        let (is_latest, last_modified) = (Some(row.is_latest), Some(row.modified.into()));
        match row.object {
            Some(object) => versions.push(ObjectVersion {
                e_tag: Some(ETag::Strong(object.etag.clone())),
                is_latest,
                key,
                last_modified,
                size: Some(size(object.body.len())),
                storage_class: Some(ObjectVersionStorageClass::from_static(ObjectVersionStorageClass::STANDARD)),
                version_id,
                ..ObjectVersion::default()
            }),
            None => {
                delete_markers.push(DeleteMarkerEntry { is_latest, key, last_modified, owner: None, version_id });
            }
        }
    }
    Ok(ListObjectVersionsOutput {
        name: Some(input.bucket),
        prefix: Some(listing.prefix),
        key_marker: input.key_marker,
        max_keys: Some(count(listing.keys_max)),
        is_truncated: Some(page.next_after.is_some()),
        next_key_marker: page.next_after,
        versions: Some(versions),
        delete_markers: Some(delete_markers),
        ..ListObjectVersionsOutput::default()
    })
}

fn rows(page: Page) -> (Vec<Object>, Vec<CommonPrefix>, Option<String>) {
    let row =
        |(key, modified, object): (String, std::time::SystemTime, std::sync::Arc<crate::objects::Object>)| Object {
            e_tag: Some(ETag::Strong(object.etag.clone())),
            key: Some(key),
            last_modified: Some(modified.into()),
            size: Some(size(object.body.len())),
            storage_class: Some(ObjectStorageClass::from_static(ObjectStorageClass::STANDARD)),
            ..Object::default()
        };
    let contents = page.objects.into_iter().map(row).collect();
    let common_prefixes =
        page.common_prefixes.into_iter().map(|prefix| CommonPrefix { prefix: Some(prefix) }).collect();
    (contents, common_prefixes, page.next_after)
}

fn token_of(key: &str) -> String {
    let mut token = TOKEN.to_owned();
    for byte in key.bytes() {
        token.push_str(&format!("{byte:02x}"));
    }
    token
}

fn key_in(token: &str) -> S3Result<String> {
    let wrong = || s3_error!(InvalidArgument, "The continuation token provided is incorrect");
    let hex = token.strip_prefix(TOKEN).ok_or_else(wrong)?;
    let digits: Option<Vec<u8>> = hex.chars().map(|c| c.to_digit(16).and_then(|d| u8::try_from(d).ok())).collect();
    let digits = digits.filter(|digits| digits.len() % 2 == 0).ok_or_else(wrong)?;
    let bytes = digits.chunks(2).map(|pair| pair.iter().fold(0, |byte, digit| byte << 4 | digit)).collect();
    String::from_utf8(bytes).map_err(|_| wrong())
}
