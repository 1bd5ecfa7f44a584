//! The host that plays EC2: it watches the auto scaling groups of the emulated AWS, and boots for each of their instances
//! exactly the bytes that DescribeLaunchTemplateVersions returns, in a network of its own.
//!
//! Invariant: nothing is executed on an instance but its user-data and what that starts. Every instance has an address, the
//! metadata service, a route to the store, to its peers and to clients, and no other way out; packets that try are counted.
//! It does not know terraform, the provider or the broker's protocol.

mod client;
mod cloud;
mod http;
mod instance;
mod limits;
mod listener;
pub mod machine;
mod metadata;
mod network;
mod watcher;

use std::net::SocketAddr;
use std::path::PathBuf;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use anyhow::{Context, Result, bail};

pub use client::Client;
pub use http::Response;
pub use instance::{Boot, Instance, Launch, UnitSettings};
pub use limits::{HEALTH_PORT, KAFKA_PORT, STORE_PORT};
pub use network::{METADATA, Packets, STORE};

use crate::clock::{Poll, poll};
use cloud::Cloud;
use instance::Site;
use metadata::Facts;
use network::{Network, Ports};
use watcher::Watcher;

/// What a host needs to know.
#[derive(Debug, Clone)]
pub struct HostConfig {
    /// The emulated AWS on this machine's loopback.
    pub localstack: SocketAddr,
    /// The region whose groups are watched.
    pub region: String,
    /// Folder for consoles and logs, one below it for each instance.
    pub folder: PathBuf,
    /// The acceptance program, which also is what runs inside the instances.
    pub program: PathBuf,
    /// The brokers' Kafka port.
    pub kafka_port: u16,
    /// The brokers' health port.
    pub health_port: u16,
    /// How far instances are kept apart.
    pub isolation: Isolation,
}

/// How far instances are kept apart from the machine and from each other.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Isolation {
    /// Each in namespaces of its own, its packets counted.
    Namespaces,
    /// Plain processes at addresses of the loopback: for machines that permit no namespaces.
    Loopback,
}

impl HostConfig {
    /// A configuration with the usual ports, the running program, and namespaces where they are permitted.
    ///
    /// # Errors
    /// When the running program has no path.
    pub fn new(localstack: SocketAddr, region: &str, folder: PathBuf) -> Result<Self> {
        let program = running_program()?;
        let (region, kafka_port, health_port) = (region.to_owned(), KAFKA_PORT, HEALTH_PORT);
        let isolation = if Host::possible().is_ok() { Isolation::Namespaces } else { Isolation::Loopback };
        Ok(Self { localstack, region, folder, program, kafka_port, health_port, isolation })
    }
}

/// The path of this program. Cargo may have linked it anew since it started, at the same path; Linux then names the old file.
fn running_program() -> Result<PathBuf> {
    let path = std::env::current_exe().context("this program has no path")?;
    let anew = path.to_str().and_then(|text| text.strip_suffix(" (deleted)")).map(PathBuf::from);
    Ok(anew.filter(|anew| anew.exists()).unwrap_or(path))
}

/// A running host. Dropping it ends every instance and removes every namespace.
pub struct Host {
    // Fields are dropped in this order: the watcher first, so that nothing boots any more, the network last.
    watcher: Mutex<Option<Watcher>>,
    instances: Arc<Mutex<Vec<Arc<Instance>>>>,
    site: Arc<Site>,
}

impl Host {
    /// Says why instances cannot have namespaces of their own here, if so: not root, tools missing, or not permitted.
    ///
    /// # Errors
    /// The reason.
    pub fn possible() -> Result<()> {
        network::permitted()
    }

    /// Builds the network. Namespaces that dead runs left are removed first. Nothing boots before [`Host::watch`].
    ///
    /// # Errors
    /// When the machine does not permit it; [`Host::possible`] tells beforehand.
    pub fn start(config: HostConfig) -> Result<Self> {
        let ports = Ports { kafka: config.kafka_port, health: config.health_port };
        let network = Network::create(config.isolation, ports, config.localstack);
        let network = Arc::new(network.context("the instances' network cannot be made")?);
        std::fs::create_dir_all(&config.folder)?;
        let folder = config.folder.canonicalize()?;
        let site = Site {
            network,
            cloud: Cloud::new(config.localstack, config.region),
            folder,
            program: config.program,
            hidden: vec![crate::environment::workspace(), crate::environment::cache(), crate::environment::home()],
            ports,
        };
        Ok(Self { watcher: Mutex::new(None), instances: Arc::default(), site: Arc::new(site) })
    }

    /// How far instances are kept apart.
    #[must_use]
    pub fn isolation(&self) -> Isolation {
        match *self.site.network {
            Network::Bridge(_) => Isolation::Namespaces,
            Network::Loopback { .. } => Isolation::Loopback,
        }
    }

    /// The store's URL as instances see it: the `s3_endpoint` of a broker group.
    #[must_use]
    pub fn store_url(&self) -> String {
        format!("http://{}", self.site.network.store())
    }

    /// Boots the instances of every auto scaling group from now on, and ends those that are terminated.
    pub fn watch(&self) {
        let watcher = Watcher::start(Arc::clone(&self.site), Arc::clone(&self.instances));
        *self.watcher.lock().unwrap_or_else(PoisonError::into_inner) = Some(watcher);
    }

    /// Every instance booted so far, ended ones included, in the order of their boot.
    #[must_use]
    pub fn instances(&self) -> Vec<Arc<Instance>> {
        self.instances.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// Waits until `count` instances of groups have booted successfully.
    ///
    /// # Errors
    /// With the output of the first instance that failed, or of all when the deadline passes.
    pub fn wait_booted(&self, count: usize, limit: Duration) -> Result<Vec<Arc<Instance>>> {
        let what = format!("the boot of {count} instances");
        poll(&what, limit, || {
            let instances: Vec<_> = self.instances().into_iter().filter(|one| !one.group().is_empty()).collect();
            if let Some(failed) = instances.iter().find(|one| matches!(one.boot(), Boot::Failed(_) | Boot::Lost)) {
                bail!("{} ended its boot with {:?}:\n{}", failed.id(), failed.boot(), failed.output());
            }
            let booted: Vec<_> = instances.iter().filter(|one| one.boot() == Boot::Succeeded).cloned().collect();
            if booted.len() >= count {
                return Ok(Poll::Ready(booted));
            }
            let outputs: Vec<_> = instances.iter().map(|one| format!("{}:\n{}", one.id(), one.output())).collect();
            Ok(Poll::Pending(format!("{} of {} booted\n{}", booted.len(), instances.len(), outputs.join("\n"))))
        })
    }

    /// Boots one instance outside of any group, from bytes the caller names: [`Instance::as_launch`] with a flipped byte, say.
    ///
    /// # Errors
    /// When the address or the profile is not usable.
    pub fn launch(&self, launch: Launch) -> Result<Arc<Instance>> {
        let role = launch.profile.as_deref().map(|profile| self.site.cloud.role(profile)).transpose()?;
        let facts = Facts {
            hostname: network::hostname(launch.address),
            instance_id: launch.instance_id,
            address: launch.address,
            zone: launch.zone,
            region: self.site.cloud.region().to_owned(),
            account: "000000000000".to_owned(),
            image_id: "ami-00000000".to_owned(),
            instance_type: "t3.micro".to_owned(),
            user_data: launch.user_data,
            profile: launch.profile,
            role,
        };
        let instance = Arc::new(Instance::boot_at(&self.site, facts, String::new())?);
        self.instances.lock().unwrap_or_else(PoisonError::into_inner).push(Arc::clone(&instance));
        Ok(instance)
    }

    /// Ends an instance at once, as if it were terminated.
    pub fn terminate(&self, instance: &Instance) {
        instance.end();
    }

    /// A new client's place on the network.
    ///
    /// # Errors
    /// When the namespace cannot be made.
    pub fn client(&self) -> Result<Client> {
        Ok(Client::new(self.site.network.seat_client()?))
    }

    /// The packets of all instances, ended ones included: `undeclared` must be zero.
    ///
    /// # Errors
    /// When an instance's counters cannot be read.
    pub fn packets(&self) -> Result<Packets> {
        let mut sum = Packets { counted: self.isolation() == Isolation::Namespaces, ..Packets::default() };
        for instance in self.instances() {
            sum.add(&instance.packets()?);
        }
        Ok(sum)
    }

    /// The paths that count as declared, one a line.
    #[must_use]
    pub fn declared_paths(&self) -> Vec<String> {
        self.site.network.declared()
    }
}

impl Drop for Host {
    fn drop(&mut self) {
        drop(self.watcher.lock().unwrap_or_else(PoisonError::into_inner).take());
        // The caller may hold instances longer than the host: they end here all the same.
        self.instances().iter().for_each(|instance| instance.power_off());
        self.instances().iter().for_each(|instance| instance.end());
    }
}
