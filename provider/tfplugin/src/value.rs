//! Values of a configuration, a plan or a state, and their two forms: msgpack on the wire, JSON in a state file.
//!
//! Both codecs are directed by a [`Type`]: what they return has the type's shape, with every attribute of an object
//! present and sets in one order, so that `==` compares by meaning. They never panic, whatever the bytes are.

use std::collections::BTreeMap;

pub mod json;
pub mod msgpack;
mod number;
mod reader;
mod types;

pub use self::number::{NotANumber, Number};
pub use self::types::{NotAType, Type};

use crate::path::{Path, Step};

/// A value, possibly not yet known.
#[derive(Clone, Debug, Default, PartialEq)]
pub enum Value {
    /// Absent.
    #[default]
    Null,
    /// Known only after apply, with what is certain about it.
    Unknown(Option<Box<Refinements>>),
    /// Of type bool.
    Bool(bool),
    /// Of type number.
    Number(Number),
    /// Of type string.
    String(String),
    /// Of a list, set or tuple type; the elements of a set are distinct and in one order.
    List(Vec<Value>),
    /// Of a map or object type.
    Map(BTreeMap<String, Value>),
    /// A value of type dynamic, with its own type.
    Dynamic(Box<Typed>),
}

/// A value and the type it was given with.
#[derive(Clone, Debug, PartialEq)]
pub struct Typed {
    /// The type.
    pub ty: Type,
    /// The value.
    pub value: Value,
}

/// What is certain about a value that is not yet known.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Refinements {
    /// It will not be null.
    pub not_null: bool,
    /// Its text will begin so.
    pub prefix: Option<String>,
    /// The least it can be, and whether it can be exactly that.
    pub lower: Option<(Number, bool)>,
    /// The most it can be, and whether it can be exactly that.
    pub upper: Option<(Number, bool)>,
    /// The fewest elements.
    pub length_min: Option<i64>,
    /// The most elements.
    pub length_max: Option<i64>,
}

/// A value does not fit where it stands, or its bytes are no value.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{}{problem}", if path.is_root() { String::new() } else { format!("{path}: ") })]
pub struct ValueError {
    path: Path,
    problem: Problem,
}

/// What is wrong with a value.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Problem {
    /// The bytes end inside a value, or go on after it.
    #[error("the bytes are truncated or malformed")]
    Malformed,
    /// Nested deeper than any schema.
    #[error("it is nested too deeply")]
    TooDeep,
    /// Another type than the schema's.
    #[error("{found} where {expected} belongs")]
    Mismatch {
        /// What the schema wants.
        expected: &'static str,
        /// What is there.
        found: &'static str,
    },
    /// The value must be known here.
    #[error("it is not yet known")]
    Unknown,
    /// No number.
    #[error(transparent)]
    Number(#[from] NotANumber),
    /// No type.
    #[error(transparent)]
    Type(#[from] NotAType),
    /// A model of the provider and its schema disagree.
    #[error("the provider's own type does not fit its schema: {0}")]
    Model(String),
}

impl ValueError {
    /// Where the value stands.
    #[must_use]
    pub fn path(&self) -> &Path {
        &self.path
    }

    pub(crate) fn under(mut self, step: Step) -> Self {
        self.path = self.path.under(step);
        self
    }
}

impl<P: Into<Problem>> From<P> for ValueError {
    fn from(problem: P) -> Self {
        Self { path: Path::root(), problem: problem.into() }
    }
}

impl From<ValueError> for crate::diagnostic::Diagnostic {
    fn from(error: ValueError) -> Self {
        Self::error("a value cannot be used", error.problem.to_string()).at(error.path)
    }
}

impl Value {
    /// Not yet known, nothing certain.
    #[must_use]
    pub const fn unknown() -> Self {
        Self::Unknown(None)
    }

    /// Whether it is absent.
    #[must_use]
    pub fn is_null(&self) -> bool {
        match self {
            Self::Null => true,
            Self::Dynamic(typed) => typed.value.is_null(),
            _ => false,
        }
    }

    /// Whether it is not yet known as a whole.
    #[must_use]
    pub fn is_unknown(&self) -> bool {
        match self {
            Self::Unknown(_) => true,
            Self::Dynamic(typed) => typed.value.is_unknown(),
            _ => false,
        }
    }

    /// Whether it and everything inside is known.
    #[must_use]
    pub fn is_wholly_known(&self) -> bool {
        match self {
            Self::Unknown(_) => false,
            Self::List(elements) => elements.iter().all(Self::is_wholly_known),
            Self::Map(elements) => elements.values().all(Self::is_wholly_known),
            Self::Dynamic(typed) => typed.value.is_wholly_known(),
            Self::Null | Self::Bool(_) | Self::Number(_) | Self::String(_) => true,
        }
    }

    /// What stands at `path`: nothing when the way ends early, unknown when it leads through an unknown value.
    #[must_use]
    pub fn get(&self, path: &Path) -> Option<&Self> {
        let mut here = self;
        for step in path.steps() {
            here = match (here, step) {
                (Self::Unknown(_), _) => return Some(here),
                (Self::Map(elements), Step::Attribute(name) | Step::Key(name)) => elements.get(name)?,
                (Self::List(elements), Step::Index(index)) => elements.get(*index)?,
                _ => return None,
            };
        }
        Some(here)
    }

    pub(crate) fn get_mut(&mut self, path: &Path) -> Option<&mut Self> {
        let mut here = self;
        for step in path.steps() {
            here = match (here, step) {
                (Self::Map(elements), Step::Attribute(name) | Step::Key(name)) => elements.get_mut(name)?,
                (Self::List(elements), Step::Index(index)) => elements.get_mut(*index)?,
                _ => return None,
            };
        }
        Some(here)
    }

    /// The text, when it is one.
    #[must_use]
    pub fn as_str(&self) -> Option<&str> {
        match self {
            Self::String(text) => Some(text),
            Self::Dynamic(typed) => typed.value.as_str(),
            _ => None,
        }
    }

    pub(crate) fn kind(&self) -> &'static str {
        match self {
            Self::Null => "null",
            Self::Unknown(_) => "an unknown value",
            Self::Bool(_) => "a bool",
            Self::Number(_) => "a number",
            Self::String(_) => "a string",
            Self::List(_) => "a list",
            Self::Map(_) => "a map",
            Self::Dynamic(_) => "a dynamic value",
        }
    }

    /// The type that a value has by itself, for one that must travel as dynamic.
    pub(crate) fn own_type(&self) -> Type {
        match self {
            Self::Null | Self::Unknown(_) => Type::Dynamic,
            Self::Bool(_) => Type::Bool,
            Self::Number(_) => Type::Number,
            Self::String(_) => Type::String,
            Self::List(elements) => Type::Tuple(elements.iter().map(Self::own_type).collect()),
            Self::Map(elements) => Type::object(elements.iter().map(|(name, value)| (name.clone(), value.own_type()))),
            Self::Dynamic(typed) => typed.ty.clone(),
        }
    }
}

impl From<bool> for Value {
    fn from(value: bool) -> Self {
        Self::Bool(value)
    }
}

impl From<i64> for Value {
    fn from(value: i64) -> Self {
        Self::Number(value.into())
    }
}

impl From<&str> for Value {
    fn from(value: &str) -> Self {
        Self::String(value.to_owned())
    }
}

impl From<String> for Value {
    fn from(value: String) -> Self {
        Self::String(value)
    }
}

impl<T: Into<Value>> From<Vec<T>> for Value {
    fn from(values: Vec<T>) -> Self {
        Self::List(values.into_iter().map(Into::into).collect())
    }
}

impl<T: Into<Value>> From<Option<T>> for Value {
    fn from(value: Option<T>) -> Self {
        value.map_or(Self::Null, Into::into)
    }
}

impl<T: Into<Value>> From<BTreeMap<String, T>> for Value {
    fn from(values: BTreeMap<String, T>) -> Self {
        Self::Map(values.into_iter().map(|(key, value)| (key, value.into())).collect())
    }
}
