//! Buckets and access points; `ringfence_bucket`.

use provider_boundary::model::{
    Fact, World,
    store::{AccessPoint, Bucket, Encryption, ObjectLock, PublicAccess, Versioning},
};

use super::{
    super::{
        object::{self, Object, Objects},
        value::Value,
    },
    bucket_settings as settings,
};

const KINDS: &[&str] = &[
    "aws_s3_bucket",
    "aws_s3_bucket_policy",
    "aws_s3_bucket_versioning",
    "aws_s3_bucket_server_side_encryption_configuration",
    "aws_s3_bucket_ownership_controls",
    "aws_s3_bucket_public_access_block",
    "aws_s3_bucket_acl",
    "aws_s3_bucket_lifecycle_configuration",
    "aws_s3_bucket_replication_configuration",
    "aws_s3_bucket_object_lock_configuration",
    "aws_s3_bucket_logging",
    "aws_s3_bucket_notification",
    "aws_s3_account_public_access_block",
    "aws_s3_access_point",
    "aws_s3control_access_grants_instance",
    "aws_s3control_access_grant",
    "aws_s3control_access_grants_location",
    "aws_s3control_object_lambda_access_point",
    "aws_s3control_multi_region_access_point",
    "ringfence_bucket",
];

pub(super) fn translate(objects: &Objects, world: &mut World) -> &'static [&'static str] {
    for object in objects.of(&["aws_s3_bucket"]) {
        world.buckets.push(if object.is_data { foreign(object) } else { settings::bucket(objects, object) });
    }
    for object in objects.of(&["ringfence_bucket"]) {
        let mut bucket = ours(object);
        settings::replace(objects, object, &mut bucket);
        world.buckets.push(bucket);
    }
    if let Some(account) = objects.of(&["aws_s3_account_public_access_block"]).next() {
        world.account_public_access = Fact::Known(settings::public_access(account, false));
    }
    for object in objects.of(&["aws_s3_access_point"]) {
        let vpc = object.first("vpc_configuration").get("vpc_id");
        world.access_points.push(door(object, "access point", "bucket", object::maybe(&vpc)));
    }
    for (kind, what, bucket) in [
        ("aws_s3control_access_grant", "access grant", "access_grants_location_id"),
        ("aws_s3control_access_grants_location", "access grants location", "location_scope"),
        ("aws_s3control_object_lambda_access_point", "object lambda", "name"),
        ("aws_s3control_multi_region_access_point", "multi-region access point", "id"),
    ] {
        world.access_points.extend(objects.of(&[kind]).map(|object| door(object, what, bucket, None)));
    }
    orphans(objects, world);
    KINDS
}

/// Settings of a bucket that cannot be told: they must not vanish.
fn orphans(objects: &Objects, world: &mut World) {
    let settings = objects.all.iter().filter(|one| one.kind.starts_with("aws_s3_bucket_"));
    let lost = settings.filter(|one| matches!(one.get("bucket"), Value::Unknown(_)));
    world.unmodelled.extend(lost.map(|one| (one.origin.clone(), format!("{} of an unknown bucket", one.kind))));
}

fn door(object: &Object, kind: &str, bucket: &str, vpc: Option<Fact<String>>) -> AccessPoint {
    AccessPoint {
        origin: object.origin.clone(),
        kind: kind.into(),
        name: object.text("name"),
        bucket: object.text(bucket),
        vpc,
        policy: object.policy("policy"),
    }
}

/// A bucket that is only named here.
fn foreign(object: &Object) -> Bucket {
    fn unread<T>(api: &str) -> Fact<T> {
        Fact::Unknown(object::not_read(api))
    }
    Bucket {
        origin: object.origin.clone(),
        name: object.text("bucket"),
        arn: object.text("arn"),
        account: unread("s3:HeadBucket"),
        region: object.text("region"),
        encryption: unread("s3:GetBucketEncryption"),
        versioning: unread("s3:GetBucketVersioning"),
        ownership: unread("s3:GetBucketOwnershipControls"),
        public_access: unread("s3:GetPublicAccessBlock"),
        acl: unread("s3:GetBucketAcl"),
        policy: Some(unread("s3:GetBucketPolicy")),
        lifecycle: unread("s3:GetBucketLifecycleConfiguration"),
        replication: unread("s3:GetBucketReplication"),
        object_lock: unread("s3:GetObjectLockConfiguration"),
        access_log: unread("s3:GetBucketLogging"),
        notifications: unread("s3:GetBucketNotificationConfiguration"),
        force_destroy: Fact::Known(false),
        of_cluster: None,
    }
}

fn ours(object: &Object) -> Bucket {
    let name = object.get("name").in_text();
    let on = || Fact::Known(true);
    let lifecycle = object.get("lifecycle_rules");
    Bucket {
        origin: object.origin.clone(),
        name: object.text("name"),
        arn: object
            .maybe("arn")
            .unwrap_or_else(|| Fact::from_text(format!("arn:{}:s3:::{name}", object.place.partition))),
        account: object.account(),
        region: object.region(),
        encryption: Fact::Known(Encryption {
            algorithm: Fact::Known("aws:kms".into()),
            key: object.maybe("kms_key_arn"),
            bucket_key: object.flag("bucket_key_enabled", true),
        }),
        versioning: object
            .flag("versioning", false)
            .map(|on| if on { Versioning::Enabled } else { Versioning::Disabled }),
        ownership: Fact::Known("BucketOwnerEnforced".into()),
        public_access: object.flag("public_access_blocked", true).map(|_| PublicAccess {
            block_public_acls: on(),
            block_public_policy: on(),
            ignore_public_acls: on(),
            restrict_public_buckets: on(),
        }),
        acl: Fact::Known(Vec::new()),
        policy: super::clusters::policy(object),
        lifecycle: settings::lifecycle_of_json(&lifecycle),
        // The resource makes none of these, and replaces nothing that others made.
        replication: object.not_read("s3:GetBucketReplication").map_or(Fact::Known(Vec::new()), Fact::Unknown),
        object_lock: object.flag("object_lock", false).map(|on| on.then_some(ObjectLock { default: None })),
        access_log: Fact::Known(None),
        notifications: object
            .not_read("s3:GetBucketNotificationConfiguration")
            .map_or(Fact::Known(Vec::new()), Fact::Unknown),
        force_destroy: Fact::Known(object.get("on_destroy").as_str() == Some("delete")),
        of_cluster: Some((object.get("cluster").in_text(), object.get("role").in_text())),
    }
}
