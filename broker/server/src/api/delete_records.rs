//! DeleteRecords: a partition's log begins later.

use std::time::Duration;

use broker_engine::{DeleteRecords, DeleteRecordsError, PartitionError, TopicRef};
use broker_wire::messages::delete_records::{
    DeleteRecordsPartitionResult, DeleteRecordsRequest, DeleteRecordsResponse, DeleteRecordsTopicResult,
};

use super::Call;
use super::errors::ErrorCoded as _;

/// What is said of a partition whose records were not deleted.
const UNKNOWN_LOW_WATERMARK: i64 = -1;

/// Deletes; answers when the new starts are durable.
pub(crate) async fn handle(call: &Call<'_>, request: DeleteRecordsRequest) -> DeleteRecordsResponse {
    let timeout = Duration::from_millis(u64::try_from(request.timeout_ms).unwrap_or(0));
    let wanted = request.topics.iter().flat_map(|topic| {
        topic.partitions.iter().map(|partition| DeleteRecords {
            topic: TopicRef::Name(topic.name.to_string()),
            partition: partition.partition_index,
            before: partition.offset,
        })
    });
    let mut outcomes = call.server.engine.delete_records(wanted.collect(), timeout).await.into_iter();
    let topics = request.topics.into_iter().map(|topic| {
        let partitions = topic.partitions.into_iter().map(|partition| {
            let missing = || Err(DeleteRecordsError::Partition(PartitionError::Storage));
            answered(partition.partition_index, outcomes.next().unwrap_or_else(missing))
        });
        DeleteRecordsTopicResult { name: topic.name, partitions: partitions.collect() }
    });
    DeleteRecordsResponse { topics: topics.collect(), ..Default::default() }
}

fn answered(partition_index: i32, outcome: Result<i64, DeleteRecordsError>) -> DeleteRecordsPartitionResult {
    match outcome {
        Ok(low_watermark) => DeleteRecordsPartitionResult { partition_index, low_watermark, ..Default::default() },
        Err(error) => DeleteRecordsPartitionResult {
            partition_index,
            low_watermark: UNKNOWN_LOW_WATERMARK,
            error_code: error.error_code(),
        },
    }
}
