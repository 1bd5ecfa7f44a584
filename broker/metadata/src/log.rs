//! The metadata log in the bucket: open, follow, propose.

mod bootstrap;
mod error;
mod open;
mod propose;

use std::sync::Arc;

use broker_store::{Frozen, Patience, Sequence, Store};
use bytes::Bytes;
use sha2::{Digest as _, Sha256};
use tokio::time::Instant;
use uuid::Uuid;

pub use bootstrap::Bootstrap;
pub use error::{BootstrapError, OpenError, ProposeError, ReadError, SnapshotError};
pub use open::UnwrittenSnapshot;

use crate::entry::{Entry, NotAnEntry};
use crate::limits::{CATCH_UP_ENTRIES, PROPOSE_TIME_MAX};
use crate::state::{Digest, State};

/// How a process uses the log.
#[derive(Clone, Debug)]
pub struct LogOptions {
    /// The cluster that it must be; none takes what the bucket's marker says.
    pub cluster_id: Option<Uuid>,
    /// Which process this is; written into entries for humans.
    pub writer: String,
    /// Two processes must have different seeds: nonces come out of it.
    pub seed: u64,
    /// How long a proposal insists while the store fails.
    pub patience: Patience,
}

impl LogOptions {
    /// Options of a process with this name and random seed.
    #[must_use]
    pub fn new(writer: &str, seed: u64) -> Self {
        let patience = Patience::bounded(PROPOSE_TIME_MAX);
        Self { cluster_id: None, writer: writer.to_owned(), seed, patience }
    }
}

/// A place in the metadata log: the state after all entries that were read.
///
/// ```
/// # let runtime = tokio::runtime::Builder::new_current_thread().enable_time().build().unwrap();
/// # runtime.block_on(async {
/// use std::collections::BTreeMap;
///
/// use broker_metadata::store::Store;
/// use broker_metadata::{Applied, Bootstrap, Change, Command, CreateTopic, LogOptions, MetadataLog, TopicAttributes};
/// use uuid::Uuid;
///
/// let store = Store::memory("orders").unwrap();
/// let cluster_id = Uuid::new_v4();
/// Bootstrap::new(cluster_id, "arn:aws:iam::111122223333:role/admin", 0).run(&store, LogOptions::new("example", 1)).await.unwrap();
///
/// let mut log = MetadataLog::open(&store, LogOptions::new("example", 2)).await.unwrap();
/// let create = Change::CreateTopic(CreateTopic {
///     name: "payments".to_owned(),
///     partitions: 3,
///     configs: BTreeMap::new(),
///     attributes: TopicAttributes::default(),
/// });
/// let command = Command {
///     id: Uuid::new_v4(),
///     origin: None,
///     actor: "User:admin".to_owned(),
///     time_ms: 0,
///     reason: "an example".to_owned(),
///     change: create,
/// };
/// let results = log.propose(vec![command]).await.unwrap();
/// let topic = log.state().topic_named("payments").unwrap();
/// assert_eq!(results, [Ok(Applied::TopicCreated { topic: topic.id })]);
/// # });
/// ```
#[derive(Debug)]
pub struct MetadataLog {
    sequence: Sequence,
    cluster_id: Uuid,
    options: LogOptions,
    nonces: u64,
    state: Arc<State>,
    /// SHA-256 of the last entry.
    last_entry: Digest,
    confirmed_at: Option<Instant>,
    /// An entry whose outcome is unknown: until its number is occupied, nothing else is tried.
    pending: Option<(u64, Frozen)>,
    entries_since_snapshot: u64,
    bytes_since_snapshot: u64,
}

/// What a refresh found.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Refreshed {
    /// Entries applied.
    pub entries: u64,
}

impl MetadataLog {
    /// The state after all entries that were read; cheap to keep.
    #[must_use]
    pub fn state(&self) -> &Arc<State> {
        &self.state
    }

    /// The cluster's id.
    #[must_use]
    pub fn cluster_id(&self) -> Uuid {
        self.cluster_id
    }

    /// The store that the log is in.
    #[must_use]
    pub fn store(&self) -> &Store {
        self.sequence.store()
    }

    /// When the last GET began that found no further entry: the state was complete then.
    #[must_use]
    pub fn confirmed_at(&self) -> Option<Instant> {
        self.confirmed_at
    }

    /// Whether a proposal ended with an unknown outcome that is still open.
    #[must_use]
    pub fn has_unknown_outcome(&self) -> bool {
        self.pending.is_some()
    }

    /// Reads entries until there are no more. A state that does not fit the log is rebuilt once from snapshot and log.
    ///
    /// # Errors
    /// [`ReadError`]; what was applied before the failure stays applied. `NewerRelease` and `Diverged` are final.
    ///
    /// # Cancel safety
    /// Dropping the future loses nothing that a further refresh does not find.
    pub async fn refresh(&mut self) -> Result<Refreshed, ReadError> {
        let first = self.state.next_seq();
        match self.follow().await {
            Err(ReadError::Diverged { seq }) => {
                tracing::warn!(seq, "the state does not fit the metadata log and is rebuilt");
                self.rebuild().await.map_err(|error| match error {
                    OpenError::Read(error) => error,
                    OpenError::Marker(_) | OpenError::NoCluster { .. } => ReadError::Diverged { seq },
                })?;
            }
            other => other?,
        }
        Ok(Refreshed { entries: self.state.next_seq().saturating_sub(first) })
    }

    async fn follow(&mut self) -> Result<(), ReadError> {
        let mut at_once = 1;
        loop {
            let began = Instant::now();
            let next = self.state.next_seq();
            let Some(bytes) = self.sequence.get(next).await? else {
                self.confirmed_at = Some(began);
                return Ok(());
            };
            self.apply_bytes(next, &bytes).await?;
            at_once = CATCH_UP_ENTRIES.min(at_once * 2);
            if at_once > 2 {
                self.catch_up(at_once).await?;
            }
        }
    }

    /// Applies the bytes at the next number.
    async fn apply_bytes(&mut self, seq: u64, bytes: &Bytes) -> Result<(), ReadError> {
        let entry = match Entry::decode(bytes, self.cluster_id, seq) {
            Ok(entry) => Some(entry),
            Err(NotAnEntry::Unknown(detail)) => return Err(ReadError::NewerRelease { seq, detail }),
            Err(NotAnEntry::Void(detail)) => {
                // A broken transfer must not make an entry void for this process alone.
                let again = self.sequence.get(seq).await?;
                if again.as_ref() != Some(bytes) {
                    return Err(ReadError::Changing { seq });
                }
                tracing::warn!(seq, detail, "void entry in the metadata log");
                None
            }
        };
        if let Some(entry) = &entry {
            let (state_before, predecessor) = (entry.state_before, entry.predecessor);
            if state_before != self.state.digest() || predecessor != self.last_entry {
                return Err(ReadError::Diverged { seq });
            }
        }
        let state = Arc::make_mut(&mut self.state);
        match &entry {
            Some(entry) => {
                state.apply(&entry.commands);
            }
            None => state.apply_void(),
        }
        self.took(seq, bytes);
        Ok(())
    }

    /// Notes that an entry was applied.
    fn took(&mut self, seq: u64, bytes: &Bytes) {
        self.last_entry = hash_of(bytes);
        self.entries_since_snapshot += 1;
        self.bytes_since_snapshot += bytes.len() as u64;
        if self.pending.as_ref().is_some_and(|(pending, _)| *pending <= seq) {
            self.pending = None;
        }
    }
}

fn hash_of(bytes: &[u8]) -> Digest {
    Digest(Sha256::digest(bytes).into())
}
