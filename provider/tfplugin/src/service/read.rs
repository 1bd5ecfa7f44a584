//! ReadResource.

use super::Service;
use super::guard::guarded;
use super::wiring::{decode, decode_private, encode, encode_private};
use crate::context::{Context, Notes};
use crate::diagnostic::{Diagnostic, Diagnostics};
use crate::plan::result::{self, settle};
use crate::proto::tfplugin6 as wire;
use crate::provider::Provider;
use crate::value::Value;

type Answered = wire::read_resource::Response;

impl<P: Provider> Service<P> {
    /// An error leaves the saved state as it is; so does a provider that is not configured yet, because a plan whose
    /// provider depends on something unmade must not fail.
    pub(super) async fn read_resource(&self, request: wire::read_resource::Request) -> Answered {
        let unread = |diagnostics: Diagnostics| Answered {
            new_state: request.current_state.clone(),
            private: request.private.clone(),
            diagnostics: diagnostics.into_wire(),
            ..Default::default()
        };
        if self.data().is_none() {
            let detail = "The provider's configuration is not known yet, so the saved values are used as they are.";
            return unread(Diagnostic::warning(format!("{} was not read", request.type_name), detail).into());
        }
        self.read_state(&request).await.unwrap_or_else(unread)
    }

    async fn read_state(&self, request: &wire::read_resource::Request) -> Result<Answered, Diagnostics> {
        let resource = self.resource(&request.type_name)?;
        let state = decode(request.current_state.as_ref(), resource.ty())?;
        let notes = Notes::new(resource.types(), decode_private(&request.private));
        let cx = Context::new(self.configured()?, self.stop.child(), notes.clone());
        let found = guarded(resource.read(&cx, state.clone())).await?;
        let state = found.map_or(Value::Null, |mentioned| {
            let mut state = result::found(&state, mentioned);
            settle(&resource.schema().attributes, &mut state);
            state
        });
        Ok(Answered {
            new_state: Some(encode(&state, resource.ty())?),
            private: encode_private(&notes.take_private()),
            diagnostics: notes.take_diagnostics().into_wire(),
            ..Default::default()
        })
    }
}
