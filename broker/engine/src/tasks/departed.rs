//! Brokers that have just left: clients are told of them a little longer.
//!
//! librdkafka drops a broker that metadata does not list any more, and with it the partitions that are still queued for it,
//! even where the same answer says who leads them now: those wait for its next scan, a second later. A broker that stays
//! listed until the client has moved them costs nothing: it leads nothing.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use crate::engine::Inner;
use crate::limits::DEPARTED_LISTED_FOR;
use crate::status::BrokerInfo;

/// Those that clients were told about, and since when not any more.
#[derive(Debug, Default)]
pub(crate) struct Departed {
    known: Mutex<BTreeMap<i32, Known>>,
}

#[derive(Debug)]
struct Known {
    broker: BrokerInfo,
    left_at: Option<Duration>,
}

impl Departed {
    /// The living, and who left a moment ago, by node id.
    pub(crate) fn with_living(&self, living: Vec<BrokerInfo>, now: Duration) -> Vec<BrokerInfo> {
        let mut known = self.known.lock().unwrap_or_else(PoisonError::into_inner);
        for (node_id, one) in known.iter_mut() {
            if !living.iter().any(|broker| broker.node_id == *node_id) {
                one.left_at.get_or_insert(now);
            }
        }
        known.retain(|_, one| one.left_at.is_none_or(|at| now.saturating_sub(at) < DEPARTED_LISTED_FOR));
        known.extend(living.into_iter().map(|broker| (broker.node_id, Known { broker, left_at: None })));
        known.values().map(|one| one.broker.clone()).collect()
    }
}

/// Notes who leaves, until the engine stops.
pub(crate) async fn note_departures(inner: Arc<Inner>) {
    let mut changes = inner.cluster.changes();
    loop {
        inner.departed.with_living(inner.cluster.brokers(), inner.env.monotonic());
        tokio::select! {
            biased;
            () = inner.stop.cancelled() => return,
            changed = changes.changed() => if changed.is_err() { return },
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::Endpoint;

    fn broker(node_id: i32, port: u16) -> BrokerInfo {
        BrokerInfo { node_id, endpoint: Endpoint { host: "h".to_owned(), port }, zone: None }
    }

    #[test]
    fn who_left_is_listed_for_a_moment_and_who_comes_back_as_it_is_now() {
        let departed = Departed::default();
        let at = Duration::from_secs;
        let ids = |listed: Vec<BrokerInfo>| -> Vec<i32> { listed.into_iter().map(|one| one.node_id).collect() };
        assert_eq!(ids(departed.with_living(vec![broker(2, 1), broker(1, 1)], at(100))), [1, 2]);
        assert_eq!(ids(departed.with_living(vec![broker(2, 1)], at(200))), [1, 2]);
        let last = at(200) + DEPARTED_LISTED_FOR;
        assert_eq!(ids(departed.with_living(vec![broker(2, 1)], last - at(1))), [1, 2]);
        assert_eq!(ids(departed.with_living(vec![broker(2, 1)], last)), [2]);
        assert_eq!(departed.with_living(vec![broker(1, 7)], last), [broker(1, 7), broker(2, 1)]);
    }
}
