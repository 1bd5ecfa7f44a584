//! From what Terraform proposes to a plan that it accepts. Pure.
//!
//! Defaults, write-only to null, then, if anything differs from what is saved, computed attributes that nobody set become
//! unknown or are kept; the resource's own plan; what needs a replacement; and a check of the result. Rules: the table of
//! breaches in Terraform's `objchange` package.

use std::collections::BTreeSet;

use crate::diagnostic::{Diagnostic, Diagnostics};
use crate::path::Path;
use crate::schema::{Attribute, Attributes, Nesting, Replace, Shape, attribute_of};
use crate::value::Value;

/// A plan that Terraform accepts.
#[derive(Debug)]
pub(crate) struct Planned {
    pub(crate) state: Value,
    pub(crate) replace: BTreeSet<Path>,
    pub(crate) notes: Diagnostics,
}

/// The plan before the resource has its say.
pub(crate) fn prepare(attributes: &Attributes, prior: &Value, mut proposed: Value, config: &Value) -> Value {
    fill(attributes, config, &mut proposed);
    if proposed != *prior {
        compute(attributes, config, prior, &mut proposed);
    }
    proposed
}

/// Sets defaults and removes write-only values.
pub(crate) fn fill(attributes: &Attributes, config: &Value, planned: &mut Value) {
    each_attribute(attributes, planned, |name, attribute, planned| {
        let config = attribute_of(config, name);
        if attribute.write_only {
            *planned = Value::Null;
        } else if let (Some(default), true) = (&attribute.default, config.is_null()) {
            *planned = default.clone();
        } else if let (Shape::Nested(nesting, inner), false) = (&attribute.shape, config.is_null()) {
            // Objects that the operator did not write are the provider's, and have no defaults.
            each_element(*nesting, planned, |at, element| fill(inner, at.of(config), element));
        }
    });
}

/// Computed attributes that nobody sets become unknown, or stay as they are if the schema says so.
fn compute(attributes: &Attributes, config: &Value, prior: &Value, planned: &mut Value) {
    each_attribute(attributes, planned, |name, attribute, planned| {
        let (config, prior) = (attribute_of(config, name), attribute_of(prior, name));
        if config.is_null() && attribute.is_computed() && attribute.default.is_none() {
            let keeps = attribute.keep && !prior.is_null();
            *planned = if keeps { prior.clone() } else { Value::unknown() };
        } else if let Shape::Nested(nesting, inner) = &attribute.shape {
            each_element(*nesting, planned, |at, element| compute(inner, at.of(config), at.of(prior), element));
        }
    });
}

/// The attributes whose change needs a new object.
pub(crate) fn replacements(attributes: &Attributes, prior: &Value, planned: &Value) -> BTreeSet<Path> {
    let mut out = BTreeSet::new();
    if !prior.is_null() {
        collect_replacements(attributes, prior, planned, &Path::root(), &mut out);
    }
    out
}

fn collect_replacements(
    attributes: &Attributes,
    prior: &Value,
    planned: &Value,
    path: &Path,
    out: &mut BTreeSet<Path>,
) {
    for (name, attribute) in attributes {
        let (prior, planned) = (attribute_of(prior, name), attribute_of(planned, name));
        if prior == planned {
            continue;
        }
        let path = path.clone().attribute(name);
        let replaces = match &attribute.replace {
            Replace::Never => false,
            Replace::Always => true,
            Replace::If(condition) => condition(prior, planned),
        };
        if replaces {
            out.insert(path);
        } else if let Shape::Nested(nesting, inner) = &attribute.shape {
            for (at, element) in elements(*nesting, planned) {
                collect_replacements(inner, at.of(prior), element, &at.on(&path), out);
            }
        }
    }
}

/// What Terraform would refuse: a configured value that the plan changes, or a value where the operator set none and
/// the provider may not.
pub(crate) fn check(attributes: &Attributes, prior: &Value, config: &Value, planned: &Value) -> Diagnostics {
    let mut out = Diagnostics::new();
    check_object(attributes, prior, config, planned, &Path::root(), &mut out);
    out
}

fn check_object(
    attributes: &Attributes,
    prior: &Value,
    config: &Value,
    planned: &Value,
    path: &Path,
    out: &mut Diagnostics,
) {
    for (name, attribute) in attributes {
        let config = attribute_of(config, name);
        let (prior, planned) = (attribute_of(prior, name), attribute_of(planned, name));
        let path = path.clone().attribute(name);
        if let Some(what) = breach(attribute, prior, config, planned) {
            out.push(Diagnostic::error("the provider made an invalid plan", what).at(path));
        } else if let Shape::Nested(nesting, inner) = &attribute.shape
            && !config.is_null()
        {
            for (at, element) in elements(*nesting, planned) {
                check_object(inner, at.of(prior), at.of(config), element, &at.on(&path), out);
            }
        }
    }
}

fn breach(attribute: &Attribute, prior: &Value, config: &Value, planned: &Value) -> Option<&'static str> {
    if attribute.write_only {
        return (!planned.is_null()).then_some("It plans to save a write-only value. This is a bug in the provider.");
    }
    if config.is_null() {
        let allowed = attribute.is_computed() || planned.is_null();
        return (!allowed).then_some("It plans a value where none is configured. This is a bug in the provider.");
    }
    let nested = matches!(attribute.shape, Shape::Nested(..)) && !config.is_unknown();
    let kept = planned == prior && !prior.is_null();
    let allowed = kept || if nested { same_outline(config, planned) } else { same(config, planned) };
    (!allowed).then_some("It plans another value than the configured one. This is a bug in the provider.")
}

/// Equal, whatever is certain about values that are not known yet.
pub(crate) fn same(a: &Value, b: &Value) -> bool {
    match (a, b) {
        (Value::Unknown(_), Value::Unknown(_)) => true,
        (Value::List(a), Value::List(b)) => a.len() == b.len() && a.iter().zip(b).all(|(a, b)| same(a, b)),
        (Value::Map(a), Value::Map(b)) => {
            a.len() == b.len() && a.iter().zip(b).all(|((ka, a), (kb, b))| ka == kb && same(a, b))
        }
        (Value::Dynamic(a), Value::Dynamic(b)) => a.ty == b.ty && same(&a.value, &b.value),
        (a, b) => a == b,
    }
}

/// The same elements, whatever is in them.
fn same_outline(config: &Value, planned: &Value) -> bool {
    match (config, planned) {
        (Value::List(a), Value::List(b)) => a.len() == b.len(),
        (Value::Map(a), Value::Map(b)) => a.keys().eq(b.keys()),
        _ => config.is_null() == planned.is_null() && config.is_unknown() == planned.is_unknown(),
    }
}

/// Which element of nested objects: the one object, one of a list, one of a map.
pub(crate) enum At<'a> {
    Whole,
    Index(usize),
    Key(&'a str),
}

impl At<'_> {
    /// The same element of another value; null when it has none.
    pub(crate) fn of<'v>(&self, value: &'v Value) -> &'v Value {
        match (self, value) {
            (_, Value::Unknown(_)) | (Self::Whole, _) => value,
            (Self::Index(index), Value::List(elements)) => elements.get(*index).unwrap_or(&Value::Null),
            (Self::Key(key), Value::Map(elements)) => elements.get(*key).unwrap_or(&Value::Null),
            _ => &Value::Null,
        }
    }

    pub(crate) fn on(&self, path: &Path) -> Path {
        match self {
            Self::Whole => path.clone(),
            Self::Index(index) => path.clone().index(*index),
            Self::Key(key) => path.clone().key(*key),
        }
    }
}

/// The objects of a nested attribute's value.
pub(crate) fn elements(nesting: Nesting, value: &Value) -> Vec<(At<'_>, &Value)> {
    match (nesting, value) {
        (Nesting::Single, Value::Map(_)) => vec![(At::Whole, value)],
        (Nesting::List, Value::List(elements)) => {
            elements.iter().enumerate().map(|(index, element)| (At::Index(index), element)).collect()
        }
        (Nesting::Map, Value::Map(elements)) => elements.iter().map(|(key, element)| (At::Key(key), element)).collect(),
        _ => Vec::new(),
    }
}

fn each_element(nesting: Nesting, value: &mut Value, mut visit: impl FnMut(At<'_>, &mut Value)) {
    match (nesting, value) {
        (Nesting::Single, value @ Value::Map(_)) => visit(At::Whole, value),
        (Nesting::List, Value::List(elements)) => {
            elements.iter_mut().enumerate().for_each(|(index, element)| visit(At::Index(index), element));
        }
        (Nesting::Map, Value::Map(elements)) => {
            elements.iter_mut().for_each(|(key, element)| visit(At::Key(key), element));
        }
        _ => {}
    }
}

fn each_attribute(attributes: &Attributes, object: &mut Value, mut visit: impl FnMut(&str, &Attribute, &mut Value)) {
    let Value::Map(values) = object else { return };
    for (name, attribute) in attributes {
        visit(name, attribute, values.entry(name.clone()).or_default());
    }
}
