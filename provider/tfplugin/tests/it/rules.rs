//! Terraform's own rules for plans and results, written down a second time, for tests.
//! Source: `objchange.AssertPlanValid` and `objchange.AssertObjectCompatible` in Terraform's core.

use tfplugin_rs::value::Value;

use crate::spec::Spec;

/// What Terraform would say against a plan.
pub(crate) fn against_plan(specs: &[Spec], prior: &Value, config: &Value, planned: &Value) -> Vec<String> {
    let each = specs.iter().flat_map(|spec| {
        let [prior, config, planned] = [prior, config, planned].map(|object| of(object, spec.name));
        let told = |what: &str| vec![format!("{}: {what}", spec.name)];
        if spec.write_only {
            return if planned.is_null() { Vec::new() } else { told("write-only and planned") };
        }
        if planned == config || (planned == prior && !prior.is_null() && !config.is_null()) {
            return Vec::new();
        }
        if !config.is_null() && !config.is_unknown() && !spec.inner.is_empty() {
            let inner = elements(spec, &planned).into_iter().zip(elements(spec, &config)).enumerate();
            return inner
                .flat_map(|(at, (planned, config))| {
                    let prior = elements(spec, &prior).into_iter().nth(at).unwrap_or(Value::Null);
                    against_plan(&spec.inner, &prior, &config, &planned)
                })
                .collect();
        }
        if config.is_null() && spec.is_computed() {
            Vec::new()
        } else {
            told(&format!("not what is configured: {config:?} {planned:?}"))
        }
    });
    each.collect()
}

/// What Terraform would say against the result of an apply.
pub(crate) fn against_result(planned: &Value, state: &Value) -> Option<String> {
    match (planned, state) {
        (_, Value::Unknown(_)) => Some("still unknown".to_owned()),
        (Value::Unknown(_), _) => None,
        (Value::Map(a), Value::Map(b)) if a.keys().eq(b.keys()) => {
            a.iter().zip(b.values()).find_map(|((key, a), b)| against_result(a, b).map(|what| format!("{key}.{what}")))
        }
        (Value::List(a), Value::List(b)) if a.len() == b.len() => {
            a.iter().zip(b).find_map(|(a, b)| against_result(a, b))
        }
        (a, b) => (a != b).then(|| format!("{a:?} became {b:?}")),
    }
}

fn of(object: &Value, name: &str) -> Value {
    match object {
        Value::Map(attributes) => attributes.get(name).cloned().unwrap_or_default(),
        Value::Unknown(_) => object.clone(),
        _ => Value::Null,
    }
}

fn elements(spec: &Spec, value: &Value) -> Vec<Value> {
    match value {
        Value::Map(elements) if spec.is_map() => elements.values().cloned().collect(),
        Value::Map(_) => vec![value.clone()],
        Value::List(elements) => elements.clone(),
        _ => Vec::new(),
    }
}
