//! A stand-in for Terraform in tests: it speaks the real protocol to a provider over a pipe, in one process.
//!
//! It does what Terraform's core does around a resource: propose a new state, plan, apply, read, import. Every problem
//! of the transport ends the test.
//!
//! ```text
//! let mut terraform = Terraform::start(Files).await;
//! terraform.configure(json!({ "folder": "/tmp" })).await;
//! let config = json!({ "name": "a.txt", "content": "hello" });
//! let planned = terraform.plan("files_file", &Saved::nothing(), &config).await;
//! assert_eq!(planned.json()["bytes"], 5);
//! let saved = terraform.apply("files_file", &Saved::nothing(), &config, &planned).await;
//! ```

use std::sync::Arc;

use serde_json::{Value as Json, json};
use tokio::task::JoinSet;
use tonic::transport::Channel;

use crate::diagnostic::{Diagnostic, Diagnostics};
use crate::limits::MESSAGE_BYTES_MAX;
use crate::path::Path;
use crate::proto::tfplugin6 as wire;
use crate::proto::tfplugin6::provider_client::ProviderClient;
use crate::provider::Provider;
use crate::schema::{Flaw, Schema};
use crate::service::Service;
use crate::value::json::{Model, UNKNOWN, to_model};
use crate::value::{Type, Value, json as value_json, msgpack};

mod pipe;
mod proposal;

/// In a configuration given as JSON: a value that is not known yet.
#[must_use]
pub fn unknown() -> Json {
    json!({ UNKNOWN: true })
}

/// A provider, and a Terraform that is connected to it.
#[derive(Debug)]
pub struct Terraform<P: Provider> {
    client: ProviderClient<Channel>,
    service: Arc<Service<P>>,
    _server: JoinSet<()>,
}

/// What a state file has of one object, and what the call that made it told.
#[derive(Clone, Debug, PartialEq)]
pub struct Saved {
    state: Value,
    ty: Type,
    private: Vec<u8>,
    diagnostics: Diagnostics,
}

/// A plan, and what the call that made it told.
#[derive(Clone, Debug, PartialEq)]
pub struct Planned {
    state: Value,
    ty: Type,
    private: Vec<u8>,
    replace: Vec<String>,
    diagnostics: Diagnostics,
}

impl Saved {
    /// No object.
    #[must_use]
    pub fn nothing() -> Self {
        Self { state: Value::Null, ty: Type::Dynamic, private: Vec::new(), diagnostics: Diagnostics::new() }
    }

    /// The attributes; null when there is no object.
    #[must_use]
    pub fn json(&self) -> Json {
        readable(&self.state, &self.ty)
    }

    /// The plain value.
    #[must_use]
    pub fn value(&self) -> &Value {
        &self.state
    }

    /// Errors and warnings.
    #[must_use]
    pub fn diagnostics(&self) -> &Diagnostics {
        &self.diagnostics
    }
}

impl Planned {
    /// The attributes; those that are not known yet are the text `(known after apply)`.
    #[must_use]
    pub fn json(&self) -> Json {
        readable(&self.state, &self.ty)
    }

    /// The plain value.
    #[must_use]
    pub fn value(&self) -> &Value {
        &self.state
    }

    /// The attributes whose change needs a new object.
    #[must_use]
    pub fn replace(&self) -> &[String] {
        &self.replace
    }

    /// Errors and warnings.
    #[must_use]
    pub fn diagnostics(&self) -> &Diagnostics {
        &self.diagnostics
    }
}

#[expect(clippy::expect_used, reason = "a broken transport ends a test")]
impl<P: Provider> Terraform<P> {
    /// Starts a provider.
    ///
    /// # Panics
    /// Outside a Tokio runtime.
    pub async fn start(provider: P) -> Self {
        let service = Arc::new(Service::new(provider));
        let (channel, server) = pipe::connect(Arc::clone(&service)).await;
        let client = ProviderClient::new(channel)
            .max_decoding_message_size(MESSAGE_BYTES_MAX)
            .max_encoding_message_size(MESSAGE_BYTES_MAX);
        Self { client, service, _server: server }
    }

    /// The schemas of its resources and data sources by name, and its own as `provider`: documentation is made from them.
    #[must_use]
    pub fn schemas(&self) -> Vec<(String, &Schema)> {
        let own = std::iter::once(("provider".to_owned(), self.service.schema()));
        own.chain(self.service.schemas_by_name()).collect()
    }

    /// The flaws of all its schemas; a provider's tests assert that there are none.
    #[must_use]
    pub fn flaws(&self) -> Vec<(String, Flaw)> {
        let named = |name: String, schema: &Schema| {
            schema.flaws().into_iter().map(move |flaw| (name.clone(), flaw)).collect::<Vec<_>>()
        };
        let provider = std::iter::once(named("provider".to_owned(), self.service.schema()));
        let resources = self.service.schemas_by_name().into_iter().map(|(name, schema)| named(name, schema));
        provider.chain(resources).flatten().collect()
    }

    /// Validates and configures the provider.
    ///
    /// # Panics
    /// When the configuration does not fit the schema.
    pub async fn configure(&mut self, config: Json) -> Diagnostics {
        let ty = self.service.schema().ty();
        let config = Some(encoded(&value(&config, &ty), &ty));
        let request = wire::validate_provider_config::Request { config: config.clone() };
        let answer = self.client.validate_provider_config(request).await.expect("validate the provider").into_inner();
        let mut diagnostics = told(answer.diagnostics);
        if !diagnostics.has_errors() {
            let request = wire::configure_provider::Request { config, ..Default::default() };
            let answer = self.client.configure_provider(request).await.expect("configure the provider").into_inner();
            diagnostics.extend(told(answer.diagnostics));
        }
        diagnostics
    }

    /// Validates a resource's configuration.
    ///
    /// # Panics
    /// When the configuration does not fit the schema.
    pub async fn validate(&mut self, type_name: &str, config: &Json) -> Diagnostics {
        let ty = self.schema(type_name).ty();
        let request = wire::validate_resource_config::Request {
            type_name: type_name.to_owned(),
            config: Some(encoded(&value(config, &ty), &ty)),
            client_capabilities: Some(capabilities()),
        };
        let answer = self.client.validate_resource_config(request).await.expect("validate").into_inner();
        told(answer.diagnostics)
    }

    /// Plans a create or an update.
    ///
    /// # Panics
    /// When the configuration does not fit the schema.
    pub async fn plan(&mut self, type_name: &str, saved: &Saved, config: &Json) -> Planned {
        let schema = self.schema(type_name);
        let config = value(config, &schema.ty());
        let proposed = proposal::propose(schema.all(), &saved.state, &config);
        self.plan_change(type_name, saved, config, proposed).await
    }

    /// Plans a destruction.
    ///
    /// # Panics
    /// When the transport breaks.
    pub async fn plan_destroy(&mut self, type_name: &str, saved: &Saved) -> Planned {
        self.plan_change(type_name, saved, Value::Null, Value::Null).await
    }

    async fn plan_change(&mut self, type_name: &str, saved: &Saved, config: Value, proposed: Value) -> Planned {
        let ty = self.schema(type_name).ty();
        let request = wire::plan_resource_change::Request {
            type_name: type_name.to_owned(),
            prior_state: Some(encoded(&saved.state, &ty)),
            proposed_new_state: Some(encoded(&proposed, &ty)),
            config: Some(encoded(&config, &ty)),
            prior_private: saved.private.clone(),
            client_capabilities: Some(capabilities()),
            ..Default::default()
        };
        let answer = self.client.plan_resource_change(request).await.expect("plan").into_inner();
        Planned {
            state: decoded(answer.planned_state.as_ref(), &ty),
            ty,
            private: answer.planned_private,
            replace: answer.requires_replace.iter().map(|path| Path::from_wire(path).to_string()).collect(),
            diagnostics: told(answer.diagnostics),
        }
    }

    /// Applies a plan.
    ///
    /// # Panics
    /// When the configuration does not fit the schema.
    pub async fn apply(&mut self, type_name: &str, saved: &Saved, config: &Json, planned: &Planned) -> Saved {
        let ty = self.schema(type_name).ty();
        let request = wire::apply_resource_change::Request {
            type_name: type_name.to_owned(),
            prior_state: Some(encoded(&saved.state, &ty)),
            planned_state: Some(encoded(&planned.state, &ty)),
            config: Some(encoded(&value(config, &ty), &ty)),
            planned_private: planned.private.clone(),
            ..Default::default()
        };
        let answer = self.client.apply_resource_change(request).await.expect("apply").into_inner();
        let state = decoded(answer.new_state.as_ref(), &ty);
        Saved { state, ty, private: answer.private, diagnostics: told(answer.diagnostics) }
    }

    /// Plans and applies the destruction of an object.
    ///
    /// # Panics
    /// When the transport breaks.
    pub async fn destroy(&mut self, type_name: &str, saved: &Saved) -> Saved {
        let planned = self.plan_destroy(type_name, saved).await;
        if planned.diagnostics.has_errors() {
            return Saved { diagnostics: planned.diagnostics, ..saved.clone() };
        }
        self.apply(type_name, saved, &Json::Null, &planned).await
    }

    /// Reads an object, after a pass through the state file's form as Terraform makes it.
    ///
    /// # Panics
    /// When the transport breaks.
    pub async fn read(&mut self, type_name: &str, saved: &Saved) -> Saved {
        let schema = self.schema(type_name);
        let (version, ty) = (schema.version, schema.ty());
        let text = value_json::encode(&saved.state, &ty).expect("a saved state is known");
        let upgraded = self.upgrade(type_name, version, &text).await;
        let mut diagnostics = upgraded.diagnostics;
        let request = wire::read_resource::Request {
            type_name: type_name.to_owned(),
            current_state: Some(encoded(&upgraded.state, &ty)),
            private: saved.private.clone(),
            client_capabilities: Some(capabilities()),
            ..Default::default()
        };
        let answer = self.client.read_resource(request).await.expect("read").into_inner();
        diagnostics.extend(told(answer.diagnostics));
        Saved { state: decoded(answer.new_state.as_ref(), &ty), ty, private: answer.private, diagnostics }
    }

    /// Brings the text of a saved state to the current schema version.
    ///
    /// # Panics
    /// When the transport breaks.
    pub async fn upgrade(&mut self, type_name: &str, version: i64, state: &str) -> Saved {
        let ty = self.schema(type_name).ty();
        let raw_state = Some(wire::RawState { json: state.as_bytes().to_vec(), ..Default::default() });
        let request = wire::upgrade_resource_state::Request { type_name: type_name.to_owned(), version, raw_state };
        let answer = self.client.upgrade_resource_state(request).await.expect("upgrade").into_inner();
        let state = decoded(answer.upgraded_state.as_ref(), &ty);
        Saved { state, ty, private: Vec::new(), diagnostics: told(answer.diagnostics) }
    }

    /// Reads a data source.
    ///
    /// # Panics
    /// When the configuration does not fit the schema.
    pub async fn read_data(&mut self, type_name: &str, config: &Json) -> Saved {
        let ty = self.schema(type_name).ty();
        let request = wire::read_data_source::Request {
            type_name: type_name.to_owned(),
            config: Some(encoded(&value(config, &ty), &ty)),
            ..Default::default()
        };
        let answer = self.client.read_data_source(request).await.expect("read").into_inner();
        let state = decoded(answer.state.as_ref(), &ty);
        Saved { state, ty, private: Vec::new(), diagnostics: told(answer.diagnostics) }
    }

    /// Calls a function.
    ///
    /// # Errors
    /// The text of the function's own error.
    ///
    /// # Panics
    /// When the provider has no such function, or the arguments do not fit.
    pub async fn call(&mut self, name: &str, arguments: &[Json]) -> Result<Json, String> {
        let signature = self.service.signature(name).expect("the provider has this function");
        let (types, returns) = (signature.types(), signature.returns().clone());
        let arguments = arguments.iter().zip(&types).map(|(argument, ty)| encoded(&value(argument, ty), ty));
        let request = wire::call_function::Request { name: name.to_owned(), arguments: arguments.collect() };
        let answer = self.client.call_function(request).await.expect("call").into_inner();
        match answer.error {
            Some(error) => Err(error.text),
            None => Ok(readable(&decoded(answer.result.as_ref(), &returns), &returns)),
        }
    }

    /// Imports an object, without the read that follows in Terraform.
    ///
    /// # Panics
    /// When the transport breaks.
    pub async fn import(&mut self, type_name: &str, id: &str) -> Saved {
        let ty = self.schema(type_name).ty();
        let request = wire::import_resource_state::Request {
            type_name: type_name.to_owned(),
            id: id.to_owned(),
            client_capabilities: Some(capabilities()),
            identity: None,
        };
        let answer = self.client.import_resource_state(request).await.expect("import").into_inner();
        let diagnostics = told(answer.diagnostics);
        let imported = answer.imported_resources.into_iter().next();
        let (state, private) = imported.map(|one| (one.state, one.private)).unwrap_or_default();
        Saved { state: decoded(state.as_ref(), &ty), ty, private, diagnostics }
    }

    /// Stops the calls that run, as an interrupt does. A clone of the connection, so that it works beside a call.
    ///
    /// # Panics
    /// When the transport breaks.
    pub fn stopper(&self) -> impl Future<Output = ()> + Send + use<P> {
        let mut client = self.client.clone();
        async move {
            client.stop_provider(wire::stop_provider::Request {}).await.expect("stop");
        }
    }

    fn schema(&self, type_name: &str) -> &Schema {
        let found = self.service.schemas_by_name().into_iter().find(|(name, _)| name == type_name);
        found.map(|(_, schema)| schema).expect("the provider has this resource")
    }
}

fn capabilities() -> wire::ClientCapabilities {
    wire::ClientCapabilities { write_only_attributes_allowed: true, ..Default::default() }
}

#[expect(clippy::expect_used, reason = "a wrong configuration ends a test")]
fn value(config: &Json, ty: &Type) -> Value {
    value_json::from_model(config, ty).expect("the configuration fits the schema")
}

#[expect(clippy::expect_used, reason = "a value of its own type can be written")]
fn encoded(value: &Value, ty: &Type) -> wire::DynamicValue {
    wire::DynamicValue { msgpack: msgpack::encode(value, ty).expect("encode"), json: Vec::new() }
}

#[expect(clippy::expect_used, reason = "an answer that cannot be read ends a test")]
fn decoded(answer: Option<&wire::DynamicValue>, ty: &Type) -> Value {
    answer.map_or(Value::Null, |value| msgpack::decode(&value.msgpack, ty).expect("decode"))
}

fn told(diagnostics: Vec<wire::Diagnostic>) -> Diagnostics {
    diagnostics.into_iter().map(Diagnostic::from_wire).collect()
}

fn readable(value: &Value, ty: &Type) -> Json {
    let mut json = to_model(value, ty, Model::Plan).unwrap_or_default();
    name_unknown(&mut json);
    json
}

fn name_unknown(json: &mut Json) {
    match json {
        Json::Object(fields) if fields.contains_key(UNKNOWN) => *json = "(known after apply)".into(),
        Json::Object(fields) => fields.values_mut().for_each(name_unknown),
        Json::Array(elements) => elements.iter_mut().for_each(name_unknown),
        _ => {}
    }
}
