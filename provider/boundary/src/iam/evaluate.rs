//! The evaluation of a request: layers of policies, three answers, and the statements that decided.
//!
//! Invariant: learning what was not known never turns allowed into denied or back; adding an allow never takes access away,
//! adding a deny never gives any. It does not know which actions exist.

use crate::iam::guardrail::Guardrails;
use crate::iam::kms::{self, Grant};
use crate::iam::layer::{Layer, Policies, Said, ask};
use crate::iam::request::{Caller, Request};
use crate::iam::s3::{self, Bucket};
use crate::iam::statement::Applied;
use crate::iam::truth::{Reason, Reasons, Truth};

/// The policies that a request meets.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Circumstances {
    /// Of the identity, with those of its groups.
    pub identity: Policies,
    /// The permissions boundary, if there is one.
    pub boundary: Option<Policies>,
    /// Of the session, if it was made with any.
    pub session: Option<Policies>,
    /// Of the caller's organisation.
    pub scp: Guardrails,
    /// Of the resource's organisation.
    pub rcp: Guardrails,
    /// Of the resource.
    pub resource: ResourceSide,
    /// On the way.
    pub path: Path,
}

impl Circumstances {
    /// Nothing but the policies of the identity and of the resource.
    #[must_use]
    pub fn of(identity: Policies, resource: ResourceSide) -> Self {
        Self {
            identity,
            boundary: None,
            session: None,
            scp: Guardrails::None,
            rcp: Guardrails::None,
            resource,
            path: Path::NoEndpoint,
        }
    }
}

/// The resource's own policies.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum ResourceSide {
    /// It has none.
    None,
    /// A policy that grants beside those of identities.
    Policy(Policies),
    /// A role's trust policy, which must allow by itself.
    Trust(Policies),
    /// A key: its policy must allow by itself, or a grant.
    Key {
        /// The key policy.
        policy: Policies,
        /// The grants.
        grants: Vec<Grant>,
        /// Why there may be more grants, if there may.
        more_grants: Option<Reason>,
    },
    /// A bucket.
    Bucket(Bucket),
}

/// The way that a request takes.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Path {
    /// Through no VPC endpoint.
    NoEndpoint,
    /// Through a gateway endpoint with this policy.
    GatewayEndpoint(Policies),
    /// Through an interface endpoint with this policy.
    InterfaceEndpoint(Policies),
}

/// The answer.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Decision {
    /// It is allowed.
    Allowed,
    /// It is denied.
    Denied(Denial),
    /// It depends on these.
    Maybe(Reasons),
}

/// Why a request is denied.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Denial {
    /// A statement denies it: see the deny statements among those that applied.
    Explicit,
    /// These layers do not allow it.
    Implicit(Vec<Layer>),
}

impl Decision {
    /// Whether it is certainly allowed.
    #[must_use]
    pub fn is_allowed(&self) -> bool {
        *self == Self::Allowed
    }

    /// Whether it is certainly denied.
    #[must_use]
    pub fn is_denied(&self) -> bool {
        matches!(self, Self::Denied(_))
    }

    /// Whether the request is allowed, as a truth.
    #[must_use]
    pub fn truth(&self) -> Truth {
        match self {
            Self::Allowed => Truth::Yes,
            Self::Denied(_) => Truth::No,
            Self::Maybe(reasons) => Truth::Maybe(reasons.clone()),
        }
    }
}

/// An answer with its witness.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Answer {
    /// The answer.
    pub decision: Decision,
    /// The answer if organisation policies that could not be read took nothing away: an upper bound, which is why a violation
    /// that rests on it must say so.
    pub but_for_guardrails: Decision,
    /// Every statement that applies or may apply, in the order of layers.
    pub applied: Vec<Applied>,
}

/// Answers a request.
///
/// Source: <https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_policies_evaluation-logic.html>
#[must_use]
pub fn evaluate(request: &Request, circumstances: &Circumstances) -> Answer {
    let layers = Layers::ask(request, circumstances);
    let strict = layers.decide(Unread::Counts);
    let lenient = layers.decide(Unread::TakesNothingAway);
    Answer { decision: strict, but_for_guardrails: lenient, applied: layers.applied() }
}

/// What an unreadable organisation policy counts as.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Unread {
    Counts,
    TakesNothingAway,
}

/// What each layer says.
struct Layers<'a> {
    request: &'a Request,
    identity: Said,
    boundary: Option<Said>,
    session: Option<Said>,
    scp: Vec<Said>,
    rcp: Vec<Said>,
    resource: Said,
    /// What grants, access control lists and the like add.
    grant: Said,
    endpoint: Option<Said>,
    /// The resource's policy must allow by itself.
    own_word: bool,
    resource_layer: Layer,
    scp_unread: Option<Truth>,
    rcp_unread: Option<Truth>,
}

impl<'a> Layers<'a> {
    fn ask(request: &'a Request, circumstances: &Circumstances) -> Self {
        let Circumstances { identity, boundary, session, scp, rcp, resource, path } = circumstances;
        let has_identity = request.caller.account().is_some();
        let own = |policies: &Option<Policies>, layer| policies.as_ref().map(|policies| ask(policies, request, layer));
        let (resource, grant, own_word) = resource_side(request, resource);
        let endpoint = match path {
            Path::NoEndpoint => None,
            Path::GatewayEndpoint(policies) => Some(gateway(request, ask(policies, request, Layer::Endpoint))),
            Path::InterfaceEndpoint(policies) => Some(ask(policies, request, Layer::Endpoint)),
        };
        let (scp, scp_unread) = scp.ask_scp(request);
        let (rcp, rcp_unread) = rcp.ask_rcp(request);
        Self {
            request,
            identity: if has_identity { ask(identity, request, Layer::Identity) } else { Said::nothing() },
            boundary: own(boundary, Layer::Boundary).filter(|_| has_identity),
            session: own(session, Layer::Session).filter(|_| has_identity),
            scp,
            rcp,
            resource,
            grant,
            endpoint,
            own_word,
            resource_layer: if matches!(circumstances.resource, ResourceSide::Trust(_)) {
                Layer::Trust
            } else {
                Layer::Resource
            },
            scp_unread,
            rcp_unread,
        }
    }

    fn all(&self) -> impl Iterator<Item = &Said> {
        let (boundary, session) = (self.boundary.iter(), self.session.iter());
        let guardrails = self.scp.iter().chain(&self.rcp);
        let own = std::iter::once(&self.identity).chain(boundary).chain(session);
        guardrails.chain([&self.resource, &self.grant]).chain(own).chain(&self.endpoint)
    }

    fn applied(&self) -> Vec<Applied> {
        self.all().flat_map(|said| said.applied.iter().cloned()).collect()
    }

    /// "An explicit deny in any of these policies overrides the allow."
    fn denied(&self) -> Truth {
        Truth::any(self.all().map(|said| said.denies.clone()))
    }

    fn capped_by_boundary(&self) -> Truth {
        self.boundary.as_ref().map_or(Truth::Yes, |said| said.allows.clone())
    }

    /// A federated user has what both the user and the session policy allow; without one, nothing.
    /// Source: the evaluation page above, "If there is no session policy, the code checks whether the principal is a role
    /// session".
    fn capped_by_session(&self) -> Truth {
        match (&self.session, &self.request.caller) {
            (Some(said), _) => said.allows.clone(),
            (None, Caller::FederatedUser { .. }) => Truth::No,
            (None, _) => Truth::Yes,
        }
    }

    /// What the caller's own account allows.
    fn own_account(&self) -> Truth {
        // "All requests are implicitly denied with the exception of the AWS account root user, which has full access."
        let allows =
            if matches!(self.request.caller, Caller::Root { .. }) { Truth::Yes } else { self.identity.allows.clone() };
        allows.and(self.capped_by_boundary()).and(self.capped_by_session())
    }

    fn granted(&self) -> Truth {
        if self.request.caller.account().is_none() {
            return self.resource.allows.clone().or(self.grant.allows.clone());
        }
        match self.request.same_account() {
            Some(true) => self.granted_in_account(),
            Some(false) => self.granted_across(),
            None => {
                let reason = Reason::ForeignAccount { account: "unknown".to_owned() };
                self.granted_in_account().either_case(self.granted_across(), reason)
            }
        }
    }

    /// Within one account either side suffices, unless the resource's policy must allow by itself.
    fn granted_in_account(&self) -> Truth {
        let caps = self.capped_by_boundary().and(self.capped_by_session());
        // A role named by its ARN is limited by boundary and session policy; a session, a user and everybody are not.
        let by_resource = self.resource.allows.clone().or(self.resource.allows_role.clone().and(caps));
        let own = self.own_account();
        if self.own_word {
            // Trust policies and key policies "must explicitly allow access for principals"; the account's principal
            // passes the decision on to the account.
            let delegated = self.resource.allows_account.clone().and(own);
            return by_resource.or(delegated).or(self.limited_grant());
        }
        by_resource.or(own).or(self.grant.allows.clone())
    }

    /// "AWS allows the request only if both account policy evaluations allow the request."
    /// Source: <https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_policies_evaluation-logic-cross-account.html>
    fn granted_across(&self) -> Truth {
        if !kms::works_across_accounts(&self.request.action) {
            return Truth::No;
        }
        let both = self.resource.allows_at_all().and(self.own_account());
        // "If a grant or IAM policy in your account allows you to use the KMS key": a grant needs no second word.
        // Source: https://docs.aws.amazon.com/kms/latest/developerguide/policy-evaluation.html
        if self.own_word {
            both.or(self.limited_grant())
        } else {
            both.or(self.grant.allows.clone().and(self.own_account()))
        }
    }

    /// Whether boundaries and session policies limit grants is not documented.
    fn limited_grant(&self) -> Truth {
        let caps = self.capped_by_boundary().and(self.capped_by_session());
        let capped =
            if caps.is_yes() { Truth::Yes } else { Truth::unsupported("a grant against a boundary or session policy") };
        self.grant.allows.clone().and(capped)
    }

    fn guardrails(&self, unread: Unread) -> Truth {
        let read = Truth::all(self.scp.iter().chain(&self.rcp).map(Said::allows_at_all));
        if unread == Unread::TakesNothingAway {
            return read;
        }
        let unread = |truth: &Option<Truth>| truth.clone().unwrap_or(Truth::Yes);
        read.and(unread(&self.scp_unread)).and(unread(&self.rcp_unread))
    }

    fn on_the_way(&self) -> Truth {
        self.endpoint.as_ref().map_or(Truth::Yes, Said::allows_at_all)
    }

    fn decide(&self, unread: Unread) -> Decision {
        let denied = self.denied();
        let allowed = self.granted().and(self.guardrails(unread)).and(self.on_the_way());
        match allowed.and(denied.clone().negate()) {
            Truth::Yes => Decision::Allowed,
            Truth::No if denied.is_yes() => Decision::Denied(Denial::Explicit),
            Truth::No => Decision::Denied(Denial::Implicit(self.silent(unread))),
            Truth::Maybe(reasons) => Decision::Maybe(reasons),
        }
    }

    /// The layers that do not allow the request.
    fn silent(&self, unread: Unread) -> Vec<Layer> {
        let mut silent = Vec::new();
        if self.guardrails(unread).is_no() {
            let scp = Truth::all(self.scp.iter().map(Said::allows_at_all));
            silent.push(if scp.is_no() { Layer::Scp } else { Layer::Rcp });
        }
        if self.on_the_way().is_no() {
            silent.push(Layer::Endpoint);
        }
        if self.granted().is_no() {
            let has_account = self.request.caller.account().is_some();
            let of_resource = if self.own_word || !has_account || self.request.same_account() != Some(true) {
                self.resource.allows_at_all().is_no()
            } else {
                false
            };
            if of_resource {
                silent.push(self.resource_layer);
            }
            if has_account && self.identity.allows.is_no() && !matches!(self.request.caller, Caller::Root { .. }) {
                silent.push(Layer::Identity);
            }
            if self.capped_by_boundary().is_no() {
                silent.push(Layer::Boundary);
            }
            if self.capped_by_session().is_no() {
                silent.push(Layer::Session);
            }
        }
        silent
    }
}

fn resource_side(request: &Request, side: &ResourceSide) -> (Said, Said, bool) {
    match side {
        ResourceSide::None if must_have_policy(request) => {
            let construct = "a key or a role without its own policy".to_owned();
            let unknown = Policies::unknown(Reason::Unsupported { construct });
            (ask(&unknown, request, Layer::Resource), Said::nothing(), true)
        }
        ResourceSide::None => (Said::nothing(), Said::nothing(), false),
        ResourceSide::Policy(policies) => (ask(policies, request, Layer::Resource), Said::nothing(), false),
        ResourceSide::Trust(policies) => (ask(policies, request, Layer::Trust), Said::nothing(), true),
        ResourceSide::Key { policy, grants, more_grants } => {
            (ask(policy, request, Layer::Resource), kms::ask_grants(grants, more_grants.as_ref(), request), true)
        }
        ResourceSide::Bucket(bucket) => {
            let (policy, lists) = s3::ask_bucket(bucket, request);
            (policy, lists, false)
        }
    }
}

/// Keys and roles always have a policy, and it decides.
fn must_have_policy(request: &Request) -> bool {
    let (action, resource) = (request.action_lower(), request.resource.text());
    (action.starts_with("kms:") && resource.contains(":key/")) || action.starts_with("sts:assumerole")
}

/// In the policy of a gateway endpoint an account as principal is its root user only, and other principals than `*` are not
/// foreseen.
///
/// Source: <https://docs.aws.amazon.com/vpc/latest/privatelink/vpc-endpoints-access.html> ("access is granted to the AWS account
/// root user only"; "for gateway endpoints, you must use aws:PrincipalArn").
fn gateway(request: &Request, said: Said) -> Said {
    let is_root = matches!(request.caller, Caller::Root { .. });
    let unclear = |truth: Truth| truth.and(Truth::unsupported("a principal in the policy of a gateway endpoint"));
    Said {
        allows_account: if is_root { said.allows_account } else { Truth::No },
        allows_role: unclear(said.allows_role),
        ..said
    }
}
