//! Checksums that writers give: verified, kept, answered.

use s3s::checksum::ChecksumHasher;
use s3s::crypto::{Checksum as _, Crc32, Crc32c, Crc64Nvme, Sha1, Sha256};
use s3s::{S3Result, s3_error};

use crate::objects::Checksums;

/// Fails with S3's error unless every checksum that was given is that of the bytes.
///
/// Hashes only what was asked for.
pub(super) fn verify(body: &[u8], given: Checksums) -> S3Result<Checksums> {
    if given == Checksums::default() {
        return Ok(given);
    }
    let mut hasher = ChecksumHasher {
        crc32: given.crc32.as_ref().map(|_| Crc32::new()),
        crc32c: given.crc32c.as_ref().map(|_| Crc32c::new()),
        crc64nvme: given.crc64nvme.as_ref().map(|_| Crc64Nvme::new()),
        sha1: given.sha1.as_ref().map(|_| Sha1::new()),
        sha256: given.sha256.as_ref().map(|_| Sha256::new()),
    };
    hasher.update(body);
    let found = hasher.finalize();
    let pairs = [
        ("CRC32", &given.crc32, found.checksum_crc32),
        ("CRC32C", &given.crc32c, found.checksum_crc32c),
        ("CRC64NVME", &given.crc64nvme, found.checksum_crc64nvme),
        ("SHA1", &given.sha1, found.checksum_sha1),
        ("SHA256", &given.sha256, found.checksum_sha256),
    ];
    for (name, given, found) in pairs {
        if *given != found {
            return Err(s3_error!(BadDigest, "The {name} you specified did not match the calculated checksum."));
        }
    }
    Ok(given)
}
