//! Expiry of committed offsets, for the groups that this broker coordinates.

use std::sync::Arc;

use tracing::{debug, warn};

use crate::engine::Inner;
use crate::group::Expiry;
use crate::life::Life;
use crate::limits::OFFSETS_EXPIRY_INTERVAL;

/// Looks for expired offsets until the life ends.
pub(crate) async fn expire_offsets(inner: Arc<Inner>, life: Arc<Life>) {
    let mut refused = false;
    loop {
        tokio::select! {
            biased;
            () = life.cancel.cancelled() => return,
            () = tokio::time::sleep(OFFSETS_EXPIRY_INTERVAL) => {}
        }
        let now_ms = match life.clock.now_ms() {
            Ok(now_ms) => now_ms,
            Err(problem) => {
                if !refused {
                    warn!(%problem, "committed offsets do not expire");
                }
                refused = true;
                continue;
            }
        };
        refused = false;
        let topics = inner.cluster.view().topics().values().map(|topic| (topic.id, topic.name.clone())).collect();
        let expiry = Expiry { now_ms, retention: life.limits.offsets_retention, topics: Arc::new(topics) };
        for coordinator in life.all_coordinators() {
            tokio::select! {
                biased;
                () = life.cancel.cancelled() => return,
                expired = coordinator.expire(&expiry) => match expired {
                    Ok(0) => {}
                    Ok(records) => debug!(records, "committed offsets have expired"),
                    Err(problem) => debug!(%problem, "committed offsets expire elsewhere"),
                }
            }
        }
    }
}
