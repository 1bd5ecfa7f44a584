//! Whether a policy's `Principal` is the caller, and how closely it names it.

use crate::iam::document::{PrincipalElement, PrincipalEntry};
use crate::iam::glob::{Letters, Token, compare, value_tokens};
use crate::iam::request::{Caller, session_prefix};
use crate::iam::text::{Part, Text};
use crate::iam::truth::{Reason, Truth};

/// How closely a statement names the caller, and so what still limits what it grants.
///
/// Source: <https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_policies_evaluation-logic.html#policy-eval-denyallow>
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Named {
    /// As everybody, as a user, as a session or as a service: no implicit deny elsewhere in its account limits it.
    pub(crate) directly: Truth,
    /// By the role of its session, or the user of its federated session: boundary and session policy limit it.
    pub(crate) by_role: Truth,
    /// By its account: only what the account's own policies allow.
    pub(crate) by_account: Truth,
}

impl Named {
    const NOT: Self = Self { directly: Truth::No, by_role: Truth::No, by_account: Truth::No };

    fn directly(truth: Truth) -> Self {
        Self { directly: truth, ..Self::NOT }
    }

    fn by_role(truth: Truth) -> Self {
        Self { by_role: truth, ..Self::NOT }
    }

    fn by_account(truth: Truth) -> Self {
        Self { by_account: truth, ..Self::NOT }
    }

    fn or(self, other: Self) -> Self {
        Self {
            directly: self.directly.or(other.directly),
            by_role: self.by_role.or(other.by_role),
            by_account: self.by_account.or(other.by_account),
        }
    }

    /// Named in any way: what counts for a deny.
    pub(crate) fn at_all(&self) -> Truth {
        Truth::any([self.directly.clone(), self.by_role.clone(), self.by_account.clone()])
    }
}

/// How an element names the caller. `denies` tells which reading of `NotPrincipal` applies.
pub(crate) fn named(element: &PrincipalElement, caller: &Caller, denies: Denies) -> Named {
    match element {
        PrincipalElement::Only(entries) => entries.iter().map(|entry| one(entry, caller)).fold(Named::NOT, Named::or),
        PrincipalElement::AllBut(entries) => Named::directly(left_over(entries, caller, denies)),
    }
}

/// Whether the statement denies.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Denies {
    Yes,
    No,
}

fn one(entry: &PrincipalEntry, caller: &Caller) -> Named {
    match (entry, caller) {
        // A wildcard grants to IAM users and roles of the account with no other permission required, and boundaries and
        // session policies do not limit it.
        // Source: https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_policies_elements_principal.html#principal-anonymous
        // and #principal-roles. It does not name services or federated callers of AssumeRoleWith... by their provider.
        (PrincipalEntry::Everyone, Caller::Federated { .. }) => {
            Named::directly(Truth::unsupported("* for a federated caller"))
        }
        // "For anonymous users, the following elements are equivalent": of services nothing is said.
        (PrincipalEntry::EveryoneAws, Caller::Service { .. } | Caller::Federated { .. }) => {
            Named::directly(Truth::unsupported("{\"AWS\": \"*\"} for a caller that is not an AWS principal"))
        }
        (PrincipalEntry::Everyone | PrincipalEntry::EveryoneAws, _) => Named::directly(Truth::Yes),
        (PrincipalEntry::Account(account), caller) => match caller.account() {
            Some(own) => Named::by_account(equal(account, own)),
            None => Named::NOT,
        },
        (PrincipalEntry::Arn(arn), caller) => by_arn(arn, caller),
        (PrincipalEntry::UniqueId(id), caller) => match caller {
            Caller::RoleSession { .. } if id.starts_with("AROA") => Named::by_role(orphaned(id)),
            Caller::User { .. } if id.starts_with("AIDA") => Named::directly(orphaned(id)),
            _ => Named::NOT,
        },
        (PrincipalEntry::Service(service), Caller::Service { name }) => Named::directly(equal(service, name)),
        (PrincipalEntry::Federated(provider), Caller::Federated { provider: own }) => {
            Named::directly(equal(provider, own))
        }
        (PrincipalEntry::CanonicalUser(_), caller) if caller.account().is_some() => {
            Named::by_account(Truth::unsupported("a canonical user id as principal"))
        }
        (PrincipalEntry::Computed(text), _) => Named::directly(computed(text)),
        (PrincipalEntry::Other(form), _) => Named::directly(Truth::unsupported(&format!("the principal \"{form}\""))),
        (PrincipalEntry::Service(_) | PrincipalEntry::Federated(_) | PrincipalEntry::CanonicalUser(_), _) => Named::NOT,
    }
}

fn orphaned(id: &str) -> Truth {
    // Source: https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_policies_elements_principal.html#principal-roles ("the
    // principal ID appears in resource-based policies because AWS can no longer map it back to a valid ARN").
    Truth::maybe(Reason::OrphanedPrincipal { id: id.to_owned() })
}

fn computed(text: &Text) -> Truth {
    let reason = text.parts().iter().find_map(|part| match part {
        Part::Symbol(symbol) => Some(symbol.reason()),
        _ => None,
    });
    reason.map_or(Truth::No, Truth::maybe)
}

fn by_arn(arn: &Text, caller: &Caller) -> Named {
    match caller {
        Caller::User { arn: own } => Named::directly(equal(arn, own)),
        Caller::RoleSession { role, session } => {
            Named::by_role(equal(arn, role)).or(Named::directly(is_session(arn, role, session.as_deref())))
        }
        Caller::FederatedUser { arn: own, user } => {
            Named::directly(equal(arn, own)).or(Named::by_role(equal(arn, user)))
        }
        Caller::Root { .. } | Caller::Service { .. } | Caller::Federated { .. } | Caller::Anonymous => Named::NOT,
    }
}

/// Whether an ARN is that of the caller's session.
fn is_session(arn: &Text, role: &str, session: Option<&str>) -> Truth {
    let Some(prefix) = session_prefix(role) else { return Truth::No };
    if let Some(session) = session {
        return equal(arn, &format!("{prefix}{session}"));
    }
    let mut value = value_tokens(&prefix);
    value.push(Token::Hole(Reason::SessionName));
    compare(&literal(arn), &value, Letters::Exact)
}

/// Principals compare exactly: there are no wildcards and no variables in them.
fn equal(text: &Text, own: &str) -> Truth {
    compare(&literal(text), &value_tokens(own), Letters::Exact)
}

fn literal(text: &Text) -> Vec<Token> {
    value_tokens(text.raw())
}

/// Whether `NotPrincipal` leaves the caller among those whom the statement is about.
///
/// A session is exempt only if session, role and account are listed.
/// Source: <https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_policies_elements_notprincipal.html> ("AWS might validate the
/// account first, then the role, and then the assumed-role user").
fn left_over(entries: &[PrincipalEntry], caller: &Caller, denies: Denies) -> Truth {
    let listed = |test: &dyn Fn(&PrincipalEntry) -> Truth| Truth::any(entries.iter().map(test));
    let all = |entry: &PrincipalEntry| matches!(entry, PrincipalEntry::Everyone | PrincipalEntry::EveryoneAws);
    let everyone = listed(&|entry| Truth::of(all(entry)));
    let account = listed(&|entry| one(entry, caller).by_account);
    let leaf = listed(&|entry| one(entry, caller).directly);
    let role = listed(&|entry| one(entry, caller).by_role);
    let partly = || Truth::unsupported("a NotPrincipal that does not name session, role and account");
    let (own, parents) = match caller {
        Caller::RoleSession { .. } | Caller::FederatedUser { .. } => (leaf.clone(), role.clone().and(account)),
        Caller::User { .. } => (leaf.clone(), account),
        Caller::Root { .. } => (account.clone(), account),
        Caller::Service { .. } | Caller::Federated { .. } | Caller::Anonymous => (leaf.clone(), leaf),
    };
    let (own, parents) = (own.or(everyone.clone()), parents.or(everyone));
    match (denies, own, parents) {
        (_, Truth::Yes, Truth::Yes) => Truth::No,
        // Whether role and account suffice without a session the page leaves open; it shows all three.
        (Denies::Yes, Truth::No, _) if !role.is_no() && !names_a_session(entries, caller) => partly(),
        // The caller itself is not exempt: whoever else is listed does not matter.
        (Denies::Yes, Truth::No, _) => Truth::Yes,
        (Denies::No, Truth::No, Truth::No) => Truth::Yes,
        (_, Truth::Maybe(reasons), _) => Truth::Maybe(reasons),
        _ => partly(),
    }
}

/// Whether the list has a session of the caller's role.
fn names_a_session(entries: &[PrincipalEntry], caller: &Caller) -> bool {
    let Caller::RoleSession { role, .. } = caller else { return false };
    let Some(prefix) = session_prefix(role) else { return false };
    entries.iter().any(|entry| matches!(entry, PrincipalEntry::Arn(arn) if arn.raw().starts_with(&prefix)))
}
