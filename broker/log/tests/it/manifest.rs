//! Manifests and checkpoints.

use std::sync::Arc;

use broker_log::{
    AbortedTransaction, Checkpoint, EpochStart, FoldedPartition, Incarnation, Manifest, ManifestError, ManifestVersion,
    ProducersSnapshot, SegmentEntry, SegmentName, SegmentPart,
};
use broker_record::{LeaderEpoch, Offset, ProducerId};
use proptest::prelude::*;
use uuid::Uuid;

const CLUSTER: Uuid = Uuid::from_u128(7);
const TOPIC: Uuid = Uuid::from_u128(8);

fn names() -> impl Strategy<Value = SegmentName> {
    prop_oneof![
        (any::<i32>(), any::<i64>(), any::<u128>()).prop_map(|(leader_epoch, base_offset, id)| SegmentName::Own {
            leader_epoch,
            base_offset,
            id: Uuid::from_u128(id)
        }),
        (any::<i32>(), any::<i64>(), any::<u128>()).prop_map(|(broker, epoch, id)| SegmentName::Shared {
            incarnation: Incarnation { broker, epoch },
            id: Uuid::from_u128(id)
        }),
    ]
}

fn producers() -> impl Strategy<Value = ProducersSnapshot> {
    let aborted = prop::collection::vec((any::<i64>(), any::<i64>(), any::<i64>()), 0..4);
    (any::<i64>(), aborted).prop_map(|(end, aborted)| {
        let aborted = aborted.into_iter().map(|(id, first, last)| AbortedTransaction {
            producer_id: ProducerId(id),
            first_offset: Offset(first),
            last_offset: Offset(last),
        });
        ProducersSnapshot { end: Offset(end), producers: Vec::new(), aborted: aborted.collect() }
    })
}

fn manifests() -> impl Strategy<Value = Manifest> {
    let segments = prop::collection::vec((names(), 1_i64..50, any::<u64>(), any::<u32>()), 0..6);
    (segments, 0_i64..1000, producers(), prop::collection::vec(1_i64..9, 0..4)).prop_map(
        |(segments, start, producers, epochs)| {
            let mut next = start;
            let entry = |(name, count, size, small): (SegmentName, i64, u64, u32)| {
                let base_offset = Offset(next);
                next += count;
                let part = SegmentPart {
                    partition: 3,
                    base_offset,
                    end_offset: Offset(next),
                    record_count: size >> 3,
                    max_timestamp: count,
                    position: size,
                    length: size >> 1,
                    index_position: size >> 2,
                    index_length: small,
                    index_crc: small ^ 9,
                };
                SegmentEntry { name, part, written_ms: count }
            };
            let segments: Vec<SegmentEntry> = segments.into_iter().map(entry).collect();
            let epoch = |(number, step): (usize, i64)| EpochStart {
                leader_epoch: LeaderEpoch(i32::try_from(number).unwrap()),
                start: Offset(i64::try_from(number).unwrap() * 10 + step),
            };
            Manifest {
                log_start: Offset(start),
                folded_to: Offset(next),
                cleaned_to: Offset(start),
                segments,
                epochs: epochs.into_iter().enumerate().map(epoch).collect(),
                producers,
            }
        },
    )
}

fn version(manifest: Manifest) -> ManifestVersion {
    ManifestVersion {
        cluster: CLUSTER,
        topic: TOPIC,
        partition: 3,
        version: 17,
        leader_epoch: LeaderEpoch(4),
        writer: Incarnation { broker: 1, epoch: 2 },
        nonce: 99,
        manifest: Arc::new(manifest),
    }
}

fn decode(bytes: &[u8]) -> Result<ManifestVersion, ManifestError> {
    ManifestVersion::decode(bytes, CLUSTER, TOPIC, 3, 17)
}

proptest! {
    #[test]
    fn a_manifest_is_read_as_it_was_written(manifest in manifests()) {
        let written = version(manifest);
        prop_assert_eq!(decode(&written.encode()), Ok(written));
    }

    #[test]
    fn any_changed_byte_is_noticed(manifest in manifests(), at in any::<prop::sample::Index>(), flip in 1_u8..) {
        let mut bytes = version(manifest).encode().to_vec();
        let at = at.index(bytes.len());
        bytes[at] ^= flip;
        prop_assert!(decode(&bytes).is_err());
    }

    #[test]
    fn arbitrary_bytes_after_a_valid_head_never_panic(tail in prop::collection::vec(any::<u8>(), 0..600)) {
        let mut bytes = version(Manifest::default()).encode()[..82].to_vec();
        bytes.extend_from_slice(&tail);
        let crc = crc32c::crc32c(&bytes);
        bytes.extend_from_slice(&crc.to_be_bytes());
        let _ = decode(&bytes);
        let _ = decode(&tail);
        let _ = Checkpoint::decode(&tail, CLUSTER, Incarnation { broker: 1, epoch: 2 }, 3);
    }

    #[test]
    fn the_segment_of_an_offset_is_the_one_that_covers_it(manifest in manifests(), offset in 0_i64..1300) {
        let found = manifest.segments.get(manifest.segment_at(Offset(offset)));
        let expected = manifest.segments.iter().find(|segment| offset < segment.part.end_offset.0);
        prop_assert_eq!(found, expected);
    }

    #[test]
    fn a_checkpoint_is_read_as_it_was_written(
        partitions in prop::collection::vec((any::<u128>(), any::<i32>(), any::<u64>(), any::<i64>()), 0..8),
        at in any::<prop::sample::Index>(),
        flip in 1_u8..,
    ) {
        let incarnation = Incarnation { broker: 4, epoch: 9 };
        let partition = |(topic, partition, version, offset): (u128, i32, u64, i64)| FoldedPartition {
            topic: Uuid::from_u128(topic),
            partition,
            leader_epoch: LeaderEpoch(partition ^ 3),
            manifest_version: version,
            manifest_nonce: topic ^ 1,
            folded_to: Offset(offset),
        };
        let partitions = partitions.into_iter().map(partition).collect();
        let written = Checkpoint { cluster: CLUSTER, incarnation, floor: 77, nonce: 5, partitions };
        let bytes = written.encode();
        prop_assert_eq!(Checkpoint::decode(&bytes, CLUSTER, incarnation, 77), Ok(written));
        prop_assert!(Checkpoint::decode(&bytes, CLUSTER, incarnation, 78).is_err());
        let mut bytes = bytes.to_vec();
        let at = at.index(bytes.len());
        bytes[at] ^= flip;
        prop_assert!(Checkpoint::decode(&bytes, CLUSTER, incarnation, 77).is_err());
    }
}

#[test]
fn a_manifest_found_at_another_version_is_misplaced() {
    let bytes = version(Manifest::default()).encode();
    let found = ManifestVersion::decode(&bytes, CLUSTER, TOPIC, 3, 18);
    assert_eq!(found, Err(ManifestError::Misplaced { topic: TOPIC, partition: 3, version: 17 }));
}

#[test]
fn a_manifest_with_a_hole_is_none() {
    let part = |base: i64, end: i64| SegmentPart {
        partition: 3,
        base_offset: Offset(base),
        end_offset: Offset(end),
        record_count: 1,
        max_timestamp: 1,
        position: 0,
        length: 1,
        index_position: 0,
        index_length: 0,
        index_crc: 0,
    };
    let name = SegmentName::Own { leader_epoch: 1, base_offset: 0, id: Uuid::nil() };
    let entry = |base, end| SegmentEntry { name, part: part(base, end), written_ms: 0 };
    let with = |segments: Vec<SegmentEntry>, folded_to| Manifest { segments, folded_to, ..Manifest::default() };
    assert!(with(vec![entry(0, 5), entry(5, 9)], Offset(9)).check().is_ok());
    assert!(with(vec![entry(0, 5), entry(6, 9)], Offset(9)).check().is_err());
    assert!(with(vec![entry(0, 5), entry(5, 9)], Offset(10)).check().is_err());
    assert!(with(vec![entry(5, 5)], Offset(5)).check().is_err());
}
