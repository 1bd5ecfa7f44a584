//! Cluster metadata: commands, a pure state machine, its log and snapshots in the bucket.
//!
//! Every administrative change is a [`Command`] in an entry of one numbered log; [`State`] is what applying the entries
//! gives. The state machine is pure: the same entries make the same state in every broker and in the provider.
//!
//! Invariants: leadership moves only away from incarnations that are fenced or have released; leader epochs only grow,
//! also when a topic is deleted and made again; what a fenced incarnation asks for is rejected; a repeated command
//! returns its first result.
//!
//! The crate does not know records, sockets or clocks.

pub use broker_store as store;
pub use broker_store::Incarnation;

mod command;
mod entry;
pub mod limits;
mod live;
mod log;
mod marker;
mod outcome;
mod reader;
mod report;
mod snapshot;
mod state;
mod topic_config;

pub use command::{
    Change, Command, CreateCluster, CreateTopic, Endpoint, RegisterBroker, ReleasedPartition, ReleasedPosition,
    SweptObjects, Target, TopicAttributes,
};
pub use entry::{Entry, EntryTooLarge, NotAnEntry};
pub use live::{BootReport, LiveObject};
pub use log::{
    Bootstrap, BootstrapError, LogOptions, MetadataLog, OpenError, ProposeError, ReadError, Refreshed, SnapshotError,
    UnwrittenSnapshot,
};
pub use marker::{MarkedBucket, Marker, MarkerError};
pub use outcome::{Applied, CommandResult, Rejection};
pub use report::{GroupReport, OffsetReport, PartitionReport, Report};
pub use snapshot::{NotASnapshot, Snapshot};
pub use state::{
    Broker, BrokerStatus, CONSUMER_OFFSETS, ChainLink, ClusterInfo, DeletedTopic, Digest, FEATURE_LEVEL_MAX,
    FEATURE_LEVEL_NEW, FinalisedTopic, Loads, Partition, Readers, Shared, State, TRANSACTION_STATE, Topic, WalLog,
};
pub use topic_config::{ConfigType, TOPIC_CONFIGS, TopicConfig, check_topic_config, check_topic_name, topic_config};
