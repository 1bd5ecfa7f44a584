//! Deterministic worlds: several engines, one faulty store, one clock, and what Kafka promises checked in each.
//!
//! A seed makes a world: a plan of what goes wrong, several brokers that are the whole engine and nothing less, two buckets
//! that fail as real ones do, clients, and a ledger of everything that was written, acknowledged and seen. Invariants have
//! the names that the storage design gives them ([`Invariant`]), and so have faults ([`Fault`]) and deliberate mistakes.
//!
//! Invariant: the same seed gives the same trace. Tasks run only when [`executor`] says so, time is tokio's paused clock,
//! and whatever is random follows from the seed.

pub mod aim;
pub mod await_points;
pub mod broker;
pub mod bucket;
pub mod chaos;
pub mod check;
pub mod client;
pub mod clock;
pub mod core;
pub mod executor;
pub mod fault;
pub mod invariant;
pub mod ledger;
#[cfg(feature = "mutations")]
pub mod mutations;
pub mod plan;
pub mod random;
pub mod transactions;
pub mod world;

pub use core::{Finished, KeepLines};
pub use fault::{Fault, Tally};
pub use invariant::{Invariant, Violation};
