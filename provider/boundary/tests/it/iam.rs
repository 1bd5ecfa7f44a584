//! The IAM evaluator: cases from AWS's documentation, and properties.
#![expect(
    clippy::unwrap_used,
    clippy::indexing_slicing,
    clippy::panic,
    reason = "a case that cannot be read is a failed test"
)]

mod case;
mod properties;
mod readers;

use std::collections::BTreeMap;

#[test]
fn every_case_is_answered_as_the_documentation_says() {
    let mut wrong = Vec::new();
    for case in case::all() {
        let ready = case.ready();
        if let Err(problem) = case::check(&case, &ready.answer()) {
            let documents =
                ready.documents.iter().map(|one| format!("  {} {}: {}\n", one.layer, one.level, one.policy));
            let documents: String = documents.collect();
            wrong.push(format!("{} {}\n  {problem}\n{documents}  {}", case.place, case.title, case.source));
        }
    }
    assert!(wrong.is_empty(), "{} cases:\n{}", wrong.len(), wrong.join("\n"));
}

#[test]
fn there_are_at_least_three_hundred_cases_and_no_two_have_one_title() {
    let cases = case::all();
    assert!(cases.len() >= 300, "{} cases", cases.len());
    let mut titles = BTreeMap::new();
    for case in &cases {
        if let Some(other) = titles.insert((&case.source, &case.title), &case.place) {
            panic!("{} and {other} have one title: {}", case.place, case.title);
        }
    }
}
