//! Reading a partition from an offset on.

use std::collections::{BTreeMap, BTreeSet};
use std::ops::Range;
use std::sync::Arc;
use std::time::Duration;

use broker_log::AbortedTransaction;
use broker_record::{Batch, Offset};
use broker_store::mutation::{Mutation, is_on};
use bytes::Bytes;
use futures::StreamExt;
use futures::stream;
use thiserror::Error;
use tokio::time::{Instant, timeout_at};

use super::waiters::Waiter;
use super::{Partition, PartitionError, TopicRef};
use crate::life::Life;
use crate::limits::{FETCH_WAIT_MAX, OBJECT_READS_PER_FETCH_MAX, OPENING_WAIT_MAX, PLACES_MOVED_MAX, READ_AHEAD_BYTES};
use crate::log::{Pieces, Place, ReadError};

/// What a consumer wants to see of transactions.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Isolation {
    /// Everything below the high watermark.
    #[default]
    ReadUncommitted,
    /// Nothing at or beyond the first open transaction.
    ReadCommitted,
}

/// A fetch request.
#[derive(Clone, Debug)]
pub struct FetchRequest {
    /// How long to wait for `min_bytes`.
    pub max_wait: Duration,
    /// Answer when this many bytes are there, or when something else has to be said.
    pub min_bytes: usize,
    /// Bytes of the whole answer; the first batch of all comes even if it is larger.
    pub max_bytes: usize,
    /// Transactions.
    pub isolation: Isolation,
    /// The partitions; the outcomes come back in this order, and bytes are spent in this order.
    pub partitions: Vec<FetchPartition>,
}

/// One partition of a fetch request.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct FetchPartition {
    /// The topic.
    pub topic: TopicRef,
    /// The partition.
    pub partition: i32,
    /// The leader epoch the client believes in.
    pub current_leader_epoch: Option<i32>,
    /// The first offset wanted; the batch holding it comes whole.
    pub offset: i64,
    /// Bytes for this partition; its first batch comes even if it is larger, while the request's `max_bytes` lasts.
    pub max_bytes: usize,
}

/// The answer for one partition.
pub type FetchOutcome = Result<Fetched, FetchError>;

/// Records of one partition.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Fetched {
    /// Offset after the last record that is durable.
    pub high_watermark: i64,
    /// Offset of the first record of an open transaction, else the high watermark.
    pub last_stable_offset: i64,
    /// The transactions among the records that were aborted; for [`Isolation::ReadCommitted`] only.
    pub aborted: Vec<AbortedTransaction>,
    /// The first offset that the partition still has.
    pub log_start_offset: i64,
    /// Whole batches in order of offset; slices of cached objects. Empty when there is nothing yet.
    pub records: Vec<Bytes>,
}

/// Why a partition has no records for this request.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
pub enum FetchError {
    /// The partition is not served here.
    #[error(transparent)]
    Partition(#[from] PartitionError),
    /// The offset is below the log's start or above its end.
    #[error("offset is not between {log_start_offset} and {high_watermark}")]
    OffsetOutOfRange {
        /// The first offset that the partition still has.
        log_start_offset: i64,
        /// Offset after the last record.
        high_watermark: i64,
    },
}

/// What is read for one partition.
struct Plan {
    partition: Arc<Partition>,
    offset: Offset,
    bytes_max: usize,
    /// Nothing at or beyond it is shown.
    end: Offset,
    high_watermark: Offset,
    last_stable_offset: Offset,
    log_start: Offset,
    places: Vec<Place>,
    aborted: Vec<AbortedTransaction>,
}

/// What was read, by plan and place.
type Read = BTreeMap<(usize, usize), Result<Pieces, ReadError>>;

impl Life {
    /// Reads, waiting until there is enough to say.
    pub(crate) async fn fetch(&self, mut request: FetchRequest) -> Vec<FetchOutcome> {
        let deadline = Instant::now() + request.max_wait.min(FETCH_WAIT_MAX);
        // One for all partitions: those that are being taken over keep the others waiting once.
        let opened_by = deadline.min(Instant::now() + OPENING_WAIT_MAX);
        let waiter = self.waiters.waiter();
        let mut moved = 0;
        loop {
            let (outcomes, again) = self.read_all(&request, &waiter, opened_by).await;
            if !again.further.is_empty() {
                // Compaction has left nothing of what was asked for: what follows it is the answer.
                for (number, offset) in again.further {
                    if let Some(wanted) = request.partitions.get_mut(number) {
                        wanted.offset = offset.0;
                    }
                }
                continue;
            }
            // Folded between looking and reading: it is read where it lies now.
            if again.moved && moved < PLACES_MOVED_MAX {
                moved += 1;
                continue;
            }
            let bytes: usize = outcomes.iter().flatten().flat_map(|one| &one.records).map(Bytes::len).sum();
            let something_else = outcomes.iter().any(Result::is_err) || request.partitions.is_empty();
            let is_over = something_else || bytes >= request.min_bytes || Instant::now() >= deadline;
            if is_over || self.cancel.is_cancelled() {
                self.counters.fetched(bytes);
                return outcomes;
            }
            // Woken by the first change of any partition, also by one since the read above. A time-out reads once more.
            let _woken = timeout_at(deadline, waiter.woken()).await;
        }
    }

    /// The outcomes, and why to read again.
    async fn read_all(
        &self,
        request: &FetchRequest,
        waiter: &Waiter,
        opened_by: Instant,
    ) -> (Vec<FetchOutcome>, Again) {
        let mut budget = request.max_bytes.min(self.limits.fetch_bytes_max);
        let mut planned_any = false;
        let mut plans = Vec::with_capacity(request.partitions.len());
        for wanted in &request.partitions {
            let mut plan = self.plan(wanted, request.isolation, budget, waiter, opened_by).await;
            if let Ok(plan) = &mut plan {
                if budget == 0 && planned_any {
                    // Nothing of it would be sent: it is not read either.
                    plan.places.clear();
                }
                planned_any |= !plan.places.is_empty();
                let planned = plan.places.iter().fold(0_usize, |sum, place| sum.saturating_add(place.bytes()));
                budget = budget.saturating_sub(planned.min(plan.bytes_max));
            }
            plans.push(plan);
        }
        let mut wanted = Vec::new();
        for (number, plan) in plans.iter().enumerate() {
            let Ok(plan) = plan else { continue };
            wanted
                .extend((0..).zip(&plan.places).map(|(at, place)| ((number, at), Arc::clone(&plan.partition), *place)));
        }
        if wanted.iter().any(|(_, _, place)| !self.reader.is_cached(place)) {
            self.read_ahead(&plans);
        }
        let mut read: Read = stream::iter(wanted)
            .map(|(key, partition, place)| async move { (key, self.reader.read(&partition, &place).await) })
            .buffered(OBJECT_READS_PER_FETCH_MAX)
            .collect()
            .await;
        let moved = read.values().any(|read| *read == Err(ReadError::Moved));
        let mut again = Again { moved, further: Vec::new() };
        let mut budget = Budget { left: request.max_bytes.min(self.limits.fetch_bytes_max), spent: 0 };
        let mut outcomes = Vec::with_capacity(plans.len());
        for (number, plan) in plans.into_iter().enumerate() {
            outcomes.push(plan.and_then(|plan| plan.cut(number, &mut read, &mut budget, &mut again)));
        }
        (outcomes, again)
    }

    async fn plan(
        &self,
        wanted: &FetchPartition,
        isolation: Isolation,
        budget: usize,
        waiter: &Waiter,
        opened_by: Instant,
    ) -> Result<Plan, FetchError> {
        let partition = match self.serving(&wanted.topic, wanted.partition, opened_by).await {
            Err(PartitionError::NotLeader(_)) if is_on(Mutation::FollowerSaysOutOfRange) => {
                return Err(FetchError::OffsetOutOfRange { log_start_offset: 0, high_watermark: 0 });
            }
            serving => serving?,
        };
        partition.check_epoch(wanted.current_leader_epoch)?;
        // Before looking: a change after the look wakes.
        partition.wake_at_change(waiter);
        let offset = Offset(wanted.offset);
        let bytes_max = wanted.max_bytes.min(budget);
        let view = partition.view(offset, bytes_max, isolation).map_err(|error| self.with_hint(error, partition.id))?;
        if offset > view.high_watermark || offset < view.log_start {
            return Err(FetchError::OffsetOutOfRange {
                log_start_offset: view.log_start.0,
                high_watermark: view.high_watermark.0,
            });
        }
        Ok(Plan {
            partition,
            offset,
            bytes_max,
            end: match isolation {
                Isolation::ReadUncommitted => view.high_watermark,
                Isolation::ReadCommitted => view.last_stable_offset,
            },
            high_watermark: view.high_watermark,
            last_stable_offset: view.last_stable_offset,
            log_start: view.log_start,
            places: view.places,
            aborted: view.aborted,
        })
    }
}

impl Life {
    /// A consumer that reads what only the store has goes on behind it: what follows is read meanwhile.
    fn read_ahead(&self, plans: &[Result<Plan, FetchError>]) {
        let mut ahead = BTreeSet::new();
        for plan in plans.iter().flatten() {
            // Segments are read ahead by whoever reads them.
            let Some(Place::Wal(last)) = plan.places.last() else { continue };
            let next = Offset(last.last.0.saturating_add(1));
            // Given up meanwhile: then nobody reads on here.
            let Ok(view) = plan.partition.view(next, READ_AHEAD_BYTES, Isolation::ReadUncommitted) else { continue };
            ahead.extend(view.places.iter().filter_map(|place| match place {
                Place::Wal(span) => Some(span.object),
                Place::Segment(_) => None,
            }));
        }
        self.objects.read_ahead(ahead.into_iter(), |read| {
            let cancel = self.cancel.clone();
            self.tasks.spawn(async move {
                tokio::select! {
                    biased;
                    () = cancel.cancelled() => {}
                    () = read => {}
                }
            });
        });
    }
}

/// Bytes of the whole answer.
struct Budget {
    left: usize,
    spent: usize,
}

/// Why a fetch reads again.
struct Again {
    /// Something was not where it was looked for.
    moved: bool,
    /// Partitions of the request that have nothing at their offset, and where they may have something.
    further: Vec<(usize, Offset)>,
}

impl Plan {
    /// The batches from the one that holds the offset on, whole, within the bounds; the first of the answer comes always.
    fn cut(self, number: usize, read: &mut Read, budget: &mut Budget, again: &mut Again) -> FetchOutcome {
        let mut reached = self.offset;
        let mut records = Vec::new();
        let mut left = self.bytes_max.min(budget.left);
        'places: for at in 0..self.places.len() {
            let pieces = match read.remove(&(number, at)) {
                Some(Ok(pieces)) => pieces,
                // What comes from there on is asked for again, where it lies now.
                Some(Err(ReadError::Moved)) => break,
                Some(Err(ReadError::Corrupt)) => return Err(PartitionError::Corrupt.into()),
                // What there is so far; the client asks again.
                Some(Err(ReadError::Busy)) => break,
                Some(Err(ReadError::Missing | ReadError::Store(_))) | None => {
                    return Err(PartitionError::Storage.into());
                }
            };
            reached = pieces.next;
            for slice in pieces.batches {
                let asked = self.offset..self.end;
                let (from, to) = window(&slice, asked, left, budget.spent == 0 && records.is_empty())?;
                if from < to {
                    records.push(slice.slice(from..to));
                    budget.spent = budget.spent.saturating_add(to - from);
                    budget.left = budget.left.saturating_sub(to - from);
                    left = left.saturating_sub(to - from);
                }
                if to < slice.len() {
                    reached = self.offset;
                    break 'places;
                }
            }
        }
        if records.is_empty() && reached > self.offset && reached < self.end {
            again.further.push((number, reached));
        }
        Ok(Fetched {
            high_watermark: self.high_watermark.0,
            last_stable_offset: self.last_stable_offset.0,
            aborted: self.aborted,
            log_start_offset: self.log_start.0,
            records,
        })
    }
}

/// Where in a slice the batches lie that begin with the one holding the first offset of `asked`, end before the one at its
/// end, and fit into `bytes_max`.
fn window(
    slice: &Bytes,
    asked: Range<Offset>,
    bytes_max: usize,
    first_always: bool,
) -> Result<(usize, usize), PartitionError> {
    let mut rest = slice.clone();
    let mut from = None;
    let mut position = 0_usize;
    while !rest.is_empty() {
        let batch = Batch::take(&mut rest).map_err(|_| PartitionError::Corrupt)?;
        let end = position.saturating_add(batch.bytes().len());
        if batch.header().base_offset >= asked.end {
            break;
        }
        if batch.header().last_offset() >= asked.start {
            let begin = *from.get_or_insert(position);
            let is_first = begin == position;
            if end - begin > bytes_max && !(is_first && first_always) {
                return Ok((begin, position));
            }
        }
        position = end;
    }
    Ok((from.unwrap_or(position), position))
}
