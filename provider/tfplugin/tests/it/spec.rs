//! Random schemas, a resource that has one, and configurations that fit it.

use proptest::prelude::*;
use serde_json::{Map, Value as Json, json};
use tfplugin_rs::schema::{
    Attribute, Schema, Shape, computed, nested, nested_list, nested_map, optional, optional_computed, required,
};
use tfplugin_rs::value::{Type, Typed, Value, msgpack};
use tfplugin_rs::{Config, Context, Diagnostics, Provider, Registry, Resource};

use crate::random::values;

const NAMES: [&str; 5] = ["alpha", "beta", "gamma", "delta", "epsilon"];

/// An attribute to be.
#[derive(Clone, Debug)]
pub(crate) struct Spec {
    pub(crate) name: &'static str,
    pub(crate) write_only: bool,
    /// Attributes of nested objects; none for a plain type.
    pub(crate) inner: Vec<Spec>,
    kind: Kind,
    mode: Mode,
    keep: bool,
    replace: bool,
}

#[derive(Clone, Debug)]
enum Kind {
    Plain(Type),
    Single,
    List,
    Map,
}

#[derive(Clone, Copy, Debug, PartialEq)]
enum Mode {
    Required,
    Optional,
    Default,
    Computed,
    OptionalComputed,
}

impl Spec {
    pub(crate) fn is_computed(&self) -> bool {
        matches!(self.mode, Mode::Default | Mode::Computed | Mode::OptionalComputed)
    }

    pub(crate) fn is_map(&self) -> bool {
        matches!(self.kind, Kind::Map)
    }

    pub(crate) fn ty(&self) -> Type {
        let object = || Type::object(self.inner.iter().map(|spec| (spec.name, spec.ty())));
        match &self.kind {
            Kind::Plain(ty) => ty.clone(),
            Kind::Single => object(),
            Kind::List => Type::list(object()),
            Kind::Map => Type::map(object()),
        }
    }

    fn attribute(&self) -> Attribute {
        let inner = || self.inner.iter().map(|spec| (spec.name, spec.attribute())).collect::<Vec<_>>();
        let shape = match &self.kind {
            Kind::Plain(ty) => Shape::Plain(ty.clone()),
            Kind::Single => nested(inner()),
            Kind::List => nested_list(inner()),
            Kind::Map => nested_map(inner()),
        };
        let mut attribute = match self.mode {
            Mode::Required => required(shape, "x"),
            Mode::Optional => optional(shape, "x"),
            Mode::Default => optional(shape, "x").default("default"),
            Mode::Computed => computed(shape, "x"),
            Mode::OptionalComputed => optional_computed(shape, "x"),
        };
        if self.write_only {
            attribute = attribute.write_only();
        }
        if self.keep {
            attribute = attribute.keep();
        }
        if self.replace {
            attribute = attribute.replace();
        }
        attribute
    }

    /// What an operator may write for it: known values, null where that is allowed.
    fn configuration(&self) -> BoxedStrategy<Value> {
        let value = match &self.kind {
            Kind::Plain(ty) => whole(ty),
            Kind::Single => configuration(&self.inner).boxed(),
            Kind::List => prop::collection::vec(configuration(&self.inner), 0..3).prop_map(Value::List).boxed(),
            Kind::Map => {
                prop::collection::btree_map("[a-c]", configuration(&self.inner), 0..3).prop_map(Value::Map).boxed()
            }
        };
        let set = value.prop_filter("set", |value| !value.is_null());
        match self.mode {
            Mode::Required => set.boxed(),
            Mode::Computed => Just(Value::Null).boxed(),
            Mode::Optional | Mode::Default | Mode::OptionalComputed => {
                prop_oneof![3 => set, 2 => Just(Value::Null)].boxed()
            }
        }
    }

    /// Completes what is planned with what only the provider knows.
    fn complete(&self, planned: Option<&Json>) -> Option<Json> {
        match planned {
            None => self.is_computed().then(|| fresh(&self.ty())),
            Some(planned) if self.inner.is_empty() => Some(planned.clone()),
            Some(Json::Array(elements)) => Some(elements.iter().map(|one| complete(&self.inner, one)).collect()),
            Some(Json::Object(elements)) if self.is_map() => {
                let each = elements.iter().map(|(key, one)| (key.clone(), complete(&self.inner, one)));
                Some(Json::Object(each.collect()))
            }
            Some(one) => Some(complete(&self.inner, one)),
        }
    }
}

fn complete(specs: &[Spec], planned: &Json) -> Json {
    let each = specs.iter().filter_map(|spec| Some((spec.name.to_owned(), spec.complete(planned.get(spec.name))?)));
    Json::Object(each.collect::<Map<_, _>>())
}

fn fresh(ty: &Type) -> Json {
    match ty {
        Type::Bool => json!(true),
        Type::Number => json!(7),
        Type::String | Type::Dynamic => json!("fresh"),
        Type::List(element) | Type::Set(element) => json!([fresh(element)]),
        Type::Map(element) => json!({ "key": fresh(element) }),
        Type::Tuple(types) => types.iter().map(fresh).collect(),
        Type::Object(types) => Json::Object(types.iter().map(|(name, ty)| (name.clone(), fresh(ty))).collect()),
    }
}

/// Values with whole numbers, sets in order.
fn whole(ty: &Type) -> BoxedStrategy<Value> {
    let (values, ty) = (values(ty, false), ty.clone());
    let ordered = move |value| msgpack::decode(&msgpack::encode(&integral(value), &ty).unwrap(), &ty).unwrap();
    values.prop_map(ordered).boxed()
}

/// The same with whole numbers: a test's configuration passes through plain JSON, which rounds.
fn integral(value: Value) -> Value {
    match value {
        Value::Number(number) => Value::from(i64::from(number.to_f64() > 0.0)),
        Value::List(elements) => Value::List(elements.into_iter().map(integral).collect()),
        Value::Map(elements) => Value::Map(elements.into_iter().map(|(key, value)| (key, integral(value))).collect()),
        Value::Dynamic(typed) => {
            let Typed { ty, value } = *typed;
            Value::Dynamic(Box::new(Typed { ty, value: integral(value) }))
        }
        other => other,
    }
}

/// A configuration of all attributes.
pub(crate) fn configuration(specs: &[Spec]) -> impl Strategy<Value = Value> + use<> {
    let each: Vec<_> = specs.iter().map(|spec| (Just(spec.name.to_owned()), spec.configuration())).collect();
    each.prop_map(|attributes| Value::Map(attributes.into_iter().collect()))
}

/// Attributes with distinct names; nested ones hold plain ones.
pub(crate) fn specs() -> impl Strategy<Value = Vec<Spec>> {
    let plain = plain(types_at_the_top());
    let one = prop_oneof![3 => plain, 2 => objects()];
    prop::collection::vec(one, 1..NAMES.len()).prop_map(named)
}

fn named(specs: Vec<Spec>) -> Vec<Spec> {
    specs.into_iter().zip(NAMES).map(|(spec, name)| Spec { name, ..spec }).collect()
}

fn plain(types: BoxedStrategy<Type>) -> impl Strategy<Value = Spec> {
    let flags = (any::<bool>(), any::<bool>(), prop::bool::weighted(0.2));
    (types, 0..5usize, flags).prop_map(|(ty, mode, (keep, replace, write_only))| {
        let mode = [Mode::Required, Mode::Optional, Mode::Default, Mode::Computed, Mode::OptionalComputed][mode];
        let ty = if mode == Mode::Default { Type::String } else { ty };
        let computed = matches!(mode, Mode::Default | Mode::Computed | Mode::OptionalComputed);
        let (keep, write_only) = (keep && computed, write_only && !computed);
        Spec { name: "", write_only, inner: Vec::new(), kind: Kind::Plain(ty), mode, keep, replace }
    })
}

fn objects() -> impl Strategy<Value = Spec> {
    let inner = prop::collection::vec(plain(types_inside()), 1..4)
        .prop_map(|specs| named(specs.into_iter().map(|spec| Spec { write_only: false, ..spec }).collect()));
    (inner, 0..3usize, 0..3usize, any::<bool>()).prop_map(|(inner, kind, mode, replace)| {
        let kind = [Kind::Single, Kind::List, Kind::Map][kind].clone();
        let mode = [Mode::Required, Mode::Optional, Mode::OptionalComputed][mode];
        Spec { name: "", write_only: false, inner, kind, mode, keep: false, replace }
    })
}

fn types_at_the_top() -> BoxedStrategy<Type> {
    prop_oneof![types_inside(), Just(Type::Number), Just(Type::Dynamic), Just(Type::set(Type::Number))].boxed()
}

/// Types whose values survive a pass through plain JSON: the resource repeats them.
fn types_inside() -> BoxedStrategy<Type> {
    let types = [
        Type::String,
        Type::Bool,
        Type::list(Type::String),
        Type::set(Type::String),
        Type::map(Type::Bool),
        Type::object([("left", Type::String), ("right", Type::Bool)]),
    ];
    prop::sample::select(types.to_vec()).boxed()
}

/// A provider with one resource of the given attributes.
pub(crate) struct Anything(pub(crate) Vec<Spec>);

impl Provider for Anything {
    type Data = ();
    const NAME: &'static str = "any";
    const VERSION: &'static str = "0.0.1";

    fn schema(&self) -> Schema {
        Schema::new("Anything.")
    }

    fn register(&self, registry: &mut Registry<()>) {
        registry.resource(Thing(self.0.clone()));
    }

    async fn configure(&self, _: Config<'_>, _: &mut Diagnostics) -> Result<Option<()>, Diagnostics> {
        Ok(Some(()))
    }
}

struct Thing(Vec<Spec>);

impl Resource for Thing {
    type Data = ();
    type Args = Json;
    type State = Json;
    const NAME: &'static str = "thing";

    fn schema(&self) -> Schema {
        Schema::new("A thing.").attributes(self.0.iter().map(|spec| (spec.name, spec.attribute())))
    }

    async fn create(&self, _: &Context<()>, args: Json) -> Result<Json, Diagnostics> {
        let mut state = complete(&self.0, &args);
        // What is planned need not be repeated, unless there is something inside to complete.
        let repeated = self.0.iter().filter(|spec| spec.inner.is_empty() && args.get(spec.name).is_some());
        repeated.for_each(|spec| drop(state.as_object_mut().unwrap().remove(spec.name)));
        Ok(state)
    }

    async fn read(&self, _: &Context<()>, _: Json) -> Result<Option<Json>, Diagnostics> {
        Ok(Some(json!({})))
    }

    async fn update(&self, cx: &Context<()>, _: Json, args: Json) -> Result<Json, Diagnostics> {
        self.create(cx, args).await
    }

    async fn delete(&self, _: &Context<()>, _: Json) -> Result<(), Diagnostics> {
        Ok(())
    }
}
