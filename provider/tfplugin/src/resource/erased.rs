//! A resource whose Rust types are hidden: values in, values out.

use std::collections::BTreeMap;

use futures::future::BoxFuture;
use serde::de::DeserializeOwned;

use super::Resource;
use crate::config::Config;
use crate::context::{Context, Private};
use crate::diagnostic::Diagnostics;
use crate::plan::algorithm::{self, Planned};
use crate::plan::{Plan, Values};
use crate::schema::{self, Schema};
use crate::value::json::{self, Model};
use crate::value::{Problem, Type, Value, ValueError};

/// What a plan is made from.
pub(crate) struct Change<'a, D> {
    pub(crate) data: Option<&'a D>,
    pub(crate) prior: &'a Value,
    pub(crate) proposed: Value,
    pub(crate) config: &'a Value,
    pub(crate) private: &'a Private,
}

/// Every call answers with the attributes that the resource mentioned.
pub(crate) trait AnyResource<D>: Send + Sync {
    fn schema(&self) -> &Schema;
    fn ty(&self) -> &Type;
    fn types(&self) -> BTreeMap<String, Type>;
    fn validate(&self, config: &Value) -> Diagnostics;
    fn plan(&self, change: Change<'_, D>) -> Result<Planned, Diagnostics>;
    fn plan_destroy(&self, data: Option<&D>, prior: &Value) -> Diagnostics;
    fn create<'a>(&'a self, cx: &'a Context<D>, args: Value) -> BoxFuture<'a, Result<Values, Diagnostics>>;
    fn read<'a>(&'a self, cx: &'a Context<D>, state: Value) -> BoxFuture<'a, Result<Option<Values>, Diagnostics>>;
    fn update<'a>(
        &'a self,
        cx: &'a Context<D>,
        state: Value,
        args: Value,
    ) -> BoxFuture<'a, Result<Values, Diagnostics>>;
    fn delete<'a>(&'a self, cx: &'a Context<D>, state: Value) -> BoxFuture<'a, Result<(), Diagnostics>>;
    fn import<'a>(&'a self, cx: &'a Context<D>, id: String) -> BoxFuture<'a, Result<Option<Values>, Diagnostics>>;
    fn upgrade(&self, version: i64, state: &str) -> Result<Value, Diagnostics>;
}

pub(crate) struct Erased<R> {
    resource: R,
    schema: Schema,
    ty: Type,
}

impl<R: Resource> Erased<R> {
    pub(crate) fn new(resource: R) -> Self {
        let schema = resource.schema();
        let ty = schema.ty();
        Self { resource, schema, ty }
    }

    fn known<M: DeserializeOwned>(&self, value: &Value) -> Result<M, Diagnostics> {
        Ok(json::to_model(value, &self.ty, Model::Known)?)
    }

    fn mentioned(&self, state: &R::State) -> Result<Values, Diagnostics> {
        Ok(json::mentioned(state, &self.types())?)
    }
}

impl<R: Resource> AnyResource<R::Data> for Erased<R> {
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
        let result = self.resource.validate(&Config::new(config, &self.ty), &mut out);
        out.extend(result.err().unwrap_or_default());
        out
    }

    fn plan(&self, change: Change<'_, R::Data>) -> Result<Planned, Diagnostics> {
        let attributes = &self.schema.attributes;
        let Change { data, prior, proposed, config, private } = change;
        let planned = algorithm::prepare(attributes, prior, proposed, config);
        let (replace, notes) = Default::default();
        let mut plan = Plan { data, config, prior, planned, ty: &self.ty, private, replace, notes };
        self.resource.plan(&mut plan)?;
        let Plan { planned, mut replace, notes, .. } = plan;
        replace.extend(algorithm::replacements(attributes, prior, &planned));
        algorithm::check(attributes, prior, config, &planned).into_result()?;
        Ok(Planned { state: planned, replace, notes })
    }

    fn plan_destroy(&self, data: Option<&R::Data>, prior: &Value) -> Diagnostics {
        let mut out = Diagnostics::new();
        let result = self.resource.plan_destroy(data, &Config::new(prior, &self.ty), &mut out);
        out.extend(result.err().unwrap_or_default());
        out
    }

    fn create<'a>(&'a self, cx: &'a Context<R::Data>, args: Value) -> BoxFuture<'a, Result<Values, Diagnostics>> {
        Box::pin(async move {
            let state = self.resource.create(cx, self.known(&args)?).await?;
            self.mentioned(&state)
        })
    }

    fn read<'a>(
        &'a self,
        cx: &'a Context<R::Data>,
        state: Value,
    ) -> BoxFuture<'a, Result<Option<Values>, Diagnostics>> {
        Box::pin(async move {
            let found = self.resource.read(cx, self.known(&state)?).await?;
            found.map(|state| self.mentioned(&state)).transpose()
        })
    }

    fn update<'a>(
        &'a self,
        cx: &'a Context<R::Data>,
        state: Value,
        args: Value,
    ) -> BoxFuture<'a, Result<Values, Diagnostics>> {
        Box::pin(async move {
            let state = self.resource.update(cx, self.known(&state)?, self.known(&args)?).await?;
            self.mentioned(&state)
        })
    }

    fn delete<'a>(&'a self, cx: &'a Context<R::Data>, state: Value) -> BoxFuture<'a, Result<(), Diagnostics>> {
        Box::pin(async move { self.resource.delete(cx, self.known(&state)?).await })
    }

    fn import<'a>(
        &'a self,
        cx: &'a Context<R::Data>,
        id: String,
    ) -> BoxFuture<'a, Result<Option<Values>, Diagnostics>> {
        Box::pin(async move {
            let found = self.resource.import(cx, id).await?;
            found.map(|state| self.mentioned(&state)).transpose()
        })
    }

    fn upgrade(&self, version: i64, state: &str) -> Result<Value, Diagnostics> {
        if version == self.schema.version {
            return Ok(json::decode(state, &self.ty)?);
        }
        let old = serde_json::from_str(state).map_err(|_| ValueError::from(Problem::Malformed))?;
        let new = self.resource.upgrade(version, old)?;
        Ok(json::from_model(&new, &self.ty)?)
    }
}
