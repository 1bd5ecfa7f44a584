//! Kafka's error codes.
// Generated from errors.table; do not edit.

/// The outcome of an operation, as clients know it.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum ErrorCode {
    /// UNKNOWN_SERVER_ERROR.
    UnknownServerError,
    /// NONE.
    #[default]
    None,
    /// OFFSET_OUT_OF_RANGE.
    OffsetOutOfRange,
    /// CORRUPT_MESSAGE.
    CorruptMessage,
    /// UNKNOWN_TOPIC_OR_PARTITION.
    UnknownTopicOrPartition,
    /// INVALID_FETCH_SIZE.
    InvalidFetchSize,
    /// LEADER_NOT_AVAILABLE.
    LeaderNotAvailable,
    /// NOT_LEADER_OR_FOLLOWER.
    NotLeaderOrFollower,
    /// REQUEST_TIMED_OUT.
    RequestTimedOut,
    /// BROKER_NOT_AVAILABLE.
    BrokerNotAvailable,
    /// REPLICA_NOT_AVAILABLE.
    ReplicaNotAvailable,
    /// MESSAGE_TOO_LARGE.
    MessageTooLarge,
    /// STALE_CONTROLLER_EPOCH.
    StaleControllerEpoch,
    /// OFFSET_METADATA_TOO_LARGE.
    OffsetMetadataTooLarge,
    /// NETWORK_EXCEPTION.
    NetworkException,
    /// COORDINATOR_LOAD_IN_PROGRESS.
    CoordinatorLoadInProgress,
    /// COORDINATOR_NOT_AVAILABLE.
    CoordinatorNotAvailable,
    /// NOT_COORDINATOR.
    NotCoordinator,
    /// INVALID_TOPIC_EXCEPTION.
    InvalidTopicException,
    /// RECORD_LIST_TOO_LARGE.
    RecordListTooLarge,
    /// NOT_ENOUGH_REPLICAS.
    NotEnoughReplicas,
    /// NOT_ENOUGH_REPLICAS_AFTER_APPEND.
    NotEnoughReplicasAfterAppend,
    /// INVALID_REQUIRED_ACKS.
    InvalidRequiredAcks,
    /// ILLEGAL_GENERATION.
    IllegalGeneration,
    /// INCONSISTENT_GROUP_PROTOCOL.
    InconsistentGroupProtocol,
    /// INVALID_GROUP_ID.
    InvalidGroupId,
    /// UNKNOWN_MEMBER_ID.
    UnknownMemberId,
    /// INVALID_SESSION_TIMEOUT.
    InvalidSessionTimeout,
    /// REBALANCE_IN_PROGRESS.
    RebalanceInProgress,
    /// INVALID_COMMIT_OFFSET_SIZE.
    InvalidCommitOffsetSize,
    /// TOPIC_AUTHORIZATION_FAILED.
    TopicAuthorizationFailed,
    /// GROUP_AUTHORIZATION_FAILED.
    GroupAuthorizationFailed,
    /// CLUSTER_AUTHORIZATION_FAILED.
    ClusterAuthorizationFailed,
    /// INVALID_TIMESTAMP.
    InvalidTimestamp,
    /// UNSUPPORTED_SASL_MECHANISM.
    UnsupportedSaslMechanism,
    /// ILLEGAL_SASL_STATE.
    IllegalSaslState,
    /// UNSUPPORTED_VERSION.
    UnsupportedVersion,
    /// TOPIC_ALREADY_EXISTS.
    TopicAlreadyExists,
    /// INVALID_PARTITIONS.
    InvalidPartitions,
    /// INVALID_REPLICATION_FACTOR.
    InvalidReplicationFactor,
    /// INVALID_REPLICA_ASSIGNMENT.
    InvalidReplicaAssignment,
    /// INVALID_CONFIG.
    InvalidConfig,
    /// NOT_CONTROLLER.
    NotController,
    /// INVALID_REQUEST.
    InvalidRequest,
    /// UNSUPPORTED_FOR_MESSAGE_FORMAT.
    UnsupportedForMessageFormat,
    /// POLICY_VIOLATION.
    PolicyViolation,
    /// OUT_OF_ORDER_SEQUENCE_NUMBER.
    OutOfOrderSequenceNumber,
    /// DUPLICATE_SEQUENCE_NUMBER.
    DuplicateSequenceNumber,
    /// INVALID_PRODUCER_EPOCH.
    InvalidProducerEpoch,
    /// INVALID_TXN_STATE.
    InvalidTxnState,
    /// INVALID_PRODUCER_ID_MAPPING.
    InvalidProducerIdMapping,
    /// INVALID_TRANSACTION_TIMEOUT.
    InvalidTransactionTimeout,
    /// CONCURRENT_TRANSACTIONS.
    ConcurrentTransactions,
    /// TRANSACTION_COORDINATOR_FENCED.
    TransactionCoordinatorFenced,
    /// TRANSACTIONAL_ID_AUTHORIZATION_FAILED.
    TransactionalIdAuthorizationFailed,
    /// SECURITY_DISABLED.
    SecurityDisabled,
    /// OPERATION_NOT_ATTEMPTED.
    OperationNotAttempted,
    /// KAFKA_STORAGE_ERROR.
    KafkaStorageError,
    /// LOG_DIR_NOT_FOUND.
    LogDirNotFound,
    /// SASL_AUTHENTICATION_FAILED.
    SaslAuthenticationFailed,
    /// UNKNOWN_PRODUCER_ID.
    UnknownProducerId,
    /// REASSIGNMENT_IN_PROGRESS.
    ReassignmentInProgress,
    /// DELEGATION_TOKEN_AUTH_DISABLED.
    DelegationTokenAuthDisabled,
    /// DELEGATION_TOKEN_NOT_FOUND.
    DelegationTokenNotFound,
    /// DELEGATION_TOKEN_OWNER_MISMATCH.
    DelegationTokenOwnerMismatch,
    /// DELEGATION_TOKEN_REQUEST_NOT_ALLOWED.
    DelegationTokenRequestNotAllowed,
    /// DELEGATION_TOKEN_AUTHORIZATION_FAILED.
    DelegationTokenAuthorizationFailed,
    /// DELEGATION_TOKEN_EXPIRED.
    DelegationTokenExpired,
    /// INVALID_PRINCIPAL_TYPE.
    InvalidPrincipalType,
    /// NON_EMPTY_GROUP.
    NonEmptyGroup,
    /// GROUP_ID_NOT_FOUND.
    GroupIdNotFound,
    /// FETCH_SESSION_ID_NOT_FOUND.
    FetchSessionIdNotFound,
    /// INVALID_FETCH_SESSION_EPOCH.
    InvalidFetchSessionEpoch,
    /// LISTENER_NOT_FOUND.
    ListenerNotFound,
    /// TOPIC_DELETION_DISABLED.
    TopicDeletionDisabled,
    /// FENCED_LEADER_EPOCH.
    FencedLeaderEpoch,
    /// UNKNOWN_LEADER_EPOCH.
    UnknownLeaderEpoch,
    /// UNSUPPORTED_COMPRESSION_TYPE.
    UnsupportedCompressionType,
    /// STALE_BROKER_EPOCH.
    StaleBrokerEpoch,
    /// OFFSET_NOT_AVAILABLE.
    OffsetNotAvailable,
    /// MEMBER_ID_REQUIRED.
    MemberIdRequired,
    /// PREFERRED_LEADER_NOT_AVAILABLE.
    PreferredLeaderNotAvailable,
    /// GROUP_MAX_SIZE_REACHED.
    GroupMaxSizeReached,
    /// FENCED_INSTANCE_ID.
    FencedInstanceId,
    /// ELIGIBLE_LEADERS_NOT_AVAILABLE.
    EligibleLeadersNotAvailable,
    /// ELECTION_NOT_NEEDED.
    ElectionNotNeeded,
    /// NO_REASSIGNMENT_IN_PROGRESS.
    NoReassignmentInProgress,
    /// GROUP_SUBSCRIBED_TO_TOPIC.
    GroupSubscribedToTopic,
    /// INVALID_RECORD.
    InvalidRecord,
    /// UNSTABLE_OFFSET_COMMIT.
    UnstableOffsetCommit,
    /// THROTTLING_QUOTA_EXCEEDED.
    ThrottlingQuotaExceeded,
    /// PRODUCER_FENCED.
    ProducerFenced,
    /// RESOURCE_NOT_FOUND.
    ResourceNotFound,
    /// DUPLICATE_RESOURCE.
    DuplicateResource,
    /// UNACCEPTABLE_CREDENTIAL.
    UnacceptableCredential,
    /// INCONSISTENT_VOTER_SET.
    InconsistentVoterSet,
    /// INVALID_UPDATE_VERSION.
    InvalidUpdateVersion,
    /// FEATURE_UPDATE_FAILED.
    FeatureUpdateFailed,
    /// PRINCIPAL_DESERIALIZATION_FAILURE.
    PrincipalDeserializationFailure,
    /// SNAPSHOT_NOT_FOUND.
    SnapshotNotFound,
    /// POSITION_OUT_OF_RANGE.
    PositionOutOfRange,
    /// UNKNOWN_TOPIC_ID.
    UnknownTopicId,
    /// DUPLICATE_BROKER_REGISTRATION.
    DuplicateBrokerRegistration,
    /// BROKER_ID_NOT_REGISTERED.
    BrokerIdNotRegistered,
    /// INCONSISTENT_TOPIC_ID.
    InconsistentTopicId,
    /// INCONSISTENT_CLUSTER_ID.
    InconsistentClusterId,
    /// TRANSACTIONAL_ID_NOT_FOUND.
    TransactionalIdNotFound,
    /// FETCH_SESSION_TOPIC_ID_ERROR.
    FetchSessionTopicIdError,
    /// INELIGIBLE_REPLICA.
    IneligibleReplica,
    /// NEW_LEADER_ELECTED.
    NewLeaderElected,
    /// OFFSET_MOVED_TO_TIERED_STORAGE.
    OffsetMovedToTieredStorage,
    /// FENCED_MEMBER_EPOCH.
    FencedMemberEpoch,
    /// UNRELEASED_INSTANCE_ID.
    UnreleasedInstanceId,
    /// UNSUPPORTED_ASSIGNOR.
    UnsupportedAssignor,
    /// STALE_MEMBER_EPOCH.
    StaleMemberEpoch,
    /// MISMATCHED_ENDPOINT_TYPE.
    MismatchedEndpointType,
    /// UNSUPPORTED_ENDPOINT_TYPE.
    UnsupportedEndpointType,
    /// UNKNOWN_CONTROLLER_ID.
    UnknownControllerId,
    /// UNKNOWN_SUBSCRIPTION_ID.
    UnknownSubscriptionId,
    /// TELEMETRY_TOO_LARGE.
    TelemetryTooLarge,
    /// INVALID_REGISTRATION.
    InvalidRegistration,
    /// TRANSACTION_ABORTABLE.
    TransactionAbortable,
    /// INVALID_RECORD_STATE.
    InvalidRecordState,
    /// SHARE_SESSION_NOT_FOUND.
    ShareSessionNotFound,
    /// INVALID_SHARE_SESSION_EPOCH.
    InvalidShareSessionEpoch,
    /// FENCED_STATE_EPOCH.
    FencedStateEpoch,
    /// INVALID_VOTER_KEY.
    InvalidVoterKey,
    /// DUPLICATE_VOTER.
    DuplicateVoter,
    /// VOTER_NOT_FOUND.
    VoterNotFound,
    /// INVALID_REGULAR_EXPRESSION.
    InvalidRegularExpression,
    /// REBOOTSTRAP_REQUIRED.
    RebootstrapRequired,
    /// STREAMS_INVALID_TOPOLOGY.
    StreamsInvalidTopology,
    /// STREAMS_INVALID_TOPOLOGY_EPOCH.
    StreamsInvalidTopologyEpoch,
    /// STREAMS_TOPOLOGY_FENCED.
    StreamsTopologyFenced,
    /// SHARE_SESSION_LIMIT_REACHED.
    ShareSessionLimitReached,
}

impl ErrorCode {
    const ALL: [Self; 135] = [
        Self::UnknownServerError,
        Self::None,
        Self::OffsetOutOfRange,
        Self::CorruptMessage,
        Self::UnknownTopicOrPartition,
        Self::InvalidFetchSize,
        Self::LeaderNotAvailable,
        Self::NotLeaderOrFollower,
        Self::RequestTimedOut,
        Self::BrokerNotAvailable,
        Self::ReplicaNotAvailable,
        Self::MessageTooLarge,
        Self::StaleControllerEpoch,
        Self::OffsetMetadataTooLarge,
        Self::NetworkException,
        Self::CoordinatorLoadInProgress,
        Self::CoordinatorNotAvailable,
        Self::NotCoordinator,
        Self::InvalidTopicException,
        Self::RecordListTooLarge,
        Self::NotEnoughReplicas,
        Self::NotEnoughReplicasAfterAppend,
        Self::InvalidRequiredAcks,
        Self::IllegalGeneration,
        Self::InconsistentGroupProtocol,
        Self::InvalidGroupId,
        Self::UnknownMemberId,
        Self::InvalidSessionTimeout,
        Self::RebalanceInProgress,
        Self::InvalidCommitOffsetSize,
        Self::TopicAuthorizationFailed,
        Self::GroupAuthorizationFailed,
        Self::ClusterAuthorizationFailed,
        Self::InvalidTimestamp,
        Self::UnsupportedSaslMechanism,
        Self::IllegalSaslState,
        Self::UnsupportedVersion,
        Self::TopicAlreadyExists,
        Self::InvalidPartitions,
        Self::InvalidReplicationFactor,
        Self::InvalidReplicaAssignment,
        Self::InvalidConfig,
        Self::NotController,
        Self::InvalidRequest,
        Self::UnsupportedForMessageFormat,
        Self::PolicyViolation,
        Self::OutOfOrderSequenceNumber,
        Self::DuplicateSequenceNumber,
        Self::InvalidProducerEpoch,
        Self::InvalidTxnState,
        Self::InvalidProducerIdMapping,
        Self::InvalidTransactionTimeout,
        Self::ConcurrentTransactions,
        Self::TransactionCoordinatorFenced,
        Self::TransactionalIdAuthorizationFailed,
        Self::SecurityDisabled,
        Self::OperationNotAttempted,
        Self::KafkaStorageError,
        Self::LogDirNotFound,
        Self::SaslAuthenticationFailed,
        Self::UnknownProducerId,
        Self::ReassignmentInProgress,
        Self::DelegationTokenAuthDisabled,
        Self::DelegationTokenNotFound,
        Self::DelegationTokenOwnerMismatch,
        Self::DelegationTokenRequestNotAllowed,
        Self::DelegationTokenAuthorizationFailed,
        Self::DelegationTokenExpired,
        Self::InvalidPrincipalType,
        Self::NonEmptyGroup,
        Self::GroupIdNotFound,
        Self::FetchSessionIdNotFound,
        Self::InvalidFetchSessionEpoch,
        Self::ListenerNotFound,
        Self::TopicDeletionDisabled,
        Self::FencedLeaderEpoch,
        Self::UnknownLeaderEpoch,
        Self::UnsupportedCompressionType,
        Self::StaleBrokerEpoch,
        Self::OffsetNotAvailable,
        Self::MemberIdRequired,
        Self::PreferredLeaderNotAvailable,
        Self::GroupMaxSizeReached,
        Self::FencedInstanceId,
        Self::EligibleLeadersNotAvailable,
        Self::ElectionNotNeeded,
        Self::NoReassignmentInProgress,
        Self::GroupSubscribedToTopic,
        Self::InvalidRecord,
        Self::UnstableOffsetCommit,
        Self::ThrottlingQuotaExceeded,
        Self::ProducerFenced,
        Self::ResourceNotFound,
        Self::DuplicateResource,
        Self::UnacceptableCredential,
        Self::InconsistentVoterSet,
        Self::InvalidUpdateVersion,
        Self::FeatureUpdateFailed,
        Self::PrincipalDeserializationFailure,
        Self::SnapshotNotFound,
        Self::PositionOutOfRange,
        Self::UnknownTopicId,
        Self::DuplicateBrokerRegistration,
        Self::BrokerIdNotRegistered,
        Self::InconsistentTopicId,
        Self::InconsistentClusterId,
        Self::TransactionalIdNotFound,
        Self::FetchSessionTopicIdError,
        Self::IneligibleReplica,
        Self::NewLeaderElected,
        Self::OffsetMovedToTieredStorage,
        Self::FencedMemberEpoch,
        Self::UnreleasedInstanceId,
        Self::UnsupportedAssignor,
        Self::StaleMemberEpoch,
        Self::MismatchedEndpointType,
        Self::UnsupportedEndpointType,
        Self::UnknownControllerId,
        Self::UnknownSubscriptionId,
        Self::TelemetryTooLarge,
        Self::InvalidRegistration,
        Self::TransactionAbortable,
        Self::InvalidRecordState,
        Self::ShareSessionNotFound,
        Self::InvalidShareSessionEpoch,
        Self::FencedStateEpoch,
        Self::InvalidVoterKey,
        Self::DuplicateVoter,
        Self::VoterNotFound,
        Self::InvalidRegularExpression,
        Self::RebootstrapRequired,
        Self::StreamsInvalidTopology,
        Self::StreamsInvalidTopologyEpoch,
        Self::StreamsTopologyFenced,
        Self::ShareSessionLimitReached,
    ];

    /// The error with this number; one that is not known is an unknown server error.
    #[must_use]
    pub fn from_code(code: i16) -> Self {
        Self::ALL.into_iter().find(|each| each.code() == code).unwrap_or(Self::UnknownServerError)
    }

    /// The number on the wire.
    #[must_use]
    #[expect(clippy::too_many_lines, reason = "one line per error")]
    pub fn code(self) -> i16 {
        match self {
            Self::UnknownServerError => -1,
            Self::None => 0,
            Self::OffsetOutOfRange => 1,
            Self::CorruptMessage => 2,
            Self::UnknownTopicOrPartition => 3,
            Self::InvalidFetchSize => 4,
            Self::LeaderNotAvailable => 5,
            Self::NotLeaderOrFollower => 6,
            Self::RequestTimedOut => 7,
            Self::BrokerNotAvailable => 8,
            Self::ReplicaNotAvailable => 9,
            Self::MessageTooLarge => 10,
            Self::StaleControllerEpoch => 11,
            Self::OffsetMetadataTooLarge => 12,
            Self::NetworkException => 13,
            Self::CoordinatorLoadInProgress => 14,
            Self::CoordinatorNotAvailable => 15,
            Self::NotCoordinator => 16,
            Self::InvalidTopicException => 17,
            Self::RecordListTooLarge => 18,
            Self::NotEnoughReplicas => 19,
            Self::NotEnoughReplicasAfterAppend => 20,
            Self::InvalidRequiredAcks => 21,
            Self::IllegalGeneration => 22,
            Self::InconsistentGroupProtocol => 23,
            Self::InvalidGroupId => 24,
            Self::UnknownMemberId => 25,
            Self::InvalidSessionTimeout => 26,
            Self::RebalanceInProgress => 27,
            Self::InvalidCommitOffsetSize => 28,
            Self::TopicAuthorizationFailed => 29,
            Self::GroupAuthorizationFailed => 30,
            Self::ClusterAuthorizationFailed => 31,
            Self::InvalidTimestamp => 32,
            Self::UnsupportedSaslMechanism => 33,
            Self::IllegalSaslState => 34,
            Self::UnsupportedVersion => 35,
            Self::TopicAlreadyExists => 36,
            Self::InvalidPartitions => 37,
            Self::InvalidReplicationFactor => 38,
            Self::InvalidReplicaAssignment => 39,
            Self::InvalidConfig => 40,
            Self::NotController => 41,
            Self::InvalidRequest => 42,
            Self::UnsupportedForMessageFormat => 43,
            Self::PolicyViolation => 44,
            Self::OutOfOrderSequenceNumber => 45,
            Self::DuplicateSequenceNumber => 46,
            Self::InvalidProducerEpoch => 47,
            Self::InvalidTxnState => 48,
            Self::InvalidProducerIdMapping => 49,
            Self::InvalidTransactionTimeout => 50,
            Self::ConcurrentTransactions => 51,
            Self::TransactionCoordinatorFenced => 52,
            Self::TransactionalIdAuthorizationFailed => 53,
            Self::SecurityDisabled => 54,
            Self::OperationNotAttempted => 55,
            Self::KafkaStorageError => 56,
            Self::LogDirNotFound => 57,
            Self::SaslAuthenticationFailed => 58,
            Self::UnknownProducerId => 59,
            Self::ReassignmentInProgress => 60,
            Self::DelegationTokenAuthDisabled => 61,
            Self::DelegationTokenNotFound => 62,
            Self::DelegationTokenOwnerMismatch => 63,
            Self::DelegationTokenRequestNotAllowed => 64,
            Self::DelegationTokenAuthorizationFailed => 65,
            Self::DelegationTokenExpired => 66,
            Self::InvalidPrincipalType => 67,
            Self::NonEmptyGroup => 68,
            Self::GroupIdNotFound => 69,
            Self::FetchSessionIdNotFound => 70,
            Self::InvalidFetchSessionEpoch => 71,
            Self::ListenerNotFound => 72,
            Self::TopicDeletionDisabled => 73,
            Self::FencedLeaderEpoch => 74,
            Self::UnknownLeaderEpoch => 75,
            Self::UnsupportedCompressionType => 76,
            Self::StaleBrokerEpoch => 77,
            Self::OffsetNotAvailable => 78,
            Self::MemberIdRequired => 79,
            Self::PreferredLeaderNotAvailable => 80,
            Self::GroupMaxSizeReached => 81,
            Self::FencedInstanceId => 82,
            Self::EligibleLeadersNotAvailable => 83,
            Self::ElectionNotNeeded => 84,
            Self::NoReassignmentInProgress => 85,
            Self::GroupSubscribedToTopic => 86,
            Self::InvalidRecord => 87,
            Self::UnstableOffsetCommit => 88,
            Self::ThrottlingQuotaExceeded => 89,
            Self::ProducerFenced => 90,
            Self::ResourceNotFound => 91,
            Self::DuplicateResource => 92,
            Self::UnacceptableCredential => 93,
            Self::InconsistentVoterSet => 94,
            Self::InvalidUpdateVersion => 95,
            Self::FeatureUpdateFailed => 96,
            Self::PrincipalDeserializationFailure => 97,
            Self::SnapshotNotFound => 98,
            Self::PositionOutOfRange => 99,
            Self::UnknownTopicId => 100,
            Self::DuplicateBrokerRegistration => 101,
            Self::BrokerIdNotRegistered => 102,
            Self::InconsistentTopicId => 103,
            Self::InconsistentClusterId => 104,
            Self::TransactionalIdNotFound => 105,
            Self::FetchSessionTopicIdError => 106,
            Self::IneligibleReplica => 107,
            Self::NewLeaderElected => 108,
            Self::OffsetMovedToTieredStorage => 109,
            Self::FencedMemberEpoch => 110,
            Self::UnreleasedInstanceId => 111,
            Self::UnsupportedAssignor => 112,
            Self::StaleMemberEpoch => 113,
            Self::MismatchedEndpointType => 114,
            Self::UnsupportedEndpointType => 115,
            Self::UnknownControllerId => 116,
            Self::UnknownSubscriptionId => 117,
            Self::TelemetryTooLarge => 118,
            Self::InvalidRegistration => 119,
            Self::TransactionAbortable => 120,
            Self::InvalidRecordState => 121,
            Self::ShareSessionNotFound => 122,
            Self::InvalidShareSessionEpoch => 123,
            Self::FencedStateEpoch => 124,
            Self::InvalidVoterKey => 125,
            Self::DuplicateVoter => 126,
            Self::VoterNotFound => 127,
            Self::InvalidRegularExpression => 128,
            Self::RebootstrapRequired => 129,
            Self::StreamsInvalidTopology => 130,
            Self::StreamsInvalidTopologyEpoch => 131,
            Self::StreamsTopologyFenced => 132,
            Self::ShareSessionLimitReached => 133,
        }
    }

    /// Whether a client may try the same again.
    #[must_use]
    pub fn is_retriable(self) -> bool {
        matches!(
            self,
            Self::CorruptMessage
                | Self::UnknownTopicOrPartition
                | Self::LeaderNotAvailable
                | Self::NotLeaderOrFollower
                | Self::RequestTimedOut
                | Self::ReplicaNotAvailable
                | Self::NetworkException
                | Self::CoordinatorLoadInProgress
                | Self::CoordinatorNotAvailable
                | Self::NotCoordinator
                | Self::NotEnoughReplicas
                | Self::NotEnoughReplicasAfterAppend
                | Self::NotController
                | Self::ConcurrentTransactions
                | Self::KafkaStorageError
                | Self::FetchSessionIdNotFound
                | Self::InvalidFetchSessionEpoch
                | Self::ListenerNotFound
                | Self::FencedLeaderEpoch
                | Self::UnknownLeaderEpoch
                | Self::OffsetNotAvailable
                | Self::PreferredLeaderNotAvailable
                | Self::EligibleLeadersNotAvailable
                | Self::ElectionNotNeeded
                | Self::UnstableOffsetCommit
                | Self::ThrottlingQuotaExceeded
                | Self::UnknownTopicId
                | Self::InconsistentTopicId
                | Self::FetchSessionTopicIdError
                | Self::ShareSessionNotFound
                | Self::InvalidShareSessionEpoch
                | Self::ShareSessionLimitReached
        )
    }
}
