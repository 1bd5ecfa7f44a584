//! C. Access: who reads, who administers, and who could come to read.
//!
//! Service control policies are not asked: they only narrow, so that a proof holds without them, and a violation is what
//! holds unless one of them forbids it.

use std::collections::{BTreeMap, BTreeSet};

use super::{
    Absent, Answer, Case, How, Needs, Question,
    administration::{self, is_administrator},
    estate::{self, OTHERS},
    holding::{Holding, Store, StoreKey},
    keys,
};
use crate::{
    iam::{
        Applied, Caller, Context, Effect, Request, Resource, ResourceSide,
        estate::{Changes, Estate, Principal, Store as StoreSide},
        evaluate,
        readers::{Reading, reading},
        truth::Truth,
    },
    model::{Class, Reason, Verdict, Witness, contract::matches, key::Key, store::Bucket},
    review::Boundary,
};

/// Questions of sections B, C and E that are answered by evaluating policies.
pub(super) const QUESTIONS: &[Question] = &[
    Question {
        id: "reads-now",
        title: "Who can read each class of data now?",
        requirements: &[21, 28, 51],
        boundary: Boundary::Cryptographic,
        how: How::Computed {
            ask: reads_now,
            none: Absent::Unread(Needs::Live, "s3:GetBucketPolicy, kms:GetKeyPolicy"),
        },
    },
    Question {
        id: "holds-get",
        title: "Whom does only the key stop from reading objects?",
        requirements: &[28],
        boundary: Boundary::Cryptographic,
        how: How::Computed { ask: holds_get, none: Absent::Unread(Needs::Live, "s3:GetBucketPolicy") },
    },
    Question {
        id: "decrypters",
        title: "Who can use each key to decrypt?",
        requirements: &[20, 21],
        boundary: Boundary::Cryptographic,
        how: How::Computed { ask: decrypters, none: Absent::Unread(Needs::Live, "kms:GetKeyPolicy, kms:ListGrants") },
    },
    Question {
        id: "key-administrators",
        title: "Who can change each key's policy, or end it?",
        requirements: &[20, 27],
        boundary: Boundary::Cryptographic,
        how: How::Computed {
            ask: administration::key_administrators,
            none: Absent::Unread(Needs::Live, "kms:GetKeyPolicy"),
        },
    },
    Question {
        id: "deleters",
        title: "Who can delete what each store holds?",
        requirements: &[28, 60],
        boundary: Boundary::Control,
        how: How::Computed { ask: deleters, none: Absent::Unread(Needs::Live, "s3:GetBucketPolicy") },
    },
    Question {
        id: "administrators",
        title: "Who can administer the platform?",
        requirements: &[27, 29],
        boundary: Boundary::Control,
        how: How::Computed {
            ask: administration::administrators,
            none: Absent::Unread(Needs::Live, "iam:GetAccountAuthorizationDetails"),
        },
    },
    Question {
        id: "can-become-reader",
        title: "By which recorded changes could an administrator come to read, who accepted them, and which rule sees them?",
        requirements: &[30, 51],
        boundary: Boundary::Control,
        how: How::Computed {
            ask: super::chain::can_become,
            none: Absent::Unread(Needs::Live, "iam:GetAccountAuthorizationDetails"),
        },
    },
    Question {
        id: "undescribed-principals",
        title: "What can principals of the account do that this plan does not describe?",
        requirements: &[27, 30],
        boundary: Boundary::Control,
        how: How::Later { needs: Needs::Live, what: "iam:GetAccountAuthorizationDetails" },
    },
    Question {
        id: "root-user",
        title: "Is the account's root user locked away? It can always come back to buckets and roles.",
        requirements: &[27, 34],
        boundary: Boundary::Control,
        how: How::Later { needs: Needs::Live, what: "iam:GetAccountSummary, cloudtrail:LookupEvents of the root user" },
    },
    Question {
        id: "separation",
        title: "Is nobody who administers also a reader, unless both are approved?",
        requirements: &[30, 51],
        boundary: Boundary::Control,
        how: How::Computed {
            ask: administration::separation,
            none: Absent::Unread(Needs::Live, "iam:GetAccountAuthorizationDetails"),
        },
    },
];

/// What one principal can do with one store.
#[derive(Clone, Debug)]
pub(super) struct ReaderRow {
    /// The store's index among the holdings.
    pub(super) holding: usize,
    /// ARN, service or `anyone`.
    pub(super) principal: String,
    /// Whether it stands for everybody whom the world does not describe.
    pub(super) stands_for_others: bool,
    /// What it can do.
    pub(super) reading: Reading,
}

/// What everybody can do with every bucket that holds a class.
pub(super) fn readings(case: &Case<'_>) -> Vec<ReaderRow> {
    let mut rows: Vec<ReaderRow> = Vec::new();
    let mut of_store: BTreeMap<String, usize> = BTreeMap::new();
    for (index, holding) in case.holdings.iter().enumerate() {
        let Store::Bucket { bucket, prefix } = &holding.store else { continue };
        // Several classes in one store have the same readers.
        if let Some(same) = of_store.get(&holding.store.name()) {
            let again: Vec<ReaderRow> = rows.iter().filter(|row| row.holding == *same).cloned().collect();
            rows.extend(again.into_iter().map(|row| ReaderRow { holding: index, ..row }));
            continue;
        }
        of_store.insert(holding.store.name(), index);
        let store = StoreSide {
            class: holding.class.map(Class::name).unwrap_or_default().to_owned(),
            bucket: estate::bucket_arn(bucket),
            prefix: prefix.clone(),
            encryption: estate::encryption(case.world, bucket),
        };
        for principal in &case.estate.principals {
            let reading = reading(&case.estate, principal, &store, Changes::default());
            if reading.holds_get.is_no() {
                continue;
            }
            let name = principal.name();
            rows.push(ReaderRow {
                holding: index,
                stands_for_others: stands_for_others(&name),
                principal: name,
                reading,
            });
        }
    }
    rows
}

pub(super) fn stands_for_others(name: &str) -> bool {
    name.ends_with(OTHERS)
}

/// The reasons of a maybe.
pub(super) fn reasons(truth: &Truth) -> BTreeSet<Reason> {
    match truth {
        Truth::Maybe(reasons) => reasons.iter().map(estate::of_iam).collect(),
        Truth::Yes | Truth::No => BTreeSet::new(),
    }
}

/// Allowing statements as `ADDRESS#SID`.
pub(super) fn statements(applied: &[Applied]) -> Vec<String> {
    let allowing = applied.iter().filter(|one| one.effect == Effect::Allow);
    let mut found: Vec<String> = allowing
        .map(|one| {
            let name = one.statement.trim_start_matches('#');
            format!("{}#{name}", one.policy)
        })
        .collect();
    found.sort();
    found.dedup();
    found
}

/// What one principal's truth means: not so, approved, violated or not decided.
pub(super) fn judged(truth: &Truth, principal: &str, approved: bool, witness: impl FnOnce() -> Witness) -> Verdict {
    match truth {
        Truth::No => Verdict::proved(),
        _ if approved => Verdict::proved(),
        // A role that nobody described may be admitted: whether there is one, the account tells.
        _ if stands_for_others(principal) && !principal.contains(estate::ELSEWHERE) => {
            Verdict::unknown(estate::account_reason())
        }
        Truth::Yes => Verdict::violated(witness()),
        Truth::Maybe(_) => Verdict::Unknown(reasons(truth)),
    }
}

fn reads_now(case: &Case<'_>) -> Vec<Answer> {
    by_holding(
        case,
        |row| row.reading.assumable.clone().and(row.reading.at_most.clone()),
        "readers",
        |name, store| format!("{name} reads {store}, and the contract does not name it as a reader"),
    )
}

fn holds_get(case: &Case<'_>) -> Vec<Answer> {
    let stopped = |row: &ReaderRow| {
        let holds = row.reading.assumable.clone().and(row.reading.holds_get.clone());
        holds.and(row.reading.decrypts.clone().negate())
    };
    by_holding(case, stopped, "readers", |name, store| {
        format!("{name} is allowed the objects of {store}: only the key stops it")
    })
}

/// One answer per store: everybody for whom `truth` holds is approved.
fn by_holding(
    case: &Case<'_>,
    truth: impl Fn(&ReaderRow) -> Truth,
    attribute: &str,
    what: impl Fn(&str, &str) -> String,
) -> Vec<Answer> {
    let mut found = Vec::new();
    for (index, holding) in case.holdings.iter().enumerate() {
        let Store::Bucket { bucket, .. } = &holding.store else { continue };
        let terms = holding.terms(case.contract);
        let store = holding.store.name();
        let rows: Vec<&ReaderRow> = case.readings().iter().filter(|row| row.holding == index).collect();
        let mut verdict = Verdict::proved();
        let mut names = Vec::new();
        for row in rows {
            let truth = truth(row);
            let approved = terms.readers.iter().any(|one| matches(one, &row.principal));
            let unstated = terms.readers.is_empty() && !truth.is_no() && !stands_for_others(&row.principal);
            if truth.is_yes() && !stands_for_others(&row.principal) {
                names.push(row.principal.clone());
            }
            let class = holding.class.map(Class::name).unwrap_or("*");
            verdict = verdict.and(if unstated {
                Verdict::unknown(Reason::HumanMissing { attribute: format!("classes.{class}.{attribute}") })
            } else {
                judged(&truth, &row.principal, approved, || witness(row, what(&row.principal, &store)))
            });
        }
        let sentence = match names.is_empty() {
            true => format!("{}: nobody", holding.subject()),
            false => format!("{}: {}", holding.subject(), names.join(", ")),
        };
        let mut answer = Answer::about(&bucket.origin, verdict, sentence).named(holding.subject());
        if let StoreKey::Known(key) = holding.store.key(case.world) {
            answer = answer.at(&key.origin);
        }
        found.push(answer);
    }
    found
}

fn witness(row: &ReaderRow, what: String) -> Witness {
    let shown = row.reading.witness.as_ref();
    let mut all = shown.map(|one| statements(&one.get)).unwrap_or_default();
    all.extend(shown.map(|one| statements(&one.decrypt)).unwrap_or_default());
    Witness {
        principal: Some(row.principal.clone()),
        action: shown.map(|one| one.action.clone()),
        resource: shown.map(|one| one.resource.clone()),
        statements: all,
        hops: shown.map(|one| vec![one.way.clone()]).unwrap_or_default(),
        ..Witness::new(what)
    }
}

/// One request of one principal, judged against a resource's own policies.
pub(super) fn ask(
    estate: &Estate,
    principal: &Principal,
    action: &str,
    resource: Resource,
    account: &str,
    side: ResourceSide,
    context: Context,
) -> (Truth, Vec<String>) {
    let circumstances = estate.circumstances(principal, Changes::default(), side, account);
    let request = Request {
        caller: principal.caller.clone(),
        action: action.to_owned(),
        resource,
        resource_account: Some(account.to_owned()),
        context,
    };
    let answer = evaluate(&request, &circumstances);
    (answer.decision.truth(), statements(&answer.applied))
}

pub(super) fn of_key(
    case: &Case<'_>,
    key: &Key,
    principal: &Principal,
    action: &str,
    context: Context,
) -> (Truth, Vec<String>) {
    let arn = estate::key_arn(key);
    // Every request to KMS is signed: https://docs.aws.amazon.com/kms/latest/APIReference/Welcome.html
    if principal.caller == Caller::Anonymous {
        return (Truth::No, Vec::new());
    }
    let Some(side) = case.estate.key(&arn) else { return (Truth::No, Vec::new()) };
    let resource = ResourceSide::Key {
        policy: side.policy.clone(),
        grants: side.grants.clone(),
        more_grants: side.more_grants.clone(),
    };
    ask(&case.estate, &estate::at_key(principal), action, Resource::One(arn), &side.account, resource, context)
}

/// Actions that turn ciphertext into plaintext, or into ciphertext under another key.
const DECRYPTING: &[&str] = &["kms:Decrypt", "kms:ReEncryptFrom"];

fn decrypters(case: &Case<'_>) -> Vec<Answer> {
    let judge = |(key, classes): (&Key, BTreeSet<Class>)| {
        let approved: Vec<String> = classes.iter().flat_map(|class| case.contract.class(*class).readers).collect();
        let mut verdict = Verdict::proved();
        let mut names = BTreeSet::new();
        for principal in &case.estate.principals {
            let name = principal.name();
            let is_approved = approved.iter().any(|one| matches(one, &name));
            for action in DECRYPTING {
                // Whatever service asks on whose behalf, and with whatever encryption context.
                let (truth, statements) = of_key(case, key, principal, action, Context::unknown());
                if !truth.is_no() && !stands_for_others(&name) {
                    names.insert(name.clone());
                }
                let surely = truth.is_yes() || bounded_only(&truth);
                let truth = if surely { Truth::Yes } else { truth };
                verdict = verdict.and(if approved.is_empty() && !truth.is_no() && !stands_for_others(&name) {
                    Verdict::unknown(Reason::HumanMissing { attribute: format!("classes.{}.readers", first(&classes)) })
                } else {
                    judged(&truth, &name, is_approved, || Witness {
                        principal: Some(name.clone()),
                        action: Some((*action).to_owned()),
                        resource: Some(key.origin.address.clone()),
                        statements,
                        ..Witness::new(format!("{name} can use the key, and no class under it names it as a reader"))
                    })
                });
            }
        }
        let names: Vec<String> = names.into_iter().collect();
        let sentence =
            if names.is_empty() { "nobody decrypts".to_owned() } else { format!("decrypt: {}", names.join(", ")) };
        Answer::about(&key.origin, verdict, sentence)
    };
    keys::used(case).into_iter().filter(|(_, classes)| !classes.is_empty()).map(judge).collect()
}

fn first(classes: &BTreeSet<Class>) -> &'static str {
    classes.first().map_or("*", |class| class.name())
}

/// Open only for keys of the request, which whoever asks chooses: the service, the encryption context.
fn bounded_only(truth: &Truth) -> bool {
    let Truth::Maybe(reasons) = truth else { return false };
    reasons.iter().all(|one| matches!(one, crate::iam::truth::Reason::KeyUnknown { .. }))
}

/// Actions that delete objects.
const DELETING: &[&str] = &["s3:DeleteObject", "s3:DeleteObjectVersion"];

pub(super) fn of_bucket(
    case: &Case<'_>,
    bucket: &Bucket,
    principal: &Principal,
    action: &str,
    resource: Resource,
) -> (Truth, Vec<String>) {
    let arn = estate::bucket_arn(bucket);
    let Some(side) = case.estate.bucket(&arn) else { return (Truth::No, Vec::new()) };
    let context = Context::unknown().with_value("aws:SecureTransport", "true");
    ask(
        &case.estate,
        principal,
        action,
        resource,
        &side.account,
        ResourceSide::Bucket(side.permissions.clone()),
        context,
    )
}

fn deleters(case: &Case<'_>) -> Vec<Answer> {
    let mut found = Vec::new();
    for holding in &case.holdings {
        let (Store::Bucket { bucket, prefix }, Some(class)) = (&holding.store, holding.class) else { continue };
        let terms = holding.terms(case.contract);
        let approved: Vec<&String> = terms.readers.iter().chain(&terms.deleters).collect();
        let mut verdict = Verdict::proved();
        for principal in &case.estate.principals {
            let name = principal.name();
            for action in DELETING {
                let resource = Resource::AnyOf(format!("{}/{prefix}*", estate::bucket_arn(bucket)));
                let (truth, statements) = of_bucket(case, bucket, principal, action, resource);
                let truth = if bounded_only(&truth) { Truth::Yes } else { truth };
                let is_approved =
                    approved.iter().any(|one| matches(one, &name)) || is_administrator(case, &name, "storage");
                verdict = verdict.and(if approved.is_empty() && !truth.is_no() && !stands_for_others(&name) {
                    Verdict::unknown(Reason::HumanMissing { attribute: format!("classes.{}.deleters", class.name()) })
                } else {
                    judged(&truth, &name, is_approved, || Witness {
                        principal: Some(name.clone()),
                        action: Some((*action).to_owned()),
                        resource: Some(holding.store.name()),
                        statements,
                        ..Witness::new(format!("{name} may delete from {}", holding.store.name()))
                    })
                });
            }
        }
        let sentence = format!("deleters of {}", holding.store.name());
        found.push(Answer::about(&bucket.origin, verdict, sentence).named(holding.subject()));
    }
    found
}

pub(super) fn is_record(holding: Option<&Holding<'_>>) -> bool {
    holding.and_then(|one| one.class).is_some_and(|class| matches!(class, Class::Payloads | Class::WriteAheadLog))
}
