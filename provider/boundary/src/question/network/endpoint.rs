//! Endpoints: who answers for them, what their policies admit, and whether records come through them only.

use std::collections::BTreeSet;

use crate::{
    iam::{
        condition::Sense,
        document::{Effect, Listed, Statement},
    },
    model::{Class, Reason, Verdict, Witness, network::Endpoint},
    question::{Answer, Case, holding::Store, keys::with_policy, policy},
};

pub(super) fn endpoint_terms(case: &Case<'_>) -> Vec<Answer> {
    case.world
        .endpoints
        .iter()
        .map(|endpoint| {
            let service = endpoint.service.text().unwrap_or("(not known)");
            let stated = case.contract.paths.iter().find(|path| {
                let end = format!("service:{}", service.rsplit('.').next().unwrap_or_default());
                path.to == endpoint.origin.address || Some(path.to.as_str()) == endpoint.id.text() || path.to == end
            });
            let has = |own: &Option<String>, approved: Option<&String>| {
                own.as_ref().or(approved).is_some_and(|text| !text.is_empty())
            };
            let lacking = [
                ("owner", has(&endpoint.owner, stated.and_then(|path| path.owner.as_ref()))),
                ("purpose", has(&endpoint.purpose, stated.and_then(|path| path.purpose.as_ref()))),
            ];
            let verdict = Verdict::all(lacking.into_iter().map(|(what, has)| {
                Verdict::holds(has, || Witness {
                    resource: Some(endpoint.origin.address.clone()),
                    ..Witness::new(format!("the endpoint to {service} has no {what}"))
                })
            }));
            let text = |own: &Option<String>| own.clone().unwrap_or_else(|| "see contract".into());
            Answer::about(
                &endpoint.origin,
                verdict,
                format!("endpoint to {service}: owner {}, purpose {}", text(&endpoint.owner), text(&endpoint.purpose)),
            )
        })
        .collect()
}

pub(super) fn endpoint_policy(case: &Case<'_>) -> Vec<Answer> {
    case.world
        .endpoints
        .iter()
        .map(|endpoint| {
            let verdict = match &endpoint.policy {
                None => Verdict::violated(Witness {
                    principal: Some("*".into()),
                    action: Some("*".into()),
                    resource: Some("*".into()),
                    statements: vec![endpoint.origin.address.clone()],
                    ..Witness::new(
                        "the endpoint has the default policy: everybody, every action, every resource of every account",
                    )
                }),
                Some(fact) => match policy::read(fact, &endpoint.origin) {
                    Err(verdict) => verdict,
                    Ok(document) => fact.judge_text(|_| {
                        Verdict::all(policy::allows(&document).map(|statement| admitted(case, endpoint, statement)))
                    }),
                },
            };
            Answer::about(
                &endpoint.origin,
                verdict,
                format!("policy of the endpoint to {}", endpoint.service.text().unwrap_or("(not known)")),
            )
        })
        .collect()
}

/// A statement of an endpoint policy names its resources, or is bound to our accounts.
fn admitted(case: &Case<'_>, endpoint: &Endpoint, statement: &Statement) -> Verdict {
    let fails = |resource: &str, what: String| {
        Verdict::violated(Witness {
            principal: Some(policy::named(statement).first().map_or("*".into(), |one| match one {
                policy::Named::Account { text, .. }
                | policy::Named::Service(text)
                | policy::Named::Provider(text)
                | policy::Named::Other(text) => text.clone(),
                policy::Named::Everyone => "*".into(),
            })),
            resource: Some(resource.to_owned()),
            statements: vec![policy::reference(&endpoint.origin, statement)],
            ..Witness::new(what)
        })
    };
    let bound = policy::bound_to(statement, "aws:ResourceAccount");
    let ours = |account: &str| {
        case.contract.accounts.iter().any(|one| one == account)
            || case.world.account.text() == Some(account)
            || account == "${account}"
    };
    let own_accounts = bound.as_ref().is_some_and(|accounts| accounts.iter().all(|one| ours(one)));
    let principals = policy::bound_to(statement, "aws:PrincipalArn").is_some()
        || policy::bound_to(statement, "aws:PrincipalAccount")
            .is_some_and(|accounts| accounts.iter().all(|one| ours(one)))
        || policy::bound_to(statement, "aws:PrincipalOrgID").is_some();
    let everyone = policy::named(statement).contains(&policy::Named::Everyone);
    let resources: Vec<String> = match &statement.resources {
        Some(Listed::Only(texts)) => texts.iter().map(|text| text.raw().to_owned()).collect(),
        Some(Listed::AllBut(_)) | None => vec!["*".into()],
    };
    let mut verdict = Verdict::proved();
    for resource in &resources {
        let is_s3 = resource.contains(":s3:::");
        let known = is_s3 && known_bucket(case, resource);
        let wide = resource == "*" || resource.ends_with(":::*");
        if is_s3 && !known && !case.states_stores() {
            verdict = verdict.and(Verdict::unknown(Reason::HumanMissing { attribute: "classes.*.stores".into() }));
        } else if is_s3 && !known {
            verdict = verdict.and(fails(
                resource,
                format!("{resource} can be reached through the endpoint and is no bucket of this boundary"),
            ));
        } else if wide && !own_accounts {
            verdict =
                verdict.and(fails(resource, "resources of any account can be reached through the endpoint".into()));
        } else if wide && everyone && !principals {
            verdict = verdict.and(fails(resource, "anybody's credentials can be used through the endpoint".into()));
        }
    }
    verdict
}

/// Whether an ARN (with patterns) means buckets of this world or of the contract only.
fn known_bucket(case: &Case<'_>, resource: &str) -> bool {
    let name = resource.split(":::").nth(1).unwrap_or_default().split('/').next().unwrap_or_default();
    let of_world =
        case.world.buckets.iter().filter(|one| one.of_cluster.is_some() || declared(case, &one.origin.address));
    let own = of_world.filter_map(|one| one.name.text()).any(|one| one == name);
    let arn = format!("{}:::{name}", resource.split(":::").next().unwrap_or_default());
    let by_arn = case
        .world
        .buckets
        .iter()
        .any(|one| one.arn.text() == Some(arn.as_str()) && declared(case, &one.origin.address));
    let symbol = case.world.buckets.iter().any(|one| {
        one.arn.text().is_some_and(|arn| resource.starts_with(arn) && arn.contains("${"))
            && declared(case, &one.origin.address)
    });
    let stated = case
        .contract
        .classes
        .values()
        .flat_map(|terms| &terms.stores)
        .any(|store| store.strip_prefix("s3://").is_some_and(|rest| rest.split('/').next() == Some(name)));
    let approved = case.contract.paths.iter().any(|path| path.to == resource || path.to == arn);
    own || by_arn || symbol || stated || approved
}

/// Whether something that the boundary names lies in the bucket of that address.
fn declared(case: &Case<'_>, address: &str) -> bool {
    case.holdings
        .iter()
        .any(|one| one.class.is_some() && one.store.origin().is_some_and(|origin| origin.address == address))
}

pub(super) fn through_endpoints(case: &Case<'_>) -> Vec<Answer> {
    let records = [Class::Payloads, Class::WriteAheadLog];
    let mut seen = BTreeSet::new();
    let mut found = Vec::new();
    for holding in case.holdings.iter().filter(|one| one.class.is_some_and(|class| records.contains(&class))) {
        let Store::Bucket { bucket, .. } = &holding.store else { continue };
        if !seen.insert(&bucket.origin.address) {
            continue;
        }
        let verdict = with_policy(bucket, |statements| {
            let ends = statements
                .iter()
                .filter(|one| one.effect == Effect::Deny && policy::named(one).contains(&policy::Named::Everyone))
                .filter(|one| {
                    one.conditions.len() == 1
                        && policy::covers(one, &["s3:GetObject"])
                        && policy::covers(one, &["s3:PutObject"])
                });
            let ends: Vec<String> = ends.filter_map(pinned).flatten().collect();
            let foreign = ends.iter().find(|end| !is_own_end(case, end));
            match (ends.is_empty(), foreign) {
                (true, _) => Verdict::violated(Witness {
                    action: Some("s3:GetObject".into()),
                    resource: Some(bucket.origin.address.clone()),
                    ..Witness::new("no statement refuses records to requests from outside our endpoints")
                }),
                (false, Some(end)) => Verdict::violated(Witness {
                    action: Some("s3:GetObject".into()),
                    resource: Some(bucket.origin.address.clone()),
                    hops: vec![end.clone()],
                    ..Witness::new(format!(
                        "records are given out through {end}, which is no endpoint of this boundary"
                    ))
                }),
                (false, None) => Verdict::proved(),
            }
        });
        found.push(Answer::about(
            &bucket.origin,
            verdict,
            "records are refused to requests that do not come through our endpoints",
        ));
    }
    found
}

/// The endpoints or VPCs that a deny spares.
fn pinned(statement: &Statement) -> Option<Vec<String>> {
    let condition = statement.conditions.first()?;
    let is_end = ["aws:sourcevpce", "aws:sourcevpc"].contains(&condition.key.to_ascii_lowercase().as_str());
    let negated = condition.operator.sense == Sense::HoldsNot;
    (is_end && negated).then(|| condition.values.iter().map(|text| text.raw().to_owned()).collect())
}

fn is_own_end(case: &Case<'_>, end: &str) -> bool {
    let endpoint = case.world.endpoints.iter().any(|one| {
        one.id.text() == Some(end)
            || one.of_cluster.as_ref().is_some_and(|(_, name)| end == format!("${{vpce:{name}}}"))
    });
    endpoint
        || case.world.vpcs.iter().any(|one| one.id.text() == Some(end))
        || case.contract.paths.iter().any(|path| path.to == end || path.from == end)
}
