//! Leader hints in answers to clients that asked the wrong broker (KIP-951).

use broker_engine::{BrokerInfo, FetchError, LeaderHint, PartitionError, ProduceError};

use super::Server;

/// The hint in an error of a produce request.
pub(crate) fn of_produce(error: &ProduceError) -> Option<LeaderHint> {
    match error {
        ProduceError::Partition(error) => of_partition(error),
        _ => None,
    }
}

/// The hint in an error of a fetch request.
pub(crate) fn of_fetch(error: &FetchError) -> Option<LeaderHint> {
    match error {
        FetchError::Partition(error) => of_partition(error),
        FetchError::OffsetOutOfRange { .. } => None,
    }
}

fn of_partition(error: &PartitionError) -> Option<LeaderHint> {
    match error {
        PartitionError::NotLeader(hint) | PartitionError::FencedLeaderEpoch(hint) => Some(*hint),
        _ => None,
    }
}

/// Passes the hint on where it names a broker, and notes the broker so that its address comes along.
pub(crate) fn hint(hint: Option<LeaderHint>, hinted: &mut Vec<i32>) -> Option<LeaderHint> {
    let hint = hint.filter(|hint| hint.node_id >= 0)?;
    if !hinted.contains(&hint.node_id) {
        hinted.push(hint.node_id);
    }
    Some(hint)
}

/// The brokers that hints have named.
pub(crate) fn endpoints(server: &Server, hinted: &[i32]) -> impl Iterator<Item = BrokerInfo> {
    let brokers = if hinted.is_empty() { Vec::new() } else { server.engine.brokers() };
    brokers.into_iter().filter(move |broker| hinted.contains(&broker.node_id))
}
