//! The good configuration, before and after it exists.

use serde_json::Value;

use crate::fixtures;

/// Every `unknown` within a value, with its path.
fn unknowns(value: &Value, path: &str, found: &mut Vec<String>) {
    match value {
        Value::Object(members) => {
            for (name, one) in members {
                if name == "unknown" {
                    found.push(format!("{path}: {one}"));
                } else {
                    unknowns(one, &format!("{path}.{name}"), found);
                }
            }
        }
        Value::Array(items) => {
            for (at, one) in items.iter().enumerate() {
                let name = one.pointer("/origin/address").and_then(Value::as_str).map_or(at.to_string(), str::to_owned);
                unknowns(one, &format!("{path}[{name}]"), found);
            }
        }
        Value::String(text) if text.contains("${unknown:") => found.push(format!("{path}: {text}")),
        _ => {}
    }
}

#[test]
fn nothing_of_a_first_plan_is_unknown_but_what_only_aws_knows() {
    let read = fixtures::good("aws", "first");
    let mut world = serde_json::to_value(&read.planned).unwrap();
    world.as_object_mut().unwrap().remove("evidence");
    let mut found = Vec::new();
    unknowns(&world, "", &mut found);
    let expected =
        r#".account_public_access: {"reason":"not_read","source":"aws","what":"s3control:GetPublicAccessBlock"}"#;
    assert_eq!(found, [expected]);
}
