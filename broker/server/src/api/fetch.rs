//! Fetch: read record batches, waiting for them if need be.

use std::time::Duration;

use broker_engine::{
    FetchError, FetchOutcome, FetchPartition, FetchRequest as Read, Fetched, Isolation, PartitionError,
};
use broker_wire::messages::fetch::{
    AbortedTransaction, FetchRequest, FetchResponse, FetchableTopicResponse, LeaderIdAndEpoch, NodeEndpoint,
    PartitionData,
};
use broker_wire::{Records, Str};
use bytes::Bytes;

use super::errors::ErrorCoded as _;
use super::{Call, Naming, leaders};
use crate::limits::{FETCH_BYTES_MAX, FETCH_WAIT_MAX, OVERLOAD_PAUSE, PARTITION_RESPONSE_BYTES};
use crate::memory::Hold;
use crate::sessions::{self, Begun, Wanted};

/// From this version on topics are named by id only.
const BY_ID: i16 = 13;
const READ_COMMITTED: i8 = 1;

/// Reads; what the records take of the responses' memory goes into `hold`.
pub(crate) async fn handle(call: &Call<'_>, mut request: FetchRequest, hold: &mut Hold) -> FetchResponse {
    let naming = if call.version >= BY_ID { sessions::Naming::Id } else { sessions::Naming::Name };
    let slot = &call.client.session;
    match call.server.sessions.begin(slot, &mut request, naming) {
        Err(error_code) => FetchResponse { error_code, ..Default::default() },
        Ok(Begun::Once(wanted)) => read(call, &request, wanted, hold, |_, _| true).await,
        Ok(Begun::First(mut session)) => {
            let wanted = session.wanted();
            let response = read(call, &request, wanted, hold, |wanted, data| {
                session.tell(wanted, data);
                true
            })
            .await;
            let session_id = session.id();
            slot.put(session);
            FetchResponse { session_id, ..response }
        }
        Ok(Begun::Next(mut session)) => {
            let wanted = session.wanted();
            let response = read(call, &request, wanted, hold, |wanted, data| session.tell(wanted, data)).await;
            session.answered();
            let session_id = session.id();
            slot.put(session);
            FetchResponse { session_id, ..response }
        }
    }
}

/// Reads what is wanted; `tells` decides what of it the response says.
async fn read(
    call: &Call<'_>,
    request: &FetchRequest,
    wanted: Vec<Wanted>,
    hold: &mut Hold,
    tells: impl FnMut(&Wanted, &PartitionData) -> bool,
) -> FetchResponse {
    let isolation = isolation(request.isolation_level);
    let read = Read {
        max_wait: Duration::from_millis(u64::try_from(request.max_wait_ms).unwrap_or(0)).min(FETCH_WAIT_MAX),
        min_bytes: usize::try_from(request.min_bytes).unwrap_or(0),
        max_bytes: usize::try_from(request.max_bytes.min(FETCH_BYTES_MAX)).unwrap_or(0),
        isolation,
        zone: Some(request.rack_id.to_string()).filter(|rack| !rack.is_empty()),
        partitions: wanted.iter().map(|wanted| partition_of(call.version, wanted)).collect(),
    };
    let mut outcomes = call.server.engine.fetch(read).await;
    let mut throttle_time_ms = 0;
    let bytes = record_bytes(&outcomes).saturating_add(outcomes.len().saturating_mul(PARTITION_RESPONSE_BYTES));
    match call.server.responses.try_hold(bytes) {
        Some(held) => *hold = held,
        None => {
            outcomes.iter_mut().flatten().for_each(|fetched| fetched.records.clear());
            throttle_time_ms = i32::try_from(OVERLOAD_PAUSE.as_millis()).unwrap_or(0);
        }
    }
    FetchResponse { throttle_time_ms, ..response(call, wanted, outcomes, isolation, tells) }
}

fn record_bytes(outcomes: &[FetchOutcome]) -> usize {
    outcomes.iter().flatten().flat_map(|fetched| &fetched.records).map(Bytes::len).sum()
}

/// Kafka's isolation level.
pub(crate) fn isolation(level: i8) -> Isolation {
    if level == READ_COMMITTED { Isolation::ReadCommitted } else { Isolation::ReadUncommitted }
}

fn partition_of(version: i16, wanted: &Wanted) -> FetchPartition {
    let partition = &wanted.partition;
    FetchPartition {
        topic: Naming::of(version, BY_ID).topic(&wanted.topic, wanted.topic_id),
        partition: partition.partition,
        current_leader_epoch: Some(partition.current_leader_epoch).filter(|epoch| *epoch >= 0),
        offset: partition.fetch_offset,
        max_bytes: usize::try_from(partition.partition_max_bytes).unwrap_or(0),
    }
}

fn response(
    call: &Call<'_>,
    wanted: Vec<Wanted>,
    outcomes: Vec<FetchOutcome>,
    isolation: Isolation,
    mut tells: impl FnMut(&Wanted, &PartitionData) -> bool,
) -> FetchResponse {
    let mut outcomes = outcomes.into_iter();
    let mut hinted = Vec::new();
    let mut responses: Vec<FetchableTopicResponse> = Vec::new();
    for wanted in wanted {
        let outcome = outcomes.next().unwrap_or(Err(FetchError::Partition(PartitionError::Storage)));
        let data = partition(wanted.partition.partition, outcome, isolation, &mut hinted);
        if !tells(&wanted, &data) {
            continue;
        }
        match responses.last_mut() {
            Some(last) if last.topic == wanted.topic && last.topic_id == wanted.topic_id => last.partitions.push(data),
            _ => responses.push(FetchableTopicResponse {
                topic: wanted.topic,
                topic_id: wanted.topic_id,
                partitions: vec![data],
            }),
        }
    }
    let node_endpoints = leaders::endpoints(call.server, &hinted).map(|broker| NodeEndpoint {
        node_id: broker.node_id,
        host: Str::from(broker.endpoint.host),
        port: i32::from(broker.endpoint.port),
        rack: broker.zone.map(Str::from),
    });
    FetchResponse { responses, node_endpoints: node_endpoints.collect(), ..Default::default() }
}

fn aborted(fetched: &Fetched) -> Vec<AbortedTransaction> {
    let aborted = fetched
        .aborted
        .iter()
        .map(|one| AbortedTransaction { producer_id: one.producer_id.0, first_offset: one.first_offset.0 });
    aborted.collect()
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
            aborted_transactions: empty.aborted_transactions.as_ref().map(|_| aborted(&fetched)),
            preferred_read_replica: fetched.preferred_reader.unwrap_or(-1),
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
