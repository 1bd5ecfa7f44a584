//! Giving a broker that has become ready its share of what others lead.
//!
//! The ready broker with the lowest id sets targets; the leaders release what they shall not lead. Two that both believe to
//! be the one do no harm: the metadata log puts their wishes in an order.

use std::sync::Arc;

use broker_metadata::{Change, State};
use tokio::time::Instant;
use tracing::{info, warn};

use super::load::all_loads;
use crate::engine::{Inner, actor};
use crate::journal::Wish;
use crate::life::Life;
use crate::limits::{
    BALANCE_AFTER, LOAD_BALANCE_INTERVAL, LOAD_MOVES_MAX, METADATA_POLL_INTERVAL, MOVES_PER_ENTRY_MAX,
};

/// Balances until the life ends.
pub(crate) async fn balance(inner: Arc<Inner>, life: Arc<Life>) {
    let mut changes = life.cluster.changes();
    let (mut ready, mut since) = (Vec::new(), Instant::now());
    let mut next_weighing = since + LOAD_BALANCE_INTERVAL;
    // Where everything was spread evenly, for these brokers.
    let mut even: Option<Arc<State>> = None;
    loop {
        let now = Instant::now();
        let ready_now = life.cluster.ready();
        if ready_now != ready {
            (ready, since, even) = (ready_now, now, None);
        }
        let stable_at = since + BALANCE_AFTER;
        let again_at = if ready.first() != Some(&life.id) {
            None
        } else if now < stable_at {
            Some(stable_at)
        } else {
            let moved = tokio::select! {
                biased;
                () = life.cancel.cancelled() => return,
                moved = set_targets(&inner, &life, &mut next_weighing, &mut even) => moved,
            };
            match moved {
                Ok(Spread::Even) => Some(next_weighing),
                Ok(Spread::Moving) => None,
                Err(NotSet) => Some(now + METADATA_POLL_INTERVAL),
            }
        };
        tokio::select! {
            biased;
            () = life.cancel.cancelled() => return,
            changed = changes.changed() => if changed.is_err() { return },
            () = tokio::time::sleep_until(again_at.unwrap_or(now)), if again_at.is_some() => {}
        }
    }
}

/// Targets could not be set.
struct NotSet;

/// Whether there is something to do.
enum Spread {
    /// Not for now.
    Even,
    /// Targets are set; whatever comes next changes metadata.
    Moving,
}

/// Sets the next targets, if there are any to set and none are outstanding; weighs the load when it is time to.
///
/// What was `even` stays so while no topic changes: most entries change none, and looking through all partitions takes long.
async fn set_targets(
    inner: &Inner,
    life: &Life,
    next_weighing: &mut Instant,
    even: &mut Option<Arc<State>>,
) -> Result<Spread, NotSet> {
    let state = life.cluster.view();
    let unchanged = even.as_ref().is_some_and(|even| state.topics_changed_since(even).is_empty());
    let mut targets = if unchanged { Vec::new() } else { state.balancing_targets(MOVES_PER_ENTRY_MAX) };
    *even = targets.is_empty().then_some(state);
    let mut reason = "spread over the ready brokers";
    if targets.is_empty() && Instant::now() >= *next_weighing {
        *next_weighing = Instant::now() + LOAD_BALANCE_INTERVAL;
        let Some(loads) = all_loads(inner, life).await else { return Ok(Spread::Even) };
        targets = life.cluster.view().load_targets(&loads, LOAD_MOVES_MAX);
        reason = "even out the load";
    }
    if targets.is_empty() {
        return Ok(Spread::Even);
    }
    info!(moves = targets.len(), reason, "partitions move to other brokers");
    let actor = actor(life.id);
    let wish = Wish { origin: Some(life.id), actor: &actor, reason };
    match inner.propose_one(wish, Change::SetTargets { targets }).await {
        Ok(Ok(_)) => Ok(Spread::Moving),
        Ok(Err(rejection)) => {
            info!(%rejection, "the cluster has changed meanwhile");
            Err(NotSet)
        }
        Err(problem) => {
            warn!(problem, "targets may not be set");
            Err(NotSet)
        }
    }
}
