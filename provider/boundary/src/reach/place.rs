//! Where flows begin, and what carries traffic away from a subnet.

use std::collections::BTreeSet;

use super::{Leads, cidr::Cidr};
use crate::model::{
    Fact, Origin, Reason, World,
    compute::{Machine, MachineKind},
    network::{Endpoint, NetworkAcl, Route, RouteTable, RouteTarget, SecurityGroup, Subnet},
};

/// Where flows begin or end: a machine, or a security group where no machine is described.
#[derive(Debug)]
pub(crate) struct Source<'a> {
    /// The machine or the group.
    pub(crate) origin: &'a Origin,
    /// Its groups.
    pub(crate) groups: Vec<&'a SecurityGroup>,
    /// Its subnets.
    pub(crate) subnets: Vec<&'a Subnet>,
    /// Why groups or subnets may be missing.
    pub(crate) unsure: BTreeSet<Reason>,
}

/// What carries a packet away.
#[derive(Debug)]
pub(crate) struct Carried {
    /// The kind of place it comes to.
    pub(crate) leads: Leads,
    /// Its name for people.
    pub(crate) to: String,
    /// Names for contracts.
    pub(crate) names: BTreeSet<String>,
    /// Route or endpoint.
    pub(crate) hop: String,
    /// Why it may not.
    pub(crate) unsure: BTreeSet<Reason>,
}

/// Every machine; in a world without machines, every security group that no endpoint uses.
pub(crate) fn sources(world: &World) -> Vec<Source<'_>> {
    if world.machines.is_empty() {
        let of_endpoints: BTreeSet<&str> =
            world.endpoints.iter().flat_map(|one| &one.security_groups).filter_map(Fact::text).collect();
        let own = world.security_groups.iter().filter(|one| !one.id.text().is_some_and(|id| of_endpoints.contains(id)));
        return own
            .map(|group| Source {
                origin: &group.origin,
                groups: vec![group],
                subnets: subnets_of_vpc(world, &group.vpc),
                unsure: BTreeSet::new(),
            })
            .collect();
    }
    world.machines.iter().map(|machine| source(world, machine)).collect()
}

fn source<'a>(world: &'a World, machine: &'a Machine) -> Source<'a> {
    let mut unsure = BTreeSet::new();
    let mut groups = Vec::new();
    for reference in &machine.security_groups {
        match reference.text().and_then(|id| world.security_group(id)) {
            Some(group) => groups.push(group),
            None => {
                unsure.insert(missing(reference, "ec2:DescribeSecurityGroups"));
            }
        }
    }
    let scaled = world.scaling_groups.iter().filter(|group| {
        let template = group.template.as_ref().and_then(Fact::text);
        machine.kind != MachineKind::Instance
            && template.is_some()
            && (template == machine.id.text() || template == Some(machine.origin.address.as_str()))
    });
    let references: Vec<_> = machine.subnets.iter().chain(scaled.flat_map(|group| &group.subnets)).collect();
    let mut subnets = Vec::new();
    for reference in &references {
        match reference.text().and_then(|id| world.subnet(id)) {
            Some(subnet) => subnets.push(subnet),
            None => {
                unsure.insert(missing(reference, "ec2:DescribeSubnets"));
            }
        }
    }
    if references.is_empty()
        && let Some(group) = groups.first()
    {
        subnets = subnets_of_vpc(world, &group.vpc);
    }
    subnets.sort_by_key(|subnet| &subnet.origin.address);
    subnets.dedup_by_key(|subnet| &subnet.origin.address);
    Source { origin: &machine.origin, groups, subnets, unsure }
}

fn missing(reference: &Fact<String>, api: &str) -> Reason {
    reference.reason().cloned().unwrap_or_else(|| Reason::NotRead {
        source: "aws".into(),
        what: format!("{api} {}", reference.text().unwrap_or_default()),
    })
}

fn subnets_of_vpc<'a>(world: &'a World, vpc: &Fact<String>) -> Vec<&'a Subnet> {
    world.subnets.iter().filter(|one| one.vpc.text().is_some() && one.vpc.text() == vpc.text()).collect()
}

/// The table that serves a subnet: its own, else the VPC's main one. A VPC that this plan makes has an empty main table.
pub(crate) fn tables_of<'a>(world: &'a World, subnet: &Subnet) -> Result<Option<&'a RouteTable>, Reason> {
    let id = subnet.id.text();
    let own = |table: &&RouteTable| id.is_some() && table.subnets.iter().any(|one| one.text() == id);
    if let Some(table) = world.route_tables.iter().find(own) {
        return Ok(Some(table));
    }
    let open = world.route_tables.iter().flat_map(|table| &table.subnets).find_map(Fact::reason);
    if let Some(reason) = open {
        return Err(reason.clone());
    }
    let of_vpc = |table: &&RouteTable| table.vpc.text().is_some() && table.vpc.text() == subnet.vpc.text();
    if let Some(table) = world.route_tables.iter().filter(of_vpc).find(|table| table.main.known() == Some(&true)) {
        return Ok(Some(table));
    }
    let vpc = world.vpcs.iter().find(|one| one.id.text().is_some() && one.id.text() == subnet.vpc.text());
    match vpc {
        Some(vpc) if vpc.origin.change == crate::model::Change::Create => Ok(None),
        _ => Err(Reason::NotRead { source: "aws".into(), what: "ec2:DescribeRouteTables (main table)".into() }),
    }
}

/// Where a route leads.
pub(crate) fn leads_of(world: &World, route: &Route) -> Leads {
    match route.target {
        RouteTarget::InternetGateway | RouteTarget::EgressOnlyGateway => Leads::Internet,
        RouteTarget::NatGateway => nat(world, route),
        RouteTarget::Peering | RouteTarget::TransitGateway | RouteTarget::VpnGateway => Leads::OtherNetwork,
        RouteTarget::Endpoint => Leads::Service,
        RouteTarget::Interface | RouteTarget::Other => Leads::Elsewhere,
    }
}

/// A NAT gateway leads where its own subnet leads; where that is not described, to the internet.
fn nat(world: &World, route: &Route) -> Leads {
    let gateway = world.gateways.iter().find(|one| one.id.text().is_some() && one.id.text() == route.target_id.text());
    let subnet = gateway.and_then(|one| one.subnet.as_ref()).and_then(Fact::text).and_then(|id| world.subnet(id));
    let Some(Ok(Some(table))) = subnet.map(|subnet| tables_of(world, subnet)) else { return Leads::Internet };
    let to_internet = table.routes.iter().any(|one| one.target == RouteTarget::InternetGateway);
    if to_internet || table.more_routes.is_some() || table.routes.is_empty() {
        Leads::Internet
    } else {
        Leads::OtherNetwork
    }
}

/// The routes of a subnet that carry packets to a range; nothing for a range that only the VPC itself has.
pub(crate) fn carried(world: &World, subnet: &Subnet, to: Option<Cidr>) -> Vec<Carried> {
    let table = match tables_of(world, subnet) {
        Ok(Some(table)) => table,
        Ok(None) => return Vec::new(),
        Err(reason) => return vec![not_known(&subnet.origin.address, reason)],
    };
    let mut found: Vec<Carried> = table.routes.iter().filter_map(|route| by_route(world, table, route, to)).collect();
    found.extend(table.more_routes.clone().map(|reason| not_known(&table.origin.address, reason)));
    found
}

fn not_known(address: &str, reason: Reason) -> Carried {
    Carried {
        leads: Leads::Elsewhere,
        to: format!("routes of {address} that were not read"),
        names: BTreeSet::new(),
        hop: address.to_owned(),
        unsure: [reason].into(),
    }
}

fn by_route(world: &World, table: &RouteTable, route: &Route, to: Option<Cidr>) -> Option<Carried> {
    let mut unsure = BTreeSet::new();
    match (route.destination.text().and_then(Cidr::read), to) {
        (Some(destination), Some(to)) if !destination.overlaps(to) => return None,
        (Some(_), _) => {}
        (None, _) => unsure.extend(route.destination.reason().cloned()),
    }
    let target = route.target_id.text().map_or_else(|| route.origin.address.clone(), str::to_owned);
    let destination = route.destination.text().unwrap_or("a range that is not known");
    let leads = leads_of(world, route);
    let mut names: BTreeSet<String> = [target.clone(), route.origin.address.clone(), destination.to_owned()].into();
    if leads == Leads::Internet {
        names.insert("internet".into());
    }
    let gateway = world.gateways.iter().find(|one| one.id.text().is_some() && one.id.text() == route.target_id.text());
    if let Some(gateway) = gateway {
        names.insert(gateway.origin.address.clone());
        names.extend(gateway.peer.as_ref().and_then(Fact::text).map(str::to_owned));
    }
    Some(Carried {
        leads,
        to: format!("{destination} through {target}"),
        names,
        hop: format!("route {destination} -> {target} ({})", table.origin.address),
        unsure,
    })
}

/// Short name of a service: `s3` of `com.amazonaws.eu-central-1.s3`.
pub(crate) fn service_name(service: &str) -> &str {
    match service.split_once(".amazonaws.") {
        Some((_, rest)) => rest.split_once('.').map_or(rest, |(_, name)| name),
        None => service,
    }
}

/// The endpoint as an end of flows.
pub(crate) fn end_at(endpoint: &Endpoint) -> Carried {
    let service = endpoint.service.text().map_or("a service that is not known", service_name);
    let mut names: BTreeSet<String> = [format!("service:{service}"), endpoint.origin.address.clone()].into();
    names.extend(endpoint.id.text().map(str::to_owned));
    Carried {
        leads: Leads::Service,
        to: format!("service:{service}"),
        names,
        hop: format!("endpoint {}", endpoint.origin.address),
        unsure: endpoint.service.reason().cloned().into_iter().collect(),
    }
}

/// The network ACL that guards a subnet, where one is described.
pub(crate) fn acl_of<'a>(world: &'a World, subnet: &Subnet) -> Option<&'a NetworkAcl> {
    let id = subnet.id.text()?;
    world.network_acls.iter().find(|acl| acl.subnets.iter().any(|one| one.text() == Some(id))).or_else(|| {
        let of_vpc =
            |acl: &&NetworkAcl| acl.is_default && acl.vpc.text().is_some() && acl.vpc.text() == subnet.vpc.text();
        world.network_acls.iter().find(of_vpc)
    })
}
