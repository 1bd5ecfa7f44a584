//! `ringfence_key`: a key of one purpose, its alias, its policy and its rotation.

use std::collections::BTreeSet;

use serde::{Deserialize, Serialize};
use serde_json::{Value, json};
use tfplugin_rs::{
    Attr, Config, Context, Diagnostic, Diagnostics, Path, Plan, Resource,
    schema::{Check, Schema, boolean, computed, integer, optional, optional_computed, required, set, string},
    value::Type,
};

use crate::{
    attributes,
    client::{Aws, Caller},
    failure::Failure,
    names::{self, Names, Scope},
    ownership::{Ownership, Tags},
    policy::symbols::Symbols,
};

mod imported;
mod policy;
mod remote;

/// The resource.
#[derive(Debug)]
pub(crate) struct Key;

/// What a key protects; it decides the policy.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub(crate) enum Purpose {
    /// Objects of the data bucket.
    Data,
    /// Objects of the metadata bucket.
    Metadata,
    /// Objects under `secret/`.
    Credentials,
    /// Root volumes of the instances.
    Volume,
    /// Log groups.
    Logs,
}

impl Purpose {
    const NAMES: [&'static str; 5] = ["data", "metadata", "credentials", "volume", "logs"];

    fn name(self) -> &'static str {
        let [data, metadata, credentials, volume, logs] = Purpose::NAMES;
        match self {
            Purpose::Data => data,
            Purpose::Metadata => metadata,
            Purpose::Credentials => credentials,
            Purpose::Volume => volume,
            Purpose::Logs => logs,
        }
    }

    /// The buckets whose objects such a key protects, unless others are named.
    fn buckets(self, names: &Names) -> BTreeSet<String> {
        match self {
            Purpose::Data => BTreeSet::from([names.data_bucket.clone()]),
            Purpose::Metadata | Purpose::Credentials => BTreeSet::from([names.metadata_bucket.clone()]),
            Purpose::Volume | Purpose::Logs => BTreeSet::new(),
        }
    }
}

/// The arguments that decide alias, policy and facts.
#[derive(Clone, Debug, Serialize, Deserialize)]
struct Spec {
    cluster: String,
    purpose: Purpose,
    administrators: BTreeSet<String>,
    broker_role: String,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    users: Option<BTreeSet<String>>,
    buckets: BTreeSet<String>,
    rotation_days: i32,
}

impl Spec {
    fn alias(&self) -> String {
        names::key_alias(&self.cluster, self.purpose.name())
    }

    /// ARNs of all who use the key, the brokers first.
    fn users(&self, scope: &Scope) -> Vec<String> {
        let others = self.users.iter().flatten().map(|user| scope.role_arn(user));
        std::iter::once(scope.role_arn(&self.broker_role)).chain(others).collect()
    }

    fn document(&self, scope: &Scope) -> Value {
        policy::KeyPolicy {
            scope,
            cluster: &self.cluster,
            purpose: self.purpose,
            administrators: &self.administrators.iter().cloned().collect::<Vec<_>>(),
            users: &self.users(scope),
            buckets: &self.buckets.iter().cloned().collect::<Vec<_>>(),
        }
        .document()
    }

    fn facts(&self, scope: &Scope) -> Value {
        json!({
            "kind": "key",
            "key": crate::policy::symbols::key(self.purpose.name()),
            "alias": self.alias(),
            "cluster": self.cluster,
            "purpose": self.purpose,
            "account": scope.account,
            "region": scope.region,
            "administrators": self.administrators,
            "users": self.users(scope),
            "buckets": self.buckets,
            "rotation_days": self.rotation_days,
            "policy": self.document(scope),
        })
    }
}

/// What create and update work from.
#[derive(Debug, Deserialize)]
pub(crate) struct Args {
    #[serde(flatten)]
    spec: Spec,
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
    arn: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    alias: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    enabled: Option<bool>,
    #[serde(skip_serializing_if = "Option::is_none")]
    policy: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    policy_template: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    facts: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    tags: Option<Tags>,
    #[serde(skip_serializing_if = "Option::is_none")]
    tags_all: Option<Tags>,
    #[serde(skip_serializing)]
    on_destroy: String,
    #[serde(skip_serializing)]
    deletion_window_days: i32,
}

impl Resource for Key {
    type Data = Aws;
    type Args = Args;
    type State = State;
    const NAME: &'static str = "key";

    fn schema(&self) -> Schema {
        let purposes = "What it protects: objects of the `data` or `metadata` bucket, `credentials` under `secret/`, root \
                        `volume`s, `logs`. It decides the policy.";
        Schema::new(
            "A KMS key of one purpose with its alias, policy and rotation. Administrators cannot decrypt, users cannot \
             administer, and nobody can grant.",
        )
        .attributes([attributes::cluster(), attributes::facts()])
        .attributes(attributes::policies())
        .attributes(attributes::tags())
        .attributes([
            ("purpose", required(string(), purposes).check(Check::one_of(Purpose::NAMES)).replace()),
            (
                "administrators",
                required(set(Type::String), "ARNs of the roles or users that administer the key. They cannot decrypt.")
                    .check(attributes::arns().each())
                    .check(Check::not_empty()),
            ),
            ("broker_role", optional_computed(string(), "Name of the brokers' role. By default the one derived from the cluster's name.")),
            ("users", optional(set(Type::String), "Further roles that use the key through S3: names of roles, or ARNs.")),
            ("buckets", optional_computed(set(Type::String), "Names of the buckets it encrypts. By default those derived from the cluster's name.")),
            ("rotation_days", optional(integer(), "Days between rotations.").default(365).check(Check::between(90, 2560))),
            attributes::on_destroy(
                ["retain", "disable", "schedule_deletion"],
                "What a destroy does: `retain` leaves the key, `disable` stops its use, `schedule_deletion` deletes it after \
                 `deletion_window_days`; what it encrypted is then lost for ever.",
            ),
            (
                "deletion_window_days",
                optional(integer(), "Days between a scheduled deletion and the deletion.").default(30).check(Check::between(7, 30)),
            ),
            ("id", computed(string(), "Id of the key.").keep()),
            ("arn", computed(string(), "ARN of the key.").keep()),
            ("alias", computed(string(), "Alias of the key.")),
            ("enabled", computed(boolean(), "Whether the key can be used.")),
        ])
    }

    fn plan(&self, plan: &mut Plan<'_, Aws>) -> Result<(), Diagnostics> {
        attributes::plan_tags(plan)?;
        plan.set("enabled", true)?;
        let Some(aws) = plan.data() else { return Ok(()) };
        let scope = aws.scope();
        let cluster: Attr<String> = plan.get("cluster")?;
        let purpose: Attr<Purpose> = plan.get("purpose")?;
        attributes::derive(plan, "broker_role", cluster.as_ref().map(|c| names::broker_role(c)))?;
        attributes::derive(plan, "buckets", cluster.zip(purpose).map(|(c, p)| p.buckets(&Names::new(&c, scope))))?;
        let spec = plan.model::<Attr<Spec>>()?.known();
        plan.set("alias", spec.as_ref().map_or(Attr::Unknown, |s| Attr::Known(s.alias())))?;
        let template = spec.as_ref().map(|s| s.document(scope));
        attributes::plan_policy(plan, template.as_ref(), &Symbols::of_account(&scope.account))?;
        attributes::plan_facts(plan, spec.as_ref().map(|s| s.facts(scope)))?;
        match spec {
            Some(spec) if plan.changes("policy") => no_lock_out(aws.caller(), &spec, scope),
            _ => Ok(()),
        }
    }

    fn plan_destroy(&self, _: Option<&Aws>, state: &Config<'_>, out: &mut Diagnostics) -> Result<(), Diagnostics> {
        let text = |name: &str| Ok::<_, Diagnostics>(state.get::<String>(name)?.known().unwrap_or_default());
        let (alias, id, on_destroy) = (text("alias")?, text("id")?, text("on_destroy")?);
        let days = state.get::<i64>("deletion_window_days")?.known().unwrap_or_default();
        let detail = match on_destroy.as_str() {
            "disable" => format!(
                "It stays in the account, disabled, with its alias {alias}. Nothing that it encrypted can be read until it is enabled again."
            ),
            "schedule_deletion" => format!(
                "KMS deletes it after {days} days; what it encrypted is then lost for ever. Until then `aws kms cancel-key-deletion --key-id {id}` keeps it."
            ),
            _ => format!(
                "It stays in the account, enabled, with its alias {alias}. To have it deleted, set on_destroy = \"schedule_deletion\" and apply first."
            ),
        };
        out.push(Diagnostic::warning(format!("left behind: the key {id}"), detail));
        Ok(())
    }

    async fn create(&self, cx: &Context<Aws>, args: Args) -> Result<State, Diagnostics> {
        let wanted = wanted(cx, &args)?;
        let ownership = ownership(cx, &args.spec, &wanted);
        let id = remote::create(cx, &wanted, &ownership).await?;
        cx.keep(&json!({ "id": id }));
        remote::converge(cx, &id, &wanted, &ownership).await?;
        let arn = format!("arn:{}:kms:{}:{}:key/{id}", cx.scope().partition, cx.scope().region, cx.scope().account);
        Ok(State { id, arn: Some(arn), policy: Some(wanted.policy), ..State::default() })
    }

    async fn read(&self, cx: &Context<Aws>, saved: State) -> Result<Option<State>, Diagnostics> {
        let Some(found) = remote::read(cx, &saved.id).await? else { return Ok(None) };
        let (tags, tags_all) = attributes::read_tags(cx, &found.tags, saved.tags);
        let spec = saved.spec.or_else(|| imported::spec(&found, cx.scope()));
        let spec = spec.map(|spec| Spec { rotation_days: found.rotation_days.unwrap_or(0), ..spec });
        // After an import there is no template yet; it is a function of the arguments.
        let (mut template, mut facts) = (saved.policy_template, saved.facts);
        if let (None, Some(spec)) = (&template, &spec) {
            template = Some(spec.document(cx.scope()).to_string());
            facts = Some(attributes::canonical(spec.facts(cx.scope())));
        }
        Ok(Some(State {
            spec,
            id: found.id,
            arn: Some(found.arn),
            alias: found.alias,
            enabled: Some(found.enabled),
            policy: Some(attributes::read_policy(&found.policy, saved.policy)),
            policy_template: template,
            facts,
            tags,
            tags_all: Some(tags_all),
            ..State::default()
        }))
    }

    async fn update(&self, cx: &Context<Aws>, saved: State, args: Args) -> Result<State, Diagnostics> {
        let wanted = wanted(cx, &args)?;
        let ownership = ownership(cx, &args.spec, &wanted);
        remote::converge(cx, &saved.id, &wanted, &ownership).await?;
        Ok(State { id: saved.id, policy: Some(wanted.policy), ..State::default() })
    }

    async fn delete(&self, cx: &Context<Aws>, state: State) -> Result<(), Diagnostics> {
        match state.on_destroy.as_str() {
            "disable" => remote::disable(cx, &state.id).await?,
            "schedule_deletion" => {
                refuse_while_stores_remain(cx, &state).await?;
                let alias = state.alias.unwrap_or_default();
                remote::schedule_deletion(cx, &state.id, &alias, state.deletion_window_days).await?;
            }
            _ => {}
        }
        Ok(())
    }

    async fn import(&self, _: &Context<Aws>, id: String) -> Result<Option<State>, Diagnostics> {
        Ok(Some(State { id, ..State::default() }))
    }
}

fn wanted(aws: &Aws, args: &Args) -> Result<remote::Wanted, Diagnostics> {
    let policy = Symbols::of_account(&aws.scope().account).fill(&args.policy_template);
    Ok(remote::Wanted {
        alias: args.spec.alias(),
        description: format!("Ringfence {}: {}", args.spec.cluster, args.spec.purpose.name()),
        policy: policy.map_err(|e| Failure::new("the key policy is incomplete", e.to_string()))?,
        rotation_days: args.spec.rotation_days,
        tags: args.tags_all.clone(),
    })
}

fn ownership(aws: &Aws, spec: &Spec, wanted: &remote::Wanted) -> Ownership {
    let name = format!("{}/{}", spec.cluster, spec.purpose.name());
    Ownership::new(aws.settings().manager(), "ringfence_key", &name, wanted)
}

/// KMS refuses a policy that its writer could not change again; better said in the plan.
fn no_lock_out(caller: Option<&Caller>, spec: &Spec, scope: &Scope) -> Result<(), Diagnostics> {
    let Some(principal) = caller.map(Caller::principal_arn) else { return Ok(()) };
    let name = |arn: &str| arn.rsplit('/').next().map(str::to_owned);
    // STS does not tell a role's path, so the last part of the ARN has to do.
    let listed =
        spec.administrators.iter().any(|arn| *arn == principal || (arn.contains("/") && name(arn) == name(&principal)));
    if listed || principal == scope.root_arn() {
        return Ok(());
    }
    let detail = format!(
        "{principal}, who runs Terraform, is not among the administrators, so KMS would refuse the policy or nobody here could \
         change it again. Add it to `administrators`, or run this as one of them."
    );
    Err(Diagnostic::error("the key policy would lock its caller out", detail)
        .at(Path::root().attribute("administrators"))
        .into())
}

/// What the key encrypts would be lost for ever.
async fn refuse_while_stores_remain(aws: &Aws, state: &State) -> Result<(), Failure> {
    for bucket in state.spec.iter().flat_map(|spec| &spec.buckets) {
        let key = match crate::s3::bucket::remote::key_of(aws, bucket).await {
            Ok(key) => key,
            Err(failure) if failure.is_gone() => continue,
            Err(failure) => return Err(failure),
        };
        if key.is_some_and(|key| key.ends_with(&state.id)) {
            return Err(Failure::new(
                format!("the key {} is still in use", state.id),
                format!(
                    "The bucket {bucket} encrypts with it and exists; without the key its objects are lost for ever. Delete the \
                     bucket first, or set on_destroy = \"retain\" and apply before you destroy."
                ),
            ));
        }
    }
    Ok(())
}
