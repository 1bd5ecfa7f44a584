//! EC2's form of tags.

use aws_sdk_ec2::types::{ResourceType, Tag, TagSpecification};

use crate::{
    client::Aws,
    failure::{Answer, Failure},
    ownership::{self, CREATING, Tags},
};

/// Tags for one kind of thing, in the call that makes it.
pub(crate) fn specification(kind: ResourceType, tags: &Tags) -> TagSpecification {
    TagSpecification::builder().resource_type(kind).set_tags(Some(to_ec2(tags))).build()
}

/// EC2's list.
pub(crate) fn to_ec2(tags: &Tags) -> Vec<Tag> {
    tags.iter().map(|(key, value)| Tag::builder().key(key).value(value).build()).collect()
}

/// Our map.
pub(crate) fn from_ec2(tags: &[Tag]) -> Tags {
    tags.iter().map(|t| (t.key().unwrap_or_default().into(), t.value().unwrap_or_default().into())).collect()
}

/// Sets and removes what differs, the mark of an unfinished create included.
pub(crate) async fn converge(aws: &Aws, id: &str, old: &Tags, new: &Tags) -> Answer<()> {
    let (set, mut removed) = ownership::changes(old, new);
    if !set.is_empty() {
        let answer = aws.ec2().create_tags().resources(id).set_tags(Some(to_ec2(&set))).send().await;
        answer.map_err(|e| Failure::of("ec2:CreateTags", id, e))?;
    }
    if old.contains_key(CREATING) {
        removed.push(CREATING.into());
    }
    if !removed.is_empty() {
        let keys = removed.into_iter().map(|key| Tag::builder().key(key).build()).collect();
        let answer = aws.ec2().delete_tags().resources(id).set_tags(Some(keys)).send().await;
        answer.map_err(|e| Failure::of("ec2:DeleteTags", id, e))?;
    }
    Ok(())
}
