//! What can be asked of the cluster's metadata.

use std::collections::BTreeMap;

use broker_store::Incarnation;
use serde::{Deserialize, Serialize};
use uuid::Uuid;

/// One wish: what shall change, who wants it, and why.
///
/// A repeated `id` returns the first result, so a proposer that does not know how its command ended sends it again.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Command {
    /// Chosen at random by whoever wants it.
    pub id: Uuid,
    /// The incarnation that speaks, for commands of brokers; rejected once it is fenced.
    pub origin: Option<Incarnation>,
    /// Kafka principal or AWS caller.
    pub actor: String,
    /// When, by the clock of whoever wants it; milliseconds since 1970. Decides nothing.
    pub time_ms: i64,
    /// Why, for the audit trail.
    pub reason: String,
    /// What.
    pub change: Change,
}

/// What shall change.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "snake_case")]
pub enum Change {
    /// The cluster begins; only in entry 0.
    CreateCluster(CreateCluster),
    /// A broker starts: gives it an id and a fresh epoch, and fences the former incarnation of its host.
    RegisterBroker(RegisterBroker),
    /// An incarnation can lead partitions from now on.
    BrokerReady {
        /// Which.
        incarnation: Incarnation,
    },
    /// An incarnation gets no more partitions; it gives up those it has by targets and releases.
    DrainBroker {
        /// Which.
        incarnation: Incarnation,
    },
    /// An incarnation that leads nothing goes away in order.
    DeregisterBroker {
        /// Which.
        incarnation: Incarnation,
    },
    /// Incarnations are dead: their partitions get other leaders, their later commands are rejected.
    FenceBrokers {
        /// All suspects at once.
        incarnations: Vec<Incarnation>,
    },
    /// The write-ahead log of a fenced incarnation holds nothing that is needed: it may be deleted.
    RetireIncarnation {
        /// Which.
        incarnation: Incarnation,
    },
    /// A leader gives up partitions; everything of them below the given position is durable.
    Release {
        /// The leader.
        incarnation: Incarnation,
        /// What it gives up.
        partitions: Vec<ReleasedPartition>,
    },
    /// Partitions shall move; their leaders release them when they are ready to.
    SetTargets {
        /// Which, and where to.
        targets: Vec<Target>,
    },
    /// WAL objects below the floor are in segments and may be deleted; leaderships that ended below it are forgotten.
    ///
    /// Proposed only after reading the newest manifest of every partition in the objects concerned.
    TrimWal {
        /// Whose log.
        incarnation: Incarnation,
        /// The first number that is kept.
        floor: u64,
        /// The checkpoint object of this floor: how far everything was folded.
        checkpoint: Option<Uuid>,
    },
    /// A topic begins.
    CreateTopic(CreateTopic),
    /// A topic ends.
    DeleteTopic {
        /// Which.
        topic: Uuid,
    },
    /// A sweep has deleted objects of a deleted topic.
    NoteSweep {
        /// Which.
        topic: Uuid,
        /// What it deleted.
        swept: SweptObjects,
    },
    /// Nothing of a deleted topic is left, and nobody who knew the topic can write any more.
    FinaliseDeletion {
        /// Which.
        topic: Uuid,
        /// What the last sweep deleted.
        swept: SweptObjects,
    },
    /// A topic's configs change.
    AlterTopicConfigs {
        /// Which.
        topic: Uuid,
        /// New values; none goes back to the default.
        configs: BTreeMap<String, Option<String>>,
    },
    /// A topic's attributes are replaced.
    AlterTopicAttributes {
        /// Which.
        topic: Uuid,
        /// All of them.
        attributes: TopicAttributes,
    },
    /// A topic grows.
    CreatePartitions {
        /// Which.
        topic: Uuid,
        /// Partitions it shall have, counting those it has.
        total: i32,
    },
    /// Producer ids that nobody has had.
    AllocateProducerIds {
        /// How many.
        count: u32,
    },
    /// The cluster may use what came with this level.
    SetFeatureLevel {
        /// The level.
        level: u32,
    },
}

/// See [`Change::CreateCluster`].
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct CreateCluster {
    /// The cluster's id.
    pub cluster_id: Uuid,
    /// Its name.
    pub name: String,
    /// Feature level to begin with.
    pub feature_level: u32,
    /// Partitions of `__consumer_offsets`, and of `__transaction_state`.
    pub consumer_offsets_partitions: i32,
}

/// See [`Change::RegisterBroker`].
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct RegisterBroker {
    /// What the host is called as long as it exists.
    pub host: String,
    /// A fixed id; none lets the cluster choose.
    pub broker: Option<i32>,
    /// Where clients reach it.
    pub endpoint: Endpoint,
    /// Availability zone.
    pub zone: Option<String>,
    /// The highest feature level that its binary knows.
    pub feature_level_max: u32,
}

/// Where clients reach a broker.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Endpoint {
    /// A literal address or a name.
    pub host: String,
    /// TCP port.
    pub port: u16,
}

/// See [`Change::Release`].
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ReleasedPartition {
    /// The topic.
    pub topic: Uuid,
    /// The partition.
    pub partition: i32,
    /// The epoch it was led in.
    pub leader_epoch: i32,
    /// Where it ends.
    pub position: ReleasedPosition,
}

/// Nothing of a partition at or beyond this position counts.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ReleasedPosition {
    /// The offset after the last record.
    pub end_offset: i64,
    /// The first WAL number of the incarnation that does not count.
    pub wal_seq: u64,
}

/// See [`Change::SetTargets`].
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Target {
    /// The topic.
    pub topic: Uuid,
    /// The partition.
    pub partition: i32,
    /// The broker that shall lead it; none takes a target back.
    pub broker: Option<i32>,
}

/// See [`Change::CreateTopic`].
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct CreateTopic {
    /// Its name.
    pub name: String,
    /// Its partitions.
    pub partitions: i32,
    /// Configs that differ from the defaults.
    pub configs: BTreeMap<String, String>,
    /// What operators say about it.
    pub attributes: TopicAttributes,
}

/// Objects that were deleted.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct SweptObjects {
    /// How many.
    pub objects: u64,
    /// Bytes in them.
    pub bytes: u64,
}

impl SweptObjects {
    /// These and others.
    #[must_use]
    pub fn and(self, others: Self) -> Self {
        Self { objects: self.objects.saturating_add(others.objects), bytes: self.bytes.saturating_add(others.bytes) }
    }
}

/// What operators say about a topic.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct TopicAttributes {
    /// Who answers for the records.
    pub owner: Option<String>,
    /// How confidential the records are.
    pub classification: Option<String>,
    /// Where the topic is administered from, such as a repository's URL.
    pub manager: Option<String>,
    /// Whether deletion is rejected.
    pub deletion_protection: bool,
}
