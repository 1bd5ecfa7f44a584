//! Where each provider configuration acts: account, partition, region.

use std::collections::BTreeMap;

use serde_json::Value as Json;

use super::{
    format::{Plan, ProviderConfig},
    identity::Where,
    instance::Instance,
    value::Value,
};

/// The key of the provider configuration of an instance, without the module that passes it on.
pub(crate) fn key(instance: &Instance<'_>) -> String {
    let key = instance.config.map(|config| config.provider_config_key.as_str()).unwrap_or_default();
    key.rsplit(':').next().unwrap_or(key).to_owned()
}

/// Nothing known.
pub(crate) fn nowhere() -> Where {
    Where { account: "${account}".into(), partition: "${partition}".into(), region: "${region}".into() }
}

/// Where each provider configuration acts; the empty key stands for the first one.
pub(crate) fn places(plan: &Plan, instances: &BTreeMap<String, Instance<'_>>) -> BTreeMap<String, Where> {
    let mut places = BTreeMap::new();
    for (name, config) in &plan.configuration.provider_config {
        let name = name.rsplit(':').next().unwrap_or(name);
        if !matches!(config.name.as_str(), "aws" | "ringfence") {
            continue;
        }
        let data = |kind: &str, attributes: &[&str]| {
            let found = instances.values().filter(|one| one.is_data && one.kind == kind && key(one) == name);
            found.filter_map(|one| one.after.as_ref()).find_map(|after| {
                attributes.iter().find_map(|attribute| after.get(attribute).as_str().map(str::to_owned))
            })
        };
        let region = argument(plan, config, "region").or_else(|| data("aws_region", &["region", "name"]));
        let (account, partition) = of_arns(instances, name);
        let account = data("aws_caller_identity", &["account_id"]).or(account);
        let partition = data("aws_partition", &["partition"]).or(partition);
        let partition = partition.or_else(|| region.as_deref().map(|region| partition_of(region).into()));
        let nowhere = nowhere();
        let place = Where {
            account: account.unwrap_or(nowhere.account),
            partition: partition.unwrap_or(nowhere.partition),
            region: region.unwrap_or(nowhere.region),
        };
        places.insert(name.to_owned(), place);
    }
    share(&mut places);
    places
}

/// Our provider and the default AWS one act with the same credentials; who knows the account tells the other. Aliased
/// configurations may act elsewhere.
fn share(places: &mut BTreeMap<String, Where>) {
    let account = |name: &str, places: &BTreeMap<String, Where>| {
        places.get(name).map(|place| place.account.clone()).filter(|account| !account.starts_with('$'))
    };
    let known = account("aws", places).or_else(|| account("ringfence", places));
    for name in ["aws", "ringfence"] {
        if let (Some(place), Some(known)) = (places.get_mut(name), &known)
            && place.account.starts_with('$')
        {
            place.account.clone_from(known);
        }
    }
    let first = places.get("aws").or_else(|| places.get("ringfence")).or_else(|| places.values().next()).cloned();
    if let Some(first) = first {
        places.insert(String::new(), first);
    }
}

/// An argument of a provider configuration: a constant or a variable of the root module.
fn argument(plan: &Plan, config: &ProviderConfig, name: &str) -> Option<String> {
    let expression = config.expressions.get(name)?;
    if let Some(Json::String(text)) = expression.get("constant_value") {
        return Some(text.clone());
    }
    let references = expression.get("references")?.as_array()?;
    let [Json::String(reference)] = references.as_slice() else { return None };
    let variable = plan.variables.get(reference.strip_prefix("var.")?)?;
    variable.value.as_str().map(str::to_owned)
}

/// Account and partition of the first ARN that a resource of this provider configuration has.
fn of_arns(instances: &BTreeMap<String, Instance<'_>>, name: &str) -> (Option<String>, Option<String>) {
    let managed = instances.values().filter(|one| !one.is_data && key(one) == name);
    let arns = managed.filter_map(|one| one.before.as_ref().or(one.after.as_ref())).flat_map(|value| {
        [value.get("arn"), value.get("facts")].into_iter().flat_map(|one| match one {
            // Our own resources say where they live in `facts`, JSON, known in the first plan.
            Value::Text(text) if text.starts_with('{') => {
                let facts: Json = serde_json::from_str(&text).unwrap_or_default();
                let account = facts.get("account").and_then(Json::as_str).unwrap_or_default();
                vec![format!("arn:$:::{account}:")]
            }
            Value::Text(text) => vec![text],
            _ => Vec::new(),
        })
    });
    let mut found = (None, None);
    for arn in arns {
        let parts: Vec<&str> = arn.splitn(6, ':').collect();
        if let ["arn", partition, _, _, account, _] = parts.as_slice() {
            if account.len() == 12 && account.bytes().all(|byte| byte.is_ascii_digit()) {
                found.0.get_or_insert_with(|| (*account).to_owned());
            }
            if !partition.starts_with('$') {
                found.1.get_or_insert_with(|| (*partition).to_owned());
            }
        }
    }
    found
}

/// Source: botocore `partitions.json`.
fn partition_of(region: &str) -> &'static str {
    let table = [
        ("cn-", "aws-cn"),
        ("us-gov-", "aws-us-gov"),
        ("us-iso-", "aws-iso"),
        ("us-isob-", "aws-iso-b"),
        ("eusc-", "aws-eusc"),
    ];
    table.iter().find(|(prefix, _)| region.starts_with(prefix)).map_or("aws", |(_, partition)| partition)
}
