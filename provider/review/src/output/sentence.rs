//! Sentences with the evidence behind them.

use std::collections::BTreeSet;

use provider_boundary::model::{EvidenceId, Reason, Verdict, Witness};

use super::escape;

/// A part of a sentence.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Piece {
    /// Words.
    Words(String),
    /// A name from the plan or from AWS: an ARN, an address, a bucket.
    Name(String),
}

/// A sentence, and what shows that it is so.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Sentence {
    /// Its parts, in order.
    pub pieces: Vec<Piece>,
    /// What shows it.
    pub evidence: BTreeSet<EvidenceId>,
}

impl Sentence {
    /// A sentence that begins with these words.
    pub fn new(words: impl Into<String>) -> Sentence {
        Sentence::default().words(words)
    }

    /// The sentence with words at its end.
    #[must_use]
    pub fn words(mut self, words: impl Into<String>) -> Sentence {
        self.pieces.push(Piece::Words(words.into()));
        self
    }

    /// The sentence with a name at its end.
    #[must_use]
    pub fn name(mut self, name: impl Into<String>) -> Sentence {
        self.pieces.push(Piece::Name(name.into()));
        self
    }

    /// The sentence with names at its end: at most `most`, and how many more there are.
    #[must_use]
    pub fn names<'a>(mut self, names: impl IntoIterator<Item = &'a str>, most: usize) -> Sentence {
        let names: Vec<&str> = names.into_iter().collect();
        for (at, name) in names.iter().take(most).enumerate() {
            if at > 0 {
                self = self.words(", ");
            }
            self = self.name(*name);
        }
        match names.len().saturating_sub(most) {
            0 => self,
            more => self.words(format!(" and {more} more")),
        }
    }

    /// The sentence with more evidence.
    #[must_use]
    pub fn shown_by<'a>(mut self, evidence: impl IntoIterator<Item = &'a EvidenceId>) -> Sentence {
        self.evidence.extend(evidence.into_iter().cloned());
        self
    }

    /// Another sentence after this one.
    #[must_use]
    pub fn then(mut self, other: Sentence) -> Sentence {
        self.pieces.extend(other.pieces);
        self.evidence.extend(other.evidence);
        self
    }

    /// As plain text, for terminals and JSON.
    pub fn plain(&self) -> String {
        self.write(escape::visible, escape::visible)
    }

    /// In Markdown, to stand at the beginning of a line or within; names of more than 160 characters are shortened.
    pub fn markdown(&self) -> String {
        let text = self.write(escape::markdown, |name| escape::markdown_name(&escape::shorten(name, 160)));
        escape::markdown_line(&text)
    }

    /// In HTML, without its evidence.
    pub fn html(&self) -> String {
        self.write(escape::html, |name| format!("<code>{}</code>", escape::html(name)))
    }

    fn write(&self, words: impl Fn(&str) -> String, name: impl Fn(&str) -> String) -> String {
        let pieces = self.pieces.iter().map(|piece| match piece {
            Piece::Words(text) => words(text),
            Piece::Name(text) => name(text),
        });
        pieces.collect()
    }
}

/// Why a verdict is what it is: one sentence for each witness, reason or exception; none for a proof without symbols.
pub fn grounds(verdict: &Verdict) -> Vec<Sentence> {
    match verdict {
        Verdict::Proved(symbols) if symbols.is_empty() => Vec::new(),
        Verdict::Proved(symbols) => {
            let names = symbols.iter().map(provider_boundary::model::Symbol::as_str);
            vec![Sentence::new("whatever AWS assigns for ").names(names, 4)]
        }
        Verdict::Excluded(exclusions) => exclusions
            .iter()
            .map(|one| {
                Sentence::new("excepted until ")
                    .words(&one.expires)
                    .words(", approved by ")
                    .name(&one.approved_by)
                    .words(": ")
                    .words(&one.reason)
            })
            .collect(),
        Verdict::Unknown(reasons) => reasons.iter().map(|one| Sentence::new(one.to_string())).collect(),
        Verdict::Violated(witnesses) => witnesses.iter().map(witness).collect(),
    }
}

/// A witness with everything it names.
pub fn witness(witness: &Witness) -> Sentence {
    let mut sentence = Sentence::new(&witness.what);
    for (label, name) in
        [("principal", &witness.principal), ("action", &witness.action), ("resource", &witness.resource)]
    {
        if let Some(name) = name {
            sentence = sentence.words(format!("; {label} ")).name(name);
        }
    }
    if !witness.statements.is_empty() {
        sentence = sentence.words("; statements ").names(witness.statements.iter().map(String::as_str), 8);
    }
    if !witness.hops.is_empty() {
        sentence = sentence.words("; by way of ").names(witness.hops.iter().map(String::as_str), 12);
    }
    sentence
}

/// The word that scripts know a reason by.
pub fn reason_name(reason: &Reason) -> &'static str {
    match reason {
        Reason::ComputedAtApply { .. } => "computed_at_apply",
        Reason::AccessDenied { .. } => "access_denied",
        Reason::Unsupported { .. } => "unsupported",
        Reason::ForeignAccount { .. } => "foreign_account",
        Reason::ScpNotReadable => "scp_not_readable",
        Reason::HumanMissing { .. } => "human_missing",
        Reason::Stale { .. } => "stale",
        Reason::NotRead { .. } => "not_read",
    }
}

/// All words of [`reason_name`].
pub const REASONS: [&str; 8] = [
    "computed_at_apply",
    "access_denied",
    "unsupported",
    "foreign_account",
    "scp_not_readable",
    "human_missing",
    "stale",
    "not_read",
];
