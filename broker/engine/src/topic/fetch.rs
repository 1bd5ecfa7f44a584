//! Reading a partition from an offset on.

mod share;

use std::collections::{BTreeMap, BTreeSet};
use std::ops::Range;
use std::sync::Arc;
use std::time::Duration;

use broker_log::{AbortedTransaction, Incarnation};
use broker_metadata::Readers;
use broker_record::{Batch, Offset};
use broker_store::mutation::{Mutation, is_on};
use bytes::Bytes;
use futures::StreamExt;
use futures::stream;
use thiserror::Error;
use tokio::time::{Instant, timeout, timeout_at};

use share::share_of;

use super::follow::Followed;
use super::waiters::Waiter;
use super::{Partition, PartitionError, PartitionId, TopicRef};
use crate::cluster::Leader;
use crate::life::Life;
use crate::limits::{
    FETCH_SHARE_BYTES_MIN, FETCH_WAIT_MAX, LOOK_PARTITION_PLACES_MAX, OBJECT_READS_PER_FETCH_MAX, OPENING_WAIT_MAX,
    PLACES_MOVED_MAX,
};
use crate::log::{Pieces, Place, ReadError, SegmentPlace};

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
    /// The consumer's zone, where it says one (`client.rack`).
    pub zone: Option<String>,
    /// The partitions; the outcomes come back in this order. Where there is more than the answer has room for, all have the
    /// same share of it, and bytes are spent in this order.
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
    /// The broker of the consumer's zone that it shall read from instead; there are no records then.
    pub preferred_reader: Option<i32>,
}

/// Who serves the reads of a consumer's zone.
#[derive(Clone, Debug, Default)]
pub(crate) struct ZoneReaders {
    pub(crate) zone: String,
    pub(crate) readers: Readers,
    /// Those that have just found the way to this broker, as they will have to: nobody is sent to the others.
    pub(crate) in_reach: BTreeSet<Incarnation>,
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

/// Who knows where a partition's records lie.
#[derive(Clone)]
enum Source {
    /// This broker leads it.
    Led(Arc<Partition>),
    /// Another one does, and has said so.
    Followed(PartitionId),
}

/// What is read for one partition.
struct Plan {
    source: Source,
    offset: Offset,
    bytes_max: usize,
    /// Bytes that it gets of the answer; its first batch may be larger.
    share: usize,
    /// Nothing at or beyond it is shown.
    end: Offset,
    high_watermark: Offset,
    last_stable_offset: Offset,
    log_start: Offset,
    places: Vec<Place>,
    aborted: Vec<AbortedTransaction>,
    preferred_reader: Option<i32>,
}

/// What a fetch looks at again and again.
struct Looking<'a> {
    request: FetchRequest,
    readers: &'a ZoneReaders,
    waiter: Waiter,
    /// One for all partitions: those that are being taken over keep the others waiting once.
    opened_by: Instant,
    /// How often something was not where it was said to be.
    moved: u32,
}

/// What was read, by plan and place.
type Read = BTreeMap<(usize, usize), Result<Pieces, ReadError>>;

impl Life {
    /// Reads, waiting until there is enough to say.
    pub(crate) async fn fetch(&self, request: FetchRequest, readers: &ZoneReaders) -> Vec<FetchOutcome> {
        let deadline = Instant::now() + request.max_wait.min(FETCH_WAIT_MAX);
        let opened_by = deadline.min(Instant::now() + OPENING_WAIT_MAX);
        let mut looking = Looking { request, readers, waiter: self.waiters.waiter(), opened_by, moved: 0 };
        loop {
            let (outcomes, again) = self.read_all(&looking).await;
            if !again.further.is_empty() {
                // Compaction has left nothing of what was asked for: what follows it is the answer.
                for (number, offset) in again.further {
                    if let Some(wanted) = looking.request.partitions.get_mut(number) {
                        wanted.offset = offset.0;
                    }
                }
                continue;
            }
            // Folded between looking and reading: it is read where it lies now.
            if again.moved && looking.moved < PLACES_MOVED_MAX {
                looking.moved += 1;
                continue;
            }
            let bytes: usize = outcomes.iter().flatten().flat_map(|one| &one.records).map(Bytes::len).sum();
            let sent_elsewhere = |outcome: &Fetched| outcome.preferred_reader.is_some();
            let something_else = looking.request.partitions.is_empty()
                || outcomes.iter().any(|outcome| outcome.as_ref().map_or(true, sent_elsewhere));
            let enough = bytes >= looking.request.min_bytes || (bytes > 0 && again.cut);
            let is_over = something_else || enough || Instant::now() >= deadline;
            if is_over || self.cancel.is_cancelled() {
                self.counters.fetched(bytes);
                return outcomes;
            }
            // Woken by the first change of any partition, also by one since the read above. A time-out reads once more.
            let _woken = timeout_at(deadline, looking.waiter.woken()).await;
        }
    }

    /// The outcomes, and why to read again.
    async fn read_all(&self, looking: &Looking<'_>) -> (Vec<FetchOutcome>, Again) {
        let request = &looking.request;
        let bytes_max = request.max_bytes.min(self.limits.fetch_bytes_max);
        let mut followed = self.look(request.zone.as_deref(), request.isolation, &request.partitions, bytes_max).await;
        let mut plans = Vec::with_capacity(request.partitions.len());
        for (number, wanted) in request.partitions.iter().enumerate() {
            plans.push(match followed.remove(&number) {
                Some(followed) => {
                    followed.and_then(|followed| self.plan_followed(wanted, followed, bytes_max, looking))
                }
                None => self.plan(wanted, bytes_max, looking).await,
            });
        }
        let is_cut =
            |plan: &Plan| matches!(plan.source, Source::Followed(_)) && plan.places.len() >= LOOK_PARTITION_PLACES_MAX;
        let cut = plans.iter().flatten().any(is_cut);
        share_out(&mut plans, bytes_max);
        let mut read = self.read_places(&plans, looking.moved).await;
        let moved = read.values().any(|read| *read == Err(ReadError::Moved));
        let mut again = Again { moved, cut, further: Vec::new() };
        let mut budget = Budget { left: bytes_max, spent: 0 };
        let mut outcomes = Vec::with_capacity(plans.len());
        for (number, plan) in plans.into_iter().enumerate() {
            outcomes.push(plan.and_then(|plan| plan.cut(number, &mut read, &mut budget, &mut again)));
        }
        (outcomes, again)
    }

    async fn read_places(&self, plans: &[Result<Plan, FetchError>], moved: u32) -> Read {
        let mut wanted = Vec::new();
        for (number, plan) in plans.iter().enumerate() {
            let Ok(plan) = plan else { continue };
            wanted.extend((0..).zip(&plan.places).map(|(at, place)| ((number, at), plan.source.clone(), *place)));
        }
        if wanted.iter().any(|(_, _, place)| !self.reader.is_cached(place)) {
            self.read_ahead(plans);
        }
        stream::iter(wanted)
            .map(|(key, source, place)| async move {
                let read = match source {
                    Source::Led(partition) => self.reader.read(&partition, &place).await,
                    Source::Followed(id) => match self.reader.read_named(id, &place).await {
                        // Its leader is asked where it lies now.
                        Err(ReadError::Missing) if moved < PLACES_MOVED_MAX => Err(ReadError::Moved),
                        read => read,
                    },
                };
                (key, read)
            })
            .buffered(OBJECT_READS_PER_FETCH_MAX)
            .collect()
            .await
    }

    async fn plan(&self, wanted: &FetchPartition, budget: usize, looking: &Looking<'_>) -> Result<Plan, FetchError> {
        let partition = match self.serving(&wanted.topic, wanted.partition, looking.opened_by).await {
            Err(PartitionError::NotLeader(_)) if is_on(Mutation::FollowerSaysOutOfRange) => {
                return Err(FetchError::OffsetOutOfRange { log_start_offset: 0, high_watermark: 0 });
            }
            serving => serving?,
        };
        partition.check_epoch(wanted.current_leader_epoch)?;
        // Before looking: a change after the look wakes.
        partition.wake_at_change(&looking.waiter);
        let offset = Offset(wanted.offset);
        let isolation = looking.request.isolation;
        let bytes_max = wanted.max_bytes.min(budget);
        let view = partition.view(offset, bytes_max, isolation).map_err(|error| self.with_hint(error, partition.id))?;
        if offset > view.high_watermark {
            self.confirm_leader(&partition).await?;
        }
        if offset > view.high_watermark || offset < view.log_start {
            return Err(FetchError::OffsetOutOfRange {
                log_start_offset: view.log_start.0,
                high_watermark: view.high_watermark.0,
            });
        }
        let preferred_reader = looking.readers.of(partition.id);
        Ok(Plan {
            offset,
            bytes_max,
            share: 0,
            end: match isolation {
                Isolation::ReadUncommitted => view.high_watermark,
                Isolation::ReadCommitted => view.last_stable_offset,
            },
            high_watermark: view.high_watermark,
            last_stable_offset: view.last_stable_offset,
            log_start: view.log_start,
            places: if preferred_reader.is_some() { Vec::new() } else { view.places },
            aborted: view.aborted,
            preferred_reader,
            source: Source::Led(partition),
        })
    }

    /// What is read of a partition that another broker leads.
    fn plan_followed(
        &self,
        wanted: &FetchPartition,
        followed: Followed,
        budget: usize,
        looking: &Looking<'_>,
    ) -> Result<Plan, FetchError> {
        let offset = Offset(wanted.offset);
        followed.check(wanted.current_leader_epoch, offset)?;
        // What has changed since the leader was asked, it says at once.
        self.wake_at_change_of(&followed, &looking.waiter);
        Ok(Plan {
            source: Source::Followed(followed.id),
            offset,
            bytes_max: wanted.max_bytes.min(budget),
            share: 0,
            end: followed.end,
            high_watermark: Offset(followed.stand.high_watermark),
            last_stable_offset: Offset(followed.stand.last_stable_offset),
            log_start: followed.log_start,
            places: followed.places,
            aborted: followed.aborted,
            preferred_reader: None,
        })
    }
}

impl ZoneReaders {
    /// Who serves a partition's reads in the consumer's zone; none where nobody does, or the one is not to be reached.
    fn of(&self, id: PartitionId) -> Option<i32> {
        let reader = self.readers.in_zone(&self.zone, id.topic, id.partition)?;
        self.in_reach.contains(&reader).then_some(reader.broker)
    }
}

impl Life {
    /// Makes sure that this broker has led a partition until now.
    ///
    /// A consumer that is told that its offset is beyond the end begins anew somewhere: only who leads may say so, and a
    /// leader that was replaced, and does not know, has an end of long ago.
    async fn confirm_leader(&self, partition: &Partition) -> Result<(), PartitionError> {
        let confirmed = timeout(OPENING_WAIT_MAX, self.journal.confirm()).await;
        let leader = self.cluster.leader(partition.id);
        let leads =
            |leader: Leader| leader.incarnation == Some(self.id) && leader.leader_epoch == partition.leader_epoch;
        if matches!(confirmed, Ok(Ok(()))) && leader.is_some_and(leads) {
            return Ok(());
        }
        Err(self.with_hint(PartitionError::NotLeader(partition.hint()), partition.id))
    }

    /// A consumer that reads what only the store has goes on behind it: what follows is read meanwhile, of each partition as
    /// much as it gets now.
    fn read_ahead(&self, plans: &[Result<Plan, FetchError>]) {
        let mut objects = BTreeSet::new();
        let mut left = self.limits.segment_cache_bytes_max / 2;
        for plan in plans.iter().flatten() {
            left = left.saturating_sub(plan.share);
            if left == 0 {
                break;
            }
            let Source::Led(partition) = &plan.source else {
                // Of what others lead only what was asked for is known, and how the segments go on.
                for place in &plan.places {
                    if let Place::Segment(place) = place {
                        let further = place.bytes_max.saturating_add(plan.share);
                        self.reader.segments.read_ahead(SegmentPlace { bytes_max: further, ..*place });
                    }
                }
                continue;
            };
            let planned = plan.bytes().saturating_add(plan.share);
            // Given up meanwhile: then nobody reads on here.
            let Ok(view) = partition.view(plan.offset, planned, Isolation::ReadUncommitted) else { continue };
            for place in view.places {
                match place {
                    Place::Wal(span) => _ = objects.insert(span.object),
                    Place::Segment(place) => self.reader.segments.read_ahead(place),
                }
            }
        }
        self.objects.read_ahead(objects.into_iter(), |read| {
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

/// Where there is more than the answer has room for, every partition gets the same: whoever reads many partitions at once
/// finds all of them read ahead, whatever order he asks in.
fn share_out(plans: &mut [Result<Plan, FetchError>], bytes_max: usize) {
    let mut sizes: Vec<usize> = plans.iter().flatten().map(Plan::bytes).filter(|bytes| *bytes > 0).collect();
    sizes.sort_unstable();
    let share = share_of(&sizes, bytes_max).max(FETCH_SHARE_BYTES_MIN);
    let mut left = bytes_max;
    let mut planned_any = false;
    for plan in plans.iter_mut().flatten() {
        plan.share = share.min(plan.bytes_max);
        if left == 0 && planned_any {
            // Nothing of it would be sent: it is not read either.
            plan.places.clear();
        }
        plan.keep(plan.share.min(left));
        planned_any |= !plan.places.is_empty();
        left = left.saturating_sub(plan.bytes().min(plan.share));
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
    /// There are more places than the leader has told of.
    cut: bool,
    /// Partitions of the request that have nothing at their offset, and where they may have something.
    further: Vec<(usize, Offset)>,
}

impl Plan {
    /// Bytes of its places, about.
    fn bytes(&self) -> usize {
        self.places.iter().fold(0_usize, |sum, place| sum.saturating_add(place.bytes()))
    }

    /// Keeps the places that hold the first `bytes`, one at least.
    fn keep(&mut self, bytes: usize) {
        let mut left = bytes;
        let mut kept = 0;
        for place in &mut self.places {
            if left == 0 && kept > 0 {
                break;
            }
            if let Place::Segment(place) = place {
                place.bytes_max = place.bytes_max.min(left);
            }
            left = left.saturating_sub(place.bytes());
            kept += 1;
        }
        self.places.truncate(kept);
    }

    /// The batches from the one that holds the offset on, whole, within the bounds; the first of the answer comes always.
    fn cut(self, number: usize, read: &mut Read, budget: &mut Budget, again: &mut Again) -> FetchOutcome {
        let mut reached = self.offset;
        let mut records = Vec::new();
        let mut left = self.share.min(budget.left);
        'places: for (at, place) in self.places.iter().enumerate() {
            // The place before it was not read to its end.
            if at > 0 && place.start() > reached {
                break;
            }
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
                let first_max = match (records.is_empty(), budget.spent) {
                    (false, _) => 0,
                    (true, 0) => usize::MAX,
                    (true, _) => self.bytes_max.min(budget.left),
                };
                let (from, to) = window(&slice, asked, left, first_max)?;
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
            preferred_reader: self.preferred_reader,
        })
    }
}

/// Where in a slice the batches lie that begin with the one holding the first offset of `asked`, end before the one at its
/// end, and fit into `bytes_max`; the first of them if it fits into `first_max`.
fn window(
    slice: &Bytes,
    asked: Range<Offset>,
    bytes_max: usize,
    first_max: usize,
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
            if end - begin > bytes_max && !(is_first && end - begin <= first_max) {
                return Ok((begin, position));
            }
        }
        position = end;
    }
    Ok((from.unwrap_or(position), position))
}
