//! What the questions about readers are asked of: principals, keys, buckets and the ways to them, as plain values.
//!
//! Whoever reads plans or AWS fills it. What was not read is a [`Policies::AtLeast`] or a reason, never an empty list.

use std::collections::{BTreeMap, BTreeSet};

use crate::iam::document::{Document, Effect, Listed, PrincipalElement, PrincipalEntry, Statement};
use crate::iam::evaluate::{Circumstances, Path, ResourceSide};
use crate::iam::guardrail::Guardrails;
use crate::iam::kms::Grant;
use crate::iam::layer::Policies;
use crate::iam::request::{Caller, Context};
use crate::iam::s3::{AccessPoint, Bucket};
use crate::iam::text::{Text, Variables};
use crate::iam::truth::{Reason, Truth};

/// Principals, keys and buckets with their policies.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Estate {
    /// Accounts that were looked at, with their organisation's policies.
    pub accounts: BTreeMap<String, Account>,
    /// Everybody who may act.
    pub principals: Vec<Principal>,
    /// The keys.
    pub keys: Vec<Key>,
    /// The buckets.
    pub buckets: Vec<BucketFacts>,
    /// The ways to S3.
    pub ways: Vec<Way>,
    /// Objects that are run, or obeyed, as a role.
    pub code: Vec<Code>,
    /// ARNs of VPC endpoints whose policies stand in [`Estate::ways`].
    pub endpoints: Vec<String>,
}

/// An account.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Account {
    /// Its partition.
    pub partition: String,
    /// Service control policies above it.
    pub scp: Guardrails,
    /// Resource control policies above it.
    pub rcp: Guardrails,
}

/// Somebody who may act.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Principal {
    /// Who it is; a role stands for all its sessions.
    pub caller: Caller,
    /// Its policies.
    pub identity: Policies,
    /// Its permissions boundary.
    pub boundary: Option<Policies>,
    /// Who may assume it, for a role.
    pub trust: Option<Policies>,
    /// Whether instances carry it, for a role.
    pub on_instances: bool,
}

impl Principal {
    /// A principal without policies.
    #[must_use]
    pub fn new(caller: Caller) -> Self {
        Self { caller, identity: Policies::none(), boundary: None, trust: None, on_instances: false }
    }

    /// Its ARN or name.
    #[must_use]
    pub fn name(&self) -> String {
        self.caller.name()
    }
}

/// A key.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Key {
    /// Its ARN.
    pub arn: String,
    /// The account that owns it.
    pub account: String,
    /// Its policy.
    pub policy: Policies,
    /// Its grants.
    pub grants: Vec<Grant>,
    /// Why there may be more, if there may.
    pub more_grants: Option<Reason>,
}

/// A bucket.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct BucketFacts {
    /// Its ARN.
    pub arn: String,
    /// The account that owns it.
    pub account: String,
    /// Where it lies.
    pub region: String,
    /// `amazonaws.com`, or what the partition has.
    pub dns_suffix: String,
    /// Its permissions.
    pub permissions: Bucket,
    /// Its access points.
    pub access_points: Vec<AccessPoint>,
}

/// Objects of one class of data.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Store {
    /// The class, for messages.
    pub class: String,
    /// The bucket's ARN.
    pub bucket: String,
    /// What the names of the objects begin with.
    pub prefix: String,
    /// What they are encrypted under.
    pub encryption: Encryption,
}

/// What objects are encrypted under.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Encryption {
    /// A key, by its ARN.
    Key {
        /// Its ARN.
        arn: String,
        /// Whether S3 uses a bucket key: then the encryption context is the bucket's ARN. Old and new objects may differ, so
        /// both count unless this is known.
        bucket_key: Option<bool>,
    },
    /// No key that needs permission.
    WithoutKey,
    /// Not known, for this reason.
    Unknown(Reason),
}

/// A way that requests to S3 can take.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Way {
    /// A name for messages.
    pub name: String,
    /// What requests on it hold: `aws:SourceVpce`, `aws:SourceVpc`, `aws:SecureTransport`, ...
    pub context: Context,
    /// The endpoint, if there is one.
    pub path: Path,
    /// Whether the network lets callers take it.
    pub open: Truth,
    /// Only these may take it, by ARN; everybody if there is no list.
    pub callers: Option<BTreeSet<String>>,
}

impl Way {
    /// Over TLS and through no endpoint, from anywhere.
    #[must_use]
    pub fn internet() -> Self {
        use crate::iam::request::KeyState;
        let context = Context::unknown()
            .with_value("aws:SecureTransport", "true")
            .with("aws:SourceVpce", KeyState::Absent)
            .with("aws:SourceVpc", KeyState::Absent)
            .with("aws:VpcSourceIp", KeyState::Absent);
        Self { name: "internet".to_owned(), context, path: Path::NoEndpoint, open: Truth::Yes, callers: None }
    }

    /// Over TLS through a VPC endpoint.
    #[must_use]
    pub fn endpoint(endpoint: &str, vpc: &str, path: Path) -> Self {
        let context = Context::unknown()
            .with_value("aws:SecureTransport", "true")
            .with_value("aws:SourceVpce", endpoint)
            .with_value("aws:SourceVpc", vpc);
        Self { name: endpoint.to_owned(), context, path, open: Truth::Yes, callers: None }
    }

    /// Whether a principal can take it.
    pub(crate) fn open_to(&self, caller: &Caller) -> Truth {
        let listed = self.callers.as_ref().is_none_or(|callers| caller.arn().is_some_and(|arn| callers.contains(&arn)));
        if listed { self.open.clone() } else { Truth::No }
    }
}

/// Objects that are run, or obeyed, as a role.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Code {
    /// The bucket's ARN.
    pub bucket: String,
    /// What the names of the objects begin with: `packages/`, `meta/log/`.
    pub prefix: String,
    /// The ARN of the role that runs or obeys them.
    pub runs_as: String,
}

/// What somebody has changed on the way to the records.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
pub struct Changes {
    /// The acting identity has given itself all permissions.
    pub own_policies: bool,
    /// The acting identity has removed its boundary.
    pub own_boundary: bool,
    /// The bucket policy says what the actor wants.
    pub bucket: bool,
    /// The key policy says what the actor wants.
    pub key: bool,
    /// There is a grant for the actor.
    pub grant: bool,
    /// There is no bucket policy.
    pub no_bucket_policy: bool,
    /// There is an access point whose policy says what the actor wants.
    pub access_point: bool,
    /// The endpoint policies say what the actor wants.
    pub endpoint: bool,
}

impl Estate {
    /// The bucket with this ARN.
    #[must_use]
    pub fn bucket(&self, arn: &str) -> Option<&BucketFacts> {
        self.buckets.iter().find(|bucket| bucket.arn == arn)
    }

    /// The key with this ARN.
    #[must_use]
    pub fn key(&self, arn: &str) -> Option<&Key> {
        self.keys.iter().find(|key| key.arn == arn)
    }

    /// What a principal's requests to a resource of an account meet.
    #[must_use]
    pub fn circumstances(
        &self,
        principal: &Principal,
        changes: Changes,
        resource: ResourceSide,
        resource_account: &str,
    ) -> Circumstances {
        let account = |account: Option<&str>| account.and_then(|account| self.accounts.get(account));
        let scp = account(principal.caller.account()).map_or(Guardrails::Unreadable, |account| account.scp.clone());
        let rcp = account(Some(resource_account)).map_or(Guardrails::Unreadable, |account| account.rcp.clone());
        let identity = if changes.own_policies { everything() } else { principal.identity.clone() };
        let boundary = if changes.own_boundary { None } else { principal.boundary.clone() };
        Circumstances { identity, boundary, session: None, scp, rcp, resource, path: Path::NoEndpoint }
    }
}

/// A policy that allows everything.
#[must_use]
pub fn everything() -> Policies {
    all_of_it(None)
}

/// A policy of a resource that allows everything to everybody.
#[must_use]
pub fn everything_to_everybody() -> Policies {
    all_of_it(Some(PrincipalElement::Only(vec![PrincipalEntry::Everyone])))
}

fn all_of_it(principal: Option<PrincipalElement>) -> Policies {
    let star = || Listed::Only(vec![Text::read("*", Variables::Replaced)]);
    let statement = Statement {
        sid: Some("Everything".to_owned()),
        index: 0,
        effect: Effect::Allow,
        principal,
        actions: star(),
        resources: Some(star()),
        conditions: Vec::new(),
    };
    Policies::one("what the actor writes", Document { id: None, statements: [statement].into() })
}
