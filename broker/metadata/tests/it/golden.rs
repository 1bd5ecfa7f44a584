//! A history whose outcome never changes: another release, another machine, the same state.

use std::fmt::Write as _;

use broker_metadata::{Change, Target};
use expect_test::expect;

use crate::world::{World, create_topic};

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
