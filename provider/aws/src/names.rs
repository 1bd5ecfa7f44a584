//! Every name that Ringfence gives to something in AWS, derived from the cluster's name.
//!
//! Invariant: names are a pure function of (cluster, account, region, partition), so that a create that was killed
//! finds its object again, and so that keys and endpoints can name what does not exist yet.

use std::collections::BTreeMap;

use tfplugin_rs::{Function, FunctionError, Signature, value::Type};
use thiserror::Error;

use crate::{limits, partition::Partition};

/// Stands for the account id where it is not known, in templates and facts.
pub const ACCOUNT_SYMBOL: &str = "${account}";

/// Where names and ARNs are made: partition, region, account.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Scope {
    /// The region's partition.
    pub partition: &'static Partition,
    /// The region's name.
    pub region: String,
    /// Twelve digits, or [`ACCOUNT_SYMBOL`].
    pub account: String,
}

impl Scope {
    /// A scope in the region's own partition.
    pub fn new(region: &str, account: &str) -> Scope {
        Scope { partition: Partition::of_region(region), region: region.into(), account: account.into() }
    }

    /// The same scope with the account as a symbol.
    pub fn symbolic(&self) -> Scope {
        Scope { account: ACCOUNT_SYMBOL.into(), ..self.clone() }
    }

    /// ARN of a role (or whatever already is an ARN, unchanged).
    pub fn role_arn(&self, role: &str) -> String {
        if role.starts_with("arn:") {
            return role.into();
        }
        format!("arn:{}:iam::{}:role/{role}", self.partition, self.account)
    }

    /// ARN of an instance profile.
    pub fn instance_profile_arn(&self, profile: &str) -> String {
        format!("arn:{}:iam::{}:instance-profile/{profile}", self.partition, self.account)
    }

    /// The account as a principal; as `aws:PrincipalArn` it is the root user alone.
    pub fn root_arn(&self) -> String {
        format!("arn:{}:iam::{}:root", self.partition, self.account)
    }

    /// ARN of a bucket.
    pub fn bucket_arn(&self, bucket: &str) -> String {
        format!("arn:{}:s3:::{bucket}", self.partition)
    }

    /// ARN of the objects of a bucket under a prefix (`*` for all of them).
    pub fn objects_arn(&self, bucket: &str, pattern: &str) -> String {
        format!("arn:{}:s3:::{bucket}/{pattern}", self.partition)
    }

    /// ARN of a log group, without the trailing `:*`.
    pub fn log_group_arn(&self, name: &str) -> String {
        format!("arn:{}:logs:{}:{}:log-group:{name}", self.partition, self.region, self.account)
    }
}

/// The names of one cluster.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Names {
    /// The bucket of records: `wal/` and `data/`.
    pub data_bucket: String,
    /// The bucket of metadata: `meta/ live/ packages/ audit/ secret/`.
    pub metadata_bucket: String,
    /// The bucket of service logs.
    pub logs_bucket: String,
    /// The brokers' role and their instance profile.
    pub broker_role: String,
    /// The brokers' log group.
    pub log_group: String,
    cluster: String,
}

impl Names {
    /// The names of `cluster` in `scope`.
    pub fn new(cluster: &str, scope: &Scope) -> Names {
        let Scope { region, account, .. } = scope;
        Names {
            data_bucket: format!("{cluster}-data-{account}-{region}"),
            metadata_bucket: format!("{cluster}-metadata-{account}-{region}"),
            logs_bucket: format!("{cluster}-logs-{account}-{region}"),
            broker_role: broker_role(cluster),
            log_group: log_group(cluster),
            cluster: cluster.into(),
        }
    }

    /// All of them by key, as the function `names` returns them.
    pub fn entries(&self) -> BTreeMap<&'static str, String> {
        BTreeMap::from([
            ("data_bucket", self.data_bucket.clone()),
            ("metadata_bucket", self.metadata_bucket.clone()),
            ("logs_bucket", self.logs_bucket.clone()),
            ("broker_role", self.broker_role.clone()),
            ("instance_profile", self.broker_role.clone()),
            ("log_group", self.log_group.clone()),
            ("data_key_alias", key_alias(&self.cluster, "data")),
            ("metadata_key_alias", key_alias(&self.cluster, "metadata")),
        ])
    }
}

/// The brokers' role.
pub fn broker_role(cluster: &str) -> String {
    format!("ringfence-{cluster}-broker")
}

/// The brokers' log group.
pub fn log_group(cluster: &str) -> String {
    format!("/ringfence/{cluster}/broker")
}

/// Alias of the key with this purpose.
pub fn key_alias(cluster: &str, purpose: &str) -> String {
    format!("alias/ringfence-{cluster}-{purpose}")
}

/// Launch template, security group and log stream prefix of a broker group.
pub fn broker_group(cluster: &str, group: &str) -> String {
    format!("ringfence-{cluster}-{group}")
}

/// The auto scaling group of a broker group in one zone.
pub fn auto_scaling_group(cluster: &str, group: &str, zone: &str) -> String {
    format!("{}-{zone}", broker_group(cluster, group))
}

/// `provider::ringfence::names(cluster, account, region)`.
#[derive(Debug)]
pub(crate) struct NamesFunction;

impl Function for NamesFunction {
    type Args = (String, String, String);
    type Output = BTreeMap<&'static str, String>;
    const NAME: &'static str = "names";

    fn signature(&self) -> Signature {
        Signature::new("All names that are derived from a cluster's name.", Type::map(Type::String))
            .parameter("cluster", Type::String, "The cluster's name.")
            .parameter("account", Type::String, "The account's id.")
            .parameter("region", Type::String, "The region's name.")
    }

    fn call(&self, (cluster, account, region): Self::Args) -> Result<Self::Output, FunctionError> {
        check_cluster_name(&cluster).map_err(|e| FunctionError::new(e.to_string()).at(0))?;
        Ok(Names::new(&cluster, &Scope::new(&region, &account)).entries())
    }
}

/// Why a string cannot be a cluster's name.
#[derive(Debug, Error, PartialEq, Eq)]
#[error(
    "a cluster name has {min} to {max} characters, lower-case letters, digits and single hyphens, begins with a letter \
     and ends with a letter or digit; {found:?} does not",
    min = limits::CLUSTER_NAME_MIN,
    max = limits::CLUSTER_NAME_MAX
)]
pub struct BadClusterName {
    found: String,
}

/// Checks a cluster's name: it becomes part of bucket names, which S3 restricts most.
///
/// # Errors
/// [`BadClusterName`] when a derived name could be refused by AWS.
pub fn check_cluster_name(name: &str) -> Result<(), BadClusterName> {
    let length = (limits::CLUSTER_NAME_MIN..=limits::CLUSTER_NAME_MAX).contains(&name.len());
    let first = name.starts_with(|c: char| c.is_ascii_lowercase());
    let last = name.ends_with(|c: char| c.is_ascii_lowercase() || c.is_ascii_digit());
    let all = name.chars().all(|c| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '-');
    if length && first && last && all && !name.contains("--") {
        return Ok(());
    }
    Err(BadClusterName { found: name.into() })
}

/// Why a string cannot be a bucket's name.
#[derive(Debug, Error, PartialEq, Eq)]
#[error(
    "a bucket name has 3 to 63 characters, lower-case letters, digits and hyphens, and begins and ends with a letter \
     or digit; {found:?} does not"
)]
pub struct BadBucketName {
    found: String,
}

/// Checks a bucket's name by S3's rules, without dots (they break TLS on virtual hosts).
///
/// # Errors
/// [`BadBucketName`] when S3 would refuse it.
pub fn check_bucket_name(name: &str) -> Result<(), BadBucketName> {
    let edge = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit();
    let all = name.chars().all(|c| edge(c) || c == '-');
    if (3..=63).contains(&name.len()) && name.starts_with(edge) && name.ends_with(edge) && all {
        return Ok(());
    }
    Err(BadBucketName { found: name.into() })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_longest_cluster_name_still_fits_a_bucket_name_in_the_longest_region() {
        let longest = "a".repeat(limits::CLUSTER_NAME_MAX);
        let names = Names::new(&longest, &Scope::new("ap-southeast-1", "123456789012"));
        check_bucket_name(&names.metadata_bucket).unwrap();
    }

    #[test]
    fn cluster_names_that_aws_would_refuse_are_refused_here() {
        check_cluster_name("orders").unwrap();
        check_cluster_name("orders-2").unwrap();
        for bad in ["", "ab", "Orders", "orders-", "-orders", "or--ders", "2orders", "or_ders", &"a".repeat(25)] {
            assert!(check_cluster_name(bad).is_err(), "{bad}");
        }
    }

    #[test]
    fn names_are_a_function_of_the_cluster_and_the_scope() {
        let names = Names::new("orders", &Scope::new("eu-central-1", "123456789012"));
        expect_test::expect![[r#"
            {
              "broker_role": "ringfence-orders-broker",
              "data_bucket": "orders-data-123456789012-eu-central-1",
              "data_key_alias": "alias/ringfence-orders-data",
              "instance_profile": "ringfence-orders-broker",
              "log_group": "/ringfence/orders/broker",
              "logs_bucket": "orders-logs-123456789012-eu-central-1",
              "metadata_bucket": "orders-metadata-123456789012-eu-central-1",
              "metadata_key_alias": "alias/ringfence-orders-metadata"
            }"#]]
        .assert_eq(&serde_json::to_string_pretty(&names.entries()).unwrap());
    }
}
