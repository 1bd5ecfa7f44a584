//! What every object begins with, and reading fields out of bytes that may be anything.

use thiserror::Error;
use uuid::Uuid;

use crate::identity::{Incarnation, Origin};

/// `RFWL`: an object of a write-ahead log.
pub(crate) const WAL_MAGIC: [u8; 4] = *b"RFWL";
/// `RFSG`: a segment.
pub(crate) const SEGMENT_MAGIC: [u8; 4] = *b"RFSG";
/// `RFPM`: a version of a partition's manifest.
pub(crate) const MANIFEST_MAGIC: [u8; 4] = *b"RFPM";
/// `RFCP`: a checkpoint.
pub(crate) const CHECKPOINT_MAGIC: [u8; 4] = *b"RFCP";
/// The one version of these formats.
pub(crate) const VERSION: u16 = 1;

/// What kind of object follows.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Kind {
    Batches,
    Seal,
}

/// Why the first bytes of an object are not those of one of ours.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
pub enum FrameError {
    /// The bytes end too early.
    #[error("object is cut off")]
    Truncated,
    /// Something else altogether.
    #[error("magic bytes {0:02x?} are unknown")]
    Magic([u8; 4]),
    /// Written by a later version.
    #[error("version {0} is unknown")]
    Version(u16),
    /// Written by a later version.
    #[error("kind {0} is unknown")]
    Kind(u16),
    /// The checksum does not fit the bytes.
    #[error("checksum {found:#010x} where {declared:#010x} was declared")]
    Checksum {
        /// By the object.
        declared: u32,
        /// Of its bytes.
        found: u32,
    },
}

/// The fixed fields at the start of an object.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Frame {
    pub(crate) kind: Kind,
    pub(crate) origin: Origin,
    pub(crate) nonce: u128,
}

/// Bytes of a [`Frame`].
pub(crate) const FRAME_LEN: usize = 4 + 2 + 2 + 16 + 4 + 8 + 8 + 16;

impl Frame {
    pub(crate) fn write(&self, out: &mut Vec<u8>) {
        let kind: u16 = match self.kind {
            Kind::Batches => 1,
            Kind::Seal => 2,
        };
        out.extend_from_slice(&WAL_MAGIC);
        out.extend_from_slice(&VERSION.to_be_bytes());
        out.extend_from_slice(&kind.to_be_bytes());
        out.extend_from_slice(self.origin.cluster.as_bytes());
        write_incarnation(self.origin.incarnation, out);
        out.extend_from_slice(&self.origin.seq.to_be_bytes());
        out.extend_from_slice(&self.nonce.to_be_bytes());
    }

    pub(crate) fn read(cursor: &mut Cursor<'_>) -> Result<Self, FrameError> {
        let magic = cursor.array()?;
        if magic != WAL_MAGIC {
            return Err(FrameError::Magic(magic));
        }
        let version = u16::from_be_bytes(cursor.array()?);
        if version != VERSION {
            return Err(FrameError::Version(version));
        }
        let kind = match u16::from_be_bytes(cursor.array()?) {
            1 => Kind::Batches,
            2 => Kind::Seal,
            other => return Err(FrameError::Kind(other)),
        };
        let cluster = Uuid::from_bytes(cursor.array()?);
        let incarnation = cursor.incarnation()?;
        let seq = u64::from_be_bytes(cursor.array()?);
        let nonce = u128::from_be_bytes(cursor.array()?);
        Ok(Self { kind, origin: Origin { cluster, incarnation, seq }, nonce })
    }
}

/// Appends magic bytes and version.
pub(crate) fn write_magic(magic: [u8; 4], out: &mut Vec<u8>) {
    out.extend_from_slice(&magic);
    out.extend_from_slice(&VERSION.to_be_bytes());
}

/// Reads what [`write_magic`] writes.
pub(crate) fn read_magic(expected: [u8; 4], cursor: &mut Cursor<'_>) -> Result<(), FrameError> {
    let magic = cursor.array()?;
    if magic != expected {
        return Err(FrameError::Magic(magic));
    }
    match u16::from_be_bytes(cursor.array()?) {
        VERSION => Ok(()),
        other => Err(FrameError::Version(other)),
    }
}

pub(crate) fn write_incarnation(incarnation: Incarnation, out: &mut Vec<u8>) {
    out.extend_from_slice(&incarnation.broker.to_be_bytes());
    out.extend_from_slice(&incarnation.epoch.to_be_bytes());
}

/// Appends the checksum of everything in `out`.
pub(crate) fn write_checksum(out: &mut Vec<u8>) {
    let crc = crc32c::crc32c(out);
    out.extend_from_slice(&crc.to_be_bytes());
}

/// A position in bytes that may be anything.
pub(crate) struct Cursor<'a> {
    all: &'a [u8],
    rest: &'a [u8],
}

impl<'a> Cursor<'a> {
    pub(crate) fn new(all: &'a [u8]) -> Self {
        Self { all, rest: all }
    }

    pub(crate) fn array<const N: usize>(&mut self) -> Result<[u8; N], FrameError> {
        let (head, rest) = self.rest.split_first_chunk::<N>().ok_or(FrameError::Truncated)?;
        self.rest = rest;
        Ok(*head)
    }

    pub(crate) fn u32(&mut self) -> Result<u32, FrameError> {
        self.array().map(u32::from_be_bytes)
    }

    pub(crate) fn i32(&mut self) -> Result<i32, FrameError> {
        self.array().map(i32::from_be_bytes)
    }

    pub(crate) fn i64(&mut self) -> Result<i64, FrameError> {
        self.array().map(i64::from_be_bytes)
    }

    pub(crate) fn i16(&mut self) -> Result<i16, FrameError> {
        self.array().map(i16::from_be_bytes)
    }

    /// The next `length` bytes.
    pub(crate) fn take(&mut self, length: usize) -> Result<&'a [u8], FrameError> {
        let (head, rest) = self.rest.split_at_checked(length).ok_or(FrameError::Truncated)?;
        self.rest = rest;
        Ok(head)
    }

    pub(crate) fn u8(&mut self) -> Result<u8, FrameError> {
        self.array().map(u8::from_be_bytes)
    }

    pub(crate) fn u64(&mut self) -> Result<u64, FrameError> {
        self.array().map(u64::from_be_bytes)
    }

    pub(crate) fn u128(&mut self) -> Result<u128, FrameError> {
        self.array().map(u128::from_be_bytes)
    }

    /// The count of a list whose items take at least `size` bytes each, once it is known that so many bytes are there.
    pub(crate) fn count(&mut self, size: usize) -> Result<usize, FrameError> {
        usize::try_from(self.u32()?)
            .ok()
            .filter(|count| count.checked_mul(size).is_some_and(|bytes| bytes <= self.remaining()))
            .ok_or(FrameError::Truncated)
    }

    pub(crate) fn uuid(&mut self) -> Result<Uuid, FrameError> {
        self.array().map(Uuid::from_bytes)
    }

    pub(crate) fn incarnation(&mut self) -> Result<Incarnation, FrameError> {
        Ok(Incarnation { broker: self.i32()?, epoch: self.i64()? })
    }

    pub(crate) fn remaining(&self) -> usize {
        self.rest.len()
    }

    pub(crate) fn position(&self) -> usize {
        self.all.len().saturating_sub(self.rest.len())
    }

    /// Reads a checksum and compares it with that of everything read before.
    pub(crate) fn checksum(&mut self) -> Result<(), FrameError> {
        let found = crc32c::crc32c(self.all.get(..self.position()).unwrap_or_default());
        let declared = self.u32()?;
        if found == declared { Ok(()) } else { Err(FrameError::Checksum { declared, found }) }
    }
}
