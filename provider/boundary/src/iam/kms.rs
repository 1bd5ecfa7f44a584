//! Keys: grants and their constraints, and what works across accounts.

use crate::iam::document::Effect;
use crate::iam::layer::{Layer, Said};
use crate::iam::request::{Caller, KeyState, Request};
use crate::iam::statement::Applied;
use crate::iam::truth::{Reason, Truth};

/// A grant of a key.
///
/// Source: <https://docs.aws.amazon.com/kms/latest/developerguide/grants.html>
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Grant {
    /// Its id, or a name for messages.
    pub id: String,
    /// The grantee: the ARN of a role, user or session, an account's `root`, or a service's name.
    pub grantee: String,
    /// The principal that may retire it.
    pub retiring: Option<String>,
    /// `Decrypt`, `GenerateDataKey`, ...
    pub operations: Vec<String>,
    /// What the encryption context must be.
    pub constraint: Option<GrantConstraint>,
}

/// A constraint on the encryption context.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum GrantConstraint {
    /// The context is exactly this.
    Equals(Vec<(String, String)>),
    /// The context holds at least this.
    Subset(Vec<(String, String)>),
}

/// The operations that another account's principals can be allowed.
///
/// Source: <https://docs.aws.amazon.com/kms/latest/developerguide/key-policy-modifying-external-accounts.html>
const ACROSS_ACCOUNTS: &[&str] = &[
    "creategrant",
    "decrypt",
    "derivesharedsecret",
    "describekey",
    "encrypt",
    "generatedatakey",
    "generatedatakeypair",
    "generatedatakeypairwithoutplaintext",
    "generatedatakeywithoutplaintext",
    "generatemac",
    "getkeyrotationstatus",
    "getpublickey",
    "listgrants",
    "reencryptfrom",
    "reencryptto",
    "retiregrant",
    "revokegrant",
    "sign",
    "verify",
    "verifymac",
];

/// Whether an action has any effect across accounts. Of other services than KMS that is not asked here.
pub(crate) fn works_across_accounts(action: &str) -> bool {
    let action = action.to_ascii_lowercase();
    action.strip_prefix("kms:").is_none_or(|name| ACROSS_ACCOUNTS.contains(&name))
}

/// What the grants of a key say of a request.
pub(crate) fn ask_grants(grants: &[Grant], more: Option<&Reason>, request: &Request) -> Said {
    let mut said = Said::nothing();
    for grant in grants {
        let truth = grants_to(grant, request);
        if truth.is_no() {
            continue;
        }
        said.allows = said.allows.or(truth.clone());
        said.applied.push(Applied {
            layer: Layer::Grant,
            policy: grant.id.clone(),
            statement: grant.operations.join(", "),
            index: 0,
            effect: Effect::Allow,
            truth,
            conditions: Vec::new(),
        });
    }
    if let Some(reason) = more
        && is_grant_operation(&request.action_lower())
    {
        said.allows = said.allows.or(Truth::maybe(reason.clone()));
    }
    said
}

/// Operations that a grant can allow.
///
/// Source: <https://docs.aws.amazon.com/kms/latest/developerguide/grants.html#terms-grant-operations>
fn is_grant_operation(action: &str) -> bool {
    const OPERATIONS: &[&str] = &[
        "creategrant",
        "decrypt",
        "derivesharedsecret",
        "describekey",
        "encrypt",
        "generatedatakey",
        "generatedatakeypair",
        "generatedatakeypairwithoutplaintext",
        "generatedatakeywithoutplaintext",
        "generatemac",
        "getpublickey",
        "reencryptfrom",
        "reencryptto",
        "retiregrant",
        "sign",
        "verify",
        "verifymac",
    ];
    action.strip_prefix("kms:").is_some_and(|name| OPERATIONS.contains(&name))
}

fn grants_to(grant: &Grant, request: &Request) -> Truth {
    let action = request.action_lower();
    let Some(name) = action.strip_prefix("kms:") else { return Truth::No };
    if name == "retiregrant" && grant.retiring.as_deref().is_some_and(|retiring| is(retiring, &request.caller)) {
        return Truth::Yes;
    }
    if !grant.operations.iter().any(|operation| operation.eq_ignore_ascii_case(name)) {
        return Truth::No;
    }
    let grantee = grantee(&grant.grantee, &request.caller);
    grantee.and(grant.constraint.as_ref().map_or(Truth::Yes, |constraint| constrained(constraint, request)))
}

fn is(principal: &str, caller: &Caller) -> bool {
    caller.arn().as_deref() == Some(principal) || caller.session_arn().as_deref() == Some(principal)
}

fn grantee(grantee: &str, caller: &Caller) -> Truth {
    if is(grantee, caller) || matches!(caller, Caller::Service { name } if name == grantee) {
        return Truth::Yes;
    }
    if grantee.starts_with("AROA") || grantee.starts_with("AIDA") {
        return Truth::maybe(Reason::OrphanedPrincipal { id: grantee.to_owned() });
    }
    let root_of = |account: &str| grantee.ends_with(&format!(":iam::{account}:root"));
    if caller.account().is_some_and(root_of) {
        return Truth::unsupported("a grant to an account");
    }
    match caller {
        Caller::RoleSession { role, session: None } => {
            let prefix = crate::iam::request::session_prefix(role);
            if prefix.is_some_and(|prefix| grantee.starts_with(&prefix)) {
                Truth::maybe(Reason::SessionName)
            } else {
                Truth::No
            }
        }
        _ => Truth::No,
    }
}

/// Constraints apply to operations with an encryption context only.
///
/// Source: <https://docs.aws.amazon.com/kms/latest/APIReference/API_GrantConstraints.html>
fn constrained(constraint: &GrantConstraint, request: &Request) -> Truth {
    let name = request.action_lower();
    let has_context = ["kms:decrypt", "kms:encrypt", "kms:reencryptfrom", "kms:reencryptto"].contains(&name.as_str())
        || name.starts_with("kms:generatedatakey");
    if !has_context {
        return Truth::Yes;
    }
    let (pairs, exact) = match constraint {
        GrantConstraint::Equals(pairs) => (pairs, true),
        GrantConstraint::Subset(pairs) => (pairs, false),
    };
    let pair = |(key, wanted): &(String, String)| {
        let key = format!("kms:EncryptionContext:{key}");
        match request.key(&key) {
            KeyState::Unknown => Truth::maybe(Reason::KeyUnknown { key }),
            KeyState::Absent => Truth::No,
            KeyState::Known(values) => Truth::of(values == [wanted.clone()]),
        }
    };
    let held = Truth::all(pairs.iter().map(pair));
    if exact { held.and(no_other_pairs(pairs.len(), request)) } else { held }
}

fn no_other_pairs(expected: usize, request: &Request) -> Truth {
    let key = "kms:EncryptionContextKeys";
    match request.key(key) {
        KeyState::Known(keys) => Truth::of(keys.len() == expected),
        KeyState::Absent => Truth::of(expected == 0),
        KeyState::Unknown => Truth::maybe(Reason::KeyUnknown { key: key.to_owned() }),
    }
}
