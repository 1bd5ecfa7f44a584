//! Data sources: ValidateDataResourceConfig and ReadDataSource.

use super::guard::guarded;
use super::wiring::{decode, encode};
use super::{Service, short_name, unknown_type};
use crate::context::{Context, Notes, Private};
use crate::data_source::AnyDataSource;
use crate::diagnostic::Diagnostics;
use crate::plan::result::settle;
use crate::proto::tfplugin6 as wire;
use crate::provider::Provider;

type Answered = wire::read_data_source::Response;

impl<P: Provider> Service<P> {
    fn data_source(&self, type_name: &str) -> Result<&dyn AnyDataSource<P::Data>, Diagnostics> {
        let found = short_name::<P>(type_name).and_then(|name| self.registry.data_sources.get(name));
        found.map(|source| &**source).ok_or_else(|| unknown_type("data source", type_name))
    }

    pub(super) fn validate_data(
        &self,
        request: &wire::validate_data_resource_config::Request,
    ) -> Result<Diagnostics, Diagnostics> {
        let source = self.data_source(&request.type_name)?;
        Ok(source.validate(&decode(request.config.as_ref(), source.ty())?))
    }

    pub(super) async fn read_data(&self, request: wire::read_data_source::Request) -> Answered {
        match self.read_source(&request).await {
            Ok(response) => response,
            Err(errors) => Answered { diagnostics: errors.into_wire(), ..Default::default() },
        }
    }

    async fn read_source(&self, request: &wire::read_data_source::Request) -> Result<Answered, Diagnostics> {
        let source = self.data_source(&request.type_name)?;
        let config = decode(request.config.as_ref(), source.ty())?;
        let notes = Notes::new(source.types(), Private::new());
        let cx = Context::new(self.configured()?, self.stop.child(), notes.clone());
        let mut state = guarded(source.read(&cx, config)).await?;
        settle(&source.schema().attributes, &mut state);
        let diagnostics = notes.take_diagnostics().into_wire();
        Ok(Answered { state: Some(encode(&state, source.ty())?), diagnostics, deferred: None })
    }
}
