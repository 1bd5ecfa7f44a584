//! Writing messages as a list of slices.

use bytes::{BufMut, Bytes, BytesMut};
use thiserror::Error;
use uuid::Uuid;

use crate::error_code::ErrorCode;
use crate::limits::SLICE_BYTES_MIN;
use crate::reader::Compactness;
use crate::records::Records;
use crate::text::Str;

/// Why a message cannot be written in the version asked for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Error)]
pub enum EncodeError {
    /// A field is null that the version cannot write as null.
    #[error("null in a field that must be there")]
    Null,
    /// A string, array or frame is longer than its length field can say.
    #[error("length {0} does not fit its field")]
    Length(usize),
}

/// A written message: slices to be sent one after the other.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Encoded {
    slices: Vec<Bytes>,
    len: usize,
}

/// Collects a message; the first error is kept and returned by [`Writer::finish`].
#[derive(Debug, Default)]
pub struct Writer {
    done: Vec<Bytes>,
    open: BytesMut,
    compact: bool,
    error: Option<EncodeError>,
}

/// The tagged fields of one structure, collected because their number comes first.
pub(crate) struct Tags {
    count: u32,
    fields: Writer,
}

impl Encoded {
    /// The slices, in order.
    #[must_use]
    pub fn into_slices(self) -> Vec<Bytes> {
        self.slices
    }

    /// Bytes of all slices.
    #[must_use]
    #[expect(clippy::len_without_is_empty, reason = "nobody writes an empty message")]
    pub fn len(&self) -> usize {
        self.len
    }

    /// All bytes in one piece; copies.
    #[must_use]
    pub fn to_bytes(&self) -> Bytes {
        Bytes::from(self.slices.concat())
    }
}

impl Writer {
    /// An empty message with two- and four-byte lengths.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// Switches to varint lengths and tagged fields, or back.
    pub(crate) fn set_compact(&mut self, compact: Compactness) {
        self.compact = matches!(compact, Compactness::Compact);
    }

    /// Ends the message.
    ///
    /// # Errors
    /// The first [`EncodeError`] that happened on the way.
    pub fn finish(mut self) -> Result<Encoded, EncodeError> {
        if let Some(error) = self.error {
            return Err(error);
        }
        self.close_slice();
        let len = self.done.iter().fold(0_usize, |sum, slice| sum.saturating_add(slice.len()));
        Ok(Encoded { slices: self.done, len })
    }

    /// Ends the message as a frame: four bytes of length come first.
    ///
    /// # Errors
    /// As [`Writer::finish`].
    pub(crate) fn finish_frame(self) -> Result<Encoded, EncodeError> {
        let body = self.finish()?;
        let length = i32::try_from(body.len).map_err(|_| EncodeError::Length(body.len))?;
        let mut slices = Vec::with_capacity(body.slices.len().saturating_add(1));
        slices.push(Bytes::copy_from_slice(&length.to_be_bytes()));
        slices.extend(body.slices);
        Ok(Encoded { slices, len: body.len.saturating_add(4) })
    }

    fn close_slice(&mut self) {
        if !self.open.is_empty() {
            self.done.push(self.open.split().freeze());
        }
    }

    fn fail(&mut self, error: EncodeError) {
        self.error.get_or_insert(error);
    }

    fn unsigned_varint(&mut self, mut value: u32) {
        while value >= 0x80 {
            let [low, ..] = value.to_le_bytes();
            self.open.put_u8(low | 0x80);
            value >>= 7;
        }
        let [low, ..] = value.to_le_bytes();
        self.open.put_u8(low);
    }

    fn length(&mut self, len: Option<usize>, fixed: fn(&mut Self, Option<usize>)) {
        if !self.compact {
            return fixed(self, len);
        }
        match len.map(u32::try_from) {
            None => self.unsigned_varint(0),
            Some(Ok(len)) if len < u32::MAX => self.unsigned_varint(len.saturating_add(1)),
            Some(_) => self.fail(EncodeError::Length(len.unwrap_or_default())),
        }
    }

    fn short_length(&mut self, len: Option<usize>) {
        match len.map_or(Ok(-1), i16::try_from) {
            Ok(len) => self.i16(len),
            Err(_) => self.fail(EncodeError::Length(len.unwrap_or_default())),
        }
    }

    fn long_length(&mut self, len: Option<usize>) {
        match len.map_or(Ok(-1), i32::try_from) {
            Ok(len) => self.i32(len),
            Err(_) => self.fail(EncodeError::Length(len.unwrap_or_default())),
        }
    }

    pub(crate) fn bool(&mut self, value: bool) {
        self.open.put_u8(u8::from(value));
    }

    pub(crate) fn i8(&mut self, value: i8) {
        self.open.put_i8(value);
    }

    pub(crate) fn i16(&mut self, value: i16) {
        self.open.put_i16(value);
    }

    pub(crate) fn i32(&mut self, value: i32) {
        self.open.put_i32(value);
    }

    pub(crate) fn i64(&mut self, value: i64) {
        self.open.put_i64(value);
    }

    pub(crate) fn f64(&mut self, value: f64) {
        self.open.put_f64(value);
    }

    pub(crate) fn uuid(&mut self, value: Uuid) {
        self.open.put_slice(value.as_bytes());
    }

    pub(crate) fn error_code(&mut self, value: ErrorCode) {
        self.i16(value.code());
    }

    pub(crate) fn str(&mut self, text: &Str) {
        self.length(Some(text.len()), Self::short_length);
        self.open.put_slice(text.as_bytes());
    }

    pub(crate) fn nullable_str(&mut self, text: Option<&Str>) {
        match text {
            Some(text) => self.str(text),
            None => self.length(None, Self::short_length),
        }
    }

    pub(crate) fn fixed_nullable_str(&mut self, text: Option<&Str>) {
        let compact = std::mem::replace(&mut self.compact, false);
        self.nullable_str(text);
        self.compact = compact;
    }

    /// Bytes as they are, without their length.
    pub(crate) fn raw(&mut self, bytes: &Bytes) {
        self.close_slice();
        self.done.push(bytes.clone());
    }

    pub(crate) fn bytes(&mut self, bytes: &Bytes) {
        self.length(Some(bytes.len()), Self::long_length);
        self.open.put_slice(bytes);
    }

    pub(crate) fn nullable_records(&mut self, records: Option<&Records>) {
        let Some(records) = records else { return self.length(None, Self::long_length) };
        self.length(Some(records.len()), Self::long_length);
        for slice in records.slices() {
            if slice.len() < SLICE_BYTES_MIN {
                self.open.put_slice(slice);
            } else {
                self.close_slice();
                self.done.push(slice.clone());
            }
        }
    }

    pub(crate) fn array<T>(&mut self, elements: &[T], mut element: impl FnMut(&mut Self, &T)) {
        self.length(Some(elements.len()), Self::long_length);
        for each in elements {
            element(self, each);
        }
    }

    pub(crate) fn nullable_array<T>(&mut self, elements: Option<&Vec<T>>, element: impl FnMut(&mut Self, &T)) {
        match elements {
            Some(elements) => self.array(elements, element),
            None => self.length(None, Self::long_length),
        }
    }

    /// A structure behind a byte that says whether it is there.
    pub(crate) fn nullable<T>(&mut self, structure: Option<&T>, write: impl FnOnce(&mut Self, &T)) {
        match structure {
            Some(structure) => {
                self.i8(1);
                write(self, structure);
            }
            None => self.i8(-1),
        }
    }

    /// A field that may be null in other versions than this.
    pub(crate) fn required<T>(&mut self, field: Option<&T>, write: impl FnOnce(&mut Self, &T)) {
        match field {
            Some(field) => write(self, field),
            None => self.fail(EncodeError::Null),
        }
    }

    /// Starts the tagged fields of a structure; [`Writer::end_tags`] takes them back.
    pub(crate) fn begin_tags(&self) -> Tags {
        Tags { count: 0, fields: Self { compact: self.compact, ..Self::default() } }
    }

    pub(crate) fn end_tags(&mut self, tags: Tags) {
        if !self.compact {
            return;
        }
        if let Some(error) = tags.fields.error {
            self.fail(error);
        }
        self.unsigned_varint(tags.count);
        self.append(tags.fields);
    }

    pub(crate) fn no_tags(&mut self) {
        if self.compact {
            self.unsigned_varint(0);
        }
    }

    fn append(&mut self, other: Self) {
        for slice in other.done {
            self.open.put_slice(&slice);
        }
        self.open.put_slice(&other.open);
    }
}

impl Tags {
    /// Writes one field; tags must come in ascending order.
    pub(crate) fn put(&mut self, tag: u32, write: impl FnOnce(&mut Writer)) {
        let mut value = Writer { compact: self.fields.compact, ..Writer::default() };
        write(&mut value);
        if let Some(error) = value.error {
            self.fields.fail(error);
        }
        let len = value.done.iter().fold(value.open.len(), |sum, slice| sum.saturating_add(slice.len()));
        self.fields.unsigned_varint(tag);
        match u32::try_from(len) {
            Ok(len) => self.fields.unsigned_varint(len),
            Err(_) => self.fields.fail(EncodeError::Length(len)),
        }
        self.fields.append(value);
        self.count = self.count.saturating_add(1);
    }
}
