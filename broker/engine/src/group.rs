//! Consumer groups: membership and committed offsets.
//!
//! The coordinator of a group is the leader of one partition of `__consumer_offsets`; that partition holds everything the
//! coordinator knows, and nothing is answered from what is not durable in it.

mod api;
mod coordinator;
mod machine;
mod record;

pub use api::*;
pub(crate) use coordinator::{Commit, Committer, Coordinator, Expiry, Tools, partition_of};
pub(crate) use record::OffsetRecord;
