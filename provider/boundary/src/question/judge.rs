//! The review: every question asked, the answers counted, and the lists that reports begin with.

use std::collections::{BTreeMap, BTreeSet};

use super::{
    Absent, Answer, How, Needs, Question, all,
    case::{Case, Input},
    gate, summary,
};
use crate::{
    model::{Contract, Evidence, EvidenceId, Finding, Reason, Verdict, World},
    review::{QuestionInfo, Review},
};

/// Reviews the planned world of one plan.
pub fn review(planned: &World, prior: Option<&World>, contract: &Contract, today: &str) -> Review {
    judge(Input { planned, prior, actual: None, contract, now: today })
}

/// Asks every question.
pub fn judge(input: Input<'_>) -> Review {
    let case = Case::new(input);
    let mut findings = Vec::new();
    for question in all() {
        let answers = ask(question, &case, &findings);
        findings.extend(one_per_subject(question, answers, &case));
    }
    let matrix = gate::matrix(&case, &findings);
    let scorecard = gate::scorecard(&findings);
    findings.sort_by(|one, other| one.key().cmp(&other.key()));
    let mut questions: Vec<QuestionInfo> = all().map(info).collect();
    questions.sort_by(|one, other| one.name.cmp(&other.name));
    let after = summary::summary(&case);
    let before = input.prior.map(|prior| summary::summary(&Case::of(input, prior)));
    let mut review = Review { questions, findings, after, before, matrix, scorecard, evidence: Vec::new() };
    review.evidence = evidence(&input, &review);
    review
}

/// Asks one question: the same findings as [`judge`]'s, without the work of the others. Questions about findings see none.
pub fn findings_of(question: &Question, input: Input<'_>) -> Vec<Finding> {
    let case = Case::new(input);
    one_per_subject(question, ask(question, &case, &[]), &case)
}

fn info(question: &Question) -> QuestionInfo {
    QuestionInfo {
        name: question.id.into(),
        text: question.title.into(),
        requirements: question.requirements.iter().copied().collect(),
        boundaries: [question.boundary].into(),
    }
}

/// Everything that a finding or an entry of a list cites, of the planned world and of the one before.
fn evidence(input: &Input<'_>, review: &Review) -> Vec<Evidence> {
    let lists = std::iter::once(&review.after).chain(&review.before);
    let entries = lists.flat_map(|one| {
        let readers = one.readers.iter().map(|one| &one.at);
        let administrators = one.administrators.iter().map(|one| &one.at);
        let escalations = one.escalations.iter().map(|one| &one.at);
        let paths = one.paths.iter().map(|one| &one.at);
        let stores = one.stores.iter().map(|one| &one.at);
        let items = one.cost.items.iter().map(|one| &one.at);
        readers.chain(administrators).chain(escalations).chain(paths).chain(stores).chain(items)
    });
    let of_findings = review.findings.iter().flat_map(|one| &one.evidence);
    let cited: BTreeSet<&EvidenceId> = of_findings.chain(entries.flat_map(|at| &at.evidence)).collect();
    let worlds = std::iter::once(input.planned).chain(input.prior).chain(input.actual);
    let known: BTreeMap<EvidenceId, &Evidence> =
        worlds.flat_map(|world| &world.evidence).map(|one| (one.id(), one)).collect();
    known.into_iter().filter(|(id, _)| cited.contains(id)).map(|(_, one)| one.clone()).collect()
}

fn ask(question: &Question, case: &Case<'_>, before: &[Finding]) -> Vec<Answer> {
    let answers = match question.how {
        How::Computed { ask, .. } => ask(case),
        How::OfFindings(ask) => ask(case, before),
        How::Stated(attribute) => vec![stated(case, attribute)],
        How::Later { needs, what } => vec![later(needs, what)],
    };
    match (answers.is_empty(), question.how) {
        (true, How::Computed { none, .. }) => vec![nothing(none)],
        (true, _) => vec![nothing(Absent::Proves("there is nothing to judge"))],
        (false, _) => answers,
    }
}

fn nothing(none: Absent) -> Answer {
    match none {
        Absent::Proves(sentence) => Answer::of("-", Verdict::proved(), sentence),
        Absent::Unread(needs, what) => later(needs, what),
        Absent::Unstated(attribute) => {
            let reason = Reason::HumanMissing { attribute: attribute.into() };
            Answer::of("-", Verdict::unknown(reason), format!("the contract does not state {attribute}"))
        }
    }
}

fn later(needs: Needs, what: &str) -> Answer {
    let reason = Reason::NotRead { source: needs.name().into(), what: what.into() };
    Answer::of("-", Verdict::unknown(reason), format!("a plan does not tell: {what}"))
}

/// A statement in the contract proves that it was made, and nothing else.
pub(super) fn stated(case: &Case<'_>, attribute: &str) -> Answer {
    match case.contract.statement(attribute) {
        Ok(text) => Answer::of("-", Verdict::proved(), format!("the contract states {attribute}: {text}")),
        Err(verdict) => Answer::of("-", verdict, format!("the contract does not state {attribute}")),
    }
}

/// Answers about one subject are one finding: the worst verdict, with everything that was said at that rank.
fn one_per_subject(question: &Question, answers: Vec<Answer>, case: &Case<'_>) -> Vec<Finding> {
    let mut by_subject: BTreeMap<String, Answer> = BTreeMap::new();
    for answer in answers {
        let joined = match by_subject.remove(&answer.subject) {
            None => answer,
            Some(before) => joined(before, answer),
        };
        by_subject.insert(joined.subject.clone(), joined);
    }
    by_subject.into_values().map(|answer| finding(question, answer, case)).collect()
}

/// The sentence and the place are those of the answer that decides.
fn joined(one: Answer, other: Answer) -> Answer {
    let verdict = one.verdict.clone().and(other.verdict.clone());
    let evidence = one.evidence.iter().chain(&other.evidence).cloned().collect();
    let leading = if one.verdict.word() == verdict.word() { one } else { other };
    Answer { verdict, evidence, ..leading }
}

fn finding(question: &Question, answer: Answer, case: &Case<'_>) -> Finding {
    Finding {
        question: question.id.into(),
        verdict: case.contract.except(question.id, &answer.subject, case.today, answer.verdict),
        subject: answer.subject,
        sentence: answer.sentence,
        requirements: question.requirements.iter().copied().collect(),
        evidence: answer.evidence,
        address: answer.address,
        place: answer.place,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::{Fact, verdict::Witness};

    #[test]
    fn every_question_answers_once_for_each_subject_even_in_an_empty_world() {
        let text = |value: &str| Fact::Known(value.to_owned());
        let world = World::empty(text("111122223333"), text("eu-central-1"), text("aws"));
        let review = review(&world, None, &Contract::default(), "2026-11-21");
        let mut keys: Vec<_> = review.findings.iter().map(Finding::key).collect();
        keys.dedup();
        assert_eq!(keys.len(), review.findings.len());
        for question in all() {
            assert!(review.findings.iter().any(|one| one.question == question.id), "{} is silent", question.id);
        }
    }

    #[test]
    fn every_requirement_has_a_question() {
        let asked: BTreeSet<u16> = all().flat_map(|one| one.requirements).copied().collect();
        let missing: Vec<u16> = (1..=105).filter(|number| !asked.contains(number)).collect();
        assert_eq!(missing, Vec::<u16>::new());
    }

    #[test]
    fn names_of_questions_are_unique() {
        let names: BTreeSet<&str> = all().map(|one| one.id).collect();
        assert_eq!(names.len(), all().count());
    }

    #[test]
    fn two_answers_about_one_subject_are_one_finding_with_the_worse_verdict() {
        let good = Answer::of("a", Verdict::proved(), "good");
        let bad = Answer::of("a", Verdict::violated(Witness::new("w")), "bad");
        let one = joined(good, bad);
        assert_eq!((one.verdict.word(), one.sentence.as_str()), ("violated", "bad"));
    }
}
