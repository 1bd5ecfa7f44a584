//! CreatePartitions: topics grow.

use std::time::Duration;

use broker_engine::{AdminMode, CreatePartitions, CreatePartitionsError};
use broker_wire::Str;
use broker_wire::messages::create_partitions::{
    CreatePartitionsRequest, CreatePartitionsResponse, CreatePartitionsTopicResult,
};

use super::Call;
use super::errors::ErrorCoded as _;

/// Adds partitions, or checks only; answers in the order of the request.
pub(crate) async fn handle(call: &Call<'_>, request: CreatePartitionsRequest) -> CreatePartitionsResponse {
    let wanted =
        request.topics.iter().map(|topic| CreatePartitions { name: topic.name.to_string(), total: topic.count });
    let mode = if request.validate_only { AdminMode::ValidateOnly } else { AdminMode::Apply };
    let timeout = Duration::from_millis(u64::try_from(request.timeout_ms).unwrap_or(0));
    let outcomes = call.server.engine.create_partitions(wanted.collect(), mode, &call.actor(), timeout).await;
    let mut outcomes = outcomes.into_iter();
    let results = request.topics.into_iter().map(|topic| {
        let missing = || Err(CreatePartitionsError::Unavailable("no outcome".to_owned()));
        match outcomes.next().unwrap_or_else(missing) {
            Ok(()) => CreatePartitionsTopicResult { name: topic.name, ..Default::default() },
            Err(error) => CreatePartitionsTopicResult {
                name: topic.name,
                error_code: error.error_code(),
                error_message: Some(Str::from(error.to_string())),
            },
        }
    });
    CreatePartitionsResponse { results: results.collect(), ..Default::default() }
}
