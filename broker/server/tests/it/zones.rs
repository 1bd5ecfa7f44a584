//! Consumers that read from a broker of their own zone (KIP-392).

use std::time::Duration;

use broker_wire::messages::fetch::{FetchPartition, FetchRequest, FetchTopic, PartitionData};
use broker_wire::{ErrorCode, Request, Response, Str};

use crate::broker::Broker;
use crate::client::Client;
use crate::log::batch;

fn fetch(broker: &Broker, version: i16, offset: i64, rack: &'static str, max_wait_ms: i32) -> PartitionData {
    fetch_from(&mut broker.client(), version, (0, offset), rack, max_wait_ms)
}

/// Reads a partition of the topic `payments` from an offset on.
pub(crate) fn fetch_from(
    client: &mut Client,
    version: i16,
    (partition, fetch_offset): (i32, i64),
    rack: &'static str,
    max_wait_ms: i32,
) -> PartitionData {
    let partition = FetchPartition { partition, fetch_offset, partition_max_bytes: 1 << 20, ..Default::default() };
    let topic = FetchTopic { topic: Str::from_static("payments"), partitions: vec![partition], ..Default::default() };
    let topics = vec![topic];
    let rack_id = Str::from_static(if version >= 11 { rack } else { "" });
    let request = FetchRequest { max_wait_ms, min_bytes: 1, topics, rack_id, ..Default::default() };
    let Response::Fetch(mut response) = client.call(&Request::Fetch(request), version) else { panic!() };
    assert_eq!(response.error_code, ErrorCode::None);
    response.responses.remove(0).partitions.remove(0)
}

#[test]
fn a_consumer_is_sent_to_the_broker_of_its_zone_and_served_there() {
    let directory = tempfile::tempdir().unwrap();
    let store = directory.path().to_str().unwrap();
    let brokers = ["z1", "z2"].map(|zone| Broker::start_with(&["--store", store, "--zone", zone]));
    let listed = brokers[0].client().topic("payments").partitions.remove(0);
    let (leader, reader, rack) = if listed.leader_id == brokers[0].node_id {
        (&brokers[0], &brokers[1], "z2")
    } else {
        (&brokers[1], &brokers[0], "z1")
    };
    for broker in [leader, reader] {
        broker.client().topic("payments");
    }
    assert_eq!(leader.client().produce("payments", batch(1, &["one", "two"])).error_code, ErrorCode::None);
    // Once the leader has heard of the other.
    let sent = (0..500)
        .map(|_| {
            std::thread::sleep(Duration::from_millis(20));
            fetch(leader, 11, 0, rack, 0)
        })
        .find(|sent| sent.preferred_read_replica >= 0)
        .unwrap();
    assert_eq!((sent.error_code, sent.preferred_read_replica), (ErrorCode::None, reader.node_id));
    assert!(sent.records.unwrap().is_empty());
    let listed = leader.client().topic("payments").partitions.remove(0);
    assert_eq!(listed.replica_nodes, [leader.node_id, reader.node_id], "clients read from replicas only");
    assert_eq!(listed.isr_nodes, listed.replica_nodes);
    let read = fetch(reader, 11, 0, rack, 0);
    assert_eq!((read.error_code, read.high_watermark, read.preferred_read_replica), (ErrorCode::None, 2, -1));
    assert!(!read.records.unwrap().is_empty());
    assert_eq!(fetch(reader, 11, 9, rack, 0).error_code, ErrorCode::NotLeaderOrFollower, "never out of range");
    assert_eq!(fetch(leader, 11, 9, rack, 0).error_code, ErrorCode::OffsetOutOfRange);
    // Who says no zone, or speaks a version without one, is served by the leader and by nobody else.
    for version in [10, 11] {
        assert_eq!(fetch(leader, version, 0, "", 0).high_watermark, 2);
        assert_eq!(fetch(reader, version, 0, "", 0).error_code, ErrorCode::NotLeaderOrFollower);
    }
    // It waits where it reads, and hears of what comes.
    std::thread::scope(|scope| {
        let waits = scope.spawn(|| fetch(reader, 11, 2, rack, 20_000));
        std::thread::sleep(Duration::from_millis(300));
        assert_eq!(leader.client().produce("payments", batch(1, &["three"])).error_code, ErrorCode::None);
        let read = waits.join().unwrap();
        assert_eq!((read.error_code, read.high_watermark), (ErrorCode::None, 3));
        assert!(!read.records.unwrap().is_empty());
    });
}
