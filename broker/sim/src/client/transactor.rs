//! Transactional producers, and what became of their transactions.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use broker_engine::record::{Attributes, BatchBuilder, ProducerEpoch, ProducerId};
use broker_engine::{
    Acks, EndTransactionRequest, InitProducerId, InitProducerIdError, ProduceError, ProducePartition, ProduceRequest,
    ProducerIdentity, ProducerTransaction, TopicRef, TransactionError, TransactionOutcome, TransactionProtocol,
    TransactionSupport,
};
use bytes::Bytes;
use uuid::Uuid;

use super::{Client, slot_of};
use crate::core::Slot;

/// How long one answer is waited for.
const PATIENCE: Duration = Duration::from_secs(12);

/// What became of a transaction, as far as its producer knows.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Fate {
    /// It is open, or nobody was told how it ended.
    Unknown,
    /// Its producer was told that it is committed.
    Committed,
    /// Its producer asked for an abort, or never for a commit.
    Aborted,
}

/// A transaction.
#[derive(Clone, Debug)]
pub struct Transaction {
    /// What became of it.
    pub fate: Fate,
    /// What was acknowledged in it, by partition.
    pub values: Vec<(i32, String)>,
}

/// All transactions of a world, by name.
pub type Transactions = Arc<Mutex<BTreeMap<String, Transaction>>>;

/// A transactional producer.
#[derive(Clone, Debug)]
pub struct Transactor {
    /// How it reaches brokers.
    pub client: Client,
    /// Its transactional id.
    pub id: String,
    /// Where it writes.
    pub topic: Uuid,
    /// Partitions of it.
    pub partitions: i32,
    /// Where everybody's transactions are noted.
    pub transactions: Transactions,
}

/// A transaction cannot go on.
struct Broken;

impl Transactor {
    /// Runs one transaction after the other until the work is over.
    pub async fn run(self, until: Duration) {
        let mut number = 0_u32;
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
            let name = format!("{}.{number}", self.id);
            match self.transact(&name, current, &mut sequences).await {
                Ok(next) => {
                    if next.epoch != current.epoch || next.producer_id != current.producer_id {
                        sequences.clear();
                    }
                    identity = Some(next);
                }
                // Whoever does not know how it ended begins anew, which ends it.
                Err(Broken) => identity = None,
            }
        }
    }

    async fn init(&self) -> Option<ProducerIdentity> {
        let slot = self.coordinator().await?;
        let request = InitProducerId {
            transactional_id: Some(self.id.clone()),
            transaction_timeout_ms: 15_000,
            current: None,
        };
        let given: Result<ProducerIdentity, InitProducerIdError> =
            self.client.ask(slot, PATIENCE, |engine| async move { engine.init_producer_id(request).await }).await?;
        given.ok()
    }

    async fn transact(
        &self,
        name: &str,
        identity: ProducerIdentity,
        sequences: &mut BTreeMap<i32, i32>,
    ) -> Result<ProducerIdentity, Broken> {
        self.note(name, Fate::Aborted, None);
        let writes = 1 + self.client.core.random().index(4);
        for write in 0..writes {
            let partition = self.client.core.random().below(u64::from(self.partitions.unsigned_abs()));
            let partition = i32::try_from(partition).unwrap_or(0);
            let value = format!("{name}/{write}");
            let sequence = sequences.entry(partition).or_default();
            self.write(identity, partition, *sequence, &value).await?;
            *sequence += 1;
            self.note(name, Fate::Aborted, Some((partition, value)));
        }
        let commits = self.client.core.random().per_mille(700);
        let outcome = if commits { TransactionOutcome::Commit } else { TransactionOutcome::Abort };
        if commits {
            self.note(name, Fate::Unknown, None);
        }
        let next = self.end(identity, outcome).await?;
        self.note(name, if commits { Fate::Committed } else { Fate::Aborted }, None);
        self.client.core.say(|| format!("    {name}: {outcome:?}"));
        Ok(next)
    }

    async fn write(&self, identity: ProducerIdentity, partition: i32, sequence: i32, value: &str) -> Result<(), Broken> {
        for _ in 0..30 {
            let Some(leader) = self.client.find_leader(self.topic, partition).await else {
                self.client.pause(50, 300).await;
                continue;
            };
            let request = ProduceRequest {
                acks: Acks::Durable,
                timeout: self.client.core.plan.produce_timeout,
                transaction: Some(ProducerTransaction {
                    transactional_id: self.id.clone(),
                    support: TransactionSupport::ImplicitAdd,
                }),
                partitions: vec![ProducePartition {
                    topic: TopicRef::Id(self.topic),
                    partition,
                    records: batch(self.client.core.clock.wall_ms(), identity, sequence, value),
                }],
            };
            let answer = self.client.ask(leader.slot, PATIENCE, |engine| async move { engine.produce(request).await });
            match answer.await.and_then(|mut outcomes| outcomes.pop()) {
                Some(Ok(_)) => return Ok(()),
                Some(Err(ProduceError::Partition(_) | ProduceError::TimedOut)) | None => {}
                Some(Err(error)) => {
                    self.client.core.say(|| format!("    {value}: {error:?}"));
                    return Err(Broken);
                }
            }
            self.client.pause(20, 300).await;
        }
        Err(Broken)
    }

    async fn end(&self, producer: ProducerIdentity, outcome: TransactionOutcome) -> Result<ProducerIdentity, Broken> {
        for _ in 0..40 {
            let Some(slot) = self.coordinator().await else {
                self.client.pause(50, 300).await;
                continue;
            };
            let request = EndTransactionRequest {
                transactional_id: self.id.clone(),
                producer,
                outcome,
                protocol: TransactionProtocol::EpochPerTransaction,
            };
            let answer =
                self.client.ask(slot, PATIENCE, |engine| async move { engine.end_transaction(request).await }).await;
            match answer {
                Some(Ok(next)) => return Ok(next),
                Some(Err(
                    TransactionError::ProducerFenced
                    | TransactionError::InvalidProducerIdMapping
                    | TransactionError::InvalidState
                    | TransactionError::NotFound,
                )) => return Err(Broken),
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

    fn note(&self, name: &str, fate: Fate, value: Option<(i32, String)>) {
        let mut all: MutexGuard<'_, BTreeMap<String, Transaction>> =
            self.transactions.lock().unwrap_or_else(PoisonError::into_inner);
        let one = all.entry(name.to_owned()).or_insert(Transaction { fate, values: Vec::new() });
        one.fate = fate;
        one.values.extend(value);
    }
}

fn batch(time_ms: i64, identity: ProducerIdentity, sequence: i32, value: &str) -> Bytes {
    let (id, epoch) = (ProducerId(identity.producer_id), ProducerEpoch(identity.epoch));
    let mut builder = BatchBuilder::new(time_ms)
        .attributes(Attributes::default().with_transactional())
        .producer(id, epoch, sequence);
    builder.push(None, Some(value.as_bytes()));
    builder.build().bytes().clone()
}
