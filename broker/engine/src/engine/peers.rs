//! What this broker answers the others.

use std::time::Duration;

use super::{Engine, Inner};
use crate::life::Life;
use crate::peers::{Heartbeat, PeerAnswer, PeerRequest};

impl Engine {
    /// Answers another broker of the cluster. Whether it is one, whoever calls this has made sure of.
    ///
    /// # Cancel safety
    /// Dropping the future loses the answer; what was asked for may happen all the same.
    pub async fn answer_peer(&self, request: PeerRequest) -> PeerAnswer {
        let Some(life) = self.inner.life() else { return PeerAnswer::NotNow };
        match request {
            PeerRequest::Heartbeat(heartbeat) => {
                self.inner.has_heard(heartbeat.metadata_seq);
                PeerAnswer::Heartbeat(self.inner.heartbeat(&life))
            }
            PeerRequest::Nudge { metadata_seq } => {
                self.inner.has_heard(metadata_seq);
                PeerAnswer::Noted
            }
            PeerRequest::Propose { .. } | PeerRequest::Agree { .. } => PeerAnswer::NotNow,
        }
    }
}

impl Inner {
    /// What this broker says of itself.
    pub(crate) fn heartbeat(&self, life: &Life) -> Heartbeat {
        Heartbeat {
            from: life.id,
            store_age_ms: u64::try_from(self.store_age(life).as_millis()).unwrap_or(u64::MAX),
            durable_seq: life.wal.acknowledged(),
            metadata_seq: self.cluster.next_seq(),
        }
    }

    /// How long ago the bucket that has been silent longer last answered.
    pub(crate) fn store_age(&self, life: &Life) -> Duration {
        self.journal.unconfirmed_for().max(life.store_age.age(self.env.monotonic()))
    }

    /// A peer has applied the entries below this number: whoever has not looks at once.
    pub(crate) fn has_heard(&self, metadata_seq: u64) {
        if metadata_seq > self.cluster.next_seq() {
            self.nudged.notify_one();
        }
    }
}
