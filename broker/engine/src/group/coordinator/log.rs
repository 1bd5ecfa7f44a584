//! The groups' log: writing records, and rebuilding everything from them.

use std::collections::BTreeMap;
use std::sync::atomic::AtomicUsize;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use broker_record::{BatchBuilder, Offset, Record};
use broker_store::mutation::{Mutation, is_on};
use tokio::sync::Notify;
use tracing::{error, warn};

use super::{Coordinator, Entry, State, Tools, Transactional};
use crate::group::api::GroupError;
use crate::group::machine::{Event, Group};
use crate::group::record::{GroupRecord, Key, OffsetRecord};
use crate::limits::{GROUP_BATCH_BYTES_MAX, GROUP_INITIAL_DELAY, GROUP_MEMBER_OVERHEAD_BYTES};
use crate::log::{ReadError, Reserved, Ticket};
use crate::topic::{Partition, Placed};

/// A record of the log: a key and, unless it deletes, a value.
pub(super) type Write = (Key, Option<Vec<u8>>);

/// Records that are in the log and not known to be durable.
struct Appended {
    base: Offset,
    ticket: Ticket,
    writes: Vec<Write>,
}

impl Coordinator {
    /// Reads a partition's whole log.
    ///
    /// # Errors
    /// [`ReadError`]; the caller tries again.
    pub(crate) async fn load(partition: Arc<Partition>, tools: Tools) -> Result<Arc<Self>, ReadError> {
        let mut loaded = Loaded { entries: BTreeMap::new(), members: BTreeMap::new(), held: Arc::clone(&tools.held) };
        let mut transactional = Transactional::default();
        let start = partition.log_start();
        let replayed = tools.reader.scan(&partition, start, |batch| {
            if batch.header().attributes.is_transactional() {
                return transactional.replay(batch, &mut loaded.entries, &loaded.held);
            }
            for record in batch.records().map_err(|_| ReadError::Corrupt)? {
                loaded.replay(&record.map_err(|_| ReadError::Corrupt)?);
            }
            Ok(())
        });
        replayed.await?;
        let state = Mutex::new(State { groups: loaded.finish(tools.env.monotonic()), ..State::default() });
        let transactional = Mutex::new(transactional);
        Ok(Arc::new(Self { partition, tools, state, transactional, deadline_moved: Notify::new() }))
    }

    /// Writes a group's members as they are when the write begins, and tells the group.
    pub(super) async fn store_group(self: Arc<Self>, name: String, store: u64, generation: i32) {
        let written = self.write_group(&name, generation).await;
        let now = self.tools.env.monotonic();
        let mut state = self.state();
        let effects = state.groups.get_mut(&name).map(|entry| {
            if let Some(place) = written
                && entry.stored.is_none_or(|known| known < place)
            {
                entry.stored = Some(place);
            }
            entry.group.step(Event::Stored { store, generation, durable: written.is_some() }, now)
        });
        self.carry_out(&mut state, &name, effects.unwrap_or_default());
    }

    /// Where the record stands and when it was written, once it is durable.
    async fn write_group(&self, name: &str, generation: i32) -> Option<(Offset, i64)> {
        let size = self.state().groups.get(name).map(|entry| entry.group.bytes().saturating_add(name.len()))?;
        let reserved = self.tools.memory.reserve(size).await?;
        let written_ms = self.tools.clock.stamp_ms();
        let (base, mut ticket) = {
            // Records of one group enter the log in the order of their generations: both happen under this lock.
            let state = self.state();
            let record = state.groups.get(name)?.group.record(written_ms);
            if record.generation != generation {
                return None;
            }
            let write = (Key::Group { group: name.to_owned() }, Some(record.encode()));
            self.append(&[write], reserved).ok()?
        };
        ticket.wait_for(|durable| *durable).await.ok()?;
        Some((base, written_ms))
    }

    /// Appends the records that `compose` makes of the state at that moment, waits until they are durable, and takes them
    /// over. `size` is about how many bytes they have.
    ///
    /// What is decided and what is appended happen under one lock: nothing else enters the log between the two.
    pub(super) async fn write<E: From<GroupError>>(
        &self,
        size: usize,
        compose: impl FnOnce(&mut State) -> Result<Vec<Write>, E>,
    ) -> Result<(), E> {
        let reserved = self.tools.memory.reserve(size).await.ok_or(GroupError::NotCoordinator)?;
        let appended = {
            let mut state = self.state();
            let writes = compose(&mut state)?;
            self.append_all(&mut state, writes, reserved)?
        };
        for Appended { base, mut ticket, writes } in appended {
            if is_on(Mutation::OffsetFetchFromPending) {
                self.state().take_over(base, writes.clone(), &self.tools.held);
            }
            if ticket.wait_for(|durable| *durable).await.is_err() {
                return Err(GroupError::NotCoordinator.into());
            }
            self.state().take_over(base, writes, &self.tools.held);
        }
        Ok(())
    }

    /// Appends records as batches of bounded size, and notes which offsets are on their way.
    fn append_all(
        &self,
        state: &mut State,
        writes: Vec<Write>,
        mut reserved: Reserved,
    ) -> Result<Vec<Appended>, GroupError> {
        let mut appended = Vec::new();
        for writes in in_batches(writes) {
            let bytes = writes.iter().map(size_of).sum();
            let share = reserved.split(bytes).ok_or(GroupError::NotCoordinator)?;
            let (base, ticket) = self.append(&writes, share)?;
            for (place, (key, _)) in (base.0..).map(Offset).zip(&writes) {
                if let Key::Offset { group, topic, partition } = key {
                    let entry = state.groups.entry(group.clone()).or_insert_with(|| Entry::new(&self.tools.held));
                    entry.arriving.insert((*topic, *partition), place);
                }
            }
            appended.push(Appended { base, ticket, writes });
        }
        Ok(appended)
    }

    /// Appends records to the partition; the offset of the first, and the ticket.
    fn append(&self, writes: &[Write], reserved: Reserved) -> Result<(Offset, Ticket), GroupError> {
        let mut batch = BatchBuilder::new(self.tools.env.wall_ms());
        for (key, value) in writes {
            batch.push(Some(&key.encode()), value.as_deref());
        }
        match self.partition.append(&batch.build(), &self.tools.wal, reserved) {
            Ok(Placed::At(base, ticket)) => Ok((base, ticket)),
            Ok(Placed::Before(_) | Placed::OutOfOrder | Placed::Fenced | Placed::Unverified) | Err(_) => {
                Err(GroupError::NotCoordinator)
            }
        }
    }
}

/// About how many bytes a record has.
pub(super) fn size_of((key, value): &Write) -> usize {
    let key = match key {
        Key::Offset { group, .. } | Key::Group { group } => group.len(),
    };
    key.saturating_add(value.as_ref().map_or(0, Vec::len)).saturating_add(GROUP_MEMBER_OVERHEAD_BYTES)
}

/// Splits records into batches of bounded size, none of them empty.
fn in_batches(writes: Vec<Write>) -> Vec<Vec<Write>> {
    let mut batches: Vec<Vec<Write>> = Vec::new();
    let mut bytes = 0_usize;
    for write in writes {
        let size = size_of(&write);
        match batches.last_mut() {
            Some(batch) if bytes.saturating_add(size) <= GROUP_BATCH_BYTES_MAX => {
                batch.push(write);
                bytes = bytes.saturating_add(size);
            }
            _ => {
                batches.push(vec![write]);
                bytes = size;
            }
        }
    }
    batches
}

/// What a log has said so far.
struct Loaded {
    entries: BTreeMap<String, Entry>,
    members: BTreeMap<String, (Offset, GroupRecord)>,
    held: Arc<AtomicUsize>,
}

impl Loaded {
    fn finish(mut self, now: Duration) -> BTreeMap<String, Entry> {
        for (name, (place, record)) in self.members {
            let entry = self.entries.entry(name).or_insert_with(|| Entry::new(&self.held));
            entry.stored = Some((place, record.written_ms));
            entry.group = Group::restore(record, now, GROUP_INITIAL_DELAY);
        }
        for (name, entry) in &mut self.entries {
            entry.weigh(name);
        }
        self.entries
    }

    fn replay(&mut self, record: &Record) {
        let Some(key) = record.key.as_deref().and_then(|key| Key::decode(key).ok()) else {
            error!(offset = %record.offset, "a record of the group log has no key that is understood");
            return;
        };
        match (key, record.value.as_deref()) {
            (Key::Group { group }, None) => {
                self.members.remove(&group);
            }
            (Key::Group { group }, Some(value)) => match GroupRecord::decode(value) {
                Ok(value) => {
                    self.members.insert(group, (record.offset, value));
                }
                Err(error) => warn!(%error, group, "members are skipped: they will join again"),
            },
            (Key::Offset { group, topic, partition }, None) => {
                if let Some(entry) = self.entries.get_mut(&group) {
                    entry.remove_offset((topic, partition));
                    if entry.offsets.is_empty() {
                        self.entries.remove(&group);
                    }
                }
            }
            (Key::Offset { group, topic, partition }, Some(value)) => match OffsetRecord::decode(value) {
                Ok(value) => {
                    let entry = self.entries.entry(group).or_insert_with(|| Entry::new(&self.held));
                    entry.put_offset((topic, partition), record.offset, value);
                }
                Err(error) => error!(%error, group, "a committed offset is not understood"),
            },
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn records_are_split_into_batches_that_fit_and_none_is_lost() {
        let write = |size: usize| (Key::Group { group: "g".to_owned() }, Some(vec![0; size]));
        let sizes = [1, GROUP_BATCH_BYTES_MAX, 5, GROUP_BATCH_BYTES_MAX / 2, GROUP_BATCH_BYTES_MAX / 2, 7];
        let batches = in_batches(sizes.into_iter().map(write).collect());
        let counts: Vec<usize> = batches.iter().map(Vec::len).collect();
        assert_eq!(counts, [1, 1, 2, 2]);
        assert_eq!(in_batches(Vec::new()).len(), 0);
    }
}
