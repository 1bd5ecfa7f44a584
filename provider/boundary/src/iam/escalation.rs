//! The table of calls by which somebody who does not read records comes to read them.
//!
//! Versioned data: each entry has the AWS page that it was taken from and the record that CloudTrail has of each call, which
//! is what a rule must look for. What is not in the table is not claimed to be impossible.

use serde::Deserialize;
use thiserror::Error;

/// The table.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct EscalationTable {
    /// Changes whenever an entry does.
    pub version: u32,
    /// When it was last compared with its sources.
    pub dated: String,
    /// The entries.
    pub entries: Vec<Escalation>,
}

/// One way to more access.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Escalation {
    /// Its name in contracts.
    pub id: String,
    /// What the actor does, for messages.
    pub what: String,
    /// What the actor must be allowed, all of it.
    pub calls: Vec<CallPattern>,
    /// What it comes to.
    pub effect: Effect,
    /// What else must be so.
    pub needs: Needs,
    /// The service that must be trusted by a role that is passed.
    #[serde(default)]
    pub passes_to: Option<String>,
    /// What CloudTrail records.
    pub records: Vec<Record>,
    /// Whether the record is a data event, which trails have only if told to.
    pub data_event: bool,
    /// The AWS page.
    pub source: String,
}

/// An action on a resource, with places to fill in: `{role}`, `{user}`, `{self-role}`, `{self-user}`, `{own-policy}`,
/// `{own-boundary}`, `{key}`, `{bucket}`, `{code}`, `{partition}`, `{account}`.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct CallPattern {
    /// The action.
    pub action: String,
    /// The resource.
    pub on: String,
}

/// What CloudTrail records of a call.
#[derive(Clone, Debug, Deserialize, PartialEq, Eq, PartialOrd, Ord)]
#[serde(deny_unknown_fields)]
pub struct Record {
    /// `kms.amazonaws.com`
    pub event_source: String,
    /// `PutKeyPolicy`
    pub event_name: String,
}

/// What an entry comes to.
#[derive(Clone, Copy, Debug, Deserialize, PartialEq, Eq, PartialOrd, Ord)]
#[serde(rename_all = "snake_case")]
pub enum Effect {
    /// The actor acts as another identity.
    Become,
    /// The actor's own policies allow everything.
    OwnPolicies,
    /// The actor's boundary is gone.
    OwnBoundary,
    /// The key policy allows everything.
    Key,
    /// There is a grant for the actor.
    Grant,
    /// The bucket policy allows everything.
    Bucket,
    /// There is no bucket policy.
    NoBucketPolicy,
    /// There is an access point whose policy allows everything.
    AccessPoint,
    /// The endpoint policies allow everything.
    Endpoint,
}

/// What must be so beside the permissions.
#[derive(Clone, Copy, Debug, Deserialize, PartialEq, Eq, PartialOrd, Ord)]
#[serde(rename_all = "snake_case")]
pub enum Needs {
    /// Nothing.
    None,
    /// The role trusts the service that it is passed to.
    Trusts,
    /// The role trusts an identity provider.
    TrustsFederated,
    /// Instances carry the role, or its profile is there to be given to one.
    OnInstances,
    /// The role runs or obeys objects of a bucket.
    RunsCode,
    /// The actor is a user.
    IsUser,
}

/// The table cannot be read.
#[derive(Debug, Error)]
#[error("read the escalation table: {0}")]
pub struct TableError(#[from] serde_json::Error);

impl EscalationTable {
    /// The table of this version.
    ///
    /// # Errors
    /// If the data does not have the table's form, which a test rules out.
    pub fn built_in() -> Result<Self, TableError> {
        Ok(serde_json::from_str(include_str!("escalation.json"))?)
    }
}
