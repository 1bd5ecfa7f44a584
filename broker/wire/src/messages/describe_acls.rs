//! The messages of DescribeAcls (API key 29).
// Generated from messages.table; do not edit.
#![expect(missing_docs, reason = "the fields are Kafka's, under Kafka's names")]

use crate::Message;
use crate::error_code::ErrorCode;
use crate::reader::{DecodeError, Reader};
use crate::text::Str;
use crate::writer::Writer;

#[derive(Clone, Debug, PartialEq)]
pub struct DescribeAclsRequest {
    pub resource_type_filter: i8,
    pub resource_name_filter: Option<Str>,
    pub pattern_type_filter: i8,
    pub principal_filter: Option<Str>,
    pub host_filter: Option<Str>,
    pub operation: i8,
    pub permission_type: i8,
}

impl Default for DescribeAclsRequest {
    fn default() -> Self {
        Self {
            resource_type_filter: Default::default(),
            resource_name_filter: Default::default(),
            pattern_type_filter: 3,
            principal_filter: Default::default(),
            host_filter: Default::default(),
            operation: Default::default(),
            permission_type: Default::default(),
        }
    }
}

impl Message for DescribeAclsRequest {
    fn decode(r: &mut Reader, _version: i16) -> Result<Self, DecodeError> {
        let message = Self {
            resource_type_filter: r.i8()?,
            resource_name_filter: r.nullable_str()?,
            pattern_type_filter: r.i8()?,
            principal_filter: r.nullable_str()?,
            host_filter: r.nullable_str()?,
            operation: r.i8()?,
            permission_type: r.i8()?,
        };
        r.no_tags()?;
        Ok(message)
    }

    fn encode(&self, w: &mut Writer, _version: i16) {
        w.i8(self.resource_type_filter);
        w.nullable_str(self.resource_name_filter.as_ref());
        w.i8(self.pattern_type_filter);
        w.nullable_str(self.principal_filter.as_ref());
        w.nullable_str(self.host_filter.as_ref());
        w.i8(self.operation);
        w.i8(self.permission_type);
        w.no_tags();
    }
}

#[derive(Clone, Debug, Default, PartialEq)]
pub struct DescribeAclsResponse {
    pub throttle_time_ms: i32,
    pub error_code: ErrorCode,
    pub error_message: Option<Str>,
    pub resources: Vec<DescribeAclsResource>,
}

impl Message for DescribeAclsResponse {
    fn decode(r: &mut Reader, version: i16) -> Result<Self, DecodeError> {
        let message = Self {
            throttle_time_ms: r.i32()?,
            error_code: r.error_code()?,
            error_message: r.nullable_str()?,
            resources: r.array(|r| DescribeAclsResource::decode(r, version))?,
        };
        r.no_tags()?;
        Ok(message)
    }

    fn encode(&self, w: &mut Writer, version: i16) {
        w.i32(self.throttle_time_ms);
        w.error_code(self.error_code);
        w.nullable_str(self.error_message.as_ref());
        w.array(&self.resources, |w, each| each.encode(w, version));
        w.no_tags();
    }
}

#[derive(Clone, Debug, PartialEq)]
pub struct DescribeAclsResource {
    pub resource_type: i8,
    pub resource_name: Str,
    pub pattern_type: i8,
    pub acls: Vec<AclDescription>,
}

impl Default for DescribeAclsResource {
    fn default() -> Self {
        Self {
            resource_type: Default::default(),
            resource_name: Default::default(),
            pattern_type: 3,
            acls: Default::default(),
        }
    }
}

impl Message for DescribeAclsResource {
    fn decode(r: &mut Reader, version: i16) -> Result<Self, DecodeError> {
        let message = Self {
            resource_type: r.i8()?,
            resource_name: r.str()?,
            pattern_type: r.i8()?,
            acls: r.array(|r| AclDescription::decode(r, version))?,
        };
        r.no_tags()?;
        Ok(message)
    }

    fn encode(&self, w: &mut Writer, version: i16) {
        w.i8(self.resource_type);
        w.str(&self.resource_name);
        w.i8(self.pattern_type);
        w.array(&self.acls, |w, each| each.encode(w, version));
        w.no_tags();
    }
}

#[derive(Clone, Debug, Default, PartialEq)]
pub struct AclDescription {
    pub principal: Str,
    pub host: Str,
    pub operation: i8,
    pub permission_type: i8,
}

impl Message for AclDescription {
    fn decode(r: &mut Reader, _version: i16) -> Result<Self, DecodeError> {
        let message = Self { principal: r.str()?, host: r.str()?, operation: r.i8()?, permission_type: r.i8()? };
        r.no_tags()?;
        Ok(message)
    }

    fn encode(&self, w: &mut Writer, _version: i16) {
        w.str(&self.principal);
        w.str(&self.host);
        w.i8(self.operation);
        w.i8(self.permission_type);
        w.no_tags();
    }
}
