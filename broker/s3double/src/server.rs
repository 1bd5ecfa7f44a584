//! A running double.

use std::io;
use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::AtomicU64;

use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper_util::rt::TokioIo;
use s3s::auth::SimpleAuth;
use s3s::service::S3ServiceBuilder;
use tokio::net::TcpListener;
use tokio::sync::Semaphore;
use tokio::task::JoinSet;
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

use crate::clock::Clock;
use crate::control;
use crate::counters::{Counters, Report};
use crate::fault::{Faults, InvalidRules, Rule, RuleReport};
use crate::gate::Gate;
use crate::latency::{Latency, Spread, Spreads};
use crate::limits::CONNECTIONS_MAX;
use crate::objects::Objects;
use crate::service::Service;

/// What a double is started with.
#[derive(Clone, Debug)]
pub struct Settings {
    /// Buckets that are there from the start.
    pub buckets: Vec<String>,
    /// They keep versions and delete markers.
    pub versioned: bool,
    /// Latencies.
    pub spreads: Spreads,
    /// Decides latencies and which requests meet faults.
    pub seed: u64,
    /// What the buckets say their region is.
    pub region: String,
    /// Id and secret that signatures are verified with; none accepts any.
    pub credentials: Option<(String, String)>,
    /// Seconds that the double's clock is ahead of this machine's.
    pub clock_ahead_s: i64,
}

/// A double that serves until it is dropped.
#[derive(Debug)]
pub struct Double {
    address: SocketAddr,
    control_address: SocketAddr,
    gate: Arc<Gate>,
    stop: CancellationToken,
    servers: JoinSet<()>,
}

impl Settings {
    /// One bucket that answers at once.
    #[must_use]
    pub fn immediate(bucket: &str) -> Self {
        let none = Spread::NONE;
        Self {
            buckets: vec![bucket.to_owned()],
            versioned: false,
            spreads: Spreads { put_ms: none, get_ms: none, list_ms: none, delete_ms: none },
            seed: 0,
            region: "us-east-1".to_owned(),
            credentials: None,
            clock_ahead_s: 0,
        }
    }
}

impl Double {
    /// Listens on two addresses; port 0 takes a free one.
    ///
    /// # Errors
    /// Those of listening.
    pub async fn start(listen: &str, control: &str, settings: Settings) -> io::Result<Self> {
        let (listener, control) = (TcpListener::bind(listen).await?, TcpListener::bind(control).await?);
        let (address, control_address) = (listener.local_addr()?, control.local_addr()?);
        let clock = Clock { ahead_s: settings.clock_ahead_s };
        let objects = Objects::with_buckets(settings.buckets, settings.versioned);
        let service = Service { objects: Arc::clone(&objects), clock, region: settings.region };
        let mut builder = S3ServiceBuilder::new(service);
        let verifies = settings.credentials.is_some();
        if let Some((id, secret)) = settings.credentials {
            builder.set_auth(SimpleAuth::from_single(id, secret));
        }
        let gate = Arc::new(Gate {
            service: builder.build(),
            objects,
            faults: Faults::new(settings.seed),
            latency: Latency::new(settings.spreads, settings.seed),
            counters: Counters::new(),
            clock,
            tasks: TaskTracker::new(),
            verifies,
            last_request: AtomicU64::new(1),
        });
        let stop = CancellationToken::new();
        let mut servers = JoinSet::new();
        servers.spawn(serve(listener, Arc::clone(&gate), stop.clone()));
        let (router, stopped) = (control::router(Arc::clone(&gate)), stop.clone().cancelled_owned());
        servers.spawn(async move {
            if let Err(error) = axum::serve(control, router).with_graceful_shutdown(stopped).await {
                tracing::error!(%error, "the control port ended");
            }
        });
        Ok(Self { address, control_address, gate, stop, servers })
    }

    /// Where S3 is spoken.
    #[must_use]
    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// Where it is controlled.
    #[must_use]
    pub fn control_address(&self) -> SocketAddr {
        self.control_address
    }

    /// The URL that S3 clients take as their endpoint.
    #[must_use]
    pub fn endpoint(&self) -> String {
        format!("http://{}", self.address)
    }

    /// Replaces the fault rules.
    ///
    /// # Errors
    /// [`InvalidRules`].
    pub fn set_faults(&self, rules: Vec<Rule>) -> Result<(), InvalidRules> {
        self.gate.faults.replace(rules)
    }

    /// The fault rules and what has come of them.
    #[must_use]
    pub fn faults(&self) -> Vec<RuleReport> {
        self.gate.faults.report()
    }

    /// The counters.
    #[must_use]
    pub fn report(&self) -> Report {
        self.gate.counters.report(self.gate.objects.stored())
    }

    /// Waits until nothing is under way, late writes included.
    pub async fn settled(&self) {
        self.gate.tasks.close();
        self.gate.tasks.wait().await;
        self.gate.tasks.reopen();
    }

    /// Closes all connections.
    pub async fn stop(mut self) {
        self.stop.cancel();
        self.servers.shutdown().await;
    }
}

async fn serve(listener: TcpListener, gate: Arc<Gate>, stop: CancellationToken) {
    let places = Arc::new(Semaphore::new(CONNECTIONS_MAX));
    let mut connections = JoinSet::new();
    loop {
        let Ok(place) = Arc::clone(&places).acquire_owned().await else { return };
        let accepted = tokio::select! {
            biased;
            () = stop.cancelled() => return,
            accepted = listener.accept() => accepted,
        };
        // One that ended before it was accepted is nobody's loss.
        let Ok((stream, _)) = accepted else { continue };
        // Without it a small answer waits for the client's delayed acknowledgement.
        let _ = stream.set_nodelay(true);
        let gate = Arc::clone(&gate);
        let service = service_fn(move |request| Arc::clone(&gate).handle(request));
        connections.spawn(async move {
            let _place = place;
            // Clients close connections as they like, and faults close them on purpose.
            let _ = http1::Builder::new().serve_connection(TokioIo::new(stream), service).await;
        });
        while connections.try_join_next().is_some() {}
    }
}
