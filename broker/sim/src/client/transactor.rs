//! Transactional producers: each value is written in a transaction that is committed, aborted, or left alone.

use std::collections::BTreeMap;
use std::time::Duration;

use broker_engine::record::{Attributes, BatchBuilder, ProducerEpoch, ProducerId};
use broker_engine::{
    Acks, AddMode, AddOffsetsRequest, AddPartitionsRequest, CommitOffset, EndTransactionRequest, InitProducerId,
    ProduceError, ProducePartition, ProduceRequest, ProducerIdentity, ProducerTransaction, TopicRef, TransactionError,
    TransactionOutcome, TransactionProtocol, TransactionSupport, TransactionalCommitError, TransactionalCommitRequest,
};
use bytes::Bytes;
use uuid::Uuid;

use super::{Client, slot_of};
use crate::core::Slot;
use crate::invariant::Invariant;
use crate::transactions::Fate;

/// How long one answer is waited for.
const PATIENCE: Duration = Duration::from_secs(12);
/// The time-out of transactions.
const TIMEOUT_MS: i32 = 15_000;

/// A transactional producer.
#[derive(Clone, Debug)]
pub struct Transactor {
    /// How it reaches brokers.
    pub client: Client,
    /// Its transactional id.
    pub id: String,
    /// Where it writes.
    pub topic: Uuid,
    /// How it tells its transactions apart.
    pub protocol: TransactionProtocol,
}

/// A transaction cannot go on.
struct Broken;

/// The group in which a transactional id commits offsets.
#[must_use]
pub fn group_of(id: &str) -> String {
    format!("{id}-group")
}

impl Transactor {
    /// Runs one transaction after the other until the work is over.
    pub async fn run(self, until: Duration) {
        let mut number = 0_i64;
        let mut identity = None;
        let mut sequences: BTreeMap<i32, i32> = BTreeMap::new();
        while self.client.core.clock.now() < until {
            self.client.pause(20, 600).await;
            let Some(current) = identity else {
                identity = self.init().await;
                sequences.clear();
                continue;
            };
            number += 1;
            identity = match self.transact(number, current, &mut sequences).await {
                Ok(next) => {
                    if next != current {
                        sequences.clear();
                    }
                    Some(next)
                }
                // Whoever does not know how it ended begins anew, which ends it.
                Err(Broken) => None,
            };
        }
    }

    async fn init(&self) -> Option<ProducerIdentity> {
        let slot = self.coordinator().await?;
        let request = InitProducerId {
            transactional_id: Some(self.id.clone()),
            transaction_timeout_ms: TIMEOUT_MS,
            current: None,
        };
        let given = self.client.ask(slot, PATIENCE, |engine| async move { engine.init_producer_id(request).await });
        given.await?.ok()
    }

    async fn transact(
        &self,
        number: i64,
        identity: ProducerIdentity,
        sequences: &mut BTreeMap<i32, i32>,
    ) -> Result<ProducerIdentity, Broken> {
        let name = format!("{}.{number}", self.id);
        self.client.core.ledger().transactions.begin(&name, &self.id, number);
        let writes = 1 + self.client.core.random().index(4);
        for write in 0..writes {
            let partitions = u64::from(self.client.core.plan.partitions.unsigned_abs());
            let partition = i32::try_from(self.client.core.random().below(partitions)).unwrap_or(0);
            let value = format!("{name}/{write}");
            let sequence = sequences.entry(partition).or_default();
            let offset = self.write(identity, partition, *sequence, &value).await?;
            *sequence += 1;
            self.client.core.ledger().transactions.wrote(&name, (self.topic, partition), offset, &value);
        }
        if self.client.core.random().per_mille(300) {
            self.client.core.ledger().transactions.commits_offset(&name);
            self.commit_offset(identity, number).await?;
        }
        let commits = self.client.core.random().per_mille(700);
        let outcome = if commits { TransactionOutcome::Commit } else { TransactionOutcome::Abort };
        if commits {
            self.client.core.ledger().transactions.became(&name, Fate::Unknown);
        }
        let next = self.end(identity, outcome).await?;
        self.client.core.say(|| format!("    {name}: {outcome:?}"));
        if commits {
            self.client.core.ledger().transactions.became(&name, Fate::Committed);
        }
        Ok(next)
    }

    fn transaction(&self) -> ProducerTransaction {
        let support = match self.protocol {
            TransactionProtocol::Classic => TransactionSupport::Abortable,
            TransactionProtocol::EpochPerTransaction => TransactionSupport::ImplicitAdd,
        };
        ProducerTransaction { transactional_id: self.id.clone(), support }
    }

    /// Adds a partition to the transaction, where the protocol wants that said.
    async fn add(&self, producer: ProducerIdentity, partition: i32) -> Result<(), Broken> {
        for _ in 0..30 {
            let Some(slot) = self.coordinator().await else {
                self.client.pause(50, 300).await;
                continue;
            };
            let request = AddPartitionsRequest {
                transactional_id: self.id.clone(),
                producer,
                mode: AddMode::Add,
                partitions: vec![(TopicRef::Id(self.topic), partition)],
            };
            let answer = self
                .client
                .ask(slot, PATIENCE, |engine| async move { engine.add_partitions_to_transaction(request).await })
                .await;
            match answer.and_then(|mut answers| answers.pop()) {
                Some(Ok(())) => return Ok(()),
                Some(Err(error)) if is_final(&error) => return Err(Broken),
                Some(Err(_)) | None => self.client.pause(20, 300).await,
            }
        }
        Err(Broken)
    }

    async fn write(
        &self,
        identity: ProducerIdentity,
        partition: i32,
        sequence: i32,
        value: &str,
    ) -> Result<i64, Broken> {
        if self.protocol == TransactionProtocol::Classic {
            self.add(identity, partition).await?;
        }
        for _ in 0..30 {
            let Some(leader) = self.client.find_leader(self.topic, partition).await else {
                self.client.pause(50, 300).await;
                continue;
            };
            let request = ProduceRequest {
                acks: Acks::Durable,
                timeout: self.client.core.plan.produce_timeout,
                transaction: Some(self.transaction()),
                partitions: vec![ProducePartition {
                    topic: TopicRef::Id(self.topic),
                    partition,
                    records: batch(self.client.core.clock.wall_ms(), identity, sequence, value),
                }],
            };
            let answer = self.client.ask(leader.slot, PATIENCE, |engine| async move { engine.produce(request).await });
            match answer.await.and_then(|mut outcomes| outcomes.pop()) {
                Some(Ok(appended)) => {
                    self.acknowledged(partition, appended.base_offset, value);
                    return Ok(appended.base_offset);
                }
                Some(Err(
                    ProduceError::Partition(_) | ProduceError::TimedOut | ProduceError::CoordinatorUnavailable,
                ))
                | None => {}
                Some(Err(error)) => {
                    self.client.core.say(|| format!("    {value}: {error:?}"));
                    return Err(Broken);
                }
            }
            self.client.pause(20, 300).await;
        }
        Err(Broken)
    }

    fn acknowledged(&self, partition: i32, offset: i64, value: &str) {
        let core = &self.client.core;
        core.say(|| format!("    acked p{partition} {value} at {offset}"));
        core.happened(&[6, u64::try_from(offset).unwrap_or(0)]);
        let noted = core.ledger().acknowledge((self.topic, partition), offset, value);
        if let Err(problem) = noted {
            core.violated(Invariant::OffsetsAreDenseAndUnique, problem);
        }
    }

    /// Commits an offset in the transaction.
    async fn commit_offset(&self, producer: ProducerIdentity, offset: i64) -> Result<(), Broken> {
        let group = group_of(&self.id);
        if self.protocol == TransactionProtocol::Classic {
            let slot = self.coordinator().await.ok_or(Broken)?;
            let request = AddOffsetsRequest { transactional_id: self.id.clone(), producer, group: group.clone() };
            let added = self
                .client
                .ask(slot, PATIENCE, |engine| async move { engine.add_offsets_to_transaction(request).await });
            added.await.and_then(Result::ok).ok_or(Broken)?;
        }
        for _ in 0..20 {
            let request = TransactionalCommitRequest {
                transaction: self.transaction(),
                producer,
                group: group.clone(),
                generation: -1,
                member_id: String::new(),
                group_instance_id: None,
                offsets: vec![CommitOffset {
                    topic: TopicRef::Id(self.topic),
                    partition: 0,
                    offset,
                    leader_epoch: -1,
                    metadata: String::new(),
                }],
            };
            if let Some(slot) = self.client.group_coordinator(&group).await {
                let answer = self
                    .client
                    .ask(slot, PATIENCE, |engine| async move { engine.transactional_offset_commit(request).await });
                match answer.await.and_then(|mut outcomes| outcomes.pop()) {
                    Some(Ok(())) => return Ok(()),
                    Some(Err(TransactionalCommitError::Transaction(error))) if is_final(&error) => return Err(Broken),
                    Some(Err(_)) | None => {}
                }
            }
            self.client.pause(20, 400).await;
        }
        Err(Broken)
    }

    async fn end(&self, producer: ProducerIdentity, outcome: TransactionOutcome) -> Result<ProducerIdentity, Broken> {
        for _ in 0..40 {
            let Some(slot) = self.coordinator().await else {
                self.client.pause(50, 300).await;
                continue;
            };
            let request =
                EndTransactionRequest { transactional_id: self.id.clone(), producer, outcome, protocol: self.protocol };
            let answer =
                self.client.ask(slot, PATIENCE, |engine| async move { engine.end_transaction(request).await }).await;
            match answer {
                Some(Ok(next)) => return Ok(next),
                Some(Err(error)) if is_final(&error) => return Err(Broken),
                Some(Err(_)) | None => self.client.pause(20, 400).await,
            }
        }
        Err(Broken)
    }

    async fn coordinator(&self) -> Option<Slot> {
        let asked = self.client.somebody()?;
        let id = self.id.clone();
        let patience = Duration::from_secs(2);
        let found =
            self.client.ask(asked, patience, move |engine| async move { engine.transaction_coordinator(&id) }).await;
        found.flatten().map(|info| slot_of(info.endpoint.port))
    }
}

/// Whether asking again does not help.
fn is_final(error: &TransactionError) -> bool {
    matches!(
        error,
        TransactionError::ProducerFenced
            | TransactionError::InvalidProducerIdMapping
            | TransactionError::InvalidState
            | TransactionError::NotFound
            | TransactionError::InvalidRequest
    )
}

fn batch(time_ms: i64, identity: ProducerIdentity, sequence: i32, value: &str) -> Bytes {
    let (id, epoch) = (ProducerId(identity.producer_id), ProducerEpoch(identity.epoch));
    let mut builder =
        BatchBuilder::new(time_ms).attributes(Attributes::default().with_transactional()).producer(id, epoch, sequence);
    builder.push(None, Some(value.as_bytes()));
    builder.build().bytes().clone()
}
