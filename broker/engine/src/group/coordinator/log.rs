//! The groups' log: writing records, and rebuilding everything from them.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex};

use broker_record::{Batch, BatchBuilder, Offset, Record};
use tokio::sync::Notify;
use tracing::{error, warn};

use super::{Coordinator, Entry, State, Tools};
use crate::group::api::GroupError;
use crate::group::machine::{Event, Group};
use crate::group::record::{GroupRecord, Key, OffsetRecord};
use crate::limits::GROUP_INITIAL_DELAY;
use crate::log::{ReadError, Ticket};
use crate::topic::{Partition, Placed};

/// A record of the log: a key and, unless it deletes, a value.
pub(super) type Write = (Key, Option<Vec<u8>>);

impl Coordinator {
    /// Reads a partition's whole log.
    ///
    /// # Errors
    /// [`ReadError`]; the caller tries again.
    pub(crate) async fn load(partition: Arc<Partition>, tools: Tools) -> Result<Arc<Self>, ReadError> {
        let spans = partition.look_up(|index| index.from(Offset(0)).copied().collect::<Vec<_>>()).unwrap_or_default();
        let mut entries = BTreeMap::<String, Entry>::new();
        let mut members = BTreeMap::<String, GroupRecord>::new();
        for span in spans {
            let mut bytes = tools.objects.slice(span).await?;
            while !bytes.is_empty() {
                let batch = Batch::take(&mut bytes).map_err(|_| ReadError::Corrupt)?;
                let records = batch.records().map_err(|_| ReadError::Corrupt)?;
                for record in records {
                    replay(&mut entries, &mut members, &record.map_err(|_| ReadError::Corrupt)?);
                }
            }
        }
        let now = tools.env.monotonic();
        for (name, record) in members {
            entries.entry(name).or_insert_with(Entry::new).group = Group::restore(record, now, GROUP_INITIAL_DELAY);
        }
        let state = Mutex::new(State { groups: entries, ..State::default() });
        Ok(Arc::new(Self { partition, tools, state, deadline_moved: Notify::new() }))
    }

    /// Writes a group's members as they are when the write begins, and tells the group.
    pub(super) async fn store_group(self: Arc<Self>, name: String, generation: i32) {
        let durable = self.write_group(&name, generation).await;
        let now = self.tools.env.monotonic();
        let mut state = self.state();
        let effects =
            state.groups.get_mut(&name).map(|entry| entry.group.step(Event::Stored { generation, durable }, now));
        self.carry_out(&mut state, &name, effects.unwrap_or_default());
    }

    async fn write_group(&self, name: &str, generation: i32) -> bool {
        let size = {
            let state = self.state();
            state.groups.get(name).map(|entry| entry.group.record().encode().len())
        };
        let Some(size) = size else { return false };
        let Some(reserved) = self.tools.memory.reserve(size).await else { return false };
        let ticket = {
            // Records of one group enter the log in the order of their generations: both happen under this lock.
            let state = self.state();
            let Some(entry) = state.groups.get(name) else { return false };
            let record = entry.group.record();
            if record.generation != generation {
                return false;
            }
            let write = (Key::Group { group: name.to_owned() }, Some(record.encode()));
            self.append(&[write], reserved).map(|(_, ticket)| ticket)
        };
        match ticket {
            Ok(mut ticket) => ticket.wait_for(|durable| *durable).await.is_ok(),
            Err(_) => false,
        }
    }

    /// Appends records to the partition; the offset of the first, and the ticket.
    pub(super) fn append(
        &self,
        writes: &[Write],
        reserved: crate::log::Reserved,
    ) -> Result<(Offset, Ticket), GroupError> {
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

fn replay(entries: &mut BTreeMap<String, Entry>, members: &mut BTreeMap<String, GroupRecord>, record: &Record) {
    let Some(key) = record.key.as_deref().and_then(|key| Key::decode(key).ok()) else {
        error!(offset = %record.offset, "a record of the group log has no key that is understood");
        return;
    };
    match (key, record.value.as_deref()) {
        (Key::Group { group }, None) => {
            members.remove(&group);
            if entries.get(&group).is_some_and(|entry| entry.offsets.is_empty()) {
                entries.remove(&group);
            }
        }
        (Key::Group { group }, Some(value)) => match GroupRecord::decode(value) {
            Ok(value) => {
                members.insert(group, value);
            }
            Err(error) => warn!(%error, group, "members are skipped: they will join again"),
        },
        (Key::Offset { group, topic, partition }, None) => {
            if let Some(entry) = entries.get_mut(&group) {
                entry.offsets.remove(&(topic, partition));
            }
        }
        (Key::Offset { group, topic, partition }, Some(value)) => match OffsetRecord::decode(value) {
            Ok(value) => {
                let entry = entries.entry(group).or_insert_with(Entry::new);
                entry.offsets.insert((topic, partition), (record.offset, value));
            }
            Err(error) => error!(%error, group, "a committed offset is not understood"),
        },
    }
}
