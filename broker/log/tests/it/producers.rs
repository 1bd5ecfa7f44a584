//! What is remembered of producers.

use broker_log::{AbortedTransaction, ProducerSnapshot, ProducersSnapshot, SequencedBatch};
use broker_record::{Offset, ProducerEpoch, ProducerId};
use proptest::prelude::*;

fn batches() -> impl Strategy<Value = Vec<SequencedBatch>> {
    let batch = any::<(i32, i32, i64, i64)>().prop_map(|(first_sequence, last_sequence, base, last)| SequencedBatch {
        first_sequence,
        last_sequence,
        base_offset: Offset(base),
        last_offset: Offset(last),
    });
    prop::collection::vec(batch, 0..6)
}

fn producer() -> impl Strategy<Value = ProducerSnapshot> {
    (any::<(i64, i16, i32, i64, i64)>(), prop::option::of(0_i64..), batches()).prop_map(
        |((id, epoch, coordinator_epoch, last_offset, last_timestamp), open_since, batches)| ProducerSnapshot {
            producer_id: ProducerId(id),
            epoch: ProducerEpoch(epoch),
            coordinator_epoch,
            last_offset: Offset(last_offset),
            last_timestamp,
            open_since: open_since.map(Offset),
            batches,
        },
    )
}

fn aborted() -> impl Strategy<Value = AbortedTransaction> {
    any::<(i64, i64, i64)>().prop_map(|(id, first, last)| AbortedTransaction {
        producer_id: ProducerId(id),
        first_offset: Offset(first),
        last_offset: Offset(last),
    })
}

proptest! {
    #[test]
    fn a_snapshot_is_read_as_it_was_written(
        end in any::<i64>(),
        producers in prop::collection::vec(producer(), 0..5),
        aborted in prop::collection::vec(aborted(), 0..5),
    ) {
        let snapshot = ProducersSnapshot { end: Offset(end), producers, aborted };
        let mut bytes = Vec::new();
        snapshot.encode(&mut bytes);
        prop_assert_eq!(ProducersSnapshot::decode(&bytes), Ok(snapshot));
        for cut in 0..bytes.len() {
            prop_assert!(ProducersSnapshot::decode(&bytes[..cut]).is_err());
        }
    }

    #[test]
    fn arbitrary_bytes_never_panic(mut bytes in prop::collection::vec(any::<u8>(), 0..200)) {
        if let Some(first) = bytes.first_mut() {
            *first = 1;
        }
        let _ = ProducersSnapshot::decode(&bytes);
    }
}
