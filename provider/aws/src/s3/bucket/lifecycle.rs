//! Lifecycle rules as one line of JSON: `[{"id":…,"prefix":…,"noncurrent_days":…,"abort_upload_days":…}]`.
//!
//! Invariant: no rule expires a current object: only brokers delete records, and nobody deletes metadata.

use aws_sdk_s3::types::{
    AbortIncompleteMultipartUpload, ExpirationStatus, LifecycleRule, LifecycleRuleFilter, NoncurrentVersionExpiration,
};
use serde::{Deserialize, Serialize};

use super::Role;
use crate::failure::{Answer, Failure};

#[derive(Debug, Serialize, Deserialize, PartialEq, Eq)]
struct Rule {
    id: String,
    prefix: String,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    noncurrent_days: Option<i32>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    abort_upload_days: Option<i32>,
    /// Never ours: shown when somebody else's rule deletes current objects.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    expires_objects: bool,
}

/// The rules of a bucket with this role.
pub(crate) fn rules(role: Role, cluster: &str) -> String {
    let abort = Rule {
        id: "abort-uploads".into(),
        prefix: String::new(),
        noncurrent_days: None,
        abort_upload_days: Some(1),
        expires_objects: false,
    };
    // `live/` is overwritten every two seconds: its versions are worth nothing.
    let live = Rule {
        id: "live-versions".into(),
        prefix: format!("{cluster}/live/"),
        noncurrent_days: Some(1),
        abort_upload_days: None,
        expires_objects: false,
    };
    text(match role {
        Role::Metadata => vec![abort, live],
        Role::Data | Role::Logs => vec![abort],
    })
}

fn text(mut rules: Vec<Rule>) -> String {
    rules.sort_by(|a, b| a.id.cmp(&b.id));
    serde_json::json!(rules).to_string()
}

pub(super) fn to_s3(text: &str) -> Answer<Vec<LifecycleRule>> {
    let rules: Vec<Rule> =
        serde_json::from_str(text).map_err(|e| Failure::new("the lifecycle rules are not JSON", e.to_string()))?;
    rules.into_iter().map(one).collect()
}

fn one(rule: Rule) -> Answer<LifecycleRule> {
    let noncurrent =
        rule.noncurrent_days.map(|days| NoncurrentVersionExpiration::builder().noncurrent_days(days).build());
    let abort = rule
        .abort_upload_days
        .map(|days| AbortIncompleteMultipartUpload::builder().days_after_initiation(days).build());
    LifecycleRule::builder()
        .id(rule.id)
        .status(ExpirationStatus::Enabled)
        .filter(LifecycleRuleFilter::builder().prefix(rule.prefix).build())
        .set_noncurrent_version_expiration(noncurrent)
        .set_abort_incomplete_multipart_upload(abort)
        .build()
        .map_err(|e| Failure::new("the lifecycle rules are not valid", e.to_string()))
}

pub(super) fn from_s3(rules: &[LifecycleRule]) -> String {
    let rules = rules.iter().filter(|r| r.status() == &ExpirationStatus::Enabled).map(|rule| Rule {
        id: rule.id().unwrap_or_default().into(),
        prefix: rule.filter().and_then(|f| f.prefix()).unwrap_or_default().into(),
        noncurrent_days: rule.noncurrent_version_expiration().and_then(|n| n.noncurrent_days()),
        abort_upload_days: rule.abort_incomplete_multipart_upload().and_then(|a| a.days_after_initiation()),
        expires_objects: rule.expiration().is_some(),
    });
    text(rules.collect())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rules_survive_the_way_to_s3_and_back() {
        for role in [Role::Data, Role::Metadata] {
            let text = rules(role, "orders");
            assert_eq!(from_s3(&to_s3(&text).unwrap()), text);
        }
    }

    #[test]
    fn live_versions_go_and_nothing_current_expires() {
        expect_test::expect![[r#"[{"id":"abort-uploads","prefix":"","abort_upload_days":1},{"id":"live-versions","prefix":"orders/live/","noncurrent_days":1}]"#]]
            .assert_eq(&rules(Role::Metadata, "orders"));
    }
}
