//! How commands end.

use broker_store::Incarnation;
use serde::{Deserialize, Serialize};
use thiserror::Error;
use uuid::Uuid;

/// How a command ended: the same everywhere, and the same again when the command is repeated.
pub type CommandResult = Result<Applied, Rejection>;

/// A command took effect.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Applied {
    /// Nothing more to say.
    Done,
    /// A broker has an id and an epoch.
    Registered {
        /// They.
        incarnation: Incarnation,
    },
    /// A topic has an id.
    TopicCreated {
        /// It.
        topic: Uuid,
    },
    /// A block of producer ids.
    ProducerIds {
        /// The first.
        first: i64,
        /// How many.
        count: u32,
    },
}

/// A command changed nothing.
#[derive(Clone, Debug, PartialEq, Eq, Error, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Rejection {
    /// The cluster exists already.
    #[error("the cluster was created before")]
    ClusterExists,
    /// Entry 0 has not created the cluster.
    #[error("the cluster was not created")]
    NoCluster,
    /// The incarnation is fenced, retired, or was never registered.
    #[error("incarnation {0} is fenced or unknown")]
    Fenced(Incarnation),
    /// The incarnation is not fenced.
    #[error("incarnation {0} is alive")]
    Alive(Incarnation),
    /// The broker still leads partitions.
    #[error("incarnation {incarnation} leads {partitions} partitions")]
    StillLeads {
        /// Which.
        incarnation: Incarnation,
        /// How many.
        partitions: u32,
    },
    /// The id belongs to another living host.
    #[error("broker id {broker} belongs to host {host}")]
    BrokerIdTaken {
        /// The id.
        broker: i32,
        /// Who has it.
        host: String,
    },
    /// No such broker.
    #[error("there is no broker {0}")]
    UnknownBroker(i32),
    /// The partition is led by somebody else, or in another epoch.
    #[error("partition {partition} of {topic} is not led by the sender in that epoch")]
    NotLeader {
        /// The topic.
        topic: Uuid,
        /// The partition.
        partition: i32,
    },
    /// A floor only rises.
    #[error("the floor is {floor} already")]
    FloorNotHigher {
        /// Where it is.
        floor: u64,
    },
    /// A topic of this name exists.
    #[error("topic {name:?} exists since {time_ms} ms, created by {actor}")]
    TopicExists {
        /// Its name.
        name: String,
        /// Its id.
        topic: Uuid,
        /// Who created it.
        actor: String,
        /// When, milliseconds since 1970.
        time_ms: i64,
        /// Where it is administered from.
        manager: Option<String>,
    },
    /// No such topic.
    #[error("there is no topic {0}")]
    UnknownTopic(Uuid),
    /// An incarnation that knew a deleted topic is not retired.
    #[error("incarnation {incarnation} may still write objects of topic {topic}")]
    MayStillWrite {
        /// The topic.
        topic: Uuid,
        /// Who.
        incarnation: Incarnation,
    },
    /// No such partition.
    #[error("topic {topic} has no partition {partition}")]
    UnknownPartition {
        /// The topic.
        topic: Uuid,
        /// The partition.
        partition: i32,
    },
    /// The name is not one of Kafka's.
    #[error("topic name {name:?} {problem}")]
    InvalidTopicName {
        /// The name.
        name: String,
        /// What is wrong.
        problem: String,
    },
    /// Too few partitions, or too many.
    #[error("{partitions} partitions: {problem}")]
    InvalidPartitions {
        /// How many.
        partitions: i32,
        /// What is wrong.
        problem: String,
    },
    /// A config that does not exist or cannot have the value.
    #[error("config {name}: {problem}")]
    InvalidConfig {
        /// Its name.
        name: String,
        /// What is wrong.
        problem: String,
    },
    /// The topic's deletion protection is on.
    #[error("topic {name:?} is protected against deletion")]
    DeletionProtected {
        /// Its name.
        name: String,
    },
    /// Internal topics are neither deleted nor altered.
    #[error("topic {name:?} is internal")]
    InternalTopic {
        /// Its name.
        name: String,
    },
    /// A bound of the cluster is reached.
    #[error("limit reached: {what}")]
    LimitReached {
        /// Which.
        what: String,
    },
    /// A broker does not support the level, or the cluster is beyond it.
    #[error("feature level {level}: {problem}")]
    FeatureLevel {
        /// The level.
        level: u32,
        /// What is wrong.
        problem: String,
    },
    /// A text is too long, a list empty, a number out of range.
    #[error("invalid command: {0}")]
    Invalid(String),
}
