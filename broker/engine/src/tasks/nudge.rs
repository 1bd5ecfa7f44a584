//! Telling the other brokers that the metadata log has grown, so that they need not find out by looking.

use std::collections::BTreeMap;
use std::sync::Arc;

use broker_log::Incarnation;
use futures::StreamExt;
use futures::stream::FuturesUnordered;
use tokio::time::timeout;

use crate::engine::Inner;
use crate::life::Life;
use crate::limits::NUDGE_WAIT_MAX;
use crate::peers::PeerRequest;
use crate::status::BrokerInfo;

/// Tells of what this broker has appended, until the life ends. To each peer one nudge is on its way at most.
pub(crate) async fn nudge_others(inner: Arc<Inner>, life: Arc<Life>) {
    let mut appended = inner.journal.appended();
    let mut asked = FuturesUnordered::new();
    let mut sent: BTreeMap<Incarnation, u64> = BTreeMap::new();
    loop {
        tokio::select! {
            biased;
            () = life.cancel.cancelled() => return,
            Some((peer, info)) = asked.next(), if !asked.is_empty() => {
                let latest = *appended.borrow();
                if sent.remove(&peer).is_some_and(|told| told < latest) {
                    sent.insert(peer, latest);
                    asked.push(nudge(&inner, peer, info, latest));
                }
            }
            changed = appended.changed() => {
                if changed.is_err() {
                    return;
                }
                let latest = *appended.borrow_and_update();
                for (peer, info) in inner.cluster.others(life.id) {
                    if let std::collections::btree_map::Entry::Vacant(vacant) = sent.entry(peer) {
                        vacant.insert(latest);
                        asked.push(nudge(&inner, peer, info, latest));
                    }
                }
            }
        }
    }
}

async fn nudge(inner: &Inner, peer: Incarnation, info: BrokerInfo, metadata_seq: u64) -> (Incarnation, BrokerInfo) {
    // Whoever misses it looks for itself, twice a second.
    let _missed = timeout(NUDGE_WAIT_MAX, inner.network.ask(info.clone(), PeerRequest::Nudge { metadata_seq })).await;
    (peer, info)
}
