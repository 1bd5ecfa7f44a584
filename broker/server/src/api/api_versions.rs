//! ApiVersions: what this broker supports. Features are left out: librdkafka up to 2.0.2 mis-skips tagged fields.

use broker_wire::ErrorCode;
use broker_wire::messages::api_versions::{ApiVersion, ApiVersionsResponse};

use super::supported;

/// The list.
pub(crate) fn supported() -> ApiVersionsResponse {
    let api_keys = supported::TABLE.iter().map(|row| ApiVersion {
        api_key: row.api.code(),
        min_version: *row.advertised.start(),
        max_version: *row.advertised.end(),
    });
    ApiVersionsResponse { api_keys: api_keys.collect(), ..Default::default() }
}

/// The list, for a client whose version of this request is not supported.
pub(crate) fn unsupported() -> ApiVersionsResponse {
    ApiVersionsResponse { error_code: ErrorCode::UnsupportedVersion, ..supported() }
}
