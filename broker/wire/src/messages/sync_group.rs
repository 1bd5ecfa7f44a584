//! The messages of SyncGroup (API key 14).
// Generated from messages.table; do not edit.
#![expect(missing_docs, reason = "the fields are Kafka's, under Kafka's names")]

use crate::Message;
use crate::error_code::ErrorCode;
use crate::reader::{DecodeError, Reader};
use crate::text::Str;
use crate::writer::Writer;
use bytes::Bytes;

#[derive(Clone, Debug, Default, PartialEq)]
pub struct SyncGroupRequest {
    pub group_id: Str,
    pub generation_id: i32,
    pub member_id: Str,
    pub group_instance_id: Option<Str>,
    pub protocol_type: Option<Str>,
    pub protocol_name: Option<Str>,
    pub assignments: Vec<SyncGroupRequestAssignment>,
}

impl Message for SyncGroupRequest {
    fn decode(r: &mut Reader, version: i16) -> Result<Self, DecodeError> {
        let message = Self {
            group_id: r.str()?,
            generation_id: r.i32()?,
            member_id: r.str()?,
            group_instance_id: if version >= 3 { r.nullable_str()? } else { Default::default() },
            protocol_type: if version >= 5 { r.nullable_str()? } else { Default::default() },
            protocol_name: if version >= 5 { r.nullable_str()? } else { Default::default() },
            assignments: r.array(|r| SyncGroupRequestAssignment::decode(r, version))?,
        };
        r.no_tags()?;
        Ok(message)
    }

    fn encode(&self, w: &mut Writer, version: i16) {
        w.str(&self.group_id);
        w.i32(self.generation_id);
        w.str(&self.member_id);
        if version >= 3 {
            w.nullable_str(self.group_instance_id.as_ref());
        }
        if version >= 5 {
            w.nullable_str(self.protocol_type.as_ref());
        }
        if version >= 5 {
            w.nullable_str(self.protocol_name.as_ref());
        }
        w.array(&self.assignments, |w, each| each.encode(w, version));
        w.no_tags();
    }
}

#[derive(Clone, Debug, Default, PartialEq)]
pub struct SyncGroupRequestAssignment {
    pub member_id: Str,
    pub assignment: Bytes,
}

impl Message for SyncGroupRequestAssignment {
    fn decode(r: &mut Reader, _version: i16) -> Result<Self, DecodeError> {
        let message = Self { member_id: r.str()?, assignment: r.bytes()? };
        r.no_tags()?;
        Ok(message)
    }

    fn encode(&self, w: &mut Writer, _version: i16) {
        w.str(&self.member_id);
        w.bytes(&self.assignment);
        w.no_tags();
    }
}

#[derive(Clone, Debug, Default, PartialEq)]
pub struct SyncGroupResponse {
    pub throttle_time_ms: i32,
    pub error_code: ErrorCode,
    pub protocol_type: Option<Str>,
    pub protocol_name: Option<Str>,
    pub assignment: Bytes,
}

impl Message for SyncGroupResponse {
    fn decode(r: &mut Reader, version: i16) -> Result<Self, DecodeError> {
        let message = Self {
            throttle_time_ms: if version >= 1 { r.i32()? } else { Default::default() },
            error_code: r.error_code()?,
            protocol_type: if version >= 5 { r.nullable_str()? } else { Default::default() },
            protocol_name: if version >= 5 { r.nullable_str()? } else { Default::default() },
            assignment: r.bytes()?,
        };
        r.no_tags()?;
        Ok(message)
    }

    fn encode(&self, w: &mut Writer, version: i16) {
        if version >= 1 {
            w.i32(self.throttle_time_ms);
        }
        w.error_code(self.error_code);
        if version >= 5 {
            w.nullable_str(self.protocol_type.as_ref());
        }
        if version >= 5 {
            w.nullable_str(self.protocol_name.as_ref());
        }
        w.bytes(&self.assignment);
        w.no_tags();
    }
}
