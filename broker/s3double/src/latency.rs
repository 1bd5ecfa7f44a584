//! How long answers take.

use std::str::FromStr;
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use serde::{Deserialize, Serialize};
use thiserror::Error;

use crate::operation::Class;
use crate::random::Random;

/// The 99th percentile of the standard normal distribution.
const NORMAL_P99: f64 = 2.326_347_874;

/// A log-normal distribution, given by two of its percentiles.
#[derive(Clone, Copy, Debug, PartialEq, Deserialize, Serialize)]
#[serde(from = "(f64, f64)", into = "(f64, f64)")]
pub struct Spread {
    /// Median, milliseconds; 0 answers at once.
    pub p50_ms: f64,
    /// 99th percentile, milliseconds.
    pub p99_ms: f64,
}

/// A text is no `P50,P99`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Error)]
#[error("expected two numbers of milliseconds, as in 30,120, the second not below the first")]
pub struct NotASpread;

/// The distributions of all operations.
#[derive(Clone, Copy, Debug, PartialEq, Deserialize, Serialize)]
pub struct Spreads {
    /// Of writes: PUT, COPY, POST.
    pub put_ms: Spread,
    /// Of GET and HEAD.
    pub get_ms: Spread,
    /// Of listings.
    pub list_ms: Spread,
    /// Of deletions.
    pub delete_ms: Spread,
}

/// Draws latencies; each class has numbers of its own, so that GETs do not change what PUTs meet.
#[derive(Debug)]
pub(crate) struct Latency(Mutex<Drawing>);

#[derive(Debug)]
struct Drawing {
    spreads: Spreads,
    random: [Random; 4],
}

impl Spread {
    /// Answers at once.
    pub const NONE: Self = Self { p50_ms: 0.0, p99_ms: 0.0 };

    fn draw(self, random: &mut Random) -> Duration {
        if self.p50_ms <= 0.0 {
            return Duration::ZERO;
        }
        let ratio = (self.p99_ms / self.p50_ms).max(1.0);
        let exponent = random.normal() / NORMAL_P99;
        // One in 300,000 would be beyond the square of the ratio; a bound keeps tests finite.
        let ms = self.p50_ms * ratio.powf(exponent.clamp(-2.0, 2.0));
        Duration::from_secs_f64(ms / 1000.0)
    }
}

impl From<(f64, f64)> for Spread {
    fn from((p50_ms, p99_ms): (f64, f64)) -> Self {
        Self { p50_ms, p99_ms: p99_ms.max(p50_ms) }
    }
}

impl From<Spread> for (f64, f64) {
    fn from(spread: Spread) -> Self {
        (spread.p50_ms, spread.p99_ms)
    }
}

impl FromStr for Spread {
    type Err = NotASpread;

    fn from_str(text: &str) -> Result<Self, NotASpread> {
        let number = |text: &str| text.trim().parse::<f64>().ok().filter(|n| n.is_finite() && (0.0..=1e6).contains(n));
        let (p50, p99) = text.split_once(',').ok_or(NotASpread)?;
        let (p50_ms, p99_ms) = (number(p50).ok_or(NotASpread)?, number(p99).ok_or(NotASpread)?);
        if p99_ms < p50_ms { Err(NotASpread) } else { Ok(Self { p50_ms, p99_ms }) }
    }
}

impl Latency {
    pub(crate) fn new(spreads: Spreads, seed: u64) -> Self {
        let random = [1, 2, 3, 4].map(|class| Random::new(seed.wrapping_mul(4).wrapping_add(class)));
        Self(Mutex::new(Drawing { spreads, random }))
    }

    pub(crate) fn set(&self, spreads: Spreads) {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).spreads = spreads;
    }

    pub(crate) fn draw(&self, class: Class) -> Duration {
        let mut drawing = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let Drawing { spreads, random: [put, get, list, delete] } = &mut *drawing;
        match class {
            Class::Put => spreads.put_ms.draw(put),
            Class::Get => spreads.get_ms.draw(get),
            Class::List => spreads.list_ms.draw(list),
            Class::Delete => spreads.delete_ms.draw(delete),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn drawn(seed: u64) -> Vec<Duration> {
        let put_ms = Spread { p50_ms: 30.0, p99_ms: 120.0 };
        let spreads = Spreads { put_ms, get_ms: Spread::NONE, list_ms: Spread::NONE, delete_ms: Spread::NONE };
        let latency = Latency::new(spreads, seed);
        (0..20_000).map(|_| latency.draw(Class::Put)).collect()
    }

    #[test]
    fn the_percentiles_are_those_asked_for() {
        let mut all = drawn(7);
        all.sort();
        let (p50, p99) = (all[10_000].as_secs_f64() * 1e3, all[19_800].as_secs_f64() * 1e3);
        assert!((29.0..31.0).contains(&p50), "{p50}");
        assert!((112.0..128.0).contains(&p99), "{p99}");
    }

    #[test]
    fn the_same_seed_draws_the_same() {
        assert_eq!(drawn(7), drawn(7));
        assert_ne!(drawn(7), drawn(8));
    }

    #[test]
    fn spreads_are_read_from_text() {
        assert_eq!("30,120".parse(), Ok(Spread { p50_ms: 30.0, p99_ms: 120.0 }));
        for wrong in ["30", "120,30", "a,b", "-1,2", ""] {
            assert_eq!(wrong.parse::<Spread>(), Err(NotASpread), "{wrong}");
        }
    }
}
