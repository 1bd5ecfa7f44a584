//! Markers: which cluster a bucket belongs to.

use std::fmt;

use broker_store::{Filled, Frozen, Key, Patience, Store, StoreError, Unfilled};
use bytes::Bytes;
use serde::{Deserialize, Serialize};
use thiserror::Error;
use uuid::Uuid;

use crate::limits::PROPOSE_TIME_MAX;

/// Which of the two buckets.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum MarkedBucket {
    /// Holds records; marked by the first broker.
    Data,
    /// Holds the metadata; marked when the cluster is created.
    Metadata,
}

impl fmt::Display for MarkedBucket {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Data => "data",
            Self::Metadata => "metadata",
        })
    }
}

/// What a bucket's marker says.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Marker {
    /// The cluster that the bucket belongs to.
    pub cluster_id: Uuid,
}

/// A marker cannot be read or made.
#[derive(Debug, Error)]
pub enum MarkerError {
    /// The bucket belongs to somebody else; nothing was written.
    #[error(
        "the {bucket} bucket belongs to cluster {found}, not to {wanted}: check the configured cluster id and bucket, or \
         use an empty bucket or another cluster name"
    )]
    OtherCluster {
        /// Which bucket.
        bucket: MarkedBucket,
        /// Whose it is.
        found: Uuid,
        /// Whose it should be.
        wanted: Uuid,
    },
    /// An object stands in the marker's place.
    #[error("the {bucket} bucket's marker is not readable: {detail}")]
    Unreadable {
        /// Which bucket.
        bucket: MarkedBucket,
        /// What is wrong.
        detail: String,
    },
    /// The marker could not be read.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// The marker could not be made.
    #[error(transparent)]
    Unfilled(#[from] Unfilled),
}

impl Marker {
    /// Reads a bucket's marker; none if the bucket belongs to nobody.
    ///
    /// # Errors
    /// [`MarkerError`].
    pub async fn read(store: &Store, bucket: MarkedBucket) -> Result<Option<Self>, MarkerError> {
        match store.get(&key(bucket)).await? {
            Some(bytes) => Ok(Some(parse(&bytes, bucket)?)),
            None => Ok(None),
        }
    }

    /// Claims a bucket for a cluster; does nothing if it is the cluster's already. For the data bucket this is what the
    /// first broker does.
    ///
    /// # Errors
    /// [`MarkerError`].
    pub async fn claim(store: &Store, bucket: MarkedBucket, cluster_id: Uuid) -> Result<(), MarkerError> {
        if let Some(marker) = Self::read(store, bucket).await? {
            return marker.check(bucket, cluster_id);
        }
        let text = format!("{{\"cluster_id\":\"{cluster_id}\"}}\n");
        let content = Frozen::shared(Bytes::from(text));
        match store.fill(&key(bucket), &content, Patience::bounded(PROPOSE_TIME_MAX)).await? {
            Filled::Mine => Ok(()),
            Filled::Other(bytes) => parse(&bytes, bucket)?.check(bucket, cluster_id),
        }
    }

    /// Whether the bucket is the cluster's.
    ///
    /// # Errors
    /// [`MarkerError::OtherCluster`].
    pub fn check(self, bucket: MarkedBucket, wanted: Uuid) -> Result<(), MarkerError> {
        if self.cluster_id == wanted {
            return Ok(());
        }
        Err(MarkerError::OtherCluster { bucket, found: self.cluster_id, wanted })
    }
}

fn key(bucket: MarkedBucket) -> Key {
    match bucket {
        MarkedBucket::Data => Key::DataMarker,
        MarkedBucket::Metadata => Key::MetaMarker,
    }
}

fn parse(bytes: &[u8], bucket: MarkedBucket) -> Result<Marker, MarkerError> {
    serde_json::from_slice(bytes).map_err(|e| MarkerError::Unreadable { bucket, detail: e.to_string() })
}
