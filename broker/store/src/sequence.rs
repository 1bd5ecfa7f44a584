//! Numbered immutable objects under one prefix.

use std::collections::BTreeMap;
use std::ops::Range;

use bytes::Bytes;
use futures::{StreamExt, TryStreamExt};
use uuid::Uuid;

use crate::error::{Filled, Outcome, StoreError, Unfilled};
use crate::frozen::Frozen;
use crate::key::{Incarnation, Key, Prefix};
use crate::limits::PARALLEL_GETS_MAX;
use crate::patience::Patience;
use crate::store::{Listed, Store};

/// Which sequence.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum SequenceName {
    /// The metadata log.
    MetaLog,
    /// The write-ahead log of an incarnation.
    Wal(Incarnation),
    /// The manifests of a partition.
    Manifest {
        /// The topic's id.
        topic: Uuid,
        /// The partition.
        partition: i32,
    },
}

/// One sequence: whoever creates number *n* first, wins.
#[derive(Clone, Debug)]
pub struct Sequence {
    store: Store,
    name: SequenceName,
}

/// Where a sequence ends, as one listing saw it.
///
/// A listing proves presence, never absence: a create may land behind its back. Confirm the end with a GET that answers
/// "not there", or with a create.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct End {
    /// The lowest number, at or above the one asked for, that is not occupied.
    pub first_absent: u64,
    /// Occupied numbers above it.
    pub beyond: Vec<u64>,
}

impl Sequence {
    pub(crate) fn new(store: Store, name: SequenceName) -> Self {
        Self { store, name }
    }

    /// Which sequence it is.
    #[must_use]
    pub fn name(&self) -> SequenceName {
        self.name
    }

    /// The store it is in.
    #[must_use]
    pub fn store(&self) -> &Store {
        &self.store
    }

    /// The key of a number.
    #[must_use]
    pub fn key(&self, seq: u64) -> Key {
        match self.name {
            SequenceName::MetaLog => Key::MetaLog { seq },
            SequenceName::Wal(incarnation) => Key::Wal { incarnation, seq },
            SequenceName::Manifest { topic, partition } => Key::Manifest { topic, partition, version: seq },
        }
    }

    /// Makes one attempt to create a number; see [`Store::create`].
    pub async fn create(&self, seq: u64, content: &Frozen) -> Outcome {
        self.store.create(&self.key(seq), content).await
    }

    /// Creates a number and finds out who occupies it; see [`Store::fill`].
    ///
    /// # Errors
    /// [`Unfilled`].
    pub async fn fill(&self, seq: u64, content: &Frozen, patience: Patience) -> Result<Filled, Unfilled> {
        self.store.fill(&self.key(seq), content, patience).await
    }

    /// Reads a number; `None` if it is not occupied.
    ///
    /// # Errors
    /// [`StoreError`].
    pub async fn get(&self, seq: u64) -> Result<Option<Bytes>, StoreError> {
        self.store.get(&self.key(seq)).await
    }

    /// Reads bytes of a number; see [`Store::get_range`].
    ///
    /// # Errors
    /// [`StoreError`].
    pub async fn get_range(&self, seq: u64, range: Range<u64>) -> Result<Option<Bytes>, StoreError> {
        self.store.get_range(&self.key(seq), range).await
    }

    /// Reads many numbers at once, in the order asked for.
    ///
    /// # Errors
    /// The first [`StoreError`].
    pub async fn get_many(&self, numbers: &[u64]) -> Result<Vec<(u64, Option<Bytes>)>, StoreError> {
        futures::stream::iter(numbers.to_vec())
            .map(|seq| async move { Ok((seq, self.get(seq).await?)) })
            .buffered(PARALLEL_GETS_MAX)
            .try_collect()
            .await
    }

    /// Deletes a number; see [`Store::delete`].
    ///
    /// # Errors
    /// [`StoreError`].
    pub async fn delete(&self, seq: u64) -> Result<(), StoreError> {
        self.store.delete(&self.key(seq)).await
    }

    /// The occupied numbers at or above `from`, with the sizes of their objects.
    ///
    /// # Errors
    /// [`StoreError`].
    pub async fn list_from(&self, from: u64) -> Result<BTreeMap<u64, u64>, StoreError> {
        let before = from.checked_sub(1).map(|seq| self.key(seq));
        let listed = self.store.list_after(self.prefix(), before.as_ref()).await?;
        Ok(listed.into_iter().filter_map(|object| Some((number_of(&object)?, object.size))).collect())
    }

    /// Finds where the sequence ends, beginning the search at a number that bounds it from below.
    ///
    /// # Errors
    /// [`StoreError`].
    pub async fn find_end(&self, from: u64) -> Result<End, StoreError> {
        let mut first_absent = from;
        let mut beyond = Vec::new();
        for seq in self.list_from(from).await?.into_keys() {
            if seq == first_absent && beyond.is_empty() {
                first_absent += 1;
            } else {
                beyond.push(seq);
            }
        }
        Ok(End { first_absent, beyond })
    }

    fn prefix(&self) -> Prefix {
        match self.name {
            SequenceName::MetaLog => Prefix::MetaLog,
            SequenceName::Wal(incarnation) => Prefix::Wal(incarnation),
            SequenceName::Manifest { topic, partition } => Prefix::Manifest { topic, partition },
        }
    }
}

fn number_of(object: &Listed) -> Option<u64> {
    match object.key {
        Key::MetaLog { seq } | Key::Wal { seq, .. } => Some(seq),
        Key::Manifest { version, .. } => Some(version),
        _ => None,
    }
}
