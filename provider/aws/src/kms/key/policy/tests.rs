//! Statement by statement against the documented policy, and the whole text of the purposes that services use.

use super::*;
use crate::policy::meaning::canonical;

const DOCUMENTED: &str = r#"[
 {"Sid":"Administer","Effect":"Allow","Principal":{"AWS":"arn:PART:iam::ACCT:root"},"Resource":"*",
  "Action":["kms:Describe*","kms:Get*","kms:List*","kms:PutKeyPolicy","kms:EnableKey","kms:DisableKey","kms:EnableKeyRotation","kms:DisableKeyRotation","kms:RotateKeyOnDemand","kms:UpdateKeyDescription","kms:TagResource","kms:UntagResource","kms:CreateAlias","kms:UpdateAlias","kms:DeleteAlias","kms:ScheduleKeyDeletion","kms:CancelKeyDeletion","kms:RevokeGrant"],
  "Condition":{"ArnEquals":{"aws:PrincipalArn":["ADMIN","arn:PART:iam::ACCT:root"]}}},
 {"Sid":"BrokersThroughS3","Effect":"Allow","Principal":{"AWS":"arn:PART:iam::ACCT:root"},"Resource":"*","Action":["kms:Decrypt","kms:GenerateDataKey"],
  "Condition":{"ArnEquals":{"aws:PrincipalArn":["R"]},"StringEquals":{"kms:ViaService":"s3.REGION.SUFFIX","kms:CallerAccount":"ACCT"},
   "StringLike":{"kms:EncryptionContext:aws:s3:arn":["arn:PART:s3:::B","arn:PART:s3:::B/*"]}}},
 {"Sid":"NobodyElse","Effect":"Deny","Principal":"*","Resource":"*","Action":["kms:Decrypt","kms:Encrypt","kms:ReEncrypt*","kms:GenerateDataKey*"],"Condition":{"ArnNotEquals":{"aws:PrincipalArn":["R"]}}},
 {"Sid":"NoGrants","Effect":"Deny","Principal":"*","Resource":"*","Action":"kms:CreateGrant"}
]"#;

fn document(scope: &Scope, purpose: Purpose) -> Value {
    KeyPolicy {
        scope,
        cluster: "orders",
        purpose,
        administrators: &["ADMIN".into()],
        users: &["R".into()],
        buckets: &["B".into()],
    }
    .document()
}

#[test]
fn keys_of_buckets_have_the_documented_statements_in_every_partition() {
    for (region, suffix) in [("eu-central-1", "amazonaws.com"), ("cn-north-1", "amazonaws.com.cn")] {
        let scope = Scope::new(region, "123456789012");
        let text = DOCUMENTED
            .replace("PART", scope.partition.id)
            .replace("ACCT", &scope.account)
            .replace("REGION", region)
            .replace("SUFFIX", suffix);
        let expected: Value = serde_json::from_str(&text).unwrap();
        for purpose in [Purpose::Data, Purpose::Metadata, Purpose::Credentials] {
            let ours = document(&scope, purpose);
            assert_eq!(
                canonical(&json!({ "Statement": ours["Statement"] })),
                canonical(&json!({ "Statement": expected }))
            );
        }
    }
}

#[test]
fn volume_keys_admit_auto_scaling_and_log_keys_admit_the_clusters_groups() {
    let scope = Scope::new("eu-central-1", "${account}");
    let mut lines = Vec::new();
    for purpose in [Purpose::Volume, Purpose::Logs] {
        let document = document(&scope, purpose);
        lines.extend(document["Statement"].as_array().unwrap().iter().skip(1).map(Value::to_string));
    }
    expect_test::expect![[r#"
        {"Sid":"VolumesOfAutoScaling","Effect":"Allow","Principal":{"AWS":"arn:aws:iam::${account}:root"},"Resource":"*","Action":["kms:Decrypt","kms:ReEncrypt*","kms:GenerateDataKey*","kms:DescribeKey"],"Condition":{"ArnEquals":{"aws:PrincipalArn":"arn:aws:iam::${account}:role/aws-service-role/autoscaling.amazonaws.com/AWSServiceRoleForAutoScaling"}}}
        {"Sid":"GrantsOfAutoScaling","Effect":"Allow","Principal":{"AWS":"arn:aws:iam::${account}:root"},"Resource":"*","Action":"kms:CreateGrant","Condition":{"ArnEquals":{"aws:PrincipalArn":"arn:aws:iam::${account}:role/aws-service-role/autoscaling.amazonaws.com/AWSServiceRoleForAutoScaling"},"Bool":{"kms:GrantIsForAWSResource":"true"}}}
        {"Sid":"GrantsOnlyForVolumes","Effect":"Deny","Principal":"*","Resource":"*","Action":"kms:CreateGrant","Condition":{"Bool":{"kms:GrantIsForAWSResource":"false"}}}
        {"Sid":"LogGroups","Effect":"Allow","Resource":"*","Principal":{"Service":"logs.eu-central-1.amazonaws.com"},"Action":["kms:Encrypt*","kms:Decrypt*","kms:ReEncrypt*","kms:GenerateDataKey*","kms:Describe*"],"Condition":{"ArnLike":{"kms:EncryptionContext:aws:logs:arn":"arn:aws:logs:eu-central-1:${account}:log-group:/ringfence/orders/*"}}}"#]]
    .assert_eq(&lines.join("\n"));
}

#[test]
fn the_root_user_is_named_once() {
    let scope = Scope::new("eu-central-1", "123456789012");
    let administrators = [scope.root_arn()];
    let policy = KeyPolicy {
        scope: &scope,
        cluster: "orders",
        purpose: Purpose::Data,
        administrators: &administrators,
        users: &[],
        buckets: &[],
    };
    assert_eq!(policy.document()["Statement"][0]["Condition"]["ArnEquals"]["aws:PrincipalArn"], json!(administrators));
}
