//! What an apply returned, made fit for the state and compared with the plan.
//!
//! Terraform loses an object whose returned attributes are incomplete, and blames the provider in general words for any
//! difference. Here each breach becomes an error that names the attribute, and the object is saved as it is.

use super::Values;
use super::algorithm::{elements, same};
use crate::diagnostic::{Diagnostic, Diagnostics};
use crate::path::Path;
use crate::schema::{Attribute, Attributes, Shape, attribute_of};
use crate::value::Value;

/// What is saved of an object that was read, with what was found. Null means that the object has none.
pub(crate) fn found(saved: &Value, mentioned: Values) -> Value {
    let mut state = saved.clone();
    if let Value::Map(attributes) = &mut state {
        attributes.extend(mentioned);
    }
    state
}

/// What was planned, with what the resource mentioned when it made the object. Null counts as not mentioned.
pub(crate) fn made(planned: &Value, mentioned: Values) -> Value {
    let tells = |name: &str, value: &Value| !value.is_null() || attribute_of(planned, name).is_unknown();
    found(planned, mentioned.into_iter().filter(|(name, value)| tells(name, value)).collect())
}

/// Compares with the plan what an apply returned.
pub(crate) fn compare(attributes: &Attributes, planned: &Value, state: &Value) -> Diagnostics {
    let mut out = Diagnostics::new();
    compare_object(attributes, planned, state, &Path::root(), &mut out);
    out
}

/// Nulls what cannot be saved: unknown and write-only values.
pub(crate) fn settle(attributes: &Attributes, state: &mut Value) {
    let Value::Map(values) = state else { return };
    for (name, attribute) in attributes {
        let value = values.entry(name.clone()).or_default();
        if attribute.write_only {
            *value = Value::Null;
        }
    }
    values.values_mut().for_each(settle_value);
}

fn settle_value(value: &mut Value) {
    match value {
        Value::Unknown(_) => *value = Value::Null,
        Value::List(elements) => elements.iter_mut().for_each(settle_value),
        Value::Map(elements) => elements.values_mut().for_each(settle_value),
        Value::Dynamic(typed) => settle_value(&mut typed.value),
        Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) => {}
    }
}

fn compare_object(attributes: &Attributes, planned: &Value, state: &Value, path: &Path, out: &mut Diagnostics) {
    for (name, attribute) in attributes {
        let (planned, state) = (attribute_of(planned, name), attribute_of(state, name));
        let path = path.clone().attribute(name);
        if attribute.write_only {
            continue;
        }
        let inner = match &attribute.shape {
            Shape::Nested(nesting, inner) if !planned.is_unknown() => Some((*nesting, inner)),
            _ => None,
        };
        match (inner, breach(attribute, planned, state, inner.is_some())) {
            (_, Some(what)) => out.push(Diagnostic::error("the result is not what was planned", what).at(path)),
            (Some((nesting, inner)), None) => {
                for (at, element) in elements(nesting, planned) {
                    compare_object(inner, element, at.of(state), &at.on(&path), out);
                }
            }
            (None, None) => {}
        }
    }
}

fn breach(attribute: &Attribute, planned: &Value, state: &Value, nested: bool) -> Option<String> {
    let bug = "The object is saved as it is. This is a bug in the provider.";
    if nested {
        let same = match (planned, state) {
            (Value::List(a), Value::List(b)) => a.len() == b.len(),
            (Value::Map(a), Value::Map(b)) => a.keys().eq(b.keys()),
            (a, b) => a.is_null() == b.is_null(),
        };
        return (!same).then(|| format!("Other elements than planned. {bug}"));
    }
    match (planned, state) {
        (Value::Unknown(_), Value::Unknown(_)) => {
            Some(format!("The plan left it open, and the provider did not set it. {bug}"))
        }
        (Value::Unknown(Some(certain)), Value::Null) if certain.not_null => {
            Some(format!("It was certain to have a value, and has none. {bug}"))
        }
        (Value::Unknown(_), _) => None,
        (planned, state) if fits(planned, state) => None,
        (planned, state) if attribute.sensitive || !shown(planned) || !shown(state) => {
            Some(format!("It has another value than planned. {bug}"))
        }
        (planned, state) => Some(format!("Planned was {}, and it is {}. {bug}", show(planned), show(state))),
    }
}

/// Equal where the plan is known.
fn fits(planned: &Value, state: &Value) -> bool {
    match (planned, state) {
        (Value::Unknown(_), state) => !state.is_unknown(),
        (Value::List(a), Value::List(b)) => a.len() == b.len() && a.iter().zip(b).all(|(a, b)| fits(a, b)),
        (Value::Map(a), Value::Map(b)) => {
            a.len() == b.len() && a.iter().zip(b).all(|((ka, a), (kb, b))| ka == kb && fits(a, b))
        }
        (Value::Dynamic(a), b) if a.value.is_unknown() => !b.is_unknown(),
        (a, b) => same(a, b),
    }
}

fn shown(value: &Value) -> bool {
    matches!(value, Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_))
}

fn show(value: &Value) -> String {
    match value {
        Value::String(text) => format!("{text:?}"),
        Value::Number(number) => number.to_string(),
        Value::Bool(value) => value.to_string(),
        _ => "null".to_owned(),
    }
}
