//! The messages of DescribeGroups (API key 15).
// Generated from messages.table; do not edit.
#![expect(missing_docs, reason = "the fields are Kafka's, under Kafka's names")]

use crate::Message;
use crate::error_code::ErrorCode;
use crate::reader::{DecodeError, Reader};
use crate::text::Str;
use crate::writer::Writer;
use bytes::Bytes;

#[derive(Clone, Debug, Default, PartialEq)]
pub struct DescribeGroupsRequest {
    pub groups: Vec<Str>,
    pub include_authorized_operations: bool,
}

impl Message for DescribeGroupsRequest {
    fn decode(r: &mut Reader, version: i16) -> Result<Self, DecodeError> {
        let message = Self {
            groups: r.array(Reader::str)?,
            include_authorized_operations: if version >= 3 { r.bool()? } else { Default::default() },
        };
        r.no_tags()?;
        Ok(message)
    }

    fn encode(&self, w: &mut Writer, version: i16) {
        w.array(&self.groups, Writer::str);
        if version >= 3 {
            w.bool(self.include_authorized_operations);
        }
        w.no_tags();
    }
}

#[derive(Clone, Debug, Default, PartialEq)]
pub struct DescribeGroupsResponse {
    pub throttle_time_ms: i32,
    pub groups: Vec<DescribedGroup>,
}

impl Message for DescribeGroupsResponse {
    fn decode(r: &mut Reader, version: i16) -> Result<Self, DecodeError> {
        let message = Self {
            throttle_time_ms: if version >= 1 { r.i32()? } else { Default::default() },
            groups: r.array(|r| DescribedGroup::decode(r, version))?,
        };
        r.no_tags()?;
        Ok(message)
    }

    fn encode(&self, w: &mut Writer, version: i16) {
        if version >= 1 {
            w.i32(self.throttle_time_ms);
        }
        w.array(&self.groups, |w, each| each.encode(w, version));
        w.no_tags();
    }
}

#[derive(Clone, Debug, PartialEq)]
pub struct DescribedGroup {
    pub error_code: ErrorCode,
    pub error_message: Option<Str>,
    pub group_id: Str,
    pub group_state: Str,
    pub protocol_type: Str,
    pub protocol_data: Str,
    pub members: Vec<DescribedGroupMember>,
    pub authorized_operations: i32,
}

impl Default for DescribedGroup {
    fn default() -> Self {
        Self {
            error_code: Default::default(),
            error_message: Default::default(),
            group_id: Default::default(),
            group_state: Default::default(),
            protocol_type: Default::default(),
            protocol_data: Default::default(),
            members: Default::default(),
            authorized_operations: -2_147_483_648,
        }
    }
}

impl Message for DescribedGroup {
    fn decode(r: &mut Reader, version: i16) -> Result<Self, DecodeError> {
        let message = Self {
            error_code: r.error_code()?,
            error_message: if version >= 6 { r.nullable_str()? } else { Default::default() },
            group_id: r.str()?,
            group_state: r.str()?,
            protocol_type: r.str()?,
            protocol_data: r.str()?,
            members: r.array(|r| DescribedGroupMember::decode(r, version))?,
            authorized_operations: if version >= 3 { r.i32()? } else { -2_147_483_648 },
        };
        r.no_tags()?;
        Ok(message)
    }

    fn encode(&self, w: &mut Writer, version: i16) {
        w.error_code(self.error_code);
        if version >= 6 {
            w.nullable_str(self.error_message.as_ref());
        }
        w.str(&self.group_id);
        w.str(&self.group_state);
        w.str(&self.protocol_type);
        w.str(&self.protocol_data);
        w.array(&self.members, |w, each| each.encode(w, version));
        if version >= 3 {
            w.i32(self.authorized_operations);
        }
        w.no_tags();
    }
}

#[derive(Clone, Debug, Default, PartialEq)]
pub struct DescribedGroupMember {
    pub member_id: Str,
    pub group_instance_id: Option<Str>,
    pub client_id: Str,
    pub client_host: Str,
    pub member_metadata: Bytes,
    pub member_assignment: Bytes,
}

impl Message for DescribedGroupMember {
    fn decode(r: &mut Reader, version: i16) -> Result<Self, DecodeError> {
        let message = Self {
            member_id: r.str()?,
            group_instance_id: if version >= 4 { r.nullable_str()? } else { Default::default() },
            client_id: r.str()?,
            client_host: r.str()?,
            member_metadata: r.bytes()?,
            member_assignment: r.bytes()?,
        };
        r.no_tags()?;
        Ok(message)
    }

    fn encode(&self, w: &mut Writer, version: i16) {
        w.str(&self.member_id);
        if version >= 4 {
            w.nullable_str(self.group_instance_id.as_ref());
        }
        w.str(&self.client_id);
        w.str(&self.client_host);
        w.bytes(&self.member_metadata);
        w.bytes(&self.member_assignment);
        w.no_tags();
    }
}
