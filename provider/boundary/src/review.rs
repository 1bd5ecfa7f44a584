//! What a review says: findings, and the boundary before and after as lists that people and scripts read.
//!
//! Invariant: a review holds everything a report needs, evidence included, and no time: two reviews of one plan are equal.
//! It does not know how reports look.

use std::collections::BTreeSet;

use serde::{Deserialize, Serialize};
use serde_json::{Value, json};
use sha2::{Digest, Sha256};

use crate::model::{
    artifact::{Aspect, Class, Zone},
    evidence::{Evidence, EvidenceId, canonical},
    fact::Fact,
    finding::Finding,
    origin::Place,
    verdict::{Reason, Verdict},
};

/// Everything that is said about one plan.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Review {
    /// What was asked: every question there is, in the order of names.
    pub questions: Vec<QuestionInfo>,
    /// The answers, in the order of [`Finding::key`]: one for each question and subject.
    pub findings: Vec<Finding>,
    /// The boundary as it will be.
    pub after: Summary,
    /// The boundary as it is, by the same rules; none where there was nothing before.
    pub before: Option<Summary>,
    /// Each class and aspect once, in the order of [`Class::ALL`] and [`Aspect::ALL`].
    pub matrix: Vec<Cell>,
    /// Three ways of grouping the same questions.
    pub scorecard: Vec<Grouping>,
    /// What findings and entries name, in the order of identifiers.
    pub evidence: Vec<Evidence>,
}

/// A question of the catalogue.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct QuestionInfo {
    /// Its name, `reads-now` for instance.
    pub name: String,
    /// The question, as people ask it.
    pub text: String,
    /// Numbers of the requirements it answers.
    pub requirements: BTreeSet<u16>,
    /// Which of the four boundaries it belongs to.
    pub boundaries: BTreeSet<Boundary>,
}

/// The four boundaries of requirement 100.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Boundary {
    /// Who changes what.
    Control,
    /// Under which key.
    Cryptographic,
    /// Who runs, supports and watches it.
    Operational,
    /// What happens when something fails.
    Recovery,
}

/// The boundary of one world, as lists.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Summary {
    /// Who reads what.
    pub readers: Vec<Reader>,
    /// Who administers what.
    pub administrators: Vec<AdministratorEntry>,
    /// By which recorded changes an administrator could become a reader.
    pub escalations: Vec<Escalation>,
    /// What reaches what.
    pub paths: Vec<PathEntry>,
    /// Where data lies.
    pub stores: Vec<StoreEntry>,
    /// What it costs.
    pub cost: Cost,
}

/// Where an entry comes from.
#[derive(Clone, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub struct At {
    /// The Terraform address to change.
    pub address: Option<String>,
    /// Where that stands in the source.
    pub place: Option<Place>,
    /// What shows it.
    pub evidence: BTreeSet<EvidenceId>,
}

/// Somebody who reads a class of data.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub struct Reader {
    /// ARN or service.
    pub principal: String,
    /// What is read.
    pub class: Class,
    /// The statements that allow it, `ADDRESS#SID`.
    pub via: Vec<String>,
    /// Why it may not be so, where that is not decided.
    pub doubt: Option<Reason>,
    /// Whether the contract names it.
    pub approved: bool,
    /// Where it comes from.
    pub at: At,
}

/// Somebody who administers a part of the platform.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub struct AdministratorEntry {
    /// ARN or service.
    pub principal: String,
    /// `keys`, `storage`, `identities`, `network`, `compute`, `audit` or `kafka`.
    pub of: String,
    /// The actions that make it one, in order.
    pub actions: Vec<String>,
    /// Why it may not be so, where that is not decided.
    pub doubt: Option<Reason>,
    /// Whether the contract names it.
    pub approved: bool,
    /// Where it comes from.
    pub at: At,
}

/// A chain of recorded calls after which an administrator reads.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub struct Escalation {
    /// ARN or service.
    pub principal: String,
    /// What would be read.
    pub class: Class,
    /// The calls, in order: `kms:PutKeyPolicy`.
    pub via: Vec<String>,
    /// The event rule that sees them.
    pub detected_by: Option<String>,
    /// Whether the contract accepts it.
    pub approved: bool,
    /// Where it comes from.
    pub at: At,
}

/// Something that reaches something.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub struct PathEntry {
    /// The contract's name for it.
    pub name: Option<String>,
    /// Where it begins: subnet, security group, CIDR.
    pub from: String,
    /// Where it leads: the same, `service:s3`, `internet`.
    pub to: String,
    /// `443`, `9092-9131`, `all`.
    pub port: String,
    /// The side of its beginning.
    pub from_zone: Zone,
    /// The side of its end.
    pub to_zone: Zone,
    /// `steady`, `support` or `migration`.
    pub mode: Option<String>,
    /// Who answers for it.
    pub owner: Option<String>,
    /// What it is for.
    pub purpose: Option<String>,
    /// `tls`, `sse`, `none`.
    pub encryption: Option<String>,
    /// The last day.
    pub expires: Option<String>,
    /// Addresses of what lets it through, in the order of hops.
    pub enforced_by: Vec<String>,
    /// Millionths of a dollar per month; none for what has no price.
    pub monthly_micro_usd: Option<Fact<i64>>,
    /// Why it may not be so, where that is not decided.
    pub doubt: Option<Reason>,
    /// Whether the contract names it.
    pub approved: bool,
    /// Where it comes from.
    pub at: At,
}

/// A place where data lies.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub struct StoreEntry {
    /// As in contracts: `s3://BUCKET/PREFIX`, `log-group:NAME`, `volume:ADDRESS`, `secret:NAME`.
    pub name: String,
    /// `bucket`, `log_group`, `volume`, `secret`, `snapshot`, ...
    pub kind: String,
    /// What it holds.
    pub classes: BTreeSet<Class>,
    /// Whose side it is on.
    pub zone: Zone,
    /// Its account.
    pub account: Fact<String>,
    /// Its region.
    pub region: Fact<String>,
    /// ARN or alias of the key; none when it is the service's own or nothing.
    pub key: Option<Fact<String>>,
    /// `customer_managed`, `imported`, ...
    pub key_model: Option<Fact<String>>,
    /// `enabled`, `disabled`, `suspended`; none where there is no such thing.
    pub versioning: Option<Fact<String>>,
    /// Days until data is deleted; none for never.
    pub retention_days: Fact<Option<u64>>,
    /// Where copies go.
    pub copies: Vec<String>,
    /// Whether the contract names it.
    pub approved: bool,
    /// Where it comes from.
    pub at: At,
}

/// What a month costs.
#[derive(Clone, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub struct Cost {
    /// The day of the price table.
    pub prices_of: String,
    /// Each item on the bill.
    pub items: Vec<CostItem>,
}

/// One item on the bill.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub struct CostItem {
    /// What is paid for.
    pub what: String,
    /// The path it belongs to, by name.
    pub path: Option<String>,
    /// Whether it grows with use.
    pub usage_based: bool,
    /// Millionths of a dollar per month. What is not known stays unknown.
    pub monthly_micro_usd: Fact<i64>,
    /// Where it comes from.
    pub at: At,
}

/// One field of the artifact matrix.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Cell {
    /// The row.
    pub class: Class,
    /// The column.
    pub aspect: Aspect,
    /// All its questions together.
    pub verdict: Verdict,
    /// Which questions, by name.
    pub questions: BTreeSet<String>,
}

/// One way of grouping questions into gates.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Grouping {
    /// Its name.
    pub name: String,
    /// The requirement it comes from.
    pub requirement: u16,
    /// Its gates.
    pub gates: Vec<Gate>,
}

/// A group of questions that have to be answered well together.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Gate {
    /// Its name.
    pub name: String,
    /// How it stands.
    pub colour: Colour,
    /// Which questions, by name.
    pub questions: BTreeSet<String>,
    /// The verdicts behind the colour.
    pub counts: Counts,
}

/// How a gate stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Colour {
    /// All proved, on fresh evidence.
    Green,
    /// Something is unknown, excluded or stale.
    Yellow,
    /// Something is violated.
    Red,
}

/// How many verdicts of each kind there are.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Counts {
    /// Proved, with or without symbols.
    pub proved: usize,
    /// Approved by name.
    pub excluded: usize,
    /// Not decided.
    pub unknown: usize,
    /// Shown not to be so.
    pub violated: usize,
}

impl Counts {
    /// Counts the verdicts.
    pub fn of<'a>(verdicts: impl IntoIterator<Item = &'a Verdict>) -> Counts {
        let mut counts = Counts::default();
        for verdict in verdicts {
            match verdict {
                Verdict::Proved(_) => counts.proved += 1,
                Verdict::Excluded(_) => counts.excluded += 1,
                Verdict::Unknown(_) => counts.unknown += 1,
                Verdict::Violated(_) => counts.violated += 1,
            }
        }
        counts
    }

    /// The colour they give; nothing to count is not green.
    pub fn colour(&self) -> Colour {
        if self.violated > 0 {
            Colour::Red
        } else if self.unknown > 0 || self.excluded > 0 || self.proved == 0 {
            Colour::Yellow
        } else {
            Colour::Green
        }
    }

    /// All of them.
    pub fn total(&self) -> usize {
        self.proved + self.excluded + self.unknown + self.violated
    }
}

impl Colour {
    /// The word for it.
    pub fn name(self) -> &'static str {
        match self {
            Colour::Green => "green",
            Colour::Yellow => "yellow",
            Colour::Red => "red",
        }
    }
}

impl Summary {
    /// A hash of who reads and administers what, over which paths, in which stores: equal before and after a change that
    /// moves no boundary. Source lines, evidence, prices and names that only people use do not enter.
    pub fn fingerprint(&self) -> String {
        let sorted = |mut members: Vec<Value>| {
            members.sort_by_cached_key(canonical);
            members.dedup();
            Value::Array(members)
        };
        let whole = json!({
            "readers": sorted(self.readers.iter().map(|one| json!([one.principal, one.class, one.doubt])).collect()),
            "administrators": sorted(
                self.administrators.iter().map(|one| json!([one.principal, one.of, one.actions, one.doubt])).collect()
            ),
            "escalations": sorted(
                self.escalations.iter().map(|one| json!([one.principal, one.class, one.via, one.detected_by])).collect()
            ),
            "paths": sorted(
                self.paths.iter().map(|one| json!([one.from, one.to, one.port, one.encryption, one.doubt])).collect()
            ),
            "stores": sorted(
                self.stores
                    .iter()
                    .map(|one| {
                        json!([
                            one.name, one.kind, one.classes, one.account, one.region, one.key, one.key_model,
                            one.versioning, one.retention_days, one.copies
                        ])
                    })
                    .collect()
            ),
        });
        hex::encode(Sha256::digest(canonical(&whole).as_bytes()))
    }
}

impl Review {
    /// How many findings of each kind there are.
    pub fn counts(&self) -> Counts {
        Counts::of(self.findings.iter().map(|one| &one.verdict))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::verdict::Witness;

    fn reader(principal: &str, line: usize) -> Reader {
        let place = Place { file: "main.tf".into(), line, last_line: line };
        Reader {
            principal: principal.into(),
            class: Class::Payloads,
            via: Vec::new(),
            doubt: None,
            approved: true,
            at: At { place: Some(place), ..At::default() },
        }
    }

    #[test]
    fn the_fingerprint_sees_a_reader_and_neither_its_line_nor_the_order() {
        let of = |readers| Summary { readers, ..Summary::default() }.fingerprint();
        assert_eq!(of(vec![reader("a", 1), reader("b", 2)]), of(vec![reader("b", 7), reader("a", 3)]));
        assert_ne!(of(vec![reader("a", 1)]), of(vec![reader("a", 1), reader("b", 2)]));
    }

    #[test]
    fn a_gate_is_green_only_when_everything_is_proved() {
        let proved = Verdict::proved();
        let unknown = Verdict::unknown(Reason::ScpNotReadable);
        let violated = Verdict::violated(Witness::new("w"));
        let colour = |verdicts: &[&Verdict]| Counts::of(verdicts.iter().copied()).colour();
        assert_eq!(colour(&[&proved]), Colour::Green);
        assert_eq!(colour(&[&proved, &unknown]), Colour::Yellow);
        assert_eq!(colour(&[&violated, &unknown]), Colour::Red);
        assert_eq!(colour(&[]), Colour::Yellow);
    }
}
