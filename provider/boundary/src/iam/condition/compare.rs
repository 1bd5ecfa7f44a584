//! One value of a policy against one value of a request.

use std::cmp::Ordering;

use super::value::{self, Network};
use super::{Comparison, Order};
use crate::iam::arn::compare_arn;
use crate::iam::glob::{Letters, Token, compare, value_tokens};
use crate::iam::request::Request;
use crate::iam::resolve::{Resolved, Wildcards, resolve};
use crate::iam::text::{Part, Text};
use crate::iam::truth::{Reason, Truth};

/// A value of the request.
pub(super) enum Given<'a> {
    /// It is known, up to symbols.
    Text(&'a str),
    /// It is any text, for this reason.
    Hole(Reason),
}

impl Given<'_> {
    fn tokens(&self) -> Vec<Token> {
        match self {
            Self::Text(text) => value_tokens(text),
            Self::Hole(reason) => vec![Token::Hole(reason.clone())],
        }
    }
}

/// Whether the values match.
pub(super) fn matches(comparison: Comparison, wanted: &Text, given: &Given<'_>, request: &Request) -> Truth {
    match comparison {
        Comparison::StringEquals => text(wanted, given, request, Wildcards::Literal, Letters::Exact),
        Comparison::StringEqualsIgnoreCase => text(wanted, given, request, Wildcards::Literal, Letters::IgnoreCase),
        Comparison::StringLike => text(wanted, given, request, Wildcards::Match, Letters::Exact),
        Comparison::ArnLike => arn(wanted, given, request),
        Comparison::Bool => boolean(wanted, given, request),
        Comparison::Numeric(order) => {
            typed(wanted, given, |w, g| Some(ordered(order, value::number(g)?.partial_cmp(&value::number(w)?)?)))
        }
        Comparison::Date(order) => {
            typed(wanted, given, |w, g| Some(ordered(order, value::date(g)?.cmp(&value::date(w)?))))
        }
        Comparison::BinaryEquals => typed(wanted, given, |w, g| Some(value::base64(w)? == value::base64(g)?)),
        Comparison::IpAddress => typed(wanted, given, |w, g| Some(Network::read(w)?.contains(&Network::read(g)?))),
        // Null looks at the key's state, never at its values.
        Comparison::Null => Truth::No,
    }
}

fn text(wanted: &Text, given: &Given<'_>, request: &Request, wildcards: Wildcards, letters: Letters) -> Truth {
    match resolve(wanted, request, wildcards) {
        Resolved::Pattern(pattern) => compare(&pattern, &given.tokens(), letters),
        // "There is no equal or like value."
        Resolved::NoValue => Truth::No,
        Resolved::Malformed(construct) => Truth::unsupported(&construct),
    }
}

fn arn(wanted: &Text, given: &Given<'_>, request: &Request) -> Truth {
    match resolve(wanted, request, Wildcards::Match) {
        Resolved::Pattern(pattern) => compare_arn(&pattern, &given.tokens()),
        Resolved::NoValue => Truth::No,
        Resolved::Malformed(construct) => Truth::unsupported(&construct),
    }
}

/// "Boolean matching": true and false are compared without case.
fn boolean(wanted: &Text, given: &Given<'_>, request: &Request) -> Truth {
    let plain = wanted.parts().iter().all(|part| matches!(part, Part::Char(_)));
    if plain && !["true", "false"].iter().any(|word| wanted.raw().eq_ignore_ascii_case(word)) {
        return Truth::unsupported("a Bool condition that is neither true nor false");
    }
    text(wanted, given, request, Wildcards::Literal, Letters::IgnoreCase)
}

fn ordered(order: Order, ordering: Ordering) -> bool {
    match order {
        Order::Equals => ordering.is_eq(),
        Order::LessThan => ordering.is_lt(),
        Order::LessThanEquals => ordering.is_le(),
        Order::GreaterThan => ordering.is_gt(),
        Order::GreaterThanEquals => ordering.is_ge(),
    }
}

/// Values that are no text have neither wildcards nor variables.
fn typed(wanted: &Text, given: &Given<'_>, test: impl Fn(&str, &str) -> Option<bool>) -> Truth {
    for part in wanted.parts() {
        match part {
            Part::Symbol(symbol) => return Truth::maybe(symbol.reason()),
            Part::Variable { .. } | Part::Malformed(_) => {
                return Truth::unsupported("a policy variable where the operator allows none");
            }
            Part::Char(_) | Part::Star | Part::Mark => {}
        }
    }
    match given {
        Given::Hole(reason) => Truth::maybe(reason.clone()),
        Given::Text(text) => match test(wanted.raw(), text) {
            Some(fact) => Truth::of(fact),
            None => match value_tokens(text).into_iter().find_map(|token| match token {
                Token::Symbol(symbol) => Some(symbol.reason()),
                _ => None,
            }) {
                Some(reason) => Truth::maybe(reason),
                None => Truth::unsupported("a value that its operator cannot read"),
            },
        },
    }
}
