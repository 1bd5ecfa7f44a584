//! Each scenario's mutation shows in the model, at the entity it was made to, and nothing else does.

use provider_review::plan;

use crate::{difference, fixtures};

fn differences(kind: &str) -> String {
    let good = fixtures::good(kind, "good");
    let mut lines = Vec::new();
    for scenario in fixtures::scenarios(kind) {
        let sources = fixtures::sources(kind, &scenario);
        let read = plan::read(&fixtures::json(kind, &scenario.name), Some(sources.path())).unwrap();
        lines.push(format!("# {}", scenario.name));
        lines.extend(difference::between(&good.planned, &read.planned));
    }
    lines.join("\n") + "\n"
}

#[test]
fn mutations_of_the_good_aws_configuration_show_where_they_were_made() {
    expect_test::expect_file!["mutations_aws.txt"].assert_eq(&differences("aws"));
}

#[test]
fn mutations_of_the_good_configuration_in_our_resources_show_where_they_were_made() {
    expect_test::expect_file!["mutations_ours.txt"].assert_eq(&differences("ours"));
}

#[test]
fn a_policy_widened_behind_a_role_tag_is_as_visible_as_one_widened_openly() {
    let read = |name: &str| {
        let scenarios = fixtures::scenarios("aws");
        let scenario = scenarios.iter().find(|one| one.name == name).unwrap();
        let sources = fixtures::sources("aws", scenario);
        plan::read(&fixtures::json("aws", name), Some(sources.path())).unwrap().planned
    };
    let openly = read("key_policy_lets_the_administrator_decrypt");
    let hidden = read("key_policy_lets_the_administrator_decrypt_behind_a_role_tag");
    // The plan itself says nothing of the policy: that is what makes this worth a test.
    let json: serde_json::Value =
        serde_json::from_slice(&fixtures::json("aws", "key_policy_lets_the_administrator_decrypt_behind_a_role_tag"))
            .unwrap();
    let changes = json.get("resource_changes").unwrap().as_array().unwrap();
    let key = changes.iter().find(|one| one["address"] == "aws_kms_key.this[\"data\"]").unwrap();
    assert_eq!(key.pointer("/change/after_unknown/policy"), Some(&true.into()));
    let statements = |world: &provider_boundary::model::World| {
        let key = world.keys.iter().find(|one| one.origin.address == "aws_kms_key.this[\"data\"]").unwrap();
        serde_json::from_str::<serde_json::Value>(key.policy.text().unwrap()).unwrap()
    };
    let decrypts =
        |policy: &serde_json::Value| policy["Statement"][1]["Condition"]["ArnEquals"]["aws:PrincipalArn"].clone();
    assert_eq!(decrypts(&statements(&hidden)), decrypts(&statements(&openly)));
    assert!(
        statements(&hidden).to_string().contains("key-admin\"]")
            || statements(&hidden).to_string().contains("key-admin\",\"arn:aws:iam::123456789012:role/orders")
    );
}
