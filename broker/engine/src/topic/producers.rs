//! What a partition remembers of its idempotent and transactional producers: pure.
//!
//! Invariants: a batch is appended only if it continues its producer's sequence; a batch that is one of the producer's last
//! five is answered with the offset of the original; the same batches in the same order give the same memory, whether they
//! are appended, have become durable, or are replayed.

use std::collections::{BTreeMap, VecDeque};

use broker_log::{AbortedTransaction, BatchEntry, ProducerSnapshot, ProducersSnapshot, SequencedBatch};
use broker_record::{ControlRecord, MarkerKind, Offset, ProducerEpoch, ProducerId};
use broker_store::mutation::{self, Mutation};

use crate::limits::{PRODUCER_BATCHES_KEPT, PRODUCERS_FORGOTTEN_AT_ONCE, PRODUCERS_PER_PARTITION_MAX};

/// A batch as its producer numbered it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Sequenced {
    pub(crate) producer_id: ProducerId,
    pub(crate) epoch: ProducerEpoch,
    pub(crate) first: i32,
    pub(crate) last: i32,
}

/// What to do with a batch.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Verdict {
    /// It is the next one.
    Append,
    /// It was appended before, at these offsets.
    Duplicate { base_offset: Offset, last_offset: Offset },
    /// Something is missing before it, or it is too old to be remembered.
    OutOfOrder,
    /// A newer epoch has written.
    Fenced,
}

/// How a producer tells its transactions apart.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) enum Protocol {
    /// Not at all: all transactions of one `InitProducerId` have the same epoch.
    #[default]
    Classic,
    /// By a new epoch for each (KIP-890 part 2); the marker carries the next one.
    EpochPerTransaction,
}

/// The end of a transaction, as its coordinator asks for it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Marker {
    pub(crate) producer_id: ProducerId,
    pub(crate) epoch: ProducerEpoch,
    pub(crate) control: ControlRecord,
    pub(crate) protocol: Protocol,
}

/// What to do with a marker.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum MarkerVerdict {
    /// It is written.
    Append,
    /// It was written before.
    Duplicate,
    /// A later coordinator has written.
    FencedCoordinator,
    /// The producer has a newer epoch, or goes on under this one.
    FencedProducer,
}

#[derive(Clone, Debug)]
struct Producer {
    epoch: ProducerEpoch,
    coordinator_epoch: i32,
    batches: VecDeque<SequencedBatch>,
    last_offset: Offset,
    last_timestamp: i64,
    open_since: Option<Offset>,
}

/// All producers of a partition, and its transactions.
#[derive(Clone, Debug, Default)]
pub(crate) struct Producers {
    /// Everything below is taken into account.
    end: Offset,
    by_id: BTreeMap<ProducerId, Producer>,
    /// Open transactions by their first record.
    open: BTreeMap<Offset, ProducerId>,
    /// In the order of their markers.
    aborted: VecDeque<AbortedTransaction>,
}

impl Producers {
    /// The memory that a snapshot describes.
    pub(crate) fn restore(snapshot: &ProducersSnapshot) -> Self {
        let mut producers =
            Self { end: snapshot.end, aborted: snapshot.aborted.iter().copied().collect(), ..Self::default() };
        for known in &snapshot.producers {
            if let Some(first) = known.open_since {
                producers.open.insert(first, known.producer_id);
            }
            let producer = Producer {
                epoch: known.epoch,
                coordinator_epoch: known.coordinator_epoch,
                batches: known.batches.iter().copied().collect(),
                last_offset: known.last_offset,
                last_timestamp: known.last_timestamp,
                open_since: known.open_since,
            };
            producers.by_id.insert(known.producer_id, producer);
        }
        producers
    }

    /// Everything, to be restored from.
    pub(crate) fn snapshot(&self) -> ProducersSnapshot {
        let producer = |(id, producer): (&ProducerId, &Producer)| ProducerSnapshot {
            producer_id: *id,
            epoch: producer.epoch,
            coordinator_epoch: producer.coordinator_epoch,
            last_offset: producer.last_offset,
            last_timestamp: producer.last_timestamp,
            open_since: producer.open_since,
            batches: producer.batches.iter().copied().collect(),
        };
        ProducersSnapshot {
            end: self.end,
            producers: self.by_id.iter().map(producer).collect(),
            aborted: self.aborted.iter().copied().collect(),
        }
    }

    /// Judges a batch before it is appended.
    pub(crate) fn check(&self, batch: Sequenced) -> Verdict {
        // Of a producer that is not remembered any sequence is taken, as Kafka does: its state may have expired.
        let Some(producer) = self.by_id.get(&batch.producer_id) else { return Verdict::Append };
        if batch.epoch < producer.epoch {
            return Verdict::Fenced;
        }
        if batch.first < 0 {
            // Offsets that a coordinator appends for a producer have no sequence.
            return Verdict::Append;
        }
        if batch.epoch > producer.epoch {
            return if batch.first == 0 { Verdict::Append } else { Verdict::OutOfOrder };
        }
        let is_same =
            |known: &&SequencedBatch| known.first_sequence == batch.first && known.last_sequence == batch.last;
        if let Some(known) = producer.batches.iter().find(is_same) {
            return Verdict::Duplicate { base_offset: known.base_offset, last_offset: known.last_offset };
        }
        // Where a marker began the epoch its first batch is still to come.
        let expected = producer.batches.back().map_or(0, |known| next_sequence(known.last_sequence));
        if batch.first == expected { Verdict::Append } else { Verdict::OutOfOrder }
    }

    /// Judges a marker before it is appended.
    pub(crate) fn check_marker(&self, marker: &Marker) -> MarkerVerdict {
        let Some(producer) = self.by_id.get(&marker.producer_id) else { return MarkerVerdict::Append };
        let is_replaced = marker.control.coordinator_epoch < producer.coordinator_epoch;
        if is_replaced && !mutation::is_on(Mutation::MarkerWithoutCoordinatorEpoch) {
            return MarkerVerdict::FencedCoordinator;
        }
        if marker.epoch < producer.epoch {
            return MarkerVerdict::FencedProducer;
        }
        let is_same = marker.epoch == producer.epoch;
        match (producer.open_since, marker.protocol) {
            // The epoch of a marker is above that of its transaction: this one ended an earlier transaction.
            (Some(_), Protocol::EpochPerTransaction) if is_same => MarkerVerdict::FencedProducer,
            // Nothing is open, and the same coordinator has ended what was.
            (None, _) if is_same && marker.control.coordinator_epoch == producer.coordinator_epoch => {
                MarkerVerdict::Duplicate
            }
            _ => MarkerVerdict::Append,
        }
    }

    /// Whether a batch with this epoch continues a transaction that is open here.
    pub(crate) fn is_open(&self, producer_id: ProducerId, epoch: ProducerEpoch) -> bool {
        self.by_id.get(&producer_id).is_some_and(|known| known.epoch == epoch && known.open_since.is_some())
    }

    /// Whether the producer has a newer epoch than this one.
    pub(crate) fn is_fenced(&self, producer_id: ProducerId, epoch: ProducerEpoch) -> bool {
        self.by_id.get(&producer_id).is_some_and(|known| known.epoch > epoch)
    }

    /// Epoch of the coordinator that wrote a producer's latest marker, -1 before the first.
    pub(crate) fn coordinator_epoch(&self, producer_id: ProducerId) -> i32 {
        self.by_id.get(&producer_id).map_or(-1, |known| known.coordinator_epoch)
    }

    /// The first record of an open transaction.
    pub(crate) fn first_open(&self) -> Option<Offset> {
        self.open.first_key_value().map(|(offset, _)| *offset)
    }

    /// The aborted transactions that have records or their marker at or above `from`, and records below `to`.
    pub(crate) fn aborted_between(&self, from: Offset, to: Offset) -> Vec<AbortedTransaction> {
        let first = self.aborted.partition_point(|aborted| aborted.last_offset < from);
        self.aborted
            .range(first.min(self.aborted.len())..)
            .filter(|aborted| aborted.first_offset < to)
            .copied()
            .collect()
    }

    /// Forgets aborted transactions of which nothing is left.
    #[cfg_attr(not(test), expect(dead_code, reason = "retention is on its way"))]
    pub(crate) fn forget_below(&mut self, log_start: Offset) {
        while self.aborted.front().is_some_and(|aborted| aborted.last_offset < log_start) {
            self.aborted.pop_front();
        }
    }

    /// Takes a batch into account: one that was appended, has become durable, or is replayed. One that was already taken
    /// into account changes nothing.
    pub(crate) fn apply(&mut self, entry: &BatchEntry) {
        if entry.base_offset < self.end {
            return;
        }
        self.end = Offset(entry.last_offset.0.saturating_add(1));
        match entry.marker {
            _ if entry.producer_id == ProducerId::NONE => return,
            Some(control) => self.marked(entry, control),
            // Other control records are not about producers.
            None if entry.attributes.is_control() => return,
            None => self.wrote(entry),
        }
        if self.by_id.len() > PRODUCERS_PER_PARTITION_MAX {
            self.forget_some();
        }
    }

    fn wrote(&mut self, entry: &BatchEntry) {
        let producer = self.touch(entry);
        if entry.first_sequence >= 0 {
            if producer.batches.len() == PRODUCER_BATCHES_KEPT {
                producer.batches.pop_front();
            }
            producer.batches.push_back(SequencedBatch {
                first_sequence: entry.first_sequence,
                last_sequence: entry.last_sequence,
                base_offset: entry.base_offset,
                last_offset: entry.last_offset,
            });
        }
        let is_transactional =
            entry.attributes.is_transactional() && !mutation::is_on(Mutation::IndexWithoutTransactionFlags);
        if is_transactional && producer.open_since.is_none() {
            producer.open_since = Some(entry.base_offset);
            self.open.insert(entry.base_offset, entry.producer_id);
        }
    }

    fn marked(&mut self, entry: &BatchEntry, control: ControlRecord) {
        let producer = self.touch(entry);
        producer.coordinator_epoch = producer.coordinator_epoch.max(control.coordinator_epoch);
        let Some(first_offset) = producer.open_since.take() else { return };
        self.open.remove(&first_offset);
        if control.kind == MarkerKind::Abort {
            let (producer_id, last_offset) = (entry.producer_id, entry.last_offset);
            self.aborted.push_back(AbortedTransaction { producer_id, first_offset, last_offset });
        }
    }

    fn touch(&mut self, entry: &BatchEntry) -> &mut Producer {
        let producer = self.by_id.entry(entry.producer_id).or_insert_with(|| Producer {
            epoch: entry.producer_epoch,
            coordinator_epoch: -1,
            batches: VecDeque::new(),
            last_offset: entry.last_offset,
            last_timestamp: entry.max_timestamp,
            open_since: None,
        });
        if entry.producer_epoch != producer.epoch {
            producer.epoch = entry.producer_epoch;
            producer.batches.clear();
        }
        producer.last_offset = entry.last_offset;
        producer.last_timestamp = entry.max_timestamp;
        producer
    }

    /// Forgets those that wrote longest ago; never one whose transaction is open.
    fn forget_some(&mut self) {
        let idle = self.by_id.iter().filter(|(_, producer)| producer.open_since.is_none());
        let mut idle: Vec<(Offset, ProducerId)> = idle.map(|(id, producer)| (producer.last_offset, *id)).collect();
        idle.sort_unstable();
        for (_, id) in idle.into_iter().take(PRODUCERS_FORGOTTEN_AT_ONCE) {
            self.by_id.remove(&id);
        }
    }
}

/// Sequence numbers wrap from 2^31-1 to 0.
fn next_sequence(last: i32) -> i32 {
    last.checked_add(1).unwrap_or(0)
}

#[cfg(test)]
mod tests;
