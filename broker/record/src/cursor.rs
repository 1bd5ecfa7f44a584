//! Reading integers out of a slice, each read checked against what remains.

use bytes::Bytes;

/// Fewer bytes were there than the next field needs.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Short;

/// A position in a batch; every slice it hands out shares the batch's memory.
pub(crate) struct Cursor {
    rest: Bytes,
}

impl Cursor {
    pub(crate) fn new(rest: Bytes) -> Self {
        Self { rest }
    }

    pub(crate) fn remaining(&self) -> usize {
        self.rest.len()
    }

    pub(crate) fn bytes(&mut self, len: usize) -> Result<Bytes, Short> {
        if len > self.rest.len() {
            return Err(Short);
        }
        Ok(self.rest.split_to(len))
    }

    pub(crate) fn array<const N: usize>(&mut self) -> Result<[u8; N], Short> {
        let array = *self.rest.first_chunk::<N>().ok_or(Short)?;
        bytes::Buf::advance(&mut self.rest, N);
        Ok(array)
    }

    /// A zigzag varint of at most 32 bits.
    pub(crate) fn varint(&mut self) -> Result<i32, Short> {
        let raw = u32::try_from(self.unsigned(5)?).map_err(|_| Short)?;
        Ok((raw >> 1).cast_signed() ^ -((raw & 1).cast_signed()))
    }

    /// A zigzag varint of at most 64 bits.
    pub(crate) fn varlong(&mut self) -> Result<i64, Short> {
        let raw = self.unsigned(10)?;
        Ok((raw >> 1).cast_signed() ^ -((raw & 1).cast_signed()))
    }

    /// A varint length followed by that many bytes; a negative length is null.
    pub(crate) fn nullable(&mut self) -> Result<Option<Bytes>, Short> {
        match usize::try_from(self.varint()?) {
            Ok(len) => self.bytes(len).map(Some),
            Err(_) => Ok(None),
        }
    }

    fn unsigned(&mut self, bytes_max: usize) -> Result<u64, Short> {
        let mut value = 0_u64;
        for (index, byte) in self.rest.iter().enumerate().take(bytes_max) {
            let part = u64::from(byte & 0x7f);
            let shift = 7 * index;
            if shift == 63 && part > 1 {
                return Err(Short);
            }
            value |= part << shift;
            if byte & 0x80 == 0 {
                bytes::Buf::advance(&mut self.rest, index + 1);
                return Ok(value);
            }
        }
        Err(Short)
    }
}
