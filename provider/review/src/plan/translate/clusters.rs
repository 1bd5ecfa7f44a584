//! Ringfence's own resources: clusters, broker groups, topics, access lists; and the symbols of our policy templates.

use provider_boundary::model::{
    Fact, Origin, Reason, World,
    compute::{Machine, MachineKind, ScalingGroup},
    kafka::{Acl, Cluster, Topic},
    network::{Direction, Peer, Rule, SecurityGroup},
    store::{LogGroup, Volume},
};

use super::super::{
    object::{self, Object, Objects},
    value::Value,
};

const KINDS: &[&str] =
    &["ringfence_cluster", "ringfence_broker_group", "ringfence_topic", "ringfence_acl", "ringfence_boundary"];

pub(super) fn translate(objects: &Objects, world: &mut World) -> &'static [&'static str] {
    world.clusters.extend(objects.of(&["ringfence_cluster"]).filter(|one| !one.is_data).map(|object| Cluster {
        origin: object.origin.clone(),
        name: object.text("name"),
        data_bucket: object.text("data_bucket"),
        metadata_bucket: object.text("metadata_bucket"),
    }));
    world.topics.extend(objects.of(&["ringfence_topic"]).map(topic));
    world.acls.extend(objects.of(&["ringfence_acl"]).map(acl));
    for object in objects.of(&["ringfence_broker_group"]).filter(|one| !one.is_data) {
        broker_group(object, world);
    }
    KINDS
}

/// The policy of one of our resources: the template, which a first plan knows, with the account filled in. Symbols of
/// keys and endpoints are filled in by [`fill_symbols`], when the cluster's keys are known.
pub(super) fn policy(object: &Object) -> Option<Fact<String>> {
    let template = object.get("policy_template");
    let text = match &template {
        Value::Text(text) if !text.is_empty() => text.clone(),
        _ => return object.policy("policy"),
    };
    let mut text = text.replace("${account}", &object.place.account);
    if let Value::Map(endpoints) = object.get("endpoints") {
        for (name, id) in &endpoints {
            text = text.replace(&format!("${{vpce:{name}}}"), &escaped(&id.in_text()));
        }
    }
    for (argument, purpose) in [
        ("data_key_arn", "data"),
        ("metadata_key_arn", "metadata"),
        ("credentials_key_arn", "credentials"),
        ("kms_key_arn", object.get("role").as_str().unwrap_or_default()),
    ] {
        if let Value::Text(arn) = object.get(argument) {
            text = text.replace(&format!("${{key:{purpose}}}"), &escaped(&arn));
        }
    }
    object::policy(&Value::Text(text))
}

/// As it stands within a JSON text: symbols may hold quotes.
fn escaped(text: &str) -> String {
    let quoted = serde_json::Value::String(text.to_owned()).to_string();
    quoted.trim_matches('"').to_owned()
}

/// Fills in what is left of `${key:PURPOSE}`: the key of that purpose, when the plan has exactly one.
pub(super) fn fill_symbols(objects: &Objects, world: &mut World) {
    let mut arns: Vec<(String, String)> = Vec::new();
    for purpose in ["data", "metadata", "credentials", "volume", "logs", "tls"] {
        let mut keys = objects.of(&["ringfence_key"]).filter(|one| one.get("purpose").as_str() == Some(purpose));
        if let (Some(Value::Text(arn)), None) = (keys.next().map(|one| one.get("arn")), keys.next()) {
            arns.push((format!("${{key:{purpose}}}"), escaped(&arn)));
        }
    }
    let fill = |fact: &mut Fact<String>| {
        if let Some(text) = fact.text() {
            let filled = arns.iter().fold(text.to_owned(), |text, (symbol, arn)| text.replace(symbol, arn));
            if let Some(known) = object::policy(&Value::Text(filled)) {
                *fact = known;
            }
        }
    };
    world
        .buckets
        .iter_mut()
        .filter(|one| one.of_cluster.is_some())
        .filter_map(|one| one.policy.as_mut())
        .for_each(fill);
    let ours = world.identities.iter_mut().filter(|one| one.of_cluster.is_some());
    ours.flat_map(|one| one.policies.iter_mut()).for_each(|one| fill(&mut one.document));
}

fn topic(object: &Object) -> Topic {
    Topic {
        origin: object.origin.clone(),
        cluster: object.text("cluster"),
        name: object.text("name"),
        partitions: object.number("partitions", 0),
        owner: object.text("owner"),
        classification: object.text("classification"),
        retention_ms: object::integer(&object.get("retention_ms")).map(|one| one.unwrap_or(-1)),
        deletion_protection: object.flag("deletion_protection", true),
        configs: object::map(&object.get("configs")),
    }
}

fn acl(object: &Object) -> Acl {
    let operations = object.get("operations");
    Acl {
        origin: object.origin.clone(),
        cluster: object.text("cluster"),
        principal: object.text("principal"),
        resource: Fact::from_text(format!(
            "{}:{}",
            object.get("resource_type").in_text(),
            object.get("resource_name").in_text()
        )),
        operations: object::list(&if operations.is_null() { object.get("operation") } else { operations }),
        allows: object.text("permission").map(|one| !one.eq_ignore_ascii_case("deny")),
        expires: object.maybe("expires_at"),
        reason: object.maybe("reason"),
    }
}

/// A broker group makes a template, a group in each zone, a security group and a log group; each becomes an entity.
fn broker_group(object: &Object, world: &mut World) {
    let cluster = object.get("cluster").in_text();
    let subnets = match object.get("zones") {
        Value::Map(zones) => zones.values().map(object::text).collect(),
        Value::Unknown(reason) => vec![Fact::Unknown(reason)],
        _ => Vec::new(),
    };
    world.machines.push(Machine {
        origin: object.origin.clone(),
        kind: MachineKind::BrokerGroup,
        id: object.text("launch_template_id"),
        image: object.text("image_id"),
        instance_type: object.text("instance_type"),
        profile: object.maybe("instance_profile"),
        user_data: None,
        // What the resource always sets. Source: provider/aws, broker_group/template.rs and its facts.
        imds_tokens_required: Fact::Known(true),
        imds_hops: Fact::Known(1),
        public_address: Some(Fact::Known(false)),
        security_groups: vec![object.text("security_group_id")],
        subnets,
        ssh_key: None,
        volumes: vec![Volume {
            device: "root".into(),
            encrypted: Fact::Known(true),
            key: object.maybe("volume_key_arn"),
            delete_on_termination: Fact::Known(true),
            size_gib: object::number(&object.get("volume_size_gib")),
            ephemeral: false,
        }],
        of_cluster: Some(cluster.clone()),
    });
    if let Value::Map(zones) = object.get("zones") {
        world.scaling_groups.extend(zones.iter().map(|(zone, subnet)| ScalingGroup {
            origin: object.origin.clone(),
            name: Fact::from_text(format!("ringfence-{cluster}-{}-{zone}", object.get("name").in_text())),
            template: object.maybe("launch_template_id"),
            template_version: object.maybe("launch_template_version"),
            subnets: vec![object::text(subnet)],
            size: (object.number("brokers_per_zone", 1), object.number("brokers_per_zone", 1)),
            target_groups: Vec::new(),
        }));
    }
    let (rules, reason) = rules(object);
    world.security_groups.push(SecurityGroup {
        origin: object.origin.clone(),
        id: object.text("security_group_id"),
        name: Fact::from_text(format!("ringfence-{cluster}-{}", object.get("name").in_text())),
        vpc: object.text("vpc_id"),
        is_default: false,
        rules,
        more_rules: reason.or_else(|| object.not_read("ec2:DescribeSecurityGroupRules")),
    });
    let name = object.maybe("log_group").unwrap_or_else(|| Fact::from_text(format!("/ringfence/{cluster}/broker")));
    world.log_groups.push(LogGroup {
        origin: object.origin.clone(),
        arn: Fact::from_text(format!(
            "arn:{}:logs:{}:{}:log-group:{}",
            object.place.partition,
            object.place.region,
            object.place.account,
            name.text().unwrap_or_default()
        )),
        name,
        account: object.account(),
        region: object.region(),
        key: object.maybe("logs_key_arn"),
        retention_days: object::number(&object.get("logs_retention_days")),
        subscriptions: Vec::new(),
        more_subscriptions: object.not_read("logs:DescribeSubscriptionFilters"),
    });
}

/// Rules as the resource exports them, `in tcp 9092 10.20.0.0/16`; before it exists they follow from its arguments.
/// Source: provider/aws, broker_group/network.rs.
fn rules(object: &Object) -> (Vec<Rule>, Option<Reason>) {
    let exported = object.get("security_group_rules");
    let list: Vec<String> = match &exported {
        Value::List(items) if !exported.has_unknown() => items.iter().map(Value::in_text).collect(),
        _ => {
            let port = object.get("kafka_port");
            let port = if port.is_null() { "9092".to_owned() } else { port.in_text() };
            let clients = object.get("client_cidrs");
            if let Some(reason) = clients.reason() {
                return (Vec::new(), Some(reason));
            }
            let clients = clients.items();
            let clients = clients.iter().map(|cidr| format!("in tcp {port} {}", cidr.in_text()));
            let peers = ["in", "out"].map(|way| format!("{way} tcp {port} group"));
            let store = object.maybe("s3_prefix_list_id").map(|list| match list.text() {
                Some(list) => format!("out tcp 443 {list}"),
                None => "out tcp 443 prefix_list_id".to_owned(),
            });
            clients.chain(peers).chain(store).collect()
        }
    };
    let rules: Vec<Rule> = list.iter().filter_map(|text| rule(&object.origin, text)).collect();
    let odd = (rules.len() != list.len())
        .then(|| Reason::Unsupported { construct: format!("a rule of {}", object.origin.address) });
    (rules, odd)
}

fn rule(origin: &Origin, text: &str) -> Option<Rule> {
    let words: Vec<&str> = text.split_whitespace().collect();
    let (direction, protocol, ports, peer) = match words.as_slice() {
        [direction, "all", peer] => (*direction, "-1", None, *peer),
        [direction, protocol, ports, peer] => {
            let (from, to) = ports.split_once('-').unwrap_or((ports, ports));
            (*direction, *protocol, Some((from.parse().ok()?, to.parse().ok()?)), *peer)
        }
        _ => return None,
    };
    Some(Rule {
        origin: origin.clone(),
        direction: if direction == "in" { Direction::Ingress } else { Direction::Egress },
        allows: Fact::Known(true),
        number: Fact::Known(0),
        protocol: Fact::Known(protocol.into()),
        ports: Fact::Known(ports),
        peer: match peer {
            "group" => Peer::Itself,
            list if list.starts_with("pl-") || list.contains("prefix_list_id") => {
                Peer::PrefixList(Fact::from_text(list))
            }
            cidr if cidr.contains('/') => Peer::Cidr(Fact::from_text(cidr)),
            group => Peer::Group(Fact::from_text(group)),
        },
        description: Fact::Known(String::new()),
    })
}
