//! Transactions on whole engines, also under the death of coordinators and leaders.

mod faults;
mod offsets;
mod producer;

use std::time::Duration;

use broker_engine::{
    DeleteRecords, FetchRequest, InitProducerIdError, Isolation, ListOffset, OffsetSpec, ProduceError,
    TransactionError, TransactionOutcome, TransactionProtocol,
};

use crate::support::*;
use TransactionOutcome::{Abort, Commit};
use TransactionProtocol::{Classic, EpochPerTransaction};
pub(crate) use producer::Producer;
use producer::{committed, read_committed};

impl Retriable for TransactionError {
    fn is_retriable(&self) -> bool {
        matches!(
            self,
            Self::NotCoordinator | Self::CoordinatorLoading | Self::CoordinatorNotAvailable | Self::Concurrent
        )
    }
}

impl Retriable for InitProducerIdError {
    fn is_retriable(&self) -> bool {
        match self {
            Self::Transaction(error) => error.is_retriable(),
            Self::Unavailable(_) => true,
        }
    }
}

#[tokio::test(start_paused = true)]
async fn what_is_committed_is_seen_and_what_is_aborted_is_not() {
    for protocol in [Classic, EpochPerTransaction] {
        let engine = start("a", &memory()).await;
        create_topic(&engine, 2).await;
        let engines = [&engine];
        let mut producer = Producer::init(&engines, "t", protocol).await;
        for (value, outcome) in [("one", Commit), ("two", Abort), ("three", Commit)] {
            for partition in 0..2 {
                producer.send(&engines, partition, value).await;
            }
            producer.end(&engines, outcome).await;
        }
        for partition in 0..2 {
            assert_eq!(committed(&engines, partition).await, ["one", "three"]);
            assert_eq!(read_all_values(&engine, partition).await, 3);
        }
        let listed = engine.list_transactions();
        assert_eq!((listed.len(), listed[0].transactional_id.as_str()), (1, "t"));
        engine.stop().await;
    }
}

/// Records that are no markers.
async fn read_all_values(engine: &broker_engine::Engine, partition: i32) -> usize {
    let fetched = patiently(|| fetch(engine, partition, 0)).await;
    producer::records(&fetched).iter().filter(|(_, is_control, _)| !is_control).count()
}

#[tokio::test(start_paused = true)]
async fn nothing_behind_an_open_transaction_is_seen_and_a_waiting_reader_wakes_when_it_ends() {
    let engine = start("a", &memory()).await;
    create_topic(&engine, 1).await;
    let engines = [&engine];
    patiently(|| produce(&engine, 0, batch(&values(0, 1)))).await;
    let mut producer = Producer::init(&engines, "t", Classic).await;
    producer.send(&engines, 0, "open").await;
    patiently(|| produce(&engine, 0, batch(&values(1, 1)))).await;
    assert_eq!(read_committed(&engines, 0).await, ["value 0"]);
    let end = |isolation| ListOffset {
        topic: topic(),
        partition: 0,
        current_leader_epoch: None,
        isolation,
        spec: OffsetSpec::Latest,
    };
    let ends = engine.list_offsets(vec![end(Isolation::ReadUncommitted), end(Isolation::ReadCommitted)]).await;
    assert_eq!(ends.into_iter().map(|one| one.unwrap().offset).collect::<Vec<_>>(), [3, 1]);
    let waiting = FetchRequest { isolation: Isolation::ReadCommitted, ..fetch_request(0, 1, Duration::from_secs(20)) };
    let (fetched, ()) = tokio::join!(engine.fetch(waiting), producer.end(&engines, Commit));
    let fetched = fetched[0].clone().unwrap();
    assert!(fetched.last_stable_offset >= 4 && !fetched.records.is_empty(), "{fetched:?}");
    assert_eq!(committed(&engines, 0).await, ["value 0", "open", "value 1"]);
    engine.stop().await;
}

#[tokio::test(start_paused = true)]
async fn what_is_stable_ends_no_earlier_than_the_log_begins() {
    let engine = start("a", &memory()).await;
    create_topic(&engine, 1).await;
    let engines = [&engine];
    let mut producer = Producer::init(&engines, "t", Classic).await;
    for value in ["one", "two", "three"] {
        producer.send(&engines, 0, value).await;
    }
    // The first records of a transaction that is still open are deleted.
    let delete = DeleteRecords { topic: topic(), partition: 0, before: 2 };
    assert_eq!(engine.delete_records(vec![delete], Duration::from_secs(20)).await, [Ok(2)]);
    let end = ListOffset {
        topic: topic(),
        partition: 0,
        current_leader_epoch: None,
        isolation: Isolation::ReadCommitted,
        spec: OffsetSpec::Latest,
    };
    assert_eq!(engine.list_offsets(vec![end]).await.remove(0).map(|listed| listed.offset), Ok(2));
    let read = FetchRequest { isolation: Isolation::ReadCommitted, ..fetch_request(0, 2, Duration::ZERO) };
    let fetched = engine.fetch(read).await.remove(0).unwrap();
    assert_eq!((fetched.last_stable_offset, fetched.records.len()), (2, 0));
    producer.end(&engines, Commit).await;
    assert_eq!(committed_from(&engine, 2).await, ["three"]);
    engine.stop().await;
}

/// What is committed from an offset on.
async fn committed_from(engine: &broker_engine::Engine, offset: i64) -> Vec<String> {
    let mut found = Vec::new();
    // Behind the records stands their marker.
    while found.len() < 2 {
        let read =
            FetchRequest { isolation: Isolation::ReadCommitted, ..fetch_request(0, offset, Duration::from_secs(5)) };
        let fetched = engine.fetch(read).await.remove(0).unwrap();
        found = producer::records(&fetched);
    }
    found.into_iter().filter(|(_, is_control, _)| !is_control).filter_map(|(_, _, value)| value).collect()
}

#[tokio::test(start_paused = true)]
async fn a_batch_of_no_transaction_that_the_coordinator_knows_is_refused() {
    let engine = start("a", &memory()).await;
    create_topic(&engine, 2).await;
    let engines = [&engine];
    let mut producer = Producer::init(&engines, "t", Classic).await;
    // Never added.
    assert_eq!(producer.try_send(&engine, 0, "x").await, Err(ProduceError::InvalidTransactionState));
    producer.send(&engines, 1, "y").await;
    assert_eq!(producer.try_send(&engine, 0, "x").await, Err(ProduceError::InvalidTransactionState));
    let mut foreign = producer.clone();
    foreign.transactional_id = "other".to_owned();
    assert_eq!(foreign.try_send(&engine, 0, "x").await, Err(ProduceError::InvalidProducerIdMapping));
    producer.end(&engines, Commit).await;
    // The transaction has ended: what comes late begins none.
    assert_eq!(producer.try_send(&engine, 1, "late").await, Err(ProduceError::InvalidTransactionState));
    assert_eq!(committed(&engines, 0).await, Vec::<String>::new());
    assert_eq!(committed(&engines, 1).await, ["y"]);
    engine.stop().await;
}

#[tokio::test(start_paused = true)]
async fn a_transaction_that_stays_open_is_aborted_and_its_producer_fenced() {
    let engine = start("a", &memory()).await;
    create_topic(&engine, 1).await;
    let engines = [&engine];
    let mut producer = Producer::init(&engines, "t", Classic).await;
    producer.send(&engines, 0, "forgotten").await;
    let described = engine.describe_transaction("t").await.unwrap();
    assert_eq!((described.state, described.partitions), ("Ongoing", vec![(TOPIC.to_owned(), 0)]));
    tokio::time::sleep(producer::TIMEOUT + Duration::from_secs(1)).await;
    assert_eq!(committed(&engines, 0).await, Vec::<String>::new());
    let described = engine.describe_transaction("t").await.unwrap();
    assert_eq!((described.state, described.partitions), ("CompleteAbort", vec![]));
    assert_eq!(producer.try_end(&engine, Commit).await, Err(TransactionError::ProducerFenced));
    assert_eq!(producer.try_send(&engine, 0, "late").await, Err(ProduceError::InvalidProducerEpoch));
    let remembered = engine.describe_producers(&topic(), 0).await.unwrap();
    assert_eq!(remembered.len(), 1);
    assert_eq!((remembered[0].producer.epoch, remembered[0].transaction_start), (1, -1));
    engine.stop().await;
}

#[tokio::test(start_paused = true)]
async fn a_second_producer_fences_the_first_and_aborts_what_it_left_open() {
    let engine = start("a", &memory()).await;
    create_topic(&engine, 1).await;
    let engines = [&engine];
    let mut first = Producer::init(&engines, "t", Classic).await;
    first.send(&engines, 0, "of the first").await;
    let mut second = Producer::init(&engines, "t", Classic).await;
    assert_eq!(second.identity.producer_id, first.identity.producer_id);
    assert!(second.identity.epoch > first.identity.epoch);
    assert_eq!(first.try_end(&engine, Commit).await, Err(TransactionError::ProducerFenced));
    assert_eq!(first.try_send(&engine, 0, "late").await, Err(ProduceError::InvalidProducerEpoch));
    second.send(&engines, 0, "of the second").await;
    second.end(&engines, Commit).await;
    assert_eq!(committed(&engines, 0).await, ["of the second"]);
    engine.stop().await;
}

#[tokio::test(start_paused = true)]
async fn time_outs_are_bounded_and_ids_are_not_empty() {
    let engine = start("a", &memory()).await;
    let refused = |transactional_id: &str, transaction_timeout_ms| {
        let request = broker_engine::InitProducerId {
            transactional_id: Some(transactional_id.to_owned()),
            transaction_timeout_ms,
            current: None,
        };
        let engine = engine.clone();
        async move {
            loop {
                match engine.init_producer_id(request.clone()).await {
                    Err(error) if error.is_retriable() => tokio::time::sleep(Duration::from_millis(20)).await,
                    other => return other,
                }
            }
        }
    };
    for timeout_ms in [0, -1, 900_001] {
        assert_eq!(refused("t", timeout_ms).await, Err(TransactionError::InvalidTimeout.into()));
    }
    assert_eq!(refused("", 1000).await, Err(TransactionError::InvalidRequest.into()));
    assert!(refused("t", 900_000).await.is_ok());
    engine.stop().await;
}
