//! F. Retention, deletion and exit: how long data stays, and what makes it go.

use std::collections::BTreeSet;

use super::{
    Absent, Answer, Case, How, Needs, Question,
    holding::{Holding, Store},
};
use crate::{
    model::{
        Class, Fact, Reason, Verdict, Witness,
        contract::TopicTerms,
        kafka::Topic,
        store::{Bucket, LifecycleRule, PublicAccess, Versioning},
    },
    review::Boundary,
};

/// Section F.
pub(super) const QUESTIONS: &[Question] = &[
    Question {
        id: "lifecycle-keeps",
        title: "Does no lifecycle rule delete what a topic or a class promises to keep?",
        requirements: &[60, 66],
        boundary: Boundary::Operational,
        how: How::Computed {
            ask: lifecycle_keeps,
            none: Absent::Unread(Needs::Live, "s3:GetBucketLifecycleConfiguration"),
        },
    },
    Question {
        id: "log-retention",
        title: "Is every log group kept as long as promised and no longer?",
        requirements: &[5, 60],
        boundary: Boundary::Operational,
        how: How::Computed { ask: log_retention, none: Absent::Unread(Needs::Live, "logs:DescribeLogGroups") },
    },
    Question {
        id: "versioning",
        title: "Is versioning of each bucket as approved?",
        requirements: &[7, 60, 62],
        boundary: Boundary::Operational,
        how: How::Computed { ask: versioning, none: Absent::Unread(Needs::Live, "s3:GetBucketVersioning") },
    },
    Question {
        id: "old-versions-go",
        title: "Do noncurrent versions go within the class's term?",
        requirements: &[60, 62],
        boundary: Boundary::Operational,
        how: How::Computed { ask: old_versions, none: Absent::Proves("no bucket keeps versions") },
    },
    Question {
        id: "deletion-proof",
        title: "Is everything gone after the end, and who signs for it?",
        requirements: &[61],
        boundary: Boundary::Recovery,
        how: How::Later {
            needs: Needs::Live,
            what: "s3:ListObjectVersions = 0, kms:DescribeKey deletion date, ec2:DescribeSnapshots = 0",
        },
    },
    Question {
        id: "exit-export",
        title: "Was an export read without us, with offsets compared?",
        requirements: &[63],
        boundary: Boundary::Recovery,
        how: How::Later { needs: Needs::Rehearsal, what: "exit: export, offsets before and after" },
    },
    Question {
        id: "topic-governance",
        title: "Has every topic an owner, a classification and a retention?",
        requirements: &[64],
        boundary: Boundary::Control,
        how: How::Computed { ask: topic_governance, none: Absent::Unread(Needs::Broker, "DescribeTopics") },
    },
    Question {
        id: "topics-outside",
        title: "Was any topic made outside the configuration?",
        requirements: &[65],
        boundary: Boundary::Control,
        how: How::Computed { ask: topics_outside, none: Absent::Unread(Needs::Broker, "DescribeTopics") },
    },
    Question {
        id: "public-access-blocked",
        title: "Are all four switches of every bucket's public access block on?",
        requirements: &[43, 66],
        boundary: Boundary::Operational,
        how: How::Computed { ask: public_access, none: Absent::Unread(Needs::Live, "s3:GetPublicAccessBlock") },
    },
    Question {
        id: "no-access-lists",
        title: "Are access control lists of every bucket switched off?",
        requirements: &[28, 66],
        boundary: Boundary::Operational,
        how: How::Computed { ask: access_lists, none: Absent::Unread(Needs::Live, "s3:GetBucketOwnershipControls") },
    },
    Question {
        id: "bucket-kept",
        title: "Does destroying the configuration leave data where it is?",
        requirements: &[61, 67],
        boundary: Boundary::Recovery,
        how: How::Computed { ask: bucket_kept, none: Absent::Proves("there is no bucket") },
    },
];

/// Milliseconds of a day.
const DAY_MS: u64 = 86_400_000;

/// The longest promise for what lies in a store: by the class' terms and, for records, by topics.
fn promised_days(case: &Case<'_>, holding: &Holding<'_>) -> Result<Option<(u64, String)>, Reason> {
    let stated = holding.terms(case.contract).retention_days;
    let class = holding.class.map(Class::name).unwrap_or_default();
    let mut most = stated.map(|days| (days, format!("the contract keeps {class} for {days} days")));
    if !matches!(holding.class, Some(Class::Payloads | Class::Progress | Class::WriteAheadLog)) {
        return Ok(most);
    }
    for topic in &case.world.topics {
        let name = topic.name.text().unwrap_or(&topic.origin.address);
        let promise = match topic.retention_ms.known() {
            Some(ms) if *ms < 0 => (u64::MAX, format!("topic {name} keeps records for ever")),
            Some(ms) => {
                let days = u64::try_from(*ms).unwrap_or(0).div_ceil(DAY_MS);
                (days, format!("topic {name} keeps records for {days} days"))
            }
            None => {
                return Err(topic
                    .retention_ms
                    .reason()
                    .cloned()
                    .unwrap_or(Reason::Unsupported { construct: "a retention".into() }));
            }
        };
        if most.as_ref().is_none_or(|(days, _)| *days < promise.0) {
            most = Some(promise);
        }
    }
    Ok(most)
}

fn lifecycle_keeps(case: &Case<'_>) -> Vec<Answer> {
    let mut found = Vec::new();
    for holding in &case.holdings {
        let Store::Bucket { bucket, prefix } = &holding.store else { continue };
        let name = holding.store.name();
        let verdict = bucket
            .lifecycle
            .judge(|rules| Verdict::all(rules.iter().map(|rule| keeps(case, holding, bucket, prefix, rule))));
        let sentence = format!("lifecycle of {name}: {}", configured(holding));
        found.push(Answer::about(&bucket.origin, verdict, sentence).named(name));
    }
    found
}

fn keeps(case: &Case<'_>, holding: &Holding<'_>, bucket: &Bucket, prefix: &str, rule: &LifecycleRule) -> Verdict {
    if rule.enabled.known() == Some(&false) || (rule.expiration_days.is_none() && rule.expiration_date.is_none()) {
        return Verdict::proved();
    }
    let touches = rule.prefix.text().is_none_or(|own| own.starts_with(prefix) || prefix.starts_with(own));
    if !touches {
        return Verdict::proved();
    }
    let fails = |what: String| {
        Verdict::violated(Witness {
            principal: Some("s3.amazonaws.com (lifecycle)".into()),
            action: Some("s3:DeleteObject".into()),
            resource: Some(holding.store.name()),
            statements: vec![format!("{}#{}", bucket.origin.address, rule.id)],
            ..Witness::new(what)
        })
    };
    let promise = match promised_days(case, holding) {
        Ok(promise) => promise,
        Err(reason) => return Verdict::unknown(reason),
    };
    match (&rule.expiration_days, promise) {
        (_, None) => {
            let class = holding.class.map_or("*", Class::name);
            Verdict::unknown(Reason::HumanMissing { attribute: format!("classes.{class}.retention_days") })
        }
        (None, Some((_, promise))) => fails(format!("rule {} deletes on a day, but {promise}", rule.id)),
        (Some(fact), Some((most, promise))) => fact.judge(|days| {
            if *days >= most {
                Verdict::proved()
            } else {
                fails(format!("rule {} deletes after {days} days, but {promise}", rule.id))
            }
        }),
    }
}

/// How long a store keeps its content, as configured.
pub(super) fn configured(holding: &Holding<'_>) -> String {
    match kept_days(holding) {
        Fact::Known(Some(days)) => format!("{days} days"),
        Fact::Known(None) => "until deleted".into(),
        Fact::Symbolic(_) => "not known".into(),
        Fact::Unknown(reason) => format!("not known: {reason}"),
    }
}

/// Days until content goes by itself; none for never.
pub(super) fn kept_days(holding: &Holding<'_>) -> Fact<Option<u64>> {
    match &holding.store {
        Store::Bucket { bucket, prefix } => match &bucket.lifecycle {
            Fact::Known(rules) => {
                let touching = rules.iter().filter(|rule| {
                    rule.enabled.known() != Some(&false) && rule.prefix.text().is_none_or(|own| prefix.starts_with(own))
                });
                Fact::Known(touching.filter_map(|rule| rule.expiration_days.as_ref()?.known().copied()).min())
            }
            Fact::Unknown(reason) => Fact::Unknown(reason.clone()),
            Fact::Symbolic(template) => Fact::Symbolic(template.clone()),
        },
        Store::LogGroup(group) => group.retention_days.clone(),
        Store::Secret(_) => Fact::Known(None),
        Store::Missing(name) => Fact::Unknown(Reason::NotRead { source: "aws".into(), what: name.clone() }),
        Store::Metrics(_) => Fact::Known(Some(455)),
    }
}

fn log_retention(case: &Case<'_>) -> Vec<Answer> {
    let logs: Vec<_> = case
        .holdings
        .iter()
        .filter_map(|holding| match holding.store {
            Store::LogGroup(group) => Some((holding, group)),
            _ => None,
        })
        .collect();
    logs.into_iter()
        .map(|(holding, group)| {
            let terms = holding.terms(case.contract);
            let class = holding.class.map(Class::name).unwrap_or_default();
            let bad = |what: String| Witness { resource: Some(group.origin.address.clone()), ..Witness::new(what) };
            let verdict = group.retention_days.judge(|days| {
                let least = terms.retention_days;
                let most = terms.deletion_days;
                if least.is_none() && most.is_none() {
                    return match days {
                        Some(_) => Verdict::unknown(Reason::HumanMissing {
                            attribute: format!("classes.{class}.retention_days"),
                        }),
                        None => {
                            Verdict::violated(bad("lines are kept for ever, and the contract states no term".into()))
                        }
                    };
                }
                let short = matches!((days, least), (Some(days), Some(least)) if *days < least);
                let long = match (days, most) {
                    (None, _) => true,
                    (Some(days), Some(most)) => *days > most,
                    (Some(_), None) => false,
                };
                let text = days.map_or("for ever".to_owned(), |days| format!("{days} days"));
                Verdict::holds(!short && !long, || {
                    bad(format!(
                        "lines are kept {text}; approved are at least {} and at most {}",
                        days_text(least),
                        days_text(most)
                    ))
                })
            });
            Answer::about(&group.origin, verdict, format!("lines are kept: {}", configured(holding)))
        })
        .collect()
}

fn days_text(days: Option<u64>) -> String {
    days.map_or("no stated number of days".into(), |days| format!("{days} days"))
}

fn versioning(case: &Case<'_>) -> Vec<Answer> {
    let mut found = Vec::new();
    for holding in &case.holdings {
        let (Store::Bucket { bucket, .. }, Some(class)) = (&holding.store, holding.class) else { continue };
        let is = |state: &Versioning| match state {
            Versioning::Disabled => "disabled",
            Versioning::Enabled => "enabled",
            Versioning::Suspended => "suspended",
        };
        let verdict = match holding.terms(case.contract).versioning {
            None => {
                Verdict::unknown(Reason::HumanMissing { attribute: format!("classes.{}.versioning", class.name()) })
            }
            Some(wanted) => bucket.versioning.judge(|state| {
                Verdict::holds(is(state) == wanted, || Witness {
                    resource: Some(bucket.origin.address.clone()),
                    action: Some("s3:PutBucketVersioning".into()),
                    ..Witness::new(format!("versioning is {}, approved for {} is {wanted}", is(state), class.name()))
                })
            }),
        };
        let sentence = format!("versioning is {}", bucket.versioning.known().map_or("not known", is));
        found.push(Answer::about(&bucket.origin, verdict, sentence));
    }
    found
}

fn old_versions(case: &Case<'_>) -> Vec<Answer> {
    let mut seen = BTreeSet::new();
    let versioned = case.world.buckets.iter().filter(|bucket| bucket.versioning.known() != Some(&Versioning::Disabled));
    versioned.filter(|bucket| seen.insert(&bucket.origin.address)).map(|bucket| {
        let most = case.holdings.iter().filter(|one| one.store.origin().is_some_and(|origin| origin.address == bucket.origin.address))
            .filter_map(|one| one.terms(case.contract).deletion_days).min();
        let verdict = bucket.versioning.judge(|_| bucket.lifecycle.judge(|rules| {
            let going = rules.iter().filter(|rule| rule.enabled.known() == Some(&true) && !rule.narrowed && rule.prefix.text() == Some(""));
            let days = going.filter_map(|rule| rule.noncurrent_days.as_ref()?.known().copied()).min();
            let by_prefix = rules.iter().any(|rule| rule.noncurrent_days.is_some());
            match (days, most) {
                (Some(days), Some(most)) => Verdict::holds(days <= most, || Witness {
                    resource: Some(bucket.origin.address.clone()),
                    ..Witness::new(format!("old versions stay {days} days, at most {most} are approved"))
                }),
                (Some(_), None) => Verdict::proved(),
                (None, _) if by_prefix => Verdict::proved(),
                (None, _) => Verdict::violated(Witness {
                    resource: Some(bucket.origin.address.clone()),
                    ..Witness::new("deleted and overwritten objects stay readable for ever: no rule removes noncurrent versions")
                }),
            }
        }));
        Answer::about(&bucket.origin, verdict, "noncurrent versions go by a lifecycle rule")
    }).collect()
}

fn topic_governance(case: &Case<'_>) -> Vec<Answer> {
    let mut found: Vec<Answer> = case
        .world
        .topics
        .iter()
        .map(|topic| {
            let name = topic.name.text().unwrap_or(&topic.origin.address).to_owned();
            let stated = case.contract.topics.iter().find(|one| one.name == name);
            Answer::about(&topic.origin, governed(topic, stated), format!("topic {name}"))
        })
        .collect();
    let declared: BTreeSet<&str> = case.world.topics.iter().filter_map(|one| one.name.text()).collect();
    for topic in case.contract.topics.iter().filter(|one| !declared.contains(one.name.as_str())) {
        let lacking = [
            ("owner", topic.owner.is_some()),
            ("classification", topic.classification.is_some()),
            ("retention_days", topic.retention_days.is_some()),
        ];
        let verdict = Verdict::all(lacking.into_iter().filter(|(_, has)| !has).map(|(what, _)| {
            Verdict::unknown(Reason::HumanMissing { attribute: format!("topics.{}.{what}", topic.name) })
        }));
        found.push(
            Answer::of(topic.name.clone(), verdict, format!("topic {}, named by the contract", topic.name))
                .in_contract(topic.place.as_ref()),
        );
    }
    found
}

fn governed(topic: &Topic, stated: Option<&TopicTerms>) -> Verdict {
    let lacks = |what: &str| Witness {
        resource: Some(topic.origin.address.clone()),
        ..Witness::new(format!("the topic has no {what}"))
    };
    let text = |fact: &Fact<String>, stated: Option<&String>, what: &'static str| match (fact, stated) {
        (_, Some(text)) if !text.is_empty() => Verdict::proved(),
        (fact, _) => fact.judge_text(|text| Verdict::holds(!text.is_empty(), || lacks(what))),
    };
    let retention = match stated.and_then(|one| one.retention_days) {
        None => topic.retention_ms.judge(|_| Verdict::proved()),
        Some(days) => topic.retention_ms.judge(|ms| {
            let kept = u64::try_from(*ms).map_or(u64::MAX, |ms| ms / DAY_MS);
            Verdict::holds(kept == days, || lacks(&format!("retention of {days} days as stated")))
        }),
    };
    text(&topic.owner, stated.and_then(|one| one.owner.as_ref()), "owner")
        .and(text(&topic.classification, stated.and_then(|one| one.classification.as_ref()), "classification"))
        .and(retention)
}

/// Topics of the cluster that the configuration does not have: the broker tells which exist.
fn topics_outside(case: &Case<'_>) -> Vec<Answer> {
    let Some(actual) = case.actual else { return Vec::new() };
    let declared: BTreeSet<&str> = case
        .world
        .topics
        .iter()
        .filter_map(|one| one.name.text())
        .chain(case.contract.topics.iter().map(|one| one.name.as_str()))
        .collect();
    actual
        .topics
        .iter()
        .filter(|topic| !topic.name.text().is_some_and(|name| name.starts_with("__")))
        .map(|topic| {
            let name = topic.name.text().unwrap_or(&topic.origin.address);
            let verdict = topic.name.judge_text(|name| {
                Verdict::holds(declared.contains(name), || Witness {
                    resource: Some(name.to_owned()),
                    ..Witness::new(format!("topic {name} exists and neither the configuration nor the contract has it"))
                })
            });
            Answer::about(&topic.origin, verdict, format!("topic {name} of the cluster")).named(name)
        })
        .collect()
}

fn public_access(case: &Case<'_>) -> Vec<Answer> {
    case.world
        .buckets
        .iter()
        .map(|bucket| {
            let account = case.world.account_public_access.judge(|account| blocked(account, &bucket.origin.address));
            // The account's block is enough; where it is not known or open, the bucket's own decides.
            let verdict = if account.is_proved() {
                account
            } else {
                bucket.public_access.judge(|own| blocked(own, &bucket.origin.address))
            };
            Answer::about(&bucket.origin, verdict, "nothing in it can become public")
        })
        .collect()
}

fn blocked(block: &PublicAccess, address: &str) -> Verdict {
    let switches = [
        ("block_public_acls", &block.block_public_acls),
        ("block_public_policy", &block.block_public_policy),
        ("ignore_public_acls", &block.ignore_public_acls),
        ("restrict_public_buckets", &block.restrict_public_buckets),
    ];
    Verdict::all(switches.into_iter().map(|(name, fact)| {
        fact.judge(|on| {
            Verdict::holds(*on, || Witness {
                resource: Some(address.to_owned()),
                action: Some("s3:PutBucketPublicAccessBlock".into()),
                ..Witness::new(format!("{name} is off"))
            })
        })
    }))
}

fn access_lists(case: &Case<'_>) -> Vec<Answer> {
    case.world
        .buckets
        .iter()
        .map(|bucket| {
            let off = bucket.ownership.judge_text(|text| {
                Verdict::holds(text == "BucketOwnerEnforced", || Witness {
                    resource: Some(bucket.origin.address.clone()),
                    ..Witness::new(format!(
                        "ownership is {text}: access control lists of objects count, which no policy shows"
                    ))
                })
            });
            Answer::about(&bucket.origin, off, "access control lists are off")
        })
        .collect()
}

fn bucket_kept(case: &Case<'_>) -> Vec<Answer> {
    case.world
        .buckets
        .iter()
        .map(|bucket| {
            let verdict = bucket.force_destroy.judge(|on| {
                Verdict::holds(!on, || Witness {
                    resource: Some(bucket.origin.address.clone()),
                    action: Some("s3:DeleteObjectVersion".into()),
                    ..Witness::new("destroying the configuration deletes every object of the bucket")
                })
            });
            Answer::about(&bucket.origin, verdict, "it is not emptied on destroy")
        })
        .collect()
}
