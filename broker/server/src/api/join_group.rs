//! JoinGroup: a consumer wants to be in its group's next generation.

use std::time::Duration;

use broker_engine::{GroupError, GroupProtocol, JoinGroupRequest as Join, JoinedGroup};
use broker_wire::Str;
use broker_wire::messages::join_group::{JoinGroupRequest, JoinGroupResponse, JoinGroupResponseMember};

use super::errors::ErrorCoded as _;
use super::{Call, text};

/// From this version on a member without id is first given one.
const MEMBER_ID_REQUIRED: i16 = 4;

/// Joins; answers when the generation has begun.
pub(crate) async fn handle(call: &Call<'_>, request: JoinGroupRequest) -> JoinGroupResponse {
    let session_timeout = milliseconds(request.session_timeout_ms);
    let join = Join {
        group: request.group_id.to_string(),
        member_id: request.member_id.to_string(),
        group_instance_id: text(request.group_instance_id),
        client_id: call.client_id.clone(),
        client_host: format!("/{}", call.client.address),
        session_timeout,
        rebalance_timeout: match request.rebalance_timeout_ms {
            -1 => session_timeout,
            timeout => milliseconds(timeout),
        },
        protocol_type: request.protocol_type.to_string(),
        protocols: request
            .protocols
            .into_iter()
            .map(|protocol| GroupProtocol { name: protocol.name.to_string(), metadata: protocol.metadata })
            .collect(),
        member_id_required: call.version >= MEMBER_ID_REQUIRED,
    };
    match call.server.engine.join_group(join).await {
        Ok(joined) => response(joined),
        Err(error) => JoinGroupResponse {
            error_code: error.error_code(),
            protocol_name: Some(Str::default()),
            member_id: match error {
                GroupError::MemberIdRequired(member_id) => Str::from(member_id),
                _ => request.member_id,
            },
            ..Default::default()
        },
    }
}

fn response(joined: JoinedGroup) -> JoinGroupResponse {
    JoinGroupResponse {
        generation_id: joined.generation,
        protocol_type: Some(Str::from(joined.protocol_type)),
        protocol_name: Some(Str::from(joined.protocol_name)),
        leader: Str::from(joined.leader),
        skip_assignment: joined.skip_assignment,
        member_id: Str::from(joined.member_id),
        members: joined
            .members
            .into_iter()
            .map(|member| JoinGroupResponseMember {
                member_id: Str::from(member.member_id),
                group_instance_id: member.group_instance_id.map(Str::from),
                metadata: member.metadata,
            })
            .collect(),
        ..Default::default()
    }
}

fn milliseconds(ms: i32) -> Duration {
    Duration::from_millis(u64::try_from(ms).unwrap_or(0))
}
