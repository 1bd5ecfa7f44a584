//! Requests: who does what to which resource, and what is known of the circumstances.

use std::collections::BTreeMap;

use crate::iam::arn::Arn;
use crate::iam::text::Symbol;

/// Who makes a request.
///
/// Source: <https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_policies_elements_principal.html>
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Caller {
    /// The root user of an account.
    Root {
        /// The account.
        account: String,
        /// The partition.
        partition: String,
    },
    /// A user, by its ARN.
    User {
        /// `arn:aws:iam::111122223333:user/path/name`
        arn: String,
    },
    /// A session of a role.
    RoleSession {
        /// The role's ARN, `arn:aws:iam::111122223333:role/path/name`.
        role: String,
        /// The session's name, where it is known.
        session: Option<String>,
    },
    /// A session made by `GetFederationToken`.
    FederatedUser {
        /// `arn:aws:sts::111122223333:federated-user/name`
        arn: String,
        /// The user who made it.
        user: String,
    },
    /// An AWS service on its own behalf.
    Service {
        /// `logs.eu-central-1.amazonaws.com`
        name: String,
    },
    /// Somebody with the token of an identity provider: only for `AssumeRoleWith...`.
    Federated {
        /// A provider's ARN or host name.
        provider: String,
    },
    /// Nobody: a request without credentials.
    Anonymous,
}

impl Caller {
    /// The account it belongs to.
    #[must_use]
    pub fn account(&self) -> Option<&str> {
        match self {
            Self::Root { account, .. } => Some(account),
            Self::User { arn } | Self::RoleSession { role: arn, .. } | Self::FederatedUser { arn, .. } => {
                Arn::read(arn).map(|arn| arn.account)
            }
            Self::Service { .. } | Self::Federated { .. } | Self::Anonymous => None,
        }
    }

    /// The value of `aws:PrincipalArn`: for a session the ARN of its role.
    ///
    /// Source: <https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_policies_condition-keys.html#condition-keys-principalarn>
    #[must_use]
    pub fn arn(&self) -> Option<String> {
        match self {
            Self::Root { account, partition } => Some(format!("arn:{partition}:iam::{account}:root")),
            Self::User { arn } | Self::RoleSession { role: arn, .. } | Self::FederatedUser { arn, .. } => {
                Some(arn.clone())
            }
            Self::Service { .. } | Self::Federated { .. } | Self::Anonymous => None,
        }
    }

    /// The ARN of the session, if this is a role's session whose name is known.
    #[must_use]
    pub fn session_arn(&self) -> Option<String> {
        let Self::RoleSession { role, session: Some(session) } = self else { return None };
        Some(format!("{}{session}", session_prefix(role)?))
    }

    /// Whether it is a session of a service-linked role.
    ///
    /// Source: <https://docs.aws.amazon.com/organizations/latest/userguide/orgs_manage_policies_scps.html> ("SCPs do not
    /// affect any service-linked role"); the path is reserved:
    /// <https://docs.aws.amazon.com/IAM/latest/UserGuide/id_roles_create-service-linked-role.html>
    #[must_use]
    pub fn is_service_linked(&self) -> bool {
        let Self::RoleSession { role, .. } = self else { return false };
        Arn::read(role).is_some_and(|arn| arn.resource.starts_with("role/aws-service-role/"))
    }

    /// A name for messages.
    #[must_use]
    pub fn name(&self) -> String {
        match self {
            Self::Service { name } => name.clone(),
            Self::Federated { provider } => provider.clone(),
            Self::Anonymous => "anyone".to_owned(),
            _ => self.session_arn().or_else(|| self.arn()).unwrap_or_default(),
        }
    }
}

/// `arn:aws:sts::111122223333:assumed-role/name/` of a role: without the role's path.
pub(crate) fn session_prefix(role: &str) -> Option<String> {
    let arn = Arn::read(role)?;
    let name = arn.resource.rsplit('/').next()?;
    Some(format!("arn:{}:sts::{}:assumed-role/{name}/", arn.partition, arn.account))
}

/// What a request is about.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Resource {
    /// One resource by its ARN, or `*` for actions that have none.
    One(String),
    /// Any of the resources that a pattern with `*` and `?` stands for.
    AnyOf(String),
}

impl Resource {
    /// The ARN or the pattern.
    #[must_use]
    pub fn text(&self) -> &str {
        match self {
            Self::One(text) | Self::AnyOf(text) => text,
        }
    }
}

/// What is known of a condition key in a request.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum KeyState {
    /// It is there with these values.
    Known(Vec<String>),
    /// It is certainly not there.
    Absent,
    /// It may be there, with any value.
    Unknown,
}

impl KeyState {
    /// It is there with one value.
    #[must_use]
    pub fn one(value: impl Into<String>) -> Self {
        Self::Known(vec![value.into()])
    }
}

/// The condition keys of a request.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Context {
    keys: BTreeMap<String, KeyState>,
    others: KeyState,
}

impl Context {
    /// Nothing is known.
    #[must_use]
    pub fn unknown() -> Self {
        Self { keys: BTreeMap::new(), others: KeyState::Unknown }
    }

    /// Only what is added and what follows from the caller is there.
    #[must_use]
    pub fn complete() -> Self {
        Self { keys: BTreeMap::new(), others: KeyState::Absent }
    }

    /// Adds what is known of one key, whose name has no case.
    ///
    /// Source: <https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_policies_elements_condition.html> ("Context key names
    /// are not case-sensitive").
    #[must_use]
    pub fn with(mut self, key: &str, state: KeyState) -> Self {
        self.keys.insert(key.to_ascii_lowercase(), state);
        self
    }

    /// Adds one known value.
    #[must_use]
    pub fn with_value(self, key: &str, value: &str) -> Self {
        self.with(key, KeyState::one(value))
    }

    fn given(&self, key: &str) -> Option<&KeyState> {
        self.keys.get(key)
    }
}

/// A request.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Request {
    /// Who makes it.
    pub caller: Caller,
    /// `s3:GetObject`
    pub action: String,
    /// What it is about.
    pub resource: Resource,
    /// The account of the resource, where it is known.
    pub resource_account: Option<String>,
    /// The circumstances.
    pub context: Context,
}

/// Keys that only calls by a service principal have.
///
/// Source: <https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_policies_condition-keys.html#condition-keys-sourcearn>
const SERVICE_ONLY: &[&str] = &["aws:sourcearn", "aws:sourceaccount", "aws:sourceorgid", "aws:sourceorgpaths"];

impl Request {
    /// The action in lower case.
    pub(crate) fn action_lower(&self) -> String {
        self.action.to_ascii_lowercase()
    }

    /// What is known of a condition key: what the context says, else what follows from the caller and the resource.
    ///
    /// Source of what follows: <https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_policies_condition-keys.html>
    #[must_use]
    pub fn key(&self, key: &str) -> KeyState {
        let key = key.to_ascii_lowercase();
        if let Some(state) = self.context.given(&key) {
            return state.clone();
        }
        self.derived(&key).unwrap_or_else(|| self.context.others.clone())
    }

    fn derived(&self, key: &str) -> Option<KeyState> {
        let signed = self.caller != Caller::Anonymous;
        let is_service = matches!(self.caller, Caller::Service { .. });
        let maybe = |value: Option<String>| Some(value.map_or(KeyState::Absent, KeyState::one));
        match key {
            "aws:principalarn" if !is_service => maybe(self.caller.arn()),
            // "For anonymous requests, the request context returns anonymous."
            "aws:principalaccount" if !signed => Some(KeyState::one("anonymous")),
            "aws:principalaccount" if !is_service => maybe(self.caller.account().map(str::to_owned)),
            "kms:calleraccount" if !is_service => maybe(self.caller.account().map(str::to_owned)),
            "aws:principalisawsservice" if !signed => Some(KeyState::Absent),
            // It is false for some grantees of KMS that are services; those are not modelled as services here.
            "aws:principalisawsservice" => Some(KeyState::one(is_service.to_string())),
            "aws:principalservicename" if !is_service => Some(KeyState::Absent),
            "aws:principalservicename" => maybe(Some(self.caller.name())),
            "aws:principaltype" => self.caller_type(),
            "aws:username" => maybe(self.user_name()),
            "aws:resourceaccount" => self.resource_account.clone().map(KeyState::one),
            _ if SERVICE_ONLY.contains(&key) && !is_service => Some(KeyState::Absent),
            _ => None,
        }
    }

    /// Source: <https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_policies_variables.html#principaltable>
    fn caller_type(&self) -> Option<KeyState> {
        let kind = match self.caller {
            Caller::Root { .. } => "Account",
            Caller::User { .. } => "User",
            Caller::RoleSession { .. } => "AssumedRole",
            Caller::FederatedUser { .. } => "FederatedUser",
            Caller::Anonymous => "Anonymous",
            Caller::Service { .. } | Caller::Federated { .. } => return None,
        };
        Some(KeyState::one(kind))
    }

    /// Users have `aws:username`; roles, root, services and anonymous callers do not.
    fn user_name(&self) -> Option<String> {
        let Caller::User { arn } = &self.caller else { return None };
        let name = Arn::read(arn)?.resource.rsplit('/').next()?;
        Some(name.to_owned())
    }

    /// Whether caller and resource are of one account; nothing where that is not known.
    #[must_use]
    pub fn same_account(&self) -> Option<bool> {
        let (caller, resource) = (self.caller.account()?, self.resource_account.as_deref()?);
        if caller == resource {
            return Some(true);
        }
        // `${account}` may be any account.
        let symbolic = [caller, resource].iter().any(|account| is_symbolic(account));
        if symbolic { None } else { Some(false) }
    }
}

fn is_symbolic(account: &str) -> bool {
    account
        .strip_prefix("${")
        .and_then(|rest| rest.strip_suffix('}'))
        .is_some_and(|inner| Symbol::read(inner).is_some())
}
