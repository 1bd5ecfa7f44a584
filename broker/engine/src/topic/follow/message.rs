//! What a broker asks the leader of partitions that it serves reads of.

use broker_log::{AbortedTransaction, Incarnation, SegmentEntry, SegmentName, SegmentPart};
use broker_record::{LeaderEpoch, Offset, ProducerId};
use serde::{Deserialize, Serialize};
use uuid::Uuid;

use crate::log::{ObjectRef, Place, SegmentPlace, Span};
use crate::topic::PartitionId;

/// Where do the records lie?
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Look {
    /// Whom the question is for.
    pub(crate) leader: Incarnation,
    /// Whether only what no open transaction holds back is wanted.
    pub(crate) committed: bool,
    /// From where on, of each partition.
    pub(crate) partitions: Vec<LookAt>,
}

/// One partition of a [`Look`].
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct LookAt {
    pub(crate) topic: Uuid,
    pub(crate) partition: i32,
    pub(crate) offset: i64,
    /// Bytes of batches wanted; one place comes even if it has more.
    pub(crate) bytes_max: u64,
}

/// The answer to a [`Look`].
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Looked {
    /// The first number of the leader's own log that is not acknowledged, or is being at this moment; nothing named is beyond.
    pub(crate) wal_seq: u64,
    /// In the order of the question; none for what the asked broker does not serve.
    pub(crate) partitions: Vec<Option<Seen>>,
}

/// What a leader sees of a partition at one moment.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Seen {
    pub(crate) stand: Stand,
    pub(crate) log_start: i64,
    /// Nothing at or beyond it may be shown with this answer.
    pub(crate) end: i64,
    pub(crate) places: Vec<SeenPlace>,
    /// Producer, first and last offset of each aborted transaction among the records; for who asks for committed ones.
    pub(crate) aborted: Vec<(i64, i64, i64)>,
}

/// How far a partition has come.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Stand {
    pub(crate) leader_epoch: i32,
    pub(crate) high_watermark: i64,
    pub(crate) last_stable_offset: i64,
}

/// Where some records lie.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "snake_case")]
pub(crate) enum SeenPlace {
    /// In an object of a write-ahead log.
    Wal {
        /// Whose log.
        incarnation: Incarnation,
        /// The object's number.
        seq: u64,
        /// First and last offset.
        offsets: (i64, i64),
        /// The epoch in which they were written.
        leader_epoch: i32,
        /// The highest timestamp.
        max_timestamp: i64,
        /// Where in the object they begin, and how many bytes they are.
        bytes: (u32, u32),
    },
    /// In a segment.
    Segment {
        /// Which object.
        name: SeenName,
        /// First offset, and the one after the last.
        offsets: (i64, i64),
        /// Records.
        records: u64,
        /// The highest timestamp.
        max_timestamp: i64,
        /// Where in the object they begin, and how many bytes they are.
        bytes: (u64, u64),
        /// The same of their index, and its checksum.
        index: (u64, u32, u32),
        /// From which offset on they are wanted, and how many bytes.
        wanted: (i64, u64),
    },
}

/// The name of a segment.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "snake_case")]
pub(crate) enum SeenName {
    /// One that holds one partition: leader epoch, base offset, id.
    Own(i32, i64, Uuid),
    /// One that holds several: writer, id.
    Shared(Incarnation, Uuid),
}

/// Has anything changed? Answered as soon as something has.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Watch {
    /// Whom the question is for.
    pub(crate) leader: Incarnation,
    /// How long the answer may take where nothing changes.
    pub(crate) wait_ms: u64,
    /// What is known.
    pub(crate) partitions: Vec<(Uuid, i32, Stand)>,
}

impl SeenPlace {
    pub(super) fn of(place: &Place) -> Self {
        match *place {
            Place::Wal(span) => Self::Wal {
                incarnation: span.object.incarnation,
                seq: span.object.seq,
                offsets: (span.base.0, span.last.0),
                leader_epoch: span.leader_epoch.0,
                max_timestamp: span.max_timestamp,
                bytes: (span.position, span.length),
            },
            Place::Segment(SegmentPlace { entry, from, bytes_max, .. }) => {
                let part = entry.part;
                Self::Segment {
                    name: match entry.name {
                        SegmentName::Own { leader_epoch, base_offset, id } => {
                            SeenName::Own(leader_epoch, base_offset, id)
                        }
                        SegmentName::Shared { incarnation, id } => SeenName::Shared(incarnation, id),
                    },
                    offsets: (part.base_offset.0, part.end_offset.0),
                    records: part.record_count,
                    max_timestamp: part.max_timestamp,
                    bytes: (part.position, part.length),
                    index: (part.index_position, part.index_length, part.index_crc),
                    wanted: (from.0, u64::try_from(bytes_max).unwrap_or(u64::MAX)),
                }
            }
        }
    }

    pub(super) fn place(self, partition: PartitionId) -> Place {
        match self {
            Self::Wal { incarnation, seq, offsets, leader_epoch, max_timestamp, bytes } => Place::Wal(Span {
                base: Offset(offsets.0),
                last: Offset(offsets.1),
                leader_epoch: LeaderEpoch(leader_epoch),
                max_timestamp,
                object: ObjectRef { incarnation, seq },
                position: bytes.0,
                length: bytes.1,
            }),
            Self::Segment { name, offsets, records, max_timestamp, bytes, index, wanted } => {
                let part = SegmentPart {
                    partition: partition.partition,
                    base_offset: Offset(offsets.0),
                    end_offset: Offset(offsets.1),
                    record_count: records,
                    max_timestamp,
                    position: bytes.0,
                    length: bytes.1,
                    index_position: index.0,
                    index_length: index.1,
                    index_crc: index.2,
                };
                let name = match name {
                    SeenName::Own(leader_epoch, base_offset, id) => SegmentName::Own { leader_epoch, base_offset, id },
                    SeenName::Shared(incarnation, id) => SegmentName::Shared { incarnation, id },
                };
                // When it was written is of no interest to readers.
                let entry = SegmentEntry { name, part, written_ms: 0 };
                let bytes_max = usize::try_from(wanted.1).unwrap_or(usize::MAX);
                Place::Segment(SegmentPlace { partition, entry, from: Offset(wanted.0), bytes_max })
            }
        }
    }
}

impl Seen {
    /// The aborted transactions.
    pub(super) fn aborted(&self) -> Vec<AbortedTransaction> {
        let aborted = self.aborted.iter().map(|(producer_id, first, last)| AbortedTransaction {
            producer_id: ProducerId(*producer_id),
            first_offset: Offset(*first),
            last_offset: Offset(*last),
        });
        aborted.collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn places_come_back_as_they_were() {
        let id = PartitionId { topic: Uuid::from_u128(9), partition: 4 };
        let incarnation = Incarnation { broker: 3, epoch: 12 };
        let span = Span {
            base: Offset(7),
            last: Offset(9),
            leader_epoch: LeaderEpoch(2),
            max_timestamp: 55,
            object: ObjectRef { incarnation, seq: 8 },
            position: 100,
            length: 33,
        };
        let part = SegmentPart {
            partition: 4,
            base_offset: Offset(1),
            end_offset: Offset(7),
            record_count: 5,
            max_timestamp: 44,
            position: 10,
            length: 11,
            index_position: 21,
            index_length: 12,
            index_crc: 13,
        };
        let names = [
            SegmentName::Own { leader_epoch: 2, base_offset: 1, id: Uuid::from_u128(5) },
            SegmentName::Shared { incarnation, id: Uuid::from_u128(6) },
        ];
        let segments = names.map(|name| {
            let entry = SegmentEntry { name, part, written_ms: 0 };
            Place::Segment(SegmentPlace { partition: id, entry, from: Offset(3), bytes_max: 77 })
        });
        for place in [Place::Wal(span), segments[0], segments[1]] {
            assert_eq!(SeenPlace::of(&place).place(id), place);
        }
    }
}
