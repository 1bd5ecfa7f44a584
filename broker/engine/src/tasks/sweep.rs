//! Deleting what deleted topics and dead brokers have left.
//!
//! Invariant: nothing is deleted for being unknown. A topic's objects go because metadata, confirmed a moment before, lists
//! the topic as deleted; its id never comes back. A sign of life goes because its incarnation was registered once and is not
//! alive any more.
//!
//! A topic's deletion is final when nobody who knew it can write any more: every incarnation of that time is retired, none of
//! their write-ahead logs has an object left, and a sweep after that has found nothing.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use broker_metadata::{Change, State, SweptObjects};
use broker_store::mutation::{self, Mutation};
use broker_store::{Key, Listed, Prefix, Store, StoreError};
use futures::{StreamExt, stream};
use tracing::{debug, info, warn};
use uuid::Uuid;

use crate::engine::{Inner, actor};
use crate::journal::Wish;
use crate::life::Life;
use crate::limits::{DELETES_AT_ONCE, FINALISED_SWEEP_INTERVAL, SEAL_BYTES_MAX, SWEEP_INTERVAL, SWEEP_INTERVAL_MAX};

/// When a topic is swept next.
#[derive(Clone, Copy, Debug)]
struct Schedule {
    due: Duration,
    pause: Duration,
    /// Whether everybody who knew the topic was retired at the last sweep.
    alone: bool,
}

/// What one sweep of a topic came to.
struct Sweep {
    swept: SweptObjects,
    /// Nothing was there.
    clean: bool,
}

/// Sweeps until the life ends, while this broker is the ready one with the lowest id.
pub(crate) async fn sweep(inner: Arc<Inner>, life: Arc<Life>) {
    let mut schedules = BTreeMap::new();
    let mut finalised_due = Duration::ZERO;
    loop {
        tokio::select! {
            biased;
            () = life.cancel.cancelled() => return,
            () = tokio::time::sleep(SWEEP_INTERVAL) => {}
        }
        if life.cluster.ready().first() != Some(&life.id) {
            schedules.clear();
            continue;
        }
        let swept = tokio::select! {
            biased;
            () = life.cancel.cancelled() => return,
            swept = pass(&inner, &life, &mut schedules, &mut finalised_due) => swept,
        };
        if let Err(problem) = swept {
            warn!(problem, "sweeping goes on later");
        }
    }
}

async fn pass(
    inner: &Inner,
    life: &Life,
    schedules: &mut BTreeMap<Uuid, Schedule>,
    finalised_due: &mut Duration,
) -> Result<(), String> {
    inner.journal.confirm().await.map_err(|error| error.to_string())?;
    let state = inner.cluster.view();
    let now = inner.env.monotonic();
    forget_the_dead(inner, &state).await.map_err(|error| error.to_string())?;
    if mutation::is_on(Mutation::CleanUnknown) {
        clean_unknown(&inner.stores.data, &state).await.map_err(|error| error.to_string())?;
    }
    schedules.retain(|topic, _| state.deleted_topics().contains_key(topic));
    for (topic, deleted) in state.deleted_topics() {
        let alone = !state.wal_logs().keys().any(|one| one.epoch < deleted.epochs_until);
        let known = schedules.get(topic).copied();
        if known.is_some_and(|known| known.due > now && known.alone == alone) {
            continue;
        }
        let sweep = sweep_topic(&inner.stores.data, *topic).await.map_err(|error| error.to_string())?;
        let pause = match known {
            Some(known) if sweep.clean => known.pause.saturating_mul(2).min(SWEEP_INTERVAL_MAX),
            _ => SWEEP_INTERVAL,
        };
        schedules.insert(*topic, Schedule { due: now.saturating_add(pause), pause, alone });
        let is_over = alone && sweep.clean && logs_are_gone(&inner.stores.data, deleted.epochs_until).await?;
        let change = if is_over {
            info!(name = deleted.name, %topic, "the deletion of a topic is final");
            Change::FinaliseDeletion { topic: *topic, swept: sweep.swept }
        } else if !sweep.clean {
            info!(name = deleted.name, %topic, objects = sweep.swept.objects, bytes = sweep.swept.bytes, "deleted topic swept");
            Change::NoteSweep { topic: *topic, swept: sweep.swept }
        } else {
            continue;
        };
        let actor = actor(life.id);
        let wish = Wish { origin: Some(life.id), actor: &actor, reason: "objects of a deleted topic are deleted" };
        if let Err(rejection) = inner.propose_one(wish, change).await? {
            debug!(%rejection, %topic, "a sweep is not noted");
        }
    }
    if now >= *finalised_due {
        *finalised_due = now.saturating_add(FINALISED_SWEEP_INTERVAL);
        // What was still on its way when its writer was retired may have landed since.
        for topic in state.finalised_topics().keys() {
            sweep_topic(&inner.stores.data, *topic).await.map_err(|error| error.to_string())?;
        }
    }
    Ok(())
}

/// Deletes everything of a topic that metadata lists as deleted.
async fn sweep_topic(data: &Store, topic: Uuid) -> Result<Sweep, StoreError> {
    let listed = data.list(Prefix::Topic(topic)).await?;
    let clean = listed.is_empty();
    Ok(Sweep { swept: delete_all(data, listed).await?, clean })
}

async fn delete_all(store: &Store, listed: Vec<Listed>) -> Result<SweptObjects, StoreError> {
    let mut deletes = stream::iter(listed)
        .map(|object| async move { store.delete(&object.key).await.map(|()| object.size) })
        .buffered(DELETES_AT_ONCE);
    let mut swept = SweptObjects::default();
    while let Some(deleted) = deletes.next().await {
        swept = swept.and(SweptObjects { objects: 1, bytes: deleted? });
    }
    Ok(swept)
}

/// Whether no object is left of any write-ahead log of an incarnation below an epoch.
async fn logs_are_gone(data: &Store, epochs_until: i64) -> Result<bool, String> {
    let listed = data.list(Prefix::WalAll).await.map_err(|error| error.to_string())?;
    let is_old = |object: &Listed| match object.key {
        // Seals stay for ever.
        Key::Wal { incarnation, .. } => incarnation.epoch < epochs_until && object.size > SEAL_BYTES_MAX,
        _ => false,
    };
    // A listing that was cut short says nothing.
    Ok(listed.len() < broker_store::limits::LISTED_KEYS_MAX && !listed.iter().any(is_old))
}

/// Deletes the hints of incarnations that were registered once and are not alive any more.
async fn forget_the_dead(inner: &Inner, state: &State) -> Result<(), StoreError> {
    let listed = inner.stores.metadata.list(Prefix::Live).await?;
    let is_dead = |object: &Listed| match object.key {
        Key::Live { incarnation } | Key::Report { incarnation } => {
            incarnation.epoch < state.next_epoch() && !state.is_alive(incarnation)
        }
        _ => false,
    };
    delete_all(&inner.stores.metadata, listed.into_iter().filter(is_dead).collect()).await.map(|_| ())
}

/// The mistake: what this broker does not know must be old.
async fn clean_unknown(data: &Store, state: &State) -> Result<(), StoreError> {
    let is_unknown = |object: &Listed| match object.key {
        Key::Manifest { topic, .. } | Key::Segment { topic, .. } | Key::SharedSegment { topic, .. } => {
            state.topic(topic).is_none()
        }
        Key::Wal { incarnation, .. } => state.wal_log(incarnation).is_none(),
        _ => false,
    };
    let listed = data.list(Prefix::Cluster).await?;
    delete_all(data, listed.into_iter().filter(is_unknown).collect()).await.map(|_| ())
}
