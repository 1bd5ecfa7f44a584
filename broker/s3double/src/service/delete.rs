//! Deleting objects.

use s3s::dto::{DeleteObjectInput, DeleteObjectOutput, DeleteObjectsInput, DeleteObjectsOutput, DeletedObject};
use s3s::{S3Request, S3Result, s3_error};

use super::Service;
use crate::limits::DELETED_KEYS_MAX;

pub(super) async fn delete_object(
    service: &Service,
    request: S3Request<DeleteObjectInput>,
) -> S3Result<DeleteObjectOutput> {
    let input = request.input;
    let now = service.clock.now();
    let deleted = service.objects.delete(&input.bucket, &input.key, input.version_id.as_deref(), now)?;
    Ok(DeleteObjectOutput {
        delete_marker: deleted.is_marker.then_some(true),
        version_id: deleted.version,
        ..DeleteObjectOutput::default()
    })
}

pub(super) async fn delete_objects(
    service: &Service,
    request: S3Request<DeleteObjectsInput>,
) -> S3Result<DeleteObjectsOutput> {
    let input = request.input;
    if input.delete.objects.is_empty() || input.delete.objects.len() > DELETED_KEYS_MAX {
        return Err(s3_error!(
            MalformedXML,
            "The XML you provided was not well-formed or did not validate against our published schema"
        ));
    }
    let now = service.clock.now();
    let mut rows = Vec::new();
    for object in input.delete.objects {
        let deleted = service.objects.delete(&input.bucket, &object.key, object.version_id.as_deref(), now)?;
        rows.push(DeletedObject {
            delete_marker: deleted.is_marker.then_some(true),
            delete_marker_version_id: deleted.version.filter(|_| deleted.is_marker),
            key: Some(object.key),
            version_id: object.version_id,
        });
    }
    let deleted = if input.delete.quiet == Some(true) { None } else { Some(rows) };
    Ok(DeleteObjectsOutput { deleted, ..DeleteObjectsOutput::default() })
}
