//! Folding, trimming, recovery from manifests, retiring.

use std::time::Duration;

use broker_engine::record::{LeaderEpoch, Offset};
use broker_engine::store::faults::Faults;
use broker_engine::store::{Incarnation, Key, Prefix, SequenceName, Store};
use broker_engine::{Engine, EngineConfig, FetchError, Isolation, ListOffset, OffsetSpec, PartitionError, Stores};
use object_store::ObjectStoreExt as _;

use crate::support::*;

/// A broker that folds early, and keeps nothing in memory that could be read instead of a segment.
fn folding(host: &str) -> EngineConfig {
    let mut config = config(host);
    config.limits.fold_objects = 8;
    config.limits.fold_age_max = Duration::from_secs(40);
    config.limits.tail_cache_bytes_max = 0;
    config.limits.read_cache_bytes_max = 16 << 20;
    config
}

async fn a_while(seconds: u64) {
    tokio::time::sleep(Duration::from_secs(seconds)).await;
}

/// The first incarnation there was.
fn incarnation(engine: &Engine) -> Incarnation {
    engine.view().broker(engine.node_id()).unwrap().incarnation()
}

fn floor(engine: &Engine, of: Incarnation) -> u64 {
    engine.view().wal_log(of).unwrap().floor
}

/// Numbers of a write-ahead log that are there.
async fn numbers(store: &Store, of: Incarnation) -> Vec<u64> {
    store.sequence(SequenceName::Wal(of)).list_from(0).await.unwrap().into_keys().collect()
}

async fn segments(store: &Store) -> Vec<Key> {
    let listed = store.list(Prefix::Cluster).await.unwrap().into_iter().map(|object| object.key);
    listed.filter(|key| matches!(key, Key::Segment { .. } | Key::SharedSegment { .. })).collect()
}

/// Appends so many batches of one record to each of some partitions, each in an object of its own.
async fn fill(engine: &Engine, partitions: i32, from: usize, count: usize) {
    for number in from..from + count {
        for partition in 0..partitions {
            let sequence = i32::try_from(number).unwrap();
            let batch = sequenced(100 + i64::from(partition), sequence, &values(number, 1));
            let offset = patiently(|| produce(engine, partition, batch.clone())).await;
            assert_eq!(offset, i64::from(sequence));
        }
    }
}

#[tokio::test(start_paused = true)]
async fn what_is_folded_is_read_from_segments_and_the_log_is_deleted_behind_it() {
    let stores = memory();
    let engine = start_with(folding("a"), &stores).await;
    create_topic(&engine, 3).await;
    fill(&engine, 3, 0, 10).await;
    a_while(100).await;
    let me = incarnation(&engine);
    let floor = floor(&engine, me);
    assert_eq!(floor, 30, "everything is folded, so that the floor is the end");
    assert_eq!(numbers(&stores.data, me).await, Vec::<u64>::new());
    let there = segments(&stores.data).await;
    assert!(there.iter().any(|key| matches!(key, Key::SharedSegment { .. })), "{there:?}");
    for partition in 0..3 {
        assert_eq!(read_all(&engine, partition).await, numbered(&values(0, 10)));
        assert_eq!(decode(&fetch(&engine, partition, 7).await.unwrap())[0].0, 7);
    }
    fill(&engine, 3, 10, 3).await;
    assert_eq!(read_all(&engine, 1).await, numbered(&values(0, 13)), "from segments into the log");
    engine.stop().await;
}

#[tokio::test(start_paused = true)]
async fn a_broker_that_crashes_comes_back_with_what_is_in_segments_and_what_is_not() {
    let stores = memory();
    let mut count = 0;
    for life in 0..5 {
        let engine = start_with(folding("a"), &stores).await;
        if life == 0 {
            create_topic(&engine, 2).await;
        }
        for partition in 0..2 {
            assert_eq!(read_all(&engine, partition).await, numbered(&values(0, count)), "life {life}");
            // The producers are remembered too: what was sent last is a duplicate, what comes next is not.
            if let Some(last) = count.checked_sub(1) {
                let sequence = i32::try_from(last).unwrap();
                let again = sequenced(100 + i64::from(partition), sequence, &values(last, 1));
                assert_eq!(patiently(|| produce(&engine, partition, again.clone())).await, i64::from(sequence));
            }
        }
        fill(&engine, 2, count, 12).await;
        a_while(life * 20).await;
        fill(&engine, 2, count + 12, 1).await;
        count += 13;
        engine.kill().await;
    }
}

#[tokio::test(start_paused = true)]
async fn an_idle_broker_folds_once_and_then_writes_nothing() {
    let stores = memory();
    let engine = start("a", &stores).await;
    create_topic(&engine, 4).await;
    fill(&engine, 4, 0, 3).await;
    a_while(1500).await;
    assert_eq!(segments(&stores.data).await.len(), 1, "small partitions of one topic share a segment");
    let before = (
        stores.data.list(Prefix::Topic(engine.topic(&topic()).unwrap().topic_id)).await.unwrap(),
        floor(&engine, incarnation(&engine)),
    );
    assert_eq!(before.1, 12);
    a_while(3600).await;
    let after = stores.data.list(Prefix::Topic(engine.topic(&topic()).unwrap().topic_id)).await.unwrap();
    assert_eq!(before.0, after);
    engine.stop().await;
}

#[tokio::test(start_paused = true)]
async fn the_log_never_has_more_objects_than_whoever_takes_over_may_read() {
    let stores = memory();
    let mut config = folding("a");
    config.limits.fold_objects = 300;
    let engine = start_with(config, &stores).await;
    create_topic(&engine, 1).await;
    for round in 0..6 {
        fill(&engine, 1, round * 200, 200).await;
        a_while(7).await;
        let there = numbers(&stores.data, incarnation(&engine)).await.len();
        assert!(there <= 4000, "{there} objects");
    }
    a_while(40).await;
    assert!(floor(&engine, incarnation(&engine)) >= 900);
    assert_eq!(read_all(&engine, 0).await, numbered(&values(0, 1200)));
    engine.stop().await;
}

#[tokio::test(start_paused = true)]
async fn taking_over_reads_the_few_objects_that_repeat_what_the_others_hold() {
    let stores = memory();
    let (a, b) = (start("a", &stores).await, start("b", &stores).await);
    create_topic(&a, 1).await;
    until("the topic is known", || b.topic(&topic()).is_some()).await;
    let (leader, other) = if a.leader(&topic(), 0).unwrap().node_id == a.node_id() { (a, b) } else { (b, a) };
    fill(&leader, 1, 0, 1100).await;
    leader.kill().await;
    let before = stores.data.counts();
    fence(&other, &leader).await;
    patiently(|| fetch(&other, 0, 1099)).await;
    let gets = stores.data.counts().gets - before.gets;
    assert!(gets < 400, "{gets} GETs for 1,100 objects");
    fill(&other, 1, 1100, 1).await;
    assert_eq!(read_all(&other, 0).await, numbered(&values(0, 1101)));
    other.stop().await;
}

#[tokio::test(start_paused = true)]
async fn a_dead_incarnation_is_retired_once_its_successors_have_folded_what_it_left() {
    let stores = memory();
    let (a, b) = (start("a", &stores).await, start("b", &stores).await);
    create_topic(&a, 6).await;
    until("the topic is known", || b.topic(&topic()).is_some()).await;
    let led: Vec<i32> = a
        .topic(&topic())
        .unwrap()
        .partitions
        .iter()
        .filter(|p| p.leader.node_id == a.node_id())
        .map(|p| p.partition)
        .collect();
    for number in 0..5 {
        for partition in &led {
            let batch = sequenced(7, number, &values(usize::try_from(number).unwrap(), 1));
            patiently(|| produce(&a, *partition, batch.clone())).await;
        }
    }
    let dead = incarnation(&a);
    a.kill().await;
    fence(&b, &a).await;
    a_while(120).await;
    assert_eq!(b.view().wal_log(dead), None, "it is retired");
    let chains = b.view();
    assert!(
        chains.all_partitions().all(|(_, _, partition)| partition.chain.iter().all(|link| link.incarnation != dead))
    );
    // Nothing but seals is left: whatever it still has on its way finds its numbers taken.
    let left = numbers(&stores.data, dead).await;
    assert_eq!(left.first(), Some(&u64::try_from(led.len() * 5).unwrap()));
    assert_eq!(left.len(), 64);
    for partition in led {
        assert_eq!(read_all(&b, partition).await, numbered(&values(0, 5)));
        assert_eq!(patiently(|| produce(&b, partition, sequenced(7, 5, &values(5, 1)))).await, 5);
    }
    b.kill().await;
    let c = start("c", &stores).await;
    until("c leads everything", || {
        c.topic(&topic()).unwrap().partitions.iter().all(|p| p.leader.node_id == c.node_id())
    })
    .await;
    for partition in 0..6 {
        let count = read_all(&c, partition).await.len();
        assert!(count == 6 || count == 0, "{count} records");
    }
    c.stop().await;
}

#[tokio::test(start_paused = true)]
async fn a_log_is_trimmed_only_after_a_partitions_new_leader_has_folded_it() {
    let stores = memory();
    let a = start_with(folding("a"), &stores).await;
    create_topic(&a, 4).await;
    fill(&a, 4, 0, 1).await;
    let b = start_with(folding("b"), &stores).await;
    until("b leads its share", || {
        b.topic(&topic()).unwrap().partitions.iter().filter(|p| p.leader.node_id == b.node_id()).count() == 2
    })
    .await;
    a_while(150).await;
    let me = incarnation(&a);
    // Four objects of records, and the one that the release of b's share stands behind.
    assert_eq!(floor(&a, me), 5, "everything that a wrote is in segments, whoever leads it now");
    assert_eq!(numbers(&stores.data, me).await, Vec::<u64>::new());
    let state = a.view();
    let topic = state.topic_named(TOPIC).unwrap();
    assert!(topic.partitions.iter().all(|partition| partition.chain.len() == 1), "{:?}", topic.partitions);
    for partition in 0..4 {
        let leader =
            if a.leader(&crate::support::topic(), partition).unwrap().node_id == a.node_id() { &a } else { &b };
        assert_eq!(
            patiently(|| produce(leader, partition, sequenced(100 + i64::from(partition), 1, &values(1, 1)))).await,
            1
        );
        assert_eq!(read_all(leader, partition).await, numbered(&values(0, 2)));
    }
    a.stop().await;
    b.stop().await;
}

#[tokio::test(start_paused = true)]
async fn offsets_are_found_by_time_and_epoch_in_segments() {
    let stores = memory();
    let first = start_with(folding("a"), &stores).await;
    create_topic(&first, 1).await;
    fill(&first, 1, 0, 10).await;
    first.kill().await;
    let engine = start_with(folding("a"), &stores).await;
    patiently(|| fetch(&engine, 0, 0)).await;
    let question = |spec| ListOffset {
        topic: topic(),
        partition: 0,
        current_leader_epoch: None,
        isolation: Isolation::ReadUncommitted,
        spec,
    };
    let late = broker_engine::record::BatchBuilder::new(5_000);
    let mut late = late.producer(broker_engine::record::ProducerId(100), broker_engine::record::ProducerEpoch(0), 10);
    late.push(None, Some(b"late"));
    assert_eq!(produce(&engine, 0, late.build().bytes().clone()).await, Ok(10));
    fill(&engine, 1, 11, 9).await;
    a_while(100).await;
    assert!(!segments(&stores.data).await.is_empty());
    let asked = [
        OffsetSpec::Earliest,
        OffsetSpec::Latest,
        OffsetSpec::Timestamp(1),
        OffsetSpec::Timestamp(1_001),
        OffsetSpec::MaxTimestamp,
        OffsetSpec::Timestamp(9_000),
    ];
    let answers = engine.list_offsets(asked.map(question).to_vec()).await;
    let offsets: Vec<i64> = answers.into_iter().map(|answer| answer.unwrap().offset).collect();
    assert_eq!(offsets, [0, 20, 0, 10, 10, -1]);
    let end = engine.epoch_end(&topic(), 0, None, 0).await.unwrap();
    assert_eq!((LeaderEpoch(end.leader_epoch), Offset(end.end_offset)), (LeaderEpoch(0), Offset(10)));
    engine.stop().await;
}

#[tokio::test(start_paused = true)]
async fn a_damaged_or_missing_segment_is_never_served() {
    let stores = memory();
    let engine = start_with(folding("a"), &stores).await;
    create_topic(&engine, 1).await;
    fill(&engine, 1, 0, 10).await;
    a_while(100).await;
    let key = segments(&stores.data).await.remove(0);
    let path = object_store::path::Path::from(key.path("test"));
    let objects = stores.data.objects();
    let good = stores.data.get(&key).await.unwrap().unwrap();
    let mut damaged = good.to_vec();
    damaged[100] ^= 1;
    objects.put(&path, damaged.into()).await.unwrap();
    assert_eq!(fetch(&engine, 0, 0).await, Err(FetchError::Partition(PartitionError::Corrupt)));
    assert!(engine.metrics().corrupt_objects_total > 0);
    stores.data.delete(&key).await.unwrap();
    assert_eq!(fetch(&engine, 0, 0).await, Err(FetchError::Partition(PartitionError::Storage)));
    objects.put(&path, good.into()).await.unwrap();
    assert_eq!(read_all(&engine, 0).await, numbered(&values(0, 10)));
    engine.stop().await;
}

#[tokio::test(start_paused = true)]
async fn whatever_the_store_answers_nothing_is_lost_or_double_through_folding_and_take_overs() {
    for seed in 0..6 {
        let store = Store::memory("test").unwrap();
        let (data, faults) = Faults::over(&store).unwrap();
        let stores = Stores { data, metadata: store };
        let mut count = 0;
        for life in 0..3 {
            faults.calm();
            let engine = start_with(folding(&format!("{seed}")), &stores).await;
            if life == 0 {
                create_topic(&engine, 2).await;
            }
            faults.storm(seed * 10 + life, 200);
            fill(&engine, 2, count, 30).await;
            count += 30;
            a_while(60).await;
            fill(&engine, 2, count, 3).await;
            count += 3;
            for partition in 0..2 {
                assert_eq!(read_all(&engine, partition).await, numbered(&values(0, count)), "seed {seed}, life {life}");
            }
            engine.kill().await;
        }
    }
}

const MIB: usize = 1 << 20;

/// Appends records of about half a MiB, each in an object of its own.
async fn fill_large(engine: &Engine, partition: i32, count: usize) {
    for number in 0..count {
        let value = format!("{number} {}", "x".repeat(MIB / 2));
        let batch = sequenced(100, i32::try_from(number).unwrap(), &[value]);
        patiently(|| produce(engine, partition, batch.clone())).await;
    }
}

fn numbers_read(fetched: &broker_engine::Fetched) -> Vec<i64> {
    decode(fetched).into_iter().map(|(offset, _)| offset).collect()
}

#[tokio::test(start_paused = true)]
async fn what_answers_pin_of_segments_stays_within_the_bound_and_reads_go_on_in_parts() {
    let stores = memory();
    let mut config = folding("a");
    config.limits.segment_cache_bytes_max = 3 * MIB;
    let engine = start_with(config, &stores).await;
    create_topic(&engine, 2).await;
    fill_large(&engine, 0, 12).await;
    fill_large(&engine, 1, 4).await;
    a_while(100).await;
    assert!(!segments(&stores.data).await.is_empty());
    // Six MiB are asked for, and there is room for less than three at once.
    let mut seen = Vec::new();
    let mut parts = 0;
    while seen.len() < 12 {
        let next = seen.last().map_or(0, |last| last + 1);
        let read = numbers_read(&fetch(&engine, 0, next).await.unwrap());
        assert!(!read.is_empty(), "{seen:?}: nobody else has the memory");
        seen.extend(read);
        parts += 1;
    }
    assert_eq!(seen, (0..12).collect::<Vec<i64>>());
    assert!(parts >= 3, "{parts}");
    // A client that does not read its answer holds what there is.
    let pinned = fetch(&engine, 0, 0).await.unwrap();
    let bytes: usize = pinned.records.iter().map(bytes::Bytes::len).sum();
    assert!(bytes > MIB);
    let index = 64 << 10;
    assert!(engine.metrics().cached_bytes >= u64::try_from(bytes).unwrap());
    let mut others = Vec::new();
    for _ in 0..4 {
        others.push(fetch(&engine, 1, 0).await.unwrap());
        assert!(engine.metrics().cached_bytes <= u64::try_from(3 * MIB + index).unwrap(), "{:?}", engine.metrics());
    }
    let more = fetch(&engine, 0, 6).await.unwrap();
    assert_eq!(numbers_read(&more), Vec::<i64>::new(), "there is no memory left");
    drop((pinned, others));
    assert!(!numbers_read(&fetch(&engine, 0, 6).await.unwrap()).is_empty());
    engine.stop().await;
}

#[tokio::test(start_paused = true)]
async fn clients_that_pin_all_memory_for_reading_do_not_stop_folding() {
    let stores = memory();
    let mut config = folding("a");
    config.limits.fold_objects = 1000;
    config.limits.fold_age_max = Duration::from_secs(30);
    config.limits.read_cache_bytes_max = 5 * MIB;
    let engine = start_with(config, &stores).await;
    create_topic(&engine, 1).await;
    fill_large(&engine, 0, 10).await;
    // Each answer pins its object.
    let mut pinned = Vec::new();
    for offset in 0..10 {
        let mut request = fetch_request(0, offset, Duration::ZERO);
        request.partitions[0].max_bytes = 1;
        pinned.push(engine.fetch(request).await.pop().unwrap().unwrap());
    }
    assert_eq!(numbers_read(pinned.last().unwrap()), Vec::<i64>::new(), "there is no memory left");
    a_while(100).await;
    assert!(!segments(&stores.data).await.is_empty(), "it is folded all the same");
    assert_eq!(floor(&engine, incarnation(&engine)), 10);
    drop(pinned);
    let mut seen = Vec::new();
    while seen.len() < 10 {
        let next = seen.last().map_or(0, |last| last + 1);
        seen.extend(numbers_read(&fetch(&engine, 0, next).await.unwrap()));
    }
    engine.stop().await;
}
