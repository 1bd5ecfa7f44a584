//! Producing and fetching.

use broker_record::{BatchBuilder, ProducerEpoch, ProducerId, split};
use broker_wire::messages::init_producer_id::{InitProducerIdRequest, InitProducerIdResponse};
use broker_wire::messages::metadata::{MetadataRequest, MetadataRequestTopic};
use broker_wire::messages::produce::{PartitionProduceData, ProduceRequest, TopicProduceData};
use broker_wire::{ErrorCode, Records, Request, Response, Str};
use bytes::Bytes;

use crate::broker::Broker;
use crate::client::Client;

pub(crate) fn batch(timestamp: i64, values: &[&str]) -> Bytes {
    let mut builder = BatchBuilder::new(timestamp);
    for value in values {
        builder.push(None, Some(value.as_bytes()));
    }
    builder.build().bytes().clone()
}

/// The offsets and values in what a fetch brought.
pub(crate) fn records(found: Option<Records>) -> Vec<(i64, String)> {
    let batches = split(found.unwrap().into_bytes()).unwrap();
    let records = batches.iter().flat_map(|batch| batch.records().unwrap());
    records
        .map(|record| {
            let record = record.unwrap();
            (record.offset.0, String::from_utf8(record.value.unwrap().to_vec()).unwrap())
        })
        .collect()
}

#[test]
fn what_was_produced_is_fetched() {
    let broker = Broker::start();
    let mut client = broker.client();
    client.topic("t");
    assert_eq!(client.produce("t", batch(1, &["a", "b"])).base_offset, 0);
    let answer = client.produce("t", batch(2, &["c"]));
    assert_eq!((answer.error_code, answer.base_offset, answer.log_append_time_ms), (ErrorCode::None, 2, -1));
    let found = client.fetch("t", 0, 1_000);
    assert_eq!((found.high_watermark, found.last_stable_offset, found.preferred_read_replica), (3, 3, -1));
    let expected = [(0, "a"), (1, "b"), (2, "c")].map(|(offset, value)| (offset, value.to_owned()));
    assert_eq!(records(found.records), expected);
}

#[test]
fn a_fetch_inside_a_batch_returns_the_whole_batch() {
    let broker = Broker::start();
    let mut client = broker.client();
    client.topic("t");
    client.produce("t", batch(1, &["a", "b", "c"]));
    assert_eq!(records(client.fetch("t", 2, 1_000).records).len(), 3);
}

#[test]
fn a_fetch_at_the_end_waits_for_records() {
    let broker = Broker::start();
    let mut client = broker.client();
    client.topic("t");
    client.produce("t", batch(1, &["a"]));
    let mut consumer = broker.client();
    let waiting = std::thread::spawn(move || consumer.fetch("t", 1, 20_000));
    client.produce("t", batch(2, &["b"]));
    assert_eq!(records(waiting.join().unwrap().records), [(1, "b".to_owned())]);
}

#[test]
fn a_fetch_beyond_the_end_is_out_of_range_and_one_at_the_end_is_empty() {
    let broker = Broker::start();
    let mut client = broker.client();
    client.topic("t");
    client.produce("t", batch(1, &["a"]));
    assert_eq!(client.fetch("t", 99, 1_000).error_code, ErrorCode::OffsetOutOfRange);
    let empty = client.fetch("t", 1, 10);
    assert_eq!((empty.error_code, empty.records.unwrap().len()), (ErrorCode::None, 0));
}

#[test]
fn damaged_records_are_refused() {
    let broker = Broker::start();
    let mut client = broker.client();
    client.topic("t");
    let mut damaged = batch(1, &["a"]).to_vec();
    *damaged.last_mut().unwrap() ^= 1;
    assert_eq!(client.produce("t", Bytes::from(damaged)).error_code, ErrorCode::CorruptMessage);
}

#[test]
fn a_batch_beyond_the_topics_limit_is_too_large() {
    let broker = Broker::start();
    let mut client = broker.client();
    client.topic("t");
    let answer = client.produce("t", batch(1, &[&"x".repeat(2_000_000)]));
    assert_eq!(answer.error_code, ErrorCode::MessageTooLarge);
    assert_eq!(client.produce("t", batch(1, &["small"])).base_offset, 0);
}

#[test]
fn answers_are_as_long_as_requests_even_when_everything_is_wrong() {
    let broker = Broker::start();
    let mut client = broker.client();
    let partition = |index| PartitionProduceData { index, records: Some(Records::from(batch(1, &["a"]))) };
    let topic = |name| TopicProduceData {
        name: Str::from_static(name),
        partition_data: vec![partition(0), partition(77)],
        ..Default::default()
    };
    for acks in [-1, 5] {
        let topic_data = vec![topic("nowhere"), topic("in no place")];
        let request = ProduceRequest { acks, timeout_ms: 1_000, topic_data, ..Default::default() };
        let Response::Produce(response) = client.call(&Request::Produce(request), 9) else { panic!() };
        let answers: Vec<_> = response.responses.iter().map(|topic| topic.partition_responses.len()).collect();
        assert_eq!(answers, [2, 2]);
        let failed = response.responses.iter().flat_map(|topic| &topic.partition_responses);
        assert!(failed.into_iter().all(|partition| partition.error_code != ErrorCode::None));
    }
}

#[test]
fn without_acknowledgement_nothing_is_answered_and_everything_appended() {
    let broker = Broker::start();
    let mut client = broker.client();
    client.topic("t");
    client.produce("t", batch(1, &["a"]));
    let partition = PartitionProduceData { index: 0, records: Some(Records::from(batch(1, &["b"]))) };
    let topic = TopicProduceData { name: Str::from_static("t"), partition_data: vec![partition], ..Default::default() };
    let request = ProduceRequest { acks: 0, timeout_ms: 1_000, topic_data: vec![topic], ..Default::default() };
    client.send_request(1, &Request::Produce(request), 9);
    // The next answer on the connection is that of the next request.
    assert_eq!(records(client.fetch("t", 1, 20_000).records), [(1, "b".to_owned())]);
}

fn producer(client: &mut Client) -> InitProducerIdResponse {
    let request = InitProducerIdRequest { transaction_timeout_ms: 1_000, ..Default::default() };
    let Response::InitProducerId(response) = client.call(&Request::InitProducerId(request), 4) else { panic!() };
    response
}

#[test]
fn a_repeated_sequence_is_answered_with_the_offset_of_the_original() {
    let broker = Broker::start();
    let mut client = broker.client();
    client.topic("t");
    let identity = producer(&mut client);
    assert_eq!((identity.error_code, identity.producer_epoch), (ErrorCode::None, 0));
    let numbered = |sequence, value: &str| {
        let (id, epoch) = (ProducerId(identity.producer_id), ProducerEpoch(identity.producer_epoch));
        let mut builder = BatchBuilder::new(1).producer(id, epoch, sequence);
        builder.push(None, Some(value.as_bytes()));
        builder.build().bytes().clone()
    };
    for sequence in 0..5 {
        assert_eq!(client.produce("t", numbered(sequence, "a")).base_offset, i64::from(sequence));
    }
    let again = client.produce("t", numbered(2, "a"));
    assert_eq!((again.error_code, again.base_offset), (ErrorCode::None, 2));
    assert_eq!(client.produce("t", numbered(9, "a")).error_code, ErrorCode::OutOfOrderSequenceNumber);
    assert_eq!(client.produce("t", numbered(5, "a")).base_offset, 5);
}

#[test]
fn offsets_are_found_at_the_ends_and_by_time() {
    let broker = Broker::start();
    let mut client = broker.client();
    client.topic("t");
    for timestamp in [1_000, 3_000, 2_000] {
        client.produce("t", batch(timestamp, &["a"]));
    }
    let found = |client: &mut Client, timestamp| {
        let answer = client.list_offset("t", timestamp);
        (answer.error_code, answer.offset, answer.timestamp)
    };
    assert_eq!(found(&mut client, -1), (ErrorCode::None, 3, -1));
    assert_eq!(found(&mut client, -2), (ErrorCode::None, 0, -1));
    assert_eq!(found(&mut client, -3), (ErrorCode::None, 1, 3_000));
    assert_eq!(found(&mut client, 1_500), (ErrorCode::None, 1, 3_000));
    assert_eq!(found(&mut client, 9_000), (ErrorCode::None, -1, -1));
    assert_eq!(client.list_offset("nowhere", -1).error_code, ErrorCode::UnknownTopicOrPartition);
}

#[test]
fn topics_are_not_created_for_clients_that_do_not_want_it() {
    let broker = Broker::start();
    let topic = MetadataRequestTopic { name: Some(Str::from_static("t")), ..Default::default() };
    let request = MetadataRequest { topics: Some(vec![topic]), allow_auto_topic_creation: false, ..Default::default() };
    let Response::Metadata(response) = broker.client().call(&Request::Metadata(request), 12) else { panic!() };
    assert_eq!(response.topics[0].error_code, ErrorCode::UnknownTopicOrPartition);
}

#[test]
fn records_in_a_directory_outlive_the_broker() {
    let folder = tempfile::tempdir().unwrap();
    let store = folder.path().to_str().unwrap();
    let arguments = ["--store", store, "--node-id", "5"];
    {
        let broker = Broker::start_with(&arguments);
        let mut client = broker.client();
        client.topic("t");
        assert_eq!(client.produce("t", batch(1, &["kept"])).error_code, ErrorCode::None);
    }
    let broker = Broker::start_with(&arguments);
    assert_eq!(broker.node_id, 5);
    let mut client = broker.client();
    client.topic("t");
    for _ in 0..300 {
        let found = client.fetch("t", 0, 1_000);
        if found.error_code == ErrorCode::None {
            return assert_eq!(records(found.records), [(0, "kept".to_owned())]);
        }
    }
    panic!("nobody leads t");
}
