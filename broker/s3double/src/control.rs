//! The control port: counters and faults.

use std::sync::Arc;

use axum::Router;
use axum::body::Bytes;
use axum::extract::{DefaultBodyLimit, State};
use axum::http::StatusCode;
use axum::http::header::CONTENT_TYPE;
use axum::response::{IntoResponse, Response};
use axum::routing::{get, post};
use serde::Serialize;

use crate::fault::Rule;
use crate::gate::Gate;
use crate::latency::Spreads;
use crate::limits::CONTROL_BODY_BYTES_MAX;

pub(crate) fn router(gate: Arc<Gate>) -> Router {
    Router::new()
        .route("/counters", get(counters))
        .route("/cost", get(cost))
        .route("/reset", post(reset))
        .route("/faults", get(faults).post(set_faults))
        .route("/latency", post(set_latency))
        .layer(DefaultBodyLimit::max(CONTROL_BODY_BYTES_MAX))
        .with_state(gate)
}

fn json(value: &impl Serialize) -> Response {
    match serde_json::to_vec(value) {
        Ok(text) => ([(CONTENT_TYPE, "application/json")], text).into_response(),
        Err(e) => (StatusCode::INTERNAL_SERVER_ERROR, e.to_string()).into_response(),
    }
}

fn refused(e: impl ToString) -> Response {
    (StatusCode::BAD_REQUEST, format!("{}\n", e.to_string())).into_response()
}

async fn counters(State(gate): State<Arc<Gate>>) -> Response {
    json(&gate.counters.report(gate.objects.stored()))
}

async fn cost(State(gate): State<Arc<Gate>>) -> String {
    let mut line = gate.counters.report(gate.objects.stored()).cost_line();
    line.push('\n');
    line
}

async fn reset(State(gate): State<Arc<Gate>>) -> StatusCode {
    gate.counters.reset();
    StatusCode::NO_CONTENT
}

async fn faults(State(gate): State<Arc<Gate>>) -> Response {
    json(&gate.faults.report())
}

async fn set_faults(State(gate): State<Arc<Gate>>, body: Bytes) -> Response {
    let rules: Vec<Rule> = match serde_json::from_slice(&body) {
        Ok(rules) => rules,
        Err(e) => return refused(e),
    };
    match gate.faults.replace(rules) {
        Ok(()) => json(&gate.faults.report()),
        Err(e) => refused(e),
    }
}

async fn set_latency(State(gate): State<Arc<Gate>>, body: Bytes) -> Response {
    match serde_json::from_slice::<Spreads>(&body) {
        Ok(spreads) => {
            gate.latency.set(spreads);
            StatusCode::NO_CONTENT.into_response()
        }
        Err(e) => refused(e),
    }
}
