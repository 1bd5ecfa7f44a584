//! The write-ahead log: writing one's own, reading everybody's, ending that of the dead.

mod flush;
mod index;
#[expect(dead_code, reason = "folding, retention and compaction are about to use it")]
mod manifest;
mod memory;
mod objects;
mod recover;
mod store_age;
mod wal;

pub(crate) use flush::FlushPolicy;
pub(crate) use index::{Index, ObjectRef, Span};
pub(crate) use memory::{Memory, Reserved};
pub(crate) use objects::{Objects, ReadError};
pub(crate) use recover::{RecoveredLog, Recovery, Until, recover};
pub(crate) use store_age::StoreAge;
pub(crate) use wal::{Ended, Ticket, Wal, Writer};
