//! The suite that every store passes.

use broker_store::{Store, conformance};

#[tokio::test(start_paused = true)]
async fn memory_conforms() {
    let store = Store::memory("orders").unwrap();
    let passed = conformance::run(&store).await.unwrap();
    assert!(passed.len() >= 18, "{passed:?}");
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
