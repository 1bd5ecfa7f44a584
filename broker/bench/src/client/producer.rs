//! A producer whose delivery reports are taken as they come.

use std::collections::BTreeMap;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

use anyhow::{Context as _, Result, bail};
use rdkafka::ClientContext;
use rdkafka::config::RDKafkaLogLevel;
use rdkafka::error::KafkaError;
use rdkafka::message::Message as _;
use rdkafka::producer::{BaseProducer, BaseRecord, DeliveryResult, Producer as _, ProducerContext};
use rdkafka::types::RDKafkaErrorCode;

use crate::clock;
use crate::history::{Fate, History};
use crate::statistics::Histogram;

/// Kinds of errors that are kept apart.
const ERRORS_KEPT: usize = 32;

/// How long the poller waits at a time; a delivery report wakes it.
const POLL: Duration = Duration::from_millis(50);

/// Takes delivery reports.
pub trait Reports: Send + Sync + 'static {
    /// The record sent with `tag` was acknowledged at a partition and offset, or failed.
    fn delivered(&self, tag: usize, place: Result<(i32, i64), String>);
}

/// A producer and the thread that polls it.
pub struct Producer {
    inner: Arc<BaseProducer<Context>>,
    errors: Arc<Errors>,
    stop: Arc<AtomicBool>,
    poller: Option<JoinHandle<()>>,
}

/// What librdkafka reported besides deliveries, and how often.
#[derive(Debug, Default)]
pub struct Errors(Mutex<BTreeMap<String, u64>>);

struct Context {
    reports: Arc<dyn Reports>,
    errors: Arc<Errors>,
}

impl Errors {
    fn add(&self, what: String) {
        let mut errors = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if errors.len() < ERRORS_KEPT || errors.contains_key(&what) {
            *errors.entry(what).or_default() += 1;
        }
    }

    /// Each kind with its number; empty when there was none.
    #[must_use]
    pub fn shown(&self) -> String {
        let errors = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        errors.iter().map(|(what, times)| format!("{times} × {what}")).collect::<Vec<_>>().join(", ")
    }
}

impl ClientContext for Context {
    fn log(&self, _: RDKafkaLogLevel, _: &str, _: &str) {}

    fn error(&self, error: KafkaError, _: &str) {
        self.errors.add(error.rdkafka_error_code().map_or_else(|| error.to_string(), |code| format!("{code:?}")));
    }
}

impl ProducerContext for Context {
    type DeliveryOpaque = usize;

    fn delivery(&self, result: &DeliveryResult<'_>, tag: usize) {
        self.reports.delivered(
            tag,
            match result {
                Ok(message) => Ok((message.partition(), message.offset())),
                Err((error, _)) => {
                    self.errors.add(format!("delivery: {error}"));
                    Err(error.to_string())
                }
            },
        );
    }
}

impl Producer {
    /// Makes a producer; it connects when it has something to send.
    ///
    /// # Errors
    /// When librdkafka does not take a setting.
    pub fn start(servers: &str, settings: &super::Settings, reports: Arc<dyn Reports>) -> Result<Self> {
        let errors = Arc::new(Errors::default());
        let context = Context { reports, errors: Arc::clone(&errors) };
        let inner: BaseProducer<Context> =
            super::config(servers, settings).create_with_context(context).context("producer")?;
        let inner = Arc::new(inner);
        let stop = Arc::new(AtomicBool::new(false));
        let (polled, stopped) = (Arc::clone(&inner), Arc::clone(&stop));
        let poller = std::thread::spawn(move || {
            while !stopped.load(Ordering::Relaxed) {
                polled.poll(POLL);
            }
        });
        Ok(Self { inner, errors, stop, poller: Some(poller) })
    }

    /// Puts a record into the client's queue; `false` when that is full.
    ///
    /// # Errors
    /// When the client refuses it for another reason.
    pub fn send(&self, topic: &str, partition: i32, value: &[u8], tag: usize) -> Result<bool> {
        let record = BaseRecord::<'_, (), [u8], usize>::with_opaque_to(topic, tag).partition(partition).payload(value);
        match self.inner.send(record) {
            Ok(()) => Ok(true),
            Err((KafkaError::MessageProduction(RDKafkaErrorCode::QueueFull), _)) => Ok(false),
            Err((error, _)) => Err(error).context("send"),
        }
    }

    /// Waits until every record has its delivery report.
    ///
    /// # Errors
    /// When some have none within `limit`.
    pub fn flush(&self, limit: Duration) -> Result<()> {
        let start = clock::now();
        while self.inner.in_flight_count() > 0 {
            if start.elapsed() > limit {
                bail!("{} records had no delivery report within {limit:?}", self.inner.in_flight_count());
            }
            std::thread::sleep(Duration::from_millis(2));
        }
        Ok(())
    }

    /// What went wrong besides deliveries.
    #[must_use]
    pub fn errors(&self) -> String {
        self.errors.shown()
    }
}

impl Drop for Producer {
    fn drop(&mut self) {
        self.stop.store(true, Ordering::Relaxed);
        if let Some(poller) = self.poller.take() {
            // A poller that panicked has said so on standard error.
            let _ = poller.join();
        }
    }
}

/// Latencies of a load whose tags say when each record was due: microseconds since the start.
#[derive(Debug)]
pub struct Latencies {
    start: Instant,
    seen: Mutex<Seen>,
}

/// What a [`Latencies`] has seen.
#[derive(Clone, Debug, Default)]
pub struct Seen {
    /// Latencies of records that were due after the window began.
    pub histogram: Histogram,
    /// All records acknowledged.
    pub acknowledged: u64,
    /// All records that failed.
    pub failed: u64,
    from: Duration,
}

impl Latencies {
    /// Nothing seen yet; time counts from now.
    #[must_use]
    pub fn new() -> Arc<Self> {
        Arc::new(Self { start: clock::now(), seen: Mutex::default() })
    }

    fn seen(&self) -> MutexGuard<'_, Seen> {
        self.seen.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// When time began.
    #[must_use]
    pub fn start(&self) -> Instant {
        self.start
    }

    /// Forgets all latencies; from now on only records due later count.
    pub fn open_window(&self) {
        let mut seen = self.seen();
        seen.histogram = Histogram::default();
        seen.from = self.start.elapsed();
    }

    /// Everything so far.
    #[must_use]
    pub fn snapshot(&self) -> Seen {
        self.seen().clone()
    }

    /// Records acknowledged so far.
    #[must_use]
    pub fn acknowledged(&self) -> u64 {
        self.seen().acknowledged
    }
}

impl Reports for Latencies {
    fn delivered(&self, tag: usize, place: Result<(i32, i64), String>) {
        let (now, due) = (self.start.elapsed(), Duration::from_micros(tag as u64));
        let mut seen = self.seen();
        if place.is_err() {
            seen.failed += 1;
            return;
        }
        seen.acknowledged += 1;
        if due >= seen.from {
            seen.histogram.add(now.saturating_sub(due));
        }
    }
}

/// A history that is kept from its own start; tags are numbers of records.
#[derive(Debug)]
pub struct Kept {
    /// When time began.
    pub start: Instant,
    /// What was sent and reported.
    pub history: History,
}

impl Kept {
    /// Nothing sent yet; time counts from now.
    #[must_use]
    pub fn new() -> Arc<Self> {
        Arc::new(Self { start: clock::now(), history: History::default() })
    }
}

impl Reports for Kept {
    fn delivered(&self, tag: usize, place: Result<(i32, i64), String>) {
        let fate = place.map_or(Fate::Failed, |(_, offset)| Fate::Acknowledged { at: self.start.elapsed(), offset });
        self.history.report(tag as u64, fate);
    }
}
