//! What was asked, what was answered, and what it would cost.

use std::collections::hash_map::DefaultHasher;
use std::collections::{BTreeMap, HashSet};
use std::hash::{Hash as _, Hasher as _};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use serde::Serialize;
use tokio::time::Instant;

use crate::limits::{GROUPS_COUNTED_MAX, PREFIXES_COUNTED_MAX};
use crate::operation::{Operation, Target};
use crate::prices;

/// Everything since the start or the last reset.
#[derive(Clone, Debug, Serialize)]
pub struct Report {
    /// Milliseconds since then.
    pub elapsed_ms: u64,
    /// By kind of request; kinds without a request are there, too.
    pub operations: BTreeMap<&'static str, OperationReport>,
    /// Requests by bucket, first two parts of the key, and kind: `data/orders/wal` → `put` → 12.
    pub groups: BTreeMap<String, BTreeMap<&'static str, u64>>,
    /// Prefixes (keys up to the last slash) that were asked for.
    pub distinct_prefixes: usize,
    /// Bytes held now.
    pub stored_bytes: u64,
    /// Versions held now.
    pub stored_objects: u64,
    /// The cost line.
    pub dollars: Dollars,
}

/// One kind of request.
#[derive(Clone, Debug, Default, Serialize)]
pub struct OperationReport {
    /// Requests.
    pub requests: u64,
    /// Bytes of their bodies.
    pub bytes_in: u64,
    /// Bytes of the answers' bodies.
    pub bytes_out: u64,
    /// Answers by HTTP status; `lost` where there was none.
    pub answers: BTreeMap<String, u64>,
    /// Under way now.
    pub in_flight: u64,
    /// The most that were under way at once.
    pub in_flight_max: u64,
    /// Dollars for those that S3 charges (not for 5xx).
    pub dollars: f64,
}

/// What S3 would have charged.
#[derive(Clone, Debug, Default, Serialize)]
pub struct Dollars {
    /// For requests.
    pub requests: f64,
    /// For what was held, as long as it was.
    pub storage: f64,
    /// The two together.
    pub total: f64,
    /// Requests of a month that goes on like this.
    pub requests_per_month: f64,
    /// A month of what is held now.
    pub storage_per_month: f64,
    /// Where the prices are from.
    pub prices: String,
}

#[derive(Debug)]
pub(crate) struct Counters(Mutex<Counted>);

#[derive(Debug)]
struct Counted {
    since: Instant,
    /// Changes with every reset: what began before one ends uncounted.
    generation: u64,
    operations: BTreeMap<&'static str, OperationReport>,
    groups: BTreeMap<String, BTreeMap<&'static str, u64>>,
    prefixes: HashSet<u64>,
    /// Held bytes times milliseconds.
    byte_ms: f64,
    stored_bytes: u64,
    stored_since: Instant,
}

/// A request under way; ends counted as lost unless it is answered.
#[derive(Debug)]
pub(crate) struct Flight {
    counters: Arc<Counters>,
    operation: Operation,
    generation: u64,
    answered: bool,
}

impl Counted {
    fn new(generation: u64, stored_bytes: u64) -> Self {
        let now = Instant::now();
        Self {
            since: now,
            generation,
            operations: Operation::ALL.iter().map(|o| (o.name(), OperationReport::default())).collect(),
            groups: BTreeMap::new(),
            prefixes: HashSet::new(),
            byte_ms: 0.0,
            stored_bytes,
            stored_since: now,
        }
    }

    fn hold(&mut self, bytes: u64) {
        let now = Instant::now();
        self.byte_ms += float(self.stored_bytes) * now.duration_since(self.stored_since).as_secs_f64() * 1e3;
        (self.stored_bytes, self.stored_since) = (bytes, now);
    }
}

#[expect(clippy::cast_precision_loss, reason = "bytes of one machine's memory, for a sum in dollars")]
fn float(n: u64) -> f64 {
    n as f64
}

impl Counters {
    pub(crate) fn new() -> Arc<Self> {
        Arc::new(Self(Mutex::new(Counted::new(0, 0))))
    }

    fn counted(&self) -> MutexGuard<'_, Counted> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Counts from now on; what is under way is not counted any more.
    pub(crate) fn reset(&self) {
        let mut counted = self.counted();
        *counted = Counted::new(counted.generation + 1, counted.stored_bytes);
    }

    pub(crate) fn begin(self: &Arc<Self>, target: &Target) -> Flight {
        let mut counted = self.counted();
        let name = target.operation.name();
        let operation = counted.operations.entry(name).or_default();
        operation.requests += 1;
        operation.in_flight += 1;
        operation.in_flight_max = operation.in_flight_max.max(operation.in_flight);
        let group = target.group();
        if counted.groups.contains_key(&group) || counted.groups.len() < GROUPS_COUNTED_MAX {
            *counted.groups.entry(group).or_default().entry(name).or_default() += 1;
        }
        if counted.prefixes.len() < PREFIXES_COUNTED_MAX {
            let prefix = target.key.rsplit_once('/').map_or("", |(prefix, _)| prefix);
            let mut hasher = DefaultHasher::new();
            (&target.bucket, prefix).hash(&mut hasher);
            counted.prefixes.insert(hasher.finish());
        }
        let generation = counted.generation;
        drop(counted);
        Flight { counters: Arc::clone(self), operation: target.operation, generation, answered: false }
    }

    /// What the buckets hold now.
    pub(crate) fn hold(&self, bytes: u64) {
        self.counted().hold(bytes);
    }

    pub(crate) fn report(&self, (stored_bytes, stored_objects): (u64, u64)) -> Report {
        let mut counted = self.counted();
        counted.hold(stored_bytes);
        let elapsed = counted.since.elapsed();
        let requests: f64 = counted.operations.values().map(|operation| operation.dollars).sum();
        let gb_months = |byte_hours: f64| byte_hours / f64::from(1 << 30) / prices::HOURS_PER_MONTH;
        let storage = gb_months(counted.byte_ms / 3_600_000.0) * prices::GB_MONTH;
        let months = elapsed.as_secs_f64() / 3600.0 / prices::HOURS_PER_MONTH;
        let requests_per_month = if months > 0.0 { requests / months } else { 0.0 };
        Report {
            elapsed_ms: u64::try_from(elapsed.as_millis()).unwrap_or(u64::MAX),
            operations: counted.operations.clone(),
            groups: counted.groups.clone(),
            distinct_prefixes: counted.prefixes.len(),
            stored_bytes,
            stored_objects,
            dollars: Dollars {
                requests,
                storage,
                total: requests + storage,
                requests_per_month,
                storage_per_month: float(stored_bytes) / f64::from(1 << 30) * prices::GB_MONTH,
                prices: format!("S3 Standard, us-east-1, list prices of {}", prices::DATE),
            },
        }
    }
}

impl Flight {
    fn count(&self, change: impl FnOnce(&mut OperationReport)) {
        let mut counted = self.counters.counted();
        if counted.generation == self.generation {
            change(counted.operations.entry(self.operation.name()).or_default());
        }
    }

    pub(crate) fn received(&self, bytes: usize) {
        self.count(|operation| operation.bytes_in += bytes as u64);
    }

    pub(crate) fn answered(mut self, status: u16, bytes: u64) {
        self.answered = true;
        let price = if status >= 500 { 0.0 } else { prices::of(self.operation) };
        self.count(|operation| {
            *operation.answers.entry(status.to_string()).or_default() += 1;
            operation.bytes_out += bytes;
            operation.dollars += price;
        });
    }
}

impl Drop for Flight {
    fn drop(&mut self) {
        let lost = !self.answered;
        let price = prices::of(self.operation);
        self.count(|operation| {
            operation.in_flight = operation.in_flight.saturating_sub(1);
            if lost {
                *operation.answers.entry("lost".to_owned()).or_default() += 1;
                operation.dollars += price;
            }
        });
    }
}

impl Report {
    /// One line for people.
    #[must_use]
    pub fn cost_line(&self) -> String {
        let count = |name| self.operations.get(name).map_or(0, |operation: &OperationReport| operation.requests);
        let Dollars { total, requests, requests_per_month, storage_per_month, ref prices, .. } = self.dollars;
        format!(
            "cost: ${total:.6} for {} PUT, {} GET, {} LIST, {} DELETE in {:.1} s (${requests:.6} of it for requests); \
             a month like this: ${requests_per_month:.2} for requests, ${storage_per_month:.2} for storage ({prices})",
            count("put"),
            count("get"),
            count("list"),
            count("delete"),
            float(self.elapsed_ms) / 1e3,
        )
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;

    fn target(operation: Operation, key: &str) -> Target {
        Target { operation, bucket: "b".to_owned(), key: key.to_owned() }
    }

    #[tokio::test(start_paused = true)]
    async fn a_budget_of_twenty_puts_a_second_costs_what_the_design_says() {
        let counters = Counters::new();
        for _ in 0..20 {
            counters.begin(&target(Operation::Put, "c/wal/1")).answered(200, 0);
        }
        tokio::time::sleep(Duration::from_secs(1)).await;
        let report = counters.report((1 << 30, 1));
        // 20/s × 2,628,000 s of AWS's month × $0.005 per 1,000; the figure of $259 has a month of 30 days.
        assert!((report.dollars.requests_per_month - 262.8).abs() < 0.01, "{report:?}");
        assert!((report.dollars.storage_per_month - 0.023).abs() < 1e-9);
        assert_eq!(report.groups["b/c/wal"]["put"], 20);
        assert!(report.cost_line().contains("20 PUT"), "{}", report.cost_line());
    }

    #[tokio::test(start_paused = true)]
    async fn storage_is_charged_for_the_time_it_is_held() {
        let counters = Counters::new();
        counters.hold(1 << 30);
        tokio::time::sleep(Duration::from_secs(730 * 3600)).await;
        counters.hold(0);
        tokio::time::sleep(Duration::from_secs(730 * 3600)).await;
        let report = counters.report((0, 0));
        assert!((report.dollars.storage - 0.023).abs() < 1e-6, "{report:?}");
    }

    #[tokio::test]
    async fn errors_of_the_server_are_free_and_lost_answers_are_counted() {
        let counters = Counters::new();
        let first = counters.begin(&target(Operation::Put, "x/1"));
        let second = counters.begin(&target(Operation::Put, "y/1"));
        first.answered(503, 10);
        drop(second);
        counters.begin(&target(Operation::Delete, "y/1")).answered(204, 0);
        let report = counters.report((0, 0));
        let put = &report.operations["put"];
        assert_eq!((put.requests, put.in_flight, put.in_flight_max, put.answers["lost"]), (2, 0, 2, 1));
        assert!((report.dollars.requests - 0.000_005).abs() < 1e-12);
        assert_eq!(report.distinct_prefixes, 2);
    }

    #[tokio::test]
    async fn what_began_before_a_reset_is_not_counted_after_it() {
        let counters = Counters::new();
        let flight = counters.begin(&target(Operation::Get, "k"));
        counters.reset();
        flight.answered(200, 5);
        let report = counters.report((0, 0));
        assert_eq!((report.operations["get"].requests, report.operations["get"].bytes_out), (0, 0));
    }
}
