//! Where partitions should be, and that getting there comes to an end.

use std::collections::BTreeMap;

use broker_metadata::{Change, Incarnation, Loads, Target};
use proptest::prelude::*;
use uuid::Uuid;

use crate::world::World;

const MIB: u64 = 1 << 20;

/// Lets the leaders release what shall move.
fn carry_out(world: &mut World, targets: Vec<Target>) {
    world.run(Change::SetTargets { targets: targets.clone() }).unwrap();
    let mut released: BTreeMap<Incarnation, Vec<_>> = BTreeMap::new();
    for target in targets {
        let leader = world.state.partition(target.topic, target.partition).unwrap().leader.unwrap();
        assert_ne!(Some(leader.broker), target.broker, "a move to where it is");
        released.entry(leader).or_default().push(world.released(target.topic, target.partition, 0));
    }
    for (incarnation, partitions) in released {
        world.run(Change::Release { incarnation, partitions }).unwrap();
    }
}

/// How uneven everything is, the most important first: topics over brokers, topics over zones, partitions over brokers, and
/// the load of the one that carries most.
fn unevenness(world: &World, loads: &Loads) -> (u64, u64, u64, u64) {
    let mut by_topic: BTreeMap<(Uuid, i32), u64> = BTreeMap::new();
    let mut by_zone: BTreeMap<(Uuid, Option<String>), u64> = BTreeMap::new();
    let mut led: BTreeMap<i32, u64> = BTreeMap::new();
    let mut carried: BTreeMap<i32, u64> = BTreeMap::new();
    for (topic, number, partition) in world.state.all_partitions() {
        let broker = world.state.broker(partition.leader.unwrap().broker).unwrap();
        *by_topic.entry((topic.id, broker.id)).or_default() += 1;
        *by_zone.entry((topic.id, broker.zone.clone())).or_default() += 1;
        *led.entry(broker.id).or_default() += 1;
        *carried.entry(broker.id).or_default() += loads.get(&(topic.id, number)).copied().unwrap_or_default();
    }
    let squares = |counts: Vec<u64>| counts.iter().map(|count| count * count).sum();
    let loads = carried.into_values().map(|load| load / 1024).collect();
    (
        squares(by_topic.into_values().collect()),
        squares(by_zone.into_values().collect()),
        squares(led.into_values().collect()),
        squares(loads),
    )
}

/// Balances until there is nothing to do; how many partitions have moved.
fn balance(world: &mut World, loads: &Loads) -> usize {
    let mut moves = 0;
    for _ in 0..1000 {
        let before = unevenness(world, loads);
        let mut targets = world.state.balancing_targets(7);
        if targets.is_empty() {
            targets = world.state.load_targets(loads, 8);
        }
        if targets.is_empty() {
            return moves;
        }
        assert!(targets.len() <= 8);
        moves += targets.len();
        carry_out(world, targets);
        let after = unevenness(world, loads);
        assert!(after < before, "{before:?} became {after:?}");
    }
    panic!("it never ends");
}

#[test]
fn load_moves_between_partitions_of_a_topic_and_their_numbers_stay() {
    let mut world = World::new();
    for host in ["a", "b"] {
        world.broker(host, host);
    }
    let topic = world.topic("payments", 8);
    balance(&mut world, &Loads::new());
    // Everything that the first leads is busy.
    let busy = |world: &World, broker: i32| {
        let leaders = (0..).zip(world.leaders(topic));
        leaders.filter(|(_, leader)| *leader == Some(broker)).map(|(partition, _)| partition).collect::<Vec<i32>>()
    };
    let loads: Loads = busy(&world, 1).into_iter().map(|partition| ((topic, partition), 10 * MIB)).collect();
    let swaps = world.state.load_targets(&loads, 8);
    assert_eq!(swaps.len(), 4, "two of the four busy ones change places with two idle ones: {swaps:?}");
    carry_out(&mut world, swaps);
    assert_eq!(busy(&world, 1).len(), 4);
    assert_eq!(busy(&world, 1).iter().filter(|partition| loads.contains_key(&(topic, **partition))).count(), 2);
    assert_eq!(world.state.load_targets(&loads, 8), []);
}

#[test]
fn a_difference_of_a_quarter_or_a_mebibyte_moves_nothing() {
    let mut world = World::new();
    for host in ["a", "b"] {
        world.broker(host, host);
    }
    let topic = world.topic("payments", 4);
    balance(&mut world, &Loads::new());
    let loads = |first: u64, second: u64| -> Loads {
        let of = |leader: Option<i32>| if leader == Some(1) { first } else { second };
        (0..).zip(world.leaders(topic)).map(|(partition, leader)| ((topic, partition), of(leader))).collect()
    };
    assert_eq!(world.state.load_targets(&loads(12 * MIB, 8 * MIB), 8), []);
    assert_eq!(world.state.load_targets(&loads(MIB / 4, 0), 8), []);
    assert_eq!(world.state.load_targets(&loads(12 * MIB, 4 * MIB), 0), []);
}

#[test]
fn a_broker_that_joins_gets_its_share_and_nothing_else_moves() {
    let mut world = World::new();
    for host in ["a", "b", "c"] {
        world.broker(host, host);
    }
    world.topic("payments", 12);
    balance(&mut world, &Loads::new());
    world.broker("d", "d");
    // Three of the topic's twelve; of the internal topics at most as many.
    let moves = world.state.balancing_targets(100);
    assert_eq!(moves.iter().filter(|one| one.broker != Some(4)).count(), 0, "{moves:?}");
    assert!((4..=8).contains(&moves.len()), "{moves:?}");
    balance(&mut world, &Loads::new());
}

#[test]
fn a_topic_of_three_partitions_is_led_from_three_zones() {
    let mut world = World::new();
    for (host, zone) in [("a", "z1"), ("b", "z1")] {
        world.broker(host, zone);
    }
    let topic = world.topic("payments", 3);
    for (host, zone) in [("c", "z2"), ("d", "z2"), ("e", "z3"), ("f", "z3")] {
        world.broker(host, zone);
        balance(&mut world, &Loads::new());
    }
    let mut zones: Vec<_> = world.leaders(topic).into_iter().map(|leader| (leader.unwrap() - 1) / 2).collect();
    zones.sort_unstable();
    assert_eq!(zones, [0, 1, 2]);
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(48))]

    #[test]
    fn balancing_comes_to_an_end_and_every_move_makes_it_more_even(
        hosts in proptest::collection::vec(0..3_u8, 2..7),
        topics in proptest::collection::vec(1..14_i32, 1..6),
        joining in 1..3_usize,
        weights in proptest::collection::vec(0..40_u64, 1..40),
    ) {
        let mut world = World::new();
        let (early, late) = hosts.split_at(joining.min(hosts.len()));
        for (number, zone) in early.iter().enumerate() {
            world.broker(&format!("early{number}"), &format!("z{zone}"));
        }
        let ids: Vec<Uuid> =
            (0..).zip(&topics).map(|(number, partitions)| world.topic(&format!("topic{number}"), *partitions)).collect();
        for (number, zone) in late.iter().enumerate() {
            world.broker(&format!("late{number}"), &format!("z{zone}"));
        }
        let partitions = ids.iter().zip(&topics).flat_map(|(id, count)| (0..*count).map(|number| (*id, number)));
        let loads: Loads = partitions.zip(weights.iter().cycle()).map(|(key, weight)| (key, weight * MIB)).collect();
        balance(&mut world, &loads);
        // One that is fenced leaves something to do, and that too comes to an end.
        let first = world.state.living_brokers().next().unwrap().incarnation();
        world.run(Change::FenceBrokers { incarnations: vec![first] }).unwrap();
        balance(&mut world, &loads);
        for id in ids {
            let mut led: BTreeMap<i32, usize> =
                world.state.living_brokers().map(|broker| (broker.id, 0)).collect();
            for leader in world.leaders(id) {
                *led.get_mut(&leader.unwrap()).unwrap() += 1;
            }
            let (most, least) = (led.values().max().unwrap(), led.values().min().unwrap());
            prop_assert!(most - least <= 1, "{led:?}");
        }
    }
}
