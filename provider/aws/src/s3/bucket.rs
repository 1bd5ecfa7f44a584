//! `ringfence_bucket`: a bucket of one role with its encryption, policy, lifecycle and public access block.

use std::collections::{BTreeMap, BTreeSet};

use serde::{Deserialize, Serialize};
use serde_json::{Value, json};
use tfplugin_rs::{
    Attr, Config, Context, Diagnostic, Diagnostics, Path, Plan, Resource,
    schema::{Check, Schema, boolean, computed, map, optional, optional_computed, required, set, string},
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

mod imported;
mod lifecycle;
mod policy;
mod purge;
pub(crate) mod remote;

/// The resource.
#[derive(Debug)]
pub(crate) struct Bucket;

/// What a bucket holds; it decides the policy.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub(crate) enum Role {
    /// `wal/` and `data/`.
    Data,
    /// `meta/ live/ packages/ audit/ secret/`.
    Metadata,
    /// Logs that services write.
    Logs,
}

impl Role {
    const NAMES: [&'static str; 3] = ["data", "metadata", "logs"];

    fn name(self, names: &Names) -> String {
        match self {
            Role::Data => names.data_bucket.clone(),
            Role::Metadata => names.metadata_bucket.clone(),
            Role::Logs => names.logs_bucket.clone(),
        }
    }

    /// The purpose of the key that encrypts it.
    fn purpose(self) -> &'static str {
        match self {
            Role::Data => "data",
            Role::Metadata => "metadata",
            Role::Logs => "logs",
        }
    }
}

/// The arguments that decide template and facts; ids that AWS assigns are not among them.
#[derive(Clone, Debug, Serialize, Deserialize)]
struct Spec {
    cluster: String,
    role: Role,
    name: String,
    broker_role: String,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    purge_role: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    exit_role: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    log_writers: Option<BTreeSet<String>>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    lifecycle_administrators: Option<BTreeSet<String>>,
    versioning: bool,
    object_lock: bool,
}

/// Arguments that may hold ids that AWS assigns.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(default)]
struct Ids {
    kms_key_arn: String,
    credentials_key_arn: Option<String>,
    endpoints: Option<BTreeMap<String, String>>,
}

impl Spec {
    fn document(&self, scope: &Scope, endpoints: &[String], credentials_key: bool) -> Value {
        let arn = |role: &Option<String>| role.as_deref().map(|role| scope.role_arn(role));
        let arns = |roles: &Option<BTreeSet<String>>| -> Vec<String> {
            roles.iter().flatten().map(|r| scope.role_arn(r)).collect()
        };
        policy::BucketPolicy {
            scope,
            cluster: &self.cluster,
            role: self.role,
            bucket: &self.name,
            broker_role: &scope.role_arn(&self.broker_role),
            endpoints,
            purge_role: arn(&self.purge_role).as_deref(),
            exit_role: arn(&self.exit_role).as_deref(),
            log_writers: &arns(&self.log_writers),
            lifecycle_administrators: &arns(&self.lifecycle_administrators),
            credentials_key,
        }
        .document()
    }

    fn facts(&self, scope: &Scope, endpoints: &[String], credentials_key: bool) -> Value {
        json!({
            "kind": "bucket",
            "name": self.name,
            "cluster": self.cluster,
            "role": self.role,
            "account": scope.account,
            "region": scope.region,
            "key": symbols::key(self.role.purpose()),
            "endpoints": endpoints.iter().map(|e| symbols::vpce(e)).collect::<Vec<_>>(),
            "versioning": self.versioning,
            "object_lock": self.object_lock,
            "public_access_blocked": true,
            "object_ownership": "BucketOwnerEnforced",
            "lifecycle": serde_json::from_str::<Value>(&self.lifecycle()).unwrap_or_default(),
            "policy": self.document(scope, endpoints, credentials_key),
        })
    }

    fn lifecycle(&self) -> String {
        lifecycle::rules(self.role, &self.cluster)
    }
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
    #[serde(flatten)]
    spec: Option<Spec>,
    id: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    kms_key_arn: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    credentials_key_arn: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    endpoints: Option<BTreeMap<String, String>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    policy_template: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    facts: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    arn: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    policy: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    lifecycle_rules: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    object_ownership: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    public_access_blocked: Option<bool>,
    #[serde(skip_serializing_if = "Option::is_none")]
    bucket_key_enabled: Option<bool>,
    #[serde(skip_serializing_if = "Option::is_none")]
    tags: Option<Tags>,
    #[serde(skip_serializing_if = "Option::is_none")]
    tags_all: Option<Tags>,
    #[serde(skip_serializing)]
    on_destroy: String,
}

impl Resource for Bucket {
    type Data = Aws;
    type Args = Args;
    type State = State;
    const NAME: &'static str = "bucket";

    fn schema(&self) -> Schema {
        Schema::new(
            "A bucket of one role. Records pass only through the named endpoints and only to the brokers' role; nothing \
             in it is ever public; every object is encrypted with one key.",
        )
        .attributes([attributes::cluster(), attributes::facts()])
        .attributes(attributes::policies())
        .attributes(attributes::tags())
        .attributes(arguments())
        .attributes([
            ("id", computed(string(), "Name of the bucket.").keep()),
            ("arn", computed(string(), "ARN of the bucket.").keep()),
            ("lifecycle_rules", computed(string(), "The lifecycle rules, as JSON.")),
            ("object_ownership", computed(string(), "Who owns its objects; always `BucketOwnerEnforced`.")),
            ("public_access_blocked", computed(boolean(), "Whether all public access is blocked; always `true`.")),
            ("bucket_key_enabled", computed(boolean(), "Whether S3 Bucket Keys are used; always `true`.")),
        ])
    }

    fn validate(&self, config: &Config<'_>, _: &mut Diagnostics) -> Result<(), Diagnostics> {
        let role: Attr<String> = config.get("role")?;
        let endpoints: Attr<BTreeMap<String, Attr<String>>> = config.get("endpoints")?;
        if role == Attr::Known("data".into()) && (endpoints.is_null() || endpoints == Attr::Known(BTreeMap::new())) {
            let detail = "Records pass only through endpoints, and none is named, so nobody could read or write. Set endpoints = { s3 \
                          = ringfence_vpc_endpoint.NAME.id }.";
            return Err(Diagnostic::error("a data bucket needs an endpoint", detail).at(at("endpoints")).into());
        }
        let lock: Attr<bool> = config.get("object_lock")?;
        let versioning: Attr<bool> = config.get("versioning")?;
        if lock == Attr::Known(true) && versioning == Attr::Known(false) {
            let detail = "S3 locks versions of objects. Set versioning = true, or object_lock = false.";
            return Err(Diagnostic::error("object lock needs versioning", detail).at(at("versioning")).into());
        }
        Ok(())
    }

    fn plan(&self, plan: &mut Plan<'_, Aws>) -> Result<(), Diagnostics> {
        attributes::plan_tags(plan)?;
        plan.set("object_ownership", "BucketOwnerEnforced")?;
        plan.set("public_access_blocked", true)?;
        plan.set("bucket_key_enabled", true)?;
        let Some(aws) = plan.data() else { return Ok(()) };
        let scope = aws.scope();
        let (cluster, role): (Attr<String>, Attr<Role>) = (plan.get("cluster")?, plan.get("role")?);
        attributes::derive(plan, "name", cluster.as_ref().zip(role).map(|(c, r)| r.name(&Names::new(c, scope))))?;
        attributes::derive(plan, "broker_role", cluster.map(|c| names::broker_role(&c)))?;
        attributes::derive(plan, "versioning", role.map(|role| role == Role::Metadata))?;
        let name: Attr<String> = plan.get("name")?;
        plan.set("arn", name.as_ref().map(|name| scope.bucket_arn(name)))?;
        plan.set("id", name)?;
        let endpoints: Attr<BTreeMap<String, Attr<String>>> = plan.get("endpoints")?;
        let credentials_key = !plan.get::<String>("credentials_key_arn")?.is_null();
        let spec = plan.model::<Attr<Spec>>()?.known().filter(|_| !endpoints.is_unknown());
        let endpoints = endpoints.known().unwrap_or_default();
        let symbolic: Vec<String> = endpoints.keys().cloned().collect();
        plan.set("lifecycle_rules", spec.as_ref().map_or(Attr::Unknown, |s| Attr::Known(s.lifecycle())))?;
        let template = spec.as_ref().map(|s| s.document(scope, &symbolic, credentials_key));
        let symbols = plan_symbols(plan, spec.as_ref(), endpoints)?;
        attributes::plan_policy(plan, template.as_ref(), &symbols)?;
        attributes::plan_facts(plan, spec.map(|s| s.facts(scope, &symbolic, credentials_key)))
    }

    fn plan_destroy(&self, _: Option<&Aws>, state: &Config<'_>, out: &mut Diagnostics) -> Result<(), Diagnostics> {
        let id = state.get::<String>("id")?.known().unwrap_or_default();
        if state.get::<String>("on_destroy")? == Attr::Known("delete".into()) {
            let detail = "Every object in it, every version and every unfinished upload is deleted first. This cannot be undone.";
            out.push(Diagnostic::warning(format!("the bucket {id} is deleted with its contents"), detail));
        } else {
            let detail = "It stays in the account with its contents and its policy. To have it deleted, set on_destroy = \"delete\" and \
                          apply first.";
            out.push(Diagnostic::warning(format!("left behind: the bucket {id}"), detail));
        }
        Ok(())
    }

    async fn create(&self, cx: &Context<Aws>, args: Args) -> Result<State, Diagnostics> {
        let wanted = wanted(cx, &args)?;
        let ownership = ownership(cx, &wanted);
        remote::create(cx, &wanted, &ownership).await?;
        cx.keep(&json!({ "id": wanted.name }));
        remote::converge(cx, &wanted, &ownership).await?;
        Ok(State { id: wanted.name, policy: Some(wanted.policy), ..State::default() })
    }

    async fn read(&self, cx: &Context<Aws>, saved: State) -> Result<Option<State>, Diagnostics> {
        let name = saved.id;
        let Some(found) = remote::read(cx, &name).await? else { return Ok(None) };
        let (tags, tags_all) = attributes::read_tags(cx, &found.tags, saved.tags);
        let (mut spec, mut credentials_key_arn, mut endpoints) = (saved.spec, None, None);
        // After an import nothing is saved yet; arguments, template and facts are read back from the policy.
        let (mut template, mut facts) = (None, None);
        if spec.is_none()
            && let Some((arguments, ids)) = imported::arguments(&name, &found, cx.scope())
        {
            let symbolic: Vec<String> = ids.endpoints.iter().flat_map(|e| e.keys().cloned()).collect();
            let credentials_key = ids.credentials_key_arn.is_some();
            template = Some(arguments.document(cx.scope(), &symbolic, credentials_key).to_string());
            facts = Some(attributes::canonical(arguments.facts(cx.scope(), &symbolic, credentials_key)));
            (spec, credentials_key_arn, endpoints) = (Some(arguments), ids.credentials_key_arn, ids.endpoints);
        }
        let spec = spec.map(|s| Spec { versioning: found.versioning, object_lock: found.object_lock, ..s });
        Ok(Some(State {
            spec,
            arn: Some(cx.scope().bucket_arn(&name)),
            id: name,
            kms_key_arn: found.kms_key_arn,
            credentials_key_arn,
            endpoints,
            policy: Some(attributes::read_policy(&found.policy, saved.policy)),
            policy_template: template,
            facts,
            lifecycle_rules: Some(found.lifecycle),
            object_ownership: Some(found.ownership),
            public_access_blocked: Some(found.public_access_blocked),
            bucket_key_enabled: Some(found.bucket_key),
            tags,
            tags_all: Some(tags_all),
            ..State::default()
        }))
    }

    async fn update(&self, cx: &Context<Aws>, saved: State, args: Args) -> Result<State, Diagnostics> {
        let wanted = wanted(cx, &args)?;
        remote::converge(cx, &wanted, &ownership(cx, &wanted)).await?;
        Ok(State { id: saved.id, policy: Some(wanted.policy), ..State::default() })
    }

    async fn delete(&self, cx: &Context<Aws>, state: State) -> Result<(), Diagnostics> {
        if state.on_destroy == "delete" {
            let purged = purge::delete(cx, &state.id).await?;
            tracing::info!(bucket = state.id, versions = purged.versions, uploads = purged.uploads, "bucket deleted");
        }
        Ok(())
    }

    async fn import(&self, _: &Context<Aws>, id: String) -> Result<Option<State>, Diagnostics> {
        Ok(Some(State { id, ..State::default() }))
    }
}

fn arguments() -> [attributes::Named; 13] {
    let name_rule = Check::text("must have 3 to 63 lower-case letters, digits and hyphens", |n| {
        names::check_bucket_name(n).is_ok()
    });
    [
        (
            "role",
            required(string(), "What it holds: `data` (records), `metadata` (the cluster's log, packages) or `logs`. It decides the policy.")
                .check(Check::one_of(Role::NAMES))
                .replace(),
        ),
        ("name", optional_computed(string(), "Name of the bucket. By default CLUSTER-ROLE-ACCOUNT-REGION.").check(name_rule).replace()),
        ("kms_key_arn", required(string(), "ARN of the key that encrypts every object.")),
        ("credentials_key_arn", optional(string(), "ARN of the key of `secret/` (metadata bucket).")),
        ("broker_role", optional_computed(string(), "Name of the brokers' role. By default the one derived from the cluster's name.")),
        (
            "endpoints",
            optional(map(Type::String), "Ids of the VPC endpoints that records pass through, by name: `{ s3 = ringfence_vpc_endpoint.s3.id }`."),
        ),
        ("purge_role", optional(string(), "Role that may delete everything: a name or an ARN.")),
        ("exit_role", optional(string(), "Role that may read everything in an exit: a name or an ARN.")),
        (
            "log_writers",
            optional(set(Type::String), "Roles besides the brokers that append to the metadata log, that is, manage topics: names or ARNs."),
        ),
        ("lifecycle_administrators", optional(set(Type::String), "Roles that alone change the lifecycle rules (metadata bucket): names or ARNs.")),
        ("versioning", optional_computed(boolean(), "Whether S3 keeps old versions. By default only in the metadata bucket: records are never overwritten.")),
        ("object_lock", optional(boolean(), "Whether objects can be locked against deletion. Only at creation.").default(false).replace()),
        attributes::on_destroy(["retain", "delete"], "What a destroy does: `retain` leaves the bucket, `delete` empties and deletes it."),
    ]
}

fn at(name: &str) -> Path {
    Path::root().attribute(name)
}

/// What is known of the ids that stand as symbols in the template.
fn plan_symbols(
    plan: &Plan<'_, Aws>,
    spec: Option<&Spec>,
    endpoints: BTreeMap<String, Attr<String>>,
) -> Result<Symbols, Diagnostics> {
    let account = plan.data().map(|aws| aws.scope().account.clone()).unwrap_or_default();
    let mut found = Symbols::of_account(&account);
    if let (Attr::Known(arn), Some(spec)) = (plan.get::<String>("kms_key_arn")?, spec) {
        found = found.with(&symbols::key(spec.role.purpose()), &arn);
    }
    if let Attr::Known(arn) = plan.get::<String>("credentials_key_arn")? {
        found = found.with(&symbols::key("credentials"), &arn);
    }
    for (name, id) in endpoints {
        if let Attr::Known(id) = id {
            found = found.with(&symbols::vpce(&name), &id);
        }
    }
    Ok(found)
}

fn wanted(aws: &Aws, args: &Args) -> Result<remote::Wanted, Diagnostics> {
    let mut symbols = Symbols::of_account(&aws.scope().account);
    symbols = symbols.with(&symbols::key(args.spec.role.purpose()), &args.ids.kms_key_arn);
    if let Some(arn) = &args.ids.credentials_key_arn {
        symbols = symbols.with(&symbols::key("credentials"), arn);
    }
    for (name, id) in args.ids.endpoints.iter().flatten() {
        symbols = symbols.with(&symbols::vpce(name), id);
    }
    let policy = symbols.fill(&args.policy_template);
    Ok(remote::Wanted {
        name: args.spec.name.clone(),
        kms_key_arn: args.ids.kms_key_arn.clone(),
        policy: policy.map_err(|e| Failure::new("the bucket policy is incomplete", e.to_string()))?,
        versioning: args.spec.versioning,
        object_lock: args.spec.object_lock,
        lifecycle: args.spec.lifecycle(),
        tags: args.tags_all.clone(),
    })
}

fn ownership(aws: &Aws, wanted: &remote::Wanted) -> Ownership {
    Ownership::new(aws.settings().manager(), "ringfence_bucket", &wanted.name, wanted)
}
