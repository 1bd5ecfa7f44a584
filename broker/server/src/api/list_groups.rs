//! ListGroups: the groups that this broker coordinates.

use broker_wire::Str;
use broker_wire::messages::list_groups::{ListGroupsRequest, ListGroupsResponse, ListedGroup};

use super::Call;

/// The only type of group there is, as Kafka names it.
const CLASSIC: &str = "Classic";

/// Lists those that pass the request's filters.
pub(crate) fn handle(call: &Call<'_>, request: &ListGroupsRequest) -> ListGroupsResponse {
    let passes = |filter: &[Str], value: &str| {
        filter.is_empty() || filter.iter().any(|wanted| wanted.eq_ignore_ascii_case(value))
    };
    let listed = call.server.engine.list_groups().into_iter();
    let groups = listed
        .filter(|group| passes(&request.states_filter, group.state) && passes(&request.types_filter, CLASSIC))
        .map(|group| ListedGroup {
            group_id: Str::from(group.group),
            protocol_type: Str::from(group.protocol_type),
            group_state: Str::from_static(group.state),
            group_type: Str::from_static(CLASSIC),
        });
    ListGroupsResponse { groups: groups.collect(), ..Default::default() }
}
