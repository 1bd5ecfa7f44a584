//! Where a partition's records lie: one span per object that holds any, in order of offset.

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
    spans: VecDeque<Span>,
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
    /// The offset after the last record.
    pub(crate) fn end(&self) -> Offset {
        self.spans.back().map_or(Offset(0), |span| Offset(span.last.0.saturating_add(1)))
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

    /// The first span with the highest timestamp of all.
    pub(crate) fn latest_time(&self) -> Option<Span> {
        let highest = self.spans.iter().map(|span| span.max_timestamp).max()?;
        self.at_time(highest)
    }

    /// The epoch of the last record at or below an epoch, and the offset after it.
    pub(crate) fn end_of_epoch(&self, epoch: LeaderEpoch) -> Option<(LeaderEpoch, Offset)> {
        let after = self.spans.partition_point(|span| span.leader_epoch <= epoch);
        let last = self.spans.get(after.checked_sub(1)?)?;
        Some((last.leader_epoch, Offset(last.last.0.saturating_add(1))))
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
    fn epochs_end_where_the_next_begins() {
        let mut index = Index::default();
        assert_eq!(index.end_of_epoch(LeaderEpoch(5)), None);
        for one in [span(0, 4, 1), span(5, 9, 3)] {
            assert_eq!(index.push(one), Ok(()));
        }
        assert_eq!(index.end_of_epoch(LeaderEpoch(0)), None);
        assert_eq!(index.end_of_epoch(LeaderEpoch(2)), Some((LeaderEpoch(1), Offset(5))));
        assert_eq!(index.end_of_epoch(LeaderEpoch(3)), Some((LeaderEpoch(3), Offset(10))));
    }
}
