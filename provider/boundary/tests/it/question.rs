//! Every question: proved in the good configuration, and not proved in one that differs in one fact.

#[expect(
    clippy::indexing_slicing,
    clippy::expect_used,
    reason = "a change that does not fit the good configuration fails its test"
)]
mod broken;
mod good;
mod table;

use std::collections::BTreeSet;

use provider_boundary::{
    model::{Finding, Verdict},
    question::{How, Input, Needs, all, by_id, findings_of, judge},
    review::Review,
};

use broken::{Expected, FIXTURES};
use good::{Fixture, TODAY, good};

fn input(fixture: &Fixture) -> Input<'_> {
    Input {
        planned: &fixture.world,
        prior: fixture.prior.as_ref(),
        actual: fixture.actual.as_ref(),
        contract: &fixture.contract,
        now: TODAY,
    }
}

fn review(fixture: &Fixture) -> Review {
    judge(input(fixture))
}

/// Findings of one question that are not proved, for messages.
fn not_proved(review: &Review, question: &str) -> Vec<String> {
    let own = review.findings.iter().filter(|one| one.question == question && !one.verdict.is_proved());
    own.map(|one| format!("{} [{}] {:?}", one.question, one.subject, one.verdict)).collect()
}

#[test]
fn the_good_configuration_is_proved_in_everything_that_a_plan_tells() {
    let review = review(&good());
    let mut failures = Vec::new();
    for question in all().filter(|one| matches!(one.needs(), Needs::Plan | Needs::Human)) {
        failures.extend(not_proved(&review, question.id));
    }
    assert!(failures.is_empty(), "{}", failures.join("\n"));
}

#[test]
fn nothing_of_the_good_configuration_is_violated_and_the_rest_says_who_would_tell() {
    let review = review(&good());
    for finding in &review.findings {
        let later = match &finding.verdict {
            Verdict::Proved(_) => true,
            Verdict::Unknown(reasons) => {
                reasons.iter().all(|one| matches!(one, provider_boundary::model::Reason::NotRead { .. }))
            }
            Verdict::Violated(_) | Verdict::Excluded(_) => false,
        };
        assert!(later, "{} [{}] {:?}", finding.question, finding.subject, finding.verdict);
    }
}

#[test]
fn each_broken_fixture_breaks_its_question() {
    let mut failures = Vec::new();
    for one in FIXTURES {
        let mut fixture = good();
        (one.breaks)(&mut fixture);
        let question = by_id(one.question).expect(one.question);
        let broken: Vec<Finding> = findings_of(question, input(&fixture));
        let as_expected = broken.iter().any(|finding| match (&finding.verdict, one.expected) {
            (Verdict::Violated(witnesses), Expected::Violated) => witnesses.iter().all(|one| !one.what.is_empty()),
            (Verdict::Unknown(reasons), Expected::Unstated) => {
                reasons.iter().any(|one| matches!(one, provider_boundary::model::Reason::HumanMissing { .. }))
            }
            (Verdict::Unknown(_), Expected::Unknown) => true,
            _ => false,
        });
        if !as_expected {
            let found: Vec<_> = broken.iter().map(|one| format!("[{}] {:?}", one.subject, one.verdict)).collect();
            failures.push(format!("{} by {}:\n    {}", one.question, one.name, found.join("\n    ")));
        }
    }
    assert!(failures.is_empty(), "{}", failures.join("\n"));
}

#[test]
fn every_question_that_is_computed_has_a_broken_fixture() {
    let have: BTreeSet<&str> = FIXTURES.iter().map(|one| one.question).collect();
    let own = ["evidence-cited", "report-complete"];
    let missing: Vec<&str> = all()
        .filter(|one| matches!(one.how, How::Computed { .. }) && !have.contains(one.id) && !own.contains(&one.id))
        .map(|one| one.id)
        .collect();
    assert_eq!(missing, Vec::<&str>::new());
}

#[test]
fn two_reviews_of_one_plan_are_equal_to_the_byte() {
    let json = || serde_json::to_string(&review(&good())).expect("a review is JSON");
    assert_eq!(json(), json());
}

#[test]
fn the_matrix_has_every_class_and_aspect_once() {
    let review = review(&good());
    let cells: BTreeSet<_> = review.matrix.iter().map(|one| (one.class, one.aspect)).collect();
    assert_eq!((cells.len(), review.matrix.len()), (52, 52));
    assert!(review.matrix.iter().all(|one| !one.questions.is_empty()));
}
