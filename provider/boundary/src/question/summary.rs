//! One world in lists: readers, administrators, chains, paths, stores, cost.

use std::collections::{BTreeMap, BTreeSet};

use super::{
    access,
    administration::is_administrator,
    case::Case,
    chain,
    holding::{Holding, Store, StoreKey},
    location, money,
    network::{approval, ports},
    retention,
};
use crate::{
    model::{Class, Fact, Origin, Zone, contract::matches, network::Direction, store::Versioning},
    reach::{Flow, Leads},
    review::{AdministratorEntry, At, Escalation, PathEntry, Reader, StoreEntry, Summary},
};

/// One world in lists.
pub(super) fn summary(case: &Case<'_>) -> Summary {
    let cost = money::cost(case);
    let mut paths: Vec<PathEntry> = case.flows.iter().map(|flow| path(case, flow, &cost)).collect();
    paths.sort();
    paths.dedup();
    let mut stores = stores(case);
    stores.sort();
    Summary {
        readers: readers(case),
        administrators: administrators(case),
        escalations: escalations(case),
        paths,
        stores,
        cost,
    }
}

/// Who reads what: everybody whom the world describes or a policy names, once for each class.
fn readers(case: &Case<'_>) -> Vec<Reader> {
    let mut found = BTreeSet::new();
    for row in case.readings().iter().filter(|row| !row.stands_for_others && !row.reading.reads_now().is_no()) {
        let Some(holding) = case.holdings.get(row.holding) else { continue };
        let Some(class) = holding.class else { continue };
        let shown = row.reading.witness.as_ref();
        let mut via = shown.map(|one| access::statements(&one.get)).unwrap_or_default();
        via.extend(shown.map(|one| access::statements(&one.decrypt)).unwrap_or_default());
        found.insert(Reader {
            principal: row.principal.clone(),
            class,
            via,
            doubt: access::reasons(&row.reading.reads_now()).first().cloned(),
            approved: holding.terms(case.contract).readers.iter().any(|one| matches(one, &row.principal)),
            at: case
                .world
                .identity(&row.principal)
                .map(|one| at(&one.origin))
                .or(holding.store.origin().map(at))
                .unwrap_or_default(),
        });
    }
    found.into_iter().collect()
}

/// By which chains who could come to read.
fn escalations(case: &Case<'_>) -> Vec<Escalation> {
    let mut found = BTreeSet::new();
    for row in &case.chains().rows {
        let Some(class) = case.holdings.get(row.holding).and_then(|one| one.class) else { continue };
        found.insert(Escalation {
            principal: row.principal.clone(),
            class,
            via: chain::calls(&row.chain),
            detected_by: row.detected_by.clone(),
            approved: row.verdict.is_proved(),
            at: case.world.identity(&row.principal).map(|one| at(&one.origin)).unwrap_or_default(),
        });
    }
    found.into_iter().collect()
}

/// Who administers what, with the actions that make it so.
fn administrators(case: &Case<'_>) -> Vec<AdministratorEntry> {
    let mut found: BTreeMap<(String, &str), AdministratorEntry> = BTreeMap::new();
    for row in case.administration().iter().filter(|row| !access::stands_for_others(&row.principal)) {
        let entry = found.entry((row.principal.clone(), row.of)).or_insert_with(|| AdministratorEntry {
            principal: row.principal.clone(),
            of: row.of.to_owned(),
            actions: Vec::new(),
            doubt: access::reasons(&row.truth).first().cloned(),
            approved: is_administrator(case, &row.principal, row.of),
            at: case.world.identity(&row.principal).map(|one| at(&one.origin)).unwrap_or_default(),
        });
        if row.truth.is_yes() {
            entry.doubt = None;
        }
        entry.actions.push(row.action.clone());
    }
    let entries = found.into_values().map(|mut one| {
        one.actions.sort();
        one.actions.dedup();
        one
    });
    entries.collect()
}

/// Where an entity stands.
pub(super) fn at(origin: &Origin) -> At {
    At {
        address: Some(origin.address.clone()),
        place: origin.place.clone(),
        evidence: origin.evidence.iter().cloned().collect(),
    }
}

fn path(case: &Case<'_>, flow: &Flow, cost: &crate::review::Cost) -> PathEntry {
    let terms = approval(case, flow);
    let end = match flow.leads {
        Leads::Vpc => Zone::CustomerRuntime,
        Leads::Service => Zone::CustomerStorage,
        Leads::OtherNetwork | Leads::Internet | Leads::Elsewhere => Zone::Outside,
    };
    let (from_zone, to_zone) = match flow.direction {
        Direction::Egress => (Zone::CustomerRuntime, end),
        Direction::Ingress => (end, Zone::CustomerRuntime),
    };
    // What an endpoint costs by the hour is the path's own price; use is priced by item.
    let own = cost.items.iter().filter(|one| !one.usage_based && one.path.as_deref() == Some(flow.to.as_str()));
    let monthly = own.map(|one| one.monthly_micro_usd.clone()).reduce(|one, other| match (one, other) {
        (Fact::Known(one), Fact::Known(other)) => Fact::Known(one.saturating_add(other)),
        (Fact::Known(_), other) => other,
        (other, _) => other,
    });
    PathEntry {
        name: terms.map(|one| one.name.clone()),
        from: flow.from.clone(),
        to: flow.to.clone(),
        port: ports(flow),
        from_zone,
        to_zone,
        mode: terms.and_then(|one| one.mode.clone()),
        owner: terms.and_then(|one| one.owner.clone()),
        purpose: terms.and_then(|one| one.purpose.clone()),
        encryption: terms.and_then(|one| one.encryption.clone()),
        expires: terms.and_then(|one| one.expires.clone()),
        enforced_by: flow.hops.clone(),
        monthly_micro_usd: monthly,
        doubt: flow.unsure.first().cloned(),
        approved: terms.is_some(),
        at: At {
            address: Some(flow.address.clone()),
            place: flow.place.clone(),
            evidence: flow.evidence.iter().cloned().collect(),
        },
    }
}

fn stores(case: &Case<'_>) -> Vec<StoreEntry> {
    let mut by_name: BTreeMap<String, StoreEntry> = BTreeMap::new();
    for holding in &case.holdings {
        let entry = by_name.entry(holding.store.name()).or_insert_with(|| store(case, holding));
        entry.classes.extend(holding.class);
        entry.approved &= approved(case, holding);
    }
    by_name.into_values().collect()
}

/// Whether the contract names the store for its class.
fn approved(case: &Case<'_>, holding: &Holding<'_>) -> bool {
    holding.declared
        || holding.class.is_some_and(|class| case.contract.class(class).stores.contains(&holding.store.name()))
}

fn store(case: &Case<'_>, holding: &Holding<'_>) -> StoreEntry {
    let (account, region) = holding.store.place(case.world);
    let (key, key_model) = match holding.store.key(case.world) {
        StoreKey::Known(key) => (Some(key.arn.clone()), Some(key.model.clone().map(|model| model.name().to_owned()))),
        StoreKey::Elsewhere(text) => (Some(Fact::from_text(text)), None),
        StoreKey::Aws => (None, None),
        StoreKey::Unknown(reason) => (Some(Fact::Unknown(reason)), None),
    };
    let kind = match &holding.store {
        Store::Bucket { .. } => "bucket",
        Store::LogGroup(_) => "log_group",
        Store::Secret(_) => "secret",
        Store::Metrics(_) => "metrics",
        Store::Missing(_) => "not in this plan",
    };
    let versioning = match &holding.store {
        Store::Bucket { bucket, .. } => Some(bucket.versioning.clone().map(|state| match state {
            Versioning::Disabled => "disabled".to_owned(),
            Versioning::Enabled => "enabled".to_owned(),
            Versioning::Suspended => "suspended".to_owned(),
        })),
        _ => None,
    };
    StoreEntry {
        name: holding.store.name(),
        kind: kind.into(),
        classes: holding.class.into_iter().collect::<BTreeSet<Class>>(),
        zone: Zone::CustomerStorage,
        account,
        region,
        key,
        key_model,
        versioning,
        retention_days: retention::kept_days(holding),
        copies: location::copies_of(holding),
        approved: true,
        at: holding.store.origin().map(at).unwrap_or_default(),
    }
}
