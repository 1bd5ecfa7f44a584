//! What boots is what was checked: altered bytes stop the boot of an instance, and the cluster's bucket says why.

use std::time::Duration;

use anyhow::{Context, Result, ensure};
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;

use crate::clock::{self, Poll};
use crate::host::{Boot, Host, HostConfig, Launch};
use crate::suite::{Case, Outcome};
use crate::terraform::Terraform;
use crate::world::{REGION, World};

/// The cases of this module.
pub const CASES: &[Case] = &[Case { name: "boot::a_flipped_byte_in_package_or_checksum_stops_the_boot", run: flipped }];

/// Fetching the package and hashing it on busy cores.
const LIMIT: Duration = Duration::from_secs(120);

fn flipped(world: &World) -> Result<Outcome> {
    if let Err(why) = Host::possible() {
        return Ok(Outcome::Skipped(format!("{why:#}")));
    }
    let host = Host::start(HostConfig::new(world.localstack.address().parse()?, REGION, world.folder("host")?)?)?;
    let mut terraform = world.terraform_in("examples/quickstart")?;
    crate::quickstart::configure(&mut terraform, world, &host)?;
    terraform.init()?;
    terraform.apply()?;
    let checked = attempts(world, &terraform, &host);
    drop(host);
    terraform.destroy()?;
    checked.map(|()| Outcome::Passed)
}

fn attempts(world: &World, terraform: &Terraform, host: &Host) -> Result<()> {
    let user_data = user_data(world)?;
    let checksum = &world.package.sha256;
    ensure!(user_data.contains(checksum.as_str()), "the user-data does not hold the package's checksum");
    let metadata = terraform.output("metadata_bucket")?.as_str().context("metadata_bucket")?.to_owned();
    let mut bytes = std::fs::read(&world.package.path)?;
    let objects = world.aws.objects(&metadata)?;
    let package = objects.into_iter().find(|(key, _)| key.contains(checksum.as_str()));
    let (key, _) = package.context("the package is not in the bucket")?;
    // Another checksum names another object: it gets the same package, so that the comparison decides.
    let other = flip(checksum);
    put(world, &format!("/{metadata}/{}", key.replace(checksum.as_str(), &other)), &bytes)?;
    refuse(world, host, &metadata, ("i-0checksum", 201), user_data.replace(checksum.as_str(), &other))?;
    let middle = bytes.len() / 2;
    *bytes.get_mut(middle).context("an empty package")? ^= 1;
    put(world, &format!("/{metadata}/{key}"), &bytes)?;
    refuse(world, host, &metadata, ("i-0package", 202), user_data)
}

fn put(world: &World, path: &str, bytes: &[u8]) -> Result<()> {
    let answer = world.aws.s3("PUT", path, &[], bytes)?;
    ensure!(answer.status() == Some(200), "PUT {path}: {} {}", answer.start, answer.text());
    Ok(())
}

/// Boots one instance and expects that nothing starts, and that the bucket says why.
fn refuse(world: &World, host: &Host, metadata: &str, (id, last): (&str, u8), user_data: String) -> Result<()> {
    let profile = world.aws.query("iam", "2010-05-08", "ListInstanceProfiles", &[])?;
    let profile = profile
        .split_once("<InstanceProfileName>")
        .and_then(|(_, rest)| rest.split_once('<'))
        .map(|(name, _)| name.to_owned());
    let address = std::net::Ipv4Addr::new(10, 20, 250, last);
    let zone = format!("{REGION}a");
    let launch = Launch { instance_id: id.to_owned(), address, zone, user_data: user_data.into_bytes(), profile };
    let instance = host.launch(launch)?;
    clock::poll("the end of the boot", LIMIT, || {
        Ok(match instance.boot() {
            Boot::Failed(_) => Poll::Ready(()),
            Boot::Succeeded => anyhow::bail!("{id} booted all the same:\n{}", instance.console()),
            Boot::Lost => anyhow::bail!("{id} was lost before its boot ended:\n{}", instance.console()),
            other => Poll::Pending(format!("{other:?}\n{}", instance.console())),
        })
    })?;
    ensure!(instance.broker_pid().is_none(), "a broker runs on {id}");
    let objects = world.aws.objects(metadata)?;
    let (key, _) =
        objects.into_iter().find(|(key, _)| key.ends_with(id)).with_context(|| format!("no live/boot/{id}"))?;
    let report = world.aws.s3("GET", &format!("/{metadata}/{key}"), &[], &[])?.text();
    ensure!(report.contains("SHA-256"), "live/boot says: {report}");
    Ok(())
}

/// The launch template's user-data, decoded.
fn user_data(world: &World) -> Result<String> {
    let templates = world.aws.query("ec2", "2016-11-15", "DescribeLaunchTemplates", &[])?;
    let id = element(&templates, "launchTemplateId")?;
    let parameters = [("LaunchTemplateId", id.as_str()), ("LaunchTemplateVersion.1", "$Default")];
    let versions = world.aws.query("ec2", "2016-11-15", "DescribeLaunchTemplateVersions", &parameters)?;
    Ok(String::from_utf8(STANDARD.decode(element(&versions, "userData")?)?)?)
}

fn element(xml: &str, name: &str) -> Result<String> {
    let found = xml.split_once(&format!("<{name}>")).and_then(|(_, rest)| rest.split_once('<'));
    Ok(found.with_context(|| format!("no {name} in {xml}"))?.0.to_owned())
}

/// Another checksum of the same form.
fn flip(checksum: &str) -> String {
    let other = if checksum.starts_with('0') { "1" } else { "0" };
    format!("{other}{}", checksum.get(1..).unwrap_or_default())
}
