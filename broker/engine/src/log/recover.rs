//! Reading the write-ahead log of another incarnation, and ending it first if it is dead.
//!
//! Invariant: *the* seal is the lowest one whose lower numbers are all occupied by the incarnation's own objects; a number
//! is passed only after reading the object there. Anybody may seal, at any time, any number of times: all find the same end.

use std::collections::BTreeMap;

use broker_log::limits::REPEAT_EVERY;
use broker_log::{HeadContents, Incarnation, Origin, Seal, WalError, WalHead, WalIndex};
use broker_store::mutation::{Mutation, is_on};
use broker_store::{Failure, Filled, Frozen, Nonce, Patience, Sequence, StoreError};
use bytes::Bytes;
use futures::future::join_all;
use futures::{StreamExt, TryStreamExt, stream};
use thiserror::Error;
use tracing::{info, warn};

use super::ObjectRef;
use super::index::Span;
use crate::env::Env;
use crate::limits::{
    HEAD_BYTES, READ_ATTEMPTS_MAX, RECOVERY_LEAPS_AT_ONCE, RECOVERY_READS_AT_ONCE, RECOVERY_READS_MAX, SEALS_AT_ONCE,
};
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
    /// The number where reading began.
    pub(crate) floor: u64,
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
    /// An object that must be there is not: it was deleted, because what it held is in segments by now.
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

/// Reads a log from `floor` on: heads of objects only, and of most of them only where a later object repeats them.
///
/// What is missing may have been deleted since `floor` was looked up: see [`RecoverError::Missing`]. A log that is read to
/// its seal has no such answer, because a number that nothing occupies is sealed: whoever asked for it makes sure, *after*
/// this has returned, that metadata still lists the incarnation, else its objects were deleted under the reader's eyes.
///
/// # Errors
/// [`RecoverError`]; the caller tries again, beginning with metadata and manifests.
pub(crate) async fn recover(recovery: &Recovery<'_>, floor: u64, until: Until) -> Result<RecoveredLog, RecoverError> {
    let floor = if until == Until::Sealed && is_on(Mutation::SealSearchFromZero) { 0 } else { floor };
    let mut log = RecoveredLog { floor, end: floor, slices: BTreeMap::new() };
    match until {
        Until::Number(end) => {
            recovery.leap(&mut log, end).await?;
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
        Until::Sealed => {
            recovery.leap(&mut log, u64::MAX).await?;
            recovery.read_to_seal(&mut log).await?;
        }
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

impl RecoveredLog {
    /// Takes the next object.
    fn take(&mut self, index: WalIndex) {
        let object = ObjectRef { incarnation: index.origin.incarnation, seq: index.origin.seq };
        for slice in index.slices {
            let id = PartitionId { topic: slice.topic, partition: slice.partition };
            self.slices.entry(id).or_default().push(RecoveredSlice { slice, object });
        }
        self.end = object.seq.saturating_add(1);
    }
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

    /// Takes what objects that repeat others' indexes tell, as far as there are such and nothing is missing between.
    async fn leap(&self, log: &mut RecoveredLog, limit: u64) -> Result<(), RecoverError> {
        loop {
            let first = (log.end / REPEAT_EVERY).saturating_mul(REPEAT_EVERY).saturating_add(REPEAT_EVERY - 1);
            let numbers: Vec<u64> = (0..RECOVERY_LEAPS_AT_ONCE)
                .map(|step| first.saturating_add(step * REPEAT_EVERY))
                .filter(|seq| *seq < limit)
                .collect();
            let asked = numbers.len();
            let heads = self.heads(numbers).await?;
            let mut found = 0;
            for (seq, head) in heads {
                let Some(HeadContents::Batches(head)) = head else { return Ok(()) };
                if !self.take_repeats(log, seq, head).await? {
                    return Ok(());
                }
                found += 1;
            }
            if found < asked || asked == 0 {
                return Ok(());
            }
        }
    }

    /// Takes everything up to an object that repeats others' indexes; false where something before it is not there.
    async fn take_repeats(&self, log: &mut RecoveredLog, seq: u64, head: WalHead) -> Result<bool, RecoverError> {
        let WalHead { index, repeats } = head;
        let mut repeated: BTreeMap<u64, WalIndex> =
            repeats.indexes.into_iter().map(|index| (index.origin.seq, index)).collect();
        // What was durable when the object was built needs no look; the rest was in flight, and may never have landed.
        repeated.retain(|seq, _| *seq < repeats.acknowledged);
        let unseen: Vec<u64> = (log.end..seq).filter(|seq| !repeated.contains_key(seq)).collect();
        let mut read = self.heads(unseen).await?.into_iter();
        while log.end < seq {
            if let Some(index) = repeated.remove(&log.end) {
                log.take(index);
                continue;
            }
            match read.next() {
                Some((_, Some(HeadContents::Batches(head)))) => log.take(head.index),
                Some((_, Some(HeadContents::Seal(_)) | None)) | None => return Ok(false),
            }
        }
        log.take(index);
        Ok(true)
    }

    /// Takes objects up to `limit` into the log, in order.
    async fn read(&self, log: &mut RecoveredLog, limit: u64) -> Result<Stop, RecoverError> {
        for (_, head) in self.heads((log.end..limit).collect()).await? {
            match head {
                Some(HeadContents::Batches(head)) => log.take(head.index),
                Some(HeadContents::Seal(_)) => return Ok(Stop::Seal),
                None => return Ok(Stop::Absent),
            }
        }
        Ok(Stop::Limit)
    }

    /// The heads of objects, many at once, in the order asked for.
    async fn heads(&self, numbers: Vec<u64>) -> Result<Vec<(u64, Option<HeadContents>)>, RecoverError> {
        stream::iter(numbers)
            .map(|seq| async move { Ok((seq, self.head(seq).await?)) })
            .buffered(RECOVERY_READS_AT_ONCE)
            .try_collect()
            .await
    }

    async fn head(&self, seq: u64) -> Result<Option<HeadContents>, RecoverError> {
        let Some(mut bytes) = self.get(seq, HEAD_BYTES).await? else { return Ok(None) };
        let length = WalHead::length(&bytes);
        if length > bytes.len() {
            match self.get(seq, length as u64).await? {
                Some(whole) => bytes = whole,
                None => return Ok(None),
            }
        }
        let contents = WalHead::decode(&bytes, self.origin(seq));
        contents.map(Some).map_err(|problem| RecoverError::Damaged { incarnation: self.incarnation, seq, problem })
    }

    /// The first bytes of an object; none if it is not there.
    async fn get(&self, seq: u64, length: u64) -> Result<Option<Bytes>, RecoverError> {
        let mut backoff = self.sequence.store().backoff();
        let mut attempt = 1;
        loop {
            match self.sequence.get_range(seq, 0..length).await {
                Ok(bytes) => return Ok(bytes),
                Err(error) if attempt == READ_ATTEMPTS_MAX || error.failure == Failure::Refused => {
                    return Err(error.into());
                }
                Err(error) => tokio::time::sleep(backoff.after(error.failure)).await,
            }
            attempt += 1;
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
