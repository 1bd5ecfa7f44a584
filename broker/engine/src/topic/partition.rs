//! A partition that this broker leads.
//!
//! Its records lie in segments, which the manifest names, and above those in objects of write-ahead logs, which the index
//! names.
//!
//! Invariants: offsets are assigned densely, under one lock, in the order in which batches enter the write-ahead log; the
//! high watermark is the end of the index, which only durable objects extend; no marker of a transaction is seen before it
//! is durable.

mod places;
mod transactions;

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use broker_log::{AbortedTransaction, BatchEntry, EpochStart, Slice};
use broker_record::{Batch, ControlRecord, LeaderEpoch, Offset};
use broker_store::mutation::{Mutation, is_on};
use tracing::error;
use uuid::Uuid;

use super::producers::{Producers, Sequenced, Verdict};
use super::waiters::{Waiter, Waiters};
use super::{LeaderHint, PartitionError};
use crate::log::{Index, ManifestLog, ObjectRef, Place, Reserved, Span, Ticket, Wal};

pub(crate) use places::{Onlooker, Unfolded};
use transactions::Verifications;
pub(crate) use transactions::{Marked, Verification, Verified};

/// A partition's place in its topic.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(crate) struct PartitionId {
    pub(crate) topic: Uuid,
    pub(crate) partition: i32,
}

/// A partition that this broker leads.
#[derive(Debug)]
pub(crate) struct Partition {
    pub(crate) id: PartitionId,
    pub(crate) leader_epoch: LeaderEpoch,
    /// Its manifests; the segments they name make up the partition below the index.
    pub(crate) manifests: ManifestLog,
    leader: i32,
    state: Mutex<State>,
}

#[derive(Debug)]
struct State {
    /// The offset that the next record gets.
    end: Offset,
    index: Index,
    /// Where leader epochs began; both grow.
    epochs: Vec<EpochStart>,
    /// By everything that was appended.
    producers: Producers,
    /// By what is durable: what readers see of transactions, and what is written into manifests.
    durable_producers: Producers,
    verifications: Verifications,
    /// What was appended and is not durable: offset after each, and its ticket.
    in_flight: std::collections::VecDeque<(Offset, Ticket)>,
    /// Fetches to wake when something changes.
    waiting: Waiters,
    open: bool,
}

/// What became of a batch.
#[derive(Debug)]
pub(crate) enum Placed {
    /// It has its place; durable when the ticket says so.
    At(Offset, Ticket),
    /// It had its place already, and is durable.
    Before(Offset),
    /// Its sequence number is wrong.
    OutOfOrder,
    /// Its producer is fenced.
    Fenced,
    /// It would begin a transaction here that no coordinator has confirmed.
    Unverified,
}

/// What a reader sees of a partition at one moment.
#[derive(Clone, Debug)]
pub(crate) struct View {
    pub(crate) high_watermark: Offset,
    pub(crate) log_start: Offset,
    pub(crate) last_stable_offset: Offset,
    pub(crate) places: Vec<Place>,
    /// The aborted transactions among the records there; for those who read what is committed.
    pub(crate) aborted: Vec<AbortedTransaction>,
}

impl Partition {
    /// A partition whose log holds what the newest manifest, `index` and `producers` describe.
    pub(crate) fn new(
        id: PartitionId,
        leader_epoch: LeaderEpoch,
        leader: i32,
        manifests: ManifestLog,
        index: Index,
        producers: Producers,
    ) -> Self {
        let mut epochs = manifests.newest().epochs.clone();
        for span in index.unfolded() {
            extend(&mut epochs, span);
        }
        let state = State {
            end: index.end(),
            index,
            epochs,
            durable_producers: producers.clone(),
            producers,
            verifications: Verifications::default(),
            in_flight: std::collections::VecDeque::new(),
            waiting: Waiters::default(),
            open: true,
        };
        Self { id, leader_epoch, manifests, leader, state: Mutex::new(state) }
    }

    /// Gives a batch its place and puts it into the log's buffer.
    ///
    /// # Errors
    /// [`PartitionError::NotLeader`] once the partition was given up.
    pub(crate) fn append(
        self: &Arc<Self>,
        batch: &Batch,
        wal: &Wal,
        reserved: Reserved,
    ) -> Result<Placed, PartitionError> {
        let mut state = self.state();
        if !state.open {
            return Err(self.not_leader());
        }
        let header = batch.header();
        let sequenced = header.is_idempotent().then(|| Sequenced {
            producer_id: header.producer_id,
            epoch: header.producer_epoch,
            first: header.base_sequence,
            last: header.last_sequence(),
        });
        match sequenced.map_or(Verdict::Append, |batch| state.producers.check(batch)) {
            Verdict::OutOfOrder => return Ok(Placed::OutOfOrder),
            Verdict::Fenced => return Ok(Placed::Fenced),
            Verdict::Duplicate { base_offset, .. } if is_on(Mutation::DuplicateAcknowledgedAtOnce) => {
                return Ok(Placed::Before(base_offset));
            }
            Verdict::Duplicate { base_offset, last_offset } => {
                let original =
                    state.in_flight.iter().find(|(end, _)| *end > last_offset).map(|(_, ticket)| ticket.clone());
                return Ok(original.map_or(Placed::Before(base_offset), |ticket| Placed::At(base_offset, ticket)));
            }
            Verdict::Append => {}
        }
        if header.attributes.is_transactional() && !state.may_begin(header.producer_id, header.producer_epoch) {
            return Ok(Placed::Unverified);
        }
        let (base, ticket) = self.place(&mut state, batch, None, wal, reserved)?;
        Ok(Placed::At(base, ticket))
    }

    /// Puts a batch at the end, whatever it is.
    fn place(
        self: &Arc<Self>,
        state: &mut State,
        batch: &Batch,
        marker: Option<ControlRecord>,
        wal: &Wal,
        reserved: Reserved,
    ) -> Result<(Offset, Ticket), PartitionError> {
        let base = state.end;
        let placed = batch.place(base, self.leader_epoch);
        let entry = BatchEntry::of(&placed.header, marker, u32::try_from(placed.len()).unwrap_or(u32::MAX));
        let next = placed.header.next_offset();
        let ticket = wal.append(self, placed, marker, reserved).ok_or_else(|| self.not_leader())?;
        state.end = next;
        state.in_flight.push_back((next, ticket.clone()));
        state.producers.apply(&entry);
        Ok((base, ticket))
    }

    /// Batches have become durable, and everything before them; whether they are the first that have to be folded.
    pub(crate) fn durable(&self, slice: &Slice, object: ObjectRef) -> bool {
        let mut state = self.state();
        let all_folded = state.index.unfolded_bytes() == 0;
        let span = Span::of(slice, object);
        extend(&mut state.epochs, &span);
        if let Err(gap) = state.index.push(span) {
            // Cannot be: the log acknowledges in the order in which offsets were assigned.
            error!(topic = %self.id.topic, partition = self.id.partition, ?gap, "log is not dense: partition is closed");
            state.open = false;
        }
        for entry in &slice.batches {
            state.durable_producers.apply(entry);
        }
        let high_watermark = state.index.end();
        while state.in_flight.front().is_some_and(|(end, _)| *end <= high_watermark) {
            state.in_flight.pop_front();
        }
        state.waiting.wake();
        all_folded
    }

    /// Gives the partition up: nothing is appended or served any more.
    pub(crate) fn close(&self) -> Offset {
        let mut state = self.state();
        state.open = false;
        state.waiting.wake();
        state.end
    }

    /// Serves it again; only a deliberate mistake does.
    pub(crate) fn reopen(&self) {
        self.state().open = true;
    }

    /// Whether it is served.
    pub(crate) fn is_open(&self) -> bool {
        self.state().open
    }

    /// Wakes `waiter` at the next change.
    pub(crate) fn wake_at_change(&self, waiter: &Waiter) {
        self.state().waiting.add(waiter);
    }

    /// Compares the epoch a client believes in.
    ///
    /// # Errors
    /// [`PartitionError::FencedLeaderEpoch`] or [`PartitionError::UnknownLeaderEpoch`].
    pub(crate) fn check_epoch(&self, claimed: Option<i32>) -> Result<(), PartitionError> {
        match claimed {
            Some(epoch) if epoch >= 0 && epoch < self.leader_epoch.0 => {
                Err(PartitionError::FencedLeaderEpoch(self.hint()))
            }
            Some(epoch) if epoch > self.leader_epoch.0 => Err(PartitionError::UnknownLeaderEpoch),
            _ => Ok(()),
        }
    }

    /// This broker, as the leader.
    pub(crate) fn hint(&self) -> LeaderHint {
        LeaderHint { node_id: self.leader, leader_epoch: self.leader_epoch.0 }
    }

    fn not_leader(&self) -> PartitionError {
        PartitionError::NotLeader(LeaderHint { node_id: -1, leader_epoch: -1 })
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Notes where an epoch begins.
fn extend(epochs: &mut Vec<EpochStart>, span: &Span) {
    if epochs.last().is_none_or(|last| last.leader_epoch < span.leader_epoch) {
        epochs.push(EpochStart { leader_epoch: span.leader_epoch, start: span.base });
    }
}

impl State {
    /// The first record of an open transaction, else the high watermark.
    fn last_stable_offset(&self) -> Offset {
        self.durable_producers.first_open().unwrap_or_else(|| self.index.end())
    }
}
