//! What this broker answers the others.

use std::sync::atomic::Ordering;
use std::time::Duration;

use super::{Engine, Inner};
use crate::life::Life;
use crate::limits::LIVE_INTERVAL;
use crate::peers::{Heartbeat, PeerAnswer, PeerRequest};
use crate::tasks::agree;

impl Engine {
    /// Answers another broker of the cluster. Whether it is one, whoever calls this has made sure of.
    ///
    /// # Cancel safety
    /// Dropping the future loses the answer; what was asked for may happen all the same.
    pub async fn answer_peer(&self, request: PeerRequest) -> PeerAnswer {
        let Some(life) = self.inner.life() else { return PeerAnswer::NotNow };
        match request {
            PeerRequest::Heartbeat(heartbeat) => {
                self.inner.take_heartbeat(&heartbeat);
                PeerAnswer::Heartbeat(self.inner.heartbeat(&life))
            }
            PeerRequest::Nudge { metadata_seq } => {
                self.inner.has_heard(metadata_seq);
                PeerAnswer::Noted
            }
            PeerRequest::Propose { commands } => PeerAnswer::Proposed(self.inner.append_for_peer(commands).await),
            PeerRequest::Loads => PeerAnswer::Loads(life.loads.borrow().to_vec()),
            PeerRequest::Agree { suspects } => PeerAnswer::Agreed(agree(&self.inner, &life, &suspects).await),
            PeerRequest::AddToTransaction(request) => PeerAnswer::AddedToTransaction(life.answer_add(request).await),
            PeerRequest::WriteMarkers(markers) => PeerAnswer::Marked(life.write_markers(markers).await),
            // Without fresh metadata nothing is served, not by way of others either.
            PeerRequest::Look(_) | PeerRequest::Watch(_) if self.is_stale() => PeerAnswer::NotNow,
            PeerRequest::Look(look) => PeerAnswer::Looked(life.answer_look(&look)),
            PeerRequest::Watch(watch) => PeerAnswer::Watched(life.answer_watch(&watch).await),
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
            beat: self.shown.beat.load(Ordering::SeqCst),
        }
    }

    /// How long ago the bucket that has been silent longer last did what this broker wanted of it.
    pub(crate) fn store_age(&self, life: &Life) -> Duration {
        let now = self.env.monotonic();
        // A broker that reads metadata and cannot write there could not even release what it leads.
        let shown = Duration::from_millis(self.shown.at_ms.load(Ordering::SeqCst));
        let unwritten_for = now.saturating_sub(shown).saturating_sub(LIVE_INTERVAL);
        self.journal.unconfirmed_for().max(life.store_age.age(now)).max(unwritten_for)
    }

    /// Notes that a sign of life was shown.
    pub(crate) fn has_shown(&self, beat: u64) {
        let now = u64::try_from(self.env.monotonic().as_millis()).unwrap_or(u64::MAX);
        self.shown.beat.store(beat, Ordering::SeqCst);
        self.shown.at_ms.store(now, Ordering::SeqCst);
    }

    /// A peer has applied the entries below this number: whoever has not looks at once.
    pub(crate) fn has_heard(&self, metadata_seq: u64) {
        if metadata_seq > self.cluster.next_seq() {
            self.nudged.notify_one();
        }
    }
}
