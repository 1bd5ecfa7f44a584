//! CreateTopics. Replication is the object store's: any replication factor is accepted, and answered as 1.

use std::time::Duration;

use broker_engine::{AdminMode, CreateTopic, CreateTopicError, CreatedTopic};
use broker_wire::messages::create_topics::{
    CreatableTopic, CreatableTopicResult, CreateTopicsRequest, CreateTopicsResponse,
};
use broker_wire::{ErrorCode, Str};

use super::Call;
use super::errors::ErrorCoded as _;

const DEFAULT_PARTITIONS: i32 = -1;

/// Creates, or checks only; answers in the order of the request.
pub(crate) async fn handle(call: &Call<'_>, request: CreateTopicsRequest) -> CreateTopicsResponse {
    let repeated = |topic: &CreatableTopic| request.topics.iter().filter(|other| other.name == topic.name).count() > 1;
    let wanted = request.topics.iter().filter(|topic| !repeated(topic)).map(wanted);
    let mode = if request.validate_only { AdminMode::ValidateOnly } else { AdminMode::Apply };
    let timeout = Duration::from_millis(u64::try_from(request.timeout_ms).unwrap_or(0));
    let outcomes = call.server.engine.create_topics(wanted.collect(), mode, &call.actor(), timeout).await;
    let mut outcomes = outcomes.into_iter();
    let topics = request.topics.iter().map(|topic| {
        if repeated(topic) {
            return CreatableTopicResult {
                name: topic.name.clone(),
                error_code: ErrorCode::InvalidRequest,
                error_message: Some(Str::from_static("the topic is named twice")),
                ..Default::default()
            };
        }
        let missing = || Err(CreateTopicError::Unavailable("no outcome".to_owned()));
        answered(topic.name.clone(), outcomes.next().unwrap_or_else(missing))
    });
    CreateTopicsResponse { topics: topics.collect(), ..Default::default() }
}

fn wanted(topic: &CreatableTopic) -> CreateTopic {
    let partitions = match topic.num_partitions {
        DEFAULT_PARTITIONS if topic.assignments.is_empty() => None,
        DEFAULT_PARTITIONS => Some(i32::try_from(topic.assignments.len()).unwrap_or(i32::MAX)),
        count => Some(count),
    };
    let configs = topic.configs.iter().filter_map(|config| {
        let value = config.value.as_ref()?;
        Some((config.name.to_string(), value.to_string()))
    });
    CreateTopic { name: topic.name.to_string(), partitions, configs: configs.collect() }
}

fn answered(name: Str, outcome: Result<CreatedTopic, CreateTopicError>) -> CreatableTopicResult {
    match outcome {
        Ok(created) => CreatableTopicResult {
            name,
            topic_id: created.topic_id,
            num_partitions: created.partitions,
            replication_factor: 1,
            configs: Some(Vec::new()),
            ..Default::default()
        },
        Err(error) => CreatableTopicResult {
            name,
            error_code: error.error_code(),
            error_message: Some(Str::from(error.to_string())),
            ..Default::default()
        },
    }
}
