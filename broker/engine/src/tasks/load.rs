//! What each partition carries, measured, so that the brokers can share the work and not only the partitions.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use broker_metadata::Loads;
use futures::future::join_all;
use tokio::time::timeout;

use crate::engine::Inner;
use crate::life::Life;
use crate::limits::{LOAD_WINDOW, LOADS_TOLD_MAX, LOADS_WAIT_MAX};
use crate::peers::{PartitionLoad, PeerAnswer, PeerRequest};
use crate::topic::PartitionId;

/// Measures until the life ends.
pub(crate) async fn measure_load(inner: Arc<Inner>, life: Arc<Life>) {
    // What the life before has written counts for nothing.
    inner.counters.take_written();
    loop {
        tokio::select! {
            biased;
            () = life.cancel.cancelled() => return,
            () = tokio::time::sleep(LOAD_WINDOW) => {}
        }
        let loads = heaviest(inner.counters.take_written(), LOAD_WINDOW);
        life.loads.send_replace(loads.into());
    }
}

/// The partitions that carry most, in bytes per second.
fn heaviest(written: BTreeMap<PartitionId, u64>, window: Duration) -> Vec<PartitionLoad> {
    let load = |(id, bytes): (PartitionId, u64)| PartitionLoad {
        topic: id.topic,
        partition: id.partition,
        bytes_per_second: bytes / window.as_secs().max(1),
    };
    let mut loads: Vec<PartitionLoad> = written.into_iter().map(load).filter(|one| one.bytes_per_second > 0).collect();
    loads.sort_by_key(|one| (std::cmp::Reverse(one.bytes_per_second), one.topic, one.partition));
    loads.truncate(LOADS_TOLD_MAX);
    loads
}

/// What all ready brokers carry; none unless every one of them tells.
pub(super) async fn all_loads(inner: &Inner, life: &Life) -> Option<Loads> {
    let others = inner.cluster.others(life.id);
    let asked =
        others.into_iter().map(|(_, info)| timeout(LOADS_WAIT_MAX, inner.network.ask(info, PeerRequest::Loads)));
    let mut loads = Loads::new();
    let mut take = |told: &[PartitionLoad]| {
        loads.extend(told.iter().map(|one| ((one.topic, one.partition), one.bytes_per_second)));
    };
    take(&life.loads.borrow().clone());
    for answer in join_all(asked).await {
        let Ok(Ok(PeerAnswer::Loads(told))) = answer else { return None };
        take(&told);
    }
    Some(loads)
}

#[cfg(test)]
mod tests {
    use uuid::Uuid;

    use super::*;

    #[test]
    fn the_heaviest_come_first_and_what_carries_nothing_is_left_out() {
        let id = |partition| PartitionId { topic: Uuid::nil(), partition };
        let written = BTreeMap::from([(id(0), 29), (id(1), 3000), (id(2), 60_000)]);
        let loads = heaviest(written, Duration::from_secs(30));
        let found: Vec<(i32, u64)> = loads.iter().map(|one| (one.partition, one.bytes_per_second)).collect();
        assert_eq!(found, [(2, 2000), (1, 100)]);
    }
}
