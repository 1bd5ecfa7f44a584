//! A policy's string for one request: its variables replaced.

use crate::iam::glob::{Token, value_tokens};
use crate::iam::request::{KeyState, Request};
use crate::iam::text::{Part, Text};
use crate::iam::truth::Reason;

/// Whether `*` and `?` stand for themselves.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Wildcards {
    /// They stand for themselves.
    Literal,
    /// They match any text, any character.
    Match,
}

/// What a string is for a request.
pub(crate) enum Resolved {
    /// A pattern.
    Pattern(Vec<Token>),
    /// A variable in it has no value.
    NoValue,
    /// It holds a `${...}` that means nothing.
    Malformed(String),
}

/// Replaces the variables of a string.
///
/// What a variable is replaced by is literal: a `*` in a user's tag is no wildcard.
/// Source: <https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_policies_variables.html>
pub(crate) fn resolve(text: &Text, request: &Request, wildcards: Wildcards) -> Resolved {
    let mut tokens = Vec::with_capacity(text.parts().len());
    for part in text.parts() {
        match part {
            Part::Char(letter) => tokens.push(Token::Char(*letter)),
            Part::Star if wildcards == Wildcards::Match => tokens.push(Token::Star),
            Part::Mark if wildcards == Wildcards::Match => tokens.push(Token::Mark),
            Part::Star => tokens.push(Token::Char('*')),
            Part::Mark => tokens.push(Token::Char('?')),
            Part::Symbol(symbol) => tokens.push(Token::Symbol(symbol.clone())),
            Part::Variable { key, default } => match variable(key, default.as_deref(), request) {
                Some(value) => tokens.extend(value),
                None => return Resolved::NoValue,
            },
            Part::Malformed(inner) => return Resolved::Malformed(format!("the variable ${{{inner}}}")),
        }
    }
    Resolved::Pattern(tokens)
}

fn variable(key: &str, default: Option<&str>, request: &Request) -> Option<Vec<Token>> {
    let hole = |construct: Reason| Some(vec![Token::Hole(construct)]);
    match request.key(key) {
        KeyState::Known(values) => match values.as_slice() {
            [] => default.map(value_tokens),
            [value] => Some(value_tokens(value)),
            // "You can't use a multivalued condition key as a variable."
            _ => hole(Reason::Unsupported { construct: format!("the key {key} of several values as a variable") }),
        },
        KeyState::Absent => default.map(value_tokens),
        KeyState::Unknown => hole(Reason::KeyUnknown { key: key.to_owned() }),
    }
}
