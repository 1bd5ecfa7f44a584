//! Finding offsets by position or time.

use broker_log::limits::UNPACKED_BATCH_BYTES_MAX;
use broker_record::{Batch, LeaderEpoch};
use tokio::time::Instant;

use super::{Isolation, Partition, PartitionError, TopicRef};
use crate::life::Life;
use crate::limits::{OPENING_WAIT_MAX, PLACES_MOVED_MAX};
use crate::log::ReadError;

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
                partition.end(question.isolation).map_err(with_hint)?;
                let offset = partition.log_start();
                let leader_epoch = partition.epoch_at(offset).unwrap_or(partition.leader_epoch);
                Ok(ListedOffset { offset: offset.0, timestamp: -1, leader_epoch: leader_epoch.0 })
            }
            OffsetSpec::MaxTimestamp => match partition.max_timestamp().map_err(with_hint)? {
                Some(timestamp) => self.first_at(&partition, timestamp).await,
                None => Ok(NOTHING),
            },
            OffsetSpec::Timestamp(timestamp) => self.first_at(&partition, timestamp).await,
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
        let with_hint = |error| self.with_hint(error, serving.id);
        // The present epoch goes on.
        if epoch == serving.leader_epoch {
            let end = serving.end(Isolation::ReadUncommitted).map_err(with_hint)?;
            return Ok(EpochEnd { leader_epoch: epoch.0, end_offset: end.0 });
        }
        match serving.end_of_epoch(epoch).map_err(with_hint)? {
            Some((found, end)) => Ok(EpochEnd { leader_epoch: found.0, end_offset: end.0 }),
            None => Ok(EpochEnd { leader_epoch: epoch.0, end_offset: 0 }),
        }
    }

    /// The first record that is not older than `timestamp`.
    ///
    /// Of a batch that cannot be unpacked the first offset is the answer: a consumer that starts there misses nothing.
    async fn first_at(&self, partition: &Partition, timestamp: i64) -> Result<ListedOffset, PartitionError> {
        for _ in 0..PLACES_MOVED_MAX {
            let place = partition.place_at_time(timestamp).map_err(|error| self.with_hint(error, partition.id))?;
            let Some(place) = place else { return Ok(NOTHING) };
            match self.reader.at_time(partition, &place, timestamp).await {
                Ok(Some(found)) => return listed(partition, found, timestamp),
                Ok(None) => return Ok(NOTHING),
                Err(ReadError::Moved) => {}
                Err(ReadError::Corrupt) => return Err(PartitionError::Corrupt),
                Err(ReadError::Missing | ReadError::Store(_) | ReadError::Busy) => return Err(PartitionError::Storage),
            }
        }
        Err(PartitionError::Storage)
    }
}

/// The first record of a batch that is not older than `timestamp`.
fn listed(partition: &Partition, batch: Batch, timestamp: i64) -> Result<ListedOffset, PartitionError> {
    let header = batch.header();
    let leader_epoch = header.leader_epoch.0;
    let Ok(records) = batch.unpack(UNPACKED_BATCH_BYTES_MAX) else {
        return Ok(ListedOffset { offset: header.base_offset.0, timestamp: header.max_timestamp, leader_epoch });
    };
    let log_start = partition.log_start();
    for record in records {
        if record.timestamp >= timestamp && record.offset >= log_start {
            return Ok(ListedOffset { offset: record.offset.0, timestamp: record.timestamp, leader_epoch });
        }
    }
    Ok(NOTHING)
}
