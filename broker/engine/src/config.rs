//! What an engine is told when it starts.

use std::num::NonZeroU32;

use broker_metadata::FEATURE_LEVEL_MAX;
use broker_store::Store;
use uuid::Uuid;

use crate::limits::Limits;

/// Where clients reach a broker.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Endpoint {
    /// A literal address or a name that clients resolve.
    pub host: String,
    /// TCP port.
    pub port: u16,
}

/// The two buckets; development may give one store twice.
#[derive(Clone, Debug)]
pub struct Stores {
    /// Records: `wal/` and `data/`.
    pub data: Store,
    /// Administration: `meta/` and `live/`.
    pub metadata: Store,
}

/// The settings of one broker.
#[derive(Clone, Debug)]
pub struct EngineConfig {
    /// Name of the cluster, which is the prefix of its keys.
    pub cluster: String,
    /// The cluster's id; starting on the buckets of another one is refused. None takes what the bucket says.
    pub cluster_id: Option<Uuid>,
    /// What this host is called for as long as it exists, such as an instance id; a new incarnation of it fences the
    /// former one.
    pub host_identity: String,
    /// A fixed node id; none lets the cluster choose.
    pub node_id: Option<i32>,
    /// The address given to clients.
    pub advertised: Endpoint,
    /// Availability zone.
    pub zone: Option<String>,
    /// Whether to create the cluster where its buckets are empty; development only.
    pub bootstrap: bool,
    /// Partitions of a topic that a client's metadata request creates; none switches auto-creation off.
    pub auto_create_partitions: Option<NonZeroU32>,
    /// PUT requests per second that small objects of the write-ahead log may cost; none is no limit (stores that cost
    /// nothing per request).
    pub put_budget_per_second: Option<NonZeroU32>,
    /// The highest feature level that it tells the cluster it knows.
    pub feature_level_max: u32,
    /// Bounds of memory, queues and requests.
    pub limits: Limits,
}

impl EngineConfig {
    /// Settings of a single development broker: creates its cluster, creates topics on demand, no PUT budget.
    #[must_use]
    pub fn development(cluster: &str, advertised: Endpoint) -> Self {
        Self {
            cluster: cluster.to_owned(),
            cluster_id: None,
            host_identity: format!("{}:{}", advertised.host, advertised.port),
            node_id: None,
            advertised,
            zone: None,
            bootstrap: true,
            auto_create_partitions: NonZeroU32::new(1),
            put_budget_per_second: None,
            feature_level_max: FEATURE_LEVEL_MAX,
            limits: Limits::default(),
        }
    }
}
