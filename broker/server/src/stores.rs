//! Opens the stores that the configuration names.

use broker_engine::Stores;
use broker_engine::store::{self, OpenStoreError, S3Config, Store};

use crate::config::{Bucket, Config, Credentials, S3Storage, Storage};

/// Opens both; makes no request.
pub(crate) fn open(config: &Config) -> Result<Stores, OpenStoreError> {
    match &config.storage {
        Storage::Memory => Ok(both(Store::memory(&config.cluster)?)),
        Storage::Directory(path) => Ok(both(Store::directory(path, &config.cluster)?)),
        Storage::S3(storage) => Ok(Stores {
            data: Store::s3(&bucket(storage, &storage.data), &config.cluster)?,
            metadata: Store::s3(&bucket(storage, &storage.metadata), &config.cluster)?,
        }),
    }
}

fn both(store: Store) -> Stores {
    Stores { data: store.clone(), metadata: store }
}

fn bucket(storage: &S3Storage, bucket: &Bucket) -> S3Config {
    S3Config {
        bucket: bucket.bucket.clone(),
        prefix: Some(storage.prefix.clone()).filter(|prefix| !prefix.is_empty()),
        region: storage.region.clone(),
        endpoint: storage.endpoint.clone(),
        kms_key_id: bucket.kms_key_id.clone(),
        actor: storage.actor.clone(),
        credentials: match storage.credentials {
            Credentials::Environment => store::Credentials::Environment,
            Credentials::Instance => store::Credentials::Instance,
        },
    }
}
