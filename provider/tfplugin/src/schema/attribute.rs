//! One attribute: who sets it, what it holds, and how a plan treats it.

use std::fmt;
use std::sync::Arc;

use super::Shape;
use super::check::Check;
use crate::value::Value;

/// An attribute of a [`Schema`](super::Schema), made by [`required`], [`optional`], [`computed`] or
/// [`optional_computed`].
#[derive(Clone, Debug)]
pub struct Attribute {
    pub(crate) shape: Shape,
    pub(crate) mode: Mode,
    pub(crate) description: String,
    pub(crate) sensitive: bool,
    pub(crate) write_only: bool,
    pub(crate) deprecated: Option<String>,
    pub(crate) default: Option<Value>,
    pub(crate) checks: Vec<Check>,
    pub(crate) keep: bool,
    pub(crate) replace: Replace,
}

/// Who sets an attribute.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Mode {
    Required,
    Optional,
    Computed,
    OptionalComputed,
}

type Condition = dyn Fn(&Value, &Value) -> bool + Send + Sync;

/// Whether a change needs a new object.
#[derive(Clone, Default)]
pub(crate) enum Replace {
    #[default]
    Never,
    Always,
    If(Arc<Condition>),
}

impl fmt::Debug for Replace {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Never => "Never",
            Self::Always => "Always",
            Self::If(_) => "If(..)",
        })
    }
}

/// The operator must set it.
pub fn required(shape: Shape, description: impl Into<String>) -> Attribute {
    Attribute::new(shape, Mode::Required, description.into())
}

/// The operator may set it; else it is null, or its default.
pub fn optional(shape: Shape, description: impl Into<String>) -> Attribute {
    Attribute::new(shape, Mode::Optional, description.into())
}

/// The provider sets it. Unknown in a plan that changes something, unless kept or set by the resource's plan.
pub fn computed(shape: Shape, description: impl Into<String>) -> Attribute {
    Attribute::new(shape, Mode::Computed, description.into())
}

/// The operator may set it; else the provider does.
pub fn optional_computed(shape: Shape, description: impl Into<String>) -> Attribute {
    Attribute::new(shape, Mode::OptionalComputed, description.into())
}

impl Attribute {
    fn new(shape: Shape, mode: Mode, description: String) -> Self {
        Self {
            shape,
            mode,
            description,
            sensitive: false,
            write_only: false,
            deprecated: None,
            default: None,
            checks: Vec::new(),
            keep: false,
            replace: Replace::Never,
        }
    }

    /// Its value where the operator sets none.
    #[must_use]
    pub fn default(mut self, value: impl Into<Value>) -> Self {
        self.default = Some(value.into());
        self
    }

    /// Never shown on a screen.
    #[must_use]
    pub fn sensitive(mut self) -> Self {
        self.sensitive = true;
        self
    }

    /// Given to create and update, never saved; needs Terraform 1.11.
    #[must_use]
    pub fn write_only(mut self) -> Self {
        self.write_only = true;
        self
    }

    /// Says what to use instead.
    #[must_use]
    pub fn deprecated(mut self, message: impl Into<String>) -> Self {
        self.deprecated = Some(message.into());
        self
    }

    /// Adds a rule that a known value has to keep.
    #[must_use]
    pub fn check(mut self, check: Check) -> Self {
        self.checks.push(check);
        self
    }

    /// An update leaves the saved value alone: for what never changes in an object's life, such as its ARN.
    #[must_use]
    pub fn keep(mut self) -> Self {
        self.keep = true;
        self
    }

    /// A change of it needs a new object.
    #[must_use]
    pub fn replace(mut self) -> Self {
        self.replace = Replace::Always;
        self
    }

    /// A change of it needs a new object if `condition(saved, planned)` holds. The planned value may be unknown.
    #[must_use]
    pub fn replace_if(mut self, condition: impl Fn(&Value, &Value) -> bool + Send + Sync + 'static) -> Self {
        self.replace = Replace::If(Arc::new(condition));
        self
    }

    /// Whether the provider may set it.
    pub(crate) fn is_computed(&self) -> bool {
        matches!(self.mode, Mode::Computed | Mode::OptionalComputed) || self.default.is_some()
    }
}
