//! The messages of IncrementalAlterConfigs (API key 44).
// Generated from messages.table; do not edit.
#![expect(missing_docs, reason = "the fields are Kafka's, under Kafka's names")]

use crate::Message;
use crate::error_code::ErrorCode;
use crate::reader::{DecodeError, Reader};
use crate::text::Str;
use crate::writer::Writer;

#[derive(Clone, Debug, Default, PartialEq)]
pub struct IncrementalAlterConfigsRequest {
    pub resources: Vec<AlterConfigsResource>,
    pub validate_only: bool,
}

impl Message for IncrementalAlterConfigsRequest {
    fn decode(r: &mut Reader, version: i16) -> Result<Self, DecodeError> {
        let message =
            Self { resources: r.array(|r| AlterConfigsResource::decode(r, version))?, validate_only: r.bool()? };
        r.no_tags()?;
        Ok(message)
    }

    fn encode(&self, w: &mut Writer, version: i16) {
        w.array(&self.resources, |w, each| each.encode(w, version));
        w.bool(self.validate_only);
        w.no_tags();
    }
}

#[derive(Clone, Debug, Default, PartialEq)]
pub struct AlterConfigsResource {
    pub resource_type: i8,
    pub resource_name: Str,
    pub configs: Vec<AlterableConfig>,
}

impl Message for AlterConfigsResource {
    fn decode(r: &mut Reader, version: i16) -> Result<Self, DecodeError> {
        let message = Self {
            resource_type: r.i8()?,
            resource_name: r.str()?,
            configs: r.array(|r| AlterableConfig::decode(r, version))?,
        };
        r.no_tags()?;
        Ok(message)
    }

    fn encode(&self, w: &mut Writer, version: i16) {
        w.i8(self.resource_type);
        w.str(&self.resource_name);
        w.array(&self.configs, |w, each| each.encode(w, version));
        w.no_tags();
    }
}

#[derive(Clone, Debug, Default, PartialEq)]
pub struct AlterableConfig {
    pub name: Str,
    pub config_operation: i8,
    pub value: Option<Str>,
}

impl Message for AlterableConfig {
    fn decode(r: &mut Reader, _version: i16) -> Result<Self, DecodeError> {
        let message = Self { name: r.str()?, config_operation: r.i8()?, value: r.nullable_str()? };
        r.no_tags()?;
        Ok(message)
    }

    fn encode(&self, w: &mut Writer, _version: i16) {
        w.str(&self.name);
        w.i8(self.config_operation);
        w.nullable_str(self.value.as_ref());
        w.no_tags();
    }
}

#[derive(Clone, Debug, Default, PartialEq)]
pub struct IncrementalAlterConfigsResponse {
    pub throttle_time_ms: i32,
    pub responses: Vec<AlterConfigsResourceResponse>,
}

impl Message for IncrementalAlterConfigsResponse {
    fn decode(r: &mut Reader, version: i16) -> Result<Self, DecodeError> {
        let message = Self {
            throttle_time_ms: r.i32()?,
            responses: r.array(|r| AlterConfigsResourceResponse::decode(r, version))?,
        };
        r.no_tags()?;
        Ok(message)
    }

    fn encode(&self, w: &mut Writer, version: i16) {
        w.i32(self.throttle_time_ms);
        w.array(&self.responses, |w, each| each.encode(w, version));
        w.no_tags();
    }
}

#[derive(Clone, Debug, Default, PartialEq)]
pub struct AlterConfigsResourceResponse {
    pub error_code: ErrorCode,
    pub error_message: Option<Str>,
    pub resource_type: i8,
    pub resource_name: Str,
}

impl Message for AlterConfigsResourceResponse {
    fn decode(r: &mut Reader, _version: i16) -> Result<Self, DecodeError> {
        let message = Self {
            error_code: r.error_code()?,
            error_message: r.nullable_str()?,
            resource_type: r.i8()?,
            resource_name: r.str()?,
        };
        r.no_tags()?;
        Ok(message)
    }

    fn encode(&self, w: &mut Writer, _version: i16) {
        w.error_code(self.error_code);
        w.nullable_str(self.error_message.as_ref());
        w.i8(self.resource_type);
        w.str(&self.resource_name);
        w.no_tags();
    }
}
