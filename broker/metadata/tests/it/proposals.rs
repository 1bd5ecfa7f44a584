//! Several processes propose at once while the store misbehaves: the log stays one history.

use std::collections::BTreeMap;
use std::time::Duration;

use broker_metadata::store::faults::{Faults, PutFault};
use broker_metadata::store::{Patience, Store};
use broker_metadata::{Applied, Bootstrap, Change, Command, LogOptions, MetadataLog, ProposeError};
use tokio::task::JoinSet;

use crate::world::{CLUSTER, command, create_topic};

const PROCESSES: u64 = 4;
const PROPOSALS: u64 = 12;

async fn cluster() -> Store {
    let store = Store::memory("orders").unwrap();
    Bootstrap::new(CLUSTER, "test", 0).run(&store, LogOptions::new("bootstrap", 1)).await.unwrap();
    store
}

fn options(seed: u64, patience: Patience) -> LogOptions {
    LogOptions { patience, ..LogOptions::new(&format!("process {seed}"), seed) }
}

/// Proposes until it is known how the command ended.
async fn insist(log: &mut MetadataLog, command: Command) -> Applied {
    loop {
        match log.propose(vec![command.clone()]).await {
            Ok(mut results) => return results.remove(0).unwrap(),
            Err(ProposeError::TooLarge(e)) => panic!("{e}"),
            Err(_) => tokio::time::sleep(Duration::from_millis(10)).await,
        }
    }
}

async fn history(seed: u64) {
    let calm = cluster().await;
    let mut processes = JoinSet::new();
    for process in 0..PROCESSES {
        let (store, faults) = Faults::over(&calm).unwrap();
        let store = store.with_seed(seed ^ process);
        let mut log =
            MetadataLog::open(&store, options(process, Patience::bounded(Duration::from_secs(1)))).await.unwrap();
        faults.storm(seed.wrapping_mul(31).wrapping_add(process), 300);
        processes.spawn(async move {
            let mut blocks = Vec::new();
            for n in 0..PROPOSALS {
                let id = u128::from(process * 1000 + n);
                blocks.push(insist(&mut log, command(id, Change::AllocateProducerIds { count: 10 })).await);
            }
            (blocks, faults.struck())
        });
    }
    let mut firsts = BTreeMap::new();
    let mut struck = 0;
    while let Some(finished) = processes.join_next().await {
        let (blocks, faults) = finished.unwrap();
        struck += faults;
        let mut last = -1;
        for block in blocks {
            let Applied::ProducerIds { first, count: 10 } = block else { panic!("seed {seed}: {block:?}") };
            assert!(first > last, "seed {seed}: a later proposal was put before an earlier one");
            last = first;
            assert!(firsts.insert(first, ()).is_none(), "seed {seed}: block {first} was given twice");
        }
    }
    let expected: Vec<i64> = (0..i64::try_from(PROCESSES * PROPOSALS).unwrap()).map(|n| n * 10).collect();
    assert_eq!(firsts.into_keys().collect::<Vec<_>>(), expected, "seed {seed}: every command took effect once");
    assert!(struck > 0, "seed {seed}: nothing struck");
    let log = MetadataLog::open(&calm, LogOptions::new("reader", 99)).await.unwrap();
    assert_eq!(log.state().next_seq(), 1 + PROCESSES * PROPOSALS, "seed {seed}");
}

#[tokio::test(start_paused = true)]
async fn concurrent_proposals_are_linear_in_any_weather() {
    for seed in 0..40 {
        println!("seed {seed}");
        history(seed).await;
    }
}

#[tokio::test(start_paused = true)]
async fn a_late_entry_is_the_only_one_at_its_number() {
    let calm = cluster().await;
    let (store, faults) = Faults::over(&calm).unwrap();
    let mut log = MetadataLog::open(&store, options(1, Patience::bounded(Duration::ZERO))).await.unwrap();
    faults.next_puts([PutFault::Late]);
    let wish = command(1, create_topic("payments", 1));
    let unknown = log.propose(vec![wish.clone()]).await;
    assert!(matches!(unknown, Err(ProposeError::Unknown(_))) && log.has_unknown_outcome(), "{unknown:?}");

    // A refusal of the repetition proves nothing about the first attempt.
    faults.next_puts([PutFault::Refused]);
    let still = log.propose(vec![command(2, create_topic("other", 1))]).await;
    assert!(matches!(still, Err(ProposeError::Unknown(_))) && log.has_unknown_outcome(), "{still:?}");

    faults.land_late().await;
    log.propose(vec![command(2, create_topic("other", 1))]).await.unwrap();
    assert!(!log.has_unknown_outcome());
    assert!(log.state().topic_named("payments").is_some(), "the late entry was applied first");
    assert!(log.propose(vec![wish]).await.unwrap()[0].is_ok());
    assert_eq!(log.state().next_seq(), 3);
}

#[tokio::test(start_paused = true)]
async fn a_proposal_that_was_dropped_is_resolved_by_the_next() {
    let calm = cluster().await;
    let (store, faults) = Faults::over(&calm).unwrap();
    let mut log = MetadataLog::open(&store, options(1, Patience::forever())).await.unwrap();
    faults.next_puts([PutFault::Late, PutFault::LostRequest, PutFault::LostRequest, PutFault::LostRequest]);
    let dropped =
        tokio::time::timeout(Duration::from_millis(1), log.propose(vec![command(1, create_topic("payments", 1))]));
    assert!(dropped.await.is_err() && log.has_unknown_outcome());
    log.propose(vec![command(2, create_topic("other", 1))]).await.unwrap();
    faults.land_late().await;
    let reader = MetadataLog::open(&calm, LogOptions::new("reader", 2)).await.unwrap();
    assert_eq!(reader.state(), log.state());
    assert!(reader.state().topic_named("payments").is_some());
}

#[tokio::test(start_paused = true)]
async fn a_refused_proposal_leaves_nothing_behind() {
    let calm = cluster().await;
    let (store, faults) = Faults::over(&calm).unwrap();
    let mut log = MetadataLog::open(&store, LogOptions::new("provider", 1)).await.unwrap();
    faults.next_puts([PutFault::Refused; 3]);
    let refused = log.propose(vec![command(1, create_topic("payments", 1))]).await;
    assert!(matches!(refused, Err(ProposeError::NotWritten(_))) && !log.has_unknown_outcome(), "{refused:?}");
    log.propose(vec![command(2, create_topic("other", 1))]).await.unwrap();
    assert_eq!(log.state().next_seq(), 2);
}
