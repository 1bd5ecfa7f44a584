//! The messages of DescribeCluster (API key 60).
// Generated from messages.table; do not edit.
#![expect(missing_docs, reason = "the fields are Kafka's, under Kafka's names")]

use crate::Message;
use crate::error_code::ErrorCode;
use crate::reader::{DecodeError, Reader};
use crate::text::Str;
use crate::writer::Writer;

#[derive(Clone, Debug, PartialEq)]
pub struct DescribeClusterRequest {
    pub include_cluster_authorized_operations: bool,
    pub endpoint_type: i8,
    pub include_fenced_brokers: bool,
}

impl Default for DescribeClusterRequest {
    fn default() -> Self {
        Self {
            include_cluster_authorized_operations: Default::default(),
            endpoint_type: 1,
            include_fenced_brokers: Default::default(),
        }
    }
}

impl Message for DescribeClusterRequest {
    fn decode(r: &mut Reader, version: i16) -> Result<Self, DecodeError> {
        let message = Self {
            include_cluster_authorized_operations: r.bool()?,
            endpoint_type: if version >= 1 { r.i8()? } else { 1 },
            include_fenced_brokers: if version >= 2 { r.bool()? } else { Default::default() },
        };
        r.no_tags()?;
        Ok(message)
    }

    fn encode(&self, w: &mut Writer, version: i16) {
        w.bool(self.include_cluster_authorized_operations);
        if version >= 1 {
            w.i8(self.endpoint_type);
        }
        if version >= 2 {
            w.bool(self.include_fenced_brokers);
        }
        w.no_tags();
    }
}

#[derive(Clone, Debug, PartialEq)]
pub struct DescribeClusterResponse {
    pub throttle_time_ms: i32,
    pub error_code: ErrorCode,
    pub error_message: Option<Str>,
    pub endpoint_type: i8,
    pub cluster_id: Str,
    pub controller_id: i32,
    pub brokers: Vec<DescribeClusterBroker>,
    pub cluster_authorized_operations: i32,
}

impl Default for DescribeClusterResponse {
    fn default() -> Self {
        Self {
            throttle_time_ms: Default::default(),
            error_code: Default::default(),
            error_message: Default::default(),
            endpoint_type: 1,
            cluster_id: Default::default(),
            controller_id: -1,
            brokers: Default::default(),
            cluster_authorized_operations: -2_147_483_648,
        }
    }
}

impl Message for DescribeClusterResponse {
    fn decode(r: &mut Reader, version: i16) -> Result<Self, DecodeError> {
        let message = Self {
            throttle_time_ms: r.i32()?,
            error_code: r.error_code()?,
            error_message: r.nullable_str()?,
            endpoint_type: if version >= 1 { r.i8()? } else { 1 },
            cluster_id: r.str()?,
            controller_id: r.i32()?,
            brokers: r.array(|r| DescribeClusterBroker::decode(r, version))?,
            cluster_authorized_operations: r.i32()?,
        };
        r.no_tags()?;
        Ok(message)
    }

    fn encode(&self, w: &mut Writer, version: i16) {
        w.i32(self.throttle_time_ms);
        w.error_code(self.error_code);
        w.nullable_str(self.error_message.as_ref());
        if version >= 1 {
            w.i8(self.endpoint_type);
        }
        w.str(&self.cluster_id);
        w.i32(self.controller_id);
        w.array(&self.brokers, |w, each| each.encode(w, version));
        w.i32(self.cluster_authorized_operations);
        w.no_tags();
    }
}

#[derive(Clone, Debug, Default, PartialEq)]
pub struct DescribeClusterBroker {
    pub broker_id: i32,
    pub host: Str,
    pub port: i32,
    pub rack: Option<Str>,
    pub is_fenced: bool,
}

impl Message for DescribeClusterBroker {
    fn decode(r: &mut Reader, version: i16) -> Result<Self, DecodeError> {
        let message = Self {
            broker_id: r.i32()?,
            host: r.str()?,
            port: r.i32()?,
            rack: r.nullable_str()?,
            is_fenced: if version >= 2 { r.bool()? } else { Default::default() },
        };
        r.no_tags()?;
        Ok(message)
    }

    fn encode(&self, w: &mut Writer, version: i16) {
        w.i32(self.broker_id);
        w.str(&self.host);
        w.i32(self.port);
        w.nullable_str(self.rack.as_ref());
        if version >= 2 {
            w.bool(self.is_fenced);
        }
        w.no_tags();
    }
}
