//! ImportResourceState.

use super::Service;
use super::guard::guarded;
use super::wiring::{encode, encode_private};
use crate::context::{Context, Notes, Private};
use crate::diagnostic::{Diagnostic, Diagnostics};
use crate::plan::result::{self, settle};
use crate::proto::tfplugin6 as wire;
use crate::provider::Provider;
use crate::schema;
use crate::value::Value;

type Answered = wire::import_resource_state::Response;

impl<P: Provider> Service<P> {
    pub(super) async fn import(&self, request: wire::import_resource_state::Request) -> Answered {
        match self.import_state(request).await {
            Ok(response) => response,
            Err(errors) => Answered { diagnostics: errors.into_wire(), ..Default::default() },
        }
    }

    async fn import_state(&self, request: wire::import_resource_state::Request) -> Result<Answered, Diagnostics> {
        let wire::import_resource_state::Request { type_name, id, .. } = request;
        let resource = self.resource(&type_name)?;
        let notes = Notes::new(resource.types(), Private::new());
        let cx = Context::new(self.configured()?, self.stop.child(), notes.clone());
        let found = guarded(resource.import(&cx, id.clone())).await?;
        let Some(mentioned) = found else {
            let detail = format!("Nothing has the id {id:?}.");
            return Err(Diagnostic::error("there is nothing to import", detail).into());
        };
        let empty = Value::Map(resource.types().into_keys().map(|name| (name, Value::Null)).collect());
        let mut state = result::made(&schema::with_defaults(resource.schema(), empty), mentioned);
        settle(&resource.schema().attributes, &mut state);
        let imported = wire::import_resource_state::ImportedResource {
            type_name,
            state: Some(encode(&state, resource.ty())?),
            private: encode_private(&notes.take_private()),
            identity: None,
        };
        let diagnostics = notes.take_diagnostics().into_wire();
        Ok(Answered { imported_resources: vec![imported], diagnostics, deferred: None })
    }
}
