//! Ending transactions in their partitions.
//!
//! Invariant: a transaction counts as ended only when every partition has said that its marker is durable, or its topic is
//! deleted by metadata that is known to be complete.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use broker_log::Incarnation;
use futures::future::join_all;
use tracing::{debug, warn};

use super::Coordinator;
use crate::life::Life;
use crate::limits::MARKERS_RETRY;
use crate::topic::PartitionId;
use crate::txn::machine::Event;
use crate::txn::peer::{MarkerOutcome, WriteMarkers};
use crate::txn::record::{Stage, TransactionRecord};

/// What became of all markers of one attempt.
enum Attempt {
    /// These are left.
    Left(BTreeSet<PartitionId>),
    /// Another broker is the coordinator.
    Replaced,
}

impl Coordinator {
    /// Writes the markers of a prepared transaction, tries until all are durable, and tells the transaction.
    pub(super) async fn mark(self: Arc<Self>, id: String, record: TransactionRecord) {
        let mut left = record.partitions.clone();
        let (mut pause, pause_max) = MARKERS_RETRY;
        while !left.is_empty() {
            let Some(life) = self.life.upgrade().filter(|life| !life.cancel.is_cancelled()) else { return };
            if !self.partition.is_open() {
                return;
            }
            left = match self.attempt(&life, &record, left).await {
                Attempt::Left(left) => left,
                Attempt::Replaced => {
                    warn!(transactional_id = id, "another broker coordinates the transaction");
                    self.resign();
                    return;
                }
            };
            if !left.is_empty() {
                debug!(transactional_id = id, partitions = left.len(), "markers are not written yet");
                tokio::select! {
                    biased;
                    () = life.cancel.cancelled() => return,
                    () = tokio::time::sleep(pause) => {}
                }
                pause = (pause * 2).min(pause_max);
            }
        }
        let mut state = self.state();
        if !state.resigned {
            self.step(&mut state, &id, Event::Marked);
        }
    }

    async fn attempt(&self, life: &Arc<Life>, record: &TransactionRecord, left: BTreeSet<PartitionId>) -> Attempt {
        let Stage::Prepared(outcome) = record.stage else { return Attempt::Left(BTreeSet::new()) };
        let (by_leader, mut again) = self.by_leader(life, left).await;
        let asked = by_leader.into_iter().map(|(leader, ids)| {
            let markers = WriteMarkers {
                producer_id: record.producer.producer_id,
                epoch: record.producer.epoch,
                coordinator_epoch: self.partition.leader_epoch.0,
                outcome,
                protocol: record.protocol,
                partitions: ids.iter().map(|id| (id.topic, id.partition)).collect(),
            };
            async move { (life.markers_by(leader, markers).await, ids) }
        });
        for (outcomes, ids) in join_all(asked).await {
            let mut outcomes = outcomes.into_iter();
            for id in ids {
                match outcomes.next().unwrap_or(MarkerOutcome::Again) {
                    MarkerOutcome::Written => {}
                    MarkerOutcome::Again => {
                        again.insert(id);
                    }
                    MarkerOutcome::FencedCoordinator => return Attempt::Replaced,
                    MarkerOutcome::FencedProducer => {
                        let producer_id = record.producer.producer_id;
                        warn!(producer_id, topic = %id.topic, partition = id.partition, "a newer epoch is there already");
                    }
                }
            }
        }
        Attempt::Left(again)
    }

    /// The partitions by their leaders, and those that have none at the moment; deleted ones need no marker.
    async fn by_leader(
        &self,
        life: &Life,
        left: BTreeSet<PartitionId>,
    ) -> (BTreeMap<Incarnation, Vec<PartitionId>>, BTreeSet<PartitionId>) {
        let mut by_leader = BTreeMap::<Incarnation, Vec<PartitionId>>::new();
        let mut again = BTreeSet::new();
        let is_unknown = |id: &PartitionId| life.cluster.leader(*id).is_none();
        // Unknown is not deleted: the transaction may be newer than the metadata that this broker has applied.
        let is_complete = left.iter().any(is_unknown) && life.journal.confirm().await.is_ok();
        for id in left {
            match life.cluster.leader(id).map(|leader| leader.incarnation) {
                Some(Some(leader)) => by_leader.entry(leader).or_default().push(id),
                None if is_complete => {}
                Some(None) | None => {
                    again.insert(id);
                }
            }
        }
        (by_leader, again)
    }
}
