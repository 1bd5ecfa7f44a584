//! Joining: from the first member's request to a complete generation.

use std::collections::BTreeMap;
use std::time::Duration;

use bytes::Bytes;

use super::{Effect, Group, Member, Phase, Ticket};
use crate::group::api::{GroupError, GroupProtocol, JoinGroupRequest, JoinedGroup, JoinedMember};
use crate::limits::{GROUP_MEMBER_OVERHEAD_BYTES, GROUP_MEMBERS_BYTES_MAX, GROUP_MEMBERS_MAX, GROUP_TEXT_BYTES_MAX};

impl Group {
    pub(super) fn join(
        &mut self,
        ticket: Ticket,
        request: JoinGroupRequest,
        fresh_id: String,
        now: Duration,
        effects: &mut Vec<Effect>,
    ) {
        match self.admit(&request, &fresh_id, now) {
            Err(error) => effects.push(Effect::Joined(ticket, Err(error))),
            Ok(Admitted::New(id)) => {
                if self.members.is_empty() {
                    self.protocol_type.clone_from(&request.protocol_type);
                }
                self.members.insert(id, Member::new(ticket, request, now));
                self.rebalance(now, effects);
            }
            Ok(Admitted::Replaces(old)) => self.replace_static(&old, fresh_id, ticket, request, now, effects),
            Ok(Admitted::Known(id)) => self.rejoin(&id, ticket, request, now, effects),
        }
    }

    fn admit(&mut self, request: &JoinGroupRequest, fresh_id: &str, now: Duration) -> Result<Admitted, GroupError> {
        if !self.is_compatible(request) {
            return Err(GroupError::InconsistentProtocol);
        }
        let instance = request.group_instance_id.as_deref();
        self.check_room(request, fresh_id)?;
        if !request.member_id.is_empty() {
            let id = request.member_id.clone();
            if self.pending.remove(&id).is_some() {
                return Ok(Admitted::New(id));
            }
            return self.member(&id, instance).map(|_| Admitted::Known(id));
        }
        if let Some(old) = instance.and_then(|instance| self.member_of_instance(instance)) {
            return Ok(Admitted::Replaces(old));
        }
        if self.members.len() + self.pending.len() >= GROUP_MEMBERS_MAX {
            return Err(GroupError::GroupMaxSize);
        }
        if request.member_id_required && instance.is_none() {
            self.pending.insert(fresh_id.to_owned(), now + request.session_timeout);
            return Err(GroupError::MemberIdRequired(fresh_id.to_owned()));
        }
        Ok(Admitted::New(fresh_id.to_owned()))
    }

    /// What members send is held in memory and stored as one record: both have bounds.
    fn check_room(&self, request: &JoinGroupRequest, fresh_id: &str) -> Result<(), GroupError> {
        let too_long = |text: &str| text.len() > GROUP_TEXT_BYTES_MAX;
        let texts = [&request.member_id, &request.client_id, &request.client_host, &request.protocol_type];
        if texts.into_iter().chain(&request.group_instance_id).any(|text| too_long(text))
            || request.protocols.iter().any(|protocol| too_long(&protocol.name))
        {
            return Err(GroupError::GroupMaxSize);
        }
        let replaced = |(id, member): &(&String, &Member)| {
            **id == request.member_id || (member.instance.is_some() && member.instance == request.group_instance_id)
        };
        let others = self.members.iter().filter(|one| !replaced(one));
        let others: usize = others.map(|(id, member)| member.bytes(id).saturating_sub(member.assignment.len())).sum();
        let pending: usize = self.pending.keys().map(|id| id.len() + GROUP_MEMBER_OVERHEAD_BYTES).sum();
        let joining = Member::new(0, request.clone(), Duration::ZERO).bytes(fresh_id);
        let all = others.saturating_add(pending).saturating_add(joining);
        if all > GROUP_MEMBERS_BYTES_MAX { Err(GroupError::GroupMaxSize) } else { Ok(()) }
    }

    /// Whether the member shares a kind and at least one protocol with everyone else.
    fn is_compatible(&self, request: &JoinGroupRequest) -> bool {
        if request.protocols.is_empty() || request.protocol_type.is_empty() {
            return false;
        }
        let mut others = self
            .members
            .iter()
            .filter(|(id, member)| {
                **id != request.member_id
                    && (request.group_instance_id.is_none() || member.instance != request.group_instance_id)
            })
            .map(|(_, member)| member)
            .peekable();
        if others.peek().is_none() {
            return true;
        }
        let others: Vec<&Member> = others.collect();
        self.protocol_type == request.protocol_type
            && request.protocols.iter().any(|protocol| others.iter().all(|other| other.supports(&protocol.name)))
    }

    fn rejoin(
        &mut self,
        id: &str,
        ticket: Ticket,
        request: JoinGroupRequest,
        now: Duration,
        effects: &mut Vec<Effect>,
    ) {
        let is_leader = self.leader == id;
        let Some(member) = self.members.get_mut(id) else { return };
        let unchanged = member.protocols == request.protocols;
        if let Some(older) = member.joining.take() {
            effects.push(Effect::Joined(older, Err(GroupError::RebalanceInProgress)));
        }
        if let Some((older, _)) = member.renaming.take() {
            effects.push(Effect::Joined(older, Err(GroupError::RebalanceInProgress)));
        }
        member.update(request, now);
        let answer_at_once = match self.phase {
            // The answer to its join was lost.
            Phase::Completing { .. } => unchanged,
            // A leader joins again when it wants another assignment, a follower's answer was lost.
            Phase::Stable => unchanged && !is_leader,
            Phase::Empty | Phase::Preparing { .. } => false,
        };
        if answer_at_once {
            effects.push(Effect::Joined(ticket, Ok(self.joined(id))));
            return;
        }
        member.joining = Some(ticket);
        self.rebalance(now, effects);
    }

    /// A static member came back with nothing but its permanent name.
    fn replace_static(
        &mut self,
        old: &str,
        id: String,
        ticket: Ticket,
        request: JoinGroupRequest,
        now: Duration,
        effects: &mut Vec<Effect>,
    ) {
        let Some(mut member) = self.members.remove(old) else { return };
        if let Some(ticket) = member.joining.take() {
            effects.push(Effect::Joined(ticket, Err(GroupError::FencedInstance)));
        }
        if let Some(ticket) = member.syncing.take() {
            effects.push(Effect::Synced(ticket, Err(GroupError::FencedInstance)));
        }
        if let Some((ticket, _)) = member.renaming.take() {
            effects.push(Effect::Joined(ticket, Err(GroupError::FencedInstance)));
        }
        let unchanged = member.protocols == request.protocols;
        member.update(request, now);
        if self.leader == old {
            self.leader.clone_from(&id);
        }
        let stable = self.phase == Phase::Stable && unchanged;
        if stable {
            // The group goes on as it was, under the new member id, which is told when it is durable.
            member.renaming = Some((ticket, self.store(effects)));
            self.members.insert(id, member);
        } else {
            member.joining = Some(ticket);
            self.members.insert(id, member);
            self.rebalance(now, effects);
        }
    }

    /// The new ids of static members are durable, or never will be through this coordinator.
    pub(super) fn renamed(&mut self, store: u64, durable: bool, now: Duration, effects: &mut Vec<Effect>) {
        let mut answered = Vec::new();
        for (id, member) in &mut self.members {
            if let Some((ticket, _)) = member.renaming.take_if(|(_, wanted)| *wanted <= store) {
                member.expires = now + member.session;
                answered.push((id.clone(), ticket));
            }
        }
        for (id, ticket) in answered {
            let answer = if durable {
                let mut joined = self.joined(&id);
                joined.skip_assignment = joined.leader == id;
                Ok(joined)
            } else {
                Err(GroupError::NotCoordinator)
            };
            effects.push(Effect::Joined(ticket, answer));
        }
    }

    /// Begins a rebalance, or sees whether the one that runs is complete.
    fn rebalance(&mut self, now: Duration, effects: &mut Vec<Effect>) {
        if !matches!(self.phase, Phase::Preparing { .. }) {
            self.prepare(now, effects);
        }
        if let Phase::Preparing { initial: false, .. } = self.phase
            && self.all_joined()
        {
            self.complete_join(now, effects);
        }
    }

    pub(super) fn prepare(&mut self, now: Duration, effects: &mut Vec<Effect>) {
        for member in self.members.values_mut() {
            if let Some(ticket) = member.syncing.take() {
                effects.push(Effect::Synced(ticket, Err(GroupError::RebalanceInProgress)));
            }
            // Who waits for its new id waits for the next generation now.
            if let Some((ticket, _)) = member.renaming.take() {
                member.joining = Some(ticket);
            }
        }
        self.phase = if self.phase == Phase::Empty && !self.initial_delay.is_zero() {
            Phase::Preparing { deadline: now + self.initial_delay, initial: true }
        } else {
            Phase::Preparing { deadline: now + self.rebalance_timeout(), initial: false }
        };
    }

    pub(super) fn rebalance_timeout(&self) -> Duration {
        self.members.values().map(|member| member.rebalance).max().unwrap_or_default()
    }

    pub(super) fn all_joined(&self) -> bool {
        self.pending.is_empty() && self.members.values().all(|member| member.joining.is_some())
    }

    /// The next generation is complete.
    pub(super) fn complete_join(&mut self, now: Duration, effects: &mut Vec<Effect>) {
        // Who has not joined again is out, except for static members: they may come back within their session.
        self.members.retain(|_, member| member.joining.is_some() || member.instance.is_some());
        if !self.members.is_empty() && self.members.values().all(|member| member.joining.is_none()) {
            self.phase = Phase::Preparing { deadline: now + self.rebalance_timeout(), initial: false };
            return;
        }
        self.generation = self.generation.checked_add(1).unwrap_or(1);
        if self.members.is_empty() {
            self.phase = Phase::Empty;
            self.protocol.clear();
            self.leader.clear();
            self.store(effects);
            return;
        }
        self.protocol = self.elect_protocol();
        if self.members.get(&self.leader).is_none_or(|leader| leader.joining.is_none()) {
            let joined = self.members.iter().find(|(_, member)| member.joining.is_some());
            self.leader = joined.map(|(id, _)| id.clone()).unwrap_or_default();
        }
        self.phase = Phase::Completing { deadline: now + self.rebalance_timeout(), storing: false };
        let ids: Vec<String> = self.members.keys().cloned().collect();
        for id in ids {
            let ticket = self.members.get_mut(&id).and_then(|member| {
                member.assignment = Bytes::new();
                member.expires = now + member.session;
                member.joining.take()
            });
            if let Some(ticket) = ticket {
                effects.push(Effect::Joined(ticket, Ok(self.joined(&id))));
            }
        }
    }

    /// The protocol that all support and most prefer; by name where two are equal.
    fn elect_protocol(&self) -> String {
        let mut votes = BTreeMap::<&str, usize>::new();
        for member in self.members.values() {
            let choice =
                member.protocols.iter().find(|one| self.members.values().all(|other| other.supports(&one.name)));
            if let Some(choice) = choice {
                *votes.entry(choice.name.as_str()).or_default() += 1;
            }
        }
        let most = votes.values().copied().max().unwrap_or_default();
        votes.into_iter().find(|(_, count)| *count == most).map(|(name, _)| name.to_owned()).unwrap_or_default()
    }

    /// The generation as one member sees it.
    fn joined(&self, id: &str) -> JoinedGroup {
        let members = if self.leader == id {
            let member = |(id, member): (&String, &Member)| JoinedMember {
                member_id: id.clone(),
                group_instance_id: member.instance.clone(),
                metadata: member.metadata(&self.protocol),
            };
            self.members.iter().map(member).collect()
        } else {
            Vec::new()
        };
        JoinedGroup {
            generation: self.generation,
            protocol_type: self.protocol_type.clone(),
            protocol_name: self.protocol.clone(),
            leader: self.leader.clone(),
            member_id: id.to_owned(),
            skip_assignment: false,
            members,
        }
    }
}

/// How a member comes in.
enum Admitted {
    New(String),
    Known(String),
    Replaces(String),
}

impl Member {
    fn new(ticket: Ticket, request: JoinGroupRequest, now: Duration) -> Self {
        Self {
            instance: request.group_instance_id,
            client_id: request.client_id,
            client_host: request.client_host,
            session: request.session_timeout,
            rebalance: request.rebalance_timeout,
            protocols: request.protocols,
            assignment: Bytes::new(),
            joining: Some(ticket),
            syncing: None,
            renaming: None,
            expires: now + request.session_timeout,
        }
    }

    fn update(&mut self, request: JoinGroupRequest, now: Duration) {
        self.client_id = request.client_id;
        self.client_host = request.client_host;
        self.session = request.session_timeout;
        self.rebalance = request.rebalance_timeout;
        self.protocols = request.protocols;
        self.expires = now + self.session;
    }

    fn supports(&self, name: &str) -> bool {
        self.protocols.iter().any(|protocol: &GroupProtocol| protocol.name == name)
    }
}
