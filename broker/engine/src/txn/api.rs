//! Requests and answers about transactions.

use broker_record::MarkerKind;
use serde::{Deserialize, Serialize};
use thiserror::Error;

use crate::group::{CommitOffset, OffsetCommitError};
use crate::topic::{ProducerIdentity, TopicRef};

/// Why a request about a transaction fails; the producer finds the coordinator again, tries again, or gives up.
#[derive(Clone, Debug, PartialEq, Eq, Error, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum TransactionError {
    /// Another broker coordinates the transactional id.
    #[error("not the coordinator")]
    NotCoordinator,
    /// This broker coordinates it and is still reading its log.
    #[error("the coordinator is loading")]
    CoordinatorLoading,
    /// The coordinator cannot be reached, or cannot confirm that it still is one.
    #[error("the coordinator is not available")]
    CoordinatorNotAvailable,
    /// An empty transactional id, or too many partitions.
    #[error("invalid request")]
    InvalidRequest,
    /// The time-out is out of bounds.
    #[error("invalid transaction time-out")]
    InvalidTimeout,
    /// The transactional id has another producer id, or is not known.
    #[error("the producer id is not the one of the transactional id")]
    InvalidProducerIdMapping,
    /// A newer producer has taken over, or the transaction timed out.
    #[error("the producer is fenced")]
    ProducerFenced,
    /// The transaction before is still ending: try again.
    #[error("another transaction is still ending")]
    Concurrent,
    /// There is no such transaction to continue or to end.
    #[error("the transaction's state does not allow this")]
    InvalidState,
    /// Nothing is known of the transactional id.
    #[error("unknown transactional id")]
    NotFound,
    /// A partition is not known.
    #[error("unknown topic or partition")]
    UnknownTopicOrPartition,
    /// Another partition of the same request is not known.
    #[error("not attempted")]
    NotAttempted,
}

/// How a transaction ends.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum TransactionOutcome {
    /// Its records count.
    Commit,
    /// Its records do not count.
    Abort,
}

impl TransactionOutcome {
    /// The marker that says so.
    #[must_use]
    pub fn marker(self) -> MarkerKind {
        match self {
            Self::Commit => MarkerKind::Commit,
            Self::Abort => MarkerKind::Abort,
        }
    }
}

/// How a producer tells its transactions apart.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum TransactionProtocol {
    /// Not at all: all transactions of one `InitProducerId` have the same epoch.
    #[default]
    Classic,
    /// By a new epoch for each (KIP-890 part 2); the marker carries the next one.
    EpochPerTransaction,
}

/// Whether a partition that is not in a transaction yet is to be added to it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum AddMode {
    /// It is.
    Add,
    /// It must be there.
    Verify,
}

/// What a producer's client can do with transactions, by the version of its request.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum TransactionSupport {
    /// It adds partitions by itself, and knows no error that says "abort".
    #[default]
    Classic,
    /// It adds partitions by itself.
    Abortable,
    /// Its partitions are added when it writes to them (KIP-890 part 2).
    ImplicitAdd,
}

impl TransactionSupport {
    /// What is asked of the coordinator before the first batch.
    #[must_use]
    pub fn mode(self) -> AddMode {
        match self {
            Self::Classic | Self::Abortable => AddMode::Verify,
            Self::ImplicitAdd => AddMode::Add,
        }
    }
}

/// The transaction that batches or offsets belong to.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ProducerTransaction {
    /// The transactional id.
    pub transactional_id: String,
    /// What the client can do.
    pub support: TransactionSupport,
}

/// Partitions for a transaction; the answers come back in this order.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct AddPartitionsRequest {
    /// The transactional id.
    pub transactional_id: String,
    /// Its producer.
    pub producer: ProducerIdentity,
    /// Whether to add, or only to see.
    pub mode: AddMode,
    /// The partitions.
    pub partitions: Vec<(TopicRef, i32)>,
}

/// A group whose offsets will be committed in a transaction.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct AddOffsetsRequest {
    /// The transactional id.
    pub transactional_id: String,
    /// Its producer.
    pub producer: ProducerIdentity,
    /// The group.
    pub group: String,
}

/// The end of a transaction.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct EndTransactionRequest {
    /// The transactional id.
    pub transactional_id: String,
    /// Its producer.
    pub producer: ProducerIdentity,
    /// Commit or abort.
    pub outcome: TransactionOutcome,
    /// How the producer tells its transactions apart.
    pub protocol: TransactionProtocol,
}

/// Offsets to commit in a transaction; the answers come back in this order.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TransactionalCommitRequest {
    /// The transaction.
    pub transaction: ProducerTransaction,
    /// Its producer.
    pub producer: ProducerIdentity,
    /// The group.
    pub group: String,
    /// The member's generation, negative where the client does not say.
    pub generation: i32,
    /// The member, empty where the client does not say.
    pub member_id: String,
    /// The member's permanent name.
    pub group_instance_id: Option<String>,
    /// The offsets.
    pub offsets: Vec<CommitOffset>,
}

/// The answer for one offset.
pub type TransactionalCommitOutcome = Result<(), TransactionalCommitError>;

/// Why an offset was not committed in a transaction.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
pub enum TransactionalCommitError {
    /// The group refuses.
    #[error(transparent)]
    Offset(#[from] OffsetCommitError),
    /// The transaction's coordinator refuses.
    #[error(transparent)]
    Transaction(#[from] TransactionError),
}

/// A transactional id in a list.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TransactionListing {
    /// The transactional id.
    pub transactional_id: String,
    /// Its producer id.
    pub producer_id: i64,
    /// Kafka's name of its state.
    pub state: &'static str,
    /// How long its transaction has been open, in ms; none where none is.
    pub open_ms: Option<i64>,
}

/// A transactional id in full.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TransactionDescription {
    /// Kafka's name of its state.
    pub state: &'static str,
    /// Its time-out.
    pub timeout_ms: i32,
    /// When its transaction began, in ms since 1970; -1 where there is none.
    pub started_ms: i64,
    /// Its producer.
    pub producer: ProducerIdentity,
    /// The partitions of its transaction, by topic name; those of deleted topics are left out.
    pub partitions: Vec<(String, i32)>,
}

/// A producer that a partition remembers.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ProducerDescription {
    /// The producer and its epoch.
    pub producer: ProducerIdentity,
    /// Sequence number of its last record, -1 where there is none in this epoch.
    pub last_sequence: i32,
    /// Timestamp of its last batch, in ms since 1970.
    pub last_timestamp: i64,
    /// Epoch of the coordinator that wrote its last marker, -1 before the first.
    pub coordinator_epoch: i32,
    /// The first offset of its open transaction, -1 where none is.
    pub transaction_start: i64,
}
