//! Committed offsets that nobody needs any more, after `offsets.retention.minutes` (KIP-211).
//!
//! Invariant: a log is never read differently because time has passed. Expiry is decided here, and becomes true by the
//! tombstones that it writes.

use std::collections::{BTreeMap, BTreeSet};
use std::ops::Bound;
use std::sync::Arc;
use std::time::Duration;

use uuid::Uuid;

use super::log::{Write, size_of};
use super::{Coordinator, Entry, State, TopicPartition};
use crate::group::api::GroupError;
use crate::group::record::Key;
use crate::limits::GROUP_BATCH_BYTES_MAX;

/// What expiry goes by.
#[derive(Clone, Debug)]
pub(crate) struct Expiry {
    /// Ms since 1970, from a clock that is trusted.
    pub(crate) now_ms: i64,
    /// How long offsets are kept.
    pub(crate) retention: Duration,
    /// The topics there are.
    pub(crate) topics: Arc<BTreeMap<Uuid, String>>,
}

/// The tombstones of one round, and the last group it looked at where there are more.
struct Round {
    writes: Vec<Write>,
    last: Option<String>,
}

impl Coordinator {
    /// Deletes the offsets that have expired, and groups of which nothing is left; how many records that took.
    ///
    /// # Errors
    /// [`GroupError`] when this broker is not the coordinator any more.
    pub(crate) async fn expire(&self, expiry: &Expiry) -> Result<usize, GroupError> {
        let mut after = None;
        let mut written = 0;
        loop {
            let first = round(&self.state(), after.as_deref(), expiry);
            let mut last = first.last.clone();
            if !first.writes.is_empty() {
                let size = first.writes.iter().map(size_of).sum();
                let compose = |state: &mut State| {
                    let now = round(state, after.as_deref(), expiry);
                    last = now.last;
                    written += now.writes.len();
                    Ok::<_, GroupError>(now.writes)
                };
                self.write(size, compose).await?;
            }
            if last.is_none() {
                return Ok(written);
            }
            after = last;
        }
    }
}

/// The tombstones for the groups after one, as many as fit into a batch.
fn round(state: &State, after: Option<&str>, expiry: &Expiry) -> Round {
    let mut writes = Vec::new();
    let mut bytes = 0_usize;
    let from = after.map_or(Bound::Unbounded, Bound::Excluded);
    for (name, entry) in state.groups.range::<str, _>((from, Bound::Unbounded)) {
        let tombstones = entry.expired(name, expiry);
        bytes = bytes.saturating_add(tombstones.iter().map(size_of).sum());
        writes.extend(tombstones);
        if bytes >= GROUP_BATCH_BYTES_MAX {
            return Round { writes, last: Some(name.clone()) };
        }
    }
    Round { writes, last: None }
}

impl Entry {
    fn expired(&self, group: &str, expiry: &Expiry) -> Vec<Write> {
        let subscribed = self.group.subscribed_topics();
        let keys: BTreeSet<TopicPartition> =
            self.offsets.keys().filter(|key| self.has_expired(**key, subscribed.as_ref(), expiry)).copied().collect();
        let nothing_left = self.group.is_empty() && self.arriving.is_empty() && keys.len() == self.offsets.len();
        let offset = |(topic, partition)| (Key::Offset { group: group.to_owned(), topic, partition }, None);
        let mut writes: Vec<Write> = keys.into_iter().map(offset).collect();
        if nothing_left && self.stored.is_some() {
            writes.push((Key::Group { group: group.to_owned() }, None));
        }
        writes
    }

    /// Source: Kafka's `GroupMetadata.removeExpiredOffsets`.
    fn has_expired(&self, key: TopicPartition, subscribed: Option<&BTreeSet<String>>, expiry: &Expiry) -> bool {
        let Some((_, record)) = self.offsets.get(&key) else { return false };
        if self.arriving.contains_key(&key) {
            return false;
        }
        // Of a topic that is gone nothing can be read; its id never comes back.
        let Some(topic) = expiry.topics.get(&key.0) else { return true };
        let since = match (self.group.is_empty(), subscribed) {
            // Without members: since the last one left, if there ever was one.
            (true, _) => self.stored.map_or(record.commit_ms, |(_, written_ms)| written_ms.max(record.commit_ms)),
            // With members: what they have stopped reading.
            (false, Some(subscribed)) if !subscribed.contains(topic) => record.commit_ms,
            (false, _) => return false,
        };
        let kept_ms = i64::try_from(expiry.retention.as_millis()).unwrap_or(i64::MAX);
        expiry.now_ms.saturating_sub(since) >= kept_ms
    }
}
