//! The bounds of this crate, each with its unit and reason.

/// Bytes that the structures of one decoded message may take beside the frame itself. A frame of one-byte elements
/// would otherwise grow a hundredfold; the largest request of a real client (10,000 partitions) needs about 2 MiB.
pub const DECODED_BYTES_MAX: usize = 64 << 20;

/// Record slices shorter than this are copied into the response: a slice of its own costs more.
pub const SLICE_BYTES_MIN: usize = 1 << 10;
