//! Bytes that no longer change.

use bytes::Bytes;
use sha2::{Digest, Sha256};
use thiserror::Error;

/// A random number that an object carries, so that its writer recognises it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Nonce(pub u128);

/// The bytes do not carry the nonce that they should.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Error)]
#[error("the object does not carry its nonce")]
pub struct NonceMissing;

/// The content of an object, fixed before the first attempt to create it.
///
/// *Mine* means same nonce and same content hash. Since the nonce is part of the bytes, the hash covers it.
#[derive(Clone, Debug)]
pub struct Frozen {
    bytes: Bytes,
    hash: [u8; 32],
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
        Ok(Self::shared(bytes))
    }

    /// Freezes bytes that are the same whoever writes them, such as a cluster's marker: all writers are right.
    #[must_use]
    pub fn shared(bytes: Bytes) -> Self {
        let hash = Sha256::digest(&bytes).into();
        Self { bytes, hash }
    }

    /// The bytes.
    #[must_use]
    pub fn bytes(&self) -> &Bytes {
        &self.bytes
    }

    /// SHA-256 of the bytes.
    #[must_use]
    pub fn hash(&self) -> [u8; 32] {
        self.hash
    }

    /// Whether an object that was read back is this one.
    #[must_use]
    pub fn is_mine(&self, other: &[u8]) -> bool {
        other.len() == self.bytes.len() && <[u8; 32]>::from(Sha256::digest(other)) == self.hash
    }
}
