//! The approved world: what people state, and nothing that can be read.
//!
//! Every block says where it stands (`place`), so that a finding about the contract points into it.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use super::{
    artifact::Class,
    origin::Place,
    verdict::{Exclusion, Reason, Verdict},
};

/// The approved world.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct Contract {
    /// Accounts that may hold and handle data.
    pub accounts: Vec<String>,
    /// Regions that may hold data.
    pub regions: Vec<String>,
    /// What is approved for each class.
    pub classes: BTreeMap<Class, ClassTerms>,
    /// Who may administer.
    pub administrators: Vec<Administrator>,
    /// What may reach what.
    pub paths: Vec<ApprovedPath>,
    /// Chains by which an administrator could become a reader.
    pub accepted_escalations: Vec<AcceptedEscalation>,
    /// Exceptions by name.
    pub exclusions: Vec<ApprovedExclusion>,
    /// Topics and who answers for them, where no topic resource says so.
    pub topics: Vec<TopicTerms>,
    /// Emergency roles.
    pub break_glass: Vec<BreakGlass>,
    /// Task, and who does it.
    pub responsibilities: BTreeMap<String, String>,
    /// Event, and where the steps are written down.
    pub runbooks: BTreeMap<String, String>,
    /// The load that costs are computed for.
    pub workload: Option<Workload>,
    /// Who supports the platform.
    pub support: Option<Support>,
    /// How often access is reviewed.
    pub review: Option<Review>,
    /// Further human statements, by the name of the attribute: `schema_registry`, `support_store`, ...
    pub statements: BTreeMap<String, String>,
}

/// What is approved for one class.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct ClassTerms {
    /// `s3://BUCKET/PREFIX`, `log-group:NAME`, `volume:ADDRESS`, `secret:NAME`, `cloudwatch:NAMESPACE`, or `none`.
    pub stores: Vec<String>,
    /// ARNs that may read, `*` allowed within. Service principals stand with their host name.
    pub readers: Vec<String>,
    /// ARNs that may delete, besides the readers.
    pub deleters: Vec<String>,
    /// `customer_managed`, `imported`, ...; see [`super::key::KeyModel::name`].
    pub key_model: Option<String>,
    /// ARN or alias of the only key, where one is named.
    pub key: Option<String>,
    /// Least days it is kept.
    pub retention_days: Option<u64>,
    /// Days after which it is gone.
    pub deletion_days: Option<u64>,
    /// `enabled`, `disabled`, `suspended`: what versioning has to be.
    pub versioning: Option<String>,
    /// Days between rotations at most.
    pub rotation_days: Option<u64>,
    /// Who answers for it.
    pub owner: Option<String>,
    /// Where the block stands.
    pub place: Option<Place>,
}

/// Somebody who may administer.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct Administrator {
    /// ARN, `*` allowed within.
    pub principal: String,
    /// `keys`, `storage`, `identities`, `network`, `compute`, `audit`, `kafka`; empty for all.
    pub of: Vec<String>,
    /// Who that is.
    pub owner: Option<String>,
    /// The last day, for an installer.
    pub expires: Option<String>,
    /// Where the block stands.
    pub place: Option<Place>,
}

/// An approved path.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct ApprovedPath {
    /// Its name.
    pub name: String,
    /// Security group, subnet, CIDR, VPC or service it begins at: name, identifier or Terraform address.
    pub from: String,
    /// Where it leads: the same, or `service:s3`.
    pub to: String,
    /// Port; none for all.
    pub port: Option<u64>,
    /// Who answers for it.
    pub owner: Option<String>,
    /// What it is for.
    pub purpose: Option<String>,
    /// `steady`, `support` or `migration`.
    pub mode: Option<String>,
    /// `tls`, `sse`, `none`.
    pub encryption: Option<String>,
    /// The last day.
    pub expires: Option<String>,
    /// The ticket behind a temporary one.
    pub ticket: Option<String>,
    /// Where the block stands.
    pub place: Option<Place>,
}

/// A chain by which an administrator could become a reader, accepted by name.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct AcceptedEscalation {
    /// ARN, `*` allowed within.
    pub principal: String,
    /// The calls, in order: `kms:PutKeyPolicy`.
    pub via: Vec<String>,
    /// Name of the event rule that sees it.
    pub detected_by: String,
    /// Who accepted it.
    pub approved_by: String,
    /// The last day.
    pub expires: String,
    /// Where the block stands.
    pub place: Option<Place>,
}

/// An exception: a finding that is not as it should be, and is approved.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct ApprovedExclusion {
    /// The question's name.
    pub question: String,
    /// The subject, `*` allowed within.
    pub subject: String,
    /// Why.
    pub reason: String,
    /// Who approved it.
    pub approved_by: String,
    /// The last day.
    pub expires: String,
    /// Where the block stands.
    pub place: Option<Place>,
}

/// What people say about a topic.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct TopicTerms {
    /// Its name.
    pub name: String,
    /// Who answers for it.
    pub owner: Option<String>,
    /// What it holds.
    pub classification: Option<String>,
    /// Days it is kept.
    pub retention_days: Option<u64>,
    /// Where the block stands.
    pub place: Option<Place>,
}

/// An emergency role.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct BreakGlass {
    /// Its ARN.
    pub role: String,
    /// How its use is approved.
    pub approval: Option<String>,
    /// Where the block stands.
    pub place: Option<Place>,
}

/// The load that costs are computed for. Numbers are decimal texts, so that equal contracts are equal bytes.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct Workload {
    /// MiB per second written.
    pub write_mib_per_second: Option<String>,
    /// How often each byte is read.
    pub fan_out: Option<String>,
    /// Hours kept.
    pub retention_hours: Option<u64>,
    /// Share of traffic that stays in its zone, `0` to `1`.
    pub zone_locality: Option<String>,
    /// Where the block stands.
    pub place: Option<Place>,
}

/// Who supports the platform.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct Support {
    /// Legal entity; `none` when nobody outside does.
    pub entity: Option<String>,
    /// How they get in; `none` when they do not.
    pub path: Option<String>,
    /// The document.
    pub terms: Option<String>,
    /// Where the block stands.
    pub place: Option<Place>,
}

/// How often access is reviewed.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct Review {
    /// Days between reviews.
    pub cadence_days: Option<u64>,
    /// The last one's day.
    pub last: Option<String>,
    /// Who did it.
    pub by: Option<String>,
    /// Where the block stands.
    pub place: Option<Place>,
}

impl Contract {
    /// The terms of a class; empty terms when the contract does not speak of it.
    pub fn class(&self, class: Class) -> ClassTerms {
        self.classes.get(&class).cloned().unwrap_or_default()
    }

    /// A statement that people have to make.
    ///
    /// # Errors
    /// The verdict of a question whose statement is missing.
    pub fn statement(&self, attribute: &str) -> Result<&str, Verdict> {
        let found = self.statements.get(attribute).map(String::as_str).filter(|text| !text.is_empty());
        found.ok_or_else(|| Verdict::unknown(Reason::HumanMissing { attribute: attribute.into() }))
    }

    /// The verdict with what is approved by name taken into account: an exception that has not expired on `today`
    /// (`2027-01-31`) turns a violated or undecided verdict into an excluded one.
    #[must_use]
    pub fn except(&self, question: &str, subject: &str, today: &str, verdict: Verdict) -> Verdict {
        if verdict.is_proved() {
            return verdict;
        }
        let excluded = self
            .exclusions
            .iter()
            .filter(|one| one.question == question && matches(&one.subject, subject) && one.expires.as_str() >= today);
        let exclusions = excluded.map(|one| Exclusion {
            reason: one.reason.clone(),
            approved_by: one.approved_by.clone(),
            expires: one.expires.clone(),
        });
        let exclusions: std::collections::BTreeSet<_> = exclusions.collect();
        if exclusions.is_empty() { verdict } else { Verdict::Excluded(exclusions) }
    }
}

/// Whether a text matches a pattern in which `*` stands for any characters.
pub fn matches(pattern: &str, text: &str) -> bool {
    let mut parts = pattern.split('*');
    let first = parts.next().unwrap_or_default();
    let Some(mut rest) = text.strip_prefix(first) else { return false };
    let mut parts: Vec<&str> = parts.collect();
    let Some(last) = parts.pop() else { return rest.is_empty() };
    for part in parts {
        let Some(at) = rest.find(part) else { return false };
        rest = rest.get(at + part.len()..).unwrap_or_default();
    }
    rest.ends_with(last)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::verdict::Witness;

    #[test]
    fn a_star_stands_for_any_characters() {
        for (pattern, text, expected) in [
            ("a", "a", true),
            ("a", "ab", false),
            ("a*", "ab", true),
            ("*a", "ba", true),
            ("a*c*e", "abcde", true),
            ("a*c*e", "abde", false),
            ("ab*ba", "aba", false),
            ("", "", true),
            ("*", "", true),
        ] {
            assert_eq!(matches(pattern, text), expected, "{pattern} {text}");
        }
    }

    #[test]
    fn an_exception_holds_up_to_its_last_day() {
        let exclusion = ApprovedExclusion {
            question: "q".into(),
            subject: "a*".into(),
            expires: "2027-01-31".into(),
            ..ApprovedExclusion::default()
        };
        let contract = Contract { exclusions: vec![exclusion], ..Contract::default() };
        let violated = || Verdict::violated(Witness::new("w"));
        assert_eq!(contract.except("q", "ab", "2027-01-31", violated()).word(), "excluded");
        assert_eq!(contract.except("q", "ab", "2027-02-01", violated()).word(), "violated");
        assert_eq!(contract.except("q", "b", "2027-01-01", violated()).word(), "violated");
        assert_eq!(contract.except("q", "ab", "2027-01-31", Verdict::proved()).word(), "proved");
    }
}
