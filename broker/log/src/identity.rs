//! Who wrote an object, and as which of its numbers.

pub use broker_store::Incarnation;
use uuid::Uuid;

/// What an object of a write-ahead log says about itself; a reader compares it with where it found the object.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Origin {
    /// The cluster's id.
    pub cluster: Uuid,
    /// Whose log it is.
    pub incarnation: Incarnation,
    /// The number in that log.
    pub seq: u64,
}
