//! Each infrastructure resource through the step protocol.

use anyhow::{Context, Result, ensure};
use serde_json::Value;

use crate::cases::{Stage, waits_for_deletion};
use crate::suite::{Case, Outcome};
use crate::terraform::Plan;
use crate::world::World;

/// The cases of this module.
pub const CASES: &[Case] = &[
    Case { name: "key::is_made_changed_imported_and_scheduled_for_deletion", run: key },
    Case { name: "bucket::is_made_changed_imported_and_deleted", run: bucket },
    Case { name: "cluster::all_resources_are_made_read_and_deleted", run: everything },
];

/// A key whose policy must be in the plan.
fn key_resource(stage: &Stage, purpose: &str, more: &str) -> String {
    let administrator = stage.administrator();
    format!(
        "resource \"ringfence_key\" \"{purpose}\" {{\n  cluster = \"trial\"\n  purpose = \"{purpose}\"\n  \
         administrators = [\"{administrator}\"]\n  on_destroy = \"schedule_deletion\"\n{more}}}\n"
    )
}

fn key(world: &World) -> Result<Outcome> {
    let stage = Stage::new(world, "key")?;
    stage.step(&key_resource(&stage, "data", ""), |plan| {
        let policy = planned(plan, "ringfence_key.data", "policy_template")?;
        ensure!(policy.contains("kms:"), "the first plan shows no policy: {policy}");
        Ok(())
    })?;
    stage.step(&key_resource(&stage, "data", "  tags = { stage = \"second\" }\n"), |plan| {
        updates(plan, "ringfence_key.data")
    })?;
    let id = text(&stage.terraform.attributes("ringfence_key.data")?, "id")?;
    let alone = key_resource(&stage, "data", "  tags = { stage = \"second\" }\n");
    stage.import_verify(world, &alone, "ringfence_key.data", &id)?;
    stage.destroy(waits_for_deletion)?;
    Ok(Outcome::Passed)
}

fn bucket_resource(key_arn: &str, more: &str) -> String {
    format!(
        "resource \"ringfence_bucket\" \"data\" {{\n  cluster = \"trial\"\n  role = \"data\"\n  kms_key_arn = {key_arn}\n  \
         broker_role = \"trial-broker\"\n  endpoints = {{ s3 = \"vpce-0123456789abcdef0\" }}\n  on_destroy = \"delete\"\n{more}}}\n"
    )
}

fn bucket(world: &World) -> Result<Outcome> {
    let stage = Stage::new(world, "bucket")?;
    let resources = |more: &str| key_resource(&stage, "data", "") + &bucket_resource("ringfence_key.data.arn", more);
    stage.step(&resources(""), |plan| {
        let policy = planned(plan, "ringfence_bucket.data", "policy_template")?;
        ensure!(policy.contains("s3:"), "the first plan shows no policy: {policy}");
        Ok(())
    })?;
    let second = "  tags = { stage = \"second\" }\n";
    stage.step(&resources(second), |plan| updates(plan, "ringfence_bucket.data"))?;
    let made = stage.terraform.attributes("ringfence_bucket.data")?;
    let (name, key_arn) = (text(&made, "name")?, text(&made, "kms_key_arn")?);
    stage.import_verify(world, &bucket_resource(&format!("\"{key_arn}\""), second), "ringfence_bucket.data", &name)?;
    let put = stage.aws.s3("PUT", &format!("/{name}/trial/wal/left"), &[], b"content")?;
    ensure!(put.status() == Some(200), "{} {}", put.start, put.text());
    stage.destroy(waits_for_deletion)?;
    Ok(Outcome::Passed)
}

/// Network pieces that are not ours, made straight in the emulator.
pub(crate) struct Site {
    pub(crate) vpc: String,
    pub(crate) subnet: String,
    pub(crate) route_table: String,
    pub(crate) image: String,
}

pub(crate) fn site(stage: &Stage) -> Result<Site> {
    const VERSION: &str = "2016-11-15";
    let query = |action: &str, parameters: &[(&str, &str)]| stage.aws.query("ec2", VERSION, action, parameters);
    let vpc = inside(&query("CreateVpc", &[("CidrBlock", "10.30.0.0/16")])?, "vpcId")?;
    let zone = format!("{}a", crate::world::REGION);
    let subnet = query("CreateSubnet", &[("VpcId", &vpc), ("CidrBlock", "10.30.1.0/24"), ("AvailabilityZone", &zone)])?;
    let table = inside(&query("CreateRouteTable", &[("VpcId", &vpc)])?, "routeTableId")?;
    let image = inside(
        &query("DescribeImages", &[("Filter.1.Name", "architecture"), ("Filter.1.Value.1", "x86_64")])?,
        "imageId",
    )?;
    Ok(Site { subnet: inside(&subnet, "subnetId")?, vpc, route_table: table, image })
}

/// Every resource of a cluster, with one broker group in one zone.
pub(crate) fn cluster_resources(stage: &Stage, site: &Site, package: &str) -> String {
    let Site { vpc, subnet, route_table, image } = site;
    let administrator = stage.administrator();
    let keys = key_resource(stage, "data", "")
        + &key_resource(stage, "metadata", &format!("  users = [\"{administrator}\"]\n"));
    format!(
        r#"{keys}
resource "ringfence_vpc_endpoint" "s3" {{
  cluster         = "trial"
  service         = "s3"
  vpc_id          = "{vpc}"
  route_table_ids = ["{route_table}"]
  owner           = "acceptance"
  purpose         = "records"
}}
resource "ringfence_broker_role" "this" {{
  cluster          = "trial"
  data_key_arn     = ringfence_key.data.arn
  metadata_key_arn = ringfence_key.metadata.arn
}}
resource "ringfence_bucket" "data" {{
  cluster     = "trial"
  role        = "data"
  kms_key_arn = ringfence_key.data.arn
  broker_role = ringfence_broker_role.this.name
  endpoints   = {{ s3 = ringfence_vpc_endpoint.s3.id }}
  on_destroy  = "delete"
}}
resource "ringfence_bucket" "metadata" {{
  cluster     = "trial"
  role        = "metadata"
  kms_key_arn = ringfence_key.metadata.arn
  broker_role = ringfence_broker_role.this.name
  log_writers = ["{administrator}"]
  on_destroy  = "delete"
}}
resource "ringfence_broker_package" "this" {{
  cluster     = "trial"
  path        = "{package}"
  bucket      = ringfence_bucket.metadata.name
  kms_key_arn = ringfence_key.metadata.arn
}}
resource "ringfence_cluster" "this" {{
  name            = "trial"
  data_bucket     = ringfence_bucket.data.name
  metadata_bucket = ringfence_bucket.metadata.name
}}
resource "ringfence_broker_group" "this" {{
  cluster           = ringfence_cluster.this.name
  cluster_id        = ringfence_cluster.this.cluster_id
  vpc_id            = "{vpc}"
  zones             = {{ {region}a = "{subnet}" }}
  client_cidrs      = ["10.30.0.0/16"]
  image_id          = "{image}"
  instance_profile  = ringfence_broker_role.this.instance_profile
  architecture      = ringfence_broker_package.this.architecture
  package_sha256    = ringfence_broker_package.this.sha256
  data_bucket       = ringfence_bucket.data.name
  data_key_arn      = ringfence_key.data.arn
  metadata_bucket   = ringfence_bucket.metadata.name
  metadata_key_arn  = ringfence_key.metadata.arn
  s3_prefix_list_id = ringfence_vpc_endpoint.s3.prefix_list_id
  logs_on_destroy   = "delete"
}}
"#,
        region = crate::world::REGION,
    )
}

fn everything(world: &World) -> Result<Outcome> {
    let stage = Stage::new(world, "everything")?;
    let site = site(&stage)?;
    let resources = cluster_resources(&stage, &site, &world.package.path.to_string_lossy());
    stage.step(&resources, |plan| {
        for address in
            ["ringfence_key.data", "ringfence_bucket.data", "ringfence_bucket.metadata", "ringfence_vpc_endpoint.s3"]
        {
            let policy = planned(plan, address, "policy_template")?;
            ensure!(policy.contains("Statement"), "{address}: the first plan shows no policy: {policy}");
        }
        Ok(())
    })?;
    let ours = [&site.vpc, &site.subnet, &site.route_table];
    stage.destroy(|line| waits_for_deletion(line) || is_of_the_site(line, &ours))?;
    Ok(Outcome::Passed)
}

/// What [`site`] made, and what a VPC brings along: its default security group and main route table.
fn is_of_the_site(line: &str, ours: &[&String]) -> bool {
    ours.iter().any(|id| line.ends_with(id.as_str()))
        || line.starts_with("security group ")
        || line.starts_with("route table ")
}

/// The planned value of an attribute, as text.
pub(crate) fn planned(plan: &Plan, address: &str, attribute: &str) -> Result<String> {
    let all = plan.json.get("resource_changes").and_then(Value::as_array).into_iter().flatten();
    let change = all.into_iter().find(|one| one.get("address").is_some_and(|known| known == address));
    let after =
        change.and_then(|one| one.pointer("/change/after")).with_context(|| format!("{address} is not planned"))?;
    text(after, attribute).with_context(|| format!("{address} at plan"))
}

/// Fails unless the plan changes the object in place.
pub(crate) fn updates(plan: &Plan, address: &str) -> Result<()> {
    let all = plan.json.get("resource_changes").and_then(Value::as_array).into_iter().flatten();
    let change = all.into_iter().find(|one| one.get("address").is_some_and(|known| known == address));
    let actions =
        change.and_then(|one| one.pointer("/change/actions")).with_context(|| format!("{address} is not planned"))?;
    ensure!(*actions == serde_json::json!(["update"]), "{address} would be {actions}");
    Ok(())
}

/// An attribute that is text.
pub(crate) fn text(values: &Value, attribute: &str) -> Result<String> {
    let found = values.get(attribute).and_then(Value::as_str);
    Ok(found.with_context(|| format!("no text {attribute} in {values}"))?.to_owned())
}

/// The text of the first element of that name.
fn inside(xml: &str, element: &str) -> Result<String> {
    let found = xml.split_once(&format!("<{element}>")).and_then(|(_, rest)| rest.split_once('<'));
    Ok(found.with_context(|| format!("no {element} in {xml}"))?.0.to_owned())
}
