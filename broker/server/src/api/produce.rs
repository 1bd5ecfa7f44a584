//! Produce: append record batches.

use std::time::Duration;

use broker_engine::{
    Acks, Appended, ProduceError, ProduceOutcome, ProducePartition, ProduceRequest as Append, ProducerTransaction,
    TransactionSupport,
};
use broker_wire::messages::produce::{
    LeaderIdAndEpoch, NodeEndpoint, PartitionProduceResponse, ProduceRequest, ProduceResponse, TopicProduceData,
    TopicProduceResponse,
};
use broker_wire::{ErrorCode, Records, Str};
use bytes::Bytes;

use super::errors::ErrorCoded as _;
use super::{Call, Naming, RequestError, leaders};

/// From this version on topics are named by id only.
const BY_ID: i16 = 13;
/// From this version on clients know an error that tells them to abort their transaction.
const KNOWS_ABORTABLE: i16 = 11;
/// From this version on partitions become part of a transaction when they are written to (KIP-890).
const IMPLICIT_ADD: i16 = 12;

/// Appends; none where the client wants no answer.
pub(crate) async fn handle(
    call: &Call<'_>,
    mut request: ProduceRequest,
) -> Result<Option<ProduceResponse>, RequestError> {
    let acks = match request.acks {
        0 => Acks::None,
        1 | -1 => Acks::Durable,
        _ => return Ok(Some(refused(&request, ErrorCode::InvalidRequiredAcks))),
    };
    let append = Append {
        acks,
        timeout: Duration::from_millis(u64::try_from(request.timeout_ms).unwrap_or(0)),
        transaction: request
            .transactional_id
            .take()
            .map(|id| ProducerTransaction { transactional_id: id.to_string(), support: support(call.version) }),
        partitions: partitions(call.version, call.frame_bytes, &mut request.topic_data),
    };
    let outcomes = call.server.engine.produce_in_turn(append, &call.client.turn).await;
    if acks == Acks::None {
        // Kafka's only way to tell such a client that something went wrong is to end the connection.
        return if outcomes.iter().any(Result::is_err) { Err(RequestError::Unacknowledged) } else { Ok(None) };
    }
    Ok(Some(response(call, request.topic_data, outcomes)))
}

/// What a client of this version can do with transactions.
fn support(version: i16) -> TransactionSupport {
    match version {
        IMPLICIT_ADD.. => TransactionSupport::ImplicitAdd,
        KNOWS_ABORTABLE.. => TransactionSupport::Abortable,
        _ => TransactionSupport::Classic,
    }
}

fn partitions(version: i16, frame_bytes: usize, topics: &mut [TopicProduceData]) -> Vec<ProducePartition> {
    let mut partitions = Vec::new();
    for topic in topics {
        let name = Naming::of(version, BY_ID).topic(&topic.name, topic.topic_id);
        for partition in &mut topic.partition_data {
            let records = partition.records.take().map(Records::into_bytes).unwrap_or_default();
            let records = of_its_own(records, frame_bytes);
            partitions.push(ProducePartition { topic: name.clone(), partition: partition.index, records });
        }
    }
    partitions
}

/// Records that hold no more memory than they count for: the engine keeps them for longer than their request may last, and
/// those that are nearly all of a frame keep the frame.
fn of_its_own(records: Bytes, frame_bytes: usize) -> Bytes {
    let rest = frame_bytes.saturating_sub(records.len());
    if rest <= records.len() / 8 { records } else { Bytes::copy_from_slice(&records) }
}

fn response(call: &Call<'_>, topics: Vec<TopicProduceData>, outcomes: Vec<ProduceOutcome>) -> ProduceResponse {
    let mut outcomes = outcomes.into_iter();
    let mut hinted = Vec::new();
    let mut responses = Vec::with_capacity(topics.len());
    for topic in topics {
        let mut partition_responses = Vec::with_capacity(topic.partition_data.len());
        for partition in topic.partition_data {
            let outcome = outcomes.next().unwrap_or(Err(ProduceError::TimedOut));
            partition_responses.push(match outcome {
                Ok(appended) => acknowledged(partition.index, appended),
                Err(error) => {
                    let leader = leaders::hint(leaders::of_produce(&error), &mut hinted);
                    PartitionProduceResponse {
                        index: partition.index,
                        error_code: error.error_code(),
                        base_offset: -1,
                        error_message: Some(Str::from(error.to_string())),
                        current_leader: leader.map_or_else(LeaderIdAndEpoch::default, |hint| LeaderIdAndEpoch {
                            leader_id: hint.node_id,
                            leader_epoch: hint.leader_epoch,
                        }),
                        ..Default::default()
                    }
                }
            });
        }
        responses.push(TopicProduceResponse { name: topic.name, topic_id: topic.topic_id, partition_responses });
    }
    let node_endpoints = leaders::endpoints(call.server, &hinted).map(|broker| NodeEndpoint {
        node_id: broker.node_id,
        host: Str::from(broker.endpoint.host),
        port: i32::from(broker.endpoint.port),
        rack: broker.zone.map(Str::from),
    });
    ProduceResponse { responses, node_endpoints: node_endpoints.collect(), ..Default::default() }
}

fn acknowledged(index: i32, appended: Appended) -> PartitionProduceResponse {
    PartitionProduceResponse {
        index,
        base_offset: appended.base_offset,
        log_append_time_ms: appended.log_append_time_ms,
        log_start_offset: appended.log_start_offset,
        ..Default::default()
    }
}

fn refused(request: &ProduceRequest, error_code: ErrorCode) -> ProduceResponse {
    let responses = request.topic_data.iter().map(|topic| TopicProduceResponse {
        name: topic.name.clone(),
        topic_id: topic.topic_id,
        partition_responses: topic
            .partition_data
            .iter()
            .map(|partition| PartitionProduceResponse {
                index: partition.index,
                error_code,
                base_offset: -1,
                ..Default::default()
            })
            .collect(),
    });
    ProduceResponse { responses: responses.collect(), ..Default::default() }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_small_batch_does_not_keep_a_large_frame() {
        let frame = Bytes::from(vec![1; 1000]);
        let small = of_its_own(frame.slice(10..20), frame.len());
        let large = of_its_own(frame.slice(10..), frame.len());
        assert!(!frame.is_unique());
        drop(large);
        assert!(frame.is_unique(), "only what is nearly all of the frame shares its memory");
        assert_eq!(small, frame.slice(10..20));
    }
}
