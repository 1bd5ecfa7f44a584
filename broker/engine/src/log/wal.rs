//! Writing this incarnation's write-ahead log.
//!
//! Invariants: numbers are filled one after the other and never skipped; object *n* is acknowledged only when every object
//! up to *n* is durable; bytes are fixed before the first attempt; when somebody else stands at one of the numbers, this
//! incarnation has been sealed and acknowledges nothing any more.

use std::collections::{BTreeMap, VecDeque};
use std::mem;
use std::sync::atomic::{AtomicU32, AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use broker_log::limits::{REPEAT_EVERY, REPEATED_BYTES_MAX};
use broker_log::wal::repeated_len;
use broker_log::{Incarnation, Origin, Repeats, WalBuilder, WalIndex};
use broker_record::{ControlRecord, PlacedBatch};
use broker_store::mutation::{Mutation, is_on};
use broker_store::{Filled, Frozen, Nonce, Patience, Sequence};
use bytes::Bytes;
use tokio::sync::{Notify, watch};
use tokio_util::sync::CancellationToken;
use tracing::{error, warn};
use uuid::Uuid;

use super::ObjectRef;
use super::flush::{Buffered, Decision, FlushPolicy};
use super::held::Held;
use super::memory::Reserved;
use super::objects::Objects;
use super::store_age::StoreAge;
use crate::env::{Env, TaskSet};
use crate::limits::WAL_OBJECTS_MAX;
use crate::status::Counters;
use crate::topic::{Partition, PartitionId};

/// Says when a batch is durable: true then, an error when it never will be through this incarnation.
pub(crate) type Ticket = watch::Receiver<bool>;

/// The buffer in front of the log; a cheap handle.
#[derive(Clone, Debug)]
pub(crate) struct Wal {
    shared: Arc<Shared>,
}

#[derive(Debug)]
struct Shared {
    queue: Mutex<Queue>,
    wake: Notify,
    /// The first number whose object is not acknowledged.
    acknowledged: AtomicU64,
    /// The first number that is kept.
    floor: AtomicU64,
    held: Mutex<Held>,
    /// Requests that folding costs and the budget does not know of yet.
    owed: AtomicU32,
}

#[derive(Debug)]
struct Queue {
    /// Objects that are full and wait for their PUT; bounded by the memory reserved for their batches.
    full: VecDeque<Pending>,
    open: Pending,
    closed: bool,
}

/// An object that is being collected.
#[derive(Debug)]
struct Pending {
    builder: WalBuilder,
    partitions: BTreeMap<PartitionId, Arc<Partition>>,
    reserved: Vec<Reserved>,
    /// Batches since the writer last looked.
    fresh: usize,
    /// Somebody waits for this number to be filled, with whatever is in it.
    barrier: Option<u128>,
    done: watch::Sender<bool>,
}

/// An object on its way.
struct Sent {
    index: WalIndex,
    bytes: Bytes,
    partitions: BTreeMap<PartitionId, Arc<Partition>>,
    _reserved: Vec<Reserved>,
    done: watch::Sender<bool>,
    durable: bool,
}

/// Why a writer ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Ended {
    /// Somebody else stands at one of its numbers.
    Sealed,
    /// It was told to.
    Cancelled,
}

impl Wal {
    pub(crate) fn new() -> Self {
        let queue = Queue { full: VecDeque::new(), open: Pending::new(), closed: false };
        let shared = Shared {
            queue: Mutex::new(queue),
            wake: Notify::new(),
            acknowledged: AtomicU64::new(0),
            floor: AtomicU64::new(0),
            held: Mutex::default(),
            owed: AtomicU32::new(0),
        };
        Self { shared: Arc::new(shared) }
    }

    /// Puts a batch into the buffer; none once the log is closed. The caller holds the partition's lock.
    ///
    /// `marker` repeats what a control batch says.
    pub(crate) fn append(
        &self,
        partition: &Arc<Partition>,
        batch: PlacedBatch,
        marker: Option<ControlRecord>,
        reserved: Reserved,
    ) -> Option<Ticket> {
        let mut queue = self.queue();
        if queue.closed {
            return None;
        }
        let full = queue.open.builder.body_len().saturating_add(batch.len()) > broker_log::limits::WAL_OBJECT_BYTES_MAX;
        if full && !queue.open.builder.is_empty() {
            let open = mem::replace(&mut queue.open, Pending::new());
            queue.full.push_back(open);
        }
        let id = partition.id;
        queue.open.partitions.entry(id).or_insert_with(|| Arc::clone(partition));
        queue.open.builder.push(id.topic, id.partition, batch, marker);
        queue.open.reserved.push(reserved);
        queue.open.fresh += 1;
        let ticket = queue.open.done.subscribe();
        drop(queue);
        self.shared.wake.notify_one();
        Some(ticket)
    }

    /// Fills one more number, and waits until it and everything before it is durable; the number after the last object, or
    /// none when that will never be.
    ///
    /// A copy of this process may write the same log and have acknowledged what is not known here: whoever fills a number
    /// first excludes the other. `tag` tells what is written for, as two copies may draw the same nonce.
    pub(crate) async fn barrier(&self, tag: u128) -> Option<u64> {
        let mut ticket = {
            let mut queue = self.queue();
            if queue.closed {
                return None;
            }
            let others = queue.open.barrier.unwrap_or_default();
            queue.open.barrier = Some(others.rotate_left(1) ^ tag);
            queue.open.done.subscribe()
        };
        self.shared.wake.notify_one();
        ticket.wait_for(|durable| *durable).await.ok()?;
        Some(self.acknowledged())
    }

    /// The first number whose object is not acknowledged.
    pub(crate) fn acknowledged(&self) -> u64 {
        self.shared.acknowledged.load(Ordering::Acquire)
    }

    /// The first number that is kept.
    pub(crate) fn floor(&self) -> u64 {
        self.shared.floor.load(Ordering::Acquire)
    }

    /// Metadata has raised the floor.
    pub(crate) fn trimmed(&self, floor: u64) {
        self.shared.floor.fetch_max(floor, Ordering::AcqRel);
        self.shared.wake.notify_one();
    }

    /// Folding costs as many requests: small objects are written more rarely for a while.
    pub(crate) fn owe(&self, puts: u32) {
        self.shared.owed.fetch_add(puts, Ordering::Relaxed);
    }

    /// What the log holds.
    pub(crate) fn held(&self) -> MutexGuard<'_, Held> {
        self.shared.held.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Takes nothing more; tickets of what was not written fail, and the memory that it held is free.
    pub(crate) fn close(&self) {
        let mut queue = self.queue();
        queue.closed = true;
        queue.full.clear();
        queue.open = Pending::new();
    }

    fn queue(&self) -> MutexGuard<'_, Queue> {
        self.shared.queue.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Pending {
    fn new() -> Self {
        Self {
            builder: WalBuilder::default(),
            partitions: BTreeMap::new(),
            reserved: Vec::new(),
            fresh: 0,
            barrier: None,
            done: watch::Sender::new(false),
        }
    }
}

/// The task that writes the log.
pub(crate) struct Writer {
    pub(crate) wal: Wal,
    pub(crate) policy: FlushPolicy,
    pub(crate) sequence: Sequence,
    pub(crate) cluster: Uuid,
    pub(crate) incarnation: Incarnation,
    pub(crate) objects: Objects,
    pub(crate) env: Env,
    pub(crate) counters: Arc<Counters>,
    pub(crate) store_age: Arc<StoreAge>,
    /// Repeated PUTs of this store that the budget knows of.
    pub(crate) hedges: u64,
    /// Indexes since the last object that repeated them, and their bytes.
    pub(crate) repeatable: Vec<WalIndex>,
    pub(crate) repeatable_bytes: usize,
}

impl Writer {
    /// Writes until sealed or cancelled; nothing is acknowledged afterwards.
    pub(crate) async fn run(mut self, cancel: CancellationToken) -> Ended {
        let mut puts = TaskSet::new(&self.env);
        let mut sent = BTreeMap::new();
        let mut next = 0;
        let ended = loop {
            let wait_until = match self.decide(next, puts.len()) {
                Decision::Flush => {
                    self.send(next, &mut puts, &mut sent, &cancel);
                    next += 1;
                    continue;
                }
                Decision::WaitUntil(at) => Some(at),
                Decision::Wait => None,
            };
            let pause = wait_until.map(|at| at.saturating_sub(self.env.monotonic()));
            tokio::select! {
                biased;
                () = cancel.cancelled() => break Ended::Cancelled,
                Some(landed) = puts.join_next() => match landed {
                    Ok(Some((seq, Filled::Mine))) => {
                        self.store_age.landed(self.env.monotonic(), puts.len());
                        self.landed(seq, &mut sent);
                    }
                    Ok(Some((seq, Filled::Other(bytes)))) if is_on(Mutation::SkipNumberOnUnknown) && bytes.is_empty() => {
                        sent.remove(&seq);
                    }
                    Ok(Some((seq, Filled::Other(_)))) => {
                        warn!(incarnation = %self.incarnation, seq, "write-ahead log is sealed: this incarnation ends");
                        break Ended::Sealed;
                    }
                    Ok(None) => break Ended::Cancelled,
                    Err(error) => {
                        error!(%error, "a PUT task failed: this incarnation ends");
                        break Ended::Sealed;
                    }
                },
                () = self.wal.shared.wake.notified() => {}
                () = tokio::time::sleep(pause.unwrap_or_default()), if pause.is_some() => {}
            }
        };
        self.wal.close();
        ended
    }

    /// What the object of a number says about those before it.
    fn repeats(&mut self, seq: u64) -> Repeats {
        if !seq.saturating_add(1).is_multiple_of(REPEAT_EVERY) {
            return Repeats::default();
        }
        self.repeatable_bytes = 0;
        Repeats { acknowledged: self.wal.acknowledged(), indexes: mem::take(&mut self.repeatable) }
    }

    /// Keeps an index for the object that repeats it; too many are read one by one by whoever takes over.
    fn note(&mut self, index: &WalIndex) {
        let repeats_itself = index.origin.seq.saturating_add(1).is_multiple_of(REPEAT_EVERY);
        let bytes = self.repeatable_bytes.saturating_add(repeated_len(index));
        if !repeats_itself && bytes <= REPEATED_BYTES_MAX {
            self.repeatable_bytes = bytes;
            self.repeatable.push(index.clone());
        }
    }

    fn decide(&mut self, next: u64, in_flight: usize) -> Decision {
        // Whoever takes over reads everything above the floor: it must not be without bound.
        if next.saturating_sub(self.wal.floor()) >= WAL_OBJECTS_MAX {
            return Decision::Wait;
        }
        let now = self.env.monotonic();
        let hedges = self.sequence.store().counts().hedges;
        self.policy.spent(now, u32::try_from(hedges.saturating_sub(self.hedges)).unwrap_or(u32::MAX));
        self.hedges = hedges;
        self.policy.owe(now, self.wal.shared.owed.swap(0, Ordering::Relaxed));
        let mut queue = self.wal.queue();
        let at_once = match queue.full.front() {
            Some(full) => Some(full.builder.body_len()),
            None => queue.open.barrier.map(|_| queue.open.builder.body_len()),
        };
        let buffered = match at_once {
            Some(bytes) => Buffered { bytes: bytes.max(crate::limits::FLUSH_BYTES_AT_ONCE), ..Buffered::default() },
            None => Buffered {
                bytes: queue.open.builder.body_len(),
                batches: queue.open.reserved.len(),
                grew: mem::take(&mut queue.open.fresh) > 0,
            },
        };
        drop(queue);
        self.policy.decide(now, buffered, in_flight)
    }

    fn send(
        &mut self,
        seq: u64,
        puts: &mut TaskSet<Option<(u64, Filled)>>,
        sent: &mut BTreeMap<u64, Sent>,
        cancel: &CancellationToken,
    ) {
        let pending = {
            let mut queue = self.wal.queue();
            match queue.full.pop_front() {
                Some(full) => full,
                None => mem::replace(&mut queue.open, Pending::new()),
            }
        };
        let origin = Origin { cluster: self.cluster, incarnation: self.incarnation, seq };
        let nonce = self.env.uuid().as_u128() ^ pending.barrier.unwrap_or_default();
        let (bytes, index) = pending.builder.build_repeating(origin, nonce, &self.repeats(seq));
        self.note(&index);
        let now = self.env.monotonic();
        self.policy.flushed(now, bytes.len());
        self.store_age.sent(now);
        let object = Sent {
            index,
            bytes: bytes.clone(),
            partitions: pending.partitions,
            _reserved: pending.reserved,
            done: pending.done,
            durable: false,
        };
        sent.insert(seq, object);
        let (sequence, cancel) = (self.sequence.clone(), cancel.clone());
        puts.spawn(async move { put(&sequence, seq, nonce, bytes, &cancel).await.map(|filled| (seq, filled)) });
    }

    /// Acknowledges what is contiguous.
    fn landed(&self, seq: u64, sent: &mut BTreeMap<u64, Sent>) {
        if is_on(Mutation::WatermarkIsHighestCreated) {
            sent.range_mut(..=seq).for_each(|(_, object)| object.durable = true);
        }
        if let Some(object) = sent.get_mut(&seq) {
            object.durable = true;
        }
        while let Some(first) = sent.first_entry()
            && first.get().durable
        {
            let (seq, object) = first.remove_entry();
            self.acknowledge(seq, object);
        }
    }

    fn acknowledge(&self, seq: u64, object: Sent) {
        let place = ObjectRef { incarnation: self.incarnation, seq };
        self.counters.wrote(object.bytes.len(), &object.index);
        self.objects.keep_tail(place, object.bytes);
        for slice in &object.index.slices {
            self.wal.held().add(seq, slice);
            let id = PartitionId { topic: slice.topic, partition: slice.partition };
            if let Some(partition) = object.partitions.get(&id)
                && partition.durable(slice, place)
            {
                // Folding it will take a manifest.
                self.wal.owe(1);
            }
        }
        self.wal.shared.acknowledged.store(seq.saturating_add(1), Ordering::Release);
        object.done.send_replace(true);
    }
}

/// Fills a number, however long the store takes; none when cancelled.
async fn put(sequence: &Sequence, seq: u64, nonce: u128, bytes: Bytes, cancel: &CancellationToken) -> Option<Filled> {
    let frozen = match Frozen::new(Nonce(nonce), bytes) {
        Ok(frozen) => frozen,
        Err(error) => {
            error!(%error, seq, "object was not built as it should be");
            return None;
        }
    };
    // Patience without end: the same bytes at the same number until it is occupied. No other content may stand there, and
    // nobody is told anything before.
    let skips = is_on(Mutation::SkipNumberOnUnknown);
    let patience = if skips { Patience::bounded(Duration::ZERO) } else { Patience::forever() };
    let filled = tokio::select! {
        biased;
        () = cancel.cancelled() => return None,
        filled = sequence.fill(seq, &frozen, patience) => filled,
    };
    if is_on(Mutation::SkipNumberOnUnknown) && filled.is_err() {
        return Some(Filled::Other(Bytes::new()));
    }
    filled.inspect_err(|unfilled| error!(error = %unfilled, seq, "patience without end ended")).ok()
}
