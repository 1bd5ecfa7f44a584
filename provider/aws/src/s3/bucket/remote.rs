//! The bucket in S3: create or adopt, read, converge, purge, delete.

use aws_sdk_s3::types::{
    BucketLifecycleConfiguration, BucketLocationConstraint, BucketVersioningStatus, CreateBucketConfiguration,
    ObjectOwnership, OwnershipControls, OwnershipControlsRule, PublicAccessBlockConfiguration, ServerSideEncryption,
    ServerSideEncryptionByDefault, ServerSideEncryptionConfiguration, ServerSideEncryptionRule, Tag, Tagging,
    VersioningConfiguration,
};
use serde::Serialize;

use super::lifecycle;
use crate::{
    client::Aws,
    failure::{Answer, Failure},
    ownership::{Ownership, Tags},
    policy::meaning,
};

/// A bucket as it should be.
#[derive(Clone, Debug, Serialize)]
pub(crate) struct Wanted {
    pub(crate) name: String,
    pub(crate) kms_key_arn: String,
    pub(crate) policy: String,
    pub(crate) versioning: bool,
    pub(crate) object_lock: bool,
    /// Rules as `lifecycle` writes them.
    pub(crate) lifecycle: String,
    pub(crate) tags: Tags,
}

/// A bucket as it is.
#[derive(Clone, Debug)]
pub(crate) struct Found {
    pub(crate) kms_key_arn: Option<String>,
    pub(crate) bucket_key: bool,
    pub(crate) policy: String,
    pub(crate) versioning: bool,
    pub(crate) object_lock: bool,
    pub(crate) lifecycle: String,
    pub(crate) ownership: String,
    pub(crate) public_access_blocked: bool,
    pub(crate) tags: Tags,
}

/// Makes the bucket, or adopts what an interrupted create left.
pub(crate) async fn create(aws: &Aws, wanted: &Wanted, ownership: &Ownership) -> Answer<()> {
    let name = &wanted.name;
    match aws.s3().head_bucket().bucket(name).send().await.map_err(|e| Failure::of("s3:ListBucket", name, e)) {
        Ok(_) => return ownership.adopt(&format!("the bucket {name}"), name, &tags(aws, name).await?),
        Err(failure) if failure.is_gone() => {}
        // Our own policy hides the names of a data bucket's objects, so this may still be ours, half made.
        Err(failure) if failure.is_denied() => match tags(aws, name).await {
            Ok(tags) => return ownership.adopt(&format!("the bucket {name}"), name, &tags),
            Err(_) => return Err(taken(name, &failure)),
        },
        Err(failure) => return Err(failure),
    }
    let marked = ownership.mark(&wanted.tags);
    let region = aws.scope().region.as_str();
    let mut configuration = CreateBucketConfiguration::builder().set_tags(Some(s3_tags(&marked)?));
    // The oldest region has no constraint; naming it is an error.
    if region != "us-east-1" {
        configuration = configuration.location_constraint(BucketLocationConstraint::from(region));
    }
    let request = aws.s3().create_bucket().bucket(name).create_bucket_configuration(configuration.build());
    let request = request.object_ownership(ObjectOwnership::BucketOwnerEnforced);
    let request = request.set_object_lock_enabled_for_bucket(wanted.object_lock.then_some(true));
    match request.send().await.map_err(|e| Failure::of("s3:CreateBucket", name, e)) {
        Ok(_) => put_tags(aws, name, &marked).await,
        Err(failure) if failure.is("BucketAlreadyExists") => Err(taken(name, &failure)),
        Err(failure) => Err(failure),
    }
}

fn taken(name: &str, failure: &Failure) -> Failure {
    Failure::new(
        format!("the bucket name {name} is taken"),
        format!(
            "Bucket names are shared by all AWS accounts, and this one belongs to another account (or this account's \
             policies hide it). Set `name` to another one: a name with the account id in it is rarely taken.\n\n{}",
            failure.detail
        ),
    )
}

/// Gives the bucket everything that `wanted` says; the mark of an unfinished create goes last.
pub(crate) async fn converge(aws: &Aws, wanted: &Wanted, ownership: &Ownership) -> Answer<()> {
    let name = &wanted.name;
    let Some(found) = read(aws, name).await? else {
        return Err(Failure::new(format!("the bucket {name} is gone"), "Apply again to make a new one."));
    };
    if !found.public_access_blocked {
        block_public_access(aws, name).await?;
    }
    if found.ownership != ObjectOwnership::BucketOwnerEnforced.as_str() {
        own_objects(aws, name).await?;
    }
    if found.kms_key_arn.as_deref() != Some(&wanted.kms_key_arn) || !found.bucket_key {
        encrypt(aws, name, &wanted.kms_key_arn).await?;
    }
    if found.versioning != wanted.versioning {
        set_versioning(aws, name, wanted.versioning).await?;
    }
    if found.lifecycle != wanted.lifecycle {
        set_lifecycle(aws, name, &wanted.lifecycle).await?;
    }
    if !meaning::same(&found.policy, &wanted.policy) {
        let answer = aws.s3().put_bucket_policy().bucket(name).policy(&wanted.policy).send().await;
        answer.map_err(|e| Failure::of("s3:PutBucketPolicy", name, e))?;
    }
    let signed = ownership.sign(&wanted.tags);
    if found.tags != signed { put_tags(aws, name, &signed).await } else { Ok(()) }
}

async fn block_public_access(aws: &Aws, name: &str) -> Answer<()> {
    let block = PublicAccessBlockConfiguration::builder()
        .block_public_acls(true)
        .ignore_public_acls(true)
        .block_public_policy(true)
        .restrict_public_buckets(true)
        .build();
    let request = aws.s3().put_public_access_block().bucket(name).public_access_block_configuration(block);
    request.send().await.map(drop).map_err(|e| Failure::of("s3:PutBucketPublicAccessBlock", name, e))
}

async fn own_objects(aws: &Aws, name: &str) -> Answer<()> {
    let invalid = |e: aws_sdk_s3::error::BuildError| Failure::new("the ownership rule is not valid", e.to_string());
    let rule = OwnershipControlsRule::builder().object_ownership(ObjectOwnership::BucketOwnerEnforced).build();
    let controls = OwnershipControls::builder().rules(rule.map_err(invalid)?).build().map_err(invalid)?;
    let request = aws.s3().put_bucket_ownership_controls().bucket(name).ownership_controls(controls);
    request.send().await.map(drop).map_err(|e| Failure::of("s3:PutBucketOwnershipControls", name, e))
}

async fn encrypt(aws: &Aws, name: &str, key: &str) -> Answer<()> {
    let invalid = |e: aws_sdk_s3::error::BuildError| Failure::new("the encryption rule is not valid", e.to_string());
    let default = ServerSideEncryptionByDefault::builder().sse_algorithm(ServerSideEncryption::AwsKms);
    let default = default.kms_master_key_id(key).build().map_err(invalid)?;
    let rule = ServerSideEncryptionRule::builder()
        .apply_server_side_encryption_by_default(default)
        .bucket_key_enabled(true)
        .build();
    let configuration = ServerSideEncryptionConfiguration::builder().rules(rule).build().map_err(invalid)?;
    let request = aws.s3().put_bucket_encryption().bucket(name).server_side_encryption_configuration(configuration);
    request.send().await.map(drop).map_err(|e| Failure::of("s3:PutEncryptionConfiguration", name, e))
}

async fn set_versioning(aws: &Aws, name: &str, on: bool) -> Answer<()> {
    let status = if on { BucketVersioningStatus::Enabled } else { BucketVersioningStatus::Suspended };
    let configuration = VersioningConfiguration::builder().status(status).build();
    let request = aws.s3().put_bucket_versioning().bucket(name).versioning_configuration(configuration);
    request.send().await.map(drop).map_err(|e| Failure::of("s3:PutBucketVersioning", name, e))
}

async fn set_lifecycle(aws: &Aws, name: &str, rules: &str) -> Answer<()> {
    let rules = lifecycle::to_s3(rules)?;
    if rules.is_empty() {
        let answer = aws.s3().delete_bucket_lifecycle().bucket(name).send().await;
        return answer.map(drop).map_err(|e| Failure::of("s3:PutLifecycleConfiguration", name, e));
    }
    let configuration = BucketLifecycleConfiguration::builder().set_rules(Some(rules)).build();
    let configuration = configuration.map_err(|e| Failure::new("the lifecycle rules are not valid", e.to_string()))?;
    let request = aws.s3().put_bucket_lifecycle_configuration().bucket(name).lifecycle_configuration(configuration);
    request.send().await.map(drop).map_err(|e| Failure::of("s3:PutLifecycleConfiguration", name, e))
}

async fn put_tags(aws: &Aws, name: &str, tags: &Tags) -> Answer<()> {
    let tagging = Tagging::builder().set_tag_set(Some(s3_tags(tags)?)).build();
    let tagging = tagging.map_err(|e| Failure::new("the tags are not valid", e.to_string()))?;
    let answer = aws.s3().put_bucket_tagging().bucket(name).tagging(tagging).send().await;
    answer.map(drop).map_err(|e| Failure::of("s3:PutBucketTagging", name, e))
}

/// The bucket, or nothing when it is gone.
pub(crate) async fn read(aws: &Aws, name: &str) -> Answer<Option<Found>> {
    let s3 = aws.s3();
    match s3.head_bucket().bucket(name).send().await.map_err(|e| Failure::of("s3:ListBucket", name, e)) {
        Ok(_) => {}
        Err(failure) if failure.is_gone() => return Ok(None),
        // Our own data bucket's policy denies listing to everybody but brokers, so a 403 says nothing yet.
        Err(failure) if failure.is_denied() => {}
        Err(failure) => return Err(failure),
    }
    let (encryption, policy, versioning, lock) = tokio::join!(
        s3.get_bucket_encryption().bucket(name).send(),
        s3.get_bucket_policy().bucket(name).send(),
        s3.get_bucket_versioning().bucket(name).send(),
        s3.get_object_lock_configuration().bucket(name).send(),
    );
    let (public, ownership, lifecycle, tags) = tokio::join!(
        s3.get_public_access_block().bucket(name).send(),
        s3.get_bucket_ownership_controls().bucket(name).send(),
        s3.get_bucket_lifecycle_configuration().bucket(name).send(),
        tags(aws, name),
    );
    let encryption = encryption.map_err(|e| Failure::of("s3:GetEncryptionConfiguration", name, e));
    if encryption.as_ref().is_err_and(|failure| failure.is("NoSuchBucket")) {
        return Ok(None);
    }
    let (kms_key_arn, bucket_key) = default_key(encryption)?;
    let policy = absent(policy.map_err(|e| Failure::of("s3:GetBucketPolicy", name, e)), &[])?;
    let versioning = versioning.map_err(|e| Failure::of("s3:GetBucketVersioning", name, e))?;
    let lock = lock.map_err(|e| Failure::of("s3:GetBucketObjectLockConfiguration", name, e));
    let lock = absent(lock, &["ObjectLockConfigurationNotFoundError"])?;
    let public = absent(public.map_err(|e| Failure::of("s3:GetBucketPublicAccessBlock", name, e)), &[])?;
    let ownership = ownership.map_err(|e| Failure::of("s3:GetBucketOwnershipControls", name, e));
    let ownership = absent(ownership, &["OwnershipControlsNotFoundError"])?;
    let lifecycle = absent(lifecycle.map_err(|e| Failure::of("s3:GetLifecycleConfiguration", name, e)), &[])?;
    let block = public.and_then(|p| p.public_access_block_configuration);
    let rule = ownership.and_then(|o| o.ownership_controls).and_then(|o| o.rules.into_iter().next());
    Ok(Some(Found {
        kms_key_arn,
        bucket_key,
        policy: policy.and_then(|p| p.policy).unwrap_or_default(),
        versioning: versioning.status() == Some(&BucketVersioningStatus::Enabled),
        object_lock: lock.and_then(|l| l.object_lock_configuration).is_some(),
        lifecycle: lifecycle::from_s3(lifecycle.and_then(|l| l.rules).unwrap_or_default().as_slice()),
        ownership: rule.map(|r| r.object_ownership.as_str().to_owned()).unwrap_or_default(),
        public_access_blocked: block.is_some_and(|b| {
            [b.block_public_acls, b.ignore_public_acls, b.block_public_policy, b.restrict_public_buckets]
                == [Some(true); 4]
        }),
        tags: tags?,
    }))
}

type Encryption = aws_sdk_s3::operation::get_bucket_encryption::GetBucketEncryptionOutput;

fn default_key(answer: Answer<Encryption>) -> Answer<(Option<String>, bool)> {
    let answer = absent(answer, &["ServerSideEncryptionConfigurationNotFoundError"])?;
    let rules = answer.and_then(|e| e.server_side_encryption_configuration).map(|c| c.rules).unwrap_or_default();
    let Some(rule) = rules.into_iter().next() else { return Ok((None, false)) };
    let key = rule.apply_server_side_encryption_by_default.and_then(|d| d.kms_master_key_id);
    Ok((key, rule.bucket_key_enabled.unwrap_or(false)))
}

/// The key that a bucket encrypts with by default.
pub(crate) async fn key_of(aws: &Aws, name: &str) -> Answer<Option<String>> {
    let answer = aws.s3().get_bucket_encryption().bucket(name).send().await;
    default_key(answer.map_err(|e| Failure::of("s3:GetEncryptionConfiguration", name, e))).map(|(key, _)| key)
}

fn absent<T>(answer: Answer<T>, codes: &[&str]) -> Answer<Option<T>> {
    match answer {
        Ok(value) => Ok(Some(value)),
        Err(failure) if failure.is("NoSuchBucket") => Err(failure),
        Err(failure) if failure.is_gone() || codes.iter().any(|code| failure.is(code)) => Ok(None),
        Err(failure) => Err(failure),
    }
}

async fn tags(aws: &Aws, name: &str) -> Answer<Tags> {
    let answer = aws.s3().get_bucket_tagging().bucket(name).send().await;
    let tags = absent(answer.map_err(|e| Failure::of("s3:GetBucketTagging", name, e)), &[])?;
    Ok(tags.map(|t| t.tag_set).unwrap_or_default().into_iter().map(|t| (t.key, t.value)).collect())
}

fn s3_tags(tags: &Tags) -> Answer<Vec<Tag>> {
    let build = |(key, value): (&String, &String)| Tag::builder().key(key).value(value).build();
    let tags: Result<Vec<Tag>, _> = tags.iter().map(build).collect();
    tags.map_err(|e| Failure::new("a tag is not valid", e.to_string()))
}
