//! `ringfence_topic`: a topic with an owner, a classification and a retention.

use std::collections::BTreeMap;

use broker_metadata::{
    Applied, Change, CreateTopic, Rejection, Topic as Found, TopicAttributes, check_topic_config, check_topic_name,
};
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};
use tfplugin_rs::{
    Attr, Config, Context, Diagnostic, Diagnostics, Path, Plan, Resource,
    schema::{Check, Schema, boolean, computed, integer, map, optional, required, string},
    value::Type,
};
use uuid::Uuid;

use super::{cluster::reference, log};
use crate::{attributes, client::Aws, failure::Failure, limits};

/// The config that `retention_ms` stands for.
const RETENTION: &str = "retention.ms";

/// The resource.
#[derive(Debug)]
pub(crate) struct Topic;

/// What create and update work from.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(crate) struct Args {
    cluster: String,
    name: String,
    partitions: i32,
    owner: String,
    classification: String,
    retention_ms: i64,
    #[serde(default)]
    configs: Option<BTreeMap<String, String>>,
    deletion_protection: bool,
}

impl Args {
    fn id(&self) -> String {
        format!("{}/{}", self.cluster, self.name)
    }

    fn configs(&self) -> BTreeMap<String, String> {
        let mut configs = self.configs.clone().unwrap_or_default();
        configs.insert(RETENTION.into(), self.retention_ms.to_string());
        configs
    }

    fn facts(&self) -> Value {
        json!({
            "kind": "topic",
            "cluster": self.cluster,
            "name": self.name,
            "partitions": self.partitions,
            "owner": self.owner,
            "classification": self.classification,
            "retention_ms": self.retention_ms,
            "configs": self.configs,
            "deletion_protection": self.deletion_protection,
        })
    }

    fn attributes(&self, aws: &Aws) -> TopicAttributes {
        TopicAttributes {
            owner: Some(self.owner.clone()),
            classification: Some(self.classification.clone()),
            manager: Some(aws.settings().manager().to_owned()),
            deletion_protection: self.deletion_protection,
        }
    }
}

/// What is saved.
#[derive(Debug, Default, Serialize, Deserialize)]
#[serde(default)]
pub(crate) struct State {
    id: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    cluster: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    name: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    partitions: Option<usize>,
    #[serde(skip_serializing_if = "Option::is_none")]
    owner: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    classification: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    retention_ms: Option<i64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    configs: Option<BTreeMap<String, String>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    deletion_protection: Option<bool>,
    #[serde(skip_serializing_if = "Option::is_none")]
    topic_id: Option<Uuid>,
    #[serde(skip_serializing_if = "Option::is_none")]
    created_by: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    facts: Option<String>,
}

impl Resource for Topic {
    type Data = Aws;
    type Args = Args;
    type State = State;
    const NAME: &'static str = "topic";

    fn schema(&self) -> Schema {
        let name = Check::text("must be a topic name: letters, digits, `.`, `_` and `-`, at most 249", |n| {
            check_topic_name(n).is_ok()
        });
        let word = || Check::length(1, limits::TOPIC_ATTRIBUTE_MAX);
        Schema::new(
            "A topic. It is made through the metadata log in the bucket, so Terraform needs no network path to a broker. A removed \
             config goes back to its default.",
        )
        .attributes([
            ("cluster", required(string(), "The cluster: `ringfence_cluster.NAME.id`.").replace()),
            ("name", required(string(), "Name of the topic.").check(name).replace()),
            ("partitions", required(integer(), "Number of partitions. It can only grow.").check(Check::between(1, limits::PARTITIONS_MAX))),
            ("owner", required(string(), "Who answers for the records.").check(word())),
            ("classification", required(string(), "How confidential the records are.").check(word())),
            (
                "retention_ms",
                required(integer(), "How long records are kept, in milliseconds; -1 for ever.").check(Check::between(-1, i64::MAX)),
            ),
            ("configs", optional(map(Type::String), "Further configs by Kafka's names, `cleanup.policy` for instance.")),
            ("deletion_protection", optional(boolean(), "Whether a destroy is refused, already in the plan.").default(true)),
            ("id", computed(string(), "METADATA-BUCKET/CLUSTER/NAME.").keep()),
            ("topic_id", computed(string(), "The topic's UUID.").keep()),
            ("created_by", computed(string(), "Who created the topic.").keep()),
            attributes::facts(),
        ])
    }

    fn validate(&self, config: &Config<'_>, out: &mut Diagnostics) -> Result<(), Diagnostics> {
        let configs: Attr<BTreeMap<String, Attr<String>>> = config.get("configs")?;
        for (name, value) in configs.known().unwrap_or_default() {
            let path = Path::root().attribute("configs").key(&name);
            if name == RETENTION {
                out.push(
                    Diagnostic::error("retention.ms is set twice", "Set retention_ms, and remove it here.").at(path),
                );
            } else if let Some(value) = value.known()
                && let Err(problem) = check_topic_config(&name, &value)
            {
                out.push(Diagnostic::error(format!("the config {name} cannot be {value:?}"), problem).at(path));
            }
        }
        Ok(())
    }

    fn plan(&self, plan: &mut Plan<'_, Aws>) -> Result<(), Diagnostics> {
        let (saved, planned): (Option<i64>, Attr<i64>) = (plan.prior("partitions")?, plan.get("partitions")?);
        if let (Some(saved), Attr::Known(planned)) = (saved, planned)
            && planned < saved
        {
            let detail = format!(
                "It has {saved} partitions and keeps them: fewer would lose records and change which key is where. Write {saved}, or \
                 make a new topic and copy."
            );
            return Err(Diagnostic::error("partitions cannot be removed", detail)
                .at(Path::root().attribute("partitions"))
                .into());
        }
        let names: (Attr<String>, Attr<String>) = (plan.get("cluster")?, plan.get("name")?);
        plan.set("id", names.0.zip(names.1).map(|(cluster, name)| format!("{cluster}/{name}")))?;
        let facts = plan.model::<Attr<Args>>()?.known().map(|args| args.facts());
        attributes::plan_facts(plan, facts)
    }

    fn plan_destroy(&self, _: Option<&Aws>, state: &Config<'_>, _: &mut Diagnostics) -> Result<(), Diagnostics> {
        if state.get::<bool>("deletion_protection")? == Attr::Known(false) {
            return Ok(());
        }
        let name = state.get::<String>("name")?.known().unwrap_or_default();
        let detail = "Its records would be lost for ever. If that is what you want, set deletion_protection = false and apply; then \
                      destroy it.";
        Err(Diagnostic::error(format!("the topic {name} is protected against deletion"), detail).into())
    }

    async fn create(&self, cx: &Context<Aws>, args: Args) -> Result<State, Diagnostics> {
        let cluster = reference(&args.cluster)?;
        let create = CreateTopic {
            name: args.name.clone(),
            partitions: args.partitions,
            configs: args.configs(),
            attributes: args.attributes(cx),
        };
        let result = log::change(cx, &cluster, "topic created by Terraform", Change::CreateTopic(create)).await?;
        let topic_id = match result {
            Ok(Applied::TopicCreated { topic }) => topic,
            Ok(_) => return Err(Failure::new("the metadata log answered something else", "Apply again.").into()),
            Err(Rejection::TopicExists { topic, actor, time_ms, manager, .. }) => {
                adopt(cx, &args, &Existing { topic, actor, time_ms, manager }).await?
            }
            Err(rejection) => return Err(refused(&args.name, &rejection).into()),
        };
        let state = log::state(cx, &cluster).await?;
        let created_by = state.as_ref().and_then(|s| s.topic(topic_id)).map(|t| t.created_by.clone());
        Ok(State {
            id: args.id(),
            topic_id: Some(topic_id),
            created_by: created_by.or_else(|| Some(log::actor(cx))),
            ..State::default()
        })
    }

    async fn read(&self, cx: &Context<Aws>, saved: State) -> Result<Option<State>, Diagnostics> {
        let Some((cluster, name)) = saved.id.rsplit_once('/') else { return Ok(None) };
        let Some(state) = log::state(cx, &reference(cluster)?).await? else { return Ok(None) };
        let Some(topic) = state.topic_named(name) else { return Ok(None) };
        Ok(Some(to_state(&saved, cluster, topic)))
    }

    async fn update(&self, cx: &Context<Aws>, saved: State, args: Args) -> Result<State, Diagnostics> {
        let (cluster, topic) = (reference(&args.cluster)?, saved.topic_id.unwrap_or_default());
        let state = log::state(cx, &cluster).await?;
        let Some(found) = state.as_ref().and_then(|s| s.topic(topic)) else {
            return Err(Failure::new(format!("the topic {} is gone", args.name), "Plan again to make it anew.").into());
        };
        for change in changes(found, &args, args.attributes(cx)) {
            let result = log::change(cx, &cluster, "topic changed by Terraform", change).await?;
            result.map_err(|rejection| refused(&args.name, &rejection))?;
        }
        Ok(State { id: saved.id, ..State::default() })
    }

    async fn delete(&self, cx: &Context<Aws>, state: State) -> Result<(), Diagnostics> {
        let cluster = reference(&state.cluster.unwrap_or_default())?;
        let name = state.name.unwrap_or_default();
        let Some(topic) = state.topic_id else { return Ok(()) };
        if log::state(cx, &cluster).await?.is_none() {
            return Ok(());
        }
        match log::change(cx, &cluster, "topic deleted by Terraform", Change::DeleteTopic { topic }).await? {
            Ok(_) | Err(Rejection::UnknownTopic(_)) => Ok(()),
            Err(rejection) => Err(refused(&name, &rejection).into()),
        }
    }

    async fn import(&self, _: &Context<Aws>, id: String) -> Result<Option<State>, Diagnostics> {
        let Some((cluster, _)) = id.rsplit_once('/') else {
            let detail = "It has the form METADATA-BUCKET/CLUSTER/TOPIC.";
            return Err(Diagnostic::error(format!("{id:?} is not the id of a topic"), detail).into());
        };
        reference(cluster)?;
        Ok(Some(State { id, ..State::default() }))
    }
}

fn to_state(saved: &State, cluster: &str, topic: &Found) -> State {
    let retention_ms = topic.configs.get(RETENTION).and_then(|value| value.parse().ok());
    let configs: BTreeMap<String, String> =
        topic.configs.iter().filter(|(name, _)| *name != RETENTION).map(|(n, v)| (n.clone(), v.clone())).collect();
    let mut state = State {
        id: saved.id.clone(),
        cluster: Some(cluster.into()),
        name: Some(topic.name.clone()),
        partitions: Some(topic.partitions.len()),
        owner: topic.attributes.owner.clone(),
        classification: topic.attributes.classification.clone(),
        // Without the config Kafka's default of seven days holds, which then is a difference to what was written.
        retention_ms: retention_ms.or_else(|| topic.integer_config(RETENTION)),
        configs: if configs.is_empty() && saved.configs.is_none() { None } else { Some(configs) },
        deletion_protection: Some(topic.attributes.deletion_protection),
        topic_id: Some(topic.id),
        created_by: Some(topic.created_by.clone()),
        facts: None,
    };
    // The same arguments as a plan would have, so that an import shows no difference.
    let args = serde_json::to_value(&state).ok().and_then(|json| serde_json::from_value::<Args>(json).ok());
    state.facts = args.map(|args| attributes::canonical(args.facts()));
    state
}

/// What makes the topic as it is into what is written.
fn changes(found: &Found, args: &Args, attributes: TopicAttributes) -> Vec<Change> {
    let (topic, wanted) = (found.id, args.configs());
    let mut changes = Vec::new();
    if usize::try_from(args.partitions).is_ok_and(|total| total > found.partitions.len()) {
        changes.push(Change::CreatePartitions { topic, total: args.partitions });
    }
    let set =
        wanted.iter().filter(|(n, v)| found.configs.get(*n) != Some(v)).map(|(n, v)| (n.clone(), Some(v.clone())));
    let unset = found.configs.keys().filter(|n| !wanted.contains_key(*n)).map(|n| (n.clone(), None));
    let configs: BTreeMap<_, _> = set.chain(unset).collect();
    if !configs.is_empty() {
        changes.push(Change::AlterTopicConfigs { topic, configs });
    }
    if found.attributes != attributes {
        changes.push(Change::AlterTopicAttributes { topic, attributes });
    }
    changes
}

#[derive(Debug)]
struct Existing {
    topic: Uuid,
    actor: String,
    time_ms: i64,
    manager: Option<String>,
}

/// A topic of this name is taken up only when this manager made it exactly so: then a create was killed after its entry.
async fn adopt(aws: &Aws, args: &Args, existing: &Existing) -> Result<Uuid, Failure> {
    let state = log::state(aws, &reference(&args.cluster)?).await?;
    let found = state.as_ref().and_then(|s| s.topic(existing.topic));
    if found.is_some_and(|found| changes(found, args, args.attributes(aws)).is_empty()) {
        return Ok(existing.topic);
    }
    let manager = existing.manager.as_deref().map(|m| format!(" and is managed by {m:?}")).unwrap_or_default();
    Err(Failure::new(
        format!("the topic {} exists already", args.name),
        format!(
            "It was created by {} at {} ms since 1970{manager}. Choose another name, or, if it is yours, import it:\n\n  import {{\n    \
             to = ringfence_topic.NAME\n    id = \"{}\"\n  }}",
            existing.actor,
            existing.time_ms,
            args.id()
        ),
    ))
}

fn refused(name: &str, rejection: &Rejection) -> Failure {
    let advice = match rejection {
        Rejection::DeletionProtected { .. } => "Set deletion_protection = false and apply; then destroy it.",
        Rejection::UnknownTopic(_) => "It was deleted meanwhile. Plan again.",
        _ => "Correct the configuration, then apply again. Nothing was changed.",
    };
    Failure::new(format!("the cluster refused the change of the topic {name}"), format!("{rejection}. {advice}"))
}
