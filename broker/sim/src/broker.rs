//! One broker of the world: a process that runs an engine, dies and comes back.

use std::fmt;
use std::num::NonZeroU32;
use std::sync::atomic::{AtomicI64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use broker_engine::{
    BrokerInfo, Endpoint, Engine, EngineConfig, Env, Network, PeerAnswer, PeerError, PeerRequest, Stores,
};
use broker_metadata::{FEATURE_LEVEL_MAX, FEATURE_LEVEL_NEW};
use broker_store::{Store, StoreClock};
use futures::future::BoxFuture;
use tokio::sync::oneshot;
use tokio::time::sleep;

use crate::bucket::{Access, Bucket, Request, Who};
use crate::clock::ProcessClock;
use crate::core::{Core, Link, Slot};
use crate::executor::ProcessId;
use crate::fault::Fault;
use crate::ledger::CLUSTER;

/// The first port; a broker's port tells its slot.
const FIRST_PORT: u16 = 9000;
/// Bytes of each of a broker's two caches.
pub(crate) const CACHE_BYTES_MAX: usize = 32 << 20;
/// Time after which a request into the void is given up, whatever the sender thinks.
const VOID: Duration = Duration::from_secs(30);

/// The slot whose port this is.
#[must_use]
pub fn slot_of(port: u16) -> Slot {
    Slot(usize::from(port.saturating_sub(FIRST_PORT)))
}

/// One broker.
#[derive(Debug)]
pub struct Broker {
    /// Its place.
    pub slot: Slot,
    /// How wrong its wall clock is, in milliseconds.
    pub wrong_by_ms: Arc<AtomicI64>,
    core: Arc<Core>,
    data: Bucket,
    metadata: Bucket,
    running: Mutex<Running>,
}

#[derive(Debug, Default)]
struct Running {
    /// What the present process knows: it is older where this is lower.
    feature_level_max: u32,
    process: Option<ProcessId>,
    engine: Option<Engine>,
    /// The random numbers of the present process begin with this.
    seed: u64,
    /// A second process with the same random numbers, and its engine.
    twin: Option<ProcessId>,
    twin_engine: Option<Engine>,
}

impl Broker {
    /// A broker that does not run yet.
    #[must_use]
    pub fn new(core: &Arc<Core>, slot: Slot, data: &Bucket, metadata: &Bucket) -> Arc<Self> {
        Arc::new(Self {
            slot,
            wrong_by_ms: Arc::default(),
            core: Arc::clone(core),
            data: data.clone(),
            metadata: metadata.clone(),
            running: Mutex::default(),
        })
    }

    /// The process that runs, if one does.
    #[must_use]
    pub fn process(&self) -> Option<ProcessId> {
        self.running().process.filter(|process| self.core.executor.is_alive(*process))
    }

    /// The engine, once it has started.
    #[must_use]
    pub fn engine(&self) -> Option<Engine> {
        self.process()?;
        self.running().engine.clone()
    }

    /// Whom a producer reaches here: the process, or the one that takes itself for it.
    #[must_use]
    pub fn reached_by_producers(&self) -> Option<(ProcessId, Engine)> {
        let twin = {
            let running = self.running();
            let alive = running.twin.filter(|twin| self.core.executor.is_alive(*twin));
            alive.zip(running.twin_engine.clone())
        };
        if let Some(twin) = twin
            && self.core.random().per_mille(500)
        {
            return Some(twin);
        }
        self.process().zip(self.engine())
    }

    /// Whether its process stands still.
    #[must_use]
    pub fn is_paused(&self) -> bool {
        self.process().is_some_and(|process| self.core.executor.is_paused(process))
    }

    /// Starts a process, unless one runs.
    pub fn start(self: &Arc<Self>, others: &Arc<Vec<Arc<Self>>>) {
        if self.process().is_some() {
            return;
        }
        let seed = self.core.random().number();
        // Whoever starts anew may be a newer one, and never an older one.
        let is_newest = !self.core.plan.feature_levels || self.core.random().per_mille(400);
        let process = self.core.executor.process();
        {
            let mut running = self.running();
            let level = if is_newest { FEATURE_LEVEL_MAX } else { FEATURE_LEVEL_NEW };
            running.feature_level_max = running.feature_level_max.max(level);
            running.process = Some(process);
            running.engine = None;
            running.seed = seed;
        }
        self.core.runs(self.slot, process);
        self.core.say(|| format!("broker {} starts as {process:?}", self.slot.0));
        let (broker, others) = (Arc::clone(self), Arc::clone(others));
        self.core.spawn_in(process, async move { broker.run(process, seed, others, Part::First).await });
    }

    /// Starts a second process that believes to be the first: same host, same random numbers.
    pub fn start_twin(self: &Arc<Self>, others: &Arc<Vec<Arc<Self>>>) {
        let (seed, has_twin) = {
            let running = self.running();
            (running.seed, running.twin.is_some_and(|twin| self.core.executor.is_alive(twin)))
        };
        if self.process().is_none() || has_twin {
            return;
        }
        self.core.strike(Fault::Clone);
        self.core.is_unwell(self.slot);
        let process = self.core.executor.process();
        self.running().twin = Some(process);
        self.core.say(|| format!("broker {} is cloned as {process:?}", self.slot.0));
        let (broker, others) = (Arc::clone(self), Arc::clone(others));
        self.core.spawn_in(process, async move { broker.run(process, seed, others, Part::Twin).await });
    }

    /// Ends the twin.
    pub fn end_twin(&self) {
        let (twin, engine) = {
            let mut running = self.running();
            (running.twin.take(), running.twin_engine.take())
        };
        drop(engine);
        if let Some(twin) = twin {
            self.core.executor.crash(twin);
        }
    }

    /// Kills the process: every task is dropped where it waits.
    pub fn crash(&self) {
        self.core.is_unwell(self.slot);
        let process = self.running().process.take();
        if let Some(process) = process {
            self.core.say(|| format!("broker {} crashes", self.slot.0));
            self.core.executor.crash(process);
        }
        let engine = self.running().engine.take();
        drop(engine);
    }

    /// Runs a process until it ends by itself.
    async fn run(self: Arc<Self>, process: ProcessId, seed: u64, others: Arc<Vec<Arc<Self>>>, part: Part) {
        let clock = Arc::new(ProcessClock::new(self.core.clock, Arc::clone(&self.wrong_by_ms)));
        let env = Env::new(clock, seed).with_spawner(self.core.executor.spawner(process));
        let network = Arc::new(Peers { core: Arc::clone(&self.core), from: self.slot, brokers: Arc::clone(&others) });
        let started = Engine::start(self.config(), self.stores(seed), network, env).await;
        let engine = match started {
            Ok(engine) => engine,
            Err(problem) => {
                self.core.say(|| format!("broker {} does not start: {problem}", self.slot.0));
                sleep(Duration::from_secs(1)).await;
                return self.again(process, others, part);
            }
        };
        self.core.say(|| format!("broker {} is {} ({:?})", self.slot.0, engine.node_id(), engine.status().epoch));
        match part {
            Part::First => self.running().engine = Some(engine.clone()),
            Part::Twin => self.running().twin_engine = Some(engine.clone()),
        }
        let failed = engine.failed().await;
        self.core.say(|| format!("broker {} ends: {failed}", self.slot.0));
        sleep(Duration::from_secs(1)).await;
        self.again(process, others, part);
    }

    /// The process ends; a supervisor starts the next.
    fn again(self: Arc<Self>, process: ProcessId, others: Arc<Vec<Arc<Self>>>, part: Part) {
        let core = Arc::clone(&self.core);
        core.spawn(async move {
            if self.core.executor.is_alive(process) {
                self.core.executor.crash(process);
                if part == Part::First {
                    self.start(&others);
                }
            }
        });
    }

    fn config(&self) -> EngineConfig {
        let port = FIRST_PORT.saturating_add(u16::try_from(self.slot.0).unwrap_or(0));
        let mut config = EngineConfig::development(CLUSTER, Endpoint { host: "sim".to_owned(), port });
        config.host_identity = format!("host-{}", self.slot.0);
        config.zone = Some(format!("z{}", self.slot.0 % 3));
        config.auto_create_partitions = NonZeroU32::new(2);
        config.put_budget_per_second = self.core.plan.put_budget.then(|| NonZeroU32::new(20)).flatten();
        config.limits.unacknowledged_bytes_max = self.core.plan.unacknowledged_bytes_max;
        // Room for several reads of objects whose sizes are not known: each takes the largest there can be.
        config.limits.tail_cache_bytes_max = CACHE_BYTES_MAX;
        config.limits.read_cache_bytes_max = CACHE_BYTES_MAX;
        config.limits.segment_cache_bytes_max = CACHE_BYTES_MAX;
        let folding = self.core.plan.folding;
        config.limits.fold_age_max = folding.age_max;
        config.limits.fold_objects = folding.objects;
        config.limits.segment_bytes = folding.segment_bytes;
        config.bootstrap = self.core.plan.self_founded;
        config.feature_level_max = self.running().feature_level_max;
        config
    }

    fn stores(&self, seed: u64) -> Stores {
        // The buckets' own clock is right, whatever those of the brokers say.
        let dates = Arc::new(StoreClock::default());
        dates.note(self.core.clock.wall_ms());
        let store = |bucket: &Bucket, salt: u64| {
            let access = Arc::new(Access::new(&self.core, bucket, Who::Broker(self.slot)));
            Store::over(access, CLUSTER).map(|store| store.with_seed(seed ^ salt).with_clock(Arc::clone(&dates)))
        };
        match (store(&self.data, 1), store(&self.metadata, 2)) {
            (Ok(data), Ok(metadata)) => Stores { data, metadata },
            (Err(problem), _) | (_, Err(problem)) => broken(&problem.to_string()),
        }
    }

    /// Sets how wrong the wall clock is.
    pub fn set_clock(&self, wrong_by_ms: i64) {
        self.wrong_by_ms.store(wrong_by_ms, Ordering::Relaxed);
    }

    fn running(&self) -> MutexGuard<'_, Running> {
        self.running.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Which of two processes with the same random numbers.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Part {
    First,
    Twin,
}

#[expect(clippy::panic, reason = "the simulation itself is wrong")]
pub(crate) fn broken(problem: &str) -> ! {
    panic!("the simulation is wrong: {problem}")
}

/// The way from one broker to the others.
struct Peers {
    core: Arc<Core>,
    from: Slot,
    brokers: Arc<Vec<Arc<Broker>>>,
}

impl fmt::Debug for Peers {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Peers({:?})", self.from)
    }
}

impl Network for Peers {
    fn ask(&self, to: BrokerInfo, request: PeerRequest) -> BoxFuture<'static, Result<PeerAnswer, PeerError>> {
        let (core, from, to) = (Arc::clone(&self.core), self.from, slot_of(to.endpoint.port));
        let broker = self.brokers.get(to.0).cloned();
        Box::pin(async move {
            let broker = broker.ok_or(PeerError::Silent)?;
            if matches!(request, PeerRequest::WriteMarkers(_)) {
                core.step_on(from, Request::ENDS);
            }
            way(&core).await;
            let is_cut = || core.is_cut(from, Link::Peer) || core.is_cut(to, Link::Peer);
            if is_cut() {
                core.strike(Fault::CutPeer);
                sleep(VOID).await;
                return Err(PeerError::Silent);
            }
            let process = broker.process().ok_or(PeerError::Refused)?;
            let engine = broker.engine().ok_or(PeerError::Refused)?;
            let (told, answer) = oneshot::channel();
            core.spawn_in(process, async move {
                let _nobody = told.send(engine.answer_peer(request).await);
            });
            let answer = answer.await.map_err(|_| PeerError::Silent)?;
            way(&core).await;
            if is_cut() { Err(PeerError::Silent) } else { Ok(answer) }
        })
    }
}

async fn way(core: &Core) {
    let way = core.random().millis(0, 4);
    sleep(way).await;
}
