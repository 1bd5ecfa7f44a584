//! The messages of JoinGroup (API key 11).
// Generated from messages.table; do not edit.
#![expect(missing_docs, reason = "the fields are Kafka's, under Kafka's names")]

use crate::Message;
use crate::error_code::ErrorCode;
use crate::reader::{DecodeError, Reader};
use crate::text::Str;
use crate::writer::Writer;
use bytes::Bytes;

#[derive(Clone, Debug, PartialEq)]
pub struct JoinGroupRequest {
    pub group_id: Str,
    pub session_timeout_ms: i32,
    pub rebalance_timeout_ms: i32,
    pub member_id: Str,
    pub group_instance_id: Option<Str>,
    pub protocol_type: Str,
    pub protocols: Vec<JoinGroupRequestProtocol>,
    pub reason: Option<Str>,
}

impl Default for JoinGroupRequest {
    fn default() -> Self {
        Self {
            group_id: Default::default(),
            session_timeout_ms: Default::default(),
            rebalance_timeout_ms: -1,
            member_id: Default::default(),
            group_instance_id: Default::default(),
            protocol_type: Default::default(),
            protocols: Default::default(),
            reason: Default::default(),
        }
    }
}

impl Message for JoinGroupRequest {
    fn decode(r: &mut Reader, version: i16) -> Result<Self, DecodeError> {
        let message = Self {
            group_id: r.str()?,
            session_timeout_ms: r.i32()?,
            rebalance_timeout_ms: if version >= 1 { r.i32()? } else { -1 },
            member_id: r.str()?,
            group_instance_id: if version >= 5 { r.nullable_str()? } else { Default::default() },
            protocol_type: r.str()?,
            protocols: r.array(|r| JoinGroupRequestProtocol::decode(r, version))?,
            reason: if version >= 8 { r.nullable_str()? } else { Default::default() },
        };
        r.no_tags()?;
        Ok(message)
    }

    fn encode(&self, w: &mut Writer, version: i16) {
        w.str(&self.group_id);
        w.i32(self.session_timeout_ms);
        if version >= 1 {
            w.i32(self.rebalance_timeout_ms);
        }
        w.str(&self.member_id);
        if version >= 5 {
            w.nullable_str(self.group_instance_id.as_ref());
        }
        w.str(&self.protocol_type);
        w.array(&self.protocols, |w, each| each.encode(w, version));
        if version >= 8 {
            w.nullable_str(self.reason.as_ref());
        }
        w.no_tags();
    }
}

#[derive(Clone, Debug, Default, PartialEq)]
pub struct JoinGroupRequestProtocol {
    pub name: Str,
    pub metadata: Bytes,
}

impl Message for JoinGroupRequestProtocol {
    fn decode(r: &mut Reader, _version: i16) -> Result<Self, DecodeError> {
        let message = Self { name: r.str()?, metadata: r.bytes()? };
        r.no_tags()?;
        Ok(message)
    }

    fn encode(&self, w: &mut Writer, _version: i16) {
        w.str(&self.name);
        w.bytes(&self.metadata);
        w.no_tags();
    }
}

#[derive(Clone, Debug, PartialEq)]
pub struct JoinGroupResponse {
    pub throttle_time_ms: i32,
    pub error_code: ErrorCode,
    pub generation_id: i32,
    pub protocol_type: Option<Str>,
    pub protocol_name: Option<Str>,
    pub leader: Str,
    pub skip_assignment: bool,
    pub member_id: Str,
    pub members: Vec<JoinGroupResponseMember>,
}

impl Default for JoinGroupResponse {
    fn default() -> Self {
        Self {
            throttle_time_ms: Default::default(),
            error_code: Default::default(),
            generation_id: -1,
            protocol_type: Default::default(),
            protocol_name: Default::default(),
            leader: Default::default(),
            skip_assignment: Default::default(),
            member_id: Default::default(),
            members: Default::default(),
        }
    }
}

impl Message for JoinGroupResponse {
    fn decode(r: &mut Reader, version: i16) -> Result<Self, DecodeError> {
        let message = Self {
            throttle_time_ms: if version >= 2 { r.i32()? } else { Default::default() },
            error_code: r.error_code()?,
            generation_id: r.i32()?,
            protocol_type: if version >= 7 { r.nullable_str()? } else { Default::default() },
            protocol_name: if version >= 7 { r.nullable_str()? } else { Some(r.str()?) },
            leader: r.str()?,
            skip_assignment: if version >= 9 { r.bool()? } else { Default::default() },
            member_id: r.str()?,
            members: r.array(|r| JoinGroupResponseMember::decode(r, version))?,
        };
        r.no_tags()?;
        Ok(message)
    }

    fn encode(&self, w: &mut Writer, version: i16) {
        if version >= 2 {
            w.i32(self.throttle_time_ms);
        }
        w.error_code(self.error_code);
        w.i32(self.generation_id);
        if version >= 7 {
            w.nullable_str(self.protocol_type.as_ref());
        }
        if version >= 7 {
            w.nullable_str(self.protocol_name.as_ref())
        } else {
            w.required(self.protocol_name.as_ref(), Writer::str)
        };
        w.str(&self.leader);
        if version >= 9 {
            w.bool(self.skip_assignment);
        }
        w.str(&self.member_id);
        w.array(&self.members, |w, each| each.encode(w, version));
        w.no_tags();
    }
}

#[derive(Clone, Debug, Default, PartialEq)]
pub struct JoinGroupResponseMember {
    pub member_id: Str,
    pub group_instance_id: Option<Str>,
    pub metadata: Bytes,
}

impl Message for JoinGroupResponseMember {
    fn decode(r: &mut Reader, version: i16) -> Result<Self, DecodeError> {
        let message = Self {
            member_id: r.str()?,
            group_instance_id: if version >= 5 { r.nullable_str()? } else { Default::default() },
            metadata: r.bytes()?,
        };
        r.no_tags()?;
        Ok(message)
    }

    fn encode(&self, w: &mut Writer, version: i16) {
        w.str(&self.member_id);
        if version >= 5 {
            w.nullable_str(self.group_instance_id.as_ref());
        }
        w.bytes(&self.metadata);
        w.no_tags();
    }
}
