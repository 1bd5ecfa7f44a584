//! `ringfence_broker_role`: the brokers' role and its instance profile.

use serde::{Deserialize, Serialize};
use serde_json::{Value, json};
use tfplugin_rs::{
    Attr, Context, Diagnostics, Path, Plan, Resource,
    schema::{Check, Schema, computed, optional, optional_computed, required, string},
};

use crate::{
    attributes,
    client::Aws,
    failure::Failure,
    names::{Names, Scope},
    ownership::{Ownership, Tags},
    policy::symbols::{self, Symbols},
};

mod imported;
mod policy;
mod remote;

/// The resource.
#[derive(Debug)]
pub(crate) struct BrokerRole;

/// The arguments that decide policy and facts.
#[derive(Clone, Debug, Serialize, Deserialize)]
struct Spec {
    cluster: String,
    name: String,
    data_bucket: String,
    metadata_bucket: String,
    #[serde(default)]
    permissions_boundary: Option<String>,
}

impl Spec {
    fn document(&self, scope: &Scope) -> Value {
        policy::BrokerPolicy {
            scope,
            cluster: &self.cluster,
            data_bucket: &self.data_bucket,
            metadata_bucket: &self.metadata_bucket,
        }
        .document()
    }

    fn facts(&self, scope: &Scope) -> Value {
        json!({
            "kind": "role",
            "name": self.name,
            "arn": scope.role_arn(&self.name),
            "cluster": self.cluster,
            "account": scope.account,
            "permissions_boundary": self.permissions_boundary,
            "trust": policy::trust(scope),
            "policy": self.document(scope),
        })
    }
}

/// What create and update work from.
#[derive(Debug, Deserialize)]
pub(crate) struct Args {
    #[serde(flatten)]
    spec: Spec,
    data_key_arn: String,
    metadata_key_arn: String,
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
    unique_id: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    data_key_arn: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    metadata_key_arn: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    policy_template: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    facts: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    arn: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    policy: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    trust_policy: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    instance_profile: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    tags: Option<Tags>,
    #[serde(skip_serializing_if = "Option::is_none")]
    tags_all: Option<Tags>,
}

impl Resource for BrokerRole {
    type Data = Aws;
    type Args = Args;
    type State = State;
    const NAME: &'static str = "broker_role";

    fn schema(&self) -> Schema {
        let bucket = "By default the one derived from the cluster's name.";
        let arn = Check::text("must be the ARN of an IAM policy", |text| {
            text.starts_with("arn:") && text.contains(":policy/")
        });
        Schema::new(
            "The brokers' role: exactly the calls that a broker makes, usable only from the instance it was given to.",
        )
        .attributes([attributes::cluster(), attributes::facts()])
        .attributes(attributes::policies())
        .attributes(attributes::tags())
        .attributes([
            (
                "name",
                optional_computed(
                    string(),
                    "Name of the role and its instance profile. By default derived from the cluster's name.",
                )
                .replace(),
            ),
            ("data_bucket", optional_computed(string(), format!("Name of the data bucket. {bucket}"))),
            ("metadata_bucket", optional_computed(string(), format!("Name of the metadata bucket. {bucket}"))),
            ("data_key_arn", required(string(), "ARN of the data bucket's key.")),
            ("metadata_key_arn", required(string(), "ARN of the metadata bucket's key.")),
            (
                "permissions_boundary",
                optional(string(), "ARN of a policy that bounds what the role can ever do.").check(arn),
            ),
            ("id", computed(string(), "Name of the role.").keep()),
            (
                "unique_id",
                computed(string(), "What AWS calls the role besides its name: the first part of `aws:userid`.").keep(),
            ),
            ("arn", computed(string(), "ARN of the role.")),
            ("instance_profile", computed(string(), "Name of the instance profile.")),
            ("trust_policy", computed(string(), "Who may assume the role: EC2, for instances that carry its profile.")),
        ])
    }

    fn plan(&self, plan: &mut Plan<'_, Aws>) -> Result<(), Diagnostics> {
        attributes::plan_tags(plan)?;
        let Some(aws) = plan.data() else { return Ok(()) };
        let scope = aws.scope();
        let cluster: Attr<String> = plan.get("cluster")?;
        let names = cluster.map(|cluster| Names::new(&cluster, scope));
        attributes::derive(plan, "name", names.as_ref().map(|n| n.broker_role.clone()))?;
        attributes::derive(plan, "data_bucket", names.as_ref().map(|n| n.data_bucket.clone()))?;
        attributes::derive(plan, "metadata_bucket", names.map(|n| n.metadata_bucket))?;
        let name: Attr<String> = plan.get("name")?;
        plan.set("arn", name.as_ref().map(|name| scope.role_arn(name)))?;
        plan.set("instance_profile", name.clone())?;
        plan.set("id", name)?;
        attributes::plan_document(plan, "trust_policy", &policy::trust(scope).to_string())?;
        let mut symbols = Symbols::of_account(&scope.account);
        for purpose in ["data", "metadata"] {
            if let Attr::Known(arn) = plan.get::<String>(Path::root().attribute(format!("{purpose}_key_arn")))? {
                symbols = symbols.with(&symbols::key(purpose), &arn);
            }
        }
        let spec = plan.model::<Attr<Spec>>()?.known();
        let template = spec.as_ref().map(|s| s.document(scope));
        attributes::plan_policy(plan, template.as_ref(), &symbols)?;
        attributes::plan_facts(plan, spec.map(|s| s.facts(scope)))
    }

    async fn create(&self, cx: &Context<Aws>, args: Args) -> Result<State, Diagnostics> {
        let wanted = wanted(cx, &args)?;
        let ownership = ownership(cx, &wanted);
        remote::create(cx, &wanted, &ownership).await?;
        cx.keep(&json!({ "id": wanted.name }));
        let unique_id = remote::converge(cx, &wanted, &ownership).await?;
        Ok(State { id: wanted.name, unique_id: Some(unique_id), policy: Some(wanted.policy), ..State::default() })
    }

    async fn read(&self, cx: &Context<Aws>, saved: State) -> Result<Option<State>, Diagnostics> {
        let Some(found) = remote::read(cx, &saved.id).await? else { return Ok(None) };
        let (tags, tags_all) = attributes::read_tags(cx, &found.tags, saved.tags.clone());
        let mut saved = saved;
        // After an import nothing is saved yet; arguments, template and facts are read back from the policy.
        if saved.spec.is_none()
            && let Some(State { spec: Some(spec), data_key_arn, metadata_key_arn, .. }) =
                imported::state(&saved.id, &found)
        {
            saved.policy_template = Some(spec.document(cx.scope()).to_string());
            saved.facts = Some(attributes::canonical(spec.facts(cx.scope())));
            saved.arn = Some(cx.scope().role_arn(&spec.name));
            (saved.spec, saved.data_key_arn, saved.metadata_key_arn) = (Some(spec), data_key_arn, metadata_key_arn);
        }
        let bounded = |spec: Spec| Spec { permissions_boundary: found.permissions_boundary.clone(), ..spec };
        // A profile without the role is shown as another profile, so that the next apply repairs it.
        let instance_profile = if found.profile { saved.id.clone() } else { String::new() };
        Ok(Some(State {
            spec: saved.spec.map(bounded),
            unique_id: Some(found.unique_id),
            policy: Some(attributes::read_policy(&found.policy, saved.policy)),
            trust_policy: Some(attributes::read_policy(&found.trust, saved.trust_policy)),
            instance_profile: Some(instance_profile),
            tags,
            tags_all: Some(tags_all),
            ..saved
        }))
    }

    async fn update(&self, cx: &Context<Aws>, saved: State, args: Args) -> Result<State, Diagnostics> {
        let wanted = wanted(cx, &args)?;
        remote::converge(cx, &wanted, &ownership(cx, &wanted)).await?;
        Ok(State { id: saved.id, policy: Some(wanted.policy), ..State::default() })
    }

    async fn delete(&self, cx: &Context<Aws>, state: State) -> Result<(), Diagnostics> {
        Ok(remote::delete(cx, &state.id).await?)
    }

    async fn import(&self, _: &Context<Aws>, id: String) -> Result<Option<State>, Diagnostics> {
        Ok(Some(State { id, ..State::default() }))
    }
}

fn wanted(aws: &Aws, args: &Args) -> Result<remote::Wanted, Diagnostics> {
    let symbols = Symbols::of_account(&aws.scope().account)
        .with(&symbols::key("data"), &args.data_key_arn)
        .with(&symbols::key("metadata"), &args.metadata_key_arn);
    let policy = symbols.fill(&args.policy_template);
    Ok(remote::Wanted {
        name: args.spec.name.clone(),
        trust: policy::trust(aws.scope()).to_string(),
        policy: policy.map_err(|e| Failure::new("the role's policy is incomplete", e.to_string()))?,
        permissions_boundary: args.spec.permissions_boundary.clone(),
        tags: args.tags_all.clone(),
    })
}

fn ownership(aws: &Aws, wanted: &remote::Wanted) -> Ownership {
    Ownership::new(aws.settings().manager(), "ringfence_broker_role", &wanted.name, wanted)
}
