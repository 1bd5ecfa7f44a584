//! Commands and states for tests.

use std::collections::BTreeMap;

use broker_metadata::{
    Applied, Change, Command, CommandResult, CreateCluster, CreateTopic, Endpoint, Incarnation, RegisterBroker,
    ReleasedPartition, ReleasedPosition, State, TopicAttributes,
};
use uuid::Uuid;

pub(crate) const CLUSTER: Uuid = Uuid::from_u128(0xc1);

/// A state and a count of commands, whose ids follow from it.
#[derive(Default)]
pub(crate) struct World {
    pub(crate) state: State,
    commands: u128,
}

impl World {
    /// A cluster with four partitions of `__consumer_offsets`.
    pub(crate) fn new() -> Self {
        let mut world = Self::default();
        let create = CreateCluster {
            cluster_id: CLUSTER,
            name: "orders".to_owned(),
            feature_level: 1,
            consumer_offsets_partitions: 4,
        };
        world.run(Change::CreateCluster(create)).unwrap();
        world
    }

    pub(crate) fn command(&mut self, change: Change) -> Command {
        self.commands += 1;
        command(self.commands, change)
    }

    pub(crate) fn run(&mut self, change: Change) -> CommandResult {
        let command = self.command(change);
        self.run_command(command)
    }

    pub(crate) fn run_command(&mut self, command: Command) -> CommandResult {
        self.state.apply(&[command]).remove(0)
    }

    /// Registers a broker and makes it ready.
    pub(crate) fn broker(&mut self, host: &str, zone: &str) -> Incarnation {
        let incarnation = self.register(host, zone);
        self.run(Change::BrokerReady { incarnation }).unwrap();
        incarnation
    }

    pub(crate) fn register(&mut self, host: &str, zone: &str) -> Incarnation {
        match self.run(Change::RegisterBroker(register(host, zone))).unwrap() {
            Applied::Registered { incarnation } => incarnation,
            other => panic!("{other:?}"),
        }
    }

    pub(crate) fn topic(&mut self, name: &str, partitions: i32) -> Uuid {
        match self.run(create_topic(name, partitions)).unwrap() {
            Applied::TopicCreated { topic } => topic,
            other => panic!("{other:?}"),
        }
    }

    pub(crate) fn leaders(&self, topic: Uuid) -> Vec<Option<i32>> {
        let partitions = &self.state.topic(topic).unwrap().partitions;
        partitions.iter().map(|partition| partition.leader.map(|leader| leader.broker)).collect()
    }

    /// What a leader releases when it gives up a partition at an offset.
    pub(crate) fn released(&self, topic: Uuid, partition: i32, end_offset: i64) -> ReleasedPartition {
        let leader_epoch = self.state.partition(topic, partition).unwrap().leader_epoch;
        let position = ReleasedPosition { end_offset, wal_seq: 9 };
        ReleasedPartition { topic, partition, leader_epoch, position }
    }
}

pub(crate) fn command(id: u128, change: Change) -> Command {
    Command {
        id: Uuid::from_u128(id),
        origin: None,
        actor: "User:admin".to_owned(),
        time_ms: 1_000,
        reason: "test".to_owned(),
        change,
    }
}

pub(crate) fn register(host: &str, zone: &str) -> RegisterBroker {
    RegisterBroker {
        host: host.to_owned(),
        broker: None,
        endpoint: Endpoint { host: format!("{host}.example"), port: 9092 },
        zone: Some(zone.to_owned()),
        feature_level_max: 1,
    }
}

pub(crate) fn create_topic(name: &str, partitions: i32) -> Change {
    let attributes = TopicAttributes::default();
    Change::CreateTopic(CreateTopic { name: name.to_owned(), partitions, configs: BTreeMap::new(), attributes })
}
