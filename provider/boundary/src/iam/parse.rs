//! Reading policy documents.
//!
//! Invariant: what is read means what AWS would make of it, or it is an error; nothing is skipped. It does not know which
//! actions, resources or condition keys exist.

use thiserror::Error;

use crate::iam::condition::Operator;
use crate::iam::document::{Condition, Document, Effect, Listed, PrincipalElement, PrincipalEntry, Statement};
use crate::iam::json::{self, Json};
use crate::iam::limits;
use crate::iam::text::{COMPUTED_KIND, Text, Variables};

/// A document that cannot be read.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
pub enum ParseError {
    /// It is not JSON, or says something twice.
    #[error("read JSON: {0}")]
    Json(String),
    /// It exceeds a bound.
    #[error("read {place}: more than {limit} {what}")]
    TooMuch {
        /// Where.
        place: String,
        /// Of what there is too much.
        what: &'static str,
        /// The bound.
        limit: usize,
    },
    /// Something is not of the right kind.
    #[error("read {place}: expected {expected}, found {found}")]
    Kind {
        /// Where.
        place: String,
        /// What should be there.
        expected: &'static str,
        /// What is there.
        found: String,
    },
    /// An element that policies do not have.
    #[error("read {place}: unknown element \"{name}\"")]
    UnknownElement {
        /// Where.
        place: String,
        /// The element.
        name: String,
    },
    /// Two elements that exclude each other, or one that is not there.
    #[error("read {place}: {problem}")]
    Elements {
        /// Where.
        place: String,
        /// What is wrong.
        problem: &'static str,
    },
    /// A version that the policy language does not have.
    #[error("read Version: \"{0}\" is neither 2008-10-17 nor 2012-10-17")]
    Version(String),
    /// A condition operator that does not exist.
    #[error("read {place}: unknown condition operator \"{name}\"")]
    UnknownOperator {
        /// Where.
        place: String,
        /// The operator.
        name: String,
    },
}

impl Document {
    /// Reads a policy document.
    ///
    /// # Errors
    /// Says what is wrong and where; nothing that the document says is left out.
    pub fn parse(text: &str) -> Result<Self, ParseError> {
        if text.len() > limits::DOCUMENT_BYTES_MAX {
            return Err(too_much("document", "bytes", limits::DOCUMENT_BYTES_MAX));
        }
        let json: Json = serde_json::from_str(text).map_err(|error| ParseError::Json(error.to_string()))?;
        if json::depth(&json) > limits::JSON_DEPTH_MAX {
            return Err(too_much("document", "levels", limits::JSON_DEPTH_MAX));
        }
        document(json)
    }
}

fn too_much(place: &str, what: &'static str, limit: usize) -> ParseError {
    ParseError::TooMuch { place: place.to_owned(), what, limit }
}

fn kind(place: &str, expected: &'static str, found: &Json) -> ParseError {
    ParseError::Kind { place: place.to_owned(), expected, found: found.kind().to_owned() }
}

fn elements(place: &str, problem: &'static str) -> ParseError {
    ParseError::Elements { place: place.to_owned(), problem }
}

fn string(place: &str, json: Json) -> Result<String, ParseError> {
    match json {
        Json::String(text) if text.chars().count() > limits::TEXT_CHARS_MAX => {
            Err(too_much(place, "characters", limits::TEXT_CHARS_MAX))
        }
        Json::String(text) => Ok(text),
        other => Err(kind(place, "a string", &other)),
    }
}

/// A string or an array of strings; numbers and booleans count as strings in conditions only.
fn strings(place: &str, json: Json, scalars: Scalars) -> Result<Vec<String>, ParseError> {
    let values = match json {
        Json::Array(values) => values,
        one => vec![one],
    };
    if values.len() > limits::VALUES_MAX {
        return Err(too_much(place, "values", limits::VALUES_MAX));
    }
    let read = |value| match (value, scalars) {
        (Json::Bool(value), Scalars::AsText) => Ok(value.to_string()),
        (Json::Number(value), Scalars::AsText) => Ok(value),
        (other, _) => string(place, other),
    };
    values.into_iter().map(read).collect()
}

#[derive(Clone, Copy)]
enum Scalars {
    Refused,
    AsText,
}

fn document(json: Json) -> Result<Document, ParseError> {
    let Json::Object(members) = json else { return Err(kind("document", "an object", &json)) };
    // Source: https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_policies_elements_version.html
    let mut variables = Variables::Literal;
    let (mut id, mut statements) = (None, None);
    for (name, value) in members {
        match name.as_str() {
            "Version" => match string("Version", value)?.as_str() {
                "2012-10-17" => variables = Variables::Replaced,
                "2008-10-17" => variables = Variables::Literal,
                other => return Err(ParseError::Version(other.to_owned())),
            },
            "Id" => id = Some(string("Id", value)?),
            "Statement" => statements = Some(value),
            _ => return Err(ParseError::UnknownElement { place: "document".to_owned(), name }),
        }
    }
    let statements = match statements {
        Some(Json::Array(statements)) => statements,
        Some(one @ Json::Object(_)) => vec![one],
        Some(other) => return Err(kind("Statement", "an object or an array", &other)),
        None => return Err(elements("document", "there is no Statement")),
    };
    if statements.len() > limits::STATEMENTS_MAX {
        return Err(too_much("Statement", "statements", limits::STATEMENTS_MAX));
    }
    let read = |(index, value)| statement(index, value, variables);
    let statements = statements.into_iter().enumerate().map(read).collect::<Result<Vec<_>, _>>()?.into();
    Ok(Document { id, statements })
}

/// The elements of a statement while it is read.
#[derive(Default)]
struct Draft {
    sid: Option<String>,
    effect: Option<Effect>,
    principal: Option<PrincipalElement>,
    actions: Option<Listed>,
    resources: Option<Listed>,
    conditions: Vec<Condition>,
}

fn statement(index: usize, json: Json, variables: Variables) -> Result<Statement, ParseError> {
    let place = format!("statement {}", index + 1);
    let Json::Object(members) = json else { return Err(kind(&place, "an object", &json)) };
    let mut draft = Draft::default();
    for (name, value) in members {
        let at = format!("{place}, {name}");
        match name.as_str() {
            "Sid" => draft.sid = Some(string(&at, value)?),
            "Effect" => draft.effect = Some(effect(&at, value)?),
            "Principal" => set(&place, &mut draft.principal, PrincipalElement::Only(principals(&at, value)?))?,
            "NotPrincipal" => set(&place, &mut draft.principal, PrincipalElement::AllBut(principals(&at, value)?))?,
            // Source: https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_policies_elements_action.html
            "Action" => set(&place, &mut draft.actions, Listed::Only(texts(&at, value, variables)?))?,
            "NotAction" => set(&place, &mut draft.actions, Listed::AllBut(texts(&at, value, variables)?))?,
            "Resource" => set(&place, &mut draft.resources, Listed::Only(texts(&at, value, variables)?))?,
            "NotResource" => set(&place, &mut draft.resources, Listed::AllBut(texts(&at, value, variables)?))?,
            "Condition" => draft.conditions = conditions(&at, value, variables)?,
            _ => return Err(ParseError::UnknownElement { place, name }),
        }
    }
    let effect = draft.effect.ok_or_else(|| elements(&place, "there is no Effect"))?;
    let actions = draft.actions.ok_or_else(|| elements(&place, "there is neither Action nor NotAction"))?;
    let Draft { sid, principal, resources, conditions, .. } = draft;
    Ok(Statement { sid, index, effect, principal, actions, resources, conditions })
}

fn set<T>(place: &str, slot: &mut Option<T>, value: T) -> Result<(), ParseError> {
    if slot.replace(value).is_some() {
        return Err(elements(place, "an element and its Not form exclude each other"));
    }
    Ok(())
}

fn effect(place: &str, json: Json) -> Result<Effect, ParseError> {
    // Source: https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_policies_elements_effect.html (case sensitive)
    match string(place, json)?.as_str() {
        "Allow" => Ok(Effect::Allow),
        "Deny" => Ok(Effect::Deny),
        other => Err(ParseError::Kind {
            place: place.to_owned(),
            expected: "\"Allow\" or \"Deny\"",
            found: format!("\"{other}\""),
        }),
    }
}

fn texts(place: &str, json: Json, variables: Variables) -> Result<Vec<Text>, ParseError> {
    let texts = strings(place, json, Scalars::Refused)?;
    if texts.is_empty() {
        return Err(elements(place, "the list is empty"));
    }
    Ok(texts.iter().map(|text| Text::read(text, variables)).collect())
}

fn principals(place: &str, json: Json) -> Result<Vec<PrincipalEntry>, ParseError> {
    let members = match json {
        Json::String(text) if text == "*" => return Ok(vec![PrincipalEntry::Everyone]),
        Json::Object(members) => members,
        Json::String(text) => {
            return Err(ParseError::Kind {
                place: place.to_owned(),
                expected: "\"*\" or an object",
                found: format!("\"{text}\""),
            });
        }
        other => return Err(kind(place, "\"*\" or an object", &other)),
    };
    let mut entries = Vec::new();
    for (kind, value) in members {
        let at = format!("{place}, {kind}");
        for name in strings(&at, value, Scalars::Refused)? {
            entries.push(entry(&at, &kind, &name)?);
        }
    }
    if entries.is_empty() {
        return Err(elements(place, "the list is empty"));
    }
    Ok(entries)
}

fn entry(place: &str, kind: &str, name: &str) -> Result<PrincipalEntry, ParseError> {
    // Principals have neither wildcards nor variables: what looks like one is literal.
    let text = Text::read(name, Variables::Literal);
    if name.starts_with("${") && name.get(2..).is_some_and(|rest| rest.starts_with(COMPUTED_KIND)) {
        return Ok(PrincipalEntry::Computed(text));
    }
    Ok(match kind {
        "AWS" => aws_principal(name, text),
        "Service" => PrincipalEntry::Service(text),
        "Federated" => PrincipalEntry::Federated(text),
        "CanonicalUser" => PrincipalEntry::CanonicalUser(name.to_owned()),
        _ => return Err(ParseError::UnknownElement { place: place.to_owned(), name: kind.to_owned() }),
    })
}

fn aws_principal(name: &str, text: Text) -> PrincipalEntry {
    let is_account = name.len() == 12 && name.bytes().all(|byte| byte.is_ascii_digit());
    if name == "*" {
        PrincipalEntry::EveryoneAws
    } else if is_account || name == "${account}" || (name.starts_with("${account:") && name.ends_with('}')) {
        PrincipalEntry::Account(text)
    } else if name.starts_with("AROA") || name.starts_with("AIDA") {
        PrincipalEntry::UniqueId(name.to_owned())
    } else {
        match crate::iam::arn::Arn::read(name) {
            Some(arn) if arn.service == "iam" && arn.resource == "root" => {
                PrincipalEntry::Account(Text::read(arn.account, Variables::Literal))
            }
            Some(arn) if (arn.service == "iam" || arn.service == "sts") && !name.contains('*') => {
                PrincipalEntry::Arn(text)
            }
            _ => PrincipalEntry::Other(name.to_owned()),
        }
    }
}

fn conditions(place: &str, json: Json, variables: Variables) -> Result<Vec<Condition>, ParseError> {
    let Json::Object(operators) = json else { return Err(kind(place, "an object", &json)) };
    let mut conditions = Vec::new();
    for (name, keys) in operators {
        let unknown = || ParseError::UnknownOperator { place: place.to_owned(), name: name.clone() };
        let operator = Operator::read(&name).ok_or_else(unknown)?;
        let at = format!("{place}, {name}");
        let Json::Object(keys) = keys else { return Err(kind(&at, "an object", &keys)) };
        for (key, values) in keys {
            let values = strings(&format!("{at}, {key}"), values, Scalars::AsText)?;
            let values = values.iter().map(|value| Text::read(value, variables)).collect();
            conditions.push(Condition { operator, key, values });
        }
        if conditions.len() > limits::CONDITIONS_MAX {
            return Err(too_much(place, "conditions", limits::CONDITIONS_MAX));
        }
    }
    Ok(conditions)
}
