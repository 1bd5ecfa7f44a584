//! Kafka's protocol messages, without input or output.
//!
//! The messages are generated from `messages.table`; this crate's tests regenerate them and compare. What a message
//! means is not known here.
//!
//! Invariants: nothing is allocated by a length that the remaining bytes do not cover, one request takes a bounded
//! amount of memory however it is written, no input panics, and record batches are neither copied nor re-encoded on
//! either way.
//!
//! Source: the Kafka protocol guide; KIP-482 (tagged fields), KIP-511 (ApiVersions).

mod apis;
mod error_code;
pub mod frame;
pub mod limits;
pub mod messages;
mod reader;
mod records;
mod text;
mod writer;

pub use error_code::ErrorCode;
pub use messages::{ApiKey, Request, Response};
pub use reader::{DecodeError, Reader};
pub use records::Records;
pub use text::Str;
pub use uuid::Uuid;
pub use writer::{EncodeError, Encoded, Writer};

/// A message body that can be read and written in each of its API's versions.
pub trait Message: Sized {
    /// Reads the body; bytes after it are left to the caller.
    ///
    /// # Errors
    /// [`DecodeError`] when the bytes are not this message in this version.
    fn decode(r: &mut Reader, version: i16) -> Result<Self, DecodeError>;

    /// Writes the body; fields that the version does not have are left out.
    fn encode(&self, w: &mut Writer, version: i16);
}
