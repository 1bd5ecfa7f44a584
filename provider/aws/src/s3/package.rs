//! `ringfence_broker_package`: the packaged broker in the metadata bucket, named by its checksum.

use serde::{Deserialize, Serialize};
use serde_json::json;
use tfplugin_rs::{
    Attr, Config, Context, Diagnostic, Diagnostics, Path, Plan, Resource,
    schema::{Schema, computed, integer, required, string},
};

use crate::{attributes, client::Aws};

mod archive;
mod remote;

/// The resource.
#[derive(Debug)]
pub(crate) struct BrokerPackage;

/// What create and update work from.
#[derive(Debug, Deserialize)]
pub(crate) struct Args {
    path: String,
    bucket: String,
    kms_key_arn: String,
    sha256: String,
}

/// What is saved.
#[derive(Debug, Default, Serialize, Deserialize)]
#[serde(default)]
pub(crate) struct State {
    id: String,
    #[serde(skip_serializing)]
    bucket: String,
    #[serde(skip_serializing)]
    sha256: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    size_bytes: Option<u64>,
}

impl Resource for BrokerPackage {
    type Data = Aws;
    type Args = Args;
    type State = State;
    const NAME: &'static str = "broker_package";

    fn schema(&self) -> Schema {
        Schema::new(
            "The packaged broker as an object of the metadata bucket. Its name is its SHA-256, which is checked when it is \
             uploaded and when an instance boots. Earlier packages stay in the bucket, so that a rollout can go back.",
        )
        .attributes([attributes::cluster(), attributes::facts()])
        .attributes([
            ("path", required(string(), "Path of the package, `ringfence-broker-VERSION-ARCH.tar.gz`.")),
            ("bucket", required(string(), "Name of the metadata bucket.").replace()),
            ("kms_key_arn", required(string(), "ARN of the metadata bucket's key.")),
            ("id", computed(string(), "SHA-256 of the package.")),
            ("sha256", computed(string(), "SHA-256 of the package, in hexadecimal digits.")),
            ("key", computed(string(), "Key of the object.")),
            ("size_bytes", computed(integer(), "Size of the package in bytes.")),
            ("architecture", computed(string(), "What the broker was built for: `x86_64` or `arm64`.")),
        ])
    }

    fn validate(&self, config: &Config<'_>, _: &mut Diagnostics) -> Result<(), Diagnostics> {
        // The file may be built by the same apply, but then its path is not known yet.
        match config.get::<String>("path")? {
            Attr::Known(path) if !std::path::Path::new(&path).is_file() => {
                let error = archive::BadPackage::Missing { path };
                Err(Diagnostic::error("there is no package", error.to_string())
                    .at(Path::root().attribute("path"))
                    .into())
            }
            _ => Ok(()),
        }
    }

    fn plan(&self, plan: &mut Plan<'_, Aws>) -> Result<(), Diagnostics> {
        let Attr::Known(path) = plan.get::<String>("path")? else { return Ok(()) };
        let refused = |e: archive::BadPackage| {
            Diagnostic::error("the package cannot be used", e.to_string()).at(Path::root().attribute("path"))
        };
        let package = archive::inspect(&path).map_err(refused)?;
        plan.set("id", &package.sha256)?;
        plan.set("sha256", &package.sha256)?;
        plan.set("key", remote::key(&package.sha256))?;
        plan.set("size_bytes", package.size_bytes)?;
        plan.set("architecture", package.architecture)?;
        let (cluster, bucket): (Attr<String>, Attr<String>) = (plan.get("cluster")?, plan.get("bucket")?);
        let facts = cluster.zip(bucket).known().map(|(cluster, bucket)| {
            json!({
                "kind": "package", "cluster": cluster, "bucket": bucket, "key": remote::key(&package.sha256),
                "sha256": package.sha256, "architecture": package.architecture,
            })
        });
        attributes::plan_facts(plan, facts)
    }

    async fn create(&self, cx: &Context<Aws>, args: Args) -> Result<State, Diagnostics> {
        remote::upload(cx, &args.bucket, &args.kms_key_arn, &args.path, &args.sha256).await?;
        Ok(State { id: args.sha256, ..State::default() })
    }

    async fn read(&self, cx: &Context<Aws>, saved: State) -> Result<Option<State>, Diagnostics> {
        let size = remote::size(cx, &saved.bucket, &saved.sha256).await?;
        Ok(size.map(|size| State { id: saved.id, size_bytes: Some(size), ..State::default() }))
    }

    async fn update(&self, cx: &Context<Aws>, _: State, args: Args) -> Result<State, Diagnostics> {
        self.create(cx, args).await
    }

    async fn delete(&self, cx: &Context<Aws>, state: State) -> Result<(), Diagnostics> {
        Ok(remote::delete(cx, &state.bucket, &state.sha256).await?)
    }
}
