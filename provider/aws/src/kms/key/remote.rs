//! The key in KMS: create or adopt, read, converge, let go.

use aws_sdk_kms::types::{KeyState, Tag};
use serde::Serialize;

use crate::{
    client::Aws,
    failure::{Answer, Failure},
    limits,
    ownership::{self, CREATING, Ownership, Tags},
    policy::meaning,
};

/// A key as it should be.
#[derive(Clone, Debug, Serialize)]
pub(crate) struct Wanted {
    pub(crate) alias: String,
    pub(crate) description: String,
    pub(crate) policy: String,
    pub(crate) rotation_days: i32,
    pub(crate) tags: Tags,
}

/// A key as it is.
#[derive(Clone, Debug)]
pub(crate) struct Found {
    pub(crate) id: String,
    pub(crate) arn: String,
    pub(crate) alias: Option<String>,
    pub(crate) description: String,
    pub(crate) enabled: bool,
    pub(crate) policy: String,
    /// `None` when rotation is off.
    pub(crate) rotation_days: Option<i32>,
    pub(crate) tags: Tags,
}

/// Makes the key, or finds the one that an interrupted create left; answers its id.
pub(crate) async fn create(aws: &Aws, wanted: &Wanted, ownership: &Ownership) -> Answer<String> {
    if let Some(id) = by_alias(aws, &wanted.alias).await? {
        ownership.adopt(&format!("the key {}", wanted.alias), &id, &tags(aws, &id).await?)?;
        return Ok(id);
    }
    if let Some(id) = unfinished(aws, ownership).await? {
        return Ok(id);
    }
    let request = aws.kms().create_key().description(&wanted.description).policy(&wanted.policy);
    let answer = request.set_tags(Some(kms_tags(&ownership.mark(&wanted.tags))?)).send().await;
    let key = answer.map_err(|e| Failure::of("kms:CreateKey", format!("the new key {}", wanted.alias), e))?;
    let id = key.key_metadata().map(|m| m.key_id().to_owned());
    id.ok_or_else(|| Failure::new("KMS answered no key id", "Apply again: the key is found by its tags."))
}

/// Gives the key everything that `wanted` says and takes the mark of an unfinished create away.
pub(crate) async fn converge(aws: &Aws, id: &str, wanted: &Wanted, ownership: &Ownership) -> Answer<()> {
    let Some(found) = read(aws, id).await? else {
        return Err(Failure::new(format!("the key {id} is gone"), "Apply again to make a new one."));
    };
    let kms = aws.kms();
    if found.alias.as_deref() != Some(&wanted.alias) {
        let answer = kms.create_alias().alias_name(&wanted.alias).target_key_id(id).send().await;
        answer.map_err(|e| Failure::of("kms:CreateAlias", &wanted.alias, e))?;
    }
    if !found.enabled {
        kms.enable_key().key_id(id).send().await.map_err(|e| Failure::of("kms:EnableKey", id, e))?;
    }
    if !meaning::same(&found.policy, &wanted.policy) {
        let answer = kms.put_key_policy().key_id(id).policy_name("default").policy(&wanted.policy).send().await;
        answer.map_err(|e| Failure::of("kms:PutKeyPolicy", id, e))?;
    }
    if found.rotation_days != Some(wanted.rotation_days) {
        let request = kms.enable_key_rotation().key_id(id).rotation_period_in_days(wanted.rotation_days);
        request.send().await.map_err(|e| Failure::of("kms:EnableKeyRotation", id, e))?;
    }
    if found.description != wanted.description {
        let request = kms.update_key_description().key_id(id).description(&wanted.description);
        request.send().await.map_err(|e| Failure::of("kms:UpdateKeyDescription", id, e))?;
    }
    retag(aws, id, &found.tags, &ownership.sign(&wanted.tags)).await
}

async fn retag(aws: &Aws, id: &str, old: &Tags, new: &Tags) -> Answer<()> {
    let (set, mut removed) = ownership::changes(old, new);
    if !set.is_empty() {
        let answer = aws.kms().tag_resource().key_id(id).set_tags(Some(kms_tags(&set)?)).send().await;
        answer.map_err(|e| Failure::of("kms:TagResource", id, e))?;
    }
    if old.contains_key(CREATING) {
        removed.push(CREATING.into());
    }
    if !removed.is_empty() {
        let answer = aws.kms().untag_resource().key_id(id).set_tag_keys(Some(removed)).send().await;
        answer.map_err(|e| Failure::of("kms:UntagResource", id, e))?;
    }
    Ok(())
}

/// The key, or nothing when it is gone or about to be.
pub(crate) async fn read(aws: &Aws, id: &str) -> Answer<Option<Found>> {
    let kms = aws.kms();
    let described = match kms.describe_key().key_id(id).send().await.map_err(|e| Failure::of("kms:DescribeKey", id, e))
    {
        Ok(answer) => answer,
        Err(failure) if failure.is_gone() => return Ok(None),
        Err(failure) => return Err(failure),
    };
    let Some(metadata) = described.key_metadata() else { return Ok(None) };
    if metadata.key_state() == Some(&KeyState::PendingDeletion) {
        return Ok(None);
    }
    let id = metadata.key_id();
    let (policy, rotation, tags, alias) = tokio::join!(
        kms.get_key_policy().key_id(id).policy_name("default").send(),
        kms.get_key_rotation_status().key_id(id).send(),
        tags(aws, id),
        alias_of(aws, id),
    );
    let policy = policy.map_err(|e| Failure::of("kms:GetKeyPolicy", id, e))?;
    let rotation = rotation.map_err(|e| Failure::of("kms:GetKeyRotationStatus", id, e))?;
    Ok(Some(Found {
        id: id.into(),
        arn: metadata.arn().unwrap_or_default().into(),
        alias: alias?,
        description: metadata.description().unwrap_or_default().into(),
        enabled: metadata.enabled(),
        policy: policy.policy().unwrap_or_default().into(),
        rotation_days: rotation.key_rotation_enabled().then(|| rotation.rotation_period_in_days().unwrap_or(365)),
        tags: tags?,
    }))
}

/// Stops all use of the key; it can be enabled again.
pub(crate) async fn disable(aws: &Aws, id: &str) -> Answer<()> {
    let answer = aws.kms().disable_key().key_id(id).send().await;
    gone_is_done(answer.map(drop).map_err(|e| Failure::of("kms:DisableKey", id, e)))
}

/// Frees the alias and lets KMS delete the key after `days`.
pub(crate) async fn schedule_deletion(aws: &Aws, id: &str, alias: &str, days: i32) -> Answer<()> {
    let answer = aws.kms().delete_alias().alias_name(alias).send().await;
    gone_is_done(answer.map(drop).map_err(|e| Failure::of("kms:DeleteAlias", alias, e)))?;
    let answer = aws.kms().schedule_key_deletion().key_id(id).pending_window_in_days(days).send().await;
    let failure = match answer {
        Ok(_) => return Ok(()),
        Err(error) => Failure::of("kms:ScheduleKeyDeletion", id, error),
    };
    // A key that is already pending answers with its state.
    if failure.is("KMSInvalidStateException") { Ok(()) } else { gone_is_done(Err(failure)) }
}

fn gone_is_done(answer: Answer<()>) -> Answer<()> {
    match answer {
        Err(failure) if failure.is_gone() => Ok(()),
        other => other,
    }
}

async fn by_alias(aws: &Aws, alias: &str) -> Answer<Option<String>> {
    match aws.kms().describe_key().key_id(alias).send().await.map_err(|e| Failure::of("kms:DescribeKey", alias, e)) {
        Ok(answer) => Ok(answer.key_metadata().map(|m| m.key_id().to_owned())),
        Err(failure) if failure.is_gone() => Ok(None),
        Err(failure) => Err(failure),
    }
}

async fn alias_of(aws: &Aws, id: &str) -> Answer<Option<String>> {
    let answer = aws.kms().list_aliases().key_id(id).send().await;
    let aliases = answer.map_err(|e| Failure::of("kms:ListAliases", id, e))?;
    let names = aliases.aliases().iter().filter_map(|a| a.alias_name());
    Ok(names.filter(|name| name.starts_with("alias/ringfence-")).map(str::to_owned).next())
}

/// A key that bears both tags and has no alias yet: what a create leaves that was killed after its first call.
async fn unfinished(aws: &Aws, ownership: &Ownership) -> Answer<Option<String>> {
    let mut aliased = std::collections::BTreeSet::new();
    let mut pages = aws.kms().list_aliases().into_paginator().send();
    for _ in 0..limits::LIST_PAGES_MAX {
        let Some(page) = pages.next().await else { break };
        let page = page.map_err(|e| Failure::of("kms:ListAliases", "this account's keys", e))?;
        aliased.extend(page.aliases().iter().filter_map(|a| a.target_key_id()).map(str::to_owned));
    }
    let mut pages = aws.kms().list_keys().into_paginator().send();
    for _ in 0..limits::LIST_PAGES_MAX {
        let Some(page) = pages.next().await else { break };
        let page = page.map_err(|e| Failure::of("kms:ListKeys", "this account's keys", e))?;
        for id in page.keys().iter().filter_map(|k| k.key_id()).filter(|id| !aliased.contains(*id)) {
            // Keys of other teams may forbid reading their tags: those are not ours.
            let Ok(tags) = tags(aws, id).await else { continue };
            if ownership.is_unfinished(&tags) && read(aws, id).await?.is_some() {
                return Ok(Some(id.to_owned()));
            }
        }
    }
    Ok(None)
}

async fn tags(aws: &Aws, id: &str) -> Answer<Tags> {
    let answer = aws.kms().list_resource_tags().key_id(id).send().await;
    let tags = answer.map_err(|e| Failure::of("kms:ListResourceTags", id, e))?;
    Ok(tags.tags().iter().map(|t| (t.tag_key().into(), t.tag_value().into())).collect())
}

fn kms_tags(tags: &Tags) -> Answer<Vec<Tag>> {
    let build = |(key, value): (&String, &String)| Tag::builder().tag_key(key).tag_value(value).build();
    let tags: Result<Vec<Tag>, _> = tags.iter().map(build).collect();
    tags.map_err(|e| Failure::new("a tag is not valid", e.to_string()))
}
