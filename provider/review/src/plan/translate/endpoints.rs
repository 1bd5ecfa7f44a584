//! VPC endpoints, their policies and associations; `ringfence_vpc_endpoint`.

use provider_boundary::model::{Fact, World, network::Endpoint};

use super::super::{
    object::{self, Object, Objects},
    value::Value,
};

const KINDS: &[&str] = &[
    "aws_vpc_endpoint",
    "aws_vpc_endpoint_policy",
    "aws_vpc_endpoint_route_table_association",
    "aws_vpc_endpoint_subnet_association",
    "aws_vpc_endpoint_security_group_association",
    "ringfence_vpc_endpoint",
];

pub(super) fn translate(objects: &Objects, world: &mut World) -> &'static [&'static str] {
    world.endpoints.extend(objects.of(&["aws_vpc_endpoint"]).map(|object| endpoint(objects, object)));
    world.endpoints.extend(objects.of(&["ringfence_vpc_endpoint"]).map(ours));
    KINDS
}

fn endpoint(objects: &Objects, object: &Object) -> Endpoint {
    let ids: Vec<String> = object.get("id").as_str().map(str::to_owned).into_iter().collect();
    let policy = match objects.belonging("aws_vpc_endpoint_policy", "vpc_endpoint_id", &ids).next() {
        Some(own) => own.policy("policy"),
        // Computed when nobody sets it: then AWS's default, which admits everybody, is what a new endpoint gets.
        None if object.created() && !object.configures("policy") => None,
        None if object.destroyed_policy(objects, &ids) => None,
        None => object.policy("policy"),
    };
    let list = |name: &str, kind: &str, argument: &str| {
        let own = if object.configures(name) || !object.created() { object.texts(name) } else { Vec::new() };
        let more = objects.belonging(kind, "vpc_endpoint_id", &ids).map(|one| one.text(argument));
        let mut all: Vec<Fact<String>> = own.into_iter().chain(more).collect();
        all.dedup();
        all
    };
    Endpoint {
        origin: object.origin.clone(),
        id: object.text("id"),
        vpc: object.text("vpc_id"),
        service: object.text("service_name"),
        kind: object.maybe("vpc_endpoint_type").unwrap_or_else(|| Fact::Known("Gateway".into())),
        policy,
        route_tables: list("route_table_ids", "aws_vpc_endpoint_route_table_association", "route_table_id"),
        subnets: list("subnet_ids", "aws_vpc_endpoint_subnet_association", "subnet_id"),
        security_groups: list("security_group_ids", "aws_vpc_endpoint_security_group_association", "security_group_id"),
        prefix_list: object.text("prefix_list_id").map(|one| Some(one).filter(|one| !one.is_empty())),
        private_dns: if object.created() && !object.configures("private_dns_enabled") {
            Fact::Known(false)
        } else {
            object.flag("private_dns_enabled", false)
        },
        owner: object.origin.tag("owner").map(str::to_owned),
        purpose: object.origin.tag("purpose").map(str::to_owned),
        of_cluster: None,
    }
}

impl Object {
    fn destroyed_policy(&self, objects: &Objects, ids: &[String]) -> bool {
        !self.configures("policy") && objects.destroys("aws_vpc_endpoint_policy", "vpc_endpoint_id", ids)
    }
}

fn ours(object: &Object) -> Endpoint {
    let service = object.get("service").in_text();
    let said = |name: &str| object.get(name).as_str().map(str::to_owned).filter(|text| !text.is_empty());
    Endpoint {
        origin: object.origin.clone(),
        id: object.text("id"),
        vpc: object.text("vpc_id"),
        service: object.text("service_name"),
        kind: Fact::Known(if service == "s3" { "Gateway" } else { "Interface" }.into()),
        policy: super::clusters::policy(object),
        route_tables: object.texts("route_table_ids"),
        subnets: object.texts("subnet_ids"),
        security_groups: object.texts("security_group_ids"),
        prefix_list: match object.get("prefix_list_id") {
            Value::Null => Fact::Known(None),
            other => object::text(&other).map(Some),
        },
        private_dns: Fact::Known(service != "s3"),
        owner: said("owner"),
        purpose: said("purpose"),
        of_cluster: Some((object.get("cluster").in_text(), service)),
    }
}
