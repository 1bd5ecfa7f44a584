//! Kafka record batches (magic 2): the bytes on the wire and in the bucket.
//!
//! A batch is never re-encoded on its way from producer to bucket to consumer. What a broker changes lies in the first
//! sixteen bytes, outside the checksum: [`Batch::place`] writes them and leaves the body where it is.
//!
//! Invariant: no length that came from outside is trusted before it was compared with the bytes that are there, and
//! nothing in this crate panics on any input. The crate is pure: no I/O, no clock, no allocation by a foreign length.
//!
//! Source: "Record Batch" in the Kafka protocol documentation; KIP-98.

mod batch;
mod builder;
mod compression;
mod control;
mod cursor;
mod header;
mod ids;
pub mod limits;
mod records;
mod rewrite;

pub use batch::{Batch, PlacedBatch, SplitError, split};
pub use builder::BatchBuilder;
pub use compression::{CodecError, compress, decompress};
pub use control::{ControlRecord, MarkerKind};
pub use header::{Attributes, BatchHeader, Compression, HEADER_LEN, HeaderError, TimestampType};
pub use ids::{LeaderEpoch, NO_SEQUENCE, Offset, ProducerEpoch, ProducerId};
pub use records::{Header, Record, RecordError, Records};
pub use rewrite::UnpackError;
