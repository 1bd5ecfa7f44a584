//! The good configuration, before and after it exists.

use serde_json::Value;

use crate::fixtures;

/// Every `unknown` within a value, with its path.
fn unknowns(value: &Value, path: &str, found: &mut Vec<String>) {
    match value {
        Value::Object(members) => {
            for (name, one) in members {
                if (name == "unknown" || name.starts_with("more_")) && !one.is_null() {
                    found.push(format!("{path}/{name}: {one}"));
                } else {
                    unknowns(one, &format!("{path}/{name}"), found);
                }
            }
        }
        Value::Array(items) => {
            for (at, one) in items.iter().enumerate() {
                let name = one.pointer("/origin/address").and_then(Value::as_str).map_or(at.to_string(), str::to_owned);
                unknowns(one, &format!("{path}/{name}"), found);
            }
        }
        Value::String(text) if text.contains("${unknown:") => found.push(format!("{path}: {text}")),
        _ => {}
    }
}

fn gaps(kind: &str, name: &str) -> Vec<String> {
    let read = fixtures::good(kind, name);
    assert_eq!(read.planned.unmodelled, [], "every kind of resource is modelled");
    let mut world = serde_json::to_value(&read.planned).unwrap();
    world.as_object_mut().unwrap().remove("evidence");
    let mut found = Vec::new();
    unknowns(&world, "", &mut found);
    found
}

#[test]
fn nothing_of_a_first_plan_is_unknown_but_what_only_aws_knows() {
    let account = r#"/account_public_access/unknown: {"reason":"not_read","source":"aws","what":"s3control:GetPublicAccessBlock"}"#;
    assert_eq!(gaps("aws", "first"), [account]);
    assert_eq!(gaps("ours", "first"), [account]);
}

#[test]
fn of_what_exists_only_that_is_unknown_which_no_plan_says() {
    for kind in ["aws", "ours"] {
        for name in ["good", "refreshed"] {
            let found = gaps(kind, name);
            let others: Vec<_> = found.iter().filter(|one| !one.contains("\"not_read\"")).collect();
            assert!(others.is_empty(), "{kind} {name}: {others:#?}");
        }
    }
}

#[test]
fn every_entity_says_where_it_stands_in_the_sources() {
    let world = fixtures::good("aws", "first").planned;
    let place = |address: &str| {
        let endpoint = world.endpoints.iter().find(|one| one.origin.address == address).unwrap();
        endpoint.origin.place.clone().unwrap()
    };
    let place = place("module.network.aws_vpc_endpoint.s3");
    let source = std::fs::read_to_string(fixtures::folder().join("aws/good").join(&place.file)).unwrap();
    assert_eq!(place.file, "network/main.tf");
    assert_eq!(source.lines().nth(place.line - 1), Some("resource \"aws_vpc_endpoint\" \"s3\" {"));
    assert_eq!(source.lines().nth(place.last_line - 1), Some("}"));
}

#[test]
fn two_readings_of_one_plan_are_byte_identical() {
    let text = || serde_json::to_string(&fixtures::good("aws", "first").planned).unwrap();
    assert_eq!(text(), text());
}

#[test]
fn without_sources_a_plan_is_read_and_says_what_it_does_not_know() {
    let text = fixtures::json("aws", "first");
    let world = provider_review::plan::read(&text, None).unwrap().planned;
    // Rules find their groups, settings their buckets: the plan's references are enough for identifiers.
    let broker = world.security_groups.iter().find(|one| one.name.text() == Some("orders-broker")).unwrap();
    assert_eq!(broker.rules.len(), 5);
    let data = world.bucket("orders-data-123456789012").unwrap();
    assert_eq!(data.versioning.known(), Some(&provider_boundary::model::store::Versioning::Disabled));
    // What stands in an expression does not follow from references: the statement is there, its resources are not.
    let policy = data.policy.as_ref().unwrap().text().unwrap();
    assert!(policy.contains("RecordsOnlyByBrokers") && policy.contains("${unknown:"), "{policy}");
    assert!(world.unmodelled.is_empty(), "{:?}", world.unmodelled);
}

#[test]
fn sources_of_another_commit_fill_nothing() {
    let copied = tempfile::tempdir().unwrap();
    fixtures::copy(&fixtures::folder().join("aws/good"), copied.path());
    let path = copied.path().join("buckets.tf");
    let text = std::fs::read_to_string(&path).unwrap();
    // As if somebody had since replaced the endpoint by a variable: the plan refers to the module's output.
    let changed = text.replace("values   = [module.network.s3_endpoint_id]", "values   = [var.endpoint]");
    assert_ne!(text, changed);
    std::fs::write(&path, changed).unwrap();
    let read = provider_review::plan::read(&fixtures::json("aws", "first"), Some(copied.path())).unwrap();
    let policy = read.planned.bucket("orders-data-123456789012").unwrap().policy.clone().unwrap();
    // The statement is there as the plan has it, the endpoint is not known, and the reader is told.
    let text = policy.text().unwrap();
    assert!(
        text.contains("RecordsOnlyThroughEndpoints") && text.contains("${unknown:data.aws_iam_policy_document"),
        "{text}"
    );
    assert_eq!(read.notes, ["buckets.tf:86: statement in the sources is not what was planned"]);
    assert_eq!(fixtures::good("aws", "first").notes, [""; 0]);
}
