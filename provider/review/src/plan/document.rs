//! `aws_iam_policy_document`, rendered the way the AWS provider renders it, from arguments that may be unknown in part.
//!
//! A tag on a role is enough to make such a data source deferred: its `json` is then "known after apply" although every
//! statement is known, and a widened policy would hide behind that.
//! Source: registry.terraform.io/providers/hashicorp/aws, data source aws_iam_policy_document.

use std::collections::BTreeMap;

use serde_json::{Map, Value as Json, json};

use super::value::Value;

/// The document as JSON; nothing when not even the list of statements is known.
pub(crate) fn render(arguments: &Value) -> Value {
    let mut statements = Vec::new();
    for text in arguments.get("source_policy_documents").items() {
        match parsed(&text) {
            Ok(more) => statements.extend(more),
            Err(unknown) => return unknown,
        }
    }
    match arguments.get("statement") {
        Value::Unknown(reason) => return Value::Unknown(reason),
        // Statements of the same name are replaced. Unnamed ones are added.
        list => list.items().iter().map(statement).for_each(|one| put(&mut statements, one)),
    }
    for text in arguments.get("override_policy_documents").items() {
        match parsed(&text) {
            Ok(more) => more.into_iter().for_each(|one| put(&mut statements, one)),
            Err(unknown) => return unknown,
        }
    }
    let version = arguments.get("version");
    let version = version.as_str().unwrap_or("2012-10-17");
    let mut document = json!({ "Version": version, "Statement": statements });
    if let (Some(id), Some(members)) = (arguments.get("policy_id").as_str(), document.as_object_mut()) {
        members.insert("Id".into(), id.into());
    }
    Value::Text(document.to_string())
}

fn parsed(document: &Value) -> Result<Vec<Json>, Value> {
    let text = match document {
        Value::Text(text) => text,
        Value::Unknown(reason) => return Err(Value::Unknown(reason.clone())),
        _ => return Ok(Vec::new()),
    };
    let json: Json = serde_json::from_str(text).map_err(|_| Value::unsupported("a policy document that is no JSON"))?;
    Ok(match json.get("Statement") {
        Some(Json::Array(all)) => all.clone(),
        Some(one) => vec![one.clone()],
        None => Vec::new(),
    })
}

fn put(statements: &mut Vec<Json>, one: Json) {
    let sid = one.get("Sid").and_then(Json::as_str).filter(|sid| !sid.is_empty()).map(str::to_owned);
    let same = |known: &Json| sid.is_some() && known.get("Sid").and_then(Json::as_str) == sid.as_deref();
    match statements.iter().position(same).and_then(|at| statements.get_mut(at)) {
        Some(known) => *known = one,
        None => statements.push(one),
    }
}

fn statement(block: &Value) -> Json {
    let mut members = Map::new();
    if let Some(sid) = block.get("sid").as_str().filter(|sid| !sid.is_empty()) {
        members.insert("Sid".into(), sid.into());
    }
    let effect = block.get("effect");
    members.insert("Effect".into(), if effect.is_null() { "Allow".into() } else { effect.to_json() });
    for (argument, member) in [
        ("actions", "Action"),
        ("not_actions", "NotAction"),
        ("resources", "Resource"),
        ("not_resources", "NotResource"),
    ] {
        put_values(&mut members, member, &block.get(argument));
    }
    for (argument, member) in [("principals", "Principal"), ("not_principals", "NotPrincipal")] {
        if let Some(principal) = principals(&block.get(argument)) {
            members.insert(member.into(), principal);
        }
    }
    let conditions = block.get("condition");
    if let Value::Unknown(_) = conditions {
        members.insert("Condition".into(), conditions.to_json());
    } else if let Some(conditions) = condition(&conditions.items()) {
        members.insert("Condition".into(), conditions);
    }
    Json::Object(members)
}

fn put_values(members: &mut Map<String, Json>, member: &str, values: &Value) {
    let texts: Vec<Json> = values.items().iter().map(text).collect();
    match texts.as_slice() {
        [] => {}
        [one] => {
            members.insert(member.into(), one.clone());
        }
        _ => {
            members.insert(member.into(), Json::Array(texts));
        }
    }
}

/// A text; `&{...}` stands for a policy variable.
fn text(value: &Value) -> Json {
    Json::String(value.in_text().replace("&{", "${"))
}

fn principals(blocks: &Value) -> Option<Json> {
    if let Value::Unknown(_) = blocks {
        return Some(blocks.to_json());
    }
    let mut by_kind: BTreeMap<String, Vec<Json>> = BTreeMap::new();
    for block in blocks.items() {
        let identifiers = block.get("identifiers").items();
        by_kind.entry(block.get("type").in_text()).or_default().extend(identifiers.iter().map(text));
    }
    if by_kind.is_empty() {
        return None;
    }
    if by_kind.len() == 1 && by_kind.get("*").is_some_and(|all| all.as_slice() == [json!("*")]) {
        return Some(json!("*"));
    }
    let member = |(kind, mut all): (String, Vec<Json>)| {
        let value = if all.len() == 1 { all.pop().unwrap_or_default() } else { Json::Array(all) };
        (kind, value)
    };
    Some(Json::Object(by_kind.into_iter().map(member).collect()))
}

fn condition(blocks: &[Value]) -> Option<Json> {
    let mut operators: BTreeMap<String, BTreeMap<String, Vec<Json>>> = BTreeMap::new();
    for block in blocks {
        let operator = operators.entry(block.get("test").in_text()).or_default();
        let values = operator.entry(block.get("variable").in_text()).or_default();
        values.extend(block.get("values").items().iter().map(text));
    }
    let one =
        |mut values: Vec<Json>| if values.len() == 1 { values.pop().unwrap_or_default() } else { Json::Array(values) };
    (!operators.is_empty()).then(|| {
        let member = |(operator, keys): (String, BTreeMap<String, Vec<Json>>)| {
            (operator, Json::Object(keys.into_iter().map(|(key, values)| (key, one(values))).collect()))
        };
        Json::Object(operators.into_iter().map(member).collect())
    })
}
