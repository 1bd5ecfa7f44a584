//! The package as an object of the metadata bucket: named by its checksum, so created once and never changed.

use aws_sdk_s3::{primitives::ByteStream, types::ServerSideEncryption};
use base64::Engine as _;
use sha2::{Digest, Sha256};

use crate::{
    client::Aws,
    failure::{Answer, Failure},
};

/// Where a package with this checksum lies.
pub(crate) fn key(sha256: &str) -> String {
    format!("packages/{sha256}/ringfence-broker.tar.gz")
}

/// Uploads the file unless it is there; what is sent has the checksum that was planned, or nothing is sent.
pub(crate) async fn upload(aws: &Aws, bucket: &str, kms_key: &str, path: &str, sha256: &str) -> Answer<()> {
    let bytes = tokio::fs::read(path).await.map_err(|error| {
        Failure::new(
            format!("the package {path} cannot be read"),
            format!("The system says: {error}. Build it again, then apply."),
        )
    })?;
    let digest = Sha256::digest(&bytes);
    if hex::encode(digest) != sha256 {
        return Err(Failure::new(
            format!("the package {path} changed after the plan"),
            format!("Its SHA-256 is {}, the plan says {sha256}. Plan again.", hex::encode(digest)),
        ));
    }
    let request = aws
        .s3()
        .put_object()
        .bucket(bucket)
        .key(key(sha256))
        .if_none_match("*")
        .server_side_encryption(ServerSideEncryption::AwsKms)
        .ssekms_key_id(kms_key)
        .bucket_key_enabled(true)
        .content_type("application/gzip")
        .checksum_sha256(base64::engine::general_purpose::STANDARD.encode(digest))
        .body(ByteStream::from(bytes));
    let resource = format!("{bucket}/{}", key(sha256));
    match request.send().await.map_err(|e| Failure::of("s3:PutObject", resource, e)) {
        Ok(_) => Ok(()),
        // The name is the content: what is there already is what we would have written.
        Err(failure) if failure.is("PreconditionFailed") || failure.is("412") => Ok(()),
        Err(failure) => Err(failure),
    }
}

/// Size of the stored package, or nothing when it is gone.
pub(crate) async fn size(aws: &Aws, bucket: &str, sha256: &str) -> Answer<Option<u64>> {
    let answer = aws.s3().head_object().bucket(bucket).key(key(sha256)).send().await;
    match answer.map_err(|e| Failure::of("s3:GetObject", format!("{bucket}/{}", key(sha256)), e)) {
        Ok(head) => Ok(Some(head.content_length().and_then(|l| u64::try_from(l).ok()).unwrap_or(0))),
        Err(failure) if failure.is_gone() => Ok(None),
        Err(failure) => Err(failure),
    }
}

/// Deletes the stored package.
pub(crate) async fn delete(aws: &Aws, bucket: &str, sha256: &str) -> Answer<()> {
    let answer = aws.s3().delete_object().bucket(bucket).key(key(sha256)).send().await;
    match answer.map_err(|e| Failure::of("s3:DeleteObject", format!("{bucket}/{}", key(sha256)), e)) {
        Ok(_) => Ok(()),
        Err(failure) if failure.is_gone() => Ok(()),
        Err(failure) => Err(failure),
    }
}
