//! A good configuration, built in code: one cluster with two keys, two buckets, a log group, one role, a VPC without a way out
//! but endpoints, and the contract that approves it. Identifiers that AWS assigns are symbols, as in a first plan.

mod approved;
mod network;

use provider_boundary::model::{
    Change, Contract, Fact, Origin, Reason, World,
    audit::{Detector, Trail},
    compute::{Machine, MachineKind, ScalingGroup},
    evidence::{Evidence, Source},
    identity::{AttachedPolicy, Identity, IdentityKind, InstanceProfile},
    kafka::{Acl, Cluster, Topic},
    key::{Key, KeyModel},
    store::{Bucket, Encryption, LifecycleRule, LogGroup, PublicAccess, Versioning, Volume},
};
use serde_json::{Value, json};

pub(super) use network::rule;

pub(super) const ACCOUNT: &str = "111122223333";
pub(super) const REGION: &str = "eu-central-1";
pub(super) const BROKER: &str = "arn:aws:iam::111122223333:role/broker";
pub(super) const ADMIN: &str = "arn:aws:iam::111122223333:role/admin";
pub(super) const ROOT: &str = "arn:aws:iam::111122223333:root";
pub(super) const TODAY: &str = "2026-11-21";

/// What a review is given.
#[derive(Clone, Debug)]
pub(super) struct Fixture {
    pub(super) world: World,
    pub(super) prior: Option<World>,
    pub(super) actual: Option<World>,
    pub(super) contract: Contract,
}

pub(super) fn text(value: &str) -> Fact<String> {
    Fact::from_text(value)
}

pub(super) fn origin(address: &str) -> Origin {
    Origin { change: Change::Create, evidence: Some(evidence(address).id()), ..Origin::at(address) }
}

fn evidence(address: &str) -> Evidence {
    Evidence {
        source: Source::Plan,
        address: address.into(),
        account: Some(ACCOUNT.into()),
        region: Some(REGION.into()),
        fact: Value::String(address.into()),
    }
}

pub(super) fn policy(statements: Value) -> Fact<String> {
    text(&json!({"Version": "2012-10-17", "Statement": statements}).to_string())
}

/// The configuration and its contract.
pub(super) fn good() -> Fixture {
    let mut world = World::empty(text(ACCOUNT), text(REGION), text("aws"));
    world.account_public_access = Fact::Known(blocked());
    world.keys = vec![key("data"), key("metadata"), log_key()];
    world.buckets = vec![data_bucket(), metadata_bucket()];
    world.log_groups = vec![log_group()];
    world.identities = vec![admin(), broker()];
    world.profiles = vec![profile()];
    network::network(&mut world);
    world.machines = vec![machine()];
    world.scaling_groups = vec![scaling_group()];
    world.trails = vec![trail()];
    world.detectors = vec![detector()];
    world.clusters = vec![cluster()];
    world.topics = vec![topic("orders")];
    world.acls = vec![acl()];
    let mut actual = world.clone();
    for key in &mut actual.keys {
        key.more_grants = None;
    }
    Fixture { actual: Some(actual), prior: None, contract: approved::contract(), world }
}

fn symbol_of_key(name: &str) -> String {
    format!("${{aws_kms_key.{name}.arn}}")
}

/// A key of the cluster: administrators do not decrypt, the broker decrypts through S3.
fn key(name: &str) -> Key {
    let bucket = format!("arn:aws:s3:::ringfence-{name}");
    let statements = json!([
        {"Sid": "Administer", "Effect": "Allow", "Principal": {"AWS": ROOT}, "Resource": "*",
         "Action": ["kms:Describe*", "kms:Get*", "kms:List*", "kms:PutKeyPolicy", "kms:DisableKey", "kms:EnableKey",
                    "kms:ScheduleKeyDeletion", "kms:CancelKeyDeletion", "kms:RevokeGrant"],
         "Condition": {"ArnEquals": {"aws:PrincipalArn": [ADMIN]}}},
        {"Sid": "BrokersThroughS3", "Effect": "Allow", "Principal": {"AWS": ROOT}, "Resource": "*",
         "Action": ["kms:Decrypt", "kms:GenerateDataKey"],
         "Condition": {"ArnEquals": {"aws:PrincipalArn": [BROKER]},
                       "StringEquals": {"kms:ViaService": "s3.eu-central-1.amazonaws.com", "kms:CallerAccount": ACCOUNT},
                       "StringLike": {"kms:EncryptionContext:aws:s3:arn": [bucket, format!("{bucket}/*")]}}},
        {"Sid": "NobodyElse", "Effect": "Deny", "Principal": "*", "Resource": "*",
         "Action": ["kms:Decrypt", "kms:Encrypt", "kms:ReEncrypt*", "kms:GenerateDataKey*"],
         "Condition": {"ArnNotEquals": {"aws:PrincipalArn": [BROKER]}}},
        {"Sid": "NoGrants", "Effect": "Deny", "Principal": "*", "Resource": "*", "Action": "kms:CreateGrant"}
    ]);
    key_with(name, policy(statements))
}

fn log_key() -> Key {
    let statements = json!([
        {"Sid": "Administer", "Effect": "Allow", "Principal": {"AWS": ROOT}, "Resource": "*",
         "Action": ["kms:Describe*", "kms:Get*", "kms:PutKeyPolicy", "kms:DisableKey", "kms:ScheduleKeyDeletion"],
         "Condition": {"ArnEquals": {"aws:PrincipalArn": [ADMIN]}}},
        {"Sid": "Logs", "Effect": "Allow", "Principal": {"Service": "logs.eu-central-1.amazonaws.com"}, "Resource": "*",
         "Action": ["kms:Decrypt", "kms:Encrypt", "kms:GenerateDataKey*", "kms:DescribeKey"],
         "Condition": {"ArnLike": {"kms:EncryptionContext:aws:logs:arn": "arn:aws:logs:eu-central-1:111122223333:*"}}}
    ]);
    key_with("logs", policy(statements))
}

fn key_with(name: &str, policy: Fact<String>) -> Key {
    Key {
        origin: origin(&format!("aws_kms_key.{name}")),
        arn: text(&symbol_of_key(name)),
        id: text(&format!("${{aws_kms_key.{name}.key_id}}")),
        account: text(ACCOUNT),
        region: text(REGION),
        aliases: vec![text(&format!("alias/ringfence-{name}"))],
        model: Fact::Known(KeyModel::CustomerManaged),
        usage: text("ENCRYPT_DECRYPT"),
        enabled: Fact::Known(true),
        rotation_days: Fact::Known(Some(365)),
        deletion_days: Fact::Known(30),
        multi_region: Fact::Known(false),
        policy,
        grants: Vec::new(),
        more_grants: Some(Reason::NotRead { source: "aws".into(), what: "kms:ListGrants".into() }),
        of_cluster: None,
    }
}

pub(super) fn blocked() -> PublicAccess {
    PublicAccess {
        block_public_acls: Fact::Known(true),
        block_public_policy: Fact::Known(true),
        ignore_public_acls: Fact::Known(true),
        restrict_public_buckets: Fact::Known(true),
    }
}

fn bucket(name: &str, role: &str, statements: Value) -> Bucket {
    let rule = LifecycleRule {
        id: "uploads".into(),
        enabled: Fact::Known(true),
        prefix: text(""),
        narrowed: false,
        expiration_days: None,
        expiration_date: None,
        noncurrent_days: Some(Fact::Known(7)),
        abort_uploads_days: Some(Fact::Known(1)),
        transitions: Vec::new(),
    };
    Bucket {
        origin: origin(&format!("aws_s3_bucket.{role}")),
        name: text(name),
        arn: text(&format!("arn:aws:s3:::{name}")),
        account: text(ACCOUNT),
        region: text(REGION),
        encryption: Fact::Known(Encryption {
            algorithm: text("aws:kms"),
            key: Some(text(&symbol_of_key(role))),
            bucket_key: Fact::Known(true),
        }),
        versioning: Fact::Known(Versioning::Disabled),
        ownership: text("BucketOwnerEnforced"),
        public_access: Fact::Known(blocked()),
        acl: Fact::Known(Vec::new()),
        policy: Some(policy(statements)),
        lifecycle: Fact::Known(vec![rule]),
        replication: Fact::Known(Vec::new()),
        object_lock: Fact::Known(None),
        access_log: Fact::Known(None),
        notifications: Fact::Known(Vec::new()),
        force_destroy: Fact::Known(false),
        of_cluster: Some(("main".into(), role.into())),
    }
}

fn data_bucket() -> Bucket {
    bucket("ringfence-data", "data", denies("arn:aws:s3:::ringfence-data"))
}

fn metadata_bucket() -> Bucket {
    bucket("ringfence-metadata", "metadata", denies("arn:aws:s3:::ringfence-metadata"))
}

/// The statements of the design: TLS, endpoints only, brokers only.
pub(super) fn denies(arn: &str) -> Value {
    let objects = format!("{arn}/*");
    let records = ["s3:GetObject*", "s3:PutObject*", "s3:RestoreObject", "s3:ReplicateObject"];
    json!([
        {"Sid": "Tls", "Effect": "Deny", "Principal": "*", "Action": "s3:*", "Resource": [arn, objects],
         "Condition": {"Bool": {"aws:SecureTransport": "false"}}},
        {"Sid": "RecordsOnlyThroughEndpoints", "Effect": "Deny", "Principal": "*", "Action": records,
         "Resource": objects, "Condition": {"StringNotEquals": {"aws:SourceVpce": ["${aws_vpc_endpoint.s3.id}"]}}},
        {"Sid": "RecordsOnlyByBrokers", "Effect": "Deny", "Principal": "*", "Action": records,
         "Resource": objects, "Condition": {"ArnNotEquals": {"aws:PrincipalArn": [BROKER]}}},
        {"Sid": "NamesAndDeletesByBrokers", "Effect": "Deny", "Principal": "*",
         "Action": ["s3:ListBucket", "s3:ListBucketVersions", "s3:DeleteObject", "s3:DeleteObjectVersion"],
         "Resource": [arn, objects], "Condition": {"ArnNotEquals": {"aws:PrincipalArn": [BROKER]}}}
    ])
}

fn log_group() -> LogGroup {
    LogGroup {
        origin: origin("aws_cloudwatch_log_group.broker"),
        name: text("/ringfence/main"),
        arn: text("arn:aws:logs:eu-central-1:111122223333:log-group:/ringfence/main"),
        account: text(ACCOUNT),
        region: text(REGION),
        key: Some(text(&symbol_of_key("logs"))),
        retention_days: Fact::Known(Some(90)),
        subscriptions: Vec::new(),
        more_subscriptions: None,
    }
}

fn role(name: &str, service: &str, document: Value) -> Identity {
    let trust = json!([{"Effect": "Allow", "Principal": {"Service": service}, "Action": "sts:AssumeRole"}]);
    Identity {
        origin: origin(&format!("aws_iam_role.{name}")),
        kind: IdentityKind::Role,
        arn: text(&format!("arn:aws:iam::{ACCOUNT}:role/{name}")),
        name: text(name),
        trust: Some(policy(trust)),
        policies: vec![AttachedPolicy {
            origin: origin(&format!("aws_iam_role_policy.{name}")),
            name: text(name),
            document: policy(document),
        }],
        more_policies: None,
        boundary: None,
        session_seconds: Fact::Known(Some(3_600)),
        of_cluster: None,
    }
}

fn broker() -> Identity {
    let buckets = ["data", "metadata"].map(|name| format!("arn:aws:s3:::ringfence-{name}"));
    let objects = buckets.clone().map(|arn| format!("{arn}/*"));
    let keys = ["data", "metadata"].map(symbol_of_key);
    role(
        "broker",
        "ec2.amazonaws.com",
        json!([
            {"Sid": "Objects", "Effect": "Allow", "Action": ["s3:GetObject", "s3:PutObject", "s3:DeleteObject"], "Resource": objects},
            {"Sid": "Names", "Effect": "Allow", "Action": "s3:ListBucket", "Resource": buckets},
            {"Sid": "Keys", "Effect": "Allow", "Action": ["kms:Decrypt", "kms:GenerateDataKey"], "Resource": keys}
        ]),
    )
}

/// The administrator: keys and bucket policies, and of the keys everything but their use.
fn admin() -> Identity {
    let mut role = role(
        "admin",
        "ec2.amazonaws.com",
        json!([{"Sid": "Keys", "Effect": "Allow", "Action": ["kms:PutKeyPolicy", "kms:Describe*", "kms:DisableKey",
                "kms:ScheduleKeyDeletion", "s3:PutBucketPolicy"], "Resource": "*"}]),
    );
    let trust = json!([{"Effect": "Allow", "Principal": {"AWS": ROOT}, "Action": "sts:AssumeRole"}]);
    role.trust = Some(policy(trust));
    role
}

fn profile() -> InstanceProfile {
    InstanceProfile {
        origin: origin("aws_iam_instance_profile.broker"),
        name: text("broker"),
        arn: text("arn:aws:iam::111122223333:instance-profile/broker"),
        role: Some(text("broker")),
    }
}

fn machine() -> Machine {
    Machine {
        origin: origin("aws_launch_template.broker"),
        kind: MachineKind::LaunchTemplate,
        id: text("${aws_launch_template.broker.id}"),
        image: text("ami-1"),
        instance_type: text("m7g.large"),
        profile: Some(text("broker")),
        user_data: None,
        imds_tokens_required: Fact::Known(true),
        imds_hops: Fact::Known(1),
        public_address: Some(Fact::Known(false)),
        security_groups: vec![text("${aws_security_group.broker.id}")],
        subnets: Vec::new(),
        ssh_key: None,
        volumes: vec![Volume {
            device: "/dev/xvda".into(),
            encrypted: Fact::Known(true),
            key: None,
            delete_on_termination: Fact::Known(true),
            size_gib: Fact::Known(Some(8)),
            ephemeral: false,
        }],
        of_cluster: None,
    }
}

fn scaling_group() -> ScalingGroup {
    ScalingGroup {
        origin: origin("aws_autoscaling_group.broker"),
        name: text("broker"),
        template: Some(text("${aws_launch_template.broker.id}")),
        template_version: Some(text("3")),
        subnets: vec![text("${aws_subnet.a.id}"), text("${aws_subnet.b.id}")],
        size: (Fact::Known(3), Fact::Known(6)),
        target_groups: Vec::new(),
    }
}

fn trail() -> Trail {
    Trail {
        origin: origin("aws_cloudtrail.main"),
        name: text("main"),
        arn: text("arn:aws:cloudtrail:eu-central-1:111122223333:trail/main"),
        logging: Fact::Known(true),
        multi_region: Fact::Known(true),
        validated: Fact::Known(true),
        bucket: text("audit-of-the-organisation"),
        key: None,
        log_group: None,
        management_writes: Fact::Known(true),
        data_events: Fact::Known(Vec::new()),
    }
}

fn detector() -> Detector {
    let pattern = json!({"source": ["aws.kms"], "detail-type": ["AWS API Call via CloudTrail"],
        "detail": {"eventSource": ["kms.amazonaws.com"], "eventName": ["PutKeyPolicy", "CreateGrant"]}});
    Detector {
        origin: origin("aws_cloudwatch_event_rule.keys"),
        name: text("key-changes"),
        arn: text("arn:aws:events:eu-central-1:111122223333:rule/key-changes"),
        enabled: Fact::Known(true),
        bus: text("default"),
        pattern: text(&pattern.to_string()),
        targets: vec![text("arn:aws:sns:eu-central-1:111122223333:security")],
    }
}

fn cluster() -> Cluster {
    Cluster {
        origin: origin("ringfence_cluster.main"),
        name: text("main"),
        data_bucket: text("ringfence-data"),
        metadata_bucket: text("ringfence-metadata"),
    }
}

pub(super) fn topic(name: &str) -> Topic {
    Topic {
        origin: origin(&format!("ringfence_topic.{name}")),
        cluster: text("main"),
        name: text(name),
        partitions: Fact::Known(6),
        owner: text("orders-team"),
        classification: text("restricted"),
        retention_ms: Fact::Known(7 * 86_400_000),
        deletion_protection: Fact::Known(true),
        configs: Fact::Known(std::collections::BTreeMap::new()),
    }
}

fn acl() -> Acl {
    Acl {
        origin: origin("ringfence_acl.support"),
        cluster: text("main"),
        principal: text("User:support"),
        resource: text("topic:orders"),
        operations: Fact::Known(vec!["read".into()]),
        allows: Fact::Known(true),
        expires: Some(text("2026-12-31")),
        reason: Some(text("incident 7")),
    }
}
