//! The groups of one partition of `__consumer_offsets`: the state machines and what runs them.
//!
//! Invariant: what is answered has been read from, or was written to, durable objects; a commit that is on its way is not
//! visible. The shell holds one lock, never across an await.

mod expiry;
mod log;
mod members;
mod offsets;
mod report;
mod transactions;

use std::collections::BTreeMap;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use broker_record::Offset;
use tokio::sync::{Notify, oneshot};
use tokio_util::sync::CancellationToken;
use uuid::Uuid;

pub(crate) use expiry::Expiry;
pub(crate) use offsets::{Commit, Committer};
use transactions::Transactional;

use super::api::{GroupDescription, GroupError, GroupListing, JoinedGroup, SyncedGroup};
use super::machine::{Effect, Event, Group, Ticket};
use super::record::OffsetRecord;
use crate::env::{Env, Tasks};
use crate::limits::{GROUP_INITIAL_DELAY, GROUPS_BYTES_MAX, GROUPS_PER_PARTITION_MAX, OFFSET_OVERHEAD_BYTES};
use crate::log::{Memory, Reader, Wal};
use crate::topic::Partition;
use crate::trusted_clock::TrustedClock;

/// The partition of `__consumer_offsets` that holds a group; Kafka's choice: Java's hash of the name.
pub(crate) fn partition_of(group: &str, partitions: i32) -> i32 {
    let hash = group.encode_utf16().fold(0_i32, |hash, unit| hash.wrapping_mul(31).wrapping_add(i32::from(unit)));
    hash.checked_abs().unwrap_or(0).checked_rem(partitions).unwrap_or(0)
}

/// What a coordinator works with.
#[derive(Clone, Debug)]
pub(crate) struct Tools {
    pub(crate) wal: Wal,
    pub(crate) memory: Memory,
    pub(crate) reader: Reader,
    pub(crate) env: Env,
    pub(crate) clock: TrustedClock,
    /// Bytes that all groups of this broker take.
    pub(crate) held: Arc<AtomicUsize>,
    pub(crate) tasks: Tasks,
    pub(crate) cancel: CancellationToken,
}

/// The coordinator of the groups of one partition.
#[derive(Debug)]
pub(crate) struct Coordinator {
    partition: Arc<Partition>,
    tools: Tools,
    state: Mutex<State>,
    /// Taken before the state where both are needed.
    transactional: Mutex<Transactional>,
    deadline_moved: Notify,
}

#[derive(Debug, Default)]
struct State {
    groups: BTreeMap<String, Entry>,
    joins: BTreeMap<Ticket, oneshot::Sender<Result<JoinedGroup, GroupError>>>,
    syncs: BTreeMap<Ticket, oneshot::Sender<Result<SyncedGroup, GroupError>>>,
    tickets: Ticket,
    /// This broker is not the coordinator any more: nobody waits here again.
    resigned: bool,
}

/// A partition of a topic, as committed offsets name it.
type TopicPartition = (Uuid, i32);

/// A group: its members, and its offsets by topic and partition, with the place of each in the log.
#[derive(Debug)]
struct Entry {
    group: Group,
    offsets: BTreeMap<TopicPartition, (Offset, OffsetRecord)>,
    offset_bytes: usize,
    /// Offsets that are in the log and not yet durable: the latest place of each.
    arriving: BTreeMap<TopicPartition, Offset>,
    /// The latest record of the members: its place in the log, and when it was written, in ms since 1970.
    stored: Option<(Offset, i64)>,
    held: Held,
}

/// A group's part of the memory that all groups take; given back when dropped.
#[derive(Debug)]
struct Held {
    all: Arc<AtomicUsize>,
    bytes: usize,
}

impl Held {
    fn set(&mut self, bytes: usize) {
        self.all.fetch_add(bytes, Ordering::Relaxed);
        self.all.fetch_sub(self.bytes, Ordering::Relaxed);
        self.bytes = bytes;
    }
}

impl Drop for Held {
    fn drop(&mut self) {
        self.all.fetch_sub(self.bytes, Ordering::Relaxed);
    }
}

impl Entry {
    fn new(all: &Arc<AtomicUsize>) -> Self {
        Self {
            group: Group::new(GROUP_INITIAL_DELAY),
            offsets: BTreeMap::new(),
            offset_bytes: 0,
            arriving: BTreeMap::new(),
            stored: None,
            held: Held { all: Arc::clone(all), bytes: 0 },
        }
    }

    fn put_offset(&mut self, key: TopicPartition, place: Offset, record: OffsetRecord) {
        self.offset_bytes = self.offset_bytes.saturating_add(OFFSET_OVERHEAD_BYTES + record.metadata.len());
        if let Some((_, replaced)) = self.offsets.insert(key, (place, record)) {
            self.offset_bytes = self.offset_bytes.saturating_sub(OFFSET_OVERHEAD_BYTES + replaced.metadata.len());
        }
    }

    fn remove_offset(&mut self, key: TopicPartition) {
        if let Some((_, removed)) = self.offsets.remove(&key) {
            self.offset_bytes = self.offset_bytes.saturating_sub(OFFSET_OVERHEAD_BYTES + removed.metadata.len());
        }
    }

    /// Notes how much memory the group takes.
    fn weigh(&mut self, name: &str) {
        self.held.set(name.len().saturating_add(self.offset_bytes).saturating_add(self.group.bytes()));
    }

    /// Whether nothing is lost when the group is forgotten: neither the log nor anybody who waits knows of it.
    fn is_nothing(&self) -> bool {
        self.group.is_unborn() && self.offsets.is_empty() && self.arriving.is_empty() && self.stored.is_none()
    }
}

impl Coordinator {
    /// The groups, without their offsets.
    pub(crate) fn list(&self) -> Vec<GroupListing> {
        let state = self.state();
        let listing = |(name, entry): (&String, &Entry)| GroupListing {
            group: name.clone(),
            protocol_type: entry.group.protocol_type().to_owned(),
            state: entry.group.state_name(),
        };
        state.groups.iter().map(listing).collect()
    }

    /// A group in full; one that does not exist is `Dead`.
    pub(crate) fn describe(&self, group: &str) -> GroupDescription {
        match self.state().groups.get(group) {
            Some(entry) => entry.group.describe(group),
            None => GroupDescription {
                group: group.to_owned(),
                state: "Dead",
                protocol_type: String::new(),
                protocol_name: String::new(),
                members: Vec::new(),
            },
        }
    }

    /// How many groups there are.
    pub(crate) fn len(&self) -> usize {
        self.state().groups.len()
    }

    /// Answers everyone who waits: this broker is not the coordinator any more.
    pub(crate) fn resign(&self) {
        let mut state = self.state();
        state.resigned = true;
        for (_, waiting) in std::mem::take(&mut state.joins) {
            let _gone = waiting.send(Err(GroupError::NotCoordinator));
        }
        for (_, waiting) in std::mem::take(&mut state.syncs) {
            let _gone = waiting.send(Err(GroupError::NotCoordinator));
        }
        drop(state);
        self.deadline_moved.notify_one();
    }

    /// Lets time pass for the groups until cancelled or resigned.
    pub(crate) async fn run(self: Arc<Self>) {
        while self.partition.is_open() {
            let next = self.state().groups.values().filter_map(|entry| entry.group.next_deadline()).min();
            let pause = next.map(|at| at.saturating_sub(self.tools.env.monotonic()).max(Duration::from_millis(1)));
            tokio::select! {
                biased;
                () = self.tools.cancel.cancelled() => break,
                () = self.deadline_moved.notified() => {}
                () = tokio::time::sleep(pause.unwrap_or_default()), if pause.is_some() => self.tick(),
            }
        }
        self.resign();
    }

    fn tick(self: &Arc<Self>) {
        let now = self.tools.env.monotonic();
        let mut state = self.state();
        let due: Vec<String> = state
            .groups
            .iter()
            .filter(|(_, entry)| entry.group.next_deadline().is_some_and(|at| at <= now))
            .map(|(name, _)| name.clone())
            .collect();
        for name in due {
            let effects = state.groups.get_mut(&name).map(|entry| entry.group.step(Event::Tick, now));
            self.carry_out(&mut state, &name, effects.unwrap_or_default());
        }
    }

    /// Does what a group's machine asks for; the deadline may have moved.
    fn carry_out(self: &Arc<Self>, state: &mut State, group: &str, effects: Vec<Effect>) {
        for effect in effects {
            match effect {
                Effect::Joined(ticket, answer) => {
                    if let Some(waiting) = state.joins.remove(&ticket) {
                        let _gone = waiting.send(answer);
                    }
                }
                Effect::Synced(ticket, answer) => {
                    if let Some(waiting) = state.syncs.remove(&ticket) {
                        let _gone = waiting.send(answer);
                    }
                }
                Effect::Store { store, generation } => {
                    let storing = Arc::clone(self).store_group(group.to_owned(), store, generation);
                    self.tools.tasks.spawn(storing);
                }
            }
        }
        state.settle(group);
        self.deadline_moved.notify_one();
    }

    /// Whether a group that is not known yet, or another member or offset, can be taken.
    ///
    /// # Errors
    /// [`GroupError::GroupMaxSize`].
    fn check_room(&self, state: &State, group: &str) -> Result<(), GroupError> {
        let crowded = state.groups.len() >= GROUPS_PER_PARTITION_MAX && !state.groups.contains_key(group);
        if crowded || self.tools.held.load(Ordering::Relaxed) >= GROUPS_BYTES_MAX {
            return Err(GroupError::GroupMaxSize);
        }
        Ok(())
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl State {
    /// Weighs a group after a change, or forgets one that has become nothing, such as after a join that was refused.
    fn settle(&mut self, name: &str) {
        if let Some(entry) = self.groups.get_mut(name) {
            if entry.is_nothing() {
                self.groups.remove(name);
            } else {
                entry.weigh(name);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Values computed with Java: `Math.abs("...".hashCode()) % 50`.
    #[test]
    fn groups_are_hashed_as_java_does() {
        assert_eq!(partition_of("", 50), 0);
        assert_eq!(partition_of("a", 50), 97 % 50);
        // "polygenelubricants".hashCode() is Integer.MIN_VALUE.
        assert_eq!(partition_of("polygenelubricants", 50), 0);
        assert_eq!(partition_of("test", 50), 3_556_498 % 50);
    }
}
