//! A world, from its seed to its end.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use std::time::Duration;

use broker_engine::{AdminMode, CreateTopic, Isolation, TransactionProtocol};
use broker_metadata::{Bootstrap, LogOptions};
use broker_store::Store;
use tokio::time::{sleep, timeout};
use tokio_util::task::TaskTracker;
use uuid::Uuid;

use crate::broker::{Broker, broken};
use crate::bucket::{Access, Bucket, BucketId, Mode, Who};
use crate::chaos;
use crate::check;
use crate::client::administrator::Administrator;
use crate::client::commits::Commits;
use crate::client::consumer::Consumer;
use crate::client::member::Member;
use crate::client::producer::{Numbers, producer};
use crate::client::transactor::Transactor;
use crate::client::{Brokers, Client, provider};
use crate::clock::WorldClock;
use crate::core::{Core, Finished, KeepLines, Slot};
use crate::executor::{Executor, Strike};
use crate::invariant::Invariant;
use crate::ledger::CLUSTER;
use crate::plan::Plan;
use crate::random::Random;

/// The longest that a world lasts beyond its work, in its own time.
const WORLD_MAX: Duration = Duration::from_secs(900);
/// The longest that a world lasts in which everybody is left alone in the end.
const QUIET_WORLD_MAX: Duration = Duration::from_secs(20_000);
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
        let quiet = if core.plan.leaves_nothing { QUIET_WORLD_MAX } else { Duration::ZERO };
        let longest = core.plan.work + WORLD_MAX + quiet;
        executor
            .run(async move {
                if timeout(longest, world.live()).await.is_err() {
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
        if !self.core.plan.self_founded {
            self.found().await;
        }
        for broker in self.brokers.iter() {
            broker.start(&self.brokers);
        }
        let Some(topic) = self.topic().await else { return };
        let until = self.core.clock.now() + self.core.plan.work;
        let busy = self.core.clock.now() + self.core.plan.busy.min(self.core.plan.work);
        let clients = TaskTracker::new();
        let commits = self.clients(topic, busy, &clients);
        self.core.spawn(check::watch(self.clone()));
        self.core.spawn(chaos::play(self.clone(), until));
        if self.core.plan.feature_levels {
            self.core.spawn(clients.track_future(provider::raise_level(self.clone(), until)));
        }
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
        self.restart().await;
        self.read_back(topic, &commits, "after restarting all").await;
        check::end(&self);
        if self.core.plan.leaves_nothing {
            self.leave_alone(topic).await;
        }
    }

    /// Kills all brokers and starts them anew.
    async fn restart(&self) {
        for broker in self.brokers.iter() {
            broker.crash();
        }
        sleep(Duration::from_millis(100)).await;
        for broker in self.brokers.iter() {
            broker.start(&self.brokers);
        }
    }

    /// Deletes topics, waits for as long as cleaners take, and looks what is left.
    async fn leave_alone(&self, topic: Uuid) {
        let administrator = Administrator { client: self.client(), topic, number: 0 };
        if timeout(RESUME_MAX, administrator.clear()).await.is_err() {
            self.core.violated(Invariant::EverythingResumes, "topics cannot be deleted".to_owned());
        }
        if self.core.random().per_mille(500) {
            provider::delete(self, topic).await;
        }
        // A deletion is final when everybody is gone who knew the topic.
        self.restart().await;
        sleep(check::CLEAN_AFTER).await;
        check::nothing_leaks(self);
    }

    /// Creates the cluster; whoever is killed over it is followed by another who does the same.
    async fn found(&self) {
        let cluster = Uuid::from_u64_pair(self.core.random().number(), 1);
        while self.core.random().per_mille(200) {
            let (process, polls) = (self.core.executor.process(), self.core.random().below(40));
            let (world, first) = (self.clone(), self.core.clone());
            self.core.spawn_in(process, async move { world.found_as(cluster).await });
            first.executor.strike_after(process, polls, Strike::Crash);
            let _late = timeout(Duration::from_secs(20), first.executor.struck(process)).await;
            first.executor.crash(process);
        }
        self.found_as(cluster).await;
    }

    async fn found_as(&self, cluster: Uuid) {
        let store = self.outsider();
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
                let committed = self.core.random().per_mille(400);
                let isolation = if committed { Isolation::ReadCommitted } else { Isolation::ReadUncommitted };
                let says_where = self.core.random().per_mille(400);
                let zone = says_where.then(|| format!("z{}", self.core.random().below(3)));
                let one = Consumer { client: client.clone(), topic, partition, isolation, zone };
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
        let epochs = vec![TransactionProtocol::EpochPerTransaction; plan.transactors];
        let protocols = epochs.into_iter().chain(vec![TransactionProtocol::Classic; plan.classic_transactors]);
        for (number, protocol) in protocols.enumerate() {
            let one = Transactor { client: client.clone(), id: format!("t{number}"), topic, protocol };
            self.core.spawn(tasks.track_future(one.run(until)));
        }
        for number in 0..plan.administrators {
            let one = Administrator { client: client.clone(), topic, number };
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
        let (mut visible, mut begins) = (BTreeSet::new(), BTreeMap::new());
        let mut complete = true;
        for partition in 0..self.core.plan.partitions {
            let read = timeout(RESUME_MAX, check::read_all(&self.client(), topic, partition)).await;
            match read {
                Ok(log) => {
                    check::compare(&self.core, (topic, partition), &log, when);
                    begins.insert((topic, partition), log.start);
                    visible.extend(log.committed);
                }
                Err(_) => {
                    complete = false;
                    let problem = format!("partition {partition} cannot be read {when}");
                    self.core.violated(Invariant::EverythingResumes, problem);
                }
            }
        }
        if complete {
            check::transactions(self, topic, &visible, &begins, when).await;
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
