//! What differs between two worlds, a line for each fact.

use std::collections::BTreeSet;

use provider_boundary::model::World;
use serde_json::Value;

/// Facts that differ, addresses in front. Lines and evidence are no facts.
pub(crate) fn between(before: &World, after: &World) -> Vec<String> {
    let (mut found, [before, after]) =
        (Vec::new(), [before, after].map(|world| plain(&serde_json::to_value(world).unwrap())));
    compare("", &before, &after, &mut found);
    found.iter().map(|line| masked(line)).collect()
}

/// Without identifiers that AWS assigned when the fixtures were made: `vpce-#`, `key/#`.
fn masked(line: &str) -> String {
    let (mut masked, mut run) = (String::new(), String::new());
    for letter in line.chars().chain(['\n']) {
        if letter.is_ascii_hexdigit() || letter == '-' {
            run.push(letter);
            continue;
        }
        let digits = run.chars().filter(char::is_ascii_digit).count();
        masked.push_str(if run.len() > 16 && digits > 4 { "#" } else { &run });
        run.clear();
        masked.push(letter);
    }
    masked.trim_end().to_owned()
}

/// Without what changes with every edit, and with entities by address.
fn plain(value: &Value) -> Value {
    match value {
        Value::Object(members) => {
            let kept = members.iter().filter(|(name, _)| !["evidence", "place", "change"].contains(&name.as_str()));
            Value::Object(kept.map(|(name, one)| (name.clone(), plain(one))).collect())
        }
        Value::Array(items) if items.iter().any(|one| one.pointer("/origin/address").is_some()) => {
            let mut named = serde_json::Map::new();
            for item in items {
                let address = item.pointer("/origin/address").and_then(Value::as_str).unwrap_or_default();
                let count = named.keys().filter(|known| known.split('#').next() == Some(address)).count();
                let name = if count == 0 { address.to_owned() } else { format!("{address}#{count}") };
                named.insert(name, plain(item));
            }
            Value::Object(named)
        }
        Value::Array(items) => Value::Array(items.iter().map(plain).collect()),
        other => other.clone(),
    }
}

fn compare(path: &str, before: &Value, after: &Value, found: &mut Vec<String>) {
    match (before, after) {
        (a, b) if a == b => {}
        (Value::Object(a), Value::Object(b)) if policy(before).is_none() || policy(after).is_none() => {
            let names: BTreeSet<&String> = a.keys().chain(b.keys()).collect();
            for name in names {
                let path = format!("{path}/{name}");
                match (a.get(name), b.get(name)) {
                    (Some(a), Some(b)) => compare(&path, a, b, found),
                    (Some(_), None) if path.contains('.') && !path.ends_with("known") => {
                        found.push(format!("- {path}"))
                    }
                    (a, b) => {
                        found.extend(a.map(|one| format!("- {path}: {}", short(one))));
                        found.extend(b.map(|one| format!("+ {path}: {}", short(one))));
                    }
                }
            }
        }
        (a, b) => match (policy(a), policy(b)) {
            (Some(a), Some(b)) => {
                found.extend(a.difference(&b).map(|one| format!("- {path}: {one}")));
                found.extend(b.difference(&a).map(|one| format!("+ {path}: {one}")));
            }
            _ => found.extend([format!("- {path}: {}", short(a)), format!("+ {path}: {}", short(b))]),
        },
    }
}

/// The statements of a fact that is a policy.
fn policy(fact: &Value) -> Option<BTreeSet<String>> {
    let text = fact.get("known").or_else(|| fact.get("symbolic"))?.as_str()?;
    let document: Value = serde_json::from_str(text).ok()?;
    Some(document.get("Statement")?.as_array()?.iter().map(Value::to_string).collect())
}

/// A value as it is, but not a page of it.
fn short(value: &Value) -> String {
    let text = value.to_string();
    if text.chars().count() <= 240 { text } else { text.chars().take(240).collect::<String>() + "..." }
}
