//! The suite that every store passes.

use broker_store::{Store, conformance};

#[tokio::test(start_paused = true)]
async fn memory_conforms() {
    let store = Store::memory("orders").unwrap();
    let passed = conformance::run(&store).await.unwrap();
    assert!(passed.len() >= 18, "{passed:?}");
}

#[tokio::test(start_paused = true)]
async fn a_create_that_hangs_is_repeated_long_before_its_time_is_over() {
    use broker_store::faults::{Faults, PutFault};
    use broker_store::{Filled, Frozen, Patience, SequenceName};

    let store = Store::memory("orders").unwrap();
    let (faulty, faults) = Faults::over(&store).unwrap();
    let log = faulty.sequence(SequenceName::MetaLog);
    let content = Frozen::shared("entry".into());
    for seq in 0..100 {
        log.fill(seq, &content, Patience::forever()).await.unwrap();
    }
    let begun = tokio::time::Instant::now();
    for (seq, fault) in [(100, PutFault::Hung), (101, PutFault::HungAndDone)] {
        faults.next_puts([fault]);
        assert_eq!(log.fill(seq, &content, Patience::forever()).await.unwrap(), Filled::Mine);
    }
    assert!(begun.elapsed() < std::time::Duration::from_millis(100), "{:?}", begun.elapsed());
    assert_eq!(faulty.counts().hedges, 2);
    // Asked for less, it waits for the answer that there is.
    faults.next_puts([PutFault::Throttled, PutFault::Hung]);
    assert_eq!(log.fill(102, &content, Patience::forever()).await.unwrap(), Filled::Mine);
    assert_eq!(faulty.counts().hedges, 2);
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

/// Set `RINGFENCE_TEST_S3=http://HOST:PORT/BUCKET` to run the suite against a server that speaks S3.
#[tokio::test]
async fn s3_conforms_where_a_bucket_is_given() {
    use broker_store::{AccessKeys, Credentials, S3Config};

    #[expect(clippy::disallowed_methods, reason = "a test's own switch")]
    let Ok(given) = std::env::var("RINGFENCE_TEST_S3") else {
        println!("skipped: RINGFENCE_TEST_S3 is not set");
        return;
    };
    let (endpoint, bucket) = given.rsplit_once('/').unwrap();
    let keys = AccessKeys { id: "test".to_owned(), secret: "test".to_owned(), token: None };
    let config = S3Config {
        bucket: bucket.to_owned(),
        prefix: Some("conformance/run".to_owned()),
        region: "us-east-1".to_owned(),
        endpoint: Some(endpoint.parse().unwrap()),
        kms_key_id: None,
        actor: Some("AROAEXAMPLE:i-0abc".to_owned()),
        credentials: Credentials::Custom(std::sync::Arc::new(move || {
            let keys = keys.clone();
            Box::pin(async move { Ok(keys) })
        })),
    };
    let store = Store::s3(&config, "orders").unwrap();
    conformance::run(&store).await.unwrap();
    println!("{:?}", store.counts());
}
