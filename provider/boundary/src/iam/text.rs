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
    /// The same for a whole ARN, which has colons and slashes.
    AssignedArn,
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

/// Terraform's types of resources whose `id` and `arn` AWS assigns.
const ASSIGNED_TYPES: &[&str] = &[
    "aws_ebs_volume",
    "aws_instance",
    "aws_internet_gateway",
    "aws_kms_key",
    "aws_launch_template",
    "aws_nat_gateway",
    "aws_network_acl",
    "aws_network_interface",
    "aws_route_table",
    "aws_security_group",
    "aws_subnet",
    "aws_vpc",
    "aws_vpc_endpoint",
    "aws_vpc_peering_connection",
];

/// What is known of a reference to a resource's attribute, such as `module.a["x"].aws_vpc.b[0].id`.
fn reference(text: &str) -> Option<SymbolNature> {
    let mut outside = true;
    let bare: String = text
        .chars()
        .filter(|&letter| {
            outside = if letter == '[' { false } else { letter == ']' || outside };
            outside && letter != ']'
        })
        .collect();
    if !(bare.contains('.') || bare.len() < text.len()) || bare.contains(':') || bare.contains(char::is_whitespace) {
        return None;
    }
    let mut backwards = bare.rsplit('.');
    let (attribute, _, kind) = (backwards.next()?, backwards.next(), backwards.next());
    Some(match (attribute, kind.is_some_and(|kind| ASSIGNED_TYPES.contains(&kind))) {
        ("id" | "key_id", true) => SymbolNature::Assigned,
        ("arn", true) => SymbolNature::AssignedArn,
        _ => SymbolNature::Anything,
    })
}

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
        if let Some(nature) = reference(text) {
            return Some(Self { text: text.into(), nature });
        }
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

    /// Whether AWS will assign it.
    #[must_use]
    pub fn is_assigned(&self) -> bool {
        matches!(self.nature, SymbolNature::Assigned | SymbolNature::AssignedArn)
    }

    /// Whether two symbols can stand for the same text, one within the other included: the same one, or attributes of one resource.
    #[must_use]
    pub fn may_be(&self, other: &Self) -> bool {
        let resource = |symbol: &Self| symbol.text.rsplit_once('.').map(|(resource, _)| resource.to_owned());
        let of_one = resource(self).is_some_and(|own| Some(own) == resource(other));
        self == other || of_one || !self.is_assigned() || !other.is_assigned()
    }

    /// Why an answer that depends on it is open.
    #[must_use]
    pub fn reason(&self) -> Reason {
        match (self.nature, self.text.split_once(':')) {
            (SymbolNature::Anything, Some((COMPUTED_KIND, address))) => {
                Reason::ComputedAtApply { address: address.to_owned() }
            }
            (SymbolNature::Anything, _) => Reason::ComputedAtApply { address: self.text.to_string() },
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
            // "Separate the variable text and the default value with a comma and space."
            let quoted = default.strip_prefix(" '").and_then(|text| text.strip_suffix('\''));
            let Some(quoted) = quoted else { return Some(Part::Malformed(inner.to_owned())) };
            (key, Some(quoted.to_owned()))
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
    fn references_to_attributes_are_symbols_and_web_identity_keys_are_not() {
        let nature = |text: &str| Symbol::read(text).map(|symbol| symbol.nature);
        assert_eq!(nature("aws_kms_key.data.arn"), Some(SymbolNature::AssignedArn));
        assert_eq!(nature("module.a[\"x:y\"].aws_vpc.b[0].id"), Some(SymbolNature::Assigned));
        assert_eq!(nature("random_id.x.hex"), Some(SymbolNature::Anything));
        assert_eq!(nature("graph.facebook.com:id"), None);
        assert_eq!(nature("aws:username"), None);
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
