//! Reading the write-ahead log of another incarnation, and ending it first if it is dead.
//!
//! Invariant: *the* seal is the lowest one whose lower numbers are all occupied by the incarnation's own objects; a number
//! is passed only after reading the object there. Anybody may seal, at any time, any number of times: all find the same end.

use std::collections::BTreeMap;

use broker_log::{Incarnation, Origin, Seal, WalContents, WalError, WalIndex};
use broker_store::mutation::{Mutation, is_on};
use broker_store::{Filled, Frozen, Nonce, Patience, Sequence, StoreError};
use bytes::Bytes;
use futures::future::join_all;
use thiserror::Error;
use tracing::{info, warn};

use super::ObjectRef;
use super::index::Span;
use crate::env::Env;
use crate::limits::{RECOVERY_READS_MAX, SEALS_AT_ONCE};
use crate::topic::PartitionId;

/// How far a log is read.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Until {
    /// To its seal, which is set where there is none.
    Sealed,
    /// To a number before which everything is known to be there.
    Number(u64),
}

/// The part of one object that belongs to one partition.
#[derive(Clone, Debug)]
pub(crate) struct RecoveredSlice {
    pub(crate) slice: broker_log::Slice,
    pub(crate) object: ObjectRef,
}

impl RecoveredSlice {
    pub(crate) fn span(&self) -> Span {
        Span::of(&self.slice, self.object)
    }
}

/// All that a log holds.
#[derive(Clone, Debug, Default)]
pub(crate) struct RecoveredLog {
    /// The number where it ends.
    pub(crate) end: u64,
    /// Per partition, in the order of the log.
    pub(crate) slices: BTreeMap<PartitionId, Vec<RecoveredSlice>>,
}

/// Why a log cannot be read.
#[derive(Debug, Error)]
pub(crate) enum RecoverError {
    /// The store fails.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// Nobody may say what stands at a number.
    #[error("number {seq} of the log of {incarnation} is damaged: {problem}")]
    Damaged {
        /// Whose log.
        incarnation: Incarnation,
        /// The number.
        seq: u64,
        /// What is wrong.
        problem: WalError,
    },
    /// An object that must be there is not.
    #[error("number {seq} of the log of {incarnation} is missing")]
    Missing {
        /// Whose log.
        incarnation: Incarnation,
        /// The number.
        seq: u64,
    },
}

/// The log that is read, and who reads it.
pub(crate) struct Recovery<'a> {
    pub(crate) sequence: Sequence,
    pub(crate) cluster: uuid::Uuid,
    pub(crate) incarnation: Incarnation,
    pub(crate) reader: Incarnation,
    pub(crate) env: &'a Env,
}

/// Reads a log from `floor` on.
///
/// # Errors
/// [`RecoverError`]; the caller tries again.
pub(crate) async fn recover(recovery: &Recovery<'_>, floor: u64, until: Until) -> Result<RecoveredLog, RecoverError> {
    let floor = if until == Until::Sealed && is_on(Mutation::SealSearchFromZero) { 0 } else { floor };
    let mut log = RecoveredLog { end: floor, slices: BTreeMap::new() };
    match until {
        Until::Number(end) => {
            while log.end < end {
                let last = end.min(log.end.saturating_add(RECOVERY_READS_MAX));
                match recovery.read(&mut log, last).await? {
                    Stop::Limit => {}
                    Stop::Absent | Stop::Seal if is_on(Mutation::SealOnlyLastLeader) => break,
                    Stop::Absent | Stop::Seal => {
                        return Err(RecoverError::Missing { incarnation: recovery.incarnation, seq: log.end });
                    }
                }
            }
        }
        Until::Sealed => recovery.read_to_seal(&mut log).await?,
    }
    info!(incarnation = %recovery.incarnation, floor, end = log.end, "write-ahead log is read");
    Ok(log)
}

/// Where reading stopped.
enum Stop {
    /// At the number it was to stop at.
    Limit,
    /// At a number that is not occupied.
    Absent,
    /// At a seal.
    Seal,
}

impl Recovery<'_> {
    async fn read_to_seal(&self, log: &mut RecoveredLog) -> Result<(), RecoverError> {
        loop {
            match self.read(log, log.end.saturating_add(RECOVERY_READS_MAX)).await? {
                Stop::Limit => {}
                Stop::Seal => {
                    if is_on(Mutation::DeleteSeal) {
                        self.sequence.delete(log.end).await?;
                    }
                    return Ok(());
                }
                Stop::Absent if is_on(Mutation::AbsentAsEndOfLog) => return Ok(()),
                Stop::Absent if is_on(Mutation::SealAtFirstGap) => {
                    self.seal_from(log.end).await;
                    return Ok(());
                }
                // Objects end here, or have a hole that only the dead incarnation or a seal can fill. All seals at once:
                // whatever it still has in flight, it cannot reach beyond them.
                Stop::Absent => {
                    self.seal_from(log.end).await;
                }
            }
        }
    }

    /// Takes objects up to `limit` into the log, in order.
    async fn read(&self, log: &mut RecoveredLog, limit: u64) -> Result<Stop, RecoverError> {
        let numbers: Vec<u64> = (log.end..limit).collect();
        for (seq, bytes) in self.sequence.get_many(&numbers).await? {
            let Some(bytes) = bytes else { return Ok(Stop::Absent) };
            let Some(index) = self.decode(seq, bytes)? else { return Ok(Stop::Seal) };
            let object = ObjectRef { incarnation: self.incarnation, seq };
            for slice in index.slices {
                let id = PartitionId { topic: slice.topic, partition: slice.partition };
                log.slices.entry(id).or_default().push(RecoveredSlice { slice, object });
            }
            log.end = seq.saturating_add(1);
        }
        Ok(Stop::Limit)
    }

    /// The index of an object; none for a seal.
    fn decode(&self, seq: u64, bytes: Bytes) -> Result<Option<WalIndex>, RecoverError> {
        match WalContents::decode(bytes, self.origin(seq)) {
            Ok(WalContents::Batches(object)) => Ok(Some(object.into_index())),
            Ok(WalContents::Seal(_)) => Ok(None),
            Err(problem) => Err(RecoverError::Damaged { incarnation: self.incarnation, seq, problem }),
        }
    }

    /// Occupies consecutive numbers; returns when each of them is occupied, by whomever.
    async fn seal_from(&self, first: u64) {
        info!(incarnation = %self.incarnation, first, "sealing a write-ahead log");
        let at_once = if is_on(Mutation::SealOneAtATime) { 1 } else { SEALS_AT_ONCE };
        let seals = (first..first.saturating_add(at_once)).map(|seq| async move {
            let nonce = self.env.uuid().as_u128();
            let seal = Seal { origin: self.origin(seq), sealer: self.reader, nonce };
            let Ok(frozen) = Frozen::new(Nonce(nonce), seal.encode()) else { return };
            match self.sequence.fill(seq, &frozen, Patience::forever()).await {
                Ok(Filled::Mine | Filled::Other(_)) => {}
                Err(error) => warn!(%error, seq, "a seal's number stays open"),
            }
        });
        join_all(seals).await;
    }

    fn origin(&self, seq: u64) -> Origin {
        Origin { cluster: self.cluster, incarnation: self.incarnation, seq }
    }
}

#[cfg(test)]
mod tests {
    use broker_store::{SequenceName, Store};

    use super::*;

    #[tokio::test]
    async fn a_release_of_nothing_is_read_as_nothing_even_below_the_floor() {
        let incarnation = Incarnation { broker: 1, epoch: 1 };
        let store = Store::memory("test").unwrap();
        let recovery = Recovery {
            sequence: store.sequence(SequenceName::Wal(incarnation)),
            cluster: uuid::Uuid::nil(),
            incarnation,
            reader: Incarnation { broker: 2, epoch: 2 },
            env: &Env::system(),
        };
        let log = recover(&recovery, 7, Until::Number(0)).await.unwrap();
        assert_eq!((log.end, log.slices.len()), (7, 0));
        assert_eq!(recovery.sequence.get(7).await.unwrap(), None, "a log that has not ended is not sealed");
    }
}
