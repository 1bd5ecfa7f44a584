//! What members do for one another, on a store that takes as long as S3 does.

use std::time::Duration;

use broker_engine::metadata::{Change, Command, Entry, LogOptions, MetadataLog};
use broker_engine::store::{SequenceName, Store};
use broker_engine::{
    AdminMode, CreateTopic, Engine, GroupError, OffsetFetchRequest, PartitionError, ProduceError, Stores,
};
use futures::future::join_all;
use tokio::time::{Instant, timeout};
use uuid::Uuid;

use crate::slow::{Mood, Slow};
use crate::support::*;

struct Cluster {
    /// The store as it is.
    store: Store,
    slow: Slow,
    engines: Vec<Engine>,
}

/// Brokers that have settled, each leading four partitions of the topic.
async fn cluster(count: usize) -> Cluster {
    let store = Store::memory("test").unwrap();
    let (slowed, slow) = Slow::over(&store);
    let stores = both(slowed);
    let mut engines = Vec::new();
    for number in 0..count {
        engines.push(start(&format!("host-{number}"), &stores).await);
    }
    create_topic(&engines[0], i32::try_from(count * 4).unwrap()).await;
    until("all know the topic", || engines.iter().all(|engine| engine.topic(&topic()).is_some())).await;
    tokio::time::sleep(Duration::from_secs(10)).await;
    Cluster { store, slow, engines }
}

fn partitions(engine: &Engine) -> Vec<(i32, i32)> {
    let partitions = engine.topic(&topic()).unwrap().partitions;
    partitions.iter().map(|one| (one.partition, one.leader.node_id)).collect()
}

/// Appends to a partition wherever it is led, as clients do: how long it took.
async fn produce_somewhere(engines: &[Engine], partition: i32, sequence: i32) -> Duration {
    let began = Instant::now();
    loop {
        for engine in engines {
            let records = sequenced(i64::from(partition), sequence, &values(usize::try_from(sequence).unwrap(), 1));
            if engine.leader(&topic(), partition).unwrap().node_id != engine.node_id() {
                continue;
            }
            if produce(engine, partition, records).await.is_ok() {
                return began.elapsed();
            }
        }
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
}

/// Kills the first so many; how long it took until every partition took records again.
async fn time_to_produce_after_killing(count: usize, all: usize) -> Duration {
    let Cluster { mut engines, .. } = cluster(all).await;
    let everything = partitions(&engines[0]);
    join_all(everything.iter().map(|(partition, _)| produce_somewhere(&engines, *partition, 0))).await;
    for dead in engines.drain(..count) {
        dead.kill().await;
    }
    let times = join_all(everything.iter().map(|(partition, _)| produce_somewhere(&engines, *partition, 1))).await;
    for (partition, _) in everything {
        let leader = engines[0].leader(&topic(), partition).unwrap().node_id;
        let leader = engines.iter().find(|engine| engine.node_id() == leader).unwrap();
        assert_eq!(read_all(leader, partition).await, numbered(&values(0, 2)));
    }
    for engine in engines {
        engine.stop().await;
    }
    times.into_iter().max().unwrap()
}

#[tokio::test(start_paused = true)]
async fn after_a_kill_everything_is_produced_to_within_two_and_a_half_seconds_however_many_died() {
    let one = time_to_produce_after_killing(1, 3).await;
    let three = time_to_produce_after_killing(3, 6).await;
    println!("one of three {one:?}, three of six {three:?}");
    assert!(one <= Duration::from_millis(2500) && three <= Duration::from_millis(2500), "{one:?}, {three:?}");
}

#[tokio::test(start_paused = true)]
async fn a_drain_under_load_leaves_no_gap_of_more_than_a_second() {
    let Cluster { mut engines, .. } = cluster(3).await;
    let leaving = engines.remove(0);
    let moving = partitions(&leaving).into_iter().filter(|(_, leader)| *leader == leaving.node_id());
    let moving: Vec<i32> = moving.map(|(partition, _)| partition).collect();
    assert_eq!(moving.len(), 4);
    let all: Vec<Engine> = engines.iter().cloned().chain([leaving.clone()]).collect();
    let until_at = Instant::now() + Duration::from_secs(8);
    let load = join_all(moving.iter().map(|partition| {
        let all = &all;
        async move {
            let (mut longest, mut sequence) = (Duration::ZERO, 0);
            while Instant::now() < until_at {
                longest = longest.max(produce_somewhere(all, *partition, sequence).await);
                sequence += 1;
            }
            (longest, sequence)
        }
    }));
    let drain = async {
        tokio::time::sleep(Duration::from_secs(3)).await;
        leaving.stop().await;
    };
    let (gaps, ()) = tokio::join!(load, drain);
    println!("{gaps:?}");
    for (partition, (longest, count)) in moving.into_iter().zip(gaps) {
        assert!(longest <= Duration::from_secs(1) && count > 50, "{longest:?}, {count}");
        let leader = engines[0].leader(&topic(), partition).unwrap().node_id;
        let leader = engines.iter().find(|engine| engine.node_id() == leader).unwrap();
        assert_eq!(read_all(leader, partition).await, numbered(&values(0, usize::try_from(count).unwrap())));
    }
    assert!(engines.iter().all(|engine| engine.metrics().fenced_total == 0));
}

async fn create(engine: &Engine, name: &str) -> Duration {
    let began = Instant::now();
    let wanted = CreateTopic { name: name.to_owned(), partitions: Some(1), configs: Default::default() };
    let created = engine.create_topics(vec![wanted], AdminMode::Apply, "User:test", Duration::from_secs(30)).await;
    for one in created {
        one.unwrap();
    }
    assert!(engine.topic(&broker_engine::TopicRef::Name(name.to_owned())).is_some(), "known where it was asked for");
    began.elapsed()
}

/// Which process wrote the entry that creates a topic.
async fn creator(store: &Store, name: &str) -> String {
    let creates = |command: &Command| matches!(&command.change, Change::CreateTopic(create) if create.name == name);
    for seq in 0.. {
        let bytes = store.sequence(SequenceName::MetaLog).get(seq).await.unwrap().expect("no such entry");
        let entry = Entry::decode_any(&bytes).unwrap();
        if entry.commands.iter().any(creates) {
            return entry.writer;
        }
    }
    unreachable!()
}

#[tokio::test(start_paused = true)]
async fn changes_are_appended_by_the_lowest_broker_and_by_oneself_when_it_is_silent() {
    let Cluster { store, engines, .. } = cluster(3).await;
    create(&engines[2], "forwarded").await;
    assert_eq!(creator(&store, "forwarded").await, "host-0");
    set_line(&engines[0], LineState::Cut);
    let took = create(&engines[2], "alone").await;
    assert!(took < Duration::from_secs(2), "{took:?}");
    assert_eq!(creator(&store, "alone").await, "host-2");
    set_line(&engines[0], LineState::Up);
    // A rejection comes back, too.
    let wanted = CreateTopic { name: "alone".to_owned(), partitions: Some(1), configs: Default::default() };
    let again = engines[1].create_topics(vec![wanted], AdminMode::Apply, "User:test", Duration::from_secs(5)).await;
    assert_eq!(again, [Err(broker_engine::CreateTopicError::Exists)]);
}

#[tokio::test(start_paused = true)]
async fn the_provider_gets_its_turn_while_every_broker_wants_to_change_something() {
    let Cluster { store, engines, .. } = cluster(3).await;
    let (slowed, _) = Slow::over(&store);
    let ends = Instant::now() + Duration::from_secs(20);
    let flood = join_all(engines.iter().flat_map(|engine| (0..3).map(move |lane| (engine, lane))).map(
        |(engine, lane)| async move {
            let mut count = 0;
            while Instant::now() < ends {
                create(engine, &format!("topic-{}-{lane}-{count}", engine.node_id())).await;
                count += 1;
            }
            count
        },
    ));
    let provider = async {
        let mut times = Vec::new();
        while Instant::now() < ends {
            // As an apply does: opens the log, then proposes.
            let began = Instant::now();
            let options = LogOptions::new("provider", u64::try_from(times.len()).unwrap());
            let mut log = MetadataLog::open(&slowed, options).await.unwrap();
            let command = Command {
                id: Uuid::new_v4(),
                origin: None,
                actor: "arn:aws:iam::111122223333:role/admin".to_owned(),
                time_ms: 0,
                reason: "test".to_owned(),
                change: Change::AllocateProducerIds { count: 1 },
            };
            log.propose(vec![command]).await.unwrap().remove(0).unwrap();
            times.push(began.elapsed());
        }
        times
    };
    let before = engines[0].view().next_seq();
    let (counts, mut times) = tokio::join!(flood, provider);
    let entries = engines[0].view().next_seq() - before;
    times.sort_unstable();
    let worst = *times.last().unwrap();
    println!("{} proposals, worst {worst:?}; {counts:?} changes in {entries} entries", times.len());
    assert!(times.len() > 10 && worst <= Duration::from_secs(10), "{} proposals, worst {worst:?}", times.len());
    // What partitions wait for is appended at once; what can wait takes one entry per half second.
    let mut patient = 0;
    for seq in before..before + entries {
        let bytes = store.sequence(SequenceName::MetaLog).get(seq).await.unwrap().unwrap();
        let commands = Entry::decode_any(&bytes).unwrap().commands;
        patient += i32::from(commands.iter().any(|command| matches!(command.change, Change::CreateTopic(_))));
    }
    assert!(patient <= 2 * 20 + 2, "{patient} entries of changes that can wait in twenty seconds");
    assert!(counts.iter().sum::<i32>() > 100, "{counts:?}");
}

#[tokio::test(start_paused = true)]
async fn without_metadata_coordinators_answer_nothing_after_five_seconds_and_nobody_serves_after_thirty() {
    let store = Store::memory("test").unwrap();
    let (metadata, slow) = Slow::over(&store);
    let stores = Stores { data: store, metadata };
    let engine = start("a", &stores).await;
    create_topic(&engine, 1).await;
    let question = || OffsetFetchRequest { group: "g".to_owned(), partitions: None };
    let fetched = patiently_grouped(|| engine.offset_fetch(question())).await;
    assert!(fetched.is_empty());
    assert_eq!(patiently(|| produce(&engine, 0, batch(&values(0, 1)))).await, 0);
    slow.set(Mood::Refuses);
    // Committed offsets need a look at the log, whatever is known.
    assert_eq!(engine.offset_fetch(question()).await, Err(GroupError::CoordinatorNotAvailable));
    tokio::time::sleep(Duration::from_secs(6)).await;
    let heartbeat = broker_engine::HeartbeatRequest {
        group: "g".to_owned(),
        generation: 1,
        member_id: "m".to_owned(),
        group_instance_id: None,
    };
    assert_eq!(engine.heartbeat(heartbeat).await, Err(GroupError::CoordinatorNotAvailable));
    assert_eq!(produce(&engine, 0, batch(&values(1, 1))).await, Ok(1));
    assert!(!engine.is_stale());
    tokio::time::sleep(Duration::from_secs(26)).await;
    assert!(engine.is_stale() && !engine.status().ready);
    let refused = produce(&engine, 0, batch(&values(2, 1))).await;
    assert_eq!(refused, Err(ProduceError::Partition(PartitionError::Storage)));
    assert!(fetch(&engine, 0, 0).await.is_err());
    slow.set(Mood::Answers);
    until("it serves again", || !engine.is_stale()).await;
    assert_eq!(patiently(|| produce(&engine, 0, batch(&values(2, 1)))).await, 2);
    engine.stop().await;
}

/// As clients repeat what coordinators cannot answer yet.
async fn patiently_grouped<T, F: Future<Output = Result<T, GroupError>>>(mut ask: impl FnMut() -> F) -> T {
    for _ in 0..1000 {
        if let Ok(answer) = ask().await {
            return answer;
        }
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
    panic!("the coordinator never answers");
}

#[tokio::test(start_paused = true)]
async fn committed_offsets_are_read_while_a_proposal_is_stuck() {
    let store = Store::memory("test").unwrap();
    let (metadata, slow) = Slow::over(&store);
    let engine = start("a", &Stores { data: store, metadata }).await;
    create_topic(&engine, 1).await;
    let question = || OffsetFetchRequest { group: "g".to_owned(), partitions: None };
    patiently_grouped(|| engine.offset_fetch(question())).await;
    slow.set(Mood::HoldsPuts);
    let stuck = create(&engine, "stuck");
    tokio::pin!(stuck);
    assert!(timeout(Duration::from_secs(1), &mut stuck).await.is_err());
    let answer = timeout(Duration::from_millis(200), engine.offset_fetch(question())).await;
    assert!(matches!(answer, Ok(Ok(_))), "{answer:?}");
    engine.kill().await;
}

#[tokio::test(start_paused = true)]
async fn a_broker_between_two_lives_stops_at_once() {
    let Cluster { slow, engines, .. } = cluster(2).await;
    // Fenced by the other one, it finds no store to begin anew with.
    set_line(&engines[0], LineState::Refusing);
    until("it is fenced", || engines[0].status().fenced).await;
    slow.set(Mood::HoldsPuts);
    tokio::time::sleep(Duration::from_secs(1)).await;
    let stopped = timeout(Duration::from_secs(2), engines[0].stop()).await;
    assert!(stopped.is_ok(), "it does not stop");
}
