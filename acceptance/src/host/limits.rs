//! Every bound of the host, with its unit and the reason for the number.

use std::time::Duration;

/// Port of the S3 endpoint on the instances' network; LocalStack's own, so that addresses look familiar.
pub const STORE_PORT: u16 = 4566;
/// Kafka's port on every instance, when the harness names no other.
pub const KAFKA_PORT: u16 = 9092;
/// Port of the brokers' liveness, readiness and metrics, when the harness names no other.
pub const HEALTH_PORT: u16 = 9464;

/// Connections one listener serves at once. A broker's store client opens a few dozen; more means a leak worth seeing.
pub(super) const CONNECTIONS_MAX: usize = 512;
/// Bytes of one HTTP request's head: the metadata service's requests take 300.
pub(super) const HTTP_HEAD_BYTES_MAX: usize = 16 * 1024;
/// Bytes of one HTTP answer: DescribeInstances of a hundred instances takes 400 KiB.
pub(super) const HTTP_BODY_BYTES_MAX: u64 = 16 * 1024 * 1024;
/// How long one exchange with the emulated AWS or the metadata service may take; a loaded LocalStack needs seconds.
pub(super) const HTTP_TIMEOUT: Duration = Duration::from_secs(30);
/// How long a listener waits for a connection before it looks whether it shall stop.
pub(super) const ACCEPT_WAIT_MS: u16 = 100;

/// Tokens one metadata service keeps; the oldest goes first. Each client makes one and keeps it for hours.
pub(super) const METADATA_TOKENS_MAX: usize = 256;
/// The longest life of a metadata token in seconds. Source: EC2 user guide, "Use IMDSv2".
pub(super) const METADATA_TOKEN_TTL_SECONDS_MAX: u64 = 21_600;
/// Role credentials are fetched anew this many seconds after the last fetch; they live for an hour.
pub(super) const CREDENTIALS_REFRESH_SECONDS: u64 = 1_800;

/// The pause between two looks at the auto scaling groups.
pub(super) const WATCH_EVERY: Duration = Duration::from_millis(200);
/// Bytes of user-data. Source: EC2 user guide, "User data is limited to 16 KB, in raw form".
pub(super) const USER_DATA_BYTES_MAX: usize = 16 * 1024;
/// Client addresses handed out in one run.
pub(super) const CLIENTS_MAX: u8 = 200;

/// Inputs that wait for an instance's init.
pub(super) const INIT_QUEUE: usize = 256;
/// The pause between two looks of init at its children and timers.
pub(super) const INIT_EVERY: Duration = Duration::from_millis(50);
/// Time an instance's processes get to vanish after SIGKILL.
pub(super) const KILL_TIMEOUT: Duration = Duration::from_secs(10);
/// Size of the tmpfs that takes an instance's writes: package, unpacked broker and logs take a tenth.
pub(super) const ROOT_BYTES: &str = "2g";
/// How long a broker's health listener may take to accept: it is on the same machine.
pub(super) const HEALTH_TIMEOUT: Duration = Duration::from_secs(2);
