//! Consumer groups.

use broker_wire::messages::find_coordinator::FindCoordinatorRequest;
use broker_wire::messages::heartbeat::HeartbeatRequest;
use broker_wire::messages::join_group::{JoinGroupRequest, JoinGroupRequestProtocol, JoinGroupResponse};
use broker_wire::messages::leave_group::{LeaveGroupRequest, MemberIdentity};
use broker_wire::messages::offset_commit::{
    OffsetCommitRequest, OffsetCommitRequestPartition, OffsetCommitRequestTopic,
};
use broker_wire::messages::offset_fetch::{
    OffsetFetchRequest, OffsetFetchRequestGroup, OffsetFetchRequestTopics, OffsetFetchResponsePartitions,
};
use broker_wire::messages::sync_group::{SyncGroupRequest, SyncGroupRequestAssignment};
use broker_wire::{ErrorCode, Request, Response, Str};
use bytes::Bytes;

use crate::broker::Broker;
use crate::client::Client;

const GROUP: Str = Str::from_static("g");

/// Waits until the group has a coordinator.
fn find_coordinator(client: &mut Client) -> i32 {
    for _ in 0..300 {
        let request = FindCoordinatorRequest { coordinator_keys: vec![GROUP], ..Default::default() };
        let Response::FindCoordinator(found) = client.call(&Request::FindCoordinator(request), 4) else { panic!() };
        if found.coordinators[0].error_code == ErrorCode::None {
            return found.coordinators[0].node_id;
        }
        std::thread::sleep(std::time::Duration::from_millis(20));
    }
    panic!("no coordinator");
}

fn join(client: &mut Client, member_id: Str) -> JoinGroupResponse {
    let protocol =
        JoinGroupRequestProtocol { name: Str::from_static("range"), metadata: Bytes::from_static(b"topics") };
    let request = JoinGroupRequest {
        group_id: GROUP,
        session_timeout_ms: 10_000,
        rebalance_timeout_ms: 10_000,
        member_id,
        protocol_type: Str::from_static("consumer"),
        protocols: vec![protocol],
        ..Default::default()
    };
    let Response::JoinGroup(response) = client.call(&Request::JoinGroup(request), 9) else { panic!() };
    response
}

fn heartbeat(client: &mut Client, member_id: &Str, generation_id: i32) -> ErrorCode {
    let request =
        HeartbeatRequest { group_id: GROUP, generation_id, member_id: member_id.clone(), ..Default::default() };
    let Response::Heartbeat(response) = client.call(&Request::Heartbeat(request), 4) else { panic!() };
    response.error_code
}

fn commit(client: &mut Client, offset: i64, metadata: &'static str) -> ErrorCode {
    let partition = OffsetCommitRequestPartition {
        partition_index: 0,
        committed_offset: offset,
        committed_metadata: Some(Str::from_static(metadata)),
        ..Default::default()
    };
    let topic =
        OffsetCommitRequestTopic { name: Str::from_static("t"), partitions: vec![partition], ..Default::default() };
    let request = OffsetCommitRequest { group_id: GROUP, topics: vec![topic], ..Default::default() };
    let Response::OffsetCommit(mut response) = client.call(&Request::OffsetCommit(request), 8) else { panic!() };
    response.topics.remove(0).partitions.remove(0).error_code
}

/// What is committed for the first partition, once the coordinator has read its log.
fn committed(client: &mut Client) -> OffsetFetchResponsePartitions {
    let topic =
        OffsetFetchRequestTopics { name: Str::from_static("t"), partition_indexes: vec![0, 9], ..Default::default() };
    let group = OffsetFetchRequestGroup { group_id: GROUP, topics: Some(vec![topic]), ..Default::default() };
    let request = OffsetFetchRequest { groups: vec![group], ..Default::default() };
    for _ in 0..300 {
        let request = Request::OffsetFetch(request.clone());
        let Response::OffsetFetch(mut response) = client.call(&request, 8) else { panic!() };
        let mut group = response.groups.remove(0);
        assert_eq!((group.topics.len(), group.topics[0].partitions.len()), (1, 2));
        if group.error_code != ErrorCode::CoordinatorLoadInProgress {
            assert_eq!((group.error_code, group.topics[0].partitions[1].committed_offset), (ErrorCode::None, -1));
            return group.topics.remove(0).partitions.remove(0);
        }
        std::thread::sleep(std::time::Duration::from_millis(20));
    }
    panic!("the coordinator does not finish loading");
}

#[test]
fn a_member_joins_is_assigned_lives_and_leaves() {
    let broker = Broker::start();
    let mut client = broker.client();
    assert_eq!(find_coordinator(&mut client), broker.node_id);
    let first = join(&mut client, Str::default());
    assert_eq!(first.error_code, ErrorCode::MemberIdRequired);
    let joined = join(&mut client, first.member_id.clone());
    assert_eq!((joined.error_code, joined.generation_id), (ErrorCode::None, 1));
    assert_eq!((&joined.leader, joined.members.len()), (&first.member_id, 1));
    assert_eq!(joined.members[0].metadata, "topics");
    let assignment =
        SyncGroupRequestAssignment { member_id: joined.member_id.clone(), assignment: Bytes::from_static(b"all") };
    let request = SyncGroupRequest {
        group_id: GROUP,
        generation_id: 1,
        member_id: joined.member_id.clone(),
        protocol_type: Some(Str::from_static("consumer")),
        protocol_name: Some(Str::from_static("range")),
        assignments: vec![assignment],
        ..Default::default()
    };
    let Response::SyncGroup(synced) = client.call(&Request::SyncGroup(request), 5) else { panic!() };
    assert_eq!((synced.error_code, &synced.assignment[..]), (ErrorCode::None, &b"all"[..]));
    assert_eq!(heartbeat(&mut client, &joined.member_id, 1), ErrorCode::None);
    assert_eq!(heartbeat(&mut client, &joined.member_id, 7), ErrorCode::IllegalGeneration);
    let member = MemberIdentity { member_id: joined.member_id.clone(), ..Default::default() };
    let request = LeaveGroupRequest { group_id: GROUP, members: vec![member], ..Default::default() };
    let Response::LeaveGroup(left) = client.call(&Request::LeaveGroup(request), 4) else { panic!() };
    assert_eq!((left.error_code, left.members[0].error_code), (ErrorCode::None, ErrorCode::None));
    assert_eq!(heartbeat(&mut client, &joined.member_id, 1), ErrorCode::UnknownMemberId);
}

#[test]
fn offsets_are_committed_with_their_notes() {
    let broker = Broker::start();
    let mut client = broker.client();
    client.topic("t");
    find_coordinator(&mut client);
    assert_eq!(committed(&mut client).committed_offset, -1);
    assert_eq!(commit(&mut client, 41, "half-way"), ErrorCode::None);
    let found = committed(&mut client);
    assert_eq!((found.committed_offset, found.metadata.as_deref()), (41, Some("half-way")));
}

#[test]
fn committed_offsets_outlive_the_broker() {
    let folder = tempfile::tempdir().unwrap();
    let arguments = ["--store", folder.path().to_str().unwrap(), "--node-id", "5"];
    {
        let broker = Broker::start_with(&arguments);
        let mut client = broker.client();
        client.topic("t");
        find_coordinator(&mut client);
        assert_eq!(commit(&mut client, 17, ""), ErrorCode::None);
    }
    let broker = Broker::start_with(&arguments);
    let mut client = broker.client();
    find_coordinator(&mut client);
    assert_eq!(committed(&mut client).committed_offset, 17);
}
