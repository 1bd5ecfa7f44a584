//! PlanResourceChange.

use super::Service;
use super::guard::guarded;
use super::wiring::{decode, decode_private, encode};
use crate::diagnostic::Diagnostics;
use crate::proto::tfplugin6 as wire;
use crate::provider::Provider;
use crate::resource::erased::Change;
use crate::value::Value;

type Answered = wire::plan_resource_change::Response;

impl<P: Provider> Service<P> {
    pub(super) async fn plan(&self, request: wire::plan_resource_change::Request) -> Answered {
        match guarded(async { self.plan_change(&request) }).await {
            Ok(response) => response,
            Err(errors) => Answered {
                planned_state: request.prior_state,
                planned_private: request.prior_private,
                diagnostics: errors.into_wire(),
                ..Default::default()
            },
        }
    }

    fn plan_change(&self, request: &wire::plan_resource_change::Request) -> Result<Answered, Diagnostics> {
        let resource = self.resource(&request.type_name)?;
        let ty = resource.ty();
        let prior = decode(request.prior_state.as_ref(), ty)?;
        let proposed = decode(request.proposed_new_state.as_ref(), ty)?;
        let config = decode(request.config.as_ref(), ty)?;
        let planned_private = request.prior_private.clone();
        let data = self.data();
        if proposed.is_null() {
            let diagnostics = resource.plan_destroy(data.as_deref(), &prior).into_wire();
            let planned_state = Some(encode(&Value::Null, ty)?);
            return Ok(Answered { planned_state, planned_private, diagnostics, ..Default::default() });
        }
        let private = decode_private(&request.prior_private);
        let change = Change { data: data.as_deref(), prior: &prior, proposed, config: &config, private: &private };
        let planned = resource.plan(change)?;
        Ok(Answered {
            planned_state: Some(encode(&planned.state, ty)?),
            requires_replace: planned.replace.iter().map(crate::Path::to_wire).collect(),
            planned_private,
            diagnostics: planned.notes.into_wire(),
            ..Default::default()
        })
    }
}
