//! The clusters' metadata logs as this process sees them: each is opened once, and changes that wait are one entry.
//!
//! Invariant: a refresh of any number of topics is one read of snapshot and tail; a change is applied to the newest state.

use std::{
    collections::BTreeMap,
    sync::{Arc, Mutex, PoisonError},
    time::{Duration, SystemTime},
};

use aws_credential_types::{
    Credentials as Keys,
    provider::{ProvideCredentials, SharedCredentialsProvider},
};
use broker_metadata::{
    Change, Command, CommandResult, LogOptions, MetadataLog, OpenError, ProposeError, ReadError, State,
    store::{AccessKeys, Credentials, CredentialsUnavailable, S3Config, Store, StoreError},
};
use tokio::sync::oneshot;
use uuid::Uuid;

use crate::{
    client::Aws,
    failure::{Answer, Failure},
    s3::bucket::remote::key_of,
};

/// Where a cluster's log is: what `ringfence_cluster.id` says, `BUCKET/CLUSTER`.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct ClusterRef {
    /// The metadata bucket.
    pub(crate) bucket: String,
    /// The cluster's name.
    pub(crate) name: String,
}

impl ClusterRef {
    /// Reads `BUCKET/CLUSTER`.
    pub(crate) fn parse(id: &str) -> Option<ClusterRef> {
        let (bucket, name) = id.split_once('/')?;
        let valid = !bucket.is_empty() && crate::names::check_cluster_name(name).is_ok();
        valid.then(|| ClusterRef { bucket: bucket.into(), name: name.into() })
    }
}

impl std::fmt::Display for ClusterRef {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{}/{}", self.bucket, self.name)
    }
}

/// The logs that this process has opened.
#[derive(Debug, Default)]
pub(crate) struct Logs(Mutex<BTreeMap<ClusterRef, Arc<Slot>>>);

/// One log. Whoever holds it proposes what all others wait for.
#[derive(Debug, Default)]
struct Slot {
    log: tokio::sync::Mutex<Option<MetadataLog>>,
    waiting: Mutex<Vec<Waiting>>,
}

#[derive(Debug)]
struct Waiting {
    command: Command,
    answer: oneshot::Sender<Answer<CommandResult>>,
}

impl Logs {
    fn slot(&self, cluster: &ClusterRef) -> Arc<Slot> {
        let mut slots = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        Arc::clone(slots.entry(cluster.clone()).or_default())
    }
}

/// The state of a cluster as it was when this process first looked, or after its own last change. Nothing when there is no
/// such cluster.
pub(crate) async fn state(aws: &Aws, cluster: &ClusterRef) -> Answer<Option<Arc<State>>> {
    let slot = aws.logs_of_clusters().slot(cluster);
    let mut log = slot.log.lock().await;
    if log.is_none() {
        *log = open(aws, cluster).await?;
    }
    Ok(log.as_ref().map(|log| Arc::clone(log.state())))
}

/// Asks for a change and tells how it ended. Changes asked for at the same time become one entry.
pub(crate) async fn change(aws: &Aws, cluster: &ClusterRef, reason: &str, change: Change) -> Answer<CommandResult> {
    let slot = aws.logs_of_clusters().slot(cluster);
    let command = Command {
        id: Uuid::new_v4(),
        origin: None,
        actor: actor(aws),
        time_ms: now_ms(),
        reason: reason.into(),
        change,
    };
    let (answer, mut answered) = oneshot::channel();
    slot.waiting.lock().unwrap_or_else(PoisonError::into_inner).push(Waiting { command, answer });
    let mut log = slot.log.lock().await;
    // Whoever held the log before may have proposed this command with its own.
    if let Ok(result) = answered.try_recv() {
        return result;
    }
    let batch = std::mem::take(&mut *slot.waiting.lock().unwrap_or_else(PoisonError::into_inner));
    let results = propose(aws, cluster, &mut log, batch.iter().map(|w| w.command.clone()).collect()).await;
    for (at, waiting) in batch.into_iter().enumerate() {
        let result = match &results {
            Ok(results) => {
                results.get(at).cloned().ok_or_else(|| Failure::new("the metadata log lost a result", "Apply again."))
            }
            Err(failure) => Err(failure.clone()),
        };
        // A receiver that is gone was cancelled; its change is in the log and is found by the next refresh.
        let _ = waiting.answer.send(result);
    }
    drop(log);
    answered.await.unwrap_or_else(|_| Err(Failure::new("the change was not proposed", "Apply again.")))
}

async fn propose(
    aws: &Aws,
    cluster: &ClusterRef,
    slot: &mut Option<MetadataLog>,
    commands: Vec<Command>,
) -> Answer<Vec<CommandResult>> {
    if slot.is_none() {
        *slot = open(aws, cluster).await?;
    }
    let Some(log) = slot.as_mut() else { return Err(no_cluster(cluster)) };
    // The same commands are asked for again while their outcome is open: their ids make that safe.
    let mut tries = crate::limits::LOG_UNKNOWN_OUTCOMES_MAX;
    loop {
        tries -= 1;
        match log.propose(commands.clone()).await {
            Ok(results) => return Ok(results),
            Err(ProposeError::Unknown(_)) if tries > 0 => {}
            Err(ProposeError::Unknown(error) | ProposeError::NotWritten(error)) => {
                return Err(store_failure(cluster, &error));
            }
            Err(ProposeError::Read(error)) => return Err(read_failure(cluster, &error)),
            Err(error @ ProposeError::TooLarge(_)) => {
                return Err(Failure::new(format!("the change of {cluster} is too large"), error.to_string()));
            }
        }
    }
}

fn no_cluster(cluster: &ClusterRef) -> Failure {
    Failure::new(
        format!("there is no cluster {} in {}", cluster.name, cluster.bucket),
        "Make it first with ringfence_cluster, and refer to it: cluster = ringfence_cluster.NAME.id.",
    )
}

async fn open(aws: &Aws, cluster: &ClusterRef) -> Answer<Option<MetadataLog>> {
    let store = match store(aws, cluster).await {
        Ok(store) => store,
        Err(failure) if failure.is("NoSuchBucket") => return Ok(None),
        Err(failure) => return Err(failure),
    };
    match MetadataLog::open(&store, options(aws)).await {
        Ok(log) => Ok(Some(log)),
        Err(OpenError::NoCluster { .. }) => Ok(None),
        Err(OpenError::Read(error)) => Err(read_failure(cluster, &error)),
        Err(OpenError::Marker(error)) => Err(marker_failure(cluster, &error)),
    }
}

/// How this process writes: its manager stands in the entries.
pub(crate) fn options(aws: &Aws) -> LogOptions {
    LogOptions::new(&writer(aws), rand::random())
}

/// Who writes entries, for humans; it also tells whose cluster it is.
pub(crate) fn writer(aws: &Aws) -> String {
    format!("terraform {}", aws.settings().manager())
}

/// Who asks for changes: the caller's ARN.
pub(crate) fn actor(aws: &Aws) -> String {
    aws.caller().map_or_else(|| "unknown".to_owned(), |caller| caller.arn.clone())
}

/// The metadata bucket, with the caller's credentials and the bucket's own key.
pub(crate) async fn store(aws: &Aws, cluster: &ClusterRef) -> Answer<Store> {
    let invalid = |e: String| Failure::new(format!("the store of {cluster} cannot be used"), e);
    let endpoint = aws.settings().endpoints.get("s3").map(|url| url::Url::parse(url)).transpose();
    let config = S3Config {
        bucket: cluster.bucket.clone(),
        prefix: None,
        region: aws.scope().region.clone(),
        endpoint: endpoint.map_err(|e| invalid(e.to_string()))?,
        // The bucket's policy wants the key named in every request, so its default is asked for and repeated.
        kms_key_id: key_of(aws, &cluster.bucket).await?,
        actor: aws.caller().map(|caller| caller.user_id.clone()),
        credentials: credentials(aws),
    };
    Store::s3(&config, &cluster.name).map_err(|e| invalid(e.to_string()))
}

fn credentials(aws: &Aws) -> Credentials {
    let provider = aws.credentials();
    let cache: Arc<tokio::sync::Mutex<Option<Keys>>> = Arc::default();
    Credentials::Custom(Arc::new(move || {
        let (provider, cache) = (provider.clone(), Arc::clone(&cache));
        Box::pin(async move { keys(provider, &cache).await.map_err(CredentialsUnavailable) })
    }))
}

/// The keys, asked for again only when they are about to expire.
async fn keys(
    provider: Option<SharedCredentialsProvider>,
    cache: &tokio::sync::Mutex<Option<Keys>>,
) -> Result<AccessKeys, String> {
    let mut cached = cache.lock().await;
    let soon = now() + crate::limits::CREDENTIALS_MARGIN;
    let fresh = cached.as_ref().is_some_and(|keys| keys.expiry().is_none_or(|expiry| expiry > soon));
    if !fresh {
        let provider = provider.ok_or("no credentials are configured")?;
        *cached = Some(provider.provide_credentials().await.map_err(|e| e.to_string())?);
    }
    let keys = cached.as_ref().ok_or("no credentials are configured")?;
    Ok(AccessKeys {
        id: keys.access_key_id().into(),
        secret: keys.secret_access_key().into(),
        token: keys.session_token().map(str::to_owned),
    })
}

fn read_failure(cluster: &ClusterRef, error: &ReadError) -> Failure {
    match error {
        ReadError::Store(error) => store_failure(cluster, error),
        other => Failure::new(format!("the metadata log of {cluster} cannot be read"), other.to_string()),
    }
}

/// A marker that cannot be read or made.
pub(crate) fn marker_failure(cluster: &ClusterRef, error: &broker_metadata::MarkerError) -> Failure {
    match error {
        broker_metadata::MarkerError::Store(error) => store_failure(cluster, error),
        other => Failure::new(format!("the metadata bucket of {cluster} cannot be used"), other.to_string()),
    }
}

/// A request for an object of the log that failed, in the same words as any other call.
pub(crate) fn store_failure(cluster: &ClusterRef, error: &StoreError) -> Failure {
    use broker_metadata::store::Operation;
    let action = match error.operation {
        Operation::Create | Operation::Put => "s3:PutObject",
        Operation::Get => "s3:GetObject",
        Operation::List => "s3:ListBucket",
        Operation::Delete => "s3:DeleteObject",
    };
    let resource = format!("{}/{}", cluster.bucket, error.key);
    Failure::answered(action, &resource, error.code.as_deref(), &error.detail, error.request_id.as_deref())
}

/// The time in milliseconds since 1970.
pub(crate) fn now_ms() -> i64 {
    let since = now().duration_since(SystemTime::UNIX_EPOCH).unwrap_or(Duration::ZERO);
    i64::try_from(since.as_millis()).unwrap_or(i64::MAX)
}

/// The time of a change, for the audit trail. No plan depends on it.
#[expect(clippy::disallowed_methods, reason = "the one place where the provider reads the clock")]
fn now() -> SystemTime {
    SystemTime::now()
}
