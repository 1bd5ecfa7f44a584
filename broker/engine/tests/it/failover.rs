//! Several brokers on one store.

use std::time::Duration;

use broker_engine::record::{BatchBuilder, LeaderEpoch, Offset};
use broker_engine::store::faults::Faults;
use broker_engine::store::{Filled, Frozen, Nonce, Patience, SequenceName, Store};
use broker_engine::{Engine, FetchError, PartitionError, ProduceError, Stores};
use broker_log::{Origin, WalBuilder};
use tokio::time::timeout;

use crate::gate::{Gate, Held};
use crate::support::*;

/// The partition of the topic that an engine leads.
fn led_by(engine: &Engine) -> i32 {
    let topic = engine.topic(&topic()).unwrap();
    topic.partitions.iter().find(|one| one.leader.node_id == engine.node_id()).unwrap().partition
}

async fn knows_the_topic(engine: &Engine) {
    until("the topic is known", || engine.topic(&topic()).is_some()).await;
}

#[tokio::test(start_paused = true)]
async fn both_brokers_lead_and_each_says_who_leads_what_it_does_not() {
    let stores = memory();
    let (a, b) = (start("a", &stores).await, start("b", &stores).await);
    create_topic(&a, 40).await;
    knows_the_topic(&b).await;
    assert_ne!(a.node_id(), b.node_id());
    let partition = led_by(&b);
    let refused = produce(&a, partition, batch(&values(0, 1))).await;
    let hint = b.leader(&topic(), partition).unwrap();
    assert_eq!(hint.node_id, b.node_id());
    assert_eq!(refused, Err(ProduceError::Partition(PartitionError::NotLeader(hint))));
    patiently(|| produce(&b, partition, batch(&values(0, 1)))).await;
    a.stop().await;
    b.stop().await;
}

#[tokio::test(start_paused = true)]
async fn a_killed_broker_loses_nothing_and_repeated_batches_stay_single() {
    let stores = memory();
    let (a, b) = (start("a", &stores).await, start("b", &stores).await);
    create_topic(&a, 40).await;
    knows_the_topic(&b).await;
    let partition = led_by(&a);
    for number in 0..10 {
        let values = values(usize::try_from(number).unwrap(), 1);
        patiently(|| produce(&a, partition, sequenced(7, number, &values))).await;
    }
    a.kill().await;
    fence(&b, &a).await;
    // The answer to the last batch might have been lost: the producer sends it again.
    assert_eq!(patiently(|| produce(&b, partition, sequenced(7, 9, &values(9, 1)))).await, 9);
    assert_eq!(patiently(|| produce(&b, partition, sequenced(7, 10, &values(10, 1)))).await, 10);
    assert_eq!(read_all(&b, partition).await, numbered(&values(0, 11)));
    b.stop().await;
}

#[tokio::test(start_paused = true)]
async fn a_broker_whose_signs_of_life_stop_is_replaced() {
    let stores = memory();
    let (a, b) = (start("a", &stores).await, start("b", &stores).await);
    create_topic(&a, 40).await;
    knows_the_topic(&b).await;
    let partition = led_by(&a);
    patiently(|| produce(&a, partition, batch(&values(0, 1)))).await;
    set_line(&a, LineState::Cut);
    a.kill().await;
    let began = tokio::time::Instant::now();
    patiently(|| produce(&b, partition, batch(&values(1, 1)))).await;
    assert!(began.elapsed() < Duration::from_secs(10), "{:?}", began.elapsed());
    assert_eq!(read_all(&b, partition).await, numbered(&values(0, 2)));
    b.stop().await;
}

#[tokio::test(start_paused = true)]
async fn a_zombie_acknowledges_nothing_beyond_the_seal() {
    let store = Store::memory("test").unwrap();
    let (data, gate) = Gate::over(&store);
    let a = start("a", &Stores { data, metadata: store.clone() }).await;
    let b = start("b", &both(store)).await;
    create_topic(&a, 40).await;
    knows_the_topic(&b).await;
    let partition = led_by(&a);
    let epoch = a.status().epoch;
    patiently(|| produce(&a, partition, sequenced(7, 0, &values(0, 1)))).await;
    gate.hold(Held::Everything);
    let mut late = Box::pin(produce(&a, partition, sequenced(7, 1, &["late".to_owned()])));
    assert!(timeout(Duration::from_millis(10), &mut late).await.is_err());
    fence(&b, &a).await;
    assert_eq!(patiently(|| produce(&b, partition, sequenced(7, 1, &values(1, 1)))).await, 1);
    gate.open();
    let answer = late.await;
    assert!(matches!(answer, Err(ProduceError::Partition(PartitionError::NotLeader(_)))), "{answer:?}");
    assert_eq!(read_all(&b, partition).await, numbered(&values(0, 2)));
    // It comes back as somebody new.
    until("the zombie is registered anew", || a.status().epoch > epoch && !a.status().fenced).await;
    assert_eq!(a.metrics().fenced_total, 1);
    a.stop().await;
    b.stop().await;
}

#[tokio::test(start_paused = true)]
async fn what_a_zombie_wrote_before_the_seal_counts() {
    let store = Store::memory("test").unwrap();
    let (data, gate) = Gate::over(&store);
    let a = start("a", &Stores { data, metadata: store.clone() }).await;
    create_topic(&a, 1).await;
    // The second object lands, the first does not: nothing of it is acknowledged, and the seal takes the first number.
    gate.hold(Held::Number(0));
    let mut first = Box::pin(produce(&a, 0, batch(&values(0, 1))));
    assert!(timeout(Duration::from_millis(10), &mut first).await.is_err());
    let mut second = Box::pin(produce(&a, 0, batch(&values(1, 1))));
    assert!(timeout(Duration::from_millis(10), &mut second).await.is_err());
    let b = start("b", &both(store)).await;
    fence(&b, &a).await;
    assert_eq!(read_all(&b, 0).await, vec![]);
    patiently(|| produce(&b, 0, batch(&values(7, 1)))).await;
    gate.open();
    assert!(first.await.is_err() && second.await.is_err());
    assert_eq!(read_all(&b, 0).await, vec![(0, "value 7".to_owned())]);
    a.stop().await;
    b.stop().await;
}

#[tokio::test(start_paused = true)]
async fn what_a_copy_of_a_process_acknowledged_is_not_released_away() {
    let stores = memory();
    let (a, b) = (start("a", &stores).await, start("b", &stores).await);
    create_topic(&a, 40).await;
    knows_the_topic(&b).await;
    let partition = led_by(&a);
    patiently(|| produce(&a, partition, batch(&values(0, 1)))).await;
    go_on_as_a_copy(&a, &stores, partition).await;
    a.stop().await;
    // Nobody can release for it, so it is fenced.
    fence(&b, &a).await;
    assert_eq!(patiently(|| produce(&b, partition, batch(&values(2, 1)))).await, 2);
    assert_eq!(read_all(&b, partition).await, numbered(&values(0, 3)));
    b.stop().await;
}

/// A copy of a process, made a moment ago, goes on in the same log: one more record at offset 1.
async fn go_on_as_a_copy(a: &Engine, stores: &Stores, partition: i32) {
    let view = a.view();
    let copied = view.broker(a.node_id()).unwrap().incarnation();
    let known = view.topic_named(TOPIC).unwrap();
    let epoch = known.partitions.get(usize::try_from(partition).unwrap()).unwrap().leader_epoch;
    let numbers = stores.data.sequence(SequenceName::Wal(copied));
    let seq = numbers.list_from(0).await.unwrap().into_keys().max().unwrap() + 1;
    let mut builder = WalBuilder::default();
    let mut record = BatchBuilder::new(1_000);
    record.push(None, Some(b"value 1"));
    builder.push(known.id, partition, record.build().place(Offset(1), LeaderEpoch(epoch)), None);
    let (bytes, _) = builder.build(Origin { cluster: a.cluster_id(), incarnation: copied, seq }, 5);
    let frozen = Frozen::new(Nonce(5), bytes).unwrap();
    assert!(matches!(numbers.fill(seq, &frozen, Patience::forever()).await, Ok(Filled::Mine)));
}

#[tokio::test(start_paused = true)]
async fn a_copy_that_has_missed_records_does_not_say_that_a_sequence_is_wrong() {
    let stores = memory();
    let (a, b) = (start("a", &stores).await, start("b", &stores).await);
    create_topic(&a, 40).await;
    knows_the_topic(&b).await;
    let partition = led_by(&a);
    patiently(|| produce(&a, partition, sequenced(7, 0, &values(0, 1)))).await;
    let wrong = produce(&a, partition, sequenced(7, 2, &values(2, 1))).await;
    assert_eq!(wrong, Err(ProduceError::OutOfOrderSequence));
    go_on_as_a_copy(&a, &stores, partition).await;
    // Of the producer's next record this one knows nothing, so that the one after it seems to come too early.
    let answer = produce(&a, partition, sequenced(7, 2, &values(2, 1))).await;
    assert!(matches!(answer, Err(ProduceError::Partition(PartitionError::NotLeader(_)))), "{answer:?}");
    a.stop().await;
    b.stop().await;
}

#[tokio::test(start_paused = true)]
async fn a_leader_that_was_replaced_does_not_say_that_an_offset_is_beyond_the_end() {
    let store = Store::memory("test").unwrap();
    let (metadata, faults) = Faults::over(&store).unwrap();
    let a = start("a", &Stores { data: store.clone(), metadata }).await;
    let b = start("b", &both(store)).await;
    create_topic(&a, 40).await;
    knows_the_topic(&b).await;
    let partition = led_by(&a);
    patiently(|| produce(&a, partition, batch(&values(0, 1)))).await;
    let beyond = fetch(&a, partition, 3).await;
    assert_eq!(beyond, Err(FetchError::OffsetOutOfRange { log_start_offset: 0, high_watermark: 1 }));
    // It cannot read what metadata says by now.
    faults.fail_gets(u32::MAX);
    fence(&b, &a).await;
    patiently(|| produce(&b, partition, batch(&values(1, 2)))).await;
    let beyond = fetch(&a, partition, 3).await;
    assert!(matches!(beyond, Err(FetchError::Partition(PartitionError::NotLeader(_)))), "{beyond:?}");
    faults.fail_gets(0);
    a.stop().await;
    b.stop().await;
}

#[tokio::test(start_paused = true)]
async fn a_stopping_broker_hands_over_without_being_fenced() {
    let stores = memory();
    let (a, b) = (start("a", &stores).await, start("b", &stores).await);
    create_topic(&a, 40).await;
    knows_the_topic(&b).await;
    let partition = led_by(&a);
    patiently(|| produce(&a, partition, sequenced(7, 0, &values(0, 3)))).await;
    a.stop().await;
    let began = tokio::time::Instant::now();
    patiently(|| produce(&b, partition, sequenced(7, 3, &values(3, 1)))).await;
    assert!(began.elapsed() < Duration::from_secs(2), "{:?}", began.elapsed());
    assert_eq!(read_all(&b, partition).await, numbered(&values(0, 4)));
    b.stop().await;
}

#[tokio::test(start_paused = true)]
async fn leadership_goes_round_and_everything_stays() {
    let stores = memory();
    let mut engines = vec![start("a", &stores).await, start("b", &stores).await, start("c", &stores).await];
    create_topic(&engines[0], 3).await;
    let mut count = 0;
    for round in 0..6 {
        for engine in &engines {
            knows_the_topic(engine).await;
        }
        let host = ["a", "b", "c"][round % 3];
        let value = values(count, 1);
        count += 1;
        for partition in 0..3 {
            let sequence = i32::try_from(count).unwrap() - 1;
            patiently(|| async {
                let leader = engines[0].leader(&topic(), partition).unwrap().node_id;
                let leader = engines.iter().find(|engine| engine.node_id() == leader).unwrap_or(&engines[0]);
                produce(leader, partition, sequenced(i64::from(partition), sequence, &value)).await
            })
            .await;
        }
        let gone = engines.remove(0);
        if round % 2 == 0 {
            gone.kill().await;
            fence(&engines[0], &gone).await;
        } else {
            gone.stop().await;
        }
        engines.push(start(host, &stores).await);
    }
    for partition in 0..3 {
        let leader = patiently(|| async {
            let hint = engines[0].leader(&topic(), partition).unwrap();
            let leader = engines.iter().find(|engine| engine.node_id() == hint.node_id).unwrap_or(&engines[0]);
            fetch(leader, partition, 0).await.map(|_| leader)
        })
        .await;
        assert_eq!(read_all(leader, partition).await, numbered(&values(0, count)));
    }
    for engine in engines {
        engine.stop().await;
    }
}
