//! Security groups and network ACLs: inline blocks and standalone resources become the same rules, one for each peer.

use provider_boundary::model::{
    Fact, Origin, World,
    network::{Direction, NetworkAcl, Peer, Rule, SecurityGroup},
};

use super::super::{
    object::{self, Object, Objects},
    value::Value,
};

const KINDS: &[&str] = &[
    "aws_security_group",
    "aws_default_security_group",
    "aws_security_group_rule",
    "aws_vpc_security_group_ingress_rule",
    "aws_vpc_security_group_egress_rule",
    "aws_network_acl",
    "aws_default_network_acl",
    "aws_network_acl_rule",
    "aws_network_acl_association",
];

pub(super) fn translate(objects: &Objects, world: &mut World) -> &'static [&'static str] {
    for object in objects.of(&["aws_security_group", "aws_default_security_group"]) {
        world.security_groups.push(group(objects, object));
    }
    for object in objects.of(&[
        "aws_security_group_rule",
        "aws_vpc_security_group_ingress_rule",
        "aws_vpc_security_group_egress_rule",
    ]) {
        orphan(objects, object, world);
    }
    for object in objects.of(&["aws_network_acl", "aws_default_network_acl"]) {
        world.network_acls.push(acl(objects, object));
    }
    KINDS
}

/// A rule for a group that no `aws_security_group` of the plan makes: it joins the broker group's, or a group of which
/// nothing else is known.
fn orphan(objects: &Objects, object: &Object, world: &mut World) {
    let id = object.text("security_group_id");
    let mut groups = objects.of(&["aws_security_group", "aws_default_security_group"]);
    if groups.any(|group| id.text().is_some() && group.get("id").as_str() == id.text()) {
        return;
    }
    let known = world.security_groups.iter_mut().find(|one| id.text().is_some() && one.id.text() == id.text());
    if let Some(known) = known {
        known.rules.extend(standalone(object));
        return;
    }
    let unread = || Fact::Unknown(object::not_read("ec2:DescribeSecurityGroups"));
    world.security_groups.push(SecurityGroup {
        origin: object.origin.clone(),
        id,
        name: unread(),
        vpc: unread(),
        is_default: false,
        rules: standalone(object),
        more_rules: Some(object::not_read("ec2:DescribeSecurityGroupRules")),
    });
}

fn group(objects: &Objects, object: &Object) -> SecurityGroup {
    let ids: Vec<String> = object.get("id").as_str().map(str::to_owned).into_iter().collect();
    let mut rules: Vec<Rule> = Vec::new();
    for kind in ["aws_security_group_rule", "aws_vpc_security_group_ingress_rule", "aws_vpc_security_group_egress_rule"]
    {
        rules.extend(objects.belonging(kind, "security_group_id", &ids).flat_map(standalone));
    }
    let standalone_ones = rules.len();
    let mut more_rules = None;
    for (block, direction) in [("ingress", Direction::Ingress), ("egress", Direction::Egress)] {
        // The configuration's own blocks decide. Without any, a group that exists shows the standalone rules here as
        // they were before this plan; only where no standalone rule is declared are they all there is.
        if object.configures(block)
            || (!object.created() && standalone_ones == 0 && object.kind != "aws_default_security_group")
        {
            more_rules = more_rules.or_else(|| object.get(block).reason());
            rules.extend(object.blocks(block).iter().flat_map(|one| inline(object, direction, one)));
        }
    }
    SecurityGroup {
        origin: object.origin.clone(),
        id: object.text("id"),
        name: object.text("name"),
        vpc: object.text("vpc_id"),
        is_default: object.kind == "aws_default_security_group",
        rules,
        more_rules,
    }
}

fn inline(object: &Object, direction: Direction, block: &Value) -> Vec<Rule> {
    let peers =
        peers(block, ["cidr_blocks", "ipv6_cidr_blocks"], "prefix_list_ids", "security_groups", block.get("self"));
    make(&object.origin, direction, block, &block.get("protocol"), peers)
}

fn standalone(object: &Object) -> Vec<Rule> {
    let value = &object.value;
    let direction = match (object.kind.as_str(), value.get("type").as_str()) {
        ("aws_vpc_security_group_ingress_rule", _) | ("aws_security_group_rule", Some("ingress")) => Direction::Ingress,
        _ => Direction::Egress,
    };
    if object.kind == "aws_security_group_rule" {
        // With `self` the provider computes the source from the group itself.
        let itself = value.get("self") == Value::Bool(true);
        let given = value.get("source_security_group_id").as_str().is_some_and(|id| !id.starts_with('$'));
        let source = match !itself && (given || object.configures("source_security_group_id")) {
            true => "source_security_group_id",
            false => "",
        };
        let peers = peers(value, ["cidr_blocks", "ipv6_cidr_blocks"], "prefix_list_ids", source, value.get("self"));
        return make(&object.origin, direction, value, &value.get("protocol"), peers);
    }
    let itself = value
        .get("referenced_security_group_id")
        .as_str()
        .is_some_and(|id| object.get("security_group_id").as_str() == Some(id));
    let peers =
        peers(value, ["cidr_ipv4", "cidr_ipv6"], "prefix_list_id", "referenced_security_group_id", Value::Bool(itself));
    let peers = if itself { vec![Peer::Itself] } else { peers };
    make(&object.origin, direction, value, &value.get("ip_protocol"), peers)
}

fn peers(block: &Value, cidrs: [&str; 2], lists: &str, groups: &str, itself: Value) -> Vec<Peer> {
    let mut all = Vec::new();
    let mut add = |value: Value, peer: fn(Fact<String>) -> Peer| match value {
        Value::Unknown(reason) => all.push(Peer::Unknown(reason)),
        other => all.extend(object::texts(&other).into_iter().filter(|one| one.text() != Some("")).map(peer)),
    };
    for name in cidrs {
        add(block.get(name), Peer::Cidr);
    }
    add(block.get(lists), Peer::PrefixList);
    add(block.get(groups), Peer::Group);
    if itself == Value::Bool(true) {
        all.push(Peer::Itself);
    }
    all
}

fn make(origin: &Origin, direction: Direction, block: &Value, protocol: &Value, peers: Vec<Peer>) -> Vec<Rule> {
    let protocol = object::text(protocol).map(|one| if one == "all" { "-1".into() } else { one });
    let all = protocol.text() == Some("-1");
    let ports = match (object::integer(&block.get("from_port")), object::integer(&block.get("to_port"))) {
        _ if all => Fact::Known(None),
        (Fact::Known(Some(from)), Fact::Known(Some(to))) => Fact::Known(Some((from, to))),
        (Fact::Unknown(reason), _) | (_, Fact::Unknown(reason)) => Fact::Unknown(reason),
        _ => Fact::Known(None),
    };
    peers
        .into_iter()
        .map(|peer| Rule {
            origin: origin.clone(),
            direction,
            allows: Fact::Known(true),
            number: Fact::Known(0),
            protocol: protocol.clone(),
            ports: ports.clone(),
            peer,
            description: object::text(&block.get("description")),
        })
        .collect()
}

fn acl(objects: &Objects, object: &Object) -> NetworkAcl {
    let ids: Vec<String> = object.get("id").as_str().map(str::to_owned).into_iter().collect();
    let mut rules = Vec::new();
    for one in objects.belonging("aws_network_acl_rule", "network_acl_id", &ids) {
        let direction = if one.get("egress") == Value::Bool(true) { Direction::Egress } else { Direction::Ingress };
        rules.extend(entry(&one.origin, direction, &one.value, ("rule_number", "rule_action")));
    }
    if rules.is_empty() || object.configures("ingress") || object.configures("egress") {
        for (block, direction) in [("ingress", Direction::Ingress), ("egress", Direction::Egress)] {
            let blocks = object.blocks(block);
            rules.extend(blocks.iter().flat_map(|one| entry(&object.origin, direction, one, ("rule_no", "action"))));
        }
    }
    let associated =
        objects.belonging("aws_network_acl_association", "network_acl_id", &ids).map(|one| one.text("subnet_id"));
    NetworkAcl {
        origin: object.origin.clone(),
        id: object.text("id"),
        vpc: object.text("vpc_id"),
        is_default: object.kind == "aws_default_network_acl",
        subnets: object.texts("subnet_ids").into_iter().chain(associated).collect(),
        rules,
    }
}

fn entry(origin: &Origin, direction: Direction, block: &Value, (number, action): (&str, &str)) -> Vec<Rule> {
    let names = if block.get("cidr_blocks").is_null() {
        ["cidr_block", "ipv6_cidr_block"]
    } else {
        ["cidr_blocks", "ipv6_cidr_blocks"]
    };
    let peers = peers(block, names, "", "", Value::Null);
    let mut rules = make(origin, direction, block, &block.get("protocol"), peers);
    for rule in &mut rules {
        rule.number = object::integer(&block.get(number)).map(|one| one.unwrap_or(0));
        rule.allows = object::text(&block.get(action)).map(|one| one.eq_ignore_ascii_case("allow"));
    }
    rules
}
