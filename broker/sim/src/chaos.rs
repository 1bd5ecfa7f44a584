//! What is done to a world as a whole: processes die and stand still, links are cut, buckets fail, clocks jump.

use std::sync::Arc;
use std::time::Duration;

use tokio::time::sleep;

use crate::broker::Broker;
use crate::bucket::{Mode, Operation, Part, Request};
use crate::core::{Link, Slot};
use crate::executor::Strike;
use crate::fault::Fault;
use crate::invariant::Invariant;
use crate::plan::Script;
use crate::world::World;

/// A year, in milliseconds.
const YEAR_MS: u64 = 365 * 24 * 3_600_000;

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Mishap {
    Crash,
    CrashAtPoll,
    Pause,
    PauseAtPoll,
    Cut,
    Bucket,
    Drain,
    Clock,
    Garbage,
    Clone,
    Away,
    Zombie,
    Chain,
    Storeless,
    CrashAtRequest,
    PauseAtRequest,
}

/// Does harm until the work is over.
pub async fn reign(world: &World, until: Duration) {
    let chaos = world.core.plan.chaos.clone();
    let weights = [
        (Mishap::Crash, chaos.crash),
        (Mishap::CrashAtPoll, chaos.crash_at_poll),
        (Mishap::Pause, chaos.pause),
        (Mishap::PauseAtPoll, chaos.pause_at_poll),
        (Mishap::Cut, chaos.cut),
        (Mishap::Bucket, chaos.bucket),
        (Mishap::Drain, chaos.drain),
        (Mishap::Clock, chaos.clock),
        (Mishap::Garbage, chaos.garbage),
        (Mishap::Clone, chaos.clone),
        (Mishap::Away, chaos.away),
        (Mishap::Zombie, chaos.zombie),
        (Mishap::Chain, chaos.chain),
        (Mishap::Storeless, chaos.storeless),
        (Mishap::CrashAtRequest, chaos.crash_at_request),
        (Mishap::PauseAtRequest, chaos.pause_at_request),
    ];
    let total: u64 = weights.iter().map(|(_, weight)| weight).sum();
    let mean = chaos.interval.filter(|_| total > 0);
    let mean = mean.map(|mean| u64::try_from(mean.as_millis()).unwrap_or(1_000));
    loop {
        let left = until.saturating_sub(world.core.clock.now());
        if left.is_zero() {
            return;
        }
        let Some(mean) = mean else {
            sleep(left).await;
            continue;
        };
        let pause = world.core.random().millis(mean / 4, mean * 2);
        sleep(pause.min(left)).await;
        if pause >= left {
            return;
        }
        let mut drawn = world.core.random().below(total);
        let mishap = weights.iter().find(|(_, weight)| {
            let hit = drawn < *weight;
            drawn = drawn.saturating_sub(*weight);
            hit
        });
        if let Some((mishap, _)) = mishap {
            happen(world, *mishap);
        }
    }
}

fn happen(world: &World, mishap: Mishap) {
    let Some(broker) = world.core.random().pick(&world.brokers).cloned() else { return };
    world.core.say(|| format!("{mishap:?} of broker {}", broker.slot.0));
    let world = world.clone();
    let core = Arc::clone(&world.core);
    match mishap {
        Mishap::Crash => core.spawn(async move { crash(&world, &broker).await }),
        Mishap::CrashAtPoll => core.spawn(async move { crash_at_poll(&world, &broker).await }),
        Mishap::Pause => core.spawn(async move { pause(&world, &broker).await }),
        Mishap::PauseAtPoll => core.spawn(async move { pause_at_poll(&world, &broker).await }),
        Mishap::Cut => core.spawn(async move { cut(&world, broker.slot).await }),
        Mishap::Bucket => core.spawn(async move { bucket(&world).await }),
        Mishap::Drain => core.spawn(async move { drain(&world, &broker).await }),
        Mishap::Clock => clock(&world, &broker),
        Mishap::Garbage => garbage(&world),
        Mishap::Clone => core.spawn(async move { twin(&world, &broker).await }),
        Mishap::Away => core.spawn(async move { away(&world).await }),
        Mishap::Storeless => core.spawn(async move { storeless(&world, &broker).await }),
        Mishap::Zombie => core.spawn(async move { zombie(&world, broker.slot).await }),
        Mishap::Chain => core.spawn(async move { chain(&world).await }),
        Mishap::CrashAtRequest => core.spawn(async move { at_request(&world, Strike::Crash).await }),
        Mishap::PauseAtRequest => core.spawn(async move { at_request(&world, Strike::Pause).await }),
    }
}

/// A time that may be a moment or longer than every grace.
fn a_while(world: &World) -> Duration {
    let mut random = world.core.random();
    if random.per_mille(700) { random.millis(50, 4_000) } else { random.millis(4_000, 45_000) }
}

async fn crash(world: &World, broker: &Arc<Broker>) {
    if broker.process().is_none() {
        return;
    }
    world.core.strike(Fault::Crash);
    broker.crash();
    restart_later(world, broker).await;
}

async fn restart_later(world: &World, broker: &Arc<Broker>) {
    let away = world.core.random().millis(0, 8_000);
    sleep(away).await;
    broker.start(&world.brokers);
}

async fn crash_at_poll(world: &World, broker: &Arc<Broker>) {
    let Some(process) = broker.process() else { return };
    world.core.is_unwell(broker.slot);
    // Most steps of interest lie between two requests; some only in the first moments of a process.
    let polls = world.core.random().below(400);
    if world.core.random().per_mille(300) {
        broker.crash();
        let away = world.core.random().millis(0, 3_000);
        sleep(away).await;
        broker.start(&world.brokers);
        let Some(process) = broker.process().filter(|_| !world.core.is_healed()) else { return };
        world.core.executor.strike_after(process, polls, Strike::Crash);
        world.core.executor.struck(process).await;
    } else {
        world.core.executor.strike_after(process, polls, Strike::Crash);
        world.core.executor.struck(process).await;
    }
    if world.core.is_healed() {
        return;
    }
    world.core.strike(Fault::CrashAtPoll);
    broker.crash();
    restart_later(world, broker).await;
}

async fn pause(world: &World, broker: &Arc<Broker>) {
    let Some(process) = broker.process() else { return };
    let time = a_while(world);
    world.core.is_unwell(broker.slot);
    world.core.strike(if time > Duration::from_secs(35) { Fault::LongPause } else { Fault::Pause });
    world.core.executor.pause(process);
    sleep(time).await;
    world.core.executor.resume(process);
}

async fn pause_at_poll(world: &World, broker: &Arc<Broker>) {
    let Some(process) = broker.process() else { return };
    let polls = world.core.random().below(400);
    world.core.is_unwell(broker.slot);
    world.core.executor.strike_after(process, polls, Strike::Pause);
    world.core.executor.struck(process).await;
    if world.core.is_healed() {
        return;
    }
    world.core.strike(Fault::PauseAtPoll);
    let time = a_while(world);
    sleep(time).await;
    world.core.executor.resume(process);
}

/// Whoever sends the next request of some kind dies of it, or stands still.
async fn at_request(world: &World, strike: Strike) {
    let Some(request) = world.core.random().pick(&Request::RARE).copied() else { return };
    let sprung = world.core.set_trap(request, strike);
    let Ok((slot, process)) = sprung.await else { return };
    world.core.executor.struck(process).await;
    let Some(broker) = world.brokers.get(slot.0).filter(|_| !world.core.is_healed()) else { return };
    world.core.say(|| format!("broker {} at {request:?}: {strike:?}", slot.0));
    match strike {
        Strike::Crash => {
            world.core.strike(Fault::CrashAtPoll);
            if broker.process().is_none_or(|now| now == process) {
                broker.crash();
            }
            restart_later(world, broker).await;
        }
        Strike::Pause => {
            world.core.strike(Fault::PauseAtPoll);
            let time = a_while(world);
            sleep(time).await;
            world.core.executor.resume(process);
        }
    }
}

/// What happens besides chaos.
pub async fn play(world: World, until: Duration) {
    match world.core.plan.script {
        Script::None => {}
        Script::StuckFolding | Script::StuckCoordinator => {
            let request = if world.core.plan.script == Script::StuckFolding { SEGMENT } else { Request::ENDS };
            while world.core.clock.now() < until {
                let (pause, time) = {
                    let mut random = world.core.random();
                    (random.millis(500, 8_000), random.millis(8_000, 30_000))
                };
                sleep(pause).await;
                stuck_at(&world, request, time).await;
            }
        }
        Script::StuckCompaction => {
            // By now everything is folded; a minute after its beginning a leader compacts.
            sleep(Duration::from_secs(45)).await;
            stuck_at(&world, SEGMENT, Duration::from_secs(400)).await;
        }
    }
}

/// A segment is written; nothing names it yet.
const SEGMENT: Request = Request { operation: Operation::Put, part: Part::Segment };

/// The next broker that has sent a request stands still before it hears what became of it.
async fn stuck_at(world: &World, request: Request, time: Duration) {
    let Ok((slot, process)) = world.core.set_trap(request, Strike::Pause).await else { return };
    world.core.executor.struck(process).await;
    if world.core.is_healed() {
        return;
    }
    world.core.say(|| format!("broker {} stands still at {request:?}", slot.0));
    world.core.strike(Fault::PauseAtPoll);
    if world.core.plan.script == Script::StuckCompaction {
        for other in world.brokers.iter().filter(|other| other.slot != slot) {
            world.core.strike(Fault::ClockJump);
            other.set_clock(i64::try_from(YEAR_MS).unwrap_or(0));
        }
    }
    sleep(time).await;
    world.core.executor.resume(process);
}

async fn cut(world: &World, slot: Slot) {
    let links = [Link::Peer, Link::Metadata, Link::Data, Link::Client];
    let chosen: Vec<Link> = links.into_iter().filter(|_| world.core.random().per_mille(450)).collect();
    set_cuts(world, slot, &chosen).await;
}

/// A broker that others take for dead, and that can still write records.
async fn zombie(world: &World, slot: Slot) {
    set_cuts(world, slot, &[Link::Peer, Link::Metadata]).await;
}

async fn set_cuts(world: &World, slot: Slot, links: &[Link]) {
    for link in links {
        world.core.set_cut(slot, *link, true);
    }
    let time = a_while(world);
    sleep(time).await;
    for link in links {
        world.core.set_cut(slot, *link, false);
    }
}

async fn bucket(world: &World) {
    let bucket = if world.core.random().per_mille(500) { &world.data } else { &world.metadata };
    if bucket.mode() != Mode::Well {
        return;
    }
    let mode = world.core.random().pick(&[Mode::Down, Mode::KeyDisabled, Mode::Throttled, Mode::Slow]).copied();
    let mode = mode.unwrap_or(Mode::Down);
    world.core.say(|| format!("bucket {:?} is {mode:?}", bucket.id));
    bucket.set_mode(mode);
    let time = if mode == Mode::KeyDisabled { Duration::from_secs(60) } else { a_while(world) };
    sleep(time).await;
    bucket.set_mode(Mode::Well);
}

async fn drain(world: &World, broker: &Arc<Broker>) {
    let (Some(process), Some(engine)) = (broker.process(), broker.engine()) else { return };
    world.core.strike(Fault::Drain);
    world.core.is_unwell(broker.slot);
    world.core.spawn_in(process, async move { engine.stop().await });
    // Sometimes somebody kills it in the middle: a fence during its release.
    let time = world.core.random().millis(10, 12_000);
    sleep(time).await;
    if time < Duration::from_secs(2) {
        world.core.strike(Fault::FenceDuringRelease);
    }
    if world.core.executor.is_alive(process) {
        broker.crash();
    }
    broker.start(&world.brokers);
}

fn clock(world: &World, broker: &Broker) {
    world.core.strike(Fault::ClockJump);
    let by = i64::try_from(world.core.random().below(2 * YEAR_MS)).unwrap_or(0);
    broker.set_clock(by - i64::try_from(YEAR_MS).unwrap_or(0));
}

fn garbage(world: &World) {
    let next = world.core.ledger().reference.next_seq();
    world.core.strike(Fault::GarbageInMetadataLog);
    crate::ledger::put_garbage(&world.core, &world.metadata, next);
}

async fn twin(world: &World, broker: &Arc<Broker>) {
    broker.start_twin(&world.brokers);
    let time = a_while(world);
    sleep(time).await;
    broker.end_twin();
}

/// Sends a partition to another broker, and back.
async fn away(world: &World) {
    let (topic, there, back) = {
        let ledger = world.core.ledger();
        let ready: Vec<i32> = ledger.reference.living_brokers().map(|broker| broker.id).collect();
        let Some(topic) = ledger.reference.topic_named(crate::world::TOPIC).map(|topic| topic.id) else { return };
        let mut random = world.core.random();
        let (Some(there), Some(back)) = (random.pick(&ready).copied(), random.pick(&ready).copied()) else { return };
        (topic, there, back)
    };
    world.core.strike(Fault::AwayAndBack);
    let partition = i32::try_from(world.core.random().below(u64::from(world.core.plan.partitions.unsigned_abs())));
    let partition = partition.unwrap_or(0);
    crate::client::provider::send_away(world, topic, partition, there).await;
    let pause = world.core.random().millis(0, 3_000);
    sleep(pause).await;
    crate::client::provider::send_away(world, topic, partition, back).await;
}

/// A broker loses the data bucket and nothing else: the others fence it.
async fn storeless(world: &World, broker: &Broker) {
    let Some(engine) = broker.engine() else { return };
    let (node, epoch) = (engine.node_id(), engine.status().epoch);
    let alone = world.brokers.iter().filter(|other| other.engine().is_some()).count() < 3;
    drop(engine);
    if alone || epoch < 0 {
        return;
    }
    world.core.set_cut(broker.slot, Link::Data, true);
    let process = broker.process();
    sleep(Duration::from_secs(20)).await;
    let incarnation = broker_log::Incarnation { broker: node, epoch };
    let only_this = world.core.plan.is_fair() && world.core.plan.chaos.is_only_storeless();
    let still_the_same = broker.process() == process && !world.core.is_healed();
    if only_this && still_the_same && world.core.ledger().reference.is_alive(incarnation) {
        let problem = format!("{incarnation} has had no data bucket for 20 s and is not fenced");
        world.core.violated(Invariant::StorelessBrokerIsFenced, problem);
    }
    world.core.set_cut(broker.slot, Link::Data, false);
}

/// Leaders die one after the other, each soon after it was chosen.
async fn chain(world: &World) {
    world.core.strike(Fault::ChainOfUnserved);
    for broker in world.brokers.iter() {
        if world.core.is_healed() {
            return;
        }
        broker.crash();
        let pause = world.core.random().millis(100, 4_000);
        sleep(pause).await;
        broker.start(&world.brokers);
    }
}
