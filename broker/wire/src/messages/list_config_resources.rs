//! The messages of ListConfigResources (API key 74).
// Generated from messages.table; do not edit.
#![expect(missing_docs, reason = "the fields are Kafka's, under Kafka's names")]

use crate::Message;
use crate::error_code::ErrorCode;
use crate::reader::{DecodeError, Reader};
use crate::text::Str;
use crate::writer::Writer;

#[derive(Clone, Debug, Default, PartialEq)]
pub struct ListConfigResourcesRequest {
    pub resource_types: Vec<i8>,
}

impl Message for ListConfigResourcesRequest {
    fn decode(r: &mut Reader, version: i16) -> Result<Self, DecodeError> {
        let message = Self { resource_types: if version >= 1 { r.array(Reader::i8)? } else { Default::default() } };
        r.no_tags()?;
        Ok(message)
    }

    fn encode(&self, w: &mut Writer, version: i16) {
        if version >= 1 {
            w.array(&self.resource_types, |w, each| w.i8(*each));
        }
        w.no_tags();
    }
}

#[derive(Clone, Debug, Default, PartialEq)]
pub struct ListConfigResourcesResponse {
    pub throttle_time_ms: i32,
    pub error_code: ErrorCode,
    pub config_resources: Vec<ConfigResource>,
}

impl Message for ListConfigResourcesResponse {
    fn decode(r: &mut Reader, version: i16) -> Result<Self, DecodeError> {
        let message = Self {
            throttle_time_ms: r.i32()?,
            error_code: r.error_code()?,
            config_resources: r.array(|r| ConfigResource::decode(r, version))?,
        };
        r.no_tags()?;
        Ok(message)
    }

    fn encode(&self, w: &mut Writer, version: i16) {
        w.i32(self.throttle_time_ms);
        w.error_code(self.error_code);
        w.array(&self.config_resources, |w, each| each.encode(w, version));
        w.no_tags();
    }
}

#[derive(Clone, Debug, PartialEq)]
pub struct ConfigResource {
    pub resource_name: Str,
    pub resource_type: i8,
}

impl Default for ConfigResource {
    fn default() -> Self {
        Self { resource_name: Default::default(), resource_type: 16 }
    }
}

impl Message for ConfigResource {
    fn decode(r: &mut Reader, version: i16) -> Result<Self, DecodeError> {
        let message = Self { resource_name: r.str()?, resource_type: if version >= 1 { r.i8()? } else { 16 } };
        r.no_tags()?;
        Ok(message)
    }

    fn encode(&self, w: &mut Writer, version: i16) {
        w.str(&self.resource_name);
        if version >= 1 {
            w.i8(self.resource_type);
        }
        w.no_tags();
    }
}
