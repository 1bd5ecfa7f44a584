//! Following the metadata log.

use std::sync::Arc;

use broker_metadata::ReadError;
use tracing::{info, warn};

use crate::engine::Inner;
use crate::life::Life;
use crate::limits::{METADATA_POLL_INTERVAL, OBSERVER_STORE_AGE_MAX};

/// Reads new entries until the engine stops.
pub(crate) async fn follow(inner: Arc<Inner>) {
    let mut failing = false;
    loop {
        tokio::select! {
            biased;
            () = inner.stop.cancelled() => return,
            () = inner.nudged.notified() => {}
            () = tokio::time::sleep(METADATA_POLL_INTERVAL) => {}
        }
        let confirmed = tokio::select! {
            biased;
            () = inner.stop.cancelled() => return,
            confirmed = inner.journal.confirm() => confirmed,
        };
        match confirmed {
            Ok(()) => {
                note_answer(&inner);
                failing = false;
            }
            // What cannot be applied is never skipped, and a divergence that reading everything anew has not healed stays.
            Err(error @ (ReadError::NewerRelease { .. } | ReadError::Diverged { .. })) => {
                inner.fail(error.to_string());
                return;
            }
            Err(error) if !failing => {
                warn!(%error, "metadata cannot be followed");
                failing = true;
            }
            Err(_) => {}
        }
    }
}

/// The observer is well only while both its buckets do what it wants of them: a bucket that nobody reaches, or that takes
/// nothing from anybody, is no reason to fence anybody.
pub(super) fn note_answer(inner: &Inner) {
    let now = inner.env.monotonic();
    if inner.life().is_some_and(|life| inner.store_age(&life) <= OBSERVER_STORE_AGE_MAX) {
        inner.detector().store_answered(now);
    }
}

/// Makes a life's roles follow metadata; returns when metadata says that it has ended.
pub(crate) async fn follow_roles(life: Arc<Life>) {
    let mut changes = life.cluster.changes();
    loop {
        if !life.cluster.is_alive(life.id) {
            info!(incarnation = %life.id, "metadata says that this incarnation is fenced");
            return;
        }
        life.follow();
        tokio::select! {
            biased;
            () = life.cancel.cancelled() => return,
            changed = changes.changed() => if changed.is_err() { return },
        }
    }
}
