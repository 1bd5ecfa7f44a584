//! Watching the other brokers and fencing the dead.

use std::sync::Arc;
use std::time::Duration;

use broker_log::Incarnation;
use broker_metadata::{Change, LiveObject};
use tokio::time::Instant;
use tracing::{debug, warn};

use crate::engine::{Inner, actor};
use crate::journal::Wish;
use crate::life::Life;
use crate::limits::WATCH_INTERVAL;
use crate::tasks::detector::Sign;
use crate::tasks::follow::note_answer;

/// Watches until the life ends.
pub(crate) async fn watch_others(inner: Arc<Inner>, life: Arc<Life>) {
    let mut next_look = Instant::now();
    loop {
        tokio::select! {
            biased;
            () = life.cancel.cancelled() => return,
            // Before refusals, which may come as often as they like.
            () = tokio::time::sleep_until(next_look) => {
                let others = watched(&inner, &life);
                // A sign of life must not be missed while a probe says the contrary.
                let pause = if inner.detector().hears_silence() { WATCH_INTERVAL / 2 } else { WATCH_INTERVAL };
                next_look = Instant::now() + pause;
                tokio::select! {
                    biased;
                    () = life.cancel.cancelled() => return,
                    () = read_signs_of_life(&inner, &others) => {}
                }
            }
            // A refused connection: what is known of `live/` is enough.
            () = inner.observed.notified() => {}
        }
        fence_suspects(&inner, &life).await;
    }
}

fn watched(inner: &Inner, life: &Life) -> Vec<Incarnation> {
    let others: Vec<Incarnation> =
        inner.cluster.others(life.id).into_iter().map(|(incarnation, _)| incarnation).collect();
    inner.detector().watch(inner.env.monotonic(), &others);
    others
}

async fn read_signs_of_life(inner: &Inner, others: &[Incarnation]) {
    for other in others {
        match LiveObject::read(&inner.stores.metadata, *other).await {
            Ok(live) => {
                note_answer(inner);
                let sign =
                    live.map(|live| Sign { beat: live.beat, store_age: Duration::from_millis(live.store_age_ms) });
                inner.detector().live_read(inner.env.monotonic(), *other, sign);
            }
            Err(error) => debug!(%error, %other, "sign of life not read"),
        }
    }
}

async fn fence_suspects(inner: &Inner, life: &Life) {
    let suspects = inner.detector().suspects(inner.env.monotonic());
    if suspects.is_empty() || !inner.cluster.is_alive(life.id) {
        return;
    }
    warn!(?suspects, "fencing brokers that are dead");
    let actor = actor(life.id);
    let wish = Wish { origin: Some(life.id), actor: &actor, reason: "connections refused, or no sign of life" };
    if let Err(problem) = inner.journal.propose_one(wish, Change::FenceBrokers { incarnations: suspects }).await {
        warn!(problem, "not fenced yet");
    }
}
