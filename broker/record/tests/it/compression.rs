use broker_record::{Batch, BatchBuilder, CodecError, Compression, compress, decompress};
use bytes::Bytes;
use proptest::prelude::*;

const CODECS: [Compression; 5] =
    [Compression::None, Compression::Gzip, Compression::Snappy, Compression::Lz4, Compression::Zstd];

proptest! {
    #[test]
    fn what_is_compressed_comes_back(codec in prop::sample::select(CODECS.to_vec()), bytes in prop::collection::vec(0_u8..4, 0..100_000)) {
        let compressed = compress(codec, &bytes).unwrap();
        prop_assert_eq!(decompress(codec, &compressed, bytes.len()).unwrap(), bytes.clone());
        if let Some(less) = bytes.len().checked_sub(1) {
            let refused = decompress(codec, &compressed, less);
            prop_assert_eq!(refused, Err(CodecError::TooLarge { bytes_max: less }));
        }
    }

    #[test]
    fn arbitrary_bytes_neither_panic_nor_grow_beyond_the_bound(codec in prop::sample::select(CODECS.to_vec()), bytes in prop::collection::vec(any::<u8>(), 0..300)) {
        if let Ok(out) = decompress(codec, &Bytes::from(bytes), 1000) {
            prop_assert!(out.len() <= 1000);
        }
    }

    #[test]
    fn damaged_bytes_neither_panic_nor_grow_beyond_the_bound(codec in prop::sample::select(CODECS.to_vec()), at in any::<prop::sample::Index>(), bit in 0..8) {
        let mut bytes = compress(codec, &[7; 5000]).unwrap().to_vec();
        let at = at.index(bytes.len());
        bytes[at] ^= 1_u8 << bit;
        if let Ok(out) = decompress(codec, &Bytes::from(bytes), 5000) {
            prop_assert!(out.len() <= 5000);
        }
    }
}

#[test]
fn a_few_bytes_that_claim_to_be_gigabytes_are_refused() {
    for codec in [Compression::Gzip, Compression::Lz4, Compression::Zstd] {
        let bomb = compress(codec, &vec![0; 32 << 20]).unwrap();
        assert!(bomb.len() < 200_000);
        assert_eq!(decompress(codec, &bomb, 1 << 20), Err(CodecError::TooLarge { bytes_max: 1 << 20 }));
    }
    // A Snappy block says its length first: here four gigabytes less one.
    let claim = Bytes::from_static(&[0xff, 0xff, 0xff, 0xff, 0x0f, 0]);
    assert_eq!(decompress(Compression::Snappy, &claim, 1 << 20), Err(CodecError::TooLarge { bytes_max: 1 << 20 }));
}

#[test]
fn snappy_is_read_as_librdkafka_writes_it_and_as_java_does() {
    // One block and nothing else: the length, then a literal of three bytes.
    assert_eq!(decompress(Compression::Snappy, &Bytes::from_static(&[3, 8, b'a', b'b', b'c']), 10).unwrap(), "abc");
    let java =
        [0x82, b'S', b'N', b'A', b'P', b'P', b'Y', 0, 0, 0, 0, 1, 0, 0, 0, 1, 0, 0, 0, 5, 3, 8, b'a', b'b', b'c'];
    assert_eq!(decompress(Compression::Snappy, &Bytes::copy_from_slice(&java), 10).unwrap(), "abc");
    assert!(decompress(Compression::Snappy, &Bytes::copy_from_slice(&java[..22]), 10).is_err());
}

#[test]
fn a_batch_with_fewer_records_keeps_its_place_and_its_producer() {
    let mut builder = BatchBuilder::new(100);
    for (time, value) in [(100, "a"), (300, "b"), (200, "c")] {
        builder.push_with(time, Some(value.as_bytes()), Some(value.as_bytes()), &[]);
    }
    let batch = builder.build();
    let mut records = batch.unpack(1000).unwrap();
    records.remove(1);
    let fewer = batch.with_records(&records, None).unwrap();
    fewer.check_crc().unwrap();
    let header = fewer.header();
    assert_eq!((header.last_offset_delta, header.record_count, header.max_timestamp), (2, 2, 200));
    assert_eq!((fewer.unpack(1000).unwrap(), fewer.delete_horizon_ms()), (records.clone(), None));
    let horizon = fewer.with_records(&records, Some(9_000_000)).unwrap();
    assert_eq!((horizon.unpack(1000).unwrap(), horizon.delete_horizon_ms()), (records, Some(9_000_000)));
    assert!(Batch::take(&mut horizon.bytes().clone()).is_ok());
}
