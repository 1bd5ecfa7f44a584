//! The brokers' security group: clients and each other in, the store and each other out, nothing else.

use std::{collections::BTreeSet, fmt};

use aws_sdk_ec2::types::{
    Filter, IpPermission, IpRange, Ipv6Range, PrefixListId, ResourceType, SecurityGroup, UserIdGroupPair,
};
use serde::Serialize;
use tokio_util::sync::CancellationToken;

use crate::{
    client::Aws,
    ec2::tags,
    failure::{Answer, Failure},
    limits,
    ownership::{Ownership, Tags},
    wait,
};

/// Which way a rule lets packets through.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize)]
pub(crate) enum Direction {
    In,
    Out,
}

/// Who is on the other side of a rule.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize)]
pub(crate) enum Peer {
    /// Members of the same group.
    Group,
    /// An IPv4 or IPv6 range.
    Cidr(String),
    /// A prefix list of AWS.
    PrefixList(String),
    /// Another security group.
    Other(String),
}

/// One rule, as `in tcp 9092 10.0.0.0/16`.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize)]
pub(crate) struct Rule {
    pub(crate) direction: Direction,
    pub(crate) protocol: String,
    pub(crate) from: i32,
    pub(crate) to: i32,
    pub(crate) peer: Peer,
}

impl Rule {
    /// TCP on one port.
    pub(crate) fn tcp(direction: Direction, port: u16, peer: Peer) -> Rule {
        Rule { direction, protocol: "tcp".into(), from: port.into(), to: port.into(), peer }
    }
}

impl fmt::Display for Rule {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let direction = if self.direction == Direction::In { "in" } else { "out" };
        let ports = if self.from == self.to { self.from.to_string() } else { format!("{}-{}", self.from, self.to) };
        let peer = match &self.peer {
            Peer::Group => "group",
            Peer::Cidr(text) | Peer::PrefixList(text) | Peer::Other(text) => text,
        };
        match self.protocol.as_str() {
            "-1" => write!(f, "{direction} all {peer}"),
            protocol => write!(f, "{direction} {protocol} {ports} {peer}"),
        }
    }
}

/// The rules of a broker group.
pub(crate) fn rules(port: u16, clients: &BTreeSet<String>, store: Option<&str>) -> BTreeSet<Rule> {
    let mut rules: BTreeSet<Rule> =
        clients.iter().map(|cidr| Rule::tcp(Direction::In, port, Peer::Cidr(cidr.clone()))).collect();
    rules.insert(Rule::tcp(Direction::In, port, Peer::Group));
    rules.insert(Rule::tcp(Direction::Out, port, Peer::Group));
    rules.extend(store.map(|list| Rule::tcp(Direction::Out, 443, Peer::PrefixList(list.into()))));
    rules
}

/// A security group as it should be.
#[derive(Clone, Debug, Serialize)]
pub(crate) struct Wanted {
    pub(crate) name: String,
    pub(crate) vpc_id: String,
    pub(crate) rules: BTreeSet<Rule>,
    pub(crate) tags: Tags,
}

/// A security group as it is.
#[derive(Clone, Debug)]
pub(crate) struct Found {
    pub(crate) id: String,
    pub(crate) rules: BTreeSet<Rule>,
    pub(crate) tags: Tags,
}

/// Makes the group, or adopts what an interrupted create left; answers its id.
pub(crate) async fn create(aws: &Aws, wanted: &Wanted, ownership: &Ownership) -> Answer<String> {
    if let Some(found) = by_name(aws, wanted).await? {
        ownership.adopt(&format!("the security group {} in {}", wanted.name, wanted.vpc_id), &found.id, &found.tags)?;
        return Ok(found.id);
    }
    let request = aws
        .ec2()
        .create_security_group()
        .group_name(&wanted.name)
        .description("Ringfence brokers")
        .vpc_id(&wanted.vpc_id)
        .tag_specifications(tags::specification(ResourceType::SecurityGroup, &ownership.mark(&wanted.tags)));
    let answer = request.send().await.map_err(|e| Failure::of("ec2:CreateSecurityGroup", &wanted.name, e))?;
    let id = answer.group_id().map(str::to_owned);
    id.ok_or_else(|| Failure::new("EC2 answered no security group id", "Apply again: the group is found by its tags."))
}

/// Gives the group exactly these rules and tags.
pub(crate) async fn converge(aws: &Aws, id: &str, wanted: &Wanted, ownership: &Ownership) -> Answer<()> {
    let Some(found) = read(aws, id).await? else {
        return Err(Failure::new(format!("the security group {id} is gone"), "Apply again to make a new one."));
    };
    for direction in [Direction::In, Direction::Out] {
        let of = |rules: &BTreeSet<Rule>, others: &BTreeSet<Rule>| -> Vec<IpPermission> {
            rules.difference(others).filter(|r| r.direction == direction).map(|r| permission(id, r)).collect()
        };
        let (add, remove) = (of(&wanted.rules, &found.rules), of(&found.rules, &wanted.rules));
        authorize(aws, id, direction, add).await?;
        revoke(aws, id, direction, remove).await?;
    }
    tags::converge(aws, id, &found.tags, &ownership.sign(&wanted.tags)).await
}

async fn authorize(aws: &Aws, id: &str, direction: Direction, rules: Vec<IpPermission>) -> Answer<()> {
    if rules.is_empty() {
        return Ok(());
    }
    if direction == Direction::In {
        let request = aws.ec2().authorize_security_group_ingress().group_id(id).set_ip_permissions(Some(rules));
        return request.send().await.map(drop).map_err(|e| Failure::of("ec2:AuthorizeSecurityGroupIngress", id, e));
    }
    let request = aws.ec2().authorize_security_group_egress().group_id(id).set_ip_permissions(Some(rules));
    request.send().await.map(drop).map_err(|e| Failure::of("ec2:AuthorizeSecurityGroupEgress", id, e))
}

async fn revoke(aws: &Aws, id: &str, direction: Direction, rules: Vec<IpPermission>) -> Answer<()> {
    if rules.is_empty() {
        return Ok(());
    }
    if direction == Direction::In {
        let request = aws.ec2().revoke_security_group_ingress().group_id(id).set_ip_permissions(Some(rules));
        return request.send().await.map(drop).map_err(|e| Failure::of("ec2:RevokeSecurityGroupIngress", id, e));
    }
    let request = aws.ec2().revoke_security_group_egress().group_id(id).set_ip_permissions(Some(rules));
    request.send().await.map(drop).map_err(|e| Failure::of("ec2:RevokeSecurityGroupEgress", id, e))
}

/// The group, or nothing when it is gone.
pub(crate) async fn read(aws: &Aws, id: &str) -> Answer<Option<Found>> {
    let answer = aws.ec2().describe_security_groups().group_ids(id).send().await;
    match answer.map_err(|e| Failure::of("ec2:DescribeSecurityGroups", id, e)) {
        Ok(answer) => Ok(answer.security_groups().first().map(to_found)),
        Err(failure) if failure.is_gone() => Ok(None),
        Err(failure) => Err(failure),
    }
}

async fn by_name(aws: &Aws, wanted: &Wanted) -> Answer<Option<Found>> {
    let filter = |name: &str, value: &str| Filter::builder().name(name).values(value).build();
    let request = aws.ec2().describe_security_groups();
    let request = request.filters(filter("group-name", &wanted.name)).filters(filter("vpc-id", &wanted.vpc_id));
    let answer = request.send().await.map_err(|e| Failure::of("ec2:DescribeSecurityGroups", &wanted.name, e))?;
    Ok(answer.security_groups().first().map(to_found))
}

/// Deletes the group, waiting for the interfaces of terminated instances to let it go.
pub(crate) async fn delete(aws: &Aws, id: &str, cancel: &CancellationToken) -> Answer<()> {
    wait::until(&format!("the deletion of {id}"), limits::WAIT, cancel, async || {
        let answer = aws.ec2().delete_security_group().group_id(id).send().await;
        match answer.map_err(|e| Failure::of("ec2:DeleteSecurityGroup", id, e)) {
            Ok(_) => Ok(Some(())),
            Err(failure) if failure.is_gone() => Ok(Some(())),
            Err(failure) if failure.is("DependencyViolation") => Ok(None),
            Err(failure) => Err(failure),
        }
    })
    .await
}

fn to_found(group: &SecurityGroup) -> Found {
    let id = group.group_id().unwrap_or_default();
    let inbound = group.ip_permissions().iter().flat_map(|p| from_permission(id, Direction::In, p));
    let outbound = group.ip_permissions_egress().iter().flat_map(|p| from_permission(id, Direction::Out, p));
    Found { id: id.into(), rules: inbound.chain(outbound).collect(), tags: tags::from_ec2(group.tags()) }
}

fn from_permission(id: &str, direction: Direction, permission: &IpPermission) -> Vec<Rule> {
    let v4 = permission.ip_ranges().iter().filter_map(|r| r.cidr_ip()).map(|c| Peer::Cidr(c.into()));
    let v6 = permission.ipv6_ranges().iter().filter_map(|r| r.cidr_ipv6()).map(|c| Peer::Cidr(c.into()));
    let lists =
        permission.prefix_list_ids().iter().filter_map(|p| p.prefix_list_id()).map(|p| Peer::PrefixList(p.into()));
    let groups = permission.user_id_group_pairs().iter().filter_map(|p| p.group_id());
    let groups = groups.map(|g| if g == id { Peer::Group } else { Peer::Other(g.into()) });
    let rule = |peer| Rule {
        direction,
        protocol: permission.ip_protocol().unwrap_or("-1").into(),
        from: permission.from_port().unwrap_or(-1),
        to: permission.to_port().unwrap_or(-1),
        peer,
    };
    v4.chain(v6).chain(lists).chain(groups).map(rule).collect()
}

fn permission(id: &str, rule: &Rule) -> IpPermission {
    let mut permission = IpPermission::builder().ip_protocol(&rule.protocol);
    if rule.protocol != "-1" {
        permission = permission.from_port(rule.from).to_port(rule.to);
    }
    match &rule.peer {
        Peer::Group => permission.user_id_group_pairs(UserIdGroupPair::builder().group_id(id).build()),
        Peer::Other(group) => permission.user_id_group_pairs(UserIdGroupPair::builder().group_id(group).build()),
        Peer::Cidr(cidr) if cidr.contains(':') => permission.ipv6_ranges(Ipv6Range::builder().cidr_ipv6(cidr).build()),
        Peer::Cidr(cidr) => permission.ip_ranges(IpRange::builder().cidr_ip(cidr).build()),
        Peer::PrefixList(list) => permission.prefix_list_ids(PrefixListId::builder().prefix_list_id(list).build()),
    }
    .build()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn brokers_reach_the_store_and_each_other_and_clients_reach_one_port() {
        let rules = rules(9092, &BTreeSet::from(["10.20.0.0/16".into()]), Some("pl-1"));
        let text: Vec<String> = rules.iter().map(Rule::to_string).collect();
        assert_eq!(text, ["in tcp 9092 group", "in tcp 9092 10.20.0.0/16", "out tcp 443 pl-1", "out tcp 9092 group"]);
    }

    #[test]
    fn rules_survive_the_way_to_ec2_and_back() {
        let clients = BTreeSet::from(["10.20.0.0/16".into(), "fd00::/8".into()]);
        for rule in rules(9092, &clients, Some("pl-1")) {
            assert_eq!(from_permission("sg-1", rule.direction, &permission("sg-1", &rule)), [rule]);
        }
    }
}
