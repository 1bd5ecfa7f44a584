//! Where data lies: buckets and their doors, log groups, volumes, secrets, topics of notifications.

use serde::{Deserialize, Serialize};

use super::{fact::Fact, origin::Origin, verdict::Reason};

/// An S3 bucket.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Bucket {
    /// Where it was found.
    pub origin: Origin,
    /// Its name.
    pub name: Fact<String>,
    /// Its ARN.
    pub arn: Fact<String>,
    /// The account that owns it.
    pub account: Fact<String>,
    /// Where it lies.
    pub region: Fact<String>,
    /// Default encryption.
    pub encryption: Fact<Encryption>,
    /// Versions of objects.
    pub versioning: Fact<Versioning>,
    /// `BucketOwnerEnforced` switches access lists off.
    pub ownership: Fact<String>,
    /// Public access block of the bucket; the account's is [`super::world::World::account_public_access`].
    pub public_access: Fact<PublicAccess>,
    /// Canned access list or grants that are not the owner's, as texts (`public-read`, `READ http://...AllUsers`).
    pub acl: Fact<Vec<String>>,
    /// Its policy; none when it has none.
    pub policy: Option<Fact<String>>,
    /// Lifecycle rules.
    pub lifecycle: Fact<Vec<LifecycleRule>>,
    /// Copies to other buckets.
    pub replication: Fact<Vec<Replication>>,
    /// Object lock, when it is on.
    pub object_lock: Fact<Option<ObjectLock>>,
    /// Bucket that gets the access log.
    pub access_log: Fact<Option<String>>,
    /// ARNs told of every new object.
    pub notifications: Fact<Vec<String>>,
    /// Whether Terraform deletes it with its objects.
    pub force_destroy: Fact<bool>,
    /// The cluster it belongs to and its role in it (`data`, `metadata`, `logs`), for our own resource.
    pub of_cluster: Option<(String, String)>,
}

/// Default encryption of a bucket.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub struct Encryption {
    /// `aws:kms`, `aws:kms:dsse` or `AES256`.
    pub algorithm: Fact<String>,
    /// Key ARN, id or alias as configured; none for the key AWS manages.
    pub key: Option<Fact<String>>,
    /// Whether S3 derives bucket keys.
    pub bucket_key: Fact<bool>,
}

/// Whether overwritten and deleted objects stay readable.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Versioning {
    /// Never switched on.
    Disabled,
    /// On.
    Enabled,
    /// Was on: old versions stay.
    Suspended,
}

/// The four switches.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub struct PublicAccess {
    /// New public access lists are refused.
    pub block_public_acls: Fact<bool>,
    /// New public policies are refused.
    pub block_public_policy: Fact<bool>,
    /// Public access lists are ignored.
    pub ignore_public_acls: Fact<bool>,
    /// Public policies admit only the account and AWS services.
    pub restrict_public_buckets: Fact<bool>,
}

/// One lifecycle rule.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub struct LifecycleRule {
    /// Its name.
    pub id: String,
    /// Whether it is applied.
    pub enabled: Fact<bool>,
    /// Objects under this prefix; empty for all.
    pub prefix: Fact<String>,
    /// Whether tags or sizes narrow it further.
    pub narrowed: bool,
    /// Current versions go after this many days.
    pub expiration_days: Option<Fact<u64>>,
    /// Current versions go on this day.
    pub expiration_date: Option<String>,
    /// Noncurrent versions go after this many days.
    pub noncurrent_days: Option<Fact<u64>>,
    /// Unfinished uploads go after this many days.
    pub abort_uploads_days: Option<Fact<u64>>,
    /// Other storage classes: days and class.
    pub transitions: Vec<(Fact<u64>, String)>,
}

/// One replication rule.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub struct Replication {
    /// Its name.
    pub id: String,
    /// Whether it is applied.
    pub enabled: Fact<bool>,
    /// Objects under this prefix; empty for all.
    pub prefix: Fact<String>,
    /// ARN of the other bucket.
    pub destination: Fact<String>,
    /// Account of the other bucket, where the rule names it.
    pub account: Option<Fact<String>>,
    /// Key of the copies.
    pub key: Option<Fact<String>>,
    /// The role that copies.
    pub role: Fact<String>,
}

/// Object lock.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub struct ObjectLock {
    /// Default mode and days, where there are some.
    pub default: Option<(String, u64)>,
}

/// A second door to a bucket.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct AccessPoint {
    /// Where it was found.
    pub origin: Origin,
    /// `access point`, `multi-region access point`, `object lambda`, `access grant`.
    pub kind: String,
    /// Its name.
    pub name: Fact<String>,
    /// The bucket behind it.
    pub bucket: Fact<String>,
    /// The only VPC that may use it.
    pub vpc: Option<Fact<String>>,
    /// Its policy.
    pub policy: Option<Fact<String>>,
}

/// A CloudWatch log group.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct LogGroup {
    /// Where it was found.
    pub origin: Origin,
    /// Its name.
    pub name: Fact<String>,
    /// Its ARN, without `:*`.
    pub arn: Fact<String>,
    /// The account that owns it.
    pub account: Fact<String>,
    /// Where it lies.
    pub region: Fact<String>,
    /// Its key; none for CloudWatch's own.
    pub key: Option<Fact<String>>,
    /// Days; none for ever.
    pub retention_days: Fact<Option<u64>>,
    /// Who gets a copy of every line.
    pub subscriptions: Vec<Subscription>,
    /// Whether others may exist that were not read.
    pub more_subscriptions: Option<Reason>,
}

/// A copy of a log group's lines to somewhere else.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Subscription {
    /// Where it was found.
    pub origin: Origin,
    /// ARN of the stream, function or cross-account destination.
    pub destination: Fact<String>,
    /// Which lines; empty for all.
    pub pattern: Fact<String>,
}

/// A volume that an instance or a launch template brings.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub struct Volume {
    /// Device name; `root` when not said.
    pub device: String,
    /// Whether it is encrypted.
    pub encrypted: Fact<bool>,
    /// Its key; none for the account's default key.
    pub key: Option<Fact<String>>,
    /// Whether it goes with its instance.
    pub delete_on_termination: Fact<bool>,
    /// GiB.
    pub size_gib: Fact<Option<u64>>,
    /// Whether it is an instance store.
    pub ephemeral: bool,
}

/// A copy of a volume, or a machine image.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Copy {
    /// Where it was found.
    pub origin: Origin,
    /// `snapshot`, `image`, `backup plan`, `backup selection`, `backup vault`.
    pub kind: String,
    /// What it copies.
    pub of: Fact<String>,
    /// Its key.
    pub key: Option<Fact<String>>,
    /// Days kept; none for ever.
    pub retention_days: Fact<Option<u64>>,
    /// Accounts and regions it goes to besides its own.
    pub copied_to: Fact<Vec<String>>,
}

/// A secret or a parameter.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Secret {
    /// Where it was found.
    pub origin: Origin,
    /// Its name.
    pub name: Fact<String>,
    /// Its ARN.
    pub arn: Fact<String>,
    /// Its key; none for the key AWS manages.
    pub key: Option<Fact<String>>,
    /// Its policy.
    pub policy: Option<Fact<String>>,
    /// Regions it is copied to.
    pub replicas: Fact<Vec<String>>,
}

/// An SNS topic or an SQS queue: where detectors report to.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Mailbox {
    /// Where it was found.
    pub origin: Origin,
    /// Its ARN.
    pub arn: Fact<String>,
    /// Its key.
    pub key: Option<Fact<String>>,
    /// Its policy.
    pub policy: Option<Fact<String>>,
    /// Who gets the messages: `PROTOCOL ENDPOINT`.
    pub subscribers: Vec<Fact<String>>,
}
