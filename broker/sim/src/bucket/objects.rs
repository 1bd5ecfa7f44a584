//! What is in a bucket.

use std::collections::BTreeMap;
use std::ops::Bound;

use bytes::Bytes;

/// An object.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Object {
    /// Its bytes.
    pub bytes: Bytes,
    /// When it was written, by the store's clock; milliseconds since 1970.
    pub modified_ms: i64,
}

/// The objects of a bucket, by key.
#[derive(Debug, Default)]
pub struct Objects {
    current: BTreeMap<String, Object>,
    /// Objects that a delete marker hides, newest last: deletes of a bucket with versions.
    hidden: BTreeMap<String, Vec<Object>>,
}

/// Whether a create took its key.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Created {
    /// It did.
    Yes,
    /// Something is there.
    Occupied,
}

impl Objects {
    /// Creates an object where there is none; a delete marker counts as none.
    pub fn create(&mut self, key: &str, object: Object) -> Created {
        if self.current.contains_key(key) {
            return Created::Occupied;
        }
        self.current.insert(key.to_owned(), object);
        Created::Yes
    }

    /// Writes an object over whatever is there.
    pub fn put(&mut self, key: &str, object: Object) {
        self.current.insert(key.to_owned(), object);
    }

    /// An object.
    #[must_use]
    pub fn get(&self, key: &str) -> Option<&Object> {
        self.current.get(key)
    }

    /// Removes an object for good.
    pub fn delete(&mut self, key: &str) -> Option<Object> {
        self.current.remove(key)
    }

    /// Hides an object behind a delete marker.
    pub fn mark_deleted(&mut self, key: &str) -> bool {
        let Some(object) = self.current.remove(key) else { return false };
        self.hidden.entry(key.to_owned()).or_default().push(object);
        true
    }

    /// Takes a delete marker away, if nothing was created over it.
    pub fn restore(&mut self, key: &str) -> bool {
        if self.current.contains_key(key) {
            return false;
        }
        let Some(object) = self.hidden.get_mut(key).and_then(Vec::pop) else { return false };
        self.current.insert(key.to_owned(), object);
        true
    }

    /// Objects of a prefix after a key, in order, at most so many.
    pub fn page<'a>(
        &'a self,
        prefix: &'a str,
        after: &str,
        max: usize,
    ) -> impl Iterator<Item = (&'a String, &'a Object)> {
        let from = if after < prefix { Bound::Included(prefix.to_owned()) } else { Bound::Excluded(after.to_owned()) };
        self.current.range((from, Bound::Unbounded)).take_while(move |(key, _)| key.starts_with(prefix)).take(max)
    }

    /// Every key.
    pub fn keys(&self) -> impl Iterator<Item = &String> {
        self.current.keys()
    }

    /// How many objects there are.
    #[must_use]
    pub fn len(&self) -> usize {
        self.current.len()
    }

    /// Whether there are none.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.current.is_empty()
    }
}
