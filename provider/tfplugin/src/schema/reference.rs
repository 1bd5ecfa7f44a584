//! A schema as documentation: the lists of attributes that a page of the Terraform Registry has.

use std::fmt::Write as _;

use super::attribute::{Attribute, Mode, Replace};
use super::{Attributes, Nesting, Schema, Shape};
use crate::value::{Type, Value};

impl Schema {
    /// What it says about itself, in Markdown.
    #[must_use]
    pub fn description(&self) -> &str {
        &self.description
    }

    /// Its attributes in Markdown: those that must be set, that may be set, that can only be read, and what nested ones
    /// hold.
    #[must_use]
    pub fn reference(&self) -> String {
        let mut page = String::new();
        lists(&self.attributes, &mut page);
        for (name, attribute) in &self.attributes {
            if let Shape::Nested(_, inner) = &attribute.shape {
                let _ = write!(page, "\n<a id=\"nested-{name}\"></a>\n### In `{name}`\n");
                lists(inner, &mut page);
            }
        }
        page
    }
}

fn lists(attributes: &Attributes, page: &mut String) {
    let optional = |mode| matches!(mode, Mode::Optional | Mode::OptionalComputed);
    list("Required", attributes.iter().filter(|(_, a)| a.mode == Mode::Required), page);
    list("Optional", attributes.iter().filter(|(_, a)| optional(a.mode)), page);
    list("Read-Only", attributes.iter().filter(|(_, a)| a.mode == Mode::Computed), page);
}

fn list<'a>(title: &str, attributes: impl Iterator<Item = (&'a String, &'a Attribute)>, page: &mut String) {
    let lines: Vec<String> = attributes.map(|(name, attribute)| line(name, attribute)).collect();
    if !lines.is_empty() {
        let _ = write!(page, "\n### {title}\n\n{}\n", lines.join("\n"));
    }
}

fn line(name: &str, attribute: &Attribute) -> String {
    let mut line = format!("- `{name}` ({}) {}", words(&attribute.shape), attribute.description);
    if let Shape::Nested(..) = &attribute.shape {
        let _ = write!(line, " See [below](#nested-{name}).");
    }
    for check in &attribute.checks {
        let _ = write!(line, " It {}.", check.wanted());
    }
    match &attribute.default {
        Some(Value::String(text)) => drop(write!(line, " Default: `\"{text}\"`.")),
        Some(Value::Number(number)) => drop(write!(line, " Default: `{number}`.")),
        Some(Value::Bool(flag)) => drop(write!(line, " Default: `{flag}`.")),
        _ => {}
    }
    if matches!(attribute.replace, Replace::Always) {
        line.push_str(" A change needs a new object.");
    }
    if attribute.sensitive {
        line.push_str(" Never shown.");
    }
    if attribute.write_only {
        line.push_str(" Never saved.");
    }
    if let Some(instead) = &attribute.deprecated {
        let _ = write!(line, " **Deprecated**: {instead}");
    }
    line
}

fn words(shape: &Shape) -> String {
    match shape {
        Shape::Integer => "Number".to_owned(),
        Shape::Plain(ty) => type_words(ty),
        Shape::Nested(Nesting::Single, _) => "Object".to_owned(),
        Shape::Nested(Nesting::List, _) => "List of Object".to_owned(),
        Shape::Nested(Nesting::Map, _) => "Map of Object".to_owned(),
    }
}

fn type_words(ty: &Type) -> String {
    match ty {
        Type::Bool => "Boolean".to_owned(),
        Type::Number => "Number".to_owned(),
        Type::String => "String".to_owned(),
        Type::Dynamic => "any type".to_owned(),
        Type::List(element) => format!("List of {}", type_words(element)),
        Type::Set(element) => format!("Set of {}", type_words(element)),
        Type::Map(element) => format!("Map of {}", type_words(element)),
        Type::Object(_) => "Object".to_owned(),
        Type::Tuple(_) => "Tuple".to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::super::{Check, computed, integer, map, nested, optional, required, string};
    use super::*;

    #[test]
    fn a_reference_names_who_sets_an_attribute_its_type_rules_and_default() {
        let url = required(string(), "Its URL.");
        let schema = Schema::new("A thing.").attributes([
            ("name", required(string(), "Its name.").replace()),
            ("days", optional(integer(), "Days.").default(365).check(Check::between(90, 2560))),
            ("labels", optional(map(Type::String), "Labels.")),
            ("server", optional(nested([("url", url)]), "Its server.")),
            ("id", computed(string(), "Its id.")),
        ]);
        let expected = "
### Required

- `name` (String) Its name. A change needs a new object.

### Optional

- `days` (Number) Days. It must be between 90 and 2560. Default: `365`.
- `labels` (Map of String) Labels.
- `server` (Object) Its server. See [below](#nested-server).

### Read-Only

- `id` (String) Its id.

<a id=\"nested-server\"></a>
### In `server`

### Required

- `url` (String) Its URL.
";
        assert_eq!(schema.reference(), expected);
    }
}
