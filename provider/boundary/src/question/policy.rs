//! What policies say by themselves, before anybody is evaluated against them.

use crate::{
    iam::{
        Document,
        document::{Effect, Listed, PrincipalElement, PrincipalEntry, Statement},
    },
    model::{Fact, Origin, Reason, Verdict, contract::matches},
};

/// Somebody whom a policy names.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Named {
    /// Everybody.
    Everyone,
    /// A principal of an account, by ARN, or the account itself.
    Account { account: String, text: String },
    /// An AWS service.
    Service(String),
    /// An identity provider.
    Provider(String),
    /// A form that tells no account.
    Other(String),
}

/// Reads a document; what cannot be read is the reason of an unknown verdict.
pub(super) fn read(fact: &Fact<String>, origin: &Origin) -> Result<Document, Verdict> {
    let text = match (fact.text(), fact.reason()) {
        (Some(text), _) => text,
        (None, reason) => {
            let unread = || Reason::Unsupported { construct: format!("the policy of {}", origin.address) };
            return Err(Verdict::unknown(reason.cloned().unwrap_or_else(unread)));
        }
    };
    Document::parse(text).map_err(|error| {
        let construct = format!("the policy of {}: {error}", origin.address);
        Verdict::unknown(Reason::Unsupported { construct })
    })
}

/// `ADDRESS#SID` of a statement.
pub(super) fn reference(origin: &Origin, statement: &Statement) -> String {
    let name = statement.name();
    if name.starts_with('#') { format!("{}{name}", origin.address) } else { format!("{}#{name}", origin.address) }
}

/// Everybody whom an allowing statement names.
pub(super) fn named(statement: &Statement) -> Vec<Named> {
    match &statement.principal {
        None => Vec::new(),
        Some(PrincipalElement::AllBut(_)) => vec![Named::Everyone],
        Some(PrincipalElement::Only(entries)) => entries.iter().map(of_entry).collect(),
    }
}

fn of_entry(entry: &PrincipalEntry) -> Named {
    match entry {
        PrincipalEntry::Everyone | PrincipalEntry::EveryoneAws => Named::Everyone,
        PrincipalEntry::Account(text) | PrincipalEntry::Arn(text) => {
            let raw = text.raw();
            let account = if raw.starts_with("arn:") { raw.split(':').nth(4).unwrap_or_default() } else { raw };
            // A symbol stands for the account of this world.
            let account = if raw.contains("${account}") { "${account}" } else { account };
            Named::Account { account: account.to_owned(), text: raw.to_owned() }
        }
        PrincipalEntry::Service(text) => Named::Service(text.raw().to_owned()),
        PrincipalEntry::Federated(text) => Named::Provider(text.raw().to_owned()),
        PrincipalEntry::UniqueId(text) | PrincipalEntry::CanonicalUser(text) | PrincipalEntry::Other(text) => {
            Named::Other(text.clone())
        }
        PrincipalEntry::Computed(text) => Named::Other(text.raw().to_owned()),
    }
}

/// Whether a statement's actions include one of these.
pub(super) fn covers(statement: &Statement, actions: &[&str]) -> bool {
    let lower = |text: &str| text.to_ascii_lowercase();
    let any = |texts: &[crate::iam::text::Text]| {
        actions.iter().any(|action| texts.iter().any(|text| matches(&lower(text.raw()), &lower(action))))
    };
    match &statement.actions {
        Listed::Only(texts) => any(texts),
        Listed::AllBut(texts) => {
            !actions.iter().all(|action| texts.iter().any(|text| matches(&lower(text.raw()), &lower(action))))
        }
    }
}

/// The positive conditions of a statement on a key: their values; nothing when there is no such condition.
pub(super) fn bound_to(statement: &Statement, key: &str) -> Option<Vec<String>> {
    use crate::iam::condition::{Missing, Sense};
    let found = statement.conditions.iter().filter(|one| {
        one.key.eq_ignore_ascii_case(key)
            && one.operator.sense == Sense::Holds
            && one.operator.missing == Missing::Counts
    });
    let values: Vec<String> = found.flat_map(|one| &one.values).map(|text| text.raw().to_owned()).collect();
    if values.is_empty() { None } else { Some(values) }
}

/// Allowing statements.
pub(super) fn allows(document: &Document) -> impl Iterator<Item = &Statement> {
    document.statements.iter().filter(|one| one.effect == Effect::Allow)
}
