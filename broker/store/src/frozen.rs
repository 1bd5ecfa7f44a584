//! Bytes that no longer change.

use std::sync::{Arc, OnceLock};

use bytes::Bytes;
use sha2::{Digest, Sha256};
use thiserror::Error;

use crate::mutation::{Mutation, is_on};

/// A random number that an object carries, so that its writer recognises it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Nonce(pub u128);

/// The bytes do not carry the nonce that they should.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Error)]
#[error("the object does not carry its nonce")]
pub struct NonceMissing;

/// The content of an object, fixed before the first attempt to create it; cheap to clone.
///
/// *Mine* means same nonce and same content hash. Since the nonce is part of the bytes, the hash covers it; and since the
/// bytes are at hand for as long as anybody asks, they are compared themselves.
#[derive(Clone, Debug)]
pub struct Frozen {
    bytes: Bytes,
    sums: Arc<Sums>,
    nonce: Option<Nonce>,
}

/// Computed when somebody wants to know.
#[derive(Debug, Default)]
struct Sums {
    hash: OnceLock<[u8; 32]>,
    checksum: OnceLock<u32>,
}

impl Frozen {
    /// Freezes bytes that carry `nonce` as 16 big-endian bytes.
    ///
    /// # Errors
    /// [`NonceMissing`].
    pub fn new(nonce: Nonce, bytes: Bytes) -> Result<Self, NonceMissing> {
        if !bytes.windows(16).any(|window| window == nonce.0.to_be_bytes()) {
            return Err(NonceMissing);
        }
        Ok(Self { nonce: Some(nonce), ..Self::shared(bytes) })
    }

    /// Freezes bytes that are the same whoever writes them, such as a cluster's marker: all writers are right.
    #[must_use]
    pub fn shared(bytes: Bytes) -> Self {
        Self { bytes, sums: Arc::default(), nonce: None }
    }

    /// The bytes.
    #[must_use]
    pub fn bytes(&self) -> &Bytes {
        &self.bytes
    }

    /// SHA-256 of the bytes.
    #[must_use]
    pub fn hash(&self) -> [u8; 32] {
        *self.sums.hash.get_or_init(|| Sha256::digest(&self.bytes).into())
    }

    /// CRC-32C of the bytes: the store's checksum.
    #[must_use]
    pub fn checksum(&self) -> u32 {
        *self.sums.checksum.get_or_init(|| crc32c::crc32c(&self.bytes))
    }

    /// Whether an object that was read back is this one.
    #[must_use]
    pub fn is_mine(&self, other: &[u8]) -> bool {
        if let (true, Some(nonce)) = (is_on(Mutation::NonceWithoutHash), self.nonce) {
            return other.windows(16).any(|window| window == nonce.0.to_be_bytes());
        }
        other == self.bytes
    }
}
