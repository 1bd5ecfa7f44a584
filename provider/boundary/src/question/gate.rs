//! J. Gates and rules about the review itself; the matrix of 13 classes by 4 aspects.

use std::collections::BTreeSet;

use super::{Absent, Answer, Boundary, Case, How, Needs, Question, all, holding::StoreKey};
use crate::{
    model::{
        Aspect, Class, Finding, Reason, Verdict, Witness,
        artifact::Class::{Backups, Cost, Exit, Metrics, Support},
    },
    requirement,
    review::{Cell, Counts, Gate, Grouping},
};

/// Section J.
pub(super) const QUESTIONS: &[Question] = &[
    Question {
        id: "exclusions-valid",
        title: "Has every exception a reason, somebody who approved it, and a last day that is not past?",
        requirements: &[24, 103],
        boundary: Boundary::Control,
        how: How::Computed { ask: exclusions, none: Absent::Proves("nothing is excluded") },
    },
    Question {
        id: "evidence-cited",
        title: "Does every proof about a resource cite its evidence?",
        requirements: &[101],
        boundary: Boundary::Control,
        how: How::OfFindings(evidence_cited),
    },
    Question {
        id: "report-complete",
        title: "Has every requirement an answer, every boundary a question, every gate its questions?",
        requirements: &[93, 94, 95, 96, 97, 98, 99, 100, 102, 104],
        boundary: Boundary::Control,
        how: How::OfFindings(complete),
    },
    Question {
        id: "scaling-neutral",
        title: "Does a change of scale leave the boundary as it is?",
        requirements: &[105],
        boundary: Boundary::Operational,
        how: How::Later { needs: Needs::Rehearsal, what: "fingerprints before and after a scaling event" },
    },
];

fn exclusions(case: &Case<'_>) -> Vec<Answer> {
    case.contract
        .exclusions
        .iter()
        .map(|one| {
            let subject = format!("{} {}", one.question, one.subject);
            let lacking = [("reason", &one.reason), ("approved_by", &one.approved_by), ("expires", &one.expires)];
            let complete = Verdict::all(lacking.into_iter().filter(|(_, text)| text.is_empty()).map(|(what, _)| {
                Verdict::unknown(Reason::HumanMissing { attribute: format!("exclusions.{}.{what}", one.question) })
            }));
            let past = !one.expires.is_empty() && case.is_past(&one.expires);
            let known = all().any(|question| question.id == one.question);
            let in_time = Verdict::holds(!past, || Witness {
                resource: Some(one.subject.clone()),
                ..Witness::new(format!("the exception ended on {}", one.expires))
            });
            let real = Verdict::holds(known, || Witness::new(format!("there is no question {}", one.question)));
            Answer::of(
                subject,
                complete.and(in_time).and(real),
                format!("excluded until {}: {}", one.expires, one.reason),
            )
            .in_contract(one.place.as_ref())
        })
        .collect()
}

/// A proof about a resource of a plan without evidence is an assertion.
fn evidence_cited(_: &Case<'_>, findings: &[Finding]) -> Vec<Answer> {
    let bare: BTreeSet<&str> = findings
        .iter()
        .filter(|one| one.verdict.is_proved() && one.address.is_some() && one.evidence.is_empty())
        .map(|one| one.question.as_str())
        .collect();
    let list = bare.iter().copied().collect::<Vec<_>>().join(", ");
    let verdict = if bare.is_empty() {
        Verdict::proved()
    } else {
        Verdict::unknown(Reason::Unsupported { construct: format!("proofs without evidence: {list}") })
    };
    vec![Answer::of("findings", verdict, format!("{} findings", findings.len()))]
}

/// The review's own promise, checked on every run.
fn complete(_: &Case<'_>, findings: &[Finding]) -> Vec<Answer> {
    let own = ["report-complete", "scaling-neutral"];
    let asked: BTreeSet<&str> = findings.iter().map(|one| one.question.as_str()).chain(own).collect();
    let answered: BTreeSet<u16> =
        all().filter(|one| asked.contains(one.id)).flat_map(|one| one.requirements).copied().collect();
    let silent: Vec<u16> =
        requirement::all().iter().map(|one| one.number).filter(|number| !answered.contains(number)).collect();
    let every = [Boundary::Control, Boundary::Cryptographic, Boundary::Operational, Boundary::Recovery];
    let boundaries = every.iter().filter(|boundary| !all().any(|one| one.boundary == **boundary)).count();
    let empty =
        scorecard(findings).iter().flat_map(|group| &group.gates).filter(|gate| gate.questions.is_empty()).count();
    let verdict = Verdict::holds(silent.is_empty() && boundaries == 0 && empty == 0, || {
        Witness::new(format!(
            "requirements without an answer: {silent:?}; {boundaries} boundaries and {empty} gates without a question"
        ))
    });
    vec![Answer::of("review", verdict, "every requirement is answered, every boundary and gate has questions")]
}

/// Gates: name and requirements whose questions decide.
type Gates = &'static [(&'static str, &'static [u16])];

const SCORECARD: Gates = &[
    ("compatibility", &[38, 74, 87]),
    ("boundary", &[1, 3, 7, 13, 15, 17, 21, 28, 30, 31, 40, 43, 44, 45, 46, 49, 55, 66]),
    ("recovery", &[23, 50, 76, 77, 78, 79, 80, 81, 82, 84, 85, 88]),
    ("cost", &[25, 47, 89, 90, 91, 92]),
    ("migration", &[63, 71, 86]),
];
const PRODUCTION: Gates = &[
    ("compatibility", &[74, 87]),
    ("storage boundary", &[1, 7, 12, 15, 28, 60, 62, 66]),
    ("key administration", &[18, 19, 20, 21, 22, 24]),
    ("audit evidence", &[8, 26, 54, 69, 101]),
    ("cost model", &[25, 89, 90, 91]),
    ("failure recovery", &[23, 76, 77, 78, 80, 81]),
    ("migration safety", &[71, 82, 86]),
];
const READINESS: Gates = &[
    ("topic inventory", &[64, 65, 71]),
    ("access", &[27, 28, 30, 35, 36]),
    ("network", &[40, 43, 45, 46, 48, 49]),
    ("storage", &[1, 18, 60, 62, 66]),
    ("scaling", &[59, 75, 105]),
    ("observability", &[5, 6, 26, 41, 53, 69, 85]),
    ("rollback", &[67, 82, 86]),
];
const READINESS_KINDS: Gates = &[
    ("semantic readiness", &[74, 86, 87, 88]),
    ("control readiness", &[20, 27, 30, 35, 51, 56, 68, 69]),
    ("rollback readiness", &[63, 67, 81, 82, 84]),
];

/// The groupings of the same questions.
pub(super) fn scorecard(findings: &[Finding]) -> Vec<Grouping> {
    let groupings = [
        ("scorecard", 93, SCORECARD),
        ("production gates", 94, PRODUCTION),
        ("readiness rows", 95, READINESS),
        ("readiness", 97, READINESS_KINDS),
    ];
    let gate = |(name, numbers): &(&str, &[u16])| {
        let questions: BTreeSet<String> = all()
            .filter(|one| one.requirements.iter().any(|number| numbers.contains(number)))
            .map(|one| one.id.to_owned())
            .collect();
        let counts =
            Counts::of(findings.iter().filter(|one| questions.contains(&one.question)).map(|one| &one.verdict));
        Gate { name: (*name).to_owned(), colour: counts.colour(), questions, counts }
    };
    groupings
        .into_iter()
        .map(|(name, requirement, gates)| Grouping {
            name: name.into(),
            requirement,
            gates: gates.iter().map(gate).collect(),
        })
        .collect()
}

/// Questions behind an aspect of a class.
fn of_aspect(aspect: Aspect) -> &'static [&'static str] {
    match aspect {
        Aspect::Residency => &["data-location", "copies-governed", "key-region", "log-copies"],
        Aspect::Access => &[
            "reads-now",
            "holds-get",
            "can-become-reader",
            "decrypters",
            "encryption",
            "key-delegation",
            "key-grants",
            "foreign-access",
            "public-access-blocked",
            "no-access-lists",
            "tls-only",
            "records-through-endpoints",
            "secret-readers",
        ],
        Aspect::Retention => &["lifecycle-keeps", "log-retention", "versioning"],
        Aspect::Deletion => &["old-versions-go", "bucket-kept", "deleters"],
    }
}

/// 13 classes by 4 aspects: what was found about the stores and keys of each class.
pub(super) fn matrix(case: &Case<'_>, findings: &[Finding]) -> Vec<Cell> {
    Class::ALL.into_iter().flat_map(|class| Aspect::ALL.map(|aspect| cell(case, findings, class, aspect))).collect()
}

fn cell(case: &Case<'_>, findings: &[Finding], class: Class, aspect: Aspect) -> Cell {
    let mut subjects: BTreeSet<String> = BTreeSet::new();
    for holding in case.holdings.iter().filter(|one| one.class == Some(class)) {
        subjects.extend([holding.store.name(), holding.subject()]);
        subjects.extend(holding.store.origin().map(|origin| origin.address.clone()));
        if let StoreKey::Known(key) = holding.store.key(case.world) {
            subjects.insert(key.origin.address.clone());
        }
    }
    let asked = of_aspect(aspect);
    let own: Vec<&Finding> = findings
        .iter()
        .filter(|one| asked.contains(&one.question.as_str()) && subjects.contains(&one.subject))
        .collect();
    let questions: BTreeSet<String> = own.iter().map(|one| one.question.clone()).collect();
    if own.is_empty() {
        return Cell {
            class,
            aspect,
            verdict: without(case, class),
            questions: asked.iter().map(|one| (*one).to_owned()).collect(),
        };
    }
    Cell { class, aspect, verdict: Verdict::all(own.iter().map(|one| one.verdict.clone())), questions }
}

/// A class without a store of this world: stated to be none, kept by AWS, or nobody said.
fn without(case: &Case<'_>, class: Class) -> Verdict {
    let stores = case.contract.class(class).stores;
    if stores.iter().any(|one| one == "none") {
        return Verdict::proved();
    }
    let stated = match class {
        Support => case.contract.statement("support_store").is_ok(),
        Class::Schemas => case.contract.statement("schema_registry").is_ok(),
        _ => false,
    };
    let aws = |what: &str| Verdict::unknown(Reason::NotRead { source: "aws".into(), what: what.into() });
    match class {
        Support | Class::Schemas if stated => Verdict::proved(),
        Metrics if !stores.is_empty() => aws("cloudwatch:ListMetrics"),
        Cost => aws("ce:GetCostAndUsage"),
        Backups => aws("backup:ListProtectedResources, ec2:DescribeSnapshots"),
        Exit => Verdict::unknown(Reason::NotRead { source: "rehearsal".into(), what: "exit export".into() }),
        _ => Verdict::unknown(Reason::HumanMissing { attribute: format!("classes.{}.stores", class.name()) }),
    }
}
