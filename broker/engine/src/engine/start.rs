//! From a configuration to a broker that serves, and back.

use std::sync::atomic::{AtomicBool, AtomicI64, Ordering};
use std::sync::{Arc, Mutex, RwLock};

use broker_metadata::{
    Applied, Bootstrap, BootstrapError, Change, LiveObject, LogOptions, MarkedBucket, Marker, MarkerError, MetadataLog,
    OpenError, RegisterBroker, Rejection,
};
use broker_store::{Failure, Incarnation};
use futures::future::join;
use tokio::sync::{Notify, watch};
use tokio::time::timeout;
use tokio_util::sync::CancellationToken;
use tracing::{debug, info, warn};
use uuid::Uuid;

use super::propose::{Queue, append_queued};
use super::{Inner, Shown, StartError};
use crate::config::{EngineConfig, Stores};
use crate::env::{Env, Tasks};
use crate::journal::{Journal, Wish};
use crate::life::{Life, Parts};
use crate::limits::{FAREWELL, LIVE_DELETE_WAIT_MAX, STOP_WAIT_MAX};
use crate::log::{Ended, FlushPolicy, Writer};
use crate::peers::Network;
use crate::status::Counters;
use crate::tasks::{self, Departed, Detector};

/// Opens the cluster, registers, and starts everything.
pub(super) async fn start(
    config: EngineConfig,
    stores: Stores,
    network: Arc<dyn Network>,
    env: Env,
) -> Result<Arc<Inner>, StartError> {
    let (log, data_marker) = join(open(&config, &stores, &env), Marker::read(&stores.data, MarkedBucket::Data)).await;
    let log = log?;
    let cluster_id = log.cluster_id();
    if !data_marker.is_ok_and(|marker| marker == Some(Marker { cluster_id })) {
        claim_data(&stores, cluster_id).await?;
    }
    let journal = Arc::new(Journal::new(log, env.clone()));
    let inner = Arc::new(Inner {
        config,
        stores,
        cluster: journal.cluster(),
        journal,
        network,
        cluster_id,
        counters: Arc::new(Counters::default()),
        detector: Mutex::new(Detector::default()),
        departed: Departed::default(),
        observed: Notify::new(),
        nudged: Notify::new(),
        queue: Queue::default(),
        shown: Shown::default(),
        stop: CancellationToken::new(),
        leaving: CancellationToken::new(),
        tasks: Tasks::new(&env),
        env,
        life: RwLock::new(None),
        node_id: AtomicI64::new(-1),
        epoch: AtomicI64::new(-1),
        dead: AtomicBool::new(false),
        failure: watch::Sender::new(None),
        producer_ids: tokio::sync::Mutex::new(0..0),
    });
    let first = register(&inner).await.map_err(|problem| StartError::Metadata(problem.to_string()))?;
    inner.tasks.spawn(tasks::follow(Arc::clone(&inner)));
    inner.tasks.spawn(tasks::note_departures(Arc::clone(&inner)));
    inner.tasks.spawn(append_queued(Arc::clone(&inner)));
    inner.tasks.spawn(tasks::write_snapshots(Arc::clone(&inner)));
    let life = match begin(&inner, first).await {
        Ok(life) => life,
        Err(problem) => {
            inner.stop.cancel();
            return Err(StartError::Metadata(problem));
        }
    };
    inner.tasks.spawn(supervise(Arc::clone(&inner), life));
    Ok(inner)
}

async fn claim_data(stores: &Stores, cluster_id: Uuid) -> Result<(), StartError> {
    Marker::claim(&stores.data, MarkedBucket::Data, cluster_id).await.map_err(|problem| match problem {
        MarkerError::OtherCluster { .. } | MarkerError::Unreadable { .. } => {
            StartError::WrongCluster(problem.to_string())
        }
        MarkerError::Store(_) | MarkerError::Unfilled(_) => StartError::Data(problem.to_string()),
    })
}

async fn open(config: &EngineConfig, stores: &Stores, env: &Env) -> Result<MetadataLog, StartError> {
    let mut options = LogOptions::new(&config.host_identity, env.random());
    options.cluster_id = config.cluster_id;
    match MetadataLog::open(&stores.metadata, options.clone()).await {
        Err(OpenError::NoCluster { .. }) if config.bootstrap => {
            let cluster_id = config.cluster_id.unwrap_or_else(|| env.uuid());
            let bootstrap = Bootstrap::new(cluster_id, "bootstrap", env.wall_ms());
            // Another development broker may be doing the same: then the cluster is the one it made.
            let mut created = bootstrap.run(&stores.metadata, options.clone()).await;
            // Whoever began it may have died before the marker was there.
            if let (Err(BootstrapError::OtherCluster { found, .. }), None) = (&created, config.cluster_id) {
                let begun = Bootstrap::new(*found, "bootstrap", env.wall_ms());
                created = begun.run(&stores.metadata, options.clone()).await;
            }
            if let Err(problem) = created {
                info!(%problem, "the cluster was not created by this broker");
            }
            MetadataLog::open(&stores.metadata, options).await.map_err(open_error)
        }
        opened => opened.map_err(open_error),
    }
}

fn open_error(problem: OpenError) -> StartError {
    match problem {
        OpenError::NoCluster { .. }
        | OpenError::Marker(MarkerError::OtherCluster { .. } | MarkerError::Unreadable { .. }) => {
            StartError::WrongCluster(problem.to_string())
        }
        OpenError::Marker(_) | OpenError::Read(_) => StartError::Metadata(problem.to_string()),
    }
}

/// A registration that did not succeed.
#[derive(Debug, thiserror::Error)]
enum RegisterError {
    /// The cluster refuses this broker; trying again does not help.
    #[error("the cluster refuses this broker: {0}")]
    Rejected(Rejection),
    /// The log could not be written.
    #[error("{0}")]
    Unavailable(String),
}

/// Gets an id and a fresh epoch, and fences the former incarnation of this host.
async fn register(inner: &Inner) -> Result<Incarnation, RegisterError> {
    let config = &inner.config;
    let change = Change::RegisterBroker(RegisterBroker {
        host: config.host_identity.clone(),
        broker: config.node_id,
        endpoint: broker_metadata::Endpoint { host: config.advertised.host.clone(), port: config.advertised.port },
        zone: config.zone.clone(),
        feature_level_max: config.feature_level_max,
    });
    let wish = Wish { origin: None, actor: &config.host_identity, reason: "the broker starts" };
    match inner.propose_one(wish, change).await.map_err(RegisterError::Unavailable)? {
        Ok(Applied::Registered { incarnation }) => Ok(incarnation),
        Ok(other) => Err(RegisterError::Unavailable(format!("registration ended with {other:?}"))),
        Err(rejection) => Err(RegisterError::Rejected(rejection)),
    }
}

/// Begins a life: what leads nothing yet may lead from now on.
async fn begin(inner: &Arc<Inner>, id: Incarnation) -> Result<Arc<Life>, String> {
    let life = Life::new(Parts {
        id,
        cluster_id: inner.cluster_id,
        env: inner.env.clone(),
        limits: inner.config.limits.clone(),
        data: inner.stores.data.clone(),
        cluster: inner.cluster.clone(),
        journal: Arc::clone(&inner.journal),
        network: Arc::clone(&inner.network),
        counters: Arc::clone(&inner.counters),
        cancel: inner.stop.child_token(),
    });
    let actor = actor(id);
    let wish = Wish { origin: Some(id), actor: &actor, reason: "the broker is ready" };
    match inner.propose_one(wish, Change::BrokerReady { incarnation: id }).await? {
        Ok(_) => info!(incarnation = %id, "registered"),
        Err(rejection) => return Err(rejection.to_string()),
    }
    // What the life before has shown says nothing about this one.
    inner.has_shown(0);
    inner.set_life(Some(Arc::clone(&life)));
    life.follow();
    Ok(life)
}

/// Runs one life after the other until the engine stops.
async fn supervise(inner: Arc<Inner>, first: Arc<Life>) {
    let mut life = first;
    loop {
        live(&inner, &life).await;
        if inner.stop.is_cancelled() || inner.leaving.is_cancelled() {
            return;
        }
        inner.counters.fenced();
        warn!(incarnation = %life.id, "this incarnation has ended: registering anew");
        match next_life(&inner).await {
            Some(next) => life = next,
            None => return,
        }
    }
}

/// Runs everything of a life until it ends.
async fn live(inner: &Arc<Inner>, life: &Arc<Life>) {
    let writer = Writer {
        wal: life.wal.clone(),
        policy: FlushPolicy::new(inner.config.put_budget_per_second),
        sequence: inner.stores.data.sequence(broker_store::SequenceName::Wal(life.id)),
        cluster: inner.cluster_id,
        incarnation: life.id,
        objects: life.objects.clone(),
        env: inner.env.clone(),
        counters: Arc::clone(&inner.counters),
        store_age: Arc::clone(&life.store_age),
        hedges: inner.stores.data.counts().hedges,
        repeatable: Vec::new(),
        repeatable_bytes: 0,
    };
    life.tasks.spawn(tasks::show_life(Arc::clone(inner), Arc::clone(life)));
    life.tasks.spawn(tasks::ask_store(Arc::clone(inner), Arc::clone(life)));
    life.tasks.spawn(tasks::send_heartbeats(Arc::clone(inner), Arc::clone(life)));
    life.tasks.spawn(tasks::nudge_others(Arc::clone(inner), Arc::clone(life)));
    life.tasks.spawn(tasks::watch_others(Arc::clone(inner), Arc::clone(life)));
    life.tasks.spawn(tasks::follow_targets(Arc::clone(inner), Arc::clone(life)));
    life.tasks.spawn(tasks::expire_offsets(Arc::clone(inner), Arc::clone(life)));
    life.tasks.spawn(tasks::retain(Arc::clone(inner), Arc::clone(life)));
    life.tasks.spawn(tasks::clean(Arc::clone(inner), Arc::clone(life)));
    life.tasks.spawn(tasks::report(Arc::clone(inner), Arc::clone(life)));
    life.tasks.spawn(tasks::sweep(Arc::clone(inner), Arc::clone(life)));
    life.tasks.spawn(tasks::measure_load(Arc::clone(inner), Arc::clone(life)));
    life.tasks.spawn(tasks::fold(Arc::clone(inner), Arc::clone(life)));
    life.tasks.spawn(tasks::retire(Arc::clone(inner), Arc::clone(life)));
    life.tasks.spawn(tasks::balance(Arc::clone(inner), Arc::clone(life)));
    let follow = tasks::follow_roles(Arc::clone(life));
    tokio::select! {
        biased;
        ended = writer.run(life.cancel.clone()) => {
            if ended == Ended::Sealed {
                // Metadata tells who has done it; until then clients are told to look again.
                warn!(incarnation = %life.id, "fenced: the write-ahead log was sealed");
            }
        }
        () = follow => {}
    }
    life.end();
    inner.set_life(None);
    life.tasks.wait().await;
}

/// Why there is no next life yet.
enum NoLife {
    /// Trying again does not help.
    Ever(String),
    /// Trying again may help.
    Yet(String),
}

async fn next_life(inner: &Arc<Inner>) -> Option<Arc<Life>> {
    let mut backoff = inner.stores.metadata.backoff();
    loop {
        let begun = tokio::select! {
            biased;
            () = inner.stop.cancelled() => return None,
            () = inner.leaving.cancelled() => return None,
            begun = begin_anew(inner) => begun,
        };
        match begun {
            Ok(life) => return Some(life),
            Err(NoLife::Ever(problem)) => {
                inner.fail(problem);
                return None;
            }
            Err(NoLife::Yet(problem)) => warn!(problem, "not registered yet"),
        }
        tokio::select! {
            biased;
            () = inner.stop.cancelled() => return None,
            () = inner.leaving.cancelled() => return None,
            () = tokio::time::sleep(backoff.after(Failure::Unknown)) => {}
        }
    }
}

async fn begin_anew(inner: &Arc<Inner>) -> Result<Arc<Life>, NoLife> {
    // Whoever has no data bucket would only be fenced again.
    let claimed = Marker::claim(&inner.stores.data, MarkedBucket::Data, inner.cluster_id).await;
    claimed.map_err(|error| NoLife::Yet(format!("the data bucket does not answer: {error}")))?;
    match register(inner).await {
        Ok(id) => begin(inner, id).await.map_err(NoLife::Yet),
        Err(problem @ RegisterError::Rejected(_)) => Err(NoLife::Ever(problem.to_string())),
        Err(RegisterError::Unavailable(problem)) => Err(NoLife::Yet(problem)),
    }
}

/// Hands over, deregisters, and ends.
pub(super) async fn stop(inner: &Arc<Inner>) {
    inner.leaving.cancel();
    let life = inner.life().filter(|_| !inner.dead.load(Ordering::SeqCst));
    let mut gone = None;
    if let Some(life) = &life {
        match timeout(STOP_WAIT_MAX, hand_over(inner, life)).await {
            Ok(Handover::Gone) => gone = Some(life.id),
            Ok(Handover::Unfinished) => {}
            Err(_) => warn!(incarnation = %life.id, "handing over took too long: others will take over"),
        }
    }
    inner.dead.store(true, Ordering::SeqCst);
    inner.stop.cancel();
    inner.tasks.close();
    inner.tasks.wait().await;
    // Only now: nothing writes it any more.
    if let Some(gone) = gone
        && let Ok(Err(error)) = timeout(LIVE_DELETE_WAIT_MAX, LiveObject::delete(&inner.stores.metadata, gone)).await
    {
        debug!(%error, incarnation = %gone, "the sign of life stays");
    }
}

/// How a broker left.
enum Handover {
    /// It leads nothing and is deregistered.
    Gone,
    /// Others have to find out that it is gone.
    Unfinished,
}

async fn hand_over(inner: &Inner, life: &Life) -> Handover {
    let id = life.id;
    let actor = actor(id);
    let wish = Wish { origin: Some(id), actor: &actor, reason: "the broker stops" };
    // First no new partitions, then away with those there are.
    let drained = inner.propose_one(wish, Change::DrainBroker { incarnation: id }).await;
    if let Err(problem) | Ok(Err(problem)) = drained.map(|result| result.map_err(|rejection| rejection.to_string())) {
        warn!(problem, "not draining: others will take over");
        return Handover::Unfinished;
    }
    let led = life.cluster.ids_led_by(id);
    if !tasks::release(inner, life, &led, wish.reason).await {
        return Handover::Unfinished;
    }
    if !led.is_empty() && !life.cluster.ready().is_empty() {
        // What clients have sent meanwhile is answered with the new leaders, not with a closed connection.
        tokio::time::sleep(FAREWELL).await;
    }
    match inner.propose_one(wish, Change::DeregisterBroker { incarnation: id }).await {
        Ok(Ok(_)) => {
            info!(incarnation = %id, released = led.len(), "handed over");
            Handover::Gone
        }
        refused => {
            warn!(incarnation = %id, ?refused, "not deregistered: others will fence this broker");
            Handover::Unfinished
        }
    }
}

/// What this broker is called in the audit trail.
pub(crate) fn actor(id: Incarnation) -> String {
    format!("broker:{id}")
}
