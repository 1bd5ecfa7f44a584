//! A partition that this broker leads.
//!
//! Invariants: offsets are assigned densely, under one lock, in the order in which batches enter the write-ahead log; the
//! high watermark is the end of the index, which only durable objects extend.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use broker_log::Slice;
use broker_record::{Batch, LeaderEpoch, Offset};
use tracing::error;
use uuid::Uuid;

use super::producers::{Producers, Sequenced, Verdict};
use super::waiters::{Waiter, Waiters};
use super::{LeaderHint, PartitionError};
use crate::log::{Index, ObjectRef, Span, Ticket, Wal};

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
    leader: i32,
    state: Mutex<State>,
}

#[derive(Debug)]
struct State {
    /// The offset that the next record gets.
    end: Offset,
    index: Index,
    producers: Producers,
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
}

/// What a reader sees of a partition at one moment.
#[derive(Clone, Debug)]
pub(crate) struct View {
    pub(crate) high_watermark: Offset,
    pub(crate) log_start: Offset,
    pub(crate) spans: Vec<Span>,
}

impl Partition {
    /// A partition whose log holds what `index` and `producers` describe.
    pub(crate) fn new(
        id: PartitionId,
        leader_epoch: LeaderEpoch,
        leader: i32,
        index: Index,
        producers: Producers,
    ) -> Self {
        let state = State {
            end: index.end(),
            index,
            producers,
            in_flight: std::collections::VecDeque::new(),
            waiting: Waiters::default(),
            open: true,
        };
        Self { id, leader_epoch, leader, state: Mutex::new(state) }
    }

    /// Gives a batch its place and puts it into the log's buffer.
    ///
    /// # Errors
    /// [`PartitionError::NotLeader`] once the partition was given up.
    pub(crate) fn append(
        self: &Arc<Self>,
        batch: &Batch,
        wal: &Wal,
        reserved: crate::log::Reserved,
    ) -> Result<Placed, PartitionError> {
        let mut state = self.state();
        if !state.open {
            return Err(self.not_leader());
        }
        let header = batch.header();
        let sequenced = (header.is_idempotent() && !header.attributes.is_control()).then(|| Sequenced {
            producer_id: header.producer_id,
            epoch: header.producer_epoch,
            first: header.base_sequence,
            last: header.last_sequence(),
        });
        match sequenced.map_or(Verdict::Append, |batch| state.producers.check(batch)) {
            Verdict::OutOfOrder => return Ok(Placed::OutOfOrder),
            Verdict::Fenced => return Ok(Placed::Fenced),
            Verdict::Duplicate { base_offset, last_offset } => {
                let original =
                    state.in_flight.iter().find(|(end, _)| *end > last_offset).map(|(_, ticket)| ticket.clone());
                return Ok(original.map_or(Placed::Before(base_offset), |ticket| Placed::At(base_offset, ticket)));
            }
            Verdict::Append => {}
        }
        let base = state.end;
        let placed = batch.place(base, self.leader_epoch);
        let (last, next) = (placed.header.last_offset(), placed.header.next_offset());
        let ticket = wal.append(self, placed, reserved).ok_or_else(|| self.not_leader())?;
        state.end = next;
        state.in_flight.push_back((next, ticket.clone()));
        if let Some(batch) = sequenced {
            state.producers.appended(batch, base, last);
        }
        Ok(Placed::At(base, ticket))
    }

    /// Batches have become durable, and everything before them.
    pub(crate) fn durable(&self, slice: &Slice, object: ObjectRef) {
        let mut state = self.state();
        if let Err(gap) = state.index.push(Span::of(slice, object)) {
            // Cannot be: the log acknowledges in the order in which offsets were assigned.
            error!(topic = %self.id.topic, partition = self.id.partition, ?gap, "log is not dense: partition is closed");
            state.open = false;
        }
        let high_watermark = state.index.end();
        while state.in_flight.front().is_some_and(|(end, _)| *end <= high_watermark) {
            state.in_flight.pop_front();
        }
        state.waiting.wake();
    }

    /// Gives the partition up: nothing is appended or served any more.
    pub(crate) fn close(&self) -> Offset {
        let mut state = self.state();
        state.open = false;
        state.waiting.wake();
        state.end
    }

    /// Whether it is served.
    pub(crate) fn is_open(&self) -> bool {
        self.state().open
    }

    /// The spans that hold `bytes_max` bytes from `offset` on, at least one if there is any; none past the end.
    ///
    /// # Errors
    /// [`PartitionError::NotLeader`] once the partition was given up.
    pub(crate) fn view(&self, offset: Offset, bytes_max: usize) -> Result<View, PartitionError> {
        let state = self.state();
        if !state.open {
            return Err(self.not_leader());
        }
        let mut bytes = 0_usize;
        let mut spans = Vec::new();
        for span in state.index.from(offset) {
            if bytes >= bytes_max && !spans.is_empty() {
                break;
            }
            bytes = bytes.saturating_add(usize::try_from(span.length).unwrap_or(usize::MAX));
            spans.push(*span);
        }
        Ok(View { high_watermark: state.index.end(), log_start: Offset(0), spans })
    }

    /// Asks the index.
    ///
    /// # Errors
    /// [`PartitionError::NotLeader`] once the partition was given up.
    pub(crate) fn look_up<T>(&self, question: impl FnOnce(&Index) -> T) -> Result<T, PartitionError> {
        let state = self.state();
        if state.open { Ok(question(&state.index)) } else { Err(self.not_leader()) }
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
