//! Creating, growing and deleting topics: commands for the metadata log.

use std::collections::BTreeMap;

use thiserror::Error;
use uuid::Uuid;

/// Whether an administrative request takes effect.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum AdminMode {
    /// It does.
    Apply,
    /// It is only checked.
    ValidateOnly,
}

/// A topic to create.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CreateTopic {
    /// Its name.
    pub name: String,
    /// Its partitions; none takes the cluster's default.
    pub partitions: Option<i32>,
    /// Configs that differ from the defaults.
    pub configs: BTreeMap<String, String>,
}

/// A topic that was created (or would be, when only validating).
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CreatedTopic {
    /// Its id; nil when only validating.
    pub topic_id: Uuid,
    /// Its partitions.
    pub partitions: i32,
}

/// Why a topic was not created.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
pub enum CreateTopicError {
    /// The name is taken.
    #[error("the topic exists")]
    Exists,
    /// The name is not one of Kafka's.
    #[error("invalid topic name: {0}")]
    InvalidName(String),
    /// Fewer than one partition, or too many.
    #[error("invalid number of partitions")]
    InvalidPartitions,
    /// A config that is unknown or has no such value.
    #[error("invalid config: {0}")]
    InvalidConfig(String),
    /// Auto-creation is switched off.
    #[error("topics are not created on demand")]
    NotAllowed,
    /// The cluster's rules refuse it.
    #[error("refused: {0}")]
    Refused(String),
    /// The metadata log could not be written in time; the command may still take effect.
    #[error("the metadata log is not reachable: {0}")]
    Unavailable(String),
}

/// A topic to grow.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CreatePartitions {
    /// Its name.
    pub name: String,
    /// Partitions it shall have, counting those it has.
    pub total: i32,
}

/// Why a topic did not grow.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
pub enum CreatePartitionsError {
    /// No such topic.
    #[error("unknown topic")]
    UnknownTopic,
    /// Not more than it has, or too many.
    #[error("invalid number of partitions: {0}")]
    InvalidPartitions(String),
    /// The cluster's rules refuse it.
    #[error("refused: {0}")]
    Refused(String),
    /// The metadata log could not be written in time; the command may still take effect.
    #[error("the metadata log is not reachable: {0}")]
    Unavailable(String),
}

/// A topic that was deleted.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct DeletedTopic {
    /// The name it had.
    pub name: String,
    /// The id it had.
    pub topic_id: Uuid,
}

/// Why a topic was not deleted.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
pub enum DeleteTopicError {
    /// No topic of this name.
    #[error("unknown topic")]
    UnknownTopic,
    /// No topic with this id.
    #[error("unknown topic id")]
    UnknownTopicId,
    /// Deletion protection is on, or the topic is internal.
    #[error("refused: {0}")]
    Refused(String),
    /// The metadata log could not be written in time; the command may still take effect.
    #[error("the metadata log is not reachable: {0}")]
    Unavailable(String),
}
