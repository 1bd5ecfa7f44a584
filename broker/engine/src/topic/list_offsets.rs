//! Finding offsets by position or time.

use broker_record::{Batch, LeaderEpoch, Offset};
use tokio::time::Instant;

use super::{Isolation, PartitionError, TopicRef};
use crate::life::Life;
use crate::limits::OPENING_WAIT_MAX;
use crate::log::{ReadError, Span};

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

/// Where a leader epoch ends (KIP-101).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct EpochEnd {
    /// The epoch that was found, -1 where the one asked for is unknown.
    pub leader_epoch: i32,
    /// The offset after its last record, -1 where the one asked for is unknown.
    pub end_offset: i64,
}

/// No record fits.
const NOTHING: ListedOffset = ListedOffset { offset: -1, timestamp: -1, leader_epoch: -1 };

impl Life {
    /// Answers one question.
    pub(crate) async fn list_offset(
        &self,
        question: &ListOffset,
        deadline: Instant,
    ) -> Result<ListedOffset, PartitionError> {
        let partition = self.serving(&question.topic, question.partition, deadline).await?;
        partition.check_epoch(question.current_leader_epoch)?;
        let with_hint = |error| self.with_hint(error, partition.id);
        match question.spec {
            OffsetSpec::Latest => {
                let end = partition.end(question.isolation).map_err(with_hint)?;
                Ok(ListedOffset { offset: end.0, timestamp: -1, leader_epoch: partition.leader_epoch.0 })
            }
            OffsetSpec::Earliest => {
                let first = partition.look_up(|index| index.from(Offset(0)).next().copied()).map_err(with_hint)?;
                let leader_epoch = first.map_or(partition.leader_epoch, |span| span.leader_epoch);
                Ok(ListedOffset { offset: 0, timestamp: -1, leader_epoch: leader_epoch.0 })
            }
            OffsetSpec::MaxTimestamp => {
                let span = partition.look_up(|index| index.latest_time()).map_err(with_hint)?;
                self.first_at(span, span.map_or(-1, |span| span.max_timestamp)).await
            }
            OffsetSpec::Timestamp(timestamp) => {
                let span = partition.look_up(|index| index.at_time(timestamp)).map_err(with_hint)?;
                self.first_at(span, timestamp).await
            }
        }
    }

    /// Where a leader epoch ends: the latest epoch not above it that has records, and the offset after its last one.
    pub(crate) async fn epoch_end(
        &self,
        topic: &TopicRef,
        partition: i32,
        current: Option<i32>,
        epoch: i32,
    ) -> Result<EpochEnd, PartitionError> {
        let serving = self.serving(topic, partition, Instant::now() + OPENING_WAIT_MAX).await?;
        serving.check_epoch(current)?;
        let epoch = LeaderEpoch(epoch);
        if epoch > serving.leader_epoch {
            return Ok(EpochEnd { leader_epoch: -1, end_offset: -1 });
        }
        let found = serving.look_up(|index| match index.end_of_epoch(epoch) {
            // The present epoch goes on.
            _ if epoch == serving.leader_epoch => EpochEnd { leader_epoch: epoch.0, end_offset: index.end().0 },
            Some((found, end)) => EpochEnd { leader_epoch: found.0, end_offset: end.0 },
            None => EpochEnd { leader_epoch: epoch.0, end_offset: 0 },
        });
        found.map_err(|error| self.with_hint(error, serving.id))
    }

    /// The first record of a span that is not older than `timestamp`.
    ///
    /// Inside a compressed batch records cannot be told apart; its first offset is the answer then: a consumer that starts
    /// there misses nothing.
    async fn first_at(&self, span: Option<Span>, timestamp: i64) -> Result<ListedOffset, PartitionError> {
        let Some(span) = span else { return Ok(NOTHING) };
        let mut bytes = self.objects.slice(span).await.map_err(|error| match error {
            ReadError::Corrupt => PartitionError::Corrupt,
            ReadError::Missing | ReadError::Moved | ReadError::Store(_) | ReadError::Busy => PartitionError::Storage,
        })?;
        while !bytes.is_empty() {
            let batch = Batch::take(&mut bytes).map_err(|_| PartitionError::Corrupt)?;
            let header = batch.header();
            if header.max_timestamp < timestamp {
                continue;
            }
            let leader_epoch = span.leader_epoch.0;
            let Ok(records) = batch.records() else {
                let offset = header.base_offset.0;
                return Ok(ListedOffset { offset, timestamp: header.max_timestamp, leader_epoch });
            };
            for record in records {
                let record = record.map_err(|_| PartitionError::Corrupt)?;
                if record.timestamp >= timestamp {
                    return Ok(ListedOffset { offset: record.offset.0, timestamp: record.timestamp, leader_epoch });
                }
            }
        }
        Ok(NOTHING)
    }
}
