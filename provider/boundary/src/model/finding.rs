//! One answer: a question, what it was asked of, the verdict, and what shows it.

use std::collections::BTreeSet;

use serde::{Deserialize, Serialize};

use super::{evidence::EvidenceId, origin::Place, verdict::Verdict};

/// One answer. Every question gives exactly one for each of its subjects.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Finding {
    /// The question's name, `reads-now` for instance.
    pub question: String,
    /// What it was asked of: an ARN, an address, a class or a pair of them.
    pub subject: String,
    /// The answer.
    pub verdict: Verdict,
    /// One sentence for people.
    pub sentence: String,
    /// Numbers of the requirements it answers.
    pub requirements: BTreeSet<u16>,
    /// What proves it.
    pub evidence: BTreeSet<EvidenceId>,
    /// The Terraform address to change, where there is one.
    pub address: Option<String>,
    /// Where that stands in the source.
    pub place: Option<Place>,
}

impl Finding {
    /// Findings are reported in this order: question, then subject.
    pub fn key(&self) -> (&str, &str) {
        (&self.question, &self.subject)
    }
}
