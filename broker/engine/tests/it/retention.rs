//! Records that go: by age, by size, on request, by compaction; and what is left of them in the bucket.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use broker_engine::record::{Batch, BatchBuilder, ProducerEpoch, ProducerId};
use broker_engine::store::{Key, Prefix};
use broker_engine::{
    AdminMode, CreateTopic, DeleteRecords, DeleteRecordsError, Engine, EngineConfig, Env, FetchError, Isolation,
    ListOffset, OffsetSpec, ProduceError, Stores, TopicRef,
};
use bytes::Bytes;
use futures::TryStreamExt;

use crate::groups::commit_patiently;
use crate::support::*;

const MINUTE: Duration = Duration::from_secs(60);

/// A broker that folds what is a few seconds old.
fn quick(host: &str) -> EngineConfig {
    let mut config = config(host);
    config.limits.fold_age_max = Duration::from_secs(5);
    config
}

async fn topic_with(engine: &Engine, configs: &[(&str, &str)]) {
    let configs = configs.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect();
    let topic = CreateTopic { name: TOPIC.to_owned(), partitions: Some(1), configs };
    for created in engine.create_topics(vec![topic], AdminMode::Apply, "User:test", Duration::from_secs(10)).await {
        created.unwrap();
    }
}

/// Ten kilobytes in ten records, stamped with the world's time.
fn ten(world: &Env) -> Bytes {
    let mut builder = BatchBuilder::new(world.wall_ms());
    for _ in 0..10 {
        builder.push(Some(b"key"), Some(&[7; 1000]));
    }
    builder.build().bytes().clone()
}

async fn append(engine: &Engine, records: Bytes) -> i64 {
    patiently(|| produce(engine, 0, records.clone())).await
}

async fn offset(engine: &Engine, spec: OffsetSpec) -> i64 {
    let question = ListOffset {
        topic: topic(),
        partition: 0,
        current_leader_epoch: None,
        isolation: Isolation::ReadUncommitted,
        spec,
    };
    patiently(|| async { engine.list_offsets(vec![question.clone()]).await.remove(0) }).await.offset
}

async fn start_of(engine: &Engine) -> i64 {
    offset(engine, OffsetSpec::Earliest).await
}

async fn segments(stores: &Stores, engine: &Engine) -> usize {
    let id = engine.topic(&topic()).unwrap().topic_id;
    let prefix = Prefix::Segments { topic: id, partition: 0 };
    stores.data.list(prefix).await.unwrap().len()
}

async fn delete_before(engine: &Engine, name: &str, before: i64) -> Result<i64, DeleteRecordsError> {
    let request = DeleteRecords { topic: TopicRef::Name(name.to_owned()), partition: 0, before };
    engine.delete_records(vec![request], Duration::from_secs(20)).await.remove(0)
}

/// The offsets, keys and values from an offset on; also of batches that compaction has thinned out.
async fn records(engine: &Engine, from: i64) -> Vec<(i64, Option<Bytes>, Option<Bytes>)> {
    let mut all = Vec::new();
    let mut next = from;
    loop {
        let fetched = patiently(|| fetch(engine, 0, next)).await;
        let before = next;
        for bytes in &fetched.records {
            let mut bytes = bytes.clone();
            while !bytes.is_empty() {
                let batch = Batch::take(&mut bytes).unwrap();
                batch.check_crc().unwrap();
                next = batch.header().next_offset().0;
                for record in batch.unpack(1 << 20).unwrap() {
                    if record.offset.0 >= from {
                        all.push((record.offset.0, record.key, record.value));
                    }
                }
            }
        }
        if next == before {
            return all;
        }
    }
}

#[tokio::test(start_paused = true)]
async fn records_expire_by_age_and_their_segments_go() {
    let (stores, world) = (memory(), moving_world());
    let engine = start_in(quick("a"), &stores, world.clone()).await;
    topic_with(&engine, &[("retention.ms", "3600000")]).await;
    append(&engine, ten(&world)).await;
    tokio::time::sleep(MINUTE * 30).await;
    append(&engine, ten(&world)).await;
    tokio::time::sleep(MINUTE * 28).await;
    assert_eq!((start_of(&engine).await, segments(&stores, &engine).await), (0, 2));
    tokio::time::sleep(MINUTE * 5).await;
    assert_eq!(start_of(&engine).await, 10);
    let below = fetch(&engine, 0, 9).await;
    assert_eq!(below, Err(FetchError::OffsetOutOfRange { log_start_offset: 10, high_watermark: 20 }));
    assert_eq!(records(&engine, 10).await.len(), 10);
    tokio::time::sleep(MINUTE * 5).await;
    assert_eq!(segments(&stores, &engine).await, 1);
    engine.kill().await;
    let engine = start_in(quick("a"), &stores, world).await;
    assert_eq!((start_of(&engine).await, records(&engine, 10).await.len()), (10, 10));
    assert_eq!(engine.produce(request(0, batch(&values(0, 1)))).await.remove(0).unwrap().log_start_offset, 10);
    engine.stop().await;
}

#[tokio::test(start_paused = true)]
async fn records_expire_by_size_oldest_first() {
    let (stores, world) = (memory(), moving_world());
    let engine = start_in(quick("a"), &stores, world.clone()).await;
    topic_with(&engine, &[("retention.bytes", "25000"), ("retention.ms", "-1")]).await;
    for _ in 0..5 {
        append(&engine, ten(&world)).await;
        tokio::time::sleep(MINUTE).await;
    }
    tokio::time::sleep(MINUTE * 5).await;
    // Three segments of ten kilobytes: two would be less than what shall be kept.
    assert_eq!((start_of(&engine).await, segments(&stores, &engine).await), (20, 3));
    engine.stop().await;
}

#[tokio::test(start_paused = true)]
async fn a_broker_whose_clock_is_wrong_lets_no_record_expire() {
    let (stores, world) = (memory(), moving_world());
    let clock = std::sync::Arc::new(broker_engine::store::StoreClock::default());
    clock.note(EPOCH_MS - 400 * 24 * 3600 * 1000);
    let stores = Stores { data: stores.data.with_clock(clock), ..stores };
    let engine = start_in(quick("a"), &stores, world.clone()).await;
    topic_with(&engine, &[("retention.ms", "1000")]).await;
    append(&engine, ten(&world)).await;
    tokio::time::sleep(MINUTE * 30).await;
    assert_eq!(start_of(&engine).await, 0);
    engine.stop().await;
}

#[tokio::test(start_paused = true)]
async fn records_are_deleted_on_request_also_those_that_were_just_written() {
    let (stores, world) = (memory(), moving_world());
    let engine = start_in(config("a"), &stores, world.clone()).await;
    topic_with(&engine, &[("retention.ms", "-1")]).await;
    append(&engine, ten(&world)).await;
    append(&engine, ten(&world)).await;
    assert_eq!(delete_before(&engine, TOPIC, 13).await, Ok(13));
    assert_eq!((start_of(&engine).await, offset(&engine, OffsetSpec::Latest).await), (13, 20));
    let below = fetch(&engine, 0, 12).await;
    assert_eq!(below, Err(FetchError::OffsetOutOfRange { log_start_offset: 13, high_watermark: 20 }));
    assert_eq!(records(&engine, 13).await.first().unwrap().0, 13);
    assert_eq!(delete_before(&engine, TOPIC, 5).await, Ok(13), "the start never goes back");
    assert_eq!(delete_before(&engine, TOPIC, 21).await, Err(DeleteRecordsError::OffsetOutOfRange));
    assert_eq!(delete_before(&engine, TOPIC, -2).await, Err(DeleteRecordsError::OffsetOutOfRange));
    let internal = delete_before(&engine, "__consumer_offsets", 0).await;
    assert_eq!(internal, Err(DeleteRecordsError::InternalTopic));
    engine.kill().await;
    let engine = start_in(config("a"), &stores, world.clone()).await;
    assert_eq!(start_of(&engine).await, 13);
    assert_eq!(delete_before(&engine, TOPIC, -1).await, Ok(20));
    assert_eq!((start_of(&engine).await, append(&engine, ten(&world)).await), (20, 20));
    engine.stop().await;
}

#[tokio::test(start_paused = true)]
async fn compaction_keeps_the_last_record_of_every_key_and_everything_else_as_it_was() {
    let (stores, world) = (memory(), moving_world());
    let engine = start_in(quick("a"), &stores, world.clone()).await;
    let configs =
        [("cleanup.policy", "compact"), ("delete.retention.ms", "600000"), ("min.cleanable.dirty.ratio", "0.1")];
    topic_with(&engine, &configs).await;
    assert_eq!(delete_before(&engine, TOPIC, 0).await, Err(DeleteRecordsError::NotDeletable));
    let keyless = produce(&engine, 0, batch(&values(0, 1))).await;
    assert!(matches!(keyless, Err(ProduceError::InvalidRecord(_))), "{keyless:?}");
    let write = |round: i32| {
        let mut builder = BatchBuilder::new(world.wall_ms()).producer(ProducerId(7), ProducerEpoch(0), round * 5);
        for key in 0..5_u8 {
            let value = format!("{key} in {round}");
            // In the last round key 4 is deleted.
            let value = (key < 4 || round < 9).then_some(value.as_bytes());
            builder.push(Some(&[key]), value);
        }
        builder.build().bytes().clone()
    };
    for round in 0..10 {
        assert_eq!(append(&engine, write(round)).await, i64::from(round) * 5);
        tokio::time::sleep(Duration::from_secs(20)).await;
    }
    tokio::time::sleep(MINUTE * 3).await;
    // What this broker still has in its cache is read from there, as it was written; its successor reads what is left.
    engine.kill().await;
    let engine = start_in(quick("a"), &stores, world.clone()).await;
    let left = records(&engine, 0).await;
    let offsets: Vec<i64> = left.iter().map(|(offset, ..)| *offset).collect();
    assert_eq!(offsets, [45, 46, 47, 48, 49]);
    assert_eq!(left[4].2, None, "the tombstone stays for a while");
    assert_eq!((start_of(&engine).await, offset(&engine, OffsetSpec::Latest).await), (0, 50));
    // What a producer sends again is still known, although the log has lost most of it.
    assert_eq!(append(&engine, write(9)).await, 45);
    assert_eq!(append(&engine, write(10)).await, 50);
    tokio::time::sleep(MINUTE * 30).await;
    append(&engine, write(11)).await;
    tokio::time::sleep(MINUTE * 10).await;
    let keys: BTreeSet<u8> = records(&engine, 0).await.into_iter().filter_map(|(_, key, _)| Some(key?[0])).collect();
    assert_eq!(keys, BTreeSet::from([0, 1, 2, 3, 4]));
    assert!(segments(&stores, &engine).await <= 2);
    engine.stop().await;
}

/// Every object in the bucket, by what it is; keys that are nobody's count as such.
async fn bucket(stores: &Stores) -> BTreeMap<String, usize> {
    let mut kinds = BTreeMap::new();
    let objects: Vec<_> = stores.data.objects().list(None).try_collect().await.unwrap();
    for object in objects {
        let kind = match Key::parse("test", object.location.as_ref()) {
            Some(key) => key.kind().to_string(),
            None => format!("unknown: {}", object.location),
        };
        *kinds.entry(kind).or_default() += 1;
    }
    kinds
}

#[tokio::test(start_paused = true)]
async fn in_the_end_every_object_in_the_bucket_is_accounted_for() {
    let (stores, world) = (memory(), moving_world());
    let engine = start_in(quick("a"), &stores, world.clone()).await;
    topic_with(&engine, &[("cleanup.policy", "compact,delete"), ("retention.ms", "3600000")]).await;
    let id = engine.topic(&topic()).unwrap().topic_id;
    for round in 0..20 {
        append(&engine, ten(&world)).await;
        commit_patiently(&engine, round).await;
        tokio::time::sleep(Duration::from_secs(20)).await;
    }
    engine.kill().await;
    let engine = start_in(quick("a"), &stores, world.clone()).await;
    for round in 0..5 {
        append(&engine, ten(&world)).await;
        commit_patiently(&engine, round).await;
        tokio::time::sleep(Duration::from_secs(20)).await;
    }
    engine.delete_topics(vec![topic()], "User:test", Duration::from_secs(10)).await.remove(0).unwrap();
    engine.kill().await;
    let engine = start_in(quick("a"), &stores, world.clone()).await;
    tokio::time::sleep(MINUTE * 180).await;
    let state = engine.view();
    assert!(state.deleted_topics().is_empty() && state.finalised_topics()[&id].swept.objects > 0);
    assert_eq!(stores.data.list(Prefix::Topic(id)).await.unwrap(), vec![]);
    // What the newest manifests of the living topics name, and nothing else.
    let mut named = BTreeSet::new();
    for (topic, number, _) in state.all_partitions() {
        let prefix = Prefix::Manifest { topic: topic.id, partition: number };
        let Some(newest) = stores.data.list(prefix).await.unwrap().pop() else { continue };
        let Key::Manifest { version, .. } = newest.key else { panic!("{newest:?}") };
        let bytes = stores.data.get(&newest.key).await.unwrap().unwrap();
        let cluster = engine.cluster_id();
        let manifest = broker_log::ManifestVersion::decode(&bytes, cluster, topic.id, number, version).unwrap();
        named.extend(manifest.manifest.segments.iter().map(|one| one.name.key(topic.id, number)));
    }
    let me = state.broker(engine.node_id()).unwrap().incarnation();
    let floor = state.wal_log(me).unwrap().floor;
    for object in stores.data.list(Prefix::Cluster).await.unwrap() {
        let accounted = match &object.key {
            Key::Segment { .. } | Key::SharedSegment { .. } => named.contains(&object.key),
            // Seals stay for ever.
            Key::Wal { incarnation, seq } => (*incarnation == me && *seq >= floor) || object.size <= 128,
            Key::Checkpoint { incarnation, .. } | Key::Live { incarnation } | Key::Report { incarnation } => {
                *incarnation == me
            }
            Key::Manifest { topic, .. } => state.topic(*topic).is_some(),
            _ => true,
        };
        assert!(accounted, "{:?} is nobody's", object.key);
    }
    let kinds = bucket(&stores).await;
    assert!(!kinds.keys().any(|kind| kind.starts_with("unknown")), "{kinds:?}");
    engine.stop().await;
}
