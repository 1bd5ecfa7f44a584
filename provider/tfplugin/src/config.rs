//! What the operator wrote, with everything that is not known yet.

use serde::de::DeserializeOwned;

use crate::attr::Attr;
use crate::diagnostic::Diagnostics;
use crate::path::Path;
use crate::value::json::{self, Model};
use crate::value::{Problem, Type, Value, ValueError};

/// A configuration: of a resource, a data source or the provider.
#[derive(Clone, Copy, Debug)]
pub struct Config<'a> {
    value: &'a Value,
    ty: &'a Type,
}

impl<'a> Config<'a> {
    pub(crate) fn new(value: &'a Value, ty: &'a Type) -> Self {
        Self { value, ty }
    }

    /// The attribute at `path`. It is unknown when anything in it is, unless `T` has room for that (`Attr` inside).
    ///
    /// # Errors
    /// When the schema has no such attribute, or `T` is another type than its.
    pub fn get<T: DeserializeOwned>(&self, path: impl Into<Path>) -> Result<Attr<T>, Diagnostics> {
        get(self.value, self.ty, &path.into())
    }

    /// All of it as a Rust type, whose fields are [`Attr`]s where values may be null or unknown.
    ///
    /// # Errors
    /// When the type does not fit the schema.
    pub fn model<M: DeserializeOwned>(&self) -> Result<M, Diagnostics> {
        Ok(json::to_model(self.value, self.ty, Model::Plan)?)
    }

    /// The plain value.
    #[must_use]
    pub fn value(&self) -> &'a Value {
        self.value
    }
}

pub(crate) fn get<T: DeserializeOwned>(value: &Value, ty: &Type, path: &Path) -> Result<Attr<T>, Diagnostics> {
    let found = value.get(path).unwrap_or(&Value::Null);
    let at = |error: ValueError| crate::diagnostic::Diagnostic::from(error).at(path);
    Ok(json::to_model(found, type_at(ty, path)?, Model::Plan).map_err(at)?)
}

/// The type of what stands at `path`.
pub(crate) fn type_at<'a>(ty: &'a Type, path: &Path) -> Result<&'a Type, Diagnostics> {
    use crate::path::Step;
    let mut here = ty;
    for step in path.steps() {
        here = match (here, step) {
            (Type::Object(types), Step::Attribute(name)) => types.get(name),
            (Type::Map(ty), Step::Key(_)) | (Type::List(ty) | Type::Set(ty), Step::Index(_)) => Some(&**ty),
            (Type::Tuple(types), Step::Index(index)) => types.get(*index),
            _ => None,
        }
        .ok_or_else(|| ValueError::from(Problem::Model(format!("the schema has nothing at {path}"))))?;
    }
    Ok(here)
}
