//! The questions that reviewers ask, and their answers.
//!
//! [`judge`] asks every [`Question`] of [`all`] and returns a [`crate::review::Review`]: exactly one finding per question and subject, plus
//! the lists that reports begin with. One file per section of the requirements: [`location`] (A), [`keys`] (B),
//! [`identities`] and [`access`] (C), [`network`] (D), [`operations`] (E), [`retention`] (F), [`change`] (G), [`rehearsal`] (H), [`money`]
//! (I), [`gate`] (J).
//!
//! Invariants: a question that has no subject still answers once, and says why there is none; a question that cannot be
//! computed answers with the true reason; nothing here reads a clock or anything else.

pub mod access;
mod administration;
pub mod answer;
pub mod case;
mod chain;
pub mod change;
mod estate;
pub mod gate;
pub mod holding;
pub mod identities;
mod judge;
pub mod keys;
pub mod location;
pub mod money;
pub mod network;
pub mod operations;
mod policy;
pub mod rehearsal;
pub mod retention;
mod summary;

pub use answer::Answer;
pub use case::{Case, Input};
pub use judge::{findings_of, judge, review};

use crate::{model::Finding, review::Boundary};

/// One question.
#[derive(Clone, Copy, Debug)]
pub struct Question {
    /// Its name, `reads-now` for instance: part of contracts, reports and SARIF.
    pub id: &'static str,
    /// The question as a reviewer asks it.
    pub title: &'static str,
    /// Numbers of the requirements that it answers.
    pub requirements: &'static [u16],
    /// Which of the four boundaries it is about.
    pub boundary: Boundary,
    /// How it is answered.
    pub how: How,
}

/// What has to be read before a question can be answered.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Needs {
    /// A plan and the contract.
    Plan,
    /// The live account.
    Live,
    /// The broker's report on itself.
    Broker,
    /// A statement by people.
    Human,
    /// The dated result of a rehearsal.
    Rehearsal,
}

/// How a question is answered.
#[derive(Clone, Copy, Debug)]
pub enum How {
    /// From the worlds and the contract: an answer per subject. Without a subject the sentence and the verdict of `none`.
    Computed {
        /// Computes the answers.
        ask: fn(&Case<'_>) -> Vec<Answer>,
        /// What it means that there is no subject.
        none: Absent,
    },
    /// From the findings of all other questions.
    OfFindings(fn(&Case<'_>, &[Finding]) -> Vec<Answer>),
    /// People state it: proved by the contract's statement of that name.
    Stated(&'static str),
    /// A plan never tells.
    Later {
        /// Who would.
        needs: Needs,
        /// Source and call, report or rehearsal.
        what: &'static str,
    },
}

/// What the absence of subjects means.
#[derive(Clone, Copy, Debug)]
pub enum Absent {
    /// That nothing of the kind exists is the answer.
    Proves(&'static str),
    /// It may exist where this plan does not look: who would tell, and by which call.
    Unread(Needs, &'static str),
    /// People have to name it in the contract.
    Unstated(&'static str),
}

impl Question {
    /// What has to be read to answer it.
    pub fn needs(&self) -> Needs {
        match self.how {
            How::Computed { .. } | How::OfFindings(_) => Needs::Plan,
            How::Stated(_) => Needs::Human,
            How::Later { needs, .. } => needs,
        }
    }
}

impl Needs {
    /// Its name in reports, and the source of a reason.
    pub fn name(self) -> &'static str {
        match self {
            Needs::Plan => "plan",
            Needs::Live => "aws",
            Needs::Broker => "broker",
            Needs::Human => "human",
            Needs::Rehearsal => "rehearsal",
        }
    }
}

/// Every question, in the order of the requirements' sections.
pub fn all() -> impl Iterator<Item = &'static Question> {
    [
        location::QUESTIONS,
        keys::QUESTIONS,
        access::QUESTIONS,
        identities::QUESTIONS,
        network::QUESTIONS,
        operations::QUESTIONS,
        retention::QUESTIONS,
        change::QUESTIONS,
        rehearsal::QUESTIONS,
        money::QUESTIONS,
        gate::QUESTIONS,
    ]
    .into_iter()
    .flatten()
}

/// The question of that name.
pub fn by_id(id: &str) -> Option<&'static Question> {
    all().find(|one| one.id == id)
}
