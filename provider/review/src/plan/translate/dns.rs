//! Hosted zones, resolver rules, DNS firewalls, flow logs.

use provider_boundary::model::{
    Fact, World,
    network::{DnsFirewall, DnsRule, DnsZone, FlowLog, ResolverRule},
};

use super::super::{
    object::{self, Object, Objects},
    value::Value,
};

const KINDS: &[&str] = &[
    "aws_route53_zone",
    "aws_route53_zone_association",
    "aws_route53_record",
    "aws_route53_resolver_rule",
    "aws_route53_resolver_rule_association",
    "aws_route53_resolver_endpoint",
    "aws_route53_resolver_firewall_config",
    "aws_route53_resolver_firewall_domain_list",
    "aws_route53_resolver_firewall_rule",
    "aws_route53_resolver_firewall_rule_group",
    "aws_route53_resolver_firewall_rule_group_association",
    "aws_route53_resolver_query_log_config",
    "aws_route53_resolver_query_log_config_association",
    "aws_flow_log",
];

pub(super) fn translate(objects: &Objects, world: &mut World) -> &'static [&'static str] {
    for object in objects.of(&["aws_route53_zone"]) {
        let ids = ids(object);
        let inline = object.blocks("vpc").iter().map(|one| object::text(&one.get("vpc_id"))).collect::<Vec<_>>();
        let more = objects.belonging("aws_route53_zone_association", "zone_id", &ids).map(|one| one.text("vpc_id"));
        world.dns_zones.push(DnsZone {
            origin: object.origin.clone(),
            name: object.text("name"),
            vpcs: inline.into_iter().chain(more).collect(),
        });
    }
    for object in objects.of(&["aws_route53_resolver_rule"]) {
        let ids = ids(object);
        let targets = object.get("target_ip").items().iter().map(|one| one.get("ip")).collect();
        world.resolver_rules.push(ResolverRule {
            origin: object.origin.clone(),
            kind: object.text("rule_type"),
            domain: object.text("domain_name"),
            targets: object::list(&Value::List(targets)),
            vpcs: objects
                .belonging("aws_route53_resolver_rule_association", "resolver_rule_id", &ids)
                .map(|one| one.text("vpc_id"))
                .collect(),
        });
    }
    for object in objects.of(&["aws_route53_resolver_firewall_rule_group_association"]) {
        world.dns_firewalls.push(firewall(objects, object));
    }
    world.flow_logs.extend(objects.of(&["aws_flow_log"]).map(|object| {
        FlowLog {
            origin: object.origin.clone(),
            of: ["vpc_id", "subnet_id", "eni_id"]
                .iter()
                .find_map(|name| object.maybe(name))
                .unwrap_or_else(|| Fact::Known(String::new())),
            traffic: object.text("traffic_type"),
            destination: object.maybe("log_destination").unwrap_or_else(|| object.text("log_group_name")),
        }
    }));
    KINDS
}

fn ids(object: &Object) -> Vec<String> {
    let mut ids: Vec<String> =
        ["id", "zone_id"].iter().filter_map(|name| object.get(name).as_str().map(str::to_owned)).collect();
    ids.dedup();
    ids
}

fn firewall(objects: &Objects, association: &Object) -> DnsFirewall {
    let vpc = association.text("vpc_id");
    let groups: Vec<String> =
        association.get("firewall_rule_group_id").as_str().map(str::to_owned).into_iter().collect();
    let mut rules: Vec<DnsRule> = objects
        .belonging("aws_route53_resolver_firewall_rule", "firewall_rule_group_id", &groups)
        .map(|rule| {
            let lists: Vec<String> =
                rule.get("firewall_domain_list_id").as_str().map(str::to_owned).into_iter().collect();
            let list = objects.belonging("aws_route53_resolver_firewall_domain_list", "id", &lists).next();
            DnsRule {
                origin: rule.origin.clone(),
                priority: object::integer(&rule.get("priority")).map(|one| one.unwrap_or(0)),
                action: rule.text("action"),
                domains: match list {
                    Some(list) => object::list(&list.get("domains")),
                    None => Fact::Unknown(object::not_read("route53resolver:ListFirewallDomains")),
                },
            }
        })
        .collect();
    rules.sort_by(|a, b| a.priority.cmp(&b.priority));
    let vpcs: Vec<String> = vpc.text().map(str::to_owned).into_iter().collect();
    let config = objects.belonging("aws_route53_resolver_firewall_config", "resource_id", &vpcs).next();
    DnsFirewall {
        origin: association.origin.clone(),
        vpc,
        rules,
        // Source: Route 53 developer guide, "DNS Firewall VPC configuration": closed unless somebody opens it.
        fail_open: match config {
            Some(config) => config.text("firewall_fail_open").map(|one| one == "ENABLED"),
            None => association.not_read("route53resolver:GetFirewallConfig").map_or(Fact::Known(false), Fact::Unknown),
        },
    }
}
