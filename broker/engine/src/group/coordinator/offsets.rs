//! Committed offsets.

use std::collections::BTreeSet;
use std::sync::Arc;
use std::sync::atomic::AtomicUsize;

use broker_record::Offset;
use tokio::sync::oneshot;
use tokio::time::timeout;
use tracing::error;
use uuid::Uuid;

use super::log::{Write, size_of};
use super::{Coordinator, Entry, State, TopicPartition};
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
        self.may_commit(&mut self.state(), &who)?;
        if commits.is_empty() {
            return Ok(());
        }
        let now_ms = self.tools.clock.stamp_ms();
        let writes: Vec<Write> = commits
            .into_iter()
            .map(|commit| {
                let key = Key::Offset { group: who.group.clone(), topic: commit.topic, partition: commit.partition };
                let Commit { offset, leader_epoch, metadata, .. } = commit;
                (key, Some(OffsetRecord { offset, leader_epoch, metadata, commit_ms: now_ms }.encode()))
            })
            .collect();
        let coordinator = Arc::clone(self);
        let committing = async move {
            let size = writes.iter().map(size_of).sum();
            let compose = |state: &mut State| {
                // Again: the generation may have passed while memory was waited for.
                coordinator.may_commit(state, &who)?;
                coordinator.check_offsets_room(state, &who.group, &writes)?;
                Ok::<_, OffsetCommitError>(writes)
            };
            coordinator.write(size, compose).await
        };
        match timeout(OFFSET_COMMIT_WAIT_MAX, self.in_a_task(committing)).await {
            Ok(Some(committed)) => committed,
            Ok(None) => Err(GroupError::NotCoordinator.into()),
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
        let (coordinator, name) = (Arc::clone(self), group.to_owned());
        let size = tombstones(&self.state(), group)?.iter().map(size_of).sum();
        let deleting = async move { coordinator.write(size, |state| tombstones(state, &name)).await };
        self.in_a_task(deleting).await.unwrap_or(Err(DeleteGroupError::Group(GroupError::NotCoordinator)))
    }

    pub(super) fn may_commit(&self, state: &mut State, who: &Committer) -> Result<(), GroupError> {
        let now = self.tools.env.monotonic();
        match state.groups.get_mut(&who.group) {
            Some(entry) => entry.group.may_commit(&who.member_id, who.instance.as_deref(), who.generation, now),
            None if who.generation < 0 => Ok(()),
            None => Err(GroupError::IllegalGeneration),
        }
    }

    /// Offsets that are known already are always taken: a group that reads goes on.
    pub(super) fn check_offsets_room(&self, state: &State, group: &str, writes: &[Write]) -> Result<(), GroupError> {
        let known = |write: &Write| match (&write.0, state.groups.get(group)) {
            (Key::Offset { topic, partition, .. }, Some(entry)) => entry.offsets.contains_key(&(*topic, *partition)),
            _ => false,
        };
        if writes.iter().all(known) { Ok(()) } else { self.check_room(state, group) }
    }

    /// Runs a task that goes on when nobody waits for its answer any more: what becomes durable is taken over. None when the
    /// task was dropped.
    async fn in_a_task<T: Send + 'static>(&self, task: impl Future<Output = T> + Send + 'static) -> Option<T> {
        let (answer, waiting) = oneshot::channel();
        self.tools.tasks.spawn(async move {
            let _gone = answer.send(task.await);
        });
        waiting.await.ok()
    }
}

/// The records that delete a group.
fn tombstones(state: &State, group: &str) -> Result<Vec<Write>, DeleteGroupError> {
    let entry = state.groups.get(group).ok_or(DeleteGroupError::NotFound)?;
    if !entry.group.is_empty() {
        return Err(DeleteGroupError::NonEmpty);
    }
    // What is on its way is older in the log than these, and is deleted as well.
    let keys: BTreeSet<&TopicPartition> = entry.offsets.keys().chain(entry.arriving.keys()).collect();
    let offset = |(topic, partition): &TopicPartition| -> Write {
        (Key::Offset { group: group.to_owned(), topic: *topic, partition: *partition }, None)
    };
    let mut writes: Vec<Write> = keys.into_iter().map(offset).collect();
    writes.push((Key::Group { group: group.to_owned() }, None));
    Ok(writes)
}

impl State {
    /// Applies records that are durable. Tasks come here in any order: the later place in the log wins.
    pub(super) fn take_over(&mut self, base: Offset, writes: Vec<Write>, held: &Arc<AtomicUsize>) {
        let mut touched = BTreeSet::new();
        for (place, (key, value)) in (base.0..).map(Offset).zip(writes) {
            match key {
                Key::Offset { group, topic, partition } => {
                    let entry = self.groups.entry(group.clone()).or_insert_with(|| Entry::new(held));
                    entry.take_over((topic, partition), place, value.as_deref());
                    touched.insert(group);
                }
                Key::Group { group } => {
                    let over = self.groups.get(&group).is_some_and(|entry| {
                        let stored_later = entry.stored.is_some_and(|(stored, _)| stored > place);
                        entry.group.is_empty() && entry.offsets.is_empty() && entry.arriving.is_empty() && !stored_later
                    });
                    if over {
                        self.groups.remove(&group);
                    }
                }
            }
        }
        for group in touched {
            self.settle(&group);
        }
    }
}

impl Entry {
    pub(super) fn take_over(&mut self, key: TopicPartition, place: Offset, value: Option<&[u8]>) {
        if self.arriving.get(&key) == Some(&place) {
            self.arriving.remove(&key);
        }
        if self.offsets.get(&key).is_some_and(|(known, _)| *known > place) {
            return;
        }
        match value.map(OffsetRecord::decode) {
            None => self.remove_offset(key),
            Some(Ok(record)) => self.put_offset(key, place, record),
            // Written by this very process a moment ago.
            Some(Err(problem)) => error!(%problem, "a committed offset is not understood"),
        }
    }
}
