//! LeaveGroup: members leave their group.

use broker_engine::{LeaveGroupRequest as Leave, LeavingMember};
use broker_wire::ErrorCode;
use broker_wire::messages::leave_group::{LeaveGroupRequest, LeaveGroupResponse, MemberIdentity, MemberResponse};

use super::errors::ErrorCoded as _;
use super::{Call, text};

/// From this version on several members may leave at once.
const SEVERAL: i16 = 3;

/// Takes the members out.
pub(crate) async fn handle(call: &Call<'_>, request: LeaveGroupRequest) -> LeaveGroupResponse {
    let members = if call.version >= SEVERAL {
        request.members
    } else {
        vec![MemberIdentity { member_id: request.member_id, ..Default::default() }]
    };
    let leave = Leave {
        group: request.group_id.to_string(),
        members: members
            .iter()
            .map(|member| LeavingMember {
                member_id: member.member_id.to_string(),
                group_instance_id: text(member.group_instance_id.clone()),
            })
            .collect(),
    };
    let outcomes = match call.server.engine.leave_group(leave).await {
        Ok(outcomes) => outcomes,
        Err(error) => return LeaveGroupResponse { error_code: error.error_code(), ..Default::default() },
    };
    let codes = outcomes.into_iter().map(|outcome| outcome.err().map_or(ErrorCode::None, |error| error.error_code()));
    let answered = members.into_iter().zip(codes).map(|(member, error_code)| MemberResponse {
        member_id: member.member_id,
        group_instance_id: member.group_instance_id,
        error_code,
    });
    let members: Vec<_> = answered.collect();
    let error_code = match (call.version >= SEVERAL, members.first()) {
        (false, Some(only)) => only.error_code,
        _ => ErrorCode::None,
    };
    LeaveGroupResponse { error_code, members, ..Default::default() }
}
