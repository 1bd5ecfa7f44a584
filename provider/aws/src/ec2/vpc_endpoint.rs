//! `ringfence_vpc_endpoint`: a declared path to one AWS service, with the least policy.

use std::collections::BTreeSet;

use serde::{Deserialize, Serialize};
use serde_json::{Value, json};
use tfplugin_rs::{
    Attr, Config, Context, Diagnostic, Diagnostics, Path, Plan, Resource,
    schema::{Check, Schema, computed, optional, optional_computed, required, set, string},
    value::Type,
};

use crate::{
    attributes,
    client::Aws,
    failure::Failure,
    names::{self, Names, Scope},
    ownership::{Ownership, Tags},
    policy::symbols::{self, Symbols},
};

mod policy;
mod remote;

/// Services that a broker may need a path to.
const SERVICES: [&str; 7] = ["s3", "logs", "monitoring", "autoscaling", "elasticloadbalancing", "kms", "sts"];

/// The resource.
#[derive(Debug)]
pub(crate) struct VpcEndpoint;

/// The arguments that decide policy and facts.
#[derive(Clone, Debug, Serialize, Deserialize)]
struct Spec {
    cluster: String,
    service: String,
    broker_role: String,
    buckets: BTreeSet<String>,
    owner: String,
    purpose: String,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    extra_statements: Option<String>,
}

impl Spec {
    fn is_gateway(&self) -> bool {
        self.service == "s3"
    }

    fn extra(&self) -> Vec<Value> {
        self.extra_statements.as_deref().and_then(|text| serde_json::from_str(text).ok()).unwrap_or_default()
    }

    fn document(&self, scope: &Scope) -> Value {
        policy::EndpointPolicy {
            scope,
            service: &self.service,
            broker_role: &scope.role_arn(&self.broker_role),
            buckets: &self.buckets.iter().cloned().collect::<Vec<_>>(),
            extra_statements: &self.extra(),
        }
        .document()
    }

    fn facts(&self, scope: &Scope) -> Value {
        json!({
            "kind": "vpc_endpoint",
            "endpoint": symbols::vpce(&self.service),
            "cluster": self.cluster,
            "service": self.service,
            "service_name": scope.partition.endpoint_service(&self.service, &scope.region),
            "type": if self.is_gateway() { "Gateway" } else { "Interface" },
            "account": scope.account,
            "region": scope.region,
            "owner": self.owner,
            "purpose": self.purpose,
            "foreign_statements": self.extra(),
            "policy": self.document(scope),
        })
    }
}

/// Arguments that may hold ids that AWS assigns.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
#[serde(default)]
struct Ids {
    vpc_id: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    route_table_ids: Option<BTreeSet<String>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    subnet_ids: Option<BTreeSet<String>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    security_group_ids: Option<BTreeSet<String>>,
}

/// What create and update work from.
#[derive(Debug, Deserialize)]
pub(crate) struct Args {
    #[serde(flatten)]
    spec: Spec,
    #[serde(flatten)]
    ids: Ids,
    policy_template: String,
    #[serde(default)]
    tags_all: Tags,
}

/// What is saved.
#[derive(Debug, Default, Serialize, Deserialize)]
#[serde(default)]
pub(crate) struct State {
    id: String,
    #[serde(flatten)]
    ids: Option<Ids>,
    #[serde(skip_serializing_if = "Option::is_none")]
    prefix_list_id: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    service_name: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    policy: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    tags: Option<Tags>,
    #[serde(skip_serializing_if = "Option::is_none")]
    tags_all: Option<Tags>,
}

impl Resource for VpcEndpoint {
    type Data = Aws;
    type Args = Args;
    type State = State;
    const NAME: &'static str = "vpc_endpoint";

    fn schema(&self) -> Schema {
        Schema::new("A declared path out of the VPC to one AWS service, for the brokers' role and this account's resources only.")
            .attributes([attributes::cluster(), attributes::facts()])
            .attributes(attributes::policies())
            .attributes(attributes::tags())
            .attributes([
                (
                    "service",
                    required(string(), "The service: `s3` (a gateway, free) or one that needs an interface in every subnet.")
                        .check(Check::one_of(SERVICES))
                        .replace(),
                ),
                ("vpc_id", required(string(), "The VPC.").replace()),
                ("route_table_ids", optional(set(Type::String), "Route tables that lead to the gateway (`s3`).")),
                ("subnet_ids", optional(set(Type::String), "Subnets that get an interface (all but `s3`).")),
                ("security_group_ids", optional(set(Type::String), "Security groups of the interfaces (all but `s3`).")),
                ("broker_role", optional_computed(string(), "Name of the brokers' role. By default the one derived from the cluster's name.")),
                ("buckets", optional_computed(set(Type::String), "Names of the buckets behind it (`s3`). By default those derived from the cluster's name.")),
                ("owner", required(string(), "Who answers for this path; shown in every review.").check(Check::not_empty())),
                ("purpose", required(string(), "What this path is for; shown in every review.").check(Check::not_empty())),
                ("extra_statements", optional(string(), "JSON list of statements for others who share the endpoint; reported as paths.")),
                ("id", computed(string(), "Id of the endpoint.").keep()),
                ("service_name", computed(string(), "Name of the service in this region.")),
                ("prefix_list_id", computed(string(), "Prefix list of the gateway's service, for rules of security groups; null for interfaces.").keep()),
            ])
    }

    fn validate(&self, config: &Config<'_>, out: &mut Diagnostics) -> Result<(), Diagnostics> {
        let extra: Attr<String> = config.get("extra_statements")?;
        if let Attr::Known(text) = extra
            && serde_json::from_str::<Vec<Value>>(&text).is_err()
        {
            out.push(wrong(
                "extra_statements",
                "is not a JSON list of policy statements. Write jsonencode([{ Sid = … }]).",
            ));
        }
        let service: Attr<String> = config.get("service")?;
        let Attr::Known(service) = service else { return Ok(()) };
        let (needed, useless): (&str, &[&str]) = match service.as_str() {
            "s3" => ("route_table_ids", &["subnet_ids", "security_group_ids"]),
            _ => ("subnet_ids", &["route_table_ids"]),
        };
        if config.get::<BTreeSet<String>>(needed)?.is_null() {
            out.push(wrong(needed, &format!("is needed for the endpoint of {service}.")));
        }
        for name in useless {
            if !config.get::<BTreeSet<String>>(*name)?.is_null() {
                out.push(wrong(name, &format!("does not apply to the endpoint of {service}. Remove it.")));
            }
        }
        Ok(())
    }

    fn plan(&self, plan: &mut Plan<'_, Aws>) -> Result<(), Diagnostics> {
        attributes::plan_tags(plan)?;
        let Some(aws) = plan.data() else { return Ok(()) };
        let scope = aws.scope();
        let (cluster, service): (Attr<String>, Attr<String>) = (plan.get("cluster")?, plan.get("service")?);
        attributes::derive(plan, "broker_role", cluster.as_ref().map(|c| names::broker_role(c)))?;
        attributes::derive(
            plan,
            "buckets",
            cluster.zip(service.clone()).map(|(c, s)| default_buckets(&s, &Names::new(&c, scope))),
        )?;
        plan.set("service_name", service.as_ref().map(|s| scope.partition.endpoint_service(s, &scope.region)))?;
        if service.known().is_some_and(|s| s != "s3") {
            plan.set("prefix_list_id", Attr::<String>::Null)?;
        }
        let spec = plan.model::<Attr<Spec>>()?.known();
        let template = spec.as_ref().map(|s| s.document(scope));
        attributes::plan_policy(plan, template.as_ref(), &Symbols::of_account(&scope.account))?;
        attributes::plan_facts(plan, spec.map(|s| s.facts(scope)))
    }

    async fn create(&self, cx: &Context<Aws>, args: Args) -> Result<State, Diagnostics> {
        let wanted = wanted(cx, &args)?;
        let ownership = ownership(cx, &args.spec, &wanted);
        let id = remote::create(cx, &wanted, &ownership).await?;
        cx.keep(&json!({ "id": id }));
        remote::converge(cx, &id, &wanted, &ownership, cx.stop()).await?;
        let prefix_list_id = if wanted.gateway { remote::prefix_list(cx, &wanted.service_name).await? } else { None };
        Ok(State { id, prefix_list_id, policy: Some(wanted.policy), ..State::default() })
    }

    async fn read(&self, cx: &Context<Aws>, saved: State) -> Result<Option<State>, Diagnostics> {
        let Some(found) = remote::read(cx, &saved.id).await? else { return Ok(None) };
        let (tags, tags_all) = attributes::read_tags(cx, &found.tags, saved.tags);
        let ids = saved.ids.unwrap_or_default();
        // An empty set that was never configured stays null.
        let keep = |found: BTreeSet<String>, saved: Option<BTreeSet<String>>| {
            if found.is_empty() && saved.is_none() { None } else { Some(found) }
        };
        Ok(Some(State {
            id: found.id,
            ids: Some(Ids {
                vpc_id: found.vpc_id,
                route_table_ids: keep(found.route_table_ids, ids.route_table_ids),
                subnet_ids: keep(found.subnet_ids, ids.subnet_ids),
                security_group_ids: keep(found.security_group_ids, ids.security_group_ids),
            }),
            service_name: Some(found.service_name),
            policy: Some(attributes::read_policy(&found.policy, saved.policy)),
            prefix_list_id: saved.prefix_list_id,
            tags,
            tags_all: Some(tags_all),
        }))
    }

    async fn update(&self, cx: &Context<Aws>, saved: State, args: Args) -> Result<State, Diagnostics> {
        let wanted = wanted(cx, &args)?;
        let ownership = ownership(cx, &args.spec, &wanted);
        remote::converge(cx, &saved.id, &wanted, &ownership, cx.stop()).await?;
        Ok(State { id: saved.id, policy: Some(wanted.policy), ..State::default() })
    }

    async fn delete(&self, cx: &Context<Aws>, state: State) -> Result<(), Diagnostics> {
        Ok(remote::delete(cx, &state.id, cx.stop()).await?)
    }
}

fn default_buckets(service: &str, names: &Names) -> BTreeSet<String> {
    match service {
        "s3" => BTreeSet::from([names.data_bucket.clone(), names.metadata_bucket.clone()]),
        _ => BTreeSet::new(),
    }
}

fn wrong(name: &str, problem: &str) -> Diagnostic {
    Diagnostic::error(format!("{name} {problem}"), "").at(Path::root().attribute(name))
}

fn wanted(aws: &Aws, args: &Args) -> Result<remote::Wanted, Diagnostics> {
    let (scope, ids) = (aws.scope(), args.ids.clone());
    let policy = Symbols::of_account(&scope.account).fill(&args.policy_template);
    Ok(remote::Wanted {
        service_name: scope.partition.endpoint_service(&args.spec.service, &scope.region),
        gateway: args.spec.is_gateway(),
        vpc_id: ids.vpc_id,
        route_table_ids: ids.route_table_ids.unwrap_or_default(),
        subnet_ids: ids.subnet_ids.unwrap_or_default(),
        security_group_ids: ids.security_group_ids.unwrap_or_default(),
        policy: policy.map_err(|e| Failure::new("the endpoint policy is incomplete", e.to_string()))?,
        tags: args.tags_all.clone(),
    })
}

fn ownership(aws: &Aws, spec: &Spec, wanted: &remote::Wanted) -> Ownership {
    let name = format!("{}/{}/{}", spec.cluster, spec.service, wanted.vpc_id);
    Ownership::new(aws.settings().manager(), "ringfence_vpc_endpoint", &name, wanted)
}
