//! The JSON form: that of a state file, and the bridge to the provider's own Rust types.
//!
//! Numbers keep their digits, because the text of each is read directly. A value of type dynamic is
//! `{"type": ..., "value": ...}`.

use std::collections::BTreeMap;
use std::fmt::Write as _;

use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};
use serde_json::value::RawValue;

use super::msgpack::{normalize_set, type_kind};
use super::{Number, Problem, Type, Typed, Value, ValueError};
use crate::limits::NESTING_MAX;
use crate::path::Step;

/// What stands for an unknown value in the JSON that a plan's model is read from.
pub(crate) const UNKNOWN: &str = "\u{0}unknown";
const UNKNOWN_JSON: &str = r#"{"\u0000unknown":true}"#;

/// Whether a model may hold unknown values and nulls.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Model {
    /// A plan's or configuration's model: unknown values and nulls are shown.
    Plan,
    /// A model of known values: null and unknown attributes are absent.
    Known,
    /// A state file: everything is shown, unknown is refused.
    State,
}

/// Reads a value of the type; an object's missing attributes are null, those that the type does not have are dropped.
///
/// # Errors
/// When the text is no JSON, or holds a value of another type.
pub fn decode(text: &str, ty: &Type) -> Result<Value, ValueError> {
    let raw: &RawValue = serde_json::from_str(text).map_err(|_| Problem::Malformed)?;
    read(raw, ty, 0)
}

/// Writes a value as the type, in the form of a state file.
///
/// # Errors
/// When the value is of another type or not wholly known.
pub fn encode(value: &Value, ty: &Type) -> Result<String, ValueError> {
    write(value, ty, Model::State)
}

/// Makes a value of the type from a Rust type.
///
/// # Errors
/// When the two do not fit each other.
pub(crate) fn from_model<T: Serialize + ?Sized>(model: &T, ty: &Type) -> Result<Value, ValueError> {
    let raw = serde_json::value::to_raw_value(model).map_err(|e| Problem::Model(e.to_string()))?;
    read(&raw, ty, 0)
}

/// The attributes that a Rust type sets, each with its value; those that it does not mention are not in the result.
///
/// # Errors
/// When the two do not fit each other.
pub(crate) fn mentioned<T: Serialize + ?Sized>(
    model: &T,
    attributes: &BTreeMap<String, Type>,
) -> Result<BTreeMap<String, Value>, ValueError> {
    let raw = serde_json::value::to_raw_value(model).map_err(|e| Problem::Model(e.to_string()))?;
    let fields: BTreeMap<String, &RawValue> =
        serde_json::from_str(raw.get()).map_err(|e| Problem::Model(e.to_string()))?;
    let each = fields.into_iter().map(|(name, raw)| {
        let at = Step::Attribute(name.clone());
        let ty = attributes.get(&name).ok_or_else(|| Problem::Model("the schema has no such attribute".to_owned()));
        match ty.map_err(ValueError::from).and_then(|ty| read(raw, ty, 0)) {
            Ok(value) => Ok((name, value)),
            Err(error) => Err(error.under(at)),
        }
    });
    each.collect()
}

/// Makes a Rust type from a value.
///
/// # Errors
/// When the two do not fit each other.
pub(crate) fn to_model<T: DeserializeOwned>(value: &Value, ty: &Type, model: Model) -> Result<T, ValueError> {
    let text = write(value, ty, model)?;
    serde_json::from_str(&text).map_err(|e| Problem::Model(e.to_string()).into())
}

fn read(raw: &RawValue, ty: &Type, depth: usize) -> Result<Value, ValueError> {
    if depth > NESTING_MAX {
        return Err(Problem::TooDeep.into());
    }
    if raw.get() == "null" {
        return Ok(Value::Null);
    }
    if raw.get() == UNKNOWN_JSON {
        return Ok(Value::unknown());
    }
    match ty {
        Type::Bool => parse(raw, ty).map(Value::Bool),
        Type::Number => number(raw).map(Value::Number),
        Type::String => parse(raw, ty).map(Value::String),
        Type::List(element) => read_elements(raw, ty, element, depth).map(Value::List),
        Type::Set(element) => Ok(Value::List(normalize_set(read_elements(raw, ty, element, depth)?, element))),
        Type::Tuple(types) => {
            let parts: Vec<&RawValue> = parse(raw, ty)?;
            if parts.len() != types.len() {
                return Err(Problem::Mismatch { expected: type_kind(ty), found: "a list of another length" }.into());
            }
            let each = parts.into_iter().zip(types).enumerate();
            let read = each.map(|(at, (raw, ty))| read(raw, ty, depth + 1).map_err(|e| e.under(Step::Index(at))));
            read.collect::<Result<_, _>>().map(Value::List)
        }
        Type::Map(element) => {
            let parts: BTreeMap<String, &RawValue> = parse(raw, ty)?;
            let each = parts.into_iter().map(|(key, raw)| match read(raw, element, depth + 1) {
                Ok(value) => Ok((key, value)),
                Err(error) => Err(error.under(Step::Key(key))),
            });
            each.collect::<Result<_, _>>().map(Value::Map)
        }
        Type::Object(types) => {
            let parts: BTreeMap<String, &RawValue> = parse(raw, ty)?;
            let each = types.iter().map(|(name, ty)| {
                let value = parts.get(name).map_or(Ok(Value::Null), |raw| read(raw, ty, depth + 1));
                value.map(|value| (name.clone(), value)).map_err(|e| e.under(Step::Attribute(name.clone())))
            });
            each.collect::<Result<_, _>>().map(Value::Map)
        }
        Type::Dynamic => read_dynamic(raw, depth),
    }
}

fn read_elements(raw: &RawValue, ty: &Type, element: &Type, depth: usize) -> Result<Vec<Value>, ValueError> {
    let parts: Vec<&RawValue> = parse(raw, ty)?;
    let each = parts.into_iter().enumerate();
    each.map(|(at, raw)| read(raw, element, depth + 1).map_err(|e| e.under(Step::Index(at)))).collect()
}

#[derive(Deserialize)]
struct Wrapped<'a> {
    #[serde(rename = "type")]
    ty: serde_json::Value,
    #[serde(borrow)]
    value: &'a RawValue,
}

fn read_dynamic(raw: &RawValue, depth: usize) -> Result<Value, ValueError> {
    let (ty, value) = match serde_json::from_str::<Wrapped<'_>>(raw.get()) {
        Ok(Wrapped { ty, value }) => match Type::from_json(&ty) {
            Ok(ty) => (ty, value),
            Err(_) => (inferred(raw)?, raw),
        },
        Err(_) => (inferred(raw)?, raw),
    };
    let value = read(value, &ty, depth + 1)?;
    Ok(Value::Dynamic(Box::new(Typed { ty, value })))
}

/// The type of JSON that carries none: what a provider's own type gives where its schema says dynamic.
fn inferred(raw: &RawValue) -> Result<Type, ValueError> {
    let json: serde_json::Value = serde_json::from_str(raw.get()).map_err(|_| Problem::Malformed)?;
    Ok(infer(&json))
}

fn infer(json: &serde_json::Value) -> Type {
    match json {
        serde_json::Value::Null => Type::Dynamic,
        serde_json::Value::Bool(_) => Type::Bool,
        serde_json::Value::Number(_) => Type::Number,
        serde_json::Value::String(_) => Type::String,
        serde_json::Value::Array(elements) => Type::Tuple(elements.iter().map(infer).collect()),
        serde_json::Value::Object(fields) => {
            Type::object(fields.iter().map(|(name, json)| (name.clone(), infer(json))))
        }
    }
}

fn number(raw: &RawValue) -> Result<Number, ValueError> {
    let text: String;
    let digits = match raw.get() {
        quoted if quoted.starts_with('"') => {
            text = parse(raw, &Type::Number)?;
            &text
        }
        plain => plain,
    };
    if digits.starts_with(['{', '[', 't', 'f']) {
        return Err(Problem::Mismatch { expected: "a number", found: json_kind(raw) }.into());
    }
    Ok(Number::parse(digits).map_err(Problem::from)?)
}

fn parse<'a, T: Deserialize<'a>>(raw: &'a RawValue, ty: &Type) -> Result<T, ValueError> {
    let mismatch = || Problem::Mismatch { expected: type_kind(ty), found: json_kind(raw) };
    serde_json::from_str(raw.get()).map_err(|_| mismatch().into())
}

fn json_kind(raw: &RawValue) -> &'static str {
    match raw.get().as_bytes().first() {
        Some(b'{') => "an object",
        Some(b'[') => "a list",
        Some(b'"') => "a string",
        Some(b't' | b'f') => "a bool",
        Some(b'n') => "null",
        _ => "a number",
    }
}

fn write(value: &Value, ty: &Type, model: Model) -> Result<String, ValueError> {
    let mut out = String::new();
    append(&mut out, value, ty, model, 0)?;
    Ok(out)
}

fn append(out: &mut String, value: &Value, ty: &Type, model: Model, depth: usize) -> Result<(), ValueError> {
    if depth > NESTING_MAX {
        return Err(Problem::TooDeep.into());
    }
    match (ty, value) {
        (_, Value::Null) => out.push_str("null"),
        (_, Value::Unknown(_)) => match model {
            Model::Plan => out.push_str(UNKNOWN_JSON),
            Model::Known | Model::State => return Err(Problem::Unknown.into()),
        },
        (Type::Dynamic, value) => {
            let own;
            let (ty, value) = match value {
                Value::Dynamic(typed) => (&typed.ty, &typed.value),
                value => {
                    own = value.own_type();
                    (&own, value)
                }
            };
            if model != Model::State {
                return append(out, value, ty, model, depth + 1);
            }
            let _ = write!(out, "{{\"type\":{},\"value\":", ty.to_json());
            append(out, value, ty, model, depth + 1)?;
            out.push('}');
        }
        (ty, Value::Dynamic(typed)) => append(out, &typed.value, ty, model, depth + 1)?,
        (Type::Bool, Value::Bool(value)) => out.push_str(if *value { "true" } else { "false" }),
        (Type::Number, Value::Number(number)) => {
            let _ = write!(out, "{number}");
        }
        (Type::String, Value::String(text)) => append_text(out, text),
        (Type::List(ty) | Type::Set(ty), Value::List(elements)) => {
            append_list(out, elements.iter().map(|element| (element, &**ty)), model, depth)?;
        }
        (Type::Tuple(types), Value::List(elements)) if types.len() == elements.len() => {
            append_list(out, elements.iter().zip(types), model, depth)?;
        }
        (Type::Map(ty), Value::Map(elements)) => append_map(out, elements, ty, model, depth)?,
        (Type::Object(types), Value::Map(attributes)) => append_object(out, attributes, types, model, depth)?,
        (ty, value) => return Err(Problem::Mismatch { expected: type_kind(ty), found: value.kind() }.into()),
    }
    Ok(())
}

fn append_list<'a>(
    out: &mut String,
    elements: impl Iterator<Item = (&'a Value, &'a Type)>,
    model: Model,
    depth: usize,
) -> Result<(), ValueError> {
    out.push('[');
    for (at, (element, ty)) in elements.enumerate() {
        if at > 0 {
            out.push(',');
        }
        append(out, element, ty, model, depth + 1).map_err(|e| e.under(Step::Index(at)))?;
    }
    out.push(']');
    Ok(())
}

fn append_map(
    out: &mut String,
    elements: &BTreeMap<String, Value>,
    ty: &Type,
    model: Model,
    depth: usize,
) -> Result<(), ValueError> {
    let mut before = '{';
    for (key, element) in elements {
        append_field(out, key, before, |out| append(out, element, ty, model, depth + 1))
            .map_err(|e| e.under(Step::Key(key.clone())))?;
        before = ',';
    }
    out.push_str(if before == '{' { "{}" } else { "}" });
    Ok(())
}

fn append_object(
    out: &mut String,
    attributes: &BTreeMap<String, Value>,
    types: &BTreeMap<String, Type>,
    model: Model,
    depth: usize,
) -> Result<(), ValueError> {
    let mut before = '{';
    for (name, ty) in types {
        let value = attributes.get(name).unwrap_or(&Value::Null);
        if model == Model::Known && (value.is_null() || value.is_unknown()) {
            continue;
        }
        append_field(out, name, before, |out| append(out, value, ty, model, depth + 1))
            .map_err(|e| e.under(Step::Attribute(name.clone())))?;
        before = ',';
    }
    out.push_str(if before == '{' { "{}" } else { "}" });
    Ok(())
}

fn append_field(
    out: &mut String,
    name: &str,
    before: char,
    value: impl FnOnce(&mut String) -> Result<(), ValueError>,
) -> Result<(), ValueError> {
    out.push(before);
    append_text(out, name);
    out.push(':');
    value(out)
}

fn append_text(out: &mut String, text: &str) {
    let _ = write!(out, "{}", serde_json::Value::from(text));
}
