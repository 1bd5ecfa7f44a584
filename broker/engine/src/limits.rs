//! The bounds of the engine, each with its unit and reason.

use std::time::Duration;

/// Bounds that a deployment may set; the rest of this module is fixed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Limits {
    /// Bytes of records that wait to become durable. Reserved before offsets are assigned; producers wait beyond it.
    pub unacknowledged_bytes_max: usize,
    /// Bytes of recently written objects kept for consumers at the end of the log.
    pub tail_cache_bytes_max: usize,
    /// Bytes of objects kept after they were read back from the store.
    pub read_cache_bytes_max: usize,
    /// Bytes of one batch where the topic has no `max.message.bytes` of its own. Kafka's default.
    pub message_bytes_max: usize,
    /// Bytes of one fetch answer, whatever the client asks for.
    pub fetch_bytes_max: usize,
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            unacknowledged_bytes_max: 128 << 20,
            tail_cache_bytes_max: 128 << 20,
            read_cache_bytes_max: 64 << 20,
            message_bytes_max: 1_048_588,
            fetch_bytes_max: 55 << 20,
        }
    }
}

/// Time that a request waits for a partition that is being taken over before it answers "not leader".
pub const OPENING_WAIT_MAX: Duration = Duration::from_secs(2);
/// Time that a produce request waits for durability, whatever the client asks for.
pub const PRODUCE_WAIT_MAX: Duration = Duration::from_secs(120);
/// Time that a fetch waits for records, whatever the client asks for.
pub const FETCH_WAIT_MAX: Duration = Duration::from_secs(30);
/// Partitions of one topic; a bound on what one request can make the cluster hold.
pub const PARTITIONS_PER_TOPIC_MAX: i32 = 10_000;
/// Batches that an idempotent producer may have in flight per partition. Kafka's number.
pub const PRODUCER_BATCHES_KEPT: usize = 5;
/// Members of one group.
pub const GROUP_MEMBERS_MAX: usize = 10_000;
/// Bytes of the metadata string of a committed offset. Kafka's default.
pub const OFFSET_METADATA_BYTES_MAX: usize = 4096;
/// Session time-outs that a member may ask for. Kafka's defaults.
pub const SESSION_TIMEOUT_MIN: Duration = Duration::from_secs(6);
/// See [`SESSION_TIMEOUT_MIN`].
pub const SESSION_TIMEOUT_MAX: Duration = Duration::from_secs(1800);
