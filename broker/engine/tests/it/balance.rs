//! Partitions move to brokers that join, and away from those that leave, with nothing lost.

use std::time::Duration;

use broker_engine::metadata::{Change, Command, LogOptions, MetadataLog, Target};
use broker_engine::store::Store;
use broker_engine::store::faults::Faults;
use broker_engine::{
    CommitOffset, Engine, OffsetCommitRequest, OffsetFetchRequest, PartitionError, ProduceError, Stores, TopicRef, Turn,
};
use futures::future::join_all;
use tokio::sync::watch;
use tokio::time::{Instant, timeout};
use uuid::Uuid;

use crate::support::*;

/// How many of the topic's partitions an engine leads, as another one sees it.
fn led(view: &Engine, leader: &Engine) -> usize {
    let partitions = view.topic(&topic()).map(|topic| topic.partitions).unwrap_or_default();
    partitions.iter().filter(|one| one.leader.node_id == leader.node_id()).count()
}

/// The engine that leads, as any of them sees it.
fn leader_of(engines: &[Engine], partition: i32) -> &Engine {
    let leader = engines[0].leader(&topic(), partition).unwrap().node_id;
    engines.iter().find(|engine| engine.node_id() == leader).unwrap_or(&engines[0])
}

/// An idempotent producer with two batches in flight: sends to the leader, and again what failed, until told to stop. How
/// many it has sent, and how long the slowest pair took.
async fn keep_producing(
    engines: watch::Receiver<Vec<Engine>>,
    partition: i32,
    stop: watch::Receiver<bool>,
) -> (usize, Duration) {
    let mut sent = 0;
    let mut longest = Duration::ZERO;
    while !*stop.borrow() {
        let sends = |engine: Engine, first: usize| async move {
            let turn = Turn::default();
            let both = (first..first + 2).map(|number| {
                let sequence = i32::try_from(number).unwrap();
                let records = sequenced(100 + i64::from(partition), sequence, &values(number, 1));
                engine.produce_in_turn(request(partition, records), &turn)
            });
            join_all(both).await.into_iter().flatten().collect::<Vec<_>>()
        };
        let began = Instant::now();
        loop {
            let engine = leader_of(&engines.borrow(), partition).clone();
            let outcomes = sends(engine, sent).await;
            if outcomes.iter().all(Result::is_ok) {
                let offsets = outcomes.iter().map(|outcome| outcome.as_ref().unwrap().base_offset);
                assert!(offsets.eq((sent..sent + 2).map(|offset| i64::try_from(offset).unwrap())));
                break;
            }
            for outcome in outcomes.into_iter().filter_map(Result::err) {
                assert!(matches!(outcome, ProduceError::Partition(PartitionError::NotLeader(_))), "{outcome:?}");
            }
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
        sent += 2;
        longest = longest.max(began.elapsed());
        tokio::time::sleep(Duration::from_millis(3)).await;
    }
    (sent, longest)
}

#[tokio::test(start_paused = true)]
async fn a_broker_that_joins_gets_its_share_and_nothing_is_lost_or_doubled() {
    let stores = memory();
    let a = start("a", &stores).await;
    create_topic(&a, 6).await;
    let engines = watch::Sender::new(vec![a.clone()]);
    let stop = watch::Sender::new(false);
    let producing = (0..6).map(|partition| keep_producing(engines.subscribe(), partition, stop.subscribe()));
    let script = async {
        tokio::time::sleep(Duration::from_secs(1)).await;
        let b = start("b", &stores).await;
        engines.send_modify(|all| all.push(b.clone()));
        let joined = Instant::now();
        until("both lead half", || led(&a, &a) == 3 && led(&a, &b) == 3).await;
        assert!(joined.elapsed() < Duration::from_secs(5), "{:?}", joined.elapsed());
        tokio::time::sleep(Duration::from_secs(2)).await;
        let c = start("c", &stores).await;
        engines.send_modify(|all| all.push(c.clone()));
        until("all lead a third", || [&a, &b, &c].iter().all(|one| led(&a, one) == 2)).await;
        tokio::time::sleep(Duration::from_secs(2)).await;
        // One leaves, under load too.
        b.stop().await;
        until("two lead half", || led(&a, &a) == 3 && led(&a, &c) == 3).await;
        tokio::time::sleep(Duration::from_secs(1)).await;
        stop.send_replace(true);
        (b, c)
    };
    let (sent, (_b, c)) = tokio::join!(join_all(producing), script);
    for (partition, (sent, longest)) in (0..).zip(sent) {
        assert!(sent > 1000 && longest < Duration::from_secs(2), "{sent}, {longest:?}");
        let all = engines.borrow().clone();
        assert_eq!(read_all(leader_of(&all, partition), partition).await, numbered(&values(0, sent)));
    }
    assert_eq!((a.metrics().fenced_total, c.metrics().fenced_total), (0, 0));
    a.stop().await;
    c.stop().await;
}

#[tokio::test(start_paused = true)]
async fn committed_offsets_move_with_their_coordinator() {
    let stores = memory();
    let a = start("a", &stores).await;
    create_topic(&a, 1).await;
    let groups: Vec<String> = (0..20).map(|number| format!("group-{number}")).collect();
    for (offset, group) in (0..).zip(&groups) {
        let commit = CommitOffset { topic: topic(), partition: 0, offset, leader_epoch: -1, metadata: String::new() };
        let request = OffsetCommitRequest {
            group: group.clone(),
            generation: -1,
            member_id: String::new(),
            group_instance_id: None,
            offsets: vec![commit],
        };
        patiently(|| async { a.offset_commit(request.clone()).await.remove(0) }).await;
    }
    let b = start("b", &stores).await;
    let coordinated = |engine: &Engine| {
        let mine = |group: &&String| a.coordinator(group).is_some_and(|broker| broker.node_id == engine.node_id());
        groups.iter().filter(mine).count()
    };
    until("both coordinate", || coordinated(&a) > 4 && coordinated(&b) > 4).await;
    for (offset, group) in (0..).zip(&groups) {
        let (coordinator, other) =
            if a.coordinator(group).unwrap().node_id == a.node_id() { (&a, &b) } else { (&b, &a) };
        let question = || OffsetFetchRequest { group: group.clone(), partitions: Some(vec![(topic(), 0)]) };
        let deadline = Instant::now() + Duration::from_secs(10);
        let found = loop {
            match coordinator.offset_fetch(question()).await {
                Ok(found) => break found,
                Err(error) => assert!(Instant::now() < deadline, "{error}"),
            }
            tokio::time::sleep(Duration::from_millis(20)).await;
        };
        assert_eq!(found.iter().map(|one| one.offset).collect::<Vec<_>>(), [offset]);
        assert!(other.offset_fetch(question()).await.is_err());
    }
    a.stop().await;
    b.stop().await;
}

#[tokio::test(start_paused = true)]
async fn a_release_that_comes_back_to_its_sender_is_served_again() {
    let stores = memory();
    let (a, b) = (start("a", &stores).await, start("b", &stores).await);
    create_topic(&a, 2).await;
    let partition = (0..2).find(|one| a.leader(&topic(), *one).unwrap().node_id == a.node_id()).unwrap();
    patiently(|| produce(&a, partition, sequenced(7, 0, &values(0, 1)))).await;
    let before = a.leader(&topic(), partition).unwrap();
    // The target dies in the entry that makes it the target: the one that releases is chosen again.
    let mut log = MetadataLog::open(&stores.metadata, LogOptions::new("test", 99)).await.unwrap();
    let topic_id = a.topic(&topic()).unwrap().topic_id;
    let target = Target { topic: topic_id, partition, broker: Some(b.node_id()) };
    let dead = a.view().broker(b.node_id()).unwrap().incarnation();
    b.kill().await;
    let command = |change| Command {
        id: Uuid::new_v4(),
        origin: None,
        actor: "User:test".to_owned(),
        time_ms: 0,
        reason: "test".to_owned(),
        change,
    };
    let commands = [Change::SetTargets { targets: vec![target] }, Change::FenceBrokers { incarnations: vec![dead] }];
    for result in log.propose(commands.map(command).to_vec()).await.unwrap() {
        result.unwrap();
    }
    until("it leads again", || a.leader(&topic(), partition).unwrap().leader_epoch > before.leader_epoch).await;
    assert_eq!(a.leader(&topic(), partition).unwrap().node_id, a.node_id());
    assert_eq!(patiently(|| produce(&a, partition, sequenced(7, 0, &values(0, 1)))).await, 0);
    assert_eq!(patiently(|| produce(&a, partition, sequenced(7, 1, &values(1, 1)))).await, 1);
    assert_eq!(read_all(&a, partition).await, numbered(&values(0, 2)));
    a.stop().await;
}

#[tokio::test(start_paused = true)]
async fn what_was_never_opened_is_handed_over_too() {
    let store = Store::memory("test").unwrap();
    let (data, faults) = Faults::over(&store).unwrap();
    let stores = both(store.clone());
    let b = start("b", &stores).await;
    create_topic(&b, 3).await;
    for partition in 0..3 {
        patiently(|| produce(&b, partition, sequenced(7, 0, &values(0, 2)))).await;
    }
    let a = start("a", &Stores { data, metadata: store }).await;
    until("the topic is known", || a.topic(&topic()).is_some()).await;
    // What it takes over it cannot read.
    faults.fail_gets(u32::MAX);
    b.kill().await;
    fence(&a, &b).await;
    until("it shall lead all", || led(&a, &a) == 3).await;
    assert!(a.metrics().partitions_opening > 0);
    let c = start("c", &stores).await;
    timeout(Duration::from_secs(5), a.stop()).await.unwrap();
    until("the other one leads all", || led(&c, &c) == 3).await;
    for partition in 0..3 {
        assert_eq!(patiently(|| produce(&c, partition, sequenced(7, 2, &values(2, 1)))).await, 2);
        assert_eq!(read_all(&c, partition).await, numbered(&values(0, 3)));
    }
    let gone = c.view().broker(a.node_id()).unwrap().incarnation();
    let sign = broker_engine::metadata::LiveObject::read(&stores.metadata, gone).await.unwrap();
    assert_eq!(sign, None, "an orderly stop leaves no sign of life");
    assert_eq!(c.leader(&TopicRef::Name(TOPIC.to_owned()), 0).unwrap().node_id, c.node_id());
    c.stop().await;
}

#[tokio::test(start_paused = true)]
async fn busy_partitions_change_places_with_idle_ones() {
    let stores = memory();
    let engines = [start("a", &stores).await, start("b", &stores).await];
    create_topic(&engines[0], 8).await;
    until("both know the topic", || engines.iter().all(|engine| engine.topic(&topic()).is_some())).await;
    let led_by_first = |partition: &i32| leader_of(&engines, *partition).node_id() == engines[0].node_id();
    let busy: Vec<i32> = (0..8).filter(led_by_first).collect();
    assert_eq!(busy.len(), 4);
    let value = ["x".repeat(400 << 10)];
    let deadline = Instant::now() + Duration::from_secs(300);
    // A weighing comes after a minute and a half, and all that is busy is on one side; less than a mebibyte per second of
    // difference stays.
    while busy.iter().filter(|partition| led_by_first(partition)).count() != 3 {
        assert!(Instant::now() < deadline, "the load stays where it is");
        for partition in &busy {
            patiently(|| produce(leader_of(&engines, *partition), *partition, batch(&value))).await;
        }
        tokio::time::sleep(Duration::from_secs(1)).await;
    }
    until("they lead equally many", || led(&engines[0], &engines[0]) == 4 && led(&engines[0], &engines[1]) == 4).await;
    for engine in engines {
        engine.stop().await;
    }
}
