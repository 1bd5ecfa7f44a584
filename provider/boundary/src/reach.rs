//! What the network admits: from the brokers outwards and to the brokers inwards, hop by hop.
//!
//! A flow exists where a security group admits it, the network ACL of the subnet does not refuse it, and a route, an
//! endpoint or the VPC itself carries it. Routing is the most specific route; answers to admitted connections are not
//! flows. What is not known makes a flow unsure with its reasons, never absent.
//!
//! It does not know what travels (policies do) and not who approved it (the contract does). Instances that forward, and
//! what happens behind a peering or a gateway, are outside: the flow ends there and says so.

pub mod cidr;
mod place;
mod walk;

use std::collections::BTreeSet;

use serde::{Deserialize, Serialize};

use crate::model::{EvidenceId, Reason, World, network::Direction, origin::Place};

pub(crate) use place::{leads_of, service_name};

/// Most flows that are listed; a world with more has one that says so.
pub const FLOWS_MAX: usize = 20_000;

/// One thing that can be reached.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub struct Flow {
    /// Out of the brokers, or in.
    pub direction: Direction,
    /// Where it begins, for people.
    pub from: String,
    /// Where it ends, for people.
    pub to: String,
    /// `tcp`, `udp`, `-1` for all.
    pub protocol: String,
    /// First and last port; none for all.
    pub ports: Option<(i64, i64)>,
    /// What kind of place it leads to.
    pub leads: Leads,
    /// Rule, network ACL, route or endpoint that carry it, in order.
    pub hops: Vec<String>,
    /// Why it may not exist after all; empty when it does.
    pub unsure: BTreeSet<Reason>,
    /// Names under which contracts may approve its beginning.
    pub from_names: BTreeSet<String>,
    /// Names under which contracts may approve its end.
    pub to_names: BTreeSet<String>,
    /// Terraform address of the rule or route that opens it.
    pub address: String,
    /// Where that stands.
    pub place: Option<Place>,
    /// What proves it.
    pub evidence: Option<EvidenceId>,
}

/// What kind of place a flow leads to, or comes from.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Leads {
    /// The same VPC.
    Vpc,
    /// An AWS service, through an endpoint.
    Service,
    /// Another network: peering, transit gateway, VPN.
    OtherNetwork,
    /// The internet.
    Internet,
    /// An instance or interface that may forward, or a target outside the model.
    Elsewhere,
}

/// Every flow out of the machines of a world, and into them. A world without machines is judged by its security groups.
pub fn flows(world: &World) -> Vec<Flow> {
    let mut found = BTreeSet::new();
    for source in place::sources(world) {
        for flow in walk::out_of(world, &source).into_iter().chain(walk::into(world, &source)) {
            if found.len() >= FLOWS_MAX {
                found.insert(walk::too_many(&source));
                return found.into_iter().collect();
            }
            found.insert(flow);
        }
    }
    found.into_iter().collect()
}
