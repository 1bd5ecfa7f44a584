//! Types of values, and their JSON form.

use std::collections::BTreeMap;

use serde_json::{Value as Json, json};

use crate::limits::NESTING_MAX;

/// The type of a value.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Type {
    /// `true` or `false`.
    Bool,
    /// A decimal of arbitrary precision.
    Number,
    /// Unicode text.
    String,
    /// Whatever the configuration gives; the value carries its own type.
    Dynamic,
    /// Ordered values of one type.
    List(Box<Type>),
    /// Distinct values of one type, without order.
    Set(Box<Type>),
    /// Values of one type by name.
    Map(Box<Type>),
    /// Named attributes, each with its own type.
    Object(BTreeMap<String, Type>),
    /// Ordered values, each with its own type.
    Tuple(Vec<Type>),
}

/// The JSON is no type.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{text} is not a type")]
pub struct NotAType {
    text: String,
}

impl Type {
    /// A list of `element`.
    #[must_use]
    pub fn list(element: Type) -> Self {
        Self::List(Box::new(element))
    }

    /// A set of `element`.
    #[must_use]
    pub fn set(element: Type) -> Self {
        Self::Set(Box::new(element))
    }

    /// A map of `element`.
    #[must_use]
    pub fn map(element: Type) -> Self {
        Self::Map(Box::new(element))
    }

    /// An object of the named attributes.
    pub fn object<N: Into<String>>(attributes: impl IntoIterator<Item = (N, Type)>) -> Self {
        Self::Object(attributes.into_iter().map(|(name, ty)| (name.into(), ty)).collect())
    }

    /// The type as the protocol writes it.
    #[must_use]
    pub fn to_json(&self) -> Json {
        match self {
            Self::Bool => json!("bool"),
            Self::Number => json!("number"),
            Self::String => json!("string"),
            Self::Dynamic => json!("dynamic"),
            Self::List(element) => json!(["list", element.to_json()]),
            Self::Set(element) => json!(["set", element.to_json()]),
            Self::Map(element) => json!(["map", element.to_json()]),
            Self::Object(attributes) => {
                let attributes: serde_json::Map<_, _> =
                    attributes.iter().map(|(name, ty)| (name.clone(), ty.to_json())).collect();
                json!(["object", attributes])
            }
            Self::Tuple(elements) => json!(["tuple", elements.iter().map(Self::to_json).collect::<Vec<_>>()]),
        }
    }

    pub(crate) fn to_bytes(&self) -> Vec<u8> {
        self.to_json().to_string().into_bytes()
    }

    /// Reads the protocol's form; the names of optional attributes that an object may list are ignored.
    ///
    /// # Errors
    /// When the JSON is no type.
    pub fn from_json(json: &Json) -> Result<Self, NotAType> {
        Self::read(json, 0).ok_or_else(|| NotAType { text: json.to_string().chars().take(200).collect() })
    }

    pub(crate) fn from_bytes(bytes: &[u8]) -> Result<Self, NotAType> {
        let json = serde_json::from_slice(bytes)
            .map_err(|_| NotAType { text: String::from_utf8_lossy(bytes).chars().take(200).collect() })?;
        Self::from_json(&json)
    }

    fn read(json: &Json, depth: usize) -> Option<Self> {
        if depth > NESTING_MAX {
            return None;
        }
        match json {
            Json::String(name) => match name.as_str() {
                "bool" => Some(Self::Bool),
                "number" => Some(Self::Number),
                "string" => Some(Self::String),
                "dynamic" => Some(Self::Dynamic),
                _ => None,
            },
            Json::Array(parts) => {
                let kind = parts.first()?.as_str()?;
                let inner = parts.get(1)?;
                match kind {
                    "list" => Some(Self::list(Self::read(inner, depth + 1)?)),
                    "set" => Some(Self::set(Self::read(inner, depth + 1)?)),
                    "map" => Some(Self::map(Self::read(inner, depth + 1)?)),
                    "tuple" => {
                        let elements = inner.as_array()?.iter().map(|ty| Self::read(ty, depth + 1));
                        elements.collect::<Option<_>>().map(Self::Tuple)
                    }
                    "object" => {
                        let attributes = inner.as_object()?.iter();
                        let read = attributes.map(|(name, ty)| Some((name.clone(), Self::read(ty, depth + 1)?)));
                        read.collect::<Option<_>>().map(Self::Object)
                    }
                    _ => None,
                }
            }
            _ => None,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_type_survives_its_json_form() {
        let ty = Type::object([
            ("a", Type::list(Type::map(Type::Dynamic))),
            ("b", Type::Tuple(vec![Type::Bool, Type::set(Type::Number)])),
        ]);
        let bytes = ty.to_bytes();
        assert_eq!(
            String::from_utf8_lossy(&bytes),
            r#"["object",{"a":["list",["map","dynamic"]],"b":["tuple",["bool",["set","number"]]]}]"#
        );
        assert_eq!(Type::from_bytes(&bytes).unwrap(), ty);
    }

    #[test]
    fn optional_attribute_names_are_ignored() {
        let json = json!(["object", {"a": "string"}, ["a"]]);
        assert_eq!(Type::from_json(&json).unwrap(), Type::object([("a", Type::String)]));
    }

    #[test]
    fn what_is_no_type_is_refused() {
        for json in [json!("text"), json!([]), json!(["list"]), json!(["object", []]), json!(7), json!(null)] {
            assert!(Type::from_json(&json).is_err(), "{json}");
        }
        let deep = "[\"list\",".repeat(200) + "\"string\"" + &"]".repeat(200);
        assert!(Type::from_bytes(deep.as_bytes()).is_err());
    }
}
