//! `cargo quickstart`: from nothing through `terraform apply` to records produced, consumed, and kept through a broker's death.
//!
//! Invariant: when it returns, nothing it started runs any more and nothing it made is left on this machine but the cache.

mod traffic;

use std::sync::Arc;
use std::time::Duration;

use anyhow::{Context, Result, ensure};
use serde_json::Value;

use crate::binaries::Scope;
use crate::clock::{self, Poll};
use crate::emulator::{self, Inventory};
use crate::host::{Host, HostConfig, Instance, KAFKA_PORT};
use crate::report::{Notes, Steps, say};
use crate::terraform::{Refresh, Terraform};
use crate::world::{REGION, World};
use crate::{client_env, interrupt};
use traffic::Traffic;

/// A broker in each of these.
const ZONES: &[&str] = &["eu-central-1a", "eu-central-1b"];

/// From `terraform apply` to the last byte of user-data: unpacking and signing on two busy cores.
const BOOT_LIMIT: Duration = Duration::from_secs(120);

/// From the end of user-data to a broker that serves.
const READY_LIMIT: Duration = Duration::from_secs(60);

/// What is done at the end.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum End {
    /// Destroy, and list what is left.
    Destroy,
    /// Say how to reach it and wait for Ctrl-C.
    Keep,
}

/// Runs it.
///
/// # Errors
/// The step that failed, with the end of its log; everything is cleaned up by then.
pub fn run(end: End) -> Result<()> {
    let mut steps = Steps::start("Ringfence quickstart: everything below runs on this machine, nothing is sent to AWS");
    let world = World::start(&mut steps, Scope::Programs)?;
    let clients = steps.step("find or fetch the Kafka clients", |_| client_env::python())?;
    let host = steps.step("make the instances' network", |notes| {
        let config = HostConfig::new(world.localstack.address().parse()?, REGION, world.folder("host")?)?;
        let host = Host::start(config)?;
        if let Err(reason) = Host::possible() {
            notes.add(format_args!("NOT ISOLATED: instances are processes at loopback addresses, because {reason:#}"));
        }
        notes.add(format_args!("store at {}; paths that count as declared:", host.store_url()));
        host.declared_paths().iter().for_each(|path| notes.add(format_args!("  {path}")));
        Ok(host)
    })?;
    let before = world.aws.inventory()?;
    let mut terraform = world.terraform_in("examples/quickstart")?;
    configure(&mut terraform, &world, &host)?;
    let provisioned = provision(&mut steps, &terraform, &host);
    let instances = provisioned.inspect_err(|_| tell_consoles(&host))?;
    let bootstrap: Vec<String> = instances.iter().map(|one| format!("{}:{KAFKA_PORT}", one.address())).collect();
    let client = host.client()?;
    let traffic = Traffic {
        client: &client,
        python: &clients,
        bootstrap: bootstrap.join(","),
        scratch: world.folder("traffic")?,
    };
    let used = use_it(&mut steps, &world, &terraform, &traffic, &instances);
    used.inspect_err(|_| tell_logs(&instances))?;
    if end == End::Keep {
        return keep(&world, &terraform, &bootstrap, &client);
    }
    destroy(&mut steps, &world, &terraform, &host, &before)?;
    steps.end("quickstart passed");
    Ok(())
}

/// Sets the example's variables.
pub(crate) fn configure(terraform: &mut Terraform, world: &World, host: &Host) -> Result<()> {
    terraform.set("region", REGION);
    terraform.set("zones", &serde_json::to_string(ZONES)?);
    terraform.set("broker_package", &world.package.path.to_string_lossy());
    terraform.set("s3_endpoint", &host.store_url());
    terraform.set("aws_endpoint", &world.localstack.endpoint());
    Ok(())
}

/// Everything up to brokers that serve.
fn provision(steps: &mut Steps, terraform: &Terraform, host: &Host) -> Result<Vec<Arc<Instance>>> {
    steps.step("terraform init", |_| terraform.init())?;
    steps.step("terraform plan", |notes| {
        let plan = terraform.plan(Refresh::Yes)?;
        let changes = plan.json.get("resource_changes").and_then(Value::as_array).map_or(0, Vec::len);
        notes.add(format_args!("{changes} objects to make; {}", plan.usage));
        Ok(())
    })?;
    host.watch();
    steps.step("terraform apply", |notes| {
        terraform.apply_plan()?;
        notes.add(format_args!("{} objects in the state", terraform.addresses()?.len()));
        Ok(())
    })?;
    let instances = steps.step("instances boot from the launch template's user-data", |notes| {
        let booted = host.wait_booted(ZONES.len(), BOOT_LIMIT)?;
        booted.iter().for_each(|one| notes.add(format_args!("{} in {} at {}", one.id(), one.zone(), one.address())));
        Ok(booted)
    })?;
    steps.step("brokers are ready", |notes| {
        instances.iter().try_for_each(|one| wait_ready(one))?;
        if let Some(settings) = instances.first().map(|one| one.settings()) {
            notes.add(format_args!("{} settings of the unit are in force here", settings.honoured.len()));
            notes.add(format_args!("on a real host only: {}", names(&settings.not_honoured)));
        }
        Ok(())
    })?;
    Ok(instances)
}

/// The settings' names, without values and reasons.
fn names(settings: &[String]) -> String {
    let mut names: Vec<&str> = settings.iter().filter_map(|line| line.split('=').next()).collect();
    names.dedup();
    names.join(" ")
}

fn wait_ready(instance: &Instance) -> Result<()> {
    clock::poll(&format!("readiness of {}", instance.id()), READY_LIMIT, || {
        interrupt::check()?;
        Ok(match instance.get("/ready") {
            Ok(answer) if answer.status == 200 => Poll::Ready(()),
            Ok(answer) => Poll::Pending(format!("{} {}", answer.status, answer.body)),
            Err(error) => Poll::Pending(format!("{error:#}")),
        })
    })
}

/// Records, a dead broker, and a second plan.
fn use_it(
    steps: &mut Steps,
    world: &World,
    terraform: &Terraform,
    traffic: &Traffic<'_>,
    brokers: &[Arc<Instance>],
) -> Result<()> {
    let topics = topics(terraform)?;
    let [first, second, ..] = topics.as_slice() else {
        anyhow::bail!("the example makes {} topics, expected 3", topics.len())
    };
    steps.step("produce 10,000 records of 1 KiB (librdkafka, acks=all)", |notes| {
        traffic.produce(first, "fill", notes)
    })?;
    steps.step("read them back with a consumer group", |notes| traffic.consume(first, "fill", notes))?;
    let victim = brokers.first().context("no broker")?;
    steps.step("kill -9 of one broker while producing", |notes| {
        notes.add(format_args!("{} in {} was killed", victim.id(), victim.zone()));
        traffic.produce_through(second, "kill", notes, || victim.kill_broker())
    })?;
    steps.step("every acknowledged record is read back", |notes| traffic.consume(second, "kill", notes))?;
    steps.step("the killed broker comes back", |_| {
        victim.start_broker()?;
        wait_ready(victim)
    })?;
    steps.step("terraform plan is empty", |notes| {
        let plan = terraform.plan(Refresh::Yes)?;
        ensure!(plan.is_empty, "the second plan is not empty:\n{}", plan.changes());
        notes.add(plan.usage);
        Ok(())
    })?;
    steps.step("the buckets' layout by kind", |notes| {
        ["data_bucket", "metadata_bucket"].iter().try_for_each(|output| layout(world, terraform, output, notes))
    })
}

/// Names of the topics in the state, those with most partitions first.
fn topics(terraform: &Terraform) -> Result<Vec<String>> {
    let state = terraform.state()?;
    let objects = crate::terraform::resources(&state).into_iter();
    let topics = objects.filter(|object| object.get("type").is_some_and(|kind| kind == "ringfence_topic"));
    let mut found: Vec<(u64, String)> = topics
        .filter_map(|object| {
            let name = object.pointer("/values/name")?.as_str()?.to_owned();
            Some((object.pointer("/values/partitions")?.as_u64()?, name))
        })
        .collect();
    found.sort();
    Ok(found.into_iter().rev().map(|(_, name)| name).collect())
}

fn layout(world: &World, terraform: &Terraform, output: &str, notes: &mut Notes) -> Result<()> {
    let name = terraform.output(output)?;
    let name = name.as_str().context("a bucket's name is text")?;
    notes.add(format_args!("{name}:"));
    for (kind, share) in world.aws.layout(name)? {
        notes.add(format_args!("  {kind:<16} {:>6} objects {:>10} KiB", share.objects, share.bytes >> 10));
        ensure!(!kind.starts_with("other"), "an object of no known kind: {kind}");
    }
    Ok(())
}

fn destroy(steps: &mut Steps, world: &World, terraform: &Terraform, host: &Host, before: &Inventory) -> Result<()> {
    let packets = host.packets()?;
    steps.step("no packet left the declared paths", |notes| {
        if !packets.counted {
            notes.add(format_args!("skipped: on the loopback no packet is counted"));
            return Ok(());
        }
        notes.add(format_args!("{} packets on declared paths, {} elsewhere", packets.declared, packets.undeclared));
        ensure!(packets.undeclared == 0, "packets outside the declared paths: {:?}", packets.offenders);
        Ok(())
    })?;
    steps.step("terraform destroy", |_| terraform.destroy())?;
    steps.step("what is left behind, exactly", |notes| {
        let left = emulator::added(before, &world.aws.inventory()?);
        if left.is_empty() {
            notes.add("nothing");
        }
        left.iter().for_each(|line| notes.add(line));
        let unexpected: Vec<_> = left.iter().filter(|line| !line.contains("(PendingDeletion)")).collect();
        ensure!(unexpected.is_empty(), "left behind besides keys that wait for their deletion: {unexpected:?}");
        ensure!(terraform.addresses()?.is_empty(), "the state is not empty");
        terraform.expect_no_secret()
    })
}

fn keep(world: &World, terraform: &Terraform, bootstrap: &[String], client: &crate::host::Client) -> Result<()> {
    let shell = client.command("kcat");
    say(format_args!("\nEverything keeps running until Ctrl-C:"));
    say(format_args!("  kafka      {} -b {} -L", crate::process::shown_whole(&shell), bootstrap.join(",")));
    say(format_args!("  aws        {} (access key 000000000000, region {REGION})", world.localstack.endpoint()));
    say(format_args!("  terraform  {} (state and configuration; logs beside it)", terraform.folder().display()));
    while interrupt::check().is_ok() {
        std::thread::park_timeout(Duration::from_millis(200));
    }
    Ok(())
}

fn tell_consoles(host: &Host) {
    for one in host.instances() {
        eprintln!("--- console of {} ({:?})\n{}", one.id(), one.boot(), one.console());
        eprintln!("--- its broker\n{}", crate::process::tail(&one.log_path(), 0));
    }
}

fn tell_logs(instances: &[Arc<Instance>]) {
    for one in instances {
        eprintln!("--- broker of {}\n{}", one.id(), crate::process::tail(&one.log_path(), 0));
    }
}
