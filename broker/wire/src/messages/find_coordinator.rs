//! The messages of FindCoordinator (API key 10).
// Generated from messages.table; do not edit.
#![expect(missing_docs, reason = "the fields are Kafka's, under Kafka's names")]

use crate::Message;
use crate::error_code::ErrorCode;
use crate::reader::{DecodeError, Reader};
use crate::text::Str;
use crate::writer::Writer;

#[derive(Clone, Debug, Default, PartialEq)]
pub struct FindCoordinatorRequest {
    pub key: Str,
    pub key_type: i8,
    pub coordinator_keys: Vec<Str>,
}

impl Message for FindCoordinatorRequest {
    fn decode(r: &mut Reader, version: i16) -> Result<Self, DecodeError> {
        let message = Self {
            key: if version <= 3 { r.str()? } else { Default::default() },
            key_type: if version >= 1 { r.i8()? } else { Default::default() },
            coordinator_keys: if version >= 4 { r.array(Reader::str)? } else { Default::default() },
        };
        r.no_tags()?;
        Ok(message)
    }

    fn encode(&self, w: &mut Writer, version: i16) {
        if version <= 3 {
            w.str(&self.key);
        }
        if version >= 1 {
            w.i8(self.key_type);
        }
        if version >= 4 {
            w.array(&self.coordinator_keys, Writer::str);
        }
        w.no_tags();
    }
}

#[derive(Clone, Debug, Default, PartialEq)]
pub struct FindCoordinatorResponse {
    pub throttle_time_ms: i32,
    pub error_code: ErrorCode,
    pub error_message: Option<Str>,
    pub node_id: i32,
    pub host: Str,
    pub port: i32,
    pub coordinators: Vec<Coordinator>,
}

impl Message for FindCoordinatorResponse {
    fn decode(r: &mut Reader, version: i16) -> Result<Self, DecodeError> {
        let message = Self {
            throttle_time_ms: if version >= 1 { r.i32()? } else { Default::default() },
            error_code: if version <= 3 { r.error_code()? } else { Default::default() },
            error_message: if (1..=3).contains(&version) { r.nullable_str()? } else { Default::default() },
            node_id: if version <= 3 { r.i32()? } else { Default::default() },
            host: if version <= 3 { r.str()? } else { Default::default() },
            port: if version <= 3 { r.i32()? } else { Default::default() },
            coordinators: if version >= 4 { r.array(|r| Coordinator::decode(r, version))? } else { Default::default() },
        };
        r.no_tags()?;
        Ok(message)
    }

    fn encode(&self, w: &mut Writer, version: i16) {
        if version >= 1 {
            w.i32(self.throttle_time_ms);
        }
        if version <= 3 {
            w.error_code(self.error_code);
        }
        if (1..=3).contains(&version) {
            w.nullable_str(self.error_message.as_ref());
        }
        if version <= 3 {
            w.i32(self.node_id);
        }
        if version <= 3 {
            w.str(&self.host);
        }
        if version <= 3 {
            w.i32(self.port);
        }
        if version >= 4 {
            w.array(&self.coordinators, |w, each| each.encode(w, version));
        }
        w.no_tags();
    }
}

#[derive(Clone, Debug, Default, PartialEq)]
pub struct Coordinator {
    pub key: Str,
    pub node_id: i32,
    pub host: Str,
    pub port: i32,
    pub error_code: ErrorCode,
    pub error_message: Option<Str>,
}

impl Message for Coordinator {
    fn decode(r: &mut Reader, _version: i16) -> Result<Self, DecodeError> {
        let message = Self {
            key: r.str()?,
            node_id: r.i32()?,
            host: r.str()?,
            port: r.i32()?,
            error_code: r.error_code()?,
            error_message: r.nullable_str()?,
        };
        r.no_tags()?;
        Ok(message)
    }

    fn encode(&self, w: &mut Writer, _version: i16) {
        w.str(&self.key);
        w.i32(self.node_id);
        w.str(&self.host);
        w.i32(self.port);
        w.error_code(self.error_code);
        w.nullable_str(self.error_message.as_ref());
        w.no_tags();
    }
}
