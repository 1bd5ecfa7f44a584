//! Hints under `live/`: overwritten, possibly stale, never consulted for safety.

use broker_store::{Incarnation, Key, Prefix, Store, StoreError};
use bytes::Bytes;
use serde::{Deserialize, Serialize};

/// A broker's sign of life.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct LiveObject {
    /// Who.
    pub broker: i32,
    /// In which life.
    pub epoch: i64,
    /// Counts up with every write: a higher number is news, whatever the clocks say.
    pub beat: u64,
    /// When, by its own clock; milliseconds since 1970.
    pub written_ms: i64,
    /// How long ago the one of its two buckets that has been silent longer last answered it.
    pub store_age_ms: u64,
    /// The first number of its write-ahead log that is not durable.
    pub wal_seq: u64,
    /// The next metadata entry it waits for.
    pub metadata_seq: u64,
    /// Partitions it leads.
    pub partitions_led: u64,
    /// The release it runs.
    #[serde(default)]
    pub version: String,
    /// SHA-256 of the package it was started from, where known.
    #[serde(default)]
    pub package_sha256: Option<String>,
}

impl LiveObject {
    /// Who lives.
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
        store.put(&Key::Live { incarnation: self.incarnation() }, Bytes::from(json)).await
    }

    /// Reads the last one of an incarnation; none if there is none or it is garbled.
    ///
    /// # Errors
    /// [`StoreError`].
    pub async fn read(store: &Store, incarnation: Incarnation) -> Result<Option<Self>, StoreError> {
        let bytes = store.get(&Key::Live { incarnation }).await?;
        Ok(bytes.and_then(|bytes| serde_json::from_slice(&bytes).ok()))
    }

    /// Deletes the one of an incarnation that is gone.
    ///
    /// # Errors
    /// [`StoreError`].
    pub async fn delete(store: &Store, incarnation: Incarnation) -> Result<(), StoreError> {
        store.delete(&Key::Live { incarnation }).await
    }

    /// Reads those of all incarnations, in the order of their keys.
    ///
    /// # Errors
    /// [`StoreError`].
    pub async fn read_all(store: &Store) -> Result<Vec<Self>, StoreError> {
        let mut all = Vec::new();
        for listed in store.list(Prefix::Live).await? {
            if let Key::Live { incarnation } = listed.key {
                all.extend(Self::read(store, incarnation).await?);
            }
        }
        Ok(all)
    }
}

/// How far an instance came with booting, as its boot script tells.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct BootReport {
    /// The instance's id; stands in the key.
    #[serde(skip)]
    pub instance: String,
    /// The stage it is in, or failed in.
    pub stage: String,
    /// What went wrong.
    pub error: Option<String>,
    /// When, by the instance's clock; seconds since 1970.
    pub time: i64,
}

impl BootReport {
    /// Reads all reports, in the order of the instances' ids; garbled ones are left out.
    ///
    /// # Errors
    /// [`StoreError`].
    pub async fn read_all(store: &Store) -> Result<Vec<Self>, StoreError> {
        let mut all = Vec::new();
        for listed in store.list(Prefix::Boot).await? {
            let Key::Boot { instance } = &listed.key else { continue };
            let Some(bytes) = store.get(&listed.key).await? else { continue };
            if let Ok(report) = serde_json::from_slice::<Self>(&bytes) {
                all.push(Self { instance: instance.clone(), ..report });
            }
        }
        Ok(all)
    }
}
