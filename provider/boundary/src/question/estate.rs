//! From a world to what the evaluator is asked of: principals with their policies, keys, buckets and the ways to them.
//!
//! Besides everybody whom the world describes or a policy names, two are asked that stand for others: a role of this
//! account with every permission that IAM can give, and one of an account that nobody approved. What even they cannot do,
//! nobody can whom the world does not describe.

use std::collections::{BTreeMap, BTreeSet};

use super::policy::{self, Named};
use crate::{
    iam::{
        self, Caller, Document, Path, Policies, Policy,
        estate::{Account, BucketFacts, Code, Encryption, Estate, Key as KeySide, Principal, Way, everything},
        guardrail::Guardrails,
        kms::{Grant as GrantSide, GrantConstraint},
        s3::{AccessLists, AccessPoint as PointSide, Bucket as BucketSide, Switch},
    },
    model::{
        Change, Fact, Origin, Reason, World,
        identity::{Identity, IdentityKind},
        key::{Grant, Key},
        network::Endpoint,
        store::{Bucket, PublicAccess},
    },
};

/// Name of the role that stands for every other one of this account.
pub(super) const OTHERS: &str = "ringfence-any-other-role";
/// The account that stands for every other one.
pub(super) const ELSEWHERE: &str = "000000000000";

/// Everybody and everything of a world, as the evaluator takes it.
pub(super) fn estate(world: &World) -> Estate {
    let account = world.account.text().unwrap_or("${account}");
    let partition = world.partition.text().unwrap_or("aws");
    let own = Account { partition: partition.to_owned(), scp: Guardrails::None, rcp: Guardrails::None };
    let accounts = [account, ELSEWHERE].into_iter().map(|one| (one.to_owned(), own.clone()));
    let mut accounts: BTreeMap<String, Account> = accounts.collect();
    let principals = principals(world, account, partition);
    for principal in &principals {
        let other = principal.caller.account().map(str::to_owned);
        accounts.extend(other.map(|other| (other, own.clone())));
    }
    Estate {
        accounts,
        principals,
        keys: world.keys.iter().map(key).collect(),
        buckets: world.buckets.iter().map(|bucket| self::bucket(world, bucket)).collect(),
        ways: ways(world),
        code: code(world),
        endpoints: endpoints(world, account, partition),
    }
}

/// What brokers run and obey: packages, and the log of cluster metadata.
fn code(world: &World) -> Vec<Code> {
    let carried: BTreeSet<&str> = world
        .machines
        .iter()
        .filter_map(|one| world.role_of_profile(one.profile.as_ref()?.text()?)?.arn.text())
        .chain(world.identities.iter().filter(|one| one.of_cluster.is_some()).filter_map(|one| one.arn.text()))
        .collect();
    let holding =
        world.buckets.iter().filter(|one| one.of_cluster.as_ref().is_some_and(|(_, role)| role == "metadata"));
    let of_bucket = |bucket: &Bucket| {
        let arn = bucket_arn(bucket);
        let each =
            ["packages/", "meta/log/"].into_iter().flat_map(|prefix| carried.iter().map(move |role| (prefix, *role)));
        each.map(|(prefix, role)| Code { bucket: arn.clone(), prefix: prefix.into(), runs_as: role.into() })
            .collect::<Vec<_>>()
    };
    holding.flat_map(of_bucket).collect()
}

fn endpoints(world: &World, account: &str, partition: &str) -> Vec<String> {
    let region = world.region.text().unwrap_or("*");
    let ids = world.endpoints.iter().filter_map(|one| one.id.text());
    ids.map(|id| format!("arn:{partition}:ec2:{region}:{account}:vpc-endpoint/{id}")).collect()
}

/// A store's bucket ARN in the estate.
pub(super) fn bucket_arn(bucket: &Bucket) -> String {
    bucket.arn.text().map_or_else(|| bucket.origin.address.clone(), str::to_owned)
}

/// A key's ARN in the estate.
pub(super) fn key_arn(key: &Key) -> String {
    key.arn.text().map_or_else(|| key.origin.address.clone(), str::to_owned)
}

/// What objects of a bucket are encrypted under.
pub(super) fn encryption(world: &World, bucket: &Bucket) -> Encryption {
    use super::holding::{Store, StoreKey};
    let configured = bucket.encryption.known().and_then(|one| one.bucket_key.known().copied());
    match (Store::Bucket { bucket, prefix: String::new() }).key(world) {
        StoreKey::Known(key) => Encryption::Key { arn: key_arn(key), bucket_key: configured },
        StoreKey::Elsewhere(arn) => Encryption::Key { arn, bucket_key: configured },
        StoreKey::Aws => Encryption::WithoutKey,
        StoreKey::Unknown(reason) => Encryption::Unknown(to_iam(&reason)),
    }
}

fn principals(world: &World, account: &str, partition: &str) -> Vec<Principal> {
    let mut found: BTreeMap<String, Principal> = BTreeMap::new();
    for identity in &world.identities {
        if let Some(one) = principal(world, identity) {
            found.insert(one.name(), one);
        }
    }
    let root = Principal::new(Caller::Root { account: account.to_owned(), partition: partition.to_owned() });
    found.insert(root.name(), root);
    for caller in named(world, account, partition) {
        let mut one = Principal::new(caller);
        // Another account decides itself what its principals may; of our own, the account would tell.
        let own = one.caller.account() == Some(account);
        one.identity = if own { Policies::unknown(to_iam(&account_reason())) } else { everything() };
        found.entry(one.name()).or_insert(one);
    }
    for other in [account, ELSEWHERE] {
        let role = format!("arn:{partition}:iam::{other}:role/{OTHERS}");
        let mut one = Principal::new(Caller::RoleSession { role, session: None });
        one.identity = everything();
        found.insert(one.name(), one);
    }
    let anonymous = Principal::new(Caller::Anonymous);
    found.insert(anonymous.name(), anonymous);
    found.into_values().collect()
}

/// Who would tell what principals of the account may that the world does not describe.
pub(super) fn account_reason() -> Reason {
    Reason::NotRead { source: "aws".into(), what: "iam:GetAccountAuthorizationDetails".into() }
}

/// A principal as a key meets it: what the key policy leaves to the account's IAM, it leaves to whatever that says. So who
/// uses a key is known without the account's policies.
pub(super) fn at_key(principal: &Principal) -> Principal {
    let undescribed = matches!(&principal.identity, Policies::AtLeast(known, _) if known.is_empty());
    let identity = if undescribed { everything() } else { principal.identity.clone() };
    Principal { identity, ..principal.clone() }
}

fn principal(world: &World, identity: &Identity) -> Option<Principal> {
    let arn = identity.arn.text().unwrap_or(&identity.origin.address).to_owned();
    let caller = match identity.kind {
        IdentityKind::Role => Caller::RoleSession { role: arn, session: None },
        IdentityKind::User => Caller::User { arn },
        IdentityKind::Group => return None,
    };
    let documents = identity.policies.iter().map(|one| (&one.origin, &one.document));
    let more = identity.more_policies.as_ref().filter(|_| identity.origin.change != Change::Create);
    let boundary = identity.boundary.as_ref().map(|one| policies([(&one.origin, &one.document)].into_iter(), None));
    let trust = identity.trust.as_ref().map(|one| policies([(&identity.origin, one)].into_iter(), None));
    let carried = world.machines.iter().filter_map(|one| world.role_of_profile(one.profile.as_ref()?.text()?));
    let on_instances = carried.into_iter().any(|role| role.origin.address == identity.origin.address);
    Some(Principal { caller, identity: policies(documents, more), boundary, trust, on_instances })
}

/// Documents with their addresses as names; what cannot be read leaves the list open.
fn policies<'a>(documents: impl Iterator<Item = (&'a Origin, &'a Fact<String>)>, more: Option<&Reason>) -> Policies {
    let mut known = Vec::new();
    let mut open = more.map(to_iam);
    for (origin, fact) in documents {
        match fact.text().map(Document::parse) {
            Some(Ok(document)) => known.push(Policy { name: origin.address.clone(), document }),
            Some(Err(error)) => {
                open = Some(iam::truth::Reason::Unsupported {
                    construct: format!("the policy of {}: {error}", origin.address),
                });
            }
            None => {
                let reason = fact.reason().map(to_iam);
                open = reason.or(Some(iam::truth::Reason::Unsupported { construct: origin.address.clone() }));
            }
        }
    }
    match open {
        None => Policies::Known(known),
        Some(reason) => Policies::AtLeast(known, reason),
    }
}

/// Everybody whom policies of buckets, keys, access points and grants name, and whom the world does not describe.
fn named(world: &World, account: &str, partition: &str) -> BTreeSet<Caller> {
    let mut found = BTreeSet::new();
    let of_buckets = world.buckets.iter().filter_map(|one| Some((&one.origin, one.policy.as_ref()?)));
    let of_points = world.access_points.iter().filter_map(|one| Some((&one.origin, one.policy.as_ref()?)));
    let of_keys = world.keys.iter().map(|one| (&one.origin, &one.policy));
    for (origin, fact) in of_buckets.chain(of_points).chain(of_keys) {
        let Ok(document) = policy::read(fact, origin) else { continue };
        for statement in policy::allows(&document) {
            for one in policy::named(statement) {
                found.extend(caller(&one, account, partition));
            }
            let by_arn =
                ["aws:PrincipalArn", "aws:userid"].into_iter().filter_map(|key| policy::bound_to(statement, key));
            found.extend(by_arn.flatten().filter(|arn| !arn.contains(['*', '?'])).filter_map(|arn| of_arn(&arn)));
        }
    }
    let grantees = world.keys.iter().flat_map(|one| &one.grants).filter_map(|one| one.grantee.text());
    found.extend(grantees.filter_map(|arn| {
        if arn.contains(":iam:") { of_arn(arn) } else { Some(Caller::Service { name: arn.to_owned() }) }
    }));
    found
}

fn caller(named: &Named, own: &str, partition: &str) -> Option<Caller> {
    match named {
        Named::Service(name) => Some(Caller::Service { name: name.clone() }),
        Named::Account { account, text } if text.ends_with(":root") || text == account => {
            // An account that a policy names decides itself which of its principals: one stands for all.
            let role = format!("arn:{partition}:iam::{account}:role/{OTHERS}");
            (account != own).then_some(Caller::RoleSession { role, session: None })
        }
        Named::Account { text, .. } => of_arn(text),
        Named::Everyone | Named::Provider(_) | Named::Other(_) => None,
    }
}

fn of_arn(arn: &str) -> Option<Caller> {
    let parts: Vec<&str> = arn.splitn(6, ':').collect();
    let [_, partition, service, _, account, resource] = parts.as_slice() else { return None };
    match (*service, resource.split('/').next()?) {
        ("iam", "role") => Some(Caller::RoleSession { role: arn.to_owned(), session: None }),
        ("iam", "user") => Some(Caller::User { arn: arn.to_owned() }),
        ("iam", "root") => Some(Caller::Root { account: (*account).to_owned(), partition: (*partition).to_owned() }),
        ("sts", "assumed-role") => {
            let name = resource.split('/').nth(1)?;
            let role = format!("arn:{partition}:iam::{account}:role/{name}");
            Some(Caller::RoleSession { role, session: resource.split('/').nth(2).map(str::to_owned) })
        }
        _ => None,
    }
}

fn key(key: &Key) -> KeySide {
    KeySide {
        arn: key_arn(key),
        account: key.account.text().unwrap_or("${account}").to_owned(),
        policy: policies([(&key.origin, &key.policy)].into_iter(), None),
        grants: key.grants.iter().filter_map(grant).collect(),
        more_grants: key.more_grants.as_ref().filter(|_| key.origin.change != Change::Create).map(to_iam),
    }
}

fn grant(grant: &Grant) -> Option<GrantSide> {
    let constraint = grant.constraints.as_ref().and_then(|fact| fact.text()).and_then(|text| {
        let value: serde_json::Value = serde_json::from_str(text).ok()?;
        let pairs = |name: &str| {
            let pairs = value.get(name)?.as_object()?.iter();
            Some(pairs.filter_map(|(key, value)| Some((key.clone(), value.as_str()?.to_owned()))).collect::<Vec<_>>())
        };
        let exact = pairs("EncryptionContextEquals").or_else(|| pairs("encryption_context_equals"));
        let least = pairs("EncryptionContextSubset").or_else(|| pairs("encryption_context_subset"));
        exact.map(GrantConstraint::Equals).or(least.map(GrantConstraint::Subset))
    });
    Some(GrantSide {
        id: grant.origin.address.clone(),
        grantee: grant.grantee.text()?.to_owned(),
        retiring: grant.retiring.as_ref().and_then(|one| one.text()).map(str::to_owned),
        operations: grant.operations.known()?.clone(),
        constraint,
    })
}

fn bucket(world: &World, bucket: &Bucket) -> BucketFacts {
    let partition = world.partition.text().unwrap_or("aws");
    let policy = match &bucket.policy {
        None => Policies::none(),
        Some(fact) => policies([(&bucket.origin, fact)].into_iter(), None),
    };
    let lists = match bucket.ownership.text() {
        Some("BucketOwnerEnforced") => AccessLists::Disabled,
        _ => AccessLists::Enabled { ignore_public: switch(world, bucket, |block| &block.ignore_public_acls) },
    };
    let restrict_public = switch(world, bucket, |block| &block.restrict_public_buckets);
    let points = world.access_points.iter().filter(|one| {
        let of = one.bucket.text();
        of.is_some() && (of == bucket.name.text() || of == bucket.arn.text())
    });
    BucketFacts {
        arn: bucket_arn(bucket),
        account: bucket.account.text().unwrap_or("${account}").to_owned(),
        region: bucket.region.text().unwrap_or("${region}").to_owned(),
        dns_suffix: if partition == "aws-cn" { "amazonaws.com.cn" } else { "amazonaws.com" }.to_owned(),
        permissions: BucketSide { policy, restrict_public, lists },
        access_points: points.map(|one| point(world, one)).collect(),
    }
}

fn point(world: &World, point: &crate::model::store::AccessPoint) -> PointSide {
    let text = |fact: &Fact<String>, other: &str| fact.text().unwrap_or(other).to_owned();
    let arn = format!(
        "arn:{}:s3:{}:{}:accesspoint/{}",
        text(&world.partition, "aws"),
        text(&world.region, "${region}"),
        text(&world.account, "${account}"),
        text(&point.name, "${unknown:name}")
    );
    let policy = match &point.policy {
        None => Policies::none(),
        Some(fact) => policies([(&point.origin, fact)].into_iter(), None),
    };
    PointSide { arn, policy, vpc: point.vpc.as_ref().and_then(|one| one.text()).map(str::to_owned) }
}

/// A switch of the public access block: on in the account or on in the bucket.
fn switch(world: &World, bucket: &Bucket, of: impl Fn(&PublicAccess) -> &Fact<bool>) -> Switch {
    let account = world.account_public_access.known().and_then(|block| of(block).known().copied());
    if account == Some(true) {
        return Switch::On;
    }
    match &bucket.public_access {
        Fact::Known(block) => match of(block) {
            Fact::Known(true) => Switch::On,
            Fact::Known(false) => Switch::Off,
            Fact::Unknown(reason) => Switch::Unknown(to_iam(reason)),
            Fact::Symbolic(_) => Switch::Off,
        },
        Fact::Unknown(reason) => Switch::Unknown(to_iam(reason)),
        Fact::Symbolic(_) => Switch::Off,
    }
}

/// The internet, and every endpoint to S3. Anybody may stand in a VPC: who can is asked of the network.
fn ways(world: &World) -> Vec<Way> {
    let to_s3 = world.endpoints.iter().filter(|one| one.service.text().is_some_and(|text| text.ends_with(".s3")));
    std::iter::once(Way::internet()).chain(to_s3.map(way)).collect()
}

/// An address in the VPC that stands for any.
const INSTANCE: &str = "10.0.0.1";

fn way(endpoint: &Endpoint) -> Way {
    let id = endpoint.id.text().unwrap_or(&endpoint.origin.address);
    let vpc = endpoint.vpc.text().unwrap_or("${unknown:vpc}");
    let policies = match &endpoint.policy {
        None => iam::estate::everything_to_everybody(),
        Some(fact) => policies([(&endpoint.origin, fact)].into_iter(), None),
    };
    let path = if endpoint.kind.text() == Some("Interface") {
        Path::InterfaceEndpoint(policies)
    } else {
        Path::GatewayEndpoint(policies)
    };
    let mut way = Way::endpoint(id, vpc, path);
    // Whoever comes this way from an instance of the VPC: that is the most that the way can give.
    way.context = way
        .context
        .with_value("aws:EC2InstanceSourceVPC", vpc)
        .with_value("aws:EC2InstanceSourcePrivateIPv4", INSTANCE)
        .with_value("aws:VpcSourceIp", INSTANCE);
    way.name.clone_from(&endpoint.origin.address);
    way
}

/// A reason of the model, as the evaluator carries it.
fn to_iam(reason: &Reason) -> iam::truth::Reason {
    match reason {
        Reason::ComputedAtApply { address } => iam::truth::Reason::ComputedAtApply { address: address.clone() },
        Reason::AccessDenied { api } => iam::truth::Reason::AccessDenied { api: api.clone() },
        Reason::ForeignAccount { account } => iam::truth::Reason::ForeignAccount { account: account.clone() },
        Reason::NotRead { source, what } => {
            iam::truth::Reason::Unsupported { construct: format!("{READ}{source}:{what}") }
        }
        other => iam::truth::Reason::Unsupported { construct: other.to_string() },
    }
}

/// Marks a reason that only the model has, on its way through the evaluator.
const READ: &str = "not read:";

/// A reason of the evaluator, as findings carry it.
pub(super) fn of_iam(reason: &iam::truth::Reason) -> Reason {
    use iam::truth::Reason as Iam;
    match reason {
        Iam::ComputedAtApply { address } => Reason::ComputedAtApply { address: address.clone() },
        Iam::AccessDenied { api } => Reason::AccessDenied { api: api.clone() },
        Iam::ForeignAccount { account } => Reason::ForeignAccount { account: account.clone() },
        Iam::ScpNotReadable { .. } | Iam::RcpNotReadable { .. } => Reason::ScpNotReadable,
        Iam::Unsupported { construct } => match construct.strip_prefix(READ).and_then(|rest| rest.split_once(':')) {
            Some((source, what)) => Reason::NotRead { source: source.to_owned(), what: what.to_owned() },
            None => Reason::Unsupported { construct: construct.clone() },
        },
        other => Reason::Unsupported { construct: other.to_string() },
    }
}
