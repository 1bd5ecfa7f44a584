//! The arguments of an imported role, read back from its policy.

use super::{Spec, State, remote::Found};
use crate::policy::reading::{Reading, bucket};

/// A state with the arguments that would make this role; nothing when it is none of ours.
pub(super) fn state(name: &str, found: &Found) -> Option<State> {
    let policy = Reading::new(&found.policy)?;
    let prefixes = policy.values("List", "/Condition/StringLike/s3:prefix");
    let cluster = prefixes.first()?.strip_suffix("/*")?.to_owned();
    let buckets: Vec<String> = policy.values("List", "/Resource").iter().filter_map(|arn| bucket(arn)).collect();
    let [data_bucket, metadata_bucket] = <[String; 2]>::try_from(buckets).ok()?;
    let [data_key, metadata_key] = <[String; 2]>::try_from(policy.values("KeysThroughS3", "/Resource")).ok()?;
    let permissions_boundary = found.permissions_boundary.clone();
    let spec = Spec { cluster, name: name.into(), data_bucket, metadata_bucket, permissions_boundary };
    Some(State {
        spec: Some(spec),
        data_key_arn: Some(data_key),
        metadata_key_arn: Some(metadata_key),
        ..State::default()
    })
}
