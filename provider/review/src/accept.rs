//! A contract that approves what a plan makes: adopting the review on an existing configuration takes one command.
//!
//! Invariants: what an earlier contract says stays; what people have to state is not made up, and stands as a comment
//! where it is missing. It is written to be read as a diff before anybody commits it.

pub mod diff;
pub mod hcl;

use std::collections::BTreeSet;

use provider_boundary::{
    model::{
        Contract,
        artifact::Class,
        contract::{AcceptedEscalation, Administrator, ApprovedPath, ClassTerms, matches},
        fact::symbols_in,
    },
    review::{Escalation, PathEntry, Reader, Review, StoreEntry},
};

/// Who accepts that administrators could become readers, and until when.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Approval {
    /// Who.
    pub by: String,
    /// The last day.
    pub expires: String,
}

/// The contract with everything that the plan makes.
pub fn accept(review: &Review, before: &Contract, approval: Option<&Approval>) -> Contract {
    let mut contract = before.clone();
    for store in &review.after.stores {
        add(&mut contract.accounts, store.account.known());
        add(&mut contract.regions, store.region.known());
    }
    for class in Class::ALL {
        accept_class(&mut contract, review, class);
    }
    for one in review.after.administrators.iter().filter(|one| one.doubt.is_none()) {
        accept_administrator(&mut contract.administrators, &one.principal, &one.of);
    }
    for path in review.after.paths.iter().filter(|path| !path.approved) {
        accept_path(&mut contract.paths, path);
    }
    if let Some(approval) = approval {
        for one in review.after.escalations.iter().filter(|one| !one.approved) {
            accept_escalation(&mut contract.accepted_escalations, one, approval);
        }
    }
    contract
}

fn add(list: &mut Vec<String>, one: Option<&String>) {
    if let Some(one) = one.filter(|one| !list.contains(one)) {
        list.push(one.clone());
        list.sort();
    }
}

fn accept_class(contract: &mut Contract, review: &Review, class: Class) {
    let stores: Vec<&StoreEntry> = review.after.stores.iter().filter(|one| classes(one).contains(&class)).collect();
    // Who only may read, without a statement that says so, is not approved for want of knowledge.
    let shown = |one: &&Reader| one.doubt.is_none() || !one.via.is_empty();
    let readers = review.after.readers.iter().filter(|one| one.class == class && !one.approved).filter(shown);
    let readers: Vec<&String> = readers.map(|one| &one.principal).collect();
    if stores.is_empty() && readers.is_empty() {
        return;
    }
    let terms: &mut ClassTerms = contract.classes.entry(class).or_default();
    for store in &stores {
        add(&mut terms.stores, Some(&store.name));
    }
    for reader in readers {
        add(&mut terms.readers, Some(reader));
    }
    let agreed = |of: fn(&StoreEntry) -> Option<&String>| {
        let found: BTreeSet<Option<&String>> = stores.iter().map(|store| of(store)).collect();
        if found.len() == 1 { found.into_iter().flatten().next().cloned() } else { None }
    };
    terms.key_model = terms.key_model.take().or_else(|| agreed(|store| store.key_model.as_ref()?.known()));
    // A key that AWS has yet to name cannot be named here: its model is.
    let key = agreed(|store| store.key.as_ref()?.known()).filter(|key| symbols_in(key).is_empty());
    terms.key = terms.key.take().or(key);
    terms.versioning = terms.versioning.take().or_else(|| agreed(|store| store.versioning.as_ref()?.known()));
    let days: BTreeSet<Option<u64>> =
        stores.iter().map(|store| store.retention_days.known().copied().flatten()).collect();
    if let (None, [Some(days)]) = (terms.deletion_days, days.into_iter().collect::<Vec<_>>().as_slice()) {
        terms.deletion_days = Some(*days);
    }
}

/// What a store holds. Where neither the plan nor a contract says so, its name is taken for it: whoever reads the diff
/// corrects it. Payloads are the strictest guess, and the last one.
fn classes(store: &StoreEntry) -> BTreeSet<Class> {
    if !store.classes.is_empty() {
        return store.classes.clone();
    }
    let name = store.name.to_ascii_lowercase();
    let says = |words: &[&str]| words.iter().any(|word| name.contains(word));
    let guess: &[Class] = match store.kind.as_str() {
        "log_group" => &[Class::Logs],
        "secret" => &[Class::Secrets],
        "metrics" => &[Class::Metrics],
        "bucket" if says(&["meta"]) => &[Class::ClusterMetadata],
        "bucket" if says(&["audit", "trail"]) => &[Class::AuditEvents],
        "bucket" if says(&["backup", "replica", "copy"]) => &[Class::Backups],
        "bucket" if says(&["log"]) => &[Class::Logs],
        "bucket" if says(&["exit", "export"]) => &[Class::Exit],
        "bucket" => &[Class::Payloads, Class::Progress, Class::WriteAheadLog],
        _ => &[],
    };
    guess.iter().copied().collect()
}

fn accept_administrator(administrators: &mut Vec<Administrator>, principal: &str, of: &str) {
    let covers = |one: &&Administrator| {
        matches(&one.principal, principal) && (one.of.is_empty() || one.of.iter().any(|known| known == of))
    };
    if administrators.iter().any(|one| covers(&one)) {
        return;
    }
    match administrators.iter_mut().find(|one| one.principal == principal) {
        Some(one) => one.of.push(of.to_owned()),
        None => administrators.push(Administrator {
            principal: principal.to_owned(),
            of: vec![of.to_owned()],
            ..Administrator::default()
        }),
    }
}

fn accept_path(paths: &mut Vec<ApprovedPath>, path: &PathEntry) {
    let port = path.port.parse().ok();
    if paths.iter().any(|one| one.from == path.from && one.to == path.to && one.port == port) {
        return;
    }
    let described = || slug(&format!("{}-to-{}-{}", short(&path.from), short(&path.to), path.port));
    let wanted = path.name.clone().unwrap_or_else(described);
    let mut name = wanted.clone();
    let mut number = 1;
    while paths.iter().any(|one| one.name == name) {
        number += 1;
        name = format!("{wanted}-{number}");
    }
    paths.push(ApprovedPath {
        name,
        from: path.from.clone(),
        to: path.to.clone(),
        port,
        owner: path.owner.clone(),
        purpose: path.purpose.clone(),
        mode: path.mode.clone(),
        encryption: path.encryption.clone(),
        expires: path.expires.clone(),
        ..ApprovedPath::default()
    });
}

fn accept_escalation(accepted: &mut Vec<AcceptedEscalation>, one: &Escalation, approval: &Approval) {
    // Without a detector there is nothing to accept: the claim is "not without a recorded change that somebody sees".
    let Some(detector) = &one.detected_by else { return };
    let entry = AcceptedEscalation {
        principal: one.principal.clone(),
        via: one.via.clone(),
        detected_by: detector.clone(),
        approved_by: approval.by.clone(),
        expires: approval.expires.clone(),
        place: None,
    };
    let same = |known: &AcceptedEscalation| known.principal == entry.principal && known.via == entry.via;
    if !accepted.iter().any(same) {
        accepted.push(entry);
    }
}

/// What people call it: of a Terraform address the resource's name.
fn short(name: &str) -> String {
    let plain = name.trim_start_matches("${").trim_end_matches('}');
    let mut parts = plain.split('.').skip_while(|part| !part.starts_with("aws_") && !part.starts_with("ringfence_"));
    match (parts.next(), parts.next()) {
        (Some(_), Some(resource)) => resource.to_owned(),
        _ => plain.to_owned(),
    }
}

/// Lower-case letters, digits and dashes, at most 60.
fn slug(text: &str) -> String {
    let mut slug = String::new();
    for one in text.chars() {
        if one.is_ascii_alphanumeric() {
            slug.push(one.to_ascii_lowercase());
        } else if !slug.ends_with('-') {
            slug.push('-');
        }
    }
    let short: String = slug.chars().take(60).collect();
    short.trim_matches('-').to_owned()
}

#[cfg(test)]
mod tests {
    use expect_test::expect_file;
    use provider_boundary::model::Reason;

    use super::*;
    use crate::{contract, output::sample};

    #[test]
    fn a_first_contract_approves_what_the_plan_makes() {
        let approval = Approval { by: "security".into(), expires: "2027-06-30".into() };
        let mut review = sample::changed();
        review.after.escalations = sample::first().after.escalations;
        for one in &mut review.after.escalations {
            one.approved = false;
        }
        let contract = accept(&review, &Contract::default(), Some(&approval));
        expect_file!["accept/golden/first.hcl"].assert_eq(&hcl::write(&contract));
    }

    #[test]
    fn what_was_accepted_is_not_added_again() {
        let review = sample::changed();
        let once = accept(&review, &Contract::default(), None);
        assert_eq!(accept(&review, &once, None), once);
    }

    #[test]
    fn whoever_only_may_read_is_not_approved() {
        let mut review = sample::changed();
        for one in &mut review.after.readers {
            one.doubt = Some(Reason::ScpNotReadable);
            one.via.clear();
        }
        for one in &mut review.after.administrators {
            one.doubt = Some(Reason::ScpNotReadable);
        }
        let contract = accept(&review, &Contract::default(), None);
        assert!(contract.class(Class::Payloads).readers.is_empty());
        assert!(contract.administrators.is_empty());
    }

    #[test]
    fn what_people_stated_stays() {
        let text = "class \"payloads\" {\n  owner = \"orders\"\n  versioning = \"enabled\"\n}\nsupport {\n  entity = \"none\"\n}\n";
        let before = contract::read(text, "boundary.hcl").unwrap();
        let after = accept(&sample::changed(), &before, None);
        let class = after.class(Class::Payloads);
        assert_eq!((class.owner.as_deref(), class.versioning.as_deref()), (Some("orders"), Some("enabled")));
        assert_eq!(after.support, before.support);
        assert!(!class.readers.is_empty());
    }
}
