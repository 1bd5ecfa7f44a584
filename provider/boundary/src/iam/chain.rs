//! `can-become-reader`: the shortest chain of recorded calls after which somebody reads records.
//!
//! The claim is never "cannot", but "not without one of these calls". Two searches: one that takes only steps that are certainly
//! allowed, one that takes steps that may be.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;

use crate::iam::arn::Arn;
use crate::iam::document::{Effect as StatementEffect, PrincipalElement, PrincipalEntry};
use crate::iam::escalation::{CallPattern, Effect, Escalation, EscalationTable, Needs, Record};
use crate::iam::estate::{Changes, Encryption, Estate, Principal, Store};
use crate::iam::evaluate::{ResourceSide, evaluate};
use crate::iam::layer::Policies;
use crate::iam::limits;
use crate::iam::readers::reading;
use crate::iam::request::{Caller, Context, KeyState, Request, Resource};
use crate::iam::truth::{Reason, Truth};

/// Calls after which somebody reads.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Chain {
    /// Who begins.
    pub who: String,
    /// The steps, in order; none if it reads now.
    pub steps: Vec<Step>,
}

/// A step of a chain.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Step {
    /// The entry of the table.
    pub id: String,
    /// As whom.
    pub actor: String,
    /// What it does.
    pub what: String,
    /// The calls: action and resource.
    pub calls: Vec<(String, String)>,
    /// What CloudTrail records of it.
    pub records: Vec<Record>,
    /// Whether trails have the record only if told to.
    pub data_event: bool,
}

impl Chain {
    /// The ids of its steps with what they are done to: what a contract names to accept it.
    #[must_use]
    pub fn via(&self) -> Vec<String> {
        self.steps.iter().map(|step| step.id.clone()).collect()
    }

    /// How many calls it takes.
    #[must_use]
    pub fn calls(&self) -> usize {
        self.steps.iter().map(|step| step.calls.len()).sum()
    }
}

impl fmt::Display for Chain {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.steps.is_empty() {
            return write!(f, "{} reads now", self.who);
        }
        for (number, step) in self.steps.iter().enumerate() {
            if number > 0 {
                f.write_str(", then ")?;
            }
            write!(f, "{} {}", step.actor, step.what)?;
            for (at, (action, resource)) in step.calls.iter().enumerate() {
                write!(f, "{}{action} on {resource}", if at == 0 { " (" } else { ", " })?;
            }
            let records: Vec<&str> = step.records.iter().map(|record| record.event_name.as_str()).collect();
            write!(f, "; recorded as {}{})", records.join(", "), if step.data_event { ", a data event" } else { "" })?;
        }
        write!(f, ", and reads")
    }
}

/// Whether somebody can come to read, and how.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Becoming {
    /// The shortest chain of steps that are certainly allowed.
    pub certain: Option<Chain>,
    /// The shortest chain of steps that are allowed or may be, if it is another.
    pub possible: Option<Chain>,
    /// Why the search ended early, if it did: then there may be further chains.
    pub incomplete: Option<Reason>,
}

/// How sure a step must be.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Sure {
    Certainly,
    Perhaps,
}

impl Sure {
    fn takes(self, truth: &Truth) -> bool {
        truth.is_yes() || (self == Self::Perhaps && !truth.is_no())
    }
}

/// The shortest chains by which a principal comes to read objects of a store.
#[must_use]
pub fn can_become_reader(estate: &Estate, table: &EscalationTable, principal: &Principal, store: &Store) -> Becoming {
    Chains::new(estate, table, store).of(principal)
}

/// Where an attacker stands: who it acts as, and what it has changed.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
struct Situation {
    actor: String,
    changes: Changes,
}

/// The search for chains to one store; what one principal's search has found out serves the next.
pub struct Chains<'a> {
    estate: &'a Estate,
    table: &'a EscalationTable,
    store: &'a Store,
    readings: BTreeMap<(bool, Situation), Truth>,
    becoming: BTreeMap<Standing, Vec<(Step, String)>>,
    incomplete: Option<Reason>,
}

/// What decides whom an actor can become: who it is, what it has changed of that, and how sure it must be.
type Standing = (String, Changes, bool);

impl<'a> Chains<'a> {
    /// A search for chains to a store.
    #[must_use]
    pub fn new(estate: &'a Estate, table: &'a EscalationTable, store: &'a Store) -> Self {
        Self { estate, table, store, readings: BTreeMap::new(), becoming: BTreeMap::new(), incomplete: None }
    }

    /// The shortest chains of a principal.
    pub fn of(&mut self, principal: &Principal) -> Becoming {
        self.incomplete = None;
        let certain = self.shortest(principal, Sure::Certainly);
        let possible = self.shortest(principal, Sure::Perhaps).filter(|chain| certain.as_ref() != Some(chain));
        Becoming { certain, possible, incomplete: self.incomplete.clone() }
    }

    fn shortest(&mut self, who: &Principal, sure: Sure) -> Option<Chain> {
        let estate = self.estate;
        let actors: BTreeMap<String, &Principal> =
            estate.principals.iter().chain([who]).map(|principal| (principal.name(), principal)).collect();
        let start = Situation { actor: who.name(), changes: Changes::default() };
        let mut seen = BTreeMap::from([(start.clone(), Vec::<Step>::new())]);
        let mut open = BTreeSet::from([(0_usize, start)]);
        let mut done = BTreeSet::new();
        while let Some((cost, situation)) = open.pop_first() {
            if !done.insert(situation.clone()) {
                continue;
            }
            let steps = seen.get(&situation).cloned().unwrap_or_default();
            let Some(&actor) = actors.get(&situation.actor) else { continue };
            if sure.takes(&self.reads(actor, &situation, steps.is_empty())) {
                return Some(Chain { who: who.name(), steps });
            }
            if done.len() >= limits::SITUATIONS_MAX {
                self.incomplete = Some(unsupported("more situations than a search for chains looks at"));
                return None;
            }
            for (step, next) in self.steps(actor, &situation, &actors, sure) {
                let total = cost + step.calls.len();
                if total > limits::CHAIN_CALLS_MAX {
                    self.incomplete.get_or_insert_with(|| unsupported("chains of more than six calls"));
                    continue;
                }
                let known: usize =
                    seen.get(&next).map_or(usize::MAX, |steps| steps.iter().map(|step| step.calls.len()).sum());
                if total < known {
                    let path = steps.iter().cloned().chain([step]).collect();
                    seen.insert(next.clone(), path);
                    open.insert((total, next));
                }
            }
        }
        None
    }

    fn reads(&mut self, actor: &Principal, situation: &Situation, is_start: bool) -> Truth {
        let key = (is_start, situation.clone());
        if let Some(truth) = self.readings.get(&key) {
            return truth.clone();
        }
        let reading = reading(self.estate, actor, self.store, situation.changes);
        // Whoever has become a role has shown that it can be assumed.
        let truth = if is_start { reading.reads_now() } else { reading.holds_get.and(reading.decrypts) };
        self.readings.insert(key, truth.clone());
        truth
    }

    fn steps(
        &mut self,
        actor: &Principal,
        situation: &Situation,
        actors: &BTreeMap<String, &Principal>,
        sure: Sure,
    ) -> Vec<(Step, Situation)> {
        let changes = forget_own(situation.changes);
        let becoming = self.becoming(actor, situation, actors, sure);
        let mut steps: Vec<_> =
            becoming.into_iter().map(|(step, actor)| (step, Situation { actor, changes })).collect();
        for entry in &self.table.entries {
            let Some(changes) = changed(situation.changes, entry.effect) else { continue };
            let next = Situation { actor: situation.actor.clone(), changes };
            steps.extend(self.step(entry, actor, situation, None, sure).map(|step| (step, next)));
        }
        steps
    }

    /// Whom the actor can become, and how. Changes of key, grants and endpoints do not matter to that.
    fn becoming(
        &mut self,
        actor: &Principal,
        situation: &Situation,
        actors: &BTreeMap<String, &Principal>,
        sure: Sure,
    ) -> Vec<(Step, String)> {
        let Changes { own_policies, own_boundary, bucket, no_bucket_policy, .. } = situation.changes;
        let relevant = Changes { own_policies, own_boundary, bucket, no_bucket_policy, ..Changes::default() };
        let standing = (situation.actor.clone(), relevant, sure == Sure::Certainly);
        if let Some(known) = self.becoming.get(&standing) {
            return known.clone();
        }
        let mut found = Vec::new();
        let becoming = self.table.entries.iter().filter(|entry| entry.effect == Effect::Become);
        for entry in becoming.filter(|entry| self.conceivable(entry, actor, situation, sure)) {
            for (name, target) in actors.iter().filter(|(name, _)| **name != situation.actor) {
                let step = self.step(entry, actor, situation, Some(target), sure);
                found.extend(step.map(|step| (step, name.clone())));
            }
        }
        // The shortest way to each is enough.
        found.sort_by_key(|(step, name)| (name.clone(), step.calls.len()));
        found.dedup_by(|later, first| later.1 == first.1);
        self.becoming.insert(standing, found.clone());
        found
    }

    /// Whether the actor could take an entry's step with any target: what the target does not decide is asked once.
    fn conceivable(&self, entry: &Escalation, actor: &Principal, at: &Situation, sure: Sure) -> bool {
        entry.calls.iter().all(|call| match call.on.as_str() {
            // A trust policy may name the actor without any policy of its own.
            _ if call.action == "sts:AssumeRole" => true,
            "{role}" | "{user}" => {
                let kind = call.on.trim_matches(['{', '}']);
                let any = self.resources(&format!("arn:{{partition}}:iam::{{account}}:{kind}/*"), actor, None);
                let Some(resource) = any.into_iter().next() else { return false };
                !self.allowed(entry, call, &resource, actor, at, None).is_no()
            }
            "{code}" => true,
            on => {
                let mut resources = self.resources(on, actor, None).into_iter();
                resources.any(|resource| sure.takes(&self.allowed(entry, call, &resource, actor, at, None)))
            }
        })
    }

    /// The step of an entry, if the actor may take it.
    fn step(
        &self,
        entry: &Escalation,
        actor: &Principal,
        at: &Situation,
        target: Option<&Principal>,
        sure: Sure,
    ) -> Option<Step> {
        if !sure.takes(&self.needs(entry, actor, target)) {
            return None;
        }
        let mut calls = Vec::with_capacity(entry.calls.len());
        for call in &entry.calls {
            let resources = self.resources(&call.on, actor, target);
            let allowed = |resource: &String| sure.takes(&self.allowed(entry, call, resource, actor, at, target));
            let resource = resources.into_iter().find(allowed)?;
            calls.push((call.action.clone(), resource));
        }
        let (id, what) =
            (entry.id.clone(), entry.what.replace("the role", &target.map_or_else(String::new, Principal::name)));
        let (records, data_event) = (entry.records.clone(), entry.data_event);
        Some(Step { id, actor: actor.name(), what, calls, records, data_event })
    }

    fn needs(&self, entry: &Escalation, actor: &Principal, target: Option<&Principal>) -> Truth {
        let trust = target.and_then(|target| target.trust.as_ref());
        let own = match entry.needs {
            Needs::None | Needs::Trusts => Truth::Yes,
            Needs::OnInstances => Truth::of(target.is_some_and(|target| target.on_instances)),
            Needs::RunsCode => Truth::of(target.is_some_and(|target| self.runs_code(target).next().is_some())),
            Needs::IsUser => Truth::of(matches!(actor.caller, Caller::User { .. })),
            Needs::TrustsFederated => trust.map_or(Truth::No, trusts_federated),
        };
        let passed = match (&entry.passes_to, target) {
            (Some(service), Some(target)) => self.trusts_service(target, service),
            _ => Truth::Yes,
        };
        own.and(passed)
    }

    fn runs_code(&self, role: &Principal) -> impl Iterator<Item = String> {
        let arn = role.caller.arn();
        let own = self.estate.code.iter().filter(move |code| Some(&code.runs_as) == arn.as_ref());
        own.map(|code| format!("{}/{}*", code.bucket, code.prefix))
    }

    fn trusts_service(&self, role: &Principal, service: &str) -> Truth {
        let (Some(trust), Some(arn)) = (&role.trust, role.caller.arn()) else { return Truth::No };
        let account = role.caller.account().unwrap_or_default().to_owned();
        let context = Context::unknown().with("aws:SourceAccount", KeyState::one(account.clone()));
        let request = Request {
            caller: Caller::Service { name: service.to_owned() },
            action: "sts:AssumeRole".to_owned(),
            resource: Resource::One(arn),
            resource_account: Some(account.clone()),
            context,
        };
        let side = ResourceSide::Trust(trust.clone());
        let circumstances = self.estate.circumstances(role, Changes::default(), side, &account);
        evaluate(&request, &circumstances).but_for_guardrails.truth()
    }

    /// The resources that a pattern of the table stands for.
    fn resources(&self, on: &str, actor: &Principal, target: Option<&Principal>) -> Vec<String> {
        let arn = |principal: &Principal| principal.caller.arn().into_iter().collect::<Vec<_>>();
        let role = |principal: &Principal| if is_role(principal) { arn(principal) } else { Vec::new() };
        let user = |principal: &Principal| if is_role(principal) { Vec::new() } else { arn(principal) };
        match on {
            "{role}" => target.map(role).unwrap_or_default(),
            "{user}" => target.map(user).unwrap_or_default(),
            "{self-role}" => role(actor),
            "{self-user}" => user(actor),
            "{own-policy}" => managed(Some(&actor.identity)),
            "{own-boundary}" => managed(actor.boundary.as_ref()),
            "{bucket}" => vec![self.store.bucket.clone()],
            "{key}" => match &self.store.encryption {
                Encryption::Key { arn, .. } => vec![arn.clone()],
                Encryption::WithoutKey | Encryption::Unknown(_) => Vec::new(),
            },
            "{code}" => target.map(|target| self.runs_code(target).collect()).unwrap_or_default(),
            _ => {
                let Some(account) = actor.caller.account() else { return Vec::new() };
                let known = self.estate.accounts.get(account).map(|account| account.partition.as_str());
                vec![on.replace("{partition}", known.unwrap_or("aws")).replace("{account}", account)]
            }
        }
    }

    fn allowed(
        &self,
        entry: &Escalation,
        call: &CallPattern,
        resource: &str,
        actor: &Principal,
        at: &Situation,
        target: Option<&Principal>,
    ) -> Truth {
        let (side, account) = self.side(call, resource, actor, at, target);
        let mut circumstances = self.estate.circumstances(actor, at.changes, side, &account);
        let mut context = Context::unknown().with_value("aws:SecureTransport", "true");
        if call.action == "iam:PassRole" {
            context =
                context.with("iam:PassedToService", entry.passes_to.clone().map_or(KeyState::Unknown, KeyState::one));
        }
        let whole = !resource.contains('*') || resource == "*";
        let text = resource.to_owned();
        let mut request = Request {
            caller: actor.caller.clone(),
            action: call.action.clone(),
            resource: if whole { Resource::One(text) } else { Resource::AnyOf(text) },
            resource_account: Some(account),
            context,
        };
        if call.action != "s3:PutObject" {
            return evaluate(&request, &circumstances).decision.truth();
        }
        // Objects are written on one of the ways.
        Truth::any(self.estate.ways.iter().map(|way| {
            request.context = way.context.clone();
            circumstances.path = way.path.clone();
            way.open_to(&actor.caller).and(evaluate(&request, &circumstances).decision.truth())
        }))
    }

    /// The policies of the resource of a call, and its account.
    fn side(
        &self,
        call: &CallPattern,
        resource: &str,
        actor: &Principal,
        at: &Situation,
        target: Option<&Principal>,
    ) -> (ResourceSide, String) {
        let own = actor.caller.account().unwrap_or_default().to_owned();
        if call.action == "sts:AssumeRole" {
            let trust = target.and_then(|target| target.trust.clone()).unwrap_or_else(Policies::none);
            let account = Arn::read(resource).map_or(own, |arn| arn.account.to_owned());
            return (ResourceSide::Trust(trust), account);
        }
        if let Some(key) = self.estate.key(resource) {
            let policy =
                if at.changes.key { crate::iam::estate::everything_to_everybody() } else { key.policy.clone() };
            let (grants, more_grants) = (key.grants.clone(), key.more_grants.clone());
            return (ResourceSide::Key { policy, grants, more_grants }, key.account.clone());
        }
        let bucket = self
            .estate
            .buckets
            .iter()
            .find(|bucket| resource == bucket.arn || resource.starts_with(&format!("{}/", bucket.arn)));
        if let Some(bucket) = bucket {
            return (ResourceSide::Bucket(bucket.permissions.clone()), bucket.account.clone());
        }
        let account =
            Arn::read(resource).filter(|arn| !arn.account.is_empty()).map_or(own, |arn| arn.account.to_owned());
        (ResourceSide::None, account)
    }
}

fn unsupported(construct: &str) -> Reason {
    Reason::Unsupported { construct: construct.to_owned() }
}

fn is_role(principal: &Principal) -> bool {
    matches!(principal.caller, Caller::RoleSession { .. })
}

/// What somebody has given itself does not go with it into another identity.
fn forget_own(changes: Changes) -> Changes {
    Changes { own_policies: false, own_boundary: false, ..changes }
}

/// The changes with one more; nothing if it is there already.
fn changed(changes: Changes, effect: Effect) -> Option<Changes> {
    // What a wider change has given already need not be given again.
    let done = match effect {
        Effect::NoBucketPolicy | Effect::AccessPoint => changes.bucket,
        Effect::Bucket => changes.no_bucket_policy && changes.own_policies,
        Effect::Grant => changes.key,
        _ => false,
    };
    let more = match effect {
        Effect::Become => return None,
        _ if done => return None,
        Effect::OwnPolicies => Changes { own_policies: true, ..changes },
        Effect::OwnBoundary => Changes { own_boundary: true, ..changes },
        Effect::Key => Changes { key: true, ..changes },
        Effect::Grant => Changes { grant: true, ..changes },
        Effect::Bucket => Changes { bucket: true, ..changes },
        Effect::NoBucketPolicy => Changes { no_bucket_policy: true, ..changes },
        Effect::AccessPoint => Changes { access_point: true, ..changes },
        Effect::Endpoint => Changes { endpoint: true, ..changes },
    };
    (more != changes).then_some(more)
}

/// The customer's managed policies among some: those whose name is an ARN of an account.
fn managed(policies: Option<&Policies>) -> Vec<String> {
    let known = policies.map(Policies::known).unwrap_or_default();
    let own = known
        .iter()
        .filter(|policy| Arn::read(&policy.name).is_some_and(|arn| !arn.account.is_empty() && arn.account != "aws"));
    own.map(|policy| policy.name.clone()).collect()
}

/// Whose provider it would be is not compared.
fn trusts_federated(trust: &Policies) -> Truth {
    let statements = trust.known().iter().flat_map(|policy| policy.document.statements.iter());
    let mut elements =
        statements.filter(|one| one.effect == StatementEffect::Allow).filter_map(|one| one.principal.as_ref());
    let named = elements.any(|element| match element {
        PrincipalElement::Only(entries) => entries.iter().any(|entry| matches!(entry, PrincipalEntry::Federated(_))),
        PrincipalElement::AllBut(_) => true,
    });
    if named { Truth::unsupported("whether an identity provider can be taken over") } else { Truth::No }
}
