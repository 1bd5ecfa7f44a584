//! Committed offsets.

use std::sync::Arc;

use broker_record::Offset;
use broker_store::mutation::{Mutation, is_on};
use tokio::sync::oneshot;
use uuid::Uuid;

use super::log::Write;
use super::{Coordinator, Entry, State};
use crate::group::api::{DeleteGroupError, GroupError, OffsetCommitError};
use crate::group::record::{Key, OffsetRecord};
use crate::limits::OFFSET_COMMIT_WAIT_MAX;

/// Who commits.
#[derive(Clone, Debug)]
pub(crate) struct Committer {
    pub(crate) group: String,
    pub(crate) generation: i32,
    pub(crate) member_id: String,
    pub(crate) instance: Option<String>,
}

/// An offset of a partition that exists.
#[derive(Clone, Debug)]
pub(crate) struct Commit {
    pub(crate) topic: Uuid,
    pub(crate) partition: i32,
    pub(crate) offset: i64,
    pub(crate) leader_epoch: i32,
    pub(crate) metadata: String,
}

impl Coordinator {
    /// Commits offsets; answered when they are durable.
    ///
    /// # Cancel safety
    /// Dropping the future loses the answer only.
    pub(crate) async fn commit(
        self: &Arc<Self>,
        who: Committer,
        commits: Vec<Commit>,
    ) -> Result<(), OffsetCommitError> {
        if who.group.is_empty() {
            return Err(GroupError::InvalidGroupId.into());
        }
        self.may_commit(&who)?;
        if commits.is_empty() {
            return Ok(());
        }
        let now_ms = self.tools.env.wall_ms();
        let writes: Vec<Write> = commits
            .into_iter()
            .map(|commit| {
                let key = Key::Offset { group: who.group.clone(), topic: commit.topic, partition: commit.partition };
                let Commit { offset, leader_epoch, metadata, .. } = commit;
                (key, Some(OffsetRecord { offset, leader_epoch, metadata, commit_ms: now_ms }.encode()))
            })
            .collect();
        let (answer, waiting) = oneshot::channel();
        let committing = Arc::clone(self).write(who.group, writes, answer);
        self.tools.tasks.spawn(committing);
        match tokio::time::timeout(OFFSET_COMMIT_WAIT_MAX, waiting).await {
            Ok(Ok(committed)) => committed.map_err(OffsetCommitError::Group),
            Ok(Err(_)) => Err(GroupError::NotCoordinator.into()),
            Err(_) => Err(OffsetCommitError::TimedOut),
        }
    }

    /// The committed offsets of some partitions, in their order.
    pub(crate) fn fetch(&self, group: &str, partitions: &[(Uuid, i32)]) -> Vec<Option<OffsetRecord>> {
        let state = self.state();
        let entry = state.groups.get(group);
        let offset = |key| entry.and_then(|entry| entry.offsets.get(key)).map(|(_, record)| record.clone());
        partitions.iter().map(offset).collect()
    }

    /// All committed offsets of a group.
    pub(crate) fn fetch_all(&self, group: &str) -> Vec<(Uuid, i32, OffsetRecord)> {
        let state = self.state();
        let Some(entry) = state.groups.get(group) else { return Vec::new() };
        entry.offsets.iter().map(|((topic, partition), (_, record))| (*topic, *partition, record.clone())).collect()
    }

    /// Deletes a group without members, and its offsets.
    pub(crate) async fn delete(self: &Arc<Self>, group: &str) -> Result<(), DeleteGroupError> {
        let writes = {
            let state = self.state();
            let entry = state.groups.get(group).ok_or(DeleteGroupError::NotFound)?;
            if !entry.group.is_empty() {
                return Err(DeleteGroupError::NonEmpty);
            }
            let offset = |(topic, partition): &(Uuid, i32)| -> Write {
                (Key::Offset { group: group.to_owned(), topic: *topic, partition: *partition }, None)
            };
            let mut writes: Vec<Write> = entry.offsets.keys().map(offset).collect();
            writes.push((Key::Group { group: group.to_owned() }, None));
            writes
        };
        let (answer, waiting) = oneshot::channel();
        self.tools.tasks.spawn(Arc::clone(self).write(group.to_owned(), writes, answer));
        waiting.await.unwrap_or(Err(GroupError::NotCoordinator)).map_err(DeleteGroupError::Group)
    }

    fn may_commit(&self, who: &Committer) -> Result<(), GroupError> {
        let now = self.tools.env.monotonic();
        let mut state = self.state();
        match state.groups.get_mut(&who.group) {
            Some(entry) => entry.group.may_commit(&who.member_id, who.instance.as_deref(), who.generation, now),
            None if who.generation < 0 => Ok(()),
            None => Err(GroupError::IllegalGeneration),
        }
    }

    /// Writes records, takes them over once they are durable, and says so.
    ///
    /// A task of its own, so that what became durable is taken over even when nobody waits for the answer any more.
    async fn write(
        self: Arc<Self>,
        group: String,
        writes: Vec<Write>,
        answer: oneshot::Sender<Result<(), GroupError>>,
    ) {
        let size = writes.iter().map(|(key, value)| key.encode().len() + value.as_ref().map_or(0, Vec::len) + 16).sum();
        let written = match self.tools.memory.reserve(size).await {
            Some(reserved) => self.append(&writes, reserved),
            None => Err(GroupError::NotCoordinator),
        };
        if let (Ok((base, _)), true) = (&written, is_on(Mutation::OffsetFetchFromPending)) {
            self.state().take_over(&group, *base, writes.clone());
        }
        let result = match written {
            Ok((base, mut ticket)) => match ticket.wait_for(|durable| *durable).await {
                Ok(_) => {
                    self.state().take_over(&group, base, writes);
                    Ok(())
                }
                Err(_) => Err(GroupError::NotCoordinator),
            },
            Err(error) => Err(error),
        };
        let _gone = answer.send(result);
    }
}

impl State {
    /// Applies records that are durable. Tasks come here in any order: the later place in the log wins.
    fn take_over(&mut self, group: &str, base: Offset, writes: Vec<Write>) {
        for (index, (key, value)) in (0_i64..).zip(writes) {
            let place = Offset(base.0.saturating_add(index));
            match (key, value) {
                (Key::Offset { topic, partition, .. }, Some(value)) => {
                    let Ok(record) = OffsetRecord::decode(&value) else { continue };
                    let entry = self.groups.entry(group.to_owned()).or_insert_with(Entry::new);
                    let newer = entry.offsets.get(&(topic, partition)).is_none_or(|(known, _)| *known < place);
                    if newer {
                        entry.offsets.insert((topic, partition), (place, record));
                    }
                }
                (Key::Offset { topic, partition, .. }, None) => {
                    if let Some(entry) = self.groups.get_mut(group)
                        && entry.offsets.get(&(topic, partition)).is_some_and(|(known, _)| *known < place)
                    {
                        entry.offsets.remove(&(topic, partition));
                    }
                }
                (Key::Group { .. }, _) => {
                    if self.groups.get(group).is_some_and(|entry| entry.group.is_empty() && entry.offsets.is_empty()) {
                        self.groups.remove(group);
                    }
                }
            }
        }
    }
}
