//! Condition operators: names, qualifiers, and what a missing or unknown key means to them.
//!
//! Source of everything here: <https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_policies_elements_condition_operators.html> and
//! <https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_policies_multi-value-conditions.html>.

mod compare;
mod value;

use crate::iam::document::Condition;
use crate::iam::request::{KeyState, Request};
use crate::iam::truth::{Reason, Truth};

/// What an operator compares.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Comparison {
    /// `StringEquals`
    StringEquals,
    /// `StringEqualsIgnoreCase`
    StringEqualsIgnoreCase,
    /// `StringLike`
    StringLike,
    /// `NumericEquals`, `NumericLessThan`, ...
    Numeric(Order),
    /// `DateEquals`, `DateLessThan`, ...
    Date(Order),
    /// `Bool`
    Bool,
    /// `BinaryEquals`
    BinaryEquals,
    /// `IpAddress`
    IpAddress,
    /// `ArnEquals` and `ArnLike`, which are the same
    ArnLike,
    /// `Null`
    Null,
}

/// How numbers and dates compare.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Order {
    /// equal
    Equals,
    /// less
    LessThan,
    /// less or equal
    LessThanEquals,
    /// greater
    GreaterThan,
    /// greater or equal
    GreaterThanEquals,
}

/// How several values of a request count.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Quantifier {
    /// The key has one value.
    Single,
    /// `ForAnyValue:`
    Any,
    /// `ForAllValues:`
    All,
}

/// Whether a comparison must hold or must not.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Sense {
    /// It must hold for one of the policy's values.
    Holds,
    /// `...Not...`: it must hold for none of them.
    HoldsNot,
}

/// Whether a missing key decides the condition.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Missing {
    /// As the operator says.
    Counts,
    /// `...IfExists`: then the condition holds.
    Holds,
}

/// A condition operator.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Operator {
    /// What is compared.
    pub comparison: Comparison,
    /// Whether it must hold.
    pub sense: Sense,
    /// How several values count.
    pub quantifier: Quantifier,
    /// What a missing key means.
    pub missing: Missing,
}

/// The operators without qualifiers.
const OPERATORS: &[(&str, Comparison, Sense)] = &[
    ("StringEquals", Comparison::StringEquals, Sense::Holds),
    ("StringNotEquals", Comparison::StringEquals, Sense::HoldsNot),
    ("StringEqualsIgnoreCase", Comparison::StringEqualsIgnoreCase, Sense::Holds),
    ("StringNotEqualsIgnoreCase", Comparison::StringEqualsIgnoreCase, Sense::HoldsNot),
    ("StringLike", Comparison::StringLike, Sense::Holds),
    ("StringNotLike", Comparison::StringLike, Sense::HoldsNot),
    ("NumericEquals", Comparison::Numeric(Order::Equals), Sense::Holds),
    ("NumericNotEquals", Comparison::Numeric(Order::Equals), Sense::HoldsNot),
    ("NumericLessThan", Comparison::Numeric(Order::LessThan), Sense::Holds),
    ("NumericLessThanEquals", Comparison::Numeric(Order::LessThanEquals), Sense::Holds),
    ("NumericGreaterThan", Comparison::Numeric(Order::GreaterThan), Sense::Holds),
    ("NumericGreaterThanEquals", Comparison::Numeric(Order::GreaterThanEquals), Sense::Holds),
    ("DateEquals", Comparison::Date(Order::Equals), Sense::Holds),
    ("DateNotEquals", Comparison::Date(Order::Equals), Sense::HoldsNot),
    ("DateLessThan", Comparison::Date(Order::LessThan), Sense::Holds),
    ("DateLessThanEquals", Comparison::Date(Order::LessThanEquals), Sense::Holds),
    ("DateGreaterThan", Comparison::Date(Order::GreaterThan), Sense::Holds),
    ("DateGreaterThanEquals", Comparison::Date(Order::GreaterThanEquals), Sense::Holds),
    ("Bool", Comparison::Bool, Sense::Holds),
    ("BinaryEquals", Comparison::BinaryEquals, Sense::Holds),
    ("IpAddress", Comparison::IpAddress, Sense::Holds),
    ("NotIpAddress", Comparison::IpAddress, Sense::HoldsNot),
    ("ArnEquals", Comparison::ArnLike, Sense::Holds),
    ("ArnLike", Comparison::ArnLike, Sense::Holds),
    ("ArnNotEquals", Comparison::ArnLike, Sense::HoldsNot),
    ("ArnNotLike", Comparison::ArnLike, Sense::HoldsNot),
    ("Null", Comparison::Null, Sense::Holds),
];

impl Operator {
    /// Reads an operator's name with its qualifiers.
    #[must_use]
    pub fn read(name: &str) -> Option<Self> {
        let (quantifier, rest) = match name.split_once(':') {
            None => (Quantifier::Single, name),
            Some((prefix, rest)) if prefix.eq_ignore_ascii_case("ForAnyValue") => (Quantifier::Any, rest),
            Some((prefix, rest)) if prefix.eq_ignore_ascii_case("ForAllValues") => (Quantifier::All, rest),
            Some(_) => return None,
        };
        let suffix = rest.len().checked_sub("IfExists".len()).and_then(|at| rest.split_at_checked(at));
        let (base, missing) = match suffix {
            Some((base, end)) if end.eq_ignore_ascii_case("IfExists") => (base, Missing::Holds),
            _ => (rest, Missing::Counts),
        };
        let (_, comparison, sense) = *OPERATORS.iter().find(|(name, ..)| name.eq_ignore_ascii_case(base))?;
        // "You can add IfExists to the end of any condition operator name except the Null condition."
        if comparison == Comparison::Null && (missing == Missing::Holds || quantifier != Quantifier::Single) {
            return None;
        }
        Some(Self { comparison, sense, quantifier, missing })
    }

    /// What the condition is where the key is not in the request.
    fn without_key(self) -> Truth {
        Truth::of(match (self.missing, self.quantifier, self.sense) {
            (Missing::Holds, ..) => true,
            // "It also returns true if there are no keys in the request."
            (_, Quantifier::All, _) => true,
            // "For no matching key or a null dataset, the condition returns false."
            (_, Quantifier::Any, _) => false,
            // "If the policy condition requires that the key is not matched and the right key is not present, the condition is
            // true."
            (_, Quantifier::Single, Sense::HoldsNot) => true,
            (_, Quantifier::Single, Sense::Holds) => false,
        })
    }
}

/// Whether a condition holds for a request.
#[must_use]
pub fn holds(condition: &Condition, request: &Request) -> Truth {
    let state = request.key(&condition.key);
    if condition.operator.comparison == Comparison::Null {
        return null(condition, &state);
    }
    match state {
        KeyState::Absent => condition.operator.without_key(),
        KeyState::Known(values) if values.is_empty() => condition.operator.without_key(),
        KeyState::Known(values) => with_values(condition, &values, request),
        KeyState::Unknown => {
            let reason = Reason::KeyUnknown { key: condition.key.clone() };
            let present = with_unknown(condition, request, &reason);
            condition.operator.without_key().either_case(present, reason)
        }
    }
}

/// "Use either true (the key doesn't exist — it is null) or false (the key exists and its value is not null)."
fn null(condition: &Condition, state: &KeyState) -> Truth {
    let wanted = |raw: &str| match state {
        KeyState::Unknown => Truth::maybe(Reason::KeyUnknown { key: condition.key.clone() }),
        KeyState::Absent => Truth::of(raw.eq_ignore_ascii_case("true")),
        KeyState::Known(values) if values.is_empty() => Truth::of(raw.eq_ignore_ascii_case("true")),
        KeyState::Known(_) => Truth::of(raw.eq_ignore_ascii_case("false")),
    };
    Truth::any(condition.values.iter().map(|value| wanted(value.raw())))
}

fn with_values(condition: &Condition, values: &[String], request: &Request) -> Truth {
    let mut each = values.iter().map(|value| one_value(condition, &compare::Given::Text(value), request));
    match (condition.operator.quantifier, values.len()) {
        (Quantifier::All, _) => Truth::all(each),
        (Quantifier::Any, _) => Truth::any(each),
        (Quantifier::Single, 1) => each.next().unwrap_or(Truth::No),
        // "You must use set operators with multivalued condition keys": what happens otherwise is not documented.
        (Quantifier::Single, _) => Truth::unsupported("a key of several values without ForAnyValue or ForAllValues"),
    }
}

fn with_unknown(condition: &Condition, request: &Request, reason: &Reason) -> Truth {
    let one = one_value(condition, &compare::Given::Hole(reason.clone()), request);
    match condition.operator.quantifier {
        Quantifier::Single | Quantifier::Any => one,
        // Several unknown values, or none.
        Quantifier::All => Truth::Yes.either_case(one, reason.clone()),
    }
}

/// Whether one value of the request matches one of the policy's, or none of them.
fn one_value(condition: &Condition, given: &compare::Given<'_>, request: &Request) -> Truth {
    let matches = |wanted| compare::matches(condition.operator.comparison, wanted, given, request);
    let any = Truth::any(condition.values.iter().map(matches));
    match condition.operator.sense {
        Sense::Holds => any,
        Sense::HoldsNot => any.negate(),
    }
}
