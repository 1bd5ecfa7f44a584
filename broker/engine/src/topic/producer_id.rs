//! Ids for idempotent producers.

use thiserror::Error;

use crate::txn::TransactionError;

/// A request for a producer id.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct InitProducerId {
    /// The transactional id, for a transactional producer.
    pub transactional_id: Option<String>,
    /// How long a transaction may stay open, in ms; for a transactional producer.
    pub transaction_timeout_ms: i32,
    /// The identity the producer has, when it only wants a newer epoch.
    pub current: Option<ProducerIdentity>,
}

/// A producer's id and epoch.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ProducerIdentity {
    /// The id.
    pub producer_id: i64,
    /// The epoch.
    pub epoch: i16,
}

/// Why there is no producer id.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
pub enum InitProducerIdError {
    /// The transaction's coordinator refuses.
    #[error(transparent)]
    Transaction(#[from] TransactionError),
    /// No block of ids could be had from the metadata log.
    #[error("the metadata log is not reachable: {0}")]
    Unavailable(String),
}
