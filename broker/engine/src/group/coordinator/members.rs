//! Membership requests: each becomes an event of its group's machine.

use std::sync::Arc;

use tokio::sync::oneshot;

use super::{Coordinator, Entry};
use crate::group::api::{
    GroupError, HeartbeatRequest, JoinGroupRequest, JoinedGroup, LeaveGroupRequest, SyncGroupRequest, SyncedGroup,
};
use crate::group::machine::Event;
use crate::limits::{REBALANCE_TIMEOUT_MAX, SESSION_TIMEOUT_MAX, SESSION_TIMEOUT_MIN};

impl Coordinator {
    /// A member joins; answered when its generation is complete.
    pub(crate) async fn join(self: &Arc<Self>, mut request: JoinGroupRequest) -> Result<JoinedGroup, GroupError> {
        if !(SESSION_TIMEOUT_MIN..=SESSION_TIMEOUT_MAX).contains(&request.session_timeout) {
            return Err(GroupError::InvalidSessionTimeout);
        }
        request.rebalance_timeout = request.rebalance_timeout.min(REBALANCE_TIMEOUT_MAX);
        let stem = request.group_instance_id.as_deref().unwrap_or(&request.client_id);
        let fresh_id = format!("{stem}-{}", self.tools.env.uuid());
        let (answer, waiting) = oneshot::channel();
        {
            let now = self.tools.env.monotonic();
            let mut state = self.state();
            if state.resigned {
                return Err(GroupError::NotCoordinator);
            }
            if !request.member_id.is_empty() && !state.groups.contains_key(&request.group) {
                return Err(GroupError::UnknownMember);
            }
            if request.member_id.is_empty() {
                self.check_room(&state, &request.group)?;
            }
            state.tickets += 1;
            let ticket = state.tickets;
            state.joins.insert(ticket, answer);
            let name = request.group.clone();
            let entry = state.groups.entry(name.clone()).or_insert_with(|| Entry::new(&self.tools.held));
            let effects = entry.group.step(Event::Join { ticket, request, fresh_id }, now);
            self.carry_out(&mut state, &name, effects);
        }
        waiting.await.unwrap_or(Err(GroupError::NotCoordinator))
    }

    /// A member asks for its assignment; answered when it is durable.
    pub(crate) async fn sync(self: &Arc<Self>, request: SyncGroupRequest) -> Result<SyncedGroup, GroupError> {
        let (answer, waiting) = oneshot::channel();
        {
            let now = self.tools.env.monotonic();
            let mut state = self.state();
            if state.resigned {
                return Err(GroupError::NotCoordinator);
            }
            if !state.groups.contains_key(&request.group) {
                return Err(GroupError::UnknownMember);
            }
            state.tickets += 1;
            let ticket = state.tickets;
            state.syncs.insert(ticket, answer);
            let name = request.group.clone();
            let effects =
                state.groups.get_mut(&name).map(|entry| entry.group.step(Event::Sync { ticket, request }, now));
            self.carry_out(&mut state, &name, effects.unwrap_or_default());
        }
        waiting.await.unwrap_or(Err(GroupError::NotCoordinator))
    }

    /// A member is alive.
    pub(crate) fn heartbeat(&self, request: &HeartbeatRequest) -> Result<(), GroupError> {
        let now = self.tools.env.monotonic();
        let mut state = self.state();
        let entry = state.groups.get_mut(&request.group).ok_or(GroupError::UnknownMember)?;
        entry.group.heartbeat(request, now)
    }

    /// Members leave.
    pub(crate) fn leave(self: &Arc<Self>, request: &LeaveGroupRequest) -> Vec<Result<(), GroupError>> {
        let now = self.tools.env.monotonic();
        let mut state = self.state();
        let Some(entry) = state.groups.get_mut(&request.group) else {
            return request.members.iter().map(|_| Err(GroupError::UnknownMember)).collect();
        };
        let (answers, effects) = entry.group.leave(&request.members, now);
        self.carry_out(&mut state, &request.group, effects);
        answers
    }
}
