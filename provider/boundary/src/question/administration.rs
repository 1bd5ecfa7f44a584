//! Who administers keys, storage, identities, network, compute and audit: by which action, on what, allowed by which statement.

use std::collections::{BTreeMap, BTreeSet};

use super::{
    Answer, Case,
    access::{ask, is_record, judged, of_bucket, of_key, stands_for_others},
    estate,
};
use crate::{
    iam::{Caller, Context, KeyState, Resource, ResourceSide, estate::Principal, truth::Truth},
    model::{Class, Reason, Verdict, Witness, contract::matches},
};

/// Actions by which a key's use is changed or ended.
const KEY_ADMINISTRATION: &[&str] =
    &["kms:PutKeyPolicy", "kms:CreateGrant", "kms:ScheduleKeyDeletion", "kms:DisableKey", "kms:UpdateAlias"];

pub(super) fn key_administrators(case: &Case<'_>) -> Vec<Answer> {
    let rows = case.administration();
    case.world
        .keys
        .iter()
        .map(|key| {
            let own = rows.iter().filter(|row| row.of == "keys" && row.address == key.origin.address);
            let verdict = Verdict::all(own.clone().map(|row| administered(case, row, "keys")));
            let names: BTreeSet<&str> =
                own.filter(|row| !stands_for_others(&row.principal)).map(|row| row.principal.as_str()).collect();
            let names: Vec<&str> = names.into_iter().collect();
            Answer::about(
                &key.origin,
                verdict,
                format!("administered by: {}", if names.is_empty() { "nobody".into() } else { names.join(", ") }),
            )
        })
        .collect()
}

/// Somebody who can do something that administers.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct AdministratorRow {
    pub(super) principal: String,
    pub(super) of: &'static str,
    pub(super) action: String,
    pub(super) address: String,
    pub(super) truth: Truth,
    pub(super) statements: Vec<String>,
}

fn administered(case: &Case<'_>, row: &AdministratorRow, of: &str) -> Verdict {
    let stated = &case.contract.administrators;
    if stated.is_empty() && !stands_for_others(&row.principal) {
        return Verdict::unknown(Reason::HumanMissing { attribute: "administrators".into() });
    }
    judged(&row.truth, &row.principal, is_administrator(case, &row.principal, of), || Witness {
        principal: Some(row.principal.clone()),
        action: Some(row.action.clone()),
        resource: Some(row.address.clone()),
        statements: row.statements.clone(),
        ..Witness::new(format!(
            "{} may {}, and the contract does not name it as administrator of {of}",
            row.principal, row.action
        ))
    })
}

/// Whether the contract names somebody as administrator of something.
pub(super) fn is_administrator(case: &Case<'_>, principal: &str, of: &str) -> bool {
    case.contract
        .administrators
        .iter()
        .any(|one| matches(&one.principal, principal) && (one.of.is_empty() || one.of.iter().any(|what| what == of)))
}

fn key_administration(case: &Case<'_>) -> Vec<AdministratorRow> {
    let mut rows = Vec::new();
    for key in &case.world.keys {
        for principal in &case.estate.principals {
            for action in KEY_ADMINISTRATION {
                let (truth, statements) = of_key(case, key, principal, action, Context::unknown());
                if !truth.is_no() {
                    rows.push(AdministratorRow {
                        principal: principal.name(),
                        of: "keys",
                        action: (*action).to_owned(),
                        address: key.origin.address.clone(),
                        truth,
                        statements,
                    });
                }
            }
        }
    }
    rows
}

/// What administers, beside keys: actions of identities on anything.
const ADMINISTRATION: &[(&str, &[&str])] = &[
    (
        "storage",
        &[
            "s3:PutBucketPolicy",
            "s3:PutLifecycleConfiguration",
            "s3:PutReplicationConfiguration",
            "s3:PutBucketVersioning",
        ],
    ),
    (
        "identities",
        &["iam:UpdateAssumeRolePolicy", "iam:PutRolePolicy", "iam:AttachRolePolicy", "iam:CreatePolicyVersion"],
    ),
    ("network", &["ec2:ModifyVpcEndpoint", "ec2:AuthorizeSecurityGroupEgress", "ec2:CreateRoute"]),
    (
        "compute",
        &[
            "ec2:RunInstances",
            "ec2:CreateLaunchTemplateVersion",
            "autoscaling:UpdateAutoScalingGroup",
            "ssm:SendCommand",
            "ssm:StartSession",
        ],
    ),
    ("audit", &["cloudtrail:StopLogging", "cloudtrail:PutEventSelectors", "events:DisableRule", "logs:DeleteLogGroup"]),
];

/// Everybody who administers something.
pub(super) fn administration(case: &Case<'_>) -> Vec<AdministratorRow> {
    let mut rows = key_administration(case);
    let account = case.world.account.text().unwrap_or("${account}");
    for principal in case.estate.principals.iter().filter(|one| !stands_for_others(&one.name())) {
        // Another account's principals administer here only what a resource's policy gives them.
        let own = principal.caller.account() == Some(account);
        let described = case.world.identity(&principal.name()).is_some();
        for (of, actions) in ADMINISTRATION {
            for action in actions.iter() {
                if *of == "storage" {
                    // Of a principal that is not described only a bucket's own policy says something.
                    rows.extend(storage_row(case, principal, action).filter(|row| described || row.truth.is_yes()));
                } else if own && described && !matches!(principal.caller, Caller::Root { .. }) {
                    let context = Context::unknown().with("aws:MultiFactorAuthPresent", KeyState::Unknown);
                    let (truth, statements) = ask(
                        &case.estate,
                        principal,
                        action,
                        Resource::AnyOf("*".into()),
                        account,
                        ResourceSide::None,
                        context,
                    );
                    if !truth.is_no() {
                        rows.push(AdministratorRow {
                            principal: principal.name(),
                            of,
                            action: (*action).to_owned(),
                            address: principal.name(),
                            truth: some(truth),
                            statements,
                        });
                    }
                }
            }
        }
    }
    rows
}

fn storage_row(case: &Case<'_>, principal: &Principal, action: &str) -> Option<AdministratorRow> {
    // The account's root user can always change a bucket's policy: that is AWS's own recovery.
    if matches!(principal.caller, Caller::Root { .. }) {
        return None;
    }
    let asked =
        case.world.buckets.iter().map(|bucket| {
            (bucket, of_bucket(case, bucket, principal, action, Resource::One(estate::bucket_arn(bucket))))
        });
    let (bucket, (truth, statements)) = asked.into_iter().find(|(_, (truth, _))| !truth.is_no())?;
    Some(AdministratorRow {
        principal: principal.name(),
        of: "storage",
        action: action.to_owned(),
        address: bucket.origin.address.clone(),
        truth: some(truth),
        statements,
    })
}

/// Allowed on some resources is enough to administer.
fn some(truth: Truth) -> Truth {
    let Truth::Maybe(reasons) = &truth else { return truth };
    let decided = reasons.iter().all(|one| {
        use crate::iam::truth::Reason as Iam;
        matches!(one, Iam::SomeResources | Iam::KeyUnknown { .. })
    });
    if decided { Truth::Yes } else { truth }
}

pub(super) fn administrators(case: &Case<'_>) -> Vec<Answer> {
    let mut by_principal: BTreeMap<String, Vec<AdministratorRow>> = BTreeMap::new();
    for row in case.administration().iter().filter(|row| !stands_for_others(&row.principal)) {
        by_principal.entry(row.principal.clone()).or_default().push(row.clone());
    }
    by_principal
        .into_iter()
        .map(|(principal, rows)| {
            let verdict = Verdict::all(rows.iter().map(|row| administered(case, row, row.of)));
            let kinds: BTreeSet<&str> = rows.iter().map(|row| row.of).collect();
            let kinds: Vec<&str> = kinds.into_iter().collect();
            let answer =
                Answer::of(principal.clone(), verdict, format!("{principal} administers {}", kinds.join(", ")));
            match case.world.identity(&principal) {
                Some(identity) => answer.at(&identity.origin),
                None => answer,
            }
        })
        .collect()
}

pub(super) fn separation(case: &Case<'_>) -> Vec<Answer> {
    let readers: BTreeSet<&str> = case
        .readings()
        .iter()
        .filter(|row| {
            is_record(case.holdings.get(row.holding))
                && row.reading.reads_now().is_yes()
                && !stands_for_others(&row.principal)
        })
        .map(|row| row.principal.as_str())
        .collect();
    let administration: Vec<&AdministratorRow> =
        case.administration().iter().filter(|row| readers.contains(row.principal.as_str())).collect();
    readers
        .into_iter()
        .map(|reader| {
            let own = administration.iter().filter(|row| row.principal == reader && row.truth.is_yes());
            let verdict = Verdict::all(own.map(|row| {
                let declared = is_administrator(case, reader, row.of)
                    && case.contract.class(Class::Payloads).readers.iter().any(|one| matches(one, reader));
                Verdict::holds(declared, || Witness {
                    principal: Some(reader.to_owned()),
                    action: Some(row.action.clone()),
                    resource: Some(row.address.clone()),
                    statements: row.statements.clone(),
                    ..Witness::new(format!("{reader} reads records and administers {}", row.of))
                })
            }));
            let answer =
                Answer::of(reader, verdict, format!("{reader} reads records and administers nothing undeclared"));
            match case.world.identity(reader) {
                Some(identity) => answer.at(&identity.origin),
                None => answer,
            }
        })
        .collect()
}
