//! The packet counters in an instance's namespace: what is on the declared list passes, everything else is counted,
//! remembered by destination, and dropped.

use std::net::Ipv4Addr;
use std::process::Command;

use anyhow::{Context, Result};
use serde_json::Value;

use super::address::{METADATA, STORE};
use super::namespace::{Namespace, output};
use crate::host::limits;

/// The ports on which instances may be spoken to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(in crate::host) struct Ports {
    pub(in crate::host) kafka: u16,
    pub(in crate::host) health: u16,
}

/// Who an address belongs to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Set {
    Peers,
    Clients,
}

/// What an instance's counters say.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Packets {
    /// False where nothing can be counted: the numbers then say nothing.
    pub counted: bool,
    /// Packets on declared paths, both directions, loopback excluded.
    pub declared: u64,
    /// Packets outside them: must be zero.
    pub undeclared: u64,
    /// Where the undeclared ones were going or came from: `out 8.8.8.8 udp 53`.
    pub offenders: Vec<String>,
}

impl Packets {
    /// Adds the counts of another instance.
    pub(in crate::host) fn add(&mut self, other: &Self) {
        self.declared += other.declared;
        self.undeclared += other.undeclared;
        self.offenders.extend(other.offenders.iter().cloned());
    }
}

/// The declared paths in words.
pub(super) fn declared(ports: Ports) -> Vec<String> {
    let Ports { kafka, health } = ports;
    vec![
        format!("to the store {STORE}, TCP {}", limits::STORE_PORT),
        format!("to and from the other instances, TCP {kafka}"),
        format!("from clients, TCP {kafka}"),
        format!("from the health prober {STORE}, TCP {health}"),
        format!("to the metadata service {METADATA}, TCP 80, inside the instance"),
    ]
}

/// Loads the rules into an instance's namespace.
pub(super) fn install(namespace: &Namespace, own: Ipv4Addr, ports: Ports) -> Result<()> {
    load(namespace.name(), &rules(own, ports)).with_context(|| format!("{} gets no firewall", namespace.name()))
}

/// Lets `address` speak to the instance in the namespace called `namespace`.
pub(super) fn admit(namespace: &str, set: Set, address: Ipv4Addr) -> Result<()> {
    let set = match set {
        Set::Peers => "peers",
        Set::Clients => "clients",
    };
    load(namespace, &format!("add element inet {TABLE} {set} {{ {address} }}"))
}

/// Drops every packet from now on, in both directions and uncounted: what others see of a host that lost power.
pub(super) fn silence(namespace: &Namespace) -> Result<()> {
    load(namespace.name(), &format!("insert rule inet {TABLE} outgoing drop; insert rule inet {TABLE} incoming drop"))
}

/// Reads the counters.
pub(super) fn read(namespace: &Namespace) -> Result<Packets> {
    let text = namespace.run("nft", &["-j", "list", "table", "inet", TABLE])?;
    parse(&serde_json::from_str(&text).context("nft printed no JSON")?)
}

fn load(namespace: &str, rules: &str) -> Result<()> {
    output(Command::new("ip").args(["netns", "exec", namespace, "nft", rules])).map(drop)
}

fn rules(own: Ipv4Addr, ports: Ports) -> String {
    let Ports { kafka, health } = ports;
    let store = limits::STORE_PORT;
    format!(
        "table inet {TABLE} {{
  set peers {{ type ipv4_addr; }}
  set clients {{ type ipv4_addr; }}
  set seen_out {{ type ipv4_addr . inet_proto . inet_service; flags dynamic; size 1024; }}
  set seen_in {{ type ipv4_addr . inet_proto . inet_service; flags dynamic; size 1024; }}
  counter declared {{ }}
  counter undeclared {{ }}
  chain outgoing {{
    type filter hook output priority 0; policy accept;
    oifname lo ip daddr {{ 127.0.0.0/8, {METADATA}, {own} }} accept
    oifname eth0 ip daddr {STORE} tcp dport {store} counter name declared accept
    oifname eth0 ip daddr {STORE} tcp sport {health} counter name declared accept
    oifname eth0 ip daddr @peers tcp dport {kafka} counter name declared accept
    oifname eth0 ip daddr @peers tcp sport {kafka} counter name declared accept
    oifname eth0 ip daddr @clients tcp sport {kafka} counter name declared accept
    update @seen_out {{ ip daddr . meta l4proto . th dport }}
    counter name undeclared drop
  }}
  chain incoming {{
    type filter hook input priority 0; policy accept;
    iifname lo accept
    iifname eth0 ip saddr {STORE} tcp sport {store} counter name declared accept
    iifname eth0 ip saddr {STORE} tcp dport {health} counter name declared accept
    iifname eth0 ip saddr @peers tcp dport {kafka} counter name declared accept
    iifname eth0 ip saddr @peers tcp sport {kafka} counter name declared accept
    iifname eth0 ip saddr @clients tcp dport {kafka} counter name declared accept
    update @seen_in {{ ip saddr . meta l4proto . th dport }}
    counter name undeclared drop
  }}
}}"
    )
}

fn parse(listing: &Value) -> Result<Packets> {
    let objects = listing.get("nftables").and_then(Value::as_array).context("nft listed nothing")?;
    let counter = |name: &str| {
        let counters = objects.iter().filter_map(|object| object.get("counter"));
        let mut named = counters.filter(|counter| counter.get("name").and_then(Value::as_str) == Some(name));
        named.next().and_then(|counter| counter.get("packets")?.as_u64()).with_context(|| format!("no counter {name}"))
    };
    let offenders = ["out", "in"].iter().flat_map(|direction| offenders(objects, direction)).collect();
    Ok(Packets { counted: true, declared: counter("declared")?, undeclared: counter("undeclared")?, offenders })
}

fn offenders(objects: &[Value], direction: &str) -> Vec<String> {
    let name = format!("seen_{direction}");
    let sets = objects.iter().filter_map(|object| object.get("set"));
    let named = sets.filter(|set| set.get("name").and_then(Value::as_str) == Some(&name));
    let elements = named.filter_map(|set| set.get("elem")?.as_array()).flatten();
    elements.map(|element| format!("{direction} {}", words(element.get("concat").unwrap_or(element)))).collect()
}

fn words(element: &Value) -> String {
    let plain = |value: &Value| value.as_str().map_or_else(|| value.to_string(), str::to_owned);
    element.as_array().map_or_else(|| plain(element), |parts| parts.iter().map(plain).collect::<Vec<_>>().join(" "))
}

const TABLE: &str = "ringfence";

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn counters_and_offenders_are_read_from_nfts_listing() {
        let listing = serde_json::json!({ "nftables": [
            { "metainfo": {} },
            { "counter": { "name": "declared", "packets": 7, "bytes": 1 } },
            { "counter": { "name": "undeclared", "packets": 2, "bytes": 1 } },
            { "set": { "name": "peers", "elem": ["10.0.0.1"] } },
            { "set": { "name": "seen_out", "elem": [{ "concat": ["8.8.8.8", "udp", 53] }] } },
            { "set": { "name": "seen_in" } },
        ]});
        let packets = parse(&listing).expect("a listing");
        assert_eq!(
            packets,
            Packets { counted: true, declared: 7, undeclared: 2, offenders: vec!["out 8.8.8.8 udp 53".to_owned()] }
        );
    }

    #[test]
    fn a_listing_without_counters_is_an_error_not_a_zero() {
        assert!(parse(&serde_json::json!({ "nftables": [] })).is_err());
    }
}
