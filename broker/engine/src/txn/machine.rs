//! The life of one transactional id: pure.
//!
//! `step(event, now)` changes the transaction and says what is to be written and answered. Invariants: what is answered
//! follows from [`Transaction::durable`] alone; at most one record is on its way; a transaction whose fate is durable ends in
//! that way, and the next one begins only when every partition has its marker.

#[cfg(test)]
mod tests;

use std::collections::{BTreeSet, VecDeque};
use std::time::Duration;

use super::api::{TransactionError, TransactionOutcome, TransactionProtocol};
use super::record::{Stage, TransactionRecord};
use crate::limits::{TRANSACTION_PARTITIONS_MAX, TRANSACTION_REQUESTS_WAITING_MAX, TRANSACTIONAL_ID_KEPT};
use crate::topic::{PartitionId, ProducerIdentity};

/// Names a request that waits for its answer.
pub(crate) type Ticket = u64;

/// The answer to a request.
pub(crate) type Answer = Result<ProducerIdentity, TransactionError>;

/// The highest epoch that a producer gets; the one above is for fencing it.
const EPOCH_MAX: i16 = i16::MAX - 1;

/// The two clocks.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Now {
    pub(crate) monotonic: Duration,
    pub(crate) wall_ms: i64,
}

/// What happens to a transactional id.
#[derive(Clone, Debug)]
pub(crate) enum Event {
    /// A producer takes the id over; `fresh_id` is its producer id if it needs one.
    Init { ticket: Ticket, timeout_ms: i32, current: Option<ProducerIdentity>, fresh_id: i64 },
    /// Partitions become part of the transaction.
    Add { ticket: Ticket, producer: ProducerIdentity, partitions: BTreeSet<PartitionId> },
    /// The transaction ends; `fresh_id` is the next producer id if the epochs are used up.
    End { ticket: Ticket, end: End, fresh_id: i64 },
    /// What an earlier [`Effect::Store`] asked for is durable.
    Stored,
    /// Every partition has its marker.
    Marked,
    /// Time has passed.
    Tick,
}

/// How a producer ends its transaction.
#[derive(Clone, Copy, Debug)]
pub(crate) struct End {
    pub(crate) producer: ProducerIdentity,
    pub(crate) outcome: TransactionOutcome,
    pub(crate) protocol: TransactionProtocol,
}

/// What the shell shall do.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Effect {
    /// Answer a request.
    Answer(Ticket, Answer),
    /// Make this durable (none deletes the id), then say [`Event::Stored`].
    Store(Option<TransactionRecord>),
    /// Write the markers of this prepared transaction, however long it takes, then say [`Event::Marked`].
    Mark(TransactionRecord),
}

/// A record that is on its way, and who is answered when it is durable.
#[derive(Clone, Debug)]
struct Pending {
    record: Option<TransactionRecord>,
    answers: Vec<(Ticket, Answer)>,
}

/// Partitions that wait for the transaction before to end, or for others to be added.
#[derive(Clone, Debug)]
struct Waiting {
    ticket: Ticket,
    producer: ProducerIdentity,
    partitions: BTreeSet<PartitionId>,
}

/// A transactional id.
#[derive(Clone, Debug, Default)]
pub(crate) struct Transaction {
    durable: Option<TransactionRecord>,
    pending: Option<Pending>,
    waiting: VecDeque<Waiting>,
    /// When an open transaction times out, or an idle id is forgotten.
    deadline: Option<Duration>,
}

impl Transaction {
    /// What the log says; an open transaction has its whole time-out once more.
    pub(crate) fn restore(record: TransactionRecord, now: Now) -> (Self, Vec<Effect>) {
        let mut transaction = Self { durable: Some(record), ..Self::default() };
        let effects = transaction.settled(None, now);
        (transaction, effects)
    }

    /// What is durable; none before the first record.
    pub(crate) fn durable(&self) -> Option<&TransactionRecord> {
        self.durable.as_ref()
    }

    /// Whether nothing is known of the id, and nothing will be.
    pub(crate) fn is_gone(&self) -> bool {
        self.durable.is_none() && self.pending.is_none()
    }

    /// Whether taking the id over, or ending its transaction, may need a fresh producer id.
    pub(crate) fn may_need_id(&self) -> bool {
        self.durable.as_ref().is_none_or(|record| record.producer.epoch >= EPOCH_MAX - 1)
    }

    /// When [`Event::Tick`] is due.
    pub(crate) fn next_deadline(&self) -> Option<Duration> {
        self.deadline.filter(|_| self.pending.is_none())
    }

    /// Whether partitions belong to the open transaction of this producer, by what is durable.
    ///
    /// # Errors
    /// [`TransactionError::InvalidState`] where one does not.
    pub(crate) fn verify(
        &self,
        producer: ProducerIdentity,
        partitions: &BTreeSet<PartitionId>,
    ) -> Result<(), TransactionError> {
        let record = self.of(producer)?;
        let is_ending =
            matches!(&self.pending, Some(Pending { record: Some(next), .. }) if next.stage != Stage::Ongoing);
        match record.stage {
            Stage::Prepared(_) => Err(TransactionError::Concurrent),
            Stage::Ongoing if is_ending => Err(TransactionError::Concurrent),
            Stage::Ongoing if partitions.is_subset(&record.partitions) => Ok(()),
            Stage::Ongoing | Stage::Empty | Stage::Complete(_) => match &self.pending {
                // It may be the very record on its way that adds them.
                Some(_) => Err(TransactionError::Concurrent),
                None => Err(TransactionError::InvalidState),
            },
        }
    }

    /// Takes one event.
    pub(crate) fn step(&mut self, event: Event, now: Now) -> Vec<Effect> {
        match event {
            Event::Init { ticket, timeout_ms, current, fresh_id } => self.init(ticket, timeout_ms, current, fresh_id),
            Event::Add { ticket, producer, partitions } => self.add([Waiting { ticket, producer, partitions }], now),
            Event::End { ticket, end, fresh_id } => self.end(ticket, end, fresh_id),
            Event::Stored => self.stored(now),
            Event::Marked => self.marked(),
            Event::Tick => self.tick(now),
        }
    }

    fn init(&mut self, ticket: Ticket, timeout_ms: i32, current: Option<ProducerIdentity>, fresh: i64) -> Vec<Effect> {
        let refuse = |error| vec![Effect::Answer(ticket, Err(error))];
        if self.pending.is_some() {
            return refuse(TransactionError::Concurrent);
        }
        let Some(record) = &self.durable else {
            if current.is_some() {
                return refuse(TransactionError::InvalidProducerIdMapping);
            }
            let producer = ProducerIdentity { producer_id: fresh, epoch: 0 };
            return self.store(first_record(producer, timeout_ms), vec![(ticket, Ok(producer))]);
        };
        let claim = match current.map(|current| claim(record, current)) {
            Some(Claim::Foreign) => return refuse(TransactionError::ProducerFenced),
            Some(claim) => claim,
            None => Claim::Present,
        };
        match record.stage {
            Stage::Prepared(_) => refuse(TransactionError::Concurrent),
            Stage::Ongoing if claim == Claim::Before => refuse(TransactionError::ProducerFenced),
            Stage::Ongoing => {
                // The new producer fences the old one first; it asks again until the transaction has ended.
                let last_epoch = if current.is_some() { record.producer.epoch } else { -1 };
                let next = fenced(record, last_epoch);
                self.store(next, vec![(ticket, Err(TransactionError::Concurrent))])
            }
            // The answer to the same question was lost; the epoch that only fences is nobody's.
            Stage::Empty | Stage::Complete(_) if claim == Claim::Before && record.producer.epoch <= EPOCH_MAX => {
                vec![Effect::Answer(ticket, Ok(record.producer))]
            }
            Stage::Empty | Stage::Complete(_) => {
                let mut next = first_record(record.producer, timeout_ms);
                if record.producer.epoch < EPOCH_MAX {
                    next.producer.epoch += 1;
                    next.last_epoch = if current.is_some() { record.producer.epoch } else { -1 };
                } else {
                    next.producer = ProducerIdentity { producer_id: fresh, epoch: 0 };
                    next.previous_id = if current.is_some() { record.producer.producer_id } else { -1 };
                }
                let answer = Ok(next.producer);
                self.store(next, vec![(ticket, answer)])
            }
        }
    }

    /// Adds partitions of several requests with one record.
    fn add(&mut self, requests: impl IntoIterator<Item = Waiting>, now: Now) -> Vec<Effect> {
        let mut effects = Vec::new();
        let mut next: Option<TransactionRecord> = None;
        let mut answers = Vec::new();
        for request in requests {
            let Waiting { ticket, producer, partitions } = request;
            let record = match self.of(producer) {
                Ok(record) => record,
                Err(error) => {
                    effects.push(Effect::Answer(ticket, Err(error)));
                    continue;
                }
            };
            if self.pending.is_some() || matches!(record.stage, Stage::Prepared(_)) {
                if self.waiting.len() < TRANSACTION_REQUESTS_WAITING_MAX {
                    self.waiting.push_back(Waiting { ticket, producer, partitions });
                } else {
                    effects.push(Effect::Answer(ticket, Err(TransactionError::Concurrent)));
                }
            } else if record.stage == Stage::Ongoing && partitions.is_subset(&record.partitions) {
                effects.push(Effect::Answer(ticket, Ok(producer)));
            } else {
                let begun = next.get_or_insert_with(|| continued(record, now));
                if begun.partitions.len().saturating_add(partitions.len()) > TRANSACTION_PARTITIONS_MAX {
                    effects.push(Effect::Answer(ticket, Err(TransactionError::InvalidRequest)));
                } else {
                    begun.partitions.extend(partitions);
                    answers.push((ticket, Ok(producer)));
                }
            }
        }
        if let Some(next) = next.filter(|_| !answers.is_empty()) {
            effects.extend(self.store(next, answers));
        }
        effects
    }

    fn end(&mut self, ticket: Ticket, end: End, fresh_id: i64) -> Vec<Effect> {
        let answer = |answer| vec![Effect::Answer(ticket, answer)];
        let Some(record) = &self.durable else { return answer(Err(TransactionError::InvalidProducerIdMapping)) };
        let bumps = end.protocol == TransactionProtocol::EpochPerTransaction;
        let claim = claim(record, end.producer);
        match claim {
            Claim::Foreign if end.producer.producer_id != record.producer.producer_id => {
                return answer(Err(TransactionError::InvalidProducerIdMapping));
            }
            Claim::Foreign => return answer(Err(TransactionError::ProducerFenced)),
            // The epoch that only fences is nobody's.
            Claim::Before if !bumps || successor(record).epoch > EPOCH_MAX => {
                return answer(Err(TransactionError::ProducerFenced));
            }
            Claim::Before | Claim::Present => {}
        }
        if self.pending.is_some() {
            return answer(Err(TransactionError::Concurrent));
        }
        // The end of a producer that bumps its epoch comes under the epoch before: then it is a repetition.
        let is_repeated = (claim == Claim::Before) == bumps;
        match record.stage {
            Stage::Ongoing if claim == Claim::Before => answer(Err(TransactionError::ProducerFenced)),
            Stage::Ongoing => self.prepare(ticket, end, fresh_id),
            Stage::Prepared(outcome) | Stage::Complete(outcome) if outcome == end.outcome && is_repeated => {
                answer(Ok(successor(record)))
            }
            Stage::Prepared(_) if is_repeated => answer(Err(TransactionError::InvalidState)),
            Stage::Prepared(_) => answer(Err(TransactionError::Concurrent)),
            // Whoever adds partitions by writing to them may abort what has not begun.
            Stage::Empty | Stage::Complete(_)
                if bumps && claim == Claim::Present && end.outcome == TransactionOutcome::Abort =>
            {
                self.prepare(ticket, end, fresh_id)
            }
            Stage::Empty | Stage::Complete(_) => answer(Err(TransactionError::InvalidState)),
        }
    }

    /// Decides a transaction's fate.
    fn prepare(&mut self, ticket: Ticket, end: End, fresh_id: i64) -> Vec<Effect> {
        let Some(record) = &self.durable else { return Vec::new() };
        let mut next = record.clone();
        if record.stage != Stage::Ongoing {
            next.partitions = BTreeSet::new();
        }
        next.stage = Stage::Prepared(end.outcome);
        next.protocol = end.protocol;
        if end.protocol == TransactionProtocol::EpochPerTransaction {
            next.last_epoch = record.producer.epoch;
            next.previous_id = -1;
            next.producer.epoch = record.producer.epoch.saturating_add(1);
            next.next_id = if record.producer.epoch >= EPOCH_MAX { fresh_id } else { -1 };
        }
        let answer = Ok(successor(&next));
        self.store(next, vec![(ticket, answer)])
    }

    fn stored(&mut self, now: Now) -> Vec<Effect> {
        let Some(pending) = self.pending.take() else { return Vec::new() };
        let before = self.durable.take().map(|record| record.stage);
        self.durable = pending.record;
        let mut effects: Vec<Effect> =
            pending.answers.into_iter().map(|(ticket, answer)| Effect::Answer(ticket, answer)).collect();
        effects.extend(self.settled(before, now));
        let waiting = std::mem::take(&mut self.waiting);
        effects.extend(self.add(waiting, now));
        effects
    }

    /// A record has become durable, or was read: what follows from it.
    fn settled(&mut self, before: Option<Stage>, now: Now) -> Vec<Effect> {
        let Some(record) = &self.durable else {
            self.deadline = None;
            return Vec::new();
        };
        let timeout = Duration::from_millis(u64::try_from(record.timeout_ms).unwrap_or(0));
        self.deadline = match record.stage {
            // Adding partitions does not prolong a transaction.
            Stage::Ongoing if before == Some(Stage::Ongoing) => self.deadline,
            Stage::Ongoing => Some(now.monotonic.saturating_add(timeout)),
            Stage::Empty | Stage::Complete(_) => Some(now.monotonic.saturating_add(TRANSACTIONAL_ID_KEPT)),
            Stage::Prepared(_) => None,
        };
        match record.stage {
            Stage::Prepared(_) => vec![Effect::Mark(record.clone())],
            Stage::Empty | Stage::Ongoing | Stage::Complete(_) => Vec::new(),
        }
    }

    fn marked(&mut self) -> Vec<Effect> {
        let Some(record) = &self.durable else { return Vec::new() };
        let Stage::Prepared(outcome) = record.stage else { return Vec::new() };
        let mut next = record.clone();
        next.stage = Stage::Complete(outcome);
        next.partitions = BTreeSet::new();
        next.started_ms = -1;
        if record.next_id >= 0 {
            next.previous_id = record.producer.producer_id;
            next.producer = successor(record);
            next.next_id = -1;
        }
        self.store(next, Vec::new())
    }

    fn tick(&mut self, now: Now) -> Vec<Effect> {
        let Some(record) = &self.durable else { return Vec::new() };
        if self.next_deadline().is_none_or(|at| at > now.monotonic) {
            return Vec::new();
        }
        match record.stage {
            Stage::Ongoing => {
                let next = fenced(record, -1);
                self.store(next, Vec::new())
            }
            Stage::Empty | Stage::Complete(_) => {
                self.pending = Some(Pending { record: None, answers: Vec::new() });
                vec![Effect::Store(None)]
            }
            Stage::Prepared(_) => Vec::new(),
        }
    }

    fn store(&mut self, record: TransactionRecord, answers: Vec<(Ticket, Answer)>) -> Vec<Effect> {
        self.pending = Some(Pending { record: Some(record.clone()), answers });
        vec![Effect::Store(Some(record))]
    }

    /// The durable record, if this producer owns it.
    fn of(&self, producer: ProducerIdentity) -> Result<&TransactionRecord, TransactionError> {
        match &self.durable {
            None => Err(TransactionError::InvalidProducerIdMapping),
            Some(record) if successor(record) == producer => Ok(record),
            Some(record) if record.producer.producer_id != producer.producer_id => {
                Err(TransactionError::InvalidProducerIdMapping)
            }
            Some(record) if record.producer.epoch != producer.epoch => Err(TransactionError::ProducerFenced),
            Some(record) => Ok(record),
        }
    }
}

/// What a producer's identity is to a transactional id.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Claim {
    /// The one it has.
    Present,
    /// The one it had before, of the same owner.
    Before,
    /// Any other.
    Foreign,
}

fn claim(record: &TransactionRecord, producer: ProducerIdentity) -> Claim {
    let ProducerIdentity { producer_id, epoch } = producer;
    let before = producer_id == record.producer.producer_id && record.last_epoch >= 0 && epoch == record.last_epoch;
    let used_up = record.previous_id >= 0 && producer_id == record.previous_id && epoch == EPOCH_MAX;
    if producer == record.producer || producer == successor(record) {
        Claim::Present
    } else if before || used_up {
        Claim::Before
    } else {
        Claim::Foreign
    }
}

/// The identity under which the producer goes on when its transaction has ended.
fn successor(record: &TransactionRecord) -> ProducerIdentity {
    if record.next_id >= 0 { ProducerIdentity { producer_id: record.next_id, epoch: 0 } } else { record.producer }
}

fn first_record(producer: ProducerIdentity, timeout_ms: i32) -> TransactionRecord {
    TransactionRecord {
        producer,
        last_epoch: -1,
        previous_id: -1,
        next_id: -1,
        timeout_ms,
        stage: Stage::Empty,
        protocol: TransactionProtocol::Classic,
        started_ms: -1,
        partitions: BTreeSet::new(),
    }
}

/// The open transaction, or a new one.
fn continued(record: &TransactionRecord, now: Now) -> TransactionRecord {
    match record.stage {
        Stage::Ongoing => record.clone(),
        Stage::Empty | Stage::Prepared(_) | Stage::Complete(_) => TransactionRecord {
            stage: Stage::Ongoing,
            started_ms: now.wall_ms,
            partitions: BTreeSet::new(),
            ..record.clone()
        },
    }
}

/// The abort of a transaction whose producer may not go on: its markers have an epoch that the producer never gets.
fn fenced(record: &TransactionRecord, last_epoch: i16) -> TransactionRecord {
    let mut next = record.clone();
    next.stage = Stage::Prepared(TransactionOutcome::Abort);
    next.protocol = TransactionProtocol::EpochPerTransaction;
    next.producer.epoch = record.producer.epoch.saturating_add(1);
    next.last_epoch = last_epoch;
    next.previous_id = -1;
    next.next_id = -1;
    next
}
