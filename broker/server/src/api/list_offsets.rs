//! ListOffsets: the offset at the start, at the end, or of a time.

use broker_engine::{ListOffset, ListedOffset, OffsetSpec, PartitionError, TopicRef};
use broker_wire::ErrorCode;
use broker_wire::messages::list_offsets::{
    ListOffsetsPartitionResponse, ListOffsetsRequest, ListOffsetsResponse, ListOffsetsTopicResponse,
};

use super::Call;
use super::errors::ErrorCoded as _;
use super::fetch::isolation;

const LATEST: i64 = -1;
const EARLIEST: i64 = -2;
const MAX_TIMESTAMP: i64 = -3;
/// The start of what is not in tiered storage; here everything is in one storage.
const EARLIEST_LOCAL: i64 = -4;

/// Finds offsets.
pub(crate) async fn handle(call: &Call<'_>, request: ListOffsetsRequest) -> ListOffsetsResponse {
    let isolation = isolation(request.isolation_level);
    let mut questions = Vec::new();
    for topic in &request.topics {
        let name = TopicRef::Name(topic.name.to_string());
        for partition in &topic.partitions {
            // What has no answer here is not asked.
            let Some(spec) = spec(partition.timestamp) else { continue };
            questions.push(ListOffset {
                topic: name.clone(),
                partition: partition.partition_index,
                current_leader_epoch: Some(partition.current_leader_epoch).filter(|epoch| *epoch >= 0),
                isolation,
                spec,
            });
        }
    }
    let mut answers = call.server.engine.list_offsets(questions).await.into_iter();
    let topics = request.topics.into_iter().map(|topic| {
        let partitions = topic.partitions.into_iter().map(|partition| {
            let answer = spec(partition.timestamp).map(|_| answers.next().unwrap_or(Err(PartitionError::Storage)));
            answered(partition.partition_index, answer)
        });
        ListOffsetsTopicResponse { name: topic.name, partitions: partitions.collect() }
    });
    ListOffsetsResponse { topics: topics.collect(), ..Default::default() }
}

fn spec(timestamp: i64) -> Option<OffsetSpec> {
    match timestamp {
        LATEST => Some(OffsetSpec::Latest),
        EARLIEST | EARLIEST_LOCAL => Some(OffsetSpec::Earliest),
        MAX_TIMESTAMP => Some(OffsetSpec::MaxTimestamp),
        0.. => Some(OffsetSpec::Timestamp(timestamp)),
        _ => None,
    }
}

fn answered(
    partition_index: i32,
    answer: Option<Result<ListedOffset, PartitionError>>,
) -> ListOffsetsPartitionResponse {
    let unanswered = ListOffsetsPartitionResponse { partition_index, ..Default::default() };
    match answer {
        Some(Ok(found)) => ListOffsetsPartitionResponse {
            offset: found.offset,
            timestamp: found.timestamp,
            leader_epoch: found.leader_epoch,
            ..unanswered
        },
        Some(Err(error)) => ListOffsetsPartitionResponse { error_code: error.error_code(), ..unanswered },
        None => ListOffsetsPartitionResponse { error_code: ErrorCode::UnsupportedVersion, ..unanswered },
    }
}
