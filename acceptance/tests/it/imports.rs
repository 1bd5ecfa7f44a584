//! Who may import whom, held against `cargo metadata`.

use std::collections::{BTreeMap, BTreeSet};

use cargo_metadata::{DependencyKind, Metadata, MetadataCommand};

/// Crate, and what it may import directly; what those may import it may import too.
const TABLE: &[(&str, &[&str])] = &[
    ("broker-record", &[]),
    ("broker-wire", &["broker-record"]),
    ("broker-store", &[]),
    ("broker-log", &["broker-record", "broker-store"]),
    ("broker-metadata", &["broker-store"]),
    ("broker-engine", &["broker-log", "broker-metadata"]),
    ("broker-server", &["broker-engine", "broker-wire"]),
    ("broker-sim", &["broker-engine"]),
    ("broker-s3double", &[]),
    ("broker-bench", &["broker-metadata", "broker-wire"]),
    ("tfplugin-rs", &[]),
    ("provider-boundary", &[]),
    ("provider-aws", &["tfplugin-rs", "provider-boundary", "broker-metadata"]),
    ("provider-review", &["provider-boundary", "provider-aws", "broker-metadata", "broker-log"]),
    ("acceptance", &[]),
];

/// Crates without input and output: none of these prefixes among their dependencies, nor among those of what they import.
const PURE: &[&str] = &["broker-record", "broker-wire", "provider-boundary"];
const IMPURE: &[&str] = &["tokio", "hyper", "tonic", "aws-", "axum", "object_store"];

/// The only AWS services a broker may speak to besides S3.
const BROKER_SERVICES: &[&str] = &[
    "aws-sdk-kms",
    "aws-sdk-cloudwatchlogs",
    "aws-sdk-cloudwatch",
    "aws-sdk-autoscaling",
    "aws-sdk-elasticloadbalancingv2",
];

fn metadata() -> Metadata {
    MetadataCommand::new().current_dir(super::workspace()).no_deps().exec().unwrap()
}

/// Dependencies of each crate of the workspace, those of tests left out.
fn dependencies() -> BTreeMap<String, BTreeSet<String>> {
    let packages = metadata().packages.into_iter();
    let of = |package: cargo_metadata::Package| {
        let used = package.dependencies.into_iter().filter(|one| one.kind != DependencyKind::Development);
        (package.name.to_string(), used.map(|one| one.name).collect())
    };
    packages.map(of).collect()
}

fn allowed(name: &str) -> BTreeSet<&'static str> {
    let row = TABLE.iter().find(|(known, _)| *known == name);
    let direct = row.unwrap_or_else(|| panic!("{name} is not in the import table")).1;
    direct.iter().flat_map(|one| allowed(one).into_iter().chain([*one])).collect()
}

#[test]
fn imports_run_one_way() {
    let all = dependencies();
    let breaches: Vec<String> = all
        .iter()
        .flat_map(|(name, used)| {
            let allowed = allowed(name);
            let ours = used.iter().filter(|one| all.contains_key(*one) && !allowed.contains(one.as_str()));
            ours.map(|one| format!("{name} may not import {one}")).collect::<Vec<_>>()
        })
        .collect();
    assert!(breaches.is_empty(), "{}", breaches.join("\n"));
}

#[test]
fn pure_crates_have_no_input_and_output() {
    let all = dependencies();
    for name in PURE.iter().filter(|name| all.contains_key(**name)) {
        for from in allowed(name).into_iter().chain([*name]) {
            let found =
                all.get(from).into_iter().flatten().find(|one| IMPURE.iter().any(|prefix| one.starts_with(prefix)));
            assert!(found.is_none(), "{name} is pure, yet {from} imports {}", found.unwrap());
        }
    }
}

#[test]
fn only_the_provider_speaks_to_ec2_and_iam() {
    for (name, used) in dependencies().iter().filter(|(name, _)| *name != "provider-aws") {
        let services: Vec<_> = used.iter().filter(|one| one.starts_with("aws-sdk-")).collect();
        let permitted = |one: &str| name == "broker-server" && BROKER_SERVICES.contains(&one);
        assert!(services.iter().all(|one| permitted(one)), "{name} may not use {services:?}");
    }
}

#[test]
fn crates_are_called_after_their_folder() {
    for package in metadata().packages {
        let folder = package
            .manifest_path
            .parent()
            .unwrap()
            .strip_prefix(super::workspace())
            .unwrap()
            .as_str()
            .replace('/', "-");
        let name = package.name.to_string();
        let exception = folder == "provider-tfplugin" && name == "tfplugin-rs";
        assert!(name == folder || exception, "{name} lies in {folder}");
    }
}
