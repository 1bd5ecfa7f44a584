//! Key policies by purpose. No role is ever a principal: the account is, narrowed by `aws:PrincipalArn`, so that no
//! creation order is needed and a re-created role is not locked out.

use serde_json::{Value, json};

use super::Purpose;
use crate::{names::Scope, policy};

/// What a key policy is made from.
#[derive(Debug)]
pub(crate) struct KeyPolicy<'a> {
    pub(crate) scope: &'a Scope,
    pub(crate) cluster: &'a str,
    pub(crate) purpose: Purpose,
    /// ARNs that manage the key and cannot decrypt with it.
    pub(crate) administrators: &'a [String],
    /// ARNs that decrypt and encrypt with it through S3.
    pub(crate) users: &'a [String],
    /// Names of the buckets whose objects it protects.
    pub(crate) buckets: &'a [String],
}

impl KeyPolicy<'_> {
    /// The document, with the account as the scope has it.
    pub(crate) fn document(&self) -> Value {
        let mut statements = vec![self.administer()];
        match self.purpose {
            Purpose::Data | Purpose::Metadata | Purpose::Credentials => {
                statements.extend([self.users_through_s3(), self.nobody_else(), no_grants()]);
            }
            Purpose::Volume => statements.extend(self.volumes()),
            Purpose::Logs => statements.push(self.log_groups()),
        }
        policy::document(statements)
    }

    fn administer(&self) -> Value {
        let root = self.scope.root_arn();
        // Without the root user, a lost administrator role could only be repaired by AWS Support.
        let mut principals: Vec<&str> = self.administrators.iter().map(String::as_str).collect();
        if !principals.contains(&root.as_str()) {
            principals.push(&root);
        }
        json!({
            "Sid": "Administer", "Effect": "Allow", "Principal": { "AWS": root }, "Resource": "*",
            "Action": [
                "kms:Describe*", "kms:Get*", "kms:List*", "kms:PutKeyPolicy", "kms:EnableKey", "kms:DisableKey",
                "kms:EnableKeyRotation", "kms:DisableKeyRotation", "kms:RotateKeyOnDemand", "kms:UpdateKeyDescription",
                "kms:TagResource", "kms:UntagResource", "kms:CreateAlias", "kms:UpdateAlias", "kms:DeleteAlias",
                "kms:ScheduleKeyDeletion", "kms:CancelKeyDeletion", "kms:RevokeGrant"
            ],
            "Condition": { "ArnEquals": { "aws:PrincipalArn": principals } }
        })
    }

    fn users_through_s3(&self) -> Value {
        let Scope { partition, region, account } = self.scope;
        // S3 sends the bucket's ARN with Bucket Keys and the object's without them: both, or switching bricks objects.
        let contexts: Vec<String> = self
            .buckets
            .iter()
            .flat_map(|bucket| [self.scope.bucket_arn(bucket), self.scope.objects_arn(bucket, "*")])
            .collect();
        json!({
            "Sid": "BrokersThroughS3", "Effect": "Allow", "Principal": { "AWS": self.scope.root_arn() }, "Resource": "*",
            "Action": ["kms:Decrypt", "kms:GenerateDataKey"],
            "Condition": {
                "ArnEquals": { "aws:PrincipalArn": self.users },
                "StringEquals": {
                    "kms:ViaService": partition.regional_service("s3", region),
                    "kms:CallerAccount": account
                },
                "StringLike": { "kms:EncryptionContext:aws:s3:arn": contexts }
            }
        })
    }

    fn nobody_else(&self) -> Value {
        json!({
            "Sid": "NobodyElse", "Effect": "Deny", "Principal": "*", "Resource": "*",
            "Action": ["kms:Decrypt", "kms:Encrypt", "kms:ReEncrypt*", "kms:GenerateDataKey*"],
            "Condition": { "ArnNotEquals": { "aws:PrincipalArn": self.users } }
        })
    }

    /// EC2 uses volume keys through grants, which Auto Scaling's service-linked role makes.
    /// Source: EC2 Auto Scaling user guide, "Required AWS KMS key policy for use with encrypted volumes".
    fn volumes(&self) -> [Value; 3] {
        let Scope { partition, account, .. } = self.scope;
        let service = partition.service_principal("autoscaling");
        let role =
            format!("arn:{partition}:iam::{account}:role/aws-service-role/{service}/AWSServiceRoleForAutoScaling");
        [
            json!({
                "Sid": "VolumesOfAutoScaling", "Effect": "Allow", "Principal": { "AWS": self.scope.root_arn() }, "Resource": "*",
                "Action": ["kms:Decrypt", "kms:ReEncrypt*", "kms:GenerateDataKey*", "kms:DescribeKey"],
                "Condition": { "ArnEquals": { "aws:PrincipalArn": role } }
            }),
            json!({
                "Sid": "GrantsOfAutoScaling", "Effect": "Allow", "Principal": { "AWS": self.scope.root_arn() }, "Resource": "*",
                "Action": "kms:CreateGrant",
                "Condition": {
                    "ArnEquals": { "aws:PrincipalArn": role },
                    "Bool": { "kms:GrantIsForAWSResource": "true" }
                }
            }),
            json!({
                "Sid": "GrantsOnlyForVolumes", "Effect": "Deny", "Principal": "*", "Resource": "*",
                "Action": "kms:CreateGrant",
                "Condition": { "Bool": { "kms:GrantIsForAWSResource": "false" } }
            }),
        ]
    }

    /// Source: CloudWatch Logs user guide, "Encrypt log data using AWS KMS".
    fn log_groups(&self) -> Value {
        let Scope { partition, region, .. } = self.scope;
        json!({
            "Sid": "LogGroups", "Effect": "Allow", "Resource": "*",
            "Principal": { "Service": partition.regional_service("logs", region) },
            "Action": ["kms:Encrypt*", "kms:Decrypt*", "kms:ReEncrypt*", "kms:GenerateDataKey*", "kms:Describe*"],
            "Condition": {
                "ArnLike": {
                    "kms:EncryptionContext:aws:logs:arn": self.scope.log_group_arn(&format!("/ringfence/{}/*", self.cluster))
                }
            }
        })
    }
}

fn no_grants() -> Value {
    json!({ "Sid": "NoGrants", "Effect": "Deny", "Principal": "*", "Resource": "*", "Action": "kms:CreateGrant" })
}

#[cfg(test)]
mod tests;
