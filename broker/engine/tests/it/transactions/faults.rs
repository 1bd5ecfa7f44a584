//! No torn transaction, whoever dies at whatever point.

use broker_engine::{Engine, Stores, TransactionOutcome, TransactionProtocol};

use super::producer::{Producer, committed, coordinator, leader};
use crate::support::*;

/// Steps of the runtime that a transaction gets on before somebody dies; beyond the last one it has ended.
const POINTS: [usize; 16] = [0, 1, 2, 3, 4, 5, 7, 9, 12, 16, 22, 30, 42, 60, 90, 150];

/// Whose death.
#[derive(Clone, Copy, Debug)]
enum Victim {
    Coordinator,
    Leader,
}

/// Two engines, of which the first is to die, and a partition led by each; the survivor coordinates what the victim does not.
struct Scene {
    engines: [Engine; 2],
    partitions: [i32; 2],
    transactional_id: String,
}

async fn scene(stores: &Stores, victim: Victim) -> Scene {
    let engines = [start("a", stores).await, start("b", stores).await];
    create_topic(&engines[0], 16).await;
    until("the topic is known", || engines[1].topic(&topic()).is_some()).await;
    // Both lead what is balanced by now, also of the transactions' log.
    let leads = |engine: &Engine, name: &str| {
        let topic = engine.topic(&broker_engine::TopicRef::Name(name.to_owned())).unwrap();
        topic.partitions.iter().find(|one| one.leader.node_id == engine.node_id()).map(|one| one.partition)
    };
    until("both coordinate", || engines.iter().all(|one| leads(one, "__transaction_state").is_some())).await;
    let both = [&engines[0], &engines[1]];
    let partitions = [leads(&engines[0], TOPIC).unwrap(), leads(&engines[1], TOPIC).unwrap()];
    let wanted = match victim {
        Victim::Coordinator => engines[0].node_id(),
        Victim::Leader => engines[1].node_id(),
    };
    let ids = (0..200).map(|number| format!("id-{number}"));
    let mut fitting = ids.filter(|id| coordinator(&both, id).node_id() == wanted);
    let transactional_id = fitting.next().unwrap();
    Scene { engines, partitions, transactional_id }
}

/// A transaction over two partitions, one broker killed while it ends: both partitions have it, or none.
async fn dies_at(point: usize, victim: Victim, protocol: TransactionProtocol, outcome: TransactionOutcome) {
    let stores = memory();
    let Scene { engines, partitions, transactional_id } = scene(&stores, victim).await;
    let both = [&engines[0], &engines[1]];
    let mut producer = Producer::init(&both, &transactional_id, protocol).await;
    for partition in partitions {
        producer.send(&both, partition, "before").await;
    }
    producer.end(&both, TransactionOutcome::Commit).await;
    for partition in partitions {
        producer.send(&both, partition, "all or nothing").await;
    }
    let dying = async {
        for _ in 0..point {
            tokio::task::yield_now().await;
        }
        engines[0].kill().await;
        fence(&engines[1], &engines[0]).await;
    };
    let survivor = [&engines[1]];
    let ending = async {
        let first = producer.try_end(coordinator(&both, &transactional_id), outcome).await;
        match first {
            Ok(next) => next,
            Err(error) => {
                assert!(error.is_retriable(), "{error:?}");
                patiently(|| producer.try_end(coordinator(&survivor, &transactional_id), outcome)).await
            }
        }
    };
    let (next, ()) = tokio::join!(ending, dying);
    producer.ended(next);
    // The producer goes on as if nothing had been.
    for partition in partitions {
        producer.send(&survivor, partition, "after").await;
    }
    producer.end(&survivor, TransactionOutcome::Commit).await;
    let expected: &[&str] = match outcome {
        TransactionOutcome::Commit => &["before", "all or nothing", "after"],
        TransactionOutcome::Abort => &["before", "after"],
    };
    for partition in partitions {
        assert_eq!(leader(&survivor, partition).node_id(), engines[1].node_id());
        let seen = committed(&survivor, partition).await;
        assert_eq!(seen, expected, "{victim:?} at {point}, {protocol:?}, partition {partition}");
    }
    engines[1].kill().await;
}

#[tokio::test(start_paused = true)]
async fn a_transaction_is_whole_wherever_its_coordinator_dies() {
    for point in POINTS {
        dies_at(point, Victim::Coordinator, TransactionProtocol::EpochPerTransaction, TransactionOutcome::Commit).await;
        dies_at(point, Victim::Coordinator, TransactionProtocol::Classic, TransactionOutcome::Abort).await;
    }
}

#[tokio::test(start_paused = true)]
async fn a_transaction_is_whole_wherever_a_leader_dies() {
    for point in POINTS {
        dies_at(point, Victim::Leader, TransactionProtocol::EpochPerTransaction, TransactionOutcome::Abort).await;
        dies_at(point, Victim::Leader, TransactionProtocol::Classic, TransactionOutcome::Commit).await;
    }
}

#[tokio::test(start_paused = true)]
async fn an_open_transaction_and_aborted_ones_are_found_again_by_replay() {
    let stores = memory();
    let first = start("a", &stores).await;
    create_topic(&first, 1).await;
    let mut producer = Producer::init(&[&first], "t", TransactionProtocol::Classic).await;
    producer.send(&[&first], 0, "aborted").await;
    producer.end(&[&first], TransactionOutcome::Abort).await;
    producer.send(&[&first], 0, "open").await;
    first.kill().await;
    let second = start("b", &stores).await;
    fence(&second, &first).await;
    let engines = [&second];
    assert_eq!(super::read_committed(&engines, 0).await, Vec::<String>::new());
    let known = second.describe_producers(&topic(), 0).await.unwrap();
    assert_eq!((known.len(), known[0].transaction_start), (1, 2));
    producer.send(&engines, 0, "still open").await;
    producer.end(&engines, TransactionOutcome::Commit).await;
    assert_eq!(committed(&engines, 0).await, ["open", "still open"]);
    second.stop().await;
}

#[tokio::test(start_paused = true)]
async fn a_transaction_ends_although_one_of_its_topics_is_deleted() {
    let engine = start("a", &memory()).await;
    create_topic(&engine, 1).await;
    let engines = [&engine];
    let mut producer = Producer::init(&engines, "t", TransactionProtocol::Classic).await;
    producer.send(&engines, 0, "gone").await;
    let wait = std::time::Duration::from_secs(10);
    for deleted in engine.delete_topics(vec![topic()], "User:test", wait).await {
        deleted.unwrap();
    }
    producer.end(&engines, TransactionOutcome::Commit).await;
    until("it is complete", || {
        engine.list_transactions().first().is_some_and(|listed| listed.state == "CompleteCommit")
    })
    .await;
    engine.stop().await;
}
