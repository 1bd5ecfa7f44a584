//! The bounds of the formats, each with its unit and reason.

/// Bytes of a write-ahead log object that a writer aims at most for; one larger batch still goes alone into one.
pub const WAL_OBJECT_BYTES_MAX: usize = 4 << 20;

/// Bytes of any object that a reader accepts: the largest batch, and an index.
pub const OBJECT_BYTES_MAX: usize = (1 << 30) + (64 << 20);

/// Bytes of batches after which a segment's index begins a new block: what one read of a segment fetches at least.
pub const SEGMENT_BLOCK_BYTES: usize = 64 << 10;

/// Bytes of a manifest or checkpoint that a reader accepts: a million segments.
pub const MANIFEST_BYTES_MAX: usize = 128 << 20;

/// Bytes that the records of one batch may take when compaction unpacks them; a larger batch is left as it is.
pub const UNPACKED_BATCH_BYTES_MAX: usize = 64 << 20;

/// Bytes that a key takes in memory during compaction beside its own; rounded up.
pub const COMPACTION_KEY_OVERHEAD_BYTES: usize = 64;

/// Bytes of repeated indexes in one object of a write-ahead log; more are not repeated, and read one by one.
pub const REPEATED_BYTES_MAX: usize = 2 << 20;

/// Numbers of a write-ahead log from one object that repeats indexes to the next.
pub const REPEAT_EVERY: u64 = 256;
