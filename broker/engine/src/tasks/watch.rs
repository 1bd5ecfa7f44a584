//! Watching the other brokers and fencing the dead.

use std::sync::Arc;
use std::time::Duration;

use broker_log::Incarnation;
use broker_metadata::{Change, LiveObject};
use futures::StreamExt;
use futures::future::join_all;
use futures::stream::FuturesUnordered;
use tokio::time::{Instant, timeout};
use tracing::{debug, warn};

use super::detector::Sign;
use super::follow::note_answer;
use super::heartbeat::{Heard, send_heartbeat};
use crate::engine::{Inner, actor};
use crate::journal::Wish;
use crate::life::Life;
use crate::limits::{AGREE_PROBE_MAX, AGREE_WAIT_MAX, AGREEMENT_FROM, GATHER_WAIT, LIVE_READ_MAX, WATCH_INTERVAL};
use crate::peers::{PeerAnswer, PeerRequest};

/// Watches until the life ends.
pub(crate) async fn watch_others(inner: Arc<Inner>, life: Arc<Life>) {
    let mut next_look = Instant::now();
    loop {
        tokio::select! {
            biased;
            () = life.cancel.cancelled() => return,
            // Before refusals, which may come as often as they like.
            () = tokio::time::sleep_until(next_look) => {
                next_look = Instant::now() + WATCH_INTERVAL;
                tokio::select! {
                    biased;
                    () = life.cancel.cancelled() => return,
                    () = read_signs_of_life(&inner) => {}
                }
            }
            // A refused connection: what is known of `live/` is enough.
            () = inner.observed.notified() => {}
        }
        tokio::select! {
            biased;
            () = life.cancel.cancelled() => return,
            () = fence_suspects(&inner, &life) => {}
        }
    }
}

/// Reads the `live/` objects of those who do not answer.
async fn read_signs_of_life(inner: &Inner) {
    let quiet = inner.detector().quiet(inner.env.monotonic());
    join_all(quiet.into_iter().map(|peer| read_sign_of_life(inner, peer))).await;
}

async fn read_sign_of_life(inner: &Inner, peer: Incarnation) {
    match timeout(LIVE_READ_MAX, LiveObject::read(&inner.stores.metadata, peer)).await {
        Ok(Ok(live)) => {
            note_answer(inner);
            let sign = live.map(|live| Sign { beat: live.beat, store_age: Duration::from_millis(live.store_age_ms) });
            inner.detector().live_read(inner.env.monotonic(), peer, sign);
        }
        Ok(Err(error)) => debug!(%error, %peer, "sign of life not read"),
        Err(_) => debug!(%peer, "sign of life not read in time"),
    }
}

async fn fence_suspects(inner: &Inner, life: &Life) {
    if inner.detector().suspects(inner.env.monotonic()).is_empty() {
        return;
    }
    // Several may have died at once: one entry names them all.
    tokio::time::sleep(GATHER_WAIT).await;
    let suspects = inner.detector().suspects(inner.env.monotonic());
    let others = inner.cluster.others(life.id);
    let alone = others.len() + 1 < AGREEMENT_FROM;
    let dead = if alone { suspects } else { second_opinion(inner, life, suspects).await };
    if dead.is_empty() || !inner.cluster.is_alive(life.id) {
        return;
    }
    warn!(?dead, "fencing brokers that are dead");
    let actor = actor(life.id);
    let wish = Wish { origin: Some(life.id), actor: &actor, reason: "connections refused, or no sign of life" };
    if let Err(problem) = inner.propose_one(wish, Change::FenceBrokers { incarnations: dead }).await {
        warn!(problem, "not fenced yet");
    }
}

/// Those of the suspects whom another broker takes for dead, too; where no other answers, those who have been silent for
/// longer.
async fn second_opinion(inner: &Inner, life: &Life, suspects: Vec<Incarnation>) -> Vec<Incarnation> {
    let others = inner.cluster.others(life.id).into_iter().filter(|(other, _)| !suspects.contains(other));
    let mut asked: FuturesUnordered<_> = others
        .map(|(_, info)| {
            timeout(AGREE_WAIT_MAX, inner.network.ask(info, PeerRequest::Agree { suspects: suspects.clone() }))
        })
        .collect();
    let mut dead: Option<Vec<Incarnation>> = None;
    while let Some(answer) = asked.next().await {
        let Ok(Ok(PeerAnswer::Agreed(Some(agreed)))) = answer else { continue };
        let dead = dead.get_or_insert_default();
        dead.extend(agreed.into_iter().filter(|one| suspects.contains(one)));
        dead.sort_unstable();
        dead.dedup();
        if dead.len() == suspects.len() {
            break;
        }
    }
    let forsaken = || inner.detector().forsaken(inner.env.monotonic());
    dead.unwrap_or_else(|| forsaken().into_iter().filter(|one| suspects.contains(one)).collect())
}

/// Whom of another broker's suspects this one takes for dead, too; looks whether connections are refused here as well.
pub(crate) async fn agree(inner: &Inner, life: &Life, suspects: &[Incarnation]) -> Option<Vec<Incarnation>> {
    let seconded = || inner.detector().seconded(inner.env.monotonic());
    let shared = seconded()?;
    let others = inner.cluster.others(life.id).into_iter();
    let doubted = others.filter(|(peer, _)| suspects.contains(peer) && !shared.contains(peer));
    let refusing = join_all(doubted.map(|(peer, info)| async move {
        let heard = send_heartbeat(inner, life, peer, &info, AGREE_PROBE_MAX).await;
        (heard == Heard::Refused).then_some(peer)
    }));
    let refusing: Vec<Incarnation> = refusing.await.into_iter().flatten().collect();
    let agreed = seconded()?.into_iter().chain(refusing).filter(|peer| suspects.contains(peer));
    Some(agreed.collect())
}
