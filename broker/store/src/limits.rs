//! The bounds of the store, each with its unit and reason.

use std::time::Duration;

/// First wait after a failed request; doubles with every further failure.
pub const BACKOFF_FIRST: Duration = Duration::from_millis(50);
/// Longest wait after a failure that is not throttling: short, because a broker's failover waits for it.
pub const BACKOFF_MAX: Duration = Duration::from_secs(2);
/// Longest wait after SlowDown, 429 or KMS throttling: long enough to let a hot prefix or key recover.
pub const THROTTLED_BACKOFF_MAX: Duration = Duration::from_secs(10);
/// Time for one request, answer included; a 4 MiB object on a slow connection fits.
pub const REQUEST_TIME_MAX: Duration = Duration::from_secs(15);
/// Time to connect; the store is in the same region.
pub const CONNECT_TIME_MAX: Duration = Duration::from_secs(5);
/// Time that an idle connection is kept; S3 closes them after about 20 seconds.
pub const CONNECTION_IDLE_MAX: Duration = Duration::from_secs(15);
/// Requests at once when many objects are read.
pub const PARALLEL_GETS_MAX: usize = 32;
/// Keys that one listing returns; more than this in one prefix means that retention is broken.
pub const LISTED_KEYS_MAX: usize = 1_000_000;
/// Bytes of one error body that are looked at.
pub const ERROR_BODY_BYTES_MAX: usize = 16 << 10;
/// Characters of a cluster's name; it stands in every key.
pub const CLUSTER_NAME_LENGTH_MAX: usize = 64;
/// Refusals in a row (403, 400, no bucket) after which a bounded create gives up.
pub const REFUSALS_MAX: u32 = 3;
/// Time that a request waits for a provider of credentials that has given some before.
pub const CREDENTIALS_WAIT_MAX: Duration = Duration::from_secs(1);
/// Time that the last credentials are used while no others can be had: providers renew them five minutes before they expire.
pub const CREDENTIALS_KEPT_MAX: Duration = Duration::from_secs(280);
/// Creates in a hundred that may be repeated because they are slow: what that may cost.
pub const HEDGE_PERCENT_MAX: u32 = 5;
/// Such repetitions that may be saved up.
pub const HEDGE_BURST: u32 = 20;
/// Creates whose duration is remembered: a few seconds of a busy broker, ten of one that saves PUTs.
pub const HEDGE_SAMPLES: usize = 256;
/// Creates without which nothing is known of how long they take.
pub const HEDGE_SAMPLES_MIN: usize = 32;
/// Time before which no create is slow; no object store answers sooner.
pub const HEDGE_AFTER_MIN: Duration = Duration::from_millis(10);
/// Time without repetitions after SlowDown, 429 or KMS throttling.
pub const NO_HEDGE_AFTER_THROTTLING: Duration = Duration::from_secs(10);
/// Bytes from which on an object's duration is compared with those of other large ones.
pub const LARGE_BYTES_MIN: usize = 512 << 10;
