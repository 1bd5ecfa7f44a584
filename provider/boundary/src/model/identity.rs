//! Who acts: roles, users, services, other accounts, and the policies attached to them.

use serde::{Deserialize, Serialize};

use super::{fact::Fact, origin::Origin, verdict::Reason};

/// Somebody who can act in AWS.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Identity {
    /// Where it was found.
    pub origin: Origin,
    /// What it is.
    pub kind: IdentityKind,
    /// Its ARN.
    pub arn: Fact<String>,
    /// Its name, without path.
    pub name: Fact<String>,
    /// Who may assume it; none for what cannot be assumed.
    pub trust: Option<Fact<String>>,
    /// Identity policies that were found, a group's included.
    pub policies: Vec<AttachedPolicy>,
    /// Whether others may exist that were not read.
    pub more_policies: Option<Reason>,
    /// Permissions boundary.
    pub boundary: Option<AttachedPolicy>,
    /// Longest session.
    pub session_seconds: Fact<Option<u64>>,
    /// Whether it is our own brokers' role, and of which cluster.
    pub of_cluster: Option<String>,
}

/// What an identity is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum IdentityKind {
    /// An IAM role.
    Role,
    /// An IAM user.
    User,
    /// An IAM group.
    Group,
}

/// A policy document attached to an identity.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct AttachedPolicy {
    /// Where the attachment, or the inline policy, was found.
    pub origin: Origin,
    /// Name of an inline policy, ARN of a managed one.
    pub name: Fact<String>,
    /// The document.
    pub document: Fact<String>,
}

/// What carries a role onto an instance.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct InstanceProfile {
    /// Where it was found.
    pub origin: Origin,
    /// Its name.
    pub name: Fact<String>,
    /// Its ARN.
    pub arn: Fact<String>,
    /// Name of the role.
    pub role: Option<Fact<String>>,
}

/// An identity provider whose tokens are exchanged for roles.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct IdentityProvider {
    /// Where it was found.
    pub origin: Origin,
    /// `oidc` or `saml`.
    pub kind: String,
    /// Its ARN.
    pub arn: Fact<String>,
    /// Issuer, or name.
    pub issuer: Fact<String>,
}
