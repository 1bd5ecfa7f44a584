//! The suite that every store passes.

use broker_store::{Store, conformance};

#[tokio::test(start_paused = true)]
async fn memory_conforms() {
    let store = Store::memory("orders").unwrap();
    let passed = conformance::run(&store).await.unwrap();
    assert!(passed.len() >= 13, "{passed:?}");
}

#[tokio::test]
async fn a_directory_conforms() {
    let directory = tempfile::tempdir().unwrap();
    let store = Store::directory(directory.path(), "orders").unwrap();
    conformance::run(&store).await.unwrap();
}

#[tokio::test]
async fn a_directory_keeps_what_was_created_when_it_is_opened_again() {
    use broker_store::{Filled, Frozen, Patience, SequenceName};

    let directory = tempfile::tempdir().unwrap();
    let content = Frozen::shared("kept".into());
    for _ in 0..2 {
        let store = Store::directory(directory.path(), "orders").unwrap();
        let filled = store.sequence(SequenceName::MetaLog).fill(0, &content, Patience::forever()).await.unwrap();
        assert_eq!(filled, Filled::Mine);
    }
}

#[tokio::test]
async fn clusters_in_one_bucket_do_not_see_each_other() {
    use broker_store::{Frozen, Patience, Prefix, SequenceName};

    let orders = Store::memory("orders").unwrap();
    let other = orders.clone().with_cluster("orders2").unwrap();
    let content = Frozen::shared("mine".into());
    orders.sequence(SequenceName::MetaLog).fill(0, &content, Patience::forever()).await.unwrap();
    assert!(other.list(Prefix::Cluster).await.unwrap().is_empty());
    assert_eq!(orders.list(Prefix::Cluster).await.unwrap().len(), 1);
}
