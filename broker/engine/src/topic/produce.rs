//! Appending what producers send.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use broker_log::limits::UNPACKED_BATCH_BYTES_MAX;
use broker_record::{Batch, TimestampType};
use bytes::Bytes;
use thiserror::Error;
use tokio::sync::Semaphore;
use tokio::time::{Instant, timeout_at};

use super::{LeaderHint, Partition, PartitionError, PartitionId, Placed, TopicRef};
use crate::life::Life;
use crate::limits::{PRODUCE_OPENING_WAIT_MAX, PRODUCE_WAIT_MAX};
use crate::log::{Reserved, Ticket};
use crate::txn::{ProducerTransaction, TransactionError, TransactionSupport};

/// When a producer wants its answer.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Acks {
    /// Never; the batch is appended and nobody is told whether it became durable (`acks=0`).
    None,
    /// When the batch is durable (`acks=1` and `acks=all`: there is only one kind of durable here).
    Durable,
}

/// A produce request.
#[derive(Clone, Debug)]
pub struct ProduceRequest {
    /// When to answer.
    pub acks: Acks,
    /// How long to wait for durability.
    pub timeout: Duration,
    /// The transaction the batches belong to.
    pub transaction: Option<ProducerTransaction>,
    /// The payloads; the outcomes come back in this order.
    pub partitions: Vec<ProducePartition>,
}

/// The order of one connection's requests: each gets its places in the log, or its errors, before the next one does.
///
/// Requests of a connection are handled side by side, and one that waits, for a partition that is being taken over, say, would
/// be overtaken by its successor: an idempotent producer would be told that its sequence is out of order, which is final.
///
/// What was already sent when its predecessor was refused is refused as well, so that the client sends both again in order.
#[derive(Clone, Debug)]
pub struct Turn {
    one: Arc<Semaphore>,
    order: Arc<Mutex<Order>>,
}

/// Requests by number, and what was refused while they waited.
#[derive(Debug, Default)]
struct Order {
    arrived: u64,
    refused: BTreeMap<(TopicRef, i32), Refused>,
}

#[derive(Debug)]
struct Refused {
    /// The request that was refused first; those before it may go on.
    from: u64,
    /// The last request that had arrived by then.
    until: u64,
    error: ProduceError,
}

impl Default for Turn {
    fn default() -> Self {
        Self { one: Arc::new(Semaphore::new(1)), order: Arc::default() }
    }
}

impl Turn {
    fn arrive(&self) -> u64 {
        let mut order = self.order();
        order.arrived = order.arrived.saturating_add(1);
        order.arrived
    }

    /// The turn of request `number` has come: what concerned earlier ones only is forgotten.
    fn begin(&self, number: u64) {
        self.order().refused.retain(|_, refused| refused.until >= number);
    }

    fn refusal(&self, number: u64, partition: &(TopicRef, i32)) -> Option<ProduceError> {
        let order = self.order();
        let refused = order.refused.get(partition)?;
        (refused.from < number && number <= refused.until).then(|| refused.error.clone())
    }

    fn refuse(&self, number: u64, partition: (TopicRef, i32), error: ProduceError) {
        let mut order = self.order();
        let until = order.arrived;
        let refused = order.refused.entry(partition).or_insert(Refused { from: number, until, error });
        refused.from = refused.from.min(number);
        refused.until = until;
    }

    /// Refuses a whole request that had to wait for too long.
    fn time_out(&self, number: u64, request: &ProduceRequest) -> Vec<ProduceOutcome> {
        let refuse = |payload: &ProducePartition| {
            self.refuse(number, (payload.topic.clone(), payload.partition), ProduceError::TimedOut);
            Err(ProduceError::TimedOut)
        };
        request.partitions.iter().map(refuse).collect()
    }

    fn order(&self) -> MutexGuard<'_, Order> {
        self.order.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// The payload for one partition.
#[derive(Clone, Debug)]
pub struct ProducePartition {
    /// The topic.
    pub topic: TopicRef,
    /// The partition.
    pub partition: i32,
    /// Record batches, unchecked, as they came.
    pub records: Bytes,
}

/// The answer for one partition.
pub type ProduceOutcome = Result<Appended, ProduceError>;

/// Records that have their place in the log.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Appended {
    /// Offset of the first record; of the original where the batch was a duplicate.
    pub base_offset: i64,
    /// The broker's time where the topic has `LogAppendTime`, else -1.
    pub log_append_time_ms: i64,
    /// The first offset that the partition still has.
    pub log_start_offset: i64,
}

/// Why a payload was not appended.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
pub enum ProduceError {
    /// The partition is not served here.
    #[error(transparent)]
    Partition(#[from] PartitionError),
    /// The bytes are no valid record batches: damaged on the way, or an unsupported format.
    #[error("corrupt message: {0}")]
    CorruptMessage(String),
    /// The batch is well-formed and not acceptable.
    #[error("invalid record: {0}")]
    InvalidRecord(&'static str),
    /// The batch is larger than the topic's `max.message.bytes`.
    #[error("batch of {size} bytes, {max} are allowed")]
    MessageTooLarge {
        /// Bytes of the batch.
        size: usize,
        /// The topic's bound.
        max: usize,
    },
    /// The topic is written by the cluster only.
    #[error("the topic is internal")]
    InternalTopic,
    /// The sequence number is neither the next one nor one of the last five batches.
    #[error("sequence number out of order")]
    OutOfOrderSequence,
    /// A newer epoch of the same producer has written.
    #[error("producer epoch is fenced")]
    InvalidProducerEpoch,
    /// The batch claims a transaction that the coordinator does not know.
    #[error("transaction state does not allow this")]
    InvalidTransactionState,
    /// As before, for clients that know an error that tells them to abort.
    #[error("the transaction has to be aborted")]
    TransactionAbortable,
    /// The producer id is not the one of the transactional id.
    #[error("the producer id is not the one of the transactional id")]
    InvalidProducerIdMapping,
    /// The coordinator cannot say at the moment whether the partition belongs to the transaction.
    #[error("the transaction's coordinator cannot be asked")]
    CoordinatorUnavailable,
    /// Durability was not reached in time; the records may still become durable.
    #[error("timed out")]
    TimedOut,
}

impl ProduceError {
    /// Whether a client sends the same batch again: what it has sent after it must come after it then, too.
    fn is_tried_again(&self) -> bool {
        matches!(self, Self::Partition(_) | Self::TimedOut | Self::CorruptMessage(_) | Self::CoordinatorUnavailable)
    }
}

/// A payload that has its place and may not be durable yet.
type Accepted = (Appended, Option<Ticket>);

impl Life {
    /// Appends payloads and waits until they are durable.
    pub(crate) async fn produce(&self, request: ProduceRequest, turn: &Turn) -> Vec<ProduceOutcome> {
        let deadline = Instant::now() + request.timeout.min(PRODUCE_WAIT_MAX);
        // Fair: turns come in the order in which they were asked for.
        let number = turn.arrive();
        let Ok(Ok(my_turn)) = timeout_at(deadline, turn.one.acquire()).await else {
            return turn.time_out(number, &request);
        };
        turn.begin(number);
        // One reservation for the whole request: two that wait for each other's halves would wait for ever.
        let bytes = request.partitions.iter().map(|payload| payload.records.len()).sum();
        let Ok(Some(mut reserved)) = timeout_at(deadline, self.memory.reserve(bytes)).await else {
            return turn.time_out(number, &request);
        };
        // One for all partitions: what is behind this request waits as long as the slowest of them, not as long as all.
        let opened_by = deadline.min(Instant::now() + PRODUCE_OPENING_WAIT_MAX);
        let mut accepted = Vec::with_capacity(request.partitions.len());
        for payload in request.partitions {
            let partition = (payload.topic.clone(), payload.partition);
            if let Some(error) = turn.refusal(number, &partition) {
                accepted.push(Err(error));
                continue;
            }
            let one = self.accept(payload, request.transaction.as_ref(), &mut reserved, (opened_by, deadline)).await;
            if let Err(error) = &one
                && error.is_tried_again()
            {
                turn.refuse(number, partition, error.clone());
            }
            accepted.push(one);
        }
        drop(reserved);
        drop(my_turn);
        let mut outcomes = Vec::with_capacity(accepted.len());
        for one in accepted {
            outcomes.push(match one {
                Ok((appended, Some(ticket))) if request.acks == Acks::Durable => {
                    durable(ticket, deadline).await.map(|()| appended)
                }
                Ok((appended, _)) => Ok(appended),
                Err(error) => Err(error),
            });
        }
        outcomes
    }

    async fn accept(
        &self,
        payload: ProducePartition,
        transaction: Option<&ProducerTransaction>,
        reserved: &mut Reserved,
        (opened_by, deadline): (Instant, Instant),
    ) -> Result<Accepted, ProduceError> {
        let ProducePartition { topic, partition, records } = payload;
        let topic = self.topic(&topic)?;
        if topic.internal {
            return Err(ProduceError::InternalTopic);
        }
        let mut batch = one_batch(records)?;
        check(&batch, topic.message_bytes_max)?;
        if topic.compacted {
            check_keys(&batch)?;
        }
        let mut log_append_time_ms = -1;
        if topic.timestamp_type == TimestampType::LogAppendTime {
            log_append_time_ms = self.env.wall_ms();
            batch = batch.stamped(log_append_time_ms);
        }
        let serving = self.serving(&TopicRef::Id(topic.id), partition, opened_by).await?;
        if batch.header().attributes.is_transactional() {
            // Whose transaction it is has to be said.
            let transaction = transaction.ok_or(ProduceError::InvalidTransactionState)?;
            let producer = (batch.header().producer_id, batch.header().producer_epoch);
            let verified = self.verify(&serving, producer, transaction).await;
            verified.map_err(|error| not_verified(&error, transaction.support))?;
        }
        let share = reserved.split(batch.bytes().len()).ok_or(ProduceError::TimedOut)?;
        let placed = serving.append(&batch, &self.wal, share).map_err(|error| self.with_hint(error, serving.id))?;
        let appended = |base_offset: broker_record::Offset| Appended {
            base_offset: base_offset.0,
            log_append_time_ms,
            log_start_offset: serving.log_start().0,
        };
        match placed {
            Placed::At(base, ticket) => Ok((appended(base), Some(ticket))),
            Placed::Before(base) => Ok((appended(base), None)),
            Placed::OutOfOrder => Err(self.out_of_order(&serving, deadline).await),
            Placed::Fenced => Err(ProduceError::InvalidProducerEpoch),
            // A marker came in between: the coordinator is asked again.
            Placed::Unverified => Err(ProduceError::CoordinatorUnavailable),
        }
    }

    /// What a producer is told whose sequence does not go on from what is known here.
    ///
    /// It is final for the producer. A leader that was replaced, and does not know, or a copy of this process may have missed
    /// what the producer wrote meanwhile: only whoever fills a number of the log after it judged still leads.
    async fn out_of_order(&self, partition: &Partition, deadline: Instant) -> ProduceError {
        let PartitionId { topic, partition: number } = partition.id;
        let tag = topic.as_u128() ^ u128::from(number.unsigned_abs());
        match timeout_at(deadline, self.wal.barrier(tag)).await {
            Ok(Some(_)) if partition.is_open() => ProduceError::OutOfOrderSequence,
            Ok(_) => {
                let nobody = PartitionError::NotLeader(LeaderHint { node_id: -1, leader_epoch: -1 });
                self.with_hint(nobody, partition.id).into()
            }
            Err(_) => ProduceError::TimedOut,
        }
    }
}

/// The only batch of a payload; producers of the current format send exactly one.
fn one_batch(records: Bytes) -> Result<Batch, ProduceError> {
    let batches = broker_record::split(records).map_err(|error| ProduceError::CorruptMessage(error.to_string()))?;
    let mut batches = batches.into_iter();
    match (batches.next(), batches.next()) {
        (Some(batch), None) => Ok(batch),
        (None, _) => Err(ProduceError::InvalidRecord("no record batch")),
        (Some(_), Some(_)) => Err(ProduceError::InvalidRecord("more than one record batch for a partition")),
    }
}

/// Compaction keeps the last record of every key: one without a key would be lost.
fn check_keys(batch: &Batch) -> Result<(), ProduceError> {
    let records = batch.unpack(UNPACKED_BATCH_BYTES_MAX);
    let records = records.map_err(|error| ProduceError::CorruptMessage(error.to_string()))?;
    if records.iter().all(|record| record.key.is_some()) {
        return Ok(());
    }
    Err(ProduceError::InvalidRecord("a compacted topic takes no records without keys"))
}

fn check(batch: &Batch, bytes_max: usize) -> Result<(), ProduceError> {
    let attributes = batch.header().attributes;
    if batch.bytes().len() > bytes_max {
        return Err(ProduceError::MessageTooLarge { size: batch.bytes().len(), max: bytes_max });
    }
    if attributes.is_control() {
        return Err(ProduceError::InvalidRecord("clients write no control records"));
    }
    if batch.header().is_idempotent() && batch.header().base_sequence < 0 {
        return Err(ProduceError::InvalidRecord("producer id without a sequence"));
    }
    if attributes.timestamp_type() == TimestampType::LogAppendTime {
        return Err(ProduceError::InvalidRecord("only the broker stamps records with its own time"));
    }
    Ok(())
}

/// What a producer is told when its transaction's coordinator does not confirm the transaction.
fn not_verified(error: &TransactionError, support: TransactionSupport) -> ProduceError {
    match error {
        TransactionError::NotCoordinator
        | TransactionError::CoordinatorLoading
        | TransactionError::CoordinatorNotAvailable
        | TransactionError::Concurrent => ProduceError::CoordinatorUnavailable,
        TransactionError::ProducerFenced => ProduceError::InvalidProducerEpoch,
        TransactionError::InvalidProducerIdMapping => ProduceError::InvalidProducerIdMapping,
        TransactionError::InvalidRequest
        | TransactionError::InvalidTimeout
        | TransactionError::InvalidState
        | TransactionError::NotFound
        | TransactionError::UnknownTopicOrPartition
        | TransactionError::NotAttempted => match support {
            TransactionSupport::Classic => ProduceError::InvalidTransactionState,
            TransactionSupport::Abortable | TransactionSupport::ImplicitAdd => ProduceError::TransactionAbortable,
        },
    }
}

async fn durable(mut ticket: Ticket, deadline: Instant) -> Result<(), ProduceError> {
    match timeout_at(deadline, ticket.wait_for(|durable| *durable)).await {
        Ok(Ok(_)) => Ok(()),
        // The incarnation has ended before the object was durable. It may be durable all the same, behind the seal or
        // before it: the producer tries again, and its sequence numbers tell.
        Ok(Err(_)) => Err(PartitionError::NotLeader(LeaderHint { node_id: -1, leader_epoch: -1 }).into()),
        Err(_) => Err(ProduceError::TimedOut),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn partition(index: i32) -> (TopicRef, i32) {
        (TopicRef::Name("t".to_owned()), index)
    }

    #[test]
    fn what_was_sent_before_a_refusal_is_refused_too_and_what_comes_after_it_is_not() {
        let turn = Turn::default();
        let (first, second) = (turn.arrive(), turn.arrive());
        turn.begin(first);
        turn.refuse(first, partition(0), PartitionError::Storage.into());
        turn.begin(second);
        assert_eq!(turn.refusal(second, &partition(0)), Some(PartitionError::Storage.into()));
        assert_eq!(turn.refusal(second, &partition(1)), None);
        let third = turn.arrive();
        turn.begin(third);
        assert_eq!(turn.refusal(third, &partition(0)), None);
    }

    #[test]
    fn a_request_that_waits_for_too_long_takes_those_behind_it_along_and_not_the_one_before_it() {
        let turn = Turn::default();
        let (first, second, third) = (turn.arrive(), turn.arrive(), turn.arrive());
        turn.begin(first);
        let request = ProduceRequest {
            acks: Acks::Durable,
            timeout: Duration::ZERO,
            transaction: None,
            partitions: vec![ProducePartition { topic: partition(0).0, partition: 0, records: Bytes::new() }],
        };
        assert_eq!(turn.time_out(second, &request), vec![Err(ProduceError::TimedOut)]);
        assert_eq!(turn.refusal(first, &partition(0)), None);
        turn.begin(third);
        assert_eq!(turn.refusal(third, &partition(0)), Some(ProduceError::TimedOut));
    }
}
