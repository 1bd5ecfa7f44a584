//! Topics through the metadata log in the bucket: no broker runs in these cases.

use anyhow::{Result, ensure};

use crate::cases::resources::{text, updates};
use crate::cases::{Stage, waits_for_deletion};
use crate::suite::{Case, Outcome, expect_message};
use crate::world::World;

/// The cases of this module.
pub const CASES: &[Case] = &[
    Case { name: "topic::is_made_grown_imported_and_deleted_without_a_broker", run: life },
    Case { name: "topic::a_protected_topic_is_not_destroyed_and_the_plan_says_so", run: protected },
];

/// Cluster and topic on two buckets; keys are made, roles are only named.
fn resources(stage: &Stage, topic: &str) -> String {
    let administrator = stage.administrator();
    let mut all = String::new();
    for role in ["data", "metadata"] {
        let writers =
            if role == "metadata" { format!("  log_writers = [\"{administrator}\"]\n") } else { String::new() };
        let endpoints = if role == "data" { "  endpoints = { s3 = \"vpce-0123456789abcdef0\" }\n" } else { "" };
        all.push_str(&format!(
            "resource \"ringfence_key\" \"{role}\" {{\n  cluster = \"trial\"\n  purpose = \"{role}\"\n  administrators = [\"{administrator}\"]\n  \
             on_destroy = \"schedule_deletion\"\n}}\n\
             resource \"ringfence_bucket\" \"{role}\" {{\n  cluster = \"trial\"\n  role = \"{role}\"\n  kms_key_arn = ringfence_key.{role}.arn\n  \
             broker_role = \"trial-broker\"\n  on_destroy = \"delete\"\n{writers}{endpoints}}}\n"
        ));
    }
    all + "resource \"ringfence_cluster\" \"this\" {\n  name = \"trial\"\n  data_bucket = ringfence_bucket.data.name\n  \
           metadata_bucket = ringfence_bucket.metadata.name\n}\n"
        + topic
}

fn topic(partitions: u32, protection: &str) -> String {
    topic_of("ringfence_cluster.this.id", partitions, protection)
}

fn topic_of(cluster: &str, partitions: u32, protection: &str) -> String {
    format!(
        "resource \"ringfence_topic\" \"orders\" {{\n  cluster = {cluster}\n  name = \"orders\"\n  partitions = {partitions}\n  \
         owner = \"acceptance\"\n  classification = \"internal\"\n  retention_ms = 3600000\n{protection}}}\n"
    )
}

const UNPROTECTED: &str = "  deletion_protection = false\n";

fn life(world: &World) -> Result<Outcome> {
    let stage = Stage::new(world, "topic")?;
    stage.step(&resources(&stage, &topic(3, UNPROTECTED)), |_| Ok(()))?;
    let id = text(&stage.terraform.attributes("ringfence_topic.orders")?, "topic_id")?;
    stage.step(&resources(&stage, &topic(5, UNPROTECTED)), |plan| updates(plan, "ringfence_topic.orders"))?;
    let attributes = stage.terraform.attributes("ringfence_topic.orders")?;
    ensure!(text(&attributes, "topic_id")? == id, "growing a topic replaced it");
    let cluster = format!("\"{}\"", text(&attributes, "cluster")?);
    let alone = topic_of(&cluster, 5, UNPROTECTED);
    stage.import_verify(world, &alone, "ringfence_topic.orders", &text(&attributes, "id")?)?;
    stage.destroy(waits_for_deletion)?;
    Ok(Outcome::Passed)
}

fn protected(world: &World) -> Result<Outcome> {
    let stage = Stage::new(world, "protected")?;
    stage.step(&resources(&stage, &topic(1, "")), |_| Ok(()))?;
    stage.configure(&resources(&stage, ""))?;
    let refused = stage.terraform.failure(&["plan"])?;
    expect_message(&refused.message, &["orders", "deletion_protection"])?;
    ensure!(stage.terraform.addresses()?.contains(&"ringfence_topic.orders".to_owned()), "the topic left the state");
    stage.configure(&resources(&stage, &topic(1, UNPROTECTED)))?;
    stage.terraform.apply()?;
    stage.destroy(waits_for_deletion)?;
    Ok(Outcome::Passed)
}
