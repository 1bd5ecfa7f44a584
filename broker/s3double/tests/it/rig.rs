//! A double and a store of the broker's on it.

use std::sync::Arc;

use broker_s3double::{Double, Settings};
use broker_store::{AccessKeys, Credentials, Incarnation, S3Config, Sequence, SequenceName, Store};

pub(crate) struct Rig {
    pub(crate) double: Double,
    pub(crate) store: Store,
}

impl Rig {
    pub(crate) async fn start() -> Self {
        Self::with(Settings::immediate("data"), "secret").await
    }

    pub(crate) async fn with(settings: Settings, secret: &str) -> Self {
        let bucket = settings.buckets[0].clone();
        let double = Double::start("127.0.0.1:0", "127.0.0.1:0", settings).await.unwrap();
        let keys = AccessKeys { id: "AKIDEXAMPLE".to_owned(), secret: secret.to_owned(), token: None };
        let config = S3Config {
            bucket,
            prefix: None,
            region: "us-east-1".to_owned(),
            endpoint: Some(double.endpoint().parse().unwrap()),
            kms_key_id: Some("arn:aws:kms:us-east-1:111122223333:key/k".to_owned()),
            actor: Some("AROAEXAMPLE:i-0abc".to_owned()),
            credentials: Credentials::Custom(Arc::new(move || {
                let keys = keys.clone();
                Box::pin(async move { Ok(keys) })
            })),
        };
        Self { double, store: Store::s3(&config, "orders").unwrap() }
    }

    /// The write-ahead log of a broker.
    pub(crate) fn wal(&self, broker: i32) -> Sequence {
        self.store.sequence(SequenceName::Wal(Incarnation { broker, epoch: 1 }))
    }
}
