//! Endpoint policies: the broker role, this account's resources, the calls the broker makes; nothing else.

use serde_json::{Value, json};

use crate::{names::Scope, policy};

/// What an endpoint policy is made from.
#[derive(Debug)]
pub(crate) struct EndpointPolicy<'a> {
    pub(crate) scope: &'a Scope,
    /// AWS's short name of the service, `s3` for instance.
    pub(crate) service: &'a str,
    /// ARN of the brokers' role.
    pub(crate) broker_role: &'a str,
    /// Names of the buckets that are reached through it (S3 only).
    pub(crate) buckets: &'a [String],
    /// Statements of whoever shares the endpoint.
    pub(crate) extra_statements: &'a [Value],
}

impl EndpointPolicy<'_> {
    /// The document; it holds no symbol but the account.
    pub(crate) fn document(&self) -> Value {
        let (action, resource) = if self.service == "s3" {
            let arns = self.buckets.iter().flat_map(|b| [self.scope.bucket_arn(b), self.scope.objects_arn(b, "*")]);
            (json!("s3:*"), json!(arns.collect::<Vec<_>>()))
        } else {
            (json!(actions(self.service)), json!("*"))
        };
        let mut statements = vec![json!({
            "Sid": "BrokersInThisAccount", "Effect": "Allow", "Principal": "*", "Action": action, "Resource": resource,
            "Condition": {
                "ArnEquals": { "aws:PrincipalArn": self.broker_role },
                "StringEquals": { "aws:ResourceAccount": self.scope.account }
            }
        })];
        statements.extend_from_slice(self.extra_statements);
        policy::document(statements)
    }
}

/// The calls a broker may make through the interface endpoint of a service.
fn actions(service: &str) -> Vec<String> {
    let actions: &[&str] = match service {
        "logs" => &["logs:CreateLogStream", "logs:PutLogEvents"],
        "monitoring" => &["cloudwatch:PutMetricData"],
        "autoscaling" => &["autoscaling:CompleteLifecycleAction", "autoscaling:RecordLifecycleActionHeartbeat"],
        "elasticloadbalancing" => &["elasticloadbalancing:RegisterTargets", "elasticloadbalancing:DeregisterTargets"],
        "kms" => &["kms:Sign", "kms:GetPublicKey"],
        "sts" => &["sts:GetCallerIdentity"],
        _ => &[],
    };
    actions.iter().map(ToString::to_string).collect()
}
