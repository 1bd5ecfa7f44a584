//! The messages of CreateAcls (API key 30).
// Generated from messages.table; do not edit.
#![expect(missing_docs, reason = "the fields are Kafka's, under Kafka's names")]

use crate::Message;
use crate::error_code::ErrorCode;
use crate::reader::{DecodeError, Reader};
use crate::text::Str;
use crate::writer::Writer;

#[derive(Clone, Debug, Default, PartialEq)]
pub struct CreateAclsRequest {
    pub creations: Vec<AclCreation>,
}

impl Message for CreateAclsRequest {
    fn decode(r: &mut Reader, version: i16) -> Result<Self, DecodeError> {
        let message = Self { creations: r.array(|r| AclCreation::decode(r, version))? };
        r.no_tags()?;
        Ok(message)
    }

    fn encode(&self, w: &mut Writer, version: i16) {
        w.array(&self.creations, |w, each| each.encode(w, version));
        w.no_tags();
    }
}

#[derive(Clone, Debug, PartialEq)]
pub struct AclCreation {
    pub resource_type: i8,
    pub resource_name: Str,
    pub resource_pattern_type: i8,
    pub principal: Str,
    pub host: Str,
    pub operation: i8,
    pub permission_type: i8,
}

impl Default for AclCreation {
    fn default() -> Self {
        Self {
            resource_type: Default::default(),
            resource_name: Default::default(),
            resource_pattern_type: 3,
            principal: Default::default(),
            host: Default::default(),
            operation: Default::default(),
            permission_type: Default::default(),
        }
    }
}

impl Message for AclCreation {
    fn decode(r: &mut Reader, _version: i16) -> Result<Self, DecodeError> {
        let message = Self {
            resource_type: r.i8()?,
            resource_name: r.str()?,
            resource_pattern_type: r.i8()?,
            principal: r.str()?,
            host: r.str()?,
            operation: r.i8()?,
            permission_type: r.i8()?,
        };
        r.no_tags()?;
        Ok(message)
    }

    fn encode(&self, w: &mut Writer, _version: i16) {
        w.i8(self.resource_type);
        w.str(&self.resource_name);
        w.i8(self.resource_pattern_type);
        w.str(&self.principal);
        w.str(&self.host);
        w.i8(self.operation);
        w.i8(self.permission_type);
        w.no_tags();
    }
}

#[derive(Clone, Debug, Default, PartialEq)]
pub struct CreateAclsResponse {
    pub throttle_time_ms: i32,
    pub results: Vec<AclCreationResult>,
}

impl Message for CreateAclsResponse {
    fn decode(r: &mut Reader, version: i16) -> Result<Self, DecodeError> {
        let message = Self { throttle_time_ms: r.i32()?, results: r.array(|r| AclCreationResult::decode(r, version))? };
        r.no_tags()?;
        Ok(message)
    }

    fn encode(&self, w: &mut Writer, version: i16) {
        w.i32(self.throttle_time_ms);
        w.array(&self.results, |w, each| each.encode(w, version));
        w.no_tags();
    }
}

#[derive(Clone, Debug, Default, PartialEq)]
pub struct AclCreationResult {
    pub error_code: ErrorCode,
    pub error_message: Option<Str>,
}

impl Message for AclCreationResult {
    fn decode(r: &mut Reader, _version: i16) -> Result<Self, DecodeError> {
        let message = Self { error_code: r.error_code()?, error_message: r.nullable_str()? };
        r.no_tags()?;
        Ok(message)
    }

    fn encode(&self, w: &mut Writer, _version: i16) {
        w.error_code(self.error_code);
        w.nullable_str(self.error_message.as_ref());
        w.no_tags();
    }
}
