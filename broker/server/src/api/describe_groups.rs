//! DescribeGroups: groups in full, from their coordinator.

use broker_engine::GroupDescription;
use broker_wire::Str;
use broker_wire::messages::describe_groups::{
    DescribeGroupsRequest, DescribeGroupsResponse, DescribedGroup, DescribedGroupMember,
};

use super::errors::ErrorCoded as _;
use super::{Call, distinct};

/// Describes each group.
pub(crate) async fn handle(call: &Call<'_>, request: DescribeGroupsRequest) -> DescribeGroupsResponse {
    let mut groups = Vec::with_capacity(request.groups.len());
    for group_id in distinct(request.groups, Clone::clone) {
        groups.push(match call.server.engine.describe_group(&group_id).await {
            Ok(description) => described(group_id, description),
            Err(error) => DescribedGroup { error_code: error.error_code(), group_id, ..Default::default() },
        });
    }
    DescribeGroupsResponse { groups, ..Default::default() }
}

fn described(group_id: Str, description: GroupDescription) -> DescribedGroup {
    let members = description.members.into_iter().map(|member| DescribedGroupMember {
        member_id: Str::from(member.member_id),
        group_instance_id: member.group_instance_id.map(Str::from),
        client_id: Str::from(member.client_id),
        client_host: Str::from(member.client_host),
        member_metadata: member.metadata,
        member_assignment: member.assignment,
    });
    DescribedGroup {
        group_id,
        group_state: Str::from_static(description.state),
        protocol_type: Str::from(description.protocol_type),
        protocol_data: Str::from(description.protocol_name),
        members: members.collect(),
        ..Default::default()
    }
}
