//! Plans: what a resource completes, the algorithm around it, and the comparison with what apply returns.

use std::collections::{BTreeMap, BTreeSet};

use serde::Serialize;
use serde::de::DeserializeOwned;

use crate::attr::Attr;
use crate::config::{self, Config};
use crate::context::Private;
use crate::diagnostic::{Diagnostic, Diagnostics};
use crate::path::Path;
use crate::value::json::{self, Model};
use crate::value::{Problem, Type, Value, ValueError};

pub(crate) mod algorithm;
pub(crate) mod result;

/// The plan of a create or an update, before the resource had its say.
///
/// By then defaults are filled in, and computed attributes are unknown if anything differs from what is saved, or kept
/// if the schema says so.
#[derive(Debug)]
pub struct Plan<'a, D> {
    pub(crate) data: Option<&'a D>,
    pub(crate) config: &'a Value,
    pub(crate) prior: &'a Value,
    pub(crate) planned: Value,
    pub(crate) ty: &'a Type,
    pub(crate) private: &'a Private,
    pub(crate) replace: BTreeSet<Path>,
    pub(crate) notes: Diagnostics,
}

impl<'a, D> Plan<'a, D> {
    /// The configured provider; absent while its own configuration is not known.
    #[must_use]
    pub fn data(&self) -> Option<&'a D> {
        self.data
    }

    /// What the operator wrote.
    #[must_use]
    pub fn config(&self) -> Config<'a> {
        Config::new(self.config, self.ty)
    }

    /// Whether an object will be made.
    #[must_use]
    pub fn is_create(&self) -> bool {
        self.prior.is_null()
    }

    /// The saved attribute at `path`; `None` when there is none, or no object yet.
    ///
    /// # Errors
    /// When the schema has no such attribute, or `T` is another type than its.
    pub fn prior<T: DeserializeOwned>(&self, path: impl Into<Path>) -> Result<Option<T>, Diagnostics> {
        Ok(config::get(self.prior, self.ty, &path.into())?.known())
    }

    /// The planned attribute at `path`. It is unknown when anything in it is, unless `T` has room for that.
    ///
    /// # Errors
    /// When the schema has no such attribute, or `T` is another type than its.
    pub fn get<T: DeserializeOwned>(&self, path: impl Into<Path>) -> Result<Attr<T>, Diagnostics> {
        config::get(&self.planned, self.ty, &path.into())
    }

    /// All planned attributes as a Rust type, whose fields are [`Attr`]s where values may be null or unknown.
    ///
    /// # Errors
    /// When the type does not fit the schema.
    pub fn model<M: DeserializeOwned>(&self) -> Result<M, Diagnostics> {
        Ok(json::to_model(&self.planned, self.ty, Model::Plan)?)
    }

    /// Plans a value, or an [`Attr`], for a computed attribute.
    ///
    /// # Errors
    /// When the schema has no such attribute, or the value is of another type.
    pub fn set(&mut self, path: impl Into<Path>, value: impl Serialize) -> Result<(), Diagnostics> {
        let path = path.into();
        let value = json::from_model(&value, config::type_at(self.ty, &path)?)
            .map_err(|error| Diagnostic::from(error).at(&path))?;
        let slot = self
            .planned
            .get_mut(&path)
            .ok_or_else(|| ValueError::from(Problem::Model(format!("the plan has nothing at {path}"))))?;
        *slot = value;
        Ok(())
    }

    /// Plans that a computed attribute becomes known only after apply.
    ///
    /// # Errors
    /// When the schema has no such attribute.
    pub fn set_unknown(&mut self, path: impl Into<Path>) -> Result<(), Diagnostics> {
        self.set(path, Attr::<()>::Unknown)
    }

    /// Whether the plan differs from what is saved at `path`. True for a create, and while the value is unknown.
    #[must_use]
    pub fn changes(&self, path: impl Into<Path>) -> bool {
        let path = path.into();
        self.is_create() || self.prior.get(&path) != self.planned.get(&path)
    }

    /// Whether anything differs from what is saved.
    #[must_use]
    pub fn changes_anything(&self) -> bool {
        *self.prior != self.planned
    }

    /// Says that the change at `path` needs a new object.
    pub fn replace(&mut self, path: impl Into<Path>) {
        self.replace.insert(path.into());
    }

    /// What an earlier call kept under `key` beside the state.
    #[must_use]
    pub fn private<T: DeserializeOwned>(&self, key: &str) -> Option<T> {
        self.private.get(key).and_then(|json| T::deserialize(json).ok())
    }

    /// Tells the operator something without failing.
    pub fn warn(&mut self, warning: Diagnostic) {
        self.notes.push(warning);
    }
}

pub(crate) type Values = BTreeMap<String, Value>;
