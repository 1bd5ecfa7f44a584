//! Identifiers that follow from arguments: AWS assigns them, but always in the same way.
//!
//! What is not in this table is a symbol. Source: Service Authorization Reference, "Resource types" of each service.

use super::value::Value;

/// Where an instance lives, each a symbol when it is not known.
#[derive(Clone, Debug)]
pub(crate) struct Where {
    pub(crate) account: String,
    pub(crate) partition: String,
    pub(crate) region: String,
}

/// The attribute of a resource of this kind, when it follows from others.
pub(crate) fn derive(kind: &str, attribute: &str, place: &Where, get: impl Fn(&str) -> Value) -> Option<Value> {
    let Where { account, partition, region } = place;
    let text = |name: &str| match get(name) {
        Value::Text(text) if !text.is_empty() => Some(text),
        _ => None,
    };
    let global = |what: &str| {
        let path = text("path").unwrap_or_else(|| "/".into());
        Some(format!("arn:{partition}:iam::{account}:{what}{path}{}", text("name")?))
    };
    let regional = |service: &str, rest: String| Some(format!("arn:{partition}:{service}:{region}:{account}:{rest}"));
    let derived = match (kind, attribute) {
        ("aws_s3_bucket", "id") => text("bucket"),
        ("aws_s3_bucket", "arn") => Some(format!("arn:{partition}:s3:::{}", text("bucket")?)),
        ("aws_s3_bucket", "region") => Some(region.clone()),
        (_, "id" | "bucket") if kind.starts_with("aws_s3_bucket_") => text("bucket"),
        ("aws_iam_role", "arn") => global("role"),
        ("aws_iam_user", "arn") => global("user"),
        ("aws_iam_group", "arn") => global("group"),
        ("aws_iam_policy", "arn" | "id") => global("policy"),
        ("aws_iam_instance_profile", "arn") => global("instance-profile"),
        ("aws_iam_role" | "aws_iam_user" | "aws_iam_group" | "aws_iam_instance_profile", "id") => text("name"),
        ("aws_cloudwatch_log_group", "id") => text("name"),
        ("aws_cloudwatch_log_group", "arn") => regional("logs", format!("log-group:{}", text("name")?)),
        ("aws_sns_topic", "arn" | "id") => regional("sns", text("name")?),
        ("aws_sqs_queue", "arn") => regional("sqs", text("name")?),
        ("aws_cloudtrail", "arn" | "id") => regional("cloudtrail", format!("trail/{}", text("name")?)),
        ("aws_cloudwatch_event_rule", "arn") => regional("events", event_rule(text("event_bus_name"), &text("name")?)),
        ("aws_kms_alias", "arn") => regional("kms", text("name")?),
        ("aws_autoscaling_group" | "aws_kms_alias", "id") => text("name"),
        ("aws_lambda_function", "arn") => regional("lambda", format!("function:{}", text("function_name")?)),
        ("aws_dynamodb_table", "arn") => regional("dynamodb", format!("table/{}", text("name")?)),
        ("aws_kinesis_stream", "arn") => regional("kinesis", format!("stream/{}", text("name")?)),
        ("aws_kms_key" | "aws_kms_external_key", "id") => Some(symbol_text(&get("key_id"))?),
        _ => None,
    };
    derived.map(Value::Text)
}

fn event_rule(bus: Option<String>, name: &str) -> String {
    match bus.filter(|bus| bus != "default") {
        Some(bus) => format!("rule/{bus}/{name}"),
        None => format!("rule/{name}"),
    }
}

fn symbol_text(value: &Value) -> Option<String> {
    value.as_str().map(str::to_owned)
}

/// Whether an attribute that nobody configures is an identifier, so that a symbol may stand for it.
pub(crate) fn is_identifier(attribute: &str) -> bool {
    attribute == "id"
        || attribute == "arn"
        || attribute.ends_with("_id")
        || attribute.ends_with("_arn")
        || matches!(
            attribute,
            "name" | "latest_version" | "launch_template_version" | "default_version" | "dns_name" | "bucket" | "url"
        )
}

/// Whether an argument of this name takes identifiers of other resources, and nothing else.
pub(crate) fn takes_identifiers(argument: &str) -> bool {
    is_identifier(argument)
        || argument.ends_with("_ids")
        || argument.ends_with("_arns")
        || matches!(
            argument,
            "bucket"
                | "role"
                | "roles"
                | "user"
                | "users"
                | "group"
                | "groups"
                | "security_groups"
                | "subnets"
                | "vpc_zone_identifier"
                | "load_balancer_arn"
                | "rule"
                | "kms_key_arn"
                | "s3_bucket_name"
                | "log_destination"
                | "destination_arn"
                | "log_group_name"
                | "policy_arn"
                | "permissions_boundary"
                | "vpc_security_group_ids"
                | "endpoints"
        )
}
