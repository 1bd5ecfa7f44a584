//! The arguments of an imported bucket, read back from its policy.

use std::collections::{BTreeMap, BTreeSet};

use super::{Ids, Role, Spec, remote::Found};
use crate::{
    names::Scope,
    policy::reading::{Reading, role},
};

const PRINCIPALS: &str = "/Condition/ArnNotEquals/aws:PrincipalArn";

/// The arguments that would make this bucket; nothing when it is none of ours.
pub(super) fn arguments(name: &str, found: &Found, scope: &Scope) -> Option<(Spec, Ids)> {
    let policy = Reading::new(&found.policy)?;
    let kind = match (policy.has("RecordsOnlyByBrokers"), policy.has("WritersOfTheLog")) {
        (true, _) => Role::Data,
        (_, true) => Role::Metadata,
        _ => return None,
    };
    let objects = policy.values("CreateOnce", "/Resource");
    let cluster = objects.iter().find_map(|arn| arn.strip_prefix(&scope.objects_arn(name, ""))?.split('/').next())?;
    let names = |sid: &str| policy.values(sid, PRINCIPALS).iter().map(|arn| role(arn, scope)).collect::<Vec<_>>();
    let (readers, removers) = (names("RecordsOnlyByBrokers"), names("NamesAndDeletesByBrokersOrPurge"));
    let writers = names("WritersOfTheLog");
    let broker_role = readers.first().or(writers.first())?.clone();
    let exit_role = readers.get(1).cloned();
    let purge_role = match kind {
        Role::Data => removers.into_iter().find(|r| *r != broker_role && Some(r) != exit_role.as_ref()),
        _ => names("NothingIsDeleted").into_iter().next(),
    };
    let others: BTreeSet<String> = writers.into_iter().skip(1).collect();
    let lifecycle: BTreeSet<String> = names("LifecycleByItsAdministrators").into_iter().collect();
    let spec = Spec {
        cluster: cluster.into(),
        role: kind,
        name: name.into(),
        broker_role,
        purge_role,
        exit_role,
        log_writers: (!others.is_empty()).then_some(others),
        lifecycle_administrators: (!lifecycle.is_empty()).then_some(lifecycle),
        versioning: found.versioning,
        object_lock: found.object_lock,
    };
    Some((spec, ids(&policy, found)))
}

/// Endpoints have no names in the policy: a single one is called after its service.
fn ids(policy: &Reading, found: &Found) -> Ids {
    let endpoints = policy.values("RecordsOnlyThroughEndpoints", "/Condition/StringNotEquals/aws:SourceVpce");
    let single = endpoints.len() == 1;
    let name = |at: usize| if single { "s3".to_owned() } else { format!("s3-{at}") };
    let endpoints: BTreeMap<String, String> =
        endpoints.into_iter().enumerate().map(|(at, id)| (name(at), id)).collect();
    let key = "/Condition/StringNotEquals/s3:x-amz-server-side-encryption-aws-kms-key-id";
    Ids {
        kms_key_arn: found.kms_key_arn.clone().unwrap_or_default(),
        credentials_key_arn: policy.values("OneKeyOfCredentials", key).into_iter().next(),
        endpoints: (!endpoints.is_empty()).then_some(endpoints),
    }
}
