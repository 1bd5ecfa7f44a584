//! What was used between two moments: processor, memory, requests, dollars.

use std::time::Instant;

use anyhow::Result;

use crate::clock;
use crate::cluster::Cluster;
use crate::double::{Counters, Double};
use crate::figure::Sample;
use crate::process::{self, Usage};
use crate::specification::{CPU, PEAK_MEMORY};

/// Hours of AWS's month.
const HOURS_PER_MONTH: f64 = 730.0;

const MIB: f64 = 1_048_576.0;
const GIB: f64 = 1_073_741_824.0;

/// Everything at one moment.
#[derive(Debug)]
pub(super) struct Meter {
    at: Instant,
    counters: Counters,
    brokers: Usage,
    double: Usage,
    client: Usage,
}

/// The differences between two moments.
#[derive(Debug)]
pub(super) struct Used {
    /// Seconds between them.
    pub(super) seconds: f64,
    before: Meter,
    after: Meter,
}

impl Meter {
    pub(super) fn read(double: &Double, cluster: &Cluster) -> Result<Self> {
        Ok(Self {
            at: clock::now(),
            counters: double.counters()?,
            brokers: cluster.usage(),
            double: double.usage(),
            client: process::usage(std::process::id()).unwrap_or_default(),
        })
    }

    pub(super) fn until(self, after: Self) -> Used {
        Used { seconds: (after.at - self.at).as_secs_f64(), before: self, after }
    }
}

impl Used {
    /// A counter's difference.
    pub(super) fn counted(&self, read: impl Fn(&Counters) -> f64) -> f64 {
        read(&self.after.counters) - read(&self.before.counters)
    }

    fn cpu(&self, of: impl Fn(&Meter) -> Usage) -> f64 {
        of(&self.after).cpu_s - of(&self.before).cpu_s
    }

    /// Cores and memory; what everything did to the machine.
    pub(super) fn add_usage(&self, sample: &mut Sample) {
        sample.add("broker cores", "", self.cpu(|meter| meter.brokers) / self.seconds);
        sample.add("double cores", "", self.cpu(|meter| meter.double) / self.seconds);
        sample.add("client cores", "", self.cpu(|meter| meter.client) / self.seconds);
        sample.add(PEAK_MEMORY, "MiB", self.after.brokers.peak_bytes as f64 / MIB);
        sample.add("measured for", "s", self.seconds);
    }

    /// What a volume of records cost.
    pub(super) fn add_cost_of(&self, sample: &mut Sample, bytes: f64) {
        sample.add(CPU, "s", self.cpu(|meter| meter.brokers) / (bytes / MIB / 100.0));
        sample.add("PUT per GiB", "", self.counted(|c| c.requests("put")) / (bytes / GIB));
        sample.add("GET per GiB", "", self.counted(|c| c.requests("get")) / (bytes / GIB));
        sample.add("dollars per GiB", "$", self.counted(Counters::dollars) / (bytes / GIB));
    }

    /// What requests cost where the load goes on for a month.
    pub(super) fn add_cost_of_month(&self, sample: &mut Sample) {
        sample.add("PUT/s", "1/s", self.counted(|c| c.requests("put")) / self.seconds);
        sample.add("GET/s", "1/s", self.counted(|c| c.requests("get")) / self.seconds);
        sample.add("LIST/s", "1/s", self.counted(|c| c.requests("list")) / self.seconds);
        let per_month = self.counted(Counters::dollars) / self.seconds * 3600.0 * HOURS_PER_MONTH;
        sample.add("dollars per month", "$", per_month);
    }
}

/// Bytes as MiB.
pub(super) fn mib(bytes: f64) -> f64 {
    bytes / MIB
}

/// Bytes as GiB.
pub(super) fn gib(bytes: f64) -> f64 {
    bytes / GIB
}
