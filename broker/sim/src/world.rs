//! A world, from its seed to its end.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use broker_engine::{AdminMode, CreateTopic, Isolation};
use broker_metadata::{Bootstrap, LogOptions};
use broker_store::Store;
use tokio::time::{sleep, timeout};
use tokio_util::task::TaskTracker;
use uuid::Uuid;

use crate::broker::{Broker, broken};
use crate::bucket::{Access, Bucket, BucketId, Mode, Who};
use crate::chaos;
use crate::check;
use crate::client::commits::Commits;
use crate::client::consumer::Consumer;
use crate::client::member::Member;
use crate::client::producer::{Numbers, producer};
use crate::client::{Brokers, Client, provider};
use crate::clock::WorldClock;
use crate::core::{Core, Finished, KeepLines, Slot};
use crate::executor::Executor;
use crate::invariant::Invariant;
use crate::ledger::CLUSTER;
use crate::plan::Plan;
use crate::random::Random;

/// The longest that a world lasts, in its own time.
const WORLD_MAX: Duration = Duration::from_secs(900);
/// Time for everything to work again once nothing goes wrong any more.
const RESUME_MAX: Duration = Duration::from_secs(60);
/// Time after which everybody has heard of everything.
const SETTLE: Duration = Duration::from_secs(35);
/// The topic that clients use.
pub(crate) const TOPIC: &str = "payments";

/// The parts of a world that runs.
#[derive(Clone, Debug)]
pub struct World {
    /// What all share.
    pub core: Arc<Core>,
    /// The brokers, by slot.
    pub brokers: Brokers,
    /// `wal/` and `data/`.
    pub data: Bucket,
    /// `meta/` and `live/`.
    pub metadata: Bucket,
}

/// Runs the world of a seed.
#[must_use]
pub fn run(seed: u64, lines: KeepLines) -> Finished {
    let mut random = Random::new(seed);
    let plan = Plan::draw(&mut random);
    run_plan(plan, random, lines)
}

/// Runs a world with a given plan.
#[must_use]
pub fn run_plan(plan: Plan, mut random: Random, lines: KeepLines) -> Finished {
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_time()
        .start_paused(true)
        // Nothing but the seed says who is next.
        .event_interval(1 << 20)
        .build();
    let runtime = match runtime {
        Ok(runtime) => runtime,
        Err(problem) => broken(&problem.to_string()),
    };
    runtime.block_on(async move {
        let executor = Executor::new(random.fork());
        let core = Core::new(plan, random, executor.clone(), WorldClock::begin(), lines);
        let world = World::new(&core);
        let watched = Arc::clone(&core);
        executor
            .run(async move {
                if timeout(WORLD_MAX, world.live()).await.is_err() {
                    watched.violated(Invariant::EverythingResumes, "the world does not end".to_owned());
                }
            })
            .await;
        core.finish()
    })
}

impl World {
    fn new(core: &Arc<Core>) -> Self {
        let (data, metadata) = (Bucket::new(BucketId::Data), Bucket::new(BucketId::Metadata));
        let brokers =
            (0..core.plan.brokers).map(|slot| Broker::new(core, Slot(slot), &data, &metadata)).collect::<Vec<_>>();
        Self { core: Arc::clone(core), brokers: Arc::new(brokers), data, metadata }
    }

    /// A client of this world.
    #[must_use]
    pub fn client(&self) -> Client {
        Client { core: Arc::clone(&self.core), brokers: Arc::clone(&self.brokers) }
    }

    /// A way to the metadata bucket for somebody who is no broker.
    #[must_use]
    pub fn outsider(&self) -> Store {
        let access = Arc::new(Access::new(&self.core, &self.metadata, Who::Outsider));
        let seed = self.core.random().number();
        match Store::over(access, CLUSTER) {
            Ok(store) => store.with_seed(seed),
            Err(problem) => broken(&problem.to_string()),
        }
    }

    async fn live(self) {
        self.found().await;
        for broker in self.brokers.iter() {
            broker.start(&self.brokers);
        }
        let Some(topic) = self.topic().await else { return };
        let until = self.core.clock.now() + self.core.plan.work;
        let clients = TaskTracker::new();
        let commits = self.clients(topic, until, &clients);
        self.core.spawn(check::watch(self.clone()));
        if self.core.plan.unknown_command {
            sleep(Duration::from_secs(5)).await;
            crate::ledger::put_unknown_command(&self.core, &self.metadata);
            sleep(Duration::from_secs(10)).await;
            return;
        }
        chaos::reign(&self, until).await;
        self.heal();
        clients.close();
        if timeout(RESUME_MAX, clients.wait()).await.is_err() {
            self.core.violated(Invariant::EverythingResumes, "clients still wait for answers".to_owned());
        }
        // A leader that was fenced unheard may show less than there is until it hears of it.
        sleep(SETTLE).await;
        self.read_back(topic, &commits, "after healing").await;
        // Nothing that only a process remembers counts.
        for broker in self.brokers.iter() {
            broker.crash();
        }
        sleep(Duration::from_millis(100)).await;
        for broker in self.brokers.iter() {
            broker.start(&self.brokers);
        }
        self.read_back(topic, &commits, "after restarting all").await;
        check::end(&self);
    }

    /// Creates the cluster.
    async fn found(&self) {
        let store = self.outsider();
        let cluster = Uuid::from_u64_pair(self.core.random().number(), 1);
        let mut bootstrap = Bootstrap::new(cluster, "arn:aws:iam::111122223333:role/admin", self.core.clock.wall_ms());
        bootstrap.consumer_offsets_partitions = self.core.plan.internal_partitions;
        let seed = self.core.random().number();
        while let Err(problem) = bootstrap.run(&store, LogOptions::new("provider", seed)).await {
            self.core.say(|| format!("not founded yet: {problem}"));
            sleep(Duration::from_millis(200)).await;
        }
    }

    /// Creates the topic; its id once metadata has it.
    async fn topic(&self) -> Option<Uuid> {
        let client = self.client();
        let give_up = self.core.clock.now() + Duration::from_secs(300);
        while self.core.clock.now() < give_up {
            let created = self.core.ledger().reference.topic_named(TOPIC).map(|topic| topic.id);
            if created.is_some() {
                return created;
            }
            if let Some(slot) = client.somebody() {
                let partitions = Some(self.core.plan.partitions);
                let create = CreateTopic { name: TOPIC.to_owned(), partitions, configs: BTreeMap::new() };
                let wait = Duration::from_secs(5);
                let _answer = client
                    .ask(slot, wait, move |engine| async move {
                        engine.create_topics(vec![create], AdminMode::Apply, "User:sim", wait).await
                    })
                    .await;
            }
            sleep(Duration::from_millis(200)).await;
        }
        self.core.violated(Invariant::EverythingResumes, "no topic can be created".to_owned());
        None
    }

    fn clients(&self, topic: Uuid, until: Duration, tasks: &TaskTracker) -> Vec<Commits> {
        let client = self.client();
        let plan = &self.core.plan;
        for partition in 0..plan.partitions {
            for number in 0..plan.idempotent {
                let name = format!("i{number}.{partition}");
                let one = producer(&client, name, topic, partition, Numbers::Batches);
                self.core.spawn(tasks.track_future(one.run(until)));
            }
            for number in 0..plan.plain {
                let name = format!("p{number}.{partition}");
                let one = producer(&client, name, topic, partition, Numbers::Nothing);
                self.core.spawn(tasks.track_future(one.run(until)));
            }
            for _ in 0..plan.consumers {
                let isolation = Isolation::ReadUncommitted;
                let one = Consumer { client: client.clone(), topic, partition, isolation };
                self.core.spawn(tasks.track_future(one.run(until)));
            }
        }
        let commits: Vec<Commits> =
            (0..plan.committers).map(|number| Commits::new(&client, format!("group-{number}"), topic, 0)).collect();
        for one in &commits {
            self.core.spawn(tasks.track_future(one.clone().commit(until)));
            self.core.spawn(tasks.track_future(one.clone().watch(until)));
            self.core.spawn(tasks.track_future(one.clone().watch(until)));
        }
        for number in 0..plan.members {
            let one =
                Member { client: client.clone(), name: format!("member-{number}"), group: "members".to_owned(), topic };
            self.core.spawn(tasks.track_future(one.run(until)));
        }
        if plan.provider {
            self.core.spawn(tasks.track_future(provider::administer(self.clone(), until)));
        }
        commits
    }

    /// Nothing goes wrong any more, and what was on its way arrives.
    pub fn heal(&self) {
        self.core.say(|| "healed".to_owned());
        self.core.heal();
        self.data.set_mode(Mode::Well);
        self.metadata.set_mode(Mode::Well);
        self.core.landing.cancel();
        for broker in self.brokers.iter() {
            broker.end_twin();
            broker.set_clock(0);
        }
        self.core.executor.calm();
        for broker in self.brokers.iter() {
            broker.start(&self.brokers);
        }
    }

    /// Reads everything and compares it with what was acknowledged and seen.
    async fn read_back(&self, topic: Uuid, commits: &[Commits], when: &str) {
        for partition in 0..self.core.plan.partitions {
            let read = timeout(RESUME_MAX, check::read_all(&self.client(), topic, partition)).await;
            match read {
                Ok(log) => check::compare(&self.core, (topic, partition), &log, when),
                Err(_) => self
                    .core
                    .violated(Invariant::EverythingResumes, format!("partition {partition} cannot be read {when}")),
            }
        }
        for one in commits {
            let read = async {
                while !one.read().await {
                    sleep(Duration::from_millis(200)).await;
                }
            };
            if timeout(RESUME_MAX, read).await.is_err() {
                self.core.violated(Invariant::EverythingResumes, format!("no offset can be fetched {when}"));
            }
        }
    }
}
