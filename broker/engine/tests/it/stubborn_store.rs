//! Stores that are slow, stuck or lose answers.

use std::time::Duration;

use broker_engine::store::Store;
use broker_engine::store::faults::Faults;
use broker_engine::{ProduceError, Stores};
use futures::future::join_all;
use tokio::time::timeout;

use crate::gate::{Gate, Held};
use crate::support::*;

const A_WHILE: Duration = Duration::from_millis(300);

fn gated() -> (Stores, Gate) {
    let store = Store::memory("test").unwrap();
    let (data, gate) = Gate::over(&store);
    (Stores { data, metadata: store }, gate)
}

#[tokio::test(start_paused = true)]
async fn an_object_is_acknowledged_only_after_all_before_it() {
    let (stores, gate) = gated();
    let engine = start("a", &stores).await;
    create_topic(&engine, 1).await;
    gate.hold(Held::Number(0));
    let mut first = Box::pin(produce(&engine, 0, batch(&values(0, 1))));
    assert!(timeout(A_WHILE, &mut first).await.is_err());
    // The second object is durable at once, and must wait for the first.
    let mut second = Box::pin(produce(&engine, 0, batch(&values(1, 1))));
    assert!(timeout(A_WHILE, &mut second).await.is_err());
    assert_eq!(fetch(&engine, 0, 0).await.unwrap().high_watermark, 0);
    gate.open();
    assert_eq!((first.await, second.await), (Ok(0), Ok(1)));
    assert_eq!(read_all(&engine, 0).await, numbered(&values(0, 2)));
    engine.stop().await;
}

#[tokio::test(start_paused = true)]
async fn a_duplicate_of_a_batch_in_flight_is_answered_when_the_original_is_durable() {
    let (stores, gate) = gated();
    let engine = start("a", &stores).await;
    create_topic(&engine, 1).await;
    gate.hold(Held::Everything);
    let mut original = Box::pin(produce(&engine, 0, sequenced(7, 0, &values(0, 1))));
    assert!(timeout(A_WHILE, &mut original).await.is_err());
    let mut duplicate = Box::pin(produce(&engine, 0, sequenced(7, 0, &values(0, 1))));
    assert!(timeout(A_WHILE, &mut duplicate).await.is_err());
    gate.open();
    assert_eq!((original.await, duplicate.await), (Ok(0), Ok(0)));
    assert_eq!(read_all(&engine, 0).await, numbered(&values(0, 1)));
    engine.stop().await;
}

#[tokio::test(start_paused = true)]
async fn a_stuck_store_stops_producers_and_not_the_memory() {
    let (stores, gate) = gated();
    let mut config = config("a");
    config.limits.unacknowledged_bytes_max = 1 << 20;
    let engine = start_with(config, &stores).await;
    create_topic(&engine, 4).await;
    gate.hold(Held::Everything);
    let payload = |number: i32| batch(&[format!("{number:03}").repeat(33_333)]);
    let sends = (0..40).map(|number| {
        let mut request = request(number % 4, payload(number));
        request.timeout = Duration::from_secs(100);
        engine.produce(request)
    });
    let mut sends = Box::pin(join_all(sends));
    assert!(timeout(Duration::from_secs(5), &mut sends).await.is_err());
    let used = engine.metrics().unacknowledged_bytes;
    assert!(used > 900_000 && used <= 1 << 20, "{used} bytes are reserved");
    let mut late = request(0, payload(0));
    late.timeout = Duration::from_secs(1);
    assert_eq!(engine.produce(late).await, vec![Err(ProduceError::TimedOut)]);
    gate.open();
    let outcomes = sends.await;
    assert!(outcomes.iter().flatten().all(Result::is_ok), "{outcomes:?}");
    assert_eq!(engine.metrics().unacknowledged_bytes, 0);
    let mut stored = 0;
    for partition in 0..4 {
        stored += read_all(&engine, partition).await.len();
    }
    assert_eq!(stored, 40);
    engine.stop().await;
}

#[tokio::test(start_paused = true)]
async fn whatever_answers_are_lost_every_batch_is_stored_once() {
    for seed in 0..10 {
        let store = Store::memory("test").unwrap();
        let (data, faults) = Faults::over(&store).unwrap();
        let engine = start("a", &Stores { data, metadata: store }).await;
        create_topic(&engine, 2).await;
        faults.storm(seed, 300);
        for number in 0..20 {
            for partition in 0..2 {
                let values = values(usize::try_from(number).unwrap(), 1);
                patiently(|| produce(&engine, partition, sequenced(7 + i64::from(partition), number, &values))).await;
            }
        }
        faults.calm();
        for partition in 0..2 {
            assert_eq!(read_all(&engine, partition).await, numbered(&values(0, 20)), "seed {seed}");
        }
        assert_eq!(engine.metrics().fenced_total, 0);
        engine.stop().await;
    }
}

#[tokio::test(start_paused = true)]
async fn an_idle_broker_writes_no_data() {
    let stores = Stores { data: Store::memory("test").unwrap(), metadata: Store::memory("test").unwrap() };
    let engine = start("a", &stores).await;
    create_topic(&engine, 16).await;
    produce(&engine, 0, batch(&values(0, 1))).await.unwrap();
    let before = engine.metrics().wal_objects_total;
    tokio::time::sleep(Duration::from_secs(3600)).await;
    assert_eq!(engine.metrics().wal_objects_total, before);
    engine.stop().await;
}

#[tokio::test(start_paused = true)]
async fn the_put_budget_bounds_small_objects_and_nothing_waits_longer_than_its_share() {
    let (stores, _gate) = gated();
    let mut config = config("a");
    config.put_budget_per_second = std::num::NonZeroU32::new(20);
    let engine = start_with(config, &stores).await;
    create_topic(&engine, 1).await;
    let (before, began) = (engine.metrics().wal_objects_total, tokio::time::Instant::now());
    let mut slowest = Duration::ZERO;
    for number in 0..2000 {
        let sent = tokio::time::Instant::now();
        produce(&engine, 0, batch(&values(number, 1))).await.unwrap();
        slowest = slowest.max(sent.elapsed());
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
    let objects = engine.metrics().wal_objects_total - before;
    let allowed = 20 * (began.elapsed().as_secs() + 3);
    assert!(objects <= allowed, "{objects} objects, {allowed} are allowed");
    assert!(slowest <= Duration::from_millis(60), "{slowest:?}");
    engine.stop().await;
}
