//! The messages of AlterClientQuotas (API key 49).
// Generated from messages.table; do not edit.
#![expect(missing_docs, reason = "the fields are Kafka's, under Kafka's names")]

use crate::Message;
use crate::error_code::ErrorCode;
use crate::reader::{DecodeError, Reader};
use crate::text::Str;
use crate::writer::Writer;

#[derive(Clone, Debug, Default, PartialEq)]
pub struct AlterClientQuotasRequest {
    pub entries: Vec<EntryData>,
    pub validate_only: bool,
}

impl Message for AlterClientQuotasRequest {
    fn decode(r: &mut Reader, version: i16) -> Result<Self, DecodeError> {
        let message = Self { entries: r.array(|r| EntryData::decode(r, version))?, validate_only: r.bool()? };
        r.no_tags()?;
        Ok(message)
    }

    fn encode(&self, w: &mut Writer, version: i16) {
        w.array(&self.entries, |w, each| each.encode(w, version));
        w.bool(self.validate_only);
        w.no_tags();
    }
}

#[derive(Clone, Debug, Default, PartialEq)]
pub struct EntryData {
    pub entity: Vec<EntityData>,
    pub ops: Vec<OpData>,
}

impl Message for EntryData {
    fn decode(r: &mut Reader, version: i16) -> Result<Self, DecodeError> {
        let message = Self {
            entity: r.array(|r| EntityData::decode(r, version))?,
            ops: r.array(|r| OpData::decode(r, version))?,
        };
        r.no_tags()?;
        Ok(message)
    }

    fn encode(&self, w: &mut Writer, version: i16) {
        w.array(&self.entity, |w, each| each.encode(w, version));
        w.array(&self.ops, |w, each| each.encode(w, version));
        w.no_tags();
    }
}

#[derive(Clone, Debug, Default, PartialEq)]
pub struct EntityData {
    pub entity_type: Str,
    pub entity_name: Option<Str>,
}

impl Message for EntityData {
    fn decode(r: &mut Reader, _version: i16) -> Result<Self, DecodeError> {
        let message = Self { entity_type: r.str()?, entity_name: r.nullable_str()? };
        r.no_tags()?;
        Ok(message)
    }

    fn encode(&self, w: &mut Writer, _version: i16) {
        w.str(&self.entity_type);
        w.nullable_str(self.entity_name.as_ref());
        w.no_tags();
    }
}

#[derive(Clone, Debug, Default, PartialEq)]
pub struct OpData {
    pub key: Str,
    pub value: f64,
    pub remove: bool,
}

impl Message for OpData {
    fn decode(r: &mut Reader, _version: i16) -> Result<Self, DecodeError> {
        let message = Self { key: r.str()?, value: r.f64()?, remove: r.bool()? };
        r.no_tags()?;
        Ok(message)
    }

    fn encode(&self, w: &mut Writer, _version: i16) {
        w.str(&self.key);
        w.f64(self.value);
        w.bool(self.remove);
        w.no_tags();
    }
}

#[derive(Clone, Debug, Default, PartialEq)]
pub struct AlterClientQuotasResponse {
    pub throttle_time_ms: i32,
    pub entries: Vec<ResponseEntryData>,
}

impl Message for AlterClientQuotasResponse {
    fn decode(r: &mut Reader, version: i16) -> Result<Self, DecodeError> {
        let message = Self { throttle_time_ms: r.i32()?, entries: r.array(|r| ResponseEntryData::decode(r, version))? };
        r.no_tags()?;
        Ok(message)
    }

    fn encode(&self, w: &mut Writer, version: i16) {
        w.i32(self.throttle_time_ms);
        w.array(&self.entries, |w, each| each.encode(w, version));
        w.no_tags();
    }
}

#[derive(Clone, Debug, Default, PartialEq)]
pub struct ResponseEntryData {
    pub error_code: ErrorCode,
    pub error_message: Option<Str>,
    pub entity: Vec<EntityData>,
}

impl Message for ResponseEntryData {
    fn decode(r: &mut Reader, version: i16) -> Result<Self, DecodeError> {
        let message = Self {
            error_code: r.error_code()?,
            error_message: r.nullable_str()?,
            entity: r.array(|r| EntityData::decode(r, version))?,
        };
        r.no_tags()?;
        Ok(message)
    }

    fn encode(&self, w: &mut Writer, version: i16) {
        w.error_code(self.error_code);
        w.nullable_str(self.error_message.as_ref());
        w.array(&self.entity, |w, each| each.encode(w, version));
        w.no_tags();
    }
}
