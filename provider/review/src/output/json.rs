//! `out.json`: everything a review says, for scripts.
//!
//! Members are sorted and there is no time in it: two runs on one plan are byte-identical.

use std::collections::BTreeMap;

use provider_boundary::{
    model::{Evidence, EvidenceId, Fact, Finding, Place, Reason, Verdict, evidence::Source},
    review::{AdministratorEntry, At, Cost, CostItem, Escalation, PathEntry, Reader, Review, StoreEntry, Summary},
};
use serde_json::{Value, json};

use super::{
    Report,
    consequence::{consequences, total},
    delta::{self, Entry, Move},
    finding_id, sentence,
};

/// The file's text.
pub fn json(report: &Report<'_>) -> String {
    text(&value(report))
}

/// The version of this format: it changes when a member changes its meaning or goes, not when one is added.
const FORMAT: u32 = 1;

/// JSON with sorted members, two spaces deep each, and a newline at its end.
pub fn text(value: &Value) -> String {
    // A value always has a text.
    let mut text = serde_json::to_string_pretty(&sorted(value.clone())).unwrap_or_default();
    text.push('\n');
    text
}

/// The path of a place from where the review was called, with `/`.
pub fn file(report: &Report<'_>, place: &Place) -> String {
    if report.contract_file == Some(place.file.as_str()) {
        place.file.clone()
    } else {
        format!("{}{}", report.source_prefix, place.file)
    }
}

fn value(report: &Report<'_>) -> Value {
    let review = report.review;
    let counts = review.counts();
    let lines: Vec<Value> = consequences(review)
        .iter()
        .map(|one| {
            json!({
                "about": one.label,
                "moved": one.moved,
                "text": one.sentence.plain(),
                "evidence": one.sentence.evidence,
            })
        })
        .collect();
    let mut whole = json!({
        "format": FORMAT,
        "counts": {
            "proved": counts.proved,
            "excluded": counts.excluded,
            "unknown": counts.unknown,
            "violated": counts.violated,
        },
        "consequences": lines,
        "findings": review.findings.iter().map(|one| finding(report, one)).collect::<Vec<_>>(),
        "questions": review.questions,
        "matrix": review.matrix.iter().map(|cell| json!({
            "class": cell.class,
            "aspect": cell.aspect,
            "verdict": verdict_name(&cell.verdict),
            "questions": cell.questions,
        })).collect::<Vec<_>>(),
        "scorecard": review.scorecard,
        "evidence": review.evidence.iter().map(evidence).collect::<Vec<_>>(),
        "before": review.before.as_ref().map(|before| lists(report, before, None)),
    });
    if let (Value::Object(whole), Value::Object(lists)) = (&mut whole, lists(report, &review.after, Some(review))) {
        whole.extend(lists);
    }
    whole
}

fn finding(report: &Report<'_>, one: &Finding) -> Value {
    let grounds: Vec<String> = sentence::grounds(&one.verdict).iter().map(sentence::Sentence::plain).collect();
    let mut value = json!({
        "id": finding_id(one),
        "question": one.question,
        "subject": one.subject,
        "verdict": verdict_name(&one.verdict),
        "sentence": one.sentence,
        "because": grounds,
        "reason": null,
        "reasons": [],
        "symbols": [],
        "witness": null,
        "witnesses": [],
        "exclusions": [],
        "address": one.address,
        "file": one.place.as_ref().map(|place| file(report, place)),
        "line": one.place.as_ref().map(|place| place.line),
        "requirement": one.requirements.first(),
        "requirements": one.requirements,
        "evidence": one.evidence,
    });
    let details = match &one.verdict {
        Verdict::Proved(symbols) => vec![("symbols", json!(symbols))],
        Verdict::Excluded(exclusions) => vec![("exclusions", json!(exclusions))],
        Verdict::Unknown(reasons) => {
            vec![("reason", json!(reasons.first().map(sentence::reason_name))), ("reasons", json!(reasons))]
        }
        Verdict::Violated(witnesses) => {
            vec![("witness", json!(witnesses.first())), ("witnesses", json!(witnesses))]
        }
    };
    if let Value::Object(value) = &mut value {
        for (name, detail) in details {
            value.insert(name.into(), detail);
        }
    }
    value
}

/// The word that scripts compare with: symbols stand in a member of their own.
fn verdict_name(verdict: &Verdict) -> &'static str {
    match verdict {
        Verdict::Proved(_) => "proved",
        other => other.word(),
    }
}

/// The lists of one world; with a review, what happens to each entry.
fn lists(report: &Report<'_>, summary: &Summary, review: Option<&Review>) -> Value {
    json!({
        "readers": list(report, &summary.readers, review, |one| &one.readers, reader),
        "administrators": list(report, &summary.administrators, review, |one| &one.administrators, administrator),
        "escalations": list(report, &summary.escalations, review, |one| &one.escalations, escalation),
        "paths": list(report, &summary.paths, review, |one| &one.paths, path),
        "stores": list(report, &summary.stores, review, |one| &one.stores, store),
        "cost": cost(report, &summary.cost),
        "fingerprint": summary.fingerprint(),
    })
}

fn list<T: Entry>(
    report: &Report<'_>,
    entries: &[T],
    review: Option<&Review>,
    of: impl Fn(&Summary) -> &[T],
    say: impl Fn(&T) -> (Value, &At),
) -> Value {
    let moves: BTreeMap<T::Key, Move> = review
        .map(|review| delta::of(review, of))
        .into_iter()
        .flat_map(|delta| delta.moves().map(|(change, one)| (one.key(), change)).collect::<Vec<_>>())
        .filter(|(_, change)| *change != Move::Removed)
        .collect();
    let change = |entry: &T| moves.get(&entry.key()).copied().map(move_name);
    entries
        .iter()
        .map(|entry| {
            let (mut value, at) = say(entry);
            if let Value::Object(value) = &mut value {
                value.insert("address".into(), json!(at.address));
                value.insert("file".into(), json!(at.place.as_ref().map(|place| file(report, place))));
                value.insert("line".into(), json!(at.place.as_ref().map(|place| place.line)));
                value.insert("evidence".into(), ids(&at.evidence));
                if let Some(change) = change(entry) {
                    value.insert("change".into(), json!(change));
                }
            }
            value
        })
        .collect()
}

/// The word for a move.
pub fn move_name(change: Move) -> &'static str {
    match change {
        Move::Added => "added",
        Move::Removed => "removed",
        Move::Changed => "changed",
        Move::Same => "same",
    }
}

fn reader(one: &Reader) -> (Value, &At) {
    let value = json!({
        "principal": one.principal,
        "class": one.class,
        "via": one.via,
        "doubt": doubt(one.doubt.as_ref()),
        "approved": one.approved,
    });
    (value, &one.at)
}

fn administrator(one: &AdministratorEntry) -> (Value, &At) {
    let value = json!({
        "principal": one.principal,
        "of": one.of,
        "actions": one.actions,
        "doubt": doubt(one.doubt.as_ref()),
        "approved": one.approved,
    });
    (value, &one.at)
}

fn escalation(one: &Escalation) -> (Value, &At) {
    let value = json!({
        "principal": one.principal,
        "class": one.class,
        "via": one.via,
        "detected_by": one.detected_by,
        "approved": one.approved,
    });
    (value, &one.at)
}

fn path(one: &PathEntry) -> (Value, &At) {
    let value = json!({
        "name": one.name,
        "from": one.from,
        "to": one.to,
        "port": one.port,
        "from_zone": one.from_zone,
        "to_zone": one.to_zone,
        "mode": one.mode,
        "owner": one.owner,
        "purpose": one.purpose,
        "encryption": one.encryption,
        "expires": one.expires,
        "enforced_by": one.enforced_by,
        "monthly_micro_usd": one.monthly_micro_usd.as_ref().map(fact),
        "doubt": doubt(one.doubt.as_ref()),
        "approved": one.approved,
    });
    (value, &one.at)
}

fn store(one: &StoreEntry) -> (Value, &At) {
    let value = json!({
        "name": one.name,
        "kind": one.kind,
        "classes": one.classes,
        "zone": one.zone,
        "account": fact(&one.account),
        "region": fact(&one.region),
        "key": one.key.as_ref().map(fact),
        "key_model": one.key_model.as_ref().map(fact),
        "versioning": one.versioning.as_ref().map(fact),
        "retention_days": fact(&one.retention_days),
        "copies": one.copies,
        "approved": one.approved,
    });
    (value, &one.at)
}

fn cost(report: &Report<'_>, cost: &Cost) -> Value {
    let (known, unknown) = total(cost);
    let item = |one: &CostItem| {
        json!({
            "what": one.what,
            "path": one.path,
            "usage_based": one.usage_based,
            "monthly_micro_usd": fact(&one.monthly_micro_usd),
            "address": one.at.address,
            "file": one.at.place.as_ref().map(|place| file(report, place)),
            "line": one.at.place.as_ref().map(|place| place.line),
            "evidence": ids(&one.at.evidence),
        })
    };
    json!({
        "prices_of": cost.prices_of,
        "items": cost.items.iter().map(item).collect::<Vec<_>>(),
        "known_monthly_micro_usd": known,
        "unknown_items": unknown,
    })
}

/// A known value or a text with symbols as it is; else an object with `unknown` and `because`.
fn fact<T: serde::Serialize>(fact: &Fact<T>) -> Value {
    match fact {
        Fact::Known(value) => json!(value),
        Fact::Symbolic(template) => json!(template.as_str()),
        Fact::Unknown(reason) => doubt(Some(reason)),
    }
}

fn doubt(reason: Option<&Reason>) -> Value {
    reason.map_or(
        Value::Null,
        |reason| json!({ "unknown": sentence::reason_name(reason), "because": reason.to_string() }),
    )
}

fn ids(evidence: &std::collections::BTreeSet<EvidenceId>) -> Value {
    json!(evidence)
}

fn evidence(one: &Evidence) -> Value {
    json!({
        "id": one.id(),
        "source": source_name(one.source),
        "address": one.address,
        "account": one.account,
        "region": one.region,
        "fact": one.fact,
    })
}

/// Who said it, in a word.
pub fn source_name(source: Source) -> &'static str {
    match source {
        Source::Plan => "plan",
        Source::Aws => "aws",
        Source::Broker => "broker",
        Source::Human => "human",
    }
}

/// The same value with members in the order of names, at every depth.
fn sorted(value: Value) -> Value {
    match value {
        Value::Object(members) => {
            let mut members: Vec<(String, Value)> = members.into_iter().collect();
            members.sort_by(|a, b| a.0.cmp(&b.0));
            Value::Object(members.into_iter().map(|(name, value)| (name, sorted(value))).collect())
        }
        Value::Array(items) => Value::Array(items.into_iter().map(sorted).collect()),
        other => other,
    }
}
