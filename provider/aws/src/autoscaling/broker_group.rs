//! `ringfence_broker_group`: one auto scaling group per zone, what its instances are made from, and what surrounds them.

use std::collections::{BTreeMap, BTreeSet};

use serde::{Deserialize, Serialize};
use serde_json::{Value, json};
use tfplugin_rs::{Attr, Config, Context, Diagnostic, Diagnostics, Path, Plan, Resource, schema::Schema};

use crate::{
    attributes,
    client::Aws,
    failure::{Answer, Failure},
    limits,
    names::{self, Scope},
    ownership::{Ownership, Tags},
    policy::symbols,
};

mod arguments;
mod boot;
mod groups;
mod logs;
mod network;
mod preflight;
mod template;

/// The resource.
#[derive(Debug)]
pub(crate) struct BrokerGroup;

/// The arguments that are known before anything exists; they decide names and facts.
#[derive(Clone, Debug, Serialize, Deserialize)]
struct Spec {
    cluster: String,
    name: String,
    brokers_per_zone: i32,
    #[serde(default)]
    client_cidrs: Option<BTreeSet<String>>,
    architecture: String,
    instance_type: String,
    package_sha256: String,
    kafka_port: u16,
    health_port: u16,
    volume_size_gib: i32,
    logs_retention_days: i32,
    #[serde(default)]
    put_budget_per_second: Option<u32>,
    #[serde(default)]
    s3_endpoint: Option<String>,
}

/// Arguments that may hold ids that AWS assigns.
#[derive(Clone, Debug, Serialize, Deserialize)]
struct Ids {
    cluster_id: String,
    vpc_id: String,
    zones: BTreeMap<String, String>,
    image_id: String,
    instance_profile: String,
    #[serde(default)]
    role_id: Option<String>,
    data_bucket: String,
    data_key_arn: String,
    metadata_bucket: String,
    metadata_key_arn: String,
    #[serde(default)]
    s3_prefix_list_id: Option<String>,
    #[serde(default)]
    volume_key_arn: Option<String>,
    #[serde(default)]
    logs_key_arn: Option<String>,
}

/// What create and update work from.
#[derive(Debug, Serialize, Deserialize)]
pub(crate) struct Args {
    #[serde(flatten)]
    spec: Spec,
    #[serde(flatten)]
    ids: Ids,
    #[serde(default)]
    tags_all: Tags,
}

/// What is saved.
#[derive(Debug, Default, Serialize, Deserialize)]
#[serde(default)]
pub(crate) struct State {
    id: String,
    #[serde(skip_serializing)]
    log_group: String,
    #[serde(skip_serializing)]
    logs_on_destroy: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    brokers_per_zone: Option<i32>,
    #[serde(skip_serializing_if = "Option::is_none")]
    logs_retention_days: Option<i32>,
    #[serde(skip_serializing_if = "Option::is_none")]
    launch_template_id: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    launch_template_version: Option<i64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    template: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    security_group_id: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    security_group_rules: Option<BTreeSet<String>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    autoscaling_groups: Option<BTreeMap<String, String>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    tags: Option<Tags>,
    #[serde(skip_serializing_if = "Option::is_none")]
    tags_all: Option<Tags>,
}

impl Spec {
    fn id(&self) -> String {
        format!("{}/{}", self.cluster, self.name)
    }

    fn rules(&self, store: Option<&str>) -> BTreeSet<network::Rule> {
        network::rules(self.kafka_port, &self.client_cidrs.clone().unwrap_or_default(), store)
    }

    fn facts(&self, scope: &Scope, zones: &BTreeSet<String>) -> Value {
        let rules = self.rules(Some("${prefix_list:s3}"));
        json!({
            "kind": "broker_group",
            "cluster": self.cluster,
            "name": self.name,
            "account": scope.account,
            "region": scope.region,
            "zones": zones,
            "brokers_per_zone": self.brokers_per_zone,
            "rules": rules.iter().map(ToString::to_string).collect::<Vec<_>>(),
            "package_sha256": self.package_sha256,
            "architecture": self.architecture,
            "log_group": names::log_group(&self.cluster),
            "logs_retention_days": self.logs_retention_days,
            "imdsv2_only": true,
            "metadata_hop_limit": 1,
            "root_volume_encrypted": true,
            "public_addresses": false,
            "keys": [symbols::key("data"), symbols::key("metadata")],
        })
    }

    fn user_data(&self, ids: &Ids, scope: &Scope) -> Result<String, boot::TooLong> {
        boot::render(&boot::BootConfig {
            cluster: self.cluster.clone(),
            cluster_id: ids.cluster_id.clone(),
            region: scope.region.clone(),
            s3_host: scope.partition.regional_service("s3", &scope.region),
            s3_endpoint: self.s3_endpoint.clone(),
            role_id: ids.role_id.clone(),
            data_bucket: ids.data_bucket.clone(),
            metadata_bucket: ids.metadata_bucket.clone(),
            data_kms_key_id: Some(ids.data_key_arn.clone()),
            metadata_kms_key_id: Some(ids.metadata_key_arn.clone()),
            package_sha256: self.package_sha256.clone(),
            port: self.kafka_port,
            health_port: self.health_port,
            put_budget_per_second: self.put_budget_per_second,
            attempts: limits::BOOT_ATTEMPTS,
        })
    }
}

impl Resource for BrokerGroup {
    type Data = Aws;
    type Args = Args;
    type State = State;
    const NAME: &'static str = "broker_group";

    fn schema(&self) -> Schema {
        arguments::schema()
    }

    fn validate(&self, config: &Config<'_>, _: &mut Diagnostics) -> Result<(), Diagnostics> {
        let ports: (Attr<i64>, Attr<i64>) = (config.get("kafka_port")?, config.get("health_port")?);
        if let (Attr::Known(kafka), Attr::Known(health)) = (ports.0.or(9092), ports.1.or(9464))
            && kafka == health
        {
            let detail = format!("Both are {kafka}. Choose another health_port.");
            return Err(Diagnostic::error("kafka_port and health_port are the same", detail)
                .at(at("health_port"))
                .into());
        }
        Ok(())
    }

    fn plan(&self, plan: &mut Plan<'_, Aws>) -> Result<(), Diagnostics> {
        attributes::plan_tags(plan)?;
        let Some(aws) = plan.data() else { return Ok(()) };
        let scope = aws.scope();
        let architecture: Attr<String> = plan.get("architecture")?;
        attributes::derive(plan, "instance_type", architecture.map(|a| small_machine(&a)))?;
        let spec = plan.model::<Attr<Spec>>()?.known();
        let zones = plan
            .get::<BTreeMap<String, Attr<String>>>("zones")?
            .map(|z| z.into_keys().collect::<BTreeSet<_>>())
            .known();
        let names: (Attr<String>, Attr<String>) = (plan.get("cluster")?, plan.get("name")?);
        let names = names.0.zip(names.1);
        plan.set("id", names.as_ref().map(|(cluster, name)| format!("{cluster}/{name}")))?;
        plan.set("log_group", names.as_ref().map(|(cluster, _)| names::log_group(cluster)))?;
        let groups = match (names, &zones) {
            (Attr::Known((cluster, name)), Some(zones)) => {
                Attr::Known(zones.iter().map(|z| (z.clone(), names::auto_scaling_group(&cluster, &name, z))).collect())
            }
            _ => Attr::<BTreeMap<String, String>>::Unknown,
        };
        plan.set("autoscaling_groups", groups)?;
        plan_rules(plan, spec.as_ref())?;
        plan_template(plan, spec.as_ref(), scope)?;
        attributes::plan_facts(plan, spec.zip(zones).map(|(spec, zones)| spec.facts(scope, &zones)))
    }

    fn plan_destroy(&self, _: Option<&Aws>, state: &Config<'_>, out: &mut Diagnostics) -> Result<(), Diagnostics> {
        if state.get::<String>("logs_on_destroy")? != Attr::Known("delete".into()) {
            let log_group = state.get::<String>("log_group")?.known().unwrap_or_default();
            let detail = "It stays in the account with what it holds. To have it deleted, set logs_on_destroy = \"delete\" and apply first.";
            out.push(Diagnostic::warning(format!("left behind: the log group {log_group}"), detail));
        }
        Ok(())
    }

    async fn create(&self, cx: &Context<Aws>, args: Args) -> Result<State, Diagnostics> {
        let id = args.spec.id();
        Ok(State { id, ..apply(cx, &args, State::default()).await? })
    }

    async fn read(&self, cx: &Context<Aws>, saved: State) -> Result<Option<State>, Diagnostics> {
        Ok(read(cx, saved).await?)
    }

    async fn update(&self, cx: &Context<Aws>, saved: State, args: Args) -> Result<State, Diagnostics> {
        let (id, version) = (saved.id.clone(), saved.launch_template_version);
        let state = apply(cx, &args, saved).await?;
        if state.launch_template_version != version {
            let detail = "Instances that run now keep the previous version until they are replaced. Terminate them one zone at a time; \
                          each group starts a new one.";
            cx.warn(Diagnostic::warning(format!("new instances of {id} are made from a new version"), detail));
        }
        Ok(State { id, ..state })
    }

    async fn delete(&self, cx: &Context<Aws>, state: State) -> Result<(), Diagnostics> {
        let groups: Vec<String> = state.autoscaling_groups.unwrap_or_default().into_values().collect();
        let deletions = groups.iter().map(|name| groups::delete(cx, name, cx.stop()));
        for forced in futures::future::try_join_all(deletions).await?.into_iter().flatten() {
            cx.warn(Diagnostic::warning("a group was deleted by force", forced));
        }
        if let Some(id) = state.launch_template_id.filter(|id| !id.is_empty()) {
            template::delete(cx, &id).await?;
        }
        if let Some(id) = state.security_group_id.filter(|id| !id.is_empty()) {
            network::delete(cx, &id, cx.stop()).await?;
        }
        if state.logs_on_destroy == "delete" {
            logs::delete(cx, &state.log_group).await?;
        }
        Ok(())
    }
}

fn at(name: &str) -> Path {
    Path::root().attribute(name)
}

fn small_machine(architecture: &str) -> String {
    if architecture == "arm64" { "t4g.small".into() } else { "t3.small".into() }
}

fn plan_rules(plan: &mut Plan<'_, Aws>, spec: Option<&Spec>) -> Result<(), Diagnostics> {
    let store: Attr<String> = plan.get("s3_prefix_list_id")?;
    let rules = match (spec, store) {
        (None, _) | (_, Attr::Unknown) => Attr::Unknown,
        (Some(spec), store) => {
            Attr::Known(spec.rules(store.known().as_deref()).iter().map(ToString::to_string).collect::<BTreeSet<_>>())
        }
    };
    plan.set("security_group_rules", rules)?;
    // Read saves an empty id for a group that is gone.
    if plan.prior::<String>("security_group_id")?.is_some_and(|id| id.is_empty()) {
        plan.set_unknown("security_group_id")?;
    }
    Ok(())
}

/// Plans what instances are made from; the version changes exactly when something of it does.
fn plan_template(plan: &mut Plan<'_, Aws>, spec: Option<&Spec>, scope: &Scope) -> Result<(), Diagnostics> {
    let ids = plan.model::<Attr<Ids>>()?.known();
    let summary = match spec.zip(ids) {
        Some((spec, ids)) => {
            let script = spec
                .user_data(&ids, scope)
                .map_err(|e| Diagnostic::error("the user-data is too long", e.to_string()))?;
            Attr::Known(template::summary(
                &ids.image_id,
                &spec.instance_type,
                &template::digest(script.as_bytes()),
                true,
            ))
        }
        None => Attr::Unknown,
    };
    plan.set("template", summary)?;
    if plan.prior::<String>("launch_template_id")?.is_some_and(|id| id.is_empty()) {
        plan.set_unknown("launch_template_id")?;
    }
    let parts = [
        "template",
        "volume_size_gib",
        "volume_key_arn",
        "instance_profile",
        "security_group_id",
        "launch_template_id",
        "tags_all",
    ];
    let saved: Option<i64> = plan.prior("launch_template_version")?;
    match saved {
        Some(version) if parts.iter().all(|part| !plan.changes(*part)) => plan.set("launch_template_version", version),
        _ => plan.set_unknown("launch_template_version"),
    }
}

/// Makes what is missing and converges what is there, in the order in which one needs the other.
async fn apply(cx: &Context<Aws>, args: &Args, saved: State) -> Result<State, Diagnostics> {
    let (spec, ids) = (&args.spec, &args.ids);
    preflight::subnets(cx, &ids.vpc_id, &ids.zones).await?;
    let image = preflight::image(cx, &ids.image_id, &spec.architecture).await?;
    let ownership = Ownership::new(cx.settings().manager(), "ringfence_broker_group", &spec.id(), args);

    let wanted = network_of(args);
    let security_group_id = match saved.security_group_id.filter(|id| !id.is_empty()) {
        Some(id) => id,
        None => network::create(cx, &wanted, &ownership).await?,
    };
    cx.keep(&json!({ "id": spec.id(), "security_group_id": security_group_id }));
    network::converge(cx, &security_group_id, &wanted, &ownership).await?;

    let wanted = logs::Wanted {
        name: names::log_group(&spec.cluster),
        kms_key_arn: ids.logs_key_arn.clone(),
        retention_days: spec.logs_retention_days,
        tags: args.tags_all.clone(),
    };
    let exists = saved.logs_retention_days.is_some_and(|days| days != 0);
    logs::ensure(cx, &wanted, &ownership, exists).await?;

    let wanted = template_of(cx, args, &image, &security_group_id)?;
    let (template_id, version) =
        ensure_template(cx, &wanted, &ownership, &saved.launch_template_id, saved.launch_template_version).await?;
    cx.keep(&json!({ "launch_template_id": template_id, "launch_template_version": version }));

    let groups = groups_of(args, &template_id, version);
    let known = saved.autoscaling_groups.unwrap_or_default();
    let ensured = groups.iter().map(|(zone, wanted)| {
        let known = known.contains_key(zone);
        let ownership = &ownership;
        async move { groups::ensure(cx, wanted, ownership, known, cx.stop()).await }
    });
    futures::future::try_join_all(ensured).await?;
    for (zone, name) in known.iter().filter(|(zone, _)| !ids.zones.contains_key(*zone)) {
        tracing::info!(zone, name, "zone removed");
        groups::delete(cx, name, cx.stop()).await?;
    }
    Ok(State {
        launch_template_id: Some(template_id),
        launch_template_version: Some(version),
        security_group_id: Some(security_group_id),
        ..State::default()
    })
}

async fn ensure_template(
    aws: &Aws,
    wanted: &template::Wanted,
    ownership: &Ownership,
    id: &Option<String>,
    version: Option<i64>,
) -> Answer<(String, i64)> {
    let Some(id) = id.clone().filter(|id| !id.is_empty()) else {
        let (id, version) = template::create(aws, wanted, ownership).await?;
        template::converge_tags(aws, &id, wanted, ownership).await?;
        return Ok((id, version));
    };
    let version = match version {
        Some(version) if template::is_version(aws, &id, version, wanted).await? => version,
        _ => template::new_version(aws, &id, wanted).await?,
    };
    template::converge_tags(aws, &id, wanted, ownership).await?;
    Ok((id, version))
}

fn network_of(args: &Args) -> network::Wanted {
    network::Wanted {
        name: names::broker_group(&args.spec.cluster, &args.spec.name),
        vpc_id: args.ids.vpc_id.clone(),
        rules: args.spec.rules(args.ids.s3_prefix_list_id.as_deref()),
        tags: args.tags_all.clone(),
    }
}

fn template_of(aws: &Aws, args: &Args, image: &preflight::Image, security_group_id: &str) -> Answer<template::Wanted> {
    let (spec, ids) = (&args.spec, &args.ids);
    let user_data =
        spec.user_data(ids, aws.scope()).map_err(|e| Failure::new("the user-data is too long", e.to_string()))?;
    let mut instance_tags = args.tags_all.clone();
    instance_tags.insert("Name".into(), names::broker_group(&spec.cluster, &spec.name));
    instance_tags.insert("ringfence:cluster".into(), spec.cluster.clone());
    instance_tags.insert("ringfence:group".into(), spec.name.clone());
    Ok(template::Wanted {
        name: names::broker_group(&spec.cluster, &spec.name),
        image_id: ids.image_id.clone(),
        root_device: image.root_device.clone(),
        instance_type: spec.instance_type.clone(),
        instance_profile: ids.instance_profile.clone(),
        security_group_id: security_group_id.into(),
        volume_size_gib: spec.volume_size_gib,
        volume_kms_key_arn: ids.volume_key_arn.clone(),
        user_data,
        tags: args.tags_all.clone(),
        instance_tags,
    })
}

fn groups_of(args: &Args, template_id: &str, version: i64) -> BTreeMap<String, groups::Wanted> {
    let (spec, ids) = (&args.spec, &args.ids);
    let wanted = |(zone, subnet): (&String, &String)| {
        let group = groups::Wanted {
            name: names::auto_scaling_group(&spec.cluster, &spec.name, zone),
            subnet_id: subnet.clone(),
            brokers: spec.brokers_per_zone,
            launch_template_id: template_id.into(),
            launch_template_version: version,
            tags: args.tags_all.clone(),
        };
        (zone.clone(), group)
    };
    ids.zones.iter().map(wanted).collect()
}

/// The group as it is; nothing when all of it is gone. What is gone in part is saved as empty, and so planned anew.
async fn read(aws: &Aws, saved: State) -> Answer<Option<State>> {
    let security_group_id = saved.security_group_id.clone().unwrap_or_default();
    let template_id = saved.launch_template_id.clone().unwrap_or_default();
    let version = saved.launch_template_version.unwrap_or(0);
    let known = saved.autoscaling_groups.clone().unwrap_or_default();
    let (network, template, groups, retention) = tokio::try_join!(
        network::read(aws, &security_group_id),
        template::version(aws, &template_id, version),
        groups::read_all(aws, known.values()),
        logs::retention(aws, &saved.log_group),
    )?;
    if network.is_none() && template.is_none() && groups.is_empty() {
        return Ok(None);
    }
    let tags = network.as_ref().map(|n| n.tags.clone()).unwrap_or_default();
    let (tags, tags_all) = attributes::read_tags(aws, &tags, saved.tags);
    let brokers = groups.values().map(|g| g.brokers).min();
    // A group that points elsewhere shows as another version, so that the next apply points it back.
    let pointed = groups.values().find(|g| g.launch_template_version != version || g.launch_template_id != template_id);
    let shown = pointed.map(|g| g.launch_template_version).unwrap_or(version);
    Ok(Some(State {
        id: saved.id,
        brokers_per_zone: brokers.or(saved.brokers_per_zone),
        logs_retention_days: Some(retention.unwrap_or(0)),
        launch_template_id: Some(if template.is_some() { template_id } else { String::new() }),
        launch_template_version: Some(shown),
        template: Some(template.map(|t| t.summary()).unwrap_or_default()),
        security_group_rules: network.as_ref().map(|n| n.rules.iter().map(ToString::to_string).collect()),
        security_group_id: Some(network.map(|n| n.id).unwrap_or_default()),
        autoscaling_groups: Some(known.into_iter().filter(|(_, name)| groups.contains_key(name)).collect()),
        tags,
        tags_all: Some(tags_all),
        ..State::default()
    }))
}
