//! The network of namespaces: an outer namespace that the machine has no route to, with a bridge, and one
//! namespace for each instance and client, joined to that bridge.
//!
//! Invariant: from an instance, packets reach the store, the other instances and the clients, each on the declared ports,
//! and nothing else. What is sent elsewhere has its route into the instance's own loopback, where it is counted and dropped.

use std::net::{Ipv4Addr, SocketAddr};
use std::sync::{Arc, Mutex, PoisonError};

use anyhow::{Context, Result};

use super::address::{METADATA, Plan, STORE};
use super::firewall::{self, Ports, Set};
use super::namespace::{self, Namespace, outer_name};
use super::relay;
use crate::host::limits;
use crate::host::listener::Listener;

/// The outer namespace and everything joined to it.
#[derive(Debug)]
pub(in crate::host) struct Bridge {
    // Dropped before the namespace it listens in.
    _relay: Listener,
    outer: Namespace,
    ports: Ports,
    joined: Arc<Mutex<Joined>>,
}

#[derive(Debug, Default)]
struct Joined {
    plan: Plan,
    members: Vec<Member>,
    count: u32,
}

#[derive(Debug, Clone)]
struct Member {
    namespace: String,
    address: Ipv4Addr,
    set: Set,
}

/// A place on the network: a namespace with an address. Both are given up when it is dropped.
#[derive(Debug)]
pub(in crate::host) struct Seat {
    pub(super) namespace: Namespace,
    pub(super) address: Ipv4Addr,
    joined: Arc<Mutex<Joined>>,
}

impl Drop for Seat {
    fn drop(&mut self) {
        let mut joined = self.joined.lock().unwrap_or_else(PoisonError::into_inner);
        joined.members.retain(|member| member.namespace != self.namespace.name());
        joined.plan.release(self.address);
    }
}

impl Bridge {
    /// Makes the outer namespace with the store's address on its bridge, and the relay from there to `store`.
    pub(super) fn create(ports: Ports, store: SocketAddr) -> Result<Self> {
        for name in namespace::sweep() {
            eprintln!("host: removed the namespace {name} of a run that is gone");
        }
        let outer = Namespace::create(outer_name())?;
        outer.ip(&["link", "add", DEVICE, "type", "bridge"])?;
        outer.ip(&["addr", "add", &format!("{STORE}/32"), "dev", DEVICE])?;
        outer.ip(&["link", "set", DEVICE, "up"])?;
        let relay = relay::start(&outer, STORE, limits::STORE_PORT, store)?;
        Ok(Self { _relay: relay, outer, ports, joined: Arc::default() })
    }

    /// The outer namespace: where the store's relay listens and health is asked from.
    pub(super) fn outer(&self) -> &Namespace {
        &self.outer
    }

    /// Seats an instance at the address EC2 gave it.
    pub(super) fn seat_instance(&self, label: &str, address: Ipv4Addr) -> Result<Seat> {
        let mut joined = self.joined.lock().unwrap_or_else(PoisonError::into_inner);
        joined.plan.instance(address)?;
        let seat = self.join(&mut joined, label, address, Set::Peers)?;
        let metadata = format!("{METADATA}/32");
        seat.namespace.ip(&["addr", "add", &metadata, "dev", "lo"])?;
        // No way out: what has no declared path is routed to the loopback, so that the firewall sees and counts it.
        seat.namespace.ip(&["route", "add", "default", "dev", "lo"])?;
        Ok(seat)
    }

    /// Seats a client at the next free address.
    pub(super) fn seat_client(&self) -> Result<Seat> {
        let mut joined = self.joined.lock().unwrap_or_else(PoisonError::into_inner);
        let address = joined.plan.client()?;
        let [.., last] = address.octets();
        self.join(&mut joined, &format!("client{last}"), address, Set::Clients)
    }

    /// The paths an instance's packets may take, one a line.
    pub(super) fn declared(&self) -> Vec<String> {
        firewall::declared(self.ports)
    }

    fn join(&self, joined: &mut Joined, label: &str, address: Ipv4Addr, set: Set) -> Result<Seat> {
        let namespace = Namespace::create(format!("{}-{label}", self.outer.name()))?;
        joined.count += 1;
        let outside = format!("v{}", joined.count);
        self.outer.ip(&["link", "add", &outside, "type", "veth", "peer", "name", "eth0", "netns", namespace.name()])?;
        self.outer.ip(&["link", "set", &outside, "master", DEVICE, "up"])?;
        namespace.ip(&["addr", "add", &format!("{address}/32"), "dev", "eth0"])?;
        namespace.ip(&["link", "set", "eth0", "up"])?;
        self.outer.ip(&["route", "replace", &host(address), "dev", DEVICE])?;
        if set == Set::Peers {
            namespace.ip(&["route", "add", &host(STORE), "dev", "eth0"])?;
            firewall::install(&namespace, address, self.ports)?;
        }
        let newcomer = Member { namespace: namespace.name().to_owned(), address, set };
        for member in &joined.members {
            introduce(&newcomer, member)?;
            introduce(member, &newcomer)?;
        }
        joined.members.push(newcomer);
        Ok(Seat { namespace, address, joined: Arc::clone(&self.joined) })
    }
}

/// Gives `to` a route to `whom`, and admits it when `to` has a firewall.
fn introduce(to: &Member, whom: &Member) -> Result<()> {
    if (to.set, whom.set) == (Set::Clients, Set::Clients) {
        return Ok(()); // clients have nothing to say to each other
    }
    let route = ["-n", &to.namespace, "route", "replace", &host(whom.address), "dev", "eth0"];
    namespace::ip(&route).with_context(|| format!("no route from {} to {}", to.namespace, whom.address))?;
    if to.set == Set::Peers { firewall::admit(&to.namespace, whom.set, whom.address) } else { Ok(()) }
}

fn host(address: Ipv4Addr) -> String {
    format!("{address}/32")
}

/// Name of the bridge's device.
const DEVICE: &str = "bridge";
