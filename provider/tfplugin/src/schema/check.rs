//! Rules for single values. They run on known values only, at validation and again when unknown values became known.

use std::collections::BTreeMap;
use std::fmt;
use std::sync::Arc;

use super::{Attribute, Attributes, Nesting, Shape, attribute_of};
use crate::diagnostic::{Diagnostic, Diagnostics};
use crate::path::Path;
use crate::value::Value;

type Rule = dyn Fn(&Value) -> bool + Send + Sync;

/// A rule, and the words for it: "must be one of ...".
#[derive(Clone)]
pub struct Check {
    wanted: String,
    rule: Arc<Rule>,
    on: Target,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Target {
    Whole,
    Elements,
}

impl fmt::Debug for Check {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Check").field("wanted", &self.wanted).finish_non_exhaustive()
    }
}

impl Check {
    /// A rule of one's own for any value. `wanted` completes the sentence "NAME ...", as in "must be a CIDR block".
    pub fn value(wanted: impl Into<String>, rule: impl Fn(&Value) -> bool + Send + Sync + 'static) -> Self {
        Self { wanted: wanted.into(), rule: Arc::new(rule), on: Target::Whole }
    }

    /// A rule of one's own for text.
    pub fn text(wanted: impl Into<String>, rule: impl Fn(&str) -> bool + Send + Sync + 'static) -> Self {
        Self::value(wanted, move |value| value.as_str().is_none_or(&rule))
    }

    /// One of the given texts.
    pub fn one_of<T: Into<String>>(choices: impl IntoIterator<Item = T>) -> Self {
        let choices: Vec<String> = choices.into_iter().map(Into::into).collect();
        let quoted: Vec<_> = choices.iter().map(|choice| format!("{choice:?}")).collect();
        Self::text(format!("must be one of {}", quoted.join(", ")), move |text| {
            choices.iter().any(|choice| choice == text)
        })
    }

    /// A number from `min` to `max`, both included.
    #[must_use]
    pub fn between(min: i64, max: i64) -> Self {
        Self::value(format!("must be between {min} and {max}"), move |value| match value {
            #[expect(clippy::cast_precision_loss, reason = "bounds of arguments are small")]
            Value::Number(number) => (min as f64..=max as f64).contains(&number.to_f64()),
            _ => true,
        })
    }

    /// Text of `min` to `max` characters, or that many elements.
    #[must_use]
    pub fn length(min: usize, max: usize) -> Self {
        Self::value(format!("must have a length between {min} and {max}"), move |value| match value {
            Value::String(text) => (min..=max).contains(&text.chars().count()),
            Value::List(elements) => (min..=max).contains(&elements.len()),
            Value::Map(elements) => (min..=max).contains(&elements.len()),
            _ => true,
        })
    }

    /// Text or a collection with something in it.
    #[must_use]
    pub fn not_empty() -> Self {
        Self { wanted: "must not be empty".to_owned(), ..Self::length(1, usize::MAX) }
    }

    /// The same rule for every element of a list, set or map.
    #[must_use]
    pub fn each(mut self) -> Self {
        self.on = Target::Elements;
        self
    }

    /// What it wants, as in "must be a CIDR block".
    pub(crate) fn wanted(&self) -> &str {
        &self.wanted
    }

    fn run(&self, name: &str, value: &Value, path: &Path, out: &mut Diagnostics) {
        match (self.on, value) {
            (_, Value::Null | Value::Unknown(_)) => {}
            (Target::Whole, value) => {
                if value.is_wholly_known() && !(self.rule)(value) {
                    out.push(self.refusal(name, value).at(path));
                }
            }
            (Target::Elements, Value::List(elements)) => {
                for (index, element) in elements.iter().enumerate() {
                    self.run_element(name, element, path.clone().index(index), out);
                }
            }
            (Target::Elements, Value::Map(elements)) => {
                for (key, element) in elements {
                    self.run_element(name, element, path.clone().key(key), out);
                }
            }
            (Target::Elements, _) => {}
        }
    }

    fn run_element(&self, name: &str, element: &Value, path: Path, out: &mut Diagnostics) {
        if !element.is_null() && element.is_wholly_known() && !(self.rule)(element) {
            out.push(self.refusal(&format!("each element of {name}"), element).at(path));
        }
    }

    fn refusal(&self, name: &str, value: &Value) -> Diagnostic {
        let wanted = &self.wanted;
        let given = match value {
            Value::String(text) => format!("{text:?}"),
            Value::Number(number) => number.to_string(),
            Value::Bool(value) => value.to_string(),
            _ => return Diagnostic::error(format!("{name} {wanted}"), String::new()),
        };
        Diagnostic::error(format!("{name} {wanted}"), format!("It is {given}."))
    }
}

/// Runs all checks of a configuration.
pub(crate) fn run(attributes: &Attributes, object: &Value, path: &Path, out: &mut Diagnostics) {
    if !matches!(object, Value::Map(_)) {
        return;
    }
    for (name, attribute) in attributes {
        let value = attribute_of(object, name);
        let path = path.clone().attribute(name);
        run_attribute(name, attribute, value, &path, out);
    }
}

fn run_attribute(name: &str, attribute: &Attribute, value: &Value, path: &Path, out: &mut Diagnostics) {
    if value.is_null() || value.is_unknown() {
        return;
    }
    if let (Shape::Integer, Value::Number(number)) = (&attribute.shape, value)
        && !number.is_integer()
    {
        out.push(Diagnostic::error(format!("{name} must be a whole number"), format!("It is {number}.")).at(path));
    }
    for check in &attribute.checks {
        // A sensitive value must not appear in a message.
        if attribute.sensitive || attribute.write_only {
            let mut found = Diagnostics::new();
            check.run(name, value, path, &mut found);
            out.extend(found.into_iter().map(|d| Diagnostic::error(d.summary(), "").at(d.path())));
        } else {
            check.run(name, value, path, out);
        }
    }
    match (&attribute.shape, value) {
        (Shape::Nested(Nesting::Single, attributes), value) => run(attributes, value, path, out),
        (Shape::Nested(Nesting::List, attributes), Value::List(elements)) => {
            for (index, element) in elements.iter().enumerate() {
                run(attributes, element, &path.clone().index(index), out);
            }
        }
        (Shape::Nested(Nesting::Map, attributes), Value::Map(elements)) => run_map(attributes, elements, path, out),
        _ => {}
    }
}

fn run_map(attributes: &Attributes, elements: &BTreeMap<String, Value>, path: &Path, out: &mut Diagnostics) {
    for (key, element) in elements {
        run(attributes, element, &path.clone().key(key), out);
    }
}
