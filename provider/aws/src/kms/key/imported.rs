//! The arguments of an imported key, read back from its alias and its policy.

use serde_json::Value;

use super::{Purpose, Spec, remote::Found};
use crate::names::Scope;

/// The arguments that would make this key; nothing when it is none of ours.
pub(super) fn spec(found: &Found, scope: &Scope) -> Option<Spec> {
    let (cluster, purpose) = found.alias.as_deref()?.strip_prefix("alias/ringfence-")?.rsplit_once('-')?;
    let purpose: Purpose = serde_json::from_value(Value::from(purpose)).ok()?;
    let document: Value = serde_json::from_str(&found.policy).ok()?;
    let values = |sid: &str, condition: &str| -> Vec<String> {
        let statements = document.get("Statement").and_then(Value::as_array);
        let statement =
            statements.and_then(|all| all.iter().find(|s| s.get("Sid").and_then(Value::as_str) == Some(sid)));
        match statement.and_then(|s| s.get("Condition")).and_then(|c| c.pointer(condition)) {
            Some(Value::Array(values)) => values.iter().filter_map(Value::as_str).map(str::to_owned).collect(),
            Some(Value::String(value)) => vec![value.clone()],
            _ => Vec::new(),
        }
    };
    let root = scope.root_arn();
    let mut administrators = values("Administer", "/ArnEquals/aws:PrincipalArn");
    if administrators.len() > 1 {
        administrators.retain(|arn| *arn != root);
    }
    let role = crate::names::broker_role(cluster);
    let mut users = values("NobodyElse", "/ArnNotEquals/aws:PrincipalArn");
    users.retain(|arn| *arn != scope.role_arn(&role));
    let buckets = values("BrokersThroughS3", "/StringLike/kms:EncryptionContext:aws:s3:arn");
    let buckets = buckets.iter().filter(|arn| !arn.ends_with("/*")).filter_map(|arn| arn.rsplit(':').next());
    Some(Spec {
        cluster: cluster.into(),
        purpose,
        administrators: administrators.into_iter().collect(),
        broker_role: role,
        users: (!users.is_empty()).then(|| users.into_iter().collect()),
        buckets: buckets.map(str::to_owned).collect(),
        rotation_days: found.rotation_days.unwrap_or(0),
    })
}
