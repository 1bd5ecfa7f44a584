//! What a question says of one subject.

use std::collections::BTreeSet;

use crate::model::{EvidenceId, Origin, Place, Verdict};

/// What a question says of one subject.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Answer {
    /// What it was asked of.
    pub subject: String,
    /// The answer.
    pub verdict: Verdict,
    /// One sentence for people.
    pub sentence: String,
    /// What proves it.
    pub evidence: BTreeSet<EvidenceId>,
    /// The Terraform address to change.
    pub address: Option<String>,
    /// Where that stands.
    pub place: Option<Place>,
}

impl Answer {
    /// An answer about an entity: subject and address are the entity's.
    pub fn about(origin: &Origin, verdict: Verdict, sentence: impl Into<String>) -> Answer {
        Answer::of(origin.address.clone(), verdict, sentence).at(origin)
    }

    /// An answer about something that is not in a plan: a class, a gate, the contract.
    pub fn of(subject: impl Into<String>, verdict: Verdict, sentence: impl Into<String>) -> Answer {
        Answer {
            subject: subject.into(),
            verdict,
            sentence: sentence.into(),
            evidence: BTreeSet::new(),
            address: None,
            place: None,
        }
    }

    /// Points to an entity and cites it. The first entity pointed to is the one to change.
    #[must_use]
    pub fn at(mut self, origin: &Origin) -> Answer {
        self.evidence.extend(origin.evidence.clone());
        if self.address.is_none() {
            self.address = Some(origin.address.clone());
            self.place.clone_from(&origin.place);
        }
        self
    }

    /// Points into the contract.
    #[must_use]
    pub fn in_contract(mut self, place: Option<&Place>) -> Answer {
        self.place = self.place.or_else(|| place.cloned());
        self
    }

    /// Another subject than the entity's address.
    #[must_use]
    pub fn named(mut self, subject: impl Into<String>) -> Answer {
        self.subject = subject.into();
        self
    }
}
