//! Values of Terraform, with symbols in texts and reasons where nothing is known.
//!
//! Invariant: a value that is not known stays `Unknown` through every operation that would need it; inside a text it
//! becomes `${unknown:ADDRESS}`, so that the rest of the text is kept.

use std::collections::BTreeMap;

use provider_boundary::model::Reason;
use serde_json::Value as Json;

/// A value.
#[derive(Clone, Debug, PartialEq)]
pub(crate) enum Value {
    /// Not set.
    Null,
    /// True or false.
    Bool(bool),
    /// Any number.
    Number(f64),
    /// A text; `${TYPE.NAME.ATTRIBUTE}` stands where AWS assigns an identifier.
    Text(String),
    /// A list, set or tuple.
    List(Vec<Value>),
    /// A map or object.
    Map(BTreeMap<String, Value>),
    /// Not known.
    Unknown(Reason),
}

/// Where the text of an unknown begins.
const UNKNOWN: &str = "${unknown:";

impl Value {
    /// Known only after the apply.
    pub(crate) fn later(address: impl Into<String>) -> Value {
        Value::Unknown(Reason::ComputedAtApply { address: address.into() })
    }

    /// Outside of what is evaluated.
    pub(crate) fn unsupported(construct: impl Into<String>) -> Value {
        Value::Unknown(Reason::Unsupported { construct: construct.into() })
    }

    pub(crate) fn text(text: impl Into<String>) -> Value {
        Value::Text(text.into())
    }

    /// A value of the plan; `unknown` marks what is not known, `address` is where it stands.
    pub(crate) fn of_plan(known: &Json, unknown: Option<&Json>, address: &str) -> Value {
        match (known, unknown) {
            (_, Some(Json::Bool(true))) => Value::later(address),
            (Json::Object(members), unknown) => Value::Map(members_of_plan(members, unknown, address)),
            (Json::Null, Some(Json::Object(members))) => {
                let known = serde_json::Map::new();
                Value::Map(members_of_plan(&known, Some(&Json::Object(members.clone())), address))
            }
            (Json::Array(items), unknown) => {
                let at = |index: usize| unknown.and_then(|all| all.get(index));
                let items = items.iter().enumerate();
                Value::List(items.map(|(i, one)| Value::of_plan(one, at(i), &format!("{address}[{i}]"))).collect())
            }
            (other, _) => Value::of_json(other),
        }
    }

    /// A value that is known altogether.
    pub(crate) fn of_json(json: &Json) -> Value {
        match json {
            Json::Null => Value::Null,
            Json::Bool(one) => Value::Bool(*one),
            Json::Number(number) => number.as_f64().map_or(Value::Null, Value::Number),
            Json::String(text) => Value::Text(text.clone()),
            Json::Array(items) => Value::List(items.iter().map(Value::of_json).collect()),
            Json::Object(members) => {
                Value::Map(members.iter().map(|(name, one)| (name.clone(), Value::of_json(one))).collect())
            }
        }
    }

    /// As JSON, unknowns as texts.
    pub(crate) fn to_json(&self) -> Json {
        match self {
            Value::Null => Json::Null,
            Value::Bool(one) => Json::Bool(*one),
            Value::Number(number) => json_number(*number),
            Value::Text(text) => Json::String(text.clone()),
            Value::List(items) => Json::Array(items.iter().map(Value::to_json).collect()),
            Value::Map(members) => {
                Json::Object(members.iter().map(|(name, one)| (name.clone(), one.to_json())).collect())
            }
            Value::Unknown(reason) => Json::String(placeholder(reason)),
        }
    }

    /// As it stands within a text.
    pub(crate) fn in_text(&self) -> String {
        match self {
            Value::Null => String::new(),
            Value::Bool(one) => one.to_string(),
            Value::Number(number) => number_text(*number),
            Value::Text(text) => text.clone(),
            Value::List(_) | Value::Map(_) => self.to_json().to_string(),
            Value::Unknown(reason) => placeholder(reason),
        }
    }

    /// A member of a map, an item of a list; null when there is none.
    pub(crate) fn get(&self, name: &str) -> Value {
        match self {
            Value::Map(members) => members.get(name).cloned().unwrap_or(Value::Null),
            Value::List(items) => {
                name.parse::<usize>().ok().and_then(|at| items.get(at)).cloned().unwrap_or(Value::Null)
            }
            Value::Unknown(reason) => Value::Unknown(reason.clone()),
            _ => Value::Null,
        }
    }

    /// The items of a list; a value that is no list is its only item, null is none.
    pub(crate) fn items(&self) -> Vec<Value> {
        match self {
            Value::List(items) => items.clone(),
            Value::Null => Vec::new(),
            other => vec![other.clone()],
        }
    }

    pub(crate) fn is_null(&self) -> bool {
        matches!(self, Value::Null)
    }

    pub(crate) fn as_str(&self) -> Option<&str> {
        match self {
            Value::Text(text) => Some(text),
            _ => None,
        }
    }

    /// Whether anything within is not known.
    pub(crate) fn has_unknown(&self) -> bool {
        match self {
            Value::Unknown(_) => true,
            Value::List(items) => items.iter().any(Value::has_unknown),
            Value::Map(members) => members.values().any(Value::has_unknown),
            Value::Text(text) => text.contains(UNKNOWN),
            _ => false,
        }
    }

    /// The first reason within that something is not known.
    pub(crate) fn reason(&self) -> Option<Reason> {
        match self {
            Value::Unknown(reason) => Some(reason.clone()),
            Value::List(items) => items.iter().find_map(Value::reason),
            Value::Map(members) => members.values().find_map(Value::reason),
            Value::Text(text) => reason_in(text),
            _ => None,
        }
    }

    /// What the plan says, with the gaps filled from what the configuration says.
    pub(crate) fn refined(&self, by: &Value) -> Value {
        match (self, by) {
            (Value::Unknown(_), Value::Unknown(_)) => self.clone(),
            (Value::Unknown(_), by) => by.clone(),
            (Value::Map(members), Value::Map(others)) => {
                let filled = |name: &String, one: &Value| others.get(name).map_or(one.clone(), |by| one.refined(by));
                Value::Map(members.iter().map(|(name, one)| (name.clone(), filled(name, one))).collect())
            }
            (Value::Map(_), Value::List(items)) => match items.as_slice() {
                [one] => self.refined(one),
                _ => self.clone(),
            },
            (Value::List(items), Value::List(others)) if self.has_unknown() => Value::List(matched(items, others)),
            (Value::List(items), Value::Map(_)) => match items.as_slice() {
                [one] => Value::List(vec![one.refined(by)]),
                _ => self.clone(),
            },
            _ => self.clone(),
        }
    }

    /// Whether `other` may be this value: what is not known may be anything; lists may be sets in another order.
    fn may_be(&self, other: &Value) -> bool {
        match (self, other) {
            (Value::Unknown(_), _) | (_, Value::Unknown(_)) => true,
            (Value::Map(a), Value::Map(b)) => {
                a.iter().all(|(name, one)| b.get(name).is_none_or(|other| one.may_be(other)))
            }
            (Value::List(a), Value::List(b)) => {
                a.len() == b.len() && a.iter().all(|one| b.iter().any(|o| one.may_be(o)))
            }
            (Value::Null, _) => true,
            (a, b) => a == b || a.in_text() == b.in_text(),
        }
    }
}

fn members_of_plan(
    known: &serde_json::Map<String, Json>,
    unknown: Option<&Json>,
    address: &str,
) -> BTreeMap<String, Value> {
    let at = |name: &str| format!("{address}.{name}");
    let mut members: BTreeMap<String, Value> = known
        .iter()
        .map(|(name, one)| (name.clone(), Value::of_plan(one, unknown.and_then(|all| all.get(name)), &at(name))))
        .collect();
    for (name, mark) in unknown.and_then(Json::as_object).into_iter().flatten() {
        let absent = || match mark {
            Json::Bool(true) => Value::later(at(name)),
            _ => Value::Null,
        };
        members.entry(name.clone()).or_insert_with(absent);
    }
    members
}

/// Each item with the gaps filled from the first of `others` that it may be; every one of those is used once.
fn matched(items: &[Value], others: &[Value]) -> Vec<Value> {
    let mut left: Vec<&Value> = others.iter().collect();
    let mut take = |item: &Value| {
        let at = left.iter().position(|other| item.may_be(other))?;
        Some(left.remove(at))
    };
    // What is wholly known goes first, so that it cannot be taken for something unknown.
    let mut filled: Vec<Option<Value>> = items.iter().map(|_| None).collect();
    for known_first in [false, true] {
        for (slot, item) in filled.iter_mut().zip(items).filter(|(_, item)| item.has_unknown() == known_first) {
            *slot = Some(take(item).map_or(item.clone(), |by| item.refined(by)));
        }
    }
    filled.into_iter().zip(items).map(|(one, item)| one.unwrap_or_else(|| item.clone())).collect()
}

fn placeholder(reason: &Reason) -> String {
    match reason {
        Reason::ComputedAtApply { address } => format!("{UNKNOWN}{address}}}"),
        other => format!("{UNKNOWN}!{}}}", other.to_string().replace('}', ")")),
    }
}

/// The reason behind the first `${unknown:...}` in a text.
pub(crate) fn reason_in(text: &str) -> Option<Reason> {
    let rest = text.get(text.find(UNKNOWN)? + UNKNOWN.len()..)?;
    let inner = rest.get(..rest.find('}')?)?;
    Some(match inner.strip_prefix('!') {
        Some(construct) => Reason::Unsupported { construct: construct.into() },
        None => Reason::ComputedAtApply { address: inner.into() },
    })
}

/// A number as Terraform writes it.
pub(crate) fn number_text(number: f64) -> String {
    format!("{number}")
}

fn json_number(number: f64) -> Json {
    let text = number_text(number);
    text.parse::<serde_json::Number>().map_or(Json::Null, Json::Number)
}
