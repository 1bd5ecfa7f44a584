//! The settings of an `aws_s3_bucket`: resources of their own, inline blocks, AWS's defaults - in this order.

use provider_boundary::model::{
    Fact, Reason,
    store::{Bucket, Encryption, LifecycleRule, ObjectLock, PublicAccess, Replication, Versioning},
};

use super::super::{
    object::{self, Object, Objects},
    value::Value,
};

/// Who speaks for one setting of one bucket.
enum Voice<'o> {
    /// A resource of its own.
    Own(&'o Object),
    /// A block in the bucket, set in the configuration or found by the refresh.
    Inline,
    /// Nobody: what AWS does by default, also after the resource of its own is destroyed.
    Default,
}

fn voice<'o>(objects: &'o Objects, bucket: &Object, names: &'o [String], kind: &'o str, inline: &str) -> Voice<'o> {
    if let Some(own) = objects.belonging(kind, "bucket", names).next() {
        return Voice::Own(own);
    }
    let destroyed = objects.destroys(kind, "bucket", names);
    if !inline.is_empty() && (bucket.configures(inline) || (!bucket.created() && !destroyed)) {
        Voice::Inline
    } else {
        Voice::Default
    }
}

pub(super) fn bucket(objects: &Objects, object: &Object) -> Bucket {
    let mut names: Vec<String> =
        ["bucket", "arn", "id"].iter().filter_map(|name| object.get(name).as_str().map(str::to_owned)).collect();
    names.dedup();
    let voice = |kind: &'static str, inline: &str| voice(objects, object, &names, kind, inline);
    let policy = match voice("aws_s3_bucket_policy", "policy") {
        Voice::Own(own) => own.policy("policy"),
        Voice::Inline => object.policy("policy"),
        Voice::Default => None,
    };
    Bucket {
        origin: object.origin.clone(),
        name: object.text("bucket"),
        arn: object.text("arn"),
        account: object.account(),
        region: object.region(),
        encryption: encryption(
            &voice("aws_s3_bucket_server_side_encryption_configuration", "server_side_encryption_configuration"),
            object,
        ),
        versioning: versioning(&voice("aws_s3_bucket_versioning", "versioning"), object),
        ownership: match voice("aws_s3_bucket_ownership_controls", "") {
            Voice::Own(own) => object::text(&own.first("rule").get("object_ownership")),
            // Source: S3 user guide: since April 2023 access lists are off in new buckets.
            _ => default(
                objects,
                object,
                &names,
                "aws_s3_bucket_ownership_controls",
                "s3:GetBucketOwnershipControls",
                "BucketOwnerEnforced".into(),
                "ObjectWriter".into(),
            ),
        },
        public_access: match voice("aws_s3_bucket_public_access_block", "") {
            Voice::Own(own) => Fact::Known(public_access(own, false)),
            _ => {
                let all = |on: bool| same_public_access(on);
                default(
                    objects,
                    object,
                    &names,
                    "aws_s3_bucket_public_access_block",
                    "s3:GetPublicAccessBlock",
                    all(true),
                    all(false),
                )
            }
        },
        acl: acl(&voice("aws_s3_bucket_acl", "acl"), object),
        policy,
        lifecycle: lifecycle(&voice("aws_s3_bucket_lifecycle_configuration", "lifecycle_rule"), object),
        replication: replication(
            &voice("aws_s3_bucket_replication_configuration", "replication_configuration"),
            object,
        ),
        object_lock: object_lock(
            &voice("aws_s3_bucket_object_lock_configuration", "object_lock_configuration"),
            object,
        ),
        access_log: access_log(&voice("aws_s3_bucket_logging", "logging"), object),
        notifications: notifications(&voice("aws_s3_bucket_notification", ""), object),
        force_destroy: object.flag("force_destroy", false),
        of_cluster: None,
    }
}

/// Settings of our bucket that somebody's resources of their own replace.
pub(super) fn replace(objects: &Objects, object: &Object, bucket: &mut Bucket) {
    let mut names: Vec<String> =
        ["name", "arn", "id"].iter().filter_map(|name| object.get(name).as_str().map(str::to_owned)).collect();
    names.extend(bucket.arn.text().map(str::to_owned));
    let own = |kind: &'static str| objects.belonging(kind, "bucket", &names).next().map(Voice::Own);
    if let Some(voice) = own("aws_s3_bucket_server_side_encryption_configuration") {
        bucket.encryption = encryption(&voice, object);
    }
    if let Some(voice) = own("aws_s3_bucket_versioning") {
        bucket.versioning = versioning(&voice, object);
    }
    if let Some(Voice::Own(own)) = own("aws_s3_bucket_ownership_controls") {
        bucket.ownership = object::text(&own.first("rule").get("object_ownership"));
    }
    if let Some(Voice::Own(own)) = own("aws_s3_bucket_public_access_block") {
        bucket.public_access = Fact::Known(public_access(own, false));
    }
    if let Some(voice) = own("aws_s3_bucket_acl") {
        bucket.acl = acl(&voice, object);
    }
    if let Some(Voice::Own(own)) = own("aws_s3_bucket_policy") {
        bucket.policy = own.policy("policy");
    }
    if let Some(voice) = own("aws_s3_bucket_lifecycle_configuration") {
        bucket.lifecycle = lifecycle(&voice, object);
    }
    if let Some(voice) = own("aws_s3_bucket_replication_configuration") {
        bucket.replication = replication(&voice, object);
    }
    if let Some(voice) = own("aws_s3_bucket_notification") {
        bucket.notifications = notifications(&voice, object);
    }
}

/// A setting without a resource: AWS's default for a bucket made now, `after` when its resource goes, else not read.
fn default<T>(
    objects: &Objects,
    bucket: &Object,
    names: &[String],
    kind: &str,
    api: &str,
    fresh: T,
    after: T,
) -> Fact<T> {
    if objects.destroys(kind, "bucket", names) {
        Fact::Known(after)
    } else if bucket.created() {
        Fact::Known(fresh)
    } else {
        Fact::Unknown(object::not_read(api))
    }
}

fn same_public_access(on: bool) -> PublicAccess {
    PublicAccess {
        block_public_acls: Fact::Known(on),
        block_public_policy: Fact::Known(on),
        ignore_public_acls: Fact::Known(on),
        restrict_public_buckets: Fact::Known(on),
    }
}

pub(super) fn public_access(object: &Object, default: bool) -> PublicAccess {
    PublicAccess {
        block_public_acls: object.flag("block_public_acls", default),
        block_public_policy: object.flag("block_public_policy", default),
        ignore_public_acls: object.flag("ignore_public_acls", default),
        restrict_public_buckets: object.flag("restrict_public_buckets", default),
    }
}

fn encryption(voice: &Voice<'_>, bucket: &Object) -> Fact<Encryption> {
    let rule = match voice {
        Voice::Own(own) => own.first("rule"),
        Voice::Inline => {
            let block = bucket.first("server_side_encryption_configuration").get("rule");
            block.items().into_iter().next().unwrap_or(block)
        }
        Voice::Default => Value::Null,
    };
    if let Value::Unknown(reason) = rule {
        return Fact::Unknown(reason);
    }
    let by_default = rule.get("apply_server_side_encryption_by_default");
    let by_default = by_default.items().into_iter().next().unwrap_or(Value::Null);
    // Source: S3 user guide: SSE-S3 encrypts every new object since January 2023.
    let algorithm = object::maybe(&by_default.get("sse_algorithm")).unwrap_or_else(|| Fact::Known("AES256".into()));
    Fact::Known(Encryption {
        algorithm,
        key: object::maybe(&by_default.get("kms_master_key_id")),
        bucket_key: object::flag(&rule.get("bucket_key_enabled"), false),
    })
}

fn versioning(voice: &Voice<'_>, bucket: &Object) -> Fact<Versioning> {
    let status = match voice {
        Voice::Own(own) => own.first("versioning_configuration").get("status"),
        Voice::Inline => match bucket.first("versioning").get("enabled") {
            Value::Bool(true) => Value::text("Enabled"),
            Value::Unknown(reason) => Value::Unknown(reason),
            _ => Value::text("Disabled"),
        },
        Voice::Default => Value::text("Disabled"),
    };
    match status {
        Value::Unknown(reason) => Fact::Unknown(reason),
        Value::Text(text) if text == "Enabled" => Fact::Known(Versioning::Enabled),
        Value::Text(text) if text == "Suspended" => Fact::Known(Versioning::Suspended),
        _ => Fact::Known(Versioning::Disabled),
    }
}

fn acl(voice: &Voice<'_>, bucket: &Object) -> Fact<Vec<String>> {
    let (canned, grants) = match voice {
        Voice::Own(own) => (own.get("acl"), own.first("access_control_policy").get("grant")),
        Voice::Inline => (bucket.get("acl"), bucket.get("grant")),
        Voice::Default => (Value::Null, Value::Null),
    };
    if let Some(reason) = canned.reason().or_else(|| grants.reason()) {
        return Fact::Unknown(reason);
    }
    let own = bucket.get("grant").get("owner").in_text();
    let mut all: Vec<String> = canned.as_str().filter(|one| *one != "private").map(str::to_owned).into_iter().collect();
    for grant in grants.items() {
        let grantee = grant.get("grantee").items().into_iter().next().unwrap_or_else(|| grant.clone());
        let who =
            ["uri", "id", "email_address"].iter().map(|name| grantee.get(name).in_text()).find(|who| !who.is_empty());
        let what = grant.get("permission");
        let what = if what.is_null() { grant.get("permissions") } else { what };
        // A bucket's owner always has everything; the refresh shows that as a grant.
        let to_owner = what.items().iter().all(|one| one.as_str() == Some("FULL_CONTROL"))
            && grantee.get("uri").in_text().is_empty();
        if let Some(who) = who.filter(|who| *who != own && !(to_owner && matches!(voice, Voice::Inline))) {
            let what: Vec<String> = what.items().iter().map(Value::in_text).collect();
            all.push(format!("{} {who}", what.join(",")));
        }
    }
    Fact::Known(all)
}

fn replication(voice: &Voice<'_>, bucket: &Object) -> Fact<Vec<Replication>> {
    let (role, list) = match voice {
        Voice::Own(own) => (own.get("role"), own.get("rule")),
        Voice::Inline => {
            let block = bucket.first("replication_configuration");
            (block.get("role"), block.get("rules"))
        }
        Voice::Default => return Fact::Known(Vec::new()),
    };
    rules(&list, |rule| {
        let destination = rule.get("destination").items().into_iter().next().unwrap_or(Value::Null);
        let encryption = destination.get("encryption_configuration").items().into_iter().next().unwrap_or(Value::Null);
        Replication {
            id: rule.get("id").in_text(),
            enabled: object::text(&rule.get("status")).map(|status| status == "Enabled"),
            prefix: prefix(rule),
            destination: object::text(&destination.get("bucket")),
            account: object::maybe(&destination.get("account"))
                .or_else(|| object::maybe(&destination.get("account_id"))),
            key: object::maybe(&encryption.get("replica_kms_key_id")),
            role: object::text(&role),
        }
    })
}

fn object_lock(voice: &Voice<'_>, bucket: &Object) -> Fact<Option<ObjectLock>> {
    let enabled = object::flag(&bucket.get("object_lock_enabled"), false);
    let rule = match voice {
        Voice::Own(own) => own.first("rule").get("default_retention"),
        _ => Value::Null,
    };
    let rule = rule.items().into_iter().next().unwrap_or(Value::Null);
    let default = rule.get("mode").as_str().map(|mode| {
        let (days, years) = (object::number(&rule.get("days")), object::number(&rule.get("years")));
        let days =
            days.known().copied().flatten().or_else(|| years.known().copied().flatten().map(|years| years * 365));
        (mode.to_owned(), days.unwrap_or(0))
    });
    match (voice, enabled) {
        (Voice::Own(_), _) => Fact::Known(Some(ObjectLock { default })),
        // Off unless it is asked for when the bucket is made.
        (_, Fact::Unknown(_)) if bucket.created() => Fact::Known(None),
        (_, enabled) => enabled.map(|on| on.then_some(ObjectLock { default: None })),
    }
}

fn lifecycle(voice: &Voice<'_>, bucket: &Object) -> Fact<Vec<LifecycleRule>> {
    match voice {
        Voice::Own(own) => rules(&own.get("rule"), lifecycle_rule),
        Voice::Inline => rules(&bucket.get("lifecycle_rule"), inline_lifecycle_rule),
        Voice::Default => Fact::Known(Vec::new()),
    }
}

fn access_log(voice: &Voice<'_>, bucket: &Object) -> Fact<Option<String>> {
    match voice {
        Voice::Own(own) => Fact::Known(Some(own.get("target_bucket").in_text())),
        Voice::Inline => object::list(&bucket.first("logging").get("target_bucket")).map(|all| all.into_iter().next()),
        Voice::Default => Fact::Known(None),
    }
}

fn notifications(voice: &Voice<'_>, bucket: &Object) -> Fact<Vec<String>> {
    let own = match voice {
        Voice::Own(own) => own,
        _ if bucket.created() => return Fact::Known(Vec::new()),
        _ => return Fact::Unknown(object::not_read("s3:GetBucketNotificationConfiguration")),
    };
    let mut all = Vec::new();
    for (block, argument) in
        [("topic", "topic_arn"), ("queue", "queue_arn"), ("lambda_function", "lambda_function_arn")]
    {
        match own.get(block) {
            Value::Unknown(reason) => return Fact::Unknown(reason),
            list => all.extend(list.items().iter().map(|one| one.get(argument).in_text())),
        }
    }
    if own.get("eventbridge") == Value::Bool(true) {
        all.push("eventbridge".into());
    }
    Fact::Known(all)
}

fn rules<T>(list: &Value, one: impl Fn(&Value) -> T) -> Fact<Vec<T>> {
    match list {
        Value::Unknown(reason) => Fact::Unknown(reason.clone()),
        other => Fact::Known(other.items().iter().map(one).collect()),
    }
}

fn prefix(rule: &Value) -> Fact<String> {
    let filter = rule.get("filter").items().into_iter().next().unwrap_or(Value::Null);
    let and = filter.get("and").items().into_iter().next().unwrap_or(Value::Null);
    let found = [filter.get("prefix"), and.get("prefix"), rule.get("prefix")];
    object::text(found.iter().find(|one| !one.is_null()).unwrap_or(&Value::Null))
}

/// Days of a block; nothing when there is no such block.
fn days(rule: &Value, block: &str, argument: &str) -> Option<Fact<u64>> {
    let block = rule.get(block).items().into_iter().next()?;
    match object::number(&block.get(argument)) {
        Fact::Known(Some(days)) if days > 0 => Some(Fact::Known(days)),
        Fact::Known(_) | Fact::Symbolic(_) => None,
        Fact::Unknown(Reason::ComputedAtApply { .. }) if argument == "days" && block.get("date").as_str().is_some() => {
            None
        }
        Fact::Unknown(reason) => Some(Fact::Unknown(reason)),
    }
}

fn lifecycle_rule(rule: &Value) -> LifecycleRule {
    let filter = rule.get("filter").items().into_iter().next().unwrap_or(Value::Null);
    let narrowed = ["and", "tag", "object_size_greater_than", "object_size_less_than"];
    let transitions = rule.get("transition").items();
    LifecycleRule {
        id: rule.get("id").in_text(),
        enabled: object::text(&rule.get("status")).map(|status| status == "Enabled"),
        prefix: prefix(rule),
        narrowed: narrowed.iter().any(|name| match filter.get(name) {
            Value::Null | Value::Unknown(_) => false,
            Value::List(items) => !items.is_empty(),
            _ => true,
        }),
        expiration_days: days(rule, "expiration", "days"),
        expiration_date: rule
            .get("expiration")
            .items()
            .first()
            .and_then(|one| one.get("date").as_str().map(str::to_owned)),
        noncurrent_days: days(rule, "noncurrent_version_expiration", "noncurrent_days"),
        abort_uploads_days: days(rule, "abort_incomplete_multipart_upload", "days_after_initiation"),
        transitions: transitions
            .iter()
            .map(|one| {
                (object::number(&one.get("days")).map(|days| days.unwrap_or(0)), one.get("storage_class").in_text())
            })
            .collect(),
    }
}

fn inline_lifecycle_rule(rule: &Value) -> LifecycleRule {
    let abort = object::number(&rule.get("abort_incomplete_multipart_upload_days"));
    LifecycleRule {
        enabled: object::flag(&rule.get("enabled"), false),
        narrowed: matches!(rule.get("tags"), Value::Map(tags) if !tags.is_empty()),
        noncurrent_days: days(rule, "noncurrent_version_expiration", "days"),
        abort_uploads_days: match abort {
            Fact::Known(Some(days)) if days > 0 => Some(Fact::Known(days)),
            Fact::Unknown(reason) => Some(Fact::Unknown(reason)),
            _ => None,
        },
        ..lifecycle_rule(rule)
    }
}

/// The rules as `ringfence_bucket` exports them:
/// `[{"id":...,"prefix":...,"noncurrent_days":...,"abort_upload_days":...,"expires_objects":...}]`.
pub(super) fn lifecycle_of_json(text: &Value) -> Fact<Vec<LifecycleRule>> {
    let text = match text {
        Value::Unknown(reason) => return Fact::Unknown(reason.clone()),
        other => other.in_text(),
    };
    let Ok(list) = serde_json::from_str::<serde_json::Value>(&text) else {
        return Fact::Unknown(Reason::Unsupported { construct: "lifecycle rules that are no JSON".into() });
    };
    let days = |rule: &Value, name: &str| object::number(&rule.get(name)).known().copied().flatten().map(Fact::Known);
    rules(&Value::of_json(&list), |rule| LifecycleRule {
        id: rule.get("id").in_text(),
        enabled: Fact::Known(true),
        prefix: object::text(&rule.get("prefix")),
        narrowed: false,
        // Never ours: the provider only says that somebody's rule deletes current objects.
        expiration_days: (rule.get("expires_objects") == Value::Bool(true))
            .then(|| Fact::Unknown(object::not_read("s3:GetBucketLifecycleConfiguration"))),
        expiration_date: None,
        noncurrent_days: days(rule, "noncurrent_days"),
        abort_uploads_days: days(rule, "abort_upload_days"),
        transitions: Vec::new(),
    })
}
