//! A policy document: what one says, not yet what it means for a request.

use std::sync::Arc;

use crate::iam::condition::Operator;
use crate::iam::text::Text;

/// A policy document.
///
/// Source: <https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_policies_grammar.html>
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Document {
    /// Its `Id`, if it has one.
    pub id: Option<String>,
    /// Its statements, in order; shared, because evaluations copy policies.
    pub statements: Arc<[Statement]>,
}

/// What a statement does where it applies.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Effect {
    /// It allows.
    Allow,
    /// It denies, whatever others allow.
    Deny,
}

/// A statement.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Statement {
    /// Its `Sid`, if it has one.
    pub sid: Option<String>,
    /// Its place in the document, from 0.
    pub index: usize,
    /// What it does where it applies.
    pub effect: Effect,
    /// Whom it is about; nothing in policies of identities.
    pub principal: Option<PrincipalElement>,
    /// The actions.
    pub actions: Listed,
    /// The resources; nothing in trust policies.
    pub resources: Option<Listed>,
    /// All of these must hold.
    pub conditions: Vec<Condition>,
}

impl Statement {
    /// How the statement is named in messages: its `Sid`, or its place from 1.
    #[must_use]
    pub fn name(&self) -> String {
        match &self.sid {
            Some(sid) if !sid.is_empty() => sid.clone(),
            _ => format!("#{}", self.index + 1),
        }
    }
}

/// `Action` or `NotAction`, `Resource` or `NotResource`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Listed {
    /// Any of these.
    Only(Vec<Text>),
    /// None of these.
    AllBut(Vec<Text>),
}

/// `Principal` or `NotPrincipal`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum PrincipalElement {
    /// Any of these.
    Only(Vec<PrincipalEntry>),
    /// None of these.
    AllBut(Vec<PrincipalEntry>),
}

/// A principal as a policy names it.
///
/// Source: <https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_policies_elements_principal.html>
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum PrincipalEntry {
    /// `"*"`: everybody, also services and callers without credentials.
    Everyone,
    /// `{"AWS": "*"}`: the same for AWS principals and callers without credentials.
    EveryoneAws,
    /// `{"AWS": "111122223333"}` or `arn:aws:iam::111122223333:root`: the account.
    Account(Text),
    /// A role, user, session or federated user by its ARN.
    Arn(Text),
    /// A role (`AROA...`) or user (`AIDA...`) by its unique id: what AWS prints once the principal is gone.
    UniqueId(String),
    /// `{"Service": "ec2.amazonaws.com"}`
    Service(Text),
    /// `{"Federated": "..."}`: an identity provider.
    Federated(Text),
    /// `{"CanonicalUser": "..."}`: an account by the id that S3 has for it.
    CanonicalUser(String),
    /// A value that is computed at apply.
    Computed(Text),
    /// A form that is not modelled.
    Other(String),
}

/// One condition: an operator, a key and the policy's values.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Condition {
    /// The operator.
    pub operator: Operator,
    /// The condition key as written.
    pub key: String,
    /// The policy's values.
    pub values: Vec<Text>,
}
