//! What references mean: attributes of other resources, variables, locals, outputs.
//!
//! Invariant: what the plan knows wins over what sources say; what neither knows is a symbol where it is an identifier
//! that AWS assigns, and unknown otherwise.

use std::{
    cell::RefCell,
    collections::{BTreeMap, BTreeSet},
};

use serde_json::Value as Json;

use super::{
    document,
    expression::{self, Scope, Step},
    format::Plan,
    identity::{self, Where},
    instance::{self, Instance},
    references::{self, leaves, references},
    source::{Sourced, Sources},
    value::Value,
};

/// A plan with its sources.
#[derive(Debug)]
pub(crate) struct Graph<'p> {
    pub(crate) plan: &'p Plan,
    sources: Option<&'p Sources>,
    pub(crate) instances: BTreeMap<String, Instance<'p>>,
    /// Addresses by module instance and block.
    by_block: BTreeMap<(String, String), Vec<String>>,
    /// Addresses of module instances by parent and name.
    modules: BTreeMap<(String, String), BTreeSet<String>>,
    pub(crate) places: BTreeMap<String, Where>,
    known: RefCell<BTreeMap<(String, String), Value>>,
    busy: RefCell<BTreeSet<(String, String)>>,
    /// What whoever reads the review should know of its sources.
    pub(crate) notes: RefCell<BTreeSet<String>>,
}

impl<'p> Graph<'p> {
    pub(crate) fn new(plan: &'p Plan, sources: Option<&'p Sources>) -> Graph<'p> {
        let instances = instance::instances(plan);
        let mut by_block: BTreeMap<(String, String), Vec<String>> = BTreeMap::new();
        let mut modules: BTreeMap<(String, String), BTreeSet<String>> = BTreeMap::new();
        for instance in instances.values().filter(|one| one.after.is_some()) {
            by_block.entry((instance.module.clone(), instance.block())).or_default().push(instance.address.clone());
            let mut address = instance.module.clone();
            while let Some((parent, name)) = parent(&address) {
                modules.entry((parent.clone(), name)).or_default().insert(address);
                address = parent;
            }
        }
        let places = super::provider::places(plan, &instances);
        let (known, busy, notes) = (RefCell::default(), RefCell::default(), RefCell::default());
        Graph { plan, sources, instances, by_block, modules, places, known, busy, notes }
    }

    /// The source block of an instance.
    pub(crate) fn source(&self, instance: &Instance<'_>) -> Option<&'p Sourced> {
        self.sources?.module(&instance::module_path(&instance.module))?.resources.get(&instance.block())
    }

    /// Where an instance lives.
    pub(crate) fn place(&self, instance: &Instance<'_>) -> Where {
        let key = super::provider::key(instance);
        self.places.get(&key).or_else(|| self.places.get("")).cloned().unwrap_or_else(super::provider::nowhere)
    }

    /// An attribute as it will be.
    pub(crate) fn attribute(&self, address: &str, name: &str) -> Value {
        let Some(instance) = self.instances.get(address) else { return Value::Null };
        let planned = instance.after.as_ref().map_or(Value::Null, |after| after.get(name));
        if !planned.has_unknown() {
            return planned;
        }
        self.once(address, name, || self.fill(instance, name, &planned))
    }

    /// All attributes as they will be.
    pub(crate) fn object(&self, address: &str) -> Value {
        let Some(Value::Map(after)) = self.instances.get(address).and_then(|one| one.after.as_ref()) else {
            return Value::Null;
        };
        Value::Map(after.keys().map(|name| (name.clone(), self.attribute(address, name))).collect())
    }

    /// Computes a value once; a value that needs itself is not known.
    fn once(&self, owner: &str, name: &str, compute: impl FnOnce() -> Value) -> Value {
        let key = (owner.to_owned(), name.to_owned());
        if let Some(value) = self.known.borrow().get(&key) {
            return value.clone();
        }
        if !self.busy.borrow_mut().insert(key.clone()) {
            return Value::later(format!("{owner}.{name}"));
        }
        let value = compute();
        self.busy.borrow_mut().remove(&key);
        self.known.borrow_mut().insert(key, value.clone());
        value
    }

    fn fill(&self, instance: &Instance<'_>, name: &str, planned: &Value) -> Value {
        if instance.kind == "aws_iam_policy_document" && matches!(name, "json" | "minified_json") {
            let arguments =
                ["statement", "source_policy_documents", "override_policy_documents", "version", "policy_id"];
            let get = |argument: &&str| ((*argument).to_owned(), self.attribute(&instance.address, argument));
            return document::render(&Value::Map(arguments.iter().map(get).collect()));
        }
        let mut filled = planned.clone();
        if instance.configures(name) {
            if let Some(source) = self.source(instance) {
                let scope = self.scope(instance);
                let body = &source.block.body;
                let said = match body.get_attribute(name) {
                    Some(attribute) if references::agree(instance, name, &attribute.value) => {
                        expression::evaluate(self, &scope, &attribute.value)
                    }
                    None if references::agree_within(instance, name, body) => {
                        expression::evaluate_body(self, &scope, body).get(name)
                    }
                    _ => {
                        let note = format!("{}: {name} in the sources is not what was planned", source.place);
                        self.notes.borrow_mut().insert(note);
                        planned.clone()
                    }
                };
                filled = filled.refined(&said);
            }
            if filled.has_unknown() {
                filled = filled.refined(&self.referenced(instance, name));
            }
            return filled;
        }
        let place = self.place(instance);
        match identity::derive(&instance.kind, name, &place, |other| self.attribute(&instance.address, other)) {
            Some(derived) => derived,
            None if identity::is_identifier(name) && matches!(planned, Value::Unknown(_)) => {
                Value::Text(format!("${{{}.{name}}}", instance.address))
            }
            None => filled,
        }
    }

    /// What the plan's list of references says about an argument, without sources: enough where an argument takes an
    /// identifier or a policy and refers to one thing.
    fn referenced(&self, instance: &Instance<'_>, name: &str) -> Value {
        let unknown = || Value::later(format!("{}.{name}", instance.address));
        let Some(config) = instance.config else { return unknown() };
        let Some(references) = references(config.expressions.get(name)) else { return unknown() };
        let scope = self.scope(instance);
        let policy = name == "policy" || name.ends_with("_policy");
        if !policy && !identity::takes_identifiers(name) {
            return unknown();
        }
        let values: Vec<Value> = leaves(&references)
            .into_iter()
            .map(|reference| match self.of_reference(&scope, reference) {
                Value::Map(members) if policy => members.get("json").cloned().unwrap_or(Value::Null),
                Value::Map(members) => {
                    members.get(if name.contains("arn") { "arn" } else { "id" }).cloned().unwrap_or(Value::Null)
                }
                other => other,
            })
            .filter(|one| !one.is_null())
            .collect();
        match values.as_slice() {
            [Value::Text(text)] if policy && !text.starts_with('{') => unknown(),
            [one] => one.clone(),
            [] => unknown(),
            _ if policy => unknown(),
            _ => Value::List(values),
        }
    }

    /// The value of one reference as the plan writes it, in the scope of the resource that refers.
    fn of_reference(&self, scope: &Scope, reference: &str) -> Value {
        let Ok(expression) = hcl_edit::parser::parse_expr(reference) else { return Value::Null };
        let value = expression::evaluate(self, scope, &expression);
        // A resource with keys, referred to as a whole, by a resource with the same keys.
        match (&scope.each, &value) {
            (Some((key, _)), Value::Map(members)) if !members.contains_key("id") => {
                members.get(&key.in_text()).cloned().unwrap_or(Value::Null)
            }
            _ => value,
        }
    }

    /// The scope that an instance's arguments are evaluated in.
    pub(crate) fn scope(&self, instance: &Instance<'_>) -> Scope {
        let scope = Scope { module: instance.module.clone(), ..Scope::default() };
        match &instance.key {
            None => scope,
            Some(Value::Number(index)) => Scope { count: Some(*index), ..scope },
            Some(key) => {
                let block = format!("\0for_each {}", instance.block());
                let compute = || match self.source(instance) {
                    Some(source) => self.for_each(&scope, &source.block.body),
                    None => self.referenced_for_each(instance, &scope),
                };
                let value = self.once_member(&instance.module, &block, key, compute);
                Scope { each: Some((key.clone(), value)), ..scope }
            }
        }
    }

    /// What an instance iterates over, without sources: known when it is one thing that the plan refers to.
    fn referenced_for_each(&self, instance: &Instance<'_>, scope: &Scope) -> Value {
        match references(instance.config.map(|config| &config.for_each_expression)).as_deref().map(leaves).as_deref() {
            Some([one]) => self.of_reference(scope, one),
            _ => Value::later(format!("{}: each.value", instance.address)),
        }
    }

    /// One member of a collection that is computed once: collections of many objects are not copied for each of them.
    fn once_member(&self, owner: &str, name: &str, key: &Value, compute: impl FnOnce() -> Value) -> Value {
        let at = (owner.to_owned(), name.to_owned());
        if !self.known.borrow().contains_key(&at) {
            let computed = self.once(owner, name, compute);
            if !self.known.borrow().contains_key(&at) {
                return each_value(&computed, key);
            }
        }
        self.known.borrow().get(&at).map_or(Value::Null, |collection| each_value(collection, key))
    }

    fn for_each(&self, scope: &Scope, body: &hcl_edit::structure::Body) -> Value {
        body.get_attribute("for_each").map_or(Value::Null, |one| expression::evaluate(self, scope, &one.value))
    }

    /// What a name followed by steps means, and how many of the steps that took.
    pub(crate) fn reference(&self, scope: &Scope, root: &str, steps: &[Step]) -> (Value, usize) {
        if let Some((_, value)) = scope.bound.iter().rev().find(|(name, _)| name == root) {
            return (value.clone(), 0);
        }
        let Some(scope) = scope.deeper() else {
            return (Value::unsupported("expressions nested too deep"), steps.len());
        };
        let member = |at: usize| match steps.get(at) {
            Some(Step::Member(name)) => name.in_text(),
            _ => String::new(),
        };
        let first = member(0);
        match root {
            "var" => (self.once(&scope.module, &format!("\0var.{first}"), || self.variable(&scope, &first)), 1),
            "local" => (self.once(&scope.module, &format!("\0local.{first}"), || self.local(&scope, &first)), 1),
            "each" => match (first.as_str(), scope.each) {
                ("key", Some((key, _))) => (key, 1),
                ("value", Some((_, value))) => (value, 1),
                _ => (Value::Null, 1),
            },
            "count" => (scope.count.map_or(Value::Null, Value::Number), 1),
            "path" | "terraform" | "self" => (Value::unsupported(format!("{root}.{first}")), steps.len()),
            "module" => {
                let (value, used) = self.module_output(&scope, &first, steps.get(1..).unwrap_or_default());
                (value, used + 1)
            }
            "data" => {
                let block = format!("data.{first}.{}", member(1));
                let (value, used) = self.resource(&scope, &block, steps.get(2..).unwrap_or_default());
                (value, used + 2)
            }
            kind => {
                let (value, used) =
                    self.resource(&scope, &format!("{kind}.{first}"), steps.get(1..).unwrap_or_default());
                (value, used + 1)
            }
        }
    }

    fn resource(&self, scope: &Scope, block: &str, steps: &[Step]) -> (Value, usize) {
        let addresses =
            self.by_block.get(&(scope.module.clone(), block.to_owned())).map(Vec::as_slice).unwrap_or_default();
        let keyed = |address: &String| self.instances.get(address).and_then(|one| one.key.clone());
        let name = |at: usize| match steps.get(at) {
            Some(Step::Member(Value::Unknown(_)) | Step::Splat) | None => None,
            Some(Step::Member(name)) => Some(name.in_text()),
        };
        match addresses {
            [only] if keyed(only).is_none() => match name(0) {
                Some(attribute) => (self.attribute(only, &attribute), 1),
                None => (self.object(only), 0),
            },
            all => {
                let wanted = name(0);
                let found = wanted
                    .and_then(|key| all.iter().find(|one| keyed(one).is_some_and(|known| known.in_text() == key)));
                match (found, name(1)) {
                    (Some(address), Some(attribute)) => (self.attribute(address, &attribute), 2),
                    (Some(address), None) => (self.object(address), 1),
                    (None, _) => (self.all(all), 0),
                }
            }
        }
    }

    /// All instances of a block: a list when they are counted, a map when they have keys.
    fn all(&self, addresses: &[String]) -> Value {
        let one = |address: &String| Some((self.instances.get(address)?.key.clone()?, self.object(address)));
        let mut all: Vec<(Value, Value)> = addresses.iter().filter_map(one).collect();
        if all.iter().any(|(key, _)| matches!(key, Value::Number(_))) {
            all.sort_by(|(a, _), (b, _)| {
                super::functions::number(a)
                    .partial_cmp(&super::functions::number(b))
                    .unwrap_or(std::cmp::Ordering::Equal)
            });
            return Value::List(all.into_iter().map(|(_, one)| one).collect());
        }
        Value::Map(all.into_iter().map(|(key, one)| (key.in_text(), one)).collect())
    }

    fn variable(&self, scope: &Scope, name: &str) -> Value {
        let Some((parent, call)) = parent(&scope.module) else {
            let given = self.plan.variables.get(name).map(|one| Value::of_json(&one.value));
            return given.unwrap_or_else(|| self.default(scope, name));
        };
        let outer = self.call_scope(&scope.module, &parent);
        let source = self
            .sources
            .and_then(|all| all.module(&instance::module_path(&parent)))
            .and_then(|one| one.modules.get(&call));
        if let Some(argument) = source.and_then(|one| one.block.body.get_attribute(name)) {
            return expression::evaluate(self, &outer, &argument.value);
        }
        let config = instance::config_module(self.plan, &instance::module_path(&parent));
        match config.and_then(|one| one.module_calls.get(&call)).and_then(|one| one.expressions.get(name)) {
            Some(json) => self.of_config(&outer, json),
            None => self.default(scope, name),
        }
    }

    fn default(&self, scope: &Scope, name: &str) -> Value {
        let module = self.sources.and_then(|all| all.module(&instance::module_path(&scope.module)));
        let default =
            module.and_then(|one| one.variables.get(name)).and_then(|one| one.block.body.get_attribute("default"));
        default.map_or_else(|| Value::later(format!("var.{name}")), |one| expression::evaluate(self, scope, &one.value))
    }

    /// The scope of the call that made a module instance.
    fn call_scope(&self, module: &str, parent: &str) -> Scope {
        let scope = Scope { module: parent.to_owned(), ..Scope::default() };
        let Some((name, Some(key))) = instance::module_steps(module).pop() else { return scope };
        if let Value::Number(index) = key {
            return Scope { count: Some(index), ..scope };
        }
        let source = self
            .sources
            .and_then(|all| all.module(&instance::module_path(parent)))
            .and_then(|one| one.modules.get(&name));
        let value = match source {
            Some(source) => {
                let block = format!("\0for_each module.{name}");
                self.once_member(parent, &block, &key, || self.for_each(&scope, &source.block.body))
            }
            None => Value::later(format!("{module}: each.value")),
        };
        Scope { each: Some((key, value)), ..scope }
    }

    fn local(&self, scope: &Scope, name: &str) -> Value {
        let module = self.sources.and_then(|all| all.module(&instance::module_path(&scope.module)));
        let scope = Scope { module: scope.module.clone(), depth: scope.depth, ..Scope::default() };
        match module.and_then(|one| one.locals.get(name)) {
            Some(expression) => expression::evaluate(self, &scope, expression),
            None => Value::later(format!("local.{name}")),
        }
    }

    fn module_output(&self, scope: &Scope, name: &str, steps: &[Step]) -> (Value, usize) {
        let Some(all) = self.modules.get(&(scope.module.clone(), name.to_owned())) else {
            return (Value::later(format!("module.{name}")), steps.len());
        };
        let member = |at: usize| match steps.get(at) {
            Some(Step::Member(name)) => name.in_text(),
            _ => String::new(),
        };
        let key_of = |address: &str| instance::module_steps(address).pop().and_then(|(_, key)| key);
        let single = all.iter().find(|one| key_of(one).is_none());
        let (address, at) = match single {
            Some(address) => (Some(address), 0),
            None => (all.iter().find(|one| key_of(one).is_some_and(|key| key.in_text() == member(0))), 1),
        };
        match address {
            Some(address) if steps.len() > at => {
                let output = member(at);
                (self.once(address, &format!("\0output.{output}"), || self.output(address, &output)), at + 1)
            }
            _ => (Value::unsupported(format!("all outputs of module.{name}")), steps.len()),
        }
    }

    fn output(&self, module: &str, name: &str) -> Value {
        let path = instance::module_path(module);
        let scope = Scope { module: module.to_owned(), ..Scope::default() };
        let source = self.sources.and_then(|all| all.module(&path)).and_then(|one| one.outputs.get(name));
        if let Some(value) = source.and_then(|one| one.block.body.get_attribute("value")) {
            return expression::evaluate(self, &scope, &value.value);
        }
        match instance::config_module(self.plan, &path).and_then(|one| one.outputs.get(name)) {
            Some(output) => self.of_config(&scope, &output.expression),
            None => Value::Null,
        }
    }

    /// The value of an expression of the plan's configuration: a constant, or the one thing it refers to.
    fn of_config(&self, scope: &Scope, json: &Json) -> Value {
        if let Some(constant) = json.get("constant_value") {
            return Value::of_json(constant);
        }
        match references(Some(json)).as_deref().map(leaves).as_deref() {
            Some([one]) => self.of_reference(scope, one),
            _ => Value::later(format!("{}: an expression that only its source tells", scope.module)),
        }
    }
}

/// The module instance that contains another, and the other's name.
fn parent(address: &str) -> Option<(String, String)> {
    let (name, key) = instance::module_steps(address).pop()?;
    let own = match key {
        Some(key) => format!("module.{name}[{}]", key.to_json()),
        None => format!("module.{name}"),
    };
    let parent = address.strip_suffix(&own)?.trim_end_matches('.');
    Some((parent.to_owned(), name))
}

fn each_value(collection: &Value, key: &Value) -> Value {
    match collection {
        // In a set, keys are values.
        Value::List(_) => key.clone(),
        other => other.get(&key.in_text()),
    }
}
