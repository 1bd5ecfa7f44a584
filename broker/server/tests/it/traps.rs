//! What real clients stumble over.

use broker_wire::messages::api_versions::ApiVersionsRequest;
use broker_wire::messages::metadata::{MetadataRequest, MetadataRequestTopic, MetadataResponse};
use broker_wire::{ApiKey, ErrorCode, Request, Response, Str, frame};

use crate::broker::Broker;
use crate::client::Client;

fn metadata(client: &mut Client, topics: Option<Vec<&'static str>>, version: i16) -> MetadataResponse {
    let topic = |name| MetadataRequestTopic { name: Some(Str::from_static(name)), ..Default::default() };
    let topics = topics.map(|names| names.into_iter().map(topic).collect());
    let request = MetadataRequest { topics, allow_auto_topic_creation: true, ..Default::default() };
    match client.call(&Request::Metadata(request), version) {
        Response::Metadata(response) => response,
        other => panic!("{other:?}"),
    }
}

#[test]
fn api_versions_of_an_unknown_version_is_answered_in_the_first_format_with_the_list() {
    let broker = Broker::start();
    let mut client = broker.client();
    // Version 77 of a future client; its body is nobody's business.
    client.send_frame(&[0, 18, 0, 77, 0, 0, 0, 9, 0xff, 0xff, 1, 2, 3]);
    let (correlation_id, response) = frame::decode_response(ApiKey::ApiVersions, 0, client.receive().unwrap()).unwrap();
    let Response::ApiVersions(response) = response else { panic!("{response:?}") };
    assert_eq!((correlation_id, response.error_code), (9, ErrorCode::UnsupportedVersion));
    assert_eq!(response.api_keys, client.supported().api_keys);
}

#[test]
fn api_versions_carries_no_tagged_fields() {
    let broker = Broker::start();
    let mut client = broker.client();
    client.send_request(1, &Request::ApiVersions(ApiVersionsRequest::default()), 3);
    let answer = client.receive().unwrap();
    // The throttle time, and then a count of zero tagged fields.
    assert_eq!(answer[answer.len() - 5..], [0, 0, 0, 0, 0]);
}

#[test]
fn produce_is_advertised_from_version_zero() {
    let broker = Broker::start();
    let keys = broker.client().supported().api_keys;
    let produce = keys.iter().find(|key| key.api_key == ApiKey::Produce.code()).unwrap();
    assert_eq!((produce.min_version, produce.max_version), (0, 13));
}

#[test]
fn requests_sent_at_once_are_answered_in_order() {
    let broker = Broker::start();
    let mut client = broker.client();
    for correlation_id in 0..200 {
        client.send_request(correlation_id, &Request::ApiVersions(ApiVersionsRequest::default()), 3);
    }
    for expected in 0..200 {
        let answer = frame::decode_response(ApiKey::ApiVersions, 3, client.receive().unwrap()).unwrap();
        assert_eq!(answer.0, expected);
    }
}

#[test]
fn the_advertised_address_is_literal() {
    let broker = Broker::start();
    let brokers = metadata(&mut broker.client(), Some(Vec::new()), 12).brokers;
    assert_eq!(brokers.len(), 1);
    assert_eq!((brokers[0].node_id, &*brokers[0].host), (broker.node_id, "127.0.0.1"));
    assert_eq!(brokers[0].port, i32::from(broker.address.port()));
}
