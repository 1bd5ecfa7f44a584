//! A VPC without a way out but endpoints.

use provider_boundary::model::{
    Fact, Template, World,
    network::{
        Direction, DnsFirewall, DnsRule, Endpoint, FlowLog, NetworkAcl, Peer, RouteTable, Rule, SecurityGroup, Subnet,
        Vpc,
    },
};
use serde_json::json;

use super::{ACCOUNT, BROKER, REGION, origin, policy, text};

pub(super) fn network(world: &mut World) {
    let vpc = "${aws_vpc.main.id}";
    world.vpcs = vec![Vpc {
        origin: origin("aws_vpc.main"),
        id: text(vpc),
        cidrs: vec![text("10.0.0.0/16")],
        dns_support: Fact::Known(true),
        dns_hostnames: Fact::Known(true),
    }];
    world.subnets = [("a", "10.0.1.0/24"), ("b", "10.0.2.0/24")]
        .map(|(name, cidr)| Subnet {
            origin: origin(&format!("aws_subnet.{name}")),
            id: text(&format!("${{aws_subnet.{name}.id}}")),
            vpc: text(vpc),
            zone: text(&format!("{REGION}{name}")),
            cidrs: vec![text(cidr)],
            public_addresses: Fact::Known(false),
        })
        .into();
    let subnets: Vec<_> = world.subnets.iter().map(|one| one.id.clone()).collect();
    world.route_tables = vec![RouteTable {
        origin: origin("aws_route_table.private"),
        id: text("${aws_route_table.private.id}"),
        vpc: text(vpc),
        main: Fact::Known(false),
        subnets: subnets.clone(),
        routes: Vec::new(),
        more_routes: None,
    }];
    world.security_groups = groups(vpc);
    world.network_acls = vec![network_acl(vpc, &subnets)];
    world.endpoints = vec![logs_endpoint(vpc, &subnets), s3_endpoint(vpc)];
    world.dns_firewalls = vec![dns_firewall(vpc)];
    world.flow_logs = vec![FlowLog {
        origin: origin("aws_flow_log.main"),
        of: text(vpc),
        traffic: text("ALL"),
        destination: text("arn:aws:logs:eu-central-1:111122223333:log-group:/ringfence/main"),
    }];
}

pub(in crate::question) fn rule(address: &str, direction: Direction, port: i64, peer: Peer) -> Rule {
    Rule {
        origin: origin(address),
        direction,
        allows: Fact::Known(true),
        number: Fact::Known(0),
        protocol: text("tcp"),
        ports: Fact::Known(Some((port, port))),
        peer,
        description: text(""),
    }
}

fn groups(vpc: &str) -> Vec<SecurityGroup> {
    let group = |name: &str, rules: Vec<Rule>| SecurityGroup {
        origin: origin(&format!("aws_security_group.{name}")),
        id: text(&format!("${{aws_security_group.{name}.id}}")),
        name: text(name),
        vpc: text(vpc),
        is_default: false,
        rules,
        more_rules: None,
    };
    let s3 = Peer::PrefixList(text("${aws_vpc_endpoint.s3.prefix_list_id}"));
    let endpoints = Peer::Group(text("${aws_security_group.endpoints.id}"));
    let broker = vec![
        rule("aws_vpc_security_group_egress_rule.s3", Direction::Egress, 443, s3),
        rule("aws_vpc_security_group_egress_rule.logs", Direction::Egress, 443, endpoints),
        rule("aws_vpc_security_group_ingress_rule.clients", Direction::Ingress, 9092, Peer::Cidr(text("10.0.0.0/16"))),
    ];
    vec![group("broker", broker), group("endpoints", Vec::new())]
}

fn network_acl(vpc: &str, subnets: &[Fact<String>]) -> NetworkAcl {
    let all = |direction| Rule {
        protocol: text("-1"),
        ports: Fact::Known(None),
        number: Fact::Known(100),
        ..rule("aws_network_acl.main", direction, 0, Peer::Cidr(text("0.0.0.0/0")))
    };
    NetworkAcl {
        origin: origin("aws_network_acl.main"),
        id: text("${aws_network_acl.main.id}"),
        vpc: text(vpc),
        is_default: false,
        subnets: subnets.to_vec(),
        rules: vec![all(Direction::Egress), all(Direction::Ingress)],
    }
}

fn s3_endpoint(vpc: &str) -> Endpoint {
    let resources: Vec<String> = ["data", "metadata"]
        .iter()
        .flat_map(|one| [format!("arn:aws:s3:::ringfence-{one}"), format!("arn:aws:s3:::ringfence-{one}/*")])
        .collect();
    let statements = json!([{"Sid": "Brokers", "Effect": "Allow", "Principal": "*", "Action": "s3:*", "Resource": resources,
        "Condition": {"StringEquals": {"aws:ResourceAccount": ACCOUNT}, "ArnEquals": {"aws:PrincipalArn": [BROKER]}}}]);
    Endpoint {
        origin: origin("aws_vpc_endpoint.s3"),
        id: text("${aws_vpc_endpoint.s3.id}"),
        vpc: text(vpc),
        service: text("com.amazonaws.eu-central-1.s3"),
        kind: text("Gateway"),
        policy: Some(policy(statements)),
        route_tables: vec![text("${aws_route_table.private.id}")],
        subnets: Vec::new(),
        security_groups: Vec::new(),
        prefix_list: Fact::Symbolic(Template::new("${aws_vpc_endpoint.s3.prefix_list_id}")),
        private_dns: Fact::Known(false),
        owner: Some("platform".into()),
        purpose: Some("records".into()),
        of_cluster: None,
    }
}

fn logs_endpoint(vpc: &str, subnets: &[Fact<String>]) -> Endpoint {
    let statements = json!([{"Sid": "Brokers", "Effect": "Allow", "Principal": "*", "Action": "logs:*", "Resource": "*",
        "Condition": {"StringEquals": {"aws:ResourceAccount": ACCOUNT, "aws:PrincipalAccount": ACCOUNT}}}]);
    Endpoint {
        origin: origin("aws_vpc_endpoint.logs"),
        id: text("${aws_vpc_endpoint.logs.id}"),
        service: text("com.amazonaws.eu-central-1.logs"),
        kind: text("Interface"),
        policy: Some(policy(statements)),
        route_tables: Vec::new(),
        subnets: subnets.to_vec(),
        security_groups: vec![text("${aws_security_group.endpoints.id}")],
        prefix_list: Fact::Known(None),
        private_dns: Fact::Known(true),
        ..s3_endpoint(vpc)
    }
}

fn dns_firewall(vpc: &str) -> DnsFirewall {
    let rule = |name: &str, priority, action: &str, domain: &str| DnsRule {
        origin: origin(&format!("aws_route53_resolver_firewall_rule.{name}")),
        priority: Fact::Known(priority),
        action: text(action),
        domains: Fact::Known(vec![domain.into()]),
    };
    DnsFirewall {
        origin: origin("aws_route53_resolver_firewall_rule_group_association.main"),
        vpc: text(vpc),
        rules: vec![rule("allow", 100, "ALLOW", "*.amazonaws.com."), rule("block", 200, "BLOCK", "*.")],
        fail_open: Fact::Known(false),
    }
}
