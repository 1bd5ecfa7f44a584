//! Roles, users, groups, policies and their attachments, instance profiles; `ringfence_broker_role`.

use provider_boundary::model::{
    Fact, World,
    identity::{AttachedPolicy, Identity, IdentityKind, IdentityProvider, InstanceProfile},
};

use super::super::{
    object::{self, Object, Objects},
    value::Value,
};

const KINDS: &[&str] = &[
    "aws_iam_role",
    "aws_iam_role_policy",
    "aws_iam_role_policy_attachment",
    "aws_iam_role_policies_exclusive",
    "aws_iam_role_policy_attachments_exclusive",
    "aws_iam_policy",
    "aws_iam_policy_attachment",
    "aws_iam_user",
    "aws_iam_user_policy",
    "aws_iam_user_policy_attachment",
    "aws_iam_user_group_membership",
    "aws_iam_access_key",
    "aws_iam_group",
    "aws_iam_group_policy",
    "aws_iam_group_policy_attachment",
    "aws_iam_group_membership",
    "aws_iam_instance_profile",
    "aws_iam_openid_connect_provider",
    "aws_iam_saml_provider",
    "ringfence_broker_role",
];

/// How the parts of one kind of identity are called.
struct Words {
    kind: IdentityKind,
    resource: &'static str,
    inline: &'static str,
    attachment: &'static str,
    argument: &'static str,
    plural: &'static str,
    list: &'static str,
}

const WORDS: [Words; 3] = [
    Words {
        kind: IdentityKind::Role,
        resource: "aws_iam_role",
        inline: "aws_iam_role_policy",
        attachment: "aws_iam_role_policy_attachment",
        argument: "role",
        plural: "roles",
        list: "iam:ListAttachedRolePolicies",
    },
    Words {
        kind: IdentityKind::User,
        resource: "aws_iam_user",
        inline: "aws_iam_user_policy",
        attachment: "aws_iam_user_policy_attachment",
        argument: "user",
        plural: "users",
        list: "iam:ListAttachedUserPolicies",
    },
    Words {
        kind: IdentityKind::Group,
        resource: "aws_iam_group",
        inline: "aws_iam_group_policy",
        attachment: "aws_iam_group_policy_attachment",
        argument: "group",
        plural: "groups",
        list: "iam:ListAttachedGroupPolicies",
    },
];

pub(super) fn translate(objects: &Objects, world: &mut World) -> &'static [&'static str] {
    for words in &WORDS {
        for object in objects.all.iter().filter(|one| one.kind == words.resource) {
            world.identities.push(identity(objects, words, object));
        }
    }
    for object in objects.of(&["ringfence_broker_role"]) {
        world.identities.push(ours(objects, object));
        world.profiles.push(InstanceProfile {
            origin: object.origin.clone(),
            name: object.text("instance_profile"),
            arn: Fact::from_text(format!(
                "arn:{}:iam::{}:instance-profile/{}",
                object.place.partition,
                object.place.account,
                object.get("instance_profile").in_text()
            )),
            role: object.maybe("name"),
        });
    }
    world.profiles.extend(objects.of(&["aws_iam_instance_profile"]).map(|object| InstanceProfile {
        origin: object.origin.clone(),
        name: object.text("name"),
        arn: object.text("arn"),
        role: object.maybe("role"),
    }));
    for (resource, kind, issuer) in
        [("aws_iam_openid_connect_provider", "oidc", "url"), ("aws_iam_saml_provider", "saml", "name")]
    {
        world.identity_providers.extend(objects.of(&[resource]).map(|object| IdentityProvider {
            origin: object.origin.clone(),
            kind: kind.into(),
            arn: object.text("arn"),
            issuer: object.text(issuer),
        }));
    }
    orphans(objects, world);
    KINDS
}

/// Policies that go to an identity which cannot be told, or which is not in the plan: they must not vanish.
fn orphans(objects: &Objects, world: &mut World) {
    for words in &WORDS {
        for object in objects.of(&[words.inline, words.attachment]) {
            let holder = object.get(words.argument);
            let known =
                world.identities.iter().any(|one| holder.as_str().is_some_and(|name| one.name.text() == Some(name)));
            if known {
                continue;
            }
            // Somebody else's identity: what is attached here is a part of what it may do.
            let name = object.text(words.argument);
            let arn = match name.text() {
                Some(name) => Fact::from_text(format!(
                    "arn:{}:iam::{}:{}/{name}",
                    object.place.partition, object.place.account, words.argument
                )),
                None => name.clone(),
            };
            let policy = if object.kind == words.inline {
                inline(object)
            } else {
                attached(objects, object, &object.get("policy_arn"))
            };
            world.identities.push(Identity {
                origin: object.origin.clone(),
                kind: words.kind,
                arn,
                name,
                trust: (words.kind == IdentityKind::Role).then(|| Fact::Unknown(object::not_read("iam:GetRole"))),
                policies: vec![policy],
                more_policies: Some(object::not_read(words.list)),
                boundary: None,
                session_seconds: Fact::Unknown(object::not_read("iam:GetRole")),
                of_cluster: None,
            });
        }
    }
}

fn identity(objects: &Objects, words: &Words, object: &Object) -> Identity {
    let names = names(object);
    let mut policies: Vec<AttachedPolicy> =
        objects.belonging(words.inline, words.argument, &names).map(inline).collect();
    policies.extend(
        objects
            .belonging(words.attachment, words.argument, &names)
            .map(|one| attached(objects, one, &one.get("policy_arn"))),
    );
    for one in objects.of(&["aws_iam_policy_attachment"]) {
        if one.get(words.plural).items().iter().any(|name| names.contains(&name.in_text())) {
            policies.push(attached(objects, one, &one.get("policy_arn")));
        }
    }
    // Inline in the role itself. A refresh copies standalone ones here too; those are known already.
    if object.configures("inline_policy") {
        for block in object.blocks("inline_policy") {
            if let Some(document) = object::policy(&block.get("policy")) {
                policies.push(AttachedPolicy {
                    origin: object.origin.clone(),
                    name: object::text(&block.get("name")),
                    document,
                });
            }
        }
    }
    if object.configures("managed_policy_arns") {
        policies.extend(object.get("managed_policy_arns").items().iter().map(|arn| attached(objects, object, arn)));
    }
    policies.extend(of_groups(objects, &names));
    let boundary = object.get("permissions_boundary");
    Identity {
        origin: object.origin.clone(),
        kind: words.kind,
        arn: object.text("arn"),
        name: object.text("name"),
        trust: if words.kind == IdentityKind::Role { object.policy("assume_role_policy") } else { None },
        policies,
        more_policies: object.not_read(words.list),
        boundary: object::maybe(&boundary).map(|_| attached(objects, object, &boundary)),
        session_seconds: object::number(&object.get("max_session_duration")),
        of_cluster: None,
    }
}

fn names(object: &Object) -> Vec<String> {
    let mut names: Vec<String> =
        ["name", "id", "arn"].iter().filter_map(|name| object.get(name).as_str().map(str::to_owned)).collect();
    names.dedup();
    names
}

/// Policies that a user has through groups.
fn of_groups(objects: &Objects, names: &[String]) -> Vec<AttachedPolicy> {
    let mut groups: Vec<String> = Vec::new();
    for one in objects.of(&["aws_iam_user_group_membership"]).filter(|one| names.contains(&one.get("user").in_text())) {
        groups.extend(one.get("groups").items().iter().map(Value::in_text));
    }
    for one in objects.of(&["aws_iam_group_membership"]) {
        if one.get("users").items().iter().any(|user| names.contains(&user.in_text())) {
            groups.push(one.get("group").in_text());
        }
    }
    let inline_ones = objects.belonging("aws_iam_group_policy", "group", &groups).map(inline);
    let attached_ones = objects
        .belonging("aws_iam_group_policy_attachment", "group", &groups)
        .map(|one| attached(objects, one, &one.get("policy_arn")));
    inline_ones.chain(attached_ones).collect()
}

fn inline(object: &Object) -> AttachedPolicy {
    AttachedPolicy {
        origin: object.origin.clone(),
        name: object.text("name"),
        document: object
            .policy("policy")
            .unwrap_or_else(|| Fact::Known(r#"{"Version":"2012-10-17","Statement":[]}"#.into())),
    }
}

/// A managed policy by its ARN: in this plan, or not read.
fn attached(objects: &Objects, object: &Object, arn: &Value) -> AttachedPolicy {
    let name = object::text(arn);
    let found = objects
        .of(&["aws_iam_policy"])
        .find(|policy| name.text().is_some_and(|arn| policy.get("arn").as_str() == Some(arn)));
    let document = match (found.and_then(|policy| policy.policy("policy")), &name) {
        (Some(document), _) => document,
        (None, Fact::Unknown(reason)) => Fact::Unknown(reason.clone()),
        (None, _) => {
            Fact::Unknown(object::not_read(&format!("iam:GetPolicyVersion {}", name.text().unwrap_or_default())))
        }
    };
    AttachedPolicy { origin: object.origin.clone(), name, document }
}

fn ours(objects: &Objects, object: &Object) -> Identity {
    let name = object.get("name").in_text();
    let boundary = object.get("permissions_boundary");
    let policy = super::clusters::policy(object).map(|document| AttachedPolicy {
        origin: object.origin.clone(),
        name: Fact::Known("broker".into()),
        document,
    });
    let names = vec![name.clone()];
    let attached_ones = objects
        .belonging("aws_iam_role_policy_attachment", "role", &names)
        .map(|one| attached(objects, one, &one.get("policy_arn")));
    let inline_ones = objects.belonging("aws_iam_role_policy", "role", &names).map(inline);
    Identity {
        origin: object.origin.clone(),
        kind: IdentityKind::Role,
        arn: object.maybe("arn").unwrap_or_else(|| {
            Fact::from_text(format!("arn:{}:iam::{}:role/{name}", object.place.partition, object.place.account))
        }),
        name: object.text("name"),
        trust: object.policy("trust_policy"),
        policies: policy.into_iter().chain(attached_ones).chain(inline_ones).collect(),
        more_policies: object.not_read("iam:ListAttachedRolePolicies"),
        boundary: object::maybe(&boundary).map(|_| attached(objects, object, &boundary)),
        // IAM's default for roles, which the resource does not change.
        session_seconds: Fact::Known(Some(3_600)),
        of_cluster: Some(object.get("cluster").in_text()),
    }
}
