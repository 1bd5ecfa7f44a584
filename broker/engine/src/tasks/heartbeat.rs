//! Asking the other brokers, twice a second, whether they are there.

use std::collections::BTreeSet;
use std::sync::Arc;
use std::time::Duration;

use broker_log::Incarnation;
use futures::StreamExt;
use futures::stream::FuturesUnordered;
use tokio::time::{MissedTickBehavior, interval, timeout};

use super::detector::Sign;
use crate::engine::Inner;
use crate::life::Life;
use crate::limits::{HEARTBEAT_INTERVAL, HEARTBEAT_WAIT_MAX, REFUSED_FOR_MIN};
use crate::peers::{Heartbeat, PeerAnswer, PeerError, PeerRequest};
use crate::status::BrokerInfo;

/// Sends heartbeats until the life ends; one that is not answered keeps the others from nobody.
pub(crate) async fn send_heartbeats(inner: Arc<Inner>, life: Arc<Life>) {
    let mut ticks = interval(HEARTBEAT_INTERVAL);
    ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
    let mut asked = FuturesUnordered::new();
    let mut open = BTreeSet::new();
    loop {
        tokio::select! {
            biased;
            () = life.cancel.cancelled() => return,
            Some(peer) = asked.next(), if !asked.is_empty() => drop(open.remove(&peer)),
            _ = ticks.tick() => {
                watch(&inner, &life);
                for (peer, info) in inner.cluster.others(life.id) {
                    if open.insert(peer) {
                        asked.push(ask_insistently(&inner, &life, peer, info));
                    }
                }
            }
        }
    }
}

fn watch(inner: &Inner, life: &Life) {
    let others = inner.cluster.stages_of_others(life.id);
    let now = inner.env.monotonic();
    let mut detector = inner.detector();
    detector.watch(now, &others);
    detector.awake(now);
}

/// Asks again soon where the connection is refused: two refusals are a death.
async fn ask_insistently(inner: &Inner, life: &Life, peer: Incarnation, info: BrokerInfo) -> Incarnation {
    for _ in 0..2 {
        if send_heartbeat(inner, life, peer, &info, HEARTBEAT_WAIT_MAX).await != Heard::Refused {
            return peer;
        }
        tokio::time::sleep(REFUSED_FOR_MIN).await;
    }
    inner.observed.notify_one();
    peer
}

/// What came of a heartbeat.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Heard {
    /// The peer has answered.
    Answer,
    /// Nobody listens there.
    Refused,
    /// Nothing, or somebody else.
    Nothing,
}

/// Sends one heartbeat, and takes what comes back into account.
pub(crate) async fn send_heartbeat(
    inner: &Inner,
    life: &Life,
    peer: Incarnation,
    info: &BrokerInfo,
    wait: Duration,
) -> Heard {
    let request = PeerRequest::Heartbeat(inner.heartbeat(life));
    match timeout(wait, inner.network.ask(info.clone(), request)).await {
        Ok(Ok(PeerAnswer::Heartbeat(heartbeat))) if heartbeat.from == peer => {
            inner.detector().answered(inner.env.monotonic(), peer, sign(&heartbeat));
            inner.has_heard(heartbeat.metadata_seq);
            Heard::Answer
        }
        Ok(Err(PeerError::Refused)) => {
            inner.detector().refused(inner.env.monotonic(), peer);
            Heard::Refused
        }
        // Somebody else answers there, or one that is between two lives.
        Ok(Ok(_) | Err(PeerError::Silent)) | Err(_) => {
            inner.detector().unanswered(peer);
            Heard::Nothing
        }
    }
}

impl Inner {
    /// Takes what a peer says of itself unasked into account.
    pub(crate) fn take_heartbeat(&self, heartbeat: &Heartbeat) {
        self.detector().heard(self.env.monotonic(), heartbeat.from, sign(heartbeat));
        self.has_heard(heartbeat.metadata_seq);
    }
}

fn sign(heartbeat: &Heartbeat) -> Sign {
    Sign { beat: heartbeat.beat, store_age: Duration::from_millis(heartbeat.store_age_ms) }
}
