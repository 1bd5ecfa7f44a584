//! What a plan adds, removes and changes in the lists of a summary.

use std::{collections::BTreeMap, fmt::Debug};

use provider_boundary::{
    model::artifact::Class,
    review::{AdministratorEntry, Escalation, PathEntry, Reader, Review, StoreEntry, Summary},
};

/// How one list differs from what it was.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Delta<'a, T> {
    /// Not there before.
    pub added: Vec<&'a T>,
    /// Not there any more.
    pub removed: Vec<&'a T>,
    /// There before and after, different in a fact: before, after.
    pub changed: Vec<(&'a T, &'a T)>,
    /// Unchanged.
    pub same: Vec<&'a T>,
}

/// What happens to an entry.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Move {
    /// Made.
    Added,
    /// Gone.
    Removed,
    /// Different.
    Changed,
    /// As it was.
    Same,
}

/// An entry of a list, with what makes it the same entry before and after.
pub trait Entry: Debug {
    /// What it is known by.
    type Key: Ord;
    /// What it is known by.
    fn key(&self) -> Self::Key;
    /// Whether a fact that people decide about differs; where it was found does not matter.
    fn differs(&self, other: &Self) -> bool;
}

impl<'a, T: Entry> Delta<'a, T> {
    /// Compares two lists. Where there was none before, everything is added.
    pub fn of(before: Option<&'a [T]>, after: &'a [T]) -> Delta<'a, T> {
        let before: BTreeMap<T::Key, &T> = before.unwrap_or_default().iter().map(|one| (one.key(), one)).collect();
        let after: BTreeMap<T::Key, &T> = after.iter().map(|one| (one.key(), one)).collect();
        let mut delta = Delta { added: Vec::new(), removed: Vec::new(), changed: Vec::new(), same: Vec::new() };
        for (key, one) in &after {
            match before.get(key) {
                None => delta.added.push(*one),
                Some(old) if old.differs(one) => delta.changed.push((*old, *one)),
                Some(_) => delta.same.push(*one),
            }
        }
        delta.removed = before.iter().filter(|(key, _)| !after.contains_key(key)).map(|(_, one)| *one).collect();
        delta
    }

    /// All entries with what happens to them; of changed ones as they will be.
    pub fn moves(&self) -> impl Iterator<Item = (Move, &'a T)> {
        let added = self.added.iter().map(|one| (Move::Added, *one));
        let removed = self.removed.iter().map(|one| (Move::Removed, *one));
        let changed = self.changed.iter().map(|(_, one)| (Move::Changed, *one));
        let same = self.same.iter().map(|one| (Move::Same, *one));
        added.chain(removed).chain(changed).chain(same)
    }

    /// Whether nothing differs.
    pub fn is_empty(&self) -> bool {
        self.added.is_empty() && self.removed.is_empty() && self.changed.is_empty()
    }
}

/// The difference in one list of a review.
pub fn of<T: Entry>(review: &Review, list: impl Fn(&Summary) -> &[T]) -> Delta<'_, T> {
    Delta::of(review.before.as_ref().map(&list), list(&review.after))
}

impl Entry for Reader {
    type Key = (String, Class);
    fn key(&self) -> (String, Class) {
        (self.principal.clone(), self.class)
    }
    fn differs(&self, other: &Reader) -> bool {
        self.doubt.is_some() != other.doubt.is_some()
    }
}

impl Entry for AdministratorEntry {
    type Key = (String, String);
    fn key(&self) -> (String, String) {
        (self.principal.clone(), self.of.clone())
    }
    fn differs(&self, other: &AdministratorEntry) -> bool {
        self.actions != other.actions || self.doubt.is_some() != other.doubt.is_some()
    }
}

impl Entry for Escalation {
    type Key = (String, Class, Vec<String>);
    fn key(&self) -> (String, Class, Vec<String>) {
        (self.principal.clone(), self.class, self.via.clone())
    }
    fn differs(&self, other: &Escalation) -> bool {
        self.detected_by != other.detected_by
    }
}

impl Entry for PathEntry {
    type Key = (String, String, String);
    fn key(&self) -> (String, String, String) {
        (self.from.clone(), self.to.clone(), self.port.clone())
    }
    fn differs(&self, other: &PathEntry) -> bool {
        self.encryption != other.encryption || self.doubt.is_some() != other.doubt.is_some()
    }
}

impl Entry for StoreEntry {
    type Key = String;
    fn key(&self) -> String {
        self.name.clone()
    }
    fn differs(&self, other: &StoreEntry) -> bool {
        let facts = |one: &StoreEntry| {
            let place = (one.classes.clone(), one.account.clone(), one.region.clone(), one.copies.clone());
            let care =
                (one.key.clone(), one.key_model.clone(), one.versioning.clone(), one.retention_days.clone(), one.zone);
            (place, care)
        };
        facts(self) != facts(other)
    }
}
