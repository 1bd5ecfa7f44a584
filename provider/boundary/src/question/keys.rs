//! B. Keys and encryption: which key protects what, and who can use and change it.

use std::collections::{BTreeMap, BTreeSet};

use super::{
    Absent, Answer, Case, How, Needs, Question,
    holding::{Holding, Store, StoreKey},
    policy,
};
use crate::{
    iam::document::{Effect, Statement},
    model::{
        Change, Class, Reason, Verdict, Witness,
        contract::matches,
        key::{Grant, Key, KeyModel},
        store::Bucket,
    },
    review::Boundary,
};

/// Section B.
pub(super) const QUESTIONS: &[Question] = &[
    Question {
        id: "encryption",
        title: "Is every store encrypted under the key model that its class requires, with the named key?",
        requirements: &[18, 24],
        boundary: Boundary::Cryptographic,
        how: How::Computed { ask: encryption, none: Absent::Unread(Needs::Live, "s3:GetBucketEncryption") },
    },
    Question {
        id: "tls-only",
        title: "Does every bucket refuse requests without TLS?",
        requirements: &[18, 66],
        boundary: Boundary::Cryptographic,
        how: How::Computed { ask: tls_only, none: Absent::Unread(Needs::Live, "s3:GetBucketPolicy") },
    },
    Question {
        id: "listener-tls",
        title: "Which TLS version and which authentication does each listener ask for?",
        requirements: &[18, 38],
        boundary: Boundary::Cryptographic,
        how: How::Later { needs: Needs::Broker, what: "the broker's listeners" },
    },
    Question {
        id: "key-model",
        title: "Whose key is it, and of what material?",
        requirements: &[19],
        boundary: Boundary::Cryptographic,
        how: How::Computed { ask: key_model, none: Absent::Unread(Needs::Live, "kms:DescribeKey") },
    },
    Question {
        id: "key-delegation",
        title: "Does any key leave decryption to whomever the account's IAM admits?",
        requirements: &[21],
        boundary: Boundary::Cryptographic,
        how: How::Computed { ask: delegation, none: Absent::Unread(Needs::Live, "kms:GetKeyPolicy") },
    },
    Question {
        id: "key-grants",
        title: "Does any grant let somebody use a key whom the contract does not name?",
        requirements: &[20, 21],
        boundary: Boundary::Cryptographic,
        how: How::Computed { ask: grants, none: Absent::Unread(Needs::Live, "kms:ListGrants") },
    },
    Question {
        id: "key-rotation",
        title: "Does every key rotate in time?",
        requirements: &[22],
        boundary: Boundary::Cryptographic,
        how: How::Computed { ask: rotation, none: Absent::Unread(Needs::Live, "kms:GetKeyRotationStatus") },
    },
    Question {
        id: "key-enabled",
        title: "Can every key be used?",
        requirements: &[23],
        boundary: Boundary::Recovery,
        how: How::Computed { ask: enabled, none: Absent::Unread(Needs::Live, "kms:DescribeKey") },
    },
    Question {
        id: "key-outage",
        title: "What fails when a key fails, and where is it written how to restore it?",
        requirements: &[23],
        boundary: Boundary::Recovery,
        how: How::Computed { ask: outage, none: Absent::Unread(Needs::Live, "s3:GetBucketEncryption") },
    },
    Question {
        id: "key-region",
        title: "Does every key stay in its region?",
        requirements: &[15, 18],
        boundary: Boundary::Cryptographic,
        how: How::Computed { ask: region, none: Absent::Unread(Needs::Live, "kms:DescribeKey") },
    },
    Question {
        id: "key-requests",
        title: "Are KMS requests bounded by bucket keys?",
        requirements: &[25],
        boundary: Boundary::Operational,
        how: How::Computed { ask: requests, none: Absent::Unread(Needs::Live, "s3:GetBucketEncryption") },
    },
    Question {
        id: "key-last-rotated",
        title: "When was each key last rotated?",
        requirements: &[22],
        boundary: Boundary::Cryptographic,
        how: How::Later { needs: Needs::Live, what: "kms:ListKeyRotations" },
    },
];

fn encryption(case: &Case<'_>) -> Vec<Answer> {
    let stored = case
        .holdings
        .iter()
        .filter(|one| one.class.is_some() && !matches!(one.store, Store::Missing(_) | Store::Metrics(_)));
    stored.map(|holding| encrypted(case, holding)).collect()
}

fn encrypted(case: &Case<'_>, holding: &Holding<'_>) -> Answer {
    let terms = holding.terms(case.contract);
    let name = holding.store.name();
    let fails = |what: String| {
        let class = holding.class.map(Class::name).unwrap_or_default();
        Verdict::violated(Witness { resource: Some(name.clone()), ..Witness::new(format!("{class}: {what}")) })
    };
    let required = terms.key_model.as_deref();
    let stated = |model: &str| required == Some(model);
    let unstated = || {
        let class = holding.class.map(Class::name).unwrap_or_default();
        Verdict::unknown(Reason::HumanMissing { attribute: format!("classes.{class}.key_model") })
    };
    let (verdict, sentence) = match holding.store.key(case.world) {
        StoreKey::Unknown(reason) => (Verdict::unknown(reason), format!("{name}: its key is not known")),
        StoreKey::Aws if required.is_none() => (unstated(), format!("{name} is under a key that AWS manages")),
        StoreKey::Aws => {
            let verdict = if stated(KeyModel::AwsManaged.name()) {
                Verdict::proved()
            } else {
                fails(format!("{name} is under a key that AWS manages, {} is required", required.unwrap_or_default()))
            };
            (verdict, format!("{name} is under a key that AWS manages"))
        }
        StoreKey::Elsewhere(text) => {
            let verdict = match terms.key.as_deref() {
                Some(key) if key == text => Verdict::proved(),
                Some(key) => fails(format!("{name} is under {text}, the contract names {key}")),
                None => {
                    Verdict::unknown(Reason::NotRead { source: "aws".into(), what: format!("kms:DescribeKey {text}") })
                }
            };
            (verdict, format!("{name} is under {text}"))
        }
        StoreKey::Known(key) => {
            let named = terms.key.as_deref().is_none_or(|wanted| is_key(key, wanted));
            let verdict = if !named {
                fails(format!(
                    "{name} is under {}, the contract names {}",
                    key.origin.address,
                    terms.key.unwrap_or_default()
                ))
            } else if required.is_none() {
                unstated()
            } else {
                key.arn.judge_text(|_| Verdict::proved())
            };
            // The key's own ARN is computed; that it is this key is not.
            let verdict =
                if matches!(key.arn.reason(), Some(Reason::ComputedAtApply { .. })) && named && required.is_some() {
                    Verdict::proved()
                } else {
                    verdict
                };
            (verdict, format!("{name} is under {}", key.origin.address))
        }
    };
    let answer = Answer::of(name, verdict, sentence);
    holding.store.origin().map_or(answer.clone(), |origin| answer.at(origin))
}

/// Whether a key is the one that a contract names by ARN, identifier, alias or address.
pub(super) fn is_key(key: &Key, wanted: &str) -> bool {
    let alias = wanted.rfind("alias/").and_then(|at| wanted.get(at..));
    key.arn.text() == Some(wanted)
        || key.id.text() == Some(wanted)
        || key.origin.address == wanted
        || alias.is_some_and(|alias| key.aliases.iter().any(|one| one.text() == Some(alias)))
}

/// Keys that protect classes, and which.
pub(super) fn used<'a>(case: &Case<'a>) -> Vec<(&'a Key, BTreeSet<Class>)> {
    let mut found: BTreeMap<&str, (&Key, BTreeSet<Class>)> = BTreeMap::new();
    for holding in &case.holdings {
        let StoreKey::Known(key) = holding.store.key(case.world) else { continue };
        let entry = found.entry(&key.origin.address).or_insert((key, BTreeSet::new()));
        entry.1.extend(holding.class);
    }
    found.into_values().collect()
}

fn names(classes: &BTreeSet<Class>) -> String {
    if classes.is_empty() {
        "no declared class".into()
    } else {
        classes.iter().map(|one| one.name()).collect::<Vec<_>>().join(", ")
    }
}

fn key_model(case: &Case<'_>) -> Vec<Answer> {
    let judge = |(key, classes): (&Key, BTreeSet<Class>)| {
        let verdict = Verdict::all(classes.iter().map(|class| match case.contract.class(*class).key_model {
            None => Verdict::unknown(Reason::HumanMissing { attribute: format!("classes.{}.key_model", class.name()) }),
            Some(required) => key.model.judge(|model| {
                Verdict::holds(model.name() == required, || Witness {
                    resource: Some(key.origin.address.clone()),
                    ..Witness::new(format!(
                        "{} is {}, {} requires {required}",
                        key.origin.address,
                        model.name(),
                        class.name()
                    ))
                })
            }),
        }));
        let model = key.model.known().map_or("not known", |model| model.name());
        Answer::about(&key.origin, verdict, format!("the key of {} is {model}", names(&classes)))
    };
    used(case).into_iter().map(judge).collect()
}

/// Actions that yield plaintext, or the right to it.
const USES: &[&str] = &["kms:Decrypt", "kms:ReEncryptFrom", "kms:CreateGrant"];

fn delegation(case: &Case<'_>) -> Vec<Answer> {
    case.world
        .keys
        .iter()
        .filter(|key| protects(key))
        .map(|key| {
            let verdict = match policy::read(&key.policy, &key.origin) {
                Err(verdict) => verdict,
                Ok(document) => {
                    let denies: Vec<&Statement> =
                        document.statements.iter().filter(|one| one.effect == Effect::Deny).collect();
                    Verdict::all(policy::allows(&document).map(|statement| delegates(key, statement, &denies)))
                }
            };
            let sentence = if verdict.is_violated() {
                "its policy leaves decryption to the account's IAM"
            } else {
                "who decrypts is decided by its policy and its grants alone"
            };
            Answer::about(&key.origin, key.policy.judge_text(|_| verdict), sentence)
        })
        .collect()
}

/// Keys that encrypt; what signs is asked elsewhere.
fn protects(key: &Key) -> bool {
    key.usage.text() != Some("SIGN_VERIFY") && key.model.known() != Some(&KeyModel::AwsManaged)
}

fn delegates(key: &Key, statement: &Statement, denies: &[&Statement]) -> Verdict {
    let root = policy::named(statement).into_iter().find_map(|one| match one {
        policy::Named::Everyone => Some("*".to_owned()),
        policy::Named::Account { account, text } if text.ends_with(":root") || text == account => Some(text),
        _ => None,
    });
    let Some(root) = root else { return Verdict::proved() };
    let action = USES.iter().find(|action| policy::covers(statement, &[action]) && !denied(denies, action));
    let Some(action) = action else { return Verdict::proved() };
    let bound = ["aws:PrincipalArn", "aws:userid"].into_iter().find_map(|name| policy::bound_to(statement, name));
    let bounded = bound.is_some_and(|values| {
        values.iter().all(|value| !value.ends_with(":*") && !value.ends_with("role/*") && value != "*")
    });
    Verdict::holds(bounded, || Witness {
        principal: Some(root),
        action: Some((*action).to_owned()),
        resource: Some(key.origin.address.clone()),
        statements: vec![policy::reference(&key.origin, statement)],
        ..Witness::new("whoever the account's IAM policies admit uses this key: the key policy does not name them")
    })
}

/// Whether a deny takes an action from everybody but named principals.
fn denied(denies: &[&Statement], action: &str) -> bool {
    denies.iter().any(|statement| {
        let everybody = policy::named(statement).contains(&policy::Named::Everyone);
        let by_arn = statement.conditions.iter().all(|one| one.key.eq_ignore_ascii_case("aws:PrincipalArn"));
        everybody && by_arn && policy::covers(statement, &[action])
    })
}

fn grants(case: &Case<'_>) -> Vec<Answer> {
    let used = used(case);
    let judge = |key: &Key| {
        let classes =
            used.iter().find(|(one, _)| one.origin.address == key.origin.address).map(|(_, classes)| classes.clone());
        let classes = classes.unwrap_or_default();
        let approved: Vec<String> = classes.iter().flat_map(|class| case.contract.class(*class).readers).collect();
        let mut verdict = Verdict::all(key.grants.iter().map(|grant| granted(key, grant, &approved)));
        // A key that this plan makes has no grants but those of this plan.
        if let (Some(reason), false) = (&key.more_grants, key.origin.change == Change::Create) {
            verdict = verdict.and(Verdict::unknown(reason.clone()));
        }
        let first = key.grants.iter().find(|grant| granted(key, grant, &approved).is_violated());
        let sentence = format!("{} grant(s) on the key of {}", key.grants.len(), names(&classes));
        match first {
            Some(grant) => {
                Answer::about(&grant.origin, verdict, sentence).named(key.origin.address.clone()).at(&key.origin)
            }
            None => Answer::about(&key.origin, verdict, sentence),
        }
    };
    case.world.keys.iter().filter(|key| protects(key)).map(judge).collect()
}

fn granted(key: &Key, grant: &Grant, approved: &[String]) -> Verdict {
    const HARMLESS: &[&str] = &["DescribeKey", "RetireGrant", "GetPublicKey", "Verify", "VerifyMac"];
    grant.operations.judge(|operations| {
        let Some(operation) = operations.iter().find(|one| !HARMLESS.contains(&one.as_str())) else {
            return Verdict::proved();
        };
        grant.grantee.judge_text(|grantee| {
            Verdict::holds(approved.iter().any(|one| matches(one, grantee)), || Witness {
                principal: Some(grantee.to_owned()),
                action: Some(format!("kms:{operation}")),
                resource: Some(key.origin.address.clone()),
                statements: vec![grant.origin.address.clone()],
                ..Witness::new(format!(
                    "a grant lets {grantee} {operation}, and the contract does not name it as a reader"
                ))
            })
        })
    })
}

/// Days between rotations where the contract states none: KMS' default period.
const ROTATION_DAYS_MAX: u64 = 365;

fn rotation(case: &Case<'_>) -> Vec<Answer> {
    let used = used(case);
    let rotating = case
        .world
        .keys
        .iter()
        .filter(|key| protects(key) && matches!(key.model.known(), None | Some(KeyModel::CustomerManaged)));
    rotating
        .map(|key| {
            let classes = used
                .iter()
                .find(|(one, _)| one.origin.address == key.origin.address)
                .map(|(_, classes)| classes.clone());
            let stated = classes.iter().flatten().filter_map(|class| case.contract.class(*class).rotation_days).min();
            let most = stated.unwrap_or(ROTATION_DAYS_MAX);
            let verdict = key.rotation_days.judge(|days| {
                Verdict::holds(days.is_some_and(|days| days <= most), || Witness {
                    resource: Some(key.origin.address.clone()),
                    ..Witness::new(match days {
                        None => "the key does not rotate".to_owned(),
                        Some(days) => format!("the key rotates every {days} days, at most {most} are approved"),
                    })
                })
            });
            let sentence = match key.rotation_days.known() {
                Some(Some(days)) => format!("it rotates every {days} days"),
                Some(None) => "it does not rotate".to_owned(),
                None => "its rotation is not known".to_owned(),
            };
            Answer::about(&key.origin, verdict, sentence)
        })
        .collect()
}

fn enabled(case: &Case<'_>) -> Vec<Answer> {
    let used = used(case);
    case.world
        .keys
        .iter()
        .map(|key| {
            let classes = used
                .iter()
                .find(|(one, _)| one.origin.address == key.origin.address)
                .map(|(_, classes)| classes.clone())
                .unwrap_or_default();
            let verdict = key.enabled.judge(|on| {
                Verdict::holds(*on, || Witness {
                    resource: Some(key.origin.address.clone()),
                    ..Witness::new(format!(
                        "the key is disabled: nothing under it can be read or written ({})",
                        names(&classes)
                    ))
                })
            });
            Answer::about(&key.origin, verdict, format!("the key of {}", names(&classes)))
        })
        .collect()
}

fn outage(case: &Case<'_>) -> Vec<Answer> {
    used(case).into_iter().map(|(key, classes)| {
        let stores = case.holdings.iter().filter(|one| matches!(one.store.key(case.world), StoreKey::Known(other) if other.origin.address == key.origin.address));
        let stores: BTreeSet<String> = stores.map(|one| one.store.name()).collect();
        let stores: Vec<String> = stores.into_iter().collect();
        let verdict = match case.contract.runbooks.get("key-outage").filter(|text| !text.is_empty()) {
            Some(_) => Verdict::proved(),
            None => Verdict::unknown(Reason::HumanMissing { attribute: "runbooks.key-outage".into() }),
        };
        Answer::about(&key.origin, verdict, format!("without this key fail: {} ({})", stores.join(", "), names(&classes)))
    }).collect()
}

fn region(case: &Case<'_>) -> Vec<Answer> {
    case.world.keys.iter().filter(|key| protects(key)).map(|key| {
        let verdict = key.multi_region.judge(|on| {
            Verdict::holds(!on, || Witness {
                resource: Some(key.origin.address.clone()),
                ..Witness::new("the key is multi-Region: replicas elsewhere, each with a policy of its own, decrypt the same data")
            })
        });
        Answer::about(&key.origin, verdict, "its material stays in one region")
    }).collect()
}

fn requests(case: &Case<'_>) -> Vec<Answer> {
    let judged = case.world.buckets.iter().filter(|bucket| {
        !matches!(&bucket.encryption, crate::model::Fact::Known(one) if one.algorithm.text() == Some("AES256"))
    });
    judged.map(|bucket| {
        let verdict = bucket.encryption.judge(|encryption| {
            encryption.bucket_key.judge(|on| Verdict::holds(*on, || Witness {
                resource: Some(bucket.origin.address.clone()),
                ..Witness::new("without bucket keys every object costs a request to KMS, and its rate limit bounds throughput")
            }))
        });
        Answer::about(&bucket.origin, verdict, "KMS requests are bounded by a bucket key")
    }).collect()
}

fn tls_only(case: &Case<'_>) -> Vec<Answer> {
    case.world
        .buckets
        .iter()
        .map(|bucket| {
            let verdict = with_policy(bucket, |statements| {
                let refused = statements.iter().any(|statement| {
                    let conditions = statement.conditions.len() == 1;
                    let plain =
                        policy::bound_to(statement, "aws:SecureTransport").is_some_and(|values| values == ["false"]);
                    statement.effect == Effect::Deny
                        && policy::named(statement).contains(&policy::Named::Everyone)
                        && plain
                        && conditions
                        && policy::covers(statement, &["s3:GetObject"])
                        && policy::covers(statement, &["s3:PutObject"])
                });
                Verdict::holds(refused, || Witness {
                    action: Some("s3:GetObject".into()),
                    resource: Some(bucket.origin.address.clone()),
                    ..Witness::new("no statement of the bucket policy refuses requests without TLS")
                })
            });
            Answer::about(&bucket.origin, verdict, "requests without TLS are refused by the bucket policy")
        })
        .collect()
}

/// Judges the statements of a bucket's policy; a bucket without one has none.
pub(super) fn with_policy(bucket: &Bucket, judge: impl FnOnce(&[Statement]) -> Verdict) -> Verdict {
    let Some(fact) = &bucket.policy else { return judge(&[]) };
    match policy::read(fact, &bucket.origin) {
        Err(verdict) => verdict,
        Ok(document) => fact.judge_text(|_| judge(&document.statements)),
    }
}
