//! Heartbeat: a member is alive.

use broker_engine::HeartbeatRequest as Beat;
use broker_wire::ErrorCode;
use broker_wire::messages::heartbeat::{HeartbeatRequest, HeartbeatResponse};

use super::errors::ErrorCoded as _;
use super::{Call, text};

/// Notes that the member is alive.
pub(crate) async fn handle(call: &Call<'_>, request: HeartbeatRequest) -> HeartbeatResponse {
    let beat = Beat {
        group: request.group_id.to_string(),
        generation: request.generation_id,
        member_id: request.member_id.to_string(),
        group_instance_id: text(request.group_instance_id),
    };
    let outcome = call.server.engine.heartbeat(beat).await;
    HeartbeatResponse {
        error_code: outcome.err().map_or(ErrorCode::None, |error| error.error_code()),
        ..Default::default()
    }
}
