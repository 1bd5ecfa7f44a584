//! The Kafka side: clusters, topics, access lists, users, as Terraform declares them.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use super::{fact::Fact, origin::Origin};

/// A cluster.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Cluster {
    /// Where it was found.
    pub origin: Origin,
    /// Its name.
    pub name: Fact<String>,
    /// Bucket of records.
    pub data_bucket: Fact<String>,
    /// Bucket of metadata.
    pub metadata_bucket: Fact<String>,
}

/// A topic.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Topic {
    /// Where it was found.
    pub origin: Origin,
    /// Its cluster.
    pub cluster: Fact<String>,
    /// Its name.
    pub name: Fact<String>,
    /// Partitions.
    pub partitions: Fact<u64>,
    /// Who answers for it.
    pub owner: Fact<String>,
    /// What it holds.
    pub classification: Fact<String>,
    /// Milliseconds; -1 for ever.
    pub retention_ms: Fact<i64>,
    /// Whether it is protected from deletion.
    pub deletion_protection: Fact<bool>,
    /// Further settings.
    pub configs: Fact<BTreeMap<String, String>>,
}

/// One entry of the access list.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Acl {
    /// Where it was found.
    pub origin: Origin,
    /// Its cluster.
    pub cluster: Fact<String>,
    /// `User:orders`.
    pub principal: Fact<String>,
    /// `topic:payments`, `group:*`, `cluster`.
    pub resource: Fact<String>,
    /// `read`, `write`, `alter`, ...
    pub operations: Fact<Vec<String>>,
    /// Whether it admits or refuses.
    pub allows: Fact<bool>,
    /// The last day or moment, RFC 3339.
    pub expires: Option<Fact<String>>,
    /// Why.
    pub reason: Option<Fact<String>>,
}
