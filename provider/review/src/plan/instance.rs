//! The resources and data sources of a plan, by address, before and after.

use std::collections::BTreeMap;

use provider_boundary::model::Change;
use serde_json::Value as Json;

use super::{
    format::{ConfigModule, ConfigResource, Plan, StateModule},
    value::Value,
};

/// One instance of a resource or data source.
#[derive(Debug)]
pub(crate) struct Instance<'p> {
    pub(crate) address: String,
    /// Address of the module instance; empty for the root.
    pub(crate) module: String,
    pub(crate) kind: String,
    /// Key of `for_each` or `count`.
    pub(crate) key: Option<Value>,
    /// What it was; nothing when it is created.
    pub(crate) before: Option<Value>,
    /// What the plan says it becomes; nothing when it is destroyed.
    pub(crate) after: Option<Value>,
    pub(crate) change: Change,
    pub(crate) config: Option<&'p ConfigResource>,
    pub(crate) is_data: bool,
    /// Which values are not for everybody's eyes.
    pub(crate) sensitive: Json,
}

/// The module path without keys: `module.a["x"].module.b` is `a.b`.
pub(crate) fn module_path(address: &str) -> String {
    module_steps(address).into_iter().map(|(name, _)| name).collect::<Vec<_>>().join(".")
}

/// Name and key of each module instance on the way.
pub(crate) fn module_steps(address: &str) -> Vec<(String, Option<Value>)> {
    let mut steps = Vec::new();
    let mut rest = address;
    while let Some(after) = rest.strip_prefix("module.") {
        let end = after.find(['.', '[']).unwrap_or(after.len());
        let name = after.get(..end).unwrap_or_default().to_owned();
        rest = after.get(end..).unwrap_or_default();
        let mut key = None;
        if rest.starts_with('[') {
            // A key is JSON, apart from Terraform's escapes of `${`, which no key of ours has.
            let end = key_end(rest);
            let inner = rest.get(1..end.saturating_sub(1)).unwrap_or_default();
            key = serde_json::from_str(inner).ok().map(|json: Json| Value::of_json(&json));
            rest = rest.get(end..).unwrap_or_default();
        }
        steps.push((name, key));
        rest = rest.strip_prefix('.').unwrap_or(rest);
    }
    steps
}

/// Where a `[...]` at the start of a text ends.
fn key_end(text: &str) -> usize {
    let (mut quoted, mut escaped) = (false, false);
    for (at, letter) in text.char_indices() {
        match letter {
            _ if escaped => escaped = false,
            '\\' if quoted => escaped = true,
            '"' => quoted = !quoted,
            ']' if !quoted => return at + 1,
            _ => {}
        }
    }
    text.len()
}

/// All instances of a plan.
pub(crate) fn instances(plan: &Plan) -> BTreeMap<String, Instance<'_>> {
    let mut all = BTreeMap::new();
    if let Some(values) = &plan.prior_state.values {
        add_state(&mut all, plan, &values.root_module);
    }
    for change in plan.resource_changes.iter().filter(|one| one.deposed.is_none()) {
        let does = |action: &str| change.change.actions.iter().any(|one| one == action);
        let kind_of_change = match (does("create"), does("delete"), does("update")) {
            (true, true, _) => Change::Replace,
            (true, false, _) => Change::Create,
            (false, true, _) => Change::Delete,
            (_, _, true) => Change::Update,
            _ => Change::None,
        };
        // "forget" leaves the object alone, but nobody declares it any more.
        let gone = kind_of_change == Change::Delete || does("forget");
        let after =
            (!gone).then(|| Value::of_plan(&change.change.after, Some(&change.change.after_unknown), &change.address));
        let before = (!change.change.before.is_null()).then(|| Value::of_json(&change.change.before));
        let block = block_name(&change.mode, &change.kind, &change.name);
        let instance = Instance {
            address: change.address.clone(),
            module: change.module_address.clone(),
            kind: change.kind.clone(),
            key: key_of(&change.index),
            before,
            after,
            change: kind_of_change,
            config: config_of(plan, &change.module_address, &block),
            is_data: change.mode == "data",
            sensitive: change.change.after_sensitive.clone(),
        };
        all.insert(change.address.clone(), instance);
    }
    all
}

/// Data sources that were read while planning. Managed resources stand among the changes, changed or not.
fn add_state<'p>(all: &mut BTreeMap<String, Instance<'p>>, plan: &'p Plan, module: &StateModule) {
    for resource in module.resources.iter().filter(|one| one.mode == "data") {
        let value = Value::of_json(&resource.values);
        let block = block_name(&resource.mode, &resource.kind, &resource.name);
        let instance = Instance {
            address: resource.address.clone(),
            module: module.address.clone(),
            kind: resource.kind.clone(),
            key: key_of(&resource.index),
            before: Some(value.clone()),
            after: Some(value),
            change: Change::None,
            config: config_of(plan, &module.address, &block),
            is_data: true,
            sensitive: resource.sensitive_values.clone(),
        };
        all.insert(resource.address.clone(), instance);
    }
    for child in &module.child_modules {
        add_state(all, plan, child);
    }
}

fn key_of(index: &Json) -> Option<Value> {
    (!index.is_null()).then(|| Value::of_json(index))
}

/// `aws_vpc.this`, `data.aws_region.current`.
pub(crate) fn block_name(mode: &str, kind: &str, name: &str) -> String {
    if mode == "data" { format!("data.{kind}.{name}") } else { format!("{kind}.{name}") }
}

/// The configuration of a module by its path without keys.
pub(crate) fn config_module<'p>(plan: &'p Plan, path: &str) -> Option<&'p ConfigModule> {
    let mut module = &plan.configuration.root_module;
    for name in path.split('.').filter(|name| !name.is_empty()) {
        module = &module.module_calls.get(name)?.module;
    }
    Some(module)
}

fn config_of<'p>(plan: &'p Plan, module: &str, block: &str) -> Option<&'p ConfigResource> {
    let module = config_module(plan, &module_path(module))?;
    module.resources.iter().find(|one| block_name(&one.mode, &one.kind, &one.name) == block)
}

impl Instance<'_> {
    /// `aws_vpc.this`, without module and key.
    pub(crate) fn block(&self) -> String {
        let own = self.address.strip_prefix(&self.module).unwrap_or(&self.address).trim_start_matches('.');
        own.find('[').and_then(|at| own.get(..at)).unwrap_or(own).to_owned()
    }

    /// Whether the configuration sets this argument.
    pub(crate) fn configures(&self, name: &str) -> bool {
        self.config.is_some_and(|config| config.expressions.get(name).is_some())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn module_addresses_are_taken_apart() {
        let steps = module_steps("module.a[\"x.y]\"].module.b[2].module.c");
        let expected = vec![
            ("a".to_owned(), Some(Value::text("x.y]"))),
            ("b".to_owned(), Some(Value::Number(2.0))),
            ("c".to_owned(), None),
        ];
        assert_eq!(steps, expected);
        assert_eq!(module_path("module.a[\"x.y]\"].module.b"), "a.b");
        assert_eq!(module_path(""), "");
    }
}
