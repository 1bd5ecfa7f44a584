//! A cluster of real brokers on the double: created as the provider does it, configured by file as on a machine.

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::net::{SocketAddr, TcpListener};
use std::path::{Path, PathBuf};
use std::time::Duration;

use anyhow::{Context as _, Result, ensure};
use broker_metadata::store::{AccessKeys, Credentials, S3Config, Store};
use broker_metadata::{Bootstrap, LogOptions};
use futures::future::BoxFuture;
use uuid::Uuid;

use crate::connection::{Connection, Layout};
use crate::double::{DATA, Double, METADATA};
use crate::process::{Process, Signal, Usage, command};
use crate::{clock, http};

/// The cluster's name.
pub const NAME: &str = "bench";

const REGION: &str = "us-east-1";
/// The double takes any signature.
const ACCESS_KEY: &str = "AKIABENCHBENCHBENCH0";

/// How long a broker may take to start.
const START_MAX: Duration = Duration::from_secs(60);

/// How a cluster is set up.
#[derive(Clone, Debug)]
pub struct Setup {
    /// How many brokers.
    pub brokers: usize,
    /// Their `put_budget_per_second`; none leaves the default.
    pub put_budget: Option<u32>,
    /// What they log.
    pub log: String,
}

/// Brokers on one double.
#[derive(Debug)]
pub struct Cluster {
    program: PathBuf,
    folder: PathBuf,
    log: String,
    /// By number, beginning with 0; the node id is one more.
    pub brokers: Vec<Broker>,
}

/// One broker, running or not.
#[derive(Debug)]
pub struct Broker {
    /// Where clients reach it.
    pub address: SocketAddr,
    health: SocketAddr,
    config: PathBuf,
    process: Option<Process>,
    /// What earlier processes of this broker used at most.
    peak_bytes: u64,
}

impl Cluster {
    /// Creates the cluster in the double's buckets and writes the configurations; starts nothing.
    ///
    /// # Errors
    /// When the double refuses, or the folder cannot be written.
    pub fn create(program: &Path, double: &Double, setup: &Setup, folder: &Path) -> Result<Self> {
        let cluster_id = Uuid::new_v4();
        bootstrap(double, cluster_id).context("create the cluster")?;
        let mut brokers = Vec::new();
        let ports = free_addresses(setup.brokers.saturating_mul(2))?;
        for (number, pair) in ports.chunks_exact(2).enumerate() {
            let [address, health] = *pair else { continue };
            let config = folder.join(format!("broker-{number}.toml"));
            let zone = ["a", "b", "c"].get(number % 3).copied().unwrap_or("a");
            let budget =
                setup.put_budget.map_or_else(String::new, |budget| format!("put_budget_per_second = {budget}\n"));
            let text = format!(
                "cluster = \"{NAME}\"\ncluster_id = \"{cluster_id}\"\nhost = \"bench-{number}\"\nnode_id = {}\n\
                 region = \"{REGION}\"\nzone = \"{REGION}{zone}\"\nlisten = \"{address}\"\nadvertised = \"{address}\"\n\
                 health_listen = \"{health}\"\ns3_endpoint = \"http://{}\"\ncredentials = \"environment\"\n{budget}\
                 [data]\nbucket = \"{DATA}\"\n[metadata]\nbucket = \"{METADATA}\"\n",
                number.saturating_add(1),
                double.address,
            );
            std::fs::write(&config, text)?;
            brokers.push(Broker { address, health, config, process: None, peak_bytes: 0 });
        }
        Ok(Self { program: program.to_path_buf(), folder: folder.to_path_buf(), log: setup.log.clone(), brokers })
    }

    /// Creates the cluster, starts all brokers and waits until each is ready.
    ///
    /// # Errors
    /// As [`Cluster::create`], and when a broker does not become ready.
    pub fn start(program: &Path, double: &Double, setup: &Setup, folder: &Path) -> Result<Self> {
        let mut cluster = Self::create(program, double, setup, folder)?;
        for number in 0..setup.brokers {
            cluster.spawn(number)?;
        }
        for number in 0..setup.brokers {
            cluster.wait_ready(number)?;
        }
        Ok(cluster)
    }

    /// Starts a broker's process.
    ///
    /// # Errors
    /// When it cannot be started.
    pub fn spawn(&mut self, number: usize) -> Result<()> {
        let log = self.folder.join(format!("broker-{number}.log"));
        let broker = self.brokers.get_mut(number).context("no such broker")?;
        let mut command = command(&self.program);
        command.args(["serve", "--log", &self.log, "--config"]).arg(&broker.config);
        command.env("AWS_ACCESS_KEY_ID", ACCESS_KEY).env("AWS_SECRET_ACCESS_KEY", "bench");
        broker.process = Some(Process::start(&mut command, &log)?);
        Ok(())
    }

    /// Waits until a broker says that it is ready.
    ///
    /// # Errors
    /// When it does not within a minute, or ends.
    pub fn wait_ready(&mut self, number: usize) -> Result<()> {
        let broker = self.brokers.get_mut(number).context("no such broker")?;
        broker.process.as_mut().context("not started")?.line("ready: ", START_MAX)?;
        let health = broker.health;
        clock::poll("readiness", START_MAX, Duration::from_millis(20), || {
            Ok(http::ask(health, "GET", "/ready", "").ok())
        })
        .map(drop)
    }

    /// The brokers' addresses, as clients want them.
    #[must_use]
    pub fn bootstrap_servers(&self) -> String {
        self.brokers.iter().map(|broker| broker.address.to_string()).collect::<Vec<_>>().join(",")
    }

    /// A broker.
    ///
    /// # Errors
    /// When there is none of this number.
    pub fn broker(&mut self, number: usize) -> Result<&mut Broker> {
        self.brokers.get_mut(number).context("no such broker")
    }

    /// Fails when a broker that should run does not.
    ///
    /// # Errors
    /// With the end of its log.
    pub fn expect_running(&mut self) -> Result<()> {
        self.brokers.iter_mut().filter_map(|broker| broker.process.as_mut()).try_for_each(Process::expect_running)
    }

    /// Waits until every partition of `topic` has a leader and each of the first `brokers` brokers leads some, and
    /// answers the leaders.
    ///
    /// # Errors
    /// When that does not happen within two minutes: says what the leaders were last.
    pub fn wait_spread(&self, topic: &str, brokers: usize) -> Result<Layout> {
        let mut last = String::new();
        let address = self.brokers.first().context("no brokers")?.address;
        let mut steady = (Layout::default(), 0_u32);
        let spread =
            clock::poll("spreading the partitions", Duration::from_secs(120), Duration::from_millis(250), || {
                let layout = Connection::open(address)?.leaders(topic)?;
                let counts = counts(&layout);
                last = format!("{counts:?}");
                let even = counts.len() == brokers && !counts.contains_key(&-1);
                // Balancing moves partitions in steps: wait until nothing moved for two seconds.
                steady = if even && layout == steady.0 { (layout, steady.1.saturating_add(1)) } else { (layout, 0) };
                Ok((steady.1 >= 8).then(|| steady.0.clone()))
            });
        spread.with_context(|| format!("partitions by leader: {last}"))
    }

    /// What all brokers used together in CPU, and the largest peak of memory.
    #[must_use]
    pub fn usage(&self) -> Usage {
        let mut sum = Usage::default();
        for broker in &self.brokers {
            let usage = broker.usage();
            sum.cpu_s += usage.cpu_s;
            sum.resident_bytes = sum.resident_bytes.max(usage.resident_bytes);
            sum.peak_bytes = sum.peak_bytes.max(usage.peak_bytes);
        }
        sum
    }
}

/// Partitions by leader.
#[must_use]
pub fn counts(layout: &Layout) -> BTreeMap<i32, usize> {
    let mut counts = BTreeMap::new();
    for leader in layout.values() {
        let count: &mut usize = counts.entry(*leader).or_default();
        *count = count.saturating_add(1);
    }
    counts
}

impl Broker {
    /// Whether there is a process.
    #[must_use]
    pub fn is_started(&self) -> bool {
        self.process.is_some()
    }

    /// Its process id.
    #[must_use]
    pub fn id(&self) -> Option<u32> {
        self.process.as_ref().map(Process::id)
    }

    /// Sends a signal.
    ///
    /// # Errors
    /// When it does not run.
    pub fn signal(&mut self, signal: Signal) -> Result<()> {
        self.process.as_mut().context("not started")?.signal(signal)
    }

    /// Waits for the end of its process, and forgets it.
    ///
    /// # Errors
    /// When it runs for longer than `limit`.
    pub fn wait_end(&mut self, limit: Duration) -> Result<()> {
        self.peak_bytes = self.peak_bytes.max(self.usage().peak_bytes);
        let mut process = self.process.take().context("not started")?;
        process.wait(limit).map(drop)
    }

    /// What it has used.
    #[must_use]
    pub fn usage(&self) -> Usage {
        let mut usage = self.process.as_ref().map(Process::usage).unwrap_or_default();
        usage.peak_bytes = usage.peak_bytes.max(self.peak_bytes);
        usage
    }

    /// One of its metrics.
    ///
    /// # Errors
    /// When it does not answer, or has no such metric.
    pub fn metric(&self, name: &str) -> Result<f64> {
        let text = http::ask(self.health, "GET", "/metrics", "")?;
        let value = text.lines().find_map(|line| line.strip_prefix(name)?.strip_prefix(' '));
        Ok(value.with_context(|| format!("no metric {name}"))?.trim().parse()?)
    }
}

/// Entry 0 of the metadata log and the metadata bucket's marker.
fn bootstrap(double: &Double, cluster_id: Uuid) -> Result<()> {
    let keys = AccessKeys { id: ACCESS_KEY.to_owned(), secret: "bench".to_owned(), token: None };
    let ask = move || -> BoxFuture<'static, _> {
        let keys = keys.clone();
        Box::pin(async move { Ok(keys) })
    };
    let config = S3Config {
        bucket: METADATA.to_owned(),
        prefix: None,
        region: REGION.to_owned(),
        endpoint: Some(format!("http://{}", double.address).parse()?),
        kms_key_id: None,
        actor: None,
        credentials: Credentials::Custom(std::sync::Arc::new(ask)),
    };
    let store = Store::s3(&config, NAME)?;
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    let bootstrap = Bootstrap::new(cluster_id, "broker-bench", clock::wall_ms());
    runtime.block_on(bootstrap.run(&store, LogOptions::new("broker-bench", 1)))?;
    Ok(())
}

/// Addresses on loopback that are free now.
fn free_addresses(count: usize) -> Result<Vec<SocketAddr>> {
    let bound = (0..count).map(|_| TcpListener::bind("127.0.0.1:0")).collect::<Result<Vec<_>, _>>()?;
    let addresses = bound.iter().map(TcpListener::local_addr).collect::<Result<Vec<_>, _>>()?;
    ensure!(addresses.len() == count, "too few free ports");
    Ok(addresses)
}

/// Partitions by leader, for people.
#[must_use]
pub fn shown(layout: &Layout) -> String {
    let mut text = String::new();
    for (leader, count) in counts(layout) {
        // Writing to a string does not fail.
        let _ = write!(text, "{}{leader}: {count}", if text.is_empty() { "" } else { ", " });
    }
    text
}
