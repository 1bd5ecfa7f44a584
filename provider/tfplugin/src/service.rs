//! The provider's side of the protocol: one method per call, each of which decodes, delegates, and answers with
//! diagnostics rather than with a transport error. Calls that are not here answer "unimplemented".

use std::collections::HashMap;
use std::fmt;
use std::sync::{Arc, PoisonError, RwLock};

use tonic::{Request, Response, Status};

use crate::config::Config;
use crate::diagnostic::{Diagnostic, Diagnostics};
use crate::function::Signature;
use crate::proto::tfplugin6 as wire;
use crate::proto::tfplugin6::provider_server;
use crate::provider::{Provider, Registry};
use crate::resource::erased::AnyResource;
use crate::schema::{self, Schema};
use crate::value::Type;

mod apply;
mod data;
mod guard;
mod import;
mod plan;
mod read;
mod stop;
mod wiring;

use self::guard::guarded;
use self::stop::Stop;
use self::wiring::decode;

type Answer<T> = Result<Response<T>, Status>;

/// A provider with what it offers, its configuration, and the token that stops its calls.
pub(crate) struct Service<P: Provider> {
    provider: P,
    schema: Schema,
    ty: Type,
    registry: Registry<P::Data>,
    configured: RwLock<Option<Arc<P::Data>>>,
    stop: Stop,
}

impl<P: Provider> fmt::Debug for Service<P> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Service").field("provider", &P::NAME).finish_non_exhaustive()
    }
}

impl<P: Provider> Service<P> {
    pub(crate) fn new(provider: P) -> Self {
        let schema = provider.schema();
        let ty = schema.ty();
        let mut registry = Registry::new();
        provider.register(&mut registry);
        Self { provider, schema, ty, registry, configured: RwLock::new(None), stop: Stop::default() }
    }

    pub(crate) fn schema(&self) -> &Schema {
        &self.schema
    }

    /// The schemas of resources and data sources by their full names.
    pub(crate) fn schemas_by_name(&self) -> Vec<(String, &Schema)> {
        let resources =
            self.registry.resources.iter().map(|(name, resource)| (full_name::<P>(name), resource.schema()));
        let data_sources = self.registry.data_sources.iter();
        resources.chain(data_sources.map(|(name, source)| (full_name::<P>(name), source.schema()))).collect()
    }

    pub(crate) fn signature(&self, name: &str) -> Option<&Signature> {
        self.registry.functions.get(name).map(|function| function.signature())
    }

    fn data(&self) -> Option<Arc<P::Data>> {
        self.configured.read().unwrap_or_else(PoisonError::into_inner).clone()
    }

    fn configured(&self) -> Result<Arc<P::Data>, Diagnostics> {
        self.data().ok_or_else(|| {
            let detail =
                "Its configuration is not known yet. Apply what it depends on first, for example with -target.";
            Diagnostic::error("the provider is not configured", detail).into()
        })
    }

    fn resource(&self, type_name: &str) -> Result<&dyn AnyResource<P::Data>, Diagnostics> {
        let found = short_name::<P>(type_name).and_then(|name| self.registry.resources.get(name));
        found.map(|resource| &**resource).ok_or_else(|| unknown_type("resource", type_name))
    }

    fn metadata(&self) -> wire::get_metadata::Response {
        use wire::get_metadata as meta;
        let name = full_name::<P>;
        let resources = self.registry.resources.keys();
        let data_sources = self.registry.data_sources.keys();
        let functions = self.registry.functions.keys();
        meta::Response {
            server_capabilities: Some(capabilities()),
            resources: resources.map(|short| meta::ResourceMetadata { type_name: name(short) }).collect(),
            data_sources: data_sources.map(|short| meta::DataSourceMetadata { type_name: name(short) }).collect(),
            functions: functions.map(|name| meta::FunctionMetadata { name: (*name).to_owned() }).collect(),
            ..Default::default()
        }
    }

    fn schemas(&self) -> wire::get_provider_schema::Response {
        let resources = self.registry.resources.iter();
        let data_sources = self.registry.data_sources.iter();
        wire::get_provider_schema::Response {
            provider: Some(self.schema.to_wire()),
            resource_schemas: resources.map(|(name, r)| (full_name::<P>(name), r.schema().to_wire())).collect(),
            data_source_schemas: data_sources.map(|(name, d)| (full_name::<P>(name), d.schema().to_wire())).collect(),
            functions: self.functions(),
            server_capabilities: Some(capabilities()),
            ..Default::default()
        }
    }

    fn functions(&self) -> HashMap<String, wire::Function> {
        let functions = self.registry.functions.iter();
        functions.map(|(name, function)| ((*name).to_owned(), function.signature().to_wire())).collect()
    }

    fn validate_provider(&self, config: Option<&wire::DynamicValue>) -> Result<Diagnostics, Diagnostics> {
        let config = decode(config, &self.ty)?;
        let mut out = schema::check_all(&self.schema, &config);
        let result = self.provider.validate(&Config::new(&config, &self.ty), &mut out);
        out.extend(result.err().unwrap_or_default());
        Ok(out)
    }

    async fn configure(&self, config: Option<&wire::DynamicValue>) -> Result<Diagnostics, Diagnostics> {
        let config = schema::with_defaults(&self.schema, decode(config, &self.ty)?);
        let mut out = Diagnostics::new();
        let data = self.provider.configure(Config::new(&config, &self.ty), &mut out).await?;
        *self.configured.write().unwrap_or_else(PoisonError::into_inner) = data.map(Arc::new);
        Ok(out)
    }

    fn validate_resource(&self, request: &wire::validate_resource_config::Request) -> Result<Diagnostics, Diagnostics> {
        let resource = self.resource(&request.type_name)?;
        let config = decode(request.config.as_ref(), resource.ty())?;
        let mut out = resource.validate(&config);
        if !request.client_capabilities.is_some_and(|client| client.write_only_attributes_allowed) {
            out.extend(wiring::refuse_write_only(resource.schema(), &config));
        }
        Ok(out)
    }

    fn upgrade(&self, request: &wire::upgrade_resource_state::Request) -> Result<wire::DynamicValue, Diagnostics> {
        let resource = self.resource(&request.type_name)?;
        let current = resource.schema().version;
        if request.version > current {
            let detail = format!("It has schema version {}, this provider knows up to {current}.", request.version);
            return Err(Diagnostic::error("the state was written by a newer provider", detail).into());
        }
        let raw = request.raw_state.as_ref().map(|state| state.json.as_slice()).unwrap_or_default();
        let text = std::str::from_utf8(raw).ok().filter(|text| !text.is_empty()).ok_or_else(|| {
            Diagnostic::error("the state cannot be read", "It is not JSON; Terraform 0.11 and older wrote such states.")
        })?;
        let mut state = resource.upgrade(request.version, text)?;
        crate::plan::result::settle(&resource.schema().attributes, &mut state);
        wiring::encode(&state, resource.ty())
    }

    fn call(&self, request: &wire::call_function::Request) -> wire::call_function::Response {
        let Some(function) = self.registry.functions.get(request.name.as_str()) else {
            let error = crate::FunctionError::new(format!("this provider has no function {:?}", request.name));
            return wire::call_function::Response { result: None, error: Some(error.into_wire()) };
        };
        let called = guard::guarded_call(|| function.call(&request.arguments));
        match called.unwrap_or_else(|panic| Err(crate::FunctionError::new(panic))) {
            Ok(result) => wire::call_function::Response { result: Some(result), error: None },
            Err(error) => wire::call_function::Response { result: None, error: Some(error.into_wire()) },
        }
    }
}

/// A name as Terraform knows it.
fn full_name<P: Provider>(name: &str) -> String {
    format!("{}_{name}", P::NAME)
}

fn short_name<P: Provider>(type_name: &str) -> Option<&str> {
    type_name.strip_prefix(P::NAME)?.strip_prefix('_')
}

fn unknown_type(kind: &str, type_name: &str) -> Diagnostics {
    Diagnostic::error(format!("this provider has no {kind} {type_name:?}"), "").into()
}

fn capabilities() -> wire::ServerCapabilities {
    wire::ServerCapabilities {
        plan_destroy: true,
        get_provider_schema_optional: true,
        move_resource_state: false,
        generate_resource_config: false,
    }
}

/// Diagnostics of either side, for the wire.
fn told(result: Result<Diagnostics, Diagnostics>) -> Vec<wire::Diagnostic> {
    result.unwrap_or_else(|errors| errors).into_wire()
}

#[tonic::async_trait]
impl<P: Provider> provider_server::Provider for Service<P> {
    async fn get_metadata(&self, _: Request<wire::get_metadata::Request>) -> Answer<wire::get_metadata::Response> {
        Ok(Response::new(self.metadata()))
    }

    async fn get_provider_schema(
        &self,
        _: Request<wire::get_provider_schema::Request>,
    ) -> Answer<wire::get_provider_schema::Response> {
        Ok(Response::new(self.schemas()))
    }

    async fn get_resource_identity_schemas(
        &self,
        _: Request<wire::get_resource_identity_schemas::Request>,
    ) -> Answer<wire::get_resource_identity_schemas::Response> {
        Ok(Response::new(Default::default()))
    }

    async fn get_functions(&self, _: Request<wire::get_functions::Request>) -> Answer<wire::get_functions::Response> {
        Ok(Response::new(wire::get_functions::Response { functions: self.functions(), diagnostics: Vec::new() }))
    }

    async fn call_function(
        &self,
        request: Request<wire::call_function::Request>,
    ) -> Answer<wire::call_function::Response> {
        Ok(Response::new(self.call(request.get_ref())))
    }

    async fn validate_provider_config(
        &self,
        request: Request<wire::validate_provider_config::Request>,
    ) -> Answer<wire::validate_provider_config::Response> {
        let result = guarded(async { self.validate_provider(request.get_ref().config.as_ref()) }).await;
        Ok(Response::new(wire::validate_provider_config::Response { diagnostics: told(result) }))
    }

    async fn configure_provider(
        &self,
        request: Request<wire::configure_provider::Request>,
    ) -> Answer<wire::configure_provider::Response> {
        let result = guarded(self.configure(request.get_ref().config.as_ref())).await;
        Ok(Response::new(wire::configure_provider::Response { diagnostics: told(result) }))
    }

    async fn validate_resource_config(
        &self,
        request: Request<wire::validate_resource_config::Request>,
    ) -> Answer<wire::validate_resource_config::Response> {
        let result = guarded(async { self.validate_resource(request.get_ref()) }).await;
        Ok(Response::new(wire::validate_resource_config::Response { diagnostics: told(result) }))
    }

    async fn validate_data_resource_config(
        &self,
        request: Request<wire::validate_data_resource_config::Request>,
    ) -> Answer<wire::validate_data_resource_config::Response> {
        let result = guarded(async { self.validate_data(request.get_ref()) }).await;
        Ok(Response::new(wire::validate_data_resource_config::Response { diagnostics: told(result) }))
    }

    async fn upgrade_resource_state(
        &self,
        request: Request<wire::upgrade_resource_state::Request>,
    ) -> Answer<wire::upgrade_resource_state::Response> {
        let (upgraded_state, diagnostics) = match guarded(async { self.upgrade(request.get_ref()) }).await {
            Ok(state) => (Some(state), Vec::new()),
            Err(errors) => (None, errors.into_wire()),
        };
        Ok(Response::new(wire::upgrade_resource_state::Response { upgraded_state, diagnostics }))
    }

    async fn read_resource(
        &self,
        request: Request<wire::read_resource::Request>,
    ) -> Answer<wire::read_resource::Response> {
        Ok(Response::new(self.read_resource(request.into_inner()).await))
    }

    async fn plan_resource_change(
        &self,
        request: Request<wire::plan_resource_change::Request>,
    ) -> Answer<wire::plan_resource_change::Response> {
        Ok(Response::new(self.plan(request.into_inner()).await))
    }

    async fn apply_resource_change(
        &self,
        request: Request<wire::apply_resource_change::Request>,
    ) -> Answer<wire::apply_resource_change::Response> {
        Ok(Response::new(self.apply(request.into_inner()).await))
    }

    async fn import_resource_state(
        &self,
        request: Request<wire::import_resource_state::Request>,
    ) -> Answer<wire::import_resource_state::Response> {
        Ok(Response::new(self.import(request.into_inner()).await))
    }

    async fn read_data_source(
        &self,
        request: Request<wire::read_data_source::Request>,
    ) -> Answer<wire::read_data_source::Response> {
        Ok(Response::new(self.read_data(request.into_inner()).await))
    }

    async fn stop_provider(&self, _: Request<wire::stop_provider::Request>) -> Answer<wire::stop_provider::Response> {
        tracing::info!("stopping the calls that run");
        self.stop.all();
        Ok(Response::new(wire::stop_provider::Response::default()))
    }
}
