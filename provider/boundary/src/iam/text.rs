//! The strings of policies and requests: wildcards, policy variables and symbols.
//!
//! A symbol `${key:data}` stands for an identifier that AWS assigns, or, as `${account}`, for one that is not known here.
//! It is an ordinary, opaque value and never a policy variable: those have the form `${prefix:name}` with a prefix that is
//! not a symbol's kind, or `${*}`, `${?}`, `${$}`.

use std::fmt;
use std::sync::Arc;

use crate::iam::truth::Reason;

/// What is known of the identifier that a symbol stands for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum SymbolNature {
    /// AWS will assign it: it differs from every identifier that exists and from every other symbol.
    Assigned,
    /// It exists and may equal any literal of its kind: the account, the region, the partition.
    Environment,
    /// Any text: a value that is computed at apply.
    Anything,
}

/// The kinds of symbols for identifiers that AWS assigns.
pub const ASSIGNED_KINDS: &[&str] = &[
    "acl", "ami", "asg", "cert", "eip", "eni", "fs", "igw", "instance", "key", "lb", "lt", "nat", "nlb", "pcx", "pl",
    "role-id", "rtb", "sg", "sgr", "subnet", "tg", "tgw", "trail", "user-id", "volume", "vpc", "vpce", "vpces",
];

/// The kinds of symbols for what exists but is not known.
pub const ENVIRONMENT_KINDS: &[&str] = &["account", "dns-suffix", "organization", "partition", "region"];

/// The kind of symbols for values that are computed at apply; the name is the address.
pub const COMPUTED_KIND: &str = "unknown";

/// An identifier that is not known yet.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Symbol {
    /// The text between `${` and `}`.
    pub text: Arc<str>,
    /// What is known of it.
    pub nature: SymbolNature,
}

impl Symbol {
    /// Reads the text between `${` and `}`; nothing if it is not a symbol's.
    #[must_use]
    pub fn read(text: &str) -> Option<Self> {
        let (kind, name) = text.split_once(':').map_or((text, None), |(kind, name)| (kind, Some(name)));
        if name == Some("") {
            return None;
        }
        let nature = if ENVIRONMENT_KINDS.contains(&kind) {
            SymbolNature::Environment
        } else if ASSIGNED_KINDS.contains(&kind) && name.is_some() {
            SymbolNature::Assigned
        } else if kind == COMPUTED_KIND && name.is_some() {
            SymbolNature::Anything
        } else {
            return None;
        };
        Some(Self { text: text.into(), nature })
    }

    /// Why an answer that depends on it is open.
    #[must_use]
    pub fn reason(&self) -> Reason {
        match (self.nature, self.text.split_once(':')) {
            (SymbolNature::Anything, Some((_, address))) => Reason::ComputedAtApply { address: address.to_owned() },
            _ => Reason::Symbol { symbol: self.text.to_string() },
        }
    }
}

/// A part of a policy's string.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Part {
    /// A character that stands for itself.
    Char(char),
    /// `*`
    Star,
    /// `?`
    Mark,
    /// A symbol.
    Symbol(Symbol),
    /// A policy variable.
    Variable {
        /// The condition key.
        key: String,
        /// What it is where the key has no value.
        default: Option<String>,
    },
    /// A `${...}` that is neither.
    Malformed(String),
}

/// A string of a policy.
#[derive(Clone, PartialEq, Eq)]
pub struct Text {
    raw: String,
    parts: Vec<Part>,
}

impl fmt::Debug for Text {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:?}", self.raw)
    }
}

impl fmt::Display for Text {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.raw)
    }
}

/// Whether a document's version knows policy variables.
///
/// Source: <https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_policies_elements_version.html>
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Variables {
    /// Version 2012-10-17.
    Replaced,
    /// Version 2008-10-17 or none: `${aws:username}` is literal text.
    Literal,
}

impl Text {
    /// Reads a string of a policy.
    #[must_use]
    pub fn read(raw: &str, variables: Variables) -> Self {
        Self { raw: raw.to_owned(), parts: parts(raw, variables) }
    }

    /// The string as it is written.
    #[must_use]
    pub fn raw(&self) -> &str {
        &self.raw
    }

    /// Its parts.
    #[must_use]
    pub fn parts(&self) -> &[Part] {
        &self.parts
    }

    /// Whether it is `*` and nothing else.
    #[must_use]
    pub fn is_star(&self) -> bool {
        self.raw == "*"
    }
}

fn parts(raw: &str, variables: Variables) -> Vec<Part> {
    let mut parts = Vec::with_capacity(raw.len());
    let mut rest = raw;
    while let Some(first) = rest.chars().next() {
        if let Some((inner, after)) = rest.strip_prefix("${").and_then(|tail| tail.split_once('}'))
            && let Some(part) = dollar(inner, variables)
        {
            parts.push(part);
            rest = after;
            continue;
        }
        parts.push(match first {
            '*' => Part::Star,
            '?' => Part::Mark,
            other => Part::Char(other),
        });
        rest = rest.get(first.len_utf8()..).unwrap_or_default();
    }
    parts
}

/// What `${inner}` is; nothing if it is literal text.
///
/// Source: <https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_policies_variables.html>
fn dollar(inner: &str, variables: Variables) -> Option<Part> {
    if let Some(symbol) = Symbol::read(inner) {
        return Some(Part::Symbol(symbol));
    }
    if variables == Variables::Literal {
        return None;
    }
    if let "*" | "?" | "$" = inner {
        return inner.chars().next().map(Part::Char);
    }
    let (key, default) = match inner.split_once(',') {
        None => (inner, None),
        Some((key, default)) => {
            let quoted = default.trim().strip_prefix('\'').and_then(|text| text.strip_suffix('\''));
            let Some(quoted) = quoted else { return Some(Part::Malformed(inner.to_owned())) };
            (key.trim_end(), Some(quoted.to_owned()))
        }
    };
    let well_formed = key.split_once(':').is_some_and(|(prefix, name)| !prefix.is_empty() && !name.is_empty());
    Some(if well_formed { Part::Variable { key: key.to_owned(), default } } else { Part::Malformed(inner.to_owned()) })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn symbols_are_not_variables_and_variables_are_not_symbols() {
        let text = Text::read("a${key:data}${aws:username}${account}", Variables::Replaced);
        let [Part::Char('a'), Part::Symbol(key), Part::Variable { key: name, default: None }, Part::Symbol(account)] =
            text.parts()
        else {
            panic!("{:?}", text.parts());
        };
        assert_eq!((&*key.text, key.nature), ("key:data", SymbolNature::Assigned));
        assert_eq!(name, "aws:username");
        assert_eq!(account.nature, SymbolNature::Environment);
    }

    #[test]
    fn the_old_version_knows_symbols_but_no_variables() {
        let text = Text::read("${aws:username}${vpce:s3}", Variables::Literal);
        assert_eq!(text.parts().iter().filter(|part| matches!(part, Part::Char(_))).count(), "${aws:username}".len());
        assert!(matches!(text.parts().last(), Some(Part::Symbol(_))));
    }

    #[test]
    fn a_default_is_what_stands_in_single_quotes() {
        let text = Text::read("${aws:PrincipalTag/team, 'company-wide'}", Variables::Replaced);
        let expected =
            Part::Variable { key: "aws:PrincipalTag/team".to_owned(), default: Some("company-wide".to_owned()) };
        assert_eq!(text.parts(), [expected]);
    }
}
