//! Bad input fails at the earliest phase possible, with a message that says what to do, and orphans nothing.

use anyhow::{Result, ensure};

use crate::cases::resources::{cluster_resources, site, text};
use crate::cases::{Stage, waits_for_deletion};
use crate::denial::{Denial, REQUEST_ID};
use crate::suite::{Case, Outcome, expect_message};
use crate::terraform::{Refresh, Terraform, plain};
use crate::world::World;

/// The cases of this module.
pub const CASES: &[Case] = &[
    Case { name: "bad_input::a_wrong_cidr_fails_at_validate", run: wrong_cidr },
    Case { name: "bad_input::an_unknown_subnet_fails_before_anything_of_the_group_is_made", run: unknown_subnet },
    Case { name: "bad_input::a_missing_permission_to_create_a_key_names_action_and_request", run: no_create_key },
    Case { name: "bad_input::a_missing_permission_half_way_keeps_the_bucket_in_the_state", run: no_bucket_policy },
    Case { name: "bad_input::a_bucket_name_taken_by_another_account_is_explained", run: name_taken },
    Case { name: "bad_input::a_missing_package_file_fails_at_plan", run: no_package },
];

/// A broker group on things that need not exist.
fn group(zones: &str, cidr: &str) -> String {
    format!(
        r#"resource "ringfence_broker_group" "this" {{
  cluster           = "trial"
  cluster_id        = "0b5f7a52-6b1f-4c8e-9a64-3d1d3a4b5c6d"
  vpc_id            = "vpc-0123456789abcdef0"
  zones             = {zones}
  client_cidrs      = ["{cidr}"]
  image_id          = "ami-0123456789abcdef0"
  instance_profile  = "trial-broker"
  architecture      = "x86_64"
  package_sha256    = "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855"
  data_bucket       = "trial-data"
  data_key_arn      = "arn:aws:kms:eu-central-1:000000000000:key/0b5f7a52-6b1f-4c8e-9a64-3d1d3a4b5c6d"
  metadata_bucket   = "trial-metadata"
  metadata_key_arn  = "arn:aws:kms:eu-central-1:000000000000:key/0b5f7a52-6b1f-4c8e-9a64-3d1d3a4b5c6d"
  s3_prefix_list_id = "pl-0123456789abcdef0"
}}
"#
    )
}

fn wrong_cidr(world: &World) -> Result<Outcome> {
    let stage = Stage::new(world, "wrong-cidr")?;
    stage.configure(&group("{ eu-central-1a = \"subnet-0123456789abcdef0\" }", "10.0.0.0/99"))?;
    stage.terraform.init()?;
    let failure = fails_at_validate(&stage.terraform)?;
    expect_message(&failure, &["10.0.0.0/99", "client_cidrs"])?;
    expect_nothing(&stage)
}

fn unknown_subnet(world: &World) -> Result<Outcome> {
    let stage = Stage::new(world, "unknown-subnet")?;
    let mut site = site(&stage)?;
    "subnet-0123456789abcdef0".clone_into(&mut site.subnet);
    stage.configure(&cluster_resources(&stage, &site, &world.package.path.to_string_lossy()))?;
    stage.terraform.init()?;
    let failure = stage.terraform.failure(&["apply", "-auto-approve"])?;
    expect_message(&failure.message, &["subnet-0123456789abcdef0"])?;
    let made = stage.made()?;
    let of_the_group = |line: &&String| {
        line.starts_with("launch template") || line.starts_with("auto scaling") || line.starts_with("log group")
    };
    let orphans: Vec<_> = made.iter().filter(of_the_group).collect();
    let kept = stage.terraform.addresses()?.contains(&"ringfence_broker_group.this".to_owned());
    ensure!(orphans.is_empty() || kept, "made and not in the state: {orphans:?}");
    stage.terraform.destroy()?;
    Ok(Outcome::Passed)
}

fn key(stage: &Stage) -> String {
    format!(
        "resource \"ringfence_key\" \"data\" {{\n  cluster = \"trial\"\n  purpose = \"data\"\n  administrators = [\"{}\"]\n  \
         on_destroy = \"schedule_deletion\"\n}}\n",
        stage.administrator()
    )
}

fn no_create_key(world: &World) -> Result<Outcome> {
    let mut stage = Stage::new(world, "no-create-key")?;
    let denial = Denial::start(world.localstack.address(), &["kms:CreateKey"])?;
    stage.through(&denial.endpoint());
    stage.configure(&key(&stage))?;
    stage.terraform.init()?;
    stage.terraform.plan(Refresh::Yes)?;
    let failure = stage.terraform.failure(&["apply", "-auto-approve"])?;
    ensure!(!denial.refused().is_empty(), "nothing was refused");
    expect_message(&failure.message, &["kms:CreateKey", REQUEST_ID, "AccessDenied"])?;
    expect_nothing(&stage)
}

fn bucket(stage: &Stage) -> String {
    key(stage)
        + "resource \"ringfence_bucket\" \"data\" {\n  cluster = \"trial\"\n  role = \"data\"\n  kms_key_arn = ringfence_key.data.arn\n  \
           broker_role = \"trial-broker\"\n  endpoints = { s3 = \"vpce-0123456789abcdef0\" }\n  on_destroy = \"delete\"\n}\n"
}

fn no_bucket_policy(world: &World) -> Result<Outcome> {
    let mut stage = Stage::new(world, "no-bucket-policy")?;
    let denial = Denial::start(world.localstack.address(), &["s3:PutBucketPolicy"])?;
    stage.through(&denial.endpoint());
    stage.configure(&bucket(&stage))?;
    stage.terraform.init()?;
    let failure = stage.terraform.failure(&["apply", "-auto-approve"])?;
    expect_message(&failure.message, &["s3:PutBucketPolicy", REQUEST_ID, "AccessDenied"])?;
    let exists = stage.made()?.iter().any(|line| line.starts_with("bucket "));
    let kept = stage.terraform.addresses()?.contains(&"ringfence_bucket.data".to_owned());
    ensure!(kept == exists, "bucket exists: {exists}, in the state: {kept}");
    stage.through(&world.localstack.endpoint());
    stage.configure(&bucket(&stage))?;
    stage.terraform.apply()?;
    stage.expect_empty()?;
    stage.destroy(waits_for_deletion)?;
    Ok(Outcome::Passed)
}

fn name_taken(world: &World) -> Result<Outcome> {
    let mut stage = Stage::new(world, "name-taken")?;
    // The emulator lets one account look into another's bucket; AWS does not.
    let reads = ["s3:ListBucket", "s3:GetBucketTagging", "s3:GetBucketPolicy", "s3:GetEncryptionConfiguration"];
    let denial = Denial::start(world.localstack.address(), &reads)?;
    stage.through(&denial.endpoint());
    stage.configure(&bucket(&stage))?;
    stage.terraform.init()?;
    let plan = stage.terraform.plan(Refresh::Yes)?;
    let name = crate::cases::resources::planned(&plan, "ringfence_bucket.data", "name")?;
    world.aws.as_account(&world.account()).create_bucket(&name)?;
    let failure = stage.terraform.failure(&["apply", "-auto-approve"])?;
    expect_message(&failure.message, &[&name, "is taken", "Set `name`"])?;
    stage.through(&world.localstack.endpoint());
    stage.configure(&bucket(&stage))?;
    let addresses = stage.terraform.addresses()?;
    ensure!(addresses == ["ringfence_key.data"], "in the state: {addresses:?}");
    let key = stage.terraform.attributes("ringfence_key.data")?;
    ensure!(!text(&key, "arn")?.is_empty());
    stage.destroy(waits_for_deletion)?;
    Ok(Outcome::Passed)
}

fn no_package(world: &World) -> Result<Outcome> {
    let stage = Stage::new(world, "no-package")?;
    stage.configure(
        "resource \"ringfence_broker_package\" \"this\" {\n  cluster = \"trial\"\n  path = \"/nowhere/ringfence-broker.tar.gz\"\n  \
         bucket = \"trial-metadata\"\n  kms_key_arn = \"arn:aws:kms:eu-central-1:000000000000:key/0b5f7a52-6b1f-4c8e-9a64-3d1d3a4b5c6d\"\n}\n",
    )?;
    stage.terraform.init()?;
    let failure = stage.terraform.failure(&["plan"])?;
    expect_message(&failure.message, &["/nowhere/ringfence-broker.tar.gz", "path"])?;
    expect_nothing(&stage)
}

/// `terraform validate` has to fail; answers its message.
fn fails_at_validate(terraform: &Terraform) -> Result<String> {
    let Err(error) = terraform.validate() else { anyhow::bail!("terraform validate accepted it") };
    Ok(plain(&format!("{error:#}")))
}

/// Nothing in the state, nothing in the account.
fn expect_nothing(stage: &Stage) -> Result<Outcome> {
    let made = stage.made()?;
    ensure!(made.is_empty(), "made all the same: {made:?}");
    ensure!(
        !stage.terraform.folder().join("terraform.tfstate").exists() || stage.terraform.addresses()?.is_empty(),
        "the state is not empty"
    );
    Ok(Outcome::Passed)
}
