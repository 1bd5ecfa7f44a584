//! Resources as translators see them: values filled in, origin and evidence at hand.

use std::collections::BTreeMap;

use provider_boundary::model::{
    Change, Evidence, Fact, Origin, Reason, Template,
    evidence::{Source, canonical},
};
use serde_json::Value as Json;

use super::{
    graph::Graph,
    identity::Where,
    instance::Instance,
    value::{self, Value},
};

/// One resource or data source of one world.
#[derive(Debug)]
pub(crate) struct Object {
    pub(crate) origin: Origin,
    pub(crate) kind: String,
    pub(crate) value: Value,
    pub(crate) place: Where,
    pub(crate) is_data: bool,
    /// Arguments that the configuration sets.
    configured: Vec<String>,
}

/// All objects of one world, and those that the plan destroys.
#[derive(Debug, Default)]
pub(crate) struct Objects {
    pub(crate) all: Vec<Object>,
    pub(crate) destroyed: Vec<Object>,
    pub(crate) evidence: Vec<Evidence>,
}

/// The world after the apply.
pub(crate) fn planned(graph: &Graph<'_>) -> Objects {
    let mut objects = Objects::default();
    for instance in graph.instances.values() {
        match (&instance.after, &instance.before) {
            (Some(_), _) => {
                let value = graph.object(&instance.address);
                objects.push(graph, instance, value);
            }
            (None, Some(before)) => {
                let object = object(graph, instance, before.clone());
                objects.destroyed.push(object);
            }
            (None, None) => {}
        }
    }
    objects
}

/// The world before the apply.
pub(crate) fn prior(graph: &Graph<'_>) -> Objects {
    let mut objects = Objects::default();
    for instance in graph.instances.values() {
        if let Some(before) = &instance.before {
            objects.push(graph, instance, before.clone());
        }
    }
    objects
}

fn object(graph: &Graph<'_>, instance: &Instance<'_>, value: Value) -> Object {
    let mut origin = Origin::at(&instance.address);
    origin.change = instance.change;
    origin.place = graph.source(instance).map(|source| source.place.clone());
    let tags = match value.get("tags_all") {
        Value::Map(tags) => Value::Map(tags),
        _ => value.get("tags"),
    };
    if let Value::Map(tags) = tags {
        origin.tags = tags.into_iter().filter_map(|(name, one)| Some((name, one.as_str()?.to_owned()))).collect();
    }
    let configured = instance.config.and_then(|config| config.expressions.as_object());
    Object {
        origin,
        kind: instance.kind.clone(),
        value,
        place: graph.place(instance),
        is_data: instance.is_data,
        configured: configured.into_iter().flat_map(|all| all.keys().cloned()).collect(),
    }
}

impl Objects {
    fn push(&mut self, graph: &Graph<'_>, instance: &Instance<'_>, value: Value) {
        let mut object = object(graph, instance, value);
        let known = |text: &str| (!text.starts_with('$')).then(|| text.to_owned());
        let evidence = Evidence {
            source: Source::Plan,
            address: object.origin.address.clone(),
            account: known(&object.place.account),
            region: known(&object.place.region),
            fact: redacted(&object.value.to_json(), &instance.sensitive),
        };
        object.origin.evidence = Some(evidence.id());
        self.evidence.push(evidence);
        self.all.push(object);
    }

    /// Objects of these kinds.
    pub(crate) fn of<'o>(&'o self, kinds: &'o [&str]) -> impl Iterator<Item = &'o Object> + 'o {
        self.all.iter().filter(|one| kinds.contains(&one.kind.as_str()))
    }

    /// Objects of a kind that belong to another one: their `argument` names it in one of these ways.
    pub(crate) fn belonging<'o>(
        &'o self,
        kind: &'o str,
        argument: &'o str,
        names: &'o [String],
    ) -> impl Iterator<Item = &'o Object> + 'o {
        self.all.iter().filter(move |one| one.kind == kind && one.names(argument, names))
    }

    /// Whether the plan destroys an object of this kind that belongs to another one.
    pub(crate) fn destroys(&self, kind: &str, argument: &str, names: &[String]) -> bool {
        self.destroyed.iter().any(|one| one.kind == kind && one.names(argument, names))
    }
}

/// What the plan marks as sensitive is not evidence that anybody may print.
fn redacted(fact: &Json, sensitive: &Json) -> Json {
    match (fact, sensitive) {
        (Json::Null, _) => Json::Null,
        (_, Json::Bool(true)) => "(sensitive)".into(),
        (Json::Object(members), Json::Object(marks)) => {
            let one = |(name, value): (&String, &Json)| {
                (name.clone(), redacted(value, marks.get(name).unwrap_or(&Json::Null)))
            };
            Json::Object(members.iter().map(one).collect())
        }
        (Json::Array(items), Json::Array(marks)) => {
            let one = |(at, value)| redacted(value, marks.get(at).unwrap_or(&Json::Null));
            Json::Array(items.iter().enumerate().map(one).collect())
        }
        _ => fact.clone(),
    }
}

impl Object {
    pub(crate) fn get(&self, name: &str) -> Value {
        self.value.get(name)
    }

    /// A text; unset is empty.
    pub(crate) fn text(&self, name: &str) -> Fact<String> {
        text(&self.get(name))
    }

    /// A text that may be unset.
    pub(crate) fn maybe(&self, name: &str) -> Option<Fact<String>> {
        maybe(&self.get(name))
    }

    /// A policy that may be unset; what is unknown within it keeps its place in the text.
    pub(crate) fn policy(&self, name: &str) -> Option<Fact<String>> {
        policy(&self.get(name))
    }

    pub(crate) fn flag(&self, name: &str, default: bool) -> Fact<bool> {
        flag(&self.get(name), default)
    }

    pub(crate) fn number(&self, name: &str, default: u64) -> Fact<u64> {
        number(&self.get(name)).map(|one| one.unwrap_or(default))
    }

    /// Texts of a list; one unknown when the list is unknown.
    pub(crate) fn texts(&self, name: &str) -> Vec<Fact<String>> {
        texts(&self.get(name))
    }

    /// Blocks of a list; a list that is unknown is no block, so look at [`Object::get`] where that matters.
    pub(crate) fn blocks(&self, name: &str) -> Vec<Value> {
        match self.get(name) {
            Value::Unknown(_) => Vec::new(),
            other => other.items(),
        }
    }

    pub(crate) fn first(&self, name: &str) -> Value {
        match self.get(name) {
            Value::List(items) => items.into_iter().next().unwrap_or(Value::Null),
            other => other,
        }
    }

    pub(crate) fn configures(&self, name: &str) -> bool {
        self.configured.iter().any(|one| one == name)
    }

    pub(crate) fn created(&self) -> bool {
        matches!(self.origin.change, Change::Create | Change::Replace)
    }

    fn names(&self, argument: &str, names: &[String]) -> bool {
        match self.get(argument) {
            Value::Text(text) => names.contains(&text),
            _ => false,
        }
    }

    pub(crate) fn account(&self) -> Fact<String> {
        Fact::from_text(&self.place.account)
    }

    pub(crate) fn region(&self) -> Fact<String> {
        Fact::from_text(&self.place.region)
    }

    /// Why something about an object that exists already is not in the plan.
    pub(crate) fn not_read(&self, api: &str) -> Option<Reason> {
        (!self.created()).then(|| not_read(api))
    }
}

/// A plan does not say it; this API would.
pub(crate) fn not_read(api: &str) -> Reason {
    Reason::NotRead { source: "aws".into(), what: api.into() }
}

pub(crate) fn text(value: &Value) -> Fact<String> {
    match value {
        Value::Unknown(reason) => Fact::Unknown(reason.clone()),
        Value::List(items) => items.first().map_or_else(|| Fact::Known(String::new()), text),
        other => {
            let text = other.in_text();
            value::reason_in(&text).map_or_else(|| Fact::from_text(text), Fact::Unknown)
        }
    }
}

pub(crate) fn maybe(value: &Value) -> Option<Fact<String>> {
    match value {
        Value::Null => None,
        Value::Text(text) if text.is_empty() => None,
        other => Some(text(other)),
    }
}

pub(crate) fn policy(value: &Value) -> Option<Fact<String>> {
    match value {
        Value::Null => None,
        Value::Text(text) if text.is_empty() => None,
        Value::Text(text) => {
            let text = normal(text);
            let open = value::reason_in(&text).is_some();
            Some(if open { Fact::Symbolic(Template::new(text)) } else { Fact::from_text(text) })
        }
        Value::Unknown(reason) => Some(Fact::Unknown(reason.clone())),
        other => Some(Fact::from_text(other.in_text())),
    }
}

/// A policy with sorted members and sorted lists: AWS, Terraform and people order them differently, and before and after
/// should differ only where the meaning may. Statements keep their order.
fn normal(text: &str) -> String {
    match serde_json::from_str::<Json>(text) {
        Ok(json) => canonical(&sorted(&json)),
        Err(_) => text.to_owned(),
    }
}

fn sorted(json: &Json) -> Json {
    match json {
        Json::Object(members) => Json::Object(members.iter().map(|(name, one)| (name.clone(), sorted(one))).collect()),
        Json::Array(items) => {
            let mut items: Vec<Json> = items.iter().map(sorted).collect();
            if items.iter().all(Json::is_string) {
                items.sort_by(|a, b| a.as_str().cmp(&b.as_str()));
                items.dedup();
            }
            // Lists of one text and the text itself mean the same.
            match items.as_slice() {
                [one] if one.is_string() => one.clone(),
                _ => Json::Array(items),
            }
        }
        other => other.clone(),
    }
}

pub(crate) fn flag(value: &Value, default: bool) -> Fact<bool> {
    match value {
        Value::Bool(one) => Fact::Known(*one),
        Value::Text(text) if text == "true" || text == "enabled" => Fact::Known(true),
        Value::Text(text) if text == "false" || text == "disabled" => Fact::Known(false),
        Value::Unknown(reason) => Fact::Unknown(reason.clone()),
        _ => Fact::Known(default),
    }
}

/// A whole number; unset, and -1, is none.
pub(crate) fn number(value: &Value) -> Fact<Option<u64>> {
    match value {
        Value::Unknown(reason) => Fact::Unknown(reason.clone()),
        other => Fact::Known(other.in_text().parse().ok()),
    }
}

pub(crate) fn integer(value: &Value) -> Fact<Option<i64>> {
    match value {
        Value::Unknown(reason) => Fact::Unknown(reason.clone()),
        other => Fact::Known(other.in_text().parse().ok()),
    }
}

pub(crate) fn texts(value: &Value) -> Vec<Fact<String>> {
    value.items().iter().map(text).collect()
}

/// A list that is known altogether, symbols included; otherwise the first reason.
pub(crate) fn list(value: &Value) -> Fact<Vec<String>> {
    match value.reason() {
        Some(reason) => Fact::Unknown(reason),
        None => Fact::Known(value.items().iter().map(Value::in_text).collect()),
    }
}

/// A map of texts.
pub(crate) fn map(value: &Value) -> Fact<BTreeMap<String, String>> {
    match (value.reason(), value) {
        (Some(reason), _) => Fact::Unknown(reason),
        (None, Value::Map(members)) => {
            Fact::Known(members.iter().map(|(name, one)| (name.clone(), one.in_text())).collect())
        }
        _ => Fact::Known(BTreeMap::new()),
    }
}
