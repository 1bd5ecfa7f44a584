//! What a broker reports beside its sign of life: a hint, overwritten every thirty seconds.
//!
//! Lag, guards of deletion and the boundary read it. It proves nothing: a report that is stale, or cut short, means *refuse*
//! respectively *unknown*, never *nothing is there*.

use broker_store::{Incarnation, Key, Prefix, Store, StoreError};
use bytes::Bytes;
use serde::{Deserialize, Serialize};
use uuid::Uuid;

/// What one broker leads and coordinates.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Report {
    /// Who.
    pub broker: i32,
    /// In which life.
    pub epoch: i64,
    /// Counts up with every write.
    pub beat: u64,
    /// When, by its own clock; milliseconds since 1970.
    pub written_ms: i64,
    /// The next metadata entry it waits for.
    pub metadata_seq: u64,
    /// The partitions it serves, by topic and number.
    pub partitions: Vec<PartitionReport>,
    /// The groups it coordinates, by name.
    pub groups: Vec<GroupReport>,
    /// Whether something was left out because it is too much.
    pub truncated: bool,
}

/// One partition.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct PartitionReport {
    /// The topic's id.
    pub topic: Uuid,
    /// The partition.
    pub partition: i32,
    /// The epoch in which it is led.
    pub leader_epoch: i32,
    /// The first offset that it has.
    pub start: i64,
    /// The offset after the last durable record.
    pub high_watermark: i64,
    /// Bytes of its records, in segments and before.
    pub bytes: u64,
}

/// One group.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct GroupReport {
    /// Its name.
    pub group: String,
    /// Kafka's name of its state.
    pub state: String,
    /// Its members.
    pub members: u64,
    /// Its committed offsets, by topic and partition.
    pub offsets: Vec<OffsetReport>,
}

/// One committed offset.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct OffsetReport {
    /// The topic's id.
    pub topic: Uuid,
    /// The partition.
    pub partition: i32,
    /// The next offset that the group reads.
    pub offset: i64,
}

impl Report {
    /// Who reports.
    #[must_use]
    pub fn incarnation(&self) -> Incarnation {
        Incarnation { broker: self.broker, epoch: self.epoch }
    }

    /// Writes it.
    ///
    /// # Errors
    /// [`StoreError`].
    pub async fn write(&self, store: &Store) -> Result<(), StoreError> {
        // Plain data always serialises.
        let json = serde_json::to_vec(self).unwrap_or_default();
        store.put(&Key::Report { incarnation: self.incarnation() }, Bytes::from(json)).await
    }

    /// Reads the last one of an incarnation; none if there is none or it is garbled.
    ///
    /// # Errors
    /// [`StoreError`].
    pub async fn read(store: &Store, incarnation: Incarnation) -> Result<Option<Self>, StoreError> {
        let bytes = store.get(&Key::Report { incarnation }).await?;
        Ok(bytes.and_then(|bytes| serde_json::from_slice(&bytes).ok()))
    }

    /// Deletes the one of an incarnation that is gone.
    ///
    /// # Errors
    /// [`StoreError`].
    pub async fn delete(store: &Store, incarnation: Incarnation) -> Result<(), StoreError> {
        store.delete(&Key::Report { incarnation }).await
    }

    /// Reads those of all incarnations, in the order of their keys.
    ///
    /// # Errors
    /// [`StoreError`].
    pub async fn read_all(store: &Store) -> Result<Vec<Self>, StoreError> {
        let mut all = Vec::new();
        for listed in store.list(Prefix::Live).await? {
            if let Key::Report { incarnation } = listed.key {
                all.extend(Self::read(store, incarnation).await?);
            }
        }
        Ok(all)
    }
}
