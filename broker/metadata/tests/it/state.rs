//! What commands do, and what they may not do.

use std::collections::{BTreeMap, BTreeSet};

use broker_metadata::{
    Applied, BrokerStatus, CONSUMER_OFFSETS, Change, Rejection, State, SweptObjects, TRANSACTION_STATE, Target,
    TopicAttributes,
};
use proptest::prelude::*;
use uuid::Uuid;

use crate::world::{World, create_topic, register};

#[test]
fn the_internal_topics_exist_from_the_first_entry_and_get_leaders_with_the_first_broker() {
    let mut world = World::new();
    let topics = [CONSUMER_OFFSETS, TRANSACTION_STATE].map(|name| world.state.topic_named(name).unwrap().id);
    assert_eq!(topics.map(|topic| world.leaders(topic)), [[None; 4]; 2]);
    world.register("a", "z1");
    assert_eq!(topics.map(|topic| world.leaders(topic)), [[None; 4]; 2], "no assignment before ready");
    world.broker("a", "z1");
    assert_eq!(topics.map(|topic| world.leaders(topic)), [[Some(1); 4]; 2]);
}

#[test]
fn a_broker_that_joins_moves_no_partition_that_has_a_leader() {
    let mut world = World::new();
    world.broker("a", "z1");
    let topic = world.topic("payments", 8);
    let before = world.state.topics().clone();
    world.broker("b", "z2");
    assert_eq!(world.state.topics(), &before);
    let next = world.topic("next", 4);
    let leaders: BTreeSet<_> = world.leaders(next).into_iter().collect();
    assert!(leaders.contains(&Some(2)), "new partitions go to the broker with room: {leaders:?}");
    assert_eq!(world.leaders(topic), [Some(1); 8]);
}

#[test]
fn a_fenced_brokers_partitions_go_to_the_others_with_a_higher_epoch_and_its_commands_are_rejected() {
    let mut world = World::new();
    let (a, b) = (world.broker("a", "z1"), world.broker("b", "z2"));
    let topic = world.topic("payments", 12);
    let before = world.state.topic(topic).unwrap().partitions.clone();
    world.run(Change::FenceBrokers { incarnations: vec![a] }).unwrap();
    for (old, new) in before.iter().zip(&world.state.topic(topic).unwrap().partitions) {
        assert_eq!(new.leader, Some(b));
        let moved = old.leader == Some(a);
        assert_eq!(new.leader_epoch, old.leader_epoch + i32::from(moved));
        assert_eq!(new.chain.len(), old.chain.len() + usize::from(moved));
    }
    assert_eq!(world.run(Change::FenceBrokers { incarnations: vec![a] }), Err(Rejection::Fenced(a)));
    assert_eq!(world.run(Change::BrokerReady { incarnation: a }), Err(Rejection::Fenced(a)));
    assert_eq!(world.run(Change::TrimWal { incarnation: a, floor: 9, checkpoint: None }), Err(Rejection::Fenced(a)));
    let late = broker_metadata::Command { origin: Some(a), ..world.command(create_topic("late", 1)) };
    assert_eq!(world.run_command(late), Err(Rejection::Fenced(a)));
}

#[test]
fn a_broker_releases_and_trims_for_itself_only() {
    let mut world = World::new();
    let (a, b) = (world.broker("a", "z1"), world.broker("b", "z2"));
    for change in [
        Change::TrimWal { incarnation: b, floor: 1, checkpoint: None },
        Change::Release { incarnation: b, partitions: vec![] },
    ] {
        let foreign = broker_metadata::Command { origin: Some(a), ..world.command(change.clone()) };
        assert!(matches!(world.run_command(foreign), Err(Rejection::Invalid(_))));
        let own = broker_metadata::Command { origin: Some(b), ..world.command(change) };
        assert!(world.run_command(own).is_ok());
    }
}

#[test]
fn a_host_that_registers_again_keeps_its_id_and_fences_its_former_life() {
    let mut world = World::new();
    let first = world.broker("a", "z1");
    let second = world.register("a", "z1");
    assert_eq!((second.broker, second.epoch > first.epoch), (first.broker, true));
    assert!(world.state.wal_log(first).unwrap().fenced && !world.state.is_alive(first));
    assert_eq!(world.state.broker(1).unwrap().status, BrokerStatus::Registered);
    assert_eq!(world.state.led_by(first).count(), 0);
}

#[test]
fn an_id_of_another_living_host_is_not_given_away() {
    let mut world = World::new();
    let a = world.broker("a", "z1");
    let wish = broker_metadata::RegisterBroker { broker: Some(a.broker), ..register("b", "z2") };
    let taken = Err(Rejection::BrokerIdTaken { broker: a.broker, host: "a".to_owned() });
    assert_eq!(world.run(Change::RegisterBroker(wish.clone())), taken);
    world.run(Change::FenceBrokers { incarnations: vec![a] }).unwrap();
    assert!(world.run(Change::RegisterBroker(wish)).is_ok());
}

#[test]
fn a_released_partition_goes_to_its_target() {
    let mut world = World::new();
    let a = world.broker("a", "z1");
    let topic = world.topic("payments", 1);
    world.broker("b", "z2");
    let target = Target { topic, partition: 0, broker: Some(2) };
    world.run(Change::SetTargets { targets: vec![target] }).unwrap();
    assert_eq!(world.leaders(topic), [Some(1)], "a target moves nothing by itself");
    let partitions = vec![world.released(topic, 0, 42)];
    world.run(Change::Release { incarnation: a, partitions: partitions.clone() }).unwrap();
    let partition = world.state.partition(topic, 0).unwrap().clone();
    assert_eq!(partition.leader.unwrap().broker, 2);
    assert_eq!((partition.leader_epoch, partition.target), (1, None));
    assert_eq!(partition.chain[0].released.unwrap().end_offset, 42);
    let again = world.run(Change::Release { incarnation: a, partitions });
    assert_eq!(again, Err(Rejection::NotLeader { topic, partition: 0 }));
}

#[test]
fn a_draining_broker_gets_nothing_and_leaves_when_it_leads_nothing() {
    let mut world = World::new();
    let (a, _b) = (world.broker("a", "z1"), world.broker("b", "z2"));
    world.run(Change::DrainBroker { incarnation: a }).unwrap();
    let topic = world.topic("payments", 4);
    assert_eq!(world.leaders(topic), [Some(2); 4]);
    let still = world.run(Change::DeregisterBroker { incarnation: a });
    assert!(matches!(still, Err(Rejection::StillLeads { .. })), "{still:?}");
    let led: Vec<_> = world.state.led_by(a).map(|(topic, partition, _)| (topic.id, partition)).collect();
    let partitions = led.iter().map(|(topic, partition)| world.released(*topic, *partition, 0)).collect();
    world.run(Change::Release { incarnation: a, partitions }).unwrap();
    world.run(Change::DeregisterBroker { incarnation: a }).unwrap();
    assert!(!world.state.is_alive(a));
}

#[test]
fn a_recreated_topic_has_another_id_and_continues_the_leader_epochs() {
    let mut world = World::new();
    world.broker("a", "z1");
    let first = world.topic("payments", 2);
    let epoch = world.state.partition(first, 0).unwrap().leader_epoch;
    world.run(Change::DeleteTopic { topic: first }).unwrap();
    assert_eq!(world.state.deleted_topics()[&first].partitions, 2);
    let second = world.topic("payments", 3);
    assert_ne!(first, second);
    assert!(world.state.topic(second).unwrap().partitions.iter().all(|p| p.leader_epoch > epoch));
}

#[test]
fn a_repeated_command_returns_its_first_result() {
    let mut world = World::new();
    let command = world.command(create_topic("payments", 1));
    let first = world.run_command(command.clone());
    let topic = world.state.topic_named("payments").unwrap().id;
    world.run(Change::DeleteTopic { topic }).unwrap();
    assert_eq!(world.run_command(command), first);
    assert!(world.state.topic_named("payments").is_none());
}

#[test]
fn protected_and_internal_topics_are_not_deleted() {
    let mut world = World::new();
    let topic = world.topic("payments", 1);
    let attributes = TopicAttributes { deletion_protection: true, ..TopicAttributes::default() };
    world.run(Change::AlterTopicAttributes { topic, attributes }).unwrap();
    let protected = world.run(Change::DeleteTopic { topic });
    assert_eq!(protected, Err(Rejection::DeletionProtected { name: "payments".to_owned() }));
    let topic = world.state.topic_named(CONSUMER_OFFSETS).unwrap().id;
    let internal = Rejection::InternalTopic { name: CONSUMER_OFFSETS.to_owned() };
    assert_eq!(world.run(Change::DeleteTopic { topic }), Err(internal));
}

#[test]
fn a_deletion_is_final_when_everybody_who_knew_the_topic_is_retired() {
    let mut world = World::new();
    let a = world.broker("a", "z1");
    let topic = world.topic("payments", 2);
    let swept = SweptObjects { objects: 3, bytes: 100 };
    assert_eq!(world.run(Change::NoteSweep { topic, swept }), Err(Rejection::UnknownTopic(topic)), "it lives");
    world.run(Change::DeleteTopic { topic }).unwrap();
    let b = world.broker("b", "z2");
    world.run(Change::NoteSweep { topic, swept }).unwrap();
    let early = world.run(Change::FinaliseDeletion { topic, swept });
    assert_eq!(early, Err(Rejection::MayStillWrite { topic, incarnation: a }));
    world.run(Change::FenceBrokers { incarnations: vec![a] }).unwrap();
    assert!(world.run(Change::FinaliseDeletion { topic, swept }).is_err(), "the dead write, too");
    world.run(Change::RetireIncarnation { incarnation: a }).unwrap();
    world.run(Change::FinaliseDeletion { topic, swept }).unwrap();
    assert!(world.state.is_alive(b), "who came later never knew it");
    assert!(world.state.deleted_topics().is_empty());
    let finalised = &world.state.finalised_topics()[&topic];
    assert_eq!((finalised.name.as_str(), finalised.partitions), ("payments", 2));
    assert_eq!(finalised.swept, SweptObjects { objects: 6, bytes: 200 });
    assert_eq!(world.run(Change::FinaliseDeletion { topic, swept }), Err(Rejection::UnknownTopic(topic)));
}

#[test]
fn names_partitions_and_configs_are_checked() {
    let mut world = World::new();
    for name in ["", ".", "..", "a b", "ä", &"x".repeat(250)] {
        let result = world.run(create_topic(name, 1));
        assert!(matches!(result, Err(Rejection::InvalidTopicName { .. })), "{name:?} {result:?}");
    }
    for partitions in [i32::MIN, -1, 0, 10_001] {
        let result = world.run(create_topic("payments", partitions));
        assert!(matches!(result, Err(Rejection::InvalidPartitions { .. })), "{partitions} {result:?}");
    }
    let topic = world.topic("payments", 2);
    let exists = world.run(create_topic("payments", 1));
    assert!(matches!(exists, Err(Rejection::TopicExists { topic: of, .. }) if of == topic));
    let configs = BTreeMap::from([("retention.ms".to_owned(), Some("soon".to_owned()))]);
    let invalid = world.run(Change::AlterTopicConfigs { topic, configs });
    assert!(matches!(invalid, Err(Rejection::InvalidConfig { .. })), "{invalid:?}");
    let configs = BTreeMap::from([("retention.ms".to_owned(), Some("1000".to_owned()))]);
    world.run(Change::AlterTopicConfigs { topic, configs }).unwrap();
    assert_eq!(world.state.topic(topic).unwrap().integer_config("retention.ms"), Some(1000));
    let fewer = world.run(Change::CreatePartitions { topic, total: 2 });
    assert!(matches!(fewer, Err(Rejection::InvalidPartitions { .. })), "{fewer:?}");
    world.run(Change::CreatePartitions { topic, total: 3 }).unwrap();
    assert_eq!(world.state.topic(topic).unwrap().partitions.len(), 3);
}

#[test]
fn producer_ids_are_given_once() {
    let mut world = World::new();
    let first = world.run(Change::AllocateProducerIds { count: 1000 });
    assert_eq!(first, Ok(Applied::ProducerIds { first: 0, count: 1000 }));
    let second = world.run(Change::AllocateProducerIds { count: 10 });
    assert_eq!(second, Ok(Applied::ProducerIds { first: 1000, count: 10 }));
    assert!(world.run(Change::AllocateProducerIds { count: 0 }).is_err());
}

#[test]
fn a_retired_incarnation_leaves_every_chain() {
    let mut world = World::new();
    let (a, b) = (world.broker("a", "z1"), world.broker("b", "z2"));
    let topic = world.topic("payments", 4);
    assert_eq!(world.run(Change::RetireIncarnation { incarnation: a }), Err(Rejection::Alive(a)));
    world.run(Change::FenceBrokers { incarnations: vec![a] }).unwrap();
    world.run(Change::RetireIncarnation { incarnation: a }).unwrap();
    assert_eq!(world.state.wal_log(a), None);
    for partition in &world.state.topic(topic).unwrap().partitions {
        assert!(partition.chain.iter().all(|link| link.incarnation == b));
    }
}

#[test]
fn a_floor_only_rises_and_takes_the_leaderships_that_ended_below_it_off_the_chains() {
    let mut world = World::new();
    let (a, b) = (world.broker("a", "z1"), world.broker("b", "z2"));
    let topic = world.topic("payments", 4);
    let led: Vec<i32> =
        (0..4).filter(|n| world.leaders(topic)[usize::try_from(*n).unwrap()] == Some(a.broker)).collect();
    let target = |partition| Target { topic, partition, broker: Some(b.broker) };
    world.run(Change::SetTargets { targets: led.iter().copied().map(target).collect() }).unwrap();
    // Everything below number 9 of the log of a counts for what it led.
    let partitions = led.iter().map(|partition| world.released(topic, *partition, 5)).collect();
    world.run(Change::Release { incarnation: a, partitions }).unwrap();
    let links = |world: &World| {
        let partitions = &world.state.topic(topic).unwrap().partitions;
        partitions.iter().flat_map(|partition| &partition.chain).filter(|link| link.incarnation == a).count()
    };
    let trim = |floor| Change::TrimWal { incarnation: a, floor, checkpoint: Some(Uuid::from_u128(floor.into())) };
    assert_eq!(links(&world), led.len());
    world.run(trim(8)).unwrap();
    assert_eq!(links(&world), led.len(), "number 8 is still read");
    world.run(trim(9)).unwrap();
    assert_eq!(links(&world), 0);
    assert_eq!(world.run(trim(9)), Err(Rejection::FloorNotHigher { floor: 9 }));
    let log = world.state.wal_log(a).unwrap();
    assert_eq!((log.floor, log.checkpoint), (9, Some(Uuid::from_u128(9))));
    // The present leader's link stays, whatever the floor.
    let trim = Change::TrimWal { incarnation: b, floor: 100, checkpoint: None };
    world.run(trim).unwrap();
    assert!(world.state.topic(topic).unwrap().partitions.iter().all(|partition| partition.chain.len() == 1));
}

#[test]
fn a_leadership_in_which_nothing_was_written_leaves_no_link() {
    let mut world = World::new();
    let (a, b) = (world.broker("a", "z1"), world.broker("b", "z2"));
    let topic = world.topic("payments", 1);
    let (from, to) = if world.leaders(topic) == [Some(a.broker)] { (a, b) } else { (b, a) };
    world.run(Change::SetTargets { targets: vec![Target { topic, partition: 0, broker: Some(to.broker) }] }).unwrap();
    let mut released = world.released(topic, 0, 0);
    released.position.wal_seq = 0;
    world.run(Change::Release { incarnation: from, partitions: vec![released] }).unwrap();
    let partition = world.state.partition(topic, 0).unwrap();
    assert_eq!((partition.leader, partition.leader_epoch, partition.chain.len()), (Some(to), 1, 1));
}

#[test]
fn every_other_zone_has_one_reader_of_a_partition_and_a_broker_that_comes_takes_only_its_share() {
    let mut world = World::new();
    let leader = world.broker("a", "z1");
    for (host, zone) in [("b", "z2"), ("c", "z2"), ("d", "z3")] {
        world.broker(host, zone);
    }
    let topic = Uuid::from_u128(7);
    let readers = |world: &World| -> Vec<Vec<i32>> {
        (0..300).map(|partition| world.state.readers().of(topic, partition, leader)).collect()
    };
    let before = readers(&world);
    assert!(before.iter().all(|readers| readers.len() == 2 && readers[1] == 4), "one of each zone but the leader's");
    let of_b = before.iter().filter(|readers| readers[0] == 2).count();
    assert!((100..200).contains(&of_b), "{of_b} of 300 in a zone of two");
    let newcomer = world.broker("e", "z2").broker;
    for (before, after) in before.iter().zip(readers(&world)) {
        assert!(after[0] == before[0] || after[0] == newcomer, "{before:?} {after:?}");
    }
    assert_eq!(world.state.readers().in_zone("z4", topic, 0), None);
}

#[test]
fn what_has_changed_since_an_earlier_state_is_found_by_topic() {
    let mut world = World::new();
    world.broker("a", "z1");
    let topics: Vec<Uuid> = ["t0", "t1", "t2", "t3"].iter().map(|name| world.topic(name, 3)).collect();
    let before = world.state.clone();
    world.run(Change::AllocateProducerIds { count: 1 }).unwrap();
    assert_eq!(world.state.topics_changed_since(&before), Vec::<Uuid>::new());
    world
        .run(Change::SetTargets { targets: vec![Target { topic: topics[1], partition: 2, broker: Some(1) }] })
        .unwrap();
    world.run(Change::DeleteTopic { topic: topics[2] }).unwrap();
    let created = world.topic("t4", 1);
    let mut expected = vec![topics[1], topics[2], created];
    expected.sort();
    assert_eq!(world.state.topics_changed_since(&before), expected);
    // A broker that goes takes all topics along.
    let (before, broker) = (world.state.clone(), world.state.broker(1).unwrap().incarnation());
    world.run(Change::FenceBrokers { incarnations: vec![broker] }).unwrap();
    let all: Vec<Uuid> = world.state.topics().keys().copied().collect();
    assert_eq!(world.state.topics_changed_since(&before), all);
    assert_eq!(world.state.topics_changed_since(&State::default()), all);
}

#[test]
fn a_topic_spreads_evenly_over_brokers_and_zones() {
    let mut world = World::new();
    let hosts = [("a", "z1"), ("b", "z1"), ("c", "z2"), ("d", "z2"), ("e", "z3"), ("f", "z3")];
    for (host, zone) in hosts {
        world.broker(host, zone);
    }
    let topic = world.topic("payments", 120);
    assert_eq!(led_per_broker(&world, topic), [20; 6]);
    for n in 0..20 {
        let topic = world.topic(&format!("small{n}"), 3);
        let zones: BTreeSet<_> = world.leaders(topic).iter().map(|leader| (leader.unwrap() - 1) / 2).collect();
        assert_eq!(zones.len(), 3, "small{n}");
    }
}

#[test]
fn single_partition_topics_spread_too() {
    let mut world = World::new();
    let brokers: Vec<_> = ["a", "b", "c"].into_iter().map(|host| world.broker(host, host)).collect();
    for n in 0..60 {
        world.topic(&format!("single{n}"), 1);
    }
    for broker in brokers {
        let led = world.state.led_by(broker).count();
        assert!((12..=28).contains(&led), "{broker} leads {led} of 64");
    }
}

fn led_per_broker(world: &World, topic: Uuid) -> Vec<u32> {
    let mut led: BTreeMap<i32, u32> = BTreeMap::new();
    for leader in world.leaders(topic).into_iter().flatten() {
        *led.entry(leader).or_default() += 1;
    }
    led.into_values().collect()
}

#[test]
fn balancing_moves_what_a_new_broker_should_lead_and_then_nothing() {
    let mut world = World::new();
    let a = world.broker("a", "z1");
    let (one, two) = (world.topic("one", 6), world.topic("two", 1));
    assert!(world.state.balancing_targets(100).is_empty(), "a single broker has nowhere to move to");
    let b = world.broker("b", "z2");
    let targets = world.state.balancing_targets(100);
    world.run(Change::SetTargets { targets: targets.clone() }).unwrap();
    assert!(world.state.balancing_targets(100).is_empty(), "moves are under way");
    let partitions = targets.iter().map(|target| world.released(target.topic, target.partition, 0)).collect();
    world.run(Change::Release { incarnation: a, partitions }).unwrap();
    assert_eq!(led_per_broker(&world, one), [3, 3]);
    assert_eq!(world.leaders(two).len(), 1);
    let (led_a, led_b) = (world.state.led_by(a).count(), world.state.led_by(b).count());
    assert!(led_a.abs_diff(led_b) <= 1, "{led_a} and {led_b}");
    assert_eq!(world.state.balancing_targets(100), []);
    assert!(world.state.balancing_targets(0).is_empty());
}

/// A random command about few things, so that many of them meet.
fn changes() -> impl Strategy<Value = (u8, u8, u8)> {
    (0..10_u8, 0..4_u8, 0..4_u8)
}

fn change(world: &World, (kind, x, y): (u8, u8, u8)) -> Change {
    let incarnations: Vec<_> = world.state.wal_logs().keys().copied().collect();
    let incarnation = incarnations.get(usize::from(x) % incarnations.len().max(1)).copied();
    let incarnation = incarnation.unwrap_or(broker_metadata::Incarnation { broker: 9, epoch: 9 });
    let topics: Vec<Uuid> = world.state.topics().keys().copied().collect();
    let topic = topics.get(usize::from(y) % topics.len().max(1)).copied().unwrap_or_default();
    match kind {
        0 => Change::RegisterBroker(register(&format!("host{x}"), &format!("zone{}", x % 3))),
        1 | 2 => Change::BrokerReady { incarnation },
        3 => Change::FenceBrokers { incarnations: vec![incarnation] },
        4 => create_topic(&format!("topic{y}"), i32::from(x) + 1),
        5 => Change::DeleteTopic { topic },
        6 => Change::DrainBroker { incarnation },
        7 => {
            let led = world.state.led_by(incarnation).take(3).map(|(topic, n, _)| (topic.id, n)).collect::<Vec<_>>();
            let partitions = led.iter().map(|(topic, n)| world.released(*topic, *n, i64::from(x))).collect();
            Change::Release { incarnation, partitions }
        }
        8 => Change::SetTargets { targets: vec![Target { topic, partition: 0, broker: Some(i32::from(x) + 1) }] },
        _ => Change::CreatePartitions { topic, total: i32::from(x) + 2 },
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    #[test]
    fn leadership_moves_only_from_the_fenced_and_the_releasing_and_epochs_only_grow(
        steps in proptest::collection::vec(changes(), 1..60),
    ) {
        let mut world = World::new();
        for step in steps {
            let before = world.state.clone();
            let change = change(&world, step);
            let rejected = world.run(change.clone()).is_err();
            for (topic, number, old) in before.all_partitions() {
                let Some(new) = world.state.partition(topic.id, number) else { continue };
                prop_assert!(new.leader_epoch >= old.leader_epoch);
                prop_assert!(!rejected || new == old, "a rejected {:?} changed {:?}", change, old);
                if new.leader != old.leader || new.leader_epoch != old.leader_epoch {
                    let left = old.leader.is_none_or(|leader| !world.state.is_alive(leader));
                    let released = matches!(&change, Change::Release { incarnation, .. } if Some(*incarnation) == old.leader);
                    prop_assert!(left || released, "{:?} moved {:?} to {:?}", change, old, new);
                }
                if let Some(leader) = new.leader {
                    prop_assert!(world.state.is_alive(leader));
                    let last = new.chain.last().unwrap();
                    prop_assert_eq!((last.incarnation, last.leader_epoch, last.released), (leader, new.leader_epoch, None));
                }
                prop_assert!(new.chain.is_sorted_by_key(|link| link.leader_epoch));
            }
        }
    }

    #[test]
    fn the_same_commands_give_the_same_state_through_json(steps in proptest::collection::vec(changes(), 1..40)) {
        let mut world = World::new();
        for step in steps {
            let change = change(&world, step);
            let command = world.command(change);
            let json = serde_json::to_vec(&world.state).unwrap();
            let mut twin: broker_metadata::State = serde_json::from_slice(&json).unwrap();
            let results = twin.apply(std::slice::from_ref(&command));
            prop_assert_eq!(vec![world.run_command(command)], results);
            prop_assert_eq!(&twin, &world.state);
            prop_assert_eq!(twin.digest(), world.state.digest());
        }
    }
}

#[test]
fn the_feature_level_is_one_that_every_living_broker_knows_and_never_goes_back() {
    let mut world = World::new();
    let level = |rejected: Result<Applied, Rejection>| match rejected {
        Err(Rejection::FeatureLevel { problem, .. }) => problem,
        other => panic!("{other:?}"),
    };
    let old = broker_metadata::RegisterBroker { feature_level_max: 0, ..register("old", "z1") };
    assert_eq!(level(world.run(Change::RegisterBroker(old))), "the cluster is at 1");
    let a = world.broker("a", "z1");
    let newer = broker_metadata::RegisterBroker { feature_level_max: 7, ..register("newer", "z1") };
    world.run(Change::RegisterBroker(newer)).unwrap();
    assert_eq!(level(world.run(Change::SetFeatureLevel { level: 2 })), "broker 1 knows only 1");
    assert_eq!(level(world.run(Change::SetFeatureLevel { level: 0 })), "is unknown, or lower than the cluster's");
    world.run(Change::SetFeatureLevel { level: 1 }).unwrap();
    // Whoever is fenced holds nobody up; what this release does not know is refused all the same.
    world.run(Change::FenceBrokers { incarnations: vec![a] }).unwrap();
    assert_eq!(level(world.run(Change::SetFeatureLevel { level: 2 })), "is unknown, or lower than the cluster's");
    assert_eq!(world.state.cluster().unwrap().feature_level, 1);
}
