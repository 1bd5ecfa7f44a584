//! DeleteGroups: forget empty groups and their offsets.

use broker_wire::ErrorCode;
use broker_wire::messages::delete_groups::{DeletableGroupResult, DeleteGroupsRequest, DeleteGroupsResponse};

use super::Call;
use super::errors::ErrorCoded as _;

/// Deletes each group.
pub(crate) async fn handle(call: &Call<'_>, request: DeleteGroupsRequest) -> DeleteGroupsResponse {
    let mut results = Vec::with_capacity(request.groups_names.len());
    for group_id in request.groups_names {
        let outcome = call.server.engine.delete_group(&group_id).await;
        let error_code = outcome.err().map_or(ErrorCode::None, |error| error.error_code());
        results.push(DeletableGroupResult { group_id, error_code });
    }
    DeleteGroupsResponse { results, ..Default::default() }
}
