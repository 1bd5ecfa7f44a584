//! The messages of LeaveGroup (API key 13).
// Generated from messages.table; do not edit.
#![expect(missing_docs, reason = "the fields are Kafka's, under Kafka's names")]

use crate::Message;
use crate::error_code::ErrorCode;
use crate::reader::{DecodeError, Reader};
use crate::text::Str;
use crate::writer::Writer;

#[derive(Clone, Debug, Default, PartialEq)]
pub struct LeaveGroupRequest {
    pub group_id: Str,
    pub member_id: Str,
    pub members: Vec<MemberIdentity>,
}

impl Message for LeaveGroupRequest {
    fn decode(r: &mut Reader, version: i16) -> Result<Self, DecodeError> {
        let message = Self {
            group_id: r.str()?,
            member_id: if version <= 2 { r.str()? } else { Default::default() },
            members: if version >= 3 { r.array(|r| MemberIdentity::decode(r, version))? } else { Default::default() },
        };
        r.no_tags()?;
        Ok(message)
    }

    fn encode(&self, w: &mut Writer, version: i16) {
        w.str(&self.group_id);
        if version <= 2 {
            w.str(&self.member_id);
        }
        if version >= 3 {
            w.array(&self.members, |w, each| each.encode(w, version));
        }
        w.no_tags();
    }
}

#[derive(Clone, Debug, Default, PartialEq)]
pub struct MemberIdentity {
    pub member_id: Str,
    pub group_instance_id: Option<Str>,
    pub reason: Option<Str>,
}

impl Message for MemberIdentity {
    fn decode(r: &mut Reader, version: i16) -> Result<Self, DecodeError> {
        let message = Self {
            member_id: r.str()?,
            group_instance_id: r.nullable_str()?,
            reason: if version >= 5 { r.nullable_str()? } else { Default::default() },
        };
        r.no_tags()?;
        Ok(message)
    }

    fn encode(&self, w: &mut Writer, version: i16) {
        w.str(&self.member_id);
        w.nullable_str(self.group_instance_id.as_ref());
        if version >= 5 {
            w.nullable_str(self.reason.as_ref());
        }
        w.no_tags();
    }
}

#[derive(Clone, Debug, Default, PartialEq)]
pub struct LeaveGroupResponse {
    pub throttle_time_ms: i32,
    pub error_code: ErrorCode,
    pub members: Vec<MemberResponse>,
}

impl Message for LeaveGroupResponse {
    fn decode(r: &mut Reader, version: i16) -> Result<Self, DecodeError> {
        let message = Self {
            throttle_time_ms: if version >= 1 { r.i32()? } else { Default::default() },
            error_code: r.error_code()?,
            members: if version >= 3 { r.array(|r| MemberResponse::decode(r, version))? } else { Default::default() },
        };
        r.no_tags()?;
        Ok(message)
    }

    fn encode(&self, w: &mut Writer, version: i16) {
        if version >= 1 {
            w.i32(self.throttle_time_ms);
        }
        w.error_code(self.error_code);
        if version >= 3 {
            w.array(&self.members, |w, each| each.encode(w, version));
        }
        w.no_tags();
    }
}

#[derive(Clone, Debug, Default, PartialEq)]
pub struct MemberResponse {
    pub member_id: Str,
    pub group_instance_id: Option<Str>,
    pub error_code: ErrorCode,
}

impl Message for MemberResponse {
    fn decode(r: &mut Reader, _version: i16) -> Result<Self, DecodeError> {
        let message = Self { member_id: r.str()?, group_instance_id: r.nullable_str()?, error_code: r.error_code()? };
        r.no_tags()?;
        Ok(message)
    }

    fn encode(&self, w: &mut Writer, _version: i16) {
        w.str(&self.member_id);
        w.nullable_str(self.group_instance_id.as_ref());
        w.error_code(self.error_code);
        w.no_tags();
    }
}
