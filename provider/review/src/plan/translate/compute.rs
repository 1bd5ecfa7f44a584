//! Launch templates, instances, auto scaling groups; copies of their volumes.

use provider_boundary::model::{
    Fact, World,
    compute::{Machine, MachineKind, ScalingGroup},
    store::{Copy, Volume},
};

use super::super::{
    object::{self, Object, Objects},
    value::Value,
};

const KINDS: &[&str] = &[
    "aws_launch_template",
    "aws_launch_configuration",
    "aws_instance",
    "aws_autoscaling_group",
    "aws_autoscaling_policy",
    "aws_autoscaling_lifecycle_hook",
    "aws_autoscaling_attachment",
    "aws_ebs_snapshot",
    "aws_ebs_snapshot_copy",
    "aws_ami_copy",
    "aws_ami_from_instance",
    "aws_backup_plan",
    "aws_backup_vault",
    "aws_backup_selection",
    "aws_dlm_lifecycle_policy",
];

pub(super) fn translate(objects: &Objects, world: &mut World) -> &'static [&'static str] {
    world.machines.extend(objects.of(&["aws_launch_template"]).map(template));
    world.machines.extend(objects.of(&["aws_instance"]).map(|one| plain(one, MachineKind::Instance)));
    world
        .machines
        .extend(objects.of(&["aws_launch_configuration"]).map(|one| plain(one, MachineKind::LaunchConfiguration)));
    world.scaling_groups.extend(objects.of(&["aws_autoscaling_group"]).map(scaling_group));
    for (kind, what, of) in [
        ("aws_ebs_snapshot", "snapshot", "volume_id"),
        ("aws_ebs_snapshot_copy", "snapshot", "source_snapshot_id"),
        ("aws_ami_copy", "image", "source_ami_id"),
        ("aws_ami_from_instance", "image", "source_instance_id"),
        ("aws_backup_plan", "backup plan", "name"),
        ("aws_backup_vault", "backup vault", "name"),
        ("aws_backup_selection", "backup selection", "resources"),
        ("aws_dlm_lifecycle_policy", "snapshot policy", "description"),
    ] {
        world.copies.extend(objects.of(&[kind]).map(|one| copy(one, what, of)));
    }
    KINDS
}

fn copy(object: &Object, kind: &str, of: &str) -> Copy {
    let rule = object.first("rule");
    let lifecycle = rule.get("lifecycle").items().into_iter().next().unwrap_or(Value::Null);
    let copies = rule.get("copy_action").items().iter().map(|one| one.get("destination_vault_arn")).collect();
    Copy {
        origin: object.origin.clone(),
        kind: kind.into(),
        of: object.text(of),
        key: object.maybe("kms_key_id").or_else(|| object.maybe("kms_key_arn")),
        retention_days: object::number(&lifecycle.get("delete_after")),
        copied_to: object::list(&Value::List(copies)),
    }
}

fn scaling_group(object: &Object) -> ScalingGroup {
    let mixed =
        object.first("mixed_instances_policy").get("launch_template").items().into_iter().next().unwrap_or(Value::Null);
    let mixed = mixed.get("launch_template_specification").items().into_iter().next().unwrap_or(Value::Null);
    let own = object.first("launch_template");
    let template = if own.is_null() { mixed } else { own };
    let named = ["id", "launch_template_id", "name", "launch_template_name"];
    ScalingGroup {
        origin: object.origin.clone(),
        name: object.text("name"),
        template: named
            .iter()
            .find_map(|name| object::maybe(&template.get(name)))
            .or_else(|| object.maybe("launch_configuration")),
        template_version: object::maybe(&template.get("version")),
        subnets: object.texts("vpc_zone_identifier"),
        size: (object.number("min_size", 0), object.number("max_size", 0)),
        target_groups: object.texts("target_group_arns"),
    }
}

fn template(object: &Object) -> Machine {
    let options = object.first("metadata_options");
    let interfaces = object.blocks("network_interfaces");
    let groups = interfaces.iter().flat_map(|one| object::texts(&one.get("security_groups")));
    let public = interfaces.iter().find_map(|one| match one.get("associate_public_ip_address") {
        Value::Null => None,
        Value::Text(text) if text.is_empty() => None,
        other => Some(object::flag(&other, false)),
    });
    let profile = object.first("iam_instance_profile");
    Machine {
        origin: object.origin.clone(),
        kind: MachineKind::LaunchTemplate,
        id: object.text("id"),
        image: object.text("image_id"),
        instance_type: object.text("instance_type"),
        profile: object::maybe(&profile.get("arn")).or_else(|| object::maybe(&profile.get("name"))),
        user_data: object.maybe("user_data"),
        imds_tokens_required: tokens(&options),
        imds_hops: object::number(&options.get("http_put_response_hop_limit")).map(|one| one.unwrap_or(1)),
        public_address: public,
        security_groups: groups
            .chain(object.texts("vpc_security_group_ids"))
            .chain(object.texts("security_group_names"))
            .collect(),
        subnets: interfaces.iter().filter_map(|one| object::maybe(&one.get("subnet_id"))).collect(),
        ssh_key: object.maybe("key_name"),
        volumes: object.blocks("block_device_mappings").iter().map(template_volume).collect(),
        of_cluster: None,
    }
}

/// Whether answers of the metadata service need a token; a switched-off service answers nobody.
fn tokens(options: &Value) -> Fact<bool> {
    match (options.get("http_endpoint").as_str(), options.get("http_tokens")) {
        (Some("disabled"), _) => Fact::Known(true),
        (_, Value::Unknown(reason)) => Fact::Unknown(reason),
        (_, Value::Text(text)) => Fact::Known(text == "required"),
        _ => Fact::Known(false),
    }
}

fn template_volume(mapping: &Value) -> Volume {
    let ebs = mapping.get("ebs").items().into_iter().next().unwrap_or(Value::Null);
    Volume {
        ephemeral: object::maybe(&mapping.get("virtual_name")).is_some(),
        ..volume(&ebs, &mapping.get("device_name").in_text())
    }
}

fn volume(block: &Value, device: &str) -> Volume {
    Volume {
        device: device.into(),
        // Without a word the account's default decides, which a plan does not say.
        encrypted: match block.get("encrypted") {
            Value::Null => Fact::Unknown(object::not_read("ec2:GetEbsEncryptionByDefault")),
            Value::Text(text) if text.is_empty() => Fact::Unknown(object::not_read("ec2:GetEbsEncryptionByDefault")),
            other => object::flag(&other, false),
        },
        key: object::maybe(&block.get("kms_key_id")),
        delete_on_termination: object::flag(&block.get("delete_on_termination"), true),
        size_gib: object::number(&block.get("volume_size")),
        ephemeral: false,
    }
}

fn plain(object: &Object, kind: MachineKind) -> Machine {
    let options = object.first("metadata_options");
    let root = object.blocks("root_block_device");
    let more = object.blocks("ebs_block_device");
    let ephemeral = object.blocks("ephemeral_block_device");
    let device = |block: &Value| block.get("device_name").in_text();
    let mut volumes: Vec<Volume> = root.iter().map(|one| volume(one, "root")).collect();
    volumes.extend(more.iter().map(|one| volume(one, &device(one))));
    volumes.extend(ephemeral.iter().map(|one| Volume { ephemeral: true, ..volume(one, &device(one)) }));
    let public = object.get("associate_public_ip_address");
    Machine {
        origin: object.origin.clone(),
        kind,
        id: object.text("id"),
        image: object.text(if kind == MachineKind::Instance { "ami" } else { "image_id" }),
        instance_type: object.text("instance_type"),
        profile: object.maybe("iam_instance_profile"),
        user_data: object.maybe("user_data").or_else(|| object.maybe("user_data_base64")),
        imds_tokens_required: tokens(&options),
        imds_hops: object::number(&options.get("http_put_response_hop_limit")).map(|one| one.unwrap_or(1)),
        public_address: object.configures("associate_public_ip_address").then(|| object::flag(&public, false)),
        security_groups: object
            .texts("vpc_security_group_ids")
            .into_iter()
            .chain(object.texts("security_groups"))
            .collect(),
        subnets: object.maybe("subnet_id").into_iter().collect(),
        ssh_key: object.maybe("key_name"),
        volumes,
        of_cluster: None,
    }
}
