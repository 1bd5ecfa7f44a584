//! The messages of Heartbeat (API key 12).
// Generated from messages.table; do not edit.
#![expect(missing_docs, reason = "the fields are Kafka's, under Kafka's names")]

use crate::Message;
use crate::error_code::ErrorCode;
use crate::reader::{DecodeError, Reader};
use crate::text::Str;
use crate::writer::Writer;

#[derive(Clone, Debug, Default, PartialEq)]
pub struct HeartbeatRequest {
    pub group_id: Str,
    pub generation_id: i32,
    pub member_id: Str,
    pub group_instance_id: Option<Str>,
}

impl Message for HeartbeatRequest {
    fn decode(r: &mut Reader, version: i16) -> Result<Self, DecodeError> {
        let message = Self {
            group_id: r.str()?,
            generation_id: r.i32()?,
            member_id: r.str()?,
            group_instance_id: if version >= 3 { r.nullable_str()? } else { Default::default() },
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
        w.no_tags();
    }
}

#[derive(Clone, Debug, Default, PartialEq)]
pub struct HeartbeatResponse {
    pub throttle_time_ms: i32,
    pub error_code: ErrorCode,
}

impl Message for HeartbeatResponse {
    fn decode(r: &mut Reader, version: i16) -> Result<Self, DecodeError> {
        let message = Self {
            throttle_time_ms: if version >= 1 { r.i32()? } else { Default::default() },
            error_code: r.error_code()?,
        };
        r.no_tags()?;
        Ok(message)
    }

    fn encode(&self, w: &mut Writer, version: i16) {
        if version >= 1 {
            w.i32(self.throttle_time_ms);
        }
        w.error_code(self.error_code);
        w.no_tags();
    }
}
