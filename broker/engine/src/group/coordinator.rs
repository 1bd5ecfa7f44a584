//! The groups of one partition of `__consumer_offsets`: the state machines and what runs them.
//!
//! Invariant: what is answered has been read from, or was written to, durable objects; a commit that is on its way is not
//! visible. The shell holds one lock, never across an await.

mod log;
mod members;
mod offsets;

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use broker_record::Offset;
use tokio::sync::{Notify, oneshot};
use tokio_util::sync::CancellationToken;
use uuid::Uuid;

pub(crate) use offsets::{Commit, Committer};

use super::api::{GroupDescription, GroupError, GroupListing, JoinedGroup, SyncedGroup};
use super::machine::{Effect, Event, Group, Ticket};
use super::record::OffsetRecord;
use crate::env::{Env, Tasks};
use crate::limits::GROUP_INITIAL_DELAY;
use crate::log::{Memory, Objects, Wal};
use crate::topic::Partition;

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
    pub(crate) objects: Objects,
    pub(crate) env: Env,
    pub(crate) tasks: Tasks,
    pub(crate) cancel: CancellationToken,
}

/// The coordinator of the groups of one partition.
#[derive(Debug)]
pub(crate) struct Coordinator {
    partition: Arc<Partition>,
    tools: Tools,
    state: Mutex<State>,
    deadline_moved: Notify,
}

#[derive(Debug, Default)]
struct State {
    groups: BTreeMap<String, Entry>,
    joins: BTreeMap<Ticket, oneshot::Sender<Result<JoinedGroup, GroupError>>>,
    syncs: BTreeMap<Ticket, oneshot::Sender<Result<SyncedGroup, GroupError>>>,
    tickets: Ticket,
}

/// A group: its members, and its offsets by topic and partition, with the place of each in the log.
#[derive(Debug)]
struct Entry {
    group: Group,
    offsets: BTreeMap<(Uuid, i32), (Offset, OffsetRecord)>,
}

impl Entry {
    fn new() -> Self {
        Self { group: Group::new(GROUP_INITIAL_DELAY), offsets: BTreeMap::new() }
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
                Effect::Store { generation } => {
                    let storing = Arc::clone(self).store_group(group.to_owned(), generation);
                    self.tools.tasks.spawn(storing);
                }
            }
        }
        self.deadline_moved.notify_one();
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
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
