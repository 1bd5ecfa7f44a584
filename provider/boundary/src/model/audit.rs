//! What notices: trails, detectors, recorders.

use serde::{Deserialize, Serialize};

use super::{fact::Fact, origin::Origin};

/// A CloudTrail trail.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Trail {
    /// Where it was found.
    pub origin: Origin,
    /// Its name.
    pub name: Fact<String>,
    /// Its ARN.
    pub arn: Fact<String>,
    /// Whether it is recording.
    pub logging: Fact<bool>,
    /// Whether it covers every region.
    pub multi_region: Fact<bool>,
    /// Whether changes to its files are found out.
    pub validated: Fact<bool>,
    /// Name of the bucket it writes to.
    pub bucket: Fact<String>,
    /// Its key.
    pub key: Option<Fact<String>>,
    /// Log group it also writes to.
    pub log_group: Option<Fact<String>>,
    /// Whether management events that write are recorded.
    pub management_writes: Fact<bool>,
    /// Prefixes of ARNs whose object or key events are recorded (`arn:aws:s3` for all objects).
    pub data_events: Fact<Vec<String>>,
}

/// An EventBridge rule.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Detector {
    /// Where it was found.
    pub origin: Origin,
    /// Its name.
    pub name: Fact<String>,
    /// Its ARN.
    pub arn: Fact<String>,
    /// Whether it is on.
    pub enabled: Fact<bool>,
    /// The bus; `default` unless said otherwise.
    pub bus: Fact<String>,
    /// The event pattern, JSON.
    pub pattern: Fact<String>,
    /// ARNs that are told.
    pub targets: Vec<Fact<String>>,
}

impl Detector {
    /// Whether its pattern lets a call of this API through: `kms.amazonaws.com` and `PutKeyPolicy`. Nothing when the
    /// pattern is not known or not of the simple shape (lists of texts at `source`, `detail.eventSource`,
    /// `detail.eventName`).
    pub fn sees(&self, event_source: &str, event_name: &str) -> Option<bool> {
        let pattern: serde_json::Value = serde_json::from_str(self.pattern.text()?).ok()?;
        let short = event_source.split('.').next().unwrap_or_default();
        let listed = |pointer: &str, value: &str| match pattern.pointer(pointer) {
            None => Some(true),
            Some(list) => {
                let list: Vec<&str> = list.as_array()?.iter().map(serde_json::Value::as_str).collect::<Option<_>>()?;
                Some(list.contains(&value))
            }
        };
        let known = ["source", "detail-type", "detail", "account", "region"];
        let simple = pattern.as_object()?.keys().all(|name| known.contains(&name.as_str()));
        let details = pattern.get("detail").and_then(serde_json::Value::as_object);
        let narrowed =
            details.is_some_and(|detail| detail.keys().any(|name| name != "eventName" && name != "eventSource"));
        if !simple {
            return None;
        }
        let seen = listed("/source", &format!("aws.{short}"))?
            && listed("/detail-type", "AWS API Call via CloudTrail")?
            && listed("/detail/eventSource", event_source)?
            && listed("/detail/eventName", event_name)?;
        if seen && narrowed { None } else { Some(seen) }
    }
}

/// An AWS Config recorder.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Recorder {
    /// Where it was found.
    pub origin: Origin,
    /// Whether it records every kind of resource.
    pub all: Fact<bool>,
}

#[cfg(test)]
mod tests {
    use super::*;

    fn detector(pattern: &str) -> Detector {
        let text = |value: &str| Fact::Known(value.to_owned());
        Detector {
            origin: Origin::at("aws_cloudwatch_event_rule.a"),
            name: text("a"),
            arn: text("arn"),
            enabled: Fact::Known(true),
            bus: text("default"),
            pattern: text(pattern),
            targets: Vec::new(),
        }
    }

    #[test]
    fn a_detector_sees_the_calls_it_lists() {
        let one = detector(
            r#"{"source":["aws.kms"],"detail-type":["AWS API Call via CloudTrail"],"detail":{"eventName":["PutKeyPolicy"]}}"#,
        );
        assert_eq!(one.sees("kms.amazonaws.com", "PutKeyPolicy"), Some(true));
        assert_eq!(one.sees("kms.amazonaws.com", "CreateGrant"), Some(false));
        assert_eq!(one.sees("s3.amazonaws.com", "PutKeyPolicy"), Some(false));
    }

    #[test]
    fn a_narrowed_or_odd_pattern_is_not_taken_for_a_detector() {
        let narrowed = detector(r#"{"detail":{"eventName":["PutKeyPolicy"],"userIdentity":{"type":["Root"]}}}"#);
        assert_eq!(narrowed.sees("kms.amazonaws.com", "PutKeyPolicy"), None);
        let odd = detector(r#"{"detail":{"eventName":[{"prefix":"Put"}]}}"#);
        assert_eq!(odd.sees("kms.amazonaws.com", "PutKeyPolicy"), None);
    }
}
