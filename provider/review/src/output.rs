//! What people and tools read of a review: each format is a pure function of it.
//!
//! Invariants: nothing here reads a file, a clock or the environment, so that two runs give equal bytes; whatever comes
//! from a plan - names, tags, witnesses - is text to these formats, never structure ([`escape`]).

pub mod consequence;
pub mod delta;
pub mod diagram;
pub mod escape;
pub mod explain;
pub mod html;
pub mod json;
pub mod markdown;
pub mod mermaid;
pub mod oscal;
pub mod packet;
pub mod sarif;
pub mod scorecard;
pub mod sentence;
pub mod svg;
pub mod terminal;

#[cfg(test)]
mod hostile;
#[cfg(test)]
pub(crate) mod sample;
#[cfg(test)]
mod tests;

use provider_boundary::{model::Finding, review::Review};
use sha2::{Digest, Sha256};

/// What every format is made from.
#[derive(Clone, Copy, Debug)]
pub struct Report<'a> {
    /// What is said.
    pub review: &'a Review,
    /// The day of the review, `2027-01-31`: only formats that demand a time print it.
    pub today: &'a str,
    /// The contract's file as it was named, if there is one.
    pub contract_file: Option<&'a str>,
    /// The path from the root of the repository to the folder that places are relative to; empty, or with `/` at its end.
    pub source_prefix: &'a str,
}

/// A finding's name in every format: it depends on question and subject only.
pub fn finding_id(finding: &Finding) -> String {
    let mut hash = Sha256::new();
    hash.update(finding.question.as_bytes());
    hash.update([0]);
    hash.update(finding.subject.as_bytes());
    let mut id = hex::encode(hash.finalize());
    id.truncate(12);
    id
}
