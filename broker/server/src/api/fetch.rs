//! Fetch: read record batches, waiting for them if need be. There are no fetch sessions: the answer's session id is 0,
//! and clients then name all their partitions every time.

use std::time::Duration;

use broker_engine::{FetchError, FetchOutcome, FetchPartition, FetchRequest as Read, Isolation, PartitionError};
use broker_wire::messages::fetch::{
    FetchRequest, FetchResponse, FetchTopic, FetchableTopicResponse, LeaderIdAndEpoch, NodeEndpoint, PartitionData,
};
use broker_wire::{ErrorCode, Records, Str};
use bytes::Bytes;

use super::errors::ErrorCoded as _;
use super::{Call, Naming, leaders};
use crate::limits::{FETCH_BYTES_MAX, FETCH_WAIT_MAX, OVERLOAD_PAUSE};
use crate::memory::Hold;

/// From this version on topics are named by id only.
const BY_ID: i16 = 13;
const READ_COMMITTED: i8 = 1;

/// Reads; what the records take of the responses' memory goes into `hold`.
pub(crate) async fn handle(call: &Call<'_>, request: FetchRequest, hold: &mut Hold) -> FetchResponse {
    if request.session_id != 0 {
        return FetchResponse { error_code: ErrorCode::FetchSessionIdNotFound, ..Default::default() };
    }
    let isolation = isolation(request.isolation_level);
    let read = Read {
        max_wait: Duration::from_millis(u64::try_from(request.max_wait_ms).unwrap_or(0)).min(FETCH_WAIT_MAX),
        min_bytes: usize::try_from(request.min_bytes).unwrap_or(0),
        max_bytes: usize::try_from(request.max_bytes.min(FETCH_BYTES_MAX)).unwrap_or(0),
        isolation,
        partitions: partitions(call.version, &request.topics),
    };
    let mut outcomes = call.server.engine.fetch(read).await;
    let mut throttle_time_ms = 0;
    match call.server.responses.try_hold(record_bytes(&outcomes)) {
        Some(held) => *hold = held,
        None => {
            outcomes.iter_mut().flatten().for_each(|fetched| fetched.records.clear());
            throttle_time_ms = i32::try_from(OVERLOAD_PAUSE.as_millis()).unwrap_or(0);
        }
    }
    FetchResponse { throttle_time_ms, ..response(call, request.topics, outcomes, isolation) }
}

fn record_bytes(outcomes: &[FetchOutcome]) -> usize {
    outcomes.iter().flatten().flat_map(|fetched| &fetched.records).map(Bytes::len).sum()
}

/// Kafka's isolation level.
pub(crate) fn isolation(level: i8) -> Isolation {
    if level == READ_COMMITTED { Isolation::ReadCommitted } else { Isolation::ReadUncommitted }
}

fn partitions(version: i16, topics: &[FetchTopic]) -> Vec<FetchPartition> {
    let mut partitions = Vec::new();
    for topic in topics {
        let name = Naming::of(version, BY_ID).topic(&topic.topic, topic.topic_id);
        partitions.extend(topic.partitions.iter().map(|partition| FetchPartition {
            topic: name.clone(),
            partition: partition.partition,
            current_leader_epoch: Some(partition.current_leader_epoch).filter(|epoch| *epoch >= 0),
            offset: partition.fetch_offset,
            max_bytes: usize::try_from(partition.partition_max_bytes).unwrap_or(0),
        }));
    }
    partitions
}

fn response(
    call: &Call<'_>,
    topics: Vec<FetchTopic>,
    outcomes: Vec<FetchOutcome>,
    isolation: Isolation,
) -> FetchResponse {
    let mut outcomes = outcomes.into_iter();
    let mut hinted = Vec::new();
    let mut responses = Vec::with_capacity(topics.len());
    for topic in topics {
        let mut partitions = Vec::with_capacity(topic.partitions.len());
        for asked in topic.partitions {
            let outcome = outcomes.next().unwrap_or(Err(FetchError::Partition(PartitionError::Storage)));
            partitions.push(partition(asked.partition, outcome, isolation, &mut hinted));
        }
        responses.push(FetchableTopicResponse { topic: topic.topic, topic_id: topic.topic_id, partitions });
    }
    let node_endpoints = leaders::endpoints(call.server, &hinted).map(|broker| NodeEndpoint {
        node_id: broker.node_id,
        host: Str::from(broker.endpoint.host),
        port: i32::from(broker.endpoint.port),
        rack: broker.zone.map(Str::from),
    });
    FetchResponse { responses, node_endpoints: node_endpoints.collect(), ..Default::default() }
}

fn partition(index: i32, outcome: FetchOutcome, isolation: Isolation, hinted: &mut Vec<i32>) -> PartitionData {
    let aborted_transactions = matches!(isolation, Isolation::ReadCommitted).then(Vec::new);
    let empty = PartitionData {
        partition_index: index,
        aborted_transactions,
        records: Some(Records::default()),
        ..Default::default()
    };
    match outcome {
        Ok(fetched) => PartitionData {
            high_watermark: fetched.high_watermark,
            last_stable_offset: fetched.last_stable_offset,
            log_start_offset: fetched.log_start_offset,
            records: Some(Records::from(fetched.records)),
            ..empty
        },
        Err(error) => {
            let leader = leaders::hint(leaders::of_fetch(&error), hinted);
            let (log_start_offset, high_watermark) = match error {
                FetchError::OffsetOutOfRange { log_start_offset, high_watermark } => (log_start_offset, high_watermark),
                FetchError::Partition(_) => (-1, -1),
            };
            PartitionData {
                error_code: error.error_code(),
                high_watermark,
                log_start_offset,
                current_leader: leader.map_or_else(LeaderIdAndEpoch::default, |hint| LeaderIdAndEpoch {
                    leader_id: hint.node_id,
                    leader_epoch: hint.leader_epoch,
                }),
                ..empty
            }
        }
    }
}
