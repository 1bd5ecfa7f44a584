//! A plan of 2,000 resources: four for each of 500 buckets, tied together by `for_each`, in a first plan.

use provider_boundary::model::store::Versioning;
use provider_review::plan;
use serde_json::{Value, json};

const BUCKETS: usize = 500;

const SOURCE: &str = r#"
resource "aws_s3_bucket" "this" {
  for_each = local.names
  bucket   = each.value
}

resource "aws_s3_bucket_versioning" "this" {
  for_each = aws_s3_bucket.this
  bucket   = each.value.id

  versioning_configuration {
    status = "Enabled"
  }
}

resource "aws_s3_bucket_public_access_block" "this" {
  for_each                = aws_s3_bucket.this
  bucket                  = each.value.id
  block_public_acls       = true
  block_public_policy     = true
  ignore_public_acls      = true
  restrict_public_buckets = true
}

resource "aws_s3_bucket_policy" "this" {
  for_each = aws_s3_bucket.this
  bucket   = each.value.id
  policy   = jsonencode({ Version = "2012-10-17", Statement = [{ Effect = "Deny", Principal = "*", Action = "s3:*", Resource = "${each.value.arn}/*" }] })
}
"#;

fn change(kind: &str, at: usize, after: Value, unknown: Value) -> Value {
    let index = format!("b{at:04}");
    json!({
        "address": format!("{kind}.this[\"{index}\"]"), "mode": "managed", "type": kind, "name": "this", "index": index,
        "change": { "actions": ["create"], "before": null, "after": after, "after_unknown": unknown }
    })
}

fn large() -> Value {
    let on = json!({
        "block_public_acls": true, "block_public_policy": true, "ignore_public_acls": true, "restrict_public_buckets": true
    });
    let changes: Vec<Value> = (0..BUCKETS)
        .flat_map(|at| {
            let enabled = json!({ "versioning_configuration": [{ "status": "Enabled" }] });
            let computed =
                json!({ "id": true, "arn": true, "policy": true, "versioning": true, "lifecycle_rule": true });
            [
                change("aws_s3_bucket", at, json!({ "bucket": format!("bucket-{at:04}") }), computed),
                change("aws_s3_bucket_versioning", at, enabled, json!({ "bucket": true, "id": true })),
                change("aws_s3_bucket_public_access_block", at, on.clone(), json!({ "bucket": true, "id": true })),
                change("aws_s3_bucket_policy", at, json!({}), json!({ "bucket": true, "policy": true, "id": true })),
            ]
        })
        .collect();
    let bucket = json!({ "references": ["each.value.id", "each.value"] });
    let each = json!({ "references": ["aws_s3_bucket.this"] });
    let of_bucket = |kind: &str, mut expressions: Value| {
        expressions.as_object_mut().unwrap().insert("bucket".into(), bucket.clone());
        json!({
            "mode": "managed", "type": kind, "name": "this", "provider_config_key": "aws", "expressions": expressions,
            "for_each_expression": each
        })
    };
    let policy = json!({ "policy": { "references": ["each.value.arn", "each.value"] } });
    json!({
        "format_version": "1.2", "planned_values": {}, "complete": true, "errored": false, "resource_changes": changes,
        "configuration": {
            "provider_config": { "aws": { "name": "aws", "expressions": { "region": { "constant_value": "eu-central-1" } } } },
            "root_module": { "resources": [
                {
                    "mode": "managed", "type": "aws_s3_bucket", "name": "this", "provider_config_key": "aws",
                    "expressions": { "bucket": { "references": ["each.value"] } },
                    "for_each_expression": { "references": ["local.names"] }
                },
                of_bucket("aws_s3_bucket_versioning", json!({})),
                of_bucket("aws_s3_bucket_public_access_block", json!({})),
                of_bucket("aws_s3_bucket_policy", policy)
            ] }
        }
    })
}

#[test]
fn two_thousand_resources_are_read_and_every_setting_finds_its_bucket() {
    let folder = tempfile::tempdir().unwrap();
    std::fs::write(folder.path().join("main.tf"), SOURCE).unwrap();
    let world = plan::read(large().to_string().as_bytes(), Some(folder.path())).unwrap().planned;
    assert_eq!(world.buckets.len(), BUCKETS);
    for (at, bucket) in world.buckets.iter().enumerate() {
        assert_eq!(bucket.versioning.known(), Some(&Versioning::Enabled));
        let policy = bucket.policy.as_ref().unwrap().text().unwrap();
        assert!(policy.contains(&format!("arn:aws:s3:::bucket-{at:04}/*")), "{policy}");
    }
}
