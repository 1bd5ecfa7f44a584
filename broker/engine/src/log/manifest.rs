//! The manifests of one partition, as its leader reads and writes them.
//!
//! Invariants: a version is created only after reading the one before it, by a leader whose epoch is not lower; the first
//! version of a leader is a claim, which changes nothing but the epoch, and before it nothing else is written; whoever meets
//! a higher epoch stops for ever. One change is made at a time; a create whose outcome is not known is repeated, byte for
//! byte, before anything else is tried.
//!
//! A version that was created may still be an old one: its number may have been deleted after somebody wrote higher ones.
//! What is gone once deleted is therefore deleted only after [`ManifestLog::is_newest`] has said so; the write-ahead log's
//! floor is safe without it, because metadata rejects that of a leader that was fenced, and a leader that has given a
//! partition up reads the newest manifest before it counts on it.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use broker_log::{Incarnation, Manifest, ManifestError, ManifestVersion};
use broker_record::LeaderEpoch;
use broker_store::mutation::{Mutation, is_on};
use broker_store::{Filled, Frozen, Nonce, Patience, Sequence, SequenceName, Store, StoreError};
use thiserror::Error;
use tracing::{debug, info};
use uuid::Uuid;

use crate::env::Env;
use crate::limits::{MANIFEST_DELETE_EVERY, MANIFEST_READS_MAX, MANIFEST_VERSIONS_KEPT};
use crate::topic::PartitionId;

/// The manifests of a partition that this broker leads; a cheap handle.
#[derive(Clone, Debug)]
pub(crate) struct ManifestLog {
    inner: Arc<Inner>,
}

#[derive(Debug)]
struct Inner {
    id: PartitionId,
    cluster: Uuid,
    leader_epoch: LeaderEpoch,
    writer: Incarnation,
    sequence: Sequence,
    env: Env,
    known: Mutex<Known>,
    /// One change at a time.
    turn: tokio::sync::Mutex<Turn>,
}

/// What is known of the newest version.
#[derive(Debug, Default)]
struct Known {
    newest: Option<Arc<ManifestVersion>>,
    superseded: bool,
    /// Everything below this version was deleted, as far as this leader has looked.
    kept_from: u64,
}

#[derive(Debug, Default)]
struct Turn {
    /// A version whose create may have succeeded.
    pending: Option<(ManifestVersion, Frozen)>,
    /// No version below this one is there.
    lowest: u64,
}

/// What became of a change.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Published {
    /// It is in this version.
    Version(Arc<ManifestVersion>),
    /// There was nothing to change.
    Unchanged,
}

/// Why manifests cannot be read or written.
#[derive(Debug, Error)]
pub(crate) enum ManifestFailure {
    /// A leader of a higher epoch writes them: this one never does again.
    #[error("a later leader has claimed the manifest")]
    Superseded,
    /// The newest version is damaged.
    #[error("manifest version {version}: {problem}")]
    Damaged {
        /// Which.
        version: u64,
        /// What is wrong.
        problem: ManifestError,
    },
    /// The newest version went away again and again while it was read.
    #[error("the newest manifest changes too fast to be read")]
    Restless,
    /// The store fails.
    #[error("{0}")]
    Store(String),
}

impl From<StoreError> for ManifestFailure {
    fn from(error: StoreError) -> Self {
        Self::Store(error.to_string())
    }
}

/// Reads the newest manifest of any partition, led or not; none if it has none yet.
///
/// Begun after metadata was read, it covers everything below the floors that metadata gave.
///
/// # Errors
/// [`ManifestFailure`].
pub(crate) async fn read_newest(
    store: &Store,
    cluster: Uuid,
    id: PartitionId,
) -> Result<Option<ManifestVersion>, ManifestFailure> {
    let PartitionId { topic, partition } = id;
    let sequence = store.sequence(SequenceName::Manifest { topic, partition });
    newest_from(&sequence, cluster, id, 0).await
}

/// The newest version at or above a number.
async fn newest_from(
    sequence: &Sequence,
    cluster: Uuid,
    id: PartitionId,
    from: u64,
) -> Result<Option<ManifestVersion>, ManifestFailure> {
    for _ in 0..MANIFEST_READS_MAX {
        let Some(version) = sequence.list_from(from).await?.into_keys().next_back() else { return Ok(None) };
        // Gone since the listing: there is a newer one.
        let Some(bytes) = sequence.get(version).await? else { continue };
        return decode(&bytes, cluster, id, version).map(Some);
    }
    Err(ManifestFailure::Restless)
}

fn decode(bytes: &[u8], cluster: Uuid, id: PartitionId, version: u64) -> Result<ManifestVersion, ManifestFailure> {
    ManifestVersion::decode(bytes, cluster, id.topic, id.partition, version)
        .map_err(|problem| ManifestFailure::Damaged { version, problem })
}

/// Who writes, and for which partition.
pub(crate) struct ManifestWriter<'a> {
    pub(crate) store: &'a Store,
    pub(crate) cluster: Uuid,
    pub(crate) id: PartitionId,
    pub(crate) leader_epoch: LeaderEpoch,
    pub(crate) writer: Incarnation,
    pub(crate) env: &'a Env,
}

impl ManifestLog {
    /// Reads the newest version; claims nothing.
    ///
    /// # Errors
    /// [`ManifestFailure`].
    pub(crate) async fn open(of: ManifestWriter<'_>) -> Result<Self, ManifestFailure> {
        let PartitionId { topic, partition } = of.id;
        let inner = Inner {
            id: of.id,
            cluster: of.cluster,
            leader_epoch: of.leader_epoch,
            writer: of.writer,
            sequence: of.store.sequence(SequenceName::Manifest { topic, partition }),
            env: of.env.clone(),
            known: Mutex::default(),
            turn: tokio::sync::Mutex::default(),
        };
        let log = Self { inner: Arc::new(inner) };
        log.refresh().await?;
        Ok(log)
    }

    /// The newest manifest as far as it is known; empty where there is none yet.
    pub(crate) fn newest(&self) -> Arc<Manifest> {
        self.known().newest.as_ref().map(|newest| Arc::clone(&newest.manifest)).unwrap_or_default()
    }

    /// The newest version as far as it is known.
    pub(crate) fn newest_version(&self) -> Option<Arc<ManifestVersion>> {
        self.known().newest.clone()
    }

    /// Whether this leader has made its claim, and no later one has.
    pub(crate) fn is_claimed(&self) -> bool {
        let known = self.known();
        let is_mine = |newest: &Arc<ManifestVersion>| self.is_mine(newest) || is_on(Mutation::NoClaim);
        !known.superseded && known.newest.as_ref().is_some_and(is_mine)
    }

    /// Reads the newest version again.
    ///
    /// # Errors
    /// [`ManifestFailure`].
    pub(crate) async fn refresh(&self) -> Result<Arc<Manifest>, ManifestFailure> {
        let from = self.known().newest.as_ref().map_or(0, |newest| newest.version);
        let inner = &*self.inner;
        if let Some(newest) = newest_from(&inner.sequence, inner.cluster, inner.id, from).await? {
            self.take_over(newest);
        }
        Ok(self.newest())
    }

    /// Makes a change to the newest manifest, after claiming it.
    ///
    /// `change` is asked again whenever somebody else's version turns out to be newer; none leaves everything as it is.
    ///
    /// # Errors
    /// [`ManifestFailure`].
    ///
    /// # Cancel safety
    /// The change may have been made; the next call finds out first.
    pub(crate) async fn update(
        &self,
        mut change: impl FnMut(&Manifest) -> Option<Manifest>,
    ) -> Result<Published, ManifestFailure> {
        let mut turn = self.inner.turn.lock().await;
        self.settle(&mut turn).await?;
        loop {
            let known = self.newest();
            if !self.is_claimed() {
                self.write(&mut turn, Manifest::clone(&known)).await?;
                continue;
            }
            let Some(manifest) = change(&known) else { return Ok(Published::Unchanged) };
            if let Some(published) = self.write(&mut turn, manifest).await? {
                return Ok(Published::Version(published));
            }
        }
    }

    /// Whether a listing shows no version above the newest that is known, and that one is this leader's.
    ///
    /// # Errors
    /// [`ManifestFailure`].
    pub(crate) async fn is_newest(&self) -> Result<bool, ManifestFailure> {
        let Some(known) = self.newest_version().filter(|_| self.is_claimed()) else { return Ok(false) };
        let highest = self.inner.sequence.list_from(known.version).await?.into_keys().next_back();
        Ok(highest == Some(known.version))
    }

    /// Whether so many versions were replaced that it is worth deleting them.
    pub(crate) fn has_many_replaced(&self) -> bool {
        let known = self.known();
        let newest = known.newest.as_ref().map_or(0, |newest| newest.version);
        newest.saturating_sub(known.kept_from) >= MANIFEST_DELETE_EVERY.saturating_add(MANIFEST_VERSIONS_KEPT)
    }

    /// Deletes versions that newer ones have replaced; keeps a few for those who are about to read them.
    ///
    /// # Errors
    /// [`ManifestFailure`].
    pub(crate) async fn delete_replaced(&self) -> Result<(), ManifestFailure> {
        let mut turn = self.inner.turn.lock().await;
        let Some(known) = self.newest_version().filter(|_| self.is_claimed()) else { return Ok(()) };
        let there = self.inner.sequence.list_from(turn.lowest).await?;
        // Another leader writes: what it replaces is its own business.
        if there.keys().next_back() != Some(&known.version) {
            return Ok(());
        }
        let keep = known.version.saturating_sub(MANIFEST_VERSIONS_KEPT);
        // In order: whatever is there is always an unbroken run up to the newest.
        for version in there.into_keys().take_while(|version| *version < keep) {
            self.inner.sequence.delete(version).await?;
            turn.lowest = version.saturating_add(1);
        }
        self.known().kept_from = keep;
        Ok(())
    }

    /// Finds out what became of a create whose caller went away.
    async fn settle(&self, turn: &mut Turn) -> Result<(), ManifestFailure> {
        match turn.pending.take() {
            Some((version, frozen)) => self.create(turn, version, frozen).await.map(|_| ()),
            None => Ok(()),
        }
    }

    /// Writes the next version; none where somebody else's stands there, which is known then.
    async fn write(
        &self,
        turn: &mut Turn,
        manifest: Manifest,
    ) -> Result<Option<Arc<ManifestVersion>>, ManifestFailure> {
        let inner = &*self.inner;
        if self.known().superseded {
            return Err(ManifestFailure::Superseded);
        }
        let next = self.known().newest.as_ref().map_or(0, |newest| newest.version.saturating_add(1));
        let version = ManifestVersion {
            cluster: inner.cluster,
            topic: inner.id.topic,
            partition: inner.id.partition,
            version: next,
            leader_epoch: inner.leader_epoch,
            writer: inner.writer,
            nonce: inner.env.uuid().as_u128(),
            manifest: Arc::new(manifest),
        };
        let frozen = Frozen::new(Nonce(version.nonce), version.encode());
        let frozen = frozen.map_err(|error| ManifestFailure::Store(error.to_string()))?;
        self.create(turn, version, frozen).await
    }

    async fn create(
        &self,
        turn: &mut Turn,
        version: ManifestVersion,
        frozen: Frozen,
    ) -> Result<Option<Arc<ManifestVersion>>, ManifestFailure> {
        let number = version.version;
        turn.pending = Some((version.clone(), frozen.clone()));
        let filled = self.inner.sequence.fill(number, &frozen, Patience::forever()).await;
        match filled {
            Ok(Filled::Mine) => {
                turn.pending = None;
                debug!(topic = %version.topic, partition = version.partition, version = number, "manifest written");
                let version = Arc::new(version);
                self.known().set(Arc::clone(&version));
                Ok(Some(version))
            }
            Ok(Filled::Other(bytes)) => {
                turn.pending = None;
                let other = decode(&bytes, self.inner.cluster, self.inner.id, number)?;
                self.take_over(other);
                self.refresh().await?;
                if self.known().superseded { Err(ManifestFailure::Superseded) } else { Ok(None) }
            }
            // Patience without end: it is not known, and the same bytes are tried again by the next change.
            Err(unfilled) => Err(ManifestFailure::Store(unfilled.to_string())),
        }
    }

    fn take_over(&self, version: ManifestVersion) {
        let mut known = self.known();
        let is_later = version.leader_epoch > self.inner.leader_epoch && !is_on(Mutation::NoManifestEpochCheck);
        if is_later && !known.superseded {
            info!(topic = %version.topic, partition = version.partition, epoch = %version.leader_epoch, "a later leader has claimed the manifest");
            known.superseded = true;
        }
        known.set(Arc::new(version));
    }

    fn is_mine(&self, version: &ManifestVersion) -> bool {
        version.leader_epoch == self.inner.leader_epoch && version.writer == self.inner.writer
    }

    fn known(&self) -> MutexGuard<'_, Known> {
        self.inner.known.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Known {
    /// Takes a version, unless a newer one is known.
    fn set(&mut self, version: Arc<ManifestVersion>) {
        if self.newest.as_ref().is_none_or(|newest| newest.version <= version.version) {
            self.newest = Some(version);
        }
    }
}

#[cfg(test)]
mod tests;
