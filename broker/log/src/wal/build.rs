//! Writing an object.

use std::collections::BTreeMap;

use broker_record::{ControlRecord, LeaderEpoch, MarkerKind, PlacedBatch};
use bytes::{Bytes, BytesMut};
use uuid::Uuid;

use super::{BatchEntry, ENTRY_LEN, REPEAT_LEN, Repeats, SLICE_LEN, Slice, WalIndex};
use crate::frame::{FRAME_LEN, Frame, Kind, write_checksum};
use crate::identity::Origin;

/// A batch, and the marker where it is one.
type Pushed = (PlacedBatch, Option<ControlRecord>);

/// Collects batches for one object.
#[derive(Debug, Default)]
pub struct WalBuilder {
    slices: BTreeMap<(Uuid, i32, LeaderEpoch), Vec<Pushed>>,
    body_len: usize,
    batch_count: usize,
}

impl WalBuilder {
    /// Appends a batch of a partition; its offsets must follow those of the partition's batches before.
    ///
    /// `marker` repeats what a control batch says, so that recovery need not read it.
    pub fn push(&mut self, topic: Uuid, partition: i32, batch: PlacedBatch, marker: Option<ControlRecord>) {
        self.body_len = self.body_len.saturating_add(batch.len());
        self.batch_count = self.batch_count.saturating_add(1);
        self.slices.entry((topic, partition, batch.header.leader_epoch)).or_default().push((batch, marker));
    }

    /// Whether there is nothing to write.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.batch_count == 0
    }

    /// Bytes of batches so far.
    #[must_use]
    pub fn body_len(&self) -> usize {
        self.body_len
    }

    /// Batches so far.
    #[must_use]
    pub fn batch_count(&self) -> usize {
        self.batch_count
    }

    /// Writes the object: its bytes, and the index that a reader of them will find.
    #[must_use]
    pub fn build(self, origin: Origin, nonce: u128) -> (Bytes, WalIndex) {
        self.build_repeating(origin, nonce, &Repeats::default())
    }

    /// As [`WalBuilder::build`], for an object that repeats the indexes of those before it.
    #[must_use]
    pub fn build_repeating(self, origin: Origin, nonce: u128, repeats: &Repeats) -> (Bytes, WalIndex) {
        let index_len = self.slices.len() * SLICE_LEN + self.batch_count * ENTRY_LEN;
        let repeats_len: usize = repeats.indexes.iter().map(repeated_len).sum();
        let body_start = FRAME_LEN + 4 + 4 + 4 + index_len + 8 + 4 + repeats_len + 4;
        let mut head = Vec::with_capacity(body_start);
        Frame { kind: Kind::Batches, origin, nonce }.write(&mut head);
        head.extend_from_slice(&small(body_start).to_be_bytes());
        head.extend_from_slice(&small(self.slices.len()).to_be_bytes());
        head.extend_from_slice(&small(self.body_len).to_be_bytes());
        let mut position = body_start;
        let mut slices = Vec::with_capacity(self.slices.len());
        for ((topic, partition, leader_epoch), batches) in &self.slices {
            let entries: Vec<BatchEntry> = batches
                .iter()
                .map(|(batch, marker)| BatchEntry::of(&batch.header, *marker, small(batch.len())))
                .collect();
            let length = batches.iter().map(|(batch, _)| batch.len()).sum::<usize>();
            let slice = Slice {
                topic: *topic,
                partition: *partition,
                leader_epoch: *leader_epoch,
                position: small(position),
                length: small(length),
                batches: entries,
            };
            write_slice(&slice, &mut head);
            slices.push(slice);
            position += length;
        }
        write_repeats(repeats, &mut head);
        write_checksum(&mut head);
        let mut out = BytesMut::with_capacity(body_start + self.body_len);
        out.extend_from_slice(&head);
        for (batch, _) in self.slices.values().flatten() {
            batch.write_to(&mut out);
        }
        (out.freeze(), WalIndex { origin, nonce, slices })
    }
}

/// Bytes of an index where it is repeated.
#[must_use]
pub fn repeated_len(index: &WalIndex) -> usize {
    let slices = index.slices.iter().map(|slice| SLICE_LEN + slice.batches.len() * ENTRY_LEN);
    REPEAT_LEN + slices.sum::<usize>()
}

fn write_repeats(repeats: &Repeats, out: &mut Vec<u8>) {
    out.extend_from_slice(&repeats.acknowledged.to_be_bytes());
    out.extend_from_slice(&small(repeats.indexes.len()).to_be_bytes());
    for index in &repeats.indexes {
        out.extend_from_slice(&index.origin.seq.to_be_bytes());
        out.extend_from_slice(&index.nonce.to_be_bytes());
        out.extend_from_slice(&small(index.slices.len()).to_be_bytes());
        for slice in &index.slices {
            write_slice(slice, out);
        }
    }
}

fn write_slice(slice: &Slice, out: &mut Vec<u8>) {
    out.extend_from_slice(slice.topic.as_bytes());
    out.extend_from_slice(&slice.partition.to_be_bytes());
    out.extend_from_slice(&slice.leader_epoch.0.to_be_bytes());
    out.extend_from_slice(&slice.position.to_be_bytes());
    out.extend_from_slice(&slice.length.to_be_bytes());
    out.extend_from_slice(&small(slice.batches.len()).to_be_bytes());
    for batch in &slice.batches {
        let (marker, coordinator_epoch) = match batch.marker {
            None => (-1_i16, -1),
            Some(ControlRecord { kind: MarkerKind::Abort, coordinator_epoch }) => (0, coordinator_epoch),
            Some(ControlRecord { kind: MarkerKind::Commit, coordinator_epoch }) => (1, coordinator_epoch),
        };
        out.extend_from_slice(&batch.base_offset.0.to_be_bytes());
        out.extend_from_slice(&batch.last_offset.0.to_be_bytes());
        out.extend_from_slice(&batch.record_count.to_be_bytes());
        out.extend_from_slice(&batch.max_timestamp.to_be_bytes());
        out.extend_from_slice(&batch.producer_id.0.to_be_bytes());
        out.extend_from_slice(&batch.producer_epoch.0.to_be_bytes());
        out.extend_from_slice(&batch.first_sequence.to_be_bytes());
        out.extend_from_slice(&batch.last_sequence.to_be_bytes());
        out.extend_from_slice(&batch.attributes.0.to_be_bytes());
        out.extend_from_slice(&marker.to_be_bytes());
        out.extend_from_slice(&coordinator_epoch.to_be_bytes());
        out.extend_from_slice(&batch.length.to_be_bytes());
    }
}

/// A length inside an object; [`crate::limits::OBJECT_BYTES_MAX`] fits.
fn small(length: usize) -> u32 {
    u32::try_from(length).unwrap_or(u32::MAX)
}
