//! How lives and engines end when they are not stopped in order.

use std::time::Duration;

use broker_engine::metadata::{Digest, Entry};
use broker_engine::store::{Frozen, SequenceName, Store};
use broker_engine::{Engine, PartitionError, ProduceError, Stores};
use futures::future::join_all;
use tokio::time::{Instant, timeout};

use crate::gate::{Gate, Held};
use crate::support::*;

#[tokio::test(start_paused = true)]
async fn a_fenced_broker_whose_store_stalls_answers_those_who_wait_and_registers_anew() {
    let store = Store::memory("test").unwrap();
    let (data, gate) = Gate::over(&store);
    let a = start("a", &Stores { data, metadata: store.clone() }).await;
    let b = start("b", &both(store)).await;
    create_topic(&a, 40).await;
    until("the topic is known", || b.topic(&topic()).is_some()).await;
    let epoch = a.status().epoch;
    let led = a.topic(&topic()).unwrap().partitions.into_iter();
    let led: Vec<i32> = led.filter(|one| one.leader.node_id == a.node_id()).map(|one| one.partition).collect();
    // More than may be in flight: some are on their way, the others are buffered.
    gate.hold(Held::Everything);
    let sends = led.iter().map(|partition| {
        let a = a.clone();
        async move {
            tokio::time::sleep(Duration::from_millis(10 * u64::try_from(*partition).unwrap())).await;
            produce(&a, *partition, batch(&values(0, 1))).await
        }
    });
    let mut waiting = Box::pin(join_all(sends));
    assert!(timeout(Duration::from_millis(500), &mut waiting).await.is_err());
    assert!(led.len() > 8);
    let fenced = Instant::now();
    fence(&b, &a).await;
    // The store never answers: only metadata says that it is over.
    let answers = waiting.await;
    assert!(fenced.elapsed() < Duration::from_secs(2), "{:?}", fenced.elapsed());
    for answer in answers {
        assert!(matches!(answer, Err(ProduceError::Partition(PartitionError::NotLeader(_)))), "{answer:?}");
    }
    until("it is registered anew", || a.status().epoch > epoch && !a.status().fenced).await;
    assert!(fenced.elapsed() < Duration::from_secs(3), "{:?}", fenced.elapsed());
    assert_eq!(a.metrics().unacknowledged_bytes, 0);
    gate.open();
    a.stop().await;
    b.stop().await;
}

/// Puts something at the next number of the metadata log.
async fn append(store: &Store, seq: u64, entry: Frozen) {
    let sequence = store.sequence(SequenceName::MetaLog);
    sequence.fill(seq, &entry, broker_engine::store::Patience::forever()).await.unwrap();
}

#[tokio::test(start_paused = true)]
async fn an_entry_of_a_newer_release_ends_the_engine() {
    let stores = memory();
    let engine = start("a", &stores).await;
    let seq = engine.view().next_seq();
    let first = stores.metadata.sequence(SequenceName::MetaLog).get(0).await.unwrap().unwrap();
    let mut newer = first.to_vec();
    let entry = Entry::decode_any(&first).unwrap();
    // The version stands in front of the flags, and those in front of the cluster.
    let cluster = newer.windows(16).position(|bytes| bytes == entry.cluster.as_bytes()).unwrap();
    newer[cluster - 3] += 1;
    let body = newer.len() - 4;
    let crc = crc32c::crc32c(&newer[..body]);
    newer[body..].copy_from_slice(&crc.to_be_bytes());
    append(&stores.metadata, seq, Frozen::shared(newer.into())).await;
    let failed = timeout(Duration::from_secs(5), engine.failed()).await.unwrap();
    assert!(failed.to_string().contains("newer release"), "{failed}");
    assert!(!engine.status().live && !engine.status().ready);
    let answer = produce(&engine, 0, batch(&values(0, 1))).await;
    assert!(answer.is_err(), "{answer:?}");
    engine.stop().await;
}

#[tokio::test(start_paused = true)]
async fn a_divergence_that_reading_anew_does_not_heal_ends_the_engine() {
    let stores = memory();
    let engine = start("a", &stores).await;
    let seq = engine.view().next_seq();
    let entry = Entry {
        cluster: engine.cluster_id(),
        seq,
        nonce: 1,
        state_before: Digest([7; 32]),
        predecessor: Digest([7; 32]),
        writer: "test".to_owned(),
        commands: Vec::new(),
    };
    append(&stores.metadata, seq, entry.freeze().unwrap()).await;
    let failed = timeout(Duration::from_secs(5), engine.failed()).await.unwrap();
    assert!(failed.to_string().contains("does not follow"), "{failed}");
    assert!(!engine.status().live);
    engine.stop().await;
}

/// Partitions of the topic that an engine leads.
fn one_led_by(engine: &Engine) -> i32 {
    let topic = engine.topic(&topic()).unwrap();
    topic.partitions.iter().find(|one| one.leader.node_id == engine.node_id()).unwrap().partition
}

#[tokio::test(start_paused = true)]
async fn a_broker_that_cannot_write_is_fenced() {
    let store = Store::memory("test").unwrap();
    let (data, gate) = Gate::over(&store);
    let a = start("a", &Stores { data, metadata: store.clone() }).await;
    let b = start("b", &both(store)).await;
    create_topic(&a, 40).await;
    until("the topic is known", || b.topic(&topic()).is_some()).await;
    let partition = one_led_by(&a);
    patiently(|| produce(&a, partition, sequenced(7, 0, &values(0, 1)))).await;
    gate.hold(Held::Everything);
    let began = Instant::now();
    let waiting = produce(&a, partition, sequenced(7, 1, &values(1, 1)));
    let answer = timeout(Duration::from_secs(12), waiting).await.unwrap();
    assert!(matches!(answer, Err(ProduceError::Partition(PartitionError::NotLeader(_)))), "{answer:?}");
    assert!(began.elapsed() > Duration::from_secs(5), "{:?}", began.elapsed());
    until("it is registered anew", || a.metrics().fenced_total >= 1).await;
    assert_eq!(patiently(|| produce(&b, partition, sequenced(7, 1, &values(1, 1)))).await, 1);
    gate.open();
    a.stop().await;
    b.stop().await;
}

#[tokio::test(start_paused = true)]
async fn a_store_that_nobody_can_write_to_fences_nobody() {
    let store = Store::memory("test").unwrap();
    let (data, gate) = Gate::over(&store);
    let stores = Stores { data, metadata: store };
    let (a, b) = (start("a", &stores).await, start("b", &stores).await);
    create_topic(&a, 40).await;
    until("the topic is known", || b.topic(&topic()).is_some()).await;
    let (of_a, of_b) = (one_led_by(&a), one_led_by(&b));
    gate.hold(Held::Everything);
    let both = async { tokio::join!(produce(&a, of_a, batch(&values(0, 1))), produce(&b, of_b, batch(&values(0, 1)))) };
    let mut both = Box::pin(both);
    assert!(timeout(Duration::from_secs(20), &mut both).await.is_err());
    gate.open();
    assert_eq!(both.await, (Ok(0), Ok(0)));
    tokio::time::sleep(Duration::from_secs(20)).await;
    assert_eq!((a.metrics().fenced_total, b.metrics().fenced_total), (0, 0));
    a.stop().await;
    b.stop().await;
}
