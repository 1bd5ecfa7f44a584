//! Topics, configs, the cluster.

use broker_wire::messages::create_partitions::{CreatePartitionsRequest, CreatePartitionsTopic};
use broker_wire::messages::create_topics::{CreatableTopic, CreatableTopicConfig, CreateTopicsRequest};
use broker_wire::messages::delete_records::{DeleteRecordsPartition, DeleteRecordsRequest, DeleteRecordsTopic};
use broker_wire::messages::delete_topics::{DeleteTopicState, DeleteTopicsRequest};
use broker_wire::messages::describe_cluster::DescribeClusterRequest;
use broker_wire::messages::describe_configs::{DescribeConfigsRequest, DescribeConfigsResource};
use broker_wire::{ErrorCode, Request, Response, Str, Uuid};

use broker_record::BatchBuilder;

use crate::broker::Broker;
use crate::client::Client;

fn create(client: &mut Client, topics: Vec<CreatableTopic>) -> Vec<(ErrorCode, Uuid, i32)> {
    let request = CreateTopicsRequest { topics, timeout_ms: 10_000, ..Default::default() };
    let Response::CreateTopics(response) = client.call(&Request::CreateTopics(request), 7) else { panic!() };
    response.topics.into_iter().map(|topic| (topic.error_code, topic.topic_id, topic.num_partitions)).collect()
}

fn topic(name: &'static str, num_partitions: i32) -> CreatableTopic {
    CreatableTopic { name: Str::from_static(name), num_partitions, replication_factor: -1, ..Default::default() }
}

#[test]
fn topics_are_created_grown_and_deleted() {
    let broker = Broker::start();
    let mut client = broker.client();
    let created = create(&mut client, vec![topic("t", 3), topic("bad name", 1), topic("u", 0)]);
    assert_eq!((created[0].0, created[0].2), (ErrorCode::None, 3));
    assert_eq!(created[1].0, ErrorCode::InvalidTopicException);
    assert_eq!(created[2].0, ErrorCode::InvalidPartitions);
    assert_eq!(create(&mut client, vec![topic("t", 3)])[0].0, ErrorCode::TopicAlreadyExists);
    assert_eq!(client.topic("t").topic_id, created[0].1);

    let grow = |count| CreatePartitionsTopic { name: Str::from_static("t"), count, ..Default::default() };
    let request = CreatePartitionsRequest { topics: vec![grow(5)], timeout_ms: 10_000, ..Default::default() };
    let Response::CreatePartitions(grown) = client.call(&Request::CreatePartitions(request), 3) else { panic!() };
    assert_eq!((grown.results.len(), grown.results[0].error_code), (1, ErrorCode::None));
    assert_eq!(client.topic("t").partitions.len(), 5);

    let request = DeleteTopicsRequest {
        topics: vec![DeleteTopicState { name: Some(Str::from_static("t")), ..Default::default() }],
        timeout_ms: 10_000,
        ..Default::default()
    };
    let Response::DeleteTopics(deleted) = client.call(&Request::DeleteTopics(request.clone()), 6) else { panic!() };
    assert_eq!(deleted.responses[0].error_code, ErrorCode::None);
    let Response::DeleteTopics(again) = client.call(&Request::DeleteTopics(request), 6) else { panic!() };
    assert_eq!(again.responses[0].error_code, ErrorCode::UnknownTopicOrPartition);
}

#[test]
fn a_topic_named_twice_in_a_request_is_not_created() {
    let broker = Broker::start();
    let created = create(&mut broker.client(), vec![topic("t", 1), topic("t", 2)]);
    assert_eq!(created.iter().map(|topic| topic.0).collect::<Vec<_>>(), [ErrorCode::InvalidRequest; 2]);
}

#[test]
fn configs_come_with_their_source_and_default() {
    let broker = Broker::start();
    let mut client = broker.client();
    let config =
        CreatableTopicConfig { name: Str::from_static("max.message.bytes"), value: Some(Str::from_static("2000000")) };
    create(&mut client, vec![CreatableTopic { configs: vec![config], ..topic("t", 1) }]);
    let resource = |resource_type, name: &str| DescribeConfigsResource {
        resource_type,
        resource_name: Str::from(name),
        ..Default::default()
    };
    let request = DescribeConfigsRequest {
        resources: vec![resource(2, "t"), resource(4, &broker.node_id.to_string()), resource(2, "nowhere")],
        include_synonyms: true,
        include_documentation: true,
    };
    let Response::DescribeConfigs(response) = client.call(&Request::DescribeConfigs(request), 4) else { panic!() };
    let codes: Vec<_> = response.results.iter().map(|result| result.error_code).collect();
    assert_eq!(codes, [ErrorCode::None, ErrorCode::None, ErrorCode::UnknownTopicOrPartition]);
    let configs = &response.results[0].configs;
    let find = |name: &str| configs.iter().find(|config| config.name == name).unwrap();
    let set = find("max.message.bytes");
    assert_eq!((set.value.as_deref(), set.config_source), (Some("2000000"), 1));
    assert_eq!(set.synonyms.len(), 2);
    assert_eq!(find("retention.ms").config_source, 5);
}

#[test]
fn records_are_deleted_up_to_an_offset() {
    let broker = Broker::start();
    let mut client = broker.client();
    client.topic("t");
    let mut builder = BatchBuilder::new(1);
    for value in [b"a", b"b", b"c"] {
        builder.push(None, Some(value));
    }
    client.produce("t", builder.build().bytes().clone());
    let mut delete = |offset| {
        let partitions = [0, 7].map(|partition_index| DeleteRecordsPartition { partition_index, offset });
        let topic = DeleteRecordsTopic { name: Str::from_static("t"), partitions: partitions.to_vec() };
        let request = DeleteRecordsRequest { topics: vec![topic], timeout_ms: 10_000 };
        let Response::DeleteRecords(response) = client.call(&Request::DeleteRecords(request), 2) else { panic!() };
        let partitions = &response.topics[0].partitions;
        let [first, unknown] = partitions.as_slice() else { panic!("{partitions:?}") };
        assert_eq!((unknown.partition_index, unknown.error_code), (7, ErrorCode::UnknownTopicOrPartition));
        (first.error_code, first.low_watermark)
    };
    assert_eq!(delete(4), (ErrorCode::OffsetOutOfRange, -1));
    assert_eq!(delete(2), (ErrorCode::None, 2));
    assert_eq!(delete(1), (ErrorCode::None, 2));
    assert_eq!(client.list_offset("t", -2).offset, 2);
    assert_eq!(client.fetch("t", 1, 10).error_code, ErrorCode::OffsetOutOfRange);
    let found = client.fetch("t", 2, 10);
    assert_eq!((found.error_code, found.log_start_offset), (ErrorCode::None, 2));
}

#[test]
fn the_cluster_describes_itself() {
    let broker = Broker::start();
    let request = DescribeClusterRequest { endpoint_type: 1, ..Default::default() };
    let Response::DescribeCluster(response) = broker.client().call(&Request::DescribeCluster(request), 1) else {
        panic!()
    };
    let brokers: Vec<_> = response.brokers.iter().map(|broker| broker.broker_id).collect();
    assert_eq!((response.controller_id, brokers), (broker.node_id, vec![broker.node_id]));
    assert_eq!(Some(response.cluster_id), broker.client().metadata(Some(Vec::new())).cluster_id);
}
