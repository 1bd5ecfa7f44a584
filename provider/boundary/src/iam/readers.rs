//! Who reads records now: `holds-get` and `reads-now`, for one principal and one store.
//!
//! S3 never hands out ciphertext: without `kms:Decrypt` a `GetObject` of an object under SSE-KMS is refused
//! (<https://docs.aws.amazon.com/AmazonS3/latest/userguide/UsingKMSEncryption.html>). Holding `s3:GetObject` alone is a question of its own.

use crate::iam::document::{Effect, Listed};
use crate::iam::estate::{BucketFacts, Changes, Encryption, Estate, Principal, Store, Way, everything_to_everybody};
use crate::iam::evaluate::{Answer, Path, ResourceSide, evaluate};
use crate::iam::glob::{Letters, compare, set_tokens, value_tokens};
use crate::iam::kms::Grant;
use crate::iam::layer::Policies;
use crate::iam::limits;
use crate::iam::request::{Caller, KeyState, Request, Resource};
use crate::iam::s3::{AccessPoint, Bucket, context_at_kms, through_access_point};
use crate::iam::statement::Applied;
use crate::iam::truth::{Reason, Truth};

/// The actions that hand out an object.
///
/// Source: <https://docs.aws.amazon.com/service-authorization/latest/reference/list_amazons3.html>
pub const READING_ACTIONS: &[&str] = &["s3:GetObject", "s3:GetObjectVersion"];

/// What one principal can do with the objects of one store.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Reading {
    /// Whether anybody can act as it: for a role, whether it trusts anybody.
    pub assumable: Truth,
    /// Whether it is allowed to get an object, on some way that is open to it: `holds-get`.
    pub holds_get: Truth,
    /// Whether it is allowed to decrypt them.
    pub decrypts: Truth,
    /// The same where organisation policies that could not be read take nothing away: an upper bound.
    pub at_most: Truth,
    /// How: the way, and the statements that decide.
    pub witness: Option<ReadingWitness>,
}

/// How somebody reads.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ReadingWitness {
    /// The way.
    pub way: String,
    /// The action.
    pub action: String,
    /// An object, or the pattern of all of them.
    pub resource: String,
    /// The statements on the object.
    pub get: Vec<Applied>,
    /// The statements on the key.
    pub decrypt: Vec<Applied>,
}

impl Reading {
    /// Whether it reads now: can be assumed, is allowed the object and is allowed the key.
    #[must_use]
    pub fn reads_now(&self) -> Truth {
        self.assumable.clone().and(self.holds_get.clone()).and(self.decrypts.clone())
    }
}

/// Whether a principal is allowed to get objects of a store.
#[must_use]
pub fn holds_get(estate: &Estate, principal: &Principal, store: &Store) -> Truth {
    reading(estate, principal, store, Changes::default()).holds_get
}

/// Whether a principal reads objects of a store now.
#[must_use]
pub fn reads_now(estate: &Estate, principal: &Principal, store: &Store) -> Truth {
    reading(estate, principal, store, Changes::default()).reads_now()
}

/// What a principal can do with the objects of a store, after some changes.
#[must_use]
pub fn reading(estate: &Estate, principal: &Principal, store: &Store, changes: Changes) -> Reading {
    let assumable = assumable(principal);
    let Some(bucket) = estate.bucket(&store.bucket) else {
        let unknown = Truth::unsupported("a store whose bucket is not known");
        return Reading {
            assumable,
            holds_get: unknown.clone(),
            decrypts: unknown.clone(),
            at_most: unknown,
            witness: None,
        };
    };
    let decryption = decryption(estate, principal, store, bucket, changes);
    let mut best = Got::nothing();
    for way in &estate.ways {
        let open = way.open_to(&principal.caller);
        if open.is_no() {
            continue;
        }
        for action in READING_ACTIONS {
            let got = get(estate, principal, store, bucket, way, action, changes).limited(&open);
            best = best.or(got);
        }
    }
    let at_most = assumable.clone().and(best.at_most).and(decryption.at_most);
    let witness = best.witness.map(|witness| ReadingWitness { decrypt: decryption.applied, ..witness });
    Reading { assumable, holds_get: best.truth, decrypts: decryption.truth, at_most, witness }
}

/// Whether anybody may act as a principal.
fn assumable(principal: &Principal) -> Truth {
    let Some(trust) = &principal.trust else { return Truth::Yes };
    let allows = trust
        .known()
        .iter()
        .flat_map(|policy| policy.document.statements.iter())
        .any(|one| one.effect == Effect::Allow);
    match (allows, trust) {
        (true, _) => Truth::Yes,
        (false, Policies::Known(_)) => Truth::No,
        (false, Policies::AtLeast(_, reason)) => Truth::maybe(reason.clone()),
    }
}

struct Got {
    truth: Truth,
    at_most: Truth,
    witness: Option<ReadingWitness>,
}

impl Got {
    fn nothing() -> Self {
        Self { truth: Truth::No, at_most: Truth::No, witness: None }
    }

    fn limited(self, open: &Truth) -> Self {
        Self { truth: self.truth.and(open.clone()), at_most: self.at_most.and(open.clone()), ..self }
    }

    /// The witness of the surer of the two stays.
    fn or(self, other: Self) -> Self {
        let rank = |truth: &Truth| (truth.is_yes(), !truth.is_no());
        let witness = if rank(&other.truth) > rank(&self.truth) { other.witness } else { self.witness };
        Self { truth: self.truth.or(other.truth), at_most: self.at_most.or(other.at_most), witness }
    }
}

fn get(
    estate: &Estate,
    principal: &Principal,
    store: &Store,
    bucket: &BucketFacts,
    way: &Way,
    action: &str,
    changes: Changes,
) -> Got {
    let permissions = match changes {
        Changes { bucket: true, .. } => Bucket { policy: everything_to_everybody(), ..bucket.permissions.clone() },
        Changes { no_bucket_policy: true, .. } => Bucket { policy: Policies::none(), ..bucket.permissions.clone() },
        _ => bucket.permissions.clone(),
    };
    let mut points = bucket.access_points.clone();
    if changes.access_point {
        let (partition, account) = (bucket.arn.split(':').nth(1).unwrap_or("aws"), &bucket.account);
        let arn = format!("arn:{partition}:s3:{}:{account}:accesspoint/what-the-actor-makes", bucket.region);
        points.push(AccessPoint { arn, policy: everything_to_everybody(), vpc: None });
    }
    let side = ResourceSide::Bucket(permissions.clone());
    let mut circumstances = estate.circumstances(principal, changes, side, &bucket.account);
    circumstances.path = if changes.endpoint { opened(&way.path) } else { way.path.clone() };
    let pattern = format!("{}/{}*", bucket.arn, store.prefix);
    let request = |resource: Resource| Request {
        caller: principal.caller.clone(),
        action: action.to_owned(),
        resource,
        resource_account: Some(bucket.account.clone()),
        context: way.context.clone(),
    };
    let answer = |resource: Resource, through: Option<usize>| {
        let request = request(resource);
        match through.and_then(|point| points.get(point)) {
            Some(point) => through_access_point(&request, point, &circumstances),
            None => evaluate(&request, &circumstances),
        }
    };
    let mut best = Got::nothing();
    for through in std::iter::once(None).chain((0..points.len()).map(Some)) {
        let whole = answer(Resource::AnyOf(pattern.clone()), through);
        let open =
            matches!(whole.decision.truth(), Truth::Maybe(ref reasons) if reasons.contains(&Reason::SomeResources));
        best = best.or(got(&way.name, action, &pattern, whole));
        if !open {
            continue;
        }
        for example in examples(&pattern, &circumstances.identity, &permissions.policy) {
            let one = answer(Resource::One(example.clone()), through);
            if one.decision.is_allowed() {
                best = best.or(got(&way.name, action, &example, one));
                break;
            }
        }
    }
    best
}

fn got(way: &str, action: &str, resource: &str, answer: Answer) -> Got {
    let witness = ReadingWitness {
        way: way.to_owned(),
        action: action.to_owned(),
        resource: resource.to_owned(),
        get: answer.applied,
        decrypt: Vec::new(),
    };
    Got { truth: answer.decision.truth(), at_most: answer.but_for_guardrails.truth(), witness: Some(witness) }
}

fn opened(path: &Path) -> Path {
    match path {
        Path::NoEndpoint => Path::NoEndpoint,
        Path::GatewayEndpoint(_) => Path::GatewayEndpoint(everything_to_everybody()),
        Path::InterfaceEndpoint(_) => Path::InterfaceEndpoint(everything_to_everybody()),
    }
}

/// Objects that the policies treat differently: one for each pattern of resources, if it lies below the prefix.
fn examples(pattern: &str, identity: &Policies, policy: &Policies) -> Vec<String> {
    let statements = identity.known().iter().chain(policy.known()).flat_map(|policy| policy.document.statements.iter());
    let resources = statements.filter_map(|statement| statement.resources.as_ref());
    let texts = resources.flat_map(|listed| match listed {
        Listed::Only(texts) | Listed::AllBut(texts) => texts,
    });
    let prefix = pattern.trim_end_matches('*');
    let mut examples = vec![format!("{prefix}example")];
    for text in texts.take(limits::EXAMPLES_MAX) {
        let written = text.raw().replace('*', "example").replace('?', "x");
        let tail = text.raw().split_once('*').map(|(_, tail)| tail.replace('*', "example").replace('?', "x"));
        examples.push(written);
        examples.extend(tail.map(|tail| format!("{prefix}example{tail}")));
    }
    let set = set_tokens(pattern);
    examples.retain(|example| compare(&set, &value_tokens(example), Letters::Exact).is_yes());
    examples.sort();
    examples.dedup();
    examples.truncate(limits::EXAMPLES_MAX);
    examples
}

struct Decryption {
    truth: Truth,
    at_most: Truth,
    applied: Vec<Applied>,
}

fn decryption(
    estate: &Estate,
    principal: &Principal,
    store: &Store,
    bucket: &BucketFacts,
    changes: Changes,
) -> Decryption {
    let plain = |truth: Truth| Decryption { truth: truth.clone(), at_most: truth, applied: Vec::new() };
    let (arn, bucket_key) = match &store.encryption {
        Encryption::WithoutKey => return plain(Truth::Yes),
        Encryption::Unknown(reason) => return plain(Truth::maybe(reason.clone())),
        Encryption::Key { arn, bucket_key } => (arn, *bucket_key),
    };
    let Some(key) = estate.key(arn) else { return plain(Truth::unsupported("a key whose policy is not known")) };
    let mut grants = key.grants.clone();
    if changes.grant {
        grants.push(grant_to(&principal.caller));
    }
    let policy = if changes.key { everything_to_everybody() } else { key.policy.clone() };
    let side = ResourceSide::Key { policy, grants, more_grants: key.more_grants.clone() };
    let circumstances = estate.circumstances(principal, changes, side, &key.account);
    let answer = |context_arn: KeyState| {
        let own = crate::iam::request::Context::unknown().with_value("aws:SecureTransport", "true");
        let request = Request {
            caller: principal.caller.clone(),
            action: "kms:Decrypt".to_owned(),
            resource: Resource::One(key.arn.clone()),
            resource_account: Some(key.account.clone()),
            context: context_at_kms(&bucket.region, &bucket.dns_suffix, context_arn, own),
        };
        evaluate(&request, &circumstances)
    };
    let of_bucket = || answer(KeyState::one(bucket.arn.clone()));
    // Denied for one object says nothing of others; denied for an unknown one says all.
    let of_object = || {
        let one = answer(KeyState::one(format!("{}/{}example", bucket.arn, store.prefix)));
        if one.decision.is_allowed() { one } else { answer(KeyState::Unknown) }
    };
    // Where it is not known whether a bucket key was used, whoever decrypts either reads some objects.
    let answers = match bucket_key {
        Some(true) => vec![of_bucket()],
        Some(false) => vec![of_object()],
        None => vec![of_bucket(), of_object()],
    };
    let truth = Truth::any(answers.iter().map(|answer| answer.decision.truth()));
    let at_most = Truth::any(answers.iter().map(|answer| answer.but_for_guardrails.truth()));
    let applied = answers.into_iter().max_by_key(|answer| answer.decision.is_allowed());
    Decryption { truth, at_most, applied: applied.map(|answer| answer.applied).unwrap_or_default() }
}

/// The grant that somebody who may create grants makes for itself.
fn grant_to(caller: &Caller) -> Grant {
    Grant {
        id: "what the actor grants".to_owned(),
        grantee: caller.arn().unwrap_or_default(),
        retiring: None,
        operations: vec!["Decrypt".to_owned()],
        constraint: None,
    }
}
