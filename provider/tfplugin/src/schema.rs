//! What a resource, data source or provider looks like to the operator: attributes, their types and rules.
//!
//! ```
//! use tfplugin_rs::schema::{Check, Schema, boolean, computed, integer, map, optional, required, string};
//! use tfplugin_rs::value::Type;
//!
//! Schema::new("A key that encrypts one kind of data.").attributes([
//!     ("name", required(string(), "Name of the alias.").replace()),
//!     ("rotation_days", optional(integer(), "Days between rotations.").default(365).check(Check::between(90, 2560))),
//!     ("enabled", optional(boolean(), "Whether the key can be used.").default(true)),
//!     ("tags", optional(map(Type::String), "Tags of the key.")),
//!     ("arn", computed(string(), "ARN of the key.").keep()),
//! ]);
//! ```

use std::collections::BTreeMap;

use crate::diagnostic::Diagnostics;
use crate::path::Path;
use crate::value::{Type, Value};

mod attribute;
mod check;
mod lint;
mod reference;
mod wire;

pub(crate) use self::attribute::Replace;
pub use self::attribute::{Attribute, computed, optional, optional_computed, required};
pub use self::check::Check;
pub use self::lint::Flaw;

/// Attributes by name.
pub type Attributes = BTreeMap<String, Attribute>;

/// The schema of a resource, a data source or a provider.
#[derive(Clone, Debug)]
pub struct Schema {
    pub(crate) version: i64,
    pub(crate) description: String,
    pub(crate) deprecated: Option<String>,
    pub(crate) attributes: Attributes,
}

impl Schema {
    /// A schema without attributes yet. The description is Markdown.
    pub fn new(description: impl Into<String>) -> Self {
        Self { version: 0, description: description.into(), deprecated: None, attributes: Attributes::new() }
    }

    /// Counts up when older states must be rewritten ([`Resource::upgrade`](crate::Resource::upgrade)).
    #[must_use]
    pub fn version(mut self, version: i64) -> Self {
        self.version = version;
        self
    }

    /// Says what to use instead.
    #[must_use]
    pub fn deprecated(mut self, message: impl Into<String>) -> Self {
        self.deprecated = Some(message.into());
        self
    }

    /// Adds attributes; may be called again for groups that several schemas share.
    #[must_use]
    pub fn attributes<N: Into<String>>(mut self, attributes: impl IntoIterator<Item = (N, Attribute)>) -> Self {
        self.attributes.extend(attributes.into_iter().map(|(name, attribute)| (name.into(), attribute)));
        self
    }

    /// Its attributes by name.
    #[must_use]
    pub fn all(&self) -> &Attributes {
        &self.attributes
    }

    /// The type of a whole configuration or state.
    #[must_use]
    pub fn ty(&self) -> Type {
        Type::Object(attribute_types(&self.attributes))
    }
}

pub(crate) fn attribute_types(attributes: &Attributes) -> BTreeMap<String, Type> {
    attributes.iter().map(|(name, attribute)| (name.clone(), attribute.shape.ty())).collect()
}

/// What an attribute holds: a plain type, or objects whose attributes have rules of their own.
#[derive(Clone, Debug)]
pub enum Shape {
    /// Values of a type.
    Plain(Type),
    /// Numbers without a fraction.
    Integer,
    /// Objects.
    Nested(Nesting, Attributes),
}

/// How nested objects are arranged.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Nesting {
    /// One object.
    Single,
    /// A list of objects.
    List,
    /// Objects by name.
    Map,
}

impl Shape {
    /// The type of its values.
    #[must_use]
    pub fn ty(&self) -> Type {
        match self {
            Self::Plain(ty) => ty.clone(),
            Self::Integer => Type::Number,
            Self::Nested(nesting, attributes) => {
                let object = Type::Object(attribute_types(attributes));
                match nesting {
                    Nesting::Single => object,
                    Nesting::List => Type::list(object),
                    Nesting::Map => Type::map(object),
                }
            }
        }
    }
}

/// Text.
#[must_use]
pub fn string() -> Shape {
    Shape::Plain(Type::String)
}

/// A number, fractions included.
#[must_use]
pub fn number() -> Shape {
    Shape::Plain(Type::Number)
}

/// A number without a fraction.
#[must_use]
pub fn integer() -> Shape {
    Shape::Integer
}

/// `true` or `false`.
#[must_use]
pub fn boolean() -> Shape {
    Shape::Plain(Type::Bool)
}

/// A list of values of one type.
#[must_use]
pub fn list(element: Type) -> Shape {
    Shape::Plain(Type::list(element))
}

/// A set of values of one type.
#[must_use]
pub fn set(element: Type) -> Shape {
    Shape::Plain(Type::set(element))
}

/// Values of one type by name.
#[must_use]
pub fn map(element: Type) -> Shape {
    Shape::Plain(Type::map(element))
}

/// An object without rules for its attributes; all of them have to be given.
pub fn object<N: Into<String>>(attributes: impl IntoIterator<Item = (N, Type)>) -> Shape {
    Shape::Plain(Type::object(attributes))
}

/// A value of whatever type the configuration gives.
#[must_use]
pub fn dynamic() -> Shape {
    Shape::Plain(Type::Dynamic)
}

/// One object whose attributes have rules of their own.
pub fn nested<N: Into<String>>(attributes: impl IntoIterator<Item = (N, Attribute)>) -> Shape {
    Shape::Nested(Nesting::Single, named(attributes))
}

/// A list of such objects.
pub fn nested_list<N: Into<String>>(attributes: impl IntoIterator<Item = (N, Attribute)>) -> Shape {
    Shape::Nested(Nesting::List, named(attributes))
}

/// Such objects by name.
pub fn nested_map<N: Into<String>>(attributes: impl IntoIterator<Item = (N, Attribute)>) -> Shape {
    Shape::Nested(Nesting::Map, named(attributes))
}

fn named<N: Into<String>>(attributes: impl IntoIterator<Item = (N, Attribute)>) -> Attributes {
    attributes.into_iter().map(|(name, attribute)| (name.into(), attribute)).collect()
}

/// The value of an attribute inside an object; null when there is none.
pub(crate) fn attribute_of<'a>(object: &'a Value, name: &str) -> &'a Value {
    match object {
        Value::Map(attributes) => attributes.get(name).unwrap_or(&Value::Null),
        Value::Unknown(_) => object,
        _ => &Value::Null,
    }
}

/// Runs the checks of every attribute that is known.
pub(crate) fn check_all(schema: &Schema, config: &Value) -> Diagnostics {
    let mut out = Diagnostics::new();
    check::run(&schema.attributes, config, &Path::root(), &mut out);
    out
}

/// A configuration with defaults for what it leaves out, and without write-only values.
pub(crate) fn with_defaults(schema: &Schema, config: Value) -> Value {
    let mut filled = config.clone();
    crate::plan::algorithm::fill(&schema.attributes, &config, &mut filled);
    filled
}
