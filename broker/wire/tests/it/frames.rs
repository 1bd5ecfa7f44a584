//! Headers, and how record batches travel.

use broker_wire::messages::api_versions::{ApiVersion, ApiVersionsResponse};
use broker_wire::messages::fetch::{FetchResponse, FetchableTopicResponse, PartitionData};
use broker_wire::messages::join_group::JoinGroupResponse;
use broker_wire::messages::produce::{PartitionProduceResponse, ProduceResponse, TopicProduceResponse};
use broker_wire::{EncodeError, Records, Response, Str, frame};
use bytes::Bytes;

#[test]
fn the_answer_to_api_versions_always_has_the_first_header() {
    let keys = vec![ApiVersion { api_key: 18, min_version: 0, max_version: 4 }];
    let response = Response::ApiVersions(ApiVersionsResponse { api_keys: keys, ..Default::default() });
    let bytes = frame::encode_response(7, &response, 3).unwrap().to_bytes();
    // Length, correlation id, error; then at once the compact array, without tagged fields between.
    assert_eq!(bytes, [&[0, 0, 0, 19, 0, 0, 0, 7, 0, 0, 2, 0, 18, 0, 0, 0, 4, 0, 0, 0, 0, 0, 0][..]].concat());
}

#[test]
fn tagged_fields_are_written_only_when_they_differ_from_their_defaults() {
    let partition = PartitionProduceResponse { base_offset: 5, ..Default::default() };
    let topic = TopicProduceResponse { partition_responses: vec![partition], ..Default::default() };
    let response = Response::Produce(ProduceResponse { responses: vec![topic], ..Default::default() });
    let plain = frame::encode_response(7, &response, 9).unwrap();
    assert_eq!(frame::encode_response(7, &response, 10).unwrap(), plain);
}

#[test]
fn the_records_of_a_fetch_are_sent_from_where_they_are() {
    let batch = Bytes::from(vec![1; 100_000]);
    let records = Some(Records::from(vec![Bytes::from_static(b"prefix"), batch.clone()]));
    let partition = PartitionData { records, ..Default::default() };
    let topic = FetchableTopicResponse { partitions: vec![partition], ..Default::default() };
    let response = Response::Fetch(FetchResponse { responses: vec![topic], ..Default::default() });
    let encoded = frame::encode_response(7, &response, 12).unwrap();
    let len = encoded.len();
    let slices = encoded.into_slices();
    assert!(slices.iter().any(|slice| slice.as_ptr() == batch.as_ptr()));
    assert_eq!(slices.iter().map(Bytes::len).sum::<usize>(), len);
    assert_eq!(slices[0], u32::try_from(len - 4).unwrap().to_be_bytes()[..]);
}

#[test]
fn null_in_a_version_without_null_is_an_error_and_not_garbage() {
    let response = Response::JoinGroup(JoinGroupResponse { protocol_name: None, ..Default::default() });
    assert_eq!(frame::encode_response(7, &response, 6), Err(EncodeError::Null));
    assert!(frame::encode_response(7, &response, 7).is_ok());
}

#[test]
fn a_string_beyond_its_length_field_is_an_error_and_not_garbage() {
    let leader = Str::from("x".repeat(40_000));
    let protocol_name = Some(Str::default());
    let response = Response::JoinGroup(JoinGroupResponse { leader, protocol_name, ..Default::default() });
    assert_eq!(frame::encode_response(7, &response, 0), Err(EncodeError::Length(40_000)));
    assert!(frame::encode_response(7, &response, 6).is_ok());
}
