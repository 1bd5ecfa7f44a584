//! KMS keys: who manages and uses them, whether they rotate, what they are made of.

use serde::{Deserialize, Serialize};

use super::{fact::Fact, origin::Origin, verdict::Reason};

/// A KMS key.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Key {
    /// Where it was found.
    pub origin: Origin,
    /// Its ARN.
    pub arn: Fact<String>,
    /// Its identifier alone.
    pub id: Fact<String>,
    /// The account that owns it.
    pub account: Fact<String>,
    /// Where it lives.
    pub region: Fact<String>,
    /// Names that point at it, with `alias/`.
    pub aliases: Vec<Fact<String>>,
    /// Whose key it is, and of what material.
    pub model: Fact<KeyModel>,
    /// `ENCRYPT_DECRYPT` or `SIGN_VERIFY`.
    pub usage: Fact<String>,
    /// Whether it can be used.
    pub enabled: Fact<bool>,
    /// Days between rotations; none when it does not rotate.
    pub rotation_days: Fact<Option<u64>>,
    /// Days between deletion and its effect.
    pub deletion_days: Fact<u64>,
    /// Whether other regions may hold replicas.
    pub multi_region: Fact<bool>,
    /// Its policy.
    pub policy: Fact<String>,
    /// Grants that were found.
    pub grants: Vec<Grant>,
    /// Whether others may exist that were not read.
    pub more_grants: Option<Reason>,
    /// What it is for (`data`, `metadata`, `volume`, ...) and the cluster, for our own resource.
    pub of_cluster: Option<(String, String)>,
}

/// Whose key, of what material. Never shortened to "customer managed" where the material is not.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum KeyModel {
    /// AWS manages policy and material.
    AwsManaged,
    /// The customer manages the policy, KMS made the material.
    CustomerManaged,
    /// The customer made the material.
    Imported,
    /// A CloudHSM cluster of the customer.
    CloudHsm,
    /// An external key store.
    External,
}

/// A grant: use of the key that no policy shows.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Grant {
    /// Where it was found.
    pub origin: Origin,
    /// Who may use it.
    pub grantee: Fact<String>,
    /// Who may retire it.
    pub retiring: Option<Fact<String>>,
    /// `Decrypt`, `GenerateDataKey`, ...
    pub operations: Fact<Vec<String>>,
    /// Encryption context that narrows it, as JSON.
    pub constraints: Option<Fact<String>>,
}

impl KeyModel {
    /// Its name in contracts and reports.
    pub fn name(self) -> &'static str {
        match self {
            KeyModel::AwsManaged => "aws_managed",
            KeyModel::CustomerManaged => "customer_managed",
            KeyModel::Imported => "imported",
            KeyModel::CloudHsm => "cloud_hsm",
            KeyModel::External => "external",
        }
    }
}
