//! From a rule to the flows that it opens.

use std::collections::BTreeSet;

use super::{
    Flow, Leads,
    cidr::Cidr,
    place::{Carried, Source, acl_of, carried, end_at, tables_of},
};
use crate::model::{
    Fact, Reason, World,
    network::{Direction, Endpoint, NetworkAcl, Peer, Rule, SecurityGroup, Subnet},
};

/// What a network ACL says of a range.
enum Admits {
    Yes,
    Partly(Reason),
    No,
}

/// Flows out of a source.
pub(super) fn out_of(world: &World, source: &Source<'_>) -> Vec<Flow> {
    let mut found = Vec::new();
    for (group, rule) in rules(source, Direction::Egress) {
        let (to, range) = end_of(world, group, &rule.peer);
        for subnet in &source.subnets {
            let guard = guarded(world, subnet, rule, range);
            let Some((guard_hop, guard_reasons)) = guard else { continue };
            for mut end in ends(world, subnet, rule, range, &to) {
                end.unsure.extend(guard_reasons.iter().cloned());
                found.push(flow(source, group, rule, Some(subnet), guard_hop.clone(), end));
            }
        }
        if source.subnets.is_empty() {
            let mut end = to;
            end.unsure.insert(Reason::NotRead { source: "aws".into(), what: "ec2:DescribeSubnets".into() });
            found.push(flow(source, group, rule, None, None, end));
        }
    }
    found.extend(unread(source, Direction::Egress));
    found
}

/// Flows into a source: what its groups admit from the VPC, from connected networks and from the internet.
pub(super) fn into(world: &World, source: &Source<'_>) -> Vec<Flow> {
    let mut found = Vec::new();
    for (group, rule) in rules(source, Direction::Ingress) {
        let (from, range) = end_of(world, group, &rule.peer);
        for subnet in &source.subnets {
            let Some((guard_hop, reasons)) = guarded(world, subnet, rule, range) else { continue };
            let mut from = Carried {
                names: from.names.clone(),
                to: from.to.clone(),
                hop: String::new(),
                unsure: from.unsure.clone(),
                leads: comes_from(world, subnet, range),
            };
            from.unsure.extend(reasons);
            found.push(flow(source, group, rule, Some(subnet), guard_hop, from));
        }
    }
    found.extend(unread(source, Direction::Ingress));
    found
}

/// Inwards only the internet matters beside the VPC: a range outside it needs a way in.
fn comes_from(world: &World, subnet: &Subnet, range: Option<Cidr>) -> Leads {
    let Some(range) = range else { return Leads::Vpc };
    if vpc_ranges(world, subnet).iter().any(|vpc| vpc.contains(range)) {
        return Leads::Vpc;
    }
    let ways = carried(world, subnet, Some(range));
    let worst = ways.iter().map(|way| way.leads).max();
    worst.filter(|leads| *leads != Leads::Service).unwrap_or(Leads::Vpc)
}

fn rules<'a>(source: &Source<'a>, direction: Direction) -> Vec<(&'a SecurityGroup, &'a Rule)> {
    let all = source.groups.iter().flat_map(|group| group.rules.iter().map(move |rule| (*group, rule)));
    all.filter(|(_, rule)| rule.direction == direction).collect()
}

/// The other side of a rule: its names, and its range where it is one.
fn end_of(world: &World, group: &SecurityGroup, peer: &Peer) -> (Carried, Option<Cidr>) {
    let blank = |to: String| Carried {
        leads: Leads::Vpc,
        names: [to.clone()].into(),
        to,
        hop: String::new(),
        unsure: BTreeSet::new(),
    };
    match peer {
        Peer::Cidr(range) => {
            let mut end = blank(range.text().unwrap_or("a range that is not known").to_owned());
            end.unsure.extend(range.reason().cloned());
            let read = range.text().and_then(Cidr::read);
            // The range of a VPC of this plan may be a symbol.
            if read.is_none()
                && let Some(vpc) = world.vpcs.iter().find(|vpc| vpc.cidrs.iter().any(|one| one.text() == range.text()))
            {
                end.names.insert(vpc.origin.address.clone());
            }
            (end, read)
        }
        Peer::PrefixList(list) => {
            let mut end = blank(list.text().unwrap_or("a prefix list that is not known").to_owned());
            end.unsure.extend(list.reason().cloned());
            (end, None)
        }
        Peer::Group(id) => {
            let mut end = blank(id.text().unwrap_or("a security group that is not known").to_owned());
            if let Some(other) = id.text().and_then(|id| world.security_group(id)) {
                end.names.extend(names_of(other));
                end.to.clone_from(&other.origin.address);
            }
            end.unsure.extend(id.reason().cloned());
            (end, None)
        }
        Peer::Itself => {
            let mut end = blank(group.origin.address.clone());
            end.names.extend(names_of(group));
            end.names.insert("self".into());
            (end, None)
        }
        Peer::Unknown(reason) => {
            let mut end = blank("a peer that is not known".into());
            end.unsure.insert(reason.clone());
            (end, None)
        }
    }
}

fn names_of(group: &SecurityGroup) -> BTreeSet<String> {
    let texts = [group.id.text(), group.name.text(), Some(group.origin.address.as_str())];
    texts.into_iter().flatten().map(str::to_owned).collect()
}

/// Everywhere that a rule leads from a subnet.
fn ends(world: &World, subnet: &Subnet, rule: &Rule, range: Option<Cidr>, to: &Carried) -> Vec<Carried> {
    let copy = |leads| Carried {
        leads,
        to: to.to.clone(),
        names: to.names.clone(),
        hop: String::new(),
        unsure: to.unsure.clone(),
    };
    match &rule.peer {
        Peer::PrefixList(list) => by_prefix_list(world, subnet, list, to),
        Peer::Group(id) => {
            let mut found = vec![copy(Leads::Vpc)];
            let uses = |one: &&Endpoint| {
                id.text().is_some() && one.security_groups.iter().any(|group| group.text() == id.text())
            };
            found.extend(world.endpoints.iter().filter(uses).map(|one| with(end_at(one), to)));
            found
        }
        Peer::Itself | Peer::Unknown(_) => vec![copy(Leads::Vpc)],
        Peer::Cidr(fact) => {
            let mut found = Vec::new();
            let inside = range.is_none_or(|range| vpc_ranges(world, subnet).iter().any(|vpc| vpc.overlaps(range)));
            if inside {
                found.push(copy(Leads::Vpc));
            }
            if range.is_some() || fact.reason().is_some() {
                found.extend(carried(world, subnet, range).into_iter().map(|one| joined(one, to)));
                let wide = range.is_none_or(|range| range.size_bits() >= 24);
                found.extend(gateways(world, subnet).filter(|_| wide).map(|one| with(end_at(one), to)));
            }
            found
        }
    }
}

/// A service keeps the rule's names out: whoever approves the rule's range does not approve every service behind it.
fn with(mut end: Carried, to: &Carried) -> Carried {
    end.unsure.extend(to.unsure.iter().cloned());
    end.names.extend(to.names.iter().filter(|name| !name.contains('/')).cloned());
    end
}

/// A route's end is approved as the route's target, or as the very range of the rule.
fn joined(mut end: Carried, to: &Carried) -> Carried {
    end.unsure.extend(to.unsure.iter().cloned());
    end.names.extend(to.names.iter().cloned());
    end
}

fn vpc_ranges(world: &World, subnet: &Subnet) -> Vec<Cidr> {
    let vpc = world.vpcs.iter().find(|one| one.id.text().is_some() && one.id.text() == subnet.vpc.text());
    let own = subnet.cidrs.iter();
    vpc.into_iter().flat_map(|vpc| &vpc.cidrs).chain(own).filter_map(|one| Cidr::read(one.text()?)).collect()
}

/// Gateway endpoints in the table of a subnet.
fn gateways<'a>(world: &'a World, subnet: &Subnet) -> impl Iterator<Item = &'a Endpoint> {
    let table = tables_of(world, subnet).ok().flatten().and_then(|table| table.id.text());
    world.endpoints.iter().filter(move |one| table.is_some() && one.route_tables.iter().any(|id| id.text() == table))
}

fn by_prefix_list(world: &World, subnet: &Subnet, list: &Fact<String>, to: &Carried) -> Vec<Carried> {
    let is = |one: &&Endpoint| {
        let own = match &one.prefix_list {
            Fact::Known(own) => own.as_deref(),
            Fact::Symbolic(symbol) => Some(symbol.as_str()),
            Fact::Unknown(_) => None,
        };
        list.text().is_some() && own == list.text()
    };
    let found: Vec<_> = gateways(world, subnet).filter(is).map(|one| with(end_at(one), to)).collect();
    if !found.is_empty() {
        return found;
    }
    // A list of ranges, or AWS's own list that no endpoint of this subnet serves: it leads where routes lead.
    let ranges = world.prefix_lists.iter().find(|one| one.id.text().is_some() && one.id.text() == list.text());
    let Some(Fact::Known(ranges)) = ranges.map(|one| &one.cidrs) else {
        return carried(world, subnet, None).into_iter().map(|one| joined(one, to)).collect();
    };
    let ranges = ranges.iter().filter_map(|one| Cidr::read(one));
    ranges.flat_map(|range| carried(world, subnet, Some(range))).map(|one| joined(one, to)).collect()
}

/// Whether the subnet's network ACL lets it through: the hop, and why that is not sure.
fn guarded(
    world: &World,
    subnet: &Subnet,
    rule: &Rule,
    range: Option<Cidr>,
) -> Option<(Option<String>, BTreeSet<Reason>)> {
    let Some(acl) = acl_of(world, subnet) else { return Some((None, BTreeSet::new())) };
    let hop = Some(format!("network ACL {}", acl.origin.address));
    match admits(acl, rule, range) {
        Admits::Yes => Some((hop, BTreeSet::new())),
        Admits::Partly(reason) => Some((hop, [reason].into())),
        Admits::No => None,
    }
}

fn admits(acl: &NetworkAcl, wanted: &Rule, range: Option<Cidr>) -> Admits {
    let mut rules: Vec<&Rule> = acl.rules.iter().filter(|one| one.direction == wanted.direction).collect();
    rules.sort_by_key(|one| one.number.known().copied().unwrap_or(i64::MAX));
    for rule in rules {
        let Peer::Cidr(peer) = &rule.peer else { continue };
        let Some(peer) = peer.text().and_then(Cidr::read) else {
            return Admits::Partly(Reason::Unsupported {
                construct: format!("a rule of {} without a range", acl.origin.address),
            });
        };
        let (covers, touches) = match range {
            Some(range) => (peer.contains(range), peer.overlaps(range)),
            None => (peer.size_bits() >= 32, true),
        };
        if !touches || !protocols_meet(rule, wanted) {
            continue;
        }
        return match (rule.allows.known(), covers) {
            (Some(true), true) => Admits::Yes,
            (Some(false), true) if ports_cover(rule, wanted) => Admits::No,
            _ => continue,
        };
    }
    // No rule covers it as a whole: parts of it pass where an allowing rule touches it.
    let touched = acl.rules.iter().any(|one| {
        let meets =
            one.direction == wanted.direction && one.allows.known() == Some(&true) && protocols_meet(one, wanted);
        let Peer::Cidr(peer) = &one.peer else { return false };
        let peer = peer.text().and_then(Cidr::read);
        meets && range.is_none_or(|range| peer.is_some_and(|peer| peer.overlaps(range)))
    });
    if touched { Admits::Yes } else { Admits::No }
}

fn protocols_meet(rule: &Rule, wanted: &Rule) -> bool {
    let number = |text: Option<&str>| match text {
        Some("6") => "tcp".to_owned(),
        Some("17") => "udp".to_owned(),
        Some("all") | None => "-1".to_owned(),
        Some(other) => other.to_owned(),
    };
    let (one, other) = (number(rule.protocol.text()), number(wanted.protocol.text()));
    let ports = match (rule.ports.known(), wanted.ports.known()) {
        (Some(Some((first, last))), Some(Some((from, to)))) => first <= to && from <= last,
        _ => true,
    };
    (one == "-1" || other == "-1" || one == other) && ports
}

fn ports_cover(rule: &Rule, wanted: &Rule) -> bool {
    match (rule.ports.known(), wanted.ports.known()) {
        (Some(None), _) => true,
        (Some(Some((first, last))), Some(Some((from, to)))) => first <= from && to <= last,
        _ => false,
    }
}

fn flow(
    source: &Source<'_>,
    group: &SecurityGroup,
    rule: &Rule,
    subnet: Option<&Subnet>,
    guard: Option<String>,
    end: Carried,
) -> Flow {
    let mut from_names = names_of(group);
    from_names.insert(source.origin.address.clone());
    let subnet_names = subnet.into_iter().flat_map(|one| [one.id.text(), Some(one.origin.address.as_str())]);
    from_names.extend(subnet_names.flatten().map(str::to_owned));
    let mut hops = vec![format!("rule {}", rule.origin.address)];
    hops.extend(guard);
    hops.extend(Some(end.hop).filter(|hop| !hop.is_empty()));
    let mut unsure = end.unsure;
    unsure.extend(source.unsure.iter().cloned());
    unsure.extend([rule.ports.reason(), rule.protocol.reason()].into_iter().flatten().cloned());
    let own = source.origin.address.clone();
    let outwards = rule.direction == Direction::Egress;
    let (from, to) = if outwards { (own, end.to) } else { (end.to, own) };
    let (from_names, to_names) = if outwards { (from_names, end.names) } else { (end.names, from_names) };
    Flow {
        direction: rule.direction,
        from,
        to,
        protocol: rule.protocol.text().unwrap_or("-1").to_owned(),
        ports: rule.ports.known().copied().flatten(),
        leads: end.leads,
        hops,
        unsure,
        from_names,
        to_names,
        address: rule.origin.address.clone(),
        place: rule.origin.place.clone(),
        evidence: rule.origin.evidence.clone(),
    }
}

/// A group whose rules were not all read, and a machine whose groups are not known.
fn unread(source: &Source<'_>, direction: Direction) -> Vec<Flow> {
    let mut reasons: BTreeSet<Reason> = source.groups.iter().filter_map(|group| group.more_rules.clone()).collect();
    if source.groups.is_empty() {
        reasons.extend(source.unsure.iter().cloned());
    }
    if reasons.is_empty() {
        return Vec::new();
    }
    vec![marker(source, direction, "rules that were not read", reasons)]
}

/// The flow that says that there are more.
pub(super) fn too_many(source: &Source<'_>) -> Flow {
    let reason = Reason::Unsupported { construct: format!("more than {} flows", super::FLOWS_MAX) };
    marker(source, Direction::Egress, "further places", [reason].into())
}

fn marker(source: &Source<'_>, direction: Direction, what: &str, unsure: BTreeSet<Reason>) -> Flow {
    Flow {
        direction,
        from: source.origin.address.clone(),
        to: what.to_owned(),
        protocol: "-1".into(),
        ports: None,
        leads: Leads::Elsewhere,
        hops: Vec::new(),
        unsure,
        from_names: [source.origin.address.clone()].into(),
        to_names: BTreeSet::new(),
        address: source.origin.address.clone(),
        place: source.origin.place.clone(),
        evidence: source.origin.evidence.clone(),
    }
}
