//! `ringfence_cluster`: the cluster's identity and its metadata log.

use broker_metadata::{
    Bootstrap, BootstrapError, CONSUMER_OFFSETS, Entry, MarkedBucket, Marker,
    store::{SequenceName, Store},
};
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};
use tfplugin_rs::{
    Attr, Config, Context, Diagnostic, Diagnostics, Plan, Resource,
    schema::{Check, Schema, computed, integer, optional, required, string},
};
use uuid::Uuid;

use super::log::{self, ClusterRef};
use crate::{
    attributes,
    client::Aws,
    failure::{Answer, Failure},
    limits, names,
};

/// The resource.
#[derive(Debug)]
pub(crate) struct Cluster;

/// What create works from.
#[derive(Debug, Deserialize)]
pub(crate) struct Args {
    id: String,
    consumer_offsets_partitions: i32,
}

/// What is saved.
#[derive(Debug, Default, Serialize, Deserialize)]
#[serde(default)]
pub(crate) struct State {
    id: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    name: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    data_bucket: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    metadata_bucket: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    consumer_offsets_partitions: Option<usize>,
    #[serde(skip_serializing_if = "Option::is_none")]
    facts: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    cluster_id: Option<Uuid>,
}

impl Resource for Cluster {
    type Data = Aws;
    type Args = Args;
    type State = State;
    const NAME: &'static str = "cluster";

    fn schema(&self) -> Schema {
        let name = Check::text(
            "must have 3 to 24 lower-case letters, digits and single hyphens, and begin with a letter",
            |name| names::check_cluster_name(name).is_ok(),
        );
        Schema::new(
            "A cluster: its identity and the log of every administrative change, in the metadata bucket. Brokers and topics \
             refer to it. It cannot be deleted while a topic remains.",
        )
        .attributes([
            ("name", required(string(), "The cluster's name; every object key begins with it.").check(name).replace()),
            ("data_bucket", required(string(), "Name of the data bucket.")),
            ("metadata_bucket", required(string(), "Name of the metadata bucket.").replace()),
            (
                "consumer_offsets_partitions",
                optional(integer(), "Partitions of `__consumer_offsets`; fixed for the cluster's life.")
                    .default(16)
                    .check(Check::between(1, 1000))
                    .replace(),
            ),
            ("id", computed(string(), "METADATA-BUCKET/NAME: what topics refer to.").keep()),
            ("cluster_id", computed(string(), "The cluster's UUID; brokers refuse to start on another's buckets.").keep()),
            attributes::facts(),
        ])
    }

    fn plan(&self, plan: &mut Plan<'_, Aws>) -> Result<(), Diagnostics> {
        let (name, data): (Attr<String>, Attr<String>) = (plan.get("name")?, plan.get("data_bucket")?);
        let metadata: Attr<String> = plan.get("metadata_bucket")?;
        let id = metadata.as_ref().zip(name.as_ref()).map(|(bucket, name)| format!("{bucket}/{name}"));
        plan.set("id", id)?;
        let known = name.zip(data).zip(metadata).known();
        let facts = known.map(|((name, data), metadata)| facts(&name, &data, &metadata));
        attributes::plan_facts(plan, facts)
    }

    fn plan_destroy(&self, _: Option<&Aws>, state: &Config<'_>, out: &mut Diagnostics) -> Result<(), Diagnostics> {
        let id = state.get::<String>("id")?.known().unwrap_or_default();
        let detail = "It stays in the metadata bucket and goes with it. While the bucket remains, applying again takes the same \
                      cluster up.";
        out.push(Diagnostic::warning(format!("left behind: the metadata log under {id}/meta/"), detail));
        Ok(())
    }

    async fn create(&self, cx: &Context<Aws>, args: Args) -> Result<State, Diagnostics> {
        let cluster = reference(&args.id)?;
        let store = log::store(cx, &cluster).await?;
        let cluster_id = match created_before(cx, &cluster, &store).await? {
            Some(id) => id,
            None => Uuid::new_v4(),
        };
        let bootstrap = Bootstrap {
            consumer_offsets_partitions: args.consumer_offsets_partitions,
            ..Bootstrap::new(cluster_id, &log::actor(cx), log::now_ms())
        };
        match bootstrap.run(&store, log::options(cx)).await {
            Ok(()) => Ok(State { id: args.id, cluster_id: Some(cluster_id), ..State::default() }),
            Err(error) => Err(bootstrap_failure(&cluster, error).into()),
        }
    }

    async fn read(&self, cx: &Context<Aws>, saved: State) -> Result<Option<State>, Diagnostics> {
        let cluster = reference(&saved.id)?;
        let found = log::state(cx, &cluster).await?;
        let Some(state) = found else { return Ok(None) };
        let Some(info) = state.cluster() else { return Ok(None) };
        // The log does not know the data bucket; an import takes the one whose name is derived.
        let derived = || names::Names::new(&cluster.name, cx.scope()).data_bucket;
        let data_bucket = saved.data_bucket.unwrap_or_else(derived);
        Ok(Some(State {
            facts: Some(attributes::canonical(facts(&cluster.name, &data_bucket, &cluster.bucket))),
            id: saved.id,
            name: Some(cluster.name),
            data_bucket: Some(data_bucket),
            metadata_bucket: Some(cluster.bucket),
            consumer_offsets_partitions: state.topic_named(CONSUMER_OFFSETS).map(|topic| topic.partitions.len()),
            cluster_id: Some(info.id),
        }))
    }

    async fn update(&self, _: &Context<Aws>, saved: State, _: Args) -> Result<State, Diagnostics> {
        // Only the data bucket's name can differ, which the brokers are told, not the log.
        Ok(State { id: saved.id, ..State::default() })
    }

    async fn delete(&self, cx: &Context<Aws>, state: State) -> Result<(), Diagnostics> {
        let cluster = reference(&state.id)?;
        let Some(found) = log::state(cx, &cluster).await? else { return Ok(()) };
        let mut topics: Vec<&str> = found.topics().values().filter(|t| !t.internal).map(|t| t.name.as_str()).collect();
        if topics.is_empty() {
            return Ok(());
        }
        topics.sort_unstable();
        let (count, named) =
            (topics.len(), topics.iter().take(limits::TOPICS_NAMED_MAX).copied().collect::<Vec<_>>().join(", "));
        let more = if count > limits::TOPICS_NAMED_MAX { ", …" } else { "" };
        let detail = format!(
            "{named}{more}. Delete them first; those that Terraform does not manage were made by a client or elsewhere: import or \
             delete them there. Nothing was deleted."
        );
        Err(Diagnostic::error(format!("the cluster {} still has {count} topics", cluster.name), detail).into())
    }

    async fn import(&self, _: &Context<Aws>, id: String) -> Result<Option<State>, Diagnostics> {
        reference(&id)?;
        Ok(Some(State { id, ..State::default() }))
    }
}

fn facts(name: &str, data_bucket: &str, metadata_bucket: &str) -> Value {
    json!({ "kind": "cluster", "name": name, "data_bucket": data_bucket, "metadata_bucket": metadata_bucket })
}

/// The reference that an id is.
///
/// # Errors
/// It is none.
pub(super) fn reference(id: &str) -> Answer<ClusterRef> {
    ClusterRef::parse(id).ok_or_else(|| {
        Failure::new(
            format!("{id:?} is not the id of a cluster"),
            "It has the form METADATA-BUCKET/CLUSTER. Refer to it: cluster = ringfence_cluster.NAME.id.",
        )
    })
}

/// The id of a cluster that this same manager began to make before; a create that was killed is gone on with.
async fn created_before(aws: &Aws, cluster: &ClusterRef, store: &Store) -> Answer<Option<Uuid>> {
    let first = store.sequence(SequenceName::MetaLog).get(0).await;
    let first = first.map_err(|e| log::store_failure(cluster, &e))?;
    let marker = Marker::read(store, MarkedBucket::Metadata).await.map_err(|e| log::marker_failure(cluster, &e))?;
    let Some(first) = first else { return Ok(marker.map(|m| m.cluster_id)) };
    match Entry::decode_any(&first) {
        Ok(entry) if entry.writer == log::writer(aws) => Ok(Some(entry.cluster)),
        Ok(entry) => Err(Failure::new(
            format!("the cluster {cluster} exists already"),
            format!(
                "It was created by {:?}, and this is {:?}: two configurations must not own one cluster. Choose another name, or, if \
                 it is yours, import it:\n\n  import {{\n    to = ringfence_cluster.NAME\n    id = \"{cluster}\"\n  }}",
                entry.writer,
                log::writer(aws)
            ),
        )),
        Err(error) => Err(Failure::new(format!("entry 0 of {cluster} is not readable"), error.to_string())),
    }
}

fn bootstrap_failure(cluster: &ClusterRef, error: BootstrapError) -> Failure {
    match error {
        BootstrapError::Unfilled(unfilled) => log::store_failure(cluster, unfilled.cause()),
        BootstrapError::Marker(error) => log::marker_failure(cluster, &error),
        other => Failure::new(format!("the cluster {cluster} cannot be created"), other.to_string()),
    }
}
