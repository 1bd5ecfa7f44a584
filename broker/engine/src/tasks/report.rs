//! The `.report` object beside the sign of life: what this broker leads and coordinates.

use std::sync::Arc;

use broker_metadata::{GroupReport, PartitionReport, Report};
use tracing::debug;

use crate::engine::Inner;
use crate::life::Life;
use crate::limits::{REPORT_INTERVAL, REPORTED_OFFSETS_MAX};

/// Writes the report until the life ends.
pub(crate) async fn report(inner: Arc<Inner>, life: Arc<Life>) {
    let mut beat = 0;
    loop {
        tokio::select! {
            biased;
            () = life.cancel.cancelled() => return,
            () = tokio::time::sleep(REPORT_INTERVAL) => {}
        }
        beat += 1;
        let report = make(&inner, &life, beat);
        tokio::select! {
            biased;
            () = life.cancel.cancelled() => return,
            written = report.write(&inner.stores.metadata) => if let Err(error) = written {
                debug!(%error, "no report is written");
            }
        }
    }
}

fn make(inner: &Inner, life: &Life, beat: u64) -> Report {
    let partitions: Vec<PartitionReport> =
        life.all_serving().iter().filter_map(|partition| partition.report()).collect();
    let mut groups: Vec<GroupReport> = Vec::new();
    let (mut left, mut truncated) = (REPORTED_OFFSETS_MAX, false);
    for coordinator in life.all_coordinators() {
        let cut = coordinator.report(&mut left, &mut groups);
        truncated = truncated || cut;
    }
    groups.sort_by(|a, b| a.group.cmp(&b.group));
    Report {
        broker: life.id.broker,
        epoch: life.id.epoch,
        beat,
        written_ms: inner.env.wall_ms(),
        metadata_seq: inner.cluster.next_seq(),
        partitions,
        groups,
        truncated,
    }
}
