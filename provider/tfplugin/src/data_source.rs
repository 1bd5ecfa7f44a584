//! What a data source implements.

use std::collections::BTreeMap;

use futures::future::BoxFuture;
use serde::Serialize;
use serde::de::DeserializeOwned;

use crate::config::Config;
use crate::context::Context;
use crate::diagnostic::Diagnostics;
use crate::schema::{self, Schema};
use crate::value::json::{self, Model};
use crate::value::{Type, Value};

/// Something that Terraform reads and does not own.
pub trait DataSource: Send + Sync + 'static {
    /// The configured provider.
    type Data: Send + Sync + 'static;
    /// Its arguments.
    type Args: DeserializeOwned + Send;
    /// What it found. Arguments need not be repeated.
    type State: Serialize + Send;

    /// Name without the provider's.
    const NAME: &'static str;

    /// Its attributes. Called once.
    fn schema(&self) -> Schema;

    /// Looks at the configuration as a whole, offline; values may be unknown.
    ///
    /// # Errors
    /// What is wrong; `out` takes further errors and warnings.
    fn validate(&self, config: &Config<'_>, out: &mut Diagnostics) -> Result<(), Diagnostics> {
        let _ = (config, out);
        Ok(())
    }

    /// Reads it.
    fn read(
        &self,
        cx: &Context<Self::Data>,
        args: Self::Args,
    ) -> impl Future<Output = Result<Self::State, Diagnostics>> + Send;
}

/// A data source whose types are hidden.
pub(crate) trait AnyDataSource<D>: Send + Sync {
    fn schema(&self) -> &Schema;
    fn ty(&self) -> &Type;
    fn types(&self) -> BTreeMap<String, Type>;
    fn validate(&self, config: &Value) -> Diagnostics;
    fn read<'a>(&'a self, cx: &'a Context<D>, config: Value) -> BoxFuture<'a, Result<Value, Diagnostics>>;
}

pub(crate) struct Erased<S> {
    source: S,
    schema: Schema,
    ty: Type,
}

impl<S: DataSource> Erased<S> {
    pub(crate) fn new(source: S) -> Self {
        let schema = source.schema();
        let ty = schema.ty();
        Self { source, schema, ty }
    }
}

impl<S: DataSource> AnyDataSource<S::Data> for Erased<S> {
    fn schema(&self) -> &Schema {
        &self.schema
    }

    fn ty(&self) -> &Type {
        &self.ty
    }

    fn types(&self) -> BTreeMap<String, Type> {
        schema::attribute_types(&self.schema.attributes)
    }

    fn validate(&self, config: &Value) -> Diagnostics {
        let mut out = schema::check_all(&self.schema, config);
        let result = self.source.validate(&Config::new(config, &self.ty), &mut out);
        out.extend(result.err().unwrap_or_default());
        out
    }

    fn read<'a>(&'a self, cx: &'a Context<S::Data>, config: Value) -> BoxFuture<'a, Result<Value, Diagnostics>> {
        Box::pin(async move {
            let args = json::to_model(&config, &self.ty, Model::Known)?;
            let found = self.source.read(cx, args).await?;
            let mentioned = json::mentioned(&found, &self.types())?;
            let mut state = schema::with_defaults(&self.schema, config);
            if let Value::Map(attributes) = &mut state {
                attributes.extend(mentioned);
            }
            Ok(state)
        })
    }
}
