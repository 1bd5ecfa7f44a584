//! The bounds of the metadata, each with its unit and reason.
//!
//! Those that `apply` looks at decide what is rejected and must be the same everywhere: they change only together with
//! the feature level.

use std::time::Duration;

/// Bytes of one entry; a larger one is void.
pub const ENTRY_BYTES_MAX: usize = 1 << 20;
/// Commands of one entry.
pub const ENTRY_COMMANDS_MAX: usize = 10_000;
/// Results remembered, so that a repeated command gets its first result; minutes of a busy cluster.
pub const RESULTS_KEPT: usize = 4096;
/// Partitions of one topic.
pub const TOPIC_PARTITIONS_MAX: i32 = 10_000;
/// Partitions of one cluster; bounds the snapshot.
pub const CLUSTER_PARTITIONS_MAX: usize = 200_000;
/// Topics of one cluster.
pub const TOPICS_MAX: usize = 50_000;
/// Brokers registered at once.
pub const BROKERS_MAX: usize = 1_000;
/// Incarnations whose write-ahead logs are not yet retired.
pub const INCARNATIONS_MAX: usize = 10_000;
/// Names of deleted topics whose leader epochs are remembered; the smallest epochs are forgotten first.
pub const FORMER_TOPICS_MAX: usize = 100_000;
/// Deleted topics of which nothing is left, and that are remembered; the oldest are forgotten first.
pub const FINALISED_TOPICS_KEPT: usize = 1000;
/// Characters of a topic's name. Kafka's number.
pub const TOPIC_NAME_LENGTH_MAX: usize = 249;
/// Bytes of any other text in a command: host, owner, reason, a config's value.
pub const TEXT_BYTES_MAX: usize = 4096;
/// Producer ids of one block.
pub const PRODUCER_ID_BLOCK_MAX: u32 = 100_000;
/// Bytes per second by which two brokers must differ before partitions move because of load.
pub const LOAD_GAP_MIN: u64 = 1 << 20;
/// Partitions of one broker that are weighed against those of another.
pub const LOAD_PARTITIONS_WEIGHED_MAX: usize = 64;
/// Entries after which a snapshot is due.
pub const SNAPSHOT_ENTRIES: u64 = 1000;
/// Bytes of entries after which a snapshot is due.
pub const SNAPSHOT_BYTES: u64 = 1 << 20;
/// Snapshots kept.
pub const SNAPSHOTS_KEPT: usize = 3;
/// Entries that are read at once while catching up.
pub const CATCH_UP_ENTRIES: u64 = 64;
/// Time that a proposal or bootstrap insists before it tells its caller.
pub const PROPOSE_TIME_MAX: Duration = Duration::from_secs(30);
