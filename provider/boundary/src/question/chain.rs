//! `can-become-reader`: chains of recorded calls after which an administrator reads, who accepted them, and which rule sees them.
//!
//! The claim is never "cannot", but "not without one of these calls". A chain that is accepted and seen is taken out at the call
//! that is seen, and the search goes on: what is left would go round every call that somebody notices.

use std::collections::BTreeSet;

use super::{
    Answer, Case,
    access::{is_record, stands_for_others},
    estate,
    holding::Store,
};
use crate::{
    iam::{
        Caller,
        chain::{Chain, Step, can_become_reader},
        escalation::{Effect, EscalationTable},
        estate::{Estate, Principal, Store as StoreSide},
    },
    model::{
        Class, Reason, Verdict, Witness,
        audit::Detector,
        contract::{AcceptedEscalation, matches},
    },
};

/// Chains that are looked for per principal and store.
const CHAINS_MAX: usize = 12;

/// A chain of one principal to one store.
#[derive(Clone, Debug)]
pub(super) struct ChainRow {
    pub(super) principal: String,
    pub(super) holding: usize,
    pub(super) chain: Chain,
    /// Whether the contract accepts it and its detector is there.
    pub(super) verdict: Verdict,
    pub(super) detected_by: Option<String>,
}

/// What the search found.
#[derive(Clone, Debug, Default)]
pub(super) struct Chains {
    pub(super) rows: Vec<ChainRow>,
    /// Principals and stores that were searched.
    pub(super) searched: Vec<(String, usize)>,
    /// Why there may be more: principal, store, reason.
    pub(super) open: Vec<(String, usize, Reason)>,
}

/// Every chain of every described principal to the records.
pub(super) fn chains(case: &Case<'_>) -> Chains {
    let mut found = Chains::default();
    let Ok(table) = EscalationTable::built_in() else { return found };
    let mut seen = BTreeSet::new();
    for (index, holding) in case.holdings.iter().enumerate().filter(|(_, one)| is_record(Some(one))) {
        let Store::Bucket { bucket, prefix } = &holding.store else { continue };
        // One key and one policy protect a bucket: its other prefixes are reached by the same chains.
        if !seen.insert(bucket.origin.address.clone()) {
            continue;
        }
        let store = StoreSide {
            class: holding.class.map(Class::name).unwrap_or_default().to_owned(),
            bucket: estate::bucket_arn(bucket),
            prefix: prefix.clone(),
            encryption: estate::encryption(case.world, bucket),
        };
        for principal in case.estate.principals.iter().filter(|one| is_described(case, one)) {
            found.searched.push((principal.name(), index));
            search(case, &table, principal, &store, index, &mut found);
        }
    }
    found
}

/// Roles and users that the world describes: what others of the account can do, the account tells.
fn is_described(case: &Case<'_>, principal: &Principal) -> bool {
    let acts = matches!(principal.caller, Caller::RoleSession { .. } | Caller::User { .. });
    acts && !stands_for_others(&principal.name()) && case.world.identity(&principal.name()).is_some()
}

fn search(
    case: &Case<'_>,
    table: &EscalationTable,
    principal: &Principal,
    store: &StoreSide,
    holding: usize,
    found: &mut Chains,
) {
    let mut table = table.clone();
    let mut estate: Option<Estate> = None;
    for _ in 0..CHAINS_MAX {
        let becoming = can_become_reader(estate.as_ref().unwrap_or(&case.estate), &table, principal, store);
        let certain = becoming.certain.is_some();
        if let Some(reason) = becoming.incomplete {
            found.open.push((principal.name(), holding, estate::of_iam(&reason)));
        }
        let Some(chain) = becoming.certain.or(becoming.possible).filter(|chain| !chain.steps.is_empty()) else {
            return;
        };
        let (verdict, step, detected_by) = judged(case, &chain);
        // A chain that only may be allowed violates nothing yet: what would decide it is not known.
        let verdict = if certain || !verdict.is_violated() { verdict } else { doubtful(&chain) };
        // The call that is seen is taken out; of a chain that nobody sees, the first.
        let out = chain.steps.get(step).or(chain.steps.first()).cloned();
        found.rows.push(ChainRow { principal: principal.name(), holding, chain, verdict, detected_by });
        let Some(out) = out else { return };
        let effect = table.entries.iter().find(|one| one.id == out.id).map(|one| one.effect);
        if effect == Some(Effect::Become) {
            let mut smaller = estate.unwrap_or_else(|| case.estate.clone());
            let targets: BTreeSet<&str> = out.calls.iter().map(|(_, resource)| resource.as_str()).collect();
            let before = smaller.principals.len();
            smaller.principals.retain(|one| !one.caller.arn().is_some_and(|arn| targets.contains(arn.as_str())));
            if smaller.principals.len() == before {
                table.entries.retain(|one| one.id != out.id);
            }
            estate = Some(smaller);
        } else {
            table.entries.retain(|one| one.id != out.id);
        }
    }
    let construct = format!("more than {CHAINS_MAX} chains");
    found.open.push((principal.name(), holding, Reason::Unsupported { construct }));
}

/// The verdict about a chain whose calls are not certainly allowed.
fn doubtful(chain: &Chain) -> Verdict {
    Verdict::unknown(Reason::Unsupported { construct: format!("conditions that may allow: {chain}") })
}

/// Whether the contract accepts a chain and a rule sees it; at which step, and which rule.
fn judged(case: &Case<'_>, chain: &Chain) -> (Verdict, usize, Option<String>) {
    let calls = calls(chain);
    let accepted = case.contract.accepted_escalations.iter().find(|one| accepts(one, chain, &calls));
    let Some(accepted) = accepted else {
        let witness = witness(chain, "the contract does not accept this chain");
        let seen =
            case.world.detectors.iter().find_map(|one| Some((seen_at(one, chain)?, one.name.text()?.to_owned())));
        let (step, name) = seen.map_or((0, None), |(step, name)| (step, Some(name)));
        return (Verdict::violated(witness), step, name);
    };
    if case.is_past(&accepted.expires) {
        let witness = witness(chain, &format!("the chain was accepted until {}", accepted.expires));
        return (Verdict::violated(witness), 0, None);
    }
    let detector = case.world.detectors.iter().find(|one| one.name.text() == Some(accepted.detected_by.as_str()));
    let Some(detector) = detector else {
        let witness = witness(chain, &format!("the rule {} that should see it is not there", accepted.detected_by));
        return (Verdict::violated(witness), 0, None);
    };
    let Some(step) = seen_at(detector, chain) else {
        let witness = witness(chain, &format!("the rule {} sees none of its calls", accepted.detected_by));
        return (Verdict::violated(witness), 0, None);
    };
    let on = detector.enabled.judge(|on| {
        Verdict::holds(*on, || witness(chain, &format!("the rule {} that should see it is off", accepted.detected_by)))
    });
    let told = Verdict::holds(!detector.targets.is_empty(), || {
        witness(chain, &format!("the rule {} tells nobody", accepted.detected_by))
    });
    (on.and(told).and(trail(case)), step, detector.name.text().map(str::to_owned))
}

/// Rules see only what a trail records.
fn trail(case: &Case<'_>) -> Verdict {
    let recording = case
        .world
        .trails
        .iter()
        .any(|one| one.logging.known() == Some(&true) && one.management_writes.known() != Some(&false));
    if recording || case.contract.statement("trail").is_ok() {
        return Verdict::proved();
    }
    Verdict::unknown(Reason::NotRead { source: "aws".into(), what: "cloudtrail:DescribeTrails".into() })
}

fn accepts(accepted: &AcceptedEscalation, chain: &Chain, calls: &[String]) -> bool {
    let named: BTreeSet<&str> = accepted.via.iter().map(String::as_str).collect();
    let own: BTreeSet<&str> = calls.iter().map(String::as_str).collect();
    let ids: Vec<String> = chain.via();
    matches(&accepted.principal, &chain.who) && (named == own || accepted.via == ids)
}

/// The actions of a chain, in order.
pub(super) fn calls(chain: &Chain) -> Vec<String> {
    chain.steps.iter().flat_map(|step| &step.calls).map(|(action, _)| action.clone()).collect()
}

/// The first step of which the detector certainly sees a record.
fn seen_at(detector: &Detector, chain: &Chain) -> Option<usize> {
    chain.steps.iter().position(|step: &Step| {
        step.records.iter().any(|record| detector.sees(&record.event_source, &record.event_name) == Some(true))
    })
}

fn witness(chain: &Chain, what: &str) -> Witness {
    let hop = |step: &Step| {
        let calls: Vec<String> =
            step.calls.iter().map(|(action, resource)| format!("{action} on {resource}")).collect();
        let records: Vec<&str> = step.records.iter().map(|one| one.event_name.as_str()).collect();
        format!("{}: {} (recorded as {})", step.actor, calls.join(", "), records.join(", "))
    };
    Witness {
        principal: Some(chain.who.clone()),
        action: calls(chain).first().cloned(),
        hops: chain.steps.iter().map(hop).collect(),
        ..Witness::new(format!("{what}: {chain}"))
    }
}

/// One answer per principal and store: no chain, or every chain accepted and seen.
pub(super) fn can_become(case: &Case<'_>) -> Vec<Answer> {
    let chains = case.chains();
    chains
        .searched
        .iter()
        .map(|(principal, index)| {
            let own = |name: &str, holding: usize| name == principal && holding == *index;
            let rows: Vec<&ChainRow> = chains.rows.iter().filter(|row| own(&row.principal, row.holding)).collect();
            let open = chains.open.iter().filter(|(name, holding, _)| own(name, *holding));
            let open = Verdict::all(open.map(|(_, _, reason)| Verdict::unknown(reason.clone())));
            let verdict = Verdict::all(rows.iter().map(|row| row.verdict.clone())).and(open);
            let store = case.holdings.get(*index).map(|one| one.subject()).unwrap_or_default();
            let sentence = match rows.len() {
                0 => format!("{principal} comes to read {store} by no chain of the table"),
                number => format!("{principal} comes to read {store} only by one of {number} recorded chain(s)"),
            };
            let answer = Answer::of(format!("{principal} -> {store}"), verdict, sentence);
            match case.world.identity(principal) {
                Some(identity) => answer.at(&identity.origin),
                None => answer,
            }
        })
        .collect()
}
