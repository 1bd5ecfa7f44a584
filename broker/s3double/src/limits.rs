//! The bounds of the double, each with its unit and reason.

use std::time::Duration;

/// Bytes of one request's body; the largest object of a broker is a segment of 64 MiB.
pub const BODY_BYTES_MAX: usize = 256 << 20;
/// Connections at once; more than brokers, clients and tools of one machine make.
pub const CONNECTIONS_MAX: usize = 4096;
/// Keys of one page of a listing, as S3 has it.
pub const PAGE_KEYS_MAX: usize = 1000;
/// Keys of one DeleteObjects, as S3 has it.
pub const DELETED_KEYS_MAX: usize = 1000;
/// Bytes that every part of a multipart upload but the last one needs, as S3 has it.
pub const PART_BYTES_MIN: usize = 5 << 20;
/// Fault rules at once.
pub const FAULT_RULES_MAX: usize = 64;
/// Prefixes that are told apart in the counters.
pub const PREFIXES_COUNTED_MAX: usize = 1 << 20;
/// Groups of keys (bucket and the first two parts of the key) that are counted apart.
pub const GROUPS_COUNTED_MAX: usize = 256;
/// Bytes of a control request.
pub const CONTROL_BODY_BYTES_MAX: usize = 1 << 20;
/// Longest time that a fault may be asked for.
pub const FAULT_TIME_MAX: Duration = Duration::from_secs(24 * 3600);
