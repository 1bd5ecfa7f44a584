//! One finding, statement by statement: what was asked, what was answered, and every fact behind the answer.

use std::fmt::Write as _;

use provider_boundary::{
    model::{Evidence, Finding, Verdict, Witness},
    requirement,
};
use thiserror::Error;

use super::{
    Report, escape, finding_id,
    json::{file, source_name},
    sentence::{self, Sentence},
};

/// Findings that a list shows.
const LISTED_MAX: usize = 20;
/// Characters of a fact that are shown.
const FACT_MAX: usize = 4_000;

/// A name that means no finding, or several.
#[derive(Debug, Error, PartialEq, Eq)]
pub enum ExplainError {
    /// No finding has it.
    #[error("no finding is called {0}; `ringfence review` prints identifiers, and questions are names too")]
    None(String),
    /// Several have it.
    #[error("{0} means {1} findings:\n{2}")]
    Several(String, usize, String),
}

/// The finding of an identifier, the beginning of one, a question's name, or `QUESTION SUBJECT`.
///
/// # Errors
/// [`ExplainError`] when that is none, or several.
pub fn find<'a>(report: &Report<'a>, name: &str) -> Result<&'a Finding, ExplainError> {
    let findings = &report.review.findings;
    let by_id = |one: &&Finding| name.len() >= 4 && finding_id(one).starts_with(&name.to_ascii_lowercase());
    let by_question = |one: &&Finding| one.question == name;
    let by_both = |one: &&Finding| name.strip_prefix(one.question.as_str()) == Some(&format!(" {}", one.subject));
    let mut found: Vec<&Finding> = findings.iter().filter(by_id).collect();
    if found.is_empty() {
        found = findings.iter().filter(|one| by_question(one) || by_both(one)).collect();
    }
    // Who asks for a question by its name asks for what is wrong with it.
    if found.len() > 1 && found.iter().any(|one| one.verdict.is_violated()) {
        found.retain(|one| one.verdict.is_violated());
    }
    match found.as_slice() {
        [one] => Ok(one),
        [] => Err(ExplainError::None(escape::visible(name))),
        several => {
            let lines: Vec<String> = several.iter().take(LISTED_MAX).map(|one| line(one)).collect();
            Err(ExplainError::Several(escape::visible(name), several.len(), lines.join("\n")))
        }
    }
}

/// Everything about one finding, for a terminal.
pub fn explain(report: &Report<'_>, one: &Finding) -> String {
    let mut text = format!("{}\n\n", line(one));
    // Writing to a text does not fail.
    let _ = writeln!(text, "{}", escape::visible(&one.sentence));
    if let Some(info) = report.review.questions.iter().find(|info| info.name == one.question) {
        let _ = writeln!(text, "\nquestion: {}", escape::visible(&info.text));
    }
    for number in &one.requirements {
        if let Some(requirement) = requirement::by_number(*number) {
            let _ = writeln!(text, "requirement {number}: {}", requirement.question);
            let _ = writeln!(text, "  strong signal: {}", requirement.strong_signal);
        }
    }
    if let Some(address) = &one.address {
        let _ = writeln!(text, "change: {}", escape::visible(address));
    }
    if let Some(place) = &one.place {
        let _ = writeln!(text, "at: {}:{}", escape::visible(&file(report, place)), place.line);
    }
    match &one.verdict {
        Verdict::Violated(witnesses) => {
            for (number, witness) in witnesses.iter().enumerate() {
                let _ = write!(text, "\nwitness {} of {}\n{}", number + 1, witnesses.len(), steps(witness));
            }
        }
        other => {
            for ground in sentence::grounds(other) {
                let _ = writeln!(text, "\nbecause: {}", ground.plain());
            }
        }
    }
    for id in &one.evidence {
        let held = report.review.evidence.iter().find(|held| held.id() == *id);
        let _ = write!(text, "\nevidence {id}\n{}", held.map_or_else(|| "  not held\n".into(), fact));
    }
    text
}

fn line(one: &Finding) -> String {
    format!(
        "{} {} {}: {}",
        finding_id(one),
        escape::visible(&one.question),
        escape::visible(&one.subject),
        one.verdict.word()
    )
}

fn steps(witness: &Witness) -> String {
    let mut text = format!("  {}\n", escape::visible(&witness.what));
    let named = [("principal", &witness.principal), ("action", &witness.action), ("resource", &witness.resource)];
    for (label, name) in named {
        if let Some(name) = name {
            text.push_str(&format!("  {label}: {}\n", escape::visible(name)));
        }
    }
    for statement in &witness.statements {
        text.push_str(&format!("  statement: {}\n", escape::visible(statement)));
    }
    for (number, hop) in witness.hops.iter().enumerate() {
        text.push_str(&format!("  {}. {}\n", number + 1, escape::visible(hop)));
    }
    text
}

fn fact(one: &Evidence) -> String {
    let head = Sentence::new(format!("  {} ", source_name(one.source))).words(&one.address);
    let whole = serde_json::to_string_pretty(&one.fact).unwrap_or_default();
    let mut text = format!("{}\n", head.plain());
    for line in escape::shorten(&whole, FACT_MAX).lines() {
        text.push_str(&format!("  {}\n", escape::visible(line)));
    }
    text
}
