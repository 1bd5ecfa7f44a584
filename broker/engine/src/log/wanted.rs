//! What somebody waits for to be folded.

use std::collections::BTreeMap;
use std::sync::{Mutex, MutexGuard, PoisonError};

use broker_record::Offset;
use tokio::sync::{Notify, watch};

use crate::topic::PartitionId;

/// Up to which offset partitions shall be folded as soon as possible.
#[derive(Debug)]
pub(crate) struct Wanted {
    offsets: Mutex<BTreeMap<PartitionId, Offset>>,
    come: Notify,
    rounds: watch::Sender<u64>,
}

impl Default for Wanted {
    fn default() -> Self {
        Self { offsets: Mutex::default(), come: Notify::new(), rounds: watch::Sender::new(0) }
    }
}

impl Wanted {
    /// Asks for a partition to be folded up to an offset.
    pub(crate) fn want(&self, id: PartitionId, upto: Offset) {
        let mut offsets = self.offsets();
        let known = offsets.entry(id).or_insert(upto);
        *known = upto.max(*known);
        drop(offsets);
        self.come.notify_one();
    }

    /// Waits until somebody asks.
    pub(crate) async fn asked(&self) {
        self.come.notified().await;
    }

    /// Whether a partition that is folded up to `folded_to` shall be folded further.
    pub(crate) fn wants(&self, id: PartitionId, folded_to: Offset) -> bool {
        let mut offsets = self.offsets();
        match offsets.get(&id) {
            Some(upto) if folded_to < *upto => true,
            Some(_) => {
                offsets.remove(&id);
                false
            }
            None => false,
        }
    }

    /// A round of folding is over.
    pub(crate) fn round_is_over(&self) {
        self.rounds.send_modify(|rounds| *rounds = rounds.wrapping_add(1));
    }

    /// Changes with every round.
    pub(crate) fn rounds(&self) -> watch::Receiver<u64> {
        self.rounds.subscribe()
    }

    fn offsets(&self) -> MutexGuard<'_, BTreeMap<PartitionId, Offset>> {
        self.offsets.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
