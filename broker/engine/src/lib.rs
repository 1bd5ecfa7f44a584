//! Kafka semantics on sequences of immutable objects: no sockets, no AWS, no ambient time.
//!
//! An [`Engine`] is one broker of a cluster. It leads partitions, appends what producers send to its write-ahead log in
//! the bucket, acknowledges when the objects are there, serves consumers and coordinates groups. Several engines on one
//! store are a cluster; they meet in the store, and speak with one another over a [`Network`].
//!
//! Invariants: nothing is acknowledged or shown before every object up to it is durable; nothing is answered from state
//! that could vanish; memory for records is reserved before they get an offset.
//!
//! The engine knows no protocol: requests and outcomes are its own types, errors are enums whose variants say what the
//! caller can do. Time and randomness come in through [`Env`].

pub use broker_log::AbortedTransaction;
pub use broker_metadata as metadata;
pub use broker_record as record;
pub use broker_store as store;

mod cluster;
mod config;
mod engine;
mod env;
mod group;
mod journal;
mod life;
pub mod limits;
mod log;
mod peers;
mod status;
mod tasks;
mod topic;
mod trusted_clock;
mod txn;

pub use config::{Endpoint, EngineConfig, Stores};
pub use engine::{Engine, Failed, StartError};
pub use env::{Clock, Env, ManualClock, Spawner, SystemClock};
pub use group::{
    CommitOffset, CommitOutcome, DeleteGroupError, FetchedOffset, FetchedOffsets, GroupDescription, GroupError,
    GroupListing, GroupMember, GroupProtocol, HeartbeatRequest, JoinGroupRequest, JoinedGroup, JoinedMember,
    LeaveGroupRequest, LeavingMember, OffsetCommitError, OffsetCommitRequest, OffsetFetchRequest, SyncGroupRequest,
    SyncedGroup,
};
pub use limits::Limits;
pub use peers::{Heartbeat, Network, NoNetwork, NotAMessage, PartitionLoad, PeerAnswer, PeerError, PeerRequest};
pub use status::{BrokerInfo, Metrics, PartitionInfo, Status, TopicInfo};
pub use topic::{
    Acks, AdminMode, Appended, ConfigEntry, ConfigResource, ConfigSource, ConfigType, CreatePartitions,
    CreatePartitionsError, CreateTopic, CreateTopicError, CreatedTopic, DeleteRecords, DeleteRecordsError,
    DeleteTopicError, DeletedTopic, DescribeConfigsError, EpochEnd, FetchError, FetchOutcome, FetchPartition,
    FetchRequest, Fetched, InitProducerId, InitProducerIdError, Isolation, LeaderHint, ListOffset, ListedOffset, Look,
    Looked, OffsetSpec, PartitionError, ProduceError, ProduceOutcome, ProducePartition, ProduceRequest,
    ProducerIdentity, TopicRef, Turn, Watch,
};
pub use txn::{
    AddMode, AddOffsetsRequest, AddPartitionsRequest, AddToTransaction, EndTransactionRequest, MarkerOutcome,
    ProducerDescription, ProducerTransaction, TransactionDescription, TransactionError, TransactionListing,
    TransactionOutcome, TransactionProtocol, TransactionSupport, TransactionalCommitError, TransactionalCommitOutcome,
    TransactionalCommitRequest, WriteMarkers,
};
