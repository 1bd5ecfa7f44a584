//! The bounds of this crate, each with its unit and reason.

/// Bytes of one batch, header included. Kafka's lengths are signed 32-bit; half of that leaves every sum in range.
pub const BATCH_BYTES_MAX: usize = 1 << 30;

/// Batches in one produce payload. The Java client sends one per partition; older ones a handful.
pub const BATCHES_PER_PAYLOAD_MAX: usize = 100_000;

/// Bytes of one Snappy block that is written; Java's block size.
pub const SNAPPY_BLOCK_BYTES: usize = 32 << 10;

/// Window that a Zstandard frame may ask its reader to keep, as a power of two: 32 MiB, more than any client's level takes.
pub const ZSTD_WINDOW_LOG_MAX: u32 = 25;
