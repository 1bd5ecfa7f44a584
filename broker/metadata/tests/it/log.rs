//! The log in the bucket.

use std::sync::Arc;
use std::time::Duration;

use broker_metadata::store::{Frozen, Key, Patience, Prefix, SequenceName, Store};
use broker_metadata::{
    Applied, BootReport, Bootstrap, BootstrapError, CONSUMER_OFFSETS, Change, LiveObject, LogOptions, MarkedBucket,
    Marker, MarkerError, MetadataLog, OpenError, ReadError,
};
use object_store::throttle::{ThrottleConfig, ThrottledStore};
use tokio::time::Instant;
use uuid::Uuid;

use crate::world::{CLUSTER, command, create_topic, register};

async fn cluster() -> Store {
    let store = Store::memory("orders").unwrap();
    Bootstrap::new(CLUSTER, "test", 0).run(&store, LogOptions::new("bootstrap", 1)).await.unwrap();
    store
}

async fn open(store: &Store, seed: u64) -> MetadataLog {
    MetadataLog::open(store, LogOptions::new(&format!("process {seed}"), seed)).await.unwrap()
}

#[tokio::test(start_paused = true)]
async fn bootstrap_is_done_once_and_refused_for_another_cluster() {
    let store = cluster().await;
    Bootstrap::new(CLUSTER, "test", 1).run(&store, LogOptions::new("again", 2)).await.unwrap();
    let other = Bootstrap::new(Uuid::nil(), "test", 1).run(&store, LogOptions::new("other", 3)).await;
    assert!(matches!(other, Err(BootstrapError::Marker(MarkerError::OtherCluster { .. }))), "{other:?}");
    let log = open(&store, 1).await;
    assert_eq!((log.state().next_seq(), log.cluster_id()), (1, CLUSTER));
    assert!(log.state().topic_named(CONSUMER_OFFSETS).is_some());
}

#[tokio::test(start_paused = true)]
async fn a_bootstrap_that_was_cut_short_is_completed_and_not_stolen() {
    let complete = cluster().await;
    let entry = complete.get(&Key::MetaLog { seq: 0 }).await.unwrap().unwrap();
    let store = Store::memory("orders").unwrap();
    store.sequence(SequenceName::MetaLog).fill(0, &Frozen::shared(entry), Patience::forever()).await.unwrap();
    let stolen = Bootstrap::new(Uuid::nil(), "test", 0).run(&store, LogOptions::new("thief", 2)).await;
    assert!(matches!(stolen, Err(BootstrapError::OtherCluster { .. })), "{stolen:?}");
    let none = MetadataLog::open(&store, LogOptions::new("early", 3)).await;
    assert!(matches!(none, Err(OpenError::NoCluster { .. })));
    Bootstrap::new(CLUSTER, "test", 9).run(&store, LogOptions::new("second", 4)).await.unwrap();
    assert_eq!(open(&store, 5).await.state().next_seq(), 1);
}

#[tokio::test(start_paused = true)]
async fn opening_the_wrong_cluster_is_refused() {
    let store = cluster().await;
    let options = LogOptions { cluster_id: Some(Uuid::nil()), ..LogOptions::new("lost", 1) };
    let refused = MetadataLog::open(&store, options).await;
    assert!(matches!(refused, Err(OpenError::Marker(MarkerError::OtherCluster { .. }))));
    let absent = MetadataLog::open(&store.with_cluster("other").unwrap(), LogOptions::new("lost", 1)).await;
    assert!(matches!(absent, Err(OpenError::NoCluster { cluster }) if cluster == "other"));
}

#[tokio::test(start_paused = true)]
async fn the_data_bucket_is_claimed_once() {
    let store = Store::memory("orders").unwrap();
    assert_eq!(Marker::read(&store, MarkedBucket::Data).await.unwrap(), None);
    for _ in 0..2 {
        Marker::claim(&store, MarkedBucket::Data, CLUSTER).await.unwrap();
    }
    let error = Marker::claim(&store, MarkedBucket::Data, Uuid::nil()).await.unwrap_err();
    assert!(error.to_string().contains("the data bucket belongs to cluster"), "{error}");
}

#[tokio::test(start_paused = true)]
async fn readers_follow_writers() {
    let store = cluster().await;
    let (mut writer, mut reader) = (open(&store, 1).await, open(&store, 2).await);
    for n in 0..20 {
        writer.propose(vec![command(n, create_topic(&format!("topic{n}"), 1))]).await.unwrap();
    }
    assert_eq!(reader.refresh().await.unwrap().entries, 20);
    assert_eq!(reader.state(), writer.state());
    assert!(reader.confirmed_at().is_some());
}

#[tokio::test(start_paused = true)]
async fn a_proposal_on_an_old_state_is_checked_against_the_new_one() {
    let store = cluster().await;
    let (mut first, mut second) = (open(&store, 1).await, open(&store, 2).await);
    first.propose(vec![command(1, create_topic("payments", 1))]).await.unwrap();
    let results = second.propose(vec![command(2, create_topic("payments", 1)), command(3, create_topic("b", 1))]).await;
    let results = results.unwrap();
    assert!(results[0].is_err() && results[1].is_ok(), "{results:?}");
    assert_eq!(second.state().next_seq(), 3);
}

#[tokio::test(start_paused = true)]
async fn a_rejected_proposal_is_not_written() {
    let store = cluster().await;
    let mut log = open(&store, 1).await;
    let results = log.propose(vec![command(1, create_topic("a b", 1))]).await.unwrap();
    assert!(results[0].is_err());
    assert_eq!(open(&store, 2).await.state().next_seq(), 1);
}

#[tokio::test(start_paused = true)]
async fn garbage_and_foreign_entries_are_void_for_everybody() {
    let store = cluster().await;
    let mut log = open(&store, 1).await;
    let sequence = store.sequence(SequenceName::MetaLog);
    sequence.fill(1, &Frozen::shared("garbage".into()), Patience::forever()).await.unwrap();
    log.propose(vec![command(1, create_topic("payments", 1))]).await.unwrap();
    assert_eq!(log.state().next_seq(), 3);
    assert_eq!(open(&store, 2).await.state(), log.state());
}

#[tokio::test(start_paused = true)]
async fn an_entry_of_a_newer_release_stops_the_reader() {
    let store = cluster().await;
    let mut log = open(&store, 1).await;
    let mut bytes = b"RFME\x00\x09\x00\x00".to_vec();
    bytes.extend_from_slice(&crc32c::crc32c(&bytes).to_be_bytes());
    store.sequence(SequenceName::MetaLog).fill(1, &Frozen::shared(bytes.into()), Patience::forever()).await.unwrap();
    for _ in 0..2 {
        let stopped = log.refresh().await;
        assert!(matches!(stopped, Err(ReadError::NewerRelease { seq: 1, .. })), "{stopped:?}");
    }
    assert_eq!(log.state().next_seq(), 1);
}

#[tokio::test(start_paused = true)]
async fn an_entry_that_does_not_follow_the_state_stops_the_reader() {
    let store = cluster().await;
    let mut log = open(&store, 1).await;
    let entry = broker_metadata::Entry {
        cluster: CLUSTER,
        seq: 1,
        nonce: 1,
        state_before: log.state().digest(),
        predecessor: broker_metadata::Digest([9; 32]),
        writer: "forger".to_owned(),
        commands: vec![command(1, create_topic("payments", 1))],
    };
    let forged = entry.freeze().unwrap();
    store.sequence(SequenceName::MetaLog).fill(1, &forged, Patience::forever()).await.unwrap();
    assert!(matches!(log.refresh().await, Err(ReadError::Diverged { seq: 1 })));
}

#[tokio::test(start_paused = true)]
async fn a_hole_in_the_log_is_noticed() {
    let store = cluster().await;
    store.sequence(SequenceName::MetaLog).fill(2, &Frozen::shared("x".into()), Patience::forever()).await.unwrap();
    let opened = MetadataLog::open(&store, LogOptions::new("reader", 1)).await;
    assert!(matches!(opened, Err(OpenError::Read(ReadError::Missing { seq: 1 }))), "{opened:?}");
}

#[tokio::test(start_paused = true)]
async fn snapshots_are_kept_three_and_a_broken_one_is_passed_over() {
    let store = cluster().await;
    let mut log = open(&store, 1).await;
    for n in 0..5 {
        log.propose(vec![command(n, create_topic(&format!("topic{n}"), 1))]).await.unwrap();
        log.snapshot().await.unwrap();
    }
    let kept = store.list(Prefix::MetaSnapshot).await.unwrap();
    assert_eq!(kept.len(), 3);
    let broken = Key::MetaSnapshot { seq: 99 };
    store.fill(&broken, &Frozen::shared("garbage".into()), Patience::forever()).await.unwrap();
    let opened = open(&store, 2).await;
    assert_eq!(opened.state(), log.state());
    assert!(!opened.snapshot_is_due());
}

#[tokio::test(start_paused = true)]
async fn a_repeated_command_is_answered_without_a_further_entry() {
    let store = cluster().await;
    let mut log = open(&store, 1).await;
    let wish = vec![command(1, create_topic("payments", 1))];
    let first = log.propose(wish.clone()).await.unwrap();
    let mut other = open(&store, 2).await;
    assert_eq!(other.propose(wish).await.unwrap(), first);
    assert_eq!(other.state().next_seq(), 2);
}

/// What opening a log takes.
struct Opening {
    log: MetadataLog,
    gets: u64,
    lists: u64,
    /// Requests that wait for others.
    rounds: u128,
}

/// Opens a log in a store whose every answer takes as long.
async fn open_and_count(store: &Store) -> Opening {
    let answer = Duration::from_millis(100);
    let waits = ThrottleConfig { wait_get_per_call: answer, wait_list_per_call: answer, ..ThrottleConfig::default() };
    let slow = Store::over(Arc::new(ThrottledStore::new(store.objects(), waits)), store.cluster()).unwrap();
    let began = Instant::now();
    let log = open(&slow, 2).await;
    let counts = slow.counts();
    let rounds = began.elapsed().as_millis() / answer.as_millis();
    Opening { log, gets: counts.gets, lists: counts.lists, rounds }
}

#[tokio::test(start_paused = true)]
async fn two_thousand_entries_are_each_read_once_and_many_at_a_time() {
    let store = cluster().await;
    let mut log = open(&store, 1).await;
    for n in 0..2000 {
        log.propose(vec![command(n, Change::AllocateProducerIds { count: 1 })]).await.unwrap();
    }
    let opened = open_and_count(&store).await;
    assert_eq!(opened.log.state(), log.state());
    assert!(opened.log.snapshot_is_due());
    // The marker, and the number that is not there yet.
    assert_eq!((opened.gets, opened.lists), (2001 + 2, 2));
    assert!(opened.rounds < 70, "{} rounds", opened.rounds);
}

#[tokio::test(start_paused = true)]
async fn signs_of_life_and_boot_reports_are_read_back() {
    let store = cluster().await;
    let live = LiveObject {
        broker: 1,
        epoch: 7,
        beat: 1,
        written_ms: 5,
        store_age_ms: 3,
        wal_seq: 2,
        metadata_seq: 9,
        partitions_led: 4,
        version: "0.1.0".to_owned(),
        package_sha256: None,
    };
    live.write(&store).await.unwrap();
    let report = r#"{"stage": "verify", "error": "checksum", "time": 12}"#;
    store.put(&Key::Boot { instance: "i-0abc".to_owned() }, report.into()).await.unwrap();
    store.put(&Key::Boot { instance: "i-0bad".to_owned() }, "no".into()).await.unwrap();
    assert_eq!(LiveObject::read_all(&store).await.unwrap(), std::slice::from_ref(&live));
    let reports = BootReport::read_all(&store).await.unwrap();
    assert_eq!((reports.len(), reports[0].instance.as_str(), reports[0].stage.as_str()), (1, "i-0abc", "verify"));
    LiveObject::delete(&store, live.incarnation()).await.unwrap();
    assert_eq!(LiveObject::read(&store, live.incarnation()).await.unwrap(), None);
}

#[tokio::test(start_paused = true)]
async fn twenty_thousand_partitions_are_opened_from_a_snapshot_and_what_came_after_it() {
    let store = cluster().await;
    let mut log = open(&store, 1).await;
    for (number, host) in (10_u128..).zip(["a", "b", "c"]) {
        let results = log.propose(vec![command(number, Change::RegisterBroker(register(host, host)))]).await.unwrap();
        let Ok(Applied::Registered { incarnation }) = results[0] else { panic!("{results:?}") };
        log.propose(vec![command(number + 10, Change::BrokerReady { incarnation })]).await.unwrap();
    }
    for n in 0..1000 {
        let create = create_topic(&format!("topic{n}"), 20);
        log.propose(vec![command(1000 + n, create)]).await.unwrap();
    }
    assert!(log.snapshot_is_due());
    log.due_snapshot(1).unwrap().write().await.unwrap();
    // And what happens until the next one is due.
    for n in 0..500 {
        log.propose(vec![command(5000 + n, Change::AllocateProducerIds { count: 1 })]).await.unwrap();
    }
    assert!(!log.snapshot_is_due());
    let opened = open_and_count(&store).await;
    assert_eq!(opened.log.state(), log.state());
    assert_eq!(opened.log.state().all_partitions().count(), 20_000 + internal(opened.log.state()));
    // The marker, the snapshot, and the number that is not there yet.
    assert_eq!((opened.gets, opened.lists), (500 + 3, 2));
    assert!(opened.rounds < 25, "{} rounds", opened.rounds);
}

fn internal(state: &broker_metadata::State) -> usize {
    state.topics().values().filter(|topic| topic.internal).map(|topic| topic.partitions.len()).sum()
}
