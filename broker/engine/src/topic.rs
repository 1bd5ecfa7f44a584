//! Topics and their partitions: append, read, find offsets, administer.

mod admin;
mod configs;
mod delete_records;
mod fetch;
mod follow;
mod list_offsets;
mod partition;
mod produce;
mod producer_id;
mod producers;
mod report;
mod waiters;

pub use admin::{
    AdminMode, CreatePartitions, CreatePartitionsError, CreateTopic, CreateTopicError, CreatedTopic, DeleteTopicError,
    DeletedTopic,
};
pub use configs::{ConfigEntry, ConfigResource, ConfigSource, ConfigType, DescribeConfigsError};
pub use delete_records::{DeleteRecords, DeleteRecordsError};
pub(crate) use fetch::ZoneReaders;
pub use fetch::{FetchError, FetchOutcome, FetchPartition, FetchRequest, Fetched, Isolation};
pub(crate) use follow::{Follow, Stand};
pub use follow::{Look, Looked, Watch};
pub use list_offsets::{EpochEnd, ListOffset, ListedOffset, OffsetSpec};
pub(crate) use partition::{Marked, Onlooker, Partition, PartitionId, Placed, Unfolded, Verification, Verified};
pub use produce::{Acks, Appended, ProduceError, ProduceOutcome, ProducePartition, ProduceRequest, Turn};
pub use producer_id::{InitProducerId, InitProducerIdError, ProducerIdentity};

pub(crate) use producers::{Marker, Producers, Protocol};
use thiserror::Error;
use uuid::Uuid;
pub(crate) use waiters::WaiterNumbers;

/// A topic as a request names it.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum TopicRef {
    /// By name.
    Name(String),
    /// By id, which a recreated topic does not keep.
    Id(Uuid),
}

/// Who leads a partition, for a client that asked the wrong broker (KIP-951).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct LeaderHint {
    /// The leader's node id, -1 while there is none.
    pub node_id: i32,
    /// The partition's leader epoch.
    pub leader_epoch: i32,
}

/// Why a partition cannot be served here; common to all requests that name one.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
pub enum PartitionError {
    /// No topic of this name, or no such partition in it.
    #[error("unknown topic or partition")]
    UnknownTopicOrPartition,
    /// No topic with this id.
    #[error("unknown topic id")]
    UnknownTopicId,
    /// Another broker leads it, or this one is not able to serve it yet (then the hint names this broker).
    #[error("not the leader")]
    NotLeader(LeaderHint),
    /// The client's leader epoch is older than the broker's.
    #[error("leader epoch is fenced")]
    FencedLeaderEpoch(LeaderHint),
    /// The client's leader epoch is newer than the broker's.
    #[error("leader epoch is not known yet")]
    UnknownLeaderEpoch,
    /// The bytes in the store are damaged; they are never served.
    #[error("record bytes in the store are damaged")]
    Corrupt,
    /// The store did not give what the partition needs.
    #[error("the store failed")]
    Storage,
}
