//! The messages of ApiVersions (API key 18).
// Generated from messages.table; do not edit.
#![expect(missing_docs, reason = "the fields are Kafka's, under Kafka's names")]

use crate::Message;
use crate::error_code::ErrorCode;
use crate::reader::{DecodeError, Reader};
use crate::text::Str;
use crate::writer::Writer;

#[derive(Clone, Debug, Default, PartialEq)]
pub struct ApiVersionsRequest {
    pub client_software_name: Str,
    pub client_software_version: Str,
}

impl Message for ApiVersionsRequest {
    fn decode(r: &mut Reader, version: i16) -> Result<Self, DecodeError> {
        let message = Self {
            client_software_name: if version >= 3 { r.str()? } else { Default::default() },
            client_software_version: if version >= 3 { r.str()? } else { Default::default() },
        };
        r.no_tags()?;
        Ok(message)
    }

    fn encode(&self, w: &mut Writer, version: i16) {
        if version >= 3 {
            w.str(&self.client_software_name);
        }
        if version >= 3 {
            w.str(&self.client_software_version);
        }
        w.no_tags();
    }
}

#[derive(Clone, Debug, PartialEq)]
pub struct ApiVersionsResponse {
    pub error_code: ErrorCode,
    pub api_keys: Vec<ApiVersion>,
    pub throttle_time_ms: i32,
    pub supported_features: Vec<SupportedFeatureKey>,
    pub finalized_features_epoch: i64,
    pub finalized_features: Vec<FinalizedFeatureKey>,
    pub zk_migration_ready: bool,
}

impl Default for ApiVersionsResponse {
    fn default() -> Self {
        Self {
            error_code: Default::default(),
            api_keys: Default::default(),
            throttle_time_ms: Default::default(),
            supported_features: Default::default(),
            finalized_features_epoch: -1,
            finalized_features: Default::default(),
            zk_migration_ready: Default::default(),
        }
    }
}

impl Message for ApiVersionsResponse {
    fn decode(r: &mut Reader, version: i16) -> Result<Self, DecodeError> {
        let mut message = Self {
            error_code: r.error_code()?,
            api_keys: r.array(|r| ApiVersion::decode(r, version))?,
            throttle_time_ms: if version >= 1 { r.i32()? } else { Default::default() },
            supported_features: Default::default(),
            finalized_features_epoch: -1,
            finalized_features: Default::default(),
            zk_migration_ready: Default::default(),
        };
        r.tags(|r, tag| {
            match tag {
                0 if version >= 3 => {
                    message.supported_features = r.array(|r| SupportedFeatureKey::decode(r, version))?
                }
                1 if version >= 3 => message.finalized_features_epoch = r.i64()?,
                2 if version >= 3 => {
                    message.finalized_features = r.array(|r| FinalizedFeatureKey::decode(r, version))?
                }
                3 if version >= 3 => message.zk_migration_ready = r.bool()?,
                _ => {}
            }
            Ok(())
        })?;
        Ok(message)
    }

    fn encode(&self, w: &mut Writer, version: i16) {
        w.error_code(self.error_code);
        w.array(&self.api_keys, |w, each| each.encode(w, version));
        if version >= 1 {
            w.i32(self.throttle_time_ms);
        }
        let mut tags = w.begin_tags();
        if version >= 3 && !self.supported_features.is_empty() {
            tags.put(0, |w| w.array(&self.supported_features, |w, each| each.encode(w, version)));
        }
        if version >= 3 && self.finalized_features_epoch != -1 {
            tags.put(1, |w| w.i64(self.finalized_features_epoch));
        }
        if version >= 3 && !self.finalized_features.is_empty() {
            tags.put(2, |w| w.array(&self.finalized_features, |w, each| each.encode(w, version)));
        }
        if version >= 3 && self.zk_migration_ready {
            tags.put(3, |w| w.bool(self.zk_migration_ready));
        }
        w.end_tags(tags);
    }
}

#[derive(Clone, Debug, Default, PartialEq)]
pub struct ApiVersion {
    pub api_key: i16,
    pub min_version: i16,
    pub max_version: i16,
}

impl Message for ApiVersion {
    fn decode(r: &mut Reader, _version: i16) -> Result<Self, DecodeError> {
        let message = Self { api_key: r.i16()?, min_version: r.i16()?, max_version: r.i16()? };
        r.no_tags()?;
        Ok(message)
    }

    fn encode(&self, w: &mut Writer, _version: i16) {
        w.i16(self.api_key);
        w.i16(self.min_version);
        w.i16(self.max_version);
        w.no_tags();
    }
}

#[derive(Clone, Debug, Default, PartialEq)]
pub struct SupportedFeatureKey {
    pub name: Str,
    pub min_version: i16,
    pub max_version: i16,
}

impl Message for SupportedFeatureKey {
    fn decode(r: &mut Reader, _version: i16) -> Result<Self, DecodeError> {
        let message = Self { name: r.str()?, min_version: r.i16()?, max_version: r.i16()? };
        r.no_tags()?;
        Ok(message)
    }

    fn encode(&self, w: &mut Writer, _version: i16) {
        w.str(&self.name);
        w.i16(self.min_version);
        w.i16(self.max_version);
        w.no_tags();
    }
}

#[derive(Clone, Debug, Default, PartialEq)]
pub struct FinalizedFeatureKey {
    pub name: Str,
    pub max_version_level: i16,
    pub min_version_level: i16,
}

impl Message for FinalizedFeatureKey {
    fn decode(r: &mut Reader, _version: i16) -> Result<Self, DecodeError> {
        let message = Self { name: r.str()?, max_version_level: r.i16()?, min_version_level: r.i16()? };
        r.no_tags()?;
        Ok(message)
    }

    fn encode(&self, w: &mut Writer, _version: i16) {
        w.str(&self.name);
        w.i16(self.max_version_level);
        w.i16(self.min_version_level);
        w.no_tags();
    }
}
