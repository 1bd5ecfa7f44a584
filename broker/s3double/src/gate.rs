//! The way of a request through the double: received, counted, struck by a fault, delayed, carried out.
//!
//! Whatever may change something is carried out in a task of its own as soon as its body has arrived, so that a client
//! that goes away changes nothing: a real PUT lands, too.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use bytes::{Bytes, BytesMut};
use http::header::{AUTHORIZATION, CONTENT_LENGTH, CONTENT_TYPE, DATE, SERVER};
use http::{Extensions, HeaderValue, Method, Request, Response, StatusCode, Uri, request};
use http_body_util::BodyExt as _;
use hyper::body::{Body as _, Incoming};
use s3s::Body;
use s3s::service::S3Service;
use thiserror::Error;
use tokio::time::Instant;
use tokio_util::task::TaskTracker;

use crate::chunked;
use crate::clock::Clock;
use crate::counters::Counters;
use crate::fault::{Faults, Kind, Strike};
use crate::latency::Latency;
use crate::limits::BODY_BYTES_MAX;
use crate::objects::{Arrival, NoSuchBucket, Objects};
use crate::operation::{Operation, Target};

/// Timers fire up to a millisecond late, half of one on average.
const TIMER_DELAY: Duration = Duration::from_micros(500);

/// No answer: the connection closes.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Error)]
#[error("the connection closes without an answer")]
pub(crate) struct Lost;

/// Everything that a request passes.
#[derive(Debug)]
pub(crate) struct Gate {
    pub(crate) service: S3Service,
    pub(crate) objects: Arc<Objects>,
    pub(crate) faults: Faults,
    pub(crate) latency: Latency,
    pub(crate) counters: Arc<Counters>,
    pub(crate) clock: Clock,
    pub(crate) tasks: TaskTracker,
    /// Signatures are left to the service; otherwise they are taken off.
    pub(crate) verifies: bool,
    pub(crate) last_request: AtomicU64,
}

/// The arrival of a write, on its way to the service in the request's extensions.
#[derive(Clone, Debug)]
pub(crate) struct Arrived(Arc<Arrival>);

impl Arrived {
    /// The arrival that the gate noted, or one that is made now.
    pub(crate) fn take(
        extensions: &Extensions,
        objects: &Arc<Objects>,
        bucket: &str,
        key: &str,
    ) -> Result<Arc<Arrival>, NoSuchBucket> {
        match extensions.get::<Self>() {
            Some(Self(arrival)) if arrival.is_of(bucket, key) => Ok(Arc::clone(arrival)),
            _ => objects.arrive(bucket, key).map(Arc::new),
        }
    }
}

enum Received {
    Whole(Bytes),
    TooLarge,
}

impl Gate {
    /// Answers one request.
    pub(crate) async fn handle(self: Arc<Self>, request: Request<Incoming>) -> Result<Response<Body>, Lost> {
        let (parts, incoming) = request.into_parts();
        let target = Target::of(&parts);
        let flight = self.counters.begin(&target);
        let body = match receive(&parts, incoming).await? {
            Received::Whole(body) => body,
            Received::TooLarge => {
                let message = "Your proposed upload exceeds the maximum allowed object size.";
                return Ok(self.finish(refusal(StatusCode::BAD_REQUEST, "EntityTooLarge", message)));
            }
        };
        flight.received(body.len());
        let gate = Arc::clone(&self);
        let writes = target.operation.writes();
        let carry_out = async move {
            // A stalled request's time begins when the stall ends.
            let strike = gate.faults.meet(&target).await;
            gate.carry_out(target, parts, body, strike).await
        };
        let answer = if writes { self.tasks.spawn(carry_out).await.map_err(|_| Lost)? } else { carry_out.await };
        let answer = self.finish(answer?);
        flight.answered(answer.status().as_u16(), answer.body().size_hint().lower());
        Ok(answer)
    }

    async fn carry_out(
        self: Arc<Self>,
        target: Target,
        parts: request::Parts,
        body: Bytes,
        strike: Option<Strike>,
    ) -> Result<Response<Body>, Lost> {
        let due = Instant::now() + self.latency.draw(target.operation.class()).saturating_sub(TIMER_DELAY);
        let Some(strike) = strike else { return self.perform(target, parts, body, due).await };
        match strike.kind {
            Kind::LostRequest => Err(Lost),
            Kind::Late => {
                let gate = Arc::clone(&self);
                let late = async move {
                    tokio::time::sleep(strike.delay).await;
                    // What it meets, nobody hears.
                    let _ = gate.perform(target, parts, body, Instant::now()).await;
                };
                self.tasks.spawn(late);
                Err(Lost)
            }
            Kind::LostAnswer => {
                self.perform(target, parts, body, due).await?;
                Err(Lost)
            }
            Kind::TakenByItself | Kind::OwnConflict => {
                let answer = self.perform(target, parts, body, due).await?;
                Ok(if answer.status().is_success() { refused_by(strike) } else { answer })
            }
            // Stalls have ended before a strike is given; what remains is answered without being done.
            _ => {
                tokio::time::sleep_until(due).await;
                Ok(refused_by(strike))
            }
        }
    }

    /// Lets the service do it when its time has come.
    async fn perform(
        &self,
        target: Target,
        mut parts: request::Parts,
        mut body: Bytes,
        due: Instant,
    ) -> Result<Response<Body>, Lost> {
        if matches!(target.operation, Operation::Put | Operation::Copy | Operation::Multipart)
            && let Ok(arrival) = self.objects.arrive(&target.bucket, &target.key)
        {
            parts.extensions.insert(Arrived(Arc::new(arrival)));
        }
        if due > Instant::now() {
            tokio::time::sleep_until(due).await;
        }
        if !self.verifies {
            take_signature_off(&mut parts);
            if chunked::is_announced(&parts.headers) {
                let Ok(decoded) = chunked::decode(&mut parts.headers, body) else {
                    return Ok(refusal(
                        StatusCode::BAD_REQUEST,
                        "IncompleteBody",
                        "The request body terminated unexpectedly",
                    ));
                };
                body = decoded;
            }
            parts.headers.remove("x-amz-content-sha256");
        }
        let answer = self.service.call(Request::from_parts(parts, Body::from(body))).await.map_err(|_| Lost)?;
        if target.operation.writes() {
            self.counters.hold(self.objects.stored().0);
        }
        Ok(answer)
    }

    fn finish(&self, mut answer: Response<Body>) -> Response<Body> {
        let id = self.last_request.fetch_add(1, Ordering::Relaxed);
        let headers = answer.headers_mut();
        if let Ok(id) = HeaderValue::from_str(&format!("DOUBLE{id:010X}")) {
            headers.insert("x-amz-request-id", id);
        }
        headers.insert(SERVER, HeaderValue::from_static("AmazonS3"));
        if self.clock.ahead_s != 0 {
            let date = httpdate::fmt_http_date(self.clock.now());
            if let Ok(date) = HeaderValue::from_str(&date) {
                headers.insert(DATE, date);
            }
        }
        answer
    }
}

async fn receive(parts: &request::Parts, mut incoming: Incoming) -> Result<Received, Lost> {
    let announced = parts.headers.get(CONTENT_LENGTH).and_then(|value| value.to_str().ok()?.parse::<usize>().ok());
    if incoming.is_end_stream() {
        return Ok(Received::Whole(Bytes::new()));
    }
    if announced.is_some_and(|length| length > BODY_BYTES_MAX) {
        return Ok(Received::TooLarge);
    }
    // One allocation of the right size: pieces as the socket gives them would pin buffers twice as large.
    let mut body = BytesMut::with_capacity(announced.unwrap_or_default());
    while let Some(frame) = incoming.frame().await {
        let Ok(data) = frame.map_err(|_| Lost)?.into_data() else { continue };
        if body.len() + data.len() > BODY_BYTES_MAX {
            return Ok(Received::TooLarge);
        }
        body.extend_from_slice(&data);
    }
    Ok(Received::Whole(body.freeze()))
}

fn take_signature_off(parts: &mut request::Parts) {
    parts.headers.remove(AUTHORIZATION);
    let query = parts.uri.query().unwrap_or_default();
    if query.contains("X-Amz-Signature=") || query.contains("Signature=") {
        let is_plain = |pair: &&str| {
            !pair.starts_with("X-Amz-")
                && !["Signature=", "AWSAccessKeyId=", "Expires="].iter().any(|n| pair.starts_with(n))
        };
        let rest: Vec<&str> = query.split('&').filter(is_plain).collect();
        let path = parts.uri.path();
        let uri = if rest.is_empty() { path.to_owned() } else { format!("{path}?{}", rest.join("&")) };
        if let Ok(uri) = uri.parse::<Uri>() {
            parts.uri = uri;
        }
    }
    if parts.method == Method::HEAD {
        parts.headers.remove(CONTENT_LENGTH);
    }
}

/// The answer of S3 that a fault stands for.
fn refused_by(strike: Strike) -> Response<Body> {
    let (status, code, message) = match strike.kind {
        Kind::SlowDown => (503, "SlowDown", "Please reduce your request rate."),
        Kind::TakenByItself => {
            (412, "PreconditionFailed", "At least one of the pre-conditions you specified did not hold")
        }
        Kind::Conflict | Kind::OwnConflict => (
            409,
            "ConditionalRequestConflict",
            "The conditional request cannot succeed due to a conflicting operation against this resource.",
        ),
        Kind::Absent => (404, "NoSuchKey", "The specified key does not exist."),
        Kind::Denied => (403, "AccessDenied", "Access Denied"),
        // S3 passes KMS's own words on; the key's ARN stands where AWS writes it.
        Kind::KeyDisabled => (
            400,
            "KMS.DisabledException",
            "arn:aws:kms:us-east-1:111122223333:key/1234abcd-12ab-34cd-56ef-1234567890ab is disabled.",
        ),
        Kind::Throttle => (
            400,
            "ThrottlingException",
            "You have exceeded the rate at which you may call KMS. Reduce the frequency of your calls.",
        ),
        _ => (500, "InternalError", "We encountered an internal error. Please try again."),
    };
    let status = StatusCode::from_u16(strike.status.unwrap_or(status)).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
    refusal(status, code, message)
}

fn refusal(status: StatusCode, code: &str, message: &str) -> Response<Body> {
    let text = format!(
        "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n<Error><Code>{code}</Code><Message>{message}</Message></Error>"
    );
    let mut answer = Response::new(Body::from(text));
    *answer.status_mut() = status;
    answer.headers_mut().insert(CONTENT_TYPE, HeaderValue::from_static("application/xml"));
    answer
}
