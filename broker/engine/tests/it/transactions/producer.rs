//! A transactional producer, and readers of what is committed.

use std::collections::BTreeSet;
use std::time::Duration;

use broker_engine::record::{Attributes, Batch, BatchBuilder, ControlRecord, MarkerKind, ProducerEpoch, ProducerId};
use broker_engine::{
    AddMode, AddPartitionsRequest, EndTransactionRequest, Engine, FetchRequest, Fetched, InitProducerId, Isolation,
    ProduceError, ProduceRequest, ProducerIdentity, ProducerTransaction, TransactionError, TransactionOutcome,
    TransactionProtocol, TransactionSupport,
};

use crate::support::*;

pub(crate) const TIMEOUT: Duration = Duration::from_secs(60);

/// What a transactional client knows.
#[derive(Clone, Debug)]
pub(crate) struct Producer {
    pub(crate) transactional_id: String,
    pub(crate) identity: ProducerIdentity,
    protocol: TransactionProtocol,
    added: BTreeSet<i32>,
    sequences: std::collections::BTreeMap<i32, i32>,
}

/// The engine among those there are that metadata names.
fn named<'a>(engines: &[&'a Engine], node_id: Option<i32>) -> &'a Engine {
    let wanted = node_id.and_then(|id| engines.iter().find(|engine| engine.node_id() == id));
    wanted.or(engines.last()).unwrap()
}

pub(crate) fn coordinator<'a>(engines: &[&'a Engine], transactional_id: &str) -> &'a Engine {
    let knows = engines.last().unwrap();
    named(engines, knows.transaction_coordinator(transactional_id).map(|broker| broker.node_id))
}

pub(crate) fn leader<'a>(engines: &[&'a Engine], partition: i32) -> &'a Engine {
    named(engines, engines.last().unwrap().leader(&topic(), partition).map(|hint| hint.node_id))
}

impl Producer {
    pub(crate) async fn init(engines: &[&Engine], transactional_id: &str, protocol: TransactionProtocol) -> Self {
        let identity = patiently(|| {
            let request = InitProducerId {
                transactional_id: Some(transactional_id.to_owned()),
                transaction_timeout_ms: i32::try_from(TIMEOUT.as_millis()).unwrap(),
                current: None,
            };
            coordinator(engines, transactional_id).init_producer_id(request)
        })
        .await;
        Self {
            transactional_id: transactional_id.to_owned(),
            identity,
            protocol,
            added: BTreeSet::new(),
            sequences: Default::default(),
        }
    }

    /// Sends one record in the transaction, and adds the partition first where the protocol wants that.
    pub(crate) async fn send(&mut self, engines: &[&Engine], partition: i32, value: &str) {
        if self.protocol == TransactionProtocol::Classic && self.added.insert(partition) {
            patiently(|| async {
                let request = AddPartitionsRequest {
                    transactional_id: self.transactional_id.clone(),
                    producer: self.identity,
                    mode: AddMode::Add,
                    partitions: vec![(topic(), partition)],
                };
                let engine = coordinator(engines, &self.transactional_id);
                engine.add_partitions_to_transaction(request).await.remove(0)
            })
            .await;
        }
        let sequence = *self.sequences.entry(partition).or_default();
        loop {
            match self.try_send_as(leader(engines, partition), partition, value, sequence).await {
                Ok(_) => break,
                Err(ProduceError::CoordinatorUnavailable) => {}
                Err(error) => assert!(error.is_retriable(), "{error:?}"),
            }
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
        self.sequences.insert(partition, sequence + 1);
    }

    /// Sends one record once.
    pub(crate) async fn try_send(&self, engine: &Engine, partition: i32, value: &str) -> Result<i64, ProduceError> {
        let sequence = self.sequences.get(&partition).copied().unwrap_or(0);
        self.try_send_as(engine, partition, value, sequence).await
    }

    async fn try_send_as(
        &self,
        engine: &Engine,
        partition: i32,
        value: &str,
        sequence: i32,
    ) -> Result<i64, ProduceError> {
        let ProducerIdentity { producer_id, epoch } = self.identity;
        let mut builder = BatchBuilder::new(1_000).attributes(Attributes::default().with_transactional()).producer(
            ProducerId(producer_id),
            ProducerEpoch(epoch),
            sequence,
        );
        builder.push(None, Some(value.as_bytes()));
        let transaction = ProducerTransaction {
            transactional_id: self.transactional_id.clone(),
            support: match self.protocol {
                TransactionProtocol::Classic => TransactionSupport::Classic,
                TransactionProtocol::EpochPerTransaction => TransactionSupport::ImplicitAdd,
            },
        };
        let records = builder.build().bytes().clone();
        let request = ProduceRequest { transaction: Some(transaction), ..request(partition, records) };
        engine.produce(request).await.pop().unwrap().map(|appended| appended.base_offset)
    }

    /// Ends the transaction, and asks again until it is told that it has.
    pub(crate) async fn end(&mut self, engines: &[&Engine], outcome: TransactionOutcome) {
        let next = patiently(|| self.try_end(coordinator(engines, &self.transactional_id), outcome)).await;
        self.ended(next);
    }

    pub(crate) fn ended(&mut self, next: ProducerIdentity) {
        self.added.clear();
        if next != self.identity {
            self.identity = next;
            self.sequences.clear();
        }
    }

    pub(crate) async fn try_end(
        &self,
        engine: &Engine,
        outcome: TransactionOutcome,
    ) -> Result<ProducerIdentity, TransactionError> {
        let request = EndTransactionRequest {
            transactional_id: self.transactional_id.clone(),
            producer: self.identity,
            outcome,
            protocol: self.protocol,
        };
        engine.end_transaction(request).await
    }
}

/// Producer id, whether it is a marker of an abort or commit, and value.
pub(crate) fn records(fetched: &Fetched) -> Vec<(i64, bool, Option<String>)> {
    let mut found = Vec::new();
    for bytes in &fetched.records {
        let mut bytes = bytes.clone();
        while !bytes.is_empty() {
            let batch = Batch::take(&mut bytes).unwrap();
            let header = batch.header().clone();
            for record in batch.records().unwrap() {
                let record = record.unwrap();
                let value = if header.attributes.is_control() {
                    let kind = ControlRecord::parse(&record).unwrap().kind;
                    (kind == MarkerKind::Abort).then(|| "abort".to_owned())
                } else {
                    Some(String::from_utf8(record.value.unwrap().to_vec()).unwrap())
                };
                found.push((header.producer_id.0, header.attributes.is_control(), value));
            }
        }
    }
    found
}

/// What a reader of committed records sees now, by the rules of Kafka's consumers.
pub(crate) async fn read_committed(engines: &[&Engine], partition: i32) -> Vec<String> {
    look(engines, partition).await.1
}

/// The same, once no transaction is open any more.
pub(crate) async fn committed(engines: &[&Engine], partition: i32) -> Vec<String> {
    for _ in 0..2_000 {
        let (is_settled, values) = look(engines, partition).await;
        if is_settled {
            return values;
        }
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
    panic!("a transaction stays open");
}

async fn look(engines: &[&Engine], partition: i32) -> (bool, Vec<String>) {
    let request = FetchRequest { isolation: Isolation::ReadCommitted, ..fetch_request(partition, 0, Duration::ZERO) };
    let fetched = patiently(|| async { leader(engines, partition).fetch(request.clone()).await.pop().unwrap() }).await;
    let mut aborted = fetched.aborted.clone();
    aborted.sort_by_key(|one| one.first_offset);
    let mut aborted = aborted.into_iter().peekable();
    let mut hidden = BTreeSet::new();
    let mut seen = Vec::new();
    for (offset, (producer, is_control, value)) in (0..).zip(records(&fetched)) {
        while aborted.peek().is_some_and(|one| one.first_offset.0 <= offset) {
            hidden.insert(aborted.next().unwrap().producer_id.0);
        }
        match value {
            _ if is_control => {
                hidden.remove(&producer);
            }
            Some(value) if !hidden.contains(&producer) => seen.push(value),
            _ => {}
        }
    }
    (fetched.last_stable_offset == fetched.high_watermark, seen)
}
