//! What the engine's errors are in Kafka's numbers.

use broker_engine::{
    CreatePartitionsError, CreateTopicError, DeleteGroupError, DeleteRecordsError, DeleteTopicError,
    DescribeConfigsError, FetchError, GroupError, InitProducerIdError, OffsetCommitError, PartitionError, ProduceError,
    TransactionError,
};
use broker_wire::ErrorCode;

/// An error that clients have a number for.
pub(crate) trait ErrorCoded {
    fn error_code(&self) -> ErrorCode;
}

impl ErrorCoded for PartitionError {
    fn error_code(&self) -> ErrorCode {
        match self {
            Self::UnknownTopicOrPartition => ErrorCode::UnknownTopicOrPartition,
            Self::UnknownTopicId => ErrorCode::UnknownTopicId,
            Self::NotLeader(_) => ErrorCode::NotLeaderOrFollower,
            Self::FencedLeaderEpoch(_) => ErrorCode::FencedLeaderEpoch,
            Self::UnknownLeaderEpoch => ErrorCode::UnknownLeaderEpoch,
            Self::Corrupt => ErrorCode::CorruptMessage,
            Self::Storage => ErrorCode::KafkaStorageError,
        }
    }
}

impl ErrorCoded for ProduceError {
    fn error_code(&self) -> ErrorCode {
        match self {
            Self::Partition(error) => error.error_code(),
            Self::CorruptMessage(_) => ErrorCode::CorruptMessage,
            Self::InvalidRecord(_) => ErrorCode::InvalidRecord,
            Self::MessageTooLarge { .. } => ErrorCode::MessageTooLarge,
            Self::InternalTopic => ErrorCode::InvalidTopicException,
            Self::OutOfOrderSequence => ErrorCode::OutOfOrderSequenceNumber,
            Self::InvalidProducerEpoch => ErrorCode::InvalidProducerEpoch,
            Self::InvalidTransactionState => ErrorCode::InvalidTxnState,
            Self::TransactionAbortable => ErrorCode::TransactionAbortable,
            Self::InvalidProducerIdMapping => ErrorCode::InvalidProducerIdMapping,
            // What all clients try again.
            Self::CoordinatorUnavailable => ErrorCode::NotEnoughReplicas,
            Self::TimedOut => ErrorCode::RequestTimedOut,
        }
    }
}

impl ErrorCoded for FetchError {
    fn error_code(&self) -> ErrorCode {
        match self {
            Self::Partition(error) => error.error_code(),
            Self::OffsetOutOfRange { .. } => ErrorCode::OffsetOutOfRange,
        }
    }
}

impl ErrorCoded for GroupError {
    fn error_code(&self) -> ErrorCode {
        match self {
            Self::NotCoordinator => ErrorCode::NotCoordinator,
            Self::CoordinatorLoading => ErrorCode::CoordinatorLoadInProgress,
            Self::CoordinatorNotAvailable => ErrorCode::CoordinatorNotAvailable,
            Self::InvalidGroupId => ErrorCode::InvalidGroupId,
            Self::InconsistentProtocol => ErrorCode::InconsistentGroupProtocol,
            Self::InvalidSessionTimeout => ErrorCode::InvalidSessionTimeout,
            Self::UnknownMember => ErrorCode::UnknownMemberId,
            Self::IllegalGeneration => ErrorCode::IllegalGeneration,
            Self::RebalanceInProgress => ErrorCode::RebalanceInProgress,
            Self::MemberIdRequired(_) => ErrorCode::MemberIdRequired,
            Self::FencedInstance => ErrorCode::FencedInstanceId,
            Self::GroupMaxSize => ErrorCode::GroupMaxSizeReached,
        }
    }
}

impl ErrorCoded for OffsetCommitError {
    fn error_code(&self) -> ErrorCode {
        match self {
            Self::Group(error) => error.error_code(),
            Self::UnknownTopicOrPartition => ErrorCode::UnknownTopicOrPartition,
            Self::UnknownTopicId => ErrorCode::UnknownTopicId,
            Self::MetadataTooLarge => ErrorCode::OffsetMetadataTooLarge,
            Self::TimedOut => ErrorCode::RequestTimedOut,
        }
    }
}

impl ErrorCoded for DeleteGroupError {
    fn error_code(&self) -> ErrorCode {
        match self {
            Self::Group(error) => error.error_code(),
            Self::NonEmpty => ErrorCode::NonEmptyGroup,
            Self::NotFound => ErrorCode::GroupIdNotFound,
        }
    }
}

impl ErrorCoded for CreateTopicError {
    fn error_code(&self) -> ErrorCode {
        match self {
            Self::Exists => ErrorCode::TopicAlreadyExists,
            Self::InvalidName(_) => ErrorCode::InvalidTopicException,
            Self::InvalidPartitions => ErrorCode::InvalidPartitions,
            Self::InvalidConfig(_) => ErrorCode::InvalidConfig,
            Self::NotAllowed => ErrorCode::UnknownTopicOrPartition,
            Self::Refused(_) => ErrorCode::PolicyViolation,
            Self::Unavailable(_) => ErrorCode::RequestTimedOut,
        }
    }
}

impl ErrorCoded for CreatePartitionsError {
    fn error_code(&self) -> ErrorCode {
        match self {
            Self::UnknownTopic => ErrorCode::UnknownTopicOrPartition,
            Self::InvalidPartitions(_) => ErrorCode::InvalidPartitions,
            Self::Refused(_) => ErrorCode::PolicyViolation,
            Self::Unavailable(_) => ErrorCode::RequestTimedOut,
        }
    }
}

impl ErrorCoded for DeleteRecordsError {
    fn error_code(&self) -> ErrorCode {
        match self {
            Self::Partition(error) => error.error_code(),
            Self::OffsetOutOfRange => ErrorCode::OffsetOutOfRange,
            Self::InternalTopic => ErrorCode::InvalidTopicException,
            Self::NotDeletable => ErrorCode::PolicyViolation,
            Self::TimedOut => ErrorCode::RequestTimedOut,
        }
    }
}

impl ErrorCoded for DeleteTopicError {
    fn error_code(&self) -> ErrorCode {
        match self {
            Self::UnknownTopic => ErrorCode::UnknownTopicOrPartition,
            Self::UnknownTopicId => ErrorCode::UnknownTopicId,
            Self::Refused(_) => ErrorCode::PolicyViolation,
            Self::Unavailable(_) => ErrorCode::RequestTimedOut,
        }
    }
}

impl ErrorCoded for DescribeConfigsError {
    fn error_code(&self) -> ErrorCode {
        match self {
            Self::UnknownTopic => ErrorCode::UnknownTopicOrPartition,
            Self::OtherBroker(_) => ErrorCode::InvalidRequest,
        }
    }
}

impl ErrorCoded for InitProducerIdError {
    fn error_code(&self) -> ErrorCode {
        match self {
            Self::Transaction(error) => transaction_error_code(error, true),
            // What librdkafka and Java's client ask again for; they take other codes for the end of the producer.
            Self::Unavailable(_) => ErrorCode::CoordinatorLoadInProgress,
        }
    }
}

/// The number of a transaction's error; old clients know a fenced producer only by its epoch.
pub(crate) fn transaction_error_code(error: &TransactionError, knows_fenced: bool) -> ErrorCode {
    match error {
        TransactionError::NotCoordinator => ErrorCode::NotCoordinator,
        TransactionError::CoordinatorLoading => ErrorCode::CoordinatorLoadInProgress,
        TransactionError::CoordinatorNotAvailable => ErrorCode::CoordinatorNotAvailable,
        TransactionError::InvalidRequest => ErrorCode::InvalidRequest,
        TransactionError::InvalidTimeout => ErrorCode::InvalidTransactionTimeout,
        TransactionError::InvalidProducerIdMapping => ErrorCode::InvalidProducerIdMapping,
        TransactionError::ProducerFenced if knows_fenced => ErrorCode::ProducerFenced,
        TransactionError::ProducerFenced => ErrorCode::InvalidProducerEpoch,
        TransactionError::Concurrent => ErrorCode::ConcurrentTransactions,
        TransactionError::InvalidState => ErrorCode::InvalidTxnState,
        TransactionError::NotFound => ErrorCode::TransactionalIdNotFound,
        TransactionError::UnknownTopicOrPartition => ErrorCode::UnknownTopicOrPartition,
        TransactionError::NotAttempted => ErrorCode::OperationNotAttempted,
    }
}
