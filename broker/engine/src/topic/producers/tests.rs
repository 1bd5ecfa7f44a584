//! Sequences, epochs, transactions.

use broker_record::Attributes;
use proptest::prelude::*;

use super::*;

fn batch(epoch: i16, first: i32, last: i32) -> Sequenced {
    Sequenced { producer_id: ProducerId(1), epoch: ProducerEpoch(epoch), first, last }
}

/// The index entry of one record.
fn entry(id: i64, epoch: i16, sequence: i32, offset: i64) -> BatchEntry {
    BatchEntry {
        base_offset: Offset(offset),
        last_offset: Offset(offset),
        record_count: 1,
        max_timestamp: offset,
        producer_id: ProducerId(id),
        producer_epoch: ProducerEpoch(epoch),
        first_sequence: sequence,
        last_sequence: sequence,
        attributes: Attributes::default(),
        marker: None,
        length: 70,
    }
}

fn transactional(id: i64, epoch: i16, sequence: i32, offset: i64) -> BatchEntry {
    BatchEntry { attributes: Attributes::default().with_transactional(), ..entry(id, epoch, sequence, offset) }
}

fn marked(id: i64, epoch: i16, kind: MarkerKind, coordinator_epoch: i32, offset: i64) -> BatchEntry {
    BatchEntry {
        attributes: Attributes::default().with_transactional().with_control(),
        marker: Some(ControlRecord { kind, coordinator_epoch }),
        ..entry(id, epoch, -1, offset)
    }
}

fn marker(id: i64, epoch: i16, coordinator_epoch: i32, protocol: Protocol) -> Marker {
    Marker {
        producer_id: ProducerId(id),
        epoch: ProducerEpoch(epoch),
        control: ControlRecord { kind: MarkerKind::Commit, coordinator_epoch },
        protocol,
    }
}

fn after(entries: &[BatchEntry]) -> Producers {
    let mut producers = Producers::default();
    entries.iter().for_each(|entry| producers.apply(entry));
    producers
}

fn with(batches: &[(i32, i32)]) -> Producers {
    let entries: Vec<BatchEntry> = batches
        .iter()
        .map(|(first, last)| BatchEntry {
            last_offset: Offset(i64::from(*last)),
            last_sequence: *last,
            ..entry(1, 0, *first, i64::from(*first))
        })
        .collect();
    after(&entries)
}

#[test]
fn one_of_the_last_five_batches_is_a_duplicate_and_an_older_one_is_out_of_order() {
    let producers = with(&[(0, 0), (1, 1), (2, 2), (3, 3), (4, 4), (5, 5)]);
    assert_eq!(producers.check(batch(0, 1, 1)), Verdict::Duplicate { base_offset: Offset(1), last_offset: Offset(1) });
    assert_eq!(producers.check(batch(0, 0, 0)), Verdict::OutOfOrder);
    assert_eq!(producers.check(batch(0, 6, 8)), Verdict::Append);
    assert_eq!(producers.check(batch(0, 7, 8)), Verdict::OutOfOrder);
}

#[test]
fn a_newer_epoch_starts_at_zero_and_fences_the_older() {
    let mut producers = with(&[(0, 4)]);
    assert_eq!(producers.check(batch(1, 5, 5)), Verdict::OutOfOrder);
    assert_eq!(producers.check(batch(1, 0, 0)), Verdict::Append);
    producers.apply(&entry(1, 1, 0, 5));
    assert_eq!(producers.check(batch(0, 5, 5)), Verdict::Fenced);
}

#[test]
fn sequence_numbers_wrap() {
    let producers = with(&[(i32::MAX - 1, i32::MAX)]);
    assert_eq!(producers.check(batch(0, 0, 3)), Verdict::Append);
}

#[test]
fn the_number_of_remembered_producers_is_bounded_and_who_is_in_a_transaction_stays() {
    let mut producers = Producers::default();
    producers.apply(&transactional(-7, 0, 0, 0));
    for id in 1..20_000 {
        producers.apply(&entry(id, 0, 0, id));
        assert!(producers.by_id.len() <= PRODUCERS_PER_PARTITION_MAX);
    }
    assert!(producers.by_id.len() > PRODUCERS_PER_PARTITION_MAX / 2);
    assert!(producers.by_id.contains_key(&ProducerId(19_999)) && !producers.by_id.contains_key(&ProducerId(1)));
    assert_eq!(producers.first_open(), Some(Offset(0)));
}

#[test]
fn a_transaction_is_open_from_its_first_record_to_its_marker_and_only_an_aborted_one_is_remembered() {
    let mut producers = after(&[transactional(1, 0, 0, 0), transactional(2, 0, 0, 1), transactional(1, 0, 1, 2)]);
    assert_eq!(producers.first_open(), Some(Offset(0)));
    assert!(producers.is_open(ProducerId(1), ProducerEpoch(0)) && !producers.is_open(ProducerId(1), ProducerEpoch(1)));
    producers.apply(&marked(1, 0, MarkerKind::Commit, 3, 3));
    assert_eq!(producers.first_open(), Some(Offset(1)));
    producers.apply(&marked(2, 1, MarkerKind::Abort, 3, 4));
    assert_eq!(producers.first_open(), None);
    let aborted = AbortedTransaction { producer_id: ProducerId(2), first_offset: Offset(1), last_offset: Offset(4) };
    assert_eq!(producers.aborted_between(Offset(0), Offset(9)), [aborted]);
    assert_eq!(producers.aborted_between(Offset(4), Offset(9)), [aborted]);
    assert_eq!(producers.aborted_between(Offset(5), Offset(9)), []);
    assert_eq!(producers.aborted_between(Offset(0), Offset(1)), []);
    producers.forget_below(Offset(5));
    assert_eq!(producers.aborted_between(Offset(0), Offset(9)), []);
}

#[test]
fn after_a_marker_that_raised_the_epoch_the_next_batch_begins_at_zero_and_late_ones_are_fenced() {
    let producers = after(&[transactional(1, 0, 0, 0), marked(1, 1, MarkerKind::Commit, 0, 1)]);
    assert_eq!(producers.check(batch(0, 1, 1)), Verdict::Fenced);
    assert_eq!(producers.check(batch(1, 1, 1)), Verdict::OutOfOrder);
    assert_eq!(producers.check(batch(1, 0, 0)), Verdict::Append);
}

#[test]
fn a_marker_of_an_older_coordinator_or_producer_is_refused() {
    let producers = after(&[transactional(1, 5, 0, 0), marked(1, 5, MarkerKind::Commit, 7, 1)]);
    assert_eq!(producers.check_marker(&marker(1, 5, 6, Protocol::Classic)), MarkerVerdict::FencedCoordinator);
    assert_eq!(producers.check_marker(&marker(1, 4, 7, Protocol::Classic)), MarkerVerdict::FencedProducer);
    assert_eq!(producers.check_marker(&marker(1, 5, 7, Protocol::Classic)), MarkerVerdict::Duplicate);
    assert_eq!(producers.check_marker(&marker(1, 5, 8, Protocol::Classic)), MarkerVerdict::Append);
    assert_eq!(producers.check_marker(&marker(1, 6, 7, Protocol::Classic)), MarkerVerdict::Append);
    assert_eq!(producers.check_marker(&marker(2, 0, 0, Protocol::Classic)), MarkerVerdict::Append);
}

#[test]
fn a_late_marker_of_the_transaction_before_does_not_end_the_next_one() {
    let ended = marker(1, 1, 0, Protocol::EpochPerTransaction);
    let mut producers = after(&[transactional(1, 0, 0, 0)]);
    assert_eq!(producers.check_marker(&ended), MarkerVerdict::Append);
    producers.apply(&marked(1, 1, MarkerKind::Commit, 0, 1));
    assert_eq!(producers.check_marker(&ended), MarkerVerdict::Duplicate);
    producers.apply(&transactional(1, 1, 0, 2));
    assert_eq!(producers.check_marker(&ended), MarkerVerdict::FencedProducer);
}

/// One of three producers writes, or its transaction ends.
fn history() -> impl Strategy<Value = Vec<BatchEntry>> {
    prop::collection::vec((0_i64..3, 0_u8..4), 0..60).prop_map(|steps| {
        let mut next = BTreeMap::<i64, i32>::new();
        let step = |(offset, (id, what)): (i64, (i64, u8))| match what {
            0 | 1 => {
                let sequence = next.entry(id).or_default();
                *sequence += 1;
                transactional(id, 0, *sequence - 1, offset)
            }
            2 => marked(id, 0, MarkerKind::Commit, 0, offset),
            _ => marked(id, 0, MarkerKind::Abort, 0, offset),
        };
        (0..).zip(steps).map(step).collect()
    })
}

proptest! {
    /// A producer that resends at random never gets a batch in twice or in the wrong order.
    #[test]
    fn whatever_is_resent_the_log_holds_each_batch_once(sends in prop::collection::vec(0_i32..30, 1..300)) {
        let mut producers = Producers::default();
        let mut log = Vec::new();
        for number in sends {
            match producers.check(batch(0, number, number)) {
                Verdict::Append if log.is_empty() && number != 0 => {}
                Verdict::Append => {
                    producers.apply(&entry(1, 0, number, i64::try_from(log.len()).unwrap()));
                    log.push(number);
                }
                Verdict::Duplicate { base_offset, .. } => {
                    prop_assert_eq!(log[usize::try_from(base_offset.0).unwrap()], number);
                }
                Verdict::OutOfOrder | Verdict::Fenced => {}
            }
        }
        let expected: Vec<i32> = (0..i32::try_from(log.len()).unwrap()).collect();
        prop_assert_eq!(log, expected);
    }

    /// A snapshot taken anywhere, and any overlapping part of the log after it, give what the whole log gives.
    #[test]
    fn a_snapshot_and_the_log_since_give_the_same_memory(
        history in history(),
        cut in any::<prop::sample::Index>(),
        overlap in 0_usize..10,
    ) {
        let cut = cut.index(history.len() + 1);
        let mut restored = Producers::restore(&after(&history[..cut]).snapshot());
        history[cut.saturating_sub(overlap)..].iter().for_each(|entry| restored.apply(entry));
        let whole = after(&history);
        prop_assert_eq!(restored.snapshot(), whole.snapshot());
        prop_assert_eq!(restored.open, whole.open);
    }

    /// What a reader of committed records sees, by the rules of Kafka's consumers, is what was committed: no more, no less.
    #[test]
    fn the_aborted_index_and_the_stable_end_hide_exactly_what_is_not_committed(
        history in history(),
        from in any::<prop::sample::Index>(),
    ) {
        let producers = after(&history);
        let end = Offset(i64::try_from(history.len()).unwrap());
        let stable = producers.first_open().unwrap_or(end);
        let from = Offset(i64::try_from(from.index(history.len() + 1)).unwrap());
        let fetched = history.iter().filter(|entry| entry.base_offset >= from && entry.base_offset < stable);
        // A consumer drops records of a producer from the first offset of an aborted transaction on, to its marker.
        let mut aborted = producers.aborted_between(from, stable);
        aborted.sort_by_key(|one| one.first_offset);
        let mut aborted: VecDeque<AbortedTransaction> = aborted.into();
        let mut hidden = std::collections::BTreeSet::new();
        let mut seen = Vec::new();
        for entry in fetched {
            while aborted.front().is_some_and(|one| one.first_offset <= entry.last_offset) {
                hidden.insert(aborted.pop_front().unwrap().producer_id);
            }
            if entry.marker.is_some() {
                hidden.remove(&entry.producer_id);
            } else if !hidden.contains(&entry.producer_id) {
                seen.push(entry.base_offset);
            }
        }
        let committed = |entry: &&BatchEntry| {
            let mut rest = history.iter().filter(|other| other.base_offset > entry.base_offset);
            let end = rest.find(|other| other.producer_id == entry.producer_id && other.marker.is_some());
            end.and_then(|end| end.marker).is_some_and(|control| control.kind == MarkerKind::Commit)
        };
        let written = history.iter().filter(|entry| entry.marker.is_none());
        let expected: Vec<Offset> = written
            .filter(|entry| entry.base_offset >= from && entry.base_offset < stable)
            .filter(committed)
            .map(|entry| entry.base_offset)
            .collect();
        prop_assert_eq!(seen, expected);
    }
}
