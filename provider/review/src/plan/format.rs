//! The plan's format: what `terraform show -json` prints, and when it is refused.
//!
//! Unknown members are ignored and newer minor versions accepted: Terraform adds members in minor versions.
//! Source: developer.hashicorp.com/terraform/internals/json-format.

use std::collections::BTreeMap;

use serde::Deserialize;
use serde_json::Value as Json;
use thiserror::Error;

/// Why a file is not reviewed.
#[derive(Debug, Error)]
pub enum PlanError {
    /// Not JSON.
    #[error("not JSON: {0}; make it with `terraform show -json PLANFILE`")]
    NotJson(#[source] serde_json::Error),
    /// A plan as Terraform saves it.
    #[error("a saved plan, not its JSON; make it with `terraform show -json PLANFILE`")]
    Saved,
    /// The JSON of something else.
    #[error("JSON, but no Terraform plan: {0} is missing; make it with `terraform show -json PLANFILE`")]
    NotPlan(&'static str),
    /// A state.
    #[error("a state, not a plan; make a plan with `terraform plan -out PLANFILE` and `terraform show -json PLANFILE`")]
    State,
    /// A format this program does not know.
    #[error("format version {0} of plans; this program reads 0.1 to 1.x")]
    Format(String),
    /// Terraform failed while it made the plan.
    #[error("this plan is errored: Terraform could not finish it, so it does not say what would happen")]
    Errored,
    /// Only a part of the configuration was planned.
    #[error("this plan is incomplete (deferred or targeted): it does not say what the whole configuration becomes")]
    Incomplete,
    /// A plan of another account than the contract's.
    #[error("this plan acts in account {found}; the contract approves {approved}")]
    Account {
        /// The account that the plan acts in.
        found: String,
        /// The accounts of the contract.
        approved: String,
    },
}

/// A plan.
#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub(crate) struct Plan {
    pub(crate) format_version: String,
    pub(crate) variables: BTreeMap<String, Variable>,
    pub(crate) resource_changes: Vec<ResourceChange>,
    pub(crate) prior_state: State,
    pub(crate) configuration: Configuration,
    pub(crate) errored: bool,
    pub(crate) complete: Option<bool>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub(crate) struct Variable {
    pub(crate) value: Json,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub(crate) struct ResourceChange {
    pub(crate) address: String,
    pub(crate) module_address: String,
    pub(crate) mode: String,
    #[serde(rename = "type")]
    pub(crate) kind: String,
    pub(crate) name: String,
    pub(crate) index: Json,
    pub(crate) deposed: Option<String>,
    pub(crate) change: ChangeOf,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub(crate) struct ChangeOf {
    pub(crate) actions: Vec<String>,
    pub(crate) before: Json,
    pub(crate) after: Json,
    pub(crate) after_unknown: Json,
    pub(crate) after_sensitive: Json,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub(crate) struct State {
    pub(crate) values: Option<Values>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub(crate) struct Values {
    pub(crate) root_module: StateModule,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub(crate) struct StateModule {
    pub(crate) address: String,
    pub(crate) resources: Vec<StateResource>,
    pub(crate) child_modules: Vec<StateModule>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub(crate) struct StateResource {
    pub(crate) address: String,
    pub(crate) mode: String,
    #[serde(rename = "type")]
    pub(crate) kind: String,
    pub(crate) name: String,
    pub(crate) index: Json,
    pub(crate) values: Json,
    pub(crate) sensitive_values: Json,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub(crate) struct Configuration {
    pub(crate) provider_config: BTreeMap<String, ProviderConfig>,
    pub(crate) root_module: ConfigModule,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub(crate) struct ProviderConfig {
    pub(crate) name: String,
    pub(crate) expressions: Json,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub(crate) struct ConfigModule {
    pub(crate) resources: Vec<ConfigResource>,
    pub(crate) module_calls: BTreeMap<String, ModuleCall>,
    pub(crate) outputs: BTreeMap<String, ConfigOutput>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub(crate) struct ConfigResource {
    pub(crate) mode: String,
    #[serde(rename = "type")]
    pub(crate) kind: String,
    pub(crate) name: String,
    pub(crate) provider_config_key: String,
    pub(crate) expressions: Json,
    pub(crate) for_each_expression: Json,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub(crate) struct ModuleCall {
    pub(crate) source: String,
    pub(crate) expressions: Json,
    pub(crate) module: ConfigModule,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub(crate) struct ConfigOutput {
    pub(crate) expression: Json,
}

impl Plan {
    /// Reads a plan.
    ///
    /// # Errors
    /// [`PlanError`] when it is none, or none that can be reviewed.
    pub(crate) fn read(text: &[u8]) -> Result<Plan, PlanError> {
        // Saved plans are ZIP archives.
        if text.starts_with(b"PK\x03\x04") {
            return Err(PlanError::Saved);
        }
        let json: Json = serde_json::from_slice(text).map_err(PlanError::NotJson)?;
        let members = json.as_object().ok_or(PlanError::NotPlan("an object"))?;
        let version =
            members.get("format_version").and_then(Json::as_str).ok_or(PlanError::NotPlan("format_version"))?;
        if !matches!(version.split('.').next(), Some("0" | "1")) {
            return Err(PlanError::Format(version.into()));
        }
        // An errored plan may lack everything else, so that is said first.
        if members.get("errored").and_then(Json::as_bool) == Some(true) {
            return Err(PlanError::Errored);
        }
        if !members.contains_key("configuration") && members.contains_key("values") {
            return Err(PlanError::State);
        }
        for required in ["configuration", "planned_values"] {
            if !members.contains_key(required) {
                return Err(PlanError::NotPlan(required));
            }
        }
        let plan: Plan = serde_json::from_value(json).map_err(PlanError::NotJson)?;
        if plan.errored {
            return Err(PlanError::Errored);
        }
        // Before format 1.2 (Terraform 1.8) plans do not say whether they are complete.
        if plan.complete == Some(false) { Err(PlanError::Incomplete) } else { Ok(plan) }
    }
}
