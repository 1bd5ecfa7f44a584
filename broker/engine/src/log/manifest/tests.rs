//! Leaders that come, go, and come too late.

use std::time::Duration;

use broker_record::Offset;
use broker_store::faults::{Faults, PutFault};
use tokio::time::timeout;

use super::*;

const ID: PartitionId = PartitionId { topic: Uuid::from_u128(3), partition: 5 };
const CLUSTER: Uuid = Uuid::from_u128(1);

async fn open(store: &Store, epoch: i32) -> ManifestLog {
    let writer = Incarnation { broker: epoch, epoch: 1 };
    let (id, leader_epoch, env) = (ID, LeaderEpoch(epoch), &Env::system());
    ManifestLog::open(ManifestWriter { store, cluster: CLUSTER, id, leader_epoch, writer, env }).await.unwrap()
}

/// A change that can be told from others.
fn cleaned_to(offset: i64) -> impl FnMut(&Manifest) -> Option<Manifest> {
    move |manifest| Some(Manifest { cleaned_to: Offset(offset), ..manifest.clone() })
}

async fn newest(store: &Store) -> (u64, i32, i64) {
    let newest = read_newest(store, CLUSTER, ID).await.unwrap().unwrap();
    (newest.version, newest.leader_epoch.0, newest.manifest.cleaned_to.0)
}

#[tokio::test]
async fn the_first_version_of_a_leader_is_a_claim() {
    let store = Store::memory("test").unwrap();
    let log = open(&store, 1).await;
    assert!(!log.is_claimed());
    assert_eq!(log.update(|_| None).await.unwrap(), Published::Unchanged);
    assert!(log.is_claimed());
    assert_eq!(newest(&store).await, (0, 1, 0));
    log.update(cleaned_to(7)).await.unwrap();
    assert_eq!(newest(&store).await, (1, 1, 7));
    assert!(log.is_newest().await.unwrap());
}

#[tokio::test]
async fn a_version_of_the_leader_before_that_arrives_late_is_read_before_the_claim_and_the_last_of_it() {
    let store = Store::memory("test").unwrap();
    let old = open(&store, 1).await;
    old.update(cleaned_to(1)).await.unwrap();
    let new = open(&store, 2).await;
    old.update(cleaned_to(2)).await.unwrap();
    let mut seen = Vec::new();
    let published = new.update(|manifest| {
        seen.push(manifest.cleaned_to.0);
        cleaned_to(3)(manifest)
    });
    published.await.unwrap();
    assert_eq!(seen, [2]);
    assert_eq!(newest(&store).await, (4, 2, 3));
    for _ in 0..2 {
        assert!(matches!(old.update(cleaned_to(9)).await, Err(ManifestFailure::Superseded)));
    }
    assert!(!old.is_claimed());
    assert_eq!(newest(&store).await, (4, 2, 3));
}

#[tokio::test]
async fn a_leader_that_opens_late_and_finds_a_higher_epoch_never_writes() {
    let store = Store::memory("test").unwrap();
    open(&store, 5).await.update(cleaned_to(1)).await.unwrap();
    let late = open(&store, 4).await;
    assert!(matches!(late.update(cleaned_to(9)).await, Err(ManifestFailure::Superseded)));
    assert_eq!(newest(&store).await, (1, 5, 1));
}

#[tokio::test(start_paused = true)]
async fn a_create_of_unknown_outcome_is_settled_before_anything_else_is_written() {
    for fault in [PutFault::Late, PutFault::LostAnswer, PutFault::LostRequest] {
        let inner = Store::memory("test").unwrap();
        let (store, faults) = Faults::over(&inner).unwrap();
        let log = open(&store, 1).await;
        log.update(cleaned_to(1)).await.unwrap();
        faults.next_puts([fault]);
        // Whoever asked goes away while the outcome is not known.
        assert!(timeout(Duration::from_millis(1), log.update(cleaned_to(2))).await.is_err());
        log.update(|manifest| {
            assert_eq!(manifest.cleaned_to, Offset(2), "after {fault:?}");
            cleaned_to(3)(manifest)
        })
        .await
        .unwrap();
        faults.land_late().await;
        assert_eq!(newest(&inner).await, (3, 1, 3), "after {fault:?}");
    }
}

#[tokio::test]
async fn versions_that_were_replaced_go_and_the_newest_stays() {
    let store = Store::memory("test").unwrap();
    let log = open(&store, 1).await;
    for offset in 0..20 {
        log.update(cleaned_to(offset)).await.unwrap();
    }
    assert!(log.has_many_replaced());
    log.delete_replaced().await.unwrap();
    assert!(!log.has_many_replaced());
    assert!(open(&store, 1).await.has_many_replaced(), "a new leader does not know what is left, and looks");
    let sequence = store.sequence(SequenceName::Manifest { topic: ID.topic, partition: ID.partition });
    let there: Vec<u64> = sequence.list_from(0).await.unwrap().into_keys().collect();
    assert_eq!(there, [17, 18, 19, 20]);
    // A create that arrives at a number that is free again is not the newest, and nobody takes it for that.
    let late = open(&store, 1).await;
    open(&store, 2).await.update(cleaned_to(50)).await.unwrap();
    log.delete_replaced().await.unwrap();
    assert!(!late.is_newest().await.unwrap());
    assert_eq!(newest(&store).await, (22, 2, 50));
    assert_eq!(sequence.list_from(0).await.unwrap().len(), 6, "a leader that was superseded deletes nothing");
}
