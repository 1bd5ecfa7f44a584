//! What real clients stumble over.

use broker_wire::messages::api_versions::ApiVersionsRequest;
use broker_wire::messages::metadata::MetadataRequest;
use broker_wire::messages::offset_fetch::OffsetFetchRequest;
use broker_wire::messages::produce::ProduceRequest;
use broker_wire::{ApiKey, ErrorCode, Request, Response, frame};

use crate::broker::Broker;

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
fn newer_clients_are_told_that_each_transaction_may_have_an_epoch() {
    let broker = Broker::start();
    let mut client = broker.client();
    client.send_request(1, &Request::ApiVersions(ApiVersionsRequest::default()), 4);
    let (_, response) = frame::decode_response(ApiKey::ApiVersions, 4, client.receive().unwrap()).unwrap();
    let Response::ApiVersions(response) = response else { panic!("{response:?}") };
    let features = response.finalized_features.iter().map(|one| (&*one.name, one.max_version_level));
    assert_eq!(features.collect::<Vec<_>>(), [("transaction.version", 2)]);
    assert_eq!(response.finalized_features_epoch, 0);
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
    let brokers = broker.client().metadata(Some(Vec::new())).brokers;
    assert_eq!(brokers.len(), 1);
    assert_eq!((brokers[0].node_id, &*brokers[0].host), (broker.node_id, "127.0.0.1"));
    assert_eq!(brokers[0].port, i32::from(broker.address.port()));
}

#[test]
fn every_advertised_version_of_every_api_is_answered() {
    let broker = Broker::start();
    let mut client = broker.client();
    let produce = ProduceRequest { acks: -1, ..Default::default() };
    let requests = [
        Request::Produce(produce),
        Request::Fetch(Default::default()),
        Request::ListOffsets(Default::default()),
        Request::Metadata(MetadataRequest { topics: Some(Vec::new()), ..Default::default() }),
        Request::OffsetCommit(Default::default()),
        Request::OffsetFetch(OffsetFetchRequest { topics: Some(Vec::new()), ..Default::default() }),
        Request::FindCoordinator(Default::default()),
        Request::JoinGroup(Default::default()),
        Request::Heartbeat(Default::default()),
        Request::LeaveGroup(Default::default()),
        Request::SyncGroup(Default::default()),
        Request::DescribeGroups(Default::default()),
        Request::ListGroups(Default::default()),
        Request::ApiVersions(Default::default()),
        Request::CreateTopics(Default::default()),
        Request::DeleteRecords(Default::default()),
        Request::DeleteTopics(Default::default()),
        Request::InitProducerId(Default::default()),
        Request::DescribeConfigs(Default::default()),
        Request::CreatePartitions(Default::default()),
        Request::DeleteGroups(Default::default()),
        Request::DescribeCluster(Default::default()),
        Request::AddPartitionsToTxn(Default::default()),
        Request::AddOffsetsToTxn(Default::default()),
        Request::EndTxn(Default::default()),
        Request::TxnOffsetCommit(Default::default()),
        Request::DescribeProducers(Default::default()),
        Request::DescribeTransactions(Default::default()),
        Request::ListTransactions(Default::default()),
    ];
    let supported = client.supported().api_keys;
    assert_eq!(supported.len(), requests.len());
    for request in requests {
        let row = supported.iter().find(|row| row.api_key == request.api().code()).unwrap();
        // Produce is advertised from 0 and works from 3.
        for version in row.min_version.max(*request.api().versions().start())..=row.max_version {
            client.send_request(1, &request, version);
            let answer = client.receive().unwrap_or_else(|| panic!("{} v{version}", request.api().name()));
            frame::decode_response(request.api(), version, answer).unwrap();
        }
    }
}
