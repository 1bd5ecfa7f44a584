//! Load balancers, their listeners, PrivateLink services.

use provider_boundary::model::{
    Fact, World,
    compute::{EndpointService, Listener, LoadBalancer},
};

use super::super::{
    object::{self, Object, Objects},
    value::Value,
};

const KINDS: &[&str] = &[
    "aws_lb",
    "aws_alb",
    "aws_lb_listener",
    "aws_alb_listener",
    "aws_vpc_endpoint_service",
    "aws_vpc_endpoint_service_allowed_principal",
];

pub(super) fn translate(objects: &Objects, world: &mut World) -> &'static [&'static str] {
    world.load_balancers.extend(objects.of(&["aws_lb", "aws_alb"]).map(|object| balancer(objects, object)));
    for object in objects.of(&["aws_vpc_endpoint_service"]) {
        let ids: Vec<String> = object.get("id").as_str().map(str::to_owned).into_iter().collect();
        let mut principals = object.get("allowed_principals").items();
        principals.retain(|_| object.configures("allowed_principals") || !object.created());
        principals.extend(
            objects
                .belonging("aws_vpc_endpoint_service_allowed_principal", "vpc_endpoint_service_id", &ids)
                .map(|one| one.get("principal_arn")),
        );
        world.endpoint_services.push(EndpointService {
            origin: object.origin.clone(),
            principals: object::list(&Value::List(principals)),
            approval: object.flag("acceptance_required", true),
            load_balancers: object
                .texts("network_load_balancer_arns")
                .into_iter()
                .chain(object.texts("gateway_load_balancer_arns"))
                .collect(),
        });
    }
    KINDS
}

fn balancer(objects: &Objects, object: &Object) -> LoadBalancer {
    let arns: Vec<String> = object.get("arn").as_str().map(str::to_owned).into_iter().collect();
    let listeners = ["aws_lb_listener", "aws_alb_listener"]
        .iter()
        .flat_map(|kind| objects.belonging(kind, "load_balancer_arn", &arns).map(listener).collect::<Vec<_>>())
        .collect();
    LoadBalancer {
        origin: object.origin.clone(),
        arn: object.text("arn"),
        name: object.text("name"),
        // Not internal unless somebody says so. Source: aws_lb, `internal`.
        internal: if object.created() && !object.configures("internal") {
            Fact::Known(false)
        } else {
            object.flag("internal", false)
        },
        subnets: match object.get("subnets") {
            Value::List(_) if object.configures("subnets") || !object.created() => object.texts("subnets"),
            _ => object.blocks("subnet_mapping").iter().map(|one| object::text(&one.get("subnet_id"))).collect(),
        },
        security_groups: if object.configures("security_groups") || !object.created() {
            object.texts("security_groups")
        } else {
            Vec::new()
        },
        listeners,
    }
}

fn listener(object: &Object) -> Listener {
    Listener {
        origin: object.origin.clone(),
        port: object.number("port", 0),
        protocol: object.text("protocol"),
        target_group: object::maybe(&object.first("default_action").get("target_group_arn")),
    }
}
