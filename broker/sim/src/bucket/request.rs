//! Kinds of requests, for what is to happen at one of them.

/// What is asked for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Operation {
    /// An object is written.
    Put,
    /// An object is read.
    Get,
    /// An object is deleted.
    Delete,
    /// Objects are listed.
    List,
}

/// Which part of the buckets it is about.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Part {
    /// Write-ahead logs.
    Log,
    /// Their checkpoints.
    Checkpoint,
    /// Manifests.
    Manifest,
    /// Segments.
    Segment,
    /// Entries of the metadata log.
    Entry,
    /// Snapshots of it.
    Snapshot,
    /// Signs of life and reports.
    Life,
    /// Markers, keys, and prefixes of several of these.
    Other,
    /// No part of a bucket: a coordinator has the ends of transactions written by another broker.
    Ends,
}

/// A kind of request.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Request {
    /// What is asked for.
    pub operation: Operation,
    /// About what.
    pub part: Part,
}

impl Request {
    /// All that a broker sends, but for the most frequent.
    pub const RARE: [Self; 22] = [
        Self::about(Operation::Put, Part::Log),
        Self::about(Operation::Put, Part::Checkpoint),
        Self::about(Operation::Put, Part::Manifest),
        Self::about(Operation::Put, Part::Segment),
        Self::about(Operation::Put, Part::Entry),
        Self::about(Operation::Put, Part::Snapshot),
        Self::about(Operation::Put, Part::Other),
        Self::about(Operation::Get, Part::Log),
        Self::about(Operation::Get, Part::Manifest),
        Self::about(Operation::Get, Part::Segment),
        Self::about(Operation::Get, Part::Snapshot),
        Self::about(Operation::Delete, Part::Log),
        Self::about(Operation::Delete, Part::Checkpoint),
        Self::about(Operation::Delete, Part::Manifest),
        Self::about(Operation::Delete, Part::Segment),
        Self::about(Operation::Delete, Part::Snapshot),
        Self::about(Operation::Delete, Part::Life),
        Self::about(Operation::List, Part::Log),
        Self::about(Operation::List, Part::Manifest),
        Self::about(Operation::List, Part::Segment),
        Self::about(Operation::List, Part::Life),
        Self::about(Operation::List, Part::Other),
    ];

    /// A coordinator asks for the ends of transactions.
    pub const ENDS: Self = Self::about(Operation::Put, Part::Ends);

    const fn about(operation: Operation, part: Part) -> Self {
        Self { operation, part }
    }

    /// The kind of a request for a key, or a prefix.
    #[must_use]
    pub fn of(operation: Operation, key: &str) -> Self {
        let parts = [
            ("/checkpoint/", Part::Checkpoint),
            ("/manifest/", Part::Manifest),
            ("/segment/", Part::Segment),
            ("/shared/", Part::Segment),
            ("/wal/", Part::Log),
            ("/meta/log/", Part::Entry),
            ("/meta/snapshot/", Part::Snapshot),
            ("/live/", Part::Life),
        ];
        let part = parts.into_iter().find(|(piece, _)| key.contains(piece)).map_or(Part::Other, |(_, part)| part);
        Self { operation, part }
    }
}

#[cfg(test)]
mod tests {
    use broker_store::{Incarnation, Key};
    use uuid::Uuid;

    use super::*;

    #[test]
    fn every_part_of_the_buckets_is_told_by_its_key() {
        let (topic, id, incarnation) = (Uuid::nil(), Uuid::nil(), Incarnation { broker: 1, epoch: 2 });
        let all = [
            (Key::Wal { incarnation, seq: 1 }, Part::Log),
            (Key::Checkpoint { incarnation, floor: 1, id }, Part::Checkpoint),
            (Key::Manifest { topic, partition: 0, version: 1 }, Part::Manifest),
            (Key::Segment { topic, partition: 0, leader_epoch: 1, base_offset: 1, id }, Part::Segment),
            (Key::SharedSegment { topic, incarnation, id }, Part::Segment),
            (Key::MetaLog { seq: 1 }, Part::Entry),
            (Key::MetaSnapshot { seq: 1 }, Part::Snapshot),
            (Key::Report { incarnation }, Part::Life),
            (Key::DataMarker, Part::Other),
        ];
        for (key, part) in all {
            assert_eq!(Request::of(Operation::Get, &key.path("sim")).part, part, "{key:?}");
        }
    }
}
