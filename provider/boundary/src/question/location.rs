//! A. Location and residency: which data lies where.

use super::{
    Absent, Answer, Case, How, Needs, Question,
    holding::{Holding, Store},
    judge::stated,
};
use crate::{
    model::{Class, Fact, Reason, Verdict, Witness, contract::matches, store::Volume},
    review::Boundary,
};

/// Section A.
pub(super) const QUESTIONS: &[Question] = &[
    Question {
        id: "data-location",
        title: "Does every store lie in an approved account and region?",
        requirements: &[1, 15],
        boundary: Boundary::Operational,
        how: How::Computed {
            ask: data_location,
            none: Absent::Unread(Needs::Live, "s3:ListBuckets, logs:DescribeLogGroups"),
        },
    },
    Question {
        id: "store-declared",
        title: "Is it declared which class of data every store holds?",
        requirements: &[1, 99, 103],
        boundary: Boundary::Operational,
        how: How::Computed { ask: store_declared, none: Absent::Unread(Needs::Live, "s3:ListBuckets") },
    },
    Question {
        id: "progress-location",
        title: "Where do offsets and consumer progress live?",
        requirements: &[2],
        boundary: Boundary::Operational,
        how: How::Computed { ask: progress, none: Absent::Unread(Needs::Broker, "the prefix of __consumer_offsets") },
    },
    Question {
        id: "metadata-location",
        title: "Where does cluster metadata live?",
        requirements: &[3],
        boundary: Boundary::Control,
        how: How::Computed {
            ask: metadata,
            none: Absent::Unread(Needs::Broker, "the metadata log's bucket and prefix"),
        },
    },
    Question {
        id: "schema-location",
        title: "Where do schemas live?",
        requirements: &[4],
        boundary: Boundary::Operational,
        how: How::Computed { ask: schemas, none: Absent::Unstated("schema_registry") },
    },
    Question {
        id: "log-location",
        title: "Where do logs live?",
        requirements: &[5],
        boundary: Boundary::Operational,
        how: How::Computed { ask: logs, none: Absent::Unread(Needs::Live, "logs:DescribeLogGroups") },
    },
    Question {
        id: "metrics-location",
        title: "Where do metrics live?",
        requirements: &[6],
        boundary: Boundary::Operational,
        how: How::Computed { ask: metrics, none: Absent::Unstated("classes.metrics.stores") },
    },
    Question {
        id: "metrics-labels",
        title: "May labels of metrics hold payload?",
        requirements: &[6],
        boundary: Boundary::Operational,
        how: How::Later { needs: Needs::Broker, what: "the list of labels that the broker was built with" },
    },
    Question {
        id: "copies-governed",
        title: "Is every copy, replica, snapshot and image under the terms of what it copies?",
        requirements: &[7, 62],
        boundary: Boundary::Operational,
        how: How::Computed { ask: copies, none: Absent::Proves("nothing copies data") },
    },
    Question {
        id: "audit-location",
        title: "Where do audit events live?",
        requirements: &[8],
        boundary: Boundary::Control,
        how: How::Computed { ask: audit, none: Absent::Unread(Needs::Live, "cloudtrail:DescribeTrails") },
    },
    Question {
        id: "support-location",
        title: "Where do diagnostic bundles and tickets live?",
        requirements: &[9],
        boundary: Boundary::Operational,
        how: How::Stated("support_store"),
    },
    Question {
        id: "connector-location",
        title: "Where do connectors keep buffers and credentials?",
        requirements: &[10],
        boundary: Boundary::Operational,
        how: How::Stated("connectors"),
    },
    Question {
        id: "wal-location",
        title: "Where do records lie before they are folded into segments?",
        requirements: &[11],
        boundary: Boundary::Operational,
        how: How::Computed { ask: wal, none: Absent::Unread(Needs::Broker, "the write-ahead log's prefix") },
    },
    Question {
        id: "local-state",
        title: "Do machines keep nothing but an encrypted root volume that goes with them?",
        requirements: &[12],
        boundary: Boundary::Operational,
        how: How::Computed { ask: local_state, none: Absent::Unread(Needs::Live, "ec2:DescribeVolumes") },
    },
    Question {
        id: "metadata-fields",
        title: "Which fields of metadata leave the account?",
        requirements: &[13],
        boundary: Boundary::Operational,
        how: How::Later { needs: Needs::Broker, what: "the broker's list of exported fields" },
    },
    Question {
        id: "control-region",
        title: "Does the control plane act in an approved account and region?",
        requirements: &[14],
        boundary: Boundary::Control,
        how: How::Computed { ask: control_region, none: Absent::Proves("there is no control plane") },
    },
    Question {
        id: "read-back",
        title: "Was the location of data read back from AWS, not inferred?",
        requirements: &[16],
        boundary: Boundary::Operational,
        how: How::Later { needs: Needs::Live, what: "s3:GetBucketLocation, kms:DescribeKey, logs:DescribeLogGroups" },
    },
];

/// Whether a place is among the approved ones; undecided when none is stated.
fn approved(place: &Fact<String>, approved: &[String], attribute: &str, what: &str) -> Verdict {
    if approved.is_empty() {
        return Verdict::unknown(Reason::HumanMissing { attribute: attribute.into() });
    }
    place.judge_text(|text| {
        Verdict::holds(approved.iter().any(|one| matches(one, text)), || Witness {
            resource: Some(what.to_owned()),
            ..Witness::new(format!("{what} lies in {text}, which is not among the approved {attribute}"))
        })
    })
}

fn located(case: &Case<'_>, holding: &Holding<'_>) -> Answer {
    let name = holding.store.name();
    if let Store::Missing(_) = holding.store {
        let reason = Reason::NotRead { source: "aws".into(), what: format!("{name} is not in this plan") };
        return Answer::of(
            name.clone(),
            Verdict::unknown(reason),
            format!("{name} is named by the contract and not in this plan"),
        );
    }
    let (account, region) = holding.store.place(case.world);
    let verdict = approved(&account, &case.contract.accounts, "accounts", &name).and(approved(
        &region,
        &case.contract.regions,
        "regions",
        &name,
    ));
    let text = |fact: &Fact<String>| fact.text().unwrap_or("(not known)").to_owned();
    let sentence = format!("{name} lies in account {}, region {}", text(&account), text(&region));
    let answer = Answer::of(name, verdict, sentence);
    holding.store.origin().map_or(answer.clone(), |origin| answer.at(origin))
}

fn data_location(case: &Case<'_>) -> Vec<Answer> {
    case.holdings.iter().map(|holding| located(case, holding)).collect()
}

fn store_declared(case: &Case<'_>) -> Vec<Answer> {
    let states_any = case.contract.classes.values().any(|terms| !terms.stores.is_empty());
    let judge = |holding: &Holding<'_>| {
        let name = holding.store.name();
        let verdict = match (holding.class, states_any) {
            (Some(_), _) => Verdict::proved(),
            (None, false) => Verdict::unknown(Reason::HumanMissing { attribute: "classes.*.stores".into() }),
            (None, true) => Verdict::violated(Witness {
                resource: Some(name.clone()),
                ..Witness::new(format!("{name} is in the plan and the contract does not say what it holds"))
            }),
        };
        let sentence = match holding.class {
            Some(class) => format!("{name} holds {}", class.name()),
            None => format!("{name} holds something that nobody declared"),
        };
        let answer = Answer::of(name, verdict, sentence);
        holding.store.origin().map_or(answer.clone(), |origin| answer.at(origin))
    };
    case.holdings.iter().filter(|one| !matches!(one.store, Store::Missing(_) | Store::Metrics(_))).map(judge).collect()
}

fn of_class(case: &Case<'_>, class: Class) -> Vec<Answer> {
    let of_class: Vec<_> = case.holdings.iter().filter(|one| one.class == Some(class)).collect();
    let declared_none = of_class.is_empty() && case.contract.class(class).stores.iter().any(|one| one == "none");
    if declared_none {
        return vec![Answer::of(
            "none",
            Verdict::proved(),
            format!("the contract states that there are no {}", class.name()),
        )];
    }
    of_class.into_iter().map(|holding| located(case, holding)).collect()
}

fn progress(case: &Case<'_>) -> Vec<Answer> {
    of_class(case, Class::Progress)
}

fn metadata(case: &Case<'_>) -> Vec<Answer> {
    of_class(case, Class::ClusterMetadata)
}

fn schemas(case: &Case<'_>) -> Vec<Answer> {
    let found = of_class(case, Class::Schemas);
    let is_stated = case.contract.statement("schema_registry").is_ok();
    if found.is_empty() && is_stated { vec![stated(case, "schema_registry")] } else { found }
}

fn logs(case: &Case<'_>) -> Vec<Answer> {
    of_class(case, Class::Logs)
}

fn metrics(case: &Case<'_>) -> Vec<Answer> {
    of_class(case, Class::Metrics)
}

fn audit(case: &Case<'_>) -> Vec<Answer> {
    of_class(case, Class::AuditEvents)
}

fn wal(case: &Case<'_>) -> Vec<Answer> {
    of_class(case, Class::WriteAheadLog)
}

fn copies(case: &Case<'_>) -> Vec<Answer> {
    let mut found = Vec::new();
    for holding in &case.holdings {
        let Store::Bucket { bucket, .. } = &holding.store else { continue };
        let terms = holding.terms(case.contract);
        let verdict = bucket.replication.judge(|rules| {
            Verdict::all(rules.iter().filter(|rule| rule.enabled.known() != Some(&false)).map(|rule| {
                rule.destination.judge_text(|to| {
                    let name = to.rsplit(":::").next().unwrap_or(to);
                    let named = terms
                        .stores
                        .iter()
                        .any(|one| one.strip_prefix("s3://").is_some_and(|rest| rest.split('/').next() == Some(name)));
                    Verdict::holds(named, || Witness {
                        action: Some("s3:ReplicateObject".into()),
                        resource: Some(to.to_owned()),
                        principal: rule.role.text().map(str::to_owned),
                        statements: vec![format!("{}#{}", bucket.origin.address, rule.id)],
                        ..Witness::new(format!(
                            "{} is replicated to {to}, which the contract does not name",
                            holding.subject()
                        ))
                    })
                })
            }))
        });
        let sentence = format!("copies of {}: {}", holding.store.name(), listed(&copies_of(holding)));
        found.push(Answer::about(&bucket.origin, verdict, sentence).named(holding.store.name()));
    }
    let backups = case.contract.class(Class::Backups);
    for copy in &case.world.copies {
        let away = copy.copied_to.judge(|to| {
            Verdict::all(to.iter().map(|to| {
                let known = |one: &String| to.contains(one.as_str());
                let approved = case.contract.regions.iter().any(known) || case.contract.accounts.iter().any(known);
                Verdict::holds(approved, || Witness {
                    resource: Some(to.clone()),
                    ..Witness::new(format!("{} goes to {to}, which is not approved", copy.origin.address))
                })
            }))
        });
        let named =
            backups.stores.iter().any(|one| matches(one, &copy.origin.address) || one.ends_with(&copy.origin.address));
        let declared = Verdict::holds(named, || Witness {
            resource: copy.of.text().map(str::to_owned),
            ..Witness::new(format!(
                "{} is a {} that the contract's backups do not name",
                copy.origin.address, copy.kind
            ))
        });
        let sentence = format!("{} copies {}", copy.kind, copy.of.text().unwrap_or("something not known"));
        found.push(Answer::about(&copy.origin, away.and(declared), sentence));
    }
    found
}

fn listed(texts: &[String]) -> String {
    if texts.is_empty() { "none".into() } else { texts.join(", ") }
}

/// Where copies of a store go.
pub(super) fn copies_of(holding: &Holding<'_>) -> Vec<String> {
    let Store::Bucket { bucket, .. } = &holding.store else { return Vec::new() };
    let rules = bucket.replication.known().into_iter().flatten().filter(|rule| rule.enabled.known() != Some(&false));
    let mut to: Vec<String> = rules.filter_map(|rule| rule.destination.text()).map(str::to_owned).collect();
    to.sort();
    to.dedup();
    to
}

fn local_state(case: &Case<'_>) -> Vec<Answer> {
    let judge = |machine: &crate::model::compute::Machine| {
        let verdict = Verdict::all(machine.volumes.iter().map(|one| volume(one, &machine.origin.address)));
        let sentence = match machine.volumes.len() {
            0 => "describes no volume: the image's root volume only".to_owned(),
            number => format!(
                "{number} volume(s): {}",
                listed(&machine.volumes.iter().map(|one| one.device.clone()).collect::<Vec<_>>())
            ),
        };
        // Without a described root volume its encryption is the image's and the account's default.
        let undescribed = if machine.volumes.is_empty() {
            Verdict::unknown(Reason::NotRead { source: "aws".into(), what: "ec2:GetEbsEncryptionByDefault".into() })
        } else {
            Verdict::proved()
        };
        Answer::about(&machine.origin, verdict.and(undescribed), sentence)
    };
    case.world.machines.iter().map(judge).collect()
}

fn volume(volume: &Volume, address: &str) -> Verdict {
    let at = |what: String| Witness { resource: Some(format!("{address} {}", volume.device)), ..Witness::new(what) };
    let device = &volume.device;
    let plain = volume.encrypted.judge(|on| Verdict::holds(*on, || at(format!("volume {device} is not encrypted"))));
    let stays = volume
        .delete_on_termination
        .judge(|on| Verdict::holds(*on, || at(format!("volume {device} stays when its machine goes"))));
    let store = Verdict::holds(!volume.ephemeral, || at(format!("{device} is an instance store")));
    let root = ["root", "/dev/xvda", "/dev/sda1", "/dev/nvme0n1"].contains(&device.as_str());
    let extra = Verdict::holds(root, || at(format!("volume {device} is a second place where a machine keeps data")));
    plain.and(stays).and(store).and(extra)
}

fn control_region(case: &Case<'_>) -> Vec<Answer> {
    let what = "the control plane";
    let verdict = approved(&case.world.account, &case.contract.accounts, "accounts", what).and(approved(
        &case.world.region,
        &case.contract.regions,
        "regions",
        what,
    ));
    let text = |fact: &Fact<String>| fact.text().unwrap_or("(not known)").to_owned();
    let sentence =
        format!("Terraform acts in account {}, region {}", text(&case.world.account), text(&case.world.region));
    vec![Answer::of("terraform", verdict, sentence)]
}
