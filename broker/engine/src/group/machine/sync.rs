//! Syncing: from a complete generation to every member's assignment.

use std::collections::BTreeMap;
use std::time::Duration;

use bytes::Bytes;

use super::{Effect, Group, Phase, Ticket};
use crate::group::api::{GroupError, SyncGroupRequest, SyncedGroup};
use crate::limits::GROUP_BYTES_MAX;

impl Group {
    pub(super) fn sync(
        &mut self,
        ticket: Ticket,
        request: &SyncGroupRequest,
        now: Duration,
        effects: &mut Vec<Effect>,
    ) {
        if let Err(error) = self.may_sync(request) {
            effects.push(Effect::Synced(ticket, Err(error)));
            return;
        }
        self.touch(&request.member_id, now);
        match self.phase {
            Phase::Empty => effects.push(Effect::Synced(ticket, Err(GroupError::UnknownMember))),
            Phase::Preparing { .. } => effects.push(Effect::Synced(ticket, Err(GroupError::RebalanceInProgress))),
            Phase::Stable => effects.push(Effect::Synced(ticket, Ok(self.synced(&request.member_id)))),
            Phase::Completing { deadline, storing } => {
                if let Some(member) = self.members.get_mut(&request.member_id)
                    && let Some(older) = member.syncing.replace(ticket)
                {
                    effects.push(Effect::Synced(older, Err(GroupError::RebalanceInProgress)));
                }
                if request.member_id == self.leader && !storing {
                    self.assign(ticket, request, deadline, now, effects);
                }
            }
        }
    }

    /// Takes the leader's assignments; if the group's record would not fit into an object, nobody gets any.
    fn assign(
        &mut self,
        ticket: Ticket,
        request: &SyncGroupRequest,
        deadline: Duration,
        now: Duration,
        effects: &mut Vec<Effect>,
    ) {
        let assigned: BTreeMap<&String, &Bytes> = request.assignments.iter().map(|(id, given)| (id, given)).collect();
        let bytes: usize = assigned.values().map(|assignment| assignment.len()).sum();
        if bytes.saturating_add(self.bytes()) > GROUP_BYTES_MAX {
            if let Some(leader) = self.members.get_mut(&request.member_id) {
                leader.syncing = None;
            }
            effects.push(Effect::Synced(ticket, Err(GroupError::GroupMaxSize)));
            self.prepare(now, effects);
            return;
        }
        for (id, assignment) in assigned {
            if let Some(member) = self.members.get_mut(id) {
                member.assignment = assignment.clone();
            }
        }
        self.phase = Phase::Completing { deadline, storing: true };
        self.store(effects);
    }

    fn may_sync(&self, request: &SyncGroupRequest) -> Result<(), GroupError> {
        self.member(&request.member_id, request.group_instance_id.as_deref())?;
        if request.generation != self.generation {
            return Err(GroupError::IllegalGeneration);
        }
        let other_type = request.protocol_type.as_ref().is_some_and(|name| *name != self.protocol_type);
        let other_name = request.protocol_name.as_ref().is_some_and(|name| *name != self.protocol);
        if other_type || other_name {
            return Err(GroupError::InconsistentProtocol);
        }
        Ok(())
    }

    pub(super) fn stored(&mut self, generation: i32, durable: bool, now: Duration, effects: &mut Vec<Effect>) {
        if generation != self.generation || !matches!(self.phase, Phase::Completing { storing: true, .. }) {
            return;
        }
        if durable {
            self.phase = Phase::Stable;
        }
        let ids: Vec<String> = self.members.keys().cloned().collect();
        for id in ids {
            let ticket = self.members.get_mut(&id).and_then(|member| {
                member.expires = now + member.session;
                member.syncing.take()
            });
            let Some(ticket) = ticket else { continue };
            let answer = if durable { Ok(self.synced(&id)) } else { Err(GroupError::NotCoordinator) };
            effects.push(Effect::Synced(ticket, answer));
        }
        if !durable {
            self.prepare(now, effects);
        }
    }

    /// The leader, or others, did not sync in time: they are out.
    pub(super) fn drop_unsynced(&mut self, now: Duration, effects: &mut Vec<Effect>) {
        self.members.retain(|_, member| member.syncing.is_some() || member.instance.is_some());
        self.prepare(now, effects);
        if self.members.is_empty() {
            self.complete_join(now, effects);
        }
    }

    fn synced(&self, id: &str) -> SyncedGroup {
        SyncedGroup {
            protocol_type: self.protocol_type.clone(),
            protocol_name: self.protocol.clone(),
            assignment: self.members.get(id).map(|member| member.assignment.clone()).unwrap_or_default(),
        }
    }
}
