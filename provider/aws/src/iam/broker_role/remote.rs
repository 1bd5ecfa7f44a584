//! The role and its instance profile in IAM: create or adopt, read, converge, delete.

use aws_sdk_iam::types::Tag;
use serde::Serialize;

use crate::{
    client::Aws,
    failure::{Answer, Failure},
    ownership::{self, CREATING, Ownership, Tags},
    policy::meaning,
};

/// Name of the inline policy.
const POLICY: &str = "ringfence-broker";

/// A role as it should be.
#[derive(Clone, Debug, Serialize)]
pub(crate) struct Wanted {
    pub(crate) name: String,
    pub(crate) trust: String,
    pub(crate) policy: String,
    pub(crate) permissions_boundary: Option<String>,
    pub(crate) tags: Tags,
}

/// A role as it is.
#[derive(Clone, Debug)]
pub(crate) struct Found {
    /// What AWS calls it besides its name; another role of the same name has another one.
    pub(crate) unique_id: String,
    pub(crate) trust: String,
    pub(crate) policy: String,
    pub(crate) permissions_boundary: Option<String>,
    /// Whether the instance profile is there and holds the role.
    pub(crate) profile: bool,
    pub(crate) tags: Tags,
}

/// Makes the role, or adopts what an interrupted create left.
pub(crate) async fn create(aws: &Aws, wanted: &Wanted, ownership: &Ownership) -> Answer<()> {
    let name = &wanted.name;
    if let Some(found) = read(aws, name).await? {
        return ownership.adopt(&format!("the role {name}"), name, &found.tags);
    }
    let request = aws
        .iam()
        .create_role()
        .role_name(name)
        .assume_role_policy_document(&wanted.trust)
        .set_permissions_boundary(wanted.permissions_boundary.clone())
        .description("Ringfence brokers")
        .set_tags(Some(iam_tags(&ownership.mark(&wanted.tags))?));
    request.send().await.map(drop).map_err(|e| Failure::of("iam:CreateRole", name, e))
}

/// Gives the role everything that `wanted` says; the mark of an unfinished create goes last. Answers its unique id.
pub(crate) async fn converge(aws: &Aws, wanted: &Wanted, ownership: &Ownership) -> Answer<String> {
    let (name, iam) = (&wanted.name, aws.iam());
    let Some(found) = read(aws, name).await? else {
        return Err(Failure::new(format!("the role {name} is gone"), "Apply again to make a new one."));
    };
    if !meaning::same(&found.trust, &wanted.trust) {
        let answer = iam.update_assume_role_policy().role_name(name).policy_document(&wanted.trust).send().await;
        answer.map_err(|e| Failure::of("iam:UpdateAssumeRolePolicy", name, e))?;
    }
    if !meaning::same(&found.policy, &wanted.policy) {
        let request = iam.put_role_policy().role_name(name).policy_name(POLICY).policy_document(&wanted.policy);
        request.send().await.map_err(|e| Failure::of("iam:PutRolePolicy", name, e))?;
    }
    match &wanted.permissions_boundary {
        boundary if *boundary == found.permissions_boundary => {}
        Some(boundary) => {
            let answer =
                iam.put_role_permissions_boundary().role_name(name).permissions_boundary(boundary).send().await;
            answer.map_err(|e| Failure::of("iam:PutRolePermissionsBoundary", name, e))?;
        }
        None => {
            let answer = iam.delete_role_permissions_boundary().role_name(name).send().await;
            answer.map_err(|e| Failure::of("iam:DeleteRolePermissionsBoundary", name, e))?;
        }
    }
    if !found.profile {
        make_profile(aws, wanted, ownership).await?;
    }
    retag(aws, name, &found.tags, &ownership.sign(&wanted.tags)).await?;
    Ok(found.unique_id)
}

async fn make_profile(aws: &Aws, wanted: &Wanted, ownership: &Ownership) -> Answer<()> {
    let (name, iam) = (&wanted.name, aws.iam());
    let tags = iam_tags(&ownership.sign(&wanted.tags))?;
    let answer = iam.create_instance_profile().instance_profile_name(name).set_tags(Some(tags)).send().await;
    match answer.map_err(|e| Failure::of("iam:CreateInstanceProfile", name, e)) {
        Ok(_) => {}
        Err(failure) if failure.is("EntityAlreadyExists") => {}
        Err(failure) => return Err(failure),
    }
    let answer = iam.add_role_to_instance_profile().instance_profile_name(name).role_name(name).send().await;
    answer.map(drop).map_err(|e| Failure::of("iam:AddRoleToInstanceProfile", name, e))
}

async fn retag(aws: &Aws, name: &str, old: &Tags, new: &Tags) -> Answer<()> {
    let (set, mut removed) = ownership::changes(old, new);
    if !set.is_empty() {
        let answer = aws.iam().tag_role().role_name(name).set_tags(Some(iam_tags(&set)?)).send().await;
        answer.map_err(|e| Failure::of("iam:TagRole", name, e))?;
    }
    if old.contains_key(CREATING) {
        removed.push(CREATING.into());
    }
    if !removed.is_empty() {
        let answer = aws.iam().untag_role().role_name(name).set_tag_keys(Some(removed)).send().await;
        answer.map_err(|e| Failure::of("iam:UntagRole", name, e))?;
    }
    Ok(())
}

/// The role, or nothing when it is gone.
pub(crate) async fn read(aws: &Aws, name: &str) -> Answer<Option<Found>> {
    let iam = aws.iam();
    let (role, policy, profile) = tokio::join!(
        iam.get_role().role_name(name).send(),
        iam.get_role_policy().role_name(name).policy_name(POLICY).send(),
        iam.get_instance_profile().instance_profile_name(name).send(),
    );
    let Some(role) = present(role.map_err(|e| Failure::of("iam:GetRole", name, e)))?.and_then(|r| r.role) else {
        return Ok(None);
    };
    let policy = present(policy.map_err(|e| Failure::of("iam:GetRolePolicy", name, e)))?;
    let profile = present(profile.map_err(|e| Failure::of("iam:GetInstanceProfile", name, e)))?;
    let profile = profile.and_then(|p| p.instance_profile);
    let boundary = role.permissions_boundary().and_then(|b| b.permissions_boundary_arn());
    Ok(Some(Found {
        unique_id: role.role_id().into(),
        trust: decoded(role.assume_role_policy_document().unwrap_or_default()),
        policy: policy.map(|p| decoded(p.policy_document())).unwrap_or_default(),
        permissions_boundary: boundary.map(str::to_owned),
        profile: profile.is_some_and(|p| p.roles().iter().any(|r| r.role_name() == name)),
        tags: role.tags().iter().map(|t| (t.key().into(), t.value().into())).collect(),
    }))
}

/// Deletes profile, inline policy and role; what is gone already is done.
pub(crate) async fn delete(aws: &Aws, name: &str) -> Answer<()> {
    let iam = aws.iam();
    let answer = iam.remove_role_from_instance_profile().instance_profile_name(name).role_name(name).send().await;
    present(answer.map_err(|e| Failure::of("iam:RemoveRoleFromInstanceProfile", name, e)))?;
    let answer = iam.delete_instance_profile().instance_profile_name(name).send().await;
    present(answer.map_err(|e| Failure::of("iam:DeleteInstanceProfile", name, e)))?;
    let answer = iam.delete_role_policy().role_name(name).policy_name(POLICY).send().await;
    present(answer.map_err(|e| Failure::of("iam:DeleteRolePolicy", name, e)))?;
    let answer = iam.delete_role().role_name(name).send().await;
    present(answer.map_err(|e| Failure::of("iam:DeleteRole", name, e))).map(drop)
}

fn present<T>(answer: Answer<T>) -> Answer<Option<T>> {
    match answer {
        Ok(value) => Ok(Some(value)),
        Err(failure) if failure.is_gone() => Ok(None),
        Err(failure) => Err(failure),
    }
}

/// IAM returns documents URL-encoded.
fn decoded(text: &str) -> String {
    if text.trim_start().starts_with('{') {
        return text.into();
    }
    let mut bytes = Vec::with_capacity(text.len());
    let mut rest = text.bytes();
    while let Some(byte) = rest.next() {
        let digit = |b: Option<u8>| b.and_then(|b| char::from(b).to_digit(16)).and_then(|d| u8::try_from(d).ok());
        match byte {
            b'%' => match (digit(rest.next()), digit(rest.next())) {
                (Some(high), Some(low)) => bytes.push(high * 16 + low),
                _ => return text.into(),
            },
            _ => bytes.push(byte),
        }
    }
    String::from_utf8(bytes).unwrap_or_else(|_| text.into())
}

fn iam_tags(tags: &Tags) -> Answer<Vec<Tag>> {
    let build = |(key, value): (&String, &String)| Tag::builder().key(key).value(value).build();
    let tags: Result<Vec<Tag>, _> = tags.iter().map(build).collect();
    tags.map_err(|e| Failure::new("a tag is not valid", e.to_string()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn documents_of_iam_are_decoded_and_others_left() {
        assert_eq!(decoded("%7B%22a%22%3A%22b%2Fc%22%7D"), r#"{"a":"b/c"}"#);
        assert_eq!(decoded(r#"{"a":"%7B"}"#), r#"{"a":"%7B"}"#);
        assert_eq!(decoded("100%"), "100%");
    }
}
