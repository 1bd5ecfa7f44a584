//! Finding offsets by position or time.

use super::{Isolation, TopicRef};

/// Which offset is wanted.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum OffsetSpec {
    /// The end: the high watermark, or the last stable offset for [`Isolation::ReadCommitted`] (Kafka's -1).
    Latest,
    /// The start (Kafka's -2).
    Earliest,
    /// The record with the highest timestamp (Kafka's -3).
    MaxTimestamp,
    /// The first record whose timestamp is at least this, in ms since 1970.
    Timestamp(i64),
}

/// One question.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ListOffset {
    /// The topic.
    pub topic: TopicRef,
    /// The partition.
    pub partition: i32,
    /// The leader epoch the client believes in.
    pub current_leader_epoch: Option<i32>,
    /// Transactions.
    pub isolation: Isolation,
    /// Which offset.
    pub spec: OffsetSpec,
}

/// One answer.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ListedOffset {
    /// The offset, -1 where no record fits.
    pub offset: i64,
    /// The record's timestamp, -1 where the question was not about time.
    pub timestamp: i64,
    /// Leader epoch of the record or, at the end, of the partition; -1 where no record fits.
    pub leader_epoch: i32,
}
