//! Bucket policies by role. Each pin is a Deny of its own: one statement with two conditions would need both to fail.
//!
//! Invariant: no statement of the data bucket touches configuration calls, so Terraform, CI and the console keep working
//! on the configuration and never see an object.

use serde_json::{Value, json};

use super::Role;
use crate::{
    names::Scope,
    policy::{self, symbols},
};

/// Everything that reads or writes the bytes of an object.
const RECORD_ACTIONS: [&str; 5] =
    ["s3:GetObject*", "s3:PutObject*", "s3:RestoreObject", "s3:ReplicateObject", "s3:InitiateReplication"];

/// What a bucket policy is made from.
#[derive(Debug)]
pub(crate) struct BucketPolicy<'a> {
    pub(crate) scope: &'a Scope,
    pub(crate) cluster: &'a str,
    pub(crate) role: Role,
    pub(crate) bucket: &'a str,
    /// ARN of the brokers' role.
    pub(crate) broker_role: &'a str,
    /// Names of the endpoints that records pass through, as in `${vpce:NAME}`.
    pub(crate) endpoints: &'a [String],
    /// ARN of the role that may delete everything, if there is one.
    pub(crate) purge_role: Option<&'a str>,
    /// ARN of the role that may read everything in an exit, if there is one.
    pub(crate) exit_role: Option<&'a str>,
    /// ARNs that may append to the metadata log besides the brokers.
    pub(crate) log_writers: &'a [String],
    /// ARNs that alone may change the lifecycle rules; empty for no such statement.
    pub(crate) lifecycle_administrators: &'a [String],
    /// Whether `secret/` has a key of its own.
    pub(crate) credentials_key: bool,
}

impl BucketPolicy<'_> {
    /// The document, with symbols for keys and endpoints.
    pub(crate) fn document(&self) -> Value {
        let mut statements = vec![self.tls(), self.this_account()];
        match self.role {
            Role::Data => statements.extend(self.data()),
            Role::Metadata => statements.extend(self.metadata()),
            Role::Logs => {}
        }
        policy::document(statements)
    }

    fn bucket(&self) -> String {
        self.scope.bucket_arn(self.bucket)
    }

    fn objects(&self) -> String {
        self.scope.objects_arn(self.bucket, "*")
    }

    /// Objects of this cluster under `prefix`: every key begins with the cluster's name.
    fn under(&self, prefix: &str) -> String {
        self.scope.objects_arn(self.bucket, &format!("{}/{prefix}", self.cluster))
    }

    fn tls(&self) -> Value {
        json!({
            "Sid": "Tls", "Effect": "Deny", "Principal": "*", "Action": "s3:*", "Resource": [self.bucket(), self.objects()],
            "Condition": { "Bool": { "aws:SecureTransport": "false" } }
        })
    }

    fn this_account(&self) -> Value {
        json!({
            "Sid": "ThisAccount", "Effect": "Deny", "Principal": "*", "Action": "s3:*",
            "Resource": [self.bucket(), self.objects()],
            "Condition": {
                "StringNotEqualsIfExists": { "aws:PrincipalAccount": self.scope.account },
                "BoolIfExists": { "aws:PrincipalIsAWSService": "false" }
            }
        })
    }

    fn data(&self) -> Vec<Value> {
        let endpoints: Vec<String> = self.endpoints.iter().map(|name| symbols::vpce(name)).collect();
        let readers: Vec<&str> = [Some(self.broker_role), self.exit_role].into_iter().flatten().collect();
        let removers: Vec<&str> =
            [Some(self.broker_role), self.purge_role, self.exit_role].into_iter().flatten().collect();
        vec![
            json!({
                "Sid": "RecordsOnlyThroughEndpoints", "Effect": "Deny", "Principal": "*", "Action": RECORD_ACTIONS,
                "Resource": self.objects(), "Condition": { "StringNotEquals": { "aws:SourceVpce": endpoints } }
            }),
            json!({
                "Sid": "RecordsOnlyByBrokers", "Effect": "Deny", "Principal": "*", "Action": RECORD_ACTIONS,
                "Resource": self.objects(), "Condition": { "ArnNotEquals": { "aws:PrincipalArn": readers } }
            }),
            json!({
                "Sid": "NamesAndDeletesByBrokersOrPurge", "Effect": "Deny", "Principal": "*",
                "Action": [
                    "s3:ListBucket", "s3:ListBucketVersions", "s3:ListBucketMultipartUploads", "s3:DeleteObject",
                    "s3:DeleteObjectVersion", "s3:AbortMultipartUpload", "s3:ListMultipartUploadParts"
                ],
                "Resource": [self.bucket(), self.objects()],
                "Condition": { "ArnNotEquals": { "aws:PrincipalArn": removers } }
            }),
            one_key("OneKey", json!(self.objects()), "data"),
            create_once(vec![self.under("wal/*"), self.under("data/*")]),
            self.credentials_stay(
                "InstanceCredentialsStayOnTheInstance",
                "aws:EC2InstanceSourceVPC",
                "${aws:SourceVpc}",
            ),
            self.credentials_stay(
                "InstanceCredentialsStayOnTheInstanceIp",
                "aws:EC2InstanceSourcePrivateIPv4",
                "${aws:VpcSourceIp}",
            ),
        ]
    }

    fn credentials_stay(&self, sid: &str, key: &str, variable: &str) -> Value {
        json!({
            "Sid": sid, "Effect": "Deny", "Principal": "*", "Action": "s3:*", "Resource": [self.bucket(), self.objects()],
            "Condition": { "ArnEquals": { "aws:PrincipalArn": self.broker_role }, "StringNotEquals": { key: variable } }
        })
    }

    fn metadata(&self) -> Vec<Value> {
        let mut writers = vec![self.broker_role];
        writers.extend(self.log_writers.iter().map(String::as_str));
        let mut statements = self.keys_of_metadata();
        statements.push(create_once(vec![
            self.under("meta/*"),
            self.under("audit/*"),
            self.scope.objects_arn(self.bucket, "packages/*"),
            self.under("secret/*"),
        ]));
        let log_and_audit = vec![self.under("meta/log/*"), self.under("audit/*")];
        let removals =
            ["s3:DeleteObject", "s3:DeleteObjectVersion", "s3:PutObjectVersionTagging", "s3:DeleteObjectTagging"];
        statements.push(self.only_by_purge("NothingIsDeleted", json!(removals), log_and_audit));
        statements.push(self.only_by_purge(
            "AuditIsNotTagged",
            json!("s3:PutObjectTagging"),
            vec![self.under("audit/*")],
        ));
        // A PUT that carries tags needs PutObjectTagging too, so that cannot be denied to writers altogether; they may set
        // no tag but their own.
        // Source: Amazon S3 API reference, PutObject, "Permissions".
        let append = ["s3:PutObject", "s3:PutObjectTagging"];
        statements.push(json!({
            "Sid": "WritersOfTheLog", "Effect": "Deny", "Principal": "*", "Action": append,
            "Resource": self.under("meta/log/*"), "Condition": { "ArnNotEquals": { "aws:PrincipalArn": writers } }
        }));
        statements.push(json!({
            "Sid": "ActorIsWhoSigned", "Effect": "Deny", "Principal": "*", "Action": append,
            "Resource": self.under("meta/log/*"),
            "Condition": { "StringNotEquals": { "s3:RequestObjectTag/actor": "${aws:userid}" } }
        }));
        statements.push(json!({
            "Sid": "CredentialsOnlyByBrokers", "Effect": "Deny", "Principal": "*", "Action": "s3:GetObject*",
            "Resource": self.under("secret/*"), "Condition": { "ArnNotEquals": { "aws:PrincipalArn": [self.broker_role] } }
        }));
        if !self.lifecycle_administrators.is_empty() {
            statements.push(json!({
                "Sid": "LifecycleByItsAdministrators", "Effect": "Deny", "Principal": "*",
                "Action": "s3:PutLifecycleConfiguration", "Resource": self.bucket(),
                "Condition": { "ArnNotEquals": { "aws:PrincipalArn": self.lifecycle_administrators } }
            }));
        }
        statements
    }

    fn keys_of_metadata(&self) -> Vec<Value> {
        if !self.credentials_key {
            return vec![one_key("OneKey", json!(self.objects()), "metadata")];
        }
        let others = json!([
            self.under("meta/*"),
            self.under("live/*"),
            self.under("audit/*"),
            self.scope.objects_arn(self.bucket, "packages/*")
        ]);
        vec![
            one_key("OneKey", others, "metadata"),
            one_key("OneKeyOfCredentials", json!(self.under("secret/*")), "credentials"),
        ]
    }

    fn only_by_purge(&self, sid: &str, action: Value, resource: Vec<String>) -> Value {
        let mut statement =
            json!({ "Sid": sid, "Effect": "Deny", "Principal": "*", "Action": action, "Resource": resource });
        if let (Some(role), Some(object)) = (self.purge_role, statement.as_object_mut()) {
            object.insert("Condition".into(), json!({ "ArnNotEquals": { "aws:PrincipalArn": [role] } }));
        }
        statement
    }
}

fn one_key(sid: &str, resource: Value, purpose: &str) -> Value {
    json!({
        "Sid": sid, "Effect": "Deny", "Principal": "*", "Action": "s3:PutObject", "Resource": resource,
        "Condition": { "StringNotEquals": { "s3:x-amz-server-side-encryption-aws-kms-key-id": symbols::key(purpose) } }
    })
}

fn create_once(resources: Vec<String>) -> Value {
    json!({
        "Sid": "CreateOnce", "Effect": "Deny", "Principal": "*", "Action": "s3:PutObject", "Resource": resources,
        "Condition": { "Null": { "s3:if-none-match": "true" }, "Bool": { "s3:ObjectCreationOperation": "true" } }
    })
}

#[cfg(test)]
mod tests;
