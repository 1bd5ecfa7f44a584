//! What `__transaction_state` holds: one record per transactional id, the later replaces the earlier, none deletes.
//!
//! The key is version u8 and the transactional id; the value is version u8, producer id i64, epoch i16, last epoch i16, previous
//! id i64, next id i64, time-out i32, state u8, protocol u8, start i64, partition count u32, and per partition topic uuid
//! and number i32. All integers are big-endian. Partitions are kept by topic id, so that a topic created again under an
//! old name has no part in a transaction of the former.

use std::collections::BTreeSet;

use thiserror::Error;
use uuid::Uuid;

use super::api::{TransactionOutcome, TransactionProtocol};
use crate::topic::{PartitionId, ProducerIdentity};

const VERSION: u8 = 1;

/// Where a transactional id is in its life.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Stage {
    /// No transaction yet.
    Empty,
    /// A transaction is open.
    Ongoing,
    /// It ends like this; markers are being written.
    Prepared(TransactionOutcome),
    /// It ended like this; every marker is durable.
    Complete(TransactionOutcome),
}

/// All that is durable of a transactional id.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct TransactionRecord {
    pub(crate) producer: ProducerIdentity,
    /// The epoch before the present one, where its owner may still ask about it; else -1.
    pub(crate) last_epoch: i16,
    /// The producer id before the present one, whose epochs were used up; else -1.
    pub(crate) previous_id: i64,
    /// The producer id that follows when this transaction has ended, because the epochs are used up; else -1.
    pub(crate) next_id: i64,
    pub(crate) timeout_ms: i32,
    pub(crate) stage: Stage,
    pub(crate) protocol: TransactionProtocol,
    /// Wall clock of the coordinator when the transaction began, in ms since 1970; -1 where there is none.
    pub(crate) started_ms: i64,
    pub(crate) partitions: BTreeSet<PartitionId>,
}

/// Bytes that no version of this code wrote.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Error)]
#[error("record of the transaction log is not understood")]
pub(crate) struct RecordError;

impl Stage {
    /// Kafka's name.
    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::Empty => "Empty",
            Self::Ongoing => "Ongoing",
            Self::Prepared(TransactionOutcome::Commit) => "PrepareCommit",
            Self::Prepared(TransactionOutcome::Abort) => "PrepareAbort",
            Self::Complete(TransactionOutcome::Commit) => "CompleteCommit",
            Self::Complete(TransactionOutcome::Abort) => "CompleteAbort",
        }
    }

    fn code(self) -> u8 {
        match self {
            Self::Empty => 0,
            Self::Ongoing => 1,
            Self::Prepared(TransactionOutcome::Commit) => 2,
            Self::Prepared(TransactionOutcome::Abort) => 3,
            Self::Complete(TransactionOutcome::Commit) => 4,
            Self::Complete(TransactionOutcome::Abort) => 5,
        }
    }

    fn of(code: u8) -> Result<Self, RecordError> {
        Ok(match code {
            0 => Self::Empty,
            1 => Self::Ongoing,
            2 => Self::Prepared(TransactionOutcome::Commit),
            3 => Self::Prepared(TransactionOutcome::Abort),
            4 => Self::Complete(TransactionOutcome::Commit),
            5 => Self::Complete(TransactionOutcome::Abort),
            _ => return Err(RecordError),
        })
    }
}

/// The key of a transactional id.
pub(crate) fn encode_key(transactional_id: &str) -> Vec<u8> {
    let mut out = vec![VERSION];
    out.extend_from_slice(transactional_id.as_bytes());
    out
}

/// The transactional id of a key.
pub(crate) fn decode_key(bytes: &[u8]) -> Result<String, RecordError> {
    match bytes.split_first() {
        Some((&VERSION, text)) => String::from_utf8(text.to_vec()).map_err(|_| RecordError),
        _ => Err(RecordError),
    }
}

impl TransactionRecord {
    pub(crate) fn encode(&self) -> Vec<u8> {
        let mut out = vec![VERSION];
        out.extend_from_slice(&self.producer.producer_id.to_be_bytes());
        out.extend_from_slice(&self.producer.epoch.to_be_bytes());
        out.extend_from_slice(&self.last_epoch.to_be_bytes());
        out.extend_from_slice(&self.previous_id.to_be_bytes());
        out.extend_from_slice(&self.next_id.to_be_bytes());
        out.extend_from_slice(&self.timeout_ms.to_be_bytes());
        out.push(self.stage.code());
        out.push(match self.protocol {
            TransactionProtocol::Classic => 0,
            TransactionProtocol::EpochPerTransaction => 1,
        });
        out.extend_from_slice(&self.started_ms.to_be_bytes());
        out.extend_from_slice(&u32::try_from(self.partitions.len()).unwrap_or(u32::MAX).to_be_bytes());
        for id in &self.partitions {
            out.extend_from_slice(id.topic.as_bytes());
            out.extend_from_slice(&id.partition.to_be_bytes());
        }
        out
    }

    pub(crate) fn decode(bytes: &[u8]) -> Result<Self, RecordError> {
        let mut rest = bytes;
        let [version] = take(&mut rest)?;
        if version != VERSION {
            return Err(RecordError);
        }
        let mut record = Self {
            producer: ProducerIdentity {
                producer_id: i64::from_be_bytes(take(&mut rest)?),
                epoch: i16::from_be_bytes(take(&mut rest)?),
            },
            last_epoch: i16::from_be_bytes(take(&mut rest)?),
            previous_id: i64::from_be_bytes(take(&mut rest)?),
            next_id: i64::from_be_bytes(take(&mut rest)?),
            timeout_ms: i32::from_be_bytes(take(&mut rest)?),
            stage: take(&mut rest).and_then(|[code]: [u8; 1]| Stage::of(code))?,
            protocol: match take(&mut rest)? {
                [0] => TransactionProtocol::Classic,
                [1] => TransactionProtocol::EpochPerTransaction,
                [_] => return Err(RecordError),
            },
            started_ms: i64::from_be_bytes(take(&mut rest)?),
            partitions: BTreeSet::new(),
        };
        for _ in 0..u32::from_be_bytes(take(&mut rest)?) {
            let topic = Uuid::from_bytes(take(&mut rest)?);
            record.partitions.insert(PartitionId { topic, partition: i32::from_be_bytes(take(&mut rest)?) });
        }
        if rest.is_empty() { Ok(record) } else { Err(RecordError) }
    }
}

fn take<const N: usize>(rest: &mut &[u8]) -> Result<[u8; N], RecordError> {
    let (head, tail) = rest.split_first_chunk::<N>().ok_or(RecordError)?;
    *rest = tail;
    Ok(*head)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn records_are_read_as_they_were_written(
            numbers in any::<(i64, i16, i16, i64, i64, i32, i64)>(),
            stage in 0_u8..6,
            partitions in prop::collection::btree_set(any::<(u128, i32)>(), 0..6),
            id in ".{0,20}",
        ) {
            let (producer_id, epoch, last_epoch, previous_id, next_id, timeout_ms, started_ms) = numbers;
            let partition = |(topic, partition)| PartitionId { topic: Uuid::from_u128(topic), partition };
            let record = TransactionRecord {
                producer: ProducerIdentity { producer_id, epoch },
                last_epoch,
                previous_id,
                next_id,
                timeout_ms,
                stage: Stage::of(stage).unwrap(),
                protocol: TransactionProtocol::EpochPerTransaction,
                started_ms,
                partitions: partitions.into_iter().map(partition).collect(),
            };
            prop_assert_eq!(TransactionRecord::decode(&record.encode()), Ok(record));
            prop_assert_eq!(decode_key(&encode_key(&id)), Ok(id));
        }

        #[test]
        fn arbitrary_bytes_never_panic(mut bytes in prop::collection::vec(any::<u8>(), 0..200)) {
            if let Some(first) = bytes.first_mut() {
                *first = VERSION;
            }
            let _ = (decode_key(&bytes), TransactionRecord::decode(&bytes));
        }
    }
}
