use broker_record::{
    BatchBuilder, BatchHeader, ControlRecord, Header, HeaderError, LeaderEpoch, MarkerKind, Offset, ProducerEpoch,
    ProducerId, RecordError, SplitError, TimestampType, split,
};
use bytes::{Bytes, BytesMut};

fn one_record(value: &[u8]) -> Bytes {
    let mut builder = BatchBuilder::new(1_000);
    builder.push(Some(b"k"), Some(value));
    builder.build().bytes().clone()
}

/// Changes bytes and makes the checksum fit again.
fn with_valid_checksum(batch: &[u8], change: impl FnOnce(&mut [u8])) -> Bytes {
    let mut bytes = batch.to_vec();
    change(&mut bytes);
    let crc = crc32c::crc32c(&bytes[21..]);
    bytes[17..21].copy_from_slice(&crc.to_be_bytes());
    Bytes::from(bytes)
}

#[test]
fn a_payload_of_two_batches_splits_without_copying() {
    let mut payload = BytesMut::from(&one_record(b"one")[..]);
    payload.extend_from_slice(&one_record(b"two"));
    let payload = payload.freeze();
    let batches = split(payload.clone()).unwrap();
    assert_eq!(batches.len(), 2);
    assert_eq!(batches[0].bytes().as_ptr(), payload.as_ptr());
    let record = batches[1].records().unwrap().next().unwrap().unwrap();
    assert_eq!(record.value.unwrap(), "two");
}

#[test]
fn placing_changes_offset_and_epoch_and_keeps_body_and_checksum() {
    let batch = split(one_record(b"v")).unwrap().remove(0);
    let placed = batch.place(Offset(77), LeaderEpoch(5));
    assert_eq!(placed.body.as_ptr(), batch.bytes()[16..].as_ptr());
    let again = split(placed.to_bytes()).unwrap().remove(0);
    assert_eq!((again.header().base_offset, again.header().leader_epoch), (Offset(77), LeaderEpoch(5)));
    assert_eq!(again.records().unwrap().next().unwrap().unwrap().offset, Offset(77));
}

#[test]
fn damage_is_found_by_the_checksum() {
    let mut bytes = one_record(b"value").to_vec();
    *bytes.last_mut().unwrap() ^= 1;
    assert!(matches!(split(Bytes::from(bytes)), Err(SplitError::Checksum { .. })));
}

#[test]
fn an_old_message_format_is_named() {
    let mut bytes = one_record(b"value").to_vec();
    bytes[16] = 1;
    assert_eq!(split(Bytes::from(bytes)), Err(SplitError::Header(HeaderError::Magic(1))));
}

#[test]
fn a_length_beyond_the_bytes_is_refused() {
    let mut bytes = one_record(b"value").to_vec();
    bytes[8..12].copy_from_slice(&0x0fff_ffff_i32.to_be_bytes());
    assert!(matches!(split(Bytes::from(bytes.clone())), Err(SplitError::Truncated { .. })));
    bytes[8..12].copy_from_slice(&(-1_i32).to_be_bytes());
    assert_eq!(BatchHeader::parse(&bytes), Err(HeaderError::Length(-1)));
}

#[test]
fn a_record_count_that_does_not_fit_is_refused() {
    let bytes = with_valid_checksum(&one_record(b"value"), |bytes| {
        bytes[57..61].copy_from_slice(&i32::MAX.to_be_bytes());
    });
    assert!(matches!(split(bytes), Err(SplitError::Invalid(_))));
    let bytes = with_valid_checksum(&one_record(b"value"), |bytes| {
        bytes[57..61].copy_from_slice(&i32::MAX.to_be_bytes());
        bytes[23..27].copy_from_slice(&(i32::MAX - 1).to_be_bytes());
    });
    assert_eq!(split(bytes), Err(SplitError::Invalid("fewer bytes than records")));
}

#[test]
fn headers_may_repeat_and_need_not_be_text() {
    let headers = vec![
        Header { key: Bytes::from_static(b"same"), value: Some(Bytes::from_static(b"1")) },
        Header { key: Bytes::from_static(b"same"), value: None },
        Header { key: Bytes::from_static(b"\xff\xfe"), value: Some(Bytes::new()) },
    ];
    let mut builder = BatchBuilder::new(0);
    builder.push_with(7, None, None, &headers);
    let batch = builder.build();
    let record = batch.records().unwrap().next().unwrap().unwrap();
    assert_eq!((record.headers, record.timestamp), (headers, 7));
}

#[test]
fn a_header_count_beyond_the_bytes_reserves_nothing() {
    // length 11, attributes, deltas, null key and value, header count 2^31-1
    let body = [22_u8, 0, 0, 0, 1, 1, 0xfe, 0xff, 0xff, 0xff, 0x0f, 0];
    let template = one_record(b"").slice(..61);
    let bytes = with_valid_checksum(&[&template[..], &body[..]].concat(), |bytes| {
        let length = i32::try_from(bytes.len() - 12).unwrap();
        bytes[8..12].copy_from_slice(&length.to_be_bytes());
    });
    let batch = split(bytes).unwrap().remove(0);
    assert_eq!(batch.records().unwrap().next(), Some(Err(RecordError::Field(0))));
}

#[test]
fn a_stamped_batch_shows_the_brokers_clock() {
    let stamped = split(one_record(b"value")).unwrap().remove(0).stamped(99_000);
    stamped.validate().unwrap();
    assert_eq!(stamped.header().attributes.timestamp_type(), TimestampType::LogAppendTime);
    assert_eq!(stamped.records().unwrap().next().unwrap().unwrap().timestamp, 99_000);
}

#[test]
fn a_marker_survives_its_batch() {
    let marker = ControlRecord { kind: MarkerKind::Commit, coordinator_epoch: 12 };
    let batch = marker.to_batch(ProducerId(4), ProducerEpoch(1), 5);
    batch.validate().unwrap();
    assert!(batch.header().attributes.is_control());
    assert_eq!(ControlRecord::parse(&batch.records().unwrap().next().unwrap().unwrap()), Some(marker));
}

#[test]
fn sequences_wrap_to_zero() {
    let mut builder = BatchBuilder::new(0).producer(ProducerId(1), ProducerEpoch(0), i32::MAX);
    builder.push(None, None);
    builder.push(None, None);
    assert_eq!(builder.build().header().last_sequence(), 0);
}

#[test]
fn epoch_and_sequence_without_a_producer_id_mean_nothing() {
    let mut builder = BatchBuilder::new(0).producer(ProducerId::NONE, ProducerEpoch(0), 0);
    builder.push(None, Some(b"as kafkajs sends it"));
    builder.build().validate().unwrap();
}
