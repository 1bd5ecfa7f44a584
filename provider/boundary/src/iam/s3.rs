//! Buckets: policy, ownership and access control lists, Block Public Access, access points.

use crate::iam::arn::Arn;
use crate::iam::condition::{Comparison, Missing, Quantifier, Sense};
use crate::iam::document::{Condition, Document, Effect, PrincipalElement, PrincipalEntry, Statement};
use crate::iam::evaluate::{Answer, Circumstances, Decision, Denial, ResourceSide, evaluate};
use crate::iam::layer::{Layer, Policies, Policy, Said, ask};
use crate::iam::request::{Caller, Context, KeyState, Request, Resource};
use crate::iam::statement::Applied;
use crate::iam::text::Part;
use crate::iam::truth::{Reason, Truth};

/// A bucket's own permissions.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Bucket {
    /// The bucket policy.
    pub policy: Policies,
    /// `RestrictPublicBuckets` of the bucket or of its account.
    pub restrict_public: Switch,
    /// Access control lists.
    pub lists: AccessLists,
}

/// A setting, as far as it is known.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Switch {
    /// It is on.
    On,
    /// It is off.
    Off,
    /// It is not known, for this reason.
    Unknown(Reason),
}

/// What access control lists can do.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum AccessLists {
    /// Nothing: object ownership is `BucketOwnerEnforced`.
    ///
    /// Source: <https://docs.aws.amazon.com/AmazonS3/latest/userguide/about-object-ownership.html>
    Disabled,
    /// They count. Those of objects are not modelled.
    Enabled {
        /// `IgnorePublicAcls` of the bucket or of its account.
        ignore_public: Switch,
    },
}

impl Bucket {
    /// A bucket without policy, lists or public access.
    #[must_use]
    pub fn closed() -> Self {
        Self { policy: Policies::none(), restrict_public: Switch::On, lists: AccessLists::Disabled }
    }
}

/// What the owner's root user can always do, whatever the bucket policy denies.
///
/// Source: <https://docs.aws.amazon.com/AmazonS3/latest/API/API_PutBucketPolicy.html> ("the root principal in a bucket owner's AWS
/// account can perform the GetBucketPolicy, PutBucketPolicy, and DeleteBucketPolicy API actions, even if their bucket policy
/// explicitly denies the root principal's access").
const ALWAYS_ROOT: &[&str] = &["s3:getbucketpolicy", "s3:putbucketpolicy", "s3:deletebucketpolicy"];

/// What the bucket's policy, and what its other permissions, say of a request.
pub(crate) fn ask_bucket(bucket: &Bucket, request: &Request) -> (Said, Said) {
    let mut policy = ask(&bucket.policy, request, Layer::Resource);
    let root_of_owner = matches!(request.caller, Caller::Root { .. }) && request.same_account() == Some(true);
    if root_of_owner && ALWAYS_ROOT.contains(&request.action_lower().as_str()) {
        policy.denies = Truth::No;
        policy.applied.retain(|applied| applied.effect == Effect::Allow);
    }
    let mut others = Said::nothing();
    others.allows = by_lists(bucket, request);
    others.denies = public_access_denies(bucket, request);
    if !others.denies.is_no() {
        others.applied.push(Applied {
            layer: Layer::PublicAccess,
            policy: "RestrictPublicBuckets".to_owned(),
            statement: "a public policy reaches nobody outside the account".to_owned(),
            index: 0,
            effect: Effect::Deny,
            truth: others.denies.clone(),
            conditions: Vec::new(),
        });
    }
    (policy, others)
}

/// Lists of objects are not read: they may grant to other accounts and to everybody.
///
/// Source: <https://docs.aws.amazon.com/AmazonS3/latest/userguide/acl-overview.html>
fn by_lists(bucket: &Bucket, request: &Request) -> Truth {
    const LISTED: &[&str] = &[
        "s3:getobject",
        "s3:getobjectversion",
        "s3:getobjectacl",
        "s3:putobjectacl",
        "s3:listbucket",
        "s3:putobject",
        "s3:getbucketacl",
        "s3:putbucketacl",
        "s3:listbucketversions",
        "s3:deleteobject",
        "s3:listbucketmultipartuploads",
    ];
    let AccessLists::Enabled { ignore_public } = &bucket.lists else { return Truth::No };
    if !LISTED.contains(&request.action_lower().as_str()) {
        return Truth::No;
    }
    match (&request.caller, ignore_public) {
        // The owner's own principals need the owner's policies anyway.
        (caller, _) if caller.account().is_some() && request.same_account() == Some(true) => Truth::No,
        (Caller::Anonymous, Switch::On) | (Caller::Service { .. } | Caller::Federated { .. }, _) => Truth::No,
        _ => Truth::unsupported("access control lists (object ownership is not BucketOwnerEnforced)"),
    }
}

/// "Restricts access to a bucket with a public policy to only AWS service principals and authorized users within the bucket
/// owner's account."
///
/// Source: <https://docs.aws.amazon.com/AmazonS3/latest/userguide/access-control-block-public-access.html>
fn public_access_denies(bucket: &Bucket, request: &Request) -> Truth {
    let outside = match (&request.caller, request.same_account()) {
        (Caller::Service { .. }, _) | (_, Some(true)) => return Truth::No,
        (Caller::Anonymous | Caller::Federated { .. }, _) | (_, Some(false)) => Truth::Yes,
        (_, None) => Truth::maybe(Reason::ForeignAccount { account: "unknown".to_owned() }),
    };
    let public = Truth::any(bucket.policy.known().iter().map(|policy| is_public(&policy.document)));
    let restricted = match &bucket.restrict_public {
        Switch::On => Truth::Yes,
        Switch::Off => Truth::No,
        Switch::Unknown(reason) => Truth::maybe(reason.clone()),
    };
    outside.and(public).and(restricted)
}

/// Keys with which a fixed value makes a policy not public.
const FIXING_KEYS: &[&str] = &[
    "aws:principalarn",
    "aws:principalaccount",
    "aws:principalorgid",
    "aws:principalorgpaths",
    "aws:sourcearn",
    "aws:sourcevpc",
    "aws:sourcevpce",
    "aws:sourceowner",
    "aws:sourceaccount",
    "aws:sourceorgid",
    "aws:userid",
    "aws:username",
    "s3:x-amz-server-side-encryption-aws-kms-key-id",
    "s3:dataaccesspointarn",
    "s3:dataaccesspointaccount",
    "aws:principalservicename",
    "aws:principalservicenameslist",
    "aws:sourceip",
];

/// Whether S3 takes a bucket policy for public.
///
/// Source: "The meaning of public" on the page above: "Amazon S3 begins by assuming that the policy is public", and it is not if it
/// grants to fixed values only.
#[must_use]
pub fn is_public(document: &Document) -> Truth {
    let allows = document.statements.iter().filter(|statement| statement.effect == Effect::Allow);
    Truth::any(allows.map(is_public_statement))
}

fn is_public_statement(statement: &Statement) -> Truth {
    let Some(principal) = &statement.principal else { return Truth::No };
    let open = match principal {
        PrincipalElement::AllBut(_) => Truth::Yes,
        PrincipalElement::Only(entries) => Truth::any(entries.iter().map(|entry| match entry {
            PrincipalEntry::Everyone | PrincipalEntry::EveryoneAws | PrincipalEntry::Federated(_) => Truth::Yes,
            PrincipalEntry::Computed(_) | PrincipalEntry::Other(_) => {
                Truth::unsupported("a principal of a bucket policy")
            }
            _ => Truth::No,
        })),
    };
    // One condition that fixes it is enough.
    open.and(Truth::any(statement.conditions.iter().map(fixes)).negate())
}

/// Whether a condition bounds a statement to fixed values.
fn fixes(condition: &Condition) -> Truth {
    let key = condition.key.to_ascii_lowercase();
    let operator = condition.operator;
    let positive =
        operator.sense == Sense::Holds && operator.missing == Missing::Counts && operator.quantifier != Quantifier::All;
    if !FIXING_KEYS.contains(&key.as_str()) || !positive {
        return Truth::No;
    }
    match (key.as_str(), operator.comparison) {
        ("aws:sourceip", Comparison::IpAddress) => Truth::all(condition.values.iter().map(|value| narrow(value.raw()))),
        (
            _,
            Comparison::StringEquals
            | Comparison::StringEqualsIgnoreCase
            | Comparison::StringLike
            | Comparison::ArnLike,
        ) => Truth::all(condition.values.iter().map(|value| {
            let fixed = value.parts().iter().all(|part| matches!(part, Part::Char(_) | Part::Symbol(_)));
            match (fixed, key.as_str()) {
                (true, _) => Truth::Yes,
                // "This value can contain a wildcard for the access point name, as long as the account id is fixed."
                (false, "s3:dataaccesspointarn") => {
                    Truth::of(Arn::read(value.raw()).is_some_and(|arn| !arn.account.contains(['*', '?'])))
                }
                (false, "aws:userid") => Truth::unsupported("a pattern of aws:userid in a bucket policy"),
                (false, _) => Truth::No,
            }
        })),
        _ => Truth::No,
    }
}

/// "Values broader than /8 for IPv4 and /32 for IPv6 (excluding RFC1918 private ranges)" are public.
fn narrow(range: &str) -> Truth {
    let Some((address, prefix)) = range.split_once('/') else { return Truth::Yes };
    let Ok(prefix) = prefix.parse::<u8>() else { return Truth::unsupported("an address range that cannot be read") };
    Truth::of(prefix >= if address.contains(':') { 32 } else { 8 })
}

/// An access point of a bucket.
///
/// Source: <https://docs.aws.amazon.com/AmazonS3/latest/userguide/access-points-policies.html>
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct AccessPoint {
    /// `arn:aws:s3:eu-central-1:111122223333:accesspoint/name`
    pub arn: String,
    /// Its policy.
    pub policy: Policies,
    /// Whether it takes requests from one VPC only.
    pub vpc: Option<String>,
}

/// Answers a request for an object through an access point: the access point *and* the bucket must permit it.
///
/// `circumstances` are those of a direct request; the bucket stands in their `resource`.
#[must_use]
pub fn through_access_point(request: &Request, point: &AccessPoint, circumstances: &Circumstances) -> Answer {
    let account = Arn::read(&point.arn).map(|arn| arn.account.to_owned());
    let context = request
        .context
        .clone()
        .with("s3:DataAccessPointArn", KeyState::one(point.arn.clone()))
        .with("s3:DataAccessPointAccount", account.clone().map_or(KeyState::Unknown, KeyState::one))
        .with("s3:AccessPointNetworkOrigin", KeyState::one(if point.vpc.is_some() { "VPC" } else { "Internet" }));
    let at_bucket = Request { context: context.clone(), ..request.clone() };
    let object =
        request.resource.text().split_once(":::").and_then(|(_, rest)| rest.split_once('/')).map(|(_, key)| key);
    let arn = match object {
        Some(key) => format!("{}/object/{key}", point.arn),
        None => point.arn.clone(),
    };
    let resource = match &request.resource {
        Resource::One(_) => Resource::One(arn),
        Resource::AnyOf(_) => Resource::AnyOf(arn),
    };
    let at_point = Request { resource, resource_account: account, context, ..request.clone() };
    let of_point = Circumstances { resource: ResourceSide::Policy(relabel(&point.policy)), ..circumstances.clone() };
    let (outer, inner) = (evaluate(&at_point, &of_point), evaluate(&at_bucket, circumstances));
    both(outer, inner, from_vpc(&at_point, point), at_point.same_account() == Some(true))
}

fn relabel(policies: &Policies) -> Policies {
    let label =
        |policy: &Policy| Policy { name: format!("access point {}", policy.name), document: policy.document.clone() };
    match policies {
        Policies::Known(known) => Policies::Known(known.iter().map(label).collect()),
        Policies::AtLeast(known, reason) => Policies::AtLeast(known.iter().map(label).collect(), reason.clone()),
    }
}

/// "You can create access points that only accept requests from a specific VPC."
fn from_vpc(request: &Request, point: &AccessPoint) -> Truth {
    let Some(vpc) = &point.vpc else { return Truth::Yes };
    match request.key("aws:SourceVpc") {
        KeyState::Known(values) => Truth::of(values.contains(vpc)),
        KeyState::Absent => Truth::No,
        KeyState::Unknown => Truth::maybe(Reason::KeyUnknown { key: "aws:SourceVpc".to_owned() }),
    }
}

fn both(outer: Answer, inner: Answer, network: Truth, same_account: bool) -> Answer {
    let by_identity = outer.applied.iter().any(|one| one.layer == Layer::Identity && one.effect == Effect::Allow);
    let join = |outer: Decision, inner: Decision| match (outer, inner) {
        (denied @ Decision::Denied(_), _) | (_, denied @ Decision::Denied(Denial::Explicit)) => denied,
        // What an access point's policy grants is effective "only if the underlying bucket also allows the same access". Of what an
        // identity policy of the same account grants on the access point alone the page says nothing.
        (_, Decision::Denied(_)) if same_account && by_identity => {
            let construct = "an access point without permission on its bucket".to_owned();
            Decision::Maybe([Reason::Unsupported { construct }].into())
        }
        (one, other) => match one.truth().and(other.truth()).and(network.clone()) {
            Truth::Yes => Decision::Allowed,
            Truth::No => Decision::Denied(Denial::Implicit(vec![Layer::AccessPoint])),
            Truth::Maybe(reasons) => Decision::Maybe(reasons),
        },
    };
    let (decision, but_for_guardrails) =
        (join(outer.decision, inner.decision), join(outer.but_for_guardrails, inner.but_for_guardrails));
    let mut applied = outer.applied;
    applied.extend(inner.applied);
    Answer { decision, but_for_guardrails, applied }
}

/// The context of the request to KMS that S3 makes for a read or write of an object.
///
/// Source: <https://docs.aws.amazon.com/AmazonS3/latest/userguide/UsingKMSEncryption.html> (the encryption context is the object's ARN,
/// with a bucket key the bucket's) and
/// <https://docs.aws.amazon.com/kms/latest/developerguide/conditions-kms.html#conditions-kms-via-service>; no VPC endpoint stands
/// between S3 and KMS: <https://docs.aws.amazon.com/kms/latest/developerguide/vpce-policy-condition.html>
#[must_use]
pub fn context_at_kms(region: &str, dns_suffix: &str, encryption_context_arn: KeyState, own: Context) -> Context {
    own.with("kms:ViaService", KeyState::one(format!("s3.{region}.{dns_suffix}")))
        .with("kms:EncryptionContext:aws:s3:arn", encryption_context_arn)
        .with("kms:EncryptionContextKeys", KeyState::one("aws:s3:arn"))
        .with("aws:ViaAWSService", KeyState::one("true"))
        .with("kms:GrantIsForAWSResource", KeyState::Absent)
        .with("aws:SourceVpce", KeyState::Absent)
        .with("aws:SourceVpc", KeyState::Absent)
        .with("aws:VpcSourceIp", KeyState::Absent)
        .with("aws:SourceIp", KeyState::Absent)
}
