//! FindCoordinator: which broker coordinates a group or a transactional id.

use broker_wire::messages::find_coordinator::{Coordinator, FindCoordinatorRequest, FindCoordinatorResponse};
use broker_wire::{ErrorCode, Str};

use super::Call;

/// From this version on a request names several keys.
const SEVERAL: i16 = 4;
const GROUP: i8 = 0;
const TRANSACTION: i8 = 1;

/// Answers from the metadata this broker knows.
pub(crate) fn handle(call: &Call<'_>, request: FindCoordinatorRequest) -> FindCoordinatorResponse {
    if call.version >= SEVERAL {
        let coordinators = request.coordinator_keys.into_iter().map(|key| find(call, key, request.key_type));
        return FindCoordinatorResponse { coordinators: coordinators.collect(), ..Default::default() };
    }
    let found = find(call, request.key, request.key_type);
    FindCoordinatorResponse {
        error_code: found.error_code,
        error_message: found.error_message,
        node_id: found.node_id,
        host: found.host,
        port: found.port,
        ..Default::default()
    }
}

fn find(call: &Call<'_>, key: Str, key_type: i8) -> Coordinator {
    let unknown = Coordinator { node_id: -1, port: -1, ..Default::default() };
    let found = match key_type {
        GROUP => call.server.engine.coordinator(&key),
        TRANSACTION => call.server.engine.transaction_coordinator(&key),
        _ => {
            return Coordinator {
                key,
                error_code: ErrorCode::InvalidRequest,
                error_message: Some(Str::from_static("only groups and transactions have a coordinator here")),
                ..unknown
            };
        }
    };
    match found {
        Some(broker) => Coordinator {
            key,
            node_id: broker.node_id,
            host: Str::from(broker.endpoint.host),
            port: i32::from(broker.endpoint.port),
            ..Default::default()
        },
        None => Coordinator { key, error_code: ErrorCode::CoordinatorNotAvailable, ..unknown },
    }
}
