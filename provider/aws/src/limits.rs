//! Every bound of the provider, with its unit and its reason.

use std::time::Duration;

/// Characters of a cluster name: a shorter one is too likely to be taken as a bucket name.
pub const CLUSTER_NAME_MIN: usize = 3;
/// Characters of a cluster name: `{cluster}-metadata-{account}-{region}` must fit the 63 of a bucket name.
pub const CLUSTER_NAME_MAX: usize = 24;

/// Bytes of raw user-data. EC2 allows 16 KiB; a quarter is left for what later versions render into it.
pub const USER_DATA_BYTES_MAX: usize = 12 * 1024;
/// Tries of one HTTP exchange while an instance boots, at most 10 s apart: a new role takes seconds to work everywhere.
pub const BOOT_ATTEMPTS: u32 = 15;
/// Bytes of a packaged broker: it is read into memory to be hashed and uploaded in one PUT.
pub const PACKAGE_BYTES_MAX: u64 = 512 * 1024 * 1024;
/// Bytes of the broker binary inside the package that are read to learn its architecture.
pub const ELF_HEADER_BYTES: usize = 20;

/// Requests made to delete the contents of a bucket before it is given up: 1,000 objects each.
pub const PURGE_PAGES_MAX: usize = 10_000;
/// Pages of any other list call, 100 to 1,000 entries each: more than any account has.
pub const LIST_PAGES_MAX: usize = 1_000;
/// Attempts of one AWS call unless the provider block says otherwise.
pub const ATTEMPTS: u32 = 5;
/// Most attempts the provider block may ask for.
pub const ATTEMPTS_MAX: u32 = 50;
/// Time to connect to an AWS endpoint before the attempt counts as failed.
pub const CONNECT_TIMEOUT: Duration = Duration::from_secs(5);
/// Time for one attempt of an AWS call, uploads included.
pub const ATTEMPT_TIMEOUT: Duration = Duration::from_secs(60);

/// Time that a wait for AWS to reach a state may take.
pub const WAIT: Duration = Duration::from_secs(600);
/// Time that IAM may take until a new role can be used, measured by AWS's own guides as "a few seconds".
pub const IAM_PROPAGATION: Duration = Duration::from_secs(120);

/// Partitions of one topic.
pub const PARTITIONS_MAX: i64 = 10_000;
/// Characters of an owner or a classification.
pub const TOPIC_ATTRIBUTE_MAX: usize = 128;
/// Brokers of one group in one zone: 40 listener slots over at least one zone.
pub const BROKERS_PER_ZONE_MAX: i64 = 40;
/// Times that a change of the metadata log is asked for while its outcome is unknown, a minute each.
pub const LOG_UNKNOWN_OUTCOMES_MAX: u32 = 3;
/// Life that credentials must have left to be used again.
pub const CREDENTIALS_MARGIN: Duration = Duration::from_secs(60);
/// Topics that are named when a cluster cannot be deleted because of them.
pub const TOPICS_NAMED_MAX: usize = 10;
