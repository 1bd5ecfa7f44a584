//! Engines, producers and consumers in a few words.

use std::time::Duration;

use broker_engine::record::{Batch, BatchBuilder, ProducerEpoch, ProducerId};
use broker_engine::store::Store;
use broker_engine::{
    Acks, AdminMode, CreateTopic, Endpoint, Engine, EngineConfig, Env, FetchError, FetchPartition, FetchRequest,
    Fetched, Isolation, PartitionError, ProduceError, ProducePartition, ProduceRequest, Stores, TopicRef,
};
use bytes::Bytes;

pub(crate) const TOPIC: &str = "payments";

/// A store in memory; engines that are given clones share it.
pub(crate) fn memory() -> Stores {
    both(Store::memory("test").unwrap())
}

pub(crate) fn both(store: Store) -> Stores {
    Stores { data: store.clone(), metadata: store }
}

pub(crate) fn config(host: &str) -> EngineConfig {
    let mut config = EngineConfig::development("test", Endpoint { host: "127.0.0.1".to_owned(), port: 9092 });
    config.host_identity = host.to_owned();
    config
}

pub(crate) async fn start(host: &str, stores: &Stores) -> Engine {
    Engine::start(config(host), stores.clone(), Env::system()).await.unwrap()
}

pub(crate) fn topic() -> TopicRef {
    TopicRef::Name(TOPIC.to_owned())
}

pub(crate) async fn create_topic(engine: &Engine, partitions: i32) {
    let topic = CreateTopic { name: TOPIC.to_owned(), partitions: Some(partitions), configs: Default::default() };
    let wait = Duration::from_secs(10);
    for created in engine.create_topics(vec![topic], AdminMode::Apply, "User:test", wait).await {
        created.unwrap();
    }
}

/// A batch with these values.
pub(crate) fn batch(values: &[String]) -> Bytes {
    build(BatchBuilder::new(1_000), values)
}

/// A batch of an idempotent producer.
pub(crate) fn sequenced(producer: i64, sequence: i32, values: &[String]) -> Bytes {
    build(BatchBuilder::new(1_000).producer(ProducerId(producer), ProducerEpoch(0), sequence), values)
}

fn build(mut builder: BatchBuilder, values: &[String]) -> Bytes {
    for value in values {
        builder.push(None, Some(value.as_bytes()));
    }
    builder.build().bytes().clone()
}

pub(crate) fn request(partition: i32, records: Bytes) -> ProduceRequest {
    ProduceRequest {
        acks: Acks::Durable,
        timeout: Duration::from_secs(30),
        transactional_id: None,
        partitions: vec![ProducePartition { topic: topic(), partition, records }],
    }
}

/// Appends; the offset of the first record.
pub(crate) async fn produce(engine: &Engine, partition: i32, records: Bytes) -> Result<i64, ProduceError> {
    let outcome = engine.produce(request(partition, records)).await.pop().unwrap();
    outcome.map(|appended| appended.base_offset)
}

pub(crate) fn fetch_request(partition: i32, offset: i64, max_wait: Duration) -> FetchRequest {
    FetchRequest {
        max_wait,
        min_bytes: 1,
        max_bytes: 50 << 20,
        isolation: Isolation::ReadUncommitted,
        partitions: vec![FetchPartition {
            topic: topic(),
            partition,
            current_leader_epoch: None,
            offset,
            max_bytes: 10 << 20,
        }],
    }
}

pub(crate) async fn fetch(engine: &Engine, partition: i32, offset: i64) -> Result<Fetched, FetchError> {
    engine.fetch(fetch_request(partition, offset, Duration::ZERO)).await.pop().unwrap()
}

/// Offsets and values of batches.
pub(crate) fn decode(fetched: &Fetched) -> Vec<(i64, String)> {
    let mut records = Vec::new();
    for bytes in &fetched.records {
        let mut bytes = bytes.clone();
        while !bytes.is_empty() {
            let batch = Batch::take(&mut bytes).unwrap();
            batch.validate().unwrap();
            for record in batch.records().unwrap() {
                let record = record.unwrap();
                records.push((record.offset.0, String::from_utf8(record.value.unwrap().to_vec()).unwrap()));
            }
        }
    }
    records
}

/// Everything in a partition.
pub(crate) async fn read_all(engine: &Engine, partition: i32) -> Vec<(i64, String)> {
    let mut records: Vec<(i64, String)> = Vec::new();
    loop {
        let next = records.last().map_or(0, |(offset, _)| offset + 1);
        let fetched = patiently(|| fetch(engine, partition, next)).await;
        let new = decode(&fetched);
        if new.is_empty() {
            return records;
        }
        records.extend(new);
    }
}

/// Repeats what fails because nobody leads, as clients do.
pub(crate) async fn patiently<T, E: Retriable, F: Future<Output = Result<T, E>>>(mut ask: impl FnMut() -> F) -> T {
    let deadline = tokio::time::Instant::now() + Duration::from_secs(60);
    loop {
        match ask().await {
            Ok(answer) => return answer,
            Err(error) => assert!(error.is_retriable() && tokio::time::Instant::now() < deadline, "{error:?}"),
        }
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
}

/// Errors after which a client asks again.
pub(crate) trait Retriable: std::fmt::Debug {
    fn is_retriable(&self) -> bool;
}

impl Retriable for PartitionError {
    fn is_retriable(&self) -> bool {
        matches!(self, Self::NotLeader(_) | Self::Storage | Self::UnknownTopicOrPartition)
    }
}

impl Retriable for ProduceError {
    fn is_retriable(&self) -> bool {
        match self {
            Self::Partition(error) => error.is_retriable(),
            other => *other == Self::TimedOut,
        }
    }
}

impl Retriable for FetchError {
    fn is_retriable(&self) -> bool {
        matches!(self, Self::Partition(error) if error.is_retriable())
    }
}

/// Values numbered from `first` on.
pub(crate) fn values(first: usize, count: usize) -> Vec<String> {
    (first..first + count).map(|number| format!("value {number}")).collect()
}

/// What a partition holds when `all` were appended to it one after the other.
pub(crate) fn numbered(all: &[String]) -> Vec<(i64, String)> {
    (0..).zip(all.iter().cloned()).collect()
}

/// Waits until something is so.
pub(crate) async fn until(what: &str, mut is_so: impl FnMut() -> bool) {
    let deadline = tokio::time::Instant::now() + Duration::from_secs(60);
    while !is_so() {
        assert!(tokio::time::Instant::now() < deadline, "never: {what}");
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
}

/// Tells an engine that another one refuses connections, until it has fenced it.
pub(crate) async fn fence(observer: &Engine, dead: &Engine) {
    let node_id = dead.node_id();
    let incarnation = observer.view().broker(node_id).unwrap().incarnation();
    until("the dead broker is fenced", || {
        observer.observe(node_id, broker_engine::PeerSignal::Refused);
        !observer.view().is_alive(incarnation)
    })
    .await;
}
