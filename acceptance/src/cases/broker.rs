//! The broker program alone: real clients, hostile bytes, and two brokers on one bucket.

mod hostile;
mod program;

use std::path::Path;
use std::process::Command;
use std::time::Duration;

use anyhow::{Context, Result, ensure};
use serde_json::Value;

use crate::clock::{self, Poll};
use crate::process::{self, Running};
use crate::suite::{Case, Outcome};
use crate::world::World;
use crate::{client_env, environment};
use program::{Broker, Store};

/// The cases of this module.
pub const CASES: &[Case] = &[
    Case { name: "broker::kcat_lists_produces_and_consumes", run: kcat },
    Case { name: "broker::a_group_of_kafka_python_shares_and_hands_over", run: kafka_python },
    Case { name: "broker::a_group_of_kafkajs_reads_what_it_wrote", run: kafkajs },
    Case { name: "broker::transactions_of_librdkafka_are_all_or_nothing", run: transactions },
    Case { name: "broker::a_transaction_that_a_crash_left_open_is_aborted", run: transaction_left_open },
    Case { name: "broker::a_consumer_of_librdkafka_reads_from_the_broker_of_its_zone", run: zones },
    Case { name: "broker::hostile_bytes_close_the_connection_and_nothing_else", run: hostile::case },
    Case { name: "broker::records_in_a_directory_survive_a_kill", run: directory },
    Case { name: "broker::one_of_two_on_a_bucket_is_killed_and_nothing_acknowledged_is_lost", run: two_on_a_bucket },
];

/// A client that says nothing for this long is stuck.
const CLIENT_LIMIT: Duration = Duration::from_secs(180);

fn kcat(world: &World) -> Result<Outcome> {
    let Some(kcat) = environment::on_path("kcat") else {
        return Ok(Outcome::Skipped("kcat is missing: apt-get install kcat".to_owned()));
    };
    let folder = world.folder("kcat")?;
    let broker = Broker::start(world, &folder, "one", &Store::Memory, &["--partitions", "3"])?;
    let records = folder.join("records.txt");
    let lines: Vec<String> = (0..100).map(|number| format!("record {number}")).collect();
    std::fs::write(&records, lines.join("\n") + "\n")?;
    let log = folder.join("kcat.log");
    let run = |words: &[&str]| process::read(process::command(&kcat).args(["-b", &broker.address]).args(words), &log);
    run(&["-P", "-t", "lines", "-p", "0", "-l", &records.to_string_lossy()])?;
    let read = run(&["-C", "-t", "lines", "-o", "beginning", "-e", "-q"])?;
    ensure!(read.lines().eq(lines.iter()), "kcat -C printed:\n{read}");
    let listed = run(&["-L", "-J"])?;
    let listed: Value = serde_json::from_str(&listed).context("kcat -L -J")?;
    let topics = listed.get("topics").and_then(Value::as_array).context("no topics")?;
    let found = topics
        .iter()
        .find(|topic| topic.get("topic").is_some_and(|name| name == "lines"))
        .context("topic is not listed")?;
    let partitions = found.get("partitions").and_then(Value::as_array).map_or(0, Vec::len);
    ensure!(partitions == 3, "{partitions} partitions listed");
    Ok(Outcome::Passed)
}

fn kafka_python(world: &World) -> Result<Outcome> {
    let python = client_env::python()?;
    let folder = world.folder("kafka-python")?;
    let broker = Broker::start(world, &folder, "one", &Store::Memory, &["--partitions", "4"])?;
    let mut command = python_client(&python, "groups.py", &broker.address);
    command.args(["--topic", "shared", "--group", "python"]);
    process::run(&mut command, &folder.join("groups.log"))?;
    Ok(Outcome::Passed)
}

fn kafkajs(world: &World) -> Result<Outcome> {
    let Some(node) = environment::on_path("node") else {
        return Ok(Outcome::Skipped("node is missing: apt-get install nodejs npm".to_owned()));
    };
    let modules = client_env::node()?;
    let folder = world.folder("kafkajs")?;
    let broker = Broker::start(world, &folder, "one", &Store::Memory, &["--partitions", "4"])?;
    // The program looks for kafkajs where it is started.
    let mut command = process::command(node);
    command
        .arg(client_env::programs().join("kafkajs_group.mjs"))
        .args([&broker.address, "shared", "javascript"])
        .current_dir(modules);
    process::run(&mut command, &folder.join("kafkajs.log"))?;
    Ok(Outcome::Passed)
}

fn transactions(world: &World) -> Result<Outcome> {
    let python = client_env::python()?;
    let folder = world.folder("transactions")?;
    let broker = Broker::start(world, &folder, "one", &Store::Memory, &[])?;
    let mut client = python_client(&python, "transactions.py", &broker.address);
    process::run(client.args(["--phase", "whole"]), &folder.join("transactions.log"))?;
    Ok(Outcome::Passed)
}

fn transaction_left_open(world: &World) -> Result<Outcome> {
    let python = client_env::python()?;
    let folder = world.folder("transaction-left-open")?;
    let store = Store::Directory(folder.join("store"));
    let mut broker = Broker::start(world, &folder, "first", &store, &["--node-id", "1"])?;
    let mut client = python_client(&python, "transactions.py", &broker.address);
    process::run(client.args(["--phase", "leave"]), &folder.join("leave.log"))?;
    broker.process.kill()?;
    let broker = Broker::start(world, &folder, "second", &store, &["--node-id", "1"])?;
    let mut client = python_client(&python, "transactions.py", &broker.address);
    process::run(client.args(["--phase", "return"]), &folder.join("return.log"))?;
    Ok(Outcome::Passed)
}

fn zones(world: &World) -> Result<Outcome> {
    let python = client_env::python()?;
    let folder = world.folder("zones")?;
    let store = Store::Directory(folder.join("store"));
    let zones = ["one", "two"];
    let start = |zone: &str| Broker::start(world, &folder, zone, &store, &["--zone", zone, "--partitions", "4"]);
    let brokers = [start("one")?, start("two")?];
    let both = brokers.each_ref().map(|broker| broker.address.as_str()).join(",");
    for (zone, broker) in zones.iter().zip(&brokers) {
        // A topic each: both brokers lead some of its partitions.
        let mut client = python_client(&python, "zones.py", &both);
        client.args(["--topic", &format!("zoned-{zone}"), "--rack", zone, "--near", &broker.address]);
        process::run(&mut client, &folder.join(format!("zones-{zone}.log")))?;
    }
    Ok(Outcome::Passed)
}

fn directory(world: &World) -> Result<Outcome> {
    let python = client_env::python()?;
    let folder = world.folder("directory")?;
    let store = Store::Directory(folder.join("store"));
    let mut broker = Broker::start(world, &folder, "first", &store, &["--node-id", "1"])?;
    let acks = produce(&python, &folder, &broker.address, &["--count", "1000"])?;
    broker.process.kill()?;
    let broker = Broker::start(world, &folder, "second", &store, &["--node-id", "1"])?;
    consume(&python, &folder, &broker.address, &acks)?;
    Ok(Outcome::Passed)
}

fn two_on_a_bucket(world: &World) -> Result<Outcome> {
    let python = client_env::python()?;
    let folder = world.folder("two")?;
    let owner = world.account();
    let bucket = format!("two-brokers-{owner}");
    world.aws.as_account(&owner).create_bucket(&bucket)?;
    let store = Store::Bucket {
        url: format!("s3://{bucket}/pair"),
        endpoint: world.localstack.endpoint(),
        account: owner.clone(),
    };
    let first = Broker::start(world, &folder, "first", &store, &["--node-id", "1", "--partitions", "4"])?;
    let mut second = Broker::start(world, &folder, "second", &store, &["--node-id", "2", "--partitions", "4"])?;
    let both = format!("{},{}", first.address, second.address);
    let acks = folder.join("acks");
    let words =
        ["--topic", "records", "--run", "kill", "--count", "6000", "--rate", "600", "--acks", &acks.to_string_lossy()];
    let mut producer =
        Running::start(python_client(&python, "produce.py", &both).args(words), &folder.join("produce.log"))?;
    clock::poll("acknowledgements before the kill", CLIENT_LIMIT, || {
        producer.expect_running()?;
        let lines = std::fs::read_to_string(&acks).unwrap_or_default().lines().count();
        Ok(if lines >= 1_500 { Poll::Ready(()) } else { Poll::Pending(format!("{lines} acknowledged")) })
    })?;
    second.process.kill()?;
    let ended = producer.wait(CLIENT_LIMIT)?;
    ensure!(ended.success(), "the producer ended with {ended}:\n{}", process::tail(producer.log(), 0));
    consume(&python, &folder, &first.address, &acks)?;
    let layout = world.aws.as_account(&owner).layout(&bucket)?;
    let unknown: Vec<_> = layout.keys().filter(|kind| kind.starts_with("other")).collect();
    ensure!(unknown.is_empty() && layout.contains_key("wal/") && layout.contains_key("meta/log"), "layout: {layout:?}");
    Ok(Outcome::Passed)
}

/// Produces to the topic `records`; answers the file of acknowledgements.
fn produce(python: &Path, folder: &Path, bootstrap: &str, more: &[&str]) -> Result<std::path::PathBuf> {
    let acks = folder.join("acks");
    let words = ["--topic", "records", "--run", "fill", "--acks", &acks.to_string_lossy()];
    process::run(python_client(python, "produce.py", bootstrap).args(words).args(more), &folder.join("produce.log"))?;
    Ok(acks)
}

/// Every acknowledged record of the topic `records` must be there once, where it was acknowledged.
fn consume(python: &Path, folder: &Path, bootstrap: &str, acks: &Path) -> Result<()> {
    let words = ["--topic", "records", "--group", "check", "--no-duplicates", "--acks", &acks.to_string_lossy()];
    process::run(python_client(python, "consume.py", bootstrap).args(words), &folder.join("consume.log"))
}

fn python_client(python: &Path, program: &str, bootstrap: &str) -> Command {
    let mut command = process::command(python);
    command
        .arg(client_env::programs().join(program))
        .args(["--bootstrap", bootstrap])
        .env("PYTHONDONTWRITEBYTECODE", "1");
    command
}
