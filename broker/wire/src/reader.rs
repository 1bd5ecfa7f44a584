//! Reading messages: every length is compared with what remains before anything is reserved.

use bytes::{Buf, Bytes};
use thiserror::Error;
use uuid::Uuid;

use crate::error_code::ErrorCode;
use crate::limits::DECODED_BYTES_MAX;
use crate::records::Records;
use crate::text::Str;

/// Why bytes are not the message they should be.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Error)]
pub enum DecodeError {
    /// The bytes end inside a field.
    #[error("bytes end inside a field")]
    Truncated,
    /// A length or count is larger than what remains.
    #[error("length {0} is beyond the end")]
    Length(i64),
    /// A varint has more bytes than its type.
    #[error("varint is too long")]
    Varint,
    /// A string is not UTF-8.
    #[error("string is not UTF-8")]
    Utf8,
    /// A field that must be there is null.
    #[error("field must not be null")]
    Null,
    /// The message would take more memory than one request may.
    #[error("message needs more than {DECODED_BYTES_MAX} bytes of memory")]
    Memory,
    /// The API has no such version.
    #[error("version {0} is not supported")]
    Version(i16),
}

/// A position in a message; strings and records it returns share the message's memory.
#[derive(Debug)]
pub struct Reader {
    rest: Bytes,
    compact: bool,
    memory: usize,
}

impl Reader {
    /// Reads `bytes` with two- and four-byte lengths.
    #[must_use]
    pub fn new(bytes: Bytes) -> Self {
        Self { rest: bytes, compact: false, memory: DECODED_BYTES_MAX }
    }

    /// Switches to varint lengths and tagged fields, or back.
    pub(crate) fn set_compact(&mut self, compact: Compactness) {
        self.compact = matches!(compact, Compactness::Compact);
    }

    /// Bytes not yet read.
    #[must_use]
    pub fn remaining(&self) -> usize {
        self.rest.len()
    }

    /// Bytes that were reserved for structures.
    pub(crate) fn used_memory(&self) -> usize {
        DECODED_BYTES_MAX.saturating_sub(self.memory)
    }

    fn array_of_bytes<const N: usize>(&mut self) -> Result<[u8; N], DecodeError> {
        let bytes = *self.rest.first_chunk::<N>().ok_or(DecodeError::Truncated)?;
        self.rest.advance(N);
        Ok(bytes)
    }

    fn take(&mut self, len: usize) -> Result<Bytes, DecodeError> {
        if len > self.rest.len() {
            return Err(beyond(len));
        }
        Ok(self.rest.split_to(len))
    }

    fn reserve(&mut self, bytes: usize) -> Result<(), DecodeError> {
        self.memory = self.memory.checked_sub(bytes).ok_or(DecodeError::Memory)?;
        Ok(())
    }

    fn unsigned_varint(&mut self) -> Result<u32, DecodeError> {
        let mut value = 0_u32;
        for shift in [0, 7, 14, 21, 28] {
            let [byte] = self.array_of_bytes()?;
            let part = u32::from(byte & 0x7f);
            if shift == 28 && part > 0x0f {
                return Err(DecodeError::Varint);
            }
            value |= part << shift;
            if byte & 0x80 == 0 {
                return Ok(value);
            }
        }
        Err(DecodeError::Varint)
    }

    /// A length, or none for null: varint plus one, or a fixed-width integer that is -1 for null.
    fn length(&mut self, fixed: fn(&mut Self) -> Result<i64, DecodeError>) -> Result<Option<usize>, DecodeError> {
        if self.compact {
            let raw = self.unsigned_varint()?;
            return Ok(raw.checked_sub(1).map(|len| usize::try_from(len).unwrap_or(usize::MAX)));
        }
        match fixed(self)? {
            -1 => Ok(None),
            length => usize::try_from(length).map(Some).map_err(|_| DecodeError::Length(length)),
        }
    }

    fn short(&mut self) -> Result<i64, DecodeError> {
        self.i16().map(i64::from)
    }

    fn long(&mut self) -> Result<i64, DecodeError> {
        self.i32().map(i64::from)
    }

    pub(crate) fn bool(&mut self) -> Result<bool, DecodeError> {
        self.i8().map(|byte| byte != 0)
    }

    pub(crate) fn i8(&mut self) -> Result<i8, DecodeError> {
        self.array_of_bytes().map(i8::from_be_bytes)
    }

    pub(crate) fn i16(&mut self) -> Result<i16, DecodeError> {
        self.array_of_bytes().map(i16::from_be_bytes)
    }

    pub(crate) fn i32(&mut self) -> Result<i32, DecodeError> {
        self.array_of_bytes().map(i32::from_be_bytes)
    }

    pub(crate) fn i64(&mut self) -> Result<i64, DecodeError> {
        self.array_of_bytes().map(i64::from_be_bytes)
    }

    pub(crate) fn f64(&mut self) -> Result<f64, DecodeError> {
        self.array_of_bytes().map(f64::from_be_bytes)
    }

    pub(crate) fn uuid(&mut self) -> Result<Uuid, DecodeError> {
        self.array_of_bytes().map(Uuid::from_bytes)
    }

    pub(crate) fn error_code(&mut self) -> Result<ErrorCode, DecodeError> {
        self.i16().map(ErrorCode::from_code)
    }

    pub(crate) fn nullable_str(&mut self) -> Result<Option<Str>, DecodeError> {
        let Some(len) = self.length(Self::short)? else { return Ok(None) };
        Str::from_utf8(self.take(len)?).map(Some).map_err(|_| DecodeError::Utf8)
    }

    pub(crate) fn str(&mut self) -> Result<Str, DecodeError> {
        self.nullable_str()?.ok_or(DecodeError::Null)
    }

    /// A string with a two-byte length whatever the message's encoding: the client id in a request's header.
    pub(crate) fn fixed_nullable_str(&mut self) -> Result<Option<Str>, DecodeError> {
        let compact = std::mem::replace(&mut self.compact, false);
        let text = self.nullable_str();
        self.compact = compact;
        text
    }

    pub(crate) fn nullable_bytes(&mut self) -> Result<Option<Bytes>, DecodeError> {
        let Some(len) = self.length(Self::long)? else { return Ok(None) };
        self.take(len).map(Some)
    }

    pub(crate) fn bytes(&mut self) -> Result<Bytes, DecodeError> {
        self.nullable_bytes()?.ok_or(DecodeError::Null)
    }

    pub(crate) fn nullable_records(&mut self) -> Result<Option<Records>, DecodeError> {
        self.reserve(size_of::<Bytes>())?;
        Ok(self.nullable_bytes()?.map(Records::from))
    }

    pub(crate) fn nullable_array<T>(
        &mut self,
        mut element: impl FnMut(&mut Self) -> Result<T, DecodeError>,
    ) -> Result<Option<Vec<T>>, DecodeError> {
        let Some(len) = self.length(Self::long)? else { return Ok(None) };
        // Each element takes at least one byte.
        if len > self.rest.len() {
            return Err(beyond(len));
        }
        self.reserve(len.saturating_mul(size_of::<T>()))?;
        let mut elements = Vec::with_capacity(len);
        for _ in 0..len {
            elements.push(element(self)?);
        }
        Ok(Some(elements))
    }

    pub(crate) fn array<T>(
        &mut self,
        element: impl FnMut(&mut Self) -> Result<T, DecodeError>,
    ) -> Result<Vec<T>, DecodeError> {
        self.nullable_array(element)?.ok_or(DecodeError::Null)
    }

    /// A structure behind a byte that says whether it is there.
    pub(crate) fn nullable<T>(
        &mut self,
        structure: impl FnOnce(&mut Self) -> Result<T, DecodeError>,
    ) -> Result<Option<T>, DecodeError> {
        if self.i8()? < 0 { Ok(None) } else { structure(self).map(Some) }
    }

    /// The tagged fields at the end of a structure; `field` reads those it knows and ignores the others.
    pub(crate) fn tags(
        &mut self,
        mut field: impl FnMut(&mut Self, u32) -> Result<(), DecodeError>,
    ) -> Result<(), DecodeError> {
        if !self.compact {
            return Ok(());
        }
        let count = self.unsigned_varint()?;
        for _ in 0..count {
            let tag = self.unsigned_varint()?;
            let len = usize::try_from(self.unsigned_varint()?).unwrap_or(usize::MAX);
            let value = self.take(len)?;
            let rest = std::mem::replace(&mut self.rest, value);
            let read = field(self, tag);
            self.rest = rest;
            read?;
        }
        Ok(())
    }

    pub(crate) fn no_tags(&mut self) -> Result<(), DecodeError> {
        self.tags(|_, _| Ok(()))
    }
}

/// How lengths are written in a message of some version.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Compactness {
    /// Fixed widths, no tagged fields.
    Fixed,
    /// Varints and tagged fields.
    Compact,
}

fn beyond(len: usize) -> DecodeError {
    DecodeError::Length(i64::try_from(len).unwrap_or(i64::MAX))
}
