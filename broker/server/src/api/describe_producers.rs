//! DescribeProducers: the producers that partitions remember, from their leader.

use broker_engine::{ProducerDescription, TopicRef};
use broker_wire::messages::describe_producers::{
    DescribeProducersRequest, DescribeProducersResponse, PartitionResponse, ProducerState, TopicResponse,
};

use super::errors::ErrorCoded as _;
use super::{Call, distinct};

/// Describes each partition.
pub(crate) async fn handle(call: &Call<'_>, request: DescribeProducersRequest) -> DescribeProducersResponse {
    let mut topics = Vec::with_capacity(request.topics.len());
    for topic in distinct(request.topics, |topic| topic.name.clone()) {
        let name = TopicRef::Name(topic.name.to_string());
        let mut partitions = Vec::with_capacity(topic.partition_indexes.len());
        for partition_index in distinct(topic.partition_indexes, Clone::clone) {
            let empty = PartitionResponse { partition_index, ..Default::default() };
            partitions.push(match call.server.engine.describe_producers(&name, partition_index).await {
                Ok(producers) => {
                    PartitionResponse { active_producers: producers.into_iter().map(producer).collect(), ..empty }
                }
                Err(error) => PartitionResponse { error_code: error.error_code(), ..empty },
            });
        }
        topics.push(TopicResponse { name: topic.name, partitions });
    }
    DescribeProducersResponse { topics, ..Default::default() }
}

fn producer(known: ProducerDescription) -> ProducerState {
    ProducerState {
        producer_id: known.producer.producer_id,
        producer_epoch: i32::from(known.producer.epoch),
        last_sequence: known.last_sequence,
        last_timestamp: known.last_timestamp,
        coordinator_epoch: known.coordinator_epoch,
        current_txn_start_offset: known.transaction_start,
    }
}
