//! Producing and reading with one engine.

use std::time::Duration;

use broker_engine::{
    ConfigResource, FetchError, InitProducerId, Isolation, ListOffset, OffsetSpec, PartitionError, ProduceError,
    TopicRef,
};

use crate::support::*;

#[tokio::test]
async fn what_is_produced_is_read_back() {
    let engine = start("a", &memory()).await;
    create_topic(&engine, 3).await;
    let all = values(0, 30);
    for chunk in all.chunks(3) {
        produce(&engine, 1, batch(chunk)).await.unwrap();
    }
    assert_eq!(read_all(&engine, 1).await, numbered(&all));
    assert_eq!(read_all(&engine, 0).await, vec![]);
    engine.stop().await;
}

#[tokio::test]
async fn an_offset_inside_a_batch_gets_the_whole_batch() {
    let engine = start("a", &memory()).await;
    create_topic(&engine, 1).await;
    produce(&engine, 0, batch(&values(0, 5))).await.unwrap();
    produce(&engine, 0, batch(&values(5, 5))).await.unwrap();
    let fetched = fetch(&engine, 0, 7).await.unwrap();
    assert_eq!(decode(&fetched).first().map(|(offset, _)| *offset), Some(5));
    assert_eq!(fetched.high_watermark, 10);
    engine.stop().await;
}

#[tokio::test]
async fn the_first_batch_comes_even_if_it_is_larger_than_asked_for() {
    let engine = start("a", &memory()).await;
    create_topic(&engine, 1).await;
    for first in 0..3 {
        produce(&engine, 0, batch(&values(first, 1))).await.unwrap();
    }
    let mut request = fetch_request(0, 1, Duration::ZERO);
    request.max_bytes = 1;
    let fetched = engine.fetch(request).await.pop().unwrap().unwrap();
    assert_eq!(decode(&fetched), vec![(1, "value 1".to_owned())]);
    engine.stop().await;
}

#[tokio::test(start_paused = true)]
async fn a_fetch_waits_for_records_and_is_woken_by_them() {
    let engine = start("a", &memory()).await;
    create_topic(&engine, 1).await;
    let waiting = engine.fetch(fetch_request(0, 0, Duration::from_secs(30)));
    let producing = async {
        tokio::time::sleep(Duration::from_millis(50)).await;
        produce(&engine, 0, batch(&values(0, 1))).await.unwrap();
    };
    let began = tokio::time::Instant::now();
    let (mut fetched, ()) = tokio::join!(waiting, producing);
    assert_eq!(decode(&fetched.pop().unwrap().unwrap()).len(), 1);
    assert!(began.elapsed() < Duration::from_secs(10));
    engine.stop().await;
}

#[tokio::test]
async fn offsets_beyond_the_end_are_out_of_range() {
    let engine = start("a", &memory()).await;
    create_topic(&engine, 1).await;
    produce(&engine, 0, batch(&values(0, 2))).await.unwrap();
    let expected = FetchError::OffsetOutOfRange { log_start_offset: 0, high_watermark: 2 };
    assert_eq!(fetch(&engine, 0, 3).await, Err(expected.clone()));
    assert_eq!(fetch(&engine, 0, -1).await, Err(expected));
    assert_eq!(fetch(&engine, 0, 2).await.unwrap().records.len(), 0);
    assert_eq!(fetch(&engine, 9, 0).await, Err(PartitionError::UnknownTopicOrPartition.into()));
    engine.stop().await;
}

#[tokio::test]
async fn leader_epochs_of_clients_are_compared() {
    let engine = start("a", &memory()).await;
    create_topic(&engine, 1).await;
    let epoch = engine.leader(&topic(), 0).unwrap().leader_epoch;
    let mut request = fetch_request(0, 0, Duration::ZERO);
    request.partitions[0].current_leader_epoch = Some(epoch + 1);
    assert_eq!(engine.fetch(request).await, vec![Err(PartitionError::UnknownLeaderEpoch.into())]);
    engine.stop().await;
}

#[tokio::test]
async fn offsets_are_listed_by_position_and_by_time() {
    let engine = start("a", &memory()).await;
    create_topic(&engine, 1).await;
    for (first, time) in [(0, 1_000), (3, 5_000), (6, 3_000)] {
        let mut builder = broker_engine::record::BatchBuilder::new(time);
        for (value, later) in values(first, 3).iter().zip(0..) {
            builder.push_with(time + later, None, Some(value.as_bytes()), &[]);
        }
        produce(&engine, 0, builder.build().bytes().clone()).await.unwrap();
    }
    let mut found = Vec::new();
    for spec in [
        OffsetSpec::Latest,
        OffsetSpec::Earliest,
        OffsetSpec::MaxTimestamp,
        OffsetSpec::Timestamp(1_001),
        OffsetSpec::Timestamp(2_000),
        OffsetSpec::Timestamp(9_000),
    ] {
        let question = ListOffset {
            topic: topic(),
            partition: 0,
            current_leader_epoch: None,
            isolation: Isolation::default(),
            spec,
        };
        let answer = engine.list_offsets(vec![question]).await.pop().unwrap().unwrap();
        found.push((answer.offset, answer.timestamp));
    }
    assert_eq!(found, vec![(9, -1), (0, -1), (5, 5_002), (1, 1_001), (3, 5_000), (-1, -1)]);
    engine.stop().await;
}

#[tokio::test]
async fn a_batch_that_is_sent_again_keeps_its_offset() {
    let engine = start("a", &memory()).await;
    create_topic(&engine, 1).await;
    assert_eq!(produce(&engine, 0, sequenced(7, 0, &values(0, 2))).await, Ok(0));
    assert_eq!(produce(&engine, 0, sequenced(7, 2, &values(2, 2))).await, Ok(2));
    assert_eq!(produce(&engine, 0, sequenced(7, 0, &values(0, 2))).await, Ok(0));
    assert_eq!(produce(&engine, 0, sequenced(7, 9, &values(2, 2))).await, Err(ProduceError::OutOfOrderSequence));
    assert_eq!(read_all(&engine, 0).await, numbered(&values(0, 4)));
    engine.stop().await;
}

#[tokio::test]
async fn damaged_and_oversized_batches_are_refused() {
    let engine = start("a", &memory()).await;
    create_topic(&engine, 1).await;
    let mut damaged = batch(&values(0, 1)).to_vec();
    *damaged.last_mut().unwrap() ^= 1;
    let refused = produce(&engine, 0, damaged.into()).await;
    assert!(matches!(refused, Err(ProduceError::CorruptMessage(_))), "{refused:?}");
    let refused = produce(&engine, 0, batch(&["x".repeat(2 << 20)])).await;
    assert!(matches!(refused, Err(ProduceError::MessageTooLarge { .. })), "{refused:?}");
    let refused = produce(&engine, 0, bytes::Bytes::new()).await;
    assert!(matches!(refused, Err(ProduceError::InvalidRecord(_))), "{refused:?}");
    engine.stop().await;
}

#[tokio::test]
async fn producer_ids_are_never_given_twice() {
    let stores = memory();
    let (a, b) = (start("a", &stores).await, start("b", &stores).await);
    let mut given = std::collections::BTreeSet::new();
    for _ in 0..1500 {
        for engine in [&a, &b] {
            let wanted = InitProducerId { transactional_id: None, transaction_timeout_ms: 0, current: None };
            assert!(given.insert(engine.init_producer_id(wanted).await.unwrap().producer_id));
        }
    }
    a.stop().await;
    b.stop().await;
}

#[tokio::test]
async fn deleted_topics_are_gone_and_can_be_created_again() {
    let engine = start("a", &memory()).await;
    create_topic(&engine, 1).await;
    produce(&engine, 0, batch(&values(0, 2))).await.unwrap();
    let epoch = engine.leader(&topic(), 0).unwrap().leader_epoch;
    let deleted = engine.delete_topics(vec![topic()], "User:test", Duration::from_secs(10)).await;
    assert!(deleted[0].is_ok(), "{deleted:?}");
    assert_eq!(fetch(&engine, 0, 0).await, Err(PartitionError::UnknownTopicOrPartition.into()));
    create_topic(&engine, 1).await;
    assert_eq!(read_all(&engine, 0).await, vec![]);
    assert!(engine.leader(&topic(), 0).unwrap().leader_epoch > epoch);
    engine.stop().await;
}

#[tokio::test]
async fn configs_are_described_with_their_defaults() {
    let engine = start("a", &memory()).await;
    create_topic(&engine, 1).await;
    let configs = engine.describe_configs(&ConfigResource::Topic(TOPIC.to_owned())).unwrap();
    assert!(configs.iter().any(|config| config.name == "segment.ms" && config.value == "604800000"));
    let configs = engine.describe_configs(&ConfigResource::Broker(engine.node_id())).unwrap();
    assert!(configs.iter().any(|config| config.name == "broker.id"));
    assert!(engine.describe_configs(&ConfigResource::Topic("none".to_owned())).is_err());
    engine.stop().await;
}

#[tokio::test]
async fn topics_are_created_on_demand_where_that_is_allowed() {
    let stores = memory();
    let engine = start("a", &stores).await;
    engine.auto_create_topic("fresh", "User:test").await.unwrap();
    engine.auto_create_topic("fresh", "User:test").await.unwrap();
    assert_eq!(engine.topic(&TopicRef::Name("fresh".to_owned())).map(|topic| topic.partitions.len()), Some(1));
    engine.stop().await;
}
