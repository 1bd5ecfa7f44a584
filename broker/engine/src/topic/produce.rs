//! Appending what producers send.

use std::time::Duration;

use bytes::Bytes;
use thiserror::Error;

use super::{PartitionError, TopicRef};

/// When a producer wants its answer.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Acks {
    /// Never; the batch is appended and nobody is told whether it became durable (`acks=0`).
    None,
    /// When the batch is durable (`acks=1` and `acks=all`: there is only one kind of durable here).
    Durable,
}

/// A produce request.
#[derive(Clone, Debug)]
pub struct ProduceRequest {
    /// When to answer.
    pub acks: Acks,
    /// How long to wait for durability.
    pub timeout: Duration,
    /// The transaction the batches belong to.
    pub transactional_id: Option<String>,
    /// The payloads; the outcomes come back in this order.
    pub partitions: Vec<ProducePartition>,
}

/// The payload for one partition.
#[derive(Clone, Debug)]
pub struct ProducePartition {
    /// The topic.
    pub topic: TopicRef,
    /// The partition.
    pub partition: i32,
    /// Record batches, unchecked, as they came.
    pub records: Bytes,
}

/// The answer for one partition.
pub type ProduceOutcome = Result<Appended, ProduceError>;

/// Records that have their place in the log.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Appended {
    /// Offset of the first record; of the original where the batch was a duplicate.
    pub base_offset: i64,
    /// The broker's time where the topic has `LogAppendTime`, else -1.
    pub log_append_time_ms: i64,
    /// The first offset that the partition still has.
    pub log_start_offset: i64,
}

/// Why a payload was not appended.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
pub enum ProduceError {
    /// The partition is not served here.
    #[error(transparent)]
    Partition(#[from] PartitionError),
    /// The bytes are no valid record batches: damaged on the way, or an unsupported format.
    #[error("corrupt message: {0}")]
    CorruptMessage(String),
    /// The batch is well-formed and not acceptable.
    #[error("invalid record: {0}")]
    InvalidRecord(&'static str),
    /// The batch is larger than the topic's `max.message.bytes`.
    #[error("batch of {size} bytes, {max} are allowed")]
    MessageTooLarge {
        /// Bytes of the batch.
        size: usize,
        /// The topic's bound.
        max: usize,
    },
    /// The topic is written by the cluster only.
    #[error("the topic is internal")]
    InternalTopic,
    /// The sequence number is neither the next one nor one of the last five batches.
    #[error("sequence number out of order")]
    OutOfOrderSequence,
    /// A newer epoch of the same producer has written.
    #[error("producer epoch is fenced")]
    InvalidProducerEpoch,
    /// The batch claims a transaction that the coordinator does not know.
    #[error("transaction state does not allow this")]
    InvalidTransactionState,
    /// Durability was not reached in time; the records may still become durable.
    #[error("timed out")]
    TimedOut,
}
