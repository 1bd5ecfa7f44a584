//! What brokers ask one another about transactions.

use serde::{Deserialize, Serialize};
use uuid::Uuid;

use super::api::{AddMode, TransactionOutcome, TransactionProtocol};

/// A leader asks the coordinator whether partitions belong to a transaction, or to add them.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct AddToTransaction {
    /// The transactional id.
    pub transactional_id: String,
    /// Its producer's id.
    pub producer_id: i64,
    /// Its producer's epoch.
    pub epoch: i16,
    /// Whether to add, or only to see.
    pub mode: AddMode,
    /// The partitions, by topic id; all or none.
    pub partitions: Vec<(Uuid, i32)>,
}

/// The coordinator tells leaders how a transaction ends. Kafka's `WriteTxnMarkers`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct WriteMarkers {
    /// The producer's id.
    pub producer_id: i64,
    /// The epoch of the marker.
    pub epoch: i16,
    /// Epoch of the coordinator.
    pub coordinator_epoch: i32,
    /// How it ends.
    pub outcome: TransactionOutcome,
    /// How the producer tells its transactions apart.
    pub protocol: TransactionProtocol,
    /// The partitions, by topic id; the outcomes come back in this order.
    pub partitions: Vec<(Uuid, i32)>,
}

/// What became of one marker.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum MarkerOutcome {
    /// It is durable.
    Written,
    /// Not, or not known: ask again.
    Again,
    /// A later coordinator has written.
    FencedCoordinator,
    /// The producer has a newer epoch there: nothing of this transaction is open.
    FencedProducer,
}
