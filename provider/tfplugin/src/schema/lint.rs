//! Flaws that a schema can have in spite of the types. A test of each provider asserts that there are none.

use super::attribute::Mode;
use super::{Attributes, Schema, Shape};
use crate::path::Path;

/// A flaw of a schema.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{path}: {what}")]
pub struct Flaw {
    path: Path,
    what: &'static str,
}

/// Names that Terraform keeps for itself.
const RESERVED: [&str; 7] = ["connection", "count", "depends_on", "for_each", "lifecycle", "provider", "provisioner"];

/// Parts of names that suggest a secret.
const SECRETS: [&str; 4] = ["password", "secret", "private_key", "token"];

impl Schema {
    /// Everything that is wrong with it; a test of each provider asserts that there is nothing.
    #[must_use]
    pub fn flaws(&self) -> Vec<Flaw> {
        let mut flaws = Vec::new();
        if self.description.is_empty() {
            flaws.push(Flaw { path: Path::root(), what: "it has no description" });
        }
        for name in self.attributes.keys().filter(|name| RESERVED.contains(&name.as_str())) {
            flaws.push(Flaw { path: Path::root().attribute(name), what: "Terraform keeps this name for itself" });
        }
        attributes(&self.attributes, &Path::root(), &mut flaws);
        flaws
    }
}

fn attributes(all: &Attributes, path: &Path, flaws: &mut Vec<Flaw>) {
    for (name, attribute) in all {
        let path = path.clone().attribute(name);
        let mut flaw = |found: bool, what| {
            if found {
                flaws.push(Flaw { path: path.clone(), what });
            }
        };
        let secret = SECRETS.iter().any(|part| name.contains(part));
        let text = matches!(attribute.shape, Shape::Plain(crate::value::Type::String));
        flaw(!is_name(name), "a name has lower-case letters, digits and underscores, and begins with a letter");
        flaw(attribute.description.is_empty(), "it has no description");
        flaw(secret && text && !attribute.sensitive && !attribute.write_only, "it looks like a secret and is shown");
        flaw(attribute.default.is_some() && attribute.mode != Mode::Optional, "only what is optional has a default");
        flaw(attribute.write_only && attribute.is_computed(), "what is never saved cannot be computed");
        let inside = path.steps().len() > 1;
        flaw(attribute.write_only && inside, "only an attribute of the resource itself can be write-only");
        flaw(attribute.keep && !attribute.is_computed(), "only what is computed can be kept");
        flaw(!attribute.checks.is_empty() && attribute.mode == Mode::Computed, "nobody sets what is checked");
        if let Shape::Nested(_, inner) = &attribute.shape {
            attributes(inner, &path, flaws);
        }
    }
}

fn is_name(name: &str) -> bool {
    name.starts_with(|c: char| c.is_ascii_lowercase())
        && name.chars().all(|c| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '_')
}

#[cfg(test)]
mod tests {
    use super::super::{computed, nested, optional, required, string};
    use super::*;

    #[test]
    fn every_flaw_is_named_at_its_attribute() {
        let schema = Schema::new("").attributes([
            ("count", required(string(), "A number.")),
            ("Upper", required(string(), "A name.")),
            ("silent", computed(string(), "")),
            ("password", optional(string(), "A secret.")),
            ("fixed", required(string(), "A constant.").default("x").keep()),
            ("inner", optional(nested([("pin", optional(string(), "A pin.").write_only())]), "An object.")),
        ]);
        let flaws: Vec<_> = schema.flaws().iter().map(ToString::to_string).collect();
        let expected = [
            ": it has no description",
            "count: Terraform keeps this name for itself",
            "Upper: a name has lower-case letters, digits and underscores, and begins with a letter",
            "fixed: only what is optional has a default",
            "inner.pin: only an attribute of the resource itself can be write-only",
            "password: it looks like a secret and is shown",
            "silent: it has no description",
        ];
        assert_eq!(flaws, expected);
    }
}
