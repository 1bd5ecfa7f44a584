//! The cluster's metadata: a pure state machine.
//!
//! Integers and ordered maps only; no clock, no randomness: every process that applies the same entries has the same
//! state, byte for byte.

mod apply;
mod balance;
mod brokers;
mod deletion;
mod election;
mod queries;
mod readers;
mod shared;
mod topics;

use std::collections::{BTreeMap, BTreeSet, VecDeque};

use broker_store::Incarnation;
use serde::{Deserialize, Serialize};
use uuid::Uuid;

use crate::command::{Endpoint, ReleasedPosition, SweptObjects, TopicAttributes};
use crate::outcome::CommandResult;
pub use balance::Loads;
pub use readers::Readers;
pub use shared::Shared;

/// The highest feature level that this binary knows. The simulation has one more, with nothing new in it: so that there are
/// clusters whose brokers are of different age.
pub const FEATURE_LEVEL_MAX: u32 = if broker_store::mutation::BUILT { 2 } else { 1 };
/// The feature level of a new cluster; the newest, but in the simulation.
pub const FEATURE_LEVEL_NEW: u32 = 1;
/// The internal topic of committed offsets.
pub const CONSUMER_OFFSETS: &str = "__consumer_offsets";
/// The internal topic of transactions.
pub const TRANSACTION_STATE: &str = "__transaction_state";

/// The cluster's metadata after a number of entries.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct State {
    cluster: Option<ClusterInfo>,
    /// The number of the next entry.
    next_seq: u64,
    /// Covers every change since the beginning; see [`State::digest`].
    digest: Digest,
    next_broker: i32,
    next_epoch: i64,
    next_producer_id: i64,
    brokers: BTreeMap<i32, Broker>,
    #[serde(with = "incarnation_keys")]
    incarnations: BTreeMap<Incarnation, WalLog>,
    topics: BTreeMap<Uuid, Shared<Topic>>,
    topic_ids: Shared<BTreeMap<String, Uuid>>,
    deleted_topics: BTreeMap<Uuid, DeletedTopic>,
    finalised_topics: BTreeMap<Uuid, FinalisedTopic>,
    /// Highest leader epoch of deleted topics, by name.
    former_epochs: Shared<BTreeMap<String, i32>>,
    results: BTreeMap<Uuid, CommandResult>,
    results_order: VecDeque<Uuid>,
    #[serde(skip)]
    touched: Touched,
}

/// What the entry being applied has changed; goes into the digest.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
struct Touched {
    brokers: BTreeSet<i32>,
    incarnations: BTreeSet<Incarnation>,
    topics: BTreeSet<Uuid>,
}

/// A SHA-256.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct Digest(pub [u8; 32]);

/// The cluster itself.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ClusterInfo {
    /// Its id.
    pub id: Uuid,
    /// Its name.
    pub name: String,
    /// What it may use.
    pub feature_level: u32,
}

/// A broker: its latest incarnation.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Broker {
    /// Its id.
    pub id: i32,
    /// The epoch of its latest registration.
    pub epoch: i64,
    /// What its host is called.
    pub host: String,
    /// Where clients reach it.
    pub endpoint: Endpoint,
    /// Availability zone.
    pub zone: Option<String>,
    /// The highest feature level that its binary knows.
    pub feature_level_max: u32,
    /// What it may do.
    pub status: BrokerStatus,
}

impl Broker {
    /// Its latest incarnation.
    #[must_use]
    pub fn incarnation(&self) -> Incarnation {
        Incarnation { broker: self.id, epoch: self.epoch }
    }
}

/// What a broker may do.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum BrokerStatus {
    /// It has an id and gets no partitions yet.
    Registered,
    /// It leads partitions.
    Ready,
    /// It leads partitions and gets no more.
    Draining,
    /// It is dead, or went away in order.
    Fenced,
}

/// The write-ahead log of an incarnation, until it is retired.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct WalLog {
    /// Whether the incarnation is fenced: then the log needs sealing, and the floor stands still.
    pub fenced: bool,
    /// The first number that is kept.
    pub floor: u64,
    /// The checkpoint object of that floor.
    pub checkpoint: Option<Uuid>,
}

/// A topic.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Topic {
    /// Its id.
    pub id: Uuid,
    /// Its name.
    pub name: String,
    /// Whether it is the cluster's own.
    pub internal: bool,
    /// Its partitions, by number.
    pub partitions: Vec<Partition>,
    /// Configs that were set.
    pub configs: BTreeMap<String, String>,
    /// What operators say about it.
    pub attributes: TopicAttributes,
    /// Who created it.
    pub created_by: String,
    /// When, by the creator's clock; milliseconds since 1970.
    pub created_ms: i64,
}

/// A partition.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Partition {
    /// Who leads it; none while no broker is ready.
    pub leader: Option<Incarnation>,
    /// Grows with every new leader; -1 before the first.
    pub leader_epoch: i32,
    /// Who led it, oldest first, as far as anything that was written then may not be in segments yet; the present leader
    /// is the last link.
    pub chain: Vec<ChainLink>,
    /// The broker that shall lead it.
    pub target: Option<i32>,
}

/// One leadership.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ChainLink {
    /// Its epoch.
    pub leader_epoch: i32,
    /// Who led.
    pub incarnation: Incarnation,
    /// Where it ended, if it was given up in order; else the seal says.
    pub released: Option<ReleasedPosition>,
}

/// A topic whose objects may be deleted.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct DeletedTopic {
    /// The name it had.
    pub name: String,
    /// The partitions it had.
    pub partitions: i32,
    /// The entry that deleted it.
    pub seq: u64,
    /// The epoch of the next incarnation then: those before it knew the topic.
    pub epochs_until: i64,
    /// What sweeps have deleted, as far as they have said.
    pub swept: SweptObjects,
}

/// A topic of which nothing is left.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct FinalisedTopic {
    /// The name it had.
    pub name: String,
    /// The partitions it had.
    pub partitions: i32,
    /// The entry that deleted it.
    pub deleted_seq: u64,
    /// The entry that said that nothing is left.
    pub seq: u64,
    /// What sweeps have deleted, as far as they have said.
    pub swept: SweptObjects,
}

/// JSON objects have text keys only: written as a list of pairs.
mod incarnation_keys {
    use std::collections::BTreeMap;

    use broker_store::Incarnation;
    use serde::{Deserialize, Deserializer, Serializer};

    use super::WalLog;

    pub(super) fn serialize<S: Serializer>(map: &BTreeMap<Incarnation, WalLog>, to: S) -> Result<S::Ok, S::Error> {
        to.collect_seq(map)
    }

    pub(super) fn deserialize<'de, D: Deserializer<'de>>(from: D) -> Result<BTreeMap<Incarnation, WalLog>, D::Error> {
        Ok(Vec::<(Incarnation, WalLog)>::deserialize(from)?.into_iter().collect())
    }
}
