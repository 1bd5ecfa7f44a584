//! Asking the other brokers, twice a second, whether they are there.

use std::sync::Arc;

use broker_log::Incarnation;
use futures::future::join_all;
use tokio::time::{MissedTickBehavior, interval, timeout};

use crate::engine::Inner;
use crate::life::Life;
use crate::limits::{HEARTBEAT_INTERVAL, HEARTBEAT_WAIT_MAX};
use crate::peers::{PeerAnswer, PeerError, PeerRequest};
use crate::status::{BrokerInfo, PeerSignal};

/// Sends heartbeats until the life ends.
pub(crate) async fn send_heartbeats(inner: Arc<Inner>, life: Arc<Life>) {
    let mut ticks = interval(HEARTBEAT_INTERVAL);
    ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
    loop {
        tokio::select! {
            biased;
            () = life.cancel.cancelled() => return,
            _ = ticks.tick() => {}
        }
        let others = inner.cluster.others(life.id);
        let asked = others.into_iter().map(|(peer, info)| ask(&inner, &life, peer, info));
        tokio::select! {
            biased;
            () = life.cancel.cancelled() => return,
            _all = join_all(asked) => {}
        }
    }
}

async fn ask(inner: &Inner, life: &Life, peer: Incarnation, info: BrokerInfo) {
    let request = PeerRequest::Heartbeat(inner.heartbeat(life));
    let signal = match timeout(HEARTBEAT_WAIT_MAX, inner.network.ask(info, request)).await {
        Ok(Ok(PeerAnswer::Heartbeat(heartbeat))) => {
            inner.has_heard(heartbeat.metadata_seq);
            PeerSignal::Answered
        }
        Ok(Ok(_)) => PeerSignal::Answered,
        Ok(Err(PeerError::Refused)) => PeerSignal::Refused,
        Ok(Err(PeerError::Silent)) | Err(_) => PeerSignal::Silent,
    };
    inner.detector().probed(inner.env.monotonic(), peer, signal);
    if signal == PeerSignal::Refused {
        inner.observed.notify_one();
    }
}
