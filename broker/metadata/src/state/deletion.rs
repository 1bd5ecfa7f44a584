//! The end of deleted topics: sweeps, and the point from which nothing of a topic can come back.

use uuid::Uuid;

use super::{FinalisedTopic, State};
use crate::command::SweptObjects;
use crate::limits::FINALISED_TOPICS_KEPT;
use crate::outcome::{Applied, CommandResult, Rejection};

impl State {
    /// Adds what a sweep deleted.
    pub(super) fn note_sweep(&mut self, id: Uuid, swept: SweptObjects) -> CommandResult {
        let deleted = self.deleted_topics.get_mut(&id).ok_or(Rejection::UnknownTopic(id))?;
        deleted.swept = deleted.swept.and(swept);
        self.touched.topics.insert(id);
        Ok(Applied::Done)
    }

    /// Rejected as long as an incarnation that was registered when the topic was deleted may still write.
    pub(super) fn finalise_deletion(&mut self, id: Uuid, swept: SweptObjects) -> CommandResult {
        let deleted = self.deleted_topics.get(&id).ok_or(Rejection::UnknownTopic(id))?;
        if let Some(incarnation) = self.incarnations.keys().find(|one| one.epoch < deleted.epochs_until) {
            return Err(Rejection::MayStillWrite { topic: id, incarnation: *incarnation });
        }
        let Some(deleted) = self.deleted_topics.remove(&id) else { return Err(Rejection::UnknownTopic(id)) };
        let finalised = FinalisedTopic {
            name: deleted.name,
            partitions: deleted.partitions,
            deleted_seq: deleted.seq,
            seq: self.next_seq,
            swept: deleted.swept.and(swept),
        };
        self.finalised_topics.insert(id, finalised);
        if self.finalised_topics.len() > FINALISED_TOPICS_KEPT {
            let oldest = self.finalised_topics.iter().min_by_key(|(_, topic)| topic.seq).map(|(id, _)| *id);
            oldest.and_then(|id| self.finalised_topics.remove(&id));
        }
        self.touched.topics.insert(id);
        Ok(Applied::Done)
    }
}
