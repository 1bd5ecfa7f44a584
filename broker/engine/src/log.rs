//! The write-ahead log: writing one's own, reading everybody's, ending that of the dead.

mod compact;
mod flush;
mod fold;
mod garbage;
mod held;
mod index;
mod manifest;
mod memory;
mod objects;
mod pool;
mod reader;
mod recover;
mod segments;
mod store_age;
mod wal;
mod wanted;

pub(crate) use compact::{Compacted, Compacting, CompactionPolicy, choose_run};
pub(crate) use flush::FlushPolicy;
pub(crate) use fold::{Chosen, Folding, choose};
pub(crate) use garbage::{Garbage, Item as GarbageItem};
pub(crate) use held::HeldPart;
pub(crate) use index::{Index, ObjectRef, Span};
pub(crate) use manifest::{ManifestFailure, ManifestLog, ManifestWriter, Published, read_newest};
pub(crate) use memory::{Memory, Reserved};
pub(crate) use objects::{Objects, ReadError};
pub(crate) use reader::{Place, Reader};
pub(crate) use recover::{RecoverError, RecoveredLog, Recovery, Until, recover};
pub(crate) use segments::{Pieces, SegmentPlace, Segments};
pub(crate) use store_age::StoreAge;
pub(crate) use wal::{Ended, Ticket, Wal, Writer};
pub(crate) use wanted::Wanted;
