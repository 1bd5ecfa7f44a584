//! ApplyResourceChange: create, update and delete.
//!
//! Whatever happens, the answer holds a state that Terraform can save: what was made, what was kept, or what was there.

use super::Service;
use super::guard::guarded;
use super::wiring::{decode, decode_private, encode, encode_private};
use crate::context::{Context, Notes};
use crate::diagnostic::Diagnostics;
use crate::plan::result::{self, compare, settle};
use crate::proto::tfplugin6 as wire;
use crate::provider::Provider;
use crate::resource::Outcome;
use crate::resource::erased::AnyResource;
use crate::schema::{Schema, attribute_of};
use crate::value::Value;

type Answered = wire::apply_resource_change::Response;

/// A decoded request.
struct Change {
    prior: Value,
    planned: Value,
    args: Value,
}

impl<P: Provider> Service<P> {
    pub(super) async fn apply(&self, request: wire::apply_resource_change::Request) -> Answered {
        match self.apply_change(&request).await {
            Ok(response) => response,
            Err(errors) => Answered {
                new_state: request.prior_state,
                private: request.planned_private,
                diagnostics: errors.into_wire(),
                ..Default::default()
            },
        }
    }

    async fn apply_change(&self, request: &wire::apply_resource_change::Request) -> Result<Answered, Diagnostics> {
        let resource = self.resource(&request.type_name)?;
        let (schema, ty) = (resource.schema(), resource.ty());
        let prior = decode(request.prior_state.as_ref(), ty)?;
        let planned = decode(request.planned_state.as_ref(), ty)?;
        let args = arguments(schema, &planned, &decode(request.config.as_ref(), ty)?);
        let change = Change { prior, planned, args };

        let notes = Notes::new(resource.types(), decode_private(&request.planned_private));
        let cx = Context::new(self.configured()?, self.stop.child(), notes.clone());
        let outcome = if change.planned.is_null() {
            delete(resource, &cx, &change).await
        } else {
            make(resource, &cx, &change, &notes).await
        };
        let saved_anyway = change.prior;
        let (state, mut diagnostics) = outcome.into_parts();
        diagnostics.extend(notes.take_diagnostics());
        Ok(Answered {
            new_state: Some(encode(&state.unwrap_or(saved_anyway), ty)?),
            private: encode_private(&notes.take_private()),
            diagnostics: diagnostics.into_wire(),
            ..Default::default()
        })
    }
}

async fn delete<D>(resource: &dyn AnyResource<D>, cx: &Context<D>, change: &Change) -> Outcome<Value> {
    match guarded(resource.delete(cx, change.prior.clone())).await {
        Ok(()) => Outcome::Done(Value::Null),
        Err(errors) => Outcome::Failed(errors),
    }
}

/// Creates or updates. What the resource mentions lies over the plan; after an error, what it kept lies over the plan
/// of a create or over the saved state of an update.
async fn make<D>(resource: &dyn AnyResource<D>, cx: &Context<D>, change: &Change, notes: &Notes) -> Outcome<Value> {
    let Change { prior, planned, args } = change;
    let attributes = &resource.schema().attributes;
    let creates = prior.is_null();
    let made = if creates {
        guarded(resource.create(cx, args.clone())).await
    } else {
        guarded(resource.update(cx, prior.clone(), args.clone())).await
    };
    let kept = notes.take_kept().map(|kept| result::made(if creates { planned } else { prior }, kept));
    let outcome = match Outcome::new(made.map(|mentioned| result::made(planned, mentioned)), kept) {
        Outcome::Done(state) => {
            let breaches = compare(attributes, planned, &state);
            if breaches.is_empty() { Outcome::Done(state) } else { Outcome::Partial(state, breaches) }
        }
        other => other,
    };
    match outcome {
        Outcome::Done(mut state) => {
            settle(attributes, &mut state);
            Outcome::Done(state)
        }
        Outcome::Partial(mut state, errors) => {
            settle(attributes, &mut state);
            Outcome::Partial(state, errors)
        }
        failed @ Outcome::Failed(_) => failed,
    }
}

/// What create and update work from: the plan, and write-only values, which only the configuration has.
fn arguments(schema: &Schema, planned: &Value, config: &Value) -> Value {
    let mut args = planned.clone();
    if let Value::Map(attributes) = &mut args {
        for (name, _) in schema.attributes.iter().filter(|(_, attribute)| attribute.write_only) {
            attributes.insert(name.clone(), attribute_of(config, name).clone());
        }
    }
    args
}
