//! Requests and answers about groups.

use std::time::Duration;

use bytes::Bytes;
use thiserror::Error;

use crate::topic::TopicRef;

/// Why a group request fails; the member finds the coordinator again, rejoins, or gives up.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
pub enum GroupError {
    /// Another broker coordinates the group.
    #[error("not the coordinator")]
    NotCoordinator,
    /// This broker coordinates the group and is still reading its log.
    #[error("the coordinator is loading")]
    CoordinatorLoading,
    /// The coordinator cannot confirm that it still is one.
    #[error("the coordinator is not available")]
    CoordinatorNotAvailable,
    /// The group's name is empty.
    #[error("invalid group id")]
    InvalidGroupId,
    /// The member's protocols and the group's have nothing in common.
    #[error("no protocol is common to all members")]
    InconsistentProtocol,
    /// The session time-out is out of bounds.
    #[error("invalid session time-out")]
    InvalidSessionTimeout,
    /// No such member.
    #[error("unknown member")]
    UnknownMember,
    /// The member's generation has passed.
    #[error("illegal generation")]
    IllegalGeneration,
    /// The member shall join again.
    #[error("a rebalance is in progress")]
    RebalanceInProgress,
    /// The member shall join again under this id.
    #[error("member id {0} is to be used")]
    MemberIdRequired(String),
    /// Another member has the same group instance id now.
    #[error("the group instance id is taken by another member")]
    FencedInstance,
    /// The group is full.
    #[error("the group is full")]
    GroupMaxSize,
}

/// A protocol (assignor) that a member supports.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct GroupProtocol {
    /// Its name.
    pub name: String,
    /// The member's subscription, opaque.
    pub metadata: Bytes,
}

/// A member wants to be in the next generation.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct JoinGroupRequest {
    /// The group.
    pub group: String,
    /// The member's id; empty when it has none.
    pub member_id: String,
    /// The member's permanent name, for static membership.
    pub group_instance_id: Option<String>,
    /// What the client calls itself.
    pub client_id: String,
    /// The client's address.
    pub client_host: String,
    /// Without a heartbeat for this long the member is out.
    pub session_timeout: Duration,
    /// How long a rebalance waits for the member.
    pub rebalance_timeout: Duration,
    /// `consumer` or another kind.
    pub protocol_type: String,
    /// In the member's order of preference.
    pub protocols: Vec<GroupProtocol>,
    /// Whether a member without id is sent back with one first (JoinGroup 4 and later).
    pub member_id_required: bool,
}

/// A generation, as its member sees it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct JoinedGroup {
    /// The generation.
    pub generation: i32,
    /// Kind of protocol.
    pub protocol_type: String,
    /// The protocol that all support.
    pub protocol_name: String,
    /// The member that assigns.
    pub leader: String,
    /// The member's own id.
    pub member_id: String,
    /// Whether the leader shall keep the assignment there is.
    pub skip_assignment: bool,
    /// All members; empty for everyone but the leader.
    pub members: Vec<JoinedMember>,
}

/// A member, as the leader of a generation sees it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct JoinedMember {
    /// Its id.
    pub member_id: String,
    /// Its permanent name.
    pub group_instance_id: Option<String>,
    /// Its subscription.
    pub metadata: Bytes,
}

/// A member asks for its assignment; the leader brings all.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SyncGroupRequest {
    /// The group.
    pub group: String,
    /// The member's generation.
    pub generation: i32,
    /// The member.
    pub member_id: String,
    /// The member's permanent name.
    pub group_instance_id: Option<String>,
    /// Kind of protocol the member believes in, where it says so.
    pub protocol_type: Option<String>,
    /// Protocol the member believes in, where it says so.
    pub protocol_name: Option<String>,
    /// Member ids and their assignments, from the leader; empty from everyone else.
    pub assignments: Vec<(String, Bytes)>,
}

/// A member's assignment.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SyncedGroup {
    /// Kind of protocol.
    pub protocol_type: String,
    /// The protocol.
    pub protocol_name: String,
    /// Opaque.
    pub assignment: Bytes,
}

/// A member is alive.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct HeartbeatRequest {
    /// The group.
    pub group: String,
    /// The member's generation.
    pub generation: i32,
    /// The member.
    pub member_id: String,
    /// The member's permanent name.
    pub group_instance_id: Option<String>,
}

/// Members leave; the answers come back in this order.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LeaveGroupRequest {
    /// The group.
    pub group: String,
    /// Who leaves.
    pub members: Vec<LeavingMember>,
}

/// A member that leaves.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LeavingMember {
    /// Its id; may be empty where the permanent name is given.
    pub member_id: String,
    /// Its permanent name.
    pub group_instance_id: Option<String>,
}

/// Offsets to commit; the answers come back in this order.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct OffsetCommitRequest {
    /// The group.
    pub group: String,
    /// The member's generation, negative for a consumer outside of group management.
    pub generation: i32,
    /// The member, empty outside of group management.
    pub member_id: String,
    /// The member's permanent name.
    pub group_instance_id: Option<String>,
    /// The offsets.
    pub offsets: Vec<CommitOffset>,
}

/// An offset to commit.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CommitOffset {
    /// The topic.
    pub topic: TopicRef,
    /// The partition.
    pub partition: i32,
    /// The next offset to read.
    pub offset: i64,
    /// Leader epoch of the last record read, -1 where unknown.
    pub leader_epoch: i32,
    /// The client's note.
    pub metadata: String,
}

/// The answer for one offset.
pub type CommitOutcome = Result<(), OffsetCommitError>;

/// Why an offset was not committed.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
pub enum OffsetCommitError {
    /// The group refuses.
    #[error(transparent)]
    Group(#[from] GroupError),
    /// No such topic or partition.
    #[error("unknown topic or partition")]
    UnknownTopicOrPartition,
    /// No topic with this id.
    #[error("unknown topic id")]
    UnknownTopicId,
    /// The note is too long.
    #[error("offset metadata is too large")]
    MetadataTooLarge,
    /// The commit did not become durable in time; it still may.
    #[error("timed out")]
    TimedOut,
}

/// A question for committed offsets.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct OffsetFetchRequest {
    /// The group.
    pub group: String,
    /// The partitions, or none for all that have an offset.
    pub partitions: Option<Vec<(TopicRef, i32)>>,
}

/// Committed offsets in the order of the question; by topic and partition where all were asked for.
pub type FetchedOffsets = Vec<FetchedOffset>;

/// A committed offset.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct FetchedOffset {
    /// The topic, as it was asked for; by name where all were asked for.
    pub topic: TopicRef,
    /// The partition.
    pub partition: i32,
    /// The next offset to read, -1 where none is committed.
    pub offset: i64,
    /// Leader epoch of the last record read, -1 where unknown.
    pub leader_epoch: i32,
    /// The client's note.
    pub metadata: String,
    /// A transaction that has not ended yet may replace it.
    pub is_unstable: bool,
}

/// A group in a list.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct GroupListing {
    /// Its name.
    pub group: String,
    /// `consumer` or another kind; empty where only offsets are there.
    pub protocol_type: String,
    /// Kafka's name of its state: `Empty`, `PreparingRebalance`, `CompletingRebalance`, `Stable`.
    pub state: &'static str,
}

/// A group in full.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct GroupDescription {
    /// Its name.
    pub group: String,
    /// Kafka's name of its state; `Dead` where it does not exist.
    pub state: &'static str,
    /// `consumer` or another kind.
    pub protocol_type: String,
    /// The protocol in use; empty while there is none.
    pub protocol_name: String,
    /// Its members.
    pub members: Vec<GroupMember>,
}

/// A member in full.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct GroupMember {
    /// Its id.
    pub member_id: String,
    /// Its permanent name.
    pub group_instance_id: Option<String>,
    /// What the client calls itself.
    pub client_id: String,
    /// The client's address.
    pub client_host: String,
    /// Its subscription under the protocol in use.
    pub metadata: Bytes,
    /// Its assignment.
    pub assignment: Bytes,
}

/// Why a group was not deleted.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
pub enum DeleteGroupError {
    /// The request cannot be decided here.
    #[error(transparent)]
    Group(#[from] GroupError),
    /// It has members.
    #[error("the group is not empty")]
    NonEmpty,
    /// No such group.
    #[error("unknown group")]
    NotFound,
}
