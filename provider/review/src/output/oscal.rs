//! OSCAL assessment results: one observation for each finding, one OSCAL finding for each requirement.
//!
//! Identifiers are UUIDs of version 5 over names, so that two runs give equal files; the one time that OSCAL demands is
//! the day of the review. Source: <https://pages.nist.gov/OSCAL-Reference/models/v1.2.1/assessment-results/json-reference/>.

use std::collections::BTreeMap;

use provider_boundary::{
    model::{Evidence, EvidenceId, Finding},
    requirement::{self, Requirement},
    review::Counts,
};
use serde_json::{Value, json};
use uuid::Uuid;

use super::{
    Report,
    consequence::headline,
    escape, finding_id,
    json::{source_name, text},
    sentence::{self, Sentence},
};

/// The version of OSCAL that this file follows.
pub const OSCAL_VERSION: &str = "1.2.1";
/// Where our property names are ours.
const NAMESPACE: &str = "https://ringfence.dev/ns/oscal";
/// Pieces of evidence that one observation names.
const EVIDENCE_MAX: usize = 50;

/// The file's text.
pub fn oscal(report: &Report<'_>) -> String {
    let review = report.review;
    let time = format!("{}T00:00:00Z", report.today);
    let fingerprint = review.after.fingerprint();
    let evidence: BTreeMap<EvidenceId, &Evidence> = review.evidence.iter().map(|one| (one.id(), one)).collect();
    let observations: Vec<Value> = review.findings.iter().map(|one| observation(one, &evidence, &time)).collect();
    let findings: Vec<Value> = requirement::all().iter().map(|one| finding(one, &review.findings)).collect();
    let mut result = json!({
        "uuid": uuid(&["result", &fingerprint]),
        "title": "Boundary review of a Terraform plan",
        "description": headline(&review.counts()),
        "start": time,
        "props": [property("fingerprint", &fingerprint)],
        "reviewed-controls": { "control-selections": [{ "include-all": {} }] },
        "findings": findings,
    });
    if let (false, Value::Object(result)) = (observations.is_empty(), &mut result) {
        result.insert("observations".into(), json!(observations));
    }
    let plan = uuid(&["assessment-plan"]);
    text(&json!({ "assessment-results": {
        "uuid": uuid(&["assessment-results", &fingerprint, report.today]),
        "metadata": {
            "title": "Ringfence boundary review",
            "last-modified": time,
            "version": fingerprint,
            "oscal-version": OSCAL_VERSION,
        },
        "import-ap": { "href": format!("#{plan}") },
        "results": [result],
        "back-matter": { "resources": [{
            "uuid": plan,
            "title": "Ringfence requirements",
            "description": "The 105 questions of the boundary review, each answered by proof, witness or reason.",
        }]},
    }}))
}

fn observation(one: &Finding, evidence: &BTreeMap<EvidenceId, &Evidence>, time: &str) -> Value {
    let grounds: Vec<String> = sentence::grounds(&one.verdict).iter().map(Sentence::plain).collect();
    let mut description = words(&one.sentence);
    if !grounds.is_empty() {
        description = format!("{description} ({})", grounds.join("; "));
    }
    let mut props = vec![
        property("verdict", one.verdict.word()),
        property("question", &one.question),
        property("subject", &one.subject),
    ];
    if let Some(address) = &one.address {
        props.push(property("terraform-address", address));
    }
    if let Some(place) = &one.place {
        props.push(property("source", &place.to_string()));
    }
    let relevant: Vec<Value> = one
        .evidence
        .iter()
        .take(EVIDENCE_MAX)
        .map(|id| {
            let said = evidence.get(id).map_or_else(
                || id.to_string(),
                |held| format!("{} {}", source_name(held.source), words(&held.address)),
            );
            json!({ "href": format!("urn:sha256:{id}"), "description": said })
        })
        .collect();
    let mut observation = json!({
        "uuid": observation_uuid(one),
        "title": words(&format!("{}: {}", one.question, one.subject)),
        "description": description,
        "props": props,
        "methods": ["EXAMINE"],
        "types": ["finding"],
        "collected": time,
    });
    if let (false, Value::Object(observation)) = (relevant.is_empty(), &mut observation) {
        observation.insert("relevant-evidence".into(), json!(relevant));
    }
    observation
}

/// How a requirement stands: satisfied only when every answer is a proof.
fn finding(one: &Requirement, findings: &[Finding]) -> Value {
    let answers: Vec<&Finding> = findings.iter().filter(|finding| finding.requirements.contains(&one.number)).collect();
    let counts = Counts::of(answers.iter().map(|finding| &finding.verdict));
    let (state, reason) = match counts {
        Counts { violated: 1.., .. } => ("not-satisfied", "fail"),
        Counts { unknown: 1.., .. } | Counts { excluded: 1.., .. } | Counts { proved: 0, .. } => {
            ("not-satisfied", "other")
        }
        _ => ("satisfied", "pass"),
    };
    let said = if answers.is_empty() { "not asked".to_owned() } else { headline(&counts) };
    let number = one.number.to_string();
    let mut value = json!({
        "uuid": uuid(&["requirement", &number]),
        "title": one.question,
        "description": format!("Strong signal: {}. {said}.", one.strong_signal),
        "target": {
            "type": "objective-id",
            "target-id": format!("requirement-{number}"),
            "status": { "state": state, "reason": reason, "remarks": said },
        },
    });
    let related: Vec<Value> =
        answers.iter().map(|finding| json!({ "observation-uuid": observation_uuid(finding) })).collect();
    if let (false, Value::Object(value)) = (related.is_empty(), &mut value) {
        value.insert("related-observations".into(), json!(related));
    }
    value
}

fn observation_uuid(one: &Finding) -> String {
    uuid(&["observation", &finding_id(one), &one.question, &one.subject])
}

/// A UUID that depends on the names only.
fn uuid(names: &[&str]) -> String {
    let name = names.join("\u{1f}");
    Uuid::new_v5(&Uuid::NAMESPACE_URL, format!("{NAMESPACE}/{name}").as_bytes()).to_string()
}

fn property(name: &str, value: &str) -> Value {
    json!({ "name": name, "ns": NAMESPACE, "value": words(value) })
}

/// OSCAL's strings are one line that neither begins nor ends with a space, and are never empty.
fn words(text: &str) -> String {
    let shown = escape::visible(text);
    let shown = shown.trim();
    if shown.is_empty() { "-".into() } else { shown.into() }
}
