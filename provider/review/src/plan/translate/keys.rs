//! KMS keys, aliases, grants, key policies; `ringfence_key`.

use provider_boundary::model::{
    Fact, World,
    key::{Grant, Key, KeyModel},
};

use super::super::{
    object::{self, Object, Objects},
    value::Value,
};

const KINDS: &[&str] = &[
    "aws_kms_key",
    "aws_kms_external_key",
    "aws_kms_replica_key",
    "aws_kms_replica_external_key",
    "aws_kms_alias",
    "aws_kms_key_policy",
    "aws_kms_grant",
    "ringfence_key",
];

pub(super) fn translate(objects: &Objects, world: &mut World) -> &'static [&'static str] {
    for object in
        objects.of(&["aws_kms_key", "aws_kms_external_key", "aws_kms_replica_key", "aws_kms_replica_external_key"])
    {
        // A data source names a key that somebody else manages; its policy is not in the plan.
        world.keys.push(if object.is_data { foreign(object) } else { managed(objects, object) });
    }
    world.keys.extend(objects.of(&["ringfence_key"]).map(|object| ours(objects, object)));
    KINDS
}

/// All ways in which others name this key.
fn names(object: &Object) -> Vec<String> {
    let own = ["arn", "key_id", "id"].into_iter().filter_map(|name| object.get(name).as_str().map(str::to_owned));
    let mut names: Vec<String> = own.collect();
    names.dedup();
    names
}

fn managed(objects: &Objects, object: &Object) -> Key {
    let names = names(object);
    let policy = match objects.belonging("aws_kms_key_policy", "key_id", &names).next() {
        Some(own) => own.policy("policy"),
        None => object.policy("policy"),
    };
    let rotates = object.flag("enable_key_rotation", false);
    let period = object::number(&object.get("rotation_period_in_days"));
    let rotation_days = match (rotates, period) {
        (Fact::Known(true), Fact::Known(days)) => Fact::Known(Some(days.unwrap_or(365))),
        (Fact::Known(true), other) => other,
        (Fact::Known(false), _) => Fact::Known(None),
        (Fact::Unknown(reason), _) => Fact::Unknown(reason),
        (Fact::Symbolic(template), _) => Fact::Symbolic(template),
    };
    let enabled =
        if object.kind.contains("external") || object.kind.contains("replica") { "enabled" } else { "is_enabled" };
    Key {
        origin: object.origin.clone(),
        arn: object.text("arn"),
        id: object.text("key_id"),
        account: object.account(),
        region: object.region(),
        aliases: objects.belonging("aws_kms_alias", "target_key_id", &names).map(|one| one.text("name")).collect(),
        model: model(object),
        usage: default_text(object, "key_usage", "ENCRYPT_DECRYPT"),
        enabled: object.flag(enabled, true),
        rotation_days,
        deletion_days: object.number("deletion_window_in_days", 30),
        multi_region: if object.created() && !object.configures("multi_region") {
            Fact::Known(object.kind.contains("replica"))
        } else {
            object.flag("multi_region", false)
        },
        // Without one, KMS gives the account everything. Source: KMS developer guide, "Default key policy".
        policy: policy.unwrap_or_else(|| Fact::from_text(default_policy(object))),
        grants: objects.belonging("aws_kms_grant", "key_id", &names).map(grant).collect(),
        more_grants: object.not_read("kms:ListGrants"),
        of_cluster: None,
    }
}

fn model(object: &Object) -> Fact<KeyModel> {
    if object.kind.contains("external") {
        return Fact::Known(KeyModel::Imported);
    }
    match (object.get("xks_key_id"), object.get("custom_key_store_id")) {
        (Value::Unknown(reason), _) | (_, Value::Unknown(reason)) => Fact::Unknown(reason),
        (Value::Text(_), _) => Fact::Known(KeyModel::External),
        (_, Value::Text(_)) => Fact::Known(KeyModel::CloudHsm),
        _ => Fact::Known(KeyModel::CustomerManaged),
    }
}

fn default_text(object: &Object, name: &str, default: &str) -> Fact<String> {
    object.maybe(name).unwrap_or_else(|| Fact::Known(default.into()))
}

fn default_policy(object: &Object) -> String {
    let (partition, account) = (&object.place.partition, &object.place.account);
    serde_json::json!({
        "Version": "2012-10-17",
        "Statement": [{
            "Sid": "Enable IAM User Permissions", "Effect": "Allow", "Action": "kms:*", "Resource": "*",
            "Principal": { "AWS": format!("arn:{partition}:iam::{account}:root") }
        }]
    })
    .to_string()
}

fn grant(object: &Object) -> Grant {
    let constraints = object.get("constraints");
    Grant {
        origin: object.origin.clone(),
        grantee: object.text("grantee_principal"),
        retiring: object.maybe("retiring_principal"),
        operations: object::list(&object.get("operations")),
        constraints: (!constraints.items().is_empty()).then(|| Fact::from_text(constraints.in_text())),
    }
}

fn foreign(object: &Object) -> Key {
    let unknown = |api: &str| object::not_read(api);
    let manager = match object.get("key_manager").as_str() {
        Some("AWS") => Fact::Known(KeyModel::AwsManaged),
        Some("CUSTOMER") => match object.get("origin").as_str() {
            Some("EXTERNAL") => Fact::Known(KeyModel::Imported),
            Some("AWS_CLOUDHSM") => Fact::Known(KeyModel::CloudHsm),
            Some("EXTERNAL_KEY_STORE") => Fact::Known(KeyModel::External),
            _ => Fact::Known(KeyModel::CustomerManaged),
        },
        _ => Fact::Unknown(unknown("kms:DescribeKey")),
    };
    Key {
        origin: object.origin.clone(),
        arn: object.text("arn"),
        id: object.text("id"),
        account: object.maybe("aws_account_id").unwrap_or_else(|| Fact::Unknown(unknown("kms:DescribeKey"))),
        region: object.region(),
        aliases: object
            .get("key_id")
            .as_str()
            .filter(|id| id.starts_with("alias/"))
            .map(Fact::from_text)
            .into_iter()
            .collect(),
        model: manager,
        usage: object.text("key_usage"),
        enabled: object.flag("enabled", true),
        rotation_days: Fact::Unknown(unknown("kms:GetKeyRotationStatus")),
        deletion_days: Fact::Unknown(unknown("kms:DescribeKey")),
        multi_region: object.flag("multi_region", false),
        policy: Fact::Unknown(unknown("kms:GetKeyPolicy")),
        grants: Vec::new(),
        more_grants: Some(unknown("kms:ListGrants")),
        of_cluster: None,
    }
}

fn ours(objects: &Objects, object: &Object) -> Key {
    let names = names(object);
    // Somebody's resource of its own would replace the policy that ours has made.
    let other = objects.belonging("aws_kms_key_policy", "key_id", &names).find_map(|own| own.policy("policy"));
    let own = other.or_else(|| super::clusters::policy(object));
    let cluster = (object.get("purpose").in_text(), object.get("cluster").in_text());
    Key {
        origin: object.origin.clone(),
        arn: object.text("arn"),
        id: object.text("id"),
        account: object.account(),
        region: object.region(),
        aliases: object
            .maybe("alias")
            .into_iter()
            .chain(objects.belonging("aws_kms_alias", "target_key_id", &names).map(|one| one.text("name")))
            .collect(),
        model: Fact::Known(KeyModel::CustomerManaged),
        usage: Fact::Known("ENCRYPT_DECRYPT".into()),
        enabled: object.flag("enabled", true),
        rotation_days: object::number(&object.get("rotation_days")),
        deletion_days: object.number("deletion_window_days", 30),
        multi_region: Fact::Known(false),
        policy: own.unwrap_or_else(|| Fact::Unknown(object::not_read("kms:GetKeyPolicy"))),
        grants: objects.belonging("aws_kms_grant", "key_id", &names).map(grant).collect(),
        more_grants: object.not_read("kms:ListGrants"),
        of_cluster: Some(cluster),
    }
}
