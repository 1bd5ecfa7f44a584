//! The provider: administers through the metadata log itself, and is killed in the middle of it now and then.

use std::collections::BTreeMap;
use std::time::Duration;

use broker_metadata::{
    BootReport, Change, Command, CommandResult, CreateTopic, FEATURE_LEVEL_MAX, LiveObject, LogOptions, MetadataLog,
    ProposeError, Report, Target, TopicAttributes,
};
use tokio::sync::oneshot;
use tokio::time::sleep;
use uuid::Uuid;

use crate::executor::Strike;
use crate::fault::Fault;
use crate::invariant::Invariant;
use crate::world::World;

/// The longest that a command may take while all is well.
const COMMIT_MAX: Duration = Duration::from_secs(10);

/// Bytes of a large entry; two of them make a snapshot due.
const LARGE_BYTES: usize = 600 << 10;

/// Creates and deletes topics until the work is over.
pub async fn administer(world: World, until: Duration) {
    let mut created: Vec<Uuid> = Vec::new();
    let mut number = 0_u32;
    while world.core.clock.now() < until {
        let pause = world.core.random().millis(200, 4_000);
        sleep(pause).await;
        number += 1;
        if number.is_multiple_of(4) {
            look_at_the_living(&world).await;
        }
        if world.core.plan.large_entries {
            let topic = world.core.ledger().reference.topic_named(crate::world::TOPIC).map(|topic| topic.id);
            let _refused = commit(&world, large(topic.unwrap_or_default())).await;
        }
        let change = match created.pop() {
            Some(topic) if number.is_multiple_of(3) => Change::DeleteTopic { topic },
            other => {
                created.extend(other);
                Change::CreateTopic(CreateTopic {
                    name: format!("provided-{number}"),
                    partitions: 1,
                    configs: BTreeMap::new(),
                    attributes: TopicAttributes::default(),
                })
            }
        };
        let began = world.core.clock.now();
        let result = commit(&world, change).await;
        let took = world.core.clock.now().saturating_sub(began);
        world.core.say(|| format!("    provider: {result:?} after {took:?}"));
        if took > COMMIT_MAX && world.core.plan.is_fair() {
            world.core.violated(Invariant::ProviderCommitsWithin10s, format!("a command took {took:?}"));
        }
        if let Ok(broker_metadata::Applied::TopicCreated { topic }) = result {
            created.push(topic);
        }
    }
}

/// Raises the cluster's feature level as soon as everybody knows it.
pub async fn raise_level(world: World, until: Duration) {
    while world.core.clock.now() < until {
        let pause = world.core.random().millis(500, 8_000);
        sleep(pause).await;
        world.core.strike(Fault::FeatureLevels);
        let result = commit(&world, Change::SetFeatureLevel { level: FEATURE_LEVEL_MAX }).await;
        world.core.say(|| format!("    feature level {FEATURE_LEVEL_MAX}: {result:?}"));
        if result.is_ok() {
            return;
        }
    }
}

/// Deletes a topic.
pub async fn delete(world: &World, topic: Uuid) {
    let _result = commit(world, Change::DeleteTopic { topic }).await;
}

/// What is so large that two of them make a snapshot due, and is refused.
fn large(topic: Uuid) -> Change {
    let configs = BTreeMap::from([("no.such.config".to_owned(), Some("x".repeat(LARGE_BYTES)))]);
    Change::AlterTopicConfigs { topic, configs }
}

/// Looks at the signs of life, as those do who administer.
async fn look_at_the_living(world: &World) {
    let process = world.core.executor.process();
    let store = world.outsider();
    let (told, done) = oneshot::channel::<()>();
    world.core.spawn_in(process, async move {
        let _living = LiveObject::read_all(&store).await;
        let _reports = Report::read_all(&store).await;
        let _boots = BootReport::read_all(&store).await;
        drop(told);
    });
    if world.core.strikes(Fault::ProviderKilled, 300) {
        let polls = world.core.random().below(20);
        world.core.executor.strike_after(process, polls, Strike::Crash);
    }
    let _ended = done.await;
}

/// Sends a partition to another broker.
pub async fn send_away(world: &World, topic: Uuid, partition: i32, broker: i32) {
    let target = Target { topic, partition, broker: Some(broker) };
    let _result = commit(world, Change::SetTargets { targets: vec![target] }).await;
}

/// Proposes until the command's result is known; whoever is killed is followed by another who proposes the same.
pub async fn commit(world: &World, change: Change) -> CommandResult {
    let mut command = command(world, &change);
    loop {
        let process = world.core.executor.process();
        let (told, answer) = oneshot::channel();
        let (store, seed, proposed) = (world.outsider(), world.core.random().number(), command.clone());
        world.core.spawn_in(process, async move {
            let answer = match MetadataLog::open(&store, LogOptions::new("provider", seed)).await {
                Ok(mut log) => log.propose(vec![proposed]).await,
                // Nothing was proposed, and the same command may be tried again.
                Err(_) => return,
            };
            let _nobody = told.send(answer);
        });
        if world.core.strikes(Fault::ProviderKilled, 300) {
            let polls = world.core.random().between(5, 60);
            world.core.executor.strike_after(process, polls, Strike::Crash);
        }
        match answer.await {
            Ok(Ok(results)) => {
                if let Some(result) = results.into_iter().next() {
                    return result;
                }
            }
            Ok(Err(ProposeError::NotWritten(_))) => {
                // It was promised that this one never takes effect.
                world.core.ledger().never.insert(command.id);
                command = self::command(world, &change);
            }
            Ok(Err(_)) | Err(_) => {}
        }
        let pause = world.core.random().millis(50, 500);
        sleep(pause).await;
    }
}

fn command(world: &World, change: &Change) -> Command {
    let mut random = world.core.random();
    Command {
        id: Uuid::from_u64_pair(random.number(), random.number()),
        origin: None,
        actor: "arn:aws:iam::111122223333:role/admin".to_owned(),
        time_ms: world.core.clock.wall_ms(),
        reason: "applied".to_owned(),
        change: change.clone(),
    }
}
