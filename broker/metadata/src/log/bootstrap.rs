//! Creating a cluster.

use broker_store::{Filled, SequenceName, Store};
use uuid::Uuid;

use super::{BootstrapError, LogOptions};
use crate::command::{Change, Command, CreateCluster};
use crate::entry::Entry;
use crate::marker::{MarkedBucket, Marker, MarkerError};
use crate::state::{Digest, FEATURE_LEVEL_NEW, State};

/// How to create a cluster: entry 0 of its log, then the metadata bucket's marker.
///
/// Running it again with the same id does nothing, so a run that was cut short is completed by the next.
#[derive(Clone, Debug)]
pub struct Bootstrap {
    /// The cluster's id.
    pub cluster_id: Uuid,
    /// Who creates it.
    pub actor: String,
    /// When; milliseconds since 1970.
    pub time_ms: i64,
    /// Partitions of `__consumer_offsets`, and of `__transaction_state`.
    pub consumer_offsets_partitions: i32,
}

impl Bootstrap {
    /// A cluster with 16 partitions of `__consumer_offsets`.
    #[must_use]
    pub fn new(cluster_id: Uuid, actor: &str, time_ms: i64) -> Self {
        Self { cluster_id, actor: actor.to_owned(), time_ms, consumer_offsets_partitions: 16 }
    }

    /// Creates the cluster in the metadata bucket, under the store's cluster name.
    ///
    /// # Errors
    /// [`BootstrapError`]; `OtherCluster` (of either kind) if the name is taken by a cluster with another id.
    pub async fn run(&self, store: &Store, options: LogOptions) -> Result<(), BootstrapError> {
        if let Some(marker) = Marker::read(store, MarkedBucket::Metadata).await? {
            return Ok(marker.check(MarkedBucket::Metadata, self.cluster_id)?);
        }
        let seq = 0;
        let sequence = store.sequence(SequenceName::MetaLog);
        if sequence.get(seq).await.map_err(MarkerError::from)?.is_none() {
            let entry = self.entry(store.cluster(), &options)?;
            State::default().apply(&entry.commands).into_iter().collect::<Result<Vec<_>, _>>()?;
            let content = entry.freeze()?;
            if sequence.fill(seq, &content, options.patience).await? == Filled::Mine {
                return Ok(Marker::claim(store, MarkedBucket::Metadata, self.cluster_id).await?);
            }
        }
        let found = sequence.get(seq).await.map_err(MarkerError::from)?.unwrap_or_default();
        let found = Entry::decode_any(&found).map_err(|e| BootstrapError::Unreadable(e.to_string()))?.cluster;
        if found != self.cluster_id {
            return Err(BootstrapError::OtherCluster { found, wanted: self.cluster_id });
        }
        Ok(Marker::claim(store, MarkedBucket::Metadata, self.cluster_id).await?)
    }

    fn entry(&self, name: &str, options: &LogOptions) -> Result<Entry, BootstrapError> {
        let change = Change::CreateCluster(CreateCluster {
            cluster_id: self.cluster_id,
            name: name.to_owned(),
            feature_level: FEATURE_LEVEL_NEW,
            consumer_offsets_partitions: self.consumer_offsets_partitions,
        });
        let command = Command {
            id: Uuid::new_v5(&self.cluster_id, b"create cluster"),
            origin: None,
            actor: self.actor.clone(),
            time_ms: self.time_ms,
            reason: "cluster created".to_owned(),
            change,
        };
        Ok(Entry {
            cluster: self.cluster_id,
            seq: 0,
            nonce: super::propose::nonce(options, 0, Digest::default()).0,
            state_before: State::default().digest(),
            predecessor: Digest::default(),
            writer: options.writer.clone(),
            commands: vec![command],
        })
    }
}
