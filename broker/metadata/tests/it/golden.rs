//! A history whose outcome never changes: another release, another machine, the same state.

use std::collections::BTreeMap;
use std::fmt::Write as _;

use broker_metadata::{Change, Incarnation, SweptObjects, Target, TopicAttributes};
use expect_test::expect;

use crate::world::{World, create_topic, register};

#[test]
fn a_known_history_gives_the_known_state() {
    let mut world = World::new();
    let mut trace = String::new();
    let mut step = |world: &mut World, what: &str| {
        let digest: String = world.state.digest().0.iter().take(8).map(|byte| format!("{byte:02x}")).collect();
        writeln!(trace, "{:>2} {digest} {what}", world.state.next_seq()).unwrap();
        for topic in world.state.topics().values() {
            let partition = |p: &broker_metadata::Partition| match p.leader {
                Some(leader) => format!("{leader}@{}", p.leader_epoch),
                None => format!("none@{}", p.leader_epoch),
            };
            let partitions: Vec<String> = topic.partitions.iter().map(partition).collect();
            writeln!(trace, "   {} {}", topic.name, partitions.join(" ")).unwrap();
        }
    };
    step(&mut world, "created");
    let a = world.broker("a", "z1");
    step(&mut world, "a is ready");
    let b = world.broker("b", "z2");
    let c = world.broker("c", "z3");
    let payments = world.topic("payments", 6);
    step(&mut world, "payments");
    world.run(Change::FenceBrokers { incarnations: vec![b] }).unwrap();
    step(&mut world, "b is fenced");
    let moved = (0..).zip(world.leaders(payments)).find(|(_, leader)| *leader == Some(c.broker)).unwrap().0;
    let target = Target { topic: payments, partition: moved, broker: Some(a.broker) };
    world.run(Change::SetTargets { targets: vec![target] }).unwrap();
    let partitions = vec![world.released(payments, moved, 100)];
    world.run(Change::Release { incarnation: c, partitions }).unwrap();
    step(&mut world, "released to a");
    world.run(create_topic("payments", 1)).unwrap_err();
    world.run(Change::DeleteTopic { topic: payments }).unwrap();
    world.topic("payments", 2);
    step(&mut world, "deleted and made again");
    expect![[r#"
         1 24320248e216e603 created
           __transaction_state none@-1 none@-1 none@-1 none@-1
           __consumer_offsets none@-1 none@-1 none@-1 none@-1
         3 661e760919710d43 a is ready
           __transaction_state 1-1@0 1-1@0 1-1@0 1-1@0
           __consumer_offsets 1-1@0 1-1@0 1-1@0 1-1@0
         8 df6d0376fb476112 payments
           __transaction_state 1-1@0 1-1@0 1-1@0 1-1@0
           payments 2-2@0 3-3@0 1-1@0 3-3@0 2-2@0 1-1@0
           __consumer_offsets 1-1@0 1-1@0 1-1@0 1-1@0
         9 039771e8ccedce95 b is fenced
           __transaction_state 1-1@0 1-1@0 1-1@0 1-1@0
           payments 3-3@1 3-3@0 1-1@0 3-3@0 1-1@1 1-1@0
           __consumer_offsets 1-1@0 1-1@0 1-1@0 1-1@0
        11 906317678aa55589 released to a
           __transaction_state 1-1@0 1-1@0 1-1@0 1-1@0
           payments 1-1@2 3-3@0 1-1@0 3-3@0 1-1@1 1-1@0
           __consumer_offsets 1-1@0 1-1@0 1-1@0 1-1@0
        14 7d00ced5ea01b181 deleted and made again
           payments 3-3@3 1-1@3
           __transaction_state 1-1@0 1-1@0 1-1@0 1-1@0
           __consumer_offsets 1-1@0 1-1@0 1-1@0 1-1@0
    "#]]
    .assert_eq(&trace);
}

/// Numbers from a fixed seed.
struct Numbers(u64);

impl Numbers {
    fn below(&mut self, bound: u64) -> u64 {
        self.0 = self.0.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        (self.0 >> 33) % bound
    }

    fn pick<T: Clone>(&mut self, things: &[T]) -> Option<T> {
        let bound = u64::try_from(things.len()).unwrap().max(1);
        things.get(usize::try_from(self.below(bound)).unwrap()).cloned()
    }
}

/// One of all changes that there are, about what there is or nearly is: many of them are rejected.
fn some_change(world: &World, numbers: &mut Numbers) -> Change {
    let state = &world.state;
    let incarnations: Vec<_> = state.wal_logs().keys().copied().collect();
    let incarnation = numbers.pick(&incarnations).unwrap_or(Incarnation { broker: 1, epoch: 1 });
    let topics: Vec<_> = state.topics().keys().chain(state.deleted_topics().keys()).copied().collect();
    let topic = numbers.pick(&topics).unwrap();
    let partition = i32::try_from(numbers.below(4)).unwrap();
    let number = numbers.below(100);
    let swept = SweptObjects { objects: number, bytes: number * 7 };
    match numbers.below(18) {
        0 => Change::RegisterBroker(register(&format!("host-{}", number % 5), &format!("z{}", number % 3))),
        1 | 2 => Change::BrokerReady { incarnation },
        3 => Change::DrainBroker { incarnation },
        4 => Change::DeregisterBroker { incarnation },
        5 => Change::FenceBrokers { incarnations: vec![incarnation] },
        6 => Change::RetireIncarnation { incarnation },
        7 | 8 => {
            let led: Vec<_> = state.led_by(incarnation).map(|(topic, number, _)| (topic.id, number)).collect();
            let (topic, partition) = numbers.pick(&led).unwrap_or((topic, partition));
            let partitions = match state.partition(topic, partition) {
                Some(_) => vec![world.released(topic, partition, i64::try_from(number).unwrap())],
                None => Vec::new(),
            };
            Change::Release { incarnation, partitions }
        }
        9 => Change::SetTargets { targets: vec![Target { topic, partition, broker: Some(incarnation.broker) }] },
        10 => Change::TrimWal { incarnation, floor: number, checkpoint: None },
        11 => create_topic(&format!("topic-{}", number % 10), partition + 1),
        12 => Change::DeleteTopic { topic },
        13 => Change::NoteSweep { topic, swept },
        14 => Change::FinaliseDeletion { topic, swept },
        15 => {
            let value = number.is_multiple_of(2).then(|| (number * 1000).to_string());
            Change::AlterTopicConfigs { topic, configs: BTreeMap::from([("retention.ms".to_owned(), value)]) }
        }
        16 => {
            let attributes = TopicAttributes { owner: Some(format!("team {number}")), ..TopicAttributes::default() };
            Change::AlterTopicAttributes { topic, attributes }
        }
        _ if number.is_multiple_of(3) => Change::CreatePartitions { topic, total: partition + 3 },
        _ if number.is_multiple_of(2) => Change::AllocateProducerIds { count: 1000 },
        _ => Change::SetFeatureLevel { level: 1 },
    }
}

/// Whatever machine this runs on, and whatever later releases do with new feature levels: these entries give this state.
#[test]
fn two_thousand_entries_of_all_kinds_give_the_known_state() {
    let mut world = World::new();
    let mut numbers = Numbers(7);
    let mut accepted = 0;
    for _ in 0..2_000 {
        let change = some_change(&world, &mut numbers);
        accepted += u32::from(world.run(change).is_ok());
    }
    let digest: String = world.state.digest().0.iter().map(|byte| format!("{byte:02x}")).collect();
    let counts = (world.state.topics().len(), world.state.deleted_topics().len(), world.state.wal_logs().len());
    expect!["adf607d185f3d2038125fbecc329800dda69411f51c8539176ce1b527396579b 716 (7, 25, 13)"]
        .assert_eq(&format!("{digest} {accepted} {counts:?}"));
}
