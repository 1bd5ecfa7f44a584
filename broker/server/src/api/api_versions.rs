//! ApiVersions: what this broker supports. Features are told to newer clients only: librdkafka up to 2.0.2 mis-skips tagged
//! fields.

use broker_wire::ErrorCode;
use broker_wire::Str;
use broker_wire::messages::api_versions::{ApiVersion, ApiVersionsResponse, FinalizedFeatureKey, SupportedFeatureKey};

use super::supported;

/// From this version on a client reads tagged fields as it should.
const READS_TAGS: i16 = 4;
/// The feature by which a client may have an epoch for each of its transactions.
const TRANSACTION_VERSION: &str = "transaction.version";
/// See [`TRANSACTION_VERSION`]. Source: KIP-890, KIP-1022.
const TRANSACTION_VERSION_MAX: i16 = 2;

/// The list, and for clients that can read them the features.
pub(crate) fn supported(version: i16) -> ApiVersionsResponse {
    if version < READS_TAGS {
        return apis();
    }
    let name = Str::from_static(TRANSACTION_VERSION);
    ApiVersionsResponse {
        supported_features: vec![SupportedFeatureKey {
            name: name.clone(),
            min_version: 0,
            max_version: TRANSACTION_VERSION_MAX,
        }],
        finalized_features_epoch: 0,
        finalized_features: vec![FinalizedFeatureKey {
            name,
            max_version_level: TRANSACTION_VERSION_MAX,
            min_version_level: TRANSACTION_VERSION_MAX,
        }],
        ..apis()
    }
}

fn apis() -> ApiVersionsResponse {
    let api_keys = supported::TABLE.iter().map(|row| ApiVersion {
        api_key: row.api.code(),
        min_version: *row.advertised.start(),
        max_version: *row.advertised.end(),
    });
    ApiVersionsResponse { api_keys: api_keys.collect(), ..Default::default() }
}

/// The list, for a client whose version of this request is not supported.
pub(crate) fn unsupported() -> ApiVersionsResponse {
    ApiVersionsResponse { error_code: ErrorCode::UnsupportedVersion, ..apis() }
}
