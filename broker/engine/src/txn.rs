//! Transactions: producers that write to many partitions, all or nothing.
//!
//! The coordinator of a transactional id is the leader of one partition of `__transaction_state`; that partition holds
//! everything the coordinator knows, and nothing is answered from what is not durable in it. A transaction's fate is decided
//! by one record there; from then on, whatever dies, markers are written until every partition has its own.

mod api;
mod coordinator;
mod machine;
mod peer;
mod record;
mod remote;

pub use api::*;
pub(crate) use coordinator::Coordinator;
pub(crate) use machine::End;
pub use peer::{AddToTransaction, MarkerOutcome, WriteMarkers};
