//! Whether a statement applies to a request, and by what that was decided.

use crate::iam::arn::{compare_arn, compare_plain_arn};
use crate::iam::condition;
use crate::iam::document::{Effect, Listed, Statement};
use crate::iam::glob::{Letters, compare, is_plain, plain, set_tokens, value_tokens};
use crate::iam::layer::Layer;
use crate::iam::principal::{Denies, Named, named};
use crate::iam::request::{Request, Resource};
use crate::iam::resolve::{Resolved, Wildcards, resolve};
use crate::iam::text::Text;
use crate::iam::truth::Truth;

/// A condition of a statement and what it came to.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct ConditionTrace {
    /// The condition key.
    pub key: String,
    /// The policy's values.
    pub wanted: Vec<String>,
    /// What it came to.
    pub truth: Truth,
}

/// A statement that applies, or may apply, to a request.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Applied {
    /// The layer.
    pub layer: Layer,
    /// The policy's name.
    pub policy: String,
    /// The statement's `Sid`, or its place from 1 as `#1`.
    pub statement: String,
    /// Its place in the document, from 0.
    pub index: usize,
    /// What it does.
    pub effect: Effect,
    /// Whether it applies.
    pub truth: Truth,
    /// Its conditions and what they came to.
    pub conditions: Vec<ConditionTrace>,
}

/// What a statement says of a request.
pub(crate) struct Outcome {
    /// How it names the caller, all else included.
    pub(crate) named: Named,
    pub(crate) conditions: Vec<ConditionTrace>,
}

/// Whether a policy of this layer names its principals.
fn names_principals(layer: Layer) -> bool {
    match layer {
        Layer::Resource | Layer::Trust | Layer::Rcp | Layer::Endpoint | Layer::AccessPoint => true,
        Layer::Scp
        | Layer::Identity
        | Layer::Boundary
        | Layer::Session
        | Layer::Grant
        | Layer::Acl
        | Layer::PublicAccess => false,
    }
}

/// Applies a statement to a request; nothing if it certainly does not apply.
pub(crate) fn apply(statement: &Statement, request: &Request, layer: Layer) -> Option<Outcome> {
    let denies = if statement.effect == Effect::Deny { Denies::Yes } else { Denies::No };
    let named = match (&statement.principal, names_principals(layer)) {
        (Some(element), true) => named(element, &request.caller, denies),
        (None, false) => Named { directly: Truth::Yes, by_role: Truth::No, by_account: Truth::No },
        // AWS refuses such documents; one that is read from somewhere else says nothing certain.
        (Some(_), false) => unsupported("a Principal in a policy of an identity"),
        (None, true) => unsupported("a statement without Principal in a policy of a resource"),
    };
    let mut rest = actions(&statement.actions, request);
    if rest.is_no() || named.at_all().is_no() {
        return None;
    }
    rest = rest.and(resources(statement.resources.as_ref(), request, layer));
    if rest.is_no() {
        return None;
    }
    let mut conditions = Vec::with_capacity(statement.conditions.len());
    for one in &statement.conditions {
        let truth = condition::holds(one, request);
        rest = rest.and(truth.clone());
        let wanted = one.values.iter().map(|value| value.raw().to_owned()).collect();
        conditions.push(ConditionTrace { key: one.key.clone(), wanted, truth });
    }
    if rest.is_no() {
        return None;
    }
    let Named { directly, by_role, by_account } = named;
    let named = Named {
        directly: directly.and(rest.clone()),
        by_role: by_role.and(rest.clone()),
        by_account: by_account.and(rest),
    };
    Some(Outcome { named, conditions })
}

fn unsupported(construct: &str) -> Named {
    Named { directly: Truth::unsupported(construct), by_role: Truth::No, by_account: Truth::No }
}

/// Source: <https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_policies_elements_action.html> ("the prefix and the action
/// name are case insensitive") and `..._notaction.html`.
fn actions(listed: &Listed, request: &Request) -> Truth {
    let known = is_plain(&request.action);
    let one = |text: &Text| match resolve(text, request, Wildcards::Match) {
        Resolved::Pattern(pattern) => compare(&pattern, &value_tokens(&request.action), Letters::IgnoreCase),
        Resolved::NoValue | Resolved::Malformed(_) => Truth::unsupported("a policy variable in Action"),
    };
    let one = |text: &Text| match known && is_plain(text.raw()) {
        true => Truth::of(plain(text.raw(), &request.action, Letters::IgnoreCase)),
        false => one(text),
    };
    match listed {
        Listed::Only(texts) => Truth::any(texts.iter().map(one)),
        Listed::AllBut(texts) => Truth::any(texts.iter().map(one)).negate(),
    }
}

/// Source: <https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_policies_elements_resource.html> and `..._notresource.html`.
fn resources(listed: Option<&Listed>, request: &Request, layer: Layer) -> Truth {
    match (listed, layer) {
        // "You can't use Resource in a trust policy": the resource is the role.
        (None, Layer::Trust) => Truth::Yes,
        (None, _) => Truth::unsupported("a statement without Resource"),
        (Some(Listed::Only(texts)), _) => {
            Truth::any(texts.iter().map(|text| resource(text, request, Empty::MatchesNothing)))
        }
        (Some(Listed::AllBut(texts)), _) => {
            Truth::any(texts.iter().map(|text| resource(text, request, Empty::Unclear))).negate()
        }
    }
}

/// What a resource with a variable that has no value comes to.
#[derive(Clone, Copy)]
enum Empty {
    /// "The resource that includes a policy variable with no value will not match any resource."
    MatchesNothing,
    /// The page says the same of `NotResource`, and that the statement may become invalid.
    Unclear,
}

fn resource(text: &Text, request: &Request, empty: Empty) -> Truth {
    if text.is_star() {
        return Truth::Yes;
    }
    if let Resource::One(arn) = &request.resource
        && let Some(fact) = compare_plain_arn(text.raw(), arn)
    {
        return Truth::of(fact);
    }
    let value = match &request.resource {
        Resource::One(arn) => value_tokens(arn),
        Resource::AnyOf(pattern) => set_tokens(pattern),
    };
    match (resolve(text, request, Wildcards::Match), empty) {
        // In a key policy and in statements about no resource `*` is all there is.
        (Resolved::Pattern(pattern), _) => compare_arn(&pattern, &value),
        (Resolved::NoValue, Empty::MatchesNothing) => Truth::No,
        (Resolved::NoValue, Empty::Unclear) => Truth::unsupported("a variable without a value in NotResource"),
        (Resolved::Malformed(construct), _) => Truth::unsupported(&construct),
    }
}
