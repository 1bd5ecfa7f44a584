//! Transactions: finding the coordinator, and asking it.

use std::collections::BTreeSet;
use std::sync::Arc;

use tokio::time::Instant;

use super::{Engine, Inner};
use crate::group::{Committer, GroupError, OffsetCommitError};
use crate::limits::{OPENING_WAIT_MAX, TRANSACTION_TIMEOUT_MAX, TRANSACTIONAL_ID_BYTES_MAX};
use crate::status::BrokerInfo;
use crate::topic::{InitProducerId, InitProducerIdError, PartitionError, PartitionId, ProducerIdentity, TopicRef};
use crate::txn::{
    AddMode, AddOffsetsRequest, AddPartitionsRequest, Coordinator, End, EndTransactionRequest, ProducerDescription,
    TransactionDescription, TransactionError, TransactionListing, TransactionalCommitError, TransactionalCommitOutcome,
    TransactionalCommitRequest,
};

impl Engine {
    /// The broker that coordinates a transactional id; none while its partition has no leader.
    #[must_use]
    pub fn transaction_coordinator(&self, transactional_id: &str) -> Option<BrokerInfo> {
        self.inner.cluster.transaction_coordinator(transactional_id)
    }

    /// A producer takes a transactional id over.
    pub(super) async fn init_transactional(
        &self,
        transactional_id: &str,
        request: &InitProducerId,
    ) -> Result<ProducerIdentity, InitProducerIdError> {
        let coordinator = self.inner.transaction_coordinator(transactional_id)?;
        let timeout_ms = request.transaction_timeout_ms;
        if timeout_ms <= 0 || u128::from(timeout_ms.unsigned_abs()) > TRANSACTION_TIMEOUT_MAX.as_millis() {
            return Err(TransactionError::InvalidTimeout.into());
        }
        let fresh_id = self.inner.fresh_id_if_needed(&coordinator, transactional_id).await?;
        Ok(coordinator.init(transactional_id, timeout_ms, request.current, fresh_id).await?)
    }

    /// Adds partitions to a transaction, or looks whether they are in it: all or none. The answers come back in the order
    /// of the partitions.
    pub async fn add_partitions_to_transaction(
        &self,
        request: AddPartitionsRequest,
    ) -> Vec<Result<(), TransactionError>> {
        let ids: Vec<Option<PartitionId>> = request
            .partitions
            .iter()
            .map(|(topic, partition)| self.inner.cluster.partition_id(topic, *partition))
            .collect();
        if ids.iter().any(Option::is_none) {
            let answer = |id: &Option<PartitionId>| match id {
                Some(_) => Err(TransactionError::NotAttempted),
                None => Err(TransactionError::UnknownTopicOrPartition),
            };
            return ids.iter().map(answer).collect();
        }
        let partitions = ids.iter().flatten().copied().collect();
        let added =
            self.inner.add(&request.transactional_id, request.producer, request.mode, partitions).await.map(drop);
        vec![added; ids.len()]
    }

    /// Makes a group's offsets a part of a transaction.
    ///
    /// # Errors
    /// [`TransactionError`].
    pub async fn add_offsets_to_transaction(&self, request: AddOffsetsRequest) -> Result<(), TransactionError> {
        let partition = self.inner.cluster.coordinator_partition(&request.group);
        let partition = partition.filter(|_| !request.group.is_empty()).ok_or(TransactionError::InvalidRequest)?;
        let partitions = BTreeSet::from([partition]);
        self.inner.add(&request.transactional_id, request.producer, AddMode::Add, partitions).await.map(drop)
    }

    /// Ends a transaction; answered when its fate is durable. The producer goes on under the identity in the answer.
    ///
    /// # Errors
    /// [`TransactionError`].
    pub async fn end_transaction(&self, request: EndTransactionRequest) -> Result<ProducerIdentity, TransactionError> {
        let EndTransactionRequest { transactional_id, producer, outcome, protocol } = request;
        let coordinator = self.inner.transaction_coordinator(&transactional_id)?;
        let fresh_id = self.inner.fresh_id_if_needed(&coordinator, &transactional_id).await;
        let fresh_id = fresh_id.map_err(|_| TransactionError::CoordinatorNotAvailable)?;
        coordinator.end(&transactional_id, End { producer, outcome, protocol }, fresh_id).await
    }

    /// Commits offsets in a transaction: they count when it is committed. Answered when they are durable.
    pub async fn transactional_offset_commit(
        &self,
        request: TransactionalCommitRequest,
    ) -> Vec<TransactionalCommitOutcome> {
        let count = request.offsets.len();
        match self.commit_in_transaction(request).await {
            Ok(outcomes) => outcomes,
            Err(error) => vec![Err(error); count],
        }
    }

    async fn commit_in_transaction(
        &self,
        request: TransactionalCommitRequest,
    ) -> Result<Vec<TransactionalCommitOutcome>, TransactionalCommitError> {
        let TransactionalCommitRequest { transaction, producer, group, generation, member_id, .. } = request;
        let coordinator = self.inner.coordinator(&group).map_err(OffsetCommitError::Group)?;
        let life = self.inner.life().ok_or(OffsetCommitError::Group(GroupError::CoordinatorNotAvailable))?;
        let (commits, outcomes) = self.inner.commits(request.offsets);
        let identity = (broker_record::ProducerId(producer.producer_id), broker_record::ProducerEpoch(producer.epoch));
        life.verify(coordinator.partition(), identity, &transaction).await?;
        let who = Committer { group, generation, member_id, instance: request.group_instance_id };
        let committed = coordinator.commit_transactional(&who, producer, commits).await;
        let outcomes = outcomes.into_iter().map(|outcome| match outcome {
            Ok(()) => committed.clone(),
            Err(error) => Err(error.into()),
        });
        Ok(outcomes.collect())
    }

    /// The transactional ids this broker coordinates.
    #[must_use]
    pub fn list_transactions(&self) -> Vec<TransactionListing> {
        let Some(life) = self.inner.life() else { return Vec::new() };
        let mut all: Vec<TransactionListing> =
            life.all_transaction_coordinators().iter().flat_map(|coordinator| coordinator.list()).collect();
        all.sort_by(|a, b| a.transactional_id.cmp(&b.transactional_id));
        all
    }

    /// A transactional id in full, after confirming that this broker still is its coordinator.
    ///
    /// # Errors
    /// [`TransactionError`].
    pub async fn describe_transaction(
        &self,
        transactional_id: &str,
    ) -> Result<TransactionDescription, TransactionError> {
        self.inner.transaction_coordinator(transactional_id)?;
        self.inner.journal.confirm().await.map_err(|_| TransactionError::CoordinatorNotAvailable)?;
        let coordinator = self.inner.transaction_coordinator(transactional_id)?;
        coordinator.describe(transactional_id, |id| self.inner.cluster.topic_name(id.topic))
    }

    /// The producers that a partition remembers.
    ///
    /// # Errors
    /// [`PartitionError`].
    pub async fn describe_producers(
        &self,
        topic: &TopicRef,
        partition: i32,
    ) -> Result<Vec<ProducerDescription>, PartitionError> {
        let life = self.inner.serving()?;
        let serving = life.serving(topic, partition, Instant::now() + OPENING_WAIT_MAX).await?;
        let producers = serving.producers().map_err(|error| life.with_hint(error, serving.id))?;
        let described = producers.into_iter().map(|known| ProducerDescription {
            producer: ProducerIdentity { producer_id: known.producer_id.0, epoch: known.epoch.0 },
            last_sequence: known.batches.last().map_or(-1, |batch| batch.last_sequence),
            last_timestamp: known.last_timestamp,
            coordinator_epoch: known.coordinator_epoch,
            transaction_start: known.open_since.map_or(-1, |offset| offset.0),
        });
        Ok(described.collect())
    }
}

impl Inner {
    /// The coordinator of a transactional id, if this broker is it.
    fn transaction_coordinator(&self, transactional_id: &str) -> Result<Arc<Coordinator>, TransactionError> {
        if transactional_id.is_empty() || transactional_id.len() > TRANSACTIONAL_ID_BYTES_MAX {
            return Err(TransactionError::InvalidRequest);
        }
        let life = self.life().ok_or(TransactionError::CoordinatorNotAvailable)?;
        life.transaction_coordinator(transactional_id)
    }

    async fn add(
        &self,
        transactional_id: &str,
        producer: ProducerIdentity,
        mode: AddMode,
        partitions: BTreeSet<PartitionId>,
    ) -> Result<i32, TransactionError> {
        self.transaction_coordinator(transactional_id)?.add(transactional_id, producer, mode, partitions).await
    }

    /// A producer id, where the transactional id may need one; ids cost nothing.
    async fn fresh_id_if_needed(
        &self,
        coordinator: &Coordinator,
        transactional_id: &str,
    ) -> Result<i64, InitProducerIdError> {
        if coordinator.may_need_id(transactional_id) { self.fresh_producer_id().await } else { Ok(-1) }
    }
}
