//! Transactions of a partition that this broker leads: where they begin, where they end, and what readers see of them.
//!
//! Invariant: a transaction begins here only with a batch whose producer's coordinator has said that the partition belongs to
//! it, and only if no marker was written between the question and the batch (KIP-890).

use std::collections::BTreeMap;
use std::sync::Arc;

use broker_log::ProducerSnapshot;
use broker_record::{Offset, ProducerEpoch, ProducerId};

use super::{Partition, State};
use crate::limits::VERIFICATIONS_PER_PARTITION_MAX;
use crate::log::{Reserved, Ticket, Wal};
use crate::topic::producers::{Marker, MarkerVerdict};
use crate::topic::{Isolation, PartitionError};

/// Questions to coordinators that are on their way, and answers whose batches are still to come.
#[derive(Debug, Default)]
pub(super) struct Verifications {
    asked: u64,
    by_producer: BTreeMap<ProducerId, Asked>,
}

#[derive(Clone, Copy, Debug)]
struct Asked {
    number: u64,
    epoch: ProducerEpoch,
    confirmed: bool,
}

/// Whether a coordinator has to be asked before a batch is appended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Verification {
    /// The transaction is open here already.
    NotNeeded,
    /// Ask, then say [`Partition::verified`] under this number.
    Ask(u64),
    /// Too many are being asked about; try again.
    Busy,
}

/// What became of a coordinator's word.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Verified {
    /// The producer may begin its transaction here.
    Yes,
    /// A marker was written meanwhile, or the coordinator was replaced: the word counts for nothing.
    TooLate,
}

/// What became of a marker.
#[derive(Debug)]
pub(crate) enum Marked {
    /// It has its place; durable when the ticket says so.
    At(Offset, Ticket),
    /// It had its place already; durable when the ticket says so, or at once without one.
    Before(Option<Ticket>),
    /// A later coordinator has written.
    FencedCoordinator,
    /// The producer has a newer epoch, or goes on under this one.
    FencedProducer,
}

impl Partition {
    /// Whether the coordinator has to be asked before a batch of this producer is appended.
    ///
    /// # Errors
    /// [`PartitionError::NotLeader`] once the partition was given up.
    pub(crate) fn verification(
        &self,
        producer_id: ProducerId,
        epoch: ProducerEpoch,
    ) -> Result<Verification, PartitionError> {
        let mut state = self.state();
        if !state.open {
            return Err(self.not_leader());
        }
        if state.producers.is_open(producer_id, epoch) || state.producers.is_fenced(producer_id, epoch) {
            return Ok(Verification::NotNeeded);
        }
        let verifications = &mut state.verifications;
        let known = verifications.by_producer.contains_key(&producer_id);
        if !known && verifications.by_producer.len() >= VERIFICATIONS_PER_PARTITION_MAX {
            // What was confirmed and never followed by a batch makes room; it is asked about again.
            verifications.by_producer.retain(|_, asked| !asked.confirmed);
            if verifications.by_producer.len() >= VERIFICATIONS_PER_PARTITION_MAX {
                return Ok(Verification::Busy);
            }
        }
        verifications.asked += 1;
        let number = verifications.asked;
        verifications.by_producer.insert(producer_id, Asked { number, epoch, confirmed: false });
        Ok(Verification::Ask(number))
    }

    /// A coordinator with this epoch has said that the partition belongs to the producer's transaction.
    pub(crate) fn verified(&self, producer_id: ProducerId, number: u64, coordinator_epoch: i32) -> Verified {
        let mut state = self.state();
        // A coordinator that was replaced does not know how its successor ended the transaction.
        let replaced = coordinator_epoch < state.producers.coordinator_epoch(producer_id);
        match state.verifications.by_producer.get_mut(&producer_id) {
            Some(asked) if asked.number == number && !replaced => {
                asked.confirmed = true;
                Verified::Yes
            }
            _ => Verified::TooLate,
        }
    }

    /// The coordinator does not confirm, or does not answer.
    pub(crate) fn not_verified(&self, producer_id: ProducerId, number: u64) {
        let mut state = self.state();
        if state.verifications.by_producer.get(&producer_id).is_some_and(|asked| asked.number == number) {
            state.verifications.by_producer.remove(&producer_id);
        }
    }

    /// Writes the end of a transaction.
    ///
    /// # Errors
    /// [`PartitionError::NotLeader`] once the partition was given up.
    pub(crate) fn mark(
        self: &Arc<Self>,
        marker: &Marker,
        now_ms: i64,
        wal: &Wal,
        reserved: Reserved,
    ) -> Result<Marked, PartitionError> {
        let mut state = self.state();
        if !state.open {
            return Err(self.not_leader());
        }
        let verdict = state.producers.check_marker(marker);
        match verdict {
            MarkerVerdict::FencedCoordinator => return Ok(Marked::FencedCoordinator),
            MarkerVerdict::FencedProducer => return Ok(Marked::FencedProducer),
            MarkerVerdict::Duplicate | MarkerVerdict::Append => {}
        }
        // A batch whose transaction was confirmed before this comes too late.
        state.verifications.by_producer.remove(&marker.producer_id);
        if verdict == MarkerVerdict::Duplicate {
            // The original is durable when everything that is in flight now is.
            return Ok(Marked::Before(state.in_flight.back().map(|(_, ticket)| ticket.clone())));
        }
        let batch = marker.control.to_batch(marker.producer_id, marker.epoch, now_ms);
        let (base, ticket) = self.place(&mut state, &batch, Some(marker.control), wal, reserved)?;
        Ok(Marked::At(base, ticket))
    }

    /// The end that a reader sees.
    ///
    /// # Errors
    /// [`PartitionError::NotLeader`] once the partition was given up.
    pub(crate) fn end(&self, isolation: Isolation) -> Result<Offset, PartitionError> {
        let state = self.state();
        match isolation {
            _ if !state.open => Err(self.not_leader()),
            Isolation::ReadUncommitted => Ok(state.index.end()),
            // The first records of an open transaction may have been deleted.
            Isolation::ReadCommitted => Ok(state.last_stable_offset().max(self.manifests.newest().log_start)),
        }
    }

    /// The producers that are remembered, by what is durable.
    ///
    /// # Errors
    /// [`PartitionError::NotLeader`] once the partition was given up.
    pub(crate) fn producers(&self) -> Result<Vec<ProducerSnapshot>, PartitionError> {
        let state = self.state();
        if state.open { Ok(state.durable_producers.snapshot().producers) } else { Err(self.not_leader()) }
    }
}

impl State {
    /// Whether a transactional batch may be appended: it continues a transaction, or begins one that was confirmed.
    pub(super) fn may_begin(&mut self, producer_id: ProducerId, epoch: ProducerEpoch) -> bool {
        if self.producers.is_open(producer_id, epoch) {
            return true;
        }
        let confirmed = |asked: &&Asked| asked.confirmed && asked.epoch == epoch;
        let may = self.verifications.by_producer.get(&producer_id).filter(confirmed).is_some();
        if may {
            self.verifications.by_producer.remove(&producer_id);
        }
        may
    }
}
