//! Liveness, readiness and metrics over HTTP.

use std::sync::Arc;

use axum::Router;
use axum::extract::State;
use axum::http::StatusCode;
use axum::routing::get;
use tokio::net::TcpListener;
use tokio_util::sync::CancellationToken;
use tracing::warn;

use crate::api::Server;
use crate::metric;

/// Serves `/live`, `/ready` and `/metrics` until `stop` is cancelled.
pub(crate) async fn run(server: Arc<Server>, listener: TcpListener, stop: CancellationToken) {
    let routes = Router::new().route("/live", get(live)).route("/ready", get(ready)).route("/metrics", get(metrics));
    let serve = axum::serve(listener, routes.with_state(server));
    if let Err(error) = serve.with_graceful_shutdown(stop.cancelled_owned()).await {
        warn!(%error, "health endpoints ended");
    }
}

/// That it answers shows that the event loop turns.
async fn live(State(server): State<Arc<Server>>) -> (StatusCode, &'static str) {
    if server.engine.status().live {
        (StatusCode::OK, "live\n")
    } else {
        (StatusCode::SERVICE_UNAVAILABLE, "stopped\n")
    }
}

async fn ready(State(server): State<Arc<Server>>) -> (StatusCode, &'static str) {
    if server.engine.status().ready {
        (StatusCode::OK, "ready\n")
    } else {
        (StatusCode::SERVICE_UNAVAILABLE, "not ready\n")
    }
}

async fn metrics(State(server): State<Arc<Server>>) -> String {
    metric::text(&server)
}
