//! What a reader knows of one attribute: its value, a template with symbols, or why it is not known.
//!
//! Invariant: an attribute that was not read is never a default. Absence that was read is a value (`Known(None)`).
//! Symbols compare as ordinary text: two attributes that hold the same symbol will hold the same identifier.

use std::{
    collections::BTreeSet,
    fmt::{self, Display},
};

use serde::{Deserialize, Serialize};

use super::verdict::{Reason, Verdict};

/// One attribute of one entity.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Fact<T> {
    /// The value as it is, or will be after the apply.
    Known(T),
    /// A text that is known up to identifiers which AWS assigns.
    Symbolic(Template),
    /// Not known, and why.
    Unknown(Reason),
}

/// A text with symbols, such as `${account}`, `${key:data}` or `${aws_vpc_endpoint.s3.id}`, where AWS assigns identifiers.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Template(String);

/// One identifier that AWS has yet to assign, with its braces.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Symbol(String);

impl<T> Fact<T> {
    /// The value, when it is known.
    pub fn known(&self) -> Option<&T> {
        match self {
            Fact::Known(value) => Some(value),
            Fact::Symbolic(_) | Fact::Unknown(_) => None,
        }
    }

    /// Why the value is not known; a template has no value of type `T` either, but that is no gap.
    pub fn reason(&self) -> Option<&Reason> {
        match self {
            Fact::Unknown(reason) => Some(reason),
            Fact::Known(_) | Fact::Symbolic(_) => None,
        }
    }

    /// The same fact about something computed from the value.
    pub fn map<U>(self, f: impl FnOnce(T) -> U) -> Fact<U> {
        match self {
            Fact::Known(value) => Fact::Known(f(value)),
            Fact::Symbolic(template) => Fact::Symbolic(template),
            Fact::Unknown(reason) => Fact::Unknown(reason),
        }
    }

    /// Judges a known value. A template where no text is expected is unsupported, not proved.
    pub fn judge(&self, f: impl FnOnce(&T) -> Verdict) -> Verdict {
        match self {
            Fact::Known(value) => f(value),
            Fact::Symbolic(template) => Verdict::unknown(Reason::Unsupported {
                construct: format!("a symbol where a value decides: {template}"),
            }),
            Fact::Unknown(reason) => Verdict::unknown(reason.clone()),
        }
    }
}

impl Fact<String> {
    /// The text, symbols left in place.
    pub fn text(&self) -> Option<&str> {
        match self {
            Fact::Known(text) => Some(text),
            Fact::Symbolic(template) => Some(template.as_str()),
            Fact::Unknown(_) => None,
        }
    }

    /// A known text, or a template when `text` holds a symbol.
    pub fn from_text(text: impl Into<String>) -> Fact<String> {
        let template = Template(text.into());
        if template.symbols().is_empty() { Fact::Known(template.0) } else { Fact::Symbolic(template) }
    }

    /// Judges the text, symbols included: a proof that rests on symbols says so.
    pub fn judge_text(&self, f: impl FnOnce(&str) -> Verdict) -> Verdict {
        match self {
            Fact::Known(text) => f(text),
            Fact::Symbolic(template) => match f(template.as_str()) {
                Verdict::Proved(symbols) => Verdict::Proved(symbols.into_iter().chain(template.symbols()).collect()),
                other => other,
            },
            Fact::Unknown(reason) => Verdict::unknown(reason.clone()),
        }
    }
}

impl Template {
    /// A template with this text.
    pub fn new(text: impl Into<String>) -> Template {
        Template(text.into())
    }

    /// The text, symbols included.
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// The symbols it holds. IAM's policy variables (`${aws:userid}`, `${*}`) look alike and are none.
    pub fn symbols(&self) -> BTreeSet<Symbol> {
        symbols_in(&self.0)
    }
}

impl Symbol {
    /// The symbol of what `name` stands for: a resource's attribute (`aws_kms_key.data.arn`), `account`, `key:data`.
    pub fn new(name: &str) -> Symbol {
        Symbol(format!("${{{name}}}"))
    }

    /// The text that stands for the identifier, with its braces.
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// What it stands for, without braces.
    pub fn name(&self) -> &str {
        self.0.trim_start_matches("${").trim_end_matches('}')
    }
}

/// The symbols in a text.
pub fn symbols_in(text: &str) -> BTreeSet<Symbol> {
    let mut found = BTreeSet::new();
    for (start, _) in text.match_indices("${") {
        let rest = text.get(start..).unwrap_or_default();
        let Some(end) = rest.find('}') else { break };
        let symbol = rest.get(..=end).unwrap_or_default();
        if is_symbol(symbol.trim_start_matches("${").trim_end_matches('}')) {
            // Within JSON, the quotes of a key are escaped.
            found.insert(Symbol(symbol.replace("\\\"", "\"")));
        }
    }
    found
}

/// Ours: what AWS assigns (`key:`, `vpce:`, `account`) and attributes of resources (`TYPE.NAME.ATTRIBUTE`, a dot before
/// any colon). IAM's variables are `PREFIX:KEY` and the three escapes `*`, `?`, `$`.
fn is_symbol(name: &str) -> bool {
    let first = name.split([':', '.', '[']).next().unwrap_or_default();
    match name.get(first.len()..).and_then(|rest| rest.chars().next()) {
        None => matches!(name, "account" | "partition" | "region"),
        Some(':') => matches!(first, "key" | "vpce"),
        // `graph.facebook.com:id` is a key of IAM; in a reference a colon stands only within the quotes of a key.
        Some(_) => name.contains('[') || !name.contains(':'),
    }
}

impl Display for Template {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl Display for Symbol {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn symbols_are_told_from_policy_variables() {
        let text = "${account} ${key:data} ${vpce:s3} ${aws:userid} ${*} ${aws_kms_key.data.arn} \
                    ${module.a[\"x\"].aws_vpc.b[0].id} ${saml:sub} ${aws:PrincipalTag/a.b} ${graph.facebook.com:id}";
        let names: Vec<String> = symbols_in(text).iter().map(|one| one.name().to_owned()).collect();
        let expected = ["account", "aws_kms_key.data.arn", "key:data", "module.a[\"x\"].aws_vpc.b[0].id", "vpce:s3"];
        assert_eq!(names, expected);
    }

    #[test]
    fn a_symbol_within_json_is_the_same_symbol() {
        let plain = symbols_in("${aws_kms_key.this[\"data\"].arn}");
        let json = serde_json::json!({ "Resource": "${aws_kms_key.this[\"data\"].arn}" }).to_string();
        assert_eq!(symbols_in(&json), plain);
    }

    #[test]
    fn an_open_brace_is_no_symbol() {
        assert!(symbols_in("${key:data").is_empty());
    }

    #[test]
    fn a_proof_over_a_template_names_its_symbols() {
        let fact = Fact::from_text("${key:data}");
        assert_eq!(fact.judge_text(|_| Verdict::proved()), Verdict::Proved([Symbol::new("key:data")].into()));
        assert_eq!(Fact::from_text("plain").judge_text(|_| Verdict::proved()), Verdict::proved());
    }
}
