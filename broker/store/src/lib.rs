//! Sequences of immutable objects on an object store that can create if absent.
//!
//! Every object is created exactly once; whoever creates number *n* of a sequence first, wins. This crate makes every
//! key, freezes bytes before the first attempt, and turns what a store answers into the outcomes that decide safety:
//! created, taken, conflict, refused, unknown ([`Outcome`]). [`Sequence::fill`] repeats the same bytes at the same
//! number until it is known who occupies it.
//!
//! Invariants: nothing but hints (`live/`) is ever overwritten; metadata log entries and markers are never deleted; an
//! unknown outcome is never reported as success or failure of the create as a whole.
//!
//! The crate does not know what is in the objects.

mod answer;
mod backoff;
mod clock;
pub mod conformance;
mod counters;
mod error;
pub mod faults;
mod fill;
mod frozen;
mod key;
pub mod limits;
pub mod mutation;
mod pace;
mod patience;
mod s3;
mod sequence;
mod store;

pub use backoff::Backoff;
pub use clock::{StoreClock, StoreDate};
pub use counters::Counts;
pub use error::{Failure, Filled, Operation, Outcome, StoreError, Unfilled};
pub use frozen::{Frozen, Nonce, NonceMissing};
pub use key::{Incarnation, InvalidClusterName, Key, KeyKind, Prefix, check_cluster_name};
pub use patience::Patience;
pub use s3::{AccessKeys, Credentials, CredentialsUnavailable, InvalidS3Config, S3Config};
pub use sequence::{End, Sequence, SequenceName};
pub use store::{Listed, OpenStoreError, Store};
