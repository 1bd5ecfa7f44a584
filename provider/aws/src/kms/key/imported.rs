//! The arguments of an imported key, read back from its alias and its policy.

use serde_json::Value;

use super::{Purpose, Spec, remote::Found};
use crate::{
    names::{self, Scope},
    policy::reading::{Reading, bucket},
};

/// The arguments that would make this key; nothing when it is none of ours.
pub(super) fn spec(found: &Found, scope: &Scope) -> Option<Spec> {
    let (cluster, purpose) = found.alias.as_deref()?.strip_prefix("alias/ringfence-")?.rsplit_once('-')?;
    let purpose: Purpose = serde_json::from_value(Value::from(purpose)).ok()?;
    let policy = Reading::new(&found.policy)?;
    let mut administrators = policy.values("Administer", "/Condition/ArnEquals/aws:PrincipalArn");
    // The root user is always there; alone it was asked for.
    if administrators.len() > 1 {
        administrators.retain(|arn| *arn != scope.root_arn());
    }
    let broker_role = names::broker_role(cluster);
    let mut users = policy.values("NobodyElse", "/Condition/ArnNotEquals/aws:PrincipalArn");
    users.retain(|arn| *arn != scope.role_arn(&broker_role));
    let contexts = policy.values("BrokersThroughS3", "/Condition/StringLike/kms:EncryptionContext:aws:s3:arn");
    Some(Spec {
        cluster: cluster.into(),
        purpose,
        administrators: administrators.into_iter().collect(),
        broker_role,
        users: (!users.is_empty()).then(|| users.into_iter().collect()),
        buckets: contexts.iter().filter_map(|arn| bucket(arn)).collect(),
        rotation_days: found.rotation_days.unwrap_or(0),
    })
}
