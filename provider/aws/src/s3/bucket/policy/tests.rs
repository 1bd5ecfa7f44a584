//! Statement by statement against the documented policies, in which B is the bucket, R the brokers, P purge, X exit.

use super::*;
use crate::{names::Scope, policy::meaning::canonical};

const DATA: &str = r#"[
 {"Sid":"Tls","Effect":"Deny","Principal":"*","Action":"s3:*","Resource":["B","B/*"],"Condition":{"Bool":{"aws:SecureTransport":"false"}}},
 {"Sid":"ThisAccount","Effect":"Deny","Principal":"*","Action":"s3:*","Resource":["B","B/*"],
  "Condition":{"StringNotEqualsIfExists":{"aws:PrincipalAccount":"ACCT"},"BoolIfExists":{"aws:PrincipalIsAWSService":"false"}}},
 {"Sid":"RecordsOnlyThroughEndpoints","Effect":"Deny","Principal":"*",
  "Action":["s3:GetObject*","s3:PutObject*","s3:RestoreObject","s3:ReplicateObject","s3:InitiateReplication"],
  "Resource":"B/*","Condition":{"StringNotEquals":{"aws:SourceVpce":["${vpce:s3}"]}}},
 {"Sid":"RecordsOnlyByBrokers","Effect":"Deny","Principal":"*",
  "Action":["s3:GetObject*","s3:PutObject*","s3:RestoreObject","s3:ReplicateObject","s3:InitiateReplication"],
  "Resource":"B/*","Condition":{"ArnNotEquals":{"aws:PrincipalArn":["R","X"]}}},
 {"Sid":"NamesAndDeletesByBrokersOrPurge","Effect":"Deny","Principal":"*",
  "Action":["s3:ListBucket","s3:ListBucketVersions","s3:ListBucketMultipartUploads","s3:DeleteObject","s3:DeleteObjectVersion","s3:AbortMultipartUpload","s3:ListMultipartUploadParts"],
  "Resource":["B","B/*"],"Condition":{"ArnNotEquals":{"aws:PrincipalArn":["R","P","X"]}}},
 {"Sid":"OneKey","Effect":"Deny","Principal":"*","Action":"s3:PutObject","Resource":"B/*",
  "Condition":{"StringNotEquals":{"s3:x-amz-server-side-encryption-aws-kms-key-id":"${key:data}"}}},
 {"Sid":"CreateOnce","Effect":"Deny","Principal":"*","Action":"s3:PutObject","Resource":["B/orders/wal/*","B/orders/data/*"],
  "Condition":{"Null":{"s3:if-none-match":"true"},"Bool":{"s3:ObjectCreationOperation":"true"}}},
 {"Sid":"InstanceCredentialsStayOnTheInstance","Effect":"Deny","Principal":"*","Action":"s3:*","Resource":["B","B/*"],
  "Condition":{"ArnEquals":{"aws:PrincipalArn":"R"},"StringNotEquals":{"aws:EC2InstanceSourceVPC":"${aws:SourceVpc}"}}},
 {"Sid":"InstanceCredentialsStayOnTheInstanceIp","Effect":"Deny","Principal":"*","Action":"s3:*","Resource":["B","B/*"],
  "Condition":{"ArnEquals":{"aws:PrincipalArn":"R"},"StringNotEquals":{"aws:EC2InstanceSourcePrivateIPv4":"${aws:VpcSourceIp}"}}}
]"#;

const METADATA: &str = r#"[
 {"Sid":"Tls","Effect":"Deny","Principal":"*","Action":"s3:*","Resource":["B","B/*"],"Condition":{"Bool":{"aws:SecureTransport":"false"}}},
 {"Sid":"ThisAccount","Effect":"Deny","Principal":"*","Action":"s3:*","Resource":["B","B/*"],
  "Condition":{"StringNotEqualsIfExists":{"aws:PrincipalAccount":"ACCT"},"BoolIfExists":{"aws:PrincipalIsAWSService":"false"}}},
 {"Sid":"OneKey","Effect":"Deny","Principal":"*","Action":"s3:PutObject",
  "Resource":["B/orders/meta/*","B/orders/live/*","B/orders/audit/*","B/packages/*"],
  "Condition":{"StringNotEquals":{"s3:x-amz-server-side-encryption-aws-kms-key-id":"${key:metadata}"}}},
 {"Sid":"OneKeyOfCredentials","Effect":"Deny","Principal":"*","Action":"s3:PutObject","Resource":"B/orders/secret/*",
  "Condition":{"StringNotEquals":{"s3:x-amz-server-side-encryption-aws-kms-key-id":"${key:credentials}"}}},
 {"Sid":"CreateOnce","Effect":"Deny","Principal":"*","Action":"s3:PutObject",
  "Resource":["B/orders/meta/*","B/orders/audit/*","B/packages/*","B/orders/secret/*"],
  "Condition":{"Null":{"s3:if-none-match":"true"},"Bool":{"s3:ObjectCreationOperation":"true"}}},
 {"Sid":"NothingIsDeleted","Effect":"Deny","Principal":"*","Action":["s3:DeleteObject","s3:DeleteObjectVersion","s3:PutObjectVersionTagging","s3:DeleteObjectTagging"],
  "Resource":["B/orders/meta/log/*","B/orders/audit/*"],"Condition":{"ArnNotEquals":{"aws:PrincipalArn":["P"]}}},
 {"Sid":"AuditIsNotTagged","Effect":"Deny","Principal":"*","Action":"s3:PutObjectTagging","Resource":["B/orders/audit/*"],
  "Condition":{"ArnNotEquals":{"aws:PrincipalArn":["P"]}}},
 {"Sid":"WritersOfTheLog","Effect":"Deny","Principal":"*","Action":["s3:PutObject","s3:PutObjectTagging"],"Resource":"B/orders/meta/log/*","Condition":{"ArnNotEquals":{"aws:PrincipalArn":["R","W"]}}},
 {"Sid":"ActorIsWhoSigned","Effect":"Deny","Principal":"*","Action":["s3:PutObject","s3:PutObjectTagging"],"Resource":"B/orders/meta/log/*","Condition":{"StringNotEquals":{"s3:RequestObjectTag/actor":"${aws:userid}"}}},
 {"Sid":"CredentialsOnlyByBrokers","Effect":"Deny","Principal":"*","Action":"s3:GetObject*","Resource":"B/orders/secret/*","Condition":{"ArnNotEquals":{"aws:PrincipalArn":["R"]}}},
 {"Sid":"LifecycleByItsAdministrators","Effect":"Deny","Principal":"*","Action":"s3:PutLifecycleConfiguration","Resource":"B",
  "Condition":{"ArnNotEquals":{"aws:PrincipalArn":["W"]}}}
]"#;

fn documented(statements: &str, scope: &Scope) -> Value {
    let bucket = scope.bucket_arn("bucket");
    let mut text = statements.to_owned();
    for (from, to) in [
        ("\"B\"", format!("\"{bucket}\"")),
        ("\"B/", format!("\"{bucket}/")),
        ("\"R\"", format!("\"{}\"", scope.role_arn("brokers"))),
        ("\"P\"", format!("\"{}\"", scope.role_arn("purge"))),
        ("\"X\"", format!("\"{}\"", scope.role_arn("exit"))),
        ("\"W\"", format!("\"{}\"", scope.role_arn("deployer"))),
        ("ACCT", scope.account.clone()),
    ] {
        text = text.replace(from, &to);
    }
    serde_json::from_str(&text).unwrap()
}

fn assert_documented(role: Role, statements: &str) {
    for scope in [Scope::new("eu-central-1", "123456789012"), Scope::new("cn-north-1", "${account}")] {
        let [brokers, purge, exit, deployer] =
            ["brokers", "purge", "exit", "deployer"].map(|name| scope.role_arn(name));
        let document = BucketPolicy {
            scope: &scope,
            cluster: "orders",
            role,
            bucket: "bucket",
            broker_role: &brokers,
            endpoints: &["s3".into()],
            purge_role: Some(&purge),
            exit_role: Some(&exit),
            log_writers: std::slice::from_ref(&deployer),
            lifecycle_administrators: std::slice::from_ref(&deployer),
            credentials_key: true,
        }
        .document();
        let expected = documented(statements, &scope);
        let (ours, theirs) = (document["Statement"].as_array().unwrap(), expected.as_array().unwrap());
        for (ours, theirs) in ours.iter().zip(theirs) {
            let one = |statement: &Value| canonical(&serde_json::json!({ "Statement": statement }));
            assert_eq!(one(ours), one(theirs), "{}", ours["Sid"]);
        }
        assert_eq!(ours.len(), theirs.len());
    }
}

#[test]
fn the_data_bucket_has_the_documented_statements() {
    assert_documented(Role::Data, DATA);
}

#[test]
fn the_metadata_bucket_has_the_documented_statements() {
    assert_documented(Role::Metadata, METADATA);
}

#[test]
fn without_exit_and_purge_roles_only_brokers_are_named() {
    let scope = Scope::new("eu-central-1", "123456789012");
    let document = BucketPolicy {
        scope: &scope,
        cluster: "orders",
        role: Role::Data,
        bucket: "bucket",
        broker_role: "R",
        endpoints: &["s3".into()],
        purge_role: None,
        exit_role: None,
        log_writers: &[],
        lifecycle_administrators: &[],
        credentials_key: false,
    }
    .document();
    let named: Vec<&Value> = document["Statement"]
        .as_array()
        .unwrap()
        .iter()
        .filter_map(|s| s.pointer("/Condition/ArnNotEquals/aws:PrincipalArn"))
        .collect();
    assert_eq!(named, [&serde_json::json!(["R"]), &serde_json::json!(["R"])]);
}
