//! Latencies and medians.

use std::time::Duration;

/// Sub-buckets of each power of two: values are kept with an error below 1/256.
const STEPS: u64 = 256;

/// Counts of latencies in buckets whose width grows with the value.
#[derive(Clone, Debug, Default)]
pub struct Histogram {
    counts: Vec<u64>,
    total: u64,
    max_us: u64,
}

impl Histogram {
    /// Adds one value.
    pub fn add(&mut self, value: Duration) {
        let us = u64::try_from(value.as_micros()).unwrap_or(u64::MAX);
        let bucket = bucket(us);
        if self.counts.len() <= bucket {
            self.counts.resize(bucket.saturating_add(1), 0);
        }
        if let Some(count) = self.counts.get_mut(bucket) {
            *count = count.saturating_add(1);
        }
        self.total = self.total.saturating_add(1);
        self.max_us = self.max_us.max(us);
    }

    /// How many values there are.
    #[must_use]
    pub fn count(&self) -> u64 {
        self.total
    }

    /// The smallest value that `per_mille` of a thousand values do not exceed, in ms; not a number without values.
    #[must_use]
    pub fn percentile_ms(&self, per_mille: u64) -> f64 {
        if self.total == 0 {
            return f64::NAN;
        }
        let wanted = self.total.saturating_mul(per_mille).div_ceil(1000).max(1);
        let mut seen = 0_u64;
        for (bucket, count) in self.counts.iter().enumerate() {
            seen = seen.saturating_add(*count);
            if seen >= wanted {
                return upper_us(bucket).min(self.max_us) as f64 / 1e3;
            }
        }
        self.max_ms()
    }

    /// The largest value, in ms.
    #[must_use]
    pub fn max_ms(&self) -> f64 {
        self.max_us as f64 / 1e3
    }
}

/// Values below [`STEPS`] have buckets of their own; above, each power of two has [`STEPS`] / 2 more.
fn bucket(us: u64) -> usize {
    let shift = (u64::BITS - us.leading_zeros()).saturating_sub(STEPS.ilog2());
    let index = u64::from(shift) * (STEPS / 2) + (us >> shift);
    usize::try_from(index).unwrap_or(usize::MAX)
}

/// The largest value of a bucket.
fn upper_us(bucket: usize) -> u64 {
    let index = bucket as u64;
    if index < STEPS {
        return index;
    }
    let shift = index / (STEPS / 2) - 1;
    let top = index - shift * (STEPS / 2);
    ((top + 1) << shift).saturating_sub(1)
}

/// What several runs gave for one figure.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Spread {
    /// The middle value, of an even number of runs the mean of the two in the middle.
    pub median: f64,
    /// The smallest.
    pub min: f64,
    /// The largest.
    pub max: f64,
}

/// Median and spread; none without values. What is not a number makes everything so.
#[must_use]
pub fn spread(values: &[f64]) -> Option<Spread> {
    let mut sorted = values.to_vec();
    sorted.sort_by(f64::total_cmp);
    let (min, max) = (*sorted.first()?, *sorted.last()?);
    if sorted.iter().any(|value| value.is_nan()) {
        return Some(Spread { median: f64::NAN, min: f64::NAN, max: f64::NAN });
    }
    let middle = sorted.len() / 2;
    let upper = *sorted.get(middle)?;
    let median = match sorted.len() % 2 {
        1 => upper,
        _ => f64::midpoint(upper, *sorted.get(middle.checked_sub(1)?)?),
    };
    Some(Spread { median, min, max })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn percentiles_are_right_within_half_a_percent() {
        let mut histogram = Histogram::default();
        for ms in 1..=1000 {
            histogram.add(Duration::from_millis(ms));
        }
        for (per_mille, ms) in [(500, 500.0), (990, 990.0), (999, 999.0), (1, 1.0)] {
            let found = histogram.percentile_ms(per_mille);
            assert!((ms..=ms * 1.008).contains(&found), "{per_mille}: {found}");
        }
        assert!((histogram.max_ms() - 1000.0).abs() < f64::EPSILON);
    }

    #[test]
    fn every_value_lies_in_its_bucket() {
        for us in (0..5_000).chain([65_535, 65_536, 1 << 40, (1 << 40) + 12_345]) {
            let bucket = bucket(us);
            assert!(upper_us(bucket) >= us, "{us}");
            assert!(bucket == 0 || upper_us(bucket - 1) < us, "{us}");
        }
    }

    #[test]
    fn the_median_is_the_middle_and_nothing_hides_a_missing_value() {
        assert_eq!(spread(&[3.0, 1.0, 2.0]).unwrap(), Spread { median: 2.0, min: 1.0, max: 3.0 });
        assert_eq!(spread(&[4.0, 1.0]).unwrap().median, 2.5);
        assert!(spread(&[1.0, f64::NAN]).unwrap().median.is_nan());
        assert_eq!(spread(&[]), None);
    }
}
