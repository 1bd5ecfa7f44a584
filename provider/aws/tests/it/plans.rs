//! Plans make no call, show policies before anything exists, and go on without a provider configuration.

use std::io::Write as _;

use provider_aws::provider::Ringfence;
use serde_json::{Value, json};
use tfplugin_rs::testing::{Saved, Terraform, unknown};

use crate::aws::{ACCOUNT, CALLER, block, configured};

const UNKNOWN: &str = "(known after apply)";

fn key() -> Value {
    json!({ "cluster": "orders", "purpose": "data", "administrators": [CALLER] })
}

fn bucket() -> Value {
    json!({ "cluster": "orders", "role": "data", "kms_key_arn": unknown(), "endpoints": { "s3": unknown() } })
}

/// A file that is a package: an archive with an x86-64 program under the broker's name.
fn package() -> tempfile::NamedTempFile {
    let mut program = vec![0; 64];
    program[..4].copy_from_slice(b"\x7fELF");
    program[18] = 0x3e;
    let mut file = tempfile::NamedTempFile::new().unwrap();
    let mut archive = tar::Builder::new(flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::fast()));
    let mut header = tar::Header::new_gnu();
    header.set_size(program.len() as u64);
    archive.append_data(&mut header, "bin/ringfence-broker", program.as_slice()).unwrap();
    file.write_all(&archive.into_inner().unwrap().finish().unwrap()).unwrap();
    file
}

/// One configuration of every resource.
fn every_resource(package: &str) -> Vec<(&'static str, Value)> {
    let arn = "arn:aws:kms:eu-central-1:123456789012:key/1";
    vec![
        ("ringfence_key", key()),
        ("ringfence_bucket", bucket()),
        (
            "ringfence_vpc_endpoint",
            json!({ "cluster": "orders", "service": "s3", "vpc_id": "vpc-1", "route_table_ids": ["rtb-1"], "owner": "o", "purpose": "p" }),
        ),
        (
            "ringfence_broker_role",
            json!({ "cluster": "orders", "data_key_arn": unknown(), "metadata_key_arn": unknown() }),
        ),
        (
            "ringfence_broker_package",
            json!({ "cluster": "orders", "path": package, "bucket": "m", "kms_key_arn": arn }),
        ),
        ("ringfence_cluster", json!({ "name": "orders", "data_bucket": "d", "metadata_bucket": "m" })),
        (
            "ringfence_broker_group",
            json!({
                "cluster": "orders", "cluster_id": "c", "vpc_id": "vpc-1", "zones": { "eu-central-1a": "subnet-1" },
                "image_id": "ami-1", "instance_profile": "p", "architecture": "arm64", "package_sha256": "0".repeat(64),
                "data_bucket": "d", "data_key_arn": arn, "metadata_bucket": "m", "metadata_key_arn": arn
            }),
        ),
        (
            "ringfence_topic",
            json!({
                "cluster": "m/orders", "name": "payments", "partitions": 3, "owner": "o", "classification": "c", "retention_ms": 1000
            }),
        ),
    ]
}

#[tokio::test]
async fn schemas_have_no_flaws() {
    assert_eq!(Terraform::start(Ringfence).await.flaws(), []);
}

#[tokio::test]
async fn a_plan_of_any_resource_makes_no_call_and_shows_its_facts() {
    let mut world = configured("eu-central-1").await;
    let package = package();
    for (resource, config) in every_resource(package.path().to_str().unwrap()) {
        assert!(world.terraform.validate(resource, &config).await.is_empty(), "{resource}");
        let planned = world.terraform.plan(resource, &Saved::nothing(), &config).await;
        assert!(planned.diagnostics().is_empty(), "{resource}: {:?}", planned.diagnostics());
        assert_ne!(planned.json()["facts"], UNKNOWN, "{resource}");
        let again = world.terraform.plan(resource, &Saved::nothing(), &config).await;
        assert_eq!(planned.json(), again.json(), "{resource}");
    }
    // The one call is that of the configuration; whoever called another service would have failed.
    assert_eq!(world.sts.received_requests().await.unwrap().len(), 1);
}

#[tokio::test]
async fn a_first_plan_shows_the_policies_with_symbols_for_what_aws_assigns() {
    let mut world = configured("eu-central-1").await;
    let planned = world.terraform.plan("ringfence_key", &Saved::nothing(), &key()).await.json();
    assert_eq!(planned["policy"], planned["policy_template"]);
    assert_eq!(planned["alias"], "alias/ringfence-orders-data");
    let planned = world.terraform.plan("ringfence_bucket", &Saved::nothing(), &bucket()).await.json();
    assert_eq!(planned["name"], format!("orders-data-{ACCOUNT}-eu-central-1"));
    assert_eq!(planned["policy"], UNKNOWN);
    let template = planned["policy_template"].as_str().unwrap();
    assert!(template.contains("${key:data}") && template.contains("${vpce:s3}"), "{template}");
    assert_eq!(planned["tags_all"], json!({ "team": "platform" }));
}

#[tokio::test]
async fn a_policy_is_known_once_its_ids_are() {
    let mut world = configured("eu-central-1").await;
    let config =
        json!({ "cluster": "orders", "role": "data", "kms_key_arn": "arn:key", "endpoints": { "s3": "vpce-1" } });
    let planned = world.terraform.plan("ringfence_bucket", &Saved::nothing(), &config).await.json();
    let template = planned["policy_template"].as_str().unwrap();
    let filled = template.replace("${key:data}", "arn:key").replace("${vpce:s3}", "vpce-1");
    assert_eq!(planned["policy"], filled);
}

#[tokio::test]
async fn in_another_partition_nothing_is_named_as_in_the_commercial_one() {
    let mut world = configured("cn-north-1").await;
    let administrators = ["arn:aws-cn:iam::123456789012:role/platform"];
    let config = json!({ "cluster": "orders", "purpose": "data", "administrators": administrators });
    let planned = world.terraform.plan("ringfence_key", &Saved::nothing(), &config).await.json();
    let policy = planned["policy"].as_str().unwrap();
    assert!(!policy.contains("arn:aws:") && policy.contains("s3.cn-north-1.amazonaws.com.cn"), "{policy}");
}

#[tokio::test]
async fn an_unknown_provider_configuration_leaves_plans_possible() {
    let mut terraform = Terraform::start(Ringfence).await;
    let mut config = block("eu-central-1", "http://127.0.0.1:1");
    config["region"] = unknown();
    let told = terraform.configure(config).await;
    assert!(!told.has_errors(), "{told:?}");
    let package = package();
    for (resource, config) in every_resource(package.path().to_str().unwrap()) {
        let planned = terraform.plan(resource, &Saved::nothing(), &config).await;
        assert!(!planned.diagnostics().has_errors(), "{resource}: {:?}", planned.diagnostics());
    }
}
