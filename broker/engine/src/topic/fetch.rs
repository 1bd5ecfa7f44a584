//! Reading a partition from an offset on.

use std::time::Duration;

use bytes::Bytes;
use thiserror::Error;

use super::{PartitionError, TopicRef};

/// What a consumer wants to see of transactions.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Isolation {
    /// Everything below the high watermark.
    #[default]
    ReadUncommitted,
    /// Nothing at or beyond the first open transaction.
    ReadCommitted,
}

/// A fetch request.
#[derive(Clone, Debug)]
pub struct FetchRequest {
    /// How long to wait for `min_bytes`.
    pub max_wait: Duration,
    /// Answer when this many bytes are there, or when something else has to be said.
    pub min_bytes: usize,
    /// Bytes of the whole answer; the first batch of all comes even if it is larger.
    pub max_bytes: usize,
    /// Transactions.
    pub isolation: Isolation,
    /// The partitions; the outcomes come back in this order, and bytes are spent in this order.
    pub partitions: Vec<FetchPartition>,
}

/// One partition of a fetch request.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct FetchPartition {
    /// The topic.
    pub topic: TopicRef,
    /// The partition.
    pub partition: i32,
    /// The leader epoch the client believes in.
    pub current_leader_epoch: Option<i32>,
    /// The first offset wanted; the batch holding it comes whole.
    pub offset: i64,
    /// Bytes for this partition; its first batch comes even if it is larger, while the request's `max_bytes` lasts.
    pub max_bytes: usize,
}

/// The answer for one partition.
pub type FetchOutcome = Result<Fetched, FetchError>;

/// Records of one partition.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Fetched {
    /// Offset after the last record that is durable.
    pub high_watermark: i64,
    /// Offset of the first record of an open transaction, else the high watermark.
    pub last_stable_offset: i64,
    /// The first offset that the partition still has.
    pub log_start_offset: i64,
    /// Whole batches in order of offset; slices of cached objects. Empty when there is nothing yet.
    pub records: Vec<Bytes>,
}

/// Why a partition has no records for this request.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
pub enum FetchError {
    /// The partition is not served here.
    #[error(transparent)]
    Partition(#[from] PartitionError),
    /// The offset is below the log's start or above its end.
    #[error("offset is not between {log_start_offset} and {high_watermark}")]
    OffsetOutOfRange {
        /// The first offset that the partition still has.
        log_start_offset: i64,
        /// Offset after the last record.
        high_watermark: i64,
    },
}
