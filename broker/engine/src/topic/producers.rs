//! What a partition remembers of its idempotent producers: pure.
//!
//! Invariant: a batch is appended only if it continues its producer's sequence; a batch that is one of the producer's last
//! five is answered with the offset of the original.

use std::collections::{BTreeMap, VecDeque};

use broker_log::BatchEntry;
use broker_record::{Offset, ProducerEpoch, ProducerId};

use crate::limits::{PRODUCER_BATCHES_KEPT, PRODUCERS_PER_PARTITION_MAX};

/// A batch as its producer numbered it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Sequenced {
    pub(crate) producer_id: ProducerId,
    pub(crate) epoch: ProducerEpoch,
    pub(crate) first: i32,
    pub(crate) last: i32,
}

/// What to do with a batch.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Verdict {
    /// It is the next one.
    Append,
    /// It was appended before, at these offsets.
    Duplicate { base_offset: Offset, last_offset: Offset },
    /// Something is missing before it, or it is too old to be remembered.
    OutOfOrder,
    /// A newer epoch has written.
    Fenced,
}

#[derive(Clone, Debug)]
struct Producer {
    epoch: ProducerEpoch,
    batches: VecDeque<Remembered>,
    last_offset: Offset,
}

#[derive(Clone, Copy, Debug)]
struct Remembered {
    first: i32,
    last: i32,
    base_offset: Offset,
    last_offset: Offset,
}

/// All producers of a partition.
#[derive(Clone, Debug, Default)]
pub(crate) struct Producers {
    by_id: BTreeMap<ProducerId, Producer>,
}

impl Producers {
    /// Judges a batch before it is appended.
    pub(crate) fn check(&self, batch: Sequenced) -> Verdict {
        // Of a producer that is not remembered any sequence is taken, as Kafka does: its state may have expired.
        let Some(producer) = self.by_id.get(&batch.producer_id) else { return Verdict::Append };
        if batch.epoch < producer.epoch {
            return Verdict::Fenced;
        }
        if batch.epoch > producer.epoch {
            return if batch.first == 0 { Verdict::Append } else { Verdict::OutOfOrder };
        }
        let same = producer.batches.iter().find(|known| known.first == batch.first && known.last == batch.last);
        if let Some(known) = same {
            return Verdict::Duplicate { base_offset: known.base_offset, last_offset: known.last_offset };
        }
        match producer.batches.back() {
            Some(known) if batch.first != next_sequence(known.last) => Verdict::OutOfOrder,
            _ => Verdict::Append,
        }
    }

    /// Remembers a batch that was appended, now or in a log that is replayed.
    pub(crate) fn appended(&mut self, batch: Sequenced, base_offset: Offset, last_offset: Offset) {
        let producer = self.by_id.entry(batch.producer_id).or_insert_with(|| Producer {
            epoch: batch.epoch,
            batches: VecDeque::new(),
            last_offset,
        });
        if batch.epoch != producer.epoch {
            producer.epoch = batch.epoch;
            producer.batches.clear();
        }
        producer.last_offset = last_offset;
        if producer.batches.len() == PRODUCER_BATCHES_KEPT {
            producer.batches.pop_front();
        }
        producer.batches.push_back(Remembered { first: batch.first, last: batch.last, base_offset, last_offset });
        if self.by_id.len() > PRODUCERS_PER_PARTITION_MAX {
            let oldest = self.by_id.iter().min_by_key(|(_, producer)| producer.last_offset).map(|(id, _)| *id);
            oldest.map(|id| self.by_id.remove(&id));
        }
    }

    /// Remembers a batch of a log that is replayed.
    pub(crate) fn replay(&mut self, entry: &BatchEntry) {
        if entry.producer_id != ProducerId::NONE && !entry.attributes.is_control() {
            let batch = Sequenced {
                producer_id: entry.producer_id,
                epoch: entry.producer_epoch,
                first: entry.first_sequence,
                last: entry.last_sequence,
            };
            self.appended(batch, entry.base_offset, entry.last_offset);
        }
    }
}

/// Sequence numbers wrap from 2^31-1 to 0.
fn next_sequence(last: i32) -> i32 {
    last.checked_add(1).unwrap_or(0)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn batch(epoch: i16, first: i32, last: i32) -> Sequenced {
        Sequenced { producer_id: ProducerId(1), epoch: ProducerEpoch(epoch), first, last }
    }

    fn with(batches: &[(i32, i32)]) -> Producers {
        let mut producers = Producers::default();
        for (first, last) in batches {
            producers.appended(batch(0, *first, *last), Offset(i64::from(*first)), Offset(i64::from(*last)));
        }
        producers
    }

    #[test]
    fn one_of_the_last_five_batches_is_a_duplicate_and_an_older_one_is_out_of_order() {
        let producers = with(&[(0, 0), (1, 1), (2, 2), (3, 3), (4, 4), (5, 5)]);
        assert_eq!(
            producers.check(batch(0, 1, 1)),
            Verdict::Duplicate { base_offset: Offset(1), last_offset: Offset(1) }
        );
        assert_eq!(producers.check(batch(0, 0, 0)), Verdict::OutOfOrder);
        assert_eq!(producers.check(batch(0, 6, 8)), Verdict::Append);
        assert_eq!(producers.check(batch(0, 7, 8)), Verdict::OutOfOrder);
    }

    #[test]
    fn a_newer_epoch_starts_at_zero_and_fences_the_older() {
        let mut producers = with(&[(0, 4)]);
        assert_eq!(producers.check(batch(1, 5, 5)), Verdict::OutOfOrder);
        assert_eq!(producers.check(batch(1, 0, 0)), Verdict::Append);
        producers.appended(batch(1, 0, 0), Offset(5), Offset(5));
        assert_eq!(producers.check(batch(0, 5, 5)), Verdict::Fenced);
    }

    #[test]
    fn sequence_numbers_wrap() {
        let producers = with(&[(i32::MAX - 1, i32::MAX)]);
        assert_eq!(producers.check(batch(0, 0, 3)), Verdict::Append);
    }

    #[test]
    fn the_number_of_remembered_producers_is_bounded() {
        let mut producers = Producers::default();
        for id in 0..20_000 {
            let one = Sequenced { producer_id: ProducerId(id), epoch: ProducerEpoch(0), first: 0, last: 0 };
            producers.appended(one, Offset(id), Offset(id));
        }
        assert_eq!(producers.by_id.len(), PRODUCERS_PER_PARTITION_MAX);
    }

    proptest! {
        /// A producer that resends at random never gets a batch in twice or in the wrong order.
        #[test]
        fn whatever_is_resent_the_log_holds_each_batch_once(sends in prop::collection::vec(0_i32..30, 1..300)) {
            let mut producers = Producers::default();
            let mut log = Vec::new();
            for number in sends {
                let sent = batch(0, number, number);
                match producers.check(sent) {
                    Verdict::Append if log.is_empty() && number != 0 => {}
                    Verdict::Append => {
                        let offset = Offset(i64::try_from(log.len()).unwrap());
                        producers.appended(sent, offset, offset);
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
    }
}
