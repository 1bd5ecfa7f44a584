//! The brokers' trust policy and inline policy: exactly the calls that the broker makes, from the instance only.

use serde_json::{Value, json};

use crate::{
    names::Scope,
    policy::{self, symbols},
};

/// What the brokers' policies are made from.
#[derive(Debug)]
pub(crate) struct BrokerPolicy<'a> {
    pub(crate) scope: &'a Scope,
    pub(crate) cluster: &'a str,
    pub(crate) data_bucket: &'a str,
    pub(crate) metadata_bucket: &'a str,
}

/// Who may assume the role: EC2, for instances that carry its profile.
pub(crate) fn trust(scope: &Scope) -> Value {
    policy::document(vec![json!({
        "Sid": "Instances", "Effect": "Allow", "Action": "sts:AssumeRole",
        "Principal": { "Service": scope.partition.service_principal("ec2") }
    })])
}

impl BrokerPolicy<'_> {
    /// The inline policy, with symbols for the two keys.
    pub(crate) fn document(&self) -> Value {
        policy::document(vec![
            self.list(),
            self.records(),
            self.metadata(),
            self.live(),
            self.package(),
            self.keys(),
            outside_the_instance("OnlyFromTheInstance", "aws:EC2InstanceSourceVPC", "${aws:SourceVpc}"),
            outside_the_instance("OnlyFromTheInstanceIp", "aws:EC2InstanceSourcePrivateIPv4", "${aws:VpcSourceIp}"),
        ])
    }

    fn data(&self, prefix: &str) -> String {
        self.scope.objects_arn(self.data_bucket, &format!("{}/{prefix}", self.cluster))
    }

    fn meta(&self, prefix: &str) -> String {
        self.scope.objects_arn(self.metadata_bucket, &format!("{}/{prefix}", self.cluster))
    }

    fn list(&self) -> Value {
        json!({
            "Sid": "List", "Effect": "Allow", "Action": "s3:ListBucket",
            "Resource": [self.scope.bucket_arn(self.data_bucket), self.scope.bucket_arn(self.metadata_bucket)],
            "Condition": { "StringLike": { "s3:prefix": format!("{}/*", self.cluster) } }
        })
    }

    fn records(&self) -> Value {
        json!({
            "Sid": "Records", "Effect": "Allow", "Action": ["s3:GetObject", "s3:PutObject", "s3:DeleteObject"],
            "Resource": [self.data("wal/*"), self.data("data/*")]
        })
    }

    /// `PutObjectTagging`: the actor tag rides on the PUT of a log entry.
    fn metadata(&self) -> Value {
        json!({
            "Sid": "Metadata", "Effect": "Allow", "Action": ["s3:GetObject", "s3:PutObject", "s3:PutObjectTagging"],
            "Resource": [self.meta("meta/*")]
        })
    }

    fn live(&self) -> Value {
        json!({
            "Sid": "Live", "Effect": "Allow", "Action": ["s3:GetObject", "s3:PutObject", "s3:DeleteObject"],
            "Resource": [self.meta("live/*")]
        })
    }

    fn package(&self) -> Value {
        json!({
            "Sid": "Package", "Effect": "Allow", "Action": "s3:GetObject",
            "Resource": [self.scope.objects_arn(self.metadata_bucket, "packages/*")]
        })
    }

    fn keys(&self) -> Value {
        let Scope { partition, region, .. } = self.scope;
        json!({
            "Sid": "KeysThroughS3", "Effect": "Allow", "Action": ["kms:Decrypt", "kms:GenerateDataKey"],
            "Resource": [symbols::key("data"), symbols::key("metadata")],
            "Condition": { "StringEquals": { "kms:ViaService": partition.regional_service("s3", region) } }
        })
    }
}

/// Denies what does not come from the instance the credentials were given to; calls that S3 makes to KMS on the
/// broker's behalf carry no VPC context and are exempt.
/// Source: IAM user guide, "Restrict access to only the EC2 instance the credentials were issued to".
fn outside_the_instance(sid: &str, key: &str, variable: &str) -> Value {
    json!({
        "Sid": sid, "Effect": "Deny", "Action": "*", "Resource": "*",
        "Condition": {
            "StringNotEquals": { key: variable },
            "Null": { "ec2:SourceInstanceARN": "false" },
            "BoolIfExists": { "aws:ViaAWSService": "false" }
        }
    })
}
