//! Members of a consumer group: join, sync, heartbeat, commit, leave.

use std::time::Duration;

use broker_engine::{
    CommitOffset, GroupError, GroupProtocol, HeartbeatRequest, JoinGroupRequest, LeaveGroupRequest, LeavingMember,
    OffsetCommitRequest, SyncGroupRequest, TopicRef,
};
use bytes::Bytes;
use uuid::Uuid;

use super::{Client, slot_of};
use crate::core::Slot;
use crate::invariant::Invariant;

/// A member of a group.
#[derive(Clone, Debug)]
pub struct Member {
    /// How it reaches brokers.
    pub client: Client,
    /// Its name.
    pub name: String,
    /// The group.
    pub group: String,
    /// What its commits are about.
    pub topic: Uuid,
}

/// A member's place in a generation.
struct Joined {
    generation: i32,
    member_id: String,
}

impl Member {
    /// Takes part until the work is over.
    pub async fn run(self, until: Duration) {
        let mut member_id = String::new();
        while self.client.core.clock.now() < until {
            let Some(slot) = self.coordinator().await else {
                self.client.pause(50, 500).await;
                continue;
            };
            match self.join(slot, &member_id).await {
                Some(Ok(joined)) => {
                    member_id.clone_from(&joined.member_id);
                    self.take_part(slot, &joined, until).await;
                }
                Some(Err(GroupError::MemberIdRequired(id))) => member_id = id,
                Some(Err(GroupError::UnknownMember)) => member_id.clear(),
                Some(Err(_)) | None => self.client.pause(50, 500).await,
            }
        }
        if let Some(slot) = self.coordinator().await {
            self.leave(slot, member_id).await;
        }
    }

    async fn join(&self, slot: Slot, member_id: &str) -> Option<Result<Joined, GroupError>> {
        let request = JoinGroupRequest {
            group: self.group.clone(),
            member_id: member_id.to_owned(),
            group_instance_id: None,
            client_id: self.name.clone(),
            client_host: "/10.0.0.1".to_owned(),
            session_timeout: Duration::from_secs(6),
            rebalance_timeout: Duration::from_secs(10),
            protocol_type: "consumer".to_owned(),
            protocols: vec![GroupProtocol { name: "range".to_owned(), metadata: Bytes::from_static(b"sub") }],
            member_id_required: true,
        };
        let patience = Duration::from_secs(20);
        let joined = self.client.ask(slot, patience, |engine| async move { engine.join_group(request).await }).await?;
        let joined = match joined {
            Ok(joined) => joined,
            Err(error) => return Some(Err(error)),
        };
        let assignments =
            joined.members.iter().map(|member| (member.member_id.clone(), Bytes::from_static(b"all"))).collect();
        let request = SyncGroupRequest {
            group: self.group.clone(),
            generation: joined.generation,
            member_id: joined.member_id.clone(),
            group_instance_id: None,
            protocol_type: None,
            protocol_name: None,
            assignments,
        };
        let synced = self.client.ask(slot, patience, |engine| async move { engine.sync_group(request).await }).await?;
        Some(synced.map(|_| Joined { generation: joined.generation, member_id: joined.member_id }))
    }

    async fn take_part(&self, slot: Slot, joined: &Joined, until: Duration) {
        let mut offset = 0;
        while self.client.core.clock.now() < until {
            self.client.pause(300, 2_500).await;
            let request = HeartbeatRequest {
                group: self.group.clone(),
                generation: joined.generation,
                member_id: joined.member_id.clone(),
                group_instance_id: None,
            };
            let patience = Duration::from_secs(5);
            let beat = self.client.ask(slot, patience, |engine| async move { engine.heartbeat(request).await }).await;
            if !matches!(beat, Some(Ok(()))) {
                return;
            }
            offset += 1;
            let request = OffsetCommitRequest {
                group: self.group.clone(),
                generation: joined.generation,
                member_id: joined.member_id.clone(),
                group_instance_id: None,
                offsets: vec![CommitOffset {
                    topic: TopicRef::Id(self.topic),
                    partition: 0,
                    offset,
                    leader_epoch: -1,
                    metadata: String::new(),
                }],
            };
            let _answer =
                self.client.ask(slot, patience, |engine| async move { engine.offset_commit(request).await }).await;
            let group = self.group.clone();
            let described =
                self.client.ask(slot, patience, |engine| async move { engine.describe_group(&group).await }).await;
            if let Some(Ok(described)) = described
                && described.state == "Dead"
            {
                let problem = format!("{} has a member in generation {} and is dead", self.group, joined.generation);
                self.client.core.violated(Invariant::AnswersAreDurable, problem);
            }
            if self.client.core.random().per_mille(100) {
                self.leave(slot, joined.member_id.clone()).await;
                return;
            }
        }
    }

    async fn leave(&self, slot: Slot, member_id: String) {
        let request = LeaveGroupRequest {
            group: self.group.clone(),
            members: vec![LeavingMember { member_id, group_instance_id: None }],
        };
        let patience = Duration::from_secs(3);
        let _answer = self.client.ask(slot, patience, |engine| async move { engine.leave_group(request).await }).await;
    }

    async fn coordinator(&self) -> Option<Slot> {
        let asked = self.client.somebody()?;
        let group = self.group.clone();
        let patience = Duration::from_secs(2);
        let found = self.client.ask(asked, patience, move |engine| async move { engine.coordinator(&group) }).await;
        found.flatten().map(|info| slot_of(info.endpoint.port))
    }
}
