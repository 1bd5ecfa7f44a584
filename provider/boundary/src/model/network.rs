//! Networks: what can reach what. Rules are normalised: inline blocks and standalone resources look the same here.

use serde::{Deserialize, Serialize};

use super::{fact::Fact, origin::Origin, verdict::Reason};

/// A VPC.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Vpc {
    /// Where it was found.
    pub origin: Origin,
    /// Its identifier.
    pub id: Fact<String>,
    /// IPv4 and IPv6 ranges.
    pub cidrs: Vec<Fact<String>>,
    /// Whether AWS's resolver answers.
    pub dns_support: Fact<bool>,
    /// Whether instances get names.
    pub dns_hostnames: Fact<bool>,
}

/// A subnet.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Subnet {
    /// Where it was found.
    pub origin: Origin,
    /// Its identifier.
    pub id: Fact<String>,
    /// The VPC it is in.
    pub vpc: Fact<String>,
    /// Its availability zone.
    pub zone: Fact<String>,
    /// IPv4 and IPv6 ranges.
    pub cidrs: Vec<Fact<String>>,
    /// Whether interfaces get public addresses unless they say otherwise.
    pub public_addresses: Fact<bool>,
}

/// A route table.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct RouteTable {
    /// Where it was found.
    pub origin: Origin,
    /// Its identifier.
    pub id: Fact<String>,
    /// The VPC it is in.
    pub vpc: Fact<String>,
    /// Whether it serves subnets without a table of their own.
    pub main: Fact<bool>,
    /// Subnets associated with it.
    pub subnets: Vec<Fact<String>>,
    /// Routes besides the local one; those of gateway endpoints stand with the endpoint.
    pub routes: Vec<Route>,
    /// Whether others may exist that were not read.
    pub more_routes: Option<Reason>,
}

/// One route.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Route {
    /// Where it was found: the table, or a resource of its own.
    pub origin: Origin,
    /// CIDR or prefix list.
    pub destination: Fact<String>,
    /// What it leads to.
    pub target: RouteTarget,
    /// The target's identifier.
    pub target_id: Fact<String>,
}

/// What a route leads to.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum RouteTarget {
    /// The internet, both ways.
    InternetGateway,
    /// The internet, outwards, IPv6.
    EgressOnlyGateway,
    /// The internet or another network, outwards.
    NatGateway,
    /// Another VPC.
    Peering,
    /// A transit gateway or a core network.
    TransitGateway,
    /// A virtual private gateway.
    VpnGateway,
    /// An endpoint.
    Endpoint,
    /// An instance or an interface, which may forward anything anywhere.
    Interface,
    /// Something else.
    Other,
}

/// A security group.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct SecurityGroup {
    /// Where it was found.
    pub origin: Origin,
    /// Its identifier.
    pub id: Fact<String>,
    /// Its name.
    pub name: Fact<String>,
    /// The VPC it is in.
    pub vpc: Fact<String>,
    /// Whether it is the VPC's default group.
    pub is_default: bool,
    /// What it admits.
    pub rules: Vec<Rule>,
    /// Whether others may exist that were not read.
    pub more_rules: Option<Reason>,
}

/// One thing a security group or a network ACL says, for one peer.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Rule {
    /// Where it was found: the group, or a resource of its own.
    pub origin: Origin,
    /// Which way.
    pub direction: Direction,
    /// Whether it admits; always so in security groups.
    pub allows: Fact<bool>,
    /// Its place in a network ACL; 0 in security groups.
    pub number: Fact<i64>,
    /// `tcp`, `udp`, `icmp`, `-1` for all, or a number.
    pub protocol: Fact<String>,
    /// First and last port; none for all.
    pub ports: Fact<Option<(i64, i64)>>,
    /// The other side.
    pub peer: Peer,
    /// What people wrote.
    pub description: Fact<String>,
}

/// Which way a rule looks.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Direction {
    /// Into the group.
    Ingress,
    /// Out of it.
    Egress,
}

/// The other side of a rule.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Peer {
    /// An IPv4 or IPv6 range.
    Cidr(Fact<String>),
    /// A prefix list, by identifier.
    PrefixList(Fact<String>),
    /// Members of a security group, by identifier.
    Group(Fact<String>),
    /// Members of the same group.
    Itself,
    /// Not known.
    Unknown(Reason),
}

/// A network ACL.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct NetworkAcl {
    /// Where it was found.
    pub origin: Origin,
    /// Its identifier.
    pub id: Fact<String>,
    /// The VPC it is in.
    pub vpc: Fact<String>,
    /// Whether it is the VPC's default one.
    pub is_default: bool,
    /// Subnets it guards.
    pub subnets: Vec<Fact<String>>,
    /// Its rules, by number.
    pub rules: Vec<Rule>,
}

/// A VPC endpoint.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Endpoint {
    /// Where it was found.
    pub origin: Origin,
    /// Its identifier.
    pub id: Fact<String>,
    /// The VPC it is in.
    pub vpc: Fact<String>,
    /// `com.amazonaws.eu-central-1.s3`.
    pub service: Fact<String>,
    /// `Gateway` or `Interface`.
    pub kind: Fact<String>,
    /// Its policy; none for the default one, which admits everybody everywhere.
    pub policy: Option<Fact<String>>,
    /// Route tables of a gateway endpoint.
    pub route_tables: Vec<Fact<String>>,
    /// Subnets of an interface endpoint.
    pub subnets: Vec<Fact<String>>,
    /// Security groups of an interface endpoint.
    pub security_groups: Vec<Fact<String>>,
    /// Prefix list of a gateway endpoint.
    pub prefix_list: Fact<Option<String>>,
    /// Whether the service's own name resolves to it.
    pub private_dns: Fact<bool>,
    /// Who answers for it: an argument of ours, else the tag `owner`.
    pub owner: Option<String>,
    /// What it is for: an argument of ours, else the tag `purpose`.
    pub purpose: Option<String>,
    /// The cluster and the name it has in policy templates, for our own resource.
    pub of_cluster: Option<(String, String)>,
}

/// A way to another network or to the internet that a VPC has.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Gateway {
    /// Where it was found.
    pub origin: Origin,
    /// What it leads to.
    pub kind: RouteTarget,
    /// Its identifier.
    pub id: Fact<String>,
    /// The VPC it is attached to, or the subnet's.
    pub vpc: Fact<String>,
    /// The subnet of a NAT gateway.
    pub subnet: Option<Fact<String>>,
    /// What lies behind it: VPC, transit gateway, account.
    pub peer: Option<Fact<String>>,
    /// The account behind it, where it is said.
    pub peer_account: Option<Fact<String>>,
    /// The region behind it, where it is said.
    pub peer_region: Option<Fact<String>>,
}

/// A public address.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct PublicAddress {
    /// Where it was found.
    pub origin: Origin,
    /// The instance or interface that has it.
    pub of: Option<Fact<String>>,
}

/// A managed prefix list.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct PrefixList {
    /// Where it was found.
    pub origin: Origin,
    /// Its identifier.
    pub id: Fact<String>,
    /// Its name.
    pub name: Fact<String>,
    /// Ranges.
    pub cidrs: Fact<Vec<String>>,
}

/// A hosted zone.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct DnsZone {
    /// Where it was found.
    pub origin: Origin,
    /// Its name.
    pub name: Fact<String>,
    /// VPCs that see it; none of them: it is public.
    pub vpcs: Vec<Fact<String>>,
}

/// A resolver rule: names that are asked elsewhere.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ResolverRule {
    /// Where it was found.
    pub origin: Origin,
    /// `FORWARD`, `SYSTEM`, ...
    pub kind: Fact<String>,
    /// Which names.
    pub domain: Fact<String>,
    /// Who is asked.
    pub targets: Fact<Vec<String>>,
    /// VPCs it holds in.
    pub vpcs: Vec<Fact<String>>,
}

/// The DNS firewall of one VPC.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct DnsFirewall {
    /// Where the association was found.
    pub origin: Origin,
    /// The VPC.
    pub vpc: Fact<String>,
    /// Rules by priority: the first that matches decides.
    pub rules: Vec<DnsRule>,
    /// Whether queries are answered when the firewall cannot be asked.
    pub fail_open: Fact<bool>,
}

/// One rule of a DNS firewall.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct DnsRule {
    /// Where it was found.
    pub origin: Origin,
    /// Lower is earlier.
    pub priority: Fact<i64>,
    /// `ALLOW`, `BLOCK`, `ALERT`.
    pub action: Fact<String>,
    /// Names; `*.` or `*` for all.
    pub domains: Fact<Vec<String>>,
}

/// A flow log.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct FlowLog {
    /// Where it was found.
    pub origin: Origin,
    /// VPC, subnet or interface.
    pub of: Fact<String>,
    /// `ALL`, `ACCEPT`, `REJECT`.
    pub traffic: Fact<String>,
    /// ARN of the log group or bucket.
    pub destination: Fact<String>,
}
