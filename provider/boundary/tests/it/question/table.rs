//! The table of requirements, questions and fixtures: written from the code, compared with what is in the repository.

use std::fmt::Write;

use expect_test::expect_file;
use provider_boundary::{
    question::{How, Question, all},
    requirement,
};

use super::broken::{Expected, FIXTURES};

/// What answers a question, in a few words.
fn answered(question: &Question) -> String {
    match question.how {
        How::Computed { .. } => {
            let broken: Vec<String> = FIXTURES
                .iter()
                .filter(|one| one.question == question.id)
                .map(|one| {
                    let verdict = match one.expected {
                        Expected::Violated => "violated",
                        Expected::Unstated => "not stated",
                        Expected::Unknown => "unknown",
                    };
                    format!("{} ({verdict})", one.name)
                })
                .collect();
            if broken.is_empty() {
                "proved: good; judged of the review itself".into()
            } else {
                format!("proved: good; {}", broken.join("; "))
            }
        }
        How::OfFindings(_) => "proved: good; judged of the review itself".into(),
        How::Stated(attribute) => format!("people: `statements.{attribute}`"),
        How::Later { needs, what } => format!("later, {}: {what}", needs.name()),
    }
}

fn table() -> String {
    let mut text = String::from(
        "# Requirements and what answers them\n\nWritten by a test from the code (`UPDATE_EXPECT=1 cargo nextest run -p provider-boundary question`). The \
         configuration `good` is in `tests/it/question/good.rs`; each of the others differs from it in one fact.\n\n\
         | # | requirement | question | answered |\n|---|---|---|---|\n",
    );
    for one in requirement::all() {
        let own: Vec<&Question> = all().filter(|question| question.requirements.contains(&one.number)).collect();
        for (index, question) in own.iter().enumerate() {
            let (number, title) = if index == 0 { (one.number.to_string(), one.question) } else { (String::new(), "") };
            let _ = writeln!(text, "| {number} | {title} | `{}` | {} |", question.id, answered(question));
        }
    }
    text
}

#[test]
fn the_table_in_the_repository_is_the_one_of_the_code() {
    expect_file!["../../../REQUIREMENTS.md"].assert_eq(&table());
}

#[test]
fn no_requirement_is_without_a_question() {
    for one in requirement::all() {
        let own = all().filter(|question| question.requirements.contains(&one.number)).count();
        assert!(own > 0, "requirement {} has no row", one.number);
    }
}
