//! Brokers that stop, or crash, and come back.

use broker_engine::store::Store;

use crate::support::*;

#[tokio::test(start_paused = true)]
async fn a_broker_that_stopped_comes_back_with_everything() {
    let stores = memory();
    let mut all = Vec::new();
    for life in 0..4 {
        let engine = start("a", &stores).await;
        if life == 0 {
            create_topic(&engine, 2).await;
        }
        assert_eq!(read_all(&engine, 1).await, numbered(&all));
        for _ in 0..5 {
            let new = values(all.len(), 2);
            let base = patiently(|| produce(&engine, 1, batch(&new))).await;
            assert_eq!(usize::try_from(base), Ok(all.len()));
            all.extend(new);
        }
        engine.stop().await;
    }
}

#[tokio::test(start_paused = true)]
async fn a_broker_that_crashed_comes_back_with_everything_it_acknowledged() {
    let stores = memory();
    let mut all = Vec::new();
    let mut epochs = Vec::new();
    for life in 0..4 {
        let engine = start("a", &stores).await;
        if life == 0 {
            create_topic(&engine, 2).await;
        }
        assert_eq!(read_all(&engine, 1).await, numbered(&all));
        epochs.push(engine.leader(&topic(), 1).unwrap().leader_epoch);
        for _ in 0..5 {
            let new = values(all.len(), 2);
            patiently(|| produce(&engine, 1, batch(&new))).await;
            all.extend(new);
        }
        engine.kill().await;
    }
    assert!(epochs.is_sorted_by(|a, b| a < b), "{epochs:?}");
}

#[tokio::test]
async fn a_directory_keeps_everything_too() {
    let directory = tempfile::tempdir().unwrap();
    let mut all = Vec::new();
    for life in 0..3 {
        let stores = both(Store::directory(directory.path(), "test").unwrap());
        let engine = start("a", &stores).await;
        if life == 0 {
            create_topic(&engine, 1).await;
        }
        assert_eq!(read_all(&engine, 0).await, numbered(&all));
        for _ in 0..5 {
            let new = values(all.len(), 3);
            patiently(|| produce(&engine, 0, batch(&new))).await;
            all.extend(new);
        }
        if life == 1 {
            engine.kill().await;
        } else {
            engine.stop().await;
        }
    }
}

#[tokio::test(start_paused = true)]
async fn sequence_numbers_survive_a_crash() {
    let stores = memory();
    let engine = start("a", &stores).await;
    create_topic(&engine, 1).await;
    assert_eq!(produce(&engine, 0, sequenced(7, 0, &values(0, 3))).await, Ok(0));
    engine.kill().await;
    let engine = start("a", &stores).await;
    assert_eq!(patiently(|| produce(&engine, 0, sequenced(7, 0, &values(0, 3)))).await, 0);
    assert_eq!(patiently(|| produce(&engine, 0, sequenced(7, 3, &values(3, 3)))).await, 3);
    assert_eq!(read_all(&engine, 0).await, numbered(&values(0, 6)));
    engine.stop().await;
}

#[tokio::test]
async fn a_broker_refuses_the_buckets_of_another_cluster() {
    let stores = memory();
    start("a", &stores).await.stop().await;
    let mut wrong = config("a");
    wrong.cluster_id = Some(uuid::Uuid::from_u128(1));
    let refused = broker_engine::Engine::start(wrong, stores.clone(), network(), broker_engine::Env::system()).await;
    assert!(matches!(refused, Err(broker_engine::StartError::WrongCluster(_))), "{refused:?}");
    let mixed = broker_engine::Stores { data: stores.data, metadata: Store::memory("test").unwrap() };
    let refused = broker_engine::Engine::start(config("a"), mixed, network(), broker_engine::Env::system()).await;
    assert!(matches!(refused, Err(broker_engine::StartError::WrongCluster(_))), "{refused:?}");
}
