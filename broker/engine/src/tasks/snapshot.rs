//! Snapshots of the metadata, so that starting is quick.

use std::sync::Arc;

use tracing::warn;

use crate::engine::Inner;

/// Writes one whenever it is due, until the engine stops. Nothing else waits for it.
pub(crate) async fn write_snapshots(inner: Arc<Inner>) {
    let mut changes = inner.cluster.changes();
    loop {
        let due = tokio::select! {
            biased;
            () = inner.stop.cancelled() => return,
            due = inner.journal.due_snapshot(share(&inner)) => due,
        };
        if let Some(snapshot) = due {
            tokio::select! {
                biased;
                () = inner.stop.cancelled() => return,
                written = snapshot.write() => if let Err(error) = written {
                    warn!(%error, "no metadata snapshot was made");
                }
            }
        }
        tokio::select! {
            biased;
            () = inner.stop.cancelled() => return,
            changed = changes.changed() => if changed.is_err() { return },
        }
    }
}

/// How many times what makes a snapshot due has to pass: everybody would write the same, so one broker does, and the
/// others only make up for it.
fn share(inner: &Inner) -> u64 {
    let lowest = inner.cluster.lowest_ready();
    if lowest.is_none_or(|(lowest, _)| inner.life().is_some_and(|life| life.id == lowest)) { 1 } else { 2 }
}
