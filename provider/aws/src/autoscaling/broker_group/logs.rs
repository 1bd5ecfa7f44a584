//! The brokers' log group.

use serde::Serialize;

use crate::{
    client::Aws,
    failure::{Answer, Failure},
    ownership::{self, CREATING, Ownership, Tags},
};

/// A log group as it should be.
#[derive(Clone, Debug, Serialize)]
pub(crate) struct Wanted {
    pub(crate) name: String,
    pub(crate) kms_key_arn: Option<String>,
    pub(crate) retention_days: i32,
    pub(crate) tags: Tags,
}

/// Makes the log group, or adopts what an interrupted create left, and gives it what `wanted` says.
pub(crate) async fn ensure(aws: &Aws, wanted: &Wanted, ownership: &Ownership, exists: bool) -> Answer<()> {
    let (name, arn) = (&wanted.name, aws.scope().log_group_arn(&wanted.name));
    if !exists {
        let request = aws.logs().create_log_group().log_group_name(name).set_kms_key_id(wanted.kms_key_arn.clone());
        let request = request.set_tags(Some(ownership.mark(&wanted.tags).into_iter().collect()));
        match request.send().await.map_err(|e| Failure::of("logs:CreateLogGroup", name, e)) {
            Ok(_) => {}
            Err(failure) if failure.is("ResourceAlreadyExistsException") => {
                ownership.adopt(&format!("the log group {name}"), name, &tags(aws, &arn).await?)?;
            }
            Err(failure) => return Err(failure),
        }
    }
    let request = aws.logs().put_retention_policy().log_group_name(name).retention_in_days(wanted.retention_days);
    request.send().await.map_err(|e| Failure::of("logs:PutRetentionPolicy", name, e))?;
    retag(aws, &arn, &tags(aws, &arn).await?, &ownership.sign(&wanted.tags)).await
}

async fn retag(aws: &Aws, arn: &str, old: &Tags, new: &Tags) -> Answer<()> {
    let (set, mut removed) = ownership::changes(old, new);
    if !set.is_empty() {
        let answer = aws.logs().tag_resource().resource_arn(arn).set_tags(Some(set.into_iter().collect())).send().await;
        answer.map_err(|e| Failure::of("logs:TagResource", arn, e))?;
    }
    if old.contains_key(CREATING) {
        removed.push(CREATING.into());
    }
    if !removed.is_empty() {
        let answer = aws.logs().untag_resource().resource_arn(arn).set_tag_keys(Some(removed)).send().await;
        answer.map_err(|e| Failure::of("logs:UntagResource", arn, e))?;
    }
    Ok(())
}

async fn tags(aws: &Aws, arn: &str) -> Answer<Tags> {
    let answer = aws.logs().list_tags_for_resource().resource_arn(arn).send().await;
    let tags = answer.map_err(|e| Failure::of("logs:ListTagsForResource", arn, e))?;
    Ok(tags.tags().map(|t| t.iter().map(|(k, v)| (k.clone(), v.clone())).collect()).unwrap_or_default())
}

/// Retention of the log group, or nothing when it is gone.
pub(crate) async fn retention(aws: &Aws, name: &str) -> Answer<Option<i32>> {
    let answer = aws.logs().describe_log_groups().log_group_name_prefix(name).send().await;
    let answer = answer.map_err(|e| Failure::of("logs:DescribeLogGroups", name, e))?;
    let group = answer.log_groups().iter().find(|g| g.log_group_name() == Some(name));
    Ok(group.map(|g| g.retention_in_days().unwrap_or(0)))
}

/// Deletes the log group and what it holds.
pub(crate) async fn delete(aws: &Aws, name: &str) -> Answer<()> {
    let answer = aws.logs().delete_log_group().log_group_name(name).send().await;
    match answer.map_err(|e| Failure::of("logs:DeleteLogGroup", name, e)) {
        Ok(_) => Ok(()),
        Err(failure) if failure.is_gone() => Ok(()),
        Err(failure) => Err(failure),
    }
}
