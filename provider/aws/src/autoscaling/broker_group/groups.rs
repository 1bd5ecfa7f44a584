//! One auto scaling group per zone: zones are rolled and evacuated one by one, and rebalancing between them never runs.

use std::collections::BTreeMap;

use aws_sdk_autoscaling::types::{AutoScalingGroup, LaunchTemplateSpecification, LifecycleState, Tag};
use serde::Serialize;
use tokio_util::sync::CancellationToken;

use crate::{
    client::Aws,
    failure::{Answer, Failure},
    limits,
    ownership::{self, CREATING, Ownership, Tags},
    wait,
};

/// One group as it should be.
#[derive(Clone, Debug, Serialize)]
pub(crate) struct Wanted {
    pub(crate) name: String,
    pub(crate) subnet_id: String,
    pub(crate) brokers: i32,
    pub(crate) launch_template_id: String,
    pub(crate) launch_template_version: i64,
    pub(crate) tags: Tags,
}

/// One group as it is.
#[derive(Clone, Debug)]
pub(crate) struct Found {
    pub(crate) subnet_id: String,
    pub(crate) brokers: i32,
    pub(crate) launch_template_id: String,
    pub(crate) launch_template_version: i64,
    pub(crate) instances: Vec<Instance>,
    pub(crate) tags: Tags,
}

/// One instance of a group.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Instance {
    pub(crate) id: String,
    pub(crate) zone: String,
    pub(crate) in_service: bool,
}

/// Makes the group, adopts what an interrupted create left, or converges an existing one; waits for its instances.
pub(crate) async fn ensure(
    aws: &Aws,
    wanted: &Wanted,
    ownership: &Ownership,
    known: bool,
    cancel: &CancellationToken,
) -> Answer<()> {
    match read(aws, &wanted.name).await? {
        None => create(aws, wanted, ownership, cancel).await?,
        Some(found) => {
            if !known {
                ownership.adopt(&format!("the auto scaling group {}", wanted.name), &wanted.name, &found.tags)?;
            }
            update(aws, wanted, &found).await?;
        }
    }
    wait_for_instances(aws, wanted, cancel).await?;
    let found = read(aws, &wanted.name).await?;
    let tags = found.map(|f| f.tags).unwrap_or_default();
    retag(aws, &wanted.name, &tags, &ownership.sign(&wanted.tags)).await
}

async fn create(aws: &Aws, wanted: &Wanted, ownership: &Ownership, cancel: &CancellationToken) -> Answer<()> {
    let tags = to_tags(&wanted.name, &ownership.mark(&wanted.tags));
    let name = &wanted.name;
    // A new instance profile takes seconds until Auto Scaling sees it; until then the template is "invalid".
    wait::until(&format!("the auto scaling group {name}"), limits::IAM_PROPAGATION, cancel, async || {
        let request = aws
            .autoscaling()
            .create_auto_scaling_group()
            .auto_scaling_group_name(name)
            .launch_template(template(wanted))
            .vpc_zone_identifier(&wanted.subnet_id)
            .min_size(wanted.brokers)
            .max_size(wanted.brokers + 1)
            .desired_capacity(wanted.brokers)
            .health_check_type("EC2")
            .set_tags(Some(tags.clone()));
        match request.send().await.map_err(|e| Failure::of("autoscaling:CreateAutoScalingGroup", name, e)) {
            Ok(_) => Ok(Some(())),
            Err(failure) if failure.detail.contains("Invalid IAM Instance Profile") => Ok(None),
            Err(failure) => Err(failure),
        }
    })
    .await
}

async fn update(aws: &Aws, wanted: &Wanted, found: &Found) -> Answer<()> {
    let same = found.brokers == wanted.brokers
        && found.subnet_id == wanted.subnet_id
        && found.launch_template_id == wanted.launch_template_id
        && found.launch_template_version == wanted.launch_template_version;
    if same {
        return Ok(());
    }
    let request = aws
        .autoscaling()
        .update_auto_scaling_group()
        .auto_scaling_group_name(&wanted.name)
        .launch_template(template(wanted))
        .vpc_zone_identifier(&wanted.subnet_id)
        .min_size(wanted.brokers)
        .max_size(wanted.brokers + 1)
        .desired_capacity(wanted.brokers);
    request.send().await.map(drop).map_err(|e| Failure::of("autoscaling:UpdateAutoScalingGroup", &wanted.name, e))
}

async fn wait_for_instances(aws: &Aws, wanted: &Wanted, cancel: &CancellationToken) -> Answer<()> {
    let what = format!("the start of {} instances in {}", wanted.brokers, wanted.name);
    wait::until(&what, limits::WAIT, cancel, async || {
        let found = read(aws, &wanted.name).await?;
        let running = found.map(|f| f.instances.iter().filter(|i| i.in_service).count()).unwrap_or(0);
        Ok((i32::try_from(running).unwrap_or(i32::MAX) >= wanted.brokers).then_some(()))
    })
    .await
}

fn template(wanted: &Wanted) -> LaunchTemplateSpecification {
    LaunchTemplateSpecification::builder()
        .launch_template_id(&wanted.launch_template_id)
        .version(wanted.launch_template_version.to_string())
        .build()
}

async fn retag(aws: &Aws, name: &str, old: &Tags, new: &Tags) -> Answer<()> {
    let (set, mut removed) = ownership::changes(old, new);
    if !set.is_empty() {
        let answer = aws.autoscaling().create_or_update_tags().set_tags(Some(to_tags(name, &set))).send().await;
        answer.map_err(|e| Failure::of("autoscaling:CreateOrUpdateTags", name, e))?;
    }
    if old.contains_key(CREATING) {
        removed.push(CREATING.into());
    }
    if !removed.is_empty() {
        let removed: Tags = removed.into_iter().map(|key| (key, String::new())).collect();
        let answer = aws.autoscaling().delete_tags().set_tags(Some(to_tags(name, &removed))).send().await;
        answer.map_err(|e| Failure::of("autoscaling:DeleteTags", name, e))?;
    }
    Ok(())
}

/// The group, or nothing when it is gone.
pub(crate) async fn read(aws: &Aws, name: &str) -> Answer<Option<Found>> {
    let answer = aws.autoscaling().describe_auto_scaling_groups().auto_scaling_group_names(name).send().await;
    let answer = answer.map_err(|e| Failure::of("autoscaling:DescribeAutoScalingGroups", name, e))?;
    Ok(answer.auto_scaling_groups().first().map(to_found))
}

/// Those of the named groups that exist, by name, in one call.
pub(crate) async fn read_all<'a>(
    aws: &Aws,
    names: impl ExactSizeIterator<Item = &'a String>,
) -> Answer<BTreeMap<String, Found>> {
    if names.len() == 0 {
        return Ok(BTreeMap::new());
    }
    let request = aws.autoscaling().describe_auto_scaling_groups();
    let request = request.set_auto_scaling_group_names(Some(names.cloned().collect()));
    let answer = request
        .send()
        .await
        .map_err(|e| Failure::of("autoscaling:DescribeAutoScalingGroups", "the broker group", e))?;
    let name = |group: &AutoScalingGroup| group.auto_scaling_group_name().unwrap_or_default().to_owned();
    Ok(answer.auto_scaling_groups().iter().map(|group| (name(group), to_found(group))).collect())
}

/// Drains the group of its instances, then deletes it. Only when draining takes too long is it forced.
pub(crate) async fn delete(aws: &Aws, name: &str, cancel: &CancellationToken) -> Answer<Option<String>> {
    if read(aws, name).await?.is_none() {
        return Ok(None);
    }
    let request = aws.autoscaling().update_auto_scaling_group().auto_scaling_group_name(name);
    let answer = request.min_size(0).max_size(0).desired_capacity(0).send().await;
    answer.map_err(|e| Failure::of("autoscaling:UpdateAutoScalingGroup", name, e))?;
    let drained = wait::until(&format!("the drain of {name}"), limits::WAIT, cancel, async || {
        Ok(read(aws, name).await?.is_none_or(|found| found.instances.is_empty()).then_some(()))
    })
    .await;
    let forced = match drained {
        Ok(()) => None,
        Err(failure) if cancel.is_cancelled() => return Err(failure),
        Err(_) => Some(format!("{name} did not drain in time; it was deleted with its instances")),
    };
    let request = aws.autoscaling().delete_auto_scaling_group().auto_scaling_group_name(name);
    let answer = request.force_delete(forced.is_some()).send().await;
    answer.map_err(|e| Failure::of("autoscaling:DeleteAutoScalingGroup", name, e))?;
    wait::until(&format!("the deletion of {name}"), limits::WAIT, cancel, async || {
        Ok(read(aws, name).await?.is_none().then_some(()))
    })
    .await?;
    Ok(forced)
}

fn to_found(group: &AutoScalingGroup) -> Found {
    let template = group.launch_template();
    Found {
        subnet_id: group.vpc_zone_identifier().unwrap_or_default().into(),
        brokers: group.desired_capacity().unwrap_or(0),
        launch_template_id: template.and_then(|t| t.launch_template_id()).unwrap_or_default().into(),
        launch_template_version: template.and_then(|t| t.version()).and_then(|v| v.parse().ok()).unwrap_or(0),
        instances: group
            .instances()
            .iter()
            .map(|i| Instance {
                id: i.instance_id().unwrap_or_default().into(),
                zone: i.availability_zone().unwrap_or_default().into(),
                in_service: i.lifecycle_state() == Some(&LifecycleState::InService),
            })
            .collect(),
        tags: group
            .tags()
            .iter()
            .map(|t| (t.key().unwrap_or_default().into(), t.value().unwrap_or_default().into()))
            .collect(),
    }
}

fn to_tags(name: &str, tags: &Tags) -> Vec<Tag> {
    // The template tags the instances, volumes and interfaces.
    let tag = |(key, value): (&String, &String)| {
        let tag = Tag::builder().resource_id(name).resource_type("auto-scaling-group").propagate_at_launch(false);
        tag.key(key).value(value).build()
    };
    tags.iter().map(tag).collect()
}
