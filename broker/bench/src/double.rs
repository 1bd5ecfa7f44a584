//! The S3 double: started with the latencies, asked for its counters, told which faults to have.

use std::net::SocketAddr;
use std::path::Path;
use std::time::Duration;

use anyhow::{Context as _, Result};
use serde_json::Value;

use crate::http;
use crate::process::{Process, Usage, command};

/// Bucket for records.
pub const DATA: &str = "bench-data";
/// Bucket for everything else.
pub const METADATA: &str = "bench-metadata";

/// Latencies of PUT and GET in ms: the half, and 99 of 100, are below.
const LATENCIES: [&str; 4] = ["--put-ms", "30,120", "--get-ms", "15,60"];

/// How long it may take to start.
const START_MAX: Duration = Duration::from_secs(20);

/// A running double; gone with everything it held when dropped.
#[derive(Debug)]
pub struct Double {
    process: Process,
    /// Where it speaks S3.
    pub address: SocketAddr,
    control: SocketAddr,
}

/// What it has counted.
#[derive(Clone, Debug)]
pub struct Counters(Value);

impl Double {
    /// Starts one.
    ///
    /// # Errors
    /// When it does not say within 20 s where it listens.
    pub fn start(program: &Path, seed: u64, folder: &Path) -> Result<Self> {
        let mut command = command(program);
        command.args(["--listen", "127.0.0.1:0", "--control", "127.0.0.1:0", "--bucket", DATA, "--bucket", METADATA]);
        command.args(LATENCIES).args(["--seed", &seed.to_string()]);
        let mut process = Process::start(&mut command, &folder.join("double.log"))?;
        let address = process.line("listening on ", START_MAX)?.parse().context("address of the double")?;
        let control = process.line("control on ", START_MAX)?.parse().context("control address of the double")?;
        Ok(Self { process, address, control })
    }

    /// Everything counted since its start.
    ///
    /// # Errors
    /// When it does not answer.
    pub fn counters(&self) -> Result<Counters> {
        Ok(Counters(serde_json::from_str(&http::ask(self.control, "GET", "/counters", "")?)?))
    }

    /// From now on it has these faults, a JSON list of rules; an empty one ends all.
    ///
    /// # Errors
    /// When it refuses them.
    pub fn faults(&self, rules: &Value) -> Result<()> {
        http::ask(self.control, "POST", "/faults", &rules.to_string()).map(drop)
    }

    /// WAL objects that there are now.
    ///
    /// # Errors
    /// When it does not list them.
    pub fn wal_objects(&self) -> Result<f64> {
        let (mut count, mut after) = (0_usize, String::new());
        loop {
            let path = format!("/{DATA}?list-type=2&prefix={}/wal/&start-after={after}", crate::cluster::NAME);
            let page = http::ask(self.address, "GET", &path, "")?;
            let keys: Vec<&str> = page.split("<Key>").skip(1).filter_map(|rest| rest.split('<').next()).collect();
            count = count.saturating_add(keys.len());
            match keys.last().filter(|_| page.contains("<IsTruncated>true</IsTruncated>")) {
                Some(last) => after = (*last).to_owned(),
                None => return Ok(count as f64),
            }
        }
    }

    /// What the process has used.
    #[must_use]
    pub fn usage(&self) -> Usage {
        self.process.usage()
    }
}

impl Counters {
    fn number(&self, path: &str) -> f64 {
        self.0.pointer(path).and_then(Value::as_f64).unwrap_or_default()
    }

    /// Requests of a kind.
    #[must_use]
    pub fn requests(&self, kind: &str) -> f64 {
        self.number(&format!("/operations/{kind}/requests"))
    }

    /// Requests of a kind to the data bucket.
    #[must_use]
    pub fn data_requests(&self, kind: &str) -> f64 {
        self.grouped(&format!("{DATA}/"), kind)
    }

    /// PUTs of write-ahead log objects.
    #[must_use]
    pub fn wal_puts(&self) -> f64 {
        self.grouped(&format!("{DATA}/{}/wal", crate::cluster::NAME), "put")
    }

    fn grouped(&self, prefix: &str, kind: &str) -> f64 {
        let groups = self.0.get("groups").and_then(Value::as_object);
        let groups = groups.into_iter().flatten().filter(|(name, _)| name.starts_with(prefix));
        groups.filter_map(|(_, kinds)| kinds.get(kind)?.as_f64()).sum()
    }

    /// Dollars for all requests.
    #[must_use]
    pub fn dollars(&self) -> f64 {
        self.number("/dollars/requests")
    }

    /// Bytes held.
    #[must_use]
    pub fn stored_bytes(&self) -> f64 {
        self.number("/stored_bytes")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn counters_are_read_by_kind_and_by_bucket() {
        let counters = Counters(serde_json::json!({
            "operations": {"put": {"requests": 12}},
            "groups": {
                "bench-data/bench/wal": {"put": 7, "get": 1},
                "bench-data/bench/data": {"put": 2},
                "bench-metadata/bench/meta": {"put": 3}
            },
            "stored_bytes": 99,
            "dollars": {"requests": 0.5}
        }));
        let found = (counters.requests("put"), counters.data_requests("put"), counters.wal_puts());
        assert_eq!(found, (12.0, 9.0, 7.0));
        assert_eq!((counters.dollars(), counters.stored_bytes(), counters.requests("get")), (0.5, 99.0, 0.0));
    }
}
