//! What this broker's write-ahead log holds above its floor: by partition and leader epoch, pure.
//!
//! The floor can rise over a partition's records once they are in segments, whoever leads it by then. Of what is still led,
//! the partition's own index knows more exactly; of the rest this is all there is.

use std::collections::BTreeMap;

use broker_log::Slice;
use broker_record::{LeaderEpoch, Offset};

use crate::topic::PartitionId;

/// What a log holds of one partition under one leader epoch.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct HeldPart {
    /// The first number with any of it.
    pub(crate) first: u64,
    /// The last number with any of it.
    pub(crate) last: u64,
    /// The last offset.
    pub(crate) last_offset: Offset,
}

/// What a log holds.
#[derive(Clone, Debug, Default)]
pub(crate) struct Held {
    parts: BTreeMap<(PartitionId, LeaderEpoch), HeldPart>,
}

impl Held {
    /// An object is acknowledged.
    pub(crate) fn add(&mut self, seq: u64, slice: &Slice) {
        let id = PartitionId { topic: slice.topic, partition: slice.partition };
        let last_offset = slice.last_offset();
        let part =
            self.parts.entry((id, slice.leader_epoch)).or_insert(HeldPart { first: seq, last: seq, last_offset });
        (part.last, part.last_offset) = (seq, last_offset);
    }

    /// Everything it holds.
    pub(crate) fn parts(&self) -> Vec<((PartitionId, LeaderEpoch), HeldPart)> {
        self.parts.iter().map(|(key, part)| (*key, *part)).collect()
    }

    /// Nothing of a partition is needed any more, if it is still what was seen.
    pub(crate) fn forget(&mut self, key: (PartitionId, LeaderEpoch), seen: HeldPart) {
        if self.parts.get(&key) == Some(&seen) {
            self.parts.remove(&key);
        }
    }

    /// Nothing of a partition is needed below a number.
    pub(crate) fn raise(&mut self, key: (PartitionId, LeaderEpoch), first: u64) {
        if let Some(part) = self.parts.get_mut(&key) {
            part.first = part.first.max(first);
        }
    }
}
