//! AddPartitionsToTxn: partitions become part of a transaction; since version 4 of several, or only to see whether they are.

use broker_engine::{AddMode, AddPartitionsRequest, ProducerIdentity, TopicRef};
use broker_wire::ErrorCode;
use broker_wire::messages::add_partitions_to_txn::{
    AddPartitionsToTxnPartitionResult, AddPartitionsToTxnRequest, AddPartitionsToTxnResponse, AddPartitionsToTxnResult,
    AddPartitionsToTxnTopic, AddPartitionsToTxnTopicResult, AddPartitionsToTxnTransaction,
};

use super::Call;
use super::errors::transaction_error_code;

/// From this version on a request names several transactions.
const SEVERAL: i16 = 4;
/// From this version on clients know the error of a fenced producer.
const KNOWS_FENCED: i16 = 2;

/// Answers when the partitions are durable parts of their transactions.
pub(crate) async fn handle(call: &Call<'_>, request: AddPartitionsToTxnRequest) -> AddPartitionsToTxnResponse {
    if call.version < SEVERAL {
        let one = AddPartitionsToTxnTransaction {
            transactional_id: request.v3_and_below_transactional_id,
            producer_id: request.v3_and_below_producer_id,
            producer_epoch: request.v3_and_below_producer_epoch,
            topics: request.v3_and_below_topics,
            verify_only: false,
        };
        let results_by_topic_v3_and_below = transaction(call, one).await.topic_results;
        return AddPartitionsToTxnResponse { results_by_topic_v3_and_below, ..Default::default() };
    }
    let mut results_by_transaction = Vec::with_capacity(request.transactions.len());
    for one in request.transactions {
        results_by_transaction.push(transaction(call, one).await);
    }
    AddPartitionsToTxnResponse { results_by_transaction, ..Default::default() }
}

async fn transaction(call: &Call<'_>, asked: AddPartitionsToTxnTransaction) -> AddPartitionsToTxnResult {
    let partitions = asked.topics.iter().flat_map(|topic| {
        let name = TopicRef::Name(topic.name.to_string());
        topic.partitions.iter().map(move |partition| (name.clone(), *partition))
    });
    let request = AddPartitionsRequest {
        transactional_id: asked.transactional_id.to_string(),
        producer: ProducerIdentity { producer_id: asked.producer_id, epoch: asked.producer_epoch },
        mode: if asked.verify_only { AddMode::Verify } else { AddMode::Add },
        partitions: partitions.collect(),
    };
    let answers = call.server.engine.add_partitions_to_transaction(request).await;
    let code = |error| transaction_error_code(&error, call.version >= KNOWS_FENCED);
    let mut codes = answers.into_iter().map(|answer| answer.err().map_or(ErrorCode::None, code));
    let topic_results = asked.topics.into_iter().map(|topic| results(topic, &mut codes));
    AddPartitionsToTxnResult { topic_results: topic_results.collect(), transactional_id: asked.transactional_id }
}

fn results(
    topic: AddPartitionsToTxnTopic,
    codes: &mut impl Iterator<Item = ErrorCode>,
) -> AddPartitionsToTxnTopicResult {
    let result = |partition_index| AddPartitionsToTxnPartitionResult {
        partition_index,
        partition_error_code: codes.next().unwrap_or(ErrorCode::UnknownServerError),
    };
    AddPartitionsToTxnTopicResult {
        results_by_partition: topic.partitions.into_iter().map(result).collect(),
        name: topic.name,
    }
}
