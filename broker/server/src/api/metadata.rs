//! Metadata: brokers, topics, and who leads what.

use std::iter;

use broker_engine::{PartitionInfo, TopicInfo, TopicRef};
use broker_wire::messages::metadata::{
    MetadataRequest, MetadataRequestTopic, MetadataResponse, MetadataResponseBroker, MetadataResponsePartition,
    MetadataResponseTopic,
};
use broker_wire::{ErrorCode, Str};

use super::errors::ErrorCoded as _;
use super::{Call, distinct};
use crate::limits::{PARTITION_RESPONSE_BYTES, RESPONSE_BYTES_FREE};
use crate::memory::Hold;

/// From this version on null means all topics, and an empty list none.
const NULL_IS_ALL: i16 = 1;

/// Answers from the metadata this broker knows; creates topics where client and cluster allow it.
///
/// The memory of the answer is reserved before it is built, as far as it grows with the cluster.
pub(crate) async fn handle(call: &Call<'_>, request: MetadataRequest, hold: &mut Hold) -> MetadataResponse {
    let asked = request.topics.filter(|topics| call.version >= NULL_IS_ALL || !topics.is_empty());
    let asked = asked.map(|topics| distinct(topics, |topic| (topic.name.clone(), topic.topic_id)));
    let partitions = match &asked {
        None => call.server.engine.topics().iter().map(|topic| topic.partitions.len()).sum::<usize>(),
        Some(topics) => {
            topics.iter().filter_map(|topic| engine_topic(call, topic)).map(|topic| topic.partitions.len()).sum()
        }
    };
    if partitions.saturating_mul(PARTITION_RESPONSE_BYTES) > RESPONSE_BYTES_FREE {
        call.server.responses.grow(hold, partitions.saturating_mul(PARTITION_RESPONSE_BYTES)).await;
    }
    let topics = match asked {
        None => call.server.engine.topics().into_iter().map(described).collect(),
        Some(asked) => {
            let mut topics = Vec::with_capacity(asked.len());
            for topic in asked {
                topics.push(match known(call, &topic) {
                    Some(known) => known,
                    None if request.allow_auto_topic_creation => created(call, topic).await,
                    None => unknown(topic),
                });
            }
            topics
        }
    };
    let brokers = call.server.engine.brokers_and_departed();
    let controller = call.server.engine.brokers().first().map_or(-1, |broker| broker.node_id);
    MetadataResponse {
        cluster_id: Some(Str::from(call.server.engine.cluster_id().to_string())),
        controller_id: controller,
        brokers: brokers
            .into_iter()
            .map(|broker| MetadataResponseBroker {
                node_id: broker.node_id,
                host: Str::from(broker.endpoint.host),
                port: i32::from(broker.endpoint.port),
                rack: broker.zone.map(Str::from),
            })
            .collect(),
        topics,
        ..Default::default()
    }
}

/// What is known about a topic; none where nothing is.
fn known(call: &Call<'_>, asked: &MetadataRequestTopic) -> Option<MetadataResponseTopic> {
    engine_topic(call, asked).map(described)
}

fn engine_topic(call: &Call<'_>, asked: &MetadataRequestTopic) -> Option<TopicInfo> {
    let wanted = match &asked.name {
        Some(name) => TopicRef::Name(name.to_string()),
        None => TopicRef::Id(asked.topic_id),
    };
    call.server.engine.topic(&wanted)
}

/// What a client is told about a topic that is not there.
fn unknown(asked: MetadataRequestTopic) -> MetadataResponseTopic {
    let error_code = if asked.name.is_some() { ErrorCode::UnknownTopicOrPartition } else { ErrorCode::UnknownTopicId };
    MetadataResponseTopic { error_code, name: asked.name, topic_id: asked.topic_id, ..Default::default() }
}

/// Creates a topic that is not there, where it has a name and the cluster allows it.
async fn created(call: &Call<'_>, asked: MetadataRequestTopic) -> MetadataResponseTopic {
    let Some(name) = &asked.name else { return unknown(asked) };
    let error_code = match call.server.engine.auto_create_topic(name, &call.actor()).await {
        Ok(_) => match known(call, &asked) {
            Some(topic) => return topic,
            // Created and not yet applied here: the client asks again.
            None => ErrorCode::LeaderNotAvailable,
        },
        Err(error) => error.error_code(),
    };
    MetadataResponseTopic { error_code, ..unknown(asked) }
}

fn described(topic: TopicInfo) -> MetadataResponseTopic {
    let partitions = topic.partitions.into_iter().map(|PartitionInfo { partition, leader, readers }| {
        // Clients read only from brokers that they take for replicas.
        let replicas =
            if leader.node_id < 0 { Vec::new() } else { iter::once(leader.node_id).chain(readers).collect() };
        MetadataResponsePartition {
            error_code: if replicas.is_empty() { ErrorCode::LeaderNotAvailable } else { ErrorCode::None },
            partition_index: partition,
            leader_id: leader.node_id,
            leader_epoch: leader.leader_epoch,
            replica_nodes: replicas.clone(),
            isr_nodes: replicas,
            ..Default::default()
        }
    });
    MetadataResponseTopic {
        name: Some(Str::from(topic.name)),
        topic_id: topic.topic_id,
        is_internal: topic.is_internal,
        partitions: partitions.collect(),
        ..Default::default()
    }
}
