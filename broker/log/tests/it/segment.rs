//! Segments.

use broker_log::segment::read_footer;
use broker_log::{SegmentBuilder, SegmentError, SegmentIndex, SegmentPart};
use broker_record::{BatchBuilder, LeaderEpoch, Offset};
use bytes::Bytes;
use proptest::prelude::*;
use uuid::Uuid;

const CLUSTER: Uuid = Uuid::from_u128(7);
const TOPIC: Uuid = Uuid::from_u128(8);

/// Batches with these numbers of records, from an offset on.
fn batches(base: i64, counts: &[usize], value: usize) -> Vec<u8> {
    let mut out = Vec::new();
    let mut next = base;
    for count in counts {
        let mut builder = BatchBuilder::new(1000 + next);
        for _ in 0..*count {
            builder.push(None, Some(&vec![1; value]));
        }
        out.extend_from_slice(&builder.build().place(Offset(next), LeaderEpoch(3)).to_bytes());
        next += i64::try_from(*count).unwrap();
    }
    out
}

/// Per partition, the records of its batches.
type Plan = Vec<Vec<usize>>;

fn plan() -> impl Strategy<Value = Plan> {
    prop::collection::vec(prop::collection::vec(1_usize..5, 1..12), 1..5)
}

fn build(plan: &Plan, value: usize) -> (Bytes, Vec<SegmentPart>, Vec<Vec<u8>>) {
    let mut builder = SegmentBuilder::new(CLUSTER, TOPIC, 5, 0);
    let mut contents = Vec::new();
    for (partition, counts) in (0_i32..).zip(plan) {
        let base = i64::from(partition) * 10;
        let bytes = batches(base, counts, value);
        let end = base + i64::try_from(counts.iter().sum::<usize>()).unwrap();
        let position = builder.reserve(partition, Offset(base), Offset(end), bytes.len());
        builder.fill(position, &bytes).unwrap();
        contents.push(bytes);
    }
    let mut seen = 0;
    let (bytes, parts) = builder.finish(|_, _, _| seen += 1).unwrap();
    assert_eq!(seen, plan.iter().map(Vec::len).sum::<usize>());
    (bytes, parts, contents)
}

fn index(bytes: &Bytes, part: &SegmentPart) -> Result<SegmentIndex, SegmentError> {
    let start = usize::try_from(part.index_position).unwrap();
    SegmentIndex::decode(&bytes[start..start + usize::try_from(part.index_length).unwrap()], part)
}

proptest! {
    #[test]
    fn every_part_is_read_back_by_its_index(plan in plan(), value in prop_oneof![Just(3_usize), Just(30_000)]) {
        let (bytes, parts, contents) = build(&plan, value);
        prop_assert_eq!(read_footer(&bytes, CLUSTER, TOPIC).unwrap(), parts.clone());
        for (part, content) in parts.iter().zip(&contents) {
            let start = usize::try_from(part.position).unwrap();
            let body = &bytes[start..start + usize::try_from(part.length).unwrap()];
            prop_assert_eq!(body, &content[..]);
            let index = index(&bytes, part).unwrap();
            for block in index.blocks() {
                let start = usize::try_from(block.position).unwrap();
                let block_bytes = &body[start..start + usize::try_from(block.length).unwrap()];
                prop_assert!(block.holds(block_bytes));
                let mut damaged = block_bytes.to_vec();
                damaged[0] ^= 1;
                prop_assert!(!block.holds(&damaged));
            }
            for offset in part.base_offset.0..part.end_offset.0 {
                let block = &index.blocks()[index.at_offset(Offset(offset))];
                prop_assert!(block.base_offset.0 <= offset && offset <= block.last_offset.0);
            }
            prop_assert_eq!(index.at_offset(part.end_offset), index.blocks().len());
        }
    }

    #[test]
    fn any_changed_byte_of_an_index_is_noticed(plan in plan(), at in any::<prop::sample::Index>(), flip in 1_u8..) {
        let (bytes, parts, _) = build(&plan, 3);
        let part = parts[at.index(parts.len())];
        let mut bytes = bytes.to_vec();
        let start = usize::try_from(part.index_position).unwrap();
        bytes[start + at.index(usize::try_from(part.index_length).unwrap())] ^= flip;
        prop_assert!(index(&Bytes::from(bytes), &part).is_err());
    }

    #[test]
    fn arbitrary_bytes_never_panic(bytes in prop::collection::vec(any::<u8>(), 0..400)) {
        let part = SegmentPart {
            partition: 0,
            base_offset: Offset(0),
            end_offset: Offset(10),
            record_count: 10,
            max_timestamp: 0,
            position: 0,
            length: 100,
            index_position: 0,
            index_length: u32::try_from(bytes.len()).unwrap(),
            index_crc: crc32c::crc32c(&bytes),
        };
        let _ = SegmentIndex::decode(&bytes, &part);
        let _ = read_footer(&Bytes::from(bytes), CLUSTER, TOPIC);
    }

    #[test]
    fn a_footer_of_arbitrary_bytes_never_panics_and_reserves_no_more_than_is_there(
        mut tail in prop::collection::vec(any::<u8>(), 0..400),
        count in any::<u32>(),
    ) {
        let (bytes, _, _) = build(&vec![vec![1]], 3);
        tail.splice(0..0, count.to_be_bytes());
        let crc = crc32c::crc32c(&tail);
        tail.extend_from_slice(&crc.to_be_bytes());
        let length = u32::try_from(tail.len()).unwrap();
        let mut all = bytes.to_vec();
        all.extend_from_slice(&tail);
        all.extend_from_slice(&length.to_be_bytes());
        let _ = read_footer(&Bytes::from(all), CLUSTER, TOPIC);
    }
}

#[test]
fn batches_that_are_not_in_order_or_not_whole_are_not_written() {
    let good = batches(5, &[2, 2], 3);
    let cases = [
        (Offset(6), Offset(9), good.len()),
        (Offset(5), Offset(8), good.len()),
        (Offset(5), Offset(9), good.len() - 1),
    ];
    for (base, end, length) in cases {
        let mut builder = SegmentBuilder::new(CLUSTER, TOPIC, 5, 0);
        let position = builder.reserve(0, base, end, length);
        builder.fill(position, &good[..length]).unwrap();
        assert!(matches!(builder.finish(|_, _, _| {}), Err(SegmentError::Batches(_))));
    }
    let mut builder = SegmentBuilder::new(CLUSTER, TOPIC, 5, 0);
    let position = builder.reserve(0, Offset(5), Offset(9), 10);
    assert!(builder.fill(position, &good).is_err(), "nothing is written beyond what was reserved");
}

#[test]
fn compaction_may_leave_gaps_inside_a_part() {
    let mut all = batches(5, &[2], 3);
    all.extend(batches(20, &[1], 3));
    let mut builder = SegmentBuilder::new(CLUSTER, TOPIC, 5, 0);
    let position = builder.reserve(0, Offset(0), Offset(30), all.len());
    builder.fill(position, &all).unwrap();
    let (bytes, parts) = builder.finish(|_, _, _| {}).unwrap();
    assert_eq!((parts[0].base_offset, parts[0].end_offset, parts[0].record_count), (Offset(0), Offset(30), 3));
    assert_eq!(index(&bytes, &parts[0]).unwrap().at_offset(Offset(10)), 0);
}
