//! What is known of the transactions of a world, and what must be seen of them.

use std::collections::{BTreeMap, BTreeSet};

use crate::invariant::Invariant;
use crate::ledger::Place;

/// What became of a transaction, as far as its producer knows.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Fate {
    /// Nobody has ever asked for its commit.
    Aborted,
    /// Its commit was asked for, and nobody was told what became of that.
    Unknown,
    /// Its producer was told that it is committed.
    Committed,
}

/// A transaction.
#[derive(Clone, Debug)]
struct Transaction {
    id: String,
    number: i64,
    fate: Fate,
    /// Records that were acknowledged in it.
    values: Vec<(Place, i64, String)>,
    /// Whether it commits an offset of its group: its number.
    commits_offset: bool,
}

/// All transactions of a world, by name.
#[derive(Debug, Default)]
pub struct Transactions(BTreeMap<String, Transaction>);

type Problem = (Invariant, String);

impl Transactions {
    /// A transaction begins; `number` grows with every one of a transactional id.
    pub fn begin(&mut self, name: &str, id: &str, number: i64) {
        let transaction =
            Transaction { id: id.to_owned(), number, fate: Fate::Aborted, values: Vec::new(), commits_offset: false };
        self.0.insert(name.to_owned(), transaction);
    }

    /// A record of it was acknowledged.
    pub fn wrote(&mut self, name: &str, place: Place, offset: i64, value: &str) {
        if let Some(transaction) = self.0.get_mut(name) {
            transaction.values.push((place, offset, value.to_owned()));
        }
    }

    /// It commits its number as an offset of its group.
    pub fn commits_offset(&mut self, name: &str) {
        if let Some(transaction) = self.0.get_mut(name) {
            transaction.commits_offset = true;
        }
    }

    /// Its producer knows more of its fate.
    pub fn became(&mut self, name: &str, fate: Fate) {
        if let Some(transaction) = self.0.get_mut(name) {
            transaction.fate = fate;
        }
    }

    /// Everybody who wrote, by transactional id.
    #[must_use]
    pub fn ids(&self) -> BTreeSet<String> {
        self.0.values().map(|transaction| transaction.id.clone()).collect()
    }

    /// A `read_committed` consumer sees a value.
    #[must_use]
    pub fn seen(&self, value: &str) -> Option<Problem> {
        let (name, _) = value.rsplit_once('/')?;
        let transaction = self.0.get(name)?;
        (transaction.fate == Fate::Aborted)
            .then(|| (Invariant::ReadCommittedSeesNoAborted, format!("{value} is seen, and was never committed")))
    }

    /// Holds everything that a `read_committed` consumer sees in the end against the transactions; `begins` says where logs
    /// begin.
    #[must_use]
    pub fn compare(&self, visible: &BTreeSet<String>, begins: &BTreeMap<Place, i64>, when: &str) -> Vec<Problem> {
        let mut problems: Vec<Problem> = visible.iter().filter_map(|value| self.seen(value)).collect();
        for (name, transaction) in &self.0 {
            let (there, gone) = transaction.split(visible, begins);
            let problem = match transaction.fate {
                Fate::Aborted => continue,
                _ if !there.is_empty() && !gone.is_empty() => Invariant::NoTornTransaction,
                Fate::Committed if !gone.is_empty() => Invariant::AnswersAreDurable,
                Fate::Committed | Fate::Unknown => continue,
            };
            let fate = transaction.fate;
            problems.push((problem, format!("{name} ({fate:?}) {when}: {there:?} can be seen, and {gone:?} not")));
        }
        problems
    }

    /// Holds the offset of a transactional id's group against its transactions; zero where none is committed.
    #[must_use]
    pub fn compare_offset(&self, id: &str, found: i64, visible: &BTreeSet<String>) -> Vec<Problem> {
        let of_id = || self.0.values().filter(|one| one.id == id && one.commits_offset);
        let known = of_id().filter(|one| one.fate == Fate::Committed).map(|one| one.number).max().unwrap_or(0);
        let mut problems = Vec::new();
        if found < known {
            let problem = format!("{id}: offset {known} was committed in a transaction, {found} is fetched");
            problems.push((Invariant::GroupOffsetsSurvive, problem));
        }
        let found_in = of_id().find(|one| one.number == found);
        if found > known && found_in.is_none_or(|one| one.fate == Fate::Aborted) {
            let problem = format!("{id}: offset {found} is fetched, and was never committed");
            problems.push((Invariant::ReadCommittedSeesNoAborted, problem));
        }
        for one in of_id().filter(|one| one.fate == Fate::Unknown && one.number > known) {
            let (there, gone) = one.split(visible, &BTreeMap::new());
            let offset_counts = found >= one.number;
            // Of a later one it is not known which of the two has set the offset.
            let is_last = !of_id().any(|later| later.fate == Fate::Unknown && later.number > one.number);
            if is_last && (offset_counts && there.is_empty() && !gone.is_empty() || !offset_counts && !there.is_empty())
            {
                let problem = format!("{id}.{}: {there:?} can be seen, {gone:?} not, offset {found}", one.number);
                problems.push((Invariant::NoTornTransaction, problem));
            }
        }
        problems
    }
}

impl Transaction {
    /// Which of its values can be seen, and which cannot; those before the log's beginning count for neither.
    fn split(&self, visible: &BTreeSet<String>, begins: &BTreeMap<Place, i64>) -> (Vec<&str>, Vec<&str>) {
        let left = |(place, offset, _): &&(Place, i64, String)| begins.get(place).is_none_or(|begin| offset >= begin);
        let values = self.values.iter().filter(left).map(|(_, _, value)| value.as_str());
        values.partition(|value| visible.contains(*value))
    }
}

#[cfg(test)]
mod tests {
    use uuid::Uuid;

    use super::*;

    fn transactions(fate: Fate) -> Transactions {
        let mut all = Transactions::default();
        all.begin("t.1", "t", 1);
        for offset in 0..2 {
            all.wrote("t.1", (Uuid::nil(), 0), offset, &format!("t.1/{offset}"));
        }
        all.commits_offset("t.1");
        all.became("t.1", fate);
        all
    }

    fn found(fate: Fate, visible: &[&str], offset: i64) -> Vec<Invariant> {
        let visible = visible.iter().map(|value| (*value).to_owned()).collect();
        let all = transactions(fate);
        let values = all.compare(&visible, &BTreeMap::new(), "in the end");
        values.into_iter().chain(all.compare_offset("t", offset, &visible)).map(|(invariant, _)| invariant).collect()
    }

    #[test]
    fn what_is_seen_of_a_transaction_is_all_of_it_or_nothing() {
        let both = ["t.1/0", "t.1/1"];
        assert_eq!(found(Fate::Committed, &both, 1), []);
        assert_eq!(found(Fate::Unknown, &both, 1), []);
        assert_eq!(found(Fate::Unknown, &[], 0), []);
        assert_eq!(found(Fate::Aborted, &[], 0), []);
        assert_eq!(found(Fate::Committed, &[], 1), [Invariant::AnswersAreDurable]);
        assert_eq!(found(Fate::Unknown, &["t.1/1"], 1), [Invariant::NoTornTransaction]);
        assert_eq!(found(Fate::Aborted, &["t.1/1"], 0), [Invariant::ReadCommittedSeesNoAborted]);
        assert_eq!(found(Fate::Aborted, &[], 1), [Invariant::ReadCommittedSeesNoAborted]);
        assert_eq!(found(Fate::Committed, &both, 0), [Invariant::GroupOffsetsSurvive]);
        assert_eq!(found(Fate::Unknown, &both, 0), [Invariant::NoTornTransaction]);
        assert_eq!(found(Fate::Unknown, &[], 1), [Invariant::NoTornTransaction]);
    }
}
