//! DescribeTransactions: transactional ids in full, from their coordinator.

use broker_engine::TransactionDescription;
use broker_wire::Str;
use broker_wire::messages::describe_transactions::{
    DescribeTransactionsRequest, DescribeTransactionsResponse, TopicData, TransactionState,
};

use super::errors::transaction_error_code;
use super::{Call, distinct};

/// Describes each.
pub(crate) async fn handle(call: &Call<'_>, request: DescribeTransactionsRequest) -> DescribeTransactionsResponse {
    let mut transaction_states = Vec::with_capacity(request.transactional_ids.len());
    for transactional_id in distinct(request.transactional_ids, Clone::clone) {
        transaction_states.push(match call.server.engine.describe_transaction(&transactional_id).await {
            Ok(description) => described(transactional_id, description),
            Err(error) => TransactionState {
                error_code: transaction_error_code(&error, true),
                transactional_id,
                transaction_start_time_ms: -1,
                producer_id: -1,
                producer_epoch: -1,
                ..Default::default()
            },
        });
    }
    DescribeTransactionsResponse { transaction_states, ..Default::default() }
}

fn described(transactional_id: Str, description: TransactionDescription) -> TransactionState {
    let mut topics: Vec<TopicData> = Vec::new();
    let mut partitions = description.partitions;
    partitions.sort();
    for (topic, partition) in partitions {
        match topics.last_mut() {
            Some(last) if *last.topic == *topic => last.partitions.push(partition),
            _ => topics.push(TopicData { topic: Str::from(topic), partitions: vec![partition] }),
        }
    }
    TransactionState {
        transactional_id,
        transaction_state: Str::from_static(description.state),
        transaction_timeout_ms: description.timeout_ms,
        transaction_start_time_ms: description.started_ms,
        producer_id: description.producer.producer_id,
        producer_epoch: description.producer.epoch,
        topics,
        ..Default::default()
    }
}
