//! Between coordinators and leaders, on this broker or another.
//!
//! What is asked of a coordinator or a leader is asked of the broker that metadata names; whoever is asked looks for itself
//! whether it is the one.

use std::collections::BTreeSet;
use std::sync::Arc;
use std::time::Duration;

use broker_log::Incarnation;
use broker_record::{ControlRecord, MarkerKind, Offset, ProducerEpoch, ProducerId};
use futures::future::join_all;
use tokio::sync::oneshot;
use tokio::time::{Instant, timeout};

use super::api::{ProducerTransaction, TransactionError, TransactionProtocol};
use super::coordinator::Coordinator;
use super::peer::{AddToTransaction, MarkerOutcome, WriteMarkers};
use crate::life::Life;
use crate::limits::{COORDINATION_STALENESS_MAX, MARKERS_WAIT_MAX, VERIFICATION_WAIT_MAX};
use crate::peers::{PeerAnswer, PeerRequest};
use crate::topic::{
    Marked, Marker, Partition, PartitionId, ProducerIdentity, Protocol, TopicRef, Verification, Verified,
};

/// Bytes of a marker in memory; its batch has a header and one record.
const MARKER_BYTES: usize = 128;

/// A question to a coordinator; withdrawn when dropped without its word.
struct Asking<'a> {
    partition: &'a Partition,
    producer_id: ProducerId,
    number: u64,
    confirmed: bool,
}

impl Drop for Asking<'_> {
    fn drop(&mut self) {
        if !self.confirmed {
            self.partition.not_verified(self.producer_id, self.number);
        }
    }
}

impl Life {
    /// The coordinator of a transactional id, if it is this broker and metadata is fresh enough.
    pub(crate) fn transaction_coordinator(&self, transactional_id: &str) -> Result<Arc<Coordinator>, TransactionError> {
        if self.journal.unconfirmed_for() > COORDINATION_STALENESS_MAX {
            return Err(TransactionError::CoordinatorNotAvailable);
        }
        let id = self.cluster.transaction_partition(transactional_id);
        let id = id.ok_or(TransactionError::CoordinatorNotAvailable)?;
        let leads = self.cluster.leader(id).is_some_and(|leader| leader.incarnation == Some(self.id));
        if !leads || self.cancel.is_cancelled() {
            return Err(TransactionError::NotCoordinator);
        }
        self.transaction_coordinators().get(&id).cloned().ok_or(TransactionError::CoordinatorLoading)
    }

    /// Makes sure that a producer may begin its transaction in a partition, unless it has.
    ///
    /// # Errors
    /// [`TransactionError`]; `NotCoordinator` also once the partition was given up.
    pub(crate) async fn verify(
        &self,
        partition: &Arc<Partition>,
        (producer_id, epoch): (ProducerId, ProducerEpoch),
        transaction: &ProducerTransaction,
    ) -> Result<(), TransactionError> {
        let number = match partition.verification(producer_id, epoch) {
            Ok(Verification::NotNeeded) => return Ok(()),
            Ok(Verification::Ask(number)) => number,
            Ok(Verification::Busy) => return Err(TransactionError::CoordinatorNotAvailable),
            Err(_) => return Err(TransactionError::NotCoordinator),
        };
        let mut asking = Asking { partition, producer_id, number, confirmed: false };
        let request = AddToTransaction {
            transactional_id: transaction.transactional_id.clone(),
            producer_id: producer_id.0,
            epoch: epoch.0,
            mode: transaction.support.mode(),
            partitions: vec![(partition.id.topic, partition.id.partition)],
        };
        let coordinator_epoch = self.add_to_transaction(request).await?;
        match partition.verified(producer_id, number, coordinator_epoch) {
            Verified::Yes => {
                asking.confirmed = true;
                Ok(())
            }
            Verified::TooLate => Err(TransactionError::Concurrent),
        }
    }

    /// Asks a transaction's coordinator, wherever it is, whether partitions belong to it, or to add them; the coordinator's
    /// epoch.
    pub(crate) async fn add_to_transaction(&self, request: AddToTransaction) -> Result<i32, TransactionError> {
        let id = self.cluster.transaction_partition(&request.transactional_id);
        let leader = id.and_then(|id| self.cluster.leader(id)).and_then(|leader| leader.incarnation);
        let asked = async {
            match leader {
                None => Err(TransactionError::CoordinatorNotAvailable),
                Some(leader) if leader == self.id => self.answer_add(request).await,
                Some(leader) => match self.ask_peer(leader, PeerRequest::AddToTransaction(request)).await {
                    Some(PeerAnswer::AddedToTransaction(answer)) => answer,
                    _ => Err(TransactionError::CoordinatorNotAvailable),
                },
            }
        };
        timeout(VERIFICATION_WAIT_MAX, asked).await.unwrap_or(Err(TransactionError::CoordinatorNotAvailable))
    }

    /// Answers [`Life::add_to_transaction`] where this broker is the coordinator.
    pub(crate) async fn answer_add(&self, request: AddToTransaction) -> Result<i32, TransactionError> {
        let coordinator = self.transaction_coordinator(&request.transactional_id)?;
        let producer = ProducerIdentity { producer_id: request.producer_id, epoch: request.epoch };
        let ids: BTreeSet<PartitionId> =
            request.partitions.into_iter().map(|(topic, partition)| PartitionId { topic, partition }).collect();
        coordinator.add(&request.transactional_id, producer, request.mode, ids).await
    }

    /// Has markers written by a broker; the outcomes come in the order of the partitions.
    pub(crate) async fn markers_by(self: &Arc<Self>, leader: Incarnation, markers: WriteMarkers) -> Vec<MarkerOutcome> {
        let count = markers.partitions.len();
        let again = || vec![MarkerOutcome::Again; count];
        if leader == self.id {
            return timeout(MARKERS_WAIT_MAX, self.write_markers(markers)).await.unwrap_or_else(|_| again());
        }
        let asked = self.ask_peer(leader, PeerRequest::WriteMarkers(markers));
        match timeout(MARKERS_WAIT_MAX, asked).await {
            Ok(Some(PeerAnswer::Marked(outcomes))) if outcomes.len() == count => outcomes,
            _ => again(),
        }
    }

    /// Writes markers into the partitions that this broker leads; answered when they are durable.
    ///
    /// # Cancel safety
    /// Dropping the future loses the answer only.
    pub(crate) async fn write_markers(self: &Arc<Self>, markers: WriteMarkers) -> Vec<MarkerOutcome> {
        let marker = Marker {
            producer_id: ProducerId(markers.producer_id),
            epoch: ProducerEpoch(markers.epoch),
            control: ControlRecord { kind: markers.outcome.marker(), coordinator_epoch: markers.coordinator_epoch },
            protocol: match markers.protocol {
                TransactionProtocol::Classic => Protocol::Classic,
                TransactionProtocol::EpochPerTransaction => Protocol::EpochPerTransaction,
            },
        };
        let written = markers.partitions.into_iter().map(|(topic, partition)| {
            let (answer, waiting) = oneshot::channel();
            let life = Arc::clone(self);
            // A task of its own: the group is told of the end also when nobody waits for the answer any more.
            self.tasks.spawn(async move {
                let _gone = answer.send(life.write_marker(PartitionId { topic, partition }, &marker).await);
            });
            async move { waiting.await.unwrap_or(MarkerOutcome::Again) }
        });
        join_all(written).await
    }

    async fn write_marker(&self, id: PartitionId, marker: &Marker) -> MarkerOutcome {
        let opening = Instant::now() + Duration::from_millis(200);
        let Ok(partition) = self.serving(&TopicRef::Id(id.topic), id.partition, opening).await else {
            return MarkerOutcome::Again;
        };
        let Some(reserved) = self.internal_memory.reserve(MARKER_BYTES).await else { return MarkerOutcome::Again };
        let (offset, ticket) = match partition.mark(marker, self.env.wall_ms(), &self.wal, reserved) {
            Ok(Marked::At(offset, ticket)) => (Some(offset), Some(ticket)),
            Ok(Marked::Before(ticket)) => (None, ticket),
            Ok(Marked::FencedCoordinator) => return MarkerOutcome::FencedCoordinator,
            Ok(Marked::FencedProducer) => return MarkerOutcome::FencedProducer,
            Err(_) => return MarkerOutcome::Again,
        };
        if let Some(mut ticket) = ticket
            && ticket.wait_for(|durable| *durable).await.is_err()
        {
            return MarkerOutcome::Again;
        }
        if let Some(offset) = offset {
            self.tell_group(id, marker.producer_id, marker.control.kind, offset);
        }
        MarkerOutcome::Written
    }

    /// The offsets that a transaction committed count now, or never will.
    fn tell_group(&self, id: PartitionId, producer_id: ProducerId, kind: MarkerKind, marker: Offset) {
        if let Some(group) = self.group_coordinator_of(id) {
            group.transaction_ended(producer_id, kind, marker);
        }
    }

    /// Asks another broker; none when it does not answer, or is not there any more.
    async fn ask_peer(&self, to: Incarnation, request: PeerRequest) -> Option<PeerAnswer> {
        let others = self.cluster.others(self.id);
        let (_, info) = others.into_iter().find(|(incarnation, _)| *incarnation == to)?;
        self.network.ask(info, request).await.ok()
    }
}
