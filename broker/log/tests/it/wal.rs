//! Objects with batches.

use broker_log::{HeadContents, Incarnation, Origin, Repeats, WalBuilder, WalContents, WalError, WalHead, WalObject};
use broker_record::{BatchBuilder, LeaderEpoch, Offset, PlacedBatch, ProducerEpoch, ProducerId};
use bytes::Bytes;
use proptest::prelude::*;
use uuid::Uuid;

fn origin() -> Origin {
    Origin { cluster: Uuid::from_u128(7), incarnation: Incarnation { broker: 3, epoch: 17 }, seq: 42 }
}

fn batch(base: i64, epoch: i32, values: &[Vec<u8>]) -> PlacedBatch {
    let mut builder = BatchBuilder::new(1000 + base).producer(ProducerId(9), ProducerEpoch(1), 5);
    for value in values {
        builder.push(None, Some(value));
    }
    builder.build().place(Offset(base), LeaderEpoch(epoch))
}

/// Per partition, its batches' values.
type Plan = Vec<(u8, Vec<Vec<Vec<u8>>>)>;

fn plan() -> impl Strategy<Value = Plan> {
    let value = prop::collection::vec(any::<u8>(), 0..40);
    let batches = prop::collection::vec(prop::collection::vec(value, 1..4), 1..4);
    prop::collection::vec((0_u8..6, batches), 1..5)
}

/// Builds the object and says what each batch was.
fn build(plan: &Plan) -> (WalObject, Vec<(i32, PlacedBatch)>) {
    let mut builder = WalBuilder::default();
    let mut next = std::collections::BTreeMap::<i32, i64>::new();
    let mut pushed = Vec::new();
    for (partition, batches) in plan {
        let partition = i32::from(*partition);
        for values in batches {
            let base = next.entry(partition).or_default();
            let placed = batch(*base, 4, values);
            *base += i64::try_from(values.len()).unwrap();
            builder.push(Uuid::from_u128(1), partition, placed.clone(), None);
            pushed.push((partition, placed));
        }
    }
    let (bytes, index) = builder.build(origin(), 5);
    (WalObject::built(bytes, index), pushed)
}

proptest! {
    #[test]
    fn an_object_is_read_as_it_was_written(plan in plan()) {
        let (object, pushed) = build(&plan);
        let decoded = WalContents::decode(object.bytes().clone(), origin()).unwrap();
        prop_assert_eq!(&decoded, &WalContents::Batches(object.clone()));
        for slice in &object.index().slices {
            let start = usize::try_from(slice.position).unwrap();
            let end = start + usize::try_from(slice.length).unwrap();
            let expected: Vec<u8> = pushed
                .iter()
                .filter(|(partition, _)| *partition == slice.partition)
                .flat_map(|(_, batch)| batch.to_bytes().to_vec())
                .collect();
            prop_assert_eq!(&object.bytes()[start..end], &expected[..]);
        }
    }

    #[test]
    fn any_changed_byte_is_noticed(plan in plan(), index in any::<prop::sample::Index>(), flip in 1_u8..) {
        let (object, _) = build(&plan);
        let mut bytes = object.bytes().to_vec();
        let index = index.index(bytes.len());
        bytes[index] ^= flip;
        prop_assert!(WalContents::decode(Bytes::from(bytes), origin()).is_err());
    }

    #[test]
    fn a_cut_object_is_noticed(plan in plan(), index in any::<prop::sample::Index>()) {
        let (object, _) = build(&plan);
        let cut = object.bytes().slice(..index.index(object.bytes().len()));
        prop_assert!(WalContents::decode(cut, origin()).is_err());
    }

    #[test]
    fn arbitrary_bytes_never_panic(bytes in prop::collection::vec(any::<u8>(), 0..400)) {
        let _ = WalContents::decode(Bytes::from(bytes), origin());
    }

    #[test]
    fn arbitrary_bytes_after_a_valid_frame_never_panic(tail in prop::collection::vec(any::<u8>(), 0..400)) {
        let (object, _) = build(&vec![(0, vec![vec![vec![1]]])]);
        let mut bytes = object.bytes()[..60].to_vec();
        bytes.extend_from_slice(&tail);
        prop_assert!(WalContents::decode(Bytes::from(bytes), origin()).is_err());
    }
}

proptest! {
    #[test]
    fn a_head_repeats_the_indexes_before_it_and_is_read_without_the_body(
        plan in plan(),
        before in prop::collection::vec(plan(), 0..4),
        extra in 0_usize..50,
        at in any::<prop::sample::Index>(),
    ) {
        let indexes: Vec<_> = (0_u64..).zip(&before).map(|(seq, plan)| {
            let mut index = build(plan).0.into_index();
            index.origin.seq = 30 + seq;
            index
        }).collect();
        let repeats = Repeats { acknowledged: 31, indexes };
        let mut builder = WalBuilder::default();
        for (number, (partition, batches)) in plan.iter().enumerate() {
            for values in batches {
                let base = i64::try_from(number * 100).unwrap();
                builder.push(Uuid::from_u128(1), i32::from(*partition), batch(base, 4, values), None);
            }
        }
        let (bytes, index) = builder.build_repeating(origin(), 5, &repeats);
        let length = WalHead::length(&bytes);
        prop_assert_eq!(length, usize::try_from(index.slices[0].position).unwrap());
        let head = HeadContents::Batches(WalHead { index: index.clone(), repeats });
        let end = (length + extra).min(bytes.len());
        prop_assert_eq!(WalHead::decode(&bytes[..end], origin()), Ok(head));
        prop_assert!(WalHead::decode(&bytes[..at.index(length)], origin()).is_err());
        let mut damaged = bytes[..length].to_vec();
        damaged[at.index(length)] ^= 1;
        prop_assert!(WalHead::decode(&damaged, origin()).is_err());
        prop_assert_eq!(WalContents::decode(bytes.clone(), origin()), Ok(WalContents::Batches(WalObject::built(bytes, index))));
    }
}

#[test]
fn an_object_of_another_cluster_is_misplaced() {
    let (object, _) = build(&vec![(0, vec![vec![vec![1]]])]);
    let elsewhere = Origin { cluster: Uuid::from_u128(8), ..origin() };
    let found = WalContents::decode(object.bytes().clone(), elsewhere);
    assert_eq!(found, Err(WalError::Misplaced(Box::new(origin()))));
}
