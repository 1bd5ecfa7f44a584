//! What a resource implements.

use serde::Serialize;
use serde::de::DeserializeOwned;

use crate::config::Config;
use crate::context::Context;
use crate::diagnostic::{Diagnostic, Diagnostics};
use crate::plan::Plan;
use crate::schema::Schema;

pub(crate) mod erased;
mod outcome;

pub use self::outcome::Outcome;

/// A kind of object that Terraform creates, reads, updates and deletes.
///
/// Two Rust types stand for its attributes, both read and written by `serde` and checked against the schema. An
/// attribute that is null is absent for them, so give them `Option`s or `#[serde(default)]`.
///
/// Whatever a returned state does not mention keeps its planned value (create, update), its saved value (read), or its
/// default (import). So a state type has to hold only what the provider finds out. In what create, update and import
/// return, `None` counts as not mentioned; in what read returns, it means that the object has none, unless `serde` skips
/// the field.
pub trait Resource: Send + Sync + 'static {
    /// The configured provider: [`Provider::Data`](crate::Provider::Data).
    type Data: Send + Sync + 'static;

    /// What create and update work from: the planned attributes that are known, and write-only ones. Attributes that
    /// are known only after apply are absent.
    type Args: DeserializeOwned + Send;

    /// What is saved. It must be readable from a half-made object too: put `#[serde(default)]` on it.
    type State: Serialize + DeserializeOwned + Send;

    /// Name without the provider's: `"key"` for `ringfence_key`.
    const NAME: &'static str;

    /// Its attributes. Called once.
    fn schema(&self) -> Schema;

    /// Looks at the configuration as a whole, offline; values may be unknown. The attributes' own checks ran before.
    ///
    /// # Errors
    /// What is wrong; `out` takes further errors and warnings.
    fn validate(&self, config: &Config<'_>, out: &mut Diagnostics) -> Result<(), Diagnostics> {
        let _ = (config, out);
        Ok(())
    }

    /// Completes the plan of a create or an update. Pure: no network, no clock, no randomness, because Terraform plans
    /// again while applying and compares.
    ///
    /// # Errors
    /// Why this change cannot be made.
    fn plan(&self, plan: &mut Plan<'_, Self::Data>) -> Result<(), Diagnostics> {
        let _ = plan;
        Ok(())
    }

    /// Looks at a planned destruction of the object that is `saved`, perhaps half-made: refuses it by an error, or warns through `out`. `data` is absent while the
    /// provider's own configuration is not known.
    ///
    /// # Errors
    /// Why the object must not be destroyed.
    fn plan_destroy(
        &self,
        data: Option<&Self::Data>,
        saved: &Config<'_>,
        out: &mut Diagnostics,
    ) -> Result<(), Diagnostics> {
        let _ = (data, saved, out);
        Ok(())
    }

    /// Makes the object. Call [`Context::keep`] once it exists.
    fn create(
        &self,
        cx: &Context<Self::Data>,
        args: Self::Args,
    ) -> impl Future<Output = Result<Self::State, Diagnostics>> + Send;

    /// Reads the object; `None` when it is gone.
    fn read(
        &self,
        cx: &Context<Self::Data>,
        state: Self::State,
    ) -> impl Future<Output = Result<Option<Self::State>, Diagnostics>> + Send;

    /// Changes the object in place. Not needed where every change replaces it.
    fn update(
        &self,
        cx: &Context<Self::Data>,
        state: Self::State,
        args: Self::Args,
    ) -> impl Future<Output = Result<Self::State, Diagnostics>> + Send {
        let _ = (cx, state, args);
        async { Err(Diagnostic::error("this resource cannot be changed in place", "Replace it.").into()) }
    }

    /// Deletes the object; one that is gone already counts as deleted.
    fn delete(
        &self,
        cx: &Context<Self::Data>,
        state: Self::State,
    ) -> impl Future<Output = Result<(), Diagnostics>> + Send;

    /// Finds an existing object by the id that the operator gives; `None` when there is none. Terraform reads it next.
    fn import(
        &self,
        cx: &Context<Self::Data>,
        id: String,
    ) -> impl Future<Output = Result<Option<Self::State>, Diagnostics>> + Send {
        let _ = (cx, id);
        async { Err(Diagnostic::error("this resource cannot be imported", "").into()) }
    }

    /// Rewrites the state of an older schema version.
    ///
    /// # Errors
    /// When it cannot be rewritten.
    fn upgrade(&self, version: i64, state: serde_json::Value) -> Result<serde_json::Value, Diagnostics> {
        let _ = version;
        Ok(state)
    }
}
