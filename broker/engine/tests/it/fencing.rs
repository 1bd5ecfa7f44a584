//! Who is taken for dead, how soon, and who is not.

use std::time::Duration;

use broker_engine::metadata::BrokerStatus;
use broker_engine::store::Store;
use broker_engine::store::faults::Faults;
use broker_engine::{Engine, Stores};
use tokio::time::Instant;

use crate::support::*;

async fn brokers(stores: &Stores, count: usize) -> Vec<Engine> {
    let mut engines = Vec::new();
    for number in 0..count {
        engines.push(start(&format!("host-{number}"), stores).await);
    }
    create_topic(&engines[0], i32::try_from(count * 4).unwrap()).await;
    for engine in &engines {
        until("the topic is known", || engine.topic(&topic()).is_some()).await;
    }
    // What joined last has got its share, and everybody is quiet.
    tokio::time::sleep(Duration::from_secs(10)).await;
    engines
}

/// Kills the first so many, and waits until the others lead everything: how long that took, and in how many entries.
async fn kill(engines: &mut Vec<Engine>, count: usize) -> (Duration, u64) {
    let entries = engines[count].view().next_seq();
    let began = Instant::now();
    for dead in engines.drain(..count) {
        dead.kill().await;
    }
    let alive: Vec<i32> = engines.iter().map(Engine::node_id).collect();
    until("the others lead everything", || {
        let led_by_alive = |view: &Engine| {
            let partitions = view.topic(&topic()).unwrap().partitions;
            partitions.iter().all(|partition| alive.contains(&partition.leader.node_id))
        };
        engines.iter().all(led_by_alive)
    })
    .await;
    (began.elapsed(), engines[0].view().next_seq() - entries)
}

async fn stop(engines: Vec<Engine>) {
    for engine in engines {
        engine.stop().await;
    }
}

#[tokio::test(start_paused = true)]
async fn one_of_three_that_is_killed_is_fenced_within_a_second() {
    let mut engines = brokers(&memory(), 3).await;
    let (took, entries) = kill(&mut engines, 1).await;
    assert!(took <= Duration::from_millis(1100), "{took:?}");
    assert_eq!(entries, 1);
    stop(engines).await;
}

#[tokio::test(start_paused = true)]
async fn three_of_six_that_are_killed_are_fenced_by_one_entry_as_soon_as_one() {
    let mut engines = brokers(&memory(), 6).await;
    let (took, entries) = kill(&mut engines, 3).await;
    assert!(took <= Duration::from_millis(1100), "{took:?}");
    assert_eq!(entries, 1);
    stop(engines).await;
}

#[tokio::test(start_paused = true)]
async fn whom_only_one_of_three_does_not_reach_is_not_fenced() {
    let engines = brokers(&memory(), 3).await;
    set_line_between(&engines[0], &engines[1], LineState::Refusing);
    tokio::time::sleep(Duration::from_secs(30)).await;
    assert!(engines.iter().all(|engine| engine.metrics().fenced_total == 0));
    stop(engines).await;
}

#[tokio::test(start_paused = true)]
async fn brokers_that_do_not_reach_one_another_and_show_that_they_live_are_not_fenced() {
    let engines = brokers(&memory(), 2).await;
    for engine in &engines {
        set_line(engine, LineState::Cut);
    }
    tokio::time::sleep(Duration::from_secs(30)).await;
    assert!(engines.iter().all(|engine| engine.metrics().fenced_total == 0));
    // Entries are found without nudges.
    assert_eq!(engines[0].view().next_seq(), engines[1].view().next_seq());
    stop(engines).await;
}

#[tokio::test(start_paused = true)]
async fn a_broker_that_hangs_is_fenced_within_four_seconds_and_nothing_else() {
    let stores = memory();
    let mut engines = brokers(&stores, 3).await;
    // Neither heartbeats nor signs of life: as if it was stopped.
    set_line(&engines[0], LineState::Cut);
    let began = Instant::now();
    let hung = engines.remove(0);
    let incarnation = engines[0].view().broker(hung.node_id()).unwrap().incarnation();
    hung.kill().await;
    until("it is fenced", || !engines[0].view().is_alive(incarnation)).await;
    assert!(began.elapsed() <= Duration::from_millis(4200), "{:?}", began.elapsed());
    assert!(engines.iter().all(|engine| engine.metrics().fenced_total == 0));
    stop(engines).await;
}

#[tokio::test(start_paused = true)]
async fn the_last_of_three_takes_over_although_nobody_agrees() {
    let mut engines = brokers(&memory(), 3).await;
    let (took, _) = kill(&mut engines, 2).await;
    assert!((Duration::from_secs(5)..Duration::from_secs(9)).contains(&took), "{took:?}");
    stop(engines).await;
}

#[tokio::test(start_paused = true)]
async fn a_broker_that_cannot_write_metadata_is_fenced_although_it_answers() {
    let store = Store::memory("test").unwrap();
    let (metadata, faults) = Faults::over(&store).unwrap();
    let mut engines = brokers(&both(store.clone()), 2).await;
    engines.push(start("ill", &Stores { data: store, metadata }).await);
    let ill = engines[2].node_id();
    tokio::time::sleep(Duration::from_secs(5)).await;
    let incarnation = engines[0].view().broker(ill).unwrap().incarnation();
    let began = Instant::now();
    faults.next_puts(vec![broker_engine::store::faults::PutFault::Refused; 100_000]);
    until("it is fenced", || !engines[0].view().is_alive(incarnation)).await;
    assert!(began.elapsed() < Duration::from_secs(12), "{:?}", began.elapsed());
    engines.pop().unwrap().kill().await;
    stop(engines).await;
}

#[tokio::test(start_paused = true)]
async fn an_entry_is_applied_everywhere_within_a_few_milliseconds() {
    let engines = brokers(&memory(), 3).await;
    for partitions in [20, 30, 40] {
        let grow = broker_engine::CreatePartitions { name: TOPIC.to_owned(), total: partitions };
        let wait = Duration::from_secs(5);
        let grown = engines[2].create_partitions(vec![grow], broker_engine::AdminMode::Apply, "User:test", wait).await;
        grown.into_iter().for_each(|one| one.unwrap());
        let began = Instant::now();
        let knows = |engine: &Engine| engine.topic(&topic()).unwrap().partitions.len();
        until("all know", || engines.iter().all(|engine| knows(engine) == usize::try_from(partitions).unwrap())).await;
        assert!(began.elapsed() <= Duration::from_millis(50), "{:?}", began.elapsed());
    }
    assert!(engines[0].view().living_brokers().all(|broker| broker.status == BrokerStatus::Ready));
    stop(engines).await;
}
