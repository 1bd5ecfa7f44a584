//! Where the records of a partition lie: in segments, and above those in objects of write-ahead logs.

use broker_log::{Incarnation, Manifest, ProducersSnapshot};
use broker_record::{LeaderEpoch, Offset};

use super::{Partition, State, View};
use crate::limits::SEGMENTS_PER_VIEW_MAX;
use crate::log::{ObjectRef, Objects, Place, SegmentPlace, Span};
use crate::topic::{Isolation, PartitionError, Stand};

/// What of a partition is not in segments yet.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Unfolded {
    /// The first offset.
    pub(crate) from: Offset,
    /// The object that it is in.
    pub(crate) object: ObjectRef,
    /// Bytes of batches.
    pub(crate) bytes: u64,
}

/// Who is going to read.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Onlooker {
    /// This broker: objects that it still has cached are places, whether they are in the store or not.
    Here,
    /// Another broker.
    Elsewhere {
        /// Places that it is told of.
        places_max: usize,
    },
}

impl Partition {
    /// The places that hold `bytes_max` bytes from `offset` on, at least one if there is any; none past the end that
    /// `isolation` allows to see, and none below the start.
    ///
    /// # Errors
    /// [`PartitionError::NotLeader`] once the partition was given up.
    pub(crate) fn view(&self, offset: Offset, bytes_max: usize, isolation: Isolation) -> Result<View, PartitionError> {
        self.view_for(Onlooker::Here, offset, bytes_max, isolation)
    }

    /// As [`Partition::view`], for whoever reads.
    ///
    /// # Errors
    /// As [`Partition::view`].
    pub(crate) fn view_for(
        &self,
        onlooker: Onlooker,
        offset: Offset,
        bytes_max: usize,
        isolation: Isolation,
    ) -> Result<View, PartitionError> {
        let state = self.state();
        if !state.open {
            return Err(self.not_leader());
        }
        // After the lock: the index never gives up what the manifest does not have.
        let manifest = self.manifests.newest();
        let high_watermark = state.index.end();
        let last_stable_offset = state.last_stable_offset().max(manifest.log_start);
        let end = match isolation {
            Isolation::ReadUncommitted => high_watermark,
            Isolation::ReadCommitted => last_stable_offset,
        };
        let mut view = View {
            high_watermark,
            log_start: manifest.log_start,
            last_stable_offset,
            places: Vec::new(),
            aborted: Vec::new(),
        };
        if offset >= manifest.log_start {
            let upto = self.places(&state, &manifest, onlooker, offset..end, bytes_max, &mut view.places);
            if isolation == Isolation::ReadCommitted && !view.places.is_empty() {
                view.aborted = state.durable_producers.aborted_between(offset, upto.min(end));
            }
        }
        Ok(view)
    }

    /// How far the partition has come; none once it was given up.
    pub(crate) fn stand(&self) -> Option<Stand> {
        let state = self.state();
        state.open.then(|| Stand {
            leader_epoch: self.leader_epoch.0,
            high_watermark: state.index.end().0,
            last_stable_offset: state.last_stable_offset().0,
        })
    }

    /// Collects places; the offset after the last.
    fn places(
        &self,
        state: &State,
        manifest: &Manifest,
        onlooker: Onlooker,
        asked: std::ops::Range<Offset>,
        bytes_max: usize,
        places: &mut Vec<Place>,
    ) -> Offset {
        let mut left = bytes_max;
        let mut next = asked.start;
        // What is in segments may be gone from the log.
        let (index_start, places_max) = match onlooker {
            Onlooker::Here => (state.index.start(), usize::MAX),
            Onlooker::Elsewhere { places_max } => {
                (state.index.start().max(manifest.folded_to.min(state.index.end())), places_max)
            }
        };
        if next < index_start {
            let first = manifest.segment_at(next);
            for entry in manifest.segments.get(first..).unwrap_or_default() {
                // Above it the index has everything, and objects that are still cached.
                let in_index = entry.part.base_offset >= index_start;
                let enough = (left == 0 && !places.is_empty()) || places.len() >= SEGMENTS_PER_VIEW_MAX.min(places_max);
                if in_index || entry.part.base_offset >= asked.end || enough {
                    break;
                }
                let from = next.max(entry.part.base_offset);
                let place = SegmentPlace { partition: self.id, entry: *entry, from, bytes_max: left };
                let length = place.bytes_to_end();
                places.push(Place::Segment(place));
                next = entry.part.end_offset;
                if length > left {
                    // It may not be read to its end.
                    return next;
                }
                left = left.saturating_sub(length);
            }
        }
        if next < index_start {
            return next;
        }
        for span in state.index.from(next) {
            let enough = (left == 0 && !places.is_empty()) || places.len() >= places_max;
            if span.base >= asked.end || enough {
                break;
            }
            left = left.saturating_sub(usize::try_from(span.length).unwrap_or(usize::MAX));
            places.push(Place::Wal(*span));
            next = Offset(span.last.0.saturating_add(1));
        }
        next
    }

    /// The first offset that the partition still has.
    pub(crate) fn log_start(&self) -> Offset {
        self.manifests.newest().log_start
    }

    /// The first place that may hold a record with this timestamp or a later one.
    ///
    /// # Errors
    /// [`PartitionError::NotLeader`] once the partition was given up.
    pub(crate) fn place_at_time(&self, timestamp: i64) -> Result<Option<Place>, PartitionError> {
        let state = self.state();
        if !state.open {
            return Err(self.not_leader());
        }
        let manifest = self.manifests.newest();
        let start = state.index.start();
        let segments = manifest.segments.iter().filter(|entry| entry.part.end_offset > manifest.log_start);
        let mut segments = segments.take_while(|entry| entry.part.base_offset < start);
        let found = segments.find(|entry| entry.part.max_timestamp >= timestamp).map(|entry| {
            let from = entry.part.base_offset.max(manifest.log_start);
            Place::Segment(SegmentPlace { partition: self.id, entry: *entry, from, bytes_max: 1 })
        });
        Ok(found.or_else(|| state.index.at_time(timestamp).map(Place::Wal)))
    }

    /// The highest timestamp of all; none without records.
    ///
    /// # Errors
    /// [`PartitionError::NotLeader`] once the partition was given up.
    pub(crate) fn max_timestamp(&self) -> Result<Option<i64>, PartitionError> {
        let state = self.state();
        if !state.open {
            return Err(self.not_leader());
        }
        let manifest = self.manifests.newest();
        let segments = manifest.segments.iter().filter(|entry| entry.part.end_offset > manifest.log_start);
        let folded = segments.map(|entry| entry.part.max_timestamp).max();
        Ok(folded.max(state.index.max_timestamp()))
    }

    /// The latest epoch with records at or below an epoch, and the offset after its last one.
    ///
    /// # Errors
    /// [`PartitionError::NotLeader`] once the partition was given up.
    pub(crate) fn end_of_epoch(&self, epoch: LeaderEpoch) -> Result<Option<(LeaderEpoch, Offset)>, PartitionError> {
        let state = self.state();
        if !state.open {
            return Err(self.not_leader());
        }
        let after = state.epochs.partition_point(|known| known.leader_epoch <= epoch);
        let found = after.checked_sub(1).and_then(|last| state.epochs.get(last));
        let end = state.epochs.get(after).map_or_else(|| state.index.end(), |following| following.start);
        Ok(found.map(|found| (found.leader_epoch, end)))
    }

    /// The leader epoch of a record.
    pub(crate) fn epoch_at(&self, offset: Offset) -> Option<LeaderEpoch> {
        let state = self.state();
        let after = state.epochs.partition_point(|known| known.start <= offset);
        after.checked_sub(1).and_then(|last| state.epochs.get(last)).map(|found| found.leader_epoch)
    }

    /// What is remembered of producers by what is durable; for manifests.
    pub(crate) fn durable_producers(&self) -> ProducersSnapshot {
        self.state().durable_producers.snapshot()
    }

    /// Whether a span's records are in segments too.
    pub(crate) fn is_folded(&self, span: &Span) -> bool {
        span.last < self.manifests.newest().folded_to
    }

    /// What is not in segments yet; none where everything is.
    pub(crate) fn unfolded(&self) -> Option<Unfolded> {
        let state = self.state();
        let first = state.index.unfolded().next()?;
        Some(Unfolded { from: first.base, object: first.object, bytes: state.index.unfolded_bytes() })
    }

    /// Bytes of batches that are not in segments yet.
    pub(crate) fn unfolded_bytes(&self) -> u64 {
        self.state().index.unfolded_bytes()
    }

    /// The spans that are not in segments yet.
    pub(crate) fn unfolded_spans(&self) -> Vec<Span> {
        self.state().index.unfolded().copied().collect()
    }

    /// The first number of an incarnation's log that holds records which are not in segments yet.
    pub(crate) fn first_unfolded_of(&self, incarnation: Incarnation) -> Option<u64> {
        let state = self.state();
        let mut spans = state.index.unfolded().filter(|span| span.object.incarnation == incarnation);
        spans.next().map(|span| span.object.seq)
    }

    /// Takes the newest manifest into account: what it has in segments, and nobody has cached, is read from there.
    pub(crate) fn forget_folded(&self, objects: &Objects) {
        let mut state = self.state();
        let folded_to = self.manifests.newest().folded_to;
        state.index.fold_to(folded_to);
        state.index.drop_folded(|object| objects.is_cached(object));
    }

    /// A folded span cannot be read from the log any more: it and all before it are read from segments.
    pub(crate) fn forget_through(&self, span: &Span) {
        let mut state = self.state();
        let folded_to = self.manifests.newest().folded_to;
        state.index.fold_to(folded_to);
        state.index.drop_through(span.last);
    }
}
