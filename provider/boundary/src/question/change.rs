//! G. Change, drift and audit: what a change does, what nobody configured, and who saw it.

use super::{Absent, Answer, Case, How, Needs, Question};
use crate::{
    model::{
        Change, Origin, Reason, Verdict, Witness, World,
        network::{Rule, SecurityGroup},
        store::Versioning,
    },
    review::Boundary,
};

/// Section G.
pub(super) const QUESTIONS: &[Question] = &[
    Question {
        id: "irreversible",
        title: "Does this change destroy or alter anything that cannot be brought back?",
        requirements: &[67],
        boundary: Boundary::Recovery,
        how: How::Computed { ask: irreversible, none: Absent::Proves("every change can be taken back") },
    },
    Question {
        id: "rollback-time",
        title: "How fast is a change rolled back?",
        requirements: &[67],
        boundary: Boundary::Recovery,
        how: How::Stated("rollback_time"),
    },
    Question {
        id: "drift",
        title: "Does anything exist in the account that the configuration does not have?",
        requirements: &[68],
        boundary: Boundary::Control,
        how: How::Computed {
            ask: drift,
            none: Absent::Unread(Needs::Live, "ec2:DescribeSecurityGroupRules, kms:ListGrants, s3:GetBucketPolicy"),
        },
    },
    Question {
        id: "changes-recorded",
        title: "Does a trail record every change and every use of a key?",
        requirements: &[26, 69],
        boundary: Boundary::Control,
        how: How::Computed { ask: recorded, none: Absent::Unread(Needs::Live, "cloudtrail:DescribeTrails") },
    },
    Question {
        id: "changes-reviewed",
        title: "Who changed roles, topics and access lists, and when?",
        requirements: &[69],
        boundary: Boundary::Control,
        how: How::Later { needs: Needs::Live, what: "cloudtrail:LookupEvents and the metadata log's actors" },
    },
    Question {
        id: "surfaces",
        title: "How many entities of the boundary can change?",
        requirements: &[70],
        boundary: Boundary::Control,
        how: How::Computed { ask: surfaces, none: Absent::Proves("there are none") },
    },
    Question {
        id: "inventory",
        title: "Which topics, access lists, groups and dashboards exist before a migration?",
        requirements: &[71],
        boundary: Boundary::Recovery,
        how: How::Later { needs: Needs::Broker, what: "the source cluster's topics, access lists and groups" },
    },
    Question {
        id: "reaches-runtime",
        title: "When did a change of policy reach the running system?",
        requirements: &[72],
        boundary: Boundary::Control,
        how: How::Later { needs: Needs::Live, what: "read-back after the apply" },
    },
    Question {
        id: "packet-signed",
        title: "Who signed the review packet?",
        requirements: &[73],
        boundary: Boundary::Control,
        how: How::Stated("packet_signature"),
    },
    Question {
        id: "client-variance",
        title: "Which client versions and settings are in use?",
        requirements: &[74],
        boundary: Boundary::Operational,
        how: How::Later { needs: Needs::Broker, what: "client software names and versions, acks and idempotence seen" },
    },
    Question {
        id: "image-pinned",
        title: "Does every group start a numbered version of its template?",
        requirements: &[75],
        boundary: Boundary::Operational,
        how: How::Computed {
            ask: image_pinned,
            none: Absent::Unread(Needs::Live, "autoscaling:DescribeAutoScalingGroups"),
        },
    },
    Question {
        id: "image-equal",
        title: "Do all instances run the image and package that was configured?",
        requirements: &[75],
        boundary: Boundary::Operational,
        how: How::Later { needs: Needs::Live, what: "ec2:DescribeInstances, and each broker's package checksum" },
    },
];

/// Entities whose loss or exchange cannot be taken back, in the world before.
fn irreversible(case: &Case<'_>) -> Vec<Answer> {
    let mut found = Vec::new();
    for world in case.prior.into_iter().chain([case.world]) {
        for origin in kept(world) {
            let gone = match origin.change {
                Change::Delete => "destroys",
                Change::Replace => "destroys and makes anew",
                Change::None | Change::Create | Change::Update => continue,
            };
            let witness = Witness {
                resource: Some(origin.address.clone()),
                ..Witness::new(format!(
                    "the plan {gone} {}, and what depends on it cannot be brought back",
                    origin.address
                ))
            };
            found.push(Answer::about(
                origin,
                Verdict::violated(witness),
                format!("the plan {gone} {}", origin.address),
            ));
        }
    }
    for before in case.prior.into_iter().flat_map(|prior| &prior.buckets) {
        let after = case.world.buckets.iter().find(|one| one.origin.address == before.origin.address);
        let Some(after) = after else { continue };
        let off = before.versioning.known() == Some(&Versioning::Enabled)
            && after.versioning.known() == Some(&Versioning::Suspended);
        if off {
            let witness = Witness {
                resource: Some(after.origin.address.clone()),
                action: Some("s3:PutBucketVersioning".into()),
                ..Witness::new("versioning is suspended: what is overwritten from now on is gone")
            };
            found.push(Answer::about(&after.origin, Verdict::violated(witness), "versioning is suspended"));
        }
    }
    found
}

fn kept(world: &World) -> impl Iterator<Item = &Origin> {
    world
        .keys
        .iter()
        .map(|one| &one.origin)
        .chain(world.buckets.iter().map(|one| &one.origin))
        .chain(world.topics.iter().map(|one| &one.origin))
}

/// What was read and is not configured: rules of security groups, grants of keys, whole endpoints.
fn drift(case: &Case<'_>) -> Vec<Answer> {
    let Some(actual) = case.actual else { return Vec::new() };
    let mut found = Vec::new();
    for group in &actual.security_groups {
        let Some(planned) = group.id.text().and_then(|id| case.world.security_group(id)) else { continue };
        let extra: Vec<&Rule> = group.rules.iter().filter(|rule| !has_rule(planned, rule)).collect();
        let verdict = Verdict::all(extra.iter().map(|rule| {
            Verdict::violated(Witness {
                resource: Some(rule.origin.address.clone()),
                hops: vec![group.origin.address.clone()],
                ..Witness::new(format!("a rule of {} that no configuration has", group.origin.address))
            })
        }));
        let rest = group.more_rules.clone().map_or(Verdict::proved(), Verdict::unknown);
        found.push(Answer::about(
            &planned.origin,
            verdict.and(rest),
            format!("{} rule(s) beside the configuration", extra.len()),
        ));
    }
    for key in &actual.keys {
        let Some(planned) = key.arn.text().and_then(|arn| case.world.key(arn)) else { continue };
        let extra = key.grants.iter().filter(|grant| {
            !planned.grants.iter().any(|one| one.grantee == grant.grantee && one.operations == grant.operations)
        });
        let verdict = Verdict::all(extra.map(|grant| {
            Verdict::violated(Witness {
                principal: grant.grantee.text().map(str::to_owned),
                resource: Some(key.origin.address.clone()),
                statements: vec![grant.origin.address.clone()],
                ..Witness::new(format!("a grant on {} that no configuration has", planned.origin.address))
            })
        }));
        let rest = key.more_grants.clone().map_or(Verdict::proved(), Verdict::unknown);
        found.push(Answer::about(&planned.origin, verdict.and(rest), "grants as configured"));
    }
    for bucket in &actual.buckets {
        let Some(planned) = bucket.name.text().and_then(|name| case.world.bucket(name)) else { continue };
        let same =
            bucket.policy.as_ref().and_then(|one| one.text()) == planned.policy.as_ref().and_then(|one| one.text());
        let verdict = match (
            bucket.policy.as_ref().and_then(|one| one.reason()),
            planned.policy.as_ref().and_then(|one| one.reason()),
        ) {
            (Some(reason), _) | (None, Some(reason)) => Verdict::unknown(reason.clone()),
            (None, None) => Verdict::holds(same, || Witness {
                resource: Some(planned.origin.address.clone()),
                action: Some("s3:PutBucketPolicy".into()),
                ..Witness::new("the bucket's policy is not the configured one")
            }),
        };
        found.push(Answer::about(&planned.origin, verdict, "its policy is the configured one"));
    }
    found
}

fn has_rule(group: &SecurityGroup, rule: &Rule) -> bool {
    group.rules.iter().any(|one| {
        one.direction == rule.direction
            && one.protocol == rule.protocol
            && one.ports == rule.ports
            && one.peer == rule.peer
    })
}

fn recorded(case: &Case<'_>) -> Vec<Answer> {
    case.world
        .trails
        .iter()
        .map(|trail| {
            let bad = |what: &str| Witness { resource: Some(trail.origin.address.clone()), ..Witness::new(what) };
            let on = trail.logging.judge(|on| Verdict::holds(*on, || bad("the trail is not recording")));
            let writes =
                trail.management_writes.judge(|on| Verdict::holds(*on, || bad("the trail leaves out changes")));
            let wide = trail
                .multi_region
                .judge(|on| Verdict::holds(*on, || bad("the trail covers one region; IAM records elsewhere")));
            let sealed = trail
                .validated
                .judge(|on| Verdict::holds(*on, || bad("changes to the trail's files are not found out")));
            Answer::about(
                &trail.origin,
                on.and(writes).and(wide).and(sealed),
                "records changes and uses of keys in every region, sealed",
            )
        })
        .collect()
}

fn surfaces(case: &Case<'_>) -> Vec<Answer> {
    let world = case.world;
    let counted: [(&str, usize); 8] = [
        ("buckets", world.buckets.len()),
        ("keys", world.keys.len()),
        ("identities", world.identities.len()),
        ("security group rules", world.security_groups.iter().map(|one| one.rules.len()).sum()),
        ("endpoints", world.endpoints.len()),
        ("routes", world.route_tables.iter().map(|one| one.routes.len()).sum()),
        ("topics", world.topics.len()),
        ("access list entries", world.acls.len()),
    ];
    let text = counted.iter().map(|(what, number)| format!("{number} {what}")).collect::<Vec<_>>().join(", ");
    // Kinds that the model does not know are surfaces that nobody judged.
    let unknown: Vec<&str> = world.unmodelled.iter().map(|(_, kind)| kind.as_str()).collect();
    let verdict = match unknown.first() {
        None => Verdict::proved(),
        Some(_) => {
            let mut kinds: Vec<&str> = unknown;
            kinds.sort_unstable();
            kinds.dedup();
            Verdict::unknown(Reason::Unsupported { construct: kinds.join(", ") })
        }
    };
    vec![Answer::of("boundary", verdict, text)]
}

fn image_pinned(case: &Case<'_>) -> Vec<Answer> {
    case.world
        .scaling_groups
        .iter()
        .map(|group| {
            let verdict = match &group.template_version {
                None => Verdict::violated(Witness {
                    resource: Some(group.origin.address.clone()),
                    ..Witness::new("the group follows its template's default version")
                }),
                Some(fact) => fact.judge_text(|version| {
                    Verdict::holds(!version.starts_with("$L") && !version.starts_with("$D"), || Witness {
                        resource: Some(group.origin.address.clone()),
                        ..Witness::new(format!(
                            "the group starts {version}: a new version of the template runs without this configuration"
                        ))
                    })
                }),
            };
            // A number that AWS counts up is still a number.
            let verdict = match group.template_version.as_ref().and_then(|fact| fact.reason()) {
                Some(Reason::ComputedAtApply { address })
                    if address.ends_with("latest_version") || address.ends_with("version") =>
                {
                    Verdict::proved()
                }
                _ => verdict,
            };
            Answer::about(&group.origin, verdict, "starts one numbered version of its template")
        })
        .collect()
}
