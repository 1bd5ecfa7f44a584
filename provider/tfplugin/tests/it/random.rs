//! Random types, and values that fit them.

use std::collections::BTreeMap;

use proptest::prelude::*;
use tfplugin_rs::value::{Number, Refinements, Type, Typed, Value, msgpack};

pub(crate) fn types() -> impl Strategy<Value = Type> {
    let leaf = prop_oneof![Just(Type::Bool), Just(Type::Number), Just(Type::String), Just(Type::Dynamic)];
    leaf.prop_recursive(3, 12, 3, |inner| {
        prop_oneof![
            inner.clone().prop_map(Type::list),
            inner.clone().prop_map(Type::set),
            inner.clone().prop_map(Type::map),
            prop::collection::vec(inner.clone(), 0..3).prop_map(Type::Tuple),
            prop::collection::btree_map("[a-c]", inner, 0..3).prop_map(Type::Object),
        ]
    })
}

/// A type and a value of it, which may be unknown in places if `unknown` says so.
pub(crate) fn typed(unknown: bool) -> impl Strategy<Value = (Type, Value)> {
    types().prop_flat_map(move |ty| (Just(ty.clone()), values(&ty, unknown)))
}

pub(crate) fn values(ty: &Type, unknown: bool) -> BoxedStrategy<Value> {
    let known = match ty {
        Type::Bool => any::<bool>().prop_map(Value::Bool).boxed(),
        Type::Number => numbers().prop_map(Value::Number).boxed(),
        Type::String => ".{0,40}".prop_map(Value::String).boxed(),
        Type::Dynamic => dynamic(unknown),
        Type::List(element) => prop::collection::vec(values(element, unknown), 0..3).prop_map(Value::List).boxed(),
        Type::Set(element) => set(element),
        Type::Map(element) => {
            prop::collection::btree_map(".{0,4}", values(element, unknown), 0..3).prop_map(Value::Map).boxed()
        }
        Type::Tuple(types) => {
            types.iter().map(|ty| values(ty, unknown)).collect::<Vec<_>>().prop_map(Value::List).boxed()
        }
        Type::Object(types) => {
            let names: Vec<_> = types.keys().cloned().collect();
            let each: Vec<_> = types.values().map(|ty| values(ty, unknown)).collect();
            each.prop_map(move |values| Value::Map(names.iter().cloned().zip(values).collect::<BTreeMap<_, _>>()))
                .boxed()
        }
    };
    let absent = Just(Value::Null);
    if unknown {
        prop_oneof![6 => known, 1 => absent, 1 => unknowns()].boxed()
    } else {
        prop_oneof![6 => known, 1 => absent].boxed()
    }
}

/// Elements in the order, and each once: what decoding gives.
fn set(element: &Type) -> BoxedStrategy<Value> {
    let ty = Type::set(element.clone());
    prop::collection::vec(values(element, false), 0..3)
        .prop_map(move |elements| {
            let wire = msgpack::encode(&Value::List(elements), &ty).unwrap();
            msgpack::decode(&wire, &ty).unwrap()
        })
        .boxed()
}

fn dynamic(unknown: bool) -> BoxedStrategy<Value> {
    let types =
        prop_oneof![Just(Type::String), Just(Type::list(Type::Number)), Just(Type::object([("a", Type::Bool)]))];
    types
        .prop_flat_map(move |ty| {
            let value = values(&ty, unknown);
            (Just(ty), value)
        })
        .prop_map(|(ty, value)| Value::Dynamic(Box::new(Typed { ty, value })))
        .boxed()
}

fn numbers() -> impl Strategy<Value = Number> {
    prop_oneof![
        any::<i64>().prop_map(Number::from),
        (-200i64..200).prop_map(Number::from),
        "-?[0-9]{1,40}(\\.[0-9]{1,40})?(e-?[0-9]{1,2})?".prop_map(|text| Number::parse(&text).unwrap()),
        any::<f64>().prop_filter_map("finite", |f| Number::parse(&format!("{f:e}")).ok()),
    ]
}

fn unknowns() -> impl Strategy<Value = Value> {
    let bound = prop::option::of((numbers(), any::<bool>()));
    let prefix = prop::option::of(".{0,300}");
    (any::<bool>(), prefix, bound, prop::option::of(0i64..1_000)).prop_map(|(not_null, prefix, lower, length_min)| {
        let certain = Refinements { not_null, prefix, lower, length_min, ..Refinements::default() };
        Value::Unknown((certain != Refinements::default()).then(|| Box::new(certain)))
    })
}
