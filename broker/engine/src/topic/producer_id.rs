//! Ids for idempotent producers.

use thiserror::Error;

/// A request for a producer id.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct InitProducerId {
    /// The transactional id, for a transactional producer.
    pub transactional_id: Option<String>,
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
    /// Transactions are not there yet.
    #[error("transactions are not supported")]
    TransactionsUnsupported,
    /// No block of ids could be had from the metadata log.
    #[error("the metadata log is not reachable: {0}")]
    Unavailable(String),
}
