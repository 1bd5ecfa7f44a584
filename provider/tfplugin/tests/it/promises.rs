//! Whatever the schema and the configurations are: plan, then apply, never breaks Terraform's rules.

use proptest::prelude::*;
use serde_json::Value as Json;
use tfplugin_rs::testing::{Saved, Terraform, unknown};
use tfplugin_rs::value::{Type, Value, json};

use crate::rules::{against_plan, against_result};
use crate::spec::{Anything, Spec, configuration, specs};

/// A schema, two configurations, and which attributes of a third are not known yet.
fn cases() -> impl Strategy<Value = (Vec<Spec>, Value, Value, Vec<bool>)> {
    specs().prop_flat_map(|specs| {
        let unknown = prop::collection::vec(any::<bool>(), specs.len());
        (Just(specs.clone()), configuration(&specs), configuration(&specs), unknown)
    })
}

fn written(specs: &[Spec], config: &Value) -> Json {
    let ty = Type::object(specs.iter().map(|spec| (spec.name, spec.ty())));
    serde_json::from_str(&json::encode(config, &ty).unwrap()).unwrap()
}

struct Case {
    specs: Vec<Spec>,
    terraform: Terraform<Anything>,
}

impl Case {
    /// Plans and applies, and plans again: the second plan must be empty.
    async fn apply(&mut self, prior: &Saved, config: &Value) -> Saved {
        let written = written(&self.specs, config);
        let planned = self.terraform.plan("any_thing", prior, &written).await;
        assert!(planned.diagnostics().is_empty(), "{:?}", planned.diagnostics());
        assert_eq!(against_plan(&self.specs, prior.value(), config, planned.value()), [""; 0]);
        if !planned.replace().is_empty() {
            return Box::pin(self.apply(&Saved::nothing(), config)).await;
        }
        let saved = self.terraform.apply("any_thing", prior, &written, &planned).await;
        assert!(saved.diagnostics().is_empty(), "{:?}", saved.diagnostics());
        assert_eq!(against_result(planned.value(), saved.value()), None);
        let read = self.terraform.read("any_thing", &saved).await;
        assert_eq!(read.value(), saved.value());
        let again = self.terraform.plan("any_thing", &read, &written).await;
        assert_eq!(again.value(), saved.value(), "the second plan is not empty");
        saved
    }

    /// Plans while some arguments are not known.
    async fn plan(&mut self, prior: &Saved, mut config: Value, unknowns: &[bool]) {
        let mut written = written(&self.specs, &config);
        let Value::Map(values) = &mut config else { panic!("an object") };
        for (spec, _) in self.specs.iter().zip(unknowns).filter(|(_, unknown)| **unknown) {
            if !values[spec.name].is_null() {
                values.insert(spec.name.to_owned(), Value::unknown());
                written[spec.name] = unknown();
            }
        }
        let planned = self.terraform.plan("any_thing", prior, &written).await;
        assert!(planned.diagnostics().is_empty(), "{:?}", planned.diagnostics());
        assert_eq!(against_plan(&self.specs, prior.value(), &config, planned.value()), [""; 0]);
    }
}

proptest! {
    #[test]
    fn plan_then_apply_keeps_terraforms_rules((specs, first, second, unknowns) in cases()) {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
        runtime.block_on(async {
            let mut terraform = Terraform::start(Anything(specs.clone())).await;
            assert!(terraform.configure(serde_json::json!({})).await.is_empty());
            let mut case = Case { specs, terraform };
            case.plan(&Saved::nothing(), first.clone(), &unknowns).await;
            let saved = case.apply(&Saved::nothing(), &first).await;
            case.plan(&saved, second.clone(), &unknowns).await;
            case.apply(&saved, &second).await;
        });
    }
}
