//! What is reported of a partition.

use broker_metadata::PartitionReport;
use broker_record::Offset;

use super::{Isolation, Partition};

impl Partition {
    /// The partition as its leader sees it now; none once it was given up.
    pub(crate) fn report(&self) -> Option<PartitionReport> {
        let view = self.view(Offset(0), 0, Isolation::ReadUncommitted).ok()?;
        let bytes = self.manifests.newest().bytes().saturating_add(self.unfolded_bytes());
        Some(PartitionReport {
            topic: self.id.topic,
            partition: self.id.partition,
            leader_epoch: self.leader_epoch.0,
            start: view.log_start.0,
            high_watermark: view.high_watermark.0,
            bytes,
        })
    }
}
