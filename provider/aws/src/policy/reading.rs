//! Reading our own documents back: an import finds the arguments that made them.

use serde_json::Value;

use crate::names::Scope;

/// A policy text that was read from AWS.
#[derive(Debug)]
pub(crate) struct Reading(Value);

impl Reading {
    /// Nothing when the text is not JSON.
    pub(crate) fn new(text: &str) -> Option<Reading> {
        serde_json::from_str(text).ok().map(Reading)
    }

    /// Whether a statement of this name is there.
    pub(crate) fn has(&self, sid: &str) -> bool {
        self.statement(sid).is_some()
    }

    /// The values at `pointer` in the statement of this name.
    pub(crate) fn values(&self, sid: &str, pointer: &str) -> Vec<String> {
        match self.statement(sid).and_then(|statement| statement.pointer(pointer)) {
            Some(Value::Array(values)) => values.iter().filter_map(Value::as_str).map(str::to_owned).collect(),
            Some(Value::String(value)) => vec![value.clone()],
            _ => Vec::new(),
        }
    }

    fn statement(&self, sid: &str) -> Option<&Value> {
        let statements = self.0.get("Statement")?.as_array()?;
        statements.iter().find(|statement| statement.get("Sid").and_then(Value::as_str) == Some(sid))
    }
}

/// The name of a role of this account, or the ARN of any other.
pub(crate) fn role(arn: &str, scope: &Scope) -> String {
    arn.strip_prefix(&scope.role_arn("")).unwrap_or(arn).to_owned()
}

/// The bucket's name in an ARN of it or of its objects.
pub(crate) fn bucket(arn: &str) -> Option<String> {
    arn.rsplit(':').next()?.split('/').next().map(str::to_owned)
}
