//! One fact changed in the good configuration, for each question that a plan can decide.

use provider_boundary::model::{
    Change, Class, Fact, Reason,
    compute::{EndpointService, LoadBalancer},
    contract::ApprovedExclusion,
    identity::{AttachedPolicy, IdentityProvider},
    key::{Grant, KeyModel},
    network::{Direction, Gateway, Peer, PublicAddress, ResolverRule, Route, RouteTarget},
    store::{Copy, Encryption, LifecycleRule, Replication, Subscription, Versioning},
};
use serde_json::json;

use super::good::{ACCOUNT, ADMIN, BROKER, Fixture, ROOT, denies, origin, policy, rule, text, topic};

/// What a question answers.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Expected {
    /// Violated, with a witness.
    Violated,
    /// Undecided: somebody has to state it.
    Unstated,
    /// Undecided for another reason.
    Unknown,
}

/// The good configuration with one fact changed.
pub(super) struct Broken {
    pub(super) question: &'static str,
    pub(super) name: &'static str,
    pub(super) breaks: fn(&mut Fixture),
    pub(super) expected: Expected,
}

macro_rules! broken {
    ($($question:literal $name:literal $expected:ident |$one:ident| $body:expr;)*) => {
        &[$(Broken { question: $question, name: $name, breaks: |$one: &mut Fixture| { $body; }, expected: Expected::$expected }),*]
    };
}

const STRANGER: &str = "arn:aws:iam::222222222222:role/etl";

/// Every one differs from the good configuration in one fact.
pub(super) const FIXTURES: &[Broken] = broken![
    "data-location" "a bucket in another region" Violated |one| one.world.buckets[0].region = text("us-east-1");
    "store-declared" "a bucket that nobody declared" Violated |one| {
        let mut bucket = one.world.buckets[0].clone();
        bucket.origin = origin("aws_s3_bucket.other");
        bucket.name = text("other");
        bucket.arn = text("arn:aws:s3:::other");
        bucket.of_cluster = None;
        one.world.buckets.push(bucket);
    };
    "progress-location" "offsets in another account" Violated |one| one.world.buckets[0].account = text("222222222222");
    "metadata-location" "metadata in another region" Violated |one| one.world.buckets[1].region = text("us-east-1");
    "schema-location" "nobody says where schemas are" Unstated |one| {
        one.contract.statements.remove("schema_registry");
        one.contract.classes.remove(&Class::Schemas);
    };
    "log-location" "a log group in another region" Violated |one| one.world.log_groups[0].region = text("us-east-1");
    "metrics-location" "nobody says where metrics are" Unstated |one| one.contract.classes.remove(&Class::Metrics);
    "copies-governed" "replication to another bucket" Violated |one| {
        one.world.buckets[0].replication = Fact::Known(vec![Replication {
            id: "away".into(),
            enabled: Fact::Known(true),
            prefix: text(""),
            destination: text("arn:aws:s3:::copy-in-us"),
            account: None,
            key: None,
            role: text(BROKER),
        }]);
    };
    "copies-governed" "a snapshot that no class names" Violated |one| one.world.copies.push(Copy {
        origin: origin("aws_ebs_snapshot.a"),
        kind: "snapshot".into(),
        of: text("vol-1"),
        key: None,
        retention_days: Fact::Known(None),
        copied_to: Fact::Known(Vec::new()),
    });
    "audit-location" "audit events in another region" Violated |one| one.world.buckets[1].region = text("us-east-1");
    "wal-location" "the write-ahead log in another region" Violated |one| one.world.buckets[0].region = text("us-east-1");
    "local-state" "a volume that is not encrypted" Violated |one| one.world.machines[0].volumes[0].encrypted = Fact::Known(false);
    "control-region" "a provider in another region" Violated |one| one.world.region = text("us-east-1");

    "encryption" "SSE-KMS becomes SSE-S3" Violated |one| {
        one.world.buckets[0].encryption =
            Fact::Known(Encryption { algorithm: text("AES256"), key: None, bucket_key: Fact::Known(false) });
    };
    "encryption" "a log group loses its key" Violated |one| one.world.log_groups[0].key = None;
    "tls-only" "the bucket policy lets plain requests through" Violated |one| {
        let mut statements = denies("arn:aws:s3:::ringfence-data");
        statements.as_array_mut().expect("statements").remove(0);
        one.world.buckets[0].policy = Some(policy(statements));
    };
    "key-model" "imported material" Violated |one| one.world.keys[0].model = Fact::Known(KeyModel::Imported);
    "key-delegation" "the key policy admits the account" Violated |one| {
        one.world.keys[0].policy = policy(json!([
            {"Sid": "Everybody", "Effect": "Allow", "Principal": {"AWS": ROOT}, "Action": "kms:*", "Resource": "*"}]));
    };
    "key-grants" "a grant to a stranger" Violated |one| grant(one);
    "key-rotation" "rotation is off" Violated |one| one.world.keys[0].rotation_days = Fact::Known(None);
    "key-enabled" "the key is disabled" Violated |one| one.world.keys[0].enabled = Fact::Known(false);
    "key-outage" "no runbook" Unstated |one| one.contract.runbooks.clear();
    "key-region" "a multi-Region key" Violated |one| one.world.keys[0].multi_region = Fact::Known(true);
    "key-requests" "no bucket key" Violated |one| {
        let Fact::Known(encryption) = &mut one.world.buckets[0].encryption else { return };
        encryption.bucket_key = Fact::Known(false);
    };

    "reads-now" "key and bucket admit a role with GetObject on everything" Violated |one| {
        stranger_in_account(one);
        one.world.buckets[0].policy = None;
        one.world.keys[0].policy = policy(json!([
            {"Sid": "Everybody", "Effect": "Allow", "Principal": {"AWS": ROOT}, "Action": "kms:*", "Resource": "*"}]));
    };
    "reads-now" "another account in bucket and key policy" Violated |one| {
        let allow = |actions: &str, resource: &str| json!([
            {"Sid": "Etl", "Effect": "Allow", "Principal": {"AWS": STRANGER}, "Action": actions, "Resource": resource}]);
        one.world.buckets[0].policy = Some(policy(allow("s3:GetObject", "arn:aws:s3:::ringfence-data/*")));
        one.world.keys[0].policy = policy(allow("kms:Decrypt", "*"));
    };
    "holds-get" "a role with GetObject on everything, and no deny on the bucket" Violated |one| {
        stranger_in_account(one);
        one.world.buckets[0].policy = None;
    };
    "decrypters" "the key policy lets the administrator decrypt" Violated |one| {
        let Some(statements) = one.world.keys[0].policy.text() else { return };
        let wider = statements.replace(&format!("[\"{BROKER}\"]"), &format!("[\"{BROKER}\",\"{ADMIN}\"]"));
        one.world.keys[0].policy = text(&wider);
        one.world.identities[0].policies[0].document = policy(json!([
            {"Sid": "Keys", "Effect": "Allow", "Action": "kms:*", "Resource": "*"}]));
    };
    "key-administrators" "somebody else may change the key policy" Violated |one| {
        let Some(statements) = one.world.keys[0].policy.text() else { return };
        let other = statements.replace(&format!("[\"{ADMIN}\"]"), &format!("[\"{ADMIN}\",\"{STRANGER_IN}\"]"));
        stranger_in_account(one);
        one.world.identities[2].policies[0].document = policy(json!([
            {"Sid": "Keys", "Effect": "Allow", "Action": "kms:PutKeyPolicy", "Resource": "*"}]));
        one.world.keys[0].policy = text(&other);
    };
    "deleters" "a role that deletes everywhere, and no deny on the bucket" Violated |one| {
        stranger_in_account(one);
        one.world.identities[2].policies[0].document = policy(json!([
            {"Sid": "All", "Effect": "Allow", "Action": "s3:*", "Resource": "*"}]));
        one.world.buckets[0].policy = None;
    };
    "administrators" "a role that passes roles and starts instances" Violated |one| {
        stranger_in_account(one);
        one.world.identities[2].policies[0].document = policy(json!([
            {"Sid": "All", "Effect": "Allow", "Action": ["ec2:RunInstances", "iam:PutRolePolicy"], "Resource": "*"}]));
    };
    "separation" "the brokers' role may change key policies" Violated |one| {
        let Some(statements) = one.world.keys[0].policy.text() else { return };
        let other = statements.replace(&format!("[\"{ADMIN}\"]"), &format!("[\"{ADMIN}\",\"{BROKER}\"]"));
        one.world.keys[0].policy = text(&other);
        one.world.identities[1].policies.push(AttachedPolicy {
            origin: origin("aws_iam_role_policy.more"),
            name: text("more"),
            document: policy(json!([{"Sid": "More", "Effect": "Allow", "Action": "kms:PutKeyPolicy", "Resource": "*"}])),
        });
    };
    "can-become-reader" "the accepted chain has no detector" Violated |one| one.world.detectors.clear();
    "can-become-reader" "the chain is not accepted" Violated |one| one.contract.accepted_escalations.clear();

    "external-trust" "another account may assume the brokers' role" Violated |one| {
        one.world.identities[1].trust = Some(policy(json!([
            {"Sid": "Etl", "Effect": "Allow", "Principal": {"AWS": "arn:aws:iam::222222222222:root"}, "Action": "sts:AssumeRole"}])));
    };
    "foreign-access" "another account in the bucket policy" Violated |one| {
        let mut statements = denies("arn:aws:s3:::ringfence-data");
        let allow = json!({"Sid": "Etl", "Effect": "Allow", "Principal": {"AWS": STRANGER}, "Action": "s3:GetObject",
            "Resource": "arn:aws:s3:::ringfence-data/*"});
        statements.as_array_mut().expect("statements").push(allow);
        one.world.buckets[0].policy = Some(policy(statements));
    };
    "role-scope" "the brokers' role reaches another bucket" Violated |one| {
        one.world.identities[1].policies.push(AttachedPolicy {
            origin: origin("aws_iam_role_policy.more"),
            name: text("more"),
            document: policy(json!([
                {"Sid": "More", "Effect": "Allow", "Action": "s3:GetObject", "Resource": "arn:aws:s3:::other/*"}])),
        });
    };
    "installer-removed" "the installer's term is over" Violated |one| {
        one.contract.administrators[0].expires = Some("2026-11-01".into());
    };
    "break-glass" "sessions of half a day" Violated |one| one.world.identities[0].session_seconds = Fact::Known(Some(43_200));
    "access-review" "the last review is too old" Violated |one| {
        if let Some(review) = &mut one.contract.review { review.last = Some("2026-01-01".into()); }
    };
    "acl-expiry" "an access list entry past its term" Violated |one| one.world.acls[0].expires = Some(text("2026-11-20"));
    "identity-providers" "tokens of an issuer that the contract does not name" Violated |one| {
        one.contract.statements.insert("identity_providers".into(), "token.actions.githubusercontent.com".into());
        one.world.identity_providers.push(IdentityProvider {
            origin: origin("aws_iam_openid_connect_provider.other"),
            kind: "oidc".into(),
            arn: text("arn:aws:iam::111122223333:oidc-provider/other.example.com"),
            issuer: text("other.example.com"),
        });
    };

    "paths-declared" "egress to everywhere" Violated |one| open(one);
    "paths-declared" "a client port that nobody approved" Violated |one| {
        one.world.security_groups[0].rules.push(rule("sgr.ssh", Direction::Ingress, 22, Peer::Cidr(text("10.0.0.0/16"))));
    };
    "no-way-out" "egress to everywhere and a route through a NAT gateway" Violated |one| {
        open(one);
        route(one, RouteTarget::NatGateway, "${aws_nat_gateway.a.id}");
    };
    "routes-declared" "a route to the internet" Violated |one| route(one, RouteTarget::InternetGateway, "${aws_internet_gateway.a.id}");
    "routes-declared" "a route to a peer" Violated |one| route(one, RouteTarget::Peering, "${aws_vpc_peering_connection.a.id}");
    "path-terms" "an approved path without an owner" Unstated |one| one.contract.paths[0].owner = None;
    "endpoint-terms" "an endpoint without owner and purpose" Violated |one| {
        one.contract.paths[0].owner = None;
        one.contract.paths[0].purpose = None;
        one.world.endpoints[1].owner = None;
        one.world.endpoints[1].purpose = None;
    };
    "path-audit" "no flow log" Violated |one| one.world.flow_logs.clear();
    "temporary-paths" "a support path past its term" Violated |one| one.contract.paths[2].expires = Some("2026-11-20".into());
    "temporary-paths" "a rule past the day in its description" Violated |one| {
        one.world.security_groups[0].rules[0].description = text("INC-7, expires 2026-11-01");
    };
    "private-only" "a subnet that gives public addresses" Violated |one| one.world.subnets[0].public_addresses = Fact::Known(true);
    "private-only" "a public address" Violated |one| one.world.public_addresses.push(PublicAddress {
        origin: origin("aws_eip.a"),
        of: None,
    });
    "private-only" "a load balancer that faces the internet" Violated |one| one.world.load_balancers.push(LoadBalancer {
        origin: origin("aws_lb.a"),
        arn: text("${aws_lb.a.arn}"),
        name: text("a"),
        internal: Fact::Known(false),
        subnets: Vec::new(),
        security_groups: Vec::new(),
        listeners: Vec::new(),
    });
    "dns-firewall" "no DNS firewall" Violated |one| one.world.dns_firewalls.clear();
    "dns-forwarding" "queries forwarded outside" Violated |one| one.world.resolver_rules.push(ResolverRule {
        origin: origin("aws_route53_resolver_rule.a"),
        kind: text("FORWARD"),
        domain: text("example.com"),
        targets: Fact::Known(vec!["203.0.113.53:53".into()]),
        vpcs: Vec::new(),
    });
    "private-dns" "an endpoint that the service's name does not mean" Violated |one| one.world.endpoints[0].private_dns = Fact::Known(false);
    "endpoint-policy" "the default policy" Violated |one| one.world.endpoints[1].policy = None;
    "endpoint-policy" "one more bucket" Violated |one| {
        one.world.endpoints[1].policy = Some(policy(json!([{"Sid": "More", "Effect": "Allow", "Principal": "*",
            "Action": "s3:*", "Resource": ["arn:aws:s3:::ringfence-data/*", "arn:aws:s3:::other/*"],
            "Condition": {"ArnEquals": {"aws:PrincipalArn": [BROKER]}}}])));
    };
    "records-through-endpoints" "the deny of other ways is gone" Violated |one| {
        let mut statements = denies("arn:aws:s3:::ringfence-data");
        statements.as_array_mut().expect("statements").remove(1);
        one.world.buckets[0].policy = Some(policy(statements));
    };
    "client-entry" "connections without approval" Violated |one| one.world.endpoint_services.push(EndpointService {
        origin: origin("aws_vpc_endpoint_service.a"),
        principals: Fact::Known(Vec::new()),
        approval: Fact::Known(false),
        load_balancers: Vec::new(),
    });
    "cross-zone" "nobody says how much traffic crosses zones" Unstated |one| one.contract.workload = None;

    "log-copies" "a subscription of another account" Violated |one| one.world.log_groups[0].subscriptions.push(Subscription {
        origin: origin("aws_cloudwatch_log_subscription_filter.a"),
        destination: text("arn:aws:logs:eu-central-1:222222222222:destination:all"),
        pattern: text(""),
    });
    "own-record" "a log group of another account" Violated |one| one.world.log_groups[0].account = text("222222222222");
    "support-terms" "nobody says who supports" Unstated |one| one.contract.support = None;
    "responsibilities" "nobody upgrades" Unstated |one| one.contract.responsibilities.remove("upgrades");
    "no-shell" "an SSH key" Violated |one| one.world.machines[0].ssh_key = Some(text("key"));

    "lifecycle-keeps" "objects go before the topic's retention" Violated |one| {
        one.world.buckets[0].lifecycle = Fact::Known(vec![LifecycleRule {
            id: "short".into(),
            enabled: Fact::Known(true),
            prefix: text("data/"),
            narrowed: false,
            expiration_days: Some(Fact::Known(3)),
            expiration_date: None,
            noncurrent_days: None,
            abort_uploads_days: None,
            transitions: Vec::new(),
        }]);
    };
    "log-retention" "a log group keeps its lines for ever" Violated |one| one.world.log_groups[0].retention_days = Fact::Known(None);
    "versioning" "versioning is suspended" Violated |one| one.world.buckets[0].versioning = Fact::Known(Versioning::Suspended);
    "old-versions-go" "old versions stay for ever" Violated |one| {
        one.world.buckets[0].versioning = Fact::Known(Versioning::Enabled);
        one.world.buckets[0].lifecycle = Fact::Known(Vec::new());
    };
    "topic-governance" "a topic without an owner" Violated |one| one.world.topics[0].owner = text("");
    "topics-outside" "a topic made outside the configuration" Violated |one| {
        if let Some(actual) = &mut one.actual { actual.topics.push(topic("emergency")); }
    };
    "public-access-blocked" "one switch of bucket and account is off" Violated |one| {
        one.world.account_public_access = Fact::Unknown(Reason::ScpNotReadable);
        let Fact::Known(block) = &mut one.world.buckets[0].public_access else { return };
        block.block_public_policy = Fact::Known(false);
    };
    "no-access-lists" "access lists count" Violated |one| one.world.buckets[0].ownership = text("ObjectWriter");
    "bucket-kept" "destroy empties the bucket" Violated |one| one.world.buckets[0].force_destroy = Fact::Known(true);

    "irreversible" "a key is replaced" Violated |one| one.world.keys[0].origin.change = Change::Replace;
    "drift" "a rule made by hand" Violated |one| {
        if let Some(actual) = &mut one.actual {
            actual.security_groups[0].rules.push(rule("sgr-1", Direction::Egress, 443, Peer::Cidr(text("0.0.0.0/0"))));
        }
    };
    "drift" "a grant made by hand" Violated |one| {
        let mut other = one.clone();
        grant(&mut other);
        one.actual = Some(other.world);
    };
    "changes-recorded" "the trail does not record" Violated |one| one.world.trails[0].logging = Fact::Known(false);
    "surfaces" "a resource of a kind that nobody judges" Unknown |one| {
        one.world.unmodelled.push((origin("aws_redshift_cluster.a"), "aws_redshift_cluster".into()));
    };
    "image-pinned" "the newest version of the template" Violated |one| {
        one.world.scaling_groups[0].template_version = Some(text("$Latest"));
    };
    "cost-known" "no workload is stated" Unstated |one| one.contract.workload = None;
    "bill-items" "a region without prices" Unknown |one| one.world.region = text("eu-south-2");
    "cost-within-budget" "the budget is smaller" Violated |one| {
        one.contract.statements.insert("budget_usd_per_month".into(), "10".into());
    };
    "exclusions-valid" "an exception past its last day" Violated |one| one.contract.exclusions.push(ApprovedExclusion {
        question: "reads-now".into(),
        subject: "*".into(),
        reason: "migration".into(),
        approved_by: "ciso".into(),
        expires: "2026-11-20".into(),
        place: None,
    });
];

const STRANGER_IN: &str = "arn:aws:iam::111122223333:role/etl";

/// A role of the account that may get every object.
fn stranger_in_account(one: &mut Fixture) {
    let mut role = one.world.identities[0].clone();
    role.origin = origin("aws_iam_role.etl");
    role.arn = text(STRANGER_IN);
    role.name = text("etl");
    role.policies[0].origin = origin("aws_iam_role_policy.etl");
    role.policies[0].document = policy(json!([
        {"Sid": "All", "Effect": "Allow", "Action": ["s3:GetObject", "kms:Decrypt"], "Resource": "*"}]));
    one.world.identities.push(role);
}

fn grant(one: &mut Fixture) {
    one.world.keys[0].grants.push(Grant {
        origin: origin("aws_kms_grant.a"),
        grantee: text(STRANGER),
        retiring: None,
        operations: Fact::Known(vec!["Decrypt".into()]),
        constraints: None,
    });
}

/// The brokers' group lets everything out.
fn open(one: &mut Fixture) {
    let everywhere = rule("sgr.open", Direction::Egress, 443, Peer::Cidr(text("0.0.0.0/0")));
    one.world.security_groups[0].rules.push(everywhere);
}

fn route(one: &mut Fixture, target: RouteTarget, id: &str) {
    one.world.route_tables[0].routes.push(Route {
        origin: origin("aws_route.out"),
        destination: text("0.0.0.0/0"),
        target,
        target_id: text(id),
    });
    one.world.gateways.push(Gateway {
        origin: origin("gateway.out"),
        kind: target,
        id: text(id),
        vpc: text("${aws_vpc.main.id}"),
        subnet: None,
        peer: None,
        peer_account: Some(text(ACCOUNT)),
        peer_region: None,
    });
}
