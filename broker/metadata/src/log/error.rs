//! How the log fails.

use broker_store::{StoreError, Unfilled};
use thiserror::Error;
use uuid::Uuid;

use crate::entry::EntryTooLarge;
use crate::marker::MarkerError;
use crate::outcome::Rejection;

/// Entries cannot be read or applied.
#[derive(Debug, Error)]
pub enum ReadError {
    /// The store failed; try again.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// An entry of a newer release: this process has to stop.
    #[error("metadata entry {seq} was written by a newer release ({detail}): upgrade this one")]
    NewerRelease {
        /// Its number.
        seq: u64,
        /// What is not known.
        detail: String,
    },
    /// This process and the log disagree: open the log anew, and stop if that does not help.
    #[error("metadata entry {seq} does not follow the state that its predecessors give")]
    Diverged {
        /// Its number.
        seq: u64,
    },
    /// Two reads of one entry differ; try again.
    #[error("metadata entry {seq} was not read the same twice")]
    Changing {
        /// Its number.
        seq: u64,
    },
    /// A number in the middle of the log is not occupied.
    #[error("metadata entry {seq} is missing: somebody deleted it")]
    Missing {
        /// Its number.
        seq: u64,
    },
}

/// The log cannot be opened.
#[derive(Debug, Error)]
pub enum OpenError {
    /// The bucket belongs to another cluster, or its marker cannot be read.
    #[error(transparent)]
    Marker(#[from] MarkerError),
    /// Nobody has created the cluster.
    #[error("there is no cluster {cluster:?} in the metadata bucket: create it with the provider, or bootstrap it")]
    NoCluster {
        /// Its name.
        cluster: String,
    },
    /// The entries cannot be read.
    #[error(transparent)]
    Read(#[from] ReadError),
}

impl From<StoreError> for OpenError {
    fn from(error: StoreError) -> Self {
        Self::Read(error.into())
    }
}

/// The cluster cannot be created.
#[derive(Debug, Error)]
pub enum BootstrapError {
    /// The bucket belongs to another cluster, or its marker cannot be read or made.
    #[error(transparent)]
    Marker(#[from] MarkerError),
    /// Entry 0 is another cluster's.
    #[error("entry 0 of the metadata log belongs to cluster {found}, not to {wanted}")]
    OtherCluster {
        /// Whose it is.
        found: Uuid,
        /// Whose it should be.
        wanted: Uuid,
    },
    /// Entry 0 is nothing of ours.
    #[error("entry 0 of the metadata log is not readable: {0}")]
    Unreadable(String),
    /// The settings are not valid.
    #[error(transparent)]
    Rejected(#[from] Rejection),
    /// Entry 0 does not fit.
    #[error(transparent)]
    TooLarge(#[from] EntryTooLarge),
    /// The store failed.
    #[error(transparent)]
    Unfilled(#[from] Unfilled),
}

/// A proposal did not end.
#[derive(Debug, Error)]
pub enum ProposeError {
    /// The entry does not fit: propose fewer commands at once.
    #[error(transparent)]
    TooLarge(#[from] EntryTooLarge),
    /// Other entries cannot be read; nothing of the proposal took effect.
    #[error(transparent)]
    Read(#[from] ReadError),
    /// The store refused; nothing of the proposal took effect.
    #[error("the metadata log was not written: {0}")]
    NotWritten(StoreError),
    /// The proposal may have taken effect, or may yet: propose the same commands again.
    #[error("whether the metadata log was written is not known: {0}")]
    Unknown(StoreError),
}

/// A snapshot was not written.
#[derive(Debug, Error)]
pub enum SnapshotError {
    /// It could not be made.
    #[error(transparent)]
    Unfilled(#[from] Unfilled),
    /// Old ones could not be listed or deleted.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// Another process has another state at the same number: open the log anew, and stop if that does not help.
    #[error("the snapshot at {seq} is of another state")]
    Diverged {
        /// Its number.
        seq: u64,
    },
}
