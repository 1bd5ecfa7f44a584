//! Bounds of what is read and searched. AWS's own limits are smaller; what exceeds these is refused, not truncated.

/// Bytes of one policy document. AWS allows 20 KiB (bucket policy) and 32 KiB (key policy).
pub const DOCUMENT_BYTES_MAX: usize = 256 * 1024;

/// Statements of one document.
pub const STATEMENTS_MAX: usize = 1_024;

/// Values of one element or of one condition key.
pub const VALUES_MAX: usize = 4_096;

/// Conditions (operator × key) of one statement.
pub const CONDITIONS_MAX: usize = 512;

/// Characters of one value of a document or of a request.
pub const TEXT_CHARS_MAX: usize = 4_096;

/// Depth of nested JSON.
pub const JSON_DEPTH_MAX: usize = 16;

/// Example objects that are tried where a request stands for any object below a prefix.
pub const EXAMPLES_MAX: usize = 64;

/// Calls of one escalation chain.
pub const CHAIN_CALLS_MAX: usize = 6;

/// Situations that the search for a chain looks at before it says that it does not know.
pub const SITUATIONS_MAX: usize = 2_000;
