//! What a change does to the boundary, in eleven lines: what people read when they read nothing else.

use std::cmp::Ordering;

use provider_boundary::{
    model::{Fact, fact::Template},
    review::{Cost, Counts, PathEntry, Reader, Review, StoreEntry},
};

use super::{
    delta::{self, Delta, Entry},
    finding_id,
    sentence::{self, Sentence},
};

/// How many entries one line names in each direction.
const NAMED_MAX: usize = 3;

/// One line: what it is about, and what happens to it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Consequence {
    /// `Readers`, `Cost per month`, ...
    pub label: &'static str,
    /// Whether anything changes.
    pub moved: bool,
    /// What happens.
    pub sentence: Sentence,
}

/// How many verdicts of which kind, in words.
pub fn headline(counts: &Counts) -> String {
    let Counts { proved, excluded, unknown, violated } = counts;
    format!("{violated} violated · {unknown} unknown · {excluded} excluded · {proved} proved")
}

/// All consequences, always these eleven in this order.
pub fn consequences(review: &Review) -> Vec<Consequence> {
    let stores = delta::of(review, |summary| summary.stores.as_slice());
    vec![
        of_list("Readers", review, &delta::of(review, |summary| summary.readers.as_slice()), reader),
        of_list("Administrators", review, &delta::of(review, |summary| summary.administrators.as_slice()), |one| {
            let sentence = Sentence::default().name(&one.principal).words(format!(" of {}", one.of));
            approval(sentence, one.approved, one.doubt.is_some()).shown_by(&one.at.evidence)
        }),
        of_list(
            "Ways to become a reader",
            review,
            &delta::of(review, |summary| summary.escalations.as_slice()),
            |one| {
                let detected = one.detected_by.as_deref().map_or_else(
                    || Sentence::new(", seen by nobody"),
                    |detector| Sentence::new(", seen by ").name(detector),
                );
                let by = Sentence::default().name(&one.principal).words(format!(" to {} by ", one.class.name()));
                let by = by.names(one.via.iter().map(String::as_str), 4).then(detected);
                approval(by, one.approved, false).shown_by(&one.at.evidence)
            },
        ),
        of_list("Paths", review, &delta::of(review, |summary| summary.paths.as_slice()), path),
        of_list("Stores", review, &stores, store),
        of_facts("Keys", &stores, |one| vec![one.key.clone(), one.key_model.clone()], key),
        of_facts("Copies", &stores, |one| one.copies.iter().cloned().map(Fact::from_text).map(Some).collect(), copies),
        of_facts("Retention", &stores, retention_facts, retention),
        cost(review),
        violated(review),
        fingerprint(review),
    ]
}

/// Dollars and cents.
pub fn dollars(micro: i64) -> String {
    let cents = micro.saturating_add(if micro < 0 { -5_000 } else { 5_000 }) / 10_000;
    let sign = if cents < 0 { "-" } else { "" };
    format!("{sign}${}.{:02}", cents.unsigned_abs() / 100, cents.unsigned_abs() % 100)
}

/// What is known of a bill, and how many items are not.
pub fn total(cost: &Cost) -> (i64, usize) {
    let known = cost.items.iter().filter_map(|item| item.monthly_micro_usd.known());
    let sum = known.fold(0_i64, |sum, one| sum.saturating_add(*one));
    (sum, cost.items.iter().filter(|item| item.monthly_micro_usd.known().is_none()).count())
}

/// A fact as people read it.
pub fn told(fact: &Fact<String>) -> &str {
    fact.text().unwrap_or("unknown")
}

/// Days, or that there is no end.
pub fn days(fact: &Fact<Option<u64>>) -> String {
    match fact {
        Fact::Known(Some(days)) => format!("{days} days"),
        Fact::Known(None) => "no end".into(),
        Fact::Symbolic(template) => Template::as_str(template).to_owned(),
        Fact::Unknown(_) => "unknown".into(),
    }
}

/// A reader, as a sentence.
pub fn reader(one: &Reader) -> Sentence {
    let sentence = Sentence::default().name(&one.principal).words(format!(" reads {}", one.class.name()));
    approval(sentence, one.approved, one.doubt.is_some()).shown_by(&one.at.evidence)
}

/// A path, as a sentence.
pub fn path(one: &PathEntry) -> Sentence {
    let sentence = Sentence::default().name(&one.from).words(" to ").name(&one.to).words(" port ").words(&one.port);
    approval(sentence, one.approved, one.doubt.is_some()).shown_by(&one.at.evidence)
}

fn store(one: &StoreEntry) -> Sentence {
    let classes: Vec<&str> = one.classes.iter().map(|class| class.name()).collect();
    let sentence = Sentence::default().name(&one.name).words(format!(" holds {} in ", classes.join(", ")));
    approval(sentence.name(told(&one.region)), one.approved, false).shown_by(&one.at.evidence)
}

fn approval(sentence: Sentence, approved: bool, doubt: bool) -> Sentence {
    match (approved, doubt) {
        (true, false) => sentence,
        (true, true) => sentence.words(" (maybe)"),
        (false, false) => sentence.words(" (not approved)"),
        (false, true) => sentence.words(" (maybe, not approved)"),
    }
}

fn of_list<T: Entry>(
    label: &'static str,
    review: &Review,
    delta: &Delta<'_, T>,
    say: impl Fn(&T) -> Sentence,
) -> Consequence {
    let all = delta.added.len() + delta.changed.len() + delta.same.len();
    if delta.is_empty() {
        let sentence = if all == 0 { "none, before and after".into() } else { format!("unchanged, {all}") };
        return Consequence { label, moved: false, sentence: Sentence::new(sentence) };
    }
    let mut sentence = Sentence::default();
    if review.before.is_none() {
        sentence = sentence.words("from nothing: ");
    }
    let changed: Vec<&T> = delta.changed.iter().map(|(_, after)| *after).collect();
    let groups = [("+", &delta.added), ("−", &delta.removed), ("±", &changed)];
    let mut first = true;
    for (sign, entries) in groups.into_iter().filter(|(_, entries)| !entries.is_empty()) {
        sentence = sentence.words(if first { "" } else { "; " }).words(format!("{sign}{} ", entries.len()));
        sentence = listed(sentence, entries.iter().map(|one| say(one)));
        first = false;
    }
    Consequence { label, moved: true, sentence }
}

/// The first few, and how many more there are.
fn listed(mut sentence: Sentence, entries: impl ExactSizeIterator<Item = Sentence>) -> Sentence {
    let more = entries.len().saturating_sub(NAMED_MAX);
    for (at, entry) in entries.take(NAMED_MAX).enumerate() {
        if at > 0 {
            sentence = sentence.words(", ");
        }
        sentence = sentence.then(entry);
    }
    if more > 0 { sentence.words(format!(" and {more} more")) } else { sentence }
}

/// What differs in some facts of stores that stay, and what those facts are in stores that are new.
fn of_facts(
    label: &'static str,
    stores: &Delta<'_, StoreEntry>,
    facts: impl Fn(&StoreEntry) -> Vec<Option<Fact<String>>>,
    say: impl Fn(&StoreEntry) -> Option<Sentence>,
) -> Consequence {
    let differing = stores.changed.iter().filter(|(before, after)| facts(before) != facts(after));
    let differing: Vec<Sentence> = differing
        .map(|(before, after)| {
            let was = say(before).unwrap_or_else(|| Sentence::new("nothing"));
            let is = say(after).unwrap_or_else(|| Sentence::new("nothing"));
            let sentence = Sentence::default().name(&after.name).words(": ").then(was).words(" → ").then(is);
            sentence.shown_by(&after.at.evidence)
        })
        .collect();
    let fresh = stores.added.iter().filter_map(|one| {
        say(one).map(|facts| Sentence::default().name(&one.name).words(": ").then(facts).shown_by(&one.at.evidence))
    });
    let all: Vec<Sentence> = differing.into_iter().chain(fresh).collect();
    if all.is_empty() {
        return Consequence { label, moved: false, sentence: Sentence::new("unchanged") };
    }
    Consequence { label, moved: true, sentence: listed(Sentence::default(), all.into_iter()) }
}

fn key(one: &StoreEntry) -> Option<Sentence> {
    let key = match &one.key {
        Some(key) => Sentence::default().name(told(key)),
        None => Sentence::new("no key of the customer"),
    };
    Some(match &one.key_model {
        Some(model) => key.words(" (").words(told(model)).words(")"),
        None => key,
    })
}

fn copies(one: &StoreEntry) -> Option<Sentence> {
    let names = one.copies.iter().map(String::as_str);
    (!one.copies.is_empty()).then(|| Sentence::new("copied to ").names(names, NAMED_MAX))
}

fn retention_facts(one: &StoreEntry) -> Vec<Option<Fact<String>>> {
    vec![Some(Fact::Known(days(&one.retention_days))), one.versioning.clone()]
}

fn retention(one: &StoreEntry) -> Option<Sentence> {
    let sentence = Sentence::new(days(&one.retention_days));
    Some(match &one.versioning {
        Some(versioning) => sentence.words(", versioning ").words(told(versioning)),
        None => sentence,
    })
}

fn cost(review: &Review) -> Consequence {
    let (after, unknown) = total(&review.after.cost);
    let mut sentence = Sentence::default();
    let mut moved = after != 0;
    if let Some(before) = &review.before {
        let (before, _) = total(&before.cost);
        let sign = match after.cmp(&before) {
            Ordering::Less => "−",
            Ordering::Equal => "±",
            Ordering::Greater => "+",
        };
        let difference = i64::try_from(after.abs_diff(before)).unwrap_or(i64::MAX);
        moved = after != before;
        sentence = sentence.words(format!("{} → {} ({sign}{})", dollars(before), dollars(after), dollars(difference)));
    } else {
        sentence = sentence.words(dollars(after));
    }
    if unknown > 0 {
        sentence = sentence.words(format!(", and {unknown} of {} items unknown", review.after.cost.items.len()));
    }
    let items = review.after.cost.items.iter().filter(|item| item.monthly_micro_usd.known().is_some());
    let sentence = items.fold(sentence, |sentence, item| sentence.shown_by(&item.at.evidence));
    Consequence { label: "Cost per month", moved, sentence }
}

fn violated(review: &Review) -> Consequence {
    let violated: Vec<_> = review.findings.iter().filter(|one| one.verdict.is_violated()).collect();
    let sentences = violated.iter().map(|one| {
        let ground = sentence::grounds(&one.verdict).into_iter().next().unwrap_or_default();
        let head = Sentence::default().name(&one.question).words(format!(" ({}): ", finding_id(one)));
        head.then(ground).shown_by(&one.evidence)
    });
    let sentence = match violated.len() {
        0 => Sentence::new("nothing"),
        all => listed(Sentence::new(format!("{all}: ")), sentences),
    };
    Consequence { label: "Violated", moved: !violated.is_empty(), sentence }
}

fn fingerprint(review: &Review) -> Consequence {
    let short = |text: String| text.chars().take(12).collect::<String>();
    let after = short(review.after.fingerprint());
    let before = review.before.as_ref().map(|before| short(before.fingerprint()));
    let moved = before.as_ref() != Some(&after);
    let sentence = match before {
        Some(_) if !moved => Sentence::default().name(after).words(", as before"),
        Some(before) => Sentence::default().name(before).words(" → ").name(after),
        None => Sentence::new("from nothing → ").name(after),
    };
    Consequence { label: "Fingerprint", moved, sentence }
}

#[cfg(test)]
mod tests {
    use expect_test::expect;

    use super::*;
    use crate::output::sample;

    #[test]
    fn millionths_of_a_dollar_are_rounded_to_cents() {
        assert_eq!(dollars(32_850_000), "$32.85");
        assert_eq!(dollars(4_999), "$0.00");
        assert_eq!(dollars(5_000), "$0.01");
        assert_eq!(dollars(-1_234_560_000), "-$1234.56");
    }

    #[test]
    fn a_change_is_told_in_eleven_lines() {
        let review = sample::changed();
        let lines: Vec<String> =
            consequences(&review).iter().map(|one| format!("{}: {}", one.label, one.sentence.plain())).collect();
        expect![[r#"
            Readers: +1 arn:aws:iam::222222222222:role/etl reads payloads (not approved)
            Administrators: unchanged, 1
            Ways to become a reader: −1 arn:aws:iam::111111111111:role/admin to payloads by kms:PutKeyPolicy, seen by key-policy-changed
            Paths: +1 sg-brokers to internet port 443 (not approved)
            Stores: ±1 s3://orders-data/data/ holds payloads, progress in eu-central-1
            Keys: unchanged
            Copies: s3://orders-data/data/: nothing → copied to s3://copy-us
            Retention: s3://orders-data/data/: 7 days, versioning disabled → 7 days, versioning suspended
            Cost per month: $1.00 → $33.85 (+$32.85), and 1 of 3 items unknown
            Violated: 1: reads-now (4c9d33a2cadc): a principal outside the contract reads payloads; principal arn:aws:iam::222222222222:role/etl; action s3:GetObject; resource arn:aws:s3:::orders-data/data/*; statements aws_s3_bucket_policy.data#AllowEtl, aws_kms_key.data#Root; by way of internet, aws_vpc_endpoint.s3
            Fingerprint: 22330f53b5fe → 793db98a6100"#]].assert_eq(&lines.join("\n"));
    }

    #[test]
    fn a_first_plan_comes_from_nothing() {
        let review = sample::first();
        let lines: Vec<String> =
            consequences(&review).iter().map(|one| format!("{}: {}", one.label, one.sentence.plain())).collect();
        expect![[r#"
            Readers: from nothing: +1 arn:aws:iam::111111111111:role/ringfence-orders-broker reads payloads
            Administrators: from nothing: +1 arn:aws:iam::111111111111:role/admin of keys
            Ways to become a reader: from nothing: +1 arn:aws:iam::111111111111:role/admin to payloads by kms:PutKeyPolicy, seen by key-policy-changed
            Paths: from nothing: +1 sg-brokers to service:s3 port 443
            Stores: from nothing: +1 s3://orders-data/data/ holds payloads, progress in eu-central-1
            Keys: s3://orders-data/data/: ${aws_kms_key.data.arn} (customer_managed)
            Copies: unchanged
            Retention: s3://orders-data/data/: 7 days, versioning disabled
            Cost per month: $1.00, and 1 of 2 items unknown
            Violated: 1: reads-now (4c9d33a2cadc): a principal outside the contract reads payloads; principal arn:aws:iam::222222222222:role/etl; action s3:GetObject; resource arn:aws:s3:::orders-data/data/*; statements aws_s3_bucket_policy.data#AllowEtl, aws_kms_key.data#Root; by way of internet, aws_vpc_endpoint.s3
            Fingerprint: from nothing → 22330f53b5fe"#]].assert_eq(&lines.join("\n"));
    }
}
