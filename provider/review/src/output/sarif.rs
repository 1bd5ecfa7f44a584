//! SARIF 2.1.0, as GitHub's code scanning reads it.
//!
//! A result points to the line of the configuration that has to change, never to the plan. What a plan cannot decide and
//! no line would change (live reads, rehearsals) is counted in a notification instead. Source of the limits:
//! <https://docs.github.com/en/code-security/code-scanning/integrating-with-code-scanning/sarif-support-for-code-scanning>.

use provider_boundary::{
    model::{Finding, Reason, Verdict},
    requirement,
    review::QuestionInfo,
};
use serde_json::{Value, json};

use super::{
    Report, escape, finding_id,
    json::{file, text},
    sentence::{self, Sentence},
};

/// GitHub shows this many results of a run; the worst come first.
const RESULTS_MAX: usize = 5_000;
/// GitHub accepts this many rules in a run.
const RULES_MAX: usize = 25_000;
/// GitHub accepts this many tags on a rule, and shows ten.
const TAGS_MAX: usize = 10;
/// Characters of a message: GitHub accepts more, people do not.
const MESSAGE_MAX: usize = 4_000;
/// GitHub cuts descriptions of rules here.
const DESCRIPTION_MAX: usize = 1_024;

/// The file's text.
pub fn sarif(report: &Report<'_>) -> String {
    let mut results: Vec<(&'static str, &Finding)> =
        report.review.findings.iter().filter_map(|one| level(&one.verdict).map(|level| (level, one))).collect();
    results.sort_by_key(|(level, one)| (rank(level), one.key()));
    let left_off = results.len().saturating_sub(RESULTS_MAX);
    results.truncate(RESULTS_MAX);
    let rules: Vec<Value> = report.review.questions.iter().take(RULES_MAX).map(rule).collect();
    text(&json!({
        "$schema": "https://json.schemastore.org/sarif-2.1.0.json",
        "version": "2.1.0",
        "runs": [{
            "tool": { "driver": {
                "name": "ringfence",
                "version": env!("CARGO_PKG_VERSION"),
                "semanticVersion": env!("CARGO_PKG_VERSION"),
                "rules": rules,
            }},
            "automationDetails": { "id": "ringfence/" },
            "columnKind": "unicodeCodePoints",
            "invocations": [{
                "executionSuccessful": true,
                "toolExecutionNotifications": notifications(report, left_off),
            }],
            "results": results.iter().map(|(level, one)| result(report, level, one)).collect::<Vec<_>>(),
        }],
    }))
}

/// How a verdict shows; none for what is as it should be, and for what no line of the configuration would decide.
fn level(verdict: &Verdict) -> Option<&'static str> {
    match verdict {
        Verdict::Proved(_) | Verdict::Excluded(_) => None,
        Verdict::Violated(_) => Some("error"),
        Verdict::Unknown(reasons) => {
            let not_read = |one: &Reason| matches!(one, Reason::NotRead { .. });
            let human = |one: &Reason| matches!(one, Reason::HumanMissing { .. });
            if reasons.iter().all(not_read) {
                None
            } else if reasons.iter().all(|one| not_read(one) || human(one)) {
                Some("note")
            } else {
                Some("warning")
            }
        }
    }
}

fn rank(level: &str) -> u8 {
    match level {
        "error" => 0,
        "warning" => 1,
        _ => 2,
    }
}

fn rule(question: &QuestionInfo) -> Value {
    let numbers = question.requirements.iter();
    let lines = numbers.clone().filter_map(|number| {
        requirement::by_number(*number)
            .map(|one| format!("{number}. {} Strong signal: {}.", one.question, one.strong_signal))
    });
    let lines: Vec<String> = lines.collect();
    let help = if lines.is_empty() { question.text.clone() } else { lines.join("\n") };
    let boundaries = question.boundaries.iter().map(|one| json!(one));
    let tags = std::iter::once(json!("security"))
        .chain(boundaries)
        .chain(numbers.map(|number| json!(format!("requirement-{number}"))))
        .take(TAGS_MAX);
    json!({
        "id": question.name,
        "shortDescription": { "text": message(&question.text, DESCRIPTION_MAX) },
        "fullDescription": { "text": message(&question.text, DESCRIPTION_MAX) },
        "help": { "text": message(&help, MESSAGE_MAX) },
        "defaultConfiguration": { "level": "error" },
        "properties": {
            "tags": tags.collect::<Vec<_>>(),
            "precision": "very-high",
            "problem.severity": "error",
            "security-severity": "8.0",
        },
    })
}

fn result(report: &Report<'_>, level: &str, one: &Finding) -> Value {
    let id = finding_id(one);
    let grounds: Vec<String> = sentence::grounds(&one.verdict).iter().map(Sentence::plain).collect();
    let said = format!("{} {}. (ringfence explain {id})", escape::visible(&one.sentence), grounds.join("; "));
    let mut result = json!({
        "ruleId": one.question,
        "level": level,
        "message": { "text": message(&said, MESSAGE_MAX) },
        "locations": [location(report, one)],
        "partialFingerprints": {
            // GitHub tells alerts apart by the first; it stays when lines move.
            "primaryLocationLineHash": format!("{id}:1"),
            "ringfenceFinding/v1": id,
        },
        "properties": {
            "subject": one.subject,
            "verdict": one.verdict.word(),
            "requirements": one.requirements,
            "evidence": one.evidence,
        },
    });
    let index = report.review.questions.iter().take(RULES_MAX).position(|question| question.name == one.question);
    if let (Some(index), Value::Object(result)) = (index, &mut result) {
        result.insert("ruleIndex".into(), json!(index));
    }
    result
}

/// The place to change; where none is known, the first line of the contract, or of the configuration.
fn location(report: &Report<'_>, one: &Finding) -> Value {
    let (uri, first, last) = match &one.place {
        Some(place) => (file(report, place), place.line.max(1), place.last_line.max(place.line).max(1)),
        None => (fallback(report), 1, 1),
    };
    let mut location = json!({
        "physicalLocation": {
            "artifactLocation": { "uri": escape::uri(&uri), "uriBaseId": "%SRCROOT%" },
            "region": { "startLine": first, "endLine": last },
        },
    });
    if let (Some(address), Value::Object(location)) = (&one.address, &mut location) {
        location.insert("logicalLocations".into(), json!([{ "fullyQualifiedName": escape::visible(address) }]));
    }
    location
}

fn fallback(report: &Report<'_>) -> String {
    if let Some(contract) = report.contract_file {
        return contract.to_owned();
    }
    let known = report.review.findings.iter().find_map(|one| one.place.as_ref());
    known.map_or_else(|| format!("{}main.tf", report.source_prefix), |place| file(report, place))
}

fn notifications(report: &Report<'_>, left_off: usize) -> Vec<Value> {
    let silent =
        report.review.findings.iter().filter(|one| one.verdict.is_unknown() && level(&one.verdict).is_none()).count();
    let counts = report.review.counts();
    let mut notes = vec![format!(
        "{} findings: {} violated, {} unknown, {} excluded, {} proved",
        counts.total(),
        counts.violated,
        counts.unknown,
        counts.excluded,
        counts.proved
    )];
    if silent > 0 {
        notes.push(format!("{silent} unknown findings are decided by reads or rehearsals that a plan does not hold; they are in the JSON and HTML reports"));
    }
    if left_off > 0 {
        notes.push(format!("{left_off} results are left off, the least grave ones: GitHub shows {RESULTS_MAX}"));
    }
    notes.into_iter().map(|note| json!({ "level": "note", "message": { "text": note } })).collect()
}

/// A plain message of at most `most` characters: nothing in it is read as a link or a placeholder.
fn message(text: &str, most: usize) -> String {
    let mut shown = String::new();
    for line in text.split('\n') {
        if !shown.is_empty() {
            shown.push('\n');
        }
        shown.push_str(&escape::visible(line));
    }
    let mut plain = shown.replace("](", "] (");
    for digit in '0'..='9' {
        plain = plain.replace(&format!("{{{digit}"), &format!("{{ {digit}"));
    }
    escape::shorten(&plain, most)
}
