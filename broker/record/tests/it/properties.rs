use broker_record::{Batch, BatchBuilder, Header, LeaderEpoch, Offset, split};
use bytes::Bytes;
use proptest::collection::vec;
use proptest::option;
use proptest::prelude::*;

type Fields = (i64, Option<Vec<u8>>, Option<Vec<u8>>, Vec<(Vec<u8>, Option<Vec<u8>>)>);

fn small() -> impl Strategy<Value = Vec<u8>> {
    vec(any::<u8>(), 0..40)
}

fn fields() -> impl Strategy<Value = Fields> {
    (0..i64::MAX / 2, option::of(small()), option::of(small()), vec((small(), option::of(small())), 0..4))
}

fn headers_of(fields: &Fields) -> Vec<Header> {
    let pairs = fields.3.iter();
    pairs.map(|(k, v)| Header { key: Bytes::from(k.clone()), value: v.clone().map(Bytes::from) }).collect()
}

proptest! {
    #[test]
    fn records_round_trip(records in vec(fields(), 1..20), base in 0..i64::MAX / 2, offset in 0..i64::MAX / 2) {
        let mut builder = BatchBuilder::new(base);
        for record in &records {
            builder.push_with(record.0, record.1.as_deref(), record.2.as_deref(), &headers_of(record));
        }
        let placed = builder.build().place(Offset(offset), LeaderEpoch(3)).to_bytes();
        let batch = split(placed).unwrap().remove(0);
        let read: Vec<_> = batch.records().unwrap().map(Result::unwrap).collect();
        prop_assert_eq!(read.len(), records.len());
        for ((found, wanted), index) in read.iter().zip(&records).zip(0..) {
            prop_assert_eq!(found.offset, Offset(offset + index));
            prop_assert_eq!(found.timestamp, wanted.0);
            prop_assert_eq!(found.key.as_deref(), wanted.1.as_deref());
            prop_assert_eq!(found.value.as_deref(), wanted.2.as_deref());
            prop_assert_eq!(&found.headers, &headers_of(wanted));
        }
    }

    #[test]
    fn arbitrary_bytes_never_panic(bytes in vec(any::<u8>(), 0..300)) {
        let _ = split(Bytes::from(bytes));
    }

    #[test]
    fn arbitrary_records_behind_a_good_header_never_panic(count in any::<i32>(), body in vec(any::<u8>(), 0..200)) {
        let mut builder = BatchBuilder::new(0);
        builder.push(None, None);
        let mut bytes = builder.build().bytes()[..61].to_vec();
        bytes[57..61].copy_from_slice(&count.to_be_bytes());
        bytes.extend_from_slice(&body);
        let length = i32::try_from(bytes.len() - 12).unwrap();
        bytes[8..12].copy_from_slice(&length.to_be_bytes());
        let mut bytes = Bytes::from(bytes);
        let batch = Batch::take(&mut bytes).unwrap();
        prop_assert!(batch.records().unwrap().take(10_000).count() <= 201);
    }
}
