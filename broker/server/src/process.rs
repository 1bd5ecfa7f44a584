//! The running broker: what is started, in which order it ends.

use std::net::SocketAddr;
use std::num::NonZeroU32;
use std::sync::Arc;

use anyhow::Context as _;
use broker_engine::metadata::FEATURE_LEVEL_MAX;
use broker_engine::{Endpoint, Engine, EngineConfig, Env, Failed, Limits};
use tokio::net::TcpListener;
use tokio::time::timeout;
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;
use tracing::{info, warn};

use crate::api::Server;
use crate::config::{Config, HostPort};
use crate::counters::Counters;
use crate::limits::{DECODED_BYTES_ALL_MAX, DRAIN_MAX, REQUEST_BYTES_MAX, RESPONSE_BYTES_MAX, SESSION_BYTES_MAX};
use crate::memory::Memory;
use crate::peers::{PeerKey, TcpNetwork};
use crate::sessions::Sessions;
use crate::{health, listener, stores};

/// A broker that serves.
pub struct Process {
    server: Arc<Server>,
    /// The address that is listened on.
    pub listen: SocketAddr,
    /// The address of the health endpoints.
    pub health_listen: Option<SocketAddr>,
    stop: CancellationToken,
    tasks: TaskTracker,
}

impl Process {
    /// Starts everything; returns when clients are served.
    ///
    /// # Errors
    /// What could not be bound, reached or agreed on.
    pub async fn start(config: Config) -> anyhow::Result<Self> {
        let bound = TcpListener::bind(config.listen).await.with_context(|| format!("listen on {}", config.listen))?;
        let listen = bound.local_addr()?;
        let health = match config.health_listen {
            Some(address) => {
                Some(TcpListener::bind(address).await.with_context(|| format!("listen on {address} for health"))?)
            }
            None => None,
        };
        let health_listen = health.as_ref().map(TcpListener::local_addr).transpose()?;
        let stores = stores::open(&config).context("open the store")?;
        let peer_key = PeerKey::new(stores.metadata.clone());
        let network = Arc::new(TcpNetwork::new(peer_key.clone()));
        let engine = Engine::start(engine_config(&config, listen), stores, network, Env::system()).await?;
        let server = Arc::new(Server {
            engine,
            peer_key,
            memory: Memory::new(REQUEST_BYTES_MAX),
            decoded: Memory::new(DECODED_BYTES_ALL_MAX),
            responses: Memory::new(RESPONSE_BYTES_MAX),
            sessions: Sessions::new(SESSION_BYTES_MAX),
            counters: Arc::new(Counters::default()),
        });
        let (stop, tasks) = (CancellationToken::new(), TaskTracker::new());
        if let Some(health) = health {
            tasks.spawn(health::run(Arc::clone(&server), health, stop.clone()));
        }
        tasks.spawn(listener::run(Arc::clone(&server), bound, config.connections_max, stop.clone()));
        info!(%listen, node_id = server.engine.node_id(), "serving");
        Ok(Self { server, listen, health_listen, stop, tasks })
    }

    /// The number clients know this broker by.
    #[must_use]
    pub fn node_id(&self) -> i32 {
        self.server.engine.node_id()
    }

    /// Waits until the broker cannot go on: then stop, and end with an error.
    pub async fn failed(&self) -> Failed {
        self.server.engine.failed().await
    }

    /// Hands leadership over while clients are still answered, then finishes what is open.
    pub async fn stop(self) {
        info!("stopping");
        self.server.engine.stop().await;
        self.stop.cancel();
        self.tasks.close();
        if timeout(DRAIN_MAX, self.tasks.wait()).await.is_err() {
            warn!("some connections did not finish in time");
        }
    }
}

fn engine_config(config: &Config, listen: SocketAddr) -> EngineConfig {
    let advertised = config.advertised.clone().unwrap_or_else(|| reachable(listen));
    EngineConfig {
        cluster: config.cluster.clone(),
        cluster_id: config.cluster_id,
        host_identity: config.host.clone().unwrap_or_else(|| format!("dev-{listen}")),
        node_id: config.node_id,
        advertised: Endpoint { host: advertised.host, port: advertised.port },
        zone: config.zone.clone(),
        bootstrap: config.development.is_some(),
        auto_create_partitions: config.development.and_then(|dev| NonZeroU32::new(dev.auto_create_partitions)),
        put_budget_per_second: config.put_budget_per_second.and_then(NonZeroU32::new),
        feature_level_max: FEATURE_LEVEL_MAX,
        limits: Limits::default(),
    }
}

/// An address that clients on this machine can use: nobody can connect to "any address".
fn reachable(listen: SocketAddr) -> HostPort {
    let host = match listen.ip() {
        ip if !ip.is_unspecified() => ip.to_string(),
        ip if ip.is_ipv4() => "127.0.0.1".to_owned(),
        _ => "::1".to_owned(),
    };
    HostPort { host, port: listen.port() }
}
