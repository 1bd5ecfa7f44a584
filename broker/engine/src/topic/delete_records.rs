//! Deleting the records of a partition below an offset.

use std::time::Duration;

use broker_log::Manifest;
use broker_log::retention::{no_longer_named, trimmed};
use broker_record::Offset;
use thiserror::Error;
use tokio::time::{Instant, timeout_at};
use tracing::{info, warn};

use super::{Isolation, Partition, PartitionError, TopicRef};
use crate::life::Life;
use crate::limits::OPENING_WAIT_MAX;
use crate::log::{ManifestFailure, Published};

/// Which records go.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct DeleteRecords {
    /// The topic.
    pub topic: TopicRef,
    /// The partition.
    pub partition: i32,
    /// The first offset that stays; -1 for the high watermark.
    pub before: i64,
}

/// Why records were not deleted.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
pub enum DeleteRecordsError {
    /// The partition is not served here.
    #[error(transparent)]
    Partition(#[from] PartitionError),
    /// The offset is negative or above the high watermark.
    #[error("offset is out of range")]
    OffsetOutOfRange,
    /// The topic is written by the cluster only.
    #[error("the topic is internal")]
    InternalTopic,
    /// The topic's records go by compaction only.
    #[error("cleanup.policy of the topic does not contain delete")]
    NotDeletable,
    /// It was not done in time; it may still be.
    #[error("timed out")]
    TimedOut,
}

impl Life {
    /// Waits until a partition is folded up to an offset.
    async fn folded_to(&self, partition: &Partition, upto: Offset) -> Result<(), PartitionError> {
        let mut rounds = self.fold_wanted.rounds();
        while partition.manifests.newest().folded_to < upto {
            if !partition.is_open() {
                let nobody = super::LeaderHint { node_id: -1, leader_epoch: -1 };
                return Err(self.with_hint(PartitionError::NotLeader(nobody), partition.id));
            }
            self.fold_wanted.want(partition.id, upto);
            if rounds.changed().await.is_err() {
                return Err(PartitionError::Storage);
            }
        }
        Ok(())
    }

    /// Deletes records; the first offset that is left, once that is durable.
    pub(crate) async fn delete_records(
        &self,
        request: &DeleteRecords,
        wait: Duration,
    ) -> Result<i64, DeleteRecordsError> {
        let deadline = Instant::now() + wait;
        let topic = self.topic(&request.topic)?;
        if topic.internal {
            return Err(DeleteRecordsError::InternalTopic);
        }
        if !topic.expires {
            return Err(DeleteRecordsError::NotDeletable);
        }
        let opening = deadline.min(Instant::now() + OPENING_WAIT_MAX);
        let partition = self.serving(&TopicRef::Id(topic.id), request.partition, opening).await?;
        let end = partition.end(Isolation::ReadUncommitted).map_err(|error| self.with_hint(error, partition.id))?;
        let start = match request.before {
            -1 => end,
            before if (0..=end.0).contains(&before) => Offset(before),
            _ => return Err(DeleteRecordsError::OffsetOutOfRange),
        };
        match timeout_at(deadline, self.begin_at(&partition, start)).await {
            Ok(begun) => begun.map(|start| start.0),
            Err(_) => Err(DeleteRecordsError::TimedOut),
        }
    }

    /// Makes a partition's log begin at an offset; where it begins then.
    async fn begin_at(&self, partition: &Partition, start: Offset) -> Result<Offset, DeleteRecordsError> {
        // Only what is folded can be forgotten by a manifest.
        self.folded_to(partition, start).await?;
        let mut before = None;
        let change = |manifest: &Manifest| {
            before = Some(manifest.clone());
            trimmed(manifest, start)
        };
        match partition.manifests.update(change).await {
            Ok(Published::Version(version)) => {
                let gone = before.map(|before| no_longer_named(&before, &version.manifest)).unwrap_or_default();
                let (topic, number) = (partition.id.topic, partition.id.partition);
                info!(%topic, partition = number, %start, segments = gone.len(), "records are deleted");
                self.garbage.add(partition.id, gone, self.env.monotonic());
                Ok(version.manifest.log_start)
            }
            Ok(Published::Unchanged) => Ok(partition.log_start()),
            Err(ManifestFailure::Superseded) => {
                let nobody = super::LeaderHint { node_id: -1, leader_epoch: -1 };
                Err(self.with_hint(PartitionError::NotLeader(nobody), partition.id).into())
            }
            Err(problem) => {
                warn!(%problem, topic = %partition.id.topic, partition = partition.id.partition, "records are not deleted");
                Err(PartitionError::Storage.into())
            }
        }
    }
}
