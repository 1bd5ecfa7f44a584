//! Who wrote an object, and as which of its numbers.

use std::fmt;

use uuid::Uuid;

/// One life of a broker: its id and the epoch of its registration.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Incarnation {
    /// Kafka's node id.
    pub broker: i32,
    /// Unique for the broker, and growing.
    pub epoch: i64,
}

impl fmt::Display for Incarnation {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}-{}", self.broker, self.epoch)
    }
}

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
