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

const FILES: &[(&str, &str)] = &[
    ("conditions", include_str!("cases/conditions.txt")),
    ("documents", include_str!("cases/documents.txt")),
    ("kms", include_str!("cases/kms.txt")),
    ("layers", include_str!("cases/layers.txt")),
    ("principals", include_str!("cases/principals.txt")),
    ("s3", include_str!("cases/s3.txt")),
    ("symbols", include_str!("cases/symbols.txt")),
];

fn all() -> Vec<case::Case> {
    FILES.iter().flat_map(|(name, text)| case::read(name, text)).collect()
}

#[test]
fn every_case_is_answered_as_the_documentation_says() {
    let mut wrong = Vec::new();
    for case in all() {
        let ready = case.ready();
        if let Err(problem) = case::check(&case, &ready.answer()) {
            let documents = ready.documents;
            wrong.push(format!("{} {}\n  {problem}\n  {documents:?}\n  {}", case.place, case.title, case.source));
        }
    }
    assert!(wrong.is_empty(), "{} cases:\n{}", wrong.len(), wrong.join("\n"));
}

#[test]
fn there_are_at_least_three_hundred_cases_and_no_two_have_one_title() {
    let cases = all();
    assert!(cases.len() >= 300, "{} cases", cases.len());
    let mut titles = BTreeMap::new();
    for case in &cases {
        if let Some(other) = titles.insert((&case.source, &case.title), &case.place) {
            panic!("{} and {other} have one title: {}", case.place, case.title);
        }
    }
}
