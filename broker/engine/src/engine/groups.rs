//! Consumer groups: finding the coordinator, and asking it.

use std::sync::Arc;

use broker_store::mutation::{Mutation, is_on};
use uuid::Uuid;

use super::{Engine, Inner};
use crate::group::{
    Commit, CommitOffset, CommitOutcome, Committer, Coordinator, DeleteGroupError, FetchedOffset, FetchedOffsets,
    GroupDescription, GroupError, GroupListing, HeartbeatRequest, JoinGroupRequest, JoinedGroup, LeaveGroupRequest,
    OffsetCommitError, OffsetCommitRequest, OffsetFetchRequest, SyncGroupRequest, SyncedGroup,
};
use crate::limits::{COORDINATION_STALENESS_MAX, GROUP_TEXT_BYTES_MAX, OFFSET_METADATA_BYTES_MAX};
use crate::topic::TopicRef;

impl Engine {
    /// A member wants to be in the next generation; answered when the generation is complete.
    ///
    /// # Errors
    /// [`GroupError`].
    pub async fn join_group(&self, request: JoinGroupRequest) -> Result<JoinedGroup, GroupError> {
        self.inner.coordinator(&request.group)?.join(request).await
    }

    /// A member asks for its assignment; answered when the leader's assignment is durable.
    ///
    /// # Errors
    /// [`GroupError`].
    pub async fn sync_group(&self, request: SyncGroupRequest) -> Result<SyncedGroup, GroupError> {
        self.inner.coordinator(&request.group)?.sync(request).await
    }

    /// A member is alive.
    ///
    /// # Errors
    /// [`GroupError`]; `RebalanceInProgress` is how a member learns that it shall join again.
    pub async fn heartbeat(&self, request: HeartbeatRequest) -> Result<(), GroupError> {
        self.inner.coordinator(&request.group)?.heartbeat(&request)
    }

    /// Members leave.
    ///
    /// # Errors
    /// [`GroupError`] of the group as a whole; each member has its own answer.
    pub async fn leave_group(&self, request: LeaveGroupRequest) -> Result<Vec<Result<(), GroupError>>, GroupError> {
        Ok(self.inner.coordinator(&request.group)?.leave(&request))
    }

    /// Commits offsets; answered when they are durable.
    pub async fn offset_commit(&self, request: OffsetCommitRequest) -> Vec<CommitOutcome> {
        let coordinator = match self.inner.coordinator(&request.group) {
            Ok(coordinator) => coordinator,
            Err(error) => return request.offsets.iter().map(|_| Err(error.clone().into())).collect(),
        };
        let (commits, mut outcomes) = self.inner.commits(request.offsets);
        let who = Committer {
            group: request.group,
            generation: request.generation,
            member_id: request.member_id,
            instance: request.group_instance_id,
        };
        if let Err(error) = coordinator.commit(who, commits).await {
            for outcome in outcomes.iter_mut().filter(|outcome| outcome.is_ok()) {
                *outcome = Err(error.clone());
            }
        }
        outcomes
    }

    /// Committed offsets, after confirming that this broker still is the coordinator.
    ///
    /// # Errors
    /// [`GroupError`].
    pub async fn offset_fetch(&self, request: OffsetFetchRequest) -> Result<FetchedOffsets, GroupError> {
        let coordinator = self.inner.confirmed_coordinator(&request.group).await?;
        let fetched = |topic: TopicRef, partition: i32, record: Option<crate::group::OffsetRecord>| match record {
            Some(record) => FetchedOffset {
                topic,
                partition,
                offset: record.offset,
                leader_epoch: record.leader_epoch,
                metadata: record.metadata,
                is_unstable: false,
            },
            None => FetchedOffset {
                topic,
                partition,
                offset: -1,
                leader_epoch: -1,
                metadata: String::new(),
                is_unstable: false,
            },
        };
        let Some(partitions) = request.partitions else {
            let all = coordinator.fetch_all(&request.group).into_iter().filter_map(|(topic, partition, record)| {
                // Of a topic that is deleted nothing is left to say.
                let name = self.inner.cluster.topic_name(topic)?;
                let is_unstable = coordinator.is_unstable(&request.group, (topic, partition));
                Some(FetchedOffset { is_unstable, ..fetched(TopicRef::Name(name), partition, Some(record)) })
            });
            let mut all: FetchedOffsets = all.collect();
            all.sort_by(|a, b| (&a.topic, a.partition).cmp(&(&b.topic, b.partition)));
            return Ok(all);
        };
        let keys: Vec<(Uuid, i32)> = partitions
            .iter()
            .map(|(topic, partition)| {
                let id = self.inner.cluster.partition_id(topic, *partition);
                (id.map_or(Uuid::nil(), |id| id.topic), *partition)
            })
            .collect();
        let records = coordinator.fetch(&request.group, &keys);
        let found = partitions.into_iter().zip(keys.iter().zip(records));
        let found = found.map(|((topic, partition), (key, record))| FetchedOffset {
            is_unstable: coordinator.is_unstable(&request.group, *key),
            ..fetched(topic, partition, record)
        });
        Ok(found.collect())
    }

    /// The groups this broker coordinates.
    #[must_use]
    pub fn list_groups(&self) -> Vec<GroupListing> {
        let Some(life) = self.inner.life() else { return Vec::new() };
        let mut groups: Vec<GroupListing> =
            life.all_coordinators().iter().flat_map(|coordinator| coordinator.list()).collect();
        groups.sort_by(|a, b| a.group.cmp(&b.group));
        groups
    }

    /// A group in full; one that does not exist is `Dead`.
    ///
    /// # Errors
    /// [`GroupError`].
    pub async fn describe_group(&self, group: &str) -> Result<GroupDescription, GroupError> {
        Ok(self.inner.confirmed_coordinator(group).await?.describe(group))
    }

    /// Deletes an empty group and its offsets.
    ///
    /// # Errors
    /// [`DeleteGroupError`].
    pub async fn delete_group(&self, group: &str) -> Result<(), DeleteGroupError> {
        self.inner.coordinator(group)?.delete(group).await
    }
}

impl Inner {
    /// The offsets that can be committed, and for each that was asked for whether it is one of them.
    pub(super) fn commits(&self, offsets: Vec<CommitOffset>) -> (Vec<Commit>, Vec<CommitOutcome>) {
        let mut commits = Vec::new();
        let mut outcomes: Vec<CommitOutcome> = Vec::with_capacity(offsets.len());
        for offset in offsets {
            let id = self.cluster.partition_id(&offset.topic, offset.partition);
            outcomes.push(match (id, &offset.topic) {
                (Some(_), _) if offset.metadata.len() > OFFSET_METADATA_BYTES_MAX => {
                    Err(OffsetCommitError::MetadataTooLarge)
                }
                (Some(id), _) => {
                    commits.push(Commit {
                        topic: id.topic,
                        partition: id.partition,
                        offset: offset.offset,
                        leader_epoch: offset.leader_epoch,
                        metadata: offset.metadata,
                    });
                    Ok(())
                }
                (None, TopicRef::Name(_)) => Err(OffsetCommitError::UnknownTopicOrPartition),
                (None, TopicRef::Id(_)) => Err(OffsetCommitError::UnknownTopicId),
            });
        }
        (commits, outcomes)
    }

    /// The coordinator, if this broker is it and knows that it still is.
    pub(super) fn coordinator(&self, group: &str) -> Result<Arc<Coordinator>, GroupError> {
        if group.is_empty() || group.len() > GROUP_TEXT_BYTES_MAX {
            return Err(GroupError::InvalidGroupId);
        }
        if self.journal.unconfirmed_for() > COORDINATION_STALENESS_MAX {
            return Err(GroupError::CoordinatorNotAvailable);
        }
        self.life().ok_or(GroupError::CoordinatorNotAvailable)?.coordinator(group)
    }

    /// The coordinator, confirmed by a look at the metadata log that began after the request arrived.
    async fn confirmed_coordinator(&self, group: &str) -> Result<Arc<Coordinator>, GroupError> {
        self.coordinator(group)?;
        if is_on(Mutation::NoConfirmingGet) {
            return self.coordinator(group);
        }
        self.journal.confirm().await.map_err(|_| GroupError::CoordinatorNotAvailable)?;
        self.coordinator(group)
    }
}
