//! OffsetCommit: a group's positions become durable.

use broker_engine::{CommitOffset, OffsetCommitRequest as Commit};
use broker_wire::ErrorCode;
use broker_wire::messages::offset_commit::{
    OffsetCommitRequest, OffsetCommitResponse, OffsetCommitResponsePartition, OffsetCommitResponseTopic,
};

use super::errors::ErrorCoded as _;
use super::{Call, Naming, text};

/// From this version on topics are named by id only.
const BY_ID: i16 = 10;

/// Answers when the offsets are durable.
pub(crate) async fn handle(call: &Call<'_>, request: OffsetCommitRequest) -> OffsetCommitResponse {
    let mut offsets = Vec::new();
    for topic in &request.topics {
        let name = Naming::of(call.version, BY_ID).topic(&topic.name, topic.topic_id);
        offsets.extend(topic.partitions.iter().map(|partition| CommitOffset {
            topic: name.clone(),
            partition: partition.partition_index,
            offset: partition.committed_offset,
            leader_epoch: partition.committed_leader_epoch,
            metadata: partition.committed_metadata.as_deref().unwrap_or_default().to_owned(),
        }));
    }
    let commit = Commit {
        group: request.group_id.to_string(),
        generation: request.generation_id_or_member_epoch,
        member_id: request.member_id.to_string(),
        group_instance_id: text(request.group_instance_id),
        offsets,
    };
    let outcomes = call.server.engine.offset_commit(commit).await;
    let mut codes =
        outcomes.into_iter().map(|outcome| outcome.err().map_or(ErrorCode::None, |error| error.error_code()));
    let topics = request.topics.into_iter().map(|topic| OffsetCommitResponseTopic {
        name: topic.name,
        topic_id: topic.topic_id,
        partitions: topic
            .partitions
            .into_iter()
            .map(|partition| OffsetCommitResponsePartition {
                partition_index: partition.partition_index,
                error_code: codes.next().unwrap_or(ErrorCode::UnknownServerError),
            })
            .collect(),
    });
    OffsetCommitResponse { topics: topics.collect(), ..Default::default() }
}
