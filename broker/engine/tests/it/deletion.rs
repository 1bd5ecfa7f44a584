//! What is deleted in the end, and what never is.

use std::time::Duration;

use broker_engine::Engine;
use broker_engine::metadata::{Incarnation, LiveObject, Report};
use broker_engine::store::{Frozen, Key, Nonce, Patience, Prefix, Store};
use bytes::Bytes;
use uuid::Uuid;

use crate::groups::commit_patiently;
use crate::support::*;

async fn put(store: &Store, topic: Uuid, version: u64) {
    let key = Key::Manifest { topic, partition: 7, version };
    let content = Frozen::new(Nonce(5), Bytes::copy_from_slice(&5_u128.to_be_bytes())).unwrap();
    store.fill(&key, &content, Patience::forever()).await.unwrap();
}

async fn objects_of(store: &Store, topic: Uuid) -> usize {
    store.list(Prefix::Topic(topic)).await.unwrap().len()
}

async fn topic_id(engine: &Engine) -> Uuid {
    create_topic(engine, 1).await;
    engine.topic(&topic()).unwrap().topic_id
}

#[tokio::test(start_paused = true)]
async fn a_deleted_topic_leaves_nothing_and_an_unknown_one_is_left_alone() {
    let stores = memory();
    let engine = start("a", &stores).await;
    let (id, unknown) = (topic_id(&engine).await, Uuid::from_u128(77));
    for version in 0..3 {
        put(&stores.data, id, version).await;
        put(&stores.data, unknown, version).await;
    }
    tokio::time::sleep(Duration::from_secs(130)).await;
    assert_eq!(objects_of(&stores.data, id).await, 3, "it lives");
    engine.delete_topics(vec![topic()], "User:test", Duration::from_secs(10)).await.remove(0).unwrap();
    tokio::time::sleep(Duration::from_secs(130)).await;
    assert_eq!((objects_of(&stores.data, id).await, objects_of(&stores.data, unknown).await), (0, 3));
    let swept = engine.view().deleted_topics()[&id].swept;
    assert_eq!((swept.objects, swept.bytes), (3, 48));
    // What lands late is found by a later sweep.
    put(&stores.data, id, 9).await;
    tokio::time::sleep(Duration::from_secs(2 * 3600)).await;
    assert_eq!(objects_of(&stores.data, id).await, 0);
    assert_eq!(engine.view().deleted_topics()[&id].swept.objects, 4);
    engine.stop().await;
}

#[tokio::test(start_paused = true)]
async fn the_signs_of_life_of_the_dead_go_and_those_of_the_unknown_stay() {
    let stores = memory();
    let engine = start("a", &stores).await;
    let dead = engine.view().broker(engine.node_id()).unwrap().incarnation();
    tokio::time::sleep(Duration::from_secs(40)).await;
    engine.kill().await;
    let unknown = Incarnation { broker: 9, epoch: 1000 };
    let live = LiveObject::read(&stores.metadata, dead).await.unwrap().unwrap();
    assert!(Report::read(&stores.metadata, dead).await.unwrap().is_some());
    LiveObject { broker: unknown.broker, epoch: unknown.epoch, ..live }.write(&stores.metadata).await.unwrap();
    let engine = start("a", &stores).await;
    tokio::time::sleep(Duration::from_secs(130)).await;
    assert_eq!(LiveObject::read(&stores.metadata, dead).await.unwrap(), None);
    assert_eq!(Report::read(&stores.metadata, dead).await.unwrap(), None);
    assert!(LiveObject::read(&stores.metadata, unknown).await.unwrap().is_some());
    engine.stop().await;
}

#[tokio::test(start_paused = true)]
async fn a_report_says_what_is_led_and_what_groups_have_read() {
    let stores = memory();
    let engine = start("a", &stores).await;
    let id = topic_id(&engine).await;
    let records = batch(&values(0, 3));
    let length = records.len();
    produce_patiently(&engine, records).await;
    commit_patiently(&engine, 2).await;
    tokio::time::sleep(Duration::from_secs(31)).await;
    let me = engine.view().broker(engine.node_id()).unwrap().incarnation();
    let report = Report::read(&stores.metadata, me).await.unwrap().unwrap();
    let partition = report.partitions.iter().find(|one| one.topic == id).unwrap();
    assert_eq!((partition.partition, partition.start, partition.high_watermark), (0, 0, 3));
    assert_eq!(partition.bytes, u64::try_from(length).unwrap());
    assert_eq!(report.groups.len(), 1);
    let group = &report.groups[0];
    assert_eq!((group.group.as_str(), group.state.as_str(), group.members), ("readers", "Empty", 0));
    assert_eq!((group.offsets[0].topic, group.offsets[0].partition, group.offsets[0].offset), (id, 0, 2));
    assert!(!report.truncated);
    engine.stop().await;
}

async fn produce_patiently(engine: &Engine, records: Bytes) {
    patiently(|| produce(engine, 0, records.clone())).await;
}
