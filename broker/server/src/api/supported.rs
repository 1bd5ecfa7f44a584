//! The one table of what works: nothing else is advertised or accepted.

use std::ops::RangeInclusive;

use broker_wire::ApiKey;

/// One row.
pub(crate) struct Supported {
    pub(crate) api: ApiKey,
    /// What requests may have.
    versions: RangeInclusive<i16>,
    /// What clients are told.
    pub(crate) advertised: RangeInclusive<i16>,
}

const fn row(api: ApiKey, first: i16, last: i16) -> Supported {
    Supported { api, versions: first..=last, advertised: first..=last }
}

pub(crate) const TABLE: &[Supported] = &[
    // librdkafka before 2.8 derives from the advertised range which compressions it may use; versions 0 to 2 are not
    // otherwise supported. Source: KAFKA-18659.
    Supported { api: ApiKey::Produce, versions: 3..=13, advertised: 0..=13 },
    row(ApiKey::Fetch, 4, 18),
    row(ApiKey::ListOffsets, 1, 10),
    row(ApiKey::Metadata, 0, 13),
    row(ApiKey::OffsetCommit, 2, 10),
    row(ApiKey::OffsetFetch, 1, 10),
    row(ApiKey::FindCoordinator, 0, 6),
    row(ApiKey::JoinGroup, 0, 9),
    row(ApiKey::Heartbeat, 0, 4),
    row(ApiKey::LeaveGroup, 0, 5),
    row(ApiKey::SyncGroup, 0, 5),
    row(ApiKey::DescribeGroups, 0, 6),
    row(ApiKey::ListGroups, 0, 5),
    row(ApiKey::ApiVersions, 0, 4),
    row(ApiKey::CreateTopics, 2, 7),
    row(ApiKey::DeleteTopics, 1, 6),
    row(ApiKey::DeleteRecords, 0, 2),
    row(ApiKey::InitProducerId, 0, 5),
    row(ApiKey::AddPartitionsToTxn, 0, 5),
    row(ApiKey::AddOffsetsToTxn, 0, 4),
    row(ApiKey::EndTxn, 0, 5),
    row(ApiKey::TxnOffsetCommit, 0, 5),
    row(ApiKey::DescribeConfigs, 1, 4),
    row(ApiKey::CreatePartitions, 0, 3),
    row(ApiKey::DeleteGroups, 0, 2),
    row(ApiKey::DescribeCluster, 0, 2),
    row(ApiKey::DescribeProducers, 0, 0),
    row(ApiKey::DescribeTransactions, 0, 0),
    // Version 2 filters by a regular expression.
    row(ApiKey::ListTransactions, 0, 1),
];

/// Whether the API is supported in some version.
pub(crate) fn api(api: ApiKey) -> bool {
    TABLE.iter().any(|row| row.api == api)
}

/// Whether the API is supported in this version.
pub(crate) fn version(api: ApiKey, version: i16) -> bool {
    TABLE.iter().any(|row| row.api == api && row.versions.contains(&version))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_supported_version_can_be_read_and_written() {
        for row in TABLE {
            let codec = row.api.versions();
            assert!(codec.contains(row.versions.start()) && codec.contains(row.versions.end()), "{}", row.api.name());
        }
    }
}
