//! TxnOffsetCommit: a group's positions, which count when their transaction is committed.

use broker_engine::{
    CommitOffset, ProducerIdentity, ProducerTransaction, TopicRef, TransactionError, TransactionSupport,
    TransactionalCommitError, TransactionalCommitRequest,
};
use broker_wire::ErrorCode;
use broker_wire::messages::txn_offset_commit::{
    TxnOffsetCommitRequest, TxnOffsetCommitResponse, TxnOffsetCommitResponsePartition, TxnOffsetCommitResponseTopic,
};

use super::errors::{ErrorCoded as _, transaction_error_code};
use super::{Call, text};

/// From this version on clients know an error that tells them to abort.
const KNOWS_ABORTABLE: i16 = 4;
/// From this version on the group becomes part of the transaction by this request (KIP-890).
const IMPLICIT_ADD: i16 = 5;

/// Answers when the offsets are durable.
pub(crate) async fn handle(call: &Call<'_>, request: TxnOffsetCommitRequest) -> TxnOffsetCommitResponse {
    let mut offsets = Vec::new();
    for topic in &request.topics {
        let name = TopicRef::Name(topic.name.to_string());
        offsets.extend(topic.partitions.iter().map(|partition| CommitOffset {
            topic: name.clone(),
            partition: partition.partition_index,
            offset: partition.committed_offset,
            leader_epoch: partition.committed_leader_epoch,
            metadata: partition.committed_metadata.as_deref().unwrap_or_default().to_owned(),
        }));
    }
    let support = match call.version {
        IMPLICIT_ADD.. => TransactionSupport::ImplicitAdd,
        KNOWS_ABORTABLE.. => TransactionSupport::Abortable,
        _ => TransactionSupport::Classic,
    };
    let commit = TransactionalCommitRequest {
        transaction: ProducerTransaction { transactional_id: request.transactional_id.to_string(), support },
        producer: ProducerIdentity { producer_id: request.producer_id, epoch: request.producer_epoch },
        group: request.group_id.to_string(),
        generation: request.generation_id,
        member_id: request.member_id.to_string(),
        group_instance_id: text(request.group_instance_id),
        offsets,
    };
    let outcomes = call.server.engine.transactional_offset_commit(commit).await;
    let code = |error| error_code(&error, support);
    let mut codes = outcomes.into_iter().map(|outcome| outcome.err().map_or(ErrorCode::None, code));
    let topics = request.topics.into_iter().map(|topic| TxnOffsetCommitResponseTopic {
        name: topic.name,
        partitions: topic
            .partitions
            .into_iter()
            .map(|partition| TxnOffsetCommitResponsePartition {
                partition_index: partition.partition_index,
                error_code: codes.next().unwrap_or(ErrorCode::UnknownServerError),
            })
            .collect(),
    });
    TxnOffsetCommitResponse { topics: topics.collect(), ..Default::default() }
}

fn error_code(error: &TransactionalCommitError, support: TransactionSupport) -> ErrorCode {
    match error {
        TransactionalCommitError::Offset(error) => error.error_code(),
        // The client asked the group's coordinator, and that was right.
        TransactionalCommitError::Transaction(
            TransactionError::NotCoordinator
            | TransactionError::CoordinatorLoading
            | TransactionError::CoordinatorNotAvailable
            | TransactionError::Concurrent,
        ) => ErrorCode::CoordinatorLoadInProgress,
        TransactionalCommitError::Transaction(TransactionError::InvalidState)
            if support != TransactionSupport::Classic =>
        {
            ErrorCode::TransactionAbortable
        }
        TransactionalCommitError::Transaction(error) => transaction_error_code(error, false),
    }
}
