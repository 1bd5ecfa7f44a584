//! E. Control plane, operations, support: who runs it, what they see, what leaves.

use std::collections::BTreeSet;

use super::{Absent, Answer, Case, How, Needs, Question, policy};
use crate::{
    model::{Fact, Reason, Verdict, Witness, store::LogGroup},
    review::Boundary,
};

/// Section E.
pub(super) const QUESTIONS: &[Question] = &[
    Question {
        id: "elevation",
        title: "Which operations need elevation?",
        requirements: &[52],
        boundary: Boundary::Control,
        how: How::Later {
            needs: Needs::Live,
            what: "calls of an apply, from cloudtrail:LookupEvents, against the printed policy",
        },
    },
    Question {
        id: "log-copies",
        title: "Does any log group send its lines to another account or to an undeclared place?",
        requirements: &[53, 54],
        boundary: Boundary::Operational,
        how: How::Computed { ask: log_copies, none: Absent::Unread(Needs::Live, "logs:DescribeSubscriptionFilters") },
    },
    Question {
        id: "telemetry-fields",
        title: "Which telemetry is exported, sampled and masked?",
        requirements: &[53],
        boundary: Boundary::Operational,
        how: How::Later { needs: Needs::Broker, what: "the broker's telemetry settings" },
    },
    Question {
        id: "own-record",
        title: "Does the customer keep the primary operational record?",
        requirements: &[54],
        boundary: Boundary::Operational,
        how: How::Computed { ask: own_record, none: Absent::Unread(Needs::Live, "logs:DescribeLogGroups") },
    },
    Question {
        id: "support-terms",
        title: "Who supports the platform, how do they get in, under which terms?",
        requirements: &[55, 58],
        boundary: Boundary::Operational,
        how: How::Computed { ask: support_terms, none: Absent::Unstated("support") },
    },
    Question {
        id: "responsibilities",
        title: "Has every task an owner?",
        requirements: &[56],
        boundary: Boundary::Operational,
        how: How::Computed { ask: responsibilities, none: Absent::Unstated("responsibilities") },
    },
    Question {
        id: "maintenance-recorded",
        title: "Is maintenance access recorded?",
        requirements: &[57],
        boundary: Boundary::Operational,
        how: How::Later { needs: Needs::Live, what: "ssm:GetDocument (session preferences), cloudtrail:LookupEvents" },
    },
    Question {
        id: "no-shell",
        title: "Is there no way onto a machine that skips the record: SSH keys, metadata without tokens?",
        requirements: &[57],
        boundary: Boundary::Operational,
        how: How::Computed { ask: no_shell, none: Absent::Unread(Needs::Live, "ec2:DescribeLaunchTemplateVersions") },
    },
    Question {
        id: "subprocessors",
        title: "Which legal entity processes data, with which subprocessors?",
        requirements: &[58],
        boundary: Boundary::Operational,
        how: How::Stated("subprocessors"),
    },
    Question {
        id: "quotas",
        title: "Do the account's quotas admit the planned size?",
        requirements: &[59],
        boundary: Boundary::Operational,
        how: How::Later { needs: Needs::Live, what: "servicequotas:GetServiceQuota" },
    },
];

/// Tasks that somebody has to answer for (requirement 56).
pub(super) const TASKS: &[&str] =
    &["upgrades", "scaling", "incident_response", "quota", "access_reviews", "recovery_tests", "evidence_collection"];

fn log_copies(case: &Case<'_>) -> Vec<Answer> {
    case.world
        .log_groups
        .iter()
        .map(|group| {
            let mut verdict = Verdict::all(
                group.subscriptions.iter().map(|one| destination(case, group, &one.destination, &one.origin.address)),
            );
            if let (Some(reason), false) =
                (&group.more_subscriptions, group.origin.change == crate::model::Change::Create)
            {
                verdict = verdict.and(Verdict::unknown(reason.clone()));
            }
            let bad = group
                .subscriptions
                .iter()
                .find(|one| !destination(case, group, &one.destination, &one.origin.address).is_proved());
            let sentence = format!("{} subscription(s) get its lines", group.subscriptions.len());
            match bad {
                Some(one) => {
                    Answer::about(&one.origin, verdict, sentence).named(group.origin.address.clone()).at(&group.origin)
                }
                None => Answer::about(&group.origin, verdict, sentence),
            }
        })
        .collect()
}

fn destination(case: &Case<'_>, group: &LogGroup, to: &Fact<String>, address: &str) -> Verdict {
    to.judge_text(|arn| {
        let account = arn.split(':').nth(4).unwrap_or_default();
        let own = account == "${account}" || case.world.account.text() == Some(account) || arn.contains("${aws_");
        let approved = own || case.contract.accounts.iter().any(|one| one == account);
        let named = case.contract.paths.iter().any(|path| path.to == arn)
            || case.contract.classes.values().any(|terms| terms.stores.iter().any(|store| store == arn));
        Verdict::holds(named || approved, || Witness {
            principal: Some("logs.amazonaws.com".into()),
            action: Some("logs:PutSubscriptionFilter".into()),
            resource: Some(arn.to_owned()),
            statements: vec![address.to_owned()],
            hops: vec![group.origin.address.clone(), address.to_owned(), arn.to_owned()],
            ..Witness::new(format!("every line of {} goes to {arn}, of account {account}", group.origin.address))
        })
    })
}

fn own_record(case: &Case<'_>) -> Vec<Answer> {
    case.world
        .log_groups
        .iter()
        .map(|group| {
            let verdict = match (group.account.text(), case.world.account.text()) {
                (Some(one), Some(own)) => Verdict::holds(one == own || one == "${account}", || Witness {
                    resource: Some(group.origin.address.clone()),
                    ..Witness::new(format!("the log group belongs to account {one}"))
                }),
                _ => group.account.judge_text(|_| case.world.account.judge_text(|_| Verdict::proved())),
            };
            Answer::about(&group.origin, verdict, "the log group is the customer's own")
        })
        .collect()
}

fn support_terms(case: &Case<'_>) -> Vec<Answer> {
    let Some(support) = &case.contract.support else { return Vec::new() };
    let none = support.entity.as_deref() == Some("none");
    let attributes = [("entity", &support.entity), ("path", &support.path), ("terms", &support.terms)];
    let verdict =
        Verdict::all(attributes.into_iter().filter(|(name, _)| !none || *name == "entity").map(|(name, value)| {
            match value.as_deref().filter(|text| !text.is_empty()) {
                Some(_) => Verdict::proved(),
                None => Verdict::unknown(Reason::HumanMissing { attribute: format!("support.{name}") }),
            }
        }));
    let sentence = format!("support: {}", support.entity.as_deref().unwrap_or("not stated"));
    vec![Answer::of("support", verdict, sentence).in_contract(support.place.as_ref())]
}

fn responsibilities(case: &Case<'_>) -> Vec<Answer> {
    TASKS
        .iter()
        .map(|task| {
            let owner = case.contract.responsibilities.get(*task).filter(|text| !text.is_empty());
            let verdict = match owner {
                Some(_) => Verdict::proved(),
                None => Verdict::unknown(Reason::HumanMissing { attribute: format!("responsibilities.{task}") }),
            };
            Answer::of(*task, verdict, format!("{task}: {}", owner.map_or("nobody", String::as_str)))
        })
        .collect()
}

fn no_shell(case: &Case<'_>) -> Vec<Answer> {
    case.world
        .machines
        .iter()
        .map(|machine| {
            let bad = |what: &str| Witness { resource: Some(machine.origin.address.clone()), ..Witness::new(what) };
            let key = Verdict::holds(machine.ssh_key.is_none(), || {
                bad("an SSH key opens a shell that CloudTrail does not see")
            });
            let tokens = machine
                .imds_tokens_required
                .judge(|on| Verdict::holds(*on, || bad("the metadata service gives credentials without a token")));
            let hops = machine.imds_hops.judge(|hops| {
                Verdict::holds(*hops <= 1, || {
                    bad("the metadata service answers across a hop, to containers and proxies")
                })
            });
            Answer::about(
                &machine.origin,
                key.and(tokens).and(hops),
                "no SSH key, metadata only with tokens, hop limit 1",
            )
        })
        .collect()
}

/// Accounts, other than approved ones, that an allowing statement of a policy names.
pub(super) fn foreign(case: &Case<'_>, statement: &crate::iam::document::Statement) -> BTreeSet<String> {
    let ours = |account: &str| {
        account == "${account}"
            || case.world.account.text() == Some(account)
            || case.contract.accounts.iter().any(|one| one == account)
    };
    let named = policy::named(statement).into_iter();
    named
        .filter_map(|one| match one {
            policy::Named::Account { account, text } if !ours(&account) && !text.contains("${") => Some(text),
            _ => None,
        })
        .collect()
}
