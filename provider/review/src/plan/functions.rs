//! Functions of Terraform's language, as far as configurations of this kind use them. The others are `Unknown`.
//! Source: developer.hashicorp.com/terraform/language/functions.

use std::collections::BTreeMap;

use super::value::{Value, number_text};

/// The value of a call.
pub(crate) fn call(name: &str, arguments: &[Value]) -> Value {
    let first = arguments.first().cloned().unwrap_or(Value::Null);
    // These keep what is known around what is not.
    match name {
        "jsonencode" => return Value::Text(first.to_json().to_string()),
        "concat" => return concat(arguments),
        "merge" => return merge(arguments),
        "coalesce" => return coalesce(arguments),
        "format" => return format(arguments),
        "lookup" | "element" | "keys" | "values" | "length" | "tolist" | "toset" | "tomap" | "flatten" | "one"
        | "sensitive" | "nonsensitive" | "join" | "sort" | "distinct" | "compact" | "zipmap" => {
            return of_collection(name, &first, arguments);
        }
        _ => {}
    }
    if let Some(reason) = arguments.iter().find_map(Value::reason) {
        return Value::Unknown(reason);
    }
    // A symbol stands for text of unknown length and letters: nothing that looks into a text may touch it.
    if arguments.iter().any(|one| one.to_json().to_string().contains("${")) {
        return Value::unsupported(format!("function {name} of an identifier that AWS assigns"));
    }
    of_known(name, &first, arguments)
}

fn of_collection(name: &str, first: &Value, arguments: &[Value]) -> Value {
    if let Value::Unknown(reason) = first {
        return Value::Unknown(reason.clone());
    }
    let second = arguments.get(1).cloned().unwrap_or(Value::Null);
    match (name, first) {
        ("sensitive" | "nonsensitive", _) => first.clone(),
        ("lookup", Value::Map(members)) => {
            let found = members.get(&second.in_text()).cloned();
            found.unwrap_or_else(|| arguments.get(2).cloned().unwrap_or(Value::Null))
        }
        ("keys", Value::Map(members)) => Value::List(members.keys().map(Value::text).collect()),
        ("values", Value::Map(members)) => Value::List(members.values().cloned().collect()),
        ("length", Value::Map(members)) => count(members.len()),
        ("length", Value::List(items)) => count(items.len()),
        ("element", Value::List(items)) => element(items, &second),
        ("tolist" | "tomap", _) => first.clone(),
        ("toset" | "distinct", Value::List(items)) => Value::List(distinct(items)),
        ("sort", Value::List(items)) if !first.has_unknown() => {
            let mut texts: Vec<String> = items.iter().map(Value::in_text).collect();
            texts.sort();
            Value::List(texts.into_iter().map(Value::Text).collect())
        }
        ("compact", Value::List(items)) => {
            Value::List(items.iter().filter(|one| !one.is_null() && one.as_str() != Some("")).cloned().collect())
        }
        ("flatten", Value::List(items)) => Value::List(flatten(items)),
        ("one", Value::List(items)) => items.first().cloned().unwrap_or(Value::Null),
        ("join", _) => {
            let texts: Vec<String> = second.items().iter().map(Value::in_text).collect();
            if matches!(second, Value::Unknown(_)) { second } else { Value::Text(texts.join(&first.in_text())) }
        }
        ("zipmap", Value::List(names)) => {
            let names = names.iter().map(Value::in_text);
            Value::Map(names.zip(second.items()).collect())
        }
        _ => Value::unsupported(format!("function {name} of such a value")),
    }
}

fn of_known(name: &str, first: &Value, arguments: &[Value]) -> Value {
    let text = first.in_text();
    let argument = |at: usize| arguments.get(at).cloned().unwrap_or(Value::Null);
    match name {
        "jsondecode" => {
            serde_json::from_str(&text).map_or_else(|_| Value::unsupported("no JSON"), |json| Value::of_json(&json))
        }
        "split" => Value::List(argument(1).in_text().split(&text).map(Value::text).collect()),
        "replace" if !argument(1).in_text().starts_with('/') => {
            Value::Text(text.replace(&argument(1).in_text(), &argument(2).in_text()))
        }
        "lower" => Value::Text(text.to_lowercase()),
        "upper" => Value::Text(text.to_uppercase()),
        "trimspace" => Value::text(text.trim()),
        "trimprefix" => Value::text(text.strip_prefix(&argument(1).in_text()).unwrap_or(&text)),
        "trimsuffix" => Value::text(text.strip_suffix(&argument(1).in_text()).unwrap_or(&text)),
        "startswith" => Value::Bool(text.starts_with(&argument(1).in_text())),
        "endswith" => Value::Bool(text.ends_with(&argument(1).in_text())),
        "tostring" => {
            if first.is_null() {
                Value::Null
            } else {
                Value::Text(text)
            }
        }
        "tonumber" => number(first).map_or(Value::Null, Value::Number),
        "tobool" => match text.as_str() {
            "true" => Value::Bool(true),
            "false" => Value::Bool(false),
            _ => Value::Null,
        },
        "contains" => {
            let wanted = argument(1).in_text();
            Value::Bool(first.items().iter().any(|one| one.in_text() == wanted))
        }
        "length" => count(text.chars().count()),
        "max" => fold(arguments, f64::max),
        "min" => fold(arguments, f64::min),
        "floor" => number(first).map_or(Value::Null, |one| Value::Number(one.floor())),
        "ceil" => number(first).map_or(Value::Null, |one| Value::Number(one.ceil())),
        "range" => range(arguments),
        "alltrue" => Value::Bool(first.items().iter().all(|one| *one == Value::Bool(true))),
        "anytrue" => Value::Bool(first.items().contains(&Value::Bool(true))),
        _ => Value::unsupported(format!("function {name}")),
    }
}

/// A number, or a text that is one.
pub(crate) fn number(value: &Value) -> Option<f64> {
    match value {
        Value::Number(number) => Some(*number),
        Value::Text(text) => text.parse().ok(),
        _ => None,
    }
}

fn count(items: usize) -> Value {
    u32::try_from(items).map_or_else(|_| Value::unsupported("a very long list"), |one| Value::Number(f64::from(one)))
}

fn element(items: &[Value], at: &Value) -> Value {
    match (at, number_text(number(at).unwrap_or(-1.0)).parse::<usize>()) {
        (Value::Unknown(reason), _) => Value::Unknown(reason.clone()),
        (_, Ok(at)) => at.checked_rem(items.len()).and_then(|at| items.get(at)).cloned().unwrap_or(Value::Null),
        (_, Err(_)) => Value::unsupported("function element of such an index"),
    }
}

fn distinct(items: &[Value]) -> Vec<Value> {
    let mut kept: Vec<Value> = Vec::new();
    for item in items {
        if !kept.contains(item) {
            kept.push(item.clone());
        }
    }
    kept
}

fn flatten(items: &[Value]) -> Vec<Value> {
    let parts = items.iter().map(|one| match one {
        Value::List(inner) => flatten(inner),
        other => vec![other.clone()],
    });
    parts.flatten().collect()
}

fn concat(arguments: &[Value]) -> Value {
    let mut all = Vec::new();
    for argument in arguments {
        match argument {
            Value::List(items) => all.extend(items.iter().cloned()),
            Value::Unknown(reason) => return Value::Unknown(reason.clone()),
            Value::Null => {}
            _ => return Value::unsupported("function concat of such a value"),
        }
    }
    Value::List(all)
}

fn merge(arguments: &[Value]) -> Value {
    let mut all = BTreeMap::new();
    for argument in arguments {
        match argument {
            Value::Map(members) => all.extend(members.iter().map(|(name, one)| (name.clone(), one.clone()))),
            Value::Unknown(reason) => return Value::Unknown(reason.clone()),
            Value::Null => {}
            _ => return Value::unsupported("function merge of such a value"),
        }
    }
    Value::Map(all)
}

/// The first that is neither null nor empty.
fn coalesce(arguments: &[Value]) -> Value {
    let empty = |one: &&Value| !one.is_null() && one.as_str() != Some("");
    arguments.iter().find(empty).cloned().unwrap_or(Value::Null)
}

/// `%s`, `%d` and `%%`; anything else is not modelled.
fn format(arguments: &[Value]) -> Value {
    let Some((pattern, rest)) = arguments.split_first() else { return Value::Null };
    if let Value::Unknown(reason) = pattern {
        return Value::Unknown(reason.clone());
    }
    let pattern = pattern.in_text();
    let (mut text, mut rest) = (String::new(), rest.iter());
    let mut letters = pattern.chars();
    while let Some(letter) = letters.next() {
        match (letter, if letter == '%' { letters.next() } else { None }) {
            ('%', Some('%')) => text.push('%'),
            ('%', Some('s' | 'd' | 'v')) => text.push_str(&rest.next().cloned().unwrap_or(Value::Null).in_text()),
            ('%', _) => return Value::unsupported(format!("format {pattern}")),
            (letter, _) => text.push(letter),
        }
    }
    Value::Text(text)
}

fn fold(arguments: &[Value], f: fn(f64, f64) -> f64) -> Value {
    let numbers: Option<Vec<f64>> = arguments.iter().map(number).collect();
    numbers.and_then(|all| all.into_iter().reduce(f)).map_or(Value::Null, Value::Number)
}

fn range(arguments: &[Value]) -> Value {
    let numbers: Option<Vec<u32>> =
        arguments.iter().map(|one| number_text(number(one).unwrap_or(-1.0)).parse().ok()).collect();
    match numbers.as_deref() {
        Some([end]) if *end < 1_000 => Value::List((0..*end).map(|one| Value::Number(f64::from(one))).collect()),
        Some([start, end]) if *end < 1_000 => {
            Value::List((*start..*end).map(|one| Value::Number(f64::from(one))).collect())
        }
        _ => Value::unsupported("function range of such values"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn list(items: &[&str]) -> Value {
        Value::List(items.iter().map(|one| Value::text(*one)).collect())
    }

    #[test]
    fn known_arguments_give_what_terraform_gives() {
        assert_eq!(call("join", &[Value::text("-"), list(&["a", "b"])]), Value::text("a-b"));
        assert_eq!(call("split", &[Value::text(","), Value::text("a,b")]), list(&["a", "b"]));
        assert_eq!(
            call("format", &[Value::text("%s:%d%%"), Value::text("a"), Value::Number(3.0)]),
            Value::text("a:3%")
        );
        assert_eq!(call("element", &[list(&["a", "b"]), Value::Number(3.0)]), Value::text("b"));
        assert_eq!(call("flatten", &[Value::List(vec![list(&["a"]), list(&["b"])])]), list(&["a", "b"]));
    }

    #[test]
    fn nothing_looks_into_an_identifier_that_is_not_assigned_yet() {
        let symbol = Value::text("${aws_vpc.this.id}");
        assert!(matches!(call("upper", std::slice::from_ref(&symbol)), Value::Unknown(_)));
        assert!(matches!(call("split", &[Value::text("-"), symbol.clone()]), Value::Unknown(_)));
        assert_eq!(call("join", &[Value::text("/"), Value::List(vec![symbol])]), Value::text("${aws_vpc.this.id}"));
    }

    #[test]
    fn a_policy_keeps_what_is_known_around_what_is_not() {
        let document = Value::Map([("Resource".into(), Value::later("a.b")), ("Sid".into(), Value::text("x"))].into());
        assert_eq!(call("jsonencode", &[document]), Value::text(r#"{"Resource":"${unknown:a.b}","Sid":"x"}"#));
    }
}
