//! The requirements: every question that reviews of a Kafka platform ask, numbered.
//!
//! Invariant: numbers are 1 to 105 without gaps. The table is `requirement.md` beside this file, readable as it is.

use std::sync::LazyLock;

/// A question that reviewers ask.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Requirement {
    /// Its number.
    pub number: u16,
    /// Title of its section, with the letter: `B. Keys and encryption`.
    pub section: &'static str,
    /// The question.
    pub question: &'static str,
    /// What computes the answer.
    pub evidence: &'static str,
    /// What a convincing answer looks like.
    pub strong_signal: &'static str,
    /// What nobody can compute; empty when there is nothing.
    pub human: &'static str,
}

/// All requirements, by number.
pub fn all() -> &'static [Requirement] {
    &ALL
}

/// The requirement of that number.
pub fn by_number(number: u16) -> Option<&'static Requirement> {
    ALL.iter().find(|one| one.number == number)
}

static ALL: LazyLock<Vec<Requirement>> = LazyLock::new(|| read(include_str!("requirement.md")));

/// Reads the tables; lines that are no row of five columns with a number are headings and text.
fn read(text: &'static str) -> Vec<Requirement> {
    let mut section = "";
    let mut found = Vec::new();
    for line in text.lines() {
        if let Some(title) = line.strip_prefix("## ") {
            section = title;
        }
        let columns: Vec<&'static str> = line.split('|').map(str::trim).collect();
        let [_, number, question, evidence, strong_signal, human, _] = columns.as_slice() else { continue };
        let Ok(number) = number.parse() else { continue };
        found.push(Requirement { number, section, question, evidence, strong_signal, human });
    }
    found
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn all_105_requirements_are_there_and_complete() {
        let numbers: Vec<u16> = all().iter().map(|one| one.number).collect();
        assert_eq!(numbers, (1..=105).collect::<Vec<_>>());
        for one in all() {
            assert!(one.question.ends_with('?'), "{one:?}");
            assert!(!one.evidence.is_empty() && !one.strong_signal.is_empty() && !one.section.is_empty(), "{one:?}");
        }
        let rows = include_str!("requirement.md").lines().filter(|line| line.starts_with("| ")).count();
        assert_eq!(rows, 105 + 10, "a row that is not read, besides ten headings");
        assert_eq!(by_number(21).map(|one| one.section), Some("B. Keys and encryption"));
    }
}
