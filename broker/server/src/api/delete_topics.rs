//! DeleteTopics.

use std::time::Duration;

use broker_engine::{DeleteTopicError, DeletedTopic, TopicRef};
use broker_wire::Str;
use broker_wire::messages::delete_topics::{
    DeletableTopicResult, DeleteTopicState, DeleteTopicsRequest, DeleteTopicsResponse,
};

use super::Call;
use super::errors::ErrorCoded as _;

/// From this version on a topic may be named by its id.
const BY_ID: i16 = 6;

/// Deletes; answers in the order of the request.
pub(crate) async fn handle(call: &Call<'_>, request: DeleteTopicsRequest) -> DeleteTopicsResponse {
    let topics = if call.version >= BY_ID {
        request.topics
    } else {
        let names = request.topic_names.into_iter();
        names.map(|name| DeleteTopicState { name: Some(name), ..Default::default() }).collect()
    };
    let wanted = topics.iter().map(|topic| match &topic.name {
        Some(name) => TopicRef::Name(name.to_string()),
        None => TopicRef::Id(topic.topic_id),
    });
    let timeout = Duration::from_millis(u64::try_from(request.timeout_ms).unwrap_or(0));
    let outcomes = call.server.engine.delete_topics(wanted.collect(), &call.actor(), timeout).await;
    let mut outcomes = outcomes.into_iter();
    let responses = topics.into_iter().map(|topic| {
        let missing = || Err(DeleteTopicError::Unavailable("no outcome".to_owned()));
        answered(topic, outcomes.next().unwrap_or_else(missing))
    });
    DeleteTopicsResponse { responses: responses.collect(), ..Default::default() }
}

fn answered(topic: DeleteTopicState, outcome: Result<DeletedTopic, DeleteTopicError>) -> DeletableTopicResult {
    match outcome {
        Ok(deleted) => DeletableTopicResult {
            name: Some(Str::from(deleted.name)),
            topic_id: deleted.topic_id,
            ..Default::default()
        },
        Err(error) => DeletableTopicResult {
            name: topic.name,
            topic_id: topic.topic_id,
            error_code: error.error_code(),
            error_message: Some(Str::from(error.to_string())),
        },
    }
}
