//! Where a partition's records lie in write-ahead logs: one span per object that holds any, in order of offset.
//!
//! Spans at the front may be folded: their records are in segments too, and the spans are kept as long as their objects are
//! cached, for consumers at the end of the log.

use std::collections::VecDeque;

use broker_log::{Incarnation, Slice};
use broker_record::{LeaderEpoch, Offset};

/// An object of a write-ahead log.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(crate) struct ObjectRef {
    pub(crate) incarnation: Incarnation,
    pub(crate) seq: u64,
}

/// The batches of one partition in one object.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Span {
    pub(crate) base: Offset,
    pub(crate) last: Offset,
    pub(crate) leader_epoch: LeaderEpoch,
    pub(crate) max_timestamp: i64,
    pub(crate) object: ObjectRef,
    pub(crate) position: u32,
    pub(crate) length: u32,
}

/// The spans of a partition.
#[derive(Clone, Debug, Default)]
pub(crate) struct Index {
    /// The offset where the first span begins.
    start: Offset,
    spans: VecDeque<Span>,
    /// Spans at the front that are folded.
    folded: usize,
    /// Bytes of the others.
    unfolded_bytes: u64,
}

/// A span does not follow the one before.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Gap {
    pub(crate) expected: Offset,
    pub(crate) found: Offset,
}

impl Span {
    pub(crate) fn of(slice: &Slice, object: ObjectRef) -> Self {
        Self {
            base: slice.base_offset(),
            last: slice.last_offset(),
            leader_epoch: slice.leader_epoch,
            max_timestamp: slice.max_timestamp(),
            object,
            position: slice.position,
            length: slice.length,
        }
    }
}

impl Index {
    /// No spans; the first one begins at an offset.
    pub(crate) fn at(start: Offset) -> Self {
        Self { start, ..Self::default() }
    }

    /// The offset where the first span begins, or will.
    pub(crate) fn start(&self) -> Offset {
        self.spans.front().map_or(self.start, |span| span.base)
    }

    /// The offset after the last record.
    pub(crate) fn end(&self) -> Offset {
        self.spans.back().map_or(self.start, |span| Offset(span.last.0.saturating_add(1)))
    }

    /// Notes that everything below an offset is in segments.
    pub(crate) fn fold_to(&mut self, folded_to: Offset) {
        while let Some(span) = self.spans.get(self.folded).filter(|span| span.last < folded_to) {
            self.unfolded_bytes = self.unfolded_bytes.saturating_sub(u64::from(span.length));
            self.folded += 1;
        }
    }

    /// Drops spans at the front that are folded and need not be kept.
    pub(crate) fn drop_folded(&mut self, is_kept: impl Fn(ObjectRef) -> bool) {
        while self.folded > 0
            && let Some(span) = self.spans.front().filter(|span| !is_kept(span.object))
        {
            self.start = Offset(span.last.0.saturating_add(1));
            self.spans.pop_front();
            self.folded -= 1;
        }
    }

    /// Drops the folded spans up to an offset, kept or not: what is read beyond it is not cached.
    pub(crate) fn drop_through(&mut self, last: Offset) {
        while self.folded > 0
            && let Some(span) = self.spans.front().filter(|span| span.last <= last)
        {
            self.start = Offset(span.last.0.saturating_add(1));
            self.spans.pop_front();
            self.folded -= 1;
        }
    }

    /// The spans that are not folded.
    pub(crate) fn unfolded(&self) -> impl Iterator<Item = &Span> {
        self.spans.range(self.folded.min(self.spans.len())..)
    }

    /// Bytes of the spans that are not folded.
    pub(crate) fn unfolded_bytes(&self) -> u64 {
        self.unfolded_bytes
    }

    /// Appends a span.
    ///
    /// # Errors
    /// [`Gap`] when it does not begin at the end; offsets are dense.
    pub(crate) fn push(&mut self, span: Span) -> Result<(), Gap> {
        let expected = self.end();
        if span.base != expected || span.last < span.base {
            return Err(Gap { expected, found: span.base });
        }
        self.unfolded_bytes = self.unfolded_bytes.saturating_add(u64::from(span.length));
        self.spans.push_back(span);
        Ok(())
    }

    /// The spans from the one that holds `offset` on.
    pub(crate) fn from(&self, offset: Offset) -> impl Iterator<Item = &Span> {
        let first = self.spans.partition_point(|span| span.last < offset);
        self.spans.range(first.min(self.spans.len())..)
    }

    /// The first span that may hold a record with this timestamp or a later one.
    pub(crate) fn at_time(&self, timestamp: i64) -> Option<Span> {
        self.spans.iter().find(|span| span.max_timestamp >= timestamp).copied()
    }

    /// The highest timestamp.
    pub(crate) fn max_timestamp(&self) -> Option<i64> {
        self.spans.iter().map(|span| span.max_timestamp).max()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn span(base: i64, last: i64, epoch: i32) -> Span {
        let object = ObjectRef { incarnation: Incarnation { broker: 1, epoch: 1 }, seq: 0 };
        let (base, last) = (Offset(base), Offset(last));
        Span { base, last, leader_epoch: LeaderEpoch(epoch), max_timestamp: base.0, object, position: 0, length: 1 }
    }

    #[test]
    fn spans_are_dense_and_found_by_any_offset_inside() {
        let mut index = Index::default();
        assert_eq!(index.push(span(0, 4, 1)), Ok(()));
        assert_eq!(index.push(span(6, 7, 1)), Err(Gap { expected: Offset(5), found: Offset(6) }));
        assert_eq!(index.push(span(5, 9, 2)), Ok(()));
        assert_eq!(index.from(Offset(4)).count(), 2);
        assert_eq!(index.from(Offset(5)).next().map(|span| span.base), Some(Offset(5)));
        assert_eq!(index.from(Offset(10)).count(), 0);
        assert_eq!(index.end(), Offset(10));
    }

    #[test]
    fn folded_spans_leave_the_front_once_they_are_not_kept() {
        let mut index = Index::at(Offset(5));
        for one in [span(5, 9, 1), span(10, 14, 1), span(15, 19, 1)] {
            assert_eq!(index.push(one), Ok(()));
        }
        assert_eq!((index.start(), index.unfolded().count(), index.unfolded_bytes()), (Offset(5), 3, 3));
        index.fold_to(Offset(15));
        assert_eq!((index.unfolded().count(), index.unfolded_bytes()), (1, 1));
        index.drop_folded(|_| true);
        assert_eq!(index.start(), Offset(5), "what is kept is still read from here");
        let mut gone = index.clone();
        gone.drop_through(Offset(9));
        assert_eq!(gone.start(), Offset(10));
        gone.drop_through(Offset(19));
        assert_eq!(gone.start(), Offset(15), "what is not folded stays");
        index.drop_folded(|_| false);
        assert_eq!((index.start(), index.end()), (Offset(15), Offset(20)));
        index.fold_to(Offset(20));
        index.drop_folded(|_| false);
        assert_eq!((index.start(), index.end(), index.unfolded_bytes()), (Offset(20), Offset(20), 0));
        assert_eq!(index.push(span(21, 22, 1)), Err(Gap { expected: Offset(20), found: Offset(21) }));
        assert_eq!(index.push(span(20, 22, 1)), Ok(()));
    }
}
