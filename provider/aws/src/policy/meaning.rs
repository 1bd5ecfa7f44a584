//! Equality of policy documents by meaning: AWS returns them reordered, lists of one as strings, accounts as ARNs.
//!
//! Invariant: two documents with the same canonical form grant and deny the same calls. The reverse is not promised:
//! documents of equal effect may differ here, which then is an honest diff.

use serde_json::{Map, Value};

/// Whether two policy texts mean the same; text that is not JSON only equals itself.
pub fn same(left: &str, right: &str) -> bool {
    if left == right {
        return true;
    }
    match (serde_json::from_str::<Value>(left), serde_json::from_str::<Value>(right)) {
        (Ok(left), Ok(right)) => canonical(&left) == canonical(&right),
        _ => false,
    }
}

/// The canonical form: sorted sets, lower-case actions and condition names, accounts as their root's ARN.
pub fn canonical(document: &Value) -> Value {
    let Value::Object(object) = document else { return document.clone() };
    let mut result = Map::new();
    // The version only says whether `${…}` is a variable; some services drop it.
    let variables = document.to_string().contains("${");
    for (name, value) in object.iter().filter(|(name, _)| variables || *name != "Version") {
        let value = match name.as_str() {
            "Statement" => set(value, statement),
            _ => value.clone(),
        };
        result.insert(name.clone(), value);
    }
    result.sort_keys();
    Value::Object(result)
}

fn statement(value: &Value) -> Value {
    let Value::Object(object) = value else { return value.clone() };
    let mut result = Map::new();
    for (name, value) in object {
        let value = match name.as_str() {
            "Action" | "NotAction" => set(value, lower),
            "Resource" | "NotResource" => set(value, Value::clone),
            "Principal" | "NotPrincipal" => principal(value),
            "Condition" => condition(value),
            _ => value.clone(),
        };
        result.insert(name.clone(), value);
    }
    result.sort_keys();
    Value::Object(result)
}

fn principal(value: &Value) -> Value {
    let Value::Object(object) = value else { return value.clone() };
    let mut result: Map<String, Value> = object.iter().map(|(kind, ids)| (kind.clone(), set(ids, account))).collect();
    result.sort_keys();
    Value::Object(result)
}

fn condition(value: &Value) -> Value {
    let Value::Object(operators) = value else { return value.clone() };
    let mut result = Map::new();
    for (operator, keys) in operators {
        let Value::Object(keys) = keys else { return value.clone() };
        let mut tests: Map<String, Value> =
            keys.iter().map(|(key, values)| (key.to_lowercase(), set(values, plain))).collect();
        tests.sort_keys();
        result.insert(operator.to_lowercase(), Value::Object(tests));
    }
    result.sort_keys();
    Value::Object(result)
}

/// A value or a list of values, as a sorted list without repeats.
fn set(value: &Value, each: impl Fn(&Value) -> Value) -> Value {
    let mut values: Vec<Value> = match value {
        Value::Array(values) => values.iter().map(each).collect(),
        single => vec![each(single)],
    };
    values.sort_by_key(Value::to_string);
    values.dedup();
    Value::Array(values)
}

fn lower(value: &Value) -> Value {
    value.as_str().map_or_else(|| value.clone(), |text| text.to_lowercase().into())
}

/// `true` and `"true"` are the same condition value.
fn plain(value: &Value) -> Value {
    match value {
        Value::Bool(_) | Value::Number(_) => value.to_string().into(),
        other => other.clone(),
    }
}

/// Twelve digits name the account, and so does the ARN of its root. Kept as digits: they hold in every partition.
fn account(value: &Value) -> Value {
    let Some(text) = value.as_str() else { return value.clone() };
    let digits = text.strip_suffix(":root").and_then(|head| head.rsplit(':').next()).unwrap_or(text);
    digits.into()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn order_lists_of_one_case_of_actions_and_account_forms_do_not_matter() {
        let ours = r#"{"Version":"2012-10-17","Statement":[{"Sid":"A","Effect":"Allow","Principal":{"AWS":"arn:aws:iam::123456789012:root"},
            "Action":["s3:GetObject","s3:PutObject"],"Resource":["*"],"Condition":{"Bool":{"aws:SecureTransport":"false"}}}]}"#;
        let theirs = r#"{"Statement":{"Effect":"Allow","Sid":"A","Action":["S3:putobject","s3:GetObject"],"Resource":"*",
            "Principal":{"AWS":["123456789012"]},"Condition":{"Bool":{"AWS:securetransport":[false]}}},"Version":"2012-10-17"}"#;
        assert!(same(ours, theirs));
    }

    #[test]
    fn a_widened_list_is_a_difference() {
        let ours = r#"{"Statement":[{"Effect":"Allow","Action":"s3:GetObject"}]}"#;
        let theirs = r#"{"Statement":[{"Effect":"Allow","Action":["s3:GetObject","s3:PutObject"]}]}"#;
        assert!(!same(ours, theirs));
    }

    #[test]
    fn text_that_is_not_json_only_equals_itself() {
        assert!(same("x", "x"));
        assert!(!same("x", "{}"));
    }

    #[test]
    fn the_version_matters_only_where_there_are_variables() {
        let document =
            |version: &str, resource: &str| format!(r#"{{{version}"Statement":[{{"Resource":"{resource}"}}]}}"#);
        let new = r#""Version":"2012-10-17","#;
        assert!(same(&document(new, "*"), &document("", "*")));
        assert!(!same(&document(new, "${aws:userid}"), &document("", "${aws:userid}")));
    }

    proptest::proptest! {
        #[test]
        fn any_text_is_compared_without_a_panic(left in ".{0,80}", right in ".{0,80}") {
            let _ = same(&left, &right);
        }
    }
}
