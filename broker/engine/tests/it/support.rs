//! Engines, producers and consumers in a few words.

use std::collections::BTreeMap;
use std::sync::atomic::{AtomicU16, Ordering};
use std::sync::{Arc, LazyLock, Mutex};
use std::time::Duration;

use broker_engine::record::{Batch, BatchBuilder, ProducerEpoch, ProducerId};
use broker_engine::store::Store;
use broker_engine::{
    Acks, AdminMode, BrokerInfo, CreateTopic, Endpoint, Engine, EngineConfig, Env, FetchError, FetchPartition,
    FetchRequest, Fetched, Isolation, Network, PartitionError, PeerAnswer, PeerError, PeerRequest, ProduceError,
    ProducePartition, ProduceRequest, Stores, TopicRef,
};
use bytes::Bytes;
use futures::future::BoxFuture;

pub(crate) const TOPIC: &str = "payments";

/// A store in memory; engines that are given clones share it.
pub(crate) fn memory() -> Stores {
    both(Store::memory("test").unwrap())
}

pub(crate) fn both(store: Store) -> Stores {
    Stores { data: store.clone(), metadata: store }
}

pub(crate) fn config(host: &str) -> EngineConfig {
    // A port of its own for every engine of this process: the network finds it by that.
    static PORT: AtomicU16 = AtomicU16::new(1024);
    let port = PORT.fetch_add(1, Ordering::SeqCst);
    let mut config = EngineConfig::development("test", Endpoint { host: "127.0.0.1".to_owned(), port });
    config.host_identity = host.to_owned();
    config
}

pub(crate) async fn start(host: &str, stores: &Stores) -> Engine {
    start_with(config(host), stores).await
}

pub(crate) async fn start_with(config: EngineConfig, stores: &Stores) -> Engine {
    start_in(config, stores, Env::system()).await
}

pub(crate) async fn start_in(config: EngineConfig, stores: &Stores, world: Env) -> Engine {
    start_on(config, stores, world, network()).await
}

pub(crate) async fn start_on(config: EngineConfig, stores: &Stores, world: Env, network: Arc<dyn Network>) -> Engine {
    let port = config.advertised.port;
    let engine = Engine::start(config, stores.clone(), network, world).await.unwrap();
    LINES.lock().unwrap().insert(port, Line { engine: engine.clone(), state: LineState::Up });
    engine
}

/// The way to an engine.
struct Line {
    engine: Engine,
    state: LineState,
}

/// What becomes of questions.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum LineState {
    /// They are answered.
    Up,
    /// Nothing comes back.
    Cut,
    /// Connections are refused.
    Refusing,
}

/// Every engine of this process, by its port.
static LINES: LazyLock<Mutex<BTreeMap<u16, Line>>> = LazyLock::new(Mutex::default);

/// The network on which all engines of this process are.
#[derive(Debug)]
struct Lines;

pub(crate) fn network() -> Arc<dyn Network> {
    Arc::new(Lines)
}

impl Network for Lines {
    fn ask(&self, to: BrokerInfo, request: PeerRequest) -> BoxFuture<'static, Result<PeerAnswer, PeerError>> {
        Box::pin(async move {
            let found = LINES.lock().unwrap().get(&to.endpoint.port).map(|line| (line.engine.clone(), line.state));
            let between = found.as_ref().and_then(|(engine, _)| between(&request, engine));
            match found.map(|(engine, state)| (engine, between.unwrap_or(state))) {
                Some((engine, LineState::Up)) if engine.status().live => Ok(engine.answer_peer(request).await),
                Some((_, LineState::Cut)) => std::future::pending().await,
                Some(_) | None => Err(PeerError::Refused),
            }
        })
    }
}

/// Ways from one engine to another that are not as the others are: by who asks and who is asked.
type Ways = BTreeMap<(uuid::Uuid, i32, i32), LineState>;

static BETWEEN: LazyLock<Mutex<Ways>> = LazyLock::new(Mutex::default);

fn between(request: &PeerRequest, to: &Engine) -> Option<LineState> {
    // Who asks is told by heartbeats only, which decide who lives.
    let PeerRequest::Heartbeat(heartbeat) = request else { return None };
    BETWEEN.lock().unwrap().get(&(to.cluster_id(), heartbeat.from.broker, to.node_id())).copied()
}

/// Changes the way of heartbeats from one engine to another.
pub(crate) fn set_line_between(from: &Engine, to: &Engine, state: LineState) {
    BETWEEN.lock().unwrap().insert((to.cluster_id(), from.node_id(), to.node_id()), state);
}

/// Changes the way from all others to an engine.
pub(crate) fn set_line(engine: &Engine, state: LineState) {
    for line in LINES.lock().unwrap().values_mut() {
        if line.engine.node_id() == engine.node_id() && line.engine.cluster_id() == engine.cluster_id() {
            line.state = state;
        }
    }
}

/// A world whose wall clock moves with tokio's, from a day in 2001 on.
pub(crate) fn moving_world() -> Env {
    Env::new(std::sync::Arc::new(TokioClock { start: tokio::time::Instant::now() }), 7)
}

/// See [`moving_world`].
struct TokioClock {
    start: tokio::time::Instant,
}

/// Where [`moving_world`] begins, in ms since 1970.
pub(crate) const EPOCH_MS: i64 = 1_000_000_000_000;

impl broker_engine::Clock for TokioClock {
    fn wall_ms(&self) -> i64 {
        EPOCH_MS + i64::try_from(self.start.elapsed().as_millis()).unwrap()
    }

    fn monotonic(&self) -> Duration {
        self.start.elapsed()
    }
}

pub(crate) fn topic() -> TopicRef {
    TopicRef::Name(TOPIC.to_owned())
}

pub(crate) async fn create_topic(engine: &Engine, partitions: i32) {
    // The records of most tests are stamped in 1970: by default they would have expired long ago.
    let configs = std::collections::BTreeMap::from([("retention.ms".to_owned(), "-1".to_owned())]);
    let topic = CreateTopic { name: TOPIC.to_owned(), partitions: Some(partitions), configs };
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
        transaction: None,
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
        zone: None,
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

/// Refuses connections to an engine until another one has fenced it.
pub(crate) async fn fence(observer: &Engine, dead: &Engine) {
    let incarnation = observer.view().broker(dead.node_id()).unwrap().incarnation();
    set_line(dead, LineState::Refusing);
    until("the dead broker is fenced", || !observer.view().is_alive(incarnation)).await;
    set_line(dead, LineState::Up);
}
