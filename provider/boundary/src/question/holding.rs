//! Which class lies in which store: what the contract says, and what follows from our own resources.
//!
//! Our buckets have a layout (`wal/ data/` and `meta/ secret/ audit/`), so that their classes need no statement. Of other
//! buckets only the contract can tell; one that it does not name holds something that nobody declared.

use std::collections::BTreeSet;

use crate::model::{
    Class, Fact, Origin, World,
    contract::{ClassTerms, Contract},
    key::Key,
    store::{Bucket, LogGroup, Secret},
};

/// A class in a store.
#[derive(Clone, Debug)]
pub struct Holding<'a> {
    /// What is kept; none for a store that nobody declared.
    pub class: Option<Class>,
    /// Where it lies.
    pub store: Store<'a>,
    /// Whether the contract names the store for this class; otherwise it follows from our own resources.
    pub declared: bool,
}

/// A store.
#[derive(Clone, Debug)]
pub enum Store<'a> {
    /// A prefix of a bucket.
    Bucket {
        /// The bucket.
        bucket: &'a Bucket,
        /// Prefix, empty for all of it.
        prefix: String,
    },
    /// A log group.
    LogGroup(&'a LogGroup),
    /// A secret.
    Secret(&'a Secret),
    /// The contract names it, and this world does not have it.
    Missing(String),
    /// What AWS keeps: metrics of a namespace.
    Metrics(String),
}

/// The key of a store.
#[derive(Clone, Debug)]
pub enum StoreKey<'a> {
    /// A key of this world.
    Known(&'a Key),
    /// A key that this world does not describe, by its reference.
    Elsewhere(String),
    /// A key that AWS manages, or none.
    Aws,
    /// Not known.
    Unknown(crate::model::Reason),
}

impl Holding<'_> {
    /// What is approved for it: the class' terms.
    pub fn terms(&self, contract: &Contract) -> ClassTerms {
        self.class.map(|class| contract.class(class)).unwrap_or_default()
    }

    /// `payloads in s3://bucket/data/`
    pub fn subject(&self) -> String {
        match self.class {
            Some(class) => format!("{} in {}", class.name(), self.store.name()),
            None => self.store.name(),
        }
    }
}

impl<'a> Store<'a> {
    /// Its name as contracts write it.
    pub fn name(&self) -> String {
        let text = |fact: &Fact<String>, origin: &Origin| fact.text().map_or(origin.address.clone(), str::to_owned);
        match self {
            Store::Bucket { bucket, prefix } => format!("s3://{}/{prefix}", text(&bucket.name, &bucket.origin)),
            Store::LogGroup(group) => format!("log-group:{}", text(&group.name, &group.origin)),
            Store::Secret(secret) => format!("secret:{}", text(&secret.name, &secret.origin)),
            Store::Missing(name) => name.clone(),
            Store::Metrics(namespace) => format!("cloudwatch:{namespace}"),
        }
    }

    /// Where it was found.
    pub fn origin(&self) -> Option<&'a Origin> {
        match self {
            Store::Bucket { bucket, .. } => Some(&bucket.origin),
            Store::LogGroup(group) => Some(&group.origin),
            Store::Secret(secret) => Some(&secret.origin),
            Store::Missing(_) | Store::Metrics(_) => None,
        }
    }

    /// Account and region, where the store says them itself.
    pub fn place(&self, world: &World) -> (Fact<String>, Fact<String>) {
        match self {
            Store::Bucket { bucket, .. } => (bucket.account.clone(), bucket.region.clone()),
            Store::LogGroup(group) => (group.account.clone(), group.region.clone()),
            Store::Secret(_) | Store::Metrics(_) | Store::Missing(_) => (world.account.clone(), world.region.clone()),
        }
    }

    /// Its key.
    pub fn key(&self, world: &'a World) -> StoreKey<'a> {
        let configured = match self {
            Store::Bucket { bucket, .. } => match &bucket.encryption {
                Fact::Known(encryption) => match &encryption.algorithm {
                    Fact::Unknown(reason) => return StoreKey::Unknown(reason.clone()),
                    algorithm if algorithm.text().is_some_and(|text| text.starts_with("aws:kms")) => {
                        encryption.key.as_ref()
                    }
                    _ => None,
                },
                Fact::Unknown(reason) => return StoreKey::Unknown(reason.clone()),
                Fact::Symbolic(_) => None,
            },
            Store::LogGroup(group) => group.key.as_ref(),
            Store::Secret(secret) => secret.key.as_ref(),
            Store::Missing(_) | Store::Metrics(_) => None,
        };
        match configured {
            None => StoreKey::Aws,
            Some(fact) => of_reference(world, fact),
        }
    }
}

/// The key that a configured reference means.
pub fn of_reference<'a>(world: &'a World, reference: &Fact<String>) -> StoreKey<'a> {
    match (reference.text(), reference.reason()) {
        (Some(text), _) if text.contains("alias/aws/") => StoreKey::Aws,
        (Some(text), _) => match world.key(text) {
            Some(key) => StoreKey::Known(key),
            None => StoreKey::Elsewhere(text.to_owned()),
        },
        (None, Some(reason)) => StoreKey::Unknown(reason.clone()),
        (None, None) => StoreKey::Aws,
    }
}

/// Classes of our own buckets: role, class, prefix.
const LAYOUT: &[(&str, Class, &str)] = &[
    ("data", Class::Payloads, "data/"),
    ("data", Class::Progress, "data/"),
    ("data", Class::WriteAheadLog, "wal/"),
    ("metadata", Class::ClusterMetadata, "meta/"),
    ("metadata", Class::AuditEvents, "audit/"),
    ("metadata", Class::Secrets, "secret/"),
    ("logs", Class::Logs, ""),
];

/// Which class lies where: in the order of classes, then of stores; undeclared stores last.
pub fn holdings<'a>(world: &'a World, contract: &Contract) -> Vec<Holding<'a>> {
    let mut found = Vec::new();
    for class in Class::ALL {
        let terms = contract.class(class);
        let mut names = BTreeSet::new();
        for name in terms.stores.iter().filter(|name| *name != "none") {
            for store in named(world, name) {
                if names.insert(store.name()) {
                    found.push(Holding { class: Some(class), store, declared: true });
                }
            }
        }
        for store in inferred(world, class) {
            if names.insert(store.name()) {
                found.push(Holding { class: Some(class), store, declared: false });
            }
        }
    }
    let known: BTreeSet<String> =
        found.iter().filter_map(|one| one.store.origin()).map(|at| at.address.clone()).collect();
    let rest = world.buckets.iter().filter(|bucket| !known.contains(&bucket.origin.address));
    found.extend(rest.map(|bucket| Holding {
        class: None,
        store: Store::Bucket { bucket, prefix: String::new() },
        declared: false,
    }));
    found
}

/// The stores that a name in the contract means.
fn named<'a>(world: &'a World, name: &str) -> Vec<Store<'a>> {
    if let Some(rest) = name.strip_prefix("s3://") {
        let (bucket, prefix) = rest.split_once('/').unwrap_or((rest, ""));
        let is = |one: &&Bucket| one.name.text() == Some(bucket) || one.origin.address == bucket;
        let found = world.buckets.iter().filter(is);
        let found: Vec<_> = found.map(|bucket| Store::Bucket { bucket, prefix: prefix.to_owned() }).collect();
        return or_missing(found, name);
    }
    if let Some(group) = name.strip_prefix("log-group:") {
        let is = |one: &&LogGroup| one.name.text() == Some(group) || one.origin.address == group;
        return or_missing(world.log_groups.iter().filter(is).map(Store::LogGroup).collect(), name);
    }
    if let Some(secret) = name.strip_prefix("secret:") {
        let is = |one: &&Secret| one.name.text() == Some(secret) || one.origin.address == secret;
        return or_missing(world.secrets.iter().filter(is).map(Store::Secret).collect(), name);
    }
    if let Some(namespace) = name.strip_prefix("cloudwatch:") {
        return vec![Store::Metrics(namespace.to_owned())];
    }
    vec![Store::Missing(name.to_owned())]
}

fn or_missing<'a>(found: Vec<Store<'a>>, name: &str) -> Vec<Store<'a>> {
    if found.is_empty() { vec![Store::Missing(name.to_owned())] } else { found }
}

/// What needs no statement.
fn inferred<'a>(world: &'a World, class: Class) -> Vec<Store<'a>> {
    let mut found = Vec::new();
    for bucket in &world.buckets {
        let Some((_, role)) = &bucket.of_cluster else { continue };
        for (_, _, prefix) in LAYOUT.iter().filter(|(of, held, _)| of == role && *held == class) {
            found.push(Store::Bucket { bucket, prefix: (*prefix).to_owned() });
        }
        let schemas = class == Class::Schemas && role == "data";
        if schemas && world.topics.iter().any(|topic| topic.name.text() == Some("_schemas")) {
            found.push(Store::Bucket { bucket, prefix: "data/".to_owned() });
        }
    }
    match class {
        Class::Logs => {
            found.extend(world.log_groups.iter().map(Store::LogGroup));
            found.extend(access_logs(world));
        }
        Class::Secrets => found.extend(world.secrets.iter().map(Store::Secret)),
        Class::AuditEvents => found.extend(trails(world)),
        _ => {}
    }
    found
}

fn trails(world: &World) -> impl Iterator<Item = Store<'_>> {
    let named = world.trails.iter().filter_map(|trail| trail.bucket.text());
    named.filter_map(|name| world.bucket(name)).map(|bucket| Store::Bucket { bucket, prefix: String::new() })
}

fn access_logs(world: &World) -> impl Iterator<Item = Store<'_>> {
    let named = world.buckets.iter().filter_map(|bucket| bucket.access_log.known()?.as_deref());
    named.filter_map(|name| world.bucket(name)).map(|bucket| Store::Bucket { bucket, prefix: String::new() })
}
