//! An attribute's value as a plan or a configuration has it: typed, and possibly not yet known.

use serde::de::DeserializeOwned;
use serde::ser::SerializeMap as _;
use serde::{Deserialize, Deserializer, Serialize, Serializer};

use crate::value::json::UNKNOWN;

/// A typed value of a plan or configuration. A state never holds one: what is saved is known.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Attr<T> {
    /// Not set.
    #[default]
    Null,
    /// Set, and known only after apply.
    Unknown,
    /// Set to this.
    Known(T),
}

impl<T> Attr<T> {
    /// The value when it is set and known.
    pub fn known(self) -> Option<T> {
        match self {
            Self::Known(value) => Some(value),
            Self::Null | Self::Unknown => None,
        }
    }

    /// The same by reference.
    pub fn as_ref(&self) -> Attr<&T> {
        match self {
            Self::Null => Attr::Null,
            Self::Unknown => Attr::Unknown,
            Self::Known(value) => Attr::Known(value),
        }
    }

    /// Whether it is known only after apply.
    pub fn is_unknown(&self) -> bool {
        matches!(self, Self::Unknown)
    }

    /// Whether it is not set.
    pub fn is_null(&self) -> bool {
        matches!(self, Self::Null)
    }

    /// Applies `f` to a known value.
    pub fn map<U>(self, f: impl FnOnce(T) -> U) -> Attr<U> {
        match self {
            Self::Null => Attr::Null,
            Self::Unknown => Attr::Unknown,
            Self::Known(value) => Attr::Known(f(value)),
        }
    }

    /// `fallback` where nothing is set.
    #[must_use]
    pub fn or(self, fallback: T) -> Self {
        match self {
            Self::Null => Self::Known(fallback),
            set => set,
        }
    }

    /// Both values when both are known; unknown when one of them is; else null.
    pub fn zip<U>(self, other: Attr<U>) -> Attr<(T, U)> {
        match (self, other) {
            (Self::Known(a), Attr::Known(b)) => Attr::Known((a, b)),
            (Self::Unknown, _) | (_, Attr::Unknown) => Attr::Unknown,
            _ => Attr::Null,
        }
    }
}

impl<'de, T: DeserializeOwned> Deserialize<'de> for Attr<T> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let json = serde_json::Value::deserialize(deserializer)?;
        if json.is_null() {
            return Ok(Self::Null);
        }
        if json.get(UNKNOWN).is_some() {
            return Ok(Self::Unknown);
        }
        match T::deserialize(&json) {
            Ok(value) => Ok(Self::Known(value)),
            Err(_) if holds_unknown(&json) => Ok(Self::Unknown),
            Err(error) => Err(serde::de::Error::custom(error)),
        }
    }
}

impl<T: Serialize> Serialize for Attr<T> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        match self {
            Self::Null => serializer.serialize_none(),
            Self::Known(value) => value.serialize(serializer),
            Self::Unknown => {
                let mut marker = serializer.serialize_map(Some(1))?;
                marker.serialize_entry(UNKNOWN, &true)?;
                marker.end()
            }
        }
    }
}

/// Whether some value inside is unknown, so that a type that cannot hold one is unknown as a whole.
fn holds_unknown(json: &serde_json::Value) -> bool {
    match json {
        serde_json::Value::Array(elements) => elements.iter().any(holds_unknown),
        serde_json::Value::Object(fields) => fields.contains_key(UNKNOWN) || fields.values().any(holds_unknown),
        _ => false,
    }
}
