//! SyncGroup: a member asks for its assignment; the leader brings everyone's.

use broker_engine::SyncGroupRequest as Sync;
use broker_wire::Str;
use broker_wire::messages::sync_group::{SyncGroupRequest, SyncGroupResponse};

use super::errors::ErrorCoded as _;
use super::{Call, text};

/// Answers when the leader has assigned.
pub(crate) async fn handle(call: &Call<'_>, request: SyncGroupRequest) -> SyncGroupResponse {
    let sync = Sync {
        group: request.group_id.to_string(),
        generation: request.generation_id,
        member_id: request.member_id.to_string(),
        group_instance_id: text(request.group_instance_id),
        protocol_type: text(request.protocol_type),
        protocol_name: text(request.protocol_name),
        assignments: request
            .assignments
            .into_iter()
            .map(|assignment| (assignment.member_id.to_string(), assignment.assignment))
            .collect(),
    };
    match call.server.engine.sync_group(sync).await {
        Ok(synced) => SyncGroupResponse {
            protocol_type: Some(Str::from(synced.protocol_type)),
            protocol_name: Some(Str::from(synced.protocol_name)),
            assignment: synced.assignment,
            ..Default::default()
        },
        Err(error) => SyncGroupResponse { error_code: error.error_code(), ..Default::default() },
    }
}
