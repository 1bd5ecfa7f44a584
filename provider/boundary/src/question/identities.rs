//! C. Identities: who administers, who reads, who could come to read.

use std::collections::BTreeSet;

use super::{Absent, Answer, Case, How, Needs, Question, holding::StoreKey, operations::foreign, policy};
use crate::{
    iam::document::{Listed, Statement},
    model::{
        Fact, Reason, Verdict, Witness,
        identity::{AttachedPolicy, Identity, IdentityKind},
    },
    review::Boundary,
};

/// Section C.
pub(super) const QUESTIONS: &[Question] = &[
    Question {
        id: "external-trust",
        title: "May anybody from an account that is not approved assume a role?",
        requirements: &[17, 31, 51, 55],
        boundary: Boundary::Control,
        how: How::Computed {
            ask: external_trust,
            none: Absent::Unread(Needs::Live, "iam:GetAccountAuthorizationDetails"),
        },
    },
    Question {
        id: "foreign-access",
        title: "Does any bucket or key policy admit an account that is not approved?",
        requirements: &[17, 28, 31],
        boundary: Boundary::Control,
        how: How::Computed {
            ask: foreign_access,
            none: Absent::Unread(Needs::Live, "s3:GetBucketPolicy, kms:GetKeyPolicy"),
        },
    },
    Question {
        id: "role-scope",
        title: "Do the brokers' roles reach only the buckets and keys of this boundary?",
        requirements: &[32, 39],
        boundary: Boundary::Control,
        how: How::Computed { ask: role_scope, none: Absent::Unread(Needs::Live, "iam:GetAccountAuthorizationDetails") },
    },
    Question {
        id: "installer-removed",
        title: "Are the rights of installers gone after their last day?",
        requirements: &[33],
        boundary: Boundary::Control,
        how: How::Computed {
            ask: installer,
            none: Absent::Proves("the contract names no administrator with a last day"),
        },
    },
    Question {
        id: "break-glass",
        title: "Are emergency roles approved, short and trusted by our accounts only?",
        requirements: &[29, 34],
        boundary: Boundary::Control,
        how: How::Computed { ask: break_glass, none: Absent::Unstated("break_glass") },
    },
    Question {
        id: "last-used",
        title: "When was each emergency and installer role last used?",
        requirements: &[33, 34, 35],
        boundary: Boundary::Control,
        how: How::Later { needs: Needs::Live, what: "iam:GetServiceLastAccessedDetails" },
    },
    Question {
        id: "access-review",
        title: "Was access reviewed within the stated period?",
        requirements: &[35],
        boundary: Boundary::Control,
        how: How::Computed { ask: access_review, none: Absent::Unstated("review") },
    },
    Question {
        id: "acl-expiry",
        title: "Is every temporary entry of the access list still within its term?",
        requirements: &[36, 49],
        boundary: Boundary::Control,
        how: How::Computed { ask: acl_expiry, none: Absent::Proves("no entry of the access list is temporary") },
    },
    Question {
        id: "acl-identities",
        title: "Does every entry of the access list belong to a principal that exists and is used?",
        requirements: &[36],
        boundary: Boundary::Control,
        how: How::Later { needs: Needs::Broker, what: "DescribeAcls and principals last seen" },
    },
    Question {
        id: "restricted-reads",
        title: "Did a group read a restricted topic in a window of time?",
        requirements: &[37],
        boundary: Boundary::Control,
        how: How::Later { needs: Needs::Broker, what: "the broker's audit log" },
    },
    Question {
        id: "identity-providers",
        title: "Is every identity provider approved?",
        requirements: &[38],
        boundary: Boundary::Control,
        how: How::Computed { ask: identity_providers, none: Absent::Proves("the plan has no identity provider") },
    },
];

fn external_trust(case: &Case<'_>) -> Vec<Answer> {
    let assumable = case.world.identities.iter().filter_map(|one| Some((one, one.trust.as_ref()?)));
    assumable
        .map(|(identity, trust)| {
            let verdict = match policy::read(trust, &identity.origin) {
                Err(verdict) => verdict,
                Ok(document) => trust.judge_text(|_| {
                    Verdict::all(policy::allows(&document).map(|statement| trusted(case, identity, statement)))
                }),
            };
            Answer::about(&identity.origin, verdict, "is assumed only by approved accounts, services and providers")
        })
        .collect()
}

fn trusted(case: &Case<'_>, identity: &Identity, statement: &Statement) -> Verdict {
    let witness = |principal: &str, what: String| Witness {
        principal: Some(principal.to_owned()),
        action: Some("sts:AssumeRole".into()),
        resource: Some(identity.arn.text().unwrap_or(&identity.origin.address).to_owned()),
        statements: vec![policy::reference(&identity.origin, statement)],
        ..Witness::new(what)
    };
    let mut verdict = Verdict::all(foreign(case, statement).into_iter().map(|principal| {
        Verdict::violated(witness(
            &principal,
            format!("{principal} of an account that is not approved may assume {}", identity.origin.address),
        ))
    }));
    for named in policy::named(statement) {
        let bound = ["aws:PrincipalOrgID", "aws:PrincipalAccount", "aws:PrincipalArn", "aws:SourceAccount"]
            .iter()
            .any(|key| policy::bound_to(statement, key).is_some());
        verdict = verdict.and(match named {
            policy::Named::Everyone if !bound => {
                Verdict::violated(witness("*", format!("anybody may assume {}", identity.origin.address)))
            }
            policy::Named::Other(text) => {
                Verdict::unknown(Reason::Unsupported { construct: format!("the principal {text}") })
            }
            _ => Verdict::proved(),
        });
    }
    verdict
}

fn foreign_access(case: &Case<'_>) -> Vec<Answer> {
    let buckets = case.world.buckets.iter().filter_map(|one| Some((&one.origin, one.policy.as_ref()?)));
    let keys = case.world.keys.iter().map(|one| (&one.origin, &one.policy));
    let points = case.world.access_points.iter().filter_map(|one| Some((&one.origin, one.policy.as_ref()?)));
    let secrets = case.world.secrets.iter().filter_map(|one| Some((&one.origin, one.policy.as_ref()?)));
    buckets
        .chain(keys)
        .chain(points)
        .chain(secrets)
        .map(|(origin, fact)| {
            let verdict = match policy::read(fact, origin) {
                Err(verdict) => verdict,
                Ok(document) => fact.judge_text(|_| {
                    Verdict::all(policy::allows(&document).map(|statement| {
                        let open = policy::named(statement).contains(&policy::Named::Everyone)
                            && statement.conditions.is_empty();
                        let everyone = Verdict::holds(!open, || Witness {
                            principal: Some("*".into()),
                            resource: Some(origin.address.clone()),
                            statements: vec![policy::reference(origin, statement)],
                            ..Witness::new("everybody is admitted")
                        });
                        everyone.and(Verdict::all(foreign(case, statement).into_iter().map(|principal| {
                            Verdict::violated(Witness {
                                principal: Some(principal.clone()),
                                action: Some(actions(statement)),
                                resource: Some(origin.address.clone()),
                                statements: vec![policy::reference(origin, statement)],
                                ..Witness::new(format!("{principal} of an account that is not approved is admitted"))
                            })
                        })))
                    }))
                }),
            };
            Answer::about(origin, verdict, "its policy admits approved accounts only")
        })
        .collect()
}

fn actions(statement: &Statement) -> String {
    match &statement.actions {
        Listed::Only(texts) => texts.iter().map(|text| text.raw()).collect::<Vec<_>>().join(", "),
        Listed::AllBut(_) => "*".into(),
    }
}

/// Roles that machines carry, and roles that the contract names as readers of records.
fn broker_roles<'a>(case: &Case<'a>) -> Vec<&'a Identity> {
    let profiles: Vec<&str> = case.world.machines.iter().filter_map(|one| one.profile.as_ref()?.text()).collect();
    let carried: BTreeSet<&str> = profiles
        .iter()
        .filter_map(|one| case.world.role_of_profile(one))
        .map(|one| one.origin.address.as_str())
        .collect();
    case.world
        .identities
        .iter()
        .filter(|one| {
            one.kind == IdentityKind::Role
                && (one.of_cluster.is_some() || carried.contains(one.origin.address.as_str()))
        })
        .collect()
}

fn role_scope(case: &Case<'_>) -> Vec<Answer> {
    broker_roles(case)
        .into_iter()
        .map(|role| {
            let mut verdict = Verdict::all(role.policies.iter().map(|attached| attached_scope(case, role, attached)));
            if let (Some(reason), false) = (&role.more_policies, role.origin.change == crate::model::Change::Create) {
                verdict = verdict.and(Verdict::unknown(reason.clone()));
            }
            let bad = role.policies.iter().find(|attached| attached_scope(case, role, attached).is_violated());
            let answer = Answer::about(&role.origin, verdict, "reaches the boundary's own buckets and keys only");
            bad.map_or(answer.clone(), |attached| {
                let mut answer = answer;
                answer.address = Some(attached.origin.address.clone());
                answer.place.clone_from(&attached.origin.place);
                answer
            })
        })
        .collect()
}

fn attached_scope(case: &Case<'_>, role: &Identity, attached: &AttachedPolicy) -> Verdict {
    match policy::read(&attached.document, &attached.origin) {
        Err(verdict) => verdict,
        Ok(document) => attached.document.judge_text(|_| {
            Verdict::all(policy::allows(&document).map(|statement| statement_scope(case, role, attached, statement)))
        }),
    }
}

/// Actions that move data: what these reach has to be of the boundary.
const REACHING: &[&str] = &[
    "s3:GetObject",
    "s3:PutObject",
    "s3:ListBucket",
    "s3:DeleteObject",
    "kms:Decrypt",
    "kms:GenerateDataKey",
    "kms:CreateGrant",
    "secretsmanager:GetSecretValue",
    "sts:AssumeRole",
    "iam:PassRole",
];

fn statement_scope(case: &Case<'_>, role: &Identity, attached: &AttachedPolicy, statement: &Statement) -> Verdict {
    let reaching: Vec<&&str> = REACHING.iter().filter(|action| policy::covers(statement, &[action])).collect();
    let Some(action) = reaching.first() else { return Verdict::proved() };
    let resources: Vec<&str> = match &statement.resources {
        Some(Listed::Only(texts)) => texts.iter().map(|text| text.raw()).collect(),
        Some(Listed::AllBut(_)) | None => vec!["*"],
    };
    Verdict::all(resources.into_iter().map(|resource| {
        if let Some(address) = resource.split("${unknown:").nth(1).and_then(|rest| rest.split('}').next()) {
            return Verdict::unknown(Reason::ComputedAtApply { address: address.to_owned() });
        }
        if !case.states_stores() {
            return Verdict::unknown(Reason::HumanMissing { attribute: "classes.*.stores".into() });
        }
        Verdict::holds(within(case, resource), || Witness {
            principal: Some(role.arn.text().unwrap_or(&role.origin.address).to_owned()),
            action: Some((**action).to_owned()),
            resource: Some(resource.to_owned()),
            statements: vec![policy::reference(&attached.origin, statement)],
            ..Witness::new(format!("the brokers' role may {action} on {resource}, which is not of this boundary"))
        })
    }))
}

/// Whether a resource of an identity policy is a bucket, key or secret of the boundary.
fn within(case: &Case<'_>, resource: &str) -> bool {
    let declared = |address: &str| {
        case.holdings
            .iter()
            .any(|one| one.class.is_some() && one.store.origin().is_some_and(|origin| origin.address == address))
    };
    let bucket = case.world.buckets.iter().filter(|one| declared(&one.origin.address)).any(|one| {
        let named = one
            .name
            .text()
            .is_some_and(|name| resource.split(":::").nth(1).and_then(|rest| rest.split('/').next()) == Some(name));
        named
            || one.arn.text().is_some_and(|arn| {
                resource == arn || resource.strip_prefix(arn).is_some_and(|rest| rest.starts_with('/'))
            })
    });
    let stated = case
        .contract
        .classes
        .values()
        .flat_map(|terms| &terms.stores)
        .filter_map(|store| store.strip_prefix("s3://"))
        .any(|store| resource.split(":::").nth(1).and_then(|rest| rest.split('/').next()) == store.split('/').next());
    let key = case.holdings.iter().any(|one| match one.store.key(case.world) {
        StoreKey::Known(key) => super::keys::is_key(key, resource),
        StoreKey::Elsewhere(text) => text == resource,
        StoreKey::Aws | StoreKey::Unknown(_) => false,
    });
    let keys = case.world.keys.iter().any(|key| key.of_cluster.is_some() && super::keys::is_key(key, resource));
    let secret = case.world.secrets.iter().any(|one| one.arn.text() == Some(resource));
    bucket || stated || key || keys || secret
}

fn installer(case: &Case<'_>) -> Vec<Answer> {
    let mut found = Vec::new();
    for administrator in case.contract.administrators.iter().filter(|one| one.expires.is_some()) {
        let expires = administrator.expires.as_deref().unwrap_or_default();
        let past = case.is_past(expires);
        let holders = case.world.identities.iter().filter(|one| {
            one.arn.text().is_some_and(|arn| crate::model::contract::matches(&administrator.principal, arn))
        });
        let still: Vec<&Identity> = holders.filter(|one| !one.policies.is_empty()).collect();
        let verdict = Verdict::holds(!past || still.is_empty(), || Witness {
            principal: Some(administrator.principal.clone()),
            statements: still.iter().flat_map(|one| &one.policies).map(|one| one.origin.address.clone()).collect(),
            ..Witness::new(format!(
                "{} was approved until {expires} and still has its policies",
                administrator.principal
            ))
        });
        let mut answer = Answer::of(administrator.principal.clone(), verdict, format!("approved until {expires}"))
            .in_contract(administrator.place.as_ref());
        if let Some(identity) = still.first() {
            answer = answer.at(&identity.origin);
        }
        found.push(answer);
    }
    found
}

/// Longest session of an emergency role.
const EMERGENCY_SECONDS_MAX: u64 = 3_600;

fn break_glass(case: &Case<'_>) -> Vec<Answer> {
    case.contract
        .break_glass
        .iter()
        .map(|terms| {
            let approval = match terms.approval.as_deref().filter(|text| !text.is_empty()) {
                Some(_) => Verdict::proved(),
                None => {
                    Verdict::unknown(Reason::HumanMissing { attribute: format!("break_glass.{}.approval", terms.role) })
                }
            };
            let role = case.world.identities.iter().find(|one| {
                one.arn.text() == Some(terms.role.as_str()) || one.name.text() == Some(terms.role.as_str())
            });
            let Some(role) = role else {
                let reason = Reason::NotRead { source: "aws".into(), what: format!("iam:GetRole {}", terms.role) };
                return Answer::of(
                    terms.role.clone(),
                    approval.and(Verdict::unknown(reason)),
                    "the emergency role is not in this plan",
                )
                .in_contract(terms.place.as_ref());
            };
            let short = role.session_seconds.judge(|seconds| {
                Verdict::holds(seconds.unwrap_or(EMERGENCY_SECONDS_MAX) <= EMERGENCY_SECONDS_MAX, || Witness {
                    principal: Some(terms.role.clone()),
                    ..Witness::new(format!(
                        "sessions of the emergency role last up to {} s",
                        seconds.unwrap_or_default()
                    ))
                })
            });
            Answer::about(
                &role.origin,
                approval.and(short),
                "an emergency role: approved, with sessions of an hour at most",
            )
            .named(terms.role.clone())
        })
        .collect()
}

fn access_review(case: &Case<'_>) -> Vec<Answer> {
    let Some(review) = &case.contract.review else { return Vec::new() };
    let missing = |attribute: &str| Verdict::unknown(Reason::HumanMissing { attribute: format!("review.{attribute}") });
    let verdict = match (&review.last, review.cadence_days, &review.by) {
        (None, _, _) => missing("last"),
        (_, None, _) => missing("cadence_days"),
        (_, _, None) => missing("by"),
        (Some(last), Some(cadence), Some(_)) => match (day_number(last), day_number(case.today)) {
            (Some(then), Some(now)) => Verdict::holds(now - then <= i64::try_from(cadence).unwrap_or(i64::MAX), || {
                Witness::new(format!("the last review was on {last}, more than {cadence} days ago"))
            }),
            _ => Verdict::unknown(Reason::Unsupported { construct: format!("the day {last} or {}", case.today) }),
        },
    };
    let sentence = format!("last reviewed {}", review.last.as_deref().unwrap_or("never"));
    vec![Answer::of("access", verdict, sentence).in_contract(review.place.as_ref())]
}

/// Days since 1970-01-01 of `2026-11-21`, by the civil calendar.
pub(super) fn day_number(day: &str) -> Option<i64> {
    let mut parts = day.get(..10)?.split('-').map(str::parse::<i64>);
    let (year, month, day) = (parts.next()?.ok()?, parts.next()?.ok()?, parts.next()?.ok()?);
    if !(1..=12).contains(&month) || !(1..=31).contains(&day) {
        return None;
    }
    // Years begin in March, so that the leap day is a year's last.
    let shifted = if month <= 2 { year - 1 } else { year };
    let era = shifted.div_euclid(400);
    let of_era = shifted.rem_euclid(400);
    let of_year = (153 * ((month + 9) % 12) + 2) / 5 + day - 1;
    Some(era * 146_097 + of_era * 365 + of_era / 4 - of_era / 100 + of_year - 719_468)
}

fn acl_expiry(case: &Case<'_>) -> Vec<Answer> {
    let temporary = case.world.acls.iter().filter_map(|one| Some((one, one.expires.as_ref()?)));
    temporary
        .map(|(acl, expires)| {
            let text = |fact: &Fact<String>| fact.text().unwrap_or("(not known)").to_owned();
            let verdict = expires.judge_text(|day| {
                Verdict::holds(!case.is_past(day), || Witness {
                    principal: Some(text(&acl.principal)),
                    resource: Some(text(&acl.resource)),
                    action: acl.operations.known().map(|all| all.join(", ")),
                    ..Witness::new(format!("the entry was to go by {day} and is still there"))
                })
            });
            Answer::about(
                &acl.origin,
                verdict,
                format!("{} on {} until {}", text(&acl.principal), text(&acl.resource), text(expires)),
            )
        })
        .collect()
}

fn identity_providers(case: &Case<'_>) -> Vec<Answer> {
    case.world
        .identity_providers
        .iter()
        .map(|provider| {
            let issuer = provider.issuer.text().unwrap_or("(not known)");
            let stated = case.contract.statements.get("identity_providers").map(String::as_str).unwrap_or_default();
            let verdict = if stated.is_empty() {
                Verdict::unknown(Reason::HumanMissing { attribute: "identity_providers".into() })
            } else {
                provider.issuer.judge_text(|issuer| {
                    Verdict::holds(stated.contains(issuer), || Witness {
                        principal: Some(issuer.to_owned()),
                        action: Some("iam:CreateOpenIDConnectProvider".into()),
                        ..Witness::new(format!(
                            "tokens of {issuer} are exchanged for roles, and the contract does not name it"
                        ))
                    })
                })
            };
            Answer::about(&provider.origin, verdict, format!("{} provider {issuer}", provider.kind))
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::day_number;

    #[test]
    fn days_are_counted_by_the_civil_calendar() {
        assert_eq!(day_number("1970-01-01"), Some(0));
        assert_eq!(day_number("2000-03-01"), Some(11_017));
        assert_eq!(day_number("2026-11-21"), Some(20_778));
        assert_eq!(day_number("2024-02-29T10:00:00Z").and_then(|day| Some(day_number("2024-03-01")? - day)), Some(1));
        assert_eq!(day_number("soon"), None);
    }
}
