//! What fails before anything is made, and what it says.

use serde_json::{Value, json};
use tfplugin_rs::{Diagnostics, testing::Saved};

use crate::aws::{CALLER, configured};

fn told(diagnostics: &Diagnostics) -> String {
    diagnostics
        .iter()
        .map(|d| format!("{} | {} | {}", d.path(), d.summary(), d.detail()))
        .collect::<Vec<_>>()
        .join("\n")
}

async fn refusal(resource: &str, config: &Value) -> String {
    let mut world = configured("eu-central-1").await;
    let found = world.terraform.validate(resource, config).await;
    assert!(found.has_errors(), "accepted: {config}");
    told(&found)
}

#[tokio::test]
async fn a_range_with_host_bits_is_refused_at_validate() {
    let config = json!({
        "cluster": "orders", "cluster_id": "c", "vpc_id": "vpc-1", "zones": { "a": "subnet-1" }, "client_cidrs": ["10.20.0.1/16"],
        "image_id": "ami-1", "instance_profile": "p", "architecture": "arm64", "package_sha256": "0".repeat(64),
        "data_bucket": "d", "data_key_arn": "a", "metadata_bucket": "m", "metadata_key_arn": "a"
    });
    let text = refusal("ringfence_broker_group", &config).await;
    assert!(text.contains("client_cidrs") && text.contains("10.20.0.1/16"), "{text}");
}

#[tokio::test]
async fn a_bad_cluster_name_is_refused_at_validate() {
    let config = json!({ "cluster": "Orders", "purpose": "data", "administrators": [CALLER] });
    let text = refusal("ringfence_key", &config).await;
    assert!(text.contains("cluster") && text.contains("lower-case"), "{text}");
}

#[tokio::test]
async fn a_missing_package_is_refused_at_validate() {
    let config = json!({ "cluster": "orders", "path": "/nowhere/p.tar.gz", "bucket": "m", "kms_key_arn": "a" });
    let text = refusal("ringfence_broker_package", &config).await;
    assert!(text.contains("/nowhere/p.tar.gz is not a file; build the package first"), "{text}");
}

#[tokio::test]
async fn a_data_bucket_without_an_endpoint_is_refused_at_validate() {
    let config = json!({ "cluster": "orders", "role": "data", "kms_key_arn": "a" });
    let text = refusal("ringfence_bucket", &config).await;
    assert!(text.contains("a data bucket needs an endpoint"), "{text}");
}

#[tokio::test]
async fn a_config_that_kafka_does_not_know_is_refused_at_validate() {
    let config = json!({
        "cluster": "m/orders", "name": "payments", "partitions": 3, "owner": "o", "classification": "c", "retention_ms": 1000,
        "configs": { "cleanup.policy": "shred" }
    });
    let text = refusal("ringfence_topic", &config).await;
    assert!(text.contains("cleanup.policy") && text.contains("shred"), "{text}");
}

#[tokio::test]
async fn a_key_policy_that_locks_its_caller_out_is_refused_in_the_plan() {
    let mut world = configured("eu-central-1").await;
    let administrators = ["arn:aws:iam::123456789012:role/security"];
    let config = json!({ "cluster": "orders", "purpose": "data", "administrators": administrators });
    let planned = world.terraform.plan("ringfence_key", &Saved::nothing(), &config).await;
    let text = told(planned.diagnostics());
    assert!(text.contains("would lock its caller out") && text.contains(CALLER), "{text}");
}

#[tokio::test]
async fn a_provider_block_with_half_a_credential_is_refused() {
    let mut terraform = tfplugin_rs::testing::Terraform::start(provider_aws::provider::Ringfence).await;
    let found = terraform.configure(json!({ "region": "eu-central-1", "access_key": "a" })).await;
    assert!(told(&found).contains("access_key and secret_key are given together"), "{found:?}");
}
