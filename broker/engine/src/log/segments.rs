//! Reading segments by ranges, through bounded caches, ahead of whoever reads on.
//!
//! A part of a segment is read in chunks of whole blocks; a chunk is checked, block by block, before anybody sees it.
//! Concurrent reads of one chunk are one GET. Whoever reads on has the next ones fetched, as far as a share of the cache
//! goes.
//!
//! Invariant: chunks that are cached, on their way from the store or pinned by answers stay within one bound. A read waits
//! for memory for its first chunk only: what it holds itself it cannot wait for.

use std::ops::Range;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use broker_log::{SegmentEntry, SegmentIndex, SegmentName};
use broker_record::Offset;
use broker_store::{Failure, Store, StoreError};
use bytes::Bytes;
use futures::{StreamExt, stream};
use tokio_util::sync::CancellationToken;
use tracing::{debug, error, warn};
use uuid::Uuid;

use super::ReadError;
use super::memory::{ReadMemory, Reserved};
use super::pool::Cache;
use crate::env::Tasks;
use crate::limits::{Limits, READ_ATTEMPTS_MAX, SEGMENT_CHUNK_BYTES, SEGMENT_CHUNKS_AT_ONCE, SEGMENT_INDEX_BYTES_MAX};
use crate::status::Counters;
use crate::topic::PartitionId;

/// A part of a segment, from an offset on.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct SegmentPlace {
    pub(crate) partition: PartitionId,
    pub(crate) entry: SegmentEntry,
    /// The first offset wanted; the batch holding it comes whole, and maybe some before.
    pub(crate) from: Offset,
    /// Bytes wanted; one batch comes even if it is larger.
    pub(crate) bytes_max: usize,
}

impl SegmentPlace {
    /// Bytes from the first offset wanted to the end of the part, as if all records were of the same size.
    pub(crate) fn bytes_to_end(&self) -> usize {
        let part = &self.entry.part;
        let offsets = |from: Offset| u128::try_from(part.end_offset.0.saturating_sub(from.0)).unwrap_or(0);
        let bytes = u128::from(part.length) * offsets(self.from) / offsets(part.base_offset).max(1);
        usize::try_from(bytes).unwrap_or(usize::MAX).max(1)
    }
}

/// Batches that were read.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Pieces {
    /// Whole batches each, in order of offset.
    pub(crate) batches: Vec<Bytes>,
    /// The offset where reading goes on. Between the last batch and it there is none.
    pub(crate) next: Offset,
}

/// One partition's part of one segment.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
struct Part {
    topic: Uuid,
    partition: i32,
    name: SegmentName,
}

/// The index of a part, and the blocks of each of its chunks.
#[derive(Debug)]
struct Chunked {
    index: SegmentIndex,
    chunks: Vec<Range<usize>>,
}

/// Whether a read waits for memory that answers pin.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Patience {
    /// A while.
    WhileBusy,
    /// Not at all.
    None,
}

/// The caches; a cheap handle.
#[derive(Clone, Debug)]
pub(crate) struct Segments {
    inner: Arc<Inner>,
}

#[derive(Debug)]
struct Inner {
    store: Store,
    counters: Arc<Counters>,
    tasks: Tasks,
    cancel: CancellationToken,
    indexes: Cache<Part, Arc<Chunked>>,
    chunks: Cache<(Part, usize), Bytes>,
    /// Of chunks.
    memory: ReadMemory,
    /// Chunks and indexes being fetched ahead.
    ahead: AtomicUsize,
    ahead_max: usize,
}

impl Chunked {
    /// As many chunks as hold the bytes wanted, counted from the first block wanted; one at least.
    fn wanted(&self, place: &SegmentPlace) -> Range<usize> {
        let blocks = self.index.blocks();
        let first = self.index.at_offset(place.from);
        let begin = self.chunks.partition_point(|chunk| chunk.end <= first);
        let (mut end, mut bytes) = (begin, 0_usize);
        while let Some(range) = self.chunks.get(end) {
            let wanted = blocks.get(range.start.max(first)..range.end).unwrap_or_default();
            bytes = bytes.saturating_add(wanted.iter().map(|block| wide(block.length)).sum());
            end += 1;
            if bytes >= place.bytes_max {
                break;
            }
        }
        begin..end
    }
}

impl Segments {
    pub(crate) fn new(
        store: Store,
        limits: &Limits,
        counters: Arc<Counters>,
        tasks: Tasks,
        cancel: CancellationToken,
    ) -> Self {
        Self {
            inner: Arc::new(Inner {
                store,
                counters,
                tasks,
                cancel,
                indexes: Cache::new(SEGMENT_INDEX_BYTES_MAX),
                chunks: Cache::new(limits.segment_cache_bytes_max),
                memory: ReadMemory::new(limits.segment_cache_bytes_max),
                ahead: AtomicUsize::new(0),
                ahead_max: limits.segment_cache_bytes_max / SEGMENT_CHUNK_BYTES / 2,
            }),
        }
    }

    /// Bytes in the caches, on their way into them, and pinned by answers.
    pub(crate) fn cached_bytes(&self) -> usize {
        self.inner.memory.used().saturating_add(self.inner.indexes.bytes())
    }

    /// Batches of a place.
    ///
    /// # Errors
    /// [`ReadError`]; damaged bytes are never handed out.
    pub(crate) async fn read(&self, place: &SegmentPlace) -> Result<Pieces, ReadError> {
        let part = part_of(place);
        let chunked = self.index(part, &place.entry).await?;
        let blocks = chunked.index.blocks();
        let first = chunked.index.at_offset(place.from);
        let Some(start) = blocks.get(first) else {
            return Ok(Pieces { batches: Vec::new(), next: place.entry.part.end_offset });
        };
        let Range { start: chunk, end: mut last } = chunked.wanted(place);
        let mut batches = vec![self.chunk(part, &place.entry, &chunked, chunk, Patience::WhileBusy).await?];
        let mut others = stream::iter(chunk.saturating_add(1)..last)
            .map(|number| self.chunk(part, &place.entry, &chunked, number, Patience::None))
            .buffered(SEGMENT_CHUNKS_AT_ONCE);
        while let Some(other) = others.next().await {
            match other {
                Ok(bytes) => batches.push(bytes),
                // What there is so far; whoever reads on asks for the rest.
                Err(ReadError::Busy) => last = chunk.saturating_add(batches.len()),
                Err(error) => return Err(error),
            }
            if chunk.saturating_add(batches.len()) >= last {
                break;
            }
        }
        drop(others);
        let begin = chunked.chunks.get(chunk).and_then(|range| blocks.get(range.start)).map_or(0, |b| b.position);
        if let Some(head) = batches.first_mut() {
            let skip = wide(start.position.saturating_sub(begin)).min(head.len());
            *head = head.slice(skip..);
        }
        let next = match chunked.chunks.get(last).and_then(|range| blocks.get(range.start)) {
            Some(block) => block.base_offset,
            None => place.entry.part.end_offset,
        };
        Ok(Pieces { batches, next })
    }

    /// The offset of the first block that holds a record with this timestamp or a later one.
    ///
    /// # Errors
    /// [`ReadError`].
    pub(crate) async fn at_time(&self, place: &SegmentPlace, timestamp: i64) -> Result<Option<Offset>, ReadError> {
        let chunked = self.index(part_of(place), &place.entry).await?;
        let later = chunked.index.blocks().iter().filter(|block| block.last_offset >= place.from);
        let mut later = later.filter(|block| block.max_timestamp >= timestamp);
        Ok(later.next().map(|block| block.base_offset.max(place.from)))
    }

    /// Has a place read, because somebody will ask for it; as far as there is room for it.
    pub(crate) fn read_ahead(&self, place: SegmentPlace) {
        let part = part_of(&place);
        let Some(chunked) = self.inner.indexes.cached(part) else {
            let segments = self.clone();
            self.ahead(async move {
                let chunked = segments.index(part, &place.entry).await?;
                segments.read_chunks_ahead(&place, &chunked);
                Ok(())
            });
            return;
        };
        self.read_chunks_ahead(&place, &chunked);
    }

    fn read_chunks_ahead(&self, place: &SegmentPlace, chunked: &Arc<Chunked>) {
        let part = part_of(place);
        for number in chunked.wanted(place) {
            if self.inner.chunks.knows((part, number)) {
                continue;
            }
            let (segments, entry, chunked) = (self.clone(), place.entry, Arc::clone(chunked));
            self.ahead(async move { segments.chunk(part, &entry, &chunked, number, Patience::None).await.map(drop) });
        }
    }

    /// Runs a read for which nobody waits yet, unless there are too many already.
    fn ahead(&self, read: impl Future<Output = Result<(), ReadError>> + Send + 'static) {
        if self.inner.ahead.fetch_add(1, Ordering::Relaxed) >= self.inner.ahead_max {
            self.inner.ahead.fetch_sub(1, Ordering::Relaxed);
            return;
        }
        let inner = Arc::clone(&self.inner);
        self.inner.tasks.spawn(async move {
            tokio::select! {
                biased;
                () = inner.cancel.cancelled() => {}
                read = read => if let Err(error) = read {
                    debug!(%error, "nothing was read ahead");
                }
            }
            inner.ahead.fetch_sub(1, Ordering::Relaxed);
        });
    }

    async fn index(&self, part: Part, entry: &SegmentEntry) -> Result<Arc<Chunked>, ReadError> {
        let load = async {
            let (from, length) = (entry.part.index_position, u64::from(entry.part.index_length));
            let bytes = self.get(part, from..from.saturating_add(length)).await?;
            let index = SegmentIndex::decode(&bytes, &entry.part).map_err(|error| self.damaged(part, &error))?;
            let chunks = chunks_of(&index);
            Ok((Arc::new(Chunked { index, chunks }), bytes.len().saturating_mul(2)))
        };
        self.inner.indexes.get(part, load).await
    }

    async fn chunk(
        &self,
        part: Part,
        entry: &SegmentEntry,
        chunked: &Chunked,
        number: usize,
        patience: Patience,
    ) -> Result<Bytes, ReadError> {
        let load = async {
            let range = chunked.chunks.get(number).cloned().unwrap_or_default();
            let blocks = chunked.index.blocks().get(range).unwrap_or_default();
            let from = entry.part.position.saturating_add(blocks.first().map_or(0, |block| u64::from(block.position)));
            let length: u64 = blocks.iter().map(|block| u64::from(block.length)).sum();
            let room = self.room(usize::try_from(length).unwrap_or(usize::MAX), patience).await?;
            let bytes = self.get(part, from..from.saturating_add(length)).await?;
            let mut position = 0_usize;
            for block in blocks {
                let end = position.saturating_add(wide(block.length));
                if !bytes.get(position..end).is_some_and(|bytes| block.holds(bytes)) {
                    return Err(self.damaged(part, &"a block does not fit its checksum"));
                }
                position = end;
            }
            let size = bytes.len();
            Ok((room.hold(bytes), size))
        };
        self.inner.chunks.get((part, number), load).await
    }

    async fn room(&self, bytes: usize, patience: Patience) -> Result<Reserved, ReadError> {
        let drop_one = || self.inner.chunks.drop_oldest();
        match patience {
            Patience::WhileBusy => self.inner.memory.room(bytes, drop_one).await,
            Patience::None => self.inner.memory.room_now(bytes, drop_one).ok_or(ReadError::Busy),
        }
    }

    async fn get(&self, part: Part, range: Range<u64>) -> Result<Bytes, ReadError> {
        let key = part.name.key(part.topic, part.partition);
        let store = &self.inner.store;
        let mut backoff = store.backoff();
        let mut attempt = 1;
        loop {
            match store.get_range(&key, range.clone()).await {
                Ok(Some(bytes)) => {
                    self.inner.counters.read_object();
                    return Ok(bytes);
                }
                Ok(None) => return Err(ReadError::Missing),
                Err(error) if attempt == READ_ATTEMPTS_MAX || error.failure == Failure::Refused => {
                    return Err(refused(&error));
                }
                Err(error) => tokio::time::sleep(backoff.after(error.failure)).await,
            }
            attempt += 1;
        }
    }

    fn damaged(&self, part: Part, problem: &dyn std::fmt::Display) -> ReadError {
        self.inner.counters.corrupt_object();
        let key = part.name.key(part.topic, part.partition).path(self.inner.store.cluster());
        error!(%problem, key, partition = part.partition, "a segment is damaged");
        ReadError::Corrupt
    }
}

fn refused(error: &StoreError) -> ReadError {
    warn!(%error, "the store does not give a segment");
    ReadError::Store(error.to_string())
}

fn part_of(place: &SegmentPlace) -> Part {
    Part { topic: place.partition.topic, partition: place.partition.partition, name: place.entry.name }
}

/// Runs of blocks that are read at once.
fn chunks_of(index: &SegmentIndex) -> Vec<Range<usize>> {
    let mut chunks = Vec::new();
    let (mut start, mut bytes) = (0, 0_usize);
    for (number, block) in index.blocks().iter().enumerate() {
        bytes = bytes.saturating_add(wide(block.length));
        if bytes >= SEGMENT_CHUNK_BYTES {
            chunks.push(start..number + 1);
            (start, bytes) = (number + 1, 0);
        }
    }
    if bytes > 0 {
        chunks.push(start..index.blocks().len());
    }
    chunks
}

fn wide(length: u32) -> usize {
    usize::try_from(length).unwrap_or(usize::MAX)
}
