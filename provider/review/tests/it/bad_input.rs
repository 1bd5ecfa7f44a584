//! What is refused, and in which words.

use provider_review::plan;
use serde_json::{Value, json};

use crate::fixtures;

fn refusal(text: &[u8]) -> String {
    plan::read(text, None).unwrap_err().to_string()
}

/// The first plan of the good configuration with one member changed.
fn changed(name: &str, value: Value) -> Vec<u8> {
    let mut plan: Value = serde_json::from_slice(&fixtures::json("aws", "first")).unwrap();
    plan.as_object_mut().unwrap().insert(name.into(), value);
    plan.to_string().into_bytes()
}

#[test]
fn what_is_no_plan_is_refused_with_the_command_that_makes_one() {
    for (text, word) in [
        (b"PK\x03\x04rest".as_slice(), "a saved plan"),
        (b"resource {}".as_slice(), "not JSON"),
        (b"[]".as_slice(), "no Terraform plan"),
        (b"{}".as_slice(), "format_version is missing"),
        (br#"{"format_version":"1.0","values":{}}"#.as_slice(), "a state, not a plan"),
        (br#"{"format_version":"1.2","configuration":{}}"#.as_slice(), "planned_values is missing"),
    ] {
        let message = refusal(text);
        assert!(message.contains(word) && message.contains("terraform show -json"), "{message}");
    }
}

#[test]
fn plans_that_do_not_tell_what_would_happen_are_refused() {
    assert!(refusal(&changed("errored", json!(true))).contains("errored"));
    assert!(refusal(br#"{"format_version":"1.2","errored":true}"#).contains("errored"));
    assert!(refusal(&changed("complete", json!(false))).contains("incomplete"));
    assert!(refusal(&changed("format_version", json!("2.0"))).contains("format version 2.0"));
}

#[test]
fn newer_minor_versions_and_unknown_members_are_read() {
    let mut plan: Value = serde_json::from_slice(&changed("format_version", json!("1.99"))).unwrap();
    plan["a_new_member"] = json!({ "x": [1] });
    plan["resource_changes"][0]["a_new_member"] = json!(1);
    plan["resource_changes"][0]["change"]["a_new_member"] = json!(null);
    assert!(!plan::read(plan.to_string().as_bytes(), None).unwrap().planned.buckets.is_empty());
}

#[test]
fn sources_that_cannot_be_read_are_refused_with_file_and_line() {
    let text = fixtures::json("aws", "first");
    let missing = plan::read(&text, Some(std::path::Path::new("/nonexistent"))).unwrap_err().to_string();
    assert!(missing.contains("cannot read /nonexistent"), "{missing}");
    let empty = tempfile::tempdir().unwrap();
    assert!(plan::read(&text, Some(empty.path())).unwrap_err().to_string().contains("holds no .tf files"));
    std::fs::write(empty.path().join("main.tf"), "resource \"a\" \"b\" {\n  x = = 1\n}\n").unwrap();
    let broken = plan::read(&text, Some(empty.path())).unwrap_err().to_string();
    assert!(broken.starts_with("main.tf:2: "), "{broken}");
}

#[test]
fn a_plan_of_another_account_is_refused() {
    let world = fixtures::good("aws", "first").planned;
    let contract = |account: &str| provider_boundary::model::Contract {
        accounts: vec![account.into()],
        ..provider_boundary::model::Contract::default()
    };
    assert!(plan::check_account(&world, &contract("123456789012")).is_ok());
    let refused = plan::check_account(&world, &contract("999999999999")).unwrap_err().to_string();
    assert_eq!(refused, "this plan acts in account 123456789012; the contract approves 999999999999");
}

#[test]
fn contracts_of_the_fixtures_are_read() {
    for kind in ["aws", "ours"] {
        let text = std::fs::read_to_string(fixtures::folder().join(kind).join("good/boundary.hcl")).unwrap();
        let contract = provider_review::contract::read(&text, "boundary.hcl").unwrap();
        assert_eq!(contract.classes.len(), 13, "{kind}");
    }
}
