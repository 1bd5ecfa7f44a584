//! The layers of an evaluation and the policies in them.

use std::fmt;

use crate::iam::document::{Document, Effect};
use crate::iam::request::Request;
use crate::iam::statement::{Applied, apply};
use crate::iam::truth::{Reason, Truth};

/// A layer of policies.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Layer {
    /// Service control policies: the caller's organisation.
    Scp,
    /// Resource control policies: the resource's organisation.
    Rcp,
    /// The policy of the resource: bucket policy, key policy.
    Resource,
    /// The trust policy of a role.
    Trust,
    /// Policies of the identity.
    Identity,
    /// The permissions boundary of the identity.
    Boundary,
    /// The policies of the session.
    Session,
    /// The policy of the VPC endpoint.
    Endpoint,
    /// A grant of a key.
    Grant,
    /// The policy of an S3 access point.
    AccessPoint,
    /// An access control list.
    Acl,
    /// S3 Block Public Access.
    PublicAccess,
}

impl fmt::Display for Layer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Scp => "service control policy",
            Self::Rcp => "resource control policy",
            Self::Resource => "resource policy",
            Self::Trust => "trust policy",
            Self::Identity => "identity policy",
            Self::Boundary => "permissions boundary",
            Self::Session => "session policy",
            Self::Endpoint => "endpoint policy",
            Self::Grant => "grant",
            Self::AccessPoint => "access point policy",
            Self::Acl => "access control list",
            Self::PublicAccess => "public access block",
        })
    }
}

/// A policy with its name.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Policy {
    /// A name or ARN, for messages.
    pub name: String,
    /// What it says.
    pub document: Document,
}

/// The policies of a layer, as far as they are known.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Policies {
    /// These and no others.
    Known(Vec<Policy>),
    /// These, and perhaps others, for this reason.
    AtLeast(Vec<Policy>, Reason),
}

impl Policies {
    /// There are none.
    #[must_use]
    pub fn none() -> Self {
        Self::Known(Vec::new())
    }

    /// One policy.
    #[must_use]
    pub fn one(name: &str, document: Document) -> Self {
        Self::Known(vec![Policy { name: name.to_owned(), document }])
    }

    /// Nothing is known of them.
    #[must_use]
    pub fn unknown(reason: Reason) -> Self {
        Self::AtLeast(Vec::new(), reason)
    }

    /// Those that are known.
    #[must_use]
    pub fn known(&self) -> &[Policy] {
        match self {
            Self::Known(policies) | Self::AtLeast(policies, _) => policies,
        }
    }
}

/// What a layer says of a request.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Said {
    /// Whether a statement denies it.
    pub(crate) denies: Truth,
    /// Whether a statement allows it that names the caller directly or needs not name it.
    pub(crate) allows: Truth,
    /// Whether a statement allows it to the caller's role.
    pub(crate) allows_role: Truth,
    /// Whether a statement allows it to the caller's account.
    pub(crate) allows_account: Truth,
    /// The statements that apply or may apply.
    pub(crate) applied: Vec<Applied>,
}

impl Said {
    /// Nothing.
    pub(crate) fn nothing() -> Self {
        Self {
            denies: Truth::No,
            allows: Truth::No,
            allows_role: Truth::No,
            allows_account: Truth::No,
            applied: Vec::new(),
        }
    }

    /// Allowed in any way.
    pub(crate) fn allows_at_all(&self) -> Truth {
        Truth::any([self.allows.clone(), self.allows_role.clone(), self.allows_account.clone()])
    }

    fn or(mut self, other: Self) -> Self {
        self.denies = self.denies.or(other.denies);
        self.allows = self.allows.or(other.allows);
        self.allows_role = self.allows_role.or(other.allows_role);
        self.allows_account = self.allows_account.or(other.allows_account);
        self.applied.extend(other.applied);
        self
    }
}

/// What the policies of a layer say of a request.
pub(crate) fn ask(policies: &Policies, request: &Request, layer: Layer) -> Said {
    let said = policies.known().iter().map(|policy| ask_one(policy, request, layer)).fold(Said::nothing(), Said::or);
    match policies {
        Policies::Known(_) => said,
        Policies::AtLeast(_, reason) => {
            let unknown = Truth::maybe(reason.clone());
            Said { denies: said.denies.or(unknown.clone()), allows: said.allows.or(unknown), ..said }
        }
    }
}

fn ask_one(policy: &Policy, request: &Request, layer: Layer) -> Said {
    let mut said = Said::nothing();
    for statement in policy.document.statements.iter() {
        let Some(outcome) = apply(statement, request, layer) else { continue };
        let truth = outcome.named.at_all();
        match statement.effect {
            Effect::Deny => said.denies = said.denies.or(truth.clone()),
            Effect::Allow => {
                said.allows = said.allows.or(outcome.named.directly);
                said.allows_role = said.allows_role.or(outcome.named.by_role);
                said.allows_account = said.allows_account.or(outcome.named.by_account);
            }
        }
        said.applied.push(Applied {
            layer,
            policy: policy.name.clone(),
            statement: statement.name(),
            index: statement.index,
            effect: statement.effect,
            truth,
            conditions: outcome.conditions,
        });
    }
    said
}
