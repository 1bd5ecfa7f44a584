//! Reviews made by hand, for the tests of all formats.

use std::collections::BTreeSet;

use provider_boundary::{
    model::{
        Evidence, EvidenceId, Exclusion, Fact, Finding, Place, Reason, Symbol, Verdict, Witness,
        artifact::{Aspect, Class, Zone},
        evidence::Source,
    },
    review::{
        AdministratorEntry, At, Boundary, Cell, Cost, CostItem, Counts, Escalation, Gate, Grouping, PathEntry,
        QuestionInfo, Reader, Review, StoreEntry, Summary,
    },
};
use serde_json::json;

use super::Report;

pub(crate) fn report(review: &Review) -> Report<'_> {
    Report { review, today: "2026-11-21", contract_file: Some("boundary.hcl"), source_prefix: "infra/" }
}

const BROKER: &str = "arn:aws:iam::111111111111:role/ringfence-orders-broker";
const ETL: &str = "arn:aws:iam::222222222222:role/etl";
const ADMIN: &str = "arn:aws:iam::111111111111:role/admin";
const KEY: &str = "${aws_kms_key.data.arn}";

/// A change that lets a foreign account read, opens a way to the internet and suspends versioning.
pub(crate) fn changed() -> Review {
    let before = summary();
    let mut after = summary();
    after.readers.push(reader(ETL, false));
    after.paths.push(path("sg-brokers", "internet", Zone::Outside, false));
    after.escalations.clear();
    if let Some(store) = after.stores.first_mut() {
        store.versioning = Some(Fact::Known("suspended".into()));
        store.copies = vec!["s3://copy-us".into()];
    }
    after.cost.items.push(CostItem {
        what: "NAT gateway, hours".into(),
        path: None,
        usage_based: false,
        monthly_micro_usd: Fact::Known(32_850_000),
        at: at("aws_nat_gateway.out", 90),
    });
    Review { before: Some(before), after, ..answers() }
}

/// A first plan: nothing was there before.
pub(crate) fn first() -> Review {
    Review { before: None, after: summary(), ..answers() }
}

/// A review with so many findings, each of another subject, and as many readers, paths and stores as a tenth of it.
pub(crate) fn many(findings: usize) -> Review {
    let mut review = changed();
    for number in 0..findings {
        let verdict = match number % 3 {
            0 => Verdict::violated(Witness {
                hops: vec![format!("hop {number}"); 6],
                statements: vec![format!("aws_s3_bucket_policy.b{number}#{number}"); 4],
                ..witness(&format!("principal {number}"))
            }),
            1 => Verdict::unknown(Reason::Unsupported { construct: format!("construct {number} ").repeat(10) }),
            _ => Verdict::proved(),
        };
        let subject = format!("arn:aws:s3:::bucket-{number:05} payloads");
        review.findings.push(finding("reads-now", &subject, verdict, &format!("aws_s3_bucket.b[{number}]")));
    }
    for number in 0..findings / 10 {
        review.after.readers.push(reader(&format!("arn:aws:iam::222222222222:role/r{number}"), false));
        review.after.paths.push(path(&format!("sg-{number}"), "internet", Zone::Outside, number % 2 == 0));
        review.after.stores.push(StoreEntry { name: format!("s3://bucket-{number}"), ..store() });
    }
    review.findings.sort_by(|a, b| a.key().cmp(&b.key()));
    review
}

/// A review in which everything that a plan or a contract could say is this text.
pub(crate) fn saying(text: &str) -> Review {
    let everything = serde_json::to_value(changed()).unwrap();
    let mut review: Review = serde_json::from_value(replaced(everything, "", text)).unwrap();
    review.questions = changed().questions;
    review
}

/// Members whose texts are ours: words of the model, numbers, names of questions.
const OURS: [&str; 16] = [
    "question",
    "questions",
    "class",
    "classes",
    "aspect",
    "verdict",
    "zone",
    "from_zone",
    "to_zone",
    "colour",
    "evidence",
    "source",
    "reason",
    "boundaries",
    "requirements",
    "of",
];

/// The value with every text of somebody else's replaced.
fn replaced(value: serde_json::Value, member: &str, by: &str) -> serde_json::Value {
    use serde_json::Value;
    match value {
        Value::String(text) if OURS.contains(&member) => Value::String(text),
        Value::String(_) => Value::String(by.into()),
        Value::Array(items) => Value::Array(items.into_iter().map(|item| replaced(item, member, by)).collect()),
        Value::Object(members) => {
            let members = members.into_iter().map(|(name, value)| {
                let value = replaced(value, &name, by);
                (name, value)
            });
            Value::Object(members.collect())
        }
        other => other,
    }
}

fn answers() -> Review {
    let exclusion =
        Exclusion { reason: "moved in January".into(), approved_by: "ciso".into(), expires: "2027-01-31".into() };
    let findings = vec![
        finding("endpoint-policy", "aws_vpc_endpoint.s3", Verdict::proved(), "aws_vpc_endpoint.s3"),
        finding("key-rotation", KEY, Verdict::Proved([Symbol::new("aws_kms_key.data.arn")].into()), "aws_kms_key.data"),
        finding("last-use", "-", not_read(), ""),
        finding("log-retention", "log-group:old", Verdict::excluded(exclusion), "aws_cloudwatch_log_group.old"),
        finding("owner", "path internet", Verdict::unknown(Reason::HumanMissing { attribute: "owner".into() }), ""),
        finding(
            "policy-known",
            "aws_s3_bucket_policy.data",
            Verdict::unknown(Reason::ComputedAtApply { address: "aws_s3_bucket_policy.data.policy".into() }),
            "aws_s3_bucket_policy.data",
        ),
        finding("reads-now", "payloads", Verdict::violated(witness(ETL)), "aws_s3_bucket_policy.data"),
    ];
    let questions = findings.iter().map(|one| QuestionInfo {
        name: one.question.clone(),
        text: format!("What about {}?", one.question),
        requirements: one.requirements.clone(),
        boundaries: [Boundary::Cryptographic].into(),
    });
    let cells = Class::ALL.into_iter().flat_map(|class| Aspect::ALL.map(|aspect| (class, aspect)));
    let matrix = cells.map(|(class, aspect)| Cell {
        class,
        aspect,
        verdict: if aspect == Aspect::Access { Verdict::violated(witness(ETL)) } else { Verdict::proved() },
        questions: ["reads-now".into()].into(),
    });
    let counts = Counts::of(findings.iter().map(|one| &one.verdict));
    let gate =
        Gate { name: "boundary".into(), colour: counts.colour(), questions: ["reads-now".into()].into(), counts };
    Review {
        questions: questions.collect(),
        matrix: matrix.collect(),
        scorecard: vec![Grouping { name: "Five gates".into(), requirement: 93, gates: vec![gate] }],
        evidence: vec![evidence()],
        findings,
        ..Review::default()
    }
}

fn not_read() -> Verdict {
    Verdict::unknown(Reason::NotRead { source: "aws".into(), what: "iam:GetServiceLastAccessedDetails".into() })
}

fn evidence() -> Evidence {
    Evidence {
        source: Source::Plan,
        address: "aws_s3_bucket_policy.data".into(),
        account: Some("111111111111".into()),
        region: Some("eu-central-1".into()),
        fact: json!({"policy": "{\"Statement\":[{\"Effect\":\"Allow\"}]}"}),
    }
}

fn ids() -> BTreeSet<EvidenceId> {
    [evidence().id()].into()
}

fn finding(question: &str, subject: &str, verdict: Verdict, address: &str) -> Finding {
    let known = !address.is_empty();
    Finding {
        question: question.into(),
        subject: subject.into(),
        sentence: format!("{question} of {subject}."),
        requirements: [21, 28].into(),
        evidence: if known { ids() } else { BTreeSet::new() },
        address: known.then(|| address.into()),
        place: known.then(|| Place { file: "main.tf".into(), line: 12, last_line: 30 }),
        verdict,
    }
}

fn witness(principal: &str) -> Witness {
    Witness {
        what: "a principal outside the contract reads payloads".into(),
        principal: Some(principal.into()),
        action: Some("s3:GetObject".into()),
        resource: Some("arn:aws:s3:::orders-data/data/*".into()),
        statements: vec!["aws_s3_bucket_policy.data#AllowEtl".into(), "aws_kms_key.data#Root".into()],
        hops: vec!["internet".into(), "aws_vpc_endpoint.s3".into()],
    }
}

fn at(address: &str, line: usize) -> At {
    At {
        address: Some(address.into()),
        place: Some(Place { file: "main.tf".into(), line, last_line: line + 3 }),
        evidence: ids(),
    }
}

fn summary() -> Summary {
    Summary {
        readers: vec![reader(BROKER, true)],
        administrators: vec![AdministratorEntry {
            principal: ADMIN.into(),
            of: "keys".into(),
            actions: vec!["kms:PutKeyPolicy".into(), "kms:CreateGrant".into()],
            doubt: None,
            approved: true,
            at: at("aws_kms_key.data", 40),
        }],
        escalations: vec![Escalation {
            principal: ADMIN.into(),
            class: Class::Payloads,
            via: vec!["kms:PutKeyPolicy".into()],
            detected_by: Some("key-policy-changed".into()),
            approved: true,
            at: at("aws_kms_key.data", 40),
        }],
        paths: vec![path("sg-brokers", "service:s3", Zone::CustomerStorage, true)],
        stores: vec![store()],
        cost: Cost {
            prices_of: "2026-11-01".into(),
            items: vec![
                CostItem {
                    what: "KMS key".into(),
                    path: None,
                    usage_based: false,
                    monthly_micro_usd: Fact::Known(1_000_000),
                    at: at("aws_kms_key.data", 40),
                },
                CostItem {
                    what: "S3 requests".into(),
                    path: Some("brokers to S3".into()),
                    usage_based: true,
                    monthly_micro_usd: Fact::Unknown(Reason::HumanMissing { attribute: "workload".into() }),
                    at: At::default(),
                },
            ],
        },
    }
}

fn reader(principal: &str, approved: bool) -> Reader {
    Reader {
        principal: principal.into(),
        class: Class::Payloads,
        via: vec!["aws_s3_bucket_policy.data#Brokers".into()],
        doubt: None,
        approved,
        at: at("aws_s3_bucket_policy.data", 12),
    }
}

fn path(from: &str, to: &str, to_zone: Zone, approved: bool) -> PathEntry {
    PathEntry {
        name: approved.then(|| "brokers to S3".into()),
        from: from.into(),
        to: to.into(),
        port: "443".into(),
        from_zone: Zone::CustomerRuntime,
        to_zone,
        mode: Some("steady".into()),
        owner: approved.then(|| "platform".into()),
        purpose: Some("records".into()),
        encryption: Some("tls".into()),
        expires: None,
        enforced_by: vec!["aws_security_group.brokers".into(), "aws_vpc_endpoint.s3".into()],
        monthly_micro_usd: Some(Fact::Known(7_300_000)),
        doubt: None,
        approved,
        at: at("aws_vpc_endpoint.s3", 70),
    }
}

fn store() -> StoreEntry {
    StoreEntry {
        name: "s3://orders-data/data/".into(),
        kind: "bucket".into(),
        classes: [Class::Payloads, Class::Progress].into(),
        zone: Zone::CustomerStorage,
        account: Fact::Known("111111111111".into()),
        region: Fact::Known("eu-central-1".into()),
        key: Some(Fact::from_text(KEY)),
        key_model: Some(Fact::Known("customer_managed".into())),
        versioning: Some(Fact::Known("disabled".into())),
        retention_days: Fact::Known(Some(7)),
        copies: Vec::new(),
        approved: true,
        at: at("aws_s3_bucket.data", 5),
    }
}
