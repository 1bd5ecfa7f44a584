//! The messages of ListGroups (API key 16).
// Generated from messages.table; do not edit.
#![expect(missing_docs, reason = "the fields are Kafka's, under Kafka's names")]

use crate::Message;
use crate::error_code::ErrorCode;
use crate::reader::{DecodeError, Reader};
use crate::text::Str;
use crate::writer::Writer;

#[derive(Clone, Debug, Default, PartialEq)]
pub struct ListGroupsRequest {
    pub states_filter: Vec<Str>,
    pub types_filter: Vec<Str>,
}

impl Message for ListGroupsRequest {
    fn decode(r: &mut Reader, version: i16) -> Result<Self, DecodeError> {
        let message = Self {
            states_filter: if version >= 4 { r.array(Reader::str)? } else { Default::default() },
            types_filter: if version >= 5 { r.array(Reader::str)? } else { Default::default() },
        };
        r.no_tags()?;
        Ok(message)
    }

    fn encode(&self, w: &mut Writer, version: i16) {
        if version >= 4 {
            w.array(&self.states_filter, Writer::str);
        }
        if version >= 5 {
            w.array(&self.types_filter, Writer::str);
        }
        w.no_tags();
    }
}

#[derive(Clone, Debug, Default, PartialEq)]
pub struct ListGroupsResponse {
    pub throttle_time_ms: i32,
    pub error_code: ErrorCode,
    pub groups: Vec<ListedGroup>,
}

impl Message for ListGroupsResponse {
    fn decode(r: &mut Reader, version: i16) -> Result<Self, DecodeError> {
        let message = Self {
            throttle_time_ms: if version >= 1 { r.i32()? } else { Default::default() },
            error_code: r.error_code()?,
            groups: r.array(|r| ListedGroup::decode(r, version))?,
        };
        r.no_tags()?;
        Ok(message)
    }

    fn encode(&self, w: &mut Writer, version: i16) {
        if version >= 1 {
            w.i32(self.throttle_time_ms);
        }
        w.error_code(self.error_code);
        w.array(&self.groups, |w, each| each.encode(w, version));
        w.no_tags();
    }
}

#[derive(Clone, Debug, Default, PartialEq)]
pub struct ListedGroup {
    pub group_id: Str,
    pub protocol_type: Str,
    pub group_state: Str,
    pub group_type: Str,
}

impl Message for ListedGroup {
    fn decode(r: &mut Reader, version: i16) -> Result<Self, DecodeError> {
        let message = Self {
            group_id: r.str()?,
            protocol_type: r.str()?,
            group_state: if version >= 4 { r.str()? } else { Default::default() },
            group_type: if version >= 5 { r.str()? } else { Default::default() },
        };
        r.no_tags()?;
        Ok(message)
    }

    fn encode(&self, w: &mut Writer, version: i16) {
        w.str(&self.group_id);
        w.str(&self.protocol_type);
        if version >= 4 {
            w.str(&self.group_state);
        }
        if version >= 5 {
            w.str(&self.group_type);
        }
        w.no_tags();
    }
}
