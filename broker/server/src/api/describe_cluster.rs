//! DescribeCluster: the brokers there are.

use broker_wire::messages::describe_cluster::{DescribeClusterBroker, DescribeClusterRequest, DescribeClusterResponse};
use broker_wire::{ErrorCode, Str};

use super::Call;

/// The endpoints that clients may ask for: brokers. There are no controllers.
const BROKERS: i8 = 1;

/// Answers from the metadata this broker knows.
pub(crate) fn handle(call: &Call<'_>, request: &DescribeClusterRequest) -> DescribeClusterResponse {
    let cluster_id = Str::from(call.server.engine.cluster_id().to_string());
    if request.endpoint_type != BROKERS {
        return DescribeClusterResponse {
            error_code: ErrorCode::UnsupportedEndpointType,
            error_message: Some(Str::from_static("there are no controllers, only brokers")),
            cluster_id,
            endpoint_type: request.endpoint_type,
            ..Default::default()
        };
    }
    let brokers: Vec<_> = call.server.engine.brokers();
    DescribeClusterResponse {
        cluster_id,
        controller_id: brokers.first().map_or(-1, |broker| broker.node_id),
        brokers: brokers
            .into_iter()
            .map(|broker| DescribeClusterBroker {
                broker_id: broker.node_id,
                host: Str::from(broker.endpoint.host),
                port: i32::from(broker.endpoint.port),
                rack: broker.zone.map(Str::from),
                is_fenced: false,
            })
            .collect(),
        ..Default::default()
    }
}
