//! Consumer groups on whole engines.

use std::time::Duration;

use broker_engine::{
    CommitOffset, Engine, Env, GroupError, GroupProtocol, HeartbeatRequest, JoinGroupRequest, JoinedGroup,
    LeaveGroupRequest, LeavingMember, OffsetCommitError, OffsetCommitRequest, OffsetFetchRequest, Stores,
    SyncGroupRequest,
};
use bytes::Bytes;

use crate::support::*;

const GROUP: &str = "readers";

impl Retriable for GroupError {
    fn is_retriable(&self) -> bool {
        matches!(self, Self::CoordinatorLoading | Self::NotCoordinator | Self::CoordinatorNotAvailable)
    }
}

impl Retriable for OffsetCommitError {
    fn is_retriable(&self) -> bool {
        matches!(self, Self::Group(error) if error.is_retriable())
    }
}

fn join(member_id: &str, instance: Option<&str>) -> JoinGroupRequest {
    JoinGroupRequest {
        group: GROUP.to_owned(),
        member_id: member_id.to_owned(),
        group_instance_id: instance.map(str::to_owned),
        client_id: "client".to_owned(),
        client_host: "127.0.0.1".to_owned(),
        session_timeout: Duration::from_secs(10),
        rebalance_timeout: Duration::from_secs(30),
        protocol_type: "consumer".to_owned(),
        protocols: vec![GroupProtocol { name: "range".to_owned(), metadata: Bytes::from_static(b"topics") }],
        member_id_required: true,
    }
}

/// Joins as a client does, taking the id it is given.
async fn joined(engine: &Engine, member_id: &str) -> JoinedGroup {
    let first = patiently(|| async {
        match engine.join_group(join(member_id, None)).await {
            Err(GroupError::MemberIdRequired(id)) => Ok(Err(id)),
            answer => answer.map(Ok),
        }
    })
    .await;
    match first {
        Ok(joined) => joined,
        Err(id) => engine.join_group(join(&id, None)).await.unwrap(),
    }
}

async fn synced(engine: &Engine, joined: &JoinedGroup) -> Result<Bytes, GroupError> {
    let assignments = joined
        .members
        .iter()
        .map(|member| (member.member_id.clone(), Bytes::from(format!("for {}", member.member_id))))
        .collect();
    let request = SyncGroupRequest {
        group: GROUP.to_owned(),
        generation: joined.generation,
        member_id: joined.member_id.clone(),
        group_instance_id: None,
        protocol_type: None,
        protocol_name: None,
        assignments,
    };
    engine.sync_group(request).await.map(|synced| synced.assignment)
}

async fn beat(engine: &Engine, member: &JoinedGroup) -> Result<(), GroupError> {
    let request = HeartbeatRequest {
        group: GROUP.to_owned(),
        generation: member.generation,
        member_id: member.member_id.clone(),
        group_instance_id: None,
    };
    engine.heartbeat(request).await
}

fn commit(generation: i32, member_id: &str, offset: i64) -> OffsetCommitRequest {
    OffsetCommitRequest {
        group: GROUP.to_owned(),
        generation,
        member_id: member_id.to_owned(),
        group_instance_id: None,
        offsets: vec![CommitOffset {
            topic: topic(),
            partition: 0,
            offset,
            leader_epoch: 0,
            metadata: format!("note {offset}"),
        }],
    }
}

async fn committed(engine: &Engine) -> i64 {
    patiently(|| async {
        let partitions = Some(vec![(topic(), 0)]);
        engine
            .offset_fetch(OffsetFetchRequest { group: GROUP.to_owned(), partitions })
            .await
            .map(|found| found[0].offset)
    })
    .await
}

pub(crate) async fn commit_patiently(engine: &Engine, offset: i64) {
    patiently(|| async { engine.offset_commit(commit(-1, "", offset)).await.remove(0) }).await;
}

/// Two members in one generation.
async fn two_members(engine: &Engine) -> (JoinedGroup, JoinedGroup) {
    let (one, two) = tokio::join!(joined(engine, ""), joined(engine, ""));
    let (assigned_one, assigned_two) = tokio::join!(synced(engine, &one), synced(engine, &two));
    assert_eq!(assigned_one.unwrap(), format!("for {}", one.member_id));
    assert_eq!(assigned_two.unwrap(), format!("for {}", two.member_id));
    (one, two)
}

#[tokio::test(start_paused = true)]
async fn two_members_share_a_generation_with_one_leader() {
    let engine = start("a", &memory()).await;
    let (one, two) = two_members(&engine).await;
    assert_eq!((one.generation, &one.leader), (two.generation, &two.leader));
    let mut sizes = [one.members.len(), two.members.len()];
    sizes.sort_unstable();
    assert_eq!(sizes, [0, 2], "only the leader sees the members");
    assert_eq!(beat(&engine, &one).await, Ok(()));
    let description = engine.describe_group(GROUP).await.unwrap();
    assert_eq!((description.state, description.members.len()), ("Stable", 2));
    engine.stop().await;
}

#[tokio::test(start_paused = true)]
async fn when_a_member_leaves_the_others_join_again() {
    let engine = start("a", &memory()).await;
    let (one, two) = two_members(&engine).await;
    let leaving = LeavingMember { member_id: two.member_id.clone(), group_instance_id: None };
    let left = engine.leave_group(LeaveGroupRequest { group: GROUP.to_owned(), members: vec![leaving] }).await;
    assert_eq!(left, Ok(vec![Ok(())]));
    assert_eq!(beat(&engine, &one).await, Err(GroupError::RebalanceInProgress));
    assert_eq!(beat(&engine, &two).await, Err(GroupError::UnknownMember));
    let again = joined(&engine, &one.member_id).await;
    assert_eq!((again.generation, again.members.len()), (one.generation + 1, 1));
    assert!(synced(&engine, &again).await.is_ok());
    assert_eq!(beat(&engine, &one).await, Err(GroupError::IllegalGeneration));
    engine.stop().await;
}

#[tokio::test(start_paused = true)]
async fn a_silent_member_is_out_after_its_session() {
    let engine = start("a", &memory()).await;
    let (one, two) = two_members(&engine).await;
    for _ in 0..6 {
        tokio::time::sleep(Duration::from_secs(2)).await;
        let _ = beat(&engine, &one).await;
    }
    assert_eq!(beat(&engine, &one).await, Err(GroupError::RebalanceInProgress));
    assert_eq!(beat(&engine, &two).await, Err(GroupError::UnknownMember));
    engine.stop().await;
}

#[tokio::test(start_paused = true)]
async fn a_static_member_comes_back_without_a_rebalance_and_fences_its_former_self() {
    let engine = start("a", &memory()).await;
    let first = patiently(|| engine.join_group(join("", Some("pod-0")))).await;
    synced(&engine, &first).await.unwrap();
    let second = engine.join_group(join("", Some("pod-0"))).await.unwrap();
    assert_eq!(second.generation, first.generation);
    assert_ne!(second.member_id, first.member_id);
    assert_eq!(beat(&engine, &second).await, Ok(()));
    let request = HeartbeatRequest {
        group: GROUP.to_owned(),
        generation: first.generation,
        member_id: first.member_id,
        group_instance_id: Some("pod-0".to_owned()),
    };
    assert_eq!(engine.heartbeat(request).await, Err(GroupError::FencedInstance));
    engine.stop().await;
}

#[tokio::test(start_paused = true)]
async fn only_members_of_the_generation_commit() {
    let engine = start("a", &memory()).await;
    create_topic(&engine, 1).await;
    let (one, _) = two_members(&engine).await;
    assert_eq!(engine.offset_commit(commit(one.generation, &one.member_id, 5)).await, vec![Ok(())]);
    let stale = engine.offset_commit(commit(one.generation - 1, &one.member_id, 6)).await;
    assert_eq!(stale, vec![Err(GroupError::IllegalGeneration.into())]);
    let stranger = engine.offset_commit(commit(one.generation, "stranger", 6)).await;
    assert_eq!(stranger, vec![Err(GroupError::UnknownMember.into())]);
    assert_eq!(committed(&engine).await, 5);
    engine.stop().await;
}

#[tokio::test(start_paused = true)]
async fn offsets_survive_a_stop_and_a_crash() {
    let stores = memory();
    let engine = start("a", &stores).await;
    create_topic(&engine, 1).await;
    assert_eq!(committed(&engine).await, -1);
    commit_patiently(&engine, 5).await;
    commit_patiently(&engine, 6).await;
    engine.stop().await;
    let engine = start("a", &stores).await;
    assert_eq!(committed(&engine).await, 6);
    commit_patiently(&engine, 7).await;
    engine.kill().await;
    let engine = start("a", &stores).await;
    assert_eq!(committed(&engine).await, 7);
    let all = engine.offset_fetch(OffsetFetchRequest { group: GROUP.to_owned(), partitions: None }).await.unwrap();
    assert_eq!((all.len(), all[0].metadata.as_str()), (1, "note 7"));
    engine.delete_group(GROUP).await.unwrap();
    assert_eq!(committed(&engine).await, -1);
    engine.stop().await;
    let engine = start("a", &stores).await;
    assert_eq!(committed(&engine).await, -1);
    engine.stop().await;
}

#[tokio::test(start_paused = true)]
async fn members_and_offsets_survive_the_death_of_their_coordinator() {
    let stores = memory();
    // The first broker leads everything, the group's partition too.
    let a = start("a", &stores).await;
    create_topic(&a, 1).await;
    let (one, two) = two_members(&a).await;
    assert_eq!(a.offset_commit(commit(one.generation, &one.member_id, 5)).await, vec![Ok(())]);
    let b = start("b", &stores).await;
    assert_eq!(b.heartbeat_of(&one).await, Err(GroupError::NotCoordinator));
    a.kill().await;
    fence(&b, &a).await;
    patiently(|| b.heartbeat_of(&one)).await;
    patiently(|| b.heartbeat_of(&two)).await;
    assert_eq!(committed(&b).await, 5);
    assert_eq!(b.offset_commit(commit(two.generation, &two.member_id, 8)).await, vec![Ok(())]);
    assert_eq!(committed(&b).await, 8);
    b.stop().await;
}

#[tokio::test(start_paused = true)]
async fn a_join_that_is_refused_leaves_no_group_behind() {
    let engine = start("a", &memory()).await;
    let refused = || async {
        let request = JoinGroupRequest { protocols: Vec::new(), ..join("", None) };
        match engine.join_group(request).await {
            Err(GroupError::InconsistentProtocol) => Ok(()),
            answer => answer.map(|_| ()),
        }
    };
    patiently(refused).await;
    assert_eq!(engine.list_groups(), vec![]);
    // An id that is never used is forgotten after its session, and its group with it.
    let given = engine.join_group(join("", None)).await;
    assert!(matches!(given, Err(GroupError::MemberIdRequired(_))));
    assert_eq!(engine.list_groups().len(), 1);
    tokio::time::sleep(Duration::from_secs(11)).await;
    assert_eq!(engine.list_groups(), vec![]);
    engine.stop().await;
}

#[tokio::test(start_paused = true)]
async fn requests_that_come_while_the_broker_gives_up_are_answered() {
    let engine = start("a", &memory()).await;
    let (one, _) = two_members(&engine).await;
    let Err(GroupError::MemberIdRequired(id)) = engine.join_group(join("", None)).await else { panic!("no id") };
    // It waits for the two others to join again.
    let waiting = tokio::time::timeout(Duration::from_secs(60), engine.join_group(join(&id, None)));
    let (answer, ()) = tokio::join!(waiting, engine.kill());
    assert!(answer.is_ok_and(|answer| answer.is_err()));
    let late = tokio::time::timeout(Duration::from_secs(60), engine.join_group(join(&one.member_id, None))).await;
    assert!(late.is_ok_and(|answer| answer.is_err()));
}

const MINUTE: Duration = Duration::from_secs(60);

/// A broker that keeps offsets for an hour, in [`moving_world`].
async fn start_forgetful(stores: &Stores, world: &Env) -> Engine {
    let mut config = config("a");
    config.limits.offsets_retention = MINUTE * 60;
    start_in(config, stores, world.clone()).await
}

#[tokio::test(start_paused = true)]
async fn offsets_expire_when_their_group_has_been_empty_for_long_enough_and_stay_expired() {
    let stores = memory();
    let world = moving_world();
    let engine = start_forgetful(&stores, &world).await;
    create_topic(&engine, 1).await;
    let (one, two) = two_members(&engine).await;
    assert_eq!(engine.offset_commit(commit(one.generation, &one.member_id, 5)).await, vec![Ok(())]);
    // As long as there are members that read the topic (or cannot say what they read), nothing expires.
    for _ in 0..(90 * 60 / 8) {
        tokio::time::sleep(Duration::from_secs(8)).await;
        assert_eq!((beat(&engine, &one).await, beat(&engine, &two).await), (Ok(()), Ok(())));
    }
    assert_eq!(committed(&engine).await, 5);
    // Then they fall silent, and the hour begins.
    tokio::time::sleep(MINUTE * 55).await;
    assert_eq!(committed(&engine).await, 5);
    tokio::time::sleep(MINUTE * 25).await;
    assert_eq!(committed(&engine).await, -1);
    assert_eq!(engine.list_groups(), vec![]);
    engine.kill().await;
    let engine = start_forgetful(&stores, &world).await;
    assert_eq!(committed(&engine).await, -1);
    assert_eq!(engine.list_groups(), vec![]);
    engine.stop().await;
}

#[tokio::test(start_paused = true)]
async fn offsets_of_a_deleted_topic_and_old_offsets_without_a_group_expire() {
    let engine = start_forgetful(&memory(), &moving_world()).await;
    create_topic(&engine, 1).await;
    commit_patiently(&engine, 5).await;
    tokio::time::sleep(MINUTE * 45).await;
    commit_patiently(&engine, 6).await;
    tokio::time::sleep(MINUTE * 45).await;
    assert_eq!(committed(&engine).await, 6, "the last commit counts");
    assert_eq!(engine.list_groups().len(), 1);
    engine.delete_topics(vec![topic()], "User:test", Duration::from_secs(10)).await.remove(0).unwrap();
    tokio::time::sleep(MINUTE * 20).await;
    assert_eq!(engine.list_groups(), vec![]);
    create_topic(&engine, 1).await;
    commit_patiently(&engine, 7).await;
    tokio::time::sleep(MINUTE * 80).await;
    assert_eq!(committed(&engine).await, -1);
    engine.stop().await;
}

#[tokio::test(start_paused = true)]
async fn a_broker_whose_clock_is_wrong_expires_nothing() {
    let stores = memory();
    let clock = std::sync::Arc::new(broker_engine::store::StoreClock::default());
    clock.note(EPOCH_MS - 365 * 24 * 3600 * 1000);
    let stores = Stores { data: stores.data.with_clock(clock), ..stores };
    let engine = start_forgetful(&stores, &moving_world()).await;
    create_topic(&engine, 1).await;
    commit_patiently(&engine, 5).await;
    tokio::time::sleep(MINUTE * 180).await;
    assert_eq!(committed(&engine).await, 5);
    engine.stop().await;
}

/// Heartbeats that name no engine first; reads better in a closure.
trait Heart {
    async fn heartbeat_of(&self, member: &JoinedGroup) -> Result<(), GroupError>;
}

impl Heart for Engine {
    async fn heartbeat_of(&self, member: &JoinedGroup) -> Result<(), GroupError> {
        beat(self, member).await
    }
}
