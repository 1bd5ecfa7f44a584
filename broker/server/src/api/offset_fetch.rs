//! OffsetFetch: the committed positions of one group, or since version 8 of several.

use broker_engine::{FetchedOffset, GroupError, OffsetFetchRequest as Question, TopicRef};
use broker_wire::messages::offset_fetch::{
    OffsetFetchRequest, OffsetFetchRequestGroup, OffsetFetchRequestTopics, OffsetFetchResponse,
    OffsetFetchResponseGroup, OffsetFetchResponsePartition, OffsetFetchResponsePartitions, OffsetFetchResponseTopic,
    OffsetFetchResponseTopics,
};
use broker_wire::{ErrorCode, Str, Uuid};

use super::errors::ErrorCoded as _;
use super::{Call, Naming, distinct};

/// From this version on a request names several groups.
const SEVERAL_GROUPS: i16 = 8;
/// From this version on topics are named by id only.
const BY_ID: i16 = 10;
/// Before this version there is no error for the whole group, only one for each partition.
const GROUP_ERROR: i16 = 2;

/// Answers from what is durable.
pub(crate) async fn handle(call: &Call<'_>, request: OffsetFetchRequest) -> OffsetFetchResponse {
    // Whether offsets count that an open transaction may replace.
    let unstable = if request.require_stable { ErrorCode::UnstableOffsetCommit } else { ErrorCode::None };
    if call.version >= SEVERAL_GROUPS {
        let mut groups = Vec::with_capacity(request.groups.len());
        for asked in distinct(request.groups, |group| group.group_id.clone()) {
            groups.push(group(call, asked, unstable).await);
        }
        return OffsetFetchResponse { groups, ..Default::default() };
    }
    let topics = request.topics.map(|topics| {
        let topics = topics.into_iter().map(|topic| OffsetFetchRequestTopics {
            name: topic.name,
            partition_indexes: topic.partition_indexes,
            ..Default::default()
        });
        topics.collect()
    });
    let asked = OffsetFetchRequestGroup { group_id: request.group_id, topics, ..Default::default() };
    one_group(call.version, group(call, asked, unstable).await)
}

async fn group(call: &Call<'_>, asked: OffsetFetchRequestGroup, unstable: ErrorCode) -> OffsetFetchResponseGroup {
    let naming = Naming::of(call.version, BY_ID);
    let partitions = asked.topics.as_ref().map(|topics| {
        let pairs = topics.iter().flat_map(|topic| {
            let name = naming.topic(&topic.name, topic.topic_id);
            topic.partition_indexes.iter().map(move |partition| (name.clone(), *partition))
        });
        distinct(pairs.collect(), Clone::clone)
    });
    let question = Question { group: asked.group_id.to_string(), partitions: partitions.clone() };
    let answer = call.server.engine.offset_fetch(question).await;
    let (error_code, topics) = match answer {
        Ok(offsets) => (ErrorCode::None, by_topic(call, offsets, unstable)),
        Err(error) => failed(call, &error, partitions.unwrap_or_default()),
    };
    OffsetFetchResponseGroup { group_id: asked.group_id, topics, error_code }
}

/// The answer to a group that cannot be answered: as long as the question.
fn failed(
    call: &Call<'_>,
    error: &GroupError,
    partitions: Vec<(TopicRef, i32)>,
) -> (ErrorCode, Vec<OffsetFetchResponseTopics>) {
    let unknown = partitions.into_iter().map(|(topic, partition)| FetchedOffset {
        topic,
        partition,
        offset: -1,
        leader_epoch: -1,
        metadata: String::new(),
        is_unstable: false,
    });
    let mut topics = by_topic(call, unknown.collect(), ErrorCode::None);
    for partition in topics.iter_mut().flat_map(|topic| &mut topic.partitions) {
        partition.error_code = error.error_code();
    }
    (error.error_code(), topics)
}

/// Groups offsets that come one after the other by topic.
fn by_topic(call: &Call<'_>, offsets: Vec<FetchedOffset>, unstable: ErrorCode) -> Vec<OffsetFetchResponseTopics> {
    let mut topics: Vec<(TopicRef, OffsetFetchResponseTopics)> = Vec::new();
    for found in offsets {
        let is_withheld = found.is_unstable && unstable != ErrorCode::None;
        let partition = if is_withheld {
            OffsetFetchResponsePartitions {
                partition_index: found.partition,
                committed_offset: -1,
                error_code: unstable,
                ..Default::default()
            }
        } else {
            OffsetFetchResponsePartitions {
                partition_index: found.partition,
                committed_offset: found.offset,
                committed_leader_epoch: found.leader_epoch,
                metadata: Some(Str::from(found.metadata)),
                error_code: ErrorCode::None,
            }
        };
        match topics.last_mut() {
            Some((last, topic)) if *last == found.topic => topic.partitions.push(partition),
            _ => {
                let (name, topic_id) = match &found.topic {
                    TopicRef::Name(name) => (Str::from(name.as_str()), topic_id(call, name)),
                    TopicRef::Id(id) => (Str::default(), *id),
                };
                topics.push((found.topic, OffsetFetchResponseTopics { name, topic_id, partitions: vec![partition] }));
            }
        }
    }
    topics.into_iter().map(|(_, topic)| topic).collect()
}

/// When all offsets were asked for they come by name; newer clients want ids.
fn topic_id(call: &Call<'_>, name: &str) -> Uuid {
    if call.version < BY_ID {
        Uuid::nil()
    } else {
        call.server.engine.topic(&TopicRef::Name(name.to_owned())).map_or_else(Uuid::nil, |topic| topic.topic_id)
    }
}

fn one_group(version: i16, group: OffsetFetchResponseGroup) -> OffsetFetchResponse {
    let error_code = if version >= GROUP_ERROR { group.error_code } else { ErrorCode::None };
    let topics = group.topics.into_iter().map(|topic| OffsetFetchResponseTopic {
        name: topic.name,
        partitions: topic
            .partitions
            .into_iter()
            .map(|partition| OffsetFetchResponsePartition {
                partition_index: partition.partition_index,
                committed_offset: partition.committed_offset,
                committed_leader_epoch: partition.committed_leader_epoch,
                metadata: partition.metadata,
                error_code: partition.error_code,
            })
            .collect(),
    });
    OffsetFetchResponse { topics: topics.collect(), error_code, ..Default::default() }
}
