//! What proves a fact: the canonical form of what was read, and its hash.
//!
//! Invariant: an identifier depends on the fact and where it was read, never on when or by which request. Times and
//! request identifiers are kept elsewhere, so that two runs on one state are byte-identical.

use std::fmt::{self, Display};

use serde::{Deserialize, Serialize};
use serde_json::Value;
use sha2::{Digest, Sha256};

/// The SHA-256 of a fact's canonical JSON, in hexadecimal.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(transparent)]
pub struct EvidenceId(String);

/// Where a fact comes from.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Source {
    /// A Terraform plan.
    Plan,
    /// An AWS API.
    Aws,
    /// The broker's report on itself.
    Broker,
    /// A statement in the contract.
    Human,
}

/// One fact as it was read.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Evidence {
    /// Who said it.
    pub source: Source,
    /// Terraform address, API call or contract attribute.
    pub address: String,
    /// The account it speaks of, where known.
    pub account: Option<String>,
    /// The region it speaks of, where known.
    pub region: Option<String>,
    /// What was read.
    pub fact: Value,
}

impl Evidence {
    /// Its identifier.
    pub fn id(&self) -> EvidenceId {
        let text = canonical(&serde_json::json!({
            "source": self.source,
            "address": self.address,
            "account": self.account,
            "region": self.region,
            "fact": self.fact,
        }));
        EvidenceId(hex::encode(Sha256::digest(text.as_bytes())))
    }
}

impl EvidenceId {
    /// The identifier in hexadecimal.
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// Its first twelve digits, for reports.
    pub fn short(&self) -> &str {
        self.0.get(..12).unwrap_or(&self.0)
    }
}

impl Display for EvidenceId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// JSON without spaces, with sorted keys: equal values have equal texts.
pub fn canonical(value: &Value) -> String {
    match value {
        Value::Object(members) => {
            let mut members: Vec<_> = members.iter().collect();
            members.sort_by_key(|(name, _)| *name);
            let members: Vec<String> = members
                .into_iter()
                .map(|(name, value)| format!("{}:{}", Value::String(name.clone()), canonical(value)))
                .collect();
            format!("{{{}}}", members.join(","))
        }
        Value::Array(items) => format!("[{}]", items.iter().map(canonical).collect::<Vec<_>>().join(",")),
        other => other.to_string(),
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn the_order_of_members_does_not_change_the_identifier() {
        let of = |fact: Value| {
            Evidence { source: Source::Plan, address: "a".into(), account: None, region: None, fact }.id()
        };
        assert_eq!(of(json!({"a": 1, "b": [true, null]})), of(json!({"b": [true, null], "a": 1})));
        assert_ne!(of(json!({"a": 1})), of(json!({"a": 2})));
    }

    #[test]
    fn the_identifier_is_the_hash_of_the_canonical_text() {
        assert_eq!(canonical(&json!({"b": "x\"y", "a": {"d": 1.5, "c": []}})), r#"{"a":{"c":[],"d":1.5},"b":"x\"y"}"#);
        let evidence =
            Evidence { source: Source::Human, address: "owner".into(), account: None, region: None, fact: json!("me") };
        let text = r#"{"account":null,"address":"owner","fact":"me","region":null,"source":"human"}"#;
        assert_eq!(evidence.id().as_str(), hex::encode(Sha256::digest(text.as_bytes())));
    }
}
