//! Opening the log: the latest snapshot, then the entries since; and making snapshots.

use std::sync::Arc;

use broker_store::{Filled, Frozen, Key, Patience, Prefix, SequenceName, Store, StoreError};
use uuid::Uuid;

use super::{LogOptions, MetadataLog, OpenError, ReadError, SnapshotError};
use crate::limits::{CATCH_UP_ENTRIES, PROPOSE_TIME_MAX, SNAPSHOT_BYTES, SNAPSHOT_ENTRIES, SNAPSHOTS_KEPT};
use crate::marker::{MarkedBucket, Marker};
use crate::snapshot::Snapshot;
use crate::state::{Digest, State};

impl MetadataLog {
    /// Opens the log of the store's cluster and reads all of it.
    ///
    /// # Errors
    /// [`OpenError`].
    pub async fn open(store: &Store, options: LogOptions) -> Result<Self, OpenError> {
        let no_cluster = || OpenError::NoCluster { cluster: store.cluster().to_owned() };
        let Some(wanted) = options.cluster_id else {
            let marker = Marker::read(store, MarkedBucket::Metadata).await?.ok_or_else(no_cluster)?;
            let mut log = Self::blank(store, marker.cluster_id, options);
            log.load().await?;
            return Ok(log);
        };
        // Whose log it should be is known: it is read meanwhile, and counts for nothing if the marker says otherwise.
        let mut log = Self::blank(store, wanted, options);
        let (marker, loaded) = tokio::join!(Marker::read(store, MarkedBucket::Metadata), log.load());
        marker?.ok_or_else(no_cluster)?.check(MarkedBucket::Metadata, wanted)?;
        loaded?;
        Ok(log)
    }

    /// Reads the state again, from the latest snapshot that is sound. An unknown outcome stays open, and a failure leaves
    /// everything as it was.
    ///
    /// # Errors
    /// [`OpenError`].
    pub async fn rebuild(&mut self) -> Result<(), OpenError> {
        let mut log = Self::blank(self.store(), self.cluster_id, self.options.clone());
        log.load().await?;
        log.nonces = self.nonces;
        log.pending = self.pending.take().filter(|(seq, _)| *seq >= log.state.next_seq());
        *self = log;
        Ok(())
    }

    fn blank(store: &Store, cluster_id: Uuid, options: LogOptions) -> Self {
        Self {
            sequence: store.sequence(SequenceName::MetaLog),
            cluster_id,
            options,
            nonces: 0,
            state: Arc::default(),
            last_entry: Digest::default(),
            confirmed_at: None,
            pending: None,
            entries_since_snapshot: 0,
            bytes_since_snapshot: 0,
        }
    }

    async fn load(&mut self) -> Result<(), OpenError> {
        let (state, last_entry) = self.latest_snapshot().await?;
        self.state = Arc::new(state);
        self.last_entry = last_entry;
        // A listing knows most of the tail; the GETs of `follow` find the rest.
        let tail = self.sequence.list_from(self.state.next_seq()).await?;
        if let Some(last) = tail.into_keys().next_back() {
            while self.state.next_seq() <= last {
                let seq = self.state.next_seq();
                self.catch_up(CATCH_UP_ENTRIES.min(last - seq + 1)).await?;
                // Looked for once more: what was listed does not go away.
                if self.state.next_seq() == seq && self.sequence.get(seq).await?.is_none() {
                    return Err(ReadError::Missing { seq }.into());
                }
            }
        }
        self.follow().await?;
        if self.state.cluster().is_none_or(|cluster| cluster.id != self.cluster_id) {
            return Err(OpenError::NoCluster { cluster: self.store().cluster().to_owned() });
        }
        Ok(())
    }

    /// Reads many entries at once, as far as there are any.
    pub(super) async fn catch_up(&mut self, count: u64) -> Result<(), ReadError> {
        let next = self.state.next_seq();
        let numbers: Vec<u64> = (next..next.saturating_add(count)).collect();
        for (seq, bytes) in self.sequence.get_many(&numbers).await? {
            let Some(bytes) = bytes else { break };
            self.apply_bytes(seq, &bytes).await?;
        }
        Ok(())
    }

    async fn latest_snapshot(&self) -> Result<(State, Digest), StoreError> {
        let mut listed = self.store().list(Prefix::MetaSnapshot).await?;
        while let Some(object) = listed.pop() {
            let Key::MetaSnapshot { seq } = object.key else { continue };
            let Some(bytes) = self.store().get(&object.key).await? else { continue };
            match Snapshot::decode(&bytes, self.cluster_id, seq) {
                Ok(snapshot) => return Ok((snapshot.state, snapshot.last_entry)),
                Err(error) => tracing::warn!(seq, %error, "metadata snapshot passed over"),
            }
        }
        Ok((State::default(), Digest::default()))
    }

    /// Whether enough has happened since the last snapshot that this process knows of.
    #[must_use]
    pub fn snapshot_is_due(&self) -> bool {
        self.has_happened_since_snapshot(1)
    }

    fn has_happened_since_snapshot(&self, times: u64) -> bool {
        self.entries_since_snapshot >= SNAPSHOT_ENTRIES.saturating_mul(times)
            || self.bytes_since_snapshot >= SNAPSHOT_BYTES.saturating_mul(times)
    }

    /// The snapshot of the present state, if `times` as much has happened as makes one due; it counts as made.
    pub fn due_snapshot(&mut self, times: u64) -> Option<UnwrittenSnapshot> {
        self.has_happened_since_snapshot(times).then(|| self.take_snapshot())
    }

    fn take_snapshot(&mut self) -> UnwrittenSnapshot {
        self.entries_since_snapshot = 0;
        self.bytes_since_snapshot = 0;
        UnwrittenSnapshot {
            store: self.store().clone(),
            cluster_id: self.cluster_id,
            state: Arc::clone(&self.state),
            last_entry: self.last_entry,
        }
    }

    /// Writes a snapshot of the present state, and deletes all but the newest three. Brokers call it when one is due;
    /// it does not matter how many do.
    ///
    /// # Errors
    /// [`SnapshotError`]; the log works on without the snapshot.
    pub async fn snapshot(&mut self) -> Result<(), SnapshotError> {
        self.take_snapshot().write().await
    }
}

/// A snapshot that is to be written; the log goes on meanwhile.
#[derive(Clone, Debug)]
pub struct UnwrittenSnapshot {
    store: Store,
    cluster_id: Uuid,
    state: Arc<State>,
    last_entry: Digest,
}

impl UnwrittenSnapshot {
    /// Writes it, and deletes all but the newest three.
    ///
    /// # Errors
    /// [`SnapshotError`]; the log works on without the snapshot.
    pub async fn write(self) -> Result<(), SnapshotError> {
        let seq = self.state.next_seq();
        let snapshot = Snapshot { state: State::clone(&self.state), last_entry: self.last_entry };
        // Everybody writes the same bytes at the same number.
        let content = Frozen::shared(snapshot.encode());
        let filled = self.store.fill(&Key::MetaSnapshot { seq }, &content, Patience::bounded(PROPOSE_TIME_MAX)).await?;
        if let Filled::Other(bytes) = filled
            && Snapshot::decode(&bytes, self.cluster_id, seq).is_ok_and(|other| other != snapshot)
        {
            return Err(SnapshotError::Diverged { seq });
        }
        let listed = self.store.list(Prefix::MetaSnapshot).await?;
        let surplus = listed.len().saturating_sub(SNAPSHOTS_KEPT);
        for object in listed.into_iter().take(surplus) {
            self.store.delete(&object.key).await?;
        }
        Ok(())
    }
}
