//! VPCs, subnets, route tables, gateways.

use provider_boundary::model::{
    Fact, World,
    network::{Gateway, PrefixList, PublicAddress, Route, RouteTable, RouteTarget, Subnet, Vpc},
};

use super::super::{
    object::{self, Object, Objects},
    value::Value,
};

const KINDS: &[&str] = &[
    "aws_vpc",
    "aws_default_vpc",
    "aws_vpc_ipv4_cidr_block_association",
    "aws_subnet",
    "aws_default_subnet",
    "aws_route_table",
    "aws_default_route_table",
    "aws_route_table_association",
    "aws_main_route_table_association",
    "aws_route",
    "aws_internet_gateway",
    "aws_internet_gateway_attachment",
    "aws_egress_only_internet_gateway",
    "aws_nat_gateway",
    "aws_vpc_peering_connection",
    "aws_vpc_peering_connection_accepter",
    "aws_ec2_transit_gateway",
    "aws_ec2_transit_gateway_vpc_attachment",
    "aws_vpn_gateway",
    "aws_vpn_gateway_attachment",
    "aws_eip",
    "aws_eip_association",
    "aws_prefix_list",
    "aws_ec2_managed_prefix_list",
];

pub(super) fn translate(objects: &Objects, world: &mut World) -> &'static [&'static str] {
    world.vpcs.extend(objects.of(&["aws_vpc", "aws_default_vpc"]).map(|object| vpc(objects, object)));
    world.subnets.extend(objects.of(&["aws_subnet", "aws_default_subnet"]).map(subnet));
    for object in objects.of(&["aws_route_table", "aws_default_route_table"]) {
        world.route_tables.push(table(objects, object));
    }
    gateways(objects, world);
    world.public_addresses.extend(objects.of(&["aws_eip", "aws_eip_association"]).map(public_address));
    world.prefix_lists.extend(objects.of(&["aws_prefix_list", "aws_ec2_managed_prefix_list"]).map(|object| {
        PrefixList {
            origin: object.origin.clone(),
            id: object.text("id"),
            name: object.text("name"),
            cidrs: match object.get("entry") {
                Value::Null => object::list(&object.get("cidr_blocks")),
                entries => object::list(&Value::List(entries.items().iter().map(|one| one.get("cidr")).collect())),
            },
        }
    }));
    KINDS
}

fn public_address(object: &Object) -> PublicAddress {
    let holders = ["instance", "instance_id", "network_interface", "network_interface_id"];
    PublicAddress {
        origin: object.origin.clone(),
        of: holders
            .iter()
            .filter(|name| !object.created() || object.configures(name))
            .find_map(|name| object.maybe(name)),
    }
}

fn id(object: &Object) -> Vec<String> {
    object.get("id").as_str().map(str::to_owned).into_iter().collect()
}

fn vpc(objects: &Objects, object: &Object) -> Vpc {
    let ids = id(object);
    let more = objects.belonging("aws_vpc_ipv4_cidr_block_association", "vpc_id", &ids);
    let own = ["cidr_block", "ipv6_cidr_block"].iter().filter_map(|name| object.maybe(name));
    Vpc {
        origin: object.origin.clone(),
        id: object.text("id"),
        cidrs: own.chain(more.filter_map(|one| one.maybe("cidr_block"))).filter(|one| is_said(object, one)).collect(),
        dns_support: object.flag("enable_dns_support", true),
        dns_hostnames: object.flag("enable_dns_hostnames", false),
    }
}

/// An IPv6 range that nobody asked for is not a range that is not known.
fn is_said(object: &Object, fact: &Fact<String>) -> bool {
    fact.reason().is_none()
        || object.configures("assign_generated_ipv6_cidr_block")
        || object.configures("ipv6_cidr_block")
}

fn subnet(object: &Object) -> Subnet {
    Subnet {
        origin: object.origin.clone(),
        id: object.text("id"),
        vpc: object.text("vpc_id"),
        zone: object.text("availability_zone"),
        cidrs: ["cidr_block", "ipv6_cidr_block"]
            .iter()
            .filter_map(|name| object.maybe(name))
            .filter(|one| is_said(object, one))
            .collect(),
        public_addresses: object.flag("map_public_ip_on_launch", object.kind == "aws_default_subnet"),
    }
}

fn table(objects: &Objects, object: &Object) -> RouteTable {
    let ids = id(object);
    let associated = objects.belonging("aws_route_table_association", "route_table_id", &ids);
    let mut routes: Vec<Route> =
        objects.belonging("aws_route", "route_table_id", &ids).map(|one| route(one, &one.value)).collect();
    // Set by the configuration, or found by the refresh where no resource of its own says it.
    if object.configures("route") || !object.created() {
        for block in object.blocks("route") {
            let inline = route(object, &block);
            let standalone = routes.iter().any(|known| known.destination == inline.destination);
            if !standalone {
                routes.push(inline);
            }
        }
    }
    let main = object.kind == "aws_default_route_table"
        || objects.belonging("aws_main_route_table_association", "route_table_id", &ids).next().is_some();
    RouteTable {
        origin: object.origin.clone(),
        id: object.text("id"),
        vpc: object.text("vpc_id"),
        main: Fact::Known(main),
        subnets: associated.map(|one| one.text("subnet_id")).collect(),
        routes,
        more_routes: object.get("route").reason().filter(|_| object.configures("route")),
    }
}

const TARGETS: [(&str, RouteTarget); 11] = [
    ("gateway_id", RouteTarget::InternetGateway),
    ("egress_only_gateway_id", RouteTarget::EgressOnlyGateway),
    ("nat_gateway_id", RouteTarget::NatGateway),
    ("vpc_peering_connection_id", RouteTarget::Peering),
    ("transit_gateway_id", RouteTarget::TransitGateway),
    ("core_network_arn", RouteTarget::TransitGateway),
    ("vpc_endpoint_id", RouteTarget::Endpoint),
    ("network_interface_id", RouteTarget::Interface),
    ("instance_id", RouteTarget::Interface),
    ("local_gateway_id", RouteTarget::Other),
    ("carrier_gateway_id", RouteTarget::InternetGateway),
];

fn route(object: &Object, block: &Value) -> Route {
    let destinations = [
        "destination_cidr_block",
        "destination_ipv6_cidr_block",
        "destination_prefix_list_id",
        "cidr_block",
        "ipv6_cidr_block",
    ];
    let destination = destinations.iter().find_map(|name| object::maybe(&block.get(name)));
    // Set targets first: unset computed ones may be marked as unknown.
    let said = TARGETS.iter().filter(|(name, _)| block.get(name).as_str().is_some_and(|text| !text.is_empty()));
    let unsaid = TARGETS.iter().filter(|(name, _)| matches!(block.get(name), Value::Unknown(_)));
    let (target, target_id) =
        said.chain(unsaid).next().map_or((RouteTarget::Other, Fact::Known(String::new())), |(name, kind)| {
            (kind_of(*kind, &block.get(name).in_text()), object::text(&block.get(name)))
        });
    Route {
        origin: object.origin.clone(),
        destination: destination.unwrap_or_else(|| Fact::Known(String::new())),
        target,
        target_id,
    }
}

/// `gateway_id` takes internet gateways, virtual private gateways and gateway endpoints alike.
fn kind_of(kind: RouteTarget, id: &str) -> RouteTarget {
    match kind {
        RouteTarget::InternetGateway if id.starts_with("vgw-") || id.contains("aws_vpn_gateway.") => {
            RouteTarget::VpnGateway
        }
        RouteTarget::InternetGateway if id.starts_with("vpce-") || id.contains("_vpc_endpoint.") => {
            RouteTarget::Endpoint
        }
        RouteTarget::InternetGateway if id == "local" => RouteTarget::Other,
        other => other,
    }
}

fn gateways(objects: &Objects, world: &mut World) {
    let none = || Fact::Known(String::new());
    let plain = |object: &Object, kind: RouteTarget, vpc: Fact<String>| Gateway {
        origin: object.origin.clone(),
        kind,
        id: object.text("id"),
        vpc,
        subnet: None,
        peer: None,
        peer_account: None,
        peer_region: None,
    };
    for (kinds, target) in [
        (["aws_internet_gateway", "aws_internet_gateway_attachment"], RouteTarget::InternetGateway),
        (["aws_egress_only_internet_gateway", ""], RouteTarget::EgressOnlyGateway),
        (["aws_vpn_gateway", "aws_vpn_gateway_attachment"], RouteTarget::VpnGateway),
    ] {
        let kinds: Vec<&str> = kinds.into_iter().collect();
        world
            .gateways
            .extend(objects.of(&kinds).map(|one| plain(one, target, one.maybe("vpc_id").unwrap_or_else(none))));
    }
    for object in objects.of(&["aws_nat_gateway"]) {
        let subnet = object.text("subnet_id");
        let vpc = subnet.text().and_then(|id| world.subnet(id)).map(|found| found.vpc.clone());
        world
            .gateways
            .push(Gateway { subnet: Some(subnet), ..plain(object, RouteTarget::NatGateway, vpc.unwrap_or_else(none)) });
    }
    for object in objects.of(&["aws_vpc_peering_connection", "aws_vpc_peering_connection_accepter"]) {
        world.gateways.push(Gateway {
            peer: object.maybe("peer_vpc_id"),
            peer_account: object.maybe("peer_owner_id"),
            peer_region: object.maybe("peer_region"),
            ..plain(object, RouteTarget::Peering, object.text("vpc_id"))
        });
    }
    for object in objects.of(&["aws_ec2_transit_gateway_vpc_attachment"]) {
        world.gateways.push(Gateway {
            peer: object.maybe("transit_gateway_id"),
            ..plain(object, RouteTarget::TransitGateway, object.text("vpc_id"))
        });
    }
}
